/* Lists of a keystore in several threads at once. SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "lists.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "faults.h"

struct lister {
  pthread_t thread;
  atomic_long number; /* 0 before it runs. */
  atomic_int has_ended;
  const keswick_keystore *table;
  keswick_instance *instance;
  keswick_call call;
  keswick_result result;
};

static struct lister listers[64];
static int lister_count;
static atomic_int readings;

static void take_nothing(void *context, keswick_bytes bytes) {
  (void)context;
  (void)bytes;
}

/* Whether the system says that a thread sleeps (proc(5)). */
static int sleeps(long number) {
  char path[64], line[256];
  snprintf(path, sizeof path, "/proc/self/task/%ld/stat", number);
  FILE *file = fopen(path, "r");
  if (!file) return 0;
  size_t size = fread(line, 1, sizeof line - 1, file);
  fclose(file);
  line[size] = 0;
  const char *name_end = strrchr(line, ')');
  return name_end && name_end[1] == ' ' && name_end[2] == 'S';
}

static void before_reading(int fd) {
  futimens(fd, NULL);
  if (atomic_fetch_add(&readings, 1) > 0) return;
  long own = syscall(SYS_gettid);
  for (int i = 0; i < lister_count; i++) {
    long number;
    while ((number = listers[i].number) != own && !listers[i].has_ended && !(number && sleeps(number))) sched_yield();
  }
}

static void *list(void *argument) {
  struct lister *lister = argument;
  lister->number = syscall(SYS_gettid);
  keswick_bytes nothing = {(const uint8_t *)"", 0};
  keswick_sink sink = {NULL, take_nothing};
  lister->result = lister->table->list(lister->instance, &lister->call, nothing, nothing, 1000, sink);
  lister->has_ended = 1;
  return NULL;
}

struct lists_result lists_run(const keswick_keystore *table, keswick_instance *instance, keswick_call call, int count) {
  readings = 0;
  lister_count = count < 64 ? count : 64;
  fault_before_reading(before_reading);
  for (int i = 0; i < lister_count; i++) {
    listers[i].number = 0;
    listers[i].has_ended = 0;
    listers[i].table = table;
    listers[i].instance = instance;
    listers[i].call = call;
    if (pthread_create(&listers[i].thread, NULL, list, &listers[i])) _exit(3);
  }
  struct lists_result result = {0, 0};
  for (int i = 0; i < lister_count; i++) {
    pthread_join(listers[i].thread, NULL);
    result.succeeded += listers[i].result == KESWICK_OK;
  }
  fault_before_reading(NULL);
  result.readings = readings;
  return result;
}
