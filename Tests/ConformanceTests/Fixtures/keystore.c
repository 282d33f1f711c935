/* A keystore that keeps its promises: one file for each value, in the directory that {"path": "…"} names. BREAKS(x) is 1 for
 * the one promise that -DBREAK=x makes it break, and 0 for all others: see breaks.h. */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <keswick_keystore.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "breaks.h"

struct keswick_instance { char path[4096]; pthread_mutex_t lock; const keswick_host *host; int spare; };

static keswick_instance *latest;
static int taken_up;
static keswick_bytes kept;
static char kept_path[4300];

static keswick_result fail(const keswick_call *call, keswick_result result, const char *message) {
  if (BREAKS(SILENT_FAILURES)) return result;
  if (BREAKS(VAST_MESSAGES)) {
    call->error.write(call->error.context, (keswick_bytes){(const uint8_t *)message, (size_t)-1});
    return result;
  }
  call->error.write(call->error.context, (keswick_bytes){(const uint8_t *)message, strlen(message)});
  if (BREAKS(TWO_MESSAGES)) call->error.write(call->error.context, (keswick_bytes){(const uint8_t *)message, strlen(message)});
  return result;
}

static int is_late(const keswick_call *call) {
  struct timespec now;
  if (BREAKS(IGNORES_DEADLINE)) return 0;
  clock_gettime(CLOCK_MONOTONIC, &now);
  uint64_t nanoseconds = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
  if (BREAKS(SIGNED_DEADLINE)) return (int64_t)nanoseconds > (int64_t)call->deadline;
  return nanoseconds >= call->deadline;
}

static int is_name_byte(uint8_t byte) { return byte < 128 && (isalnum(byte) || byte == '-' || byte == '_' || byte == '.'); }

static int is_name(keswick_bytes name) {
  if (BREAKS(LOOSE_NAMES)) return name.size > 0 && name.size <= KESWICK_NAME_MAX && !memchr(name.data, '/', name.size) && !memchr(name.data, 0, name.size) && name.data[0] != '.';
  if (name.size < 1 || name.size > KESWICK_NAME_MAX || name.data[0] == '.') return 0;
  for (size_t i = 0; i < name.size; i++)
    if (!is_name_byte(name.data[i])) return 0;
  return 1;
}

static int is_bound(keswick_bytes text) {
  for (size_t i = 0; i < text.size; i++)
    if (!is_name_byte(text.data[i])) return BREAKS(LOOSE_BOUNDS);
  return 1;
}

static void path_of(const keswick_instance *store, keswick_bytes name, char *path, size_t size) {
  int length = (int)name.size;
  if (BREAKS(SHORT_NAMES) && length > 64) length = 64;
  int start = snprintf(path, size, "%s/", store->path);
  snprintf(path + start, size - (size_t)start, "%.*s", length, (const char *)name.data);
  if (BREAKS(FOLDS_CASE))
    for (char *c = path + start; *c; c++) *c = (char)tolower(*c);
}

/* Reads {"path":"…"}, without escapes. */
static int read_configuration(keswick_bytes text, char *path, size_t size) {
  const char *at = (const char *)text.data, *end = at + text.size;
  const char *parts[] = {"{", "\"path\"", ":", "\"", NULL};
  for (int i = 0; parts[i]; i++) {
    while (at < end && isspace((unsigned char)*at)) at++;
    size_t length = strlen(parts[i]);
    if ((size_t)(end - at) < length || memcmp(at, parts[i], length) != 0) return 0;
    at += length;
  }
  const char *close = memchr(at, '"', (size_t)(end - at));
  if (!close || close == at || (size_t)(close - at) >= size || memchr(at, '\\', (size_t)(close - at))) return 0;
  memcpy(path, at, (size_t)(close - at));
  path[close - at] = 0;
  for (at = close + 1; at < end && isspace((unsigned char)*at);) at++;
  if (BREAKS(UNKNOWN_MEMBERS) && at < end && *at == ',') return 1;
  if (at == end || *at++ != '}') return BREAKS(MALFORMED_CONFIGURATION);
  while (at < end && isspace((unsigned char)*at)) at++;
  return at == end || BREAKS(MALFORMED_CONFIGURATION);
}

static keswick_result do_open(keswick_bytes configuration, const keswick_host *host, const keswick_call *call, keswick_instance **instance) {
  if (is_late(call)) return fail(call, KESWICK_TIMEOUT, "the deadline passed");
  keswick_instance *store = calloc(1, sizeof *store);
  if (!read_configuration(configuration, store->path, sizeof store->path)) {
    const char *begins = BREAKS(UNKNOWN_MEMBERS) ? strstr(strndupa((const char *)configuration.data, configuration.size), "\"path\"") : NULL;
    char again[4096];
    if (begins) snprintf(again, sizeof again, "{%s", begins);
    if (!begins || !read_configuration((keswick_bytes){(const uint8_t *)again, strlen(again)}, store->path, sizeof store->path)) {
      free(store);
      return fail(call, KESWICK_INVALID, "the configuration must be {\"path\": \"DIRECTORY\"}");
    }
  }
  if (mkdir(store->path, 0700) != 0 && errno != EEXIST) {
    free(store);
    return fail(call, KESWICK_UNREACHABLE, "cannot make the directory");
  }
  if (BREAKS(VOLATILE)) {
    /* Whatever was there is gone, and nobody is told. */
    DIR *directory = opendir(store->path);
    for (struct dirent *entry; (entry = readdir(directory));) unlinkat(dirfd(directory), entry->d_name, 0);
    closedir(directory);
  }
  store->host = host;
  pthread_mutex_init(&store->lock, NULL);
  if (BREAKS(ONE_INSTANCE)) {
    if (latest) { *instance = latest; return KESWICK_OK; }
    latest = store;
  }
  if (BREAKS(LEAKS_FILES)) store->spare = open(store->path, O_RDONLY);
  if (BREAKS(CHANGES_UMASK)) umask(0);
  if (BREAKS(PRINTS)) fprintf(stderr, "opened %s\n", store->path);
  *instance = store;
  return KESWICK_OK;
}

static void do_close(keswick_instance *store) {
  if (BREAKS(CRASHES_IN_CLOSE)) *(volatile int *)8 = 1;
  if (BREAKS(DOUBLE_FREE)) free(store);
  if (BREAKS(ONE_INSTANCE)) store->path[0] = 0, latest = NULL;
  if (!BREAKS(LEAKS_INSTANCES)) free(store);
}

static keswick_result do_create(keswick_instance *store, const keswick_call *call, keswick_bytes name, keswick_bytes value) {
  char path[4300], temporary[4300];
  static char shared[4300];
  static int creates;
  if (BREAKS(EXITS_AT_THE_SECOND_CREATE) && ++creates == 2) exit(0);
  if (BREAKS(LATE_BUT_STORED) ? 0 : is_late(call)) return fail(call, KESWICK_TIMEOUT, "the deadline passed");
  if (!is_name(name)) return fail(call, KESWICK_INVALID, "not a name");
  if (BREAKS(FULL)) return fail(call, KESWICK_UNREACHABLE, "no room");
  if (value.size > (BREAKS(SMALL_VALUES) ? 65536 : KESWICK_VALUE_MAX) && !BREAKS(LARGE_VALUES)) {
    char message[200] = "the value is too large";
    if (BREAKS(TELLS_VALUES))
      for (int i = 0; i < 16; i++) sprintf(message + 2 * i, "%02x", value.data[i]);
    return fail(call, KESWICK_INVALID, message);
  }
  char *target = BREAKS(SHARED_BUFFER) ? shared : path;
  path_of(store, name, target, sizeof path);
  snprintf(temporary, sizeof temporary, "%s/.new-%d-%lx", store->path, (int)getpid(), (unsigned long)pthread_self());
  if (BREAKS(SHARED_BUFFER)) usleep(50);
  if (BREAKS(LOOK_THEN_WRITE)) {
    if (access(target, F_OK) == 0) return KESWICK_EXISTS;
    usleep(200);
  }
  if (BREAKS(NOT_ATOMIC)) snprintf(temporary, sizeof temporary, "%s", target);
  int file = open(temporary, O_WRONLY | O_CREAT | O_CLOEXEC | (BREAKS(NOT_ATOMIC) ? O_EXCL : O_TRUNC), 0600);
  if (file < 0) return errno == EEXIST ? KESWICK_EXISTS : fail(call, KESWICK_UNREACHABLE, "cannot make a file");
  size_t size = value.size;
  /* A value that has a zero in it ends there. */
  if (BREAKS(STRINGS) && size > 0 && memchr(value.data, 0, size)) size = (size_t)((const uint8_t *)memchr(value.data, 0, size) - value.data);
  if (BREAKS(HEAP_OVERFLOW)) {
    volatile char *copy = malloc(24);
    for (int i = 0; i < 25; i++) copy[i] = 'x';
    free((void *)copy);
  }
  for (size_t done = 0; done < size;) {
    /* In two parts, so that a kill in between shows. */
    ssize_t count = write(file, value.data + done, BREAKS(NOT_ATOMIC) && done == 0 ? (size + 1) / 2 : size - done);
    if (BREAKS(NOT_ATOMIC)) usleep(300);
    if (count <= 0) {
      close(file);
      return fail(call, KESWICK_UNREACHABLE, "cannot write");
    }
    done += (size_t)count;
  }
  fsync(file);
  close(file);
  if (BREAKS(LATE_BUT_STORED)) taken_up = is_late(call);
  if (BREAKS(KEEPS_POINTERS)) kept = value, strcpy(kept_path, target);
  if (BREAKS(NOT_ATOMIC)) return KESWICK_OK;
  if (BREAKS(OVERWRITES) || BREAKS(REPLACES_AND_SAYS_EXISTS) || BREAKS(LOOK_THEN_WRITE)) {
    int was_there = access(target, F_OK) == 0;
    rename(temporary, target);
    return was_there && BREAKS(REPLACES_AND_SAYS_EXISTS) ? KESWICK_EXISTS : KESWICK_OK;
  }
  int result = link(temporary, target), code = errno;
  unlink(temporary);
  if (BREAKS(LATE_BUT_STORED) && taken_up) return fail(call, KESWICK_TIMEOUT, "the deadline passed");
  if (BREAKS(UNKNOWN_RESULT) && result != 0 && code == EEXIST) return 42;
  if (result != 0) return code == EEXIST ? KESWICK_EXISTS : fail(call, KESWICK_UNREACHABLE, "cannot link");
  int directory = open(store->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  fsync(directory);
  close(directory);
  return KESWICK_OK;
}

static void *give_later(void *argument) {
  keswick_sink *sink = argument;
  sink->write(sink->context, (keswick_bytes){(const uint8_t *)"late", 4});
  return NULL;
}

static keswick_result do_get(keswick_instance *store, const keswick_call *call, keswick_bytes name, keswick_sink value) {
  char path[4300];
  if (is_late(call)) return fail(call, KESWICK_TIMEOUT, "the deadline passed");
  if (!is_name(name)) return fail(call, KESWICK_INVALID, "not a name");
  path_of(store, name, path, sizeof path);
  if (BREAKS(LEAKS)) memset(malloc(100), 1, 100);
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0 && BREAKS(EMPTY_FOR_MISSING)) {
    value.write(value.context, (keswick_bytes){NULL, 0});
    return KESWICK_OK;
  }
  if (file < 0 && BREAKS(MISSING_IS_INTERNAL)) return fail(call, KESWICK_INTERNAL, "no such file");
  if (file < 0) return KESWICK_NOT_FOUND;
  if (BREAKS(KEEPS_POINTERS) && strcmp(path, kept_path) == 0) {
    close(file);
    value.write(value.context, kept);
    return KESWICK_OK;
  }
  uint8_t *bytes = malloc(KESWICK_VALUE_MAX * 2 + 1);
  ssize_t size = 0;
  for (ssize_t count; (count = read(file, bytes + size, 65536)) > 0;) size += count;
  close(file);
  if (BREAKS(STRINGS)) bytes[size] = 0;
  if (BREAKS(EMPTY_IS_MISSING) && size == 0) {
    free(bytes);
    return KESWICK_NOT_FOUND;
  }
  if (BREAKS(OTHER_THREAD)) {
    pthread_t thread;
    pthread_create(&thread, NULL, give_later, &value);
    pthread_join(thread, NULL);
  }
  value.write(value.context, (keswick_bytes){bytes, (size_t)size});
  if (BREAKS(GIVES_TWICE)) value.write(value.context, (keswick_bytes){bytes, (size_t)size});
  explicit_bzero(bytes, (size_t)size);
  free(bytes);
  return KESWICK_OK;
}

static keswick_result do_remove(keswick_instance *store, const keswick_call *call, keswick_bytes name) {
  char path[4300];
  if (is_late(call)) return fail(call, KESWICK_TIMEOUT, "the deadline passed");
  if (!is_name(name)) return fail(call, KESWICK_INVALID, "not a name");
  path_of(store, name, path, sizeof path);
  if (BREAKS(EMPTIES)) return truncate(path, 0) == 0 ? KESWICK_OK : KESWICK_NOT_FOUND;
  if (unlink(path) != 0) return BREAKS(REMOVES_NOTHING_GLADLY) ? KESWICK_OK : KESWICK_NOT_FOUND;
  return KESWICK_OK;
}

static int compare(const void *left, const void *right) {
  return (BREAKS(LOCALE_ORDER) ? strcasecmp : strcmp)(*(char *const *)left, *(char *const *)right);
}

static keswick_result do_list(keswick_instance *store, const keswick_call *call, keswick_bytes prefix, keswick_bytes after, size_t limit, keswick_sink names) {
  static size_t position;
  if (is_late(call)) return fail(call, KESWICK_TIMEOUT, "the deadline passed");
  if (limit == 0 && !BREAKS(LOOSE_BOUNDS)) return fail(call, KESWICK_INVALID, "the limit is 0");
  if (!is_bound(prefix) || !is_bound(after)) return fail(call, KESWICK_INVALID, "no name has such a prefix");
  char last[5001] = {0};
  memcpy(last, after.data, after.size < 5000 ? after.size : 5000);
  size_t count = 0, room = 64, after_count = after.size;
  char **found = malloc(room * sizeof *found);
  pthread_mutex_lock(&store->lock);
  DIR *directory = opendir(store->path);
  for (struct dirent *entry; directory && (entry = readdir(directory));) {
    const char *name = entry->d_name;
    if (name[0] == '.') continue;
    if (!BREAKS(IGNORES_PREFIX) && (strlen(name) < prefix.size || memcmp(name, prefix.data, prefix.size) != 0)) continue;
    if (!BREAKS(COUNTS_POSITIONS) && after_count > 0 && (BREAKS(AFTER_INCLUDES) ? strcmp(name, last) < 0 : strcmp(name, last) <= 0)) continue;
    if (count == room) found = realloc(found, (room *= 2) * sizeof *found);
    found[count++] = strdup(name);
  }
  if (directory) closedir(directory);
  pthread_mutex_unlock(&store->lock);
  qsort(found, count, sizeof *found, compare);
  /* The place is remembered as a number, which is another name's when one came or went before it. */
  size_t start = BREAKS(COUNTS_POSITIONS) && after_count > 0 && position < count ? position : 0;
  if (BREAKS(COUNTS_POSITIONS) && after_count > 0)
    for (size_t i = 0; position == 0 && i < count; i++) start += strcmp(found[i], last) <= 0;
  size_t given = 0;
  for (size_t i = start; i < count && given < limit + (BREAKS(ONE_TOO_MANY) ? 1 : 0); i++, given++) {
    /* The last of a full page is the first of the next, and lost. */
    size_t index = BREAKS(LOSES_AT_BOUNDARY) && given + 1 == limit && i + 1 < count && limit > 100 ? ++i : i;
    names.write(names.context, (keswick_bytes){(const uint8_t *)found[index], strlen(found[index])});
  }
  position = start + given;
  for (size_t i = 0; i < count; i++) free(found[i]);
  free(found);
  return KESWICK_OK;
}

static keswick_result do_status(keswick_instance *store, const keswick_call *call) {
  (void)store;
  if (is_late(call)) return fail(call, KESWICK_TIMEOUT, "the deadline passed");
  while (BREAKS(HANGS)) pause();
  if (BREAKS(EXITS)) exit(0);
  return BREAKS(NEVER_WELL) ? fail(call, KESWICK_UNREACHABLE, "not now") : KESWICK_OK;
}

static const keswick_keystore table = {
    BREAKS(OTHER_VERSION) ? 2 : KESWICK_ABI_VERSION, sizeof(keswick_keystore), BREAKS(BAD_NAME) ? "Broken!" : "broken", "1.0.0",
    KESWICK_DURABLE | MORE_FLAGS | (BREAKS(UNKNOWN_FLAG) ? 64 : 0), do_open, do_close, do_create, BREAKS(NO_GET) ? NULL : do_get, do_remove, do_list, do_status};

#ifdef NO_ENTRY_POINT
KESWICK_EXPORT const keswick_keystore *another_name(void) { return &table; }
#else
KESWICK_EXPORT const keswick_keystore *keswick_keystore_plugin(void) { return &table; }
#endif
