/* Which files and directories were changed since they were synced, by device and inode. Only calls of the C library that faults.c
 * does not stand before are made here. SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "durability.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct unsynced {
  unsigned major, minor;
  unsigned long long inode;
  char what[320];
};

static struct unsynced table[1024];
static size_t used;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int find(int fd, const char *path, struct statx *info) {
  int error = errno;
  int flags = *path ? AT_SYMLINK_NOFOLLOW : AT_EMPTY_PATH;
  int result = statx(fd, path, flags, STATX_TYPE | STATX_INO | STATX_NLINK, info);
  errno = error;
  return result == 0;
}

static int is(const struct unsynced *entry, const struct statx *info) {
  return entry->major == info->stx_dev_major && entry->minor == info->stx_dev_minor && entry->inode == info->stx_ino;
}

static void add(const struct statx *info, const char *prefix, const char *path) {
  char what[sizeof table[0].what];
  snprintf(what, sizeof what, "%s%s", prefix, path);
  pthread_mutex_lock(&lock);
  size_t at = 0;
  while (at < used && !(is(&table[at], info) && !strcmp(table[at].what, what))) at++;
  if (at == used) {
    if (used == sizeof table / sizeof table[0]) _exit(3);
    struct unsynced entry = {info->stx_dev_major, info->stx_dev_minor, info->stx_ino, ""};
    memcpy(entry.what, what, sizeof what);
    table[used++] = entry;
  }
  pthread_mutex_unlock(&lock);
}

static void forget(const struct statx *info) {
  pthread_mutex_lock(&lock);
  for (size_t at = used; at-- > 0;) {
    if (is(&table[at], info)) table[at] = table[--used];
  }
  pthread_mutex_unlock(&lock);
}

static int is_index(const char *path) {
  size_t size = strlen(path);
  return size >= 4 && !strcmp(path + size - 4, "-shm");
}

void durable_wrote(int fd) {
  struct statx info;
  if (!find(fd, "", &info) || !S_ISREG(info.stx_mode)) return;
  int error = errno;
  char link[32], path[256];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t size = readlinkat(AT_FDCWD, link, path, sizeof path - 1);
  if (size < 0) _exit(3);
  path[size] = 0;
  if (!is_index(path)) add(&info, "", path);
  errno = error;
}

void durable_synced(int fd) {
  struct statx info;
  if (find(fd, "", &info)) forget(&info);
}

void durable_named(int fd, const char *path) {
  if (is_index(path)) return;
  char directory[4096] = ".";
  const char *slash = strrchr(path, '/');
  if (slash && (size_t)(slash - path) + 2 <= sizeof directory) snprintf(directory, (size_t)(slash - path) + 2, "%s", path);
  struct statx info;
  /* The keystore may have removed the directory as well. */
  if (find(fd, directory, &info)) add(&info, "directory of ", path);
}

void durable_publishing(int fd, const char *path) {
  struct statx info;
  if (!find(fd, path, &info)) return;
  pthread_mutex_lock(&lock);
  for (size_t at = 0; at < used; at++) {
    if (is(&table[at], &info) && S_ISREG(info.stx_mode)) dprintf(1, "early %s\n", table[at].what);
  }
  pthread_mutex_unlock(&lock);
}

void durable_unlinking(int fd, const char *path) {
  struct statx info;
  if (find(fd, path, &info) && info.stx_nlink == 1) forget(&info);
}

int durable_exists(int fd, const char *path) {
  struct statx info;
  return find(fd, path, &info);
}

void durable_report(void) {
  pthread_mutex_lock(&lock);
  for (size_t at = 0; at < used; at++) dprintf(1, "unsynced %s\n", table[at].what);
  pthread_mutex_unlock(&lock);
}
