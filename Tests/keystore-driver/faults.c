/* Stands between a keystore and the C library: the dynamic linker looks into the executable first, so that the calls which
 * a loaded library makes arrive here. SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "faults.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "durability.h"

static atomic_int armed;
static atomic_long calls;
static atomic_long slept;
static enum fault_kind fault;
static int fault_error;
static long fault_at;
static int fault_lasting;
static int tells_busy;
static void (*before_reading)(int);
static long directory_time;

void fault_arm(enum fault_kind kind, int error, long at, int lasting) {
  fault = kind;
  fault_error = error;
  fault_at = at;
  fault_lasting = lasting;
  calls = 0;
  slept = 0;
  armed = 1;
}

long fault_disarm(void) {
  armed = 0;
  return calls;
}

long fault_slept(void) { return slept; }

/* Past the C library, so that no fault meets it. */
static void say(const char *line, size_t size) {
  if (syscall(SYS_write, 1, line, size) != (long)size) _exit(3);
}

void fault_wait(void) {
  char byte;
  say("waiting\n", 8);
  if (syscall(SYS_read, 0, &byte, 1) != 1) _exit(3);
}

void fault_tell_busy(void) { tells_busy = 1; }

void fault_before_reading(void (*call)(int)) { before_reading = call; }

void fault_date_directories(long seconds) { directory_time = seconds; }

/* Looks at the result of a call that takes locks. */
static int locked(int result) {
  int error = errno;
  if (tells_busy && result == -1 && (error == EAGAIN || error == EACCES)) say("busy\n", 5);
  errno = error;
  return result;
}

/* Looks at the answer to the question who holds a lock. */
static void asked_for_lock(const struct flock *answer) {
  if (tells_busy && answer->l_type != F_UNLCK) say("busy\n", 5);
}

/* Counts a call and has the fault. Returns 1 when the call is to fail with errno, 2 when it is to be short. */
static int meet(void) {
  if (!armed) return 0;
  long call = ++calls;
  if (call != fault_at && !(fault_lasting && call > fault_at)) return 0;
  switch (fault) {
    case FAULT_NONE:
      return 0;
    case FAULT_KILL:
      kill(getpid(), SIGKILL);
      for (;;) pause();
    case FAULT_ERRNO:
      errno = fault_error;
      return 1;
    case FAULT_SHORT:
      return 2;
    case FAULT_WAIT:
      fault_wait();
      return 0;
  }
  return 0;
}

#define REAL(name, type)                                   \
  static type real;                                        \
  if (!real) real = (type)(uintptr_t)dlsym(RTLD_NEXT, #name)

/* A function that takes fixed arguments. */
#define STAND_BETWEEN(result, name, parameters, arguments) \
  result name parameters {                                 \
    typedef result(*type) parameters;                      \
    REAL(name, type);                                      \
    if (meet() == 1) return (result)-1;                    \
    return real arguments;                                 \
  }

/* The same, of one that changes something, which `before` and, when it has succeeded, `after` are told of. */
#define STAND_BETWEEN_CHANGE(result, name, parameters, arguments, before, after) \
  result name parameters {                                                       \
    typedef result(*type) parameters;                                            \
    REAL(name, type);                                                            \
    if (meet() == 1) return (result)-1;                                          \
    before;                                                                      \
    result changed = real arguments;                                             \
    if (changed >= 0) after;                                                     \
    return changed;                                                              \
  }

/* The information on an open file, with another change time when it is a directory. */
#define STAND_BETWEEN_INFO(name, kind)                       \
  int name(int fd, struct kind *info) {                      \
    typedef int (*type)(int, struct kind *);                 \
    REAL(name, type);                                        \
    if (meet() == 1) return -1;                              \
    int result = real(fd, info);                             \
    if (result == 0 && directory_time && S_ISDIR(info->st_mode)) info->st_ctim.tv_sec = directory_time; \
    return result;                                           \
  }

/* A function that moves `count` bytes. */
#define STAND_BETWEEN_TRANSFER(name, parameters, arguments, after) \
  ssize_t name parameters {                                        \
    typedef ssize_t(*type) parameters;                             \
    REAL(name, type);                                              \
    int met = meet();                                              \
    if (met == 1) return -1;                                       \
    if (met == 2 && count > 1) count = 1;                          \
    ssize_t moved = real arguments;                                \
    if (moved > 0) after;                                          \
    return moved;                                                  \
  }

/* Linux closes also when it reports a failure. */
#define STAND_BETWEEN_CLOSE(name, parameters, arguments) \
  int name parameters {                                  \
    typedef int(*type) parameters;                       \
    REAL(name, type);                                    \
    int met = meet();                                    \
    int result = real arguments;                         \
    if (met != 1) return result;                         \
    errno = fault_error;                                 \
    return -1;                                           \
  }

STAND_BETWEEN_CLOSE(close, (int fd), (fd))
STAND_BETWEEN_CLOSE(closedir, (DIR * directory), (directory))
STAND_BETWEEN_CHANGE(int, fsync, (int fd), (fd), , durable_synced(fd))
STAND_BETWEEN_CHANGE(int, fdatasync, (int fd), (fd), , durable_synced(fd))
STAND_BETWEEN_CHANGE(int, ftruncate, (int fd, off_t size), (fd, size), , durable_wrote(fd))
STAND_BETWEEN_CHANGE(int, ftruncate64, (int fd, off64_t size), (fd, size), , durable_wrote(fd))
STAND_BETWEEN_CHANGE(int, link, (const char *from, const char *to), (from, to), durable_publishing(AT_FDCWD, from), durable_named(AT_FDCWD, to))
STAND_BETWEEN_CHANGE(int, linkat, (int fd, const char *from, int to_fd, const char *to, int flags), (fd, from, to_fd, to, flags),
                     durable_publishing(fd, from), durable_named(to_fd, to))
STAND_BETWEEN_CHANGE(int, rename, (const char *from, const char *to), (from, to), durable_publishing(AT_FDCWD, from),
                     (durable_named(AT_FDCWD, from), durable_named(AT_FDCWD, to)))
STAND_BETWEEN_CHANGE(int, renameat, (int fd, const char *from, int to_fd, const char *to), (fd, from, to_fd, to), durable_publishing(fd, from),
                     (durable_named(fd, from), durable_named(to_fd, to)))
STAND_BETWEEN_CHANGE(int, renameat2, (int fd, const char *from, int to_fd, const char *to, unsigned flags), (fd, from, to_fd, to, flags),
                     durable_publishing(fd, from), (durable_named(fd, from), durable_named(to_fd, to)))
STAND_BETWEEN_CHANGE(int, unlink, (const char *path), (path), durable_unlinking(AT_FDCWD, path), durable_named(AT_FDCWD, path))
STAND_BETWEEN_CHANGE(int, unlinkat, (int fd, const char *path, int flags), (fd, path, flags), durable_unlinking(fd, path), durable_named(fd, path))
STAND_BETWEEN_CHANGE(int, mkdir, (const char *path, mode_t mode), (path, mode), , durable_named(AT_FDCWD, path))
STAND_BETWEEN_CHANGE(ssize_t, writev, (int fd, const struct iovec *parts, int count), (fd, parts, count), , durable_wrote(fd))
STAND_BETWEEN(int, fchmod, (int fd, mode_t mode), (fd, mode))
STAND_BETWEEN(int, fchown, (int fd, uid_t owner, gid_t group), (fd, owner, group))
STAND_BETWEEN(int, access, (const char *path, int mode), (path, mode))
STAND_BETWEEN(ssize_t, readlink, (const char *restrict path, char *restrict target, size_t size), (path, target, size))
STAND_BETWEEN(void *, mmap, (void *at, size_t size, int protection, int flags, int fd, off_t offset), (at, size, protection, flags, fd, offset))
STAND_BETWEEN(void *, mmap64, (void *at, size_t size, int protection, int flags, int fd, off64_t offset), (at, size, protection, flags, fd, offset))
STAND_BETWEEN(int, stat, (const char *restrict path, struct stat *restrict info), (path, info))
STAND_BETWEEN(int, stat64, (const char *restrict path, struct stat64 *restrict info), (path, info))
STAND_BETWEEN(int, lstat, (const char *restrict path, struct stat *restrict info), (path, info))
STAND_BETWEEN(int, lstat64, (const char *restrict path, struct stat64 *restrict info), (path, info))
STAND_BETWEEN_INFO(fstat, stat)
STAND_BETWEEN_INFO(fstat64, stat64)
STAND_BETWEEN(int, fstatat, (int fd, const char *restrict path, struct stat *restrict info, int flags), (fd, path, info, flags))
STAND_BETWEEN(int, faccessat, (int fd, const char *path, int mode, int flags), (fd, path, mode, flags))
STAND_BETWEEN(off_t, lseek, (int fd, off_t offset, int whence), (fd, offset, whence))
STAND_BETWEEN(off64_t, lseek64, (int fd, off64_t offset, int whence), (fd, offset, whence))
STAND_BETWEEN_TRANSFER(read, (int fd, void *data, size_t count), (fd, data, count), (void)0)
STAND_BETWEEN_TRANSFER(write, (int fd, const void *data, size_t count), (fd, data, count), durable_wrote(fd))
STAND_BETWEEN_TRANSFER(pread, (int fd, void *data, size_t count, off_t offset), (fd, data, count, offset), (void)0)
STAND_BETWEEN_TRANSFER(pread64, (int fd, void *data, size_t count, off64_t offset), (fd, data, count, offset), (void)0)
STAND_BETWEEN_TRANSFER(pwrite, (int fd, const void *data, size_t count, off_t offset), (fd, data, count, offset), durable_wrote(fd))
STAND_BETWEEN_TRANSFER(pwrite64, (int fd, const void *data, size_t count, off64_t offset), (fd, data, count, offset), durable_wrote(fd))

/* open and its like take a mode when they may create a file. */
#define STAND_BETWEEN_OPEN(name, directory, parameters, arguments)         \
  int name parameters {                                                    \
    typedef int (*type)(STAND_BETWEEN_OPEN_TYPES);                         \
    REAL(name, type);                                                      \
    mode_t mode = 0;                                                       \
    if (flags & (O_CREAT | __O_TMPFILE)) {                                 \
      va_list list;                                                        \
      va_start(list, flags);                                               \
      mode = (mode_t)va_arg(list, int);                                    \
      va_end(list);                                                        \
    }                                                                      \
    if (meet() == 1) return -1;                                            \
    int is_new = (flags & O_CREAT) && !durable_exists(directory, path);    \
    int opened = real arguments;                                           \
    if (opened >= 0 && is_new) durable_named(directory, path);             \
    if (opened >= 0 && (flags & O_TRUNC) && !is_new) durable_wrote(opened); \
    return opened;                                                         \
  }
#define STAND_BETWEEN_OPEN_TYPES const char *, int, ...
STAND_BETWEEN_OPEN(open, AT_FDCWD, (const char *path, int flags, ...), (path, flags, mode))
STAND_BETWEEN_OPEN(open64, AT_FDCWD, (const char *path, int flags, ...), (path, flags, mode))
#undef STAND_BETWEEN_OPEN_TYPES
#define STAND_BETWEEN_OPEN_TYPES int, const char *, int, ...
STAND_BETWEEN_OPEN(openat, fd, (int fd, const char *path, int flags, ...), (fd, path, flags, mode))
STAND_BETWEEN_OPEN(openat64, fd, (int fd, const char *path, int flags, ...), (fd, path, flags, mode))

/* Every command of fcntl that the keystores use takes an int or a pointer, which va_arg can take as a pointer on the
 * machines that Keswick runs on. */
#define STAND_BETWEEN_FCNTL(name)                                    \
  int name(int fd, int command, ...) {                               \
    typedef int (*type)(int, int, ...);                              \
    REAL(name, type);                                                \
    va_list list;                                                    \
    va_start(list, command);                                         \
    void *argument = va_arg(list, void *);                           \
    va_end(list);                                                    \
    if (meet() == 1) return -1;                                      \
    int result = locked(real(fd, command, argument));                \
    if (result == 0 && command == F_GETLK) asked_for_lock(argument); \
    return result;                                                   \
  }
STAND_BETWEEN_FCNTL(fcntl)
STAND_BETWEEN_FCNTL(fcntl64)

int flock(int fd, int operation) {
  typedef int (*type)(int, int);
  REAL(flock, type);
  if (meet() == 1) return -1;
  return locked(real(fd, operation));
}

/* Directories: a failure is NULL. */
#define STAND_BETWEEN_POINTER(result, name, parameters, arguments) \
  result name parameters {                                         \
    typedef result(*type) parameters;                              \
    REAL(name, type);                                              \
    if (meet() == 1) return NULL;                                  \
    return real arguments;                                         \
  }
STAND_BETWEEN_POINTER(struct dirent *, readdir, (DIR * directory), (directory))
STAND_BETWEEN_POINTER(struct dirent64 *, readdir64, (DIR * directory), (directory))

DIR *fdopendir(int fd) {
  typedef DIR *(*type)(int);
  REAL(fdopendir, type);
  if (meet() == 1) return NULL;
  if (before_reading) before_reading(fd);
  return real(fd);
}

int usleep(useconds_t microseconds) {
  typedef int (*type)(useconds_t);
  REAL(usleep, type);
  slept += microseconds;
  return real(microseconds);
}
