/* What every keystore in C needs at the border to the server: failures, deadlines, names, and a small configuration. */
#ifndef BORDER_H
#define BORDER_H

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "keswick_keystore.h"

/* Explains a failure to the operator. Never put a value, or a part of one, into a message. */
static inline keswick_result fail(const keswick_call *call, keswick_result result, const char *what) {
  char text[200];
  int size = errno ? snprintf(text, sizeof text, "%s: %s", what, strerror(errno)) : snprintf(text, sizeof text, "%s", what);
  /* snprintf says how long the whole text would have been. */
  size_t written = size < 0 ? 0 : (size_t)size < sizeof text ? (size_t)size : sizeof text - 1;
  call->error.write(call->error.context, (keswick_bytes){(const uint8_t *)text, written});
  return result;
}

/* Every function begins with this: after the deadline nobody waits for the answer, so nothing may be changed any more. */
static inline int is_late(const keswick_call *call) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  errno = 0;
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec >= call->deadline;
}

static inline int is_text(keswick_bytes text) {
  const char *allowed = "-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
  for (size_t i = 0; i < text.size; i++)
    if (text.data[i] == 0 || !strchr(allowed, text.data[i])) return 0;
  return 1;
}

/* Other names are refused whatever the server checks before: a name must never become a path or a query by accident. */
static inline int is_name(keswick_bytes name) {
  return name.size >= 1 && name.size <= KESWICK_NAME_MAX && name.data[0] != '.' && is_text(name);
}

/* Reads {"path": "FILE"}, without escapes, and nothing else: a member with a typo must not pass. For more, take a JSON library. */
static inline int parse(keswick_bytes json, char path[4096]) {
  char text[8192] = {0};
  int end = 0;
  if (json.size == 0 || json.size >= sizeof text) return 0;
  memcpy(text, json.data, json.size);
  return strlen(text) == json.size && sscanf(text, " { \"path\" : \"%4095[^\"\\\001-\037]\" } %n", path, &end) == 1 &&
         (size_t)end == json.size;
}

#endif /* BORDER_H */
