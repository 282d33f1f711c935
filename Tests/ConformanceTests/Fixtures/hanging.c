/* A keystore whose open never returns; when IN_CREATE is defined, its create, and no other function does anything. It writes its
 * process's number, that of one that it has started, and its configuration to the named pipe FIFO. */
#include <fcntl.h>
#include <keswick_keystore.h>
#include <stdio.h>
#include <unistd.h>

struct keswick_instance { char nothing; };

static void hang(keswick_bytes configuration) {
  pid_t started = fork();
  if (started != 0) {
    int pipe = open(FIFO, O_WRONLY | O_CLOEXEC);
    dprintf(pipe, "%d %d %.*s\n", (int)getpid(), (int)started, (int)configuration.size, (const char *)configuration.data);
    close(pipe);
  }
  for (;;) pause();
}

static keswick_result do_open(keswick_bytes configuration, const keswick_host *host, const keswick_call *call,
                              keswick_instance **instance) {
  static keswick_instance the_instance;
  (void)host;
  (void)call;
#ifndef IN_CREATE
  hang(configuration);
#else
  (void)configuration;
#endif
  *instance = &the_instance;
  return KESWICK_OK;
}

static void do_close(keswick_instance *instance) { (void)instance; }

static keswick_result do_create(keswick_instance *instance, const keswick_call *call, keswick_bytes name, keswick_bytes value) {
  (void)instance, (void)call, (void)value;
  hang(name);
  return KESWICK_INTERNAL;
}

static keswick_result do_get(keswick_instance *instance, const keswick_call *call, keswick_bytes name, keswick_sink value) {
  (void)instance, (void)call, (void)name, (void)value;
  return KESWICK_INTERNAL;
}

static keswick_result do_remove(keswick_instance *instance, const keswick_call *call, keswick_bytes name) {
  (void)instance, (void)call, (void)name;
  return KESWICK_INTERNAL;
}

static keswick_result do_list(keswick_instance *instance, const keswick_call *call, keswick_bytes prefix, keswick_bytes after,
                              size_t limit, keswick_sink names) {
  (void)instance, (void)call, (void)prefix, (void)after, (void)limit, (void)names;
  return KESWICK_INTERNAL;
}

static const keswick_keystore table = {
    KESWICK_ABI_VERSION, sizeof(keswick_keystore), "hanging", "1.0.0", 0, do_open, do_close, do_create, do_get, do_remove,
    do_list,             NULL};

KESWICK_EXPORT const keswick_keystore *keswick_keystore_plugin(void) { return &table; }
