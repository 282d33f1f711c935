/* A keystore that has all keys in one file, {"path": "FILE"}, and reads it anew for each call. BREAKS(x) is as in keystore.c.
 *
 *   file:    "ONEFILE\n" | records
 *   record:  'K' or 'X' | length of the name, 1 byte | length of the value, 4 bytes | check sum of all behind 'K', 4 bytes | name | value */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <keswick_keystore.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "breaks.h"

enum { MAGIC = 8, HEADER = 10 };

struct keswick_instance { int file; pthread_mutex_t lock; };

/* The whole file, and where in it a record is. */
struct content { uint8_t *bytes; size_t size, place; };

static keswick_result fail(const keswick_call *call, keswick_result result, const char *message) {
  call->error.write(call->error.context, (keswick_bytes){(const uint8_t *)message, strlen(message)});
  return result;
}

static int is_late(const keswick_call *call) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec >= call->deadline;
}

static int is_text(keswick_bytes text) {
  for (size_t i = 0; i < text.size; i++)
    if (!text.data[i] || !strchr("-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz", text.data[i])) return 0;
  return 1;
}

static int is_name(keswick_bytes name) { return name.size >= 1 && name.size <= KESWICK_NAME_MAX && name.data[0] != '.' && is_text(name); }

static uint32_t checksum(uint32_t sum, const uint8_t *bytes, size_t size) {
  for (size_t i = 0; i < size; i++) sum = (sum ^ bytes[i]) * 16777619u;
  return sum;
}

static struct content read_file(const keswick_instance *store) {
  struct content content = {NULL, (size_t)lseek(store->file, 0, SEEK_END), MAGIC};
  content.bytes = malloc(content.size + 1);
  if (pread(store->file, content.bytes, content.size, 0) != (ssize_t)content.size) content.size = 0;
  return content;
}

static void forget(struct content *content) {
  explicit_bzero(content->bytes, content->size);
  free(content->bytes);
}

/* The size of the record at the place; 0 when there is none that is whole. */
static size_t measure(const struct content *content) {
  const uint8_t *record = content->bytes + content->place;
  size_t left = content->size - content->place;
  uint32_t size, sum;
  if (content->size < content->place + HEADER || (record[0] != 'K' && record[0] != 'X')) return 0;
  memcpy(&size, record + 2, 4), memcpy(&sum, record + 6, 4);
  size_t length = HEADER + (size_t)record[1] + size;
  if (length > left || checksum(checksum(0, record + 1, 5), record + HEADER, length - HEADER) != sum) return 0;
  return length;
}

/* Goes to the record of a name; returns 0 when there is none. */
static int find(struct content *content, keswick_bytes name) {
  for (size_t length; (length = measure(content)) > 0; content->place += length) {
    const uint8_t *record = content->bytes + content->place;
    if (record[0] == 'K' && record[1] == name.size && memcmp(record + HEADER, name.data, name.size) == 0) return 1;
  }
  return 0;
}

static keswick_result examine(keswick_instance *store, const keswick_call *call) {
  struct content content = read_file(store);
  keswick_result result = KESWICK_OK;
  if (content.size == 0) {
    if (pwrite(store->file, "ONEFILE\n", MAGIC, 0) != MAGIC) result = fail(call, KESWICK_UNREACHABLE, "cannot write");
  } else if (content.size < MAGIC || memcmp(content.bytes, "ONEFILE\n", MAGIC) != 0) {
    if (BREAKS(EMPTIES_FOREIGN_FILES) && ftruncate(store->file, 0) != 0) result = KESWICK_INTERNAL;
    if (!BREAKS(TAKES_FOREIGN_FILES)) result = fail(call, KESWICK_CORRUPT, "not a file of this keystore");
  } else {
    for (size_t length; (length = measure(&content)) > 0;) content.place += length;
    if (content.place < content.size) {
      if (BREAKS(CUTS_OFF_DAMAGE) && ftruncate(store->file, (off_t)content.place) != 0) result = KESWICK_INTERNAL;
      if (!BREAKS(CUTS_OFF_DAMAGE) && !BREAKS(SKIPS_BEHIND_DAMAGE)) result = fail(call, KESWICK_CORRUPT, "the file is damaged");
    }
  }
  forget(&content);
  return result;
}

static void do_close(keswick_instance *store) {
  close(store->file);
  free(store);
}

static keswick_result do_open(keswick_bytes configuration, const keswick_host *host, const keswick_call *call, keswick_instance **instance) {
  char text[5000] = {0}, path[4096];
  int end = 0;
  (void)host;
  if (is_late(call)) return fail(call, KESWICK_TIMEOUT, "the deadline passed");
  if (configuration.size < sizeof text) memcpy(text, configuration.data, configuration.size);
  if (strlen(text) != configuration.size || sscanf(text, " { \"path\" : \"%4095[^\"\\]\" } %n", path, &end) != 1 || (size_t)end != configuration.size)
    return fail(call, KESWICK_INVALID, "the configuration must be {\"path\": \"FILE\"}");
  keswick_instance *store = calloc(1, sizeof *store);
  pthread_mutex_init(&store->lock, NULL);
  store->file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  keswick_result result = KESWICK_OK;
  if (store->file < 0) result = fail(call, KESWICK_UNREACHABLE, "cannot open the file");
  else if (flock(store->file, LOCK_EX | LOCK_NB) != 0) result = fail(call, KESWICK_UNREACHABLE, "another has the file open");
  else result = examine(store, call);
  if (result != KESWICK_OK) do_close(store);
  else *instance = store;
  return result;
}

/* What the calls with a name begin with; `content` is for end(). */
static keswick_result begin(keswick_instance *store, const keswick_call *call, keswick_bytes name, struct content *content, int *is_there) {
  if (is_late(call)) return fail(call, KESWICK_TIMEOUT, "the deadline passed");
  if (!is_name(name)) return fail(call, KESWICK_INVALID, "not a name");
  pthread_mutex_lock(&store->lock);
  *content = read_file(store);
  *is_there = find(content, name);
  return KESWICK_OK;
}

static keswick_result end(keswick_instance *store, struct content *content, keswick_result result) {
  forget(content);
  pthread_mutex_unlock(&store->lock);
  return result;
}

static keswick_result do_create(keswick_instance *store, const keswick_call *call, keswick_bytes name, keswick_bytes value) {
  struct content content;
  int is_there;
  keswick_result result = begin(store, call, name, &content, &is_there);
  if (result != KESWICK_OK) return result;
  if (value.size > KESWICK_VALUE_MAX) return end(store, &content, fail(call, KESWICK_INVALID, "the value is too large"));
  if (is_there) return end(store, &content, KESWICK_EXISTS);
  size_t length = HEADER + name.size + value.size;
  uint32_t size = (uint32_t)value.size;
  uint8_t *record = calloc(1, length);
  record[0] = 'K', record[1] = (uint8_t)name.size;
  memcpy(record + 2, &size, 4), memcpy(record + HEADER, name.data, name.size);
  if (value.size) memcpy(record + HEADER + name.size, value.data, value.size);
  uint32_t sum = checksum(checksum(0, record + 1, 5), record + HEADER, length - HEADER);
  memcpy(record + 6, &sum, 4);
  if (pwrite(store->file, record, length, (off_t)content.size) != (ssize_t)length) result = fail(call, KESWICK_UNREACHABLE, "cannot write");
  explicit_bzero(record, length);
  free(record);
  return end(store, &content, result);
}

static keswick_result do_get(keswick_instance *store, const keswick_call *call, keswick_bytes name, keswick_sink sink) {
  struct content content;
  int is_there;
  keswick_result result = begin(store, call, name, &content, &is_there);
  if (result != KESWICK_OK) return result;
  if (!is_there) return end(store, &content, KESWICK_NOT_FOUND);
  size_t length = measure(&content) - HEADER - name.size;
  sink.write(sink.context, (keswick_bytes){content.bytes + content.place + HEADER + name.size, length});
  return end(store, &content, KESWICK_OK);
}

static keswick_result do_remove(keswick_instance *store, const keswick_call *call, keswick_bytes name) {
  struct content content;
  int is_there;
  keswick_result result = begin(store, call, name, &content, &is_there);
  if (result != KESWICK_OK) return result;
  if (!is_there) return end(store, &content, KESWICK_NOT_FOUND);
  if (pwrite(store->file, "X", 1, (off_t)content.place) != 1) result = fail(call, KESWICK_UNREACHABLE, "cannot write");
  return end(store, &content, result);
}

/* Looks through the file for each name anew: nobody has many here. */
static keswick_result do_list(keswick_instance *store, const keswick_call *call, keswick_bytes prefix, keswick_bytes after, size_t limit, keswick_sink names) {
  char last[KESWICK_NAME_MAX + 1] = {0};
  if (is_late(call)) return fail(call, KESWICK_TIMEOUT, "the deadline passed");
  if (limit == 0 || !is_text(prefix) || !is_text(after)) return fail(call, KESWICK_INVALID, "no such prefix, position or limit");
  if (after.size) memcpy(last, after.data, after.size < KESWICK_NAME_MAX ? after.size : KESWICK_NAME_MAX);
  pthread_mutex_lock(&store->lock);
  struct content content = read_file(store);
  for (; limit > 0; limit--) {
    /* The least of those that are greater than the last one. */
    char next[KESWICK_NAME_MAX + 1] = {0};
    content.place = MAGIC;
    for (size_t length; (length = measure(&content)) > 0; content.place += length) {
      const uint8_t *record = content.bytes + content.place;
      char name[256] = {0};
      memcpy(name, record + HEADER, record[1]);
      if (record[0] != 'K' || record[1] < prefix.size || (prefix.size && memcmp(name, prefix.data, prefix.size) != 0)) continue;
      if (strcmp(name, last) > 0 && (!next[0] || strcmp(name, next) < 0)) memcpy(next, name, sizeof next);
    }
    if (!next[0]) break;
    names.write(names.context, (keswick_bytes){(const uint8_t *)next, strlen(next)});
    memcpy(last, next, sizeof last);
  }
  return end(store, &content, KESWICK_OK);
}

static const keswick_keystore table = {KESWICK_ABI_VERSION, sizeof(keswick_keystore), "onefile", "1.0.0", KESWICK_DURABLE, do_open, do_close,
  do_create, do_get, do_remove, do_list, NULL};

KESWICK_EXPORT const keswick_keystore *keswick_keystore_plugin(void) { return &table; }
