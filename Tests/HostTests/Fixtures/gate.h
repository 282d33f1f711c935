/* The gate of keystore.c, its counters, and the functions with which a test moves and reads them. Included once, by keystore.c. */
#ifndef KESWICK_FIXTURE_GATE_H
#define KESWICK_FIXTURE_GATE_H

#include <keswick_keystore.h>
#include <pthread.h>

enum { CREATE, GET, REMOVE, LIST, STATUS, OPEN, CLOSE, OPERATIONS };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int gate_open, blocked, running, most_running;
static int calls[OPERATIONS];
static keswick_result forced = KESWICK_OK;
static pthread_t threads[64];
static int thread_count;

KESWICK_EXPORT void test_open_gate(void) {
  pthread_mutex_lock(&lock);
  gate_open = 1;
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&lock);
}

KESWICK_EXPORT void test_close_gate(void) {
  pthread_mutex_lock(&lock);
  gate_open = 0;
  pthread_mutex_unlock(&lock);
}

/* Returns when so many calls stand at the gate. */
KESWICK_EXPORT void test_wait_until_blocked(int wanted) {
  pthread_mutex_lock(&lock);
  while (blocked != wanted) pthread_cond_wait(&changed, &lock);
  pthread_mutex_unlock(&lock);
}

KESWICK_EXPORT void test_wait_until_closed(void) {
  pthread_mutex_lock(&lock);
  while (calls[CLOSE] == 0) pthread_cond_wait(&changed, &lock);
  pthread_mutex_unlock(&lock);
}

KESWICK_EXPORT int test_calls(int operation) {
  pthread_mutex_lock(&lock);
  int result = calls[operation];
  pthread_mutex_unlock(&lock);
  return result;
}

KESWICK_EXPORT int test_most_running(void) {
  pthread_mutex_lock(&lock);
  int result = most_running;
  pthread_mutex_unlock(&lock);
  return result;
}

/* How many threads have made calls. */
KESWICK_EXPORT int test_threads(void) {
  pthread_mutex_lock(&lock);
  int result = thread_count;
  pthread_mutex_unlock(&lock);
  return result;
}

/* All calls return this from now on; KESWICK_OK ends it. */
KESWICK_EXPORT void test_force(int result) {
  pthread_mutex_lock(&lock);
  forced = result;
  pthread_mutex_unlock(&lock);
}

#endif /* KESWICK_FIXTURE_GATE_H */
