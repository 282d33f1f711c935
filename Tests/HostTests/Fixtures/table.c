/* A plugin whose table is wrong in one place, which the macros say; it does nothing but be loaded. */
#include <keswick_keystore.h>
#include <stdio.h>

#ifndef ABI
#define ABI KESWICK_ABI_VERSION
#endif
#ifndef SIZE
#define SIZE sizeof(keswick_keystore)
#endif
#ifndef NAME
#define NAME "broken"
#endif
#ifndef VERSION
#define VERSION "1"
#endif
#ifndef FLAGS
#define FLAGS 0
#endif
#ifndef GET
#define GET do_get
#endif
#ifndef RETURNED
#define RETURNED &table.today
#endif
#ifndef SYMBOL
#define SYMBOL keswick_keystore_plugin
#endif

/* Leaves a trace when code of the library runs at all. */
__attribute__((constructor)) static void trace(void) {
#ifdef TRACE
  FILE *file = fopen(TRACE, "w");
  if (file) fclose(file);
#endif
}

static keswick_result do_open(keswick_bytes c, const keswick_host *h, const keswick_call *l, keswick_instance **i) {
  (void)c, (void)h, (void)l, (void)i;
  return KESWICK_INTERNAL;
}
static void do_close(keswick_instance *i) { (void)i; }
static keswick_result do_create(keswick_instance *i, const keswick_call *l, keswick_bytes n, keswick_bytes v) {
  (void)i, (void)l, (void)n, (void)v;
  return KESWICK_INTERNAL;
}
static keswick_result do_remove(keswick_instance *i, const keswick_call *l, keswick_bytes n) {
  (void)i, (void)l, (void)n;
  return KESWICK_INTERNAL;
}
static keswick_result do_list(keswick_instance *i, const keswick_call *l, keswick_bytes p, keswick_bytes a, size_t m, keswick_sink s) {
  (void)i, (void)l, (void)p, (void)a, (void)m, (void)s;
  return KESWICK_INTERNAL;
}
static keswick_result do_status(keswick_instance *i, const keswick_call *l) {
  (void)i, (void)l;
  return KESWICK_INTERNAL;
}
keswick_result nowhere_defined(keswick_instance *, const keswick_call *, keswick_bytes, keswick_sink);
__attribute__((unused)) static keswick_result do_get(keswick_instance *i, const keswick_call *l, keswick_bytes n, keswick_sink s) {
  (void)i, (void)l, (void)n, (void)s;
  return KESWICK_INTERNAL;
}

/* The table of some later release: longer than today's. */
__attribute__((unused)) static const struct {
  keswick_keystore today;
  void *later[4];
} table = {{ABI, SIZE, NAME, VERSION, FLAGS, do_open, do_close, do_create, GET, do_remove, do_list, do_status}, {0}};

KESWICK_EXPORT const keswick_keystore *SYMBOL(void) {
  return RETURNED;
}
