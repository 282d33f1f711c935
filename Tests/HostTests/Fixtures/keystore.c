/* A keystore in memory whose every call a test can stop, count and spoil.
 *
 * What a call does besides its work follows from the name that it is given:
 *   block-…     get, create, remove, list: stop at the gate until the test opens it; get has read the value before it stops
 *   slow-…      the same, but get only
 *   hold-…      the same, but create and remove only
 *   code-N      return N, with a message
 * and for get also:
 *   never-…     say OK and give nothing          twice-…   give the value twice
 *   large-…     give one byte more than 1 MiB    null-…    give bytes at NULL
 *   noise-…     fail with a message of control characters, broken UTF-8 and more than 4096 bytes
 *   surplus-…   write an answer of its own, with the value "bad", to the socket of the first channel
 *   shout-…     write to standard output and standard error
 *   abort-…     write to standard error, and abort
 *   stuck-…     log that, and never return
 *   punctual-…  the first time wait until exactly the deadline, and return TIMEOUT with a message
 * When HELPERS is defined, open starts two processes, and logs their numbers after its own.
 * When CHATTERS is defined, open logs without a pause and never returns.
 * When CLOSE_HANGS is defined, close never returns. When CLOSE_SECONDS is, it takes so long, and logs that it begins and ends.
 * When GONE_FILE is defined, all calls return UNREACHABLE, or GONE_RESULT, while a file of that path exists.
 * When GATE_PIPE is defined, a get of a name that begins with `piped-` reads that named pipe to its end before it answers.
 * When LISTED is defined, names in quotes and with commas between them, open makes entries of these names. Each holds what the file
 * ENTRY_FILE does.
 * list answers some prefixes wrongly, see lists.h, and get some names, see sinks.h. The test_… functions there and in gate.h are the
 * test's, found with dlsym. */
#include <keswick_keystore.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#ifdef GATE_PIPE
#include <fcntl.h>
#endif
#include <unistd.h>
#include "gate.h"
#include "lists.h"
#include "sinks.h"
#include "tricks.h"

#ifndef NAME
#define NAME "scripted"
#endif
#ifndef FLAGS
#define FLAGS 0
#endif
#ifndef SIZE
#define SIZE sizeof(keswick_keystore)
#endif
#ifndef STATUS_FUNCTION
#define STATUS_FUNCTION do_status
#endif
#ifndef GONE_RESULT
#define GONE_RESULT KESWICK_UNREACHABLE
#endif
#ifndef CAPACITY
#define CAPACITY 4096
#endif

static struct entry { char name[KESWICK_NAME_MAX + 1]; uint8_t *value; size_t size; } entries[CAPACITY];
static size_t count;
static int was_punctual;

struct keswick_instance { const keswick_host *host; };
static struct keswick_instance the_instance;

/* ---- helpers ---- */

static void say(const keswick_call *call, const void *text, size_t size) {
  call->error.write(call->error.context, (keswick_bytes){text, size});
}

static void enter(int operation) {
  calls[operation]++;
  int known = 0;
  for (int i = 0; i < thread_count; i++) known |= pthread_equal(threads[i], pthread_self());
  if (!known && thread_count < 64) threads[thread_count++] = pthread_self();
  if (++running > most_running) most_running = running;
}

static keswick_result leave(keswick_result result) {
  running--;
  pthread_mutex_unlock(&lock);
  return result;
}

static void stop_at_gate(keswick_bytes name, const char *prefix) {
  if (!begins(name, "block-") && !begins(name, prefix)) return;
  blocked++;
  pthread_cond_broadcast(&changed);
  while (!gate_open) pthread_cond_wait(&changed, &lock);
  blocked--;
  pthread_cond_broadcast(&changed);
}

/* Whether the call is to fail; if so *result says how. */
static int spoiled(const keswick_call *call, keswick_bytes name, keswick_result *result) {
#ifdef GONE_FILE
  if (access(GONE_FILE, F_OK) == 0) {
    say(call, "the backend is gone", 19);
    *result = GONE_RESULT;
    return 1;
  }
#endif
  if (forced != KESWICK_OK) {
    say(call, "forced by the test", 18);
    *result = forced;
    return 1;
  }
  if (begins(name, "code-")) {
    char digits[16] = {0};
    memcpy(digits, name.data + 5, name.size - 5 < 15 ? name.size - 5 : 15);
    *result = atoi(digits);
    say(call, "as the name says", 16);
    return 1;
  }
  return 0;
}

/* Waits until the deadline of the call, without the lock. */
static keswick_result return_on_time(const keswick_call *call) {
  was_punctual = 1;
  pthread_mutex_unlock(&lock);
  struct timespec time = {(time_t)(call->deadline / 1000000000), (long)(call->deadline % 1000000000)};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) != 0) {}
  pthread_mutex_lock(&lock);
  say(call, "gave up at the deadline", 23);
  return KESWICK_TIMEOUT;
}

static struct entry *find(keswick_bytes name) {
  for (size_t i = 0; i < count; i++)
    if (strlen(entries[i].name) == name.size && memcmp(entries[i].name, name.data, name.size) == 0) return &entries[i];
  return NULL;
}

static void put(keswick_bytes name, keswick_bytes value) {
  struct entry *entry = &entries[count++];
  memcpy(entry->name, name.data, name.size);
  entry->name[name.size] = 0;
  entry->value = malloc(value.size + 1);
  memcpy(entry->value, value.data, value.size);
  entry->size = value.size;
}

#ifdef LISTED
static void put_listed(void) {
  static const char *const names[] = {LISTED};
  uint8_t value[4096];
  FILE *file = fopen(ENTRY_FILE, "r");
  size_t size = file ? fread(value, 1, sizeof value, file) : 0;
  if (file) fclose(file);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    put((keswick_bytes){(const uint8_t *)names[i], strlen(names[i])}, (keswick_bytes){value, size});
}
#endif

/* ---- the functions ---- */

static keswick_result do_open(keswick_bytes configuration, const keswick_host *host, const keswick_call *call,
                              keswick_instance **instance) {
  pthread_mutex_lock(&lock);
  enter(OPEN);
  if (configuration.size != 2 || memcmp(configuration.data, "{}", 2) != 0) {
    /* A member of that name, or the name alone. */
    size_t start = configuration.data[0] == '{';
    if (configuration.size >= start + 7 && memcmp(configuration.data + start, "\"block\"", 7) == 0) {
      host->log(host->context, KESWICK_LOG_INFO, (keswick_bytes){(const uint8_t *)"waiting to be opened", 20});
      stop_at_gate((keswick_bytes){(const uint8_t *)"block-open", 10}, "block-");
      *instance = &the_instance;
      return leave(KESWICK_OK);
    }
    if (configuration.size == 6 && memcmp(configuration.data, "\"null\"", 6) == 0) return leave(KESWICK_OK);
    say(call, "the path is missing: give 'path'", 32);
    return leave(KESWICK_INVALID);
  }
  the_instance.host = kept_host = host;
  host->log(host->context, KESWICK_LOG_INFO, (keswick_bytes){(const uint8_t *)"opened\nforged line", 18});
#ifdef CHATTERS
  for (;;) host->log(host->context, KESWICK_LOG_INFO, (keswick_bytes){(const uint8_t *)"still at it", 11});
#endif
#ifdef HELPERS
  start_helpers(host);
#endif
#ifdef LISTED
  put_listed();
#endif
  *instance = &the_instance;
  return leave(KESWICK_OK);
}

static void do_close(keswick_instance *instance) {
  (void)instance;
  pthread_mutex_lock(&lock);
  calls[CLOSE]++;
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&lock);
#ifdef CLOSE_HANGS
  for (;;) pause();
#endif
#ifdef CLOSE_SECONDS
  tell(instance->host, "close begins");
  sleep(CLOSE_SECONDS);
  tell(instance->host, "close ends");
#endif
}

static keswick_result do_create(keswick_instance *instance, const keswick_call *call, keswick_bytes name, keswick_bytes value) {
  (void)instance;
  pthread_mutex_lock(&lock);
  enter(CREATE);
  keswick_result result;
  if (spoiled(call, name, &result)) return leave(result);
  stop_at_gate(name, "hold-");
  if (find(name)) return leave(KESWICK_EXISTS);
  if (count == CAPACITY) {
    say(call, "full", 4);
    return leave(KESWICK_INTERNAL);
  }
  put(name, value);
  return leave(KESWICK_OK);
}

static keswick_result do_get(keswick_instance *instance, const keswick_call *call, keswick_bytes name, keswick_sink value) {
  (void)instance;
  pthread_mutex_lock(&lock);
  enter(GET);
  keswick_result result;
  if (spoiled(call, name, &result)) return leave(result);
#ifdef GATE_PIPE
  if (begins(name, "piped-")) {
    pthread_mutex_unlock(&lock);
    int end = open(GATE_PIPE, O_RDONLY | O_CLOEXEC);
    char byte;
    while (read(end, &byte, 1) > 0) {}
    close(end);
    pthread_mutex_lock(&lock);
  }
#endif
  if (begins(name, "surplus-")) answer_without_question();
  if (begins(name, "shout-")) shout();
  if (begins(name, "abort-")) fail_an_assertion();
  if (begins(name, "stuck-")) stay(the_instance.host);
  if (begins(name, "punctual-") && !was_punctual) return leave(return_on_time(call));
  if (begins(name, "never-")) return leave(KESWICK_OK);
  if (get_wrong(call, name, value, &result)) return leave(result);
  if (begins(name, "twice-")) {
    value.write(value.context, (keswick_bytes){(const uint8_t *)"one", 3});
    value.write(value.context, (keswick_bytes){(const uint8_t *)"two", 3});
    return leave(KESWICK_OK);
  }
  if (begins(name, "large-")) {
    uint8_t *large = calloc(1, KESWICK_VALUE_MAX + 1);
    value.write(value.context, (keswick_bytes){large, KESWICK_VALUE_MAX + 1});
    free(large);
    return leave(KESWICK_OK);
  }
  if (begins(name, "null-")) {
    value.write(value.context, (keswick_bytes){NULL, 5});
    return leave(KESWICK_OK);
  }
  if (begins(name, "noise-")) {
    char text[5000];
    memset(text, 'x', sizeof text);
    memcpy(text, "a\nb\x1b[31m\xff\xe2\x80\xae", 12);
    say(call, text, sizeof text);
    return leave(KESWICK_INTERNAL);
  }
  struct entry *entry = find(name);
  if (!entry) {
    stop_at_gate(name, "slow-");
    return leave(KESWICK_NOT_FOUND);
  }
  size_t size = entry->size;
  uint8_t *copy = malloc(size + 1);
  memcpy(copy, entry->value, size);
  stop_at_gate(name, "slow-");
  value.write(value.context, (keswick_bytes){copy, size});
  free(copy);
  return leave(KESWICK_OK);
}

static keswick_result do_remove(keswick_instance *instance, const keswick_call *call, keswick_bytes name) {
  (void)instance;
  pthread_mutex_lock(&lock);
  enter(REMOVE);
  keswick_result result;
  if (spoiled(call, name, &result)) return leave(result);
  stop_at_gate(name, "hold-");
  struct entry *entry = find(name);
  if (!entry) return leave(KESWICK_NOT_FOUND);
  free(entry->value);
  *entry = entries[--count];
  return leave(KESWICK_OK);
}

static int compare(const void *left, const void *right) {
  return strcmp(((const struct entry *)left)->name, ((const struct entry *)right)->name);
}

static keswick_result do_list(keswick_instance *instance, const keswick_call *call, keswick_bytes prefix, keswick_bytes after,
                              size_t limit, keswick_sink names) {
  (void)instance;
  pthread_mutex_lock(&lock);
  enter(LIST);
  keswick_result result;
  if (spoiled(call, prefix, &result)) return leave(result);
  stop_at_gate(prefix, "block-");
  if (list_wrong(prefix, limit, names)) return leave(KESWICK_OK);
  qsort(entries, count, sizeof *entries, compare);
  char last[KESWICK_NAME_MAX + 1] = {0};
  memcpy(last, after.data, after.size);
  for (size_t i = 0; i < count && limit > 0; i++) {
    size_t size = strlen(entries[i].name);
    if (size < prefix.size || memcmp(entries[i].name, prefix.data, prefix.size) != 0 || strcmp(entries[i].name, last) <= 0) continue;
    names.write(names.context, (keswick_bytes){(const uint8_t *)entries[i].name, size});
    limit--;
  }
  return leave(KESWICK_OK);
}

__attribute__((unused)) static keswick_result do_status(keswick_instance *instance, const keswick_call *call) {
  (void)instance;
  pthread_mutex_lock(&lock);
  enter(STATUS);
  keswick_result result;
  if (spoiled(call, (keswick_bytes){(const uint8_t *)"-", 1}, &result)) return leave(result);
  return leave(KESWICK_OK);
}

static const keswick_keystore table = {
    KESWICK_ABI_VERSION, SIZE,      NAME,   "1.2.3",   FLAGS,   do_open,
    do_close,            do_create, do_get, do_remove, do_list, STATUS_FUNCTION};

KESWICK_EXPORT const keswick_keystore *keswick_keystore_plugin(void) { return &table; }
