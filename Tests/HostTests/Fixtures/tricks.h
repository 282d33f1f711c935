/* What keystore.c does that no keystore should, in a process of its own. Included once, by keystore.c. */
#ifndef KESWICK_FIXTURE_TRICKS_H
#define KESWICK_FIXTURE_TRICKS_H

#include <keswick_keystore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void tell(const keswick_host *host, const char *text) {
  host->log(host->context, KESWICK_LOG_INFO, (keswick_bytes){(const uint8_t *)text, strlen(text)});
}

#ifdef HELPERS
/* One that runs another program, and one that does not and so keeps all descriptors. */
static void start_helpers(const keswick_host *host) {
  pid_t program = fork();
  if (program == 0) {
    execlp("sleep", "sleep", "3600", (char *)NULL);
    _exit(1);
  }
  pid_t copy = fork();
  if (copy == 0)
    for (;;) pause();
  char text[64];
  int size = snprintf(text, sizeof text, "started %d %d %d", (int)getpid(), (int)program, (int)copy);
  if (size > 0) tell(host, text);
}
#endif

/* An answer as the server expects one: ten 32-bit words, the first of which is the kind and the fourth the value's size, and the value. */
static void answer_without_question(void) {
  uint32_t frame[10] = {8, 0, 0, 3};
  char bytes[sizeof frame + 3];
  memcpy(bytes, frame, sizeof frame);
  memcpy(bytes + sizeof frame, "bad", 3);
  if (write(4, bytes, sizeof bytes) < 0) abort();
}

/* Lines that look like others, one that is too long, and one without an end. */
static void shout(void) {
  printf("the plugin's output\n");
  fflush(stdout);
  fprintf(stderr, "the plugin's errors\n{\"time\":\"2026-01-01\"}\x1b[31m\n%05000d\nno end", 0);
}

/* Says that it is there, and never returns. */
static void stay(const keswick_host *host) {
  tell(host, "stuck");
  for (;;) pause();
}

static void fail_an_assertion(void) {
  fprintf(stderr, "assertion failed: the heap is whole\n");
  abort();
}

#endif /* KESWICK_FIXTURE_TRICKS_H */
