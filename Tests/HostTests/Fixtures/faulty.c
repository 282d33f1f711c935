/* A keystore of the files in DIRECTORY whose calls go wrong while a key is replaced, as those of a backend behind a network do. How is in
 * the beginning of the name:
 *   lost-first-…    the first create does its work, and the answer is lost
 *   spoiled-first-… the first create stores something else, and its answer is lost
 *   lost-remove-…   remove does its work, and the answer is lost
 *   lost-create-…   create does its work once a key was removed, and the answer is lost
 *   late-…          after a remove, two creates fail before one succeeds
 *   refused-…       after a remove, create takes nothing but what was removed
 *   gone-…          after a remove, create takes nothing
 *   kept-…          remove does nothing, and fails
 *   spoiled-…       after a remove, the first create stores something else
 *   blind-…         after a create, get fails twice
 *   piped-…         after a remove, create says that it is waiting, and reads DIRECTORY/../gate, a named pipe, to its end first
 *   z-…             create waits until one of piped-… has done so */
#include <fcntl.h>
#include <keswick_keystore.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct state {
  char name[KESWICK_NAME_MAX + 1];
  char old[4096];
  size_t old_size;
  int removed, creates, gets;
} states[64];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int is_gate_passed;
struct keswick_instance { const keswick_host *host; };
static struct keswick_instance the_instance;

static int begins(const char *text, const char *prefix) { return strncmp(text, prefix, strlen(prefix)) == 0; }

/* To be called with the lock. */
static struct state *state_of(keswick_bytes name) {
  size_t i = 0;
  while (states[i].name[0] && (strlen(states[i].name) != name.size || memcmp(states[i].name, name.data, name.size) != 0)) i++;
  memcpy(states[i].name, name.data, name.size);
  return &states[i];
}

static keswick_result fail(const keswick_call *call, keswick_result result) {
  static const char text[] = "the connection is gone";
  call->error.write(call->error.context, (keswick_bytes){(const uint8_t *)text, sizeof text - 1});
  return result;
}

static void path_of(char *path, const char *name) { snprintf(path, 1024, "%s/%s", DIRECTORY, name); }

static keswick_result do_open(keswick_bytes configuration, const keswick_host *host, const keswick_call *call,
                              keswick_instance **instance) {
  (void)configuration, (void)call;
  the_instance.host = host;
  *instance = &the_instance;
  return KESWICK_OK;
}

static void do_close(keswick_instance *instance) { (void)instance; }

static keswick_result store(const struct state *state, const void *data, size_t size) {
  char path[1024];
  path_of(path, state->name);
  int file = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
  if (file < 0) return KESWICK_EXISTS;
  ssize_t written = write(file, data, size);
  close(file);
  return written == (ssize_t)size ? KESWICK_OK : KESWICK_INTERNAL;
}

static keswick_result create_locked(struct state *state, const keswick_call *call, keswick_bytes value) {
  char path[1024];
  path_of(path, state->name);
  if (access(path, F_OK) == 0) return KESWICK_EXISTS;
  if (!state->removed) {
    int is_lost = begins(state->name, "lost-first-"), is_spoiled = begins(state->name, "spoiled-first-");
    keswick_result result = is_spoiled ? store(state, "spoiled", 7) : store(state, value.data, value.size);
    return is_lost || is_spoiled ? fail(call, KESWICK_UNREACHABLE) : result;
  }
  state->creates++;
  if (begins(state->name, "gone-")) return fail(call, KESWICK_UNREACHABLE);
  if (begins(state->name, "late-") && state->creates <= 2) return fail(call, KESWICK_UNREACHABLE);
  if (begins(state->name, "refused-") && (value.size != state->old_size || memcmp(value.data, state->old, value.size) != 0))
    return fail(call, KESWICK_DENIED);
  if (begins(state->name, "spoiled-") && state->creates == 1) return store(state, "spoiled", 7);
  keswick_result result = store(state, value.data, value.size);
  return begins(state->name, "lost-create-") ? fail(call, KESWICK_TIMEOUT) : result;
}

static keswick_result do_create(keswick_instance *instance, const keswick_call *call, keswick_bytes name, keswick_bytes value) {
  (void)instance;
  pthread_mutex_lock(&lock);
  struct state *state = state_of(name);
  if (state->removed && begins(state->name, "piped-")) {
    /* The test has it open for writing, and closes it when it has read this line. */
    int end = open(DIRECTORY "/../gate", O_RDONLY | O_CLOEXEC);
    static const char text[] = "waiting at the gate";
    the_instance.host->log(the_instance.host->context, KESWICK_LOG_WARNING, (keswick_bytes){(const uint8_t *)text, sizeof text - 1});
    char byte;
    while (read(end, &byte, 1) > 0) {}
    close(end);
    is_gate_passed = 1;
    pthread_cond_broadcast(&changed);
  }
  while (begins(state->name, "z-") && !is_gate_passed) pthread_cond_wait(&changed, &lock);
  keswick_result result = create_locked(state, call, value);
  pthread_mutex_unlock(&lock);
  return result;
}

static keswick_result do_get(keswick_instance *instance, const keswick_call *call, keswick_bytes name, keswick_sink value) {
  (void)instance;
  char path[1024], bytes[4096];
  pthread_mutex_lock(&lock);
  struct state *state = state_of(name);
  int is_blind = begins(state->name, "blind-") && state->creates > 0 && state->gets++ < 2;
  path_of(path, state->name);
  pthread_mutex_unlock(&lock);
  if (is_blind) return fail(call, KESWICK_UNREACHABLE);
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return KESWICK_NOT_FOUND;
  ssize_t size = read(file, bytes, sizeof bytes);
  close(file);
  if (size < 0) return fail(call, KESWICK_INTERNAL);
  value.write(value.context, (keswick_bytes){(const uint8_t *)bytes, (size_t)size});
  return KESWICK_OK;
}

static keswick_result do_remove(keswick_instance *instance, const keswick_call *call, keswick_bytes name) {
  (void)instance;
  char path[1024];
  pthread_mutex_lock(&lock);
  struct state *state = state_of(name);
  path_of(path, state->name);
  keswick_result result = KESWICK_NOT_FOUND;
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file >= 0) {
    if (!state->removed) state->old_size = (size_t)read(file, state->old, sizeof state->old);
    close(file);
    if (!begins(state->name, "kept-")) unlink(path);
    state->removed = 1;
    result = KESWICK_OK;
  }
  if (begins(state->name, "lost-remove-") || begins(state->name, "kept-")) result = fail(call, KESWICK_UNREACHABLE);
  pthread_mutex_unlock(&lock);
  return result;
}

/* A destination is asked for names only to learn which are taken; with --force it is not asked. */
static keswick_result do_list(keswick_instance *instance, const keswick_call *call, keswick_bytes prefix, keswick_bytes after,
                              size_t limit, keswick_sink names) {
  (void)instance, (void)prefix, (void)after, (void)limit, (void)names;
  return fail(call, KESWICK_INTERNAL);
}

static const keswick_keystore table = {
    KESWICK_ABI_VERSION, sizeof(keswick_keystore), "faulty", "1.0.0",   KESWICK_DURABLE, do_open,
    do_close,            do_create,                do_get,   do_remove, do_list,         NULL};

KESWICK_EXPORT const keswick_keystore *keswick_keystore_plugin(void) { return &table; }
