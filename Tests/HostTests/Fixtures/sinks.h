/* What keystore.c does with sinks, and with the host's log, that no keystore should. Included once, by keystore.c. */
#ifndef KESWICK_FIXTURE_SINKS_H
#define KESWICK_FIXTURE_SINKS_H

#include <keswick_keystore.h>
#include <pthread.h>
#include <stdint.h>
#include "lists.h"

static keswick_sink kept;
static const keswick_host *kept_host;

#define TEXT(text) (keswick_bytes){(const uint8_t *)(text), sizeof(text) - 1}
/* The length that a function returned which says -1 when it fails. */
static const keswick_bytes vast = {(const uint8_t *)"x", (size_t)-1};

static void *write_aside(void *sink) {
  keswick_sink *value = sink;
  value->write(value->context, TEXT("aside"));
  return NULL;
}

/* Answers to names that stand for a mistake. Returns whether this is one, and what get returns. */
static int get_wrong(const keswick_call *call, keswick_bytes name, keswick_sink value, keswick_result *result) {
  *result = KESWICK_OK;
  if (begins(name, "vast-")) {
    value.write(value.context, vast);
  } else if (begins(name, "vastly-denied-")) {
    call->error.write(call->error.context, vast);
    *result = KESWICK_DENIED;
  } else if (begins(name, "aside-")) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, write_aside, &value) == 0) pthread_join(thread, NULL);
  } else if (begins(name, "kept-")) {
    kept = value;
    call->error.write(call->error.context, TEXT("gave up"));
    *result = KESWICK_TIMEOUT;
  } else if (begins(name, "stale-")) {
    kept.write(kept.context, TEXT("another's value"));
  } else {
    return 0;
  }
  return 1;
}

KESWICK_EXPORT void test_log_vast(void) { kept_host->log(kept_host->context, KESWICK_LOG_INFO, vast); }

KESWICK_EXPORT void test_log(void) { kept_host->log(kept_host->context, KESWICK_LOG_INFO, TEXT("still here")); }

KESWICK_EXPORT void test_write_kept(void) { kept.write(kept.context, TEXT("late")); }

#endif /* KESWICK_FIXTURE_SINKS_H */
