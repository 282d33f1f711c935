/* What keystore.c lists that no keystore should. Included once, by keystore.c. */
#ifndef KESWICK_FIXTURE_LISTS_H
#define KESWICK_FIXTURE_LISTS_H

#include <keswick_keystore.h>
#include <stdio.h>
#include <string.h>

static int begins(keswick_bytes name, const char *prefix) {
  size_t size = strlen(prefix);
  return name.size >= size && memcmp(name.data, prefix, size) == 0;
}

/* Answers to prefixes that stand for a mistake. Returns whether this is one. */
static int list_wrong(keswick_bytes prefix, size_t limit, keswick_sink names) {
#define GIVE(text) names.write(names.context, (keswick_bytes){(const uint8_t *)(text), sizeof(text) - 1})
  if (begins(prefix, "unsorted")) {
    GIVE("unsorted-b");
    GIVE("unsorted-a");
  } else if (begins(prefix, "repeated")) {
    GIVE("repeated-a");
    GIVE("repeated-a");
  } else if (begins(prefix, "foreign")) {
    GIVE("other");
  } else if (begins(prefix, "invalid")) {
    GIVE("invalid/../name");
  } else if (begins(prefix, "empty")) {
    GIVE("");
  } else if (begins(prefix, "before")) {
    GIVE("before-a");
  } else if (begins(prefix, "many")) {
    for (size_t i = 0; i <= limit; i++) {
      char name[32];
      int size = snprintf(name, sizeof name, "many-%06zu", i);
      names.write(names.context, (keswick_bytes){(const uint8_t *)name, (size_t)size});
    }
  } else {
    return 0;
  }
  return 1;
}

#endif /* KESWICK_FIXTURE_LISTS_H */
