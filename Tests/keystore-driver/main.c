/* keystore-driver: a host in C that loads a keystore and does what its arguments say. The tests run it as a process of its
 * own, to kill it, to break its I/O, and to have two of it at once. SPDX-License-Identifier: Apache-2.0
 *
 *   keystore-driver LIBRARY CONFIGURATION STEP...
 *
 * Each step prints one line: its name, what it was about, and the result's number or a count.
 *   open                        opens the keystore; all steps but `arm` and `durable` need it first, and nothing runs after a failure
 *   tryopen:TEXT                opens, and closes, a keystore with TEXT in the place of `@` in the configuration
 *   create:NAME:SIZE            stores SIZE bytes, byte i of which is (7 i + SIZE) mod 251
 *   get:NAME  delete:NAME  list  status  close
 *   creates:PREFIX:COUNT:SIZE   creates PREFIX0, PREFIX1, …; one line each, written at once
 *   arm:AT:FAULT                from here on a fault at the I/O call AT: `none`, `kill`, `short`, `wait`, or an errno; with a
 *                               `+` behind it, also at all calls after that
 *   count                       ends that, and prints how many I/O calls there were
 *   limit:MILLISECONDS          how long each call may take from here on; a minute, unless said
 *   slept                       prints for how many microseconds it has asked to sleep since it was armed
 *   wait                        prints `waiting` and reads a byte from standard input
 *   durable                     from here on prints, behind an open, a create or a delete that answered OK, what would be lost
 *                               if the machine stopped now: see `durable_report`
 *   freed                       whether a block that SQLite freed, and one that it moved to make it longer, were wiped
 *   lists:COUNT                 lists with COUNT threads at once; prints how many succeeded and how often the directory was read
 *   busy                        from here on prints `busy` whenever a lock is held by another process
 *   changed:SECONDS             from here on directories were changed so many seconds after 1970
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "../../Sources/PluginAPI/include/keswick_keystore.h"
#include "durability.h"
#include "faults.h"
#include "lists.h"

/* Prints past the C library's write, so that no fault meets it and a kill loses nothing. */
static void say(const char *format, ...) {
  char line[512];
  va_list list;
  va_start(list, format);
  int size = vsnprintf(line, sizeof line, format, list);
  va_end(list);
  if (size > 0 && syscall(SYS_write, 1, line, (size_t)size) != size) _exit(3);
}

static void take_error(void *context, keswick_bytes bytes) {
  (void)context;
  say("error %.*s\n", (int)(bytes.size < 400 ? bytes.size : 400), (const char *)bytes.data);
}

static void take_log(void *context, int32_t level, keswick_bytes bytes) {
  (void)context;
  say("log %d %.*s\n", level, (int)(bytes.size < 400 ? bytes.size : 400), (const char *)bytes.data);
}

static void take_count(void *context, keswick_bytes bytes) { *(size_t *)context = bytes.size; }

static void take_name(void *context, keswick_bytes bytes) {
  (void)context;
  say("name %.*s\n", (int)bytes.size, (const char *)bytes.data);
}

static const keswick_host host = {sizeof(keswick_host), NULL, take_log};
static void *library;
static const keswick_keystore *table;
static keswick_instance *instance;
static int tells_unsynced;

/* Looks at the result of a call that changes something. */
static keswick_result finished(keswick_result result) {
  if (tells_unsynced && result == KESWICK_OK) durable_report();
  return result;
}

static uint64_t limit = 60000;

static keswick_call begin(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  keswick_call call = {sizeof(keswick_call), (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec + limit * 1000000u, {NULL, take_error}};
  return call;
}

static keswick_bytes text(const char *string) {
  keswick_bytes bytes = {(const uint8_t *)string, strlen(string)};
  return bytes;
}

static keswick_result create(const char *name, size_t size) {
  uint8_t *value = malloc(size + 1);
  if (!value) _exit(3);
  for (size_t i = 0; i < size; i++) value[i] = (uint8_t)((7 * i + size) % 251);
  keswick_call call = begin();
  keswick_bytes bytes = {value, size};
  keswick_result result = finished(table->create(instance, &call, text(name), bytes));
  free(value);
  return result;
}

/* Whether the middle of a block, which nobody owns any more, still holds what `tell_freed` wrote. Through the system: reading it through
 * a pointer would mean nothing in C. */
static int is_kept(const uint8_t *block) {
  uint8_t found[64];
  struct iovec into = {found, sizeof found}, from = {(void *)(block + 2048), sizeof found};
  if (process_vm_readv(getpid(), &into, 1, &from, 1, 0) != (ssize_t)sizeof found) _exit(3);
  for (size_t i = 0; i < sizeof found; i++) {
    if (found[i] != 0xa5) return 0;
  }
  return 1;
}

static void tell_freed(void) {
  void *(*allocate)(uint64_t) = (void *(*)(uint64_t))(uintptr_t)dlsym(library, "sqlite3_malloc64");
  void *(*resize)(void *, uint64_t) = (void *(*)(void *, uint64_t))(uintptr_t)dlsym(library, "sqlite3_realloc64");
  void (*release)(void *) = (void (*)(void *))(uintptr_t)dlsym(library, "sqlite3_free");
  if (!allocate || !resize || !release) _exit(2);
  uint8_t *freed = allocate(4096), *moved = allocate(4096);
  if (!freed || !moved) _exit(3);
  memset(freed, 0xa5, 4096);
  memset(moved, 0xa5, 4096);
  release(freed);
  say("freed %s\n", is_kept(freed) ? "kept" : "wiped");
  uint8_t *longer = resize(moved, 65536);
  if (!longer || !is_kept(longer)) _exit(3);
  say("moved %s\n", is_kept(moved) ? "kept" : "wiped");
  release(longer);
}

static void arm(long at, const char *what) {
  int lasting = what[0] != 0 && what[strlen(what) - 1] == '+';
  enum fault_kind kind = FAULT_ERRNO;
  if (!strncmp(what, "none", 4)) kind = FAULT_NONE;
  if (!strncmp(what, "kill", 4)) kind = FAULT_KILL;
  if (!strncmp(what, "short", 5)) kind = FAULT_SHORT;
  if (!strncmp(what, "wait", 4)) kind = FAULT_WAIT;
  fault_arm(kind, atoi(what), at, lasting);
}

static void run(char *step, const char *configuration) {
  char *word = strtok(step, ":"), *first = strtok(NULL, ":"), *second = strtok(NULL, ":"), *third = strtok(NULL, ":");
  keswick_call call = begin();
  if (!strcmp(word, "open")) {
    keswick_result result = finished(table->open(text(configuration), &host, &call, &instance));
    say("open %d\n", result);
    if (result != KESWICK_OK) _exit(0);
  } else if (!strcmp(word, "tryopen") && first) {
    char changed[512];
    const char *at = strchr(configuration, '@');
    if (!at) _exit(2);
    snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - configuration), configuration, first, at + 1);
    keswick_result result = table->open(text(changed), &host, &call, &instance);
    say("open %s %d\n", first, result);
    if (result == KESWICK_OK) table->close(instance);
    instance = NULL;
  } else if (!strcmp(word, "arm") && second) {
    arm(atol(first), second);
  } else if (!strcmp(word, "count")) {
    say("count %ld\n", fault_disarm());
  } else if (!strcmp(word, "limit") && first) {
    limit = strtoull(first, NULL, 10);
  } else if (!strcmp(word, "slept")) {
    say("slept %ld\n", fault_slept());
  } else if (!strcmp(word, "wait")) {
    fault_wait();
  } else if (!strcmp(word, "durable")) {
    tells_unsynced = 1;
  } else if (!strcmp(word, "freed")) {
    tell_freed();
  } else if (!strcmp(word, "busy")) {
    fault_tell_busy();
  } else if (!strcmp(word, "changed") && first) {
    fault_date_directories(atol(first));
  } else if (!strcmp(word, "create") && second) {
    say("create %s %d\n", first, create(first, (size_t)atol(second)));
  } else if (!strcmp(word, "creates") && third) {
    for (long i = 0; i < atol(second); i++) {
      char name[KESWICK_NAME_MAX + 1];
      snprintf(name, sizeof name, "%s%ld", first, i);
      say("create %s %d\n", name, create(name, (size_t)atol(third)));
    }
  } else if (!strcmp(word, "get") && first) {
    size_t size = 0;
    keswick_sink sink = {&size, take_count};
    keswick_result result = table->get(instance, &call, text(first), sink);
    say("get %s %d %zu\n", first, result, size);
  } else if (!strcmp(word, "delete") && first) {
    say("delete %s %d\n", first, finished(table->remove(instance, &call, text(first))));
  } else if (!strcmp(word, "list")) {
    keswick_sink sink = {NULL, take_name};
    say("list %d\n", table->list(instance, &call, text(""), text(""), 1000000, sink));
  } else if (!strcmp(word, "lists") && first) {
    struct lists_result result = lists_run(table, instance, call, atoi(first));
    say("lists %d %d\n", result.succeeded, result.readings);
  } else if (!strcmp(word, "status")) {
    say("status %d\n", table->status(instance, &call));
  } else if (!strcmp(word, "close")) {
    table->close(instance);
    instance = NULL;
    say("close 0\n");
  } else {
    say("unknown step %s\n", word);
    _exit(2);
  }
}

int main(int count, char **arguments) {
  if (count < 3) return 2;
  library = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    say("%s\n", dlerror());
    return 2;
  }
  const keswick_keystore *(*entry)(void) = (const keswick_keystore *(*)(void))(uintptr_t)dlsym(library, KESWICK_ENTRY_SYMBOL);
  if (!entry) return 2;
  table = entry();
  for (int i = 3; i < count; i++) run(arguments[i], arguments[2]);
  return 0;
}
