/* Parts of Linux and its C library that Swift's Glibc module leaves out, or that are variadic and so out of Swift's reach. */
#ifndef KESWICK_LINUX_H
#define KESWICK_LINUX_H

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Forbids core dumps of this process and that others of the same user attach to it or read its memory: PR_SET_DUMPABLE of prctl(2). */
static inline int keswick_forbid_dumps(void) { return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }

/* The name of an entry, good until the directory is read again. Swift sees `d_name` as 256 bytes, of which the system gives only those that a
   name needs: a Swift that takes them all reads beyond the entry. */
static inline const char *keswick_name(const struct dirent *entry) { return entry->d_name; }

/* Closes all descriptors from that number on: close_range(2). */
static inline int keswick_close_from(int first) { return (int)syscall(SYS_close_range, (unsigned)first, ~0u, 0u); }

/* Whether this program was built with AddressSanitizer or ThreadSanitizer, which replace the allocator and take more memory than any limit. */
static inline int keswick_is_sanitized(void) { return dlsym(NULL, "__asan_init") != NULL || dlsym(NULL, "__tsan_init") != NULL; }

/* This process, and what it starts, can gain no privileges any more: PR_SET_NO_NEW_PRIVS of prctl(2). */
static inline int keswick_forbid_privileges(void) { return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); }

/* Has this process killed when the thread that started it ends: PR_SET_PDEATHSIG of prctl(2). */
static inline int keswick_end_with_parent(void) { return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); }

/* A descriptor, not inherited by other programs, that can be read from when the process has ended: pidfd_open(2). */
static inline int keswick_open_process(pid_t process) { return (int)syscall(SYS_pidfd_open, process, 0u); }

/* A pipe whose ends other programs do not inherit: pipe2(2). */
static inline int keswick_pipe(int ends[2]) { return (int)syscall(SYS_pipe2, ends, O_CLOEXEC); }

/* How many processors the calling thread may run on: sched_getaffinity(2). 0 where that is not to be found out. */
static inline int keswick_allowed_processors(void) {
    unsigned long set[128];
    long bytes = syscall(SYS_sched_getaffinity, 0, sizeof set, set);
    int count = 0;
    for (long i = 0; i < bytes / (long)sizeof *set; i++) count += __builtin_popcountl(set[i]);
    return count;
}

/* Names the calling thread, at most 15 bytes: PR_SET_NAME of prctl(2). */
static inline int keswick_name_thread(const char *name) { return prctl(PR_SET_NAME, name, 0, 0, 0); }

/* The C library's free(3) in a program that is linked with `--wrap=free` and has another one in its place (ld(1)). */
extern void __real_free(void *memory);

/* memmem(3), which <string.h> declares for GNU's own dialect only. Linear in both lengths since glibc 2.28. */
extern void *memmem(const void *text, size_t text_length, const void *piece, size_t piece_length);

/* Where `piece` first occurs in `text`, or NULL. */
static inline const void *keswick_find(const void *text, size_t text_length, const void *piece, size_t piece_length) {
    return text_length < piece_length ? NULL : memmem(text, text_length, piece, piece_length);
}

/* Bytes that the allocator has handed out: mallinfo(3). */
static inline size_t keswick_allocated_bytes(void) {
  struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

#endif /* KESWICK_LINUX_H */
