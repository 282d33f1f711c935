/* A keystore in one file, for Keswick. Written to be read, and to be changed into yours.
 *
 * The configuration is {"path": "FILE"}. The file is a row of records, each one key: new ones are appended and synced before
 * create() says OK. What is stored where is kept in memory, in order of names. One process may have the file open at a time.
 *
 *   file:    "KEYLOG1\n" | records
 *   record:  state 'K' (a key) or 'X' (removed) | length of the name, 1 byte | length of the value, 4 bytes
 *            | check sum of the lengths, 4 bytes | check sum of the rest, 4 bytes | the name | the value
 *
 * What is not such a file, or is damaged, is refused and left as it is. Only what a crash leaves of the last record is cut off.
 *
 * What it leaves out on purpose: the file never shrinks, and the index of all names has to fit into memory. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "border.h"

enum { MAGIC = 8, HEADER = 14 };
static const uint8_t magic[MAGIC] = {'K', 'E', 'Y', 'L', 'O', 'G', '1', '\n'};
static const char broken[] = "an earlier write failed: look at the disk, then restart";

struct entry { char name[KESWICK_NAME_MAX + 1]; off_t offset; uint32_t size; };

struct keswick_instance {
  pthread_mutex_t lock; /* Calls come from several threads at once: all of them take this. */
  int file, is_broken;
  off_t end;             /* Where the next record goes. */
  struct entry *entries; /* In bytewise order of their names. */
  size_t count, room;
};

/* FNV-1a. It finds damage; it is no protection against somebody who writes to the file. */
static uint32_t checksum(uint32_t sum, const uint8_t *bytes, size_t size) {
  for (size_t i = 0; i < size; i++) sum = (sum ^ bytes[i]) * 16777619u;
  return sum;
}

/* The index of the first entry whose name is not less than `name`. */
static size_t find(const keswick_instance *store, const char *name) {
  size_t low = 0, high = store->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (strcmp(store->entries[middle].name, name) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

static int is_at(const keswick_instance *store, size_t index, const char *name) {
  return index < store->count && strcmp(store->entries[index].name, name) == 0;
}

static int insert(keswick_instance *store, size_t index, const char *name, off_t offset, uint32_t size) {
  if (store->count == store->room) {
    size_t room = store->room ? 2 * store->room : 64;
    struct entry *entries = realloc(store->entries, room * sizeof *entries);
    if (!entries) return 0;
    store->entries = entries, store->room = room;
  }
  memmove(&store->entries[index + 1], &store->entries[index], (store->count++ - index) * sizeof(struct entry));
  struct entry *entry = &store->entries[index];
  snprintf(entry->name, sizeof entry->name, "%s", name);
  entry->offset = offset, entry->size = size;
  return 1;
}

/* How much a whole record takes at the beginning of `bytes`; 0 for what a crash leaves of one, -1 for damage. */
static off_t measure(const uint8_t *bytes, off_t size) {
  uint32_t value, lengths, rest;
  if (bytes[0] == 0 && memcmp(bytes, bytes + 1, (size_t)size - 1) == 0) return 0;
  if (size < HEADER && bytes[0] == 'K') return 0;
  if (size < HEADER || (bytes[0] != 'K' && bytes[0] != 'X')) return -1;
  memcpy(&value, bytes + 2, 4), memcpy(&lengths, bytes + 6, 4), memcpy(&rest, bytes + 10, 4);
  if (checksum(0, bytes + 1, 5) != lengths || bytes[1] > KESWICK_NAME_MAX || value > KESWICK_VALUE_MAX) return -1;
  off_t body = (off_t)bytes[1] + value;
  if (body > size - HEADER) return bytes[0] == 'K' ? 0 : -1;
  return bytes[0] == 'X' || checksum(0, bytes + HEADER, (size_t)body) == rest ? HEADER + body : -1;
}

/* Reads the file into the index. */
static keswick_result load(keswick_instance *store, const keswick_call *call) {
  off_t size = lseek(store->file, 0, SEEK_END), length = 0;
  uint8_t *bytes = size > 0 ? mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, store->file, 0) : NULL;
  if (size < 0 || bytes == MAP_FAILED) return fail(call, KESWICK_UNREACHABLE, "cannot read the file");
  keswick_result result = KESWICK_OK;
  if (size > 0 && memcmp(bytes, magic, (size_t)(size < MAGIC ? size : MAGIC)) != 0)
    result = fail(call, KESWICK_CORRUPT, "the file is not one of this keystore: name another one");
  for (store->end = MAGIC; result == KESWICK_OK && store->end < size; store->end += length) {
    const uint8_t *record = bytes + store->end;
    char name[KESWICK_NAME_MAX + 1] = {0};
    length = measure(record, size - store->end);
    if (length < 0) result = fail(call, KESWICK_CORRUPT, "the file is damaged: put back a copy of it");
    if (length <= 0) break;
    memcpy(name, record + HEADER, record[1]);
    if (record[0] == 'K' && !insert(store, find(store, name), name, store->end, (uint32_t)(length - HEADER - record[1])))
      result = fail(call, KESWICK_INTERNAL, "out of memory");
  }
  if (bytes) munmap(bytes, (size_t)size);
  if (result != KESWICK_OK) return result;
  int is_written = size >= MAGIC || (pwrite(store->file, magic, MAGIC, 0) == MAGIC && fdatasync(store->file) == 0);
  if (is_written && size > store->end) is_written = ftruncate(store->file, store->end) == 0;
  return is_written ? KESWICK_OK : fail(call, KESWICK_UNREACHABLE, "cannot write to the file");
}

static void do_close(keswick_instance *store) {
  close(store->file); /* This gives the lock back, too. */
  pthread_mutex_destroy(&store->lock);
  free(store->entries);
  free(store);
}

static keswick_result do_open(keswick_bytes configuration, const keswick_host *host, const keswick_call *call,
                              keswick_instance **instance) {
  char path[4096];
  if (is_late(call)) return fail(call, KESWICK_TIMEOUT, "the deadline passed");
  if (!parse(configuration, path)) return fail(call, KESWICK_INVALID, "the configuration must be {\"path\": \"FILE\"}");
  keswick_instance *store = calloc(1, sizeof *store);
  if (!store) return fail(call, KESWICK_INTERNAL, "out of memory");
  pthread_mutex_init(&store->lock, NULL);
  store->file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  keswick_result result = KESWICK_OK;
  if (store->file < 0) result = fail(call, KESWICK_UNREACHABLE, "cannot open the file");
  else if (flock(store->file, LOCK_EX | LOCK_NB) != 0) result = fail(call, KESWICK_UNREACHABLE, "another process has the file open");
  else result = load(store, call);
  /* The file itself may be new: it must not vanish with a crash of the machine. */
  char *slash = strrchr(path, '/');
  if (slash) slash[slash == path] = 0;
  int directory = result == KESWICK_OK ? open(slash ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
  if (result == KESWICK_OK && (directory < 0 || fsync(directory) != 0)) result = fail(call, KESWICK_UNREACHABLE, "cannot sync the directory");
  if (directory >= 0) close(directory);
  if (result != KESWICK_OK) return do_close(store), result;
  host->log(host->context, KESWICK_LOG_INFO, (keswick_bytes){(const uint8_t *)"opened", 6});
  *instance = store;
  return KESWICK_OK;
}

/* What create, get and remove begin with: the checks, a terminated copy of the name, and the lock. */
static keswick_result begin(keswick_instance *store, const keswick_call *call, keswick_bytes name, char copy[KESWICK_NAME_MAX + 1]) {
  if (is_late(call)) return fail(call, KESWICK_TIMEOUT, "the deadline passed");
  if (!is_name(name)) return fail(call, KESWICK_INVALID, "a name has 1 to 128 bytes of 0-9 A-Z a-z - _ . and no dot in front");
  memcpy(copy, name.data, name.size);
  copy[name.size] = 0;
  pthread_mutex_lock(&store->lock);
  return KESWICK_OK;
}

static keswick_result end(keswick_instance *store, keswick_result result) {
  pthread_mutex_unlock(&store->lock);
  return result;
}

static keswick_result do_create(keswick_instance *store, const keswick_call *call, keswick_bytes bytes, keswick_bytes value) {
  char name[KESWICK_NAME_MAX + 1];
  keswick_result result = begin(store, call, bytes, name);
  if (result != KESWICK_OK) return result;
  if (value.size > KESWICK_VALUE_MAX) return end(store, fail(call, KESWICK_INVALID, "a value has at most 1 MiB"));
  size_t index = find(store, name), length = HEADER + bytes.size + value.size;
  if (is_at(store, index, name)) return end(store, KESWICK_EXISTS);
  if (store->is_broken) return end(store, fail(call, KESWICK_UNREACHABLE, broken));
  uint32_t size = (uint32_t)value.size, rest = checksum(checksum(0, bytes.data, bytes.size), value.data, value.size);
  uint8_t header[HEADER] = {'K', (uint8_t)bytes.size};
  memcpy(header + 2, &size, 4);
  uint32_t lengths = checksum(0, header + 1, 5);
  memcpy(header + 6, &lengths, 4), memcpy(header + 10, &rest, 4);
  /* From where the host has it: no copy of the value to wipe. (Otherwise: explicit_bzero before free.) */
  struct iovec parts[] = {{header, HEADER}, {(void *)bytes.data, bytes.size}, {(void *)value.data, value.size}};
  int is_written = pwritev(store->file, parts, 3, store->end) == (ssize_t)length && fdatasync(store->file) == 0;
  if (is_written && insert(store, index, name, store->end, size)) {
    store->end += (off_t)length;
    return end(store, KESWICK_OK);
  }
  result = fail(call, KESWICK_UNREACHABLE, "cannot write to the file");
  /* What is half there must not be found later. If it cannot be cut off, nothing may be written behind it. */
  store->is_broken = ftruncate(store->file, store->end) != 0 || fdatasync(store->file) != 0;
  return end(store, result);
}

static keswick_result do_get(keswick_instance *store, const keswick_call *call, keswick_bytes bytes, keswick_sink sink) {
  char name[KESWICK_NAME_MAX + 1];
  keswick_result result = begin(store, call, bytes, name);
  if (result != KESWICK_OK) return result;
  size_t index = find(store, name);
  if (!is_at(store, index, name)) return end(store, KESWICK_NOT_FOUND);
  struct entry entry = store->entries[index];
  uint8_t *value = malloc(entry.size + 1u);
  if (!value) return end(store, fail(call, KESWICK_INTERNAL, "out of memory"));
  if (pread(store->file, value, entry.size, entry.offset + HEADER + (off_t)bytes.size) != (ssize_t)entry.size)
    result = fail(call, KESWICK_UNREACHABLE, "cannot read the file");
  else sink.write(sink.context, (keswick_bytes){value, entry.size}); /* In one call; the host copies it. */
  explicit_bzero(value, entry.size);
  free(value);
  return end(store, result);
}

static keswick_result do_remove(keswick_instance *store, const keswick_call *call, keswick_bytes bytes) {
  char name[KESWICK_NAME_MAX + 1];
  keswick_result result = begin(store, call, bytes, name);
  if (result != KESWICK_OK) return result;
  size_t index = find(store, name);
  if (!is_at(store, index, name)) return end(store, KESWICK_NOT_FOUND);
  if (store->is_broken) return end(store, fail(call, KESWICK_UNREACHABLE, broken));
  struct entry entry = store->entries[index];
  /* One byte decides, so there is no half of it. */
  if (pwrite(store->file, "X", 1, entry.offset) != 1 || fdatasync(store->file) != 0) {
    result = fail(call, KESWICK_UNREACHABLE, "cannot write to the file");
    store->is_broken = pwrite(store->file, "K", 1, entry.offset) != 1 || fdatasync(store->file) != 0;
    return end(store, result); /* Not removed: it must be found after the next start, too. */
  }
  memmove(&store->entries[index], &store->entries[index + 1], (--store->count - index) * sizeof entry);
  /* The name is gone. Now the value, as far as the disk does what it is told. */
  uint8_t *zeros = calloc(1, entry.size + 1u);
  if (zeros && pwrite(store->file, zeros, entry.size, entry.offset + HEADER + (off_t)bytes.size) > 0) fdatasync(store->file);
  free(zeros);
  return end(store, KESWICK_OK);
}

static keswick_result do_list(keswick_instance *store, const keswick_call *call, keswick_bytes prefix, keswick_bytes after, size_t limit,
                              keswick_sink names) {
  char start[KESWICK_NAME_MAX + 1] = {0};
  if (is_late(call)) return fail(call, KESWICK_TIMEOUT, "the deadline passed");
  if (limit == 0 || !is_text(prefix) || !is_text(after)) return fail(call, KESWICK_INVALID, "no such prefix, position or limit");
  if (prefix.size > KESWICK_NAME_MAX) return KESWICK_OK; /* No name is that long. */
  pthread_mutex_lock(&store->lock);
  if (after.size) memcpy(start, after.data, after.size < KESWICK_NAME_MAX ? after.size : KESWICK_NAME_MAX);
  size_t behind = find(store, start);
  behind += (size_t)is_at(store, behind, start);
  memset(start, 0, sizeof start);
  if (prefix.size) memcpy(start, prefix.data, prefix.size);
  size_t index = find(store, start);
  if (index < behind) index = behind;
  for (; index < store->count && limit > 0 && strncmp(store->entries[index].name, start, prefix.size) == 0; index++, limit--)
    names.write(names.context, (keswick_bytes){(const uint8_t *)store->entries[index].name, strlen(store->entries[index].name)});
  return end(store, KESWICK_OK);
}

/* The name is what the server's configuration calls the keystore: keystore: { NAME: { path: … } }. */
static const keswick_keystore table = {KESWICK_ABI_VERSION, sizeof(keswick_keystore), "logfile", "0.1.0", KESWICK_DURABLE,
  do_open, do_close, do_create, do_get, do_remove, do_list, NULL /* status is optional */};

KESWICK_EXPORT const keswick_keystore *keswick_keystore_plugin(void) { return &table; }
