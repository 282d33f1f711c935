/* keswick_keystore.h: the keystore plugin interface of Keswick, version 1.
 *
 * Copyright 2026 The Keswick Authors. SPDX-License-Identifier: Apache-2.0
 *
 * A keystore plugin is a shared library that stores small, opaque values under short names for a Keswick server. It
 * exports one symbol, keswick_keystore_plugin(), which returns one constant table of functions. This header is all that
 * an author needs; it depends on nothing but <stddef.h> and <stdint.h>, and compiles as C99 and as C++.
 *
 * WHAT IS IN HERE
 *   1. Constants:  results, capability flags, log levels, limits.
 *   2. Data that crosses the border:  keswick_bytes (a view) and keswick_sink (a way to hand bytes over).
 *   3. What the host gives:  keswick_host (for the life of an instance) and keswick_call (for one call).
 *   4. What the plugin gives:  keswick_keystore (the table) and keswick_keystore_plugin() (the entry point).
 *
 * THE RULES, each of which holds for every function unless its own comment says otherwise
 *
 * Ownership  No buffer crosses the border with a duty to free it. What the host passes in is the host's and is valid until
 *            the function returns: copy what must live longer. What the plugin hands back it passes to a sink, which copies
 *            it before it returns: the plugin's buffer stays the plugin's. The one pointer that the plugin lends for longer
 *            is the table, which must stay valid and unchanged until the process ends.
 * Names      Answer a name outside the limits below with KESWICK_INVALID, whatever the host checks before. Never let a name
 *            become a path, a query or a URL segment unescaped.
 * Secrets    A value is key material. A plugin that buffers one wipes the buffer (explicit_bzero) before it frees it. No
 *            value, nor any part of one, may appear in an error message, a log line or a file name.
 * Threads    Functions are called from threads that the host owns, several at once for the same instance, unless the
 *            table's flags say KESWICK_SERIAL. open() and close() are never called at the same time as another function of
 *            the same instance. Never unwind an exception or longjmp across the border.
 * Time       Functions may block. Each call carries a deadline: return KESWICK_TIMEOUT, with a message, when it passes. A moment
 *            later the host stops waiting, answers its client, and drops what you return. A call that never returns costs the
 *            host a thread.
 * Process    The process is the server's. Leave its signal handlers, umask, working directory, locale and environment alone, do
 *            not end it, and write lines to keswick_host.log, not to standard output or standard error. Do not fork.
 * Errors     Return one of the KESWICK_* results. With any but KESWICK_OK, KESWICK_EXISTS and KESWICK_NOT_FOUND, first
 *            write a message for the operator's log to the call's error sink: what failed and what to do about it.
 *
 * EVOLUTION  Version 1 is frozen once released. Later versions of this header only append fields to structures; `size` says
 *            which ones a given structure has. Read a field that is not in the first release of version 1 only if
 *            `offsetof(field) + sizeof(field) <= size`.
 */
#ifndef KESWICK_KEYSTORE_H
#define KESWICK_KEYSTORE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- 1. Constants ----------------------------------------------------------------------------------------------- */

/* The version of this interface. Goes into keswick_keystore.abi_version. */
#define KESWICK_ABI_VERSION 1u

/* The name of the one symbol that a plugin exports, for dlsym. */
#define KESWICK_ENTRY_SYMBOL "keswick_keystore_plugin"

/* A name has 1 to KESWICK_NAME_MAX bytes of 0-9 A-Z a-z - _ . and does not begin with a dot. */
#define KESWICK_NAME_MAX 128u

/* A value has 0 to KESWICK_VALUE_MAX bytes, each of any value, zero included. A keystore whose backend cannot hold an empty
 * value answers KESWICK_INVALID to one; the server never stores one. */
#define KESWICK_VALUE_MAX 1048576u

/* The result of a call. A closed set: the host treats any other number as KESWICK_INTERNAL. */
typedef int32_t keswick_result;
#define KESWICK_OK 0          /* Done. */
#define KESWICK_EXISTS 1      /* create: the name is taken. */
#define KESWICK_NOT_FOUND 2   /* get, delete: no such name. */
#define KESWICK_INVALID 3     /* A name or a value outside the limits above, or a configuration that open() cannot use. */
#define KESWICK_UNREACHABLE 4 /* The backend does not answer: network, disk or service gone. Trying later may help. */
#define KESWICK_TIMEOUT 5     /* The deadline passed. */
#define KESWICK_DENIED 6      /* The backend refused the plugin's credentials or permissions. */
#define KESWICK_CORRUPT 7     /* What the backend holds under that name, or the backend itself, is damaged or foreign. */
#define KESWICK_INTERNAL 8    /* Anything else. */

/* Capabilities, or-ed into keswick_keystore.flags. Bits that are not defined here must be zero. */
#define KESWICK_SERIAL (UINT64_C(1) << 0)  /* Call at most one function of an instance at a time. */
#define KESWICK_DURABLE (UINT64_C(1) << 1) /* A create or delete that returned OK survives a crash of the machine. */

/* Levels for keswick_host.log. */
#define KESWICK_LOG_DEBUG 0
#define KESWICK_LOG_INFO 1
#define KESWICK_LOG_WARNING 2
#define KESWICK_LOG_ERROR 3

/* ---- 2. Data that crosses the border ------------------------------------------------------------------------------ */

/* A view of bytes. Not terminated by a zero; `data` may be NULL when `size` is 0. */
typedef struct keswick_bytes {
  const uint8_t *data;
  size_t size;
} keswick_bytes;

/* A way to hand bytes to the host. Call `write(context, bytes)`; the host has copied them when it returns.
 *
 * How often it may be called is said where a sink is passed. A sink is valid until the function that received it returns,
 * and is called on the thread that received it. */
typedef struct keswick_sink {
  void *context;
  void (*write)(void *context, keswick_bytes bytes);
} keswick_sink;

/* ---- 3. What the host gives --------------------------------------------------------------------------------------- */

/* Services of the host. Valid until close() returns; may be used from any thread. */
typedef struct keswick_host {
  size_t size; /* sizeof(keswick_host) as the host knows it. */
  void *context;
  /* Writes a line of UTF-8 to the server's error log. `level` is one of KESWICK_LOG_*. Does not block. */
  void (*log)(void *context, int32_t level, keswick_bytes message);
} keswick_host;

/* What accompanies every call. */
typedef struct keswick_call {
  size_t size; /* sizeof(keswick_call) as the host knows it. */
  /* When the call has to return, in nanoseconds of CLOCK_MONOTONIC. The host waits a little longer: a KESWICK_TIMEOUT that is
   * returned right then is heard. */
  uint64_t deadline;
  /* Takes a message (UTF-8, for the operator) that explains a result other than OK, EXISTS and NOT_FOUND. Called at most
   * once; the host keeps the first 4096 bytes. */
  keswick_sink error;
} keswick_call;

/* ---- 4. What the plugin gives ------------------------------------------------------------------------------------- */

/* An opened keystore: whatever the plugin makes of it. */
typedef struct keswick_instance keswick_instance;

/* The table. Constant, and valid until the process ends. */
typedef struct keswick_keystore {
  uint32_t abi_version; /* KESWICK_ABI_VERSION of the header that the plugin was compiled with. */
  uint32_t size;        /* sizeof(keswick_keystore) of that header; at least up to and with `list`. */
  const char *name;     /* What the configuration's `keystore:` section calls it: 1 to 64 bytes of a-z 0-9 - _, zero-terminated. */
  const char *version;  /* The plugin's own version, zero-terminated, for people. */
  uint64_t flags;       /* KESWICK_SERIAL, KESWICK_DURABLE. */

  /* Opens a keystore. `configuration` is a JSON text (RFC 8259, UTF-8): the value of the plugin's member in the server's
   * `keystore:` section. Refuse members that you do not know: a typo must not pass silently. `host` is valid until close()
   * returns. On OK store an instance in *instance; it is handed to every other function. Otherwise leave nothing open.
   *
   * Results: OK, INVALID, UNREACHABLE, TIMEOUT, DENIED, CORRUPT, INTERNAL. */
  keswick_result (*open)(keswick_bytes configuration, const keswick_host *host, const keswick_call *call, keswick_instance **instance);

  /* Closes an instance and frees all that belongs to it. Called once, after all other calls have returned. */
  void (*close)(keswick_instance *instance);

  /* Stores `value` under `name` if and only if the name is free, atomically: of any number of creates of one name at once,
   * from threads, processes and (where the backend can) machines, one returns OK and the others EXISTS. After OK the value
   * survives a crash of the process and, with KESWICK_DURABLE, of the machine. (A keystore that keeps values in memory only, for
   * trials, logs a warning in open() that it does.) After any other result nothing is left that get or list would show, and
   * nothing that was there has changed.
   *
   * Results: OK, EXISTS, INVALID, UNREACHABLE, TIMEOUT, DENIED, CORRUPT, INTERNAL. */
  keswick_result (*create)(keswick_instance *instance, const keswick_call *call, keswick_bytes name, keswick_bytes value);

  /* Writes the exact bytes that create stored under `name` to the sink, in one call.
   *
   * Results: OK, NOT_FOUND, INVALID, UNREACHABLE, TIMEOUT, DENIED, CORRUPT, INTERNAL. */
  keswick_result (*get)(keswick_instance *instance, const keswick_call *call, keswick_bytes name, keswick_sink value);

  /* Removes `name` and its value. As durable as create. (Not called `delete`, which C++ reserves.)
   *
   * Results: OK, NOT_FOUND, INVALID, UNREACHABLE, TIMEOUT, DENIED, CORRUPT, INTERNAL. */
  keswick_result (*remove)(keswick_instance *instance, const keswick_call *call, keswick_bytes name);

  /* Writes names to the sink, one call each: those that begin with `prefix` and are greater than `after`, in bytewise
   * ascending order, the first `limit` of them. An empty prefix fits all names, an empty `after` skips none; both hold
   * only characters that a name may have. `limit` is at least 1. Fewer than `limit` names mean that there are no more.
   * A name that exists from the first page to the last is given exactly once, whatever else is created or removed between.
   * The cost should grow with the page, not with the store, where the backend allows it.
   *
   * Results: OK, INVALID, UNREACHABLE, TIMEOUT, DENIED, CORRUPT, INTERNAL. */
  keswick_result (*list)(keswick_instance *instance, const keswick_call *call, keswick_bytes prefix, keswick_bytes after, size_t limit,
                         keswick_sink names);

  /* Says whether the backend can be reached and used now. Called every few seconds by health checks: keep it cheap. Optional: of a
   * plugin whose table has NULL here, or ends before, the host calls list() for one name instead.
   *
   * Results: OK, UNREACHABLE, TIMEOUT, DENIED, CORRUPT, INTERNAL. */
  keswick_result (*status)(keswick_instance *instance, const keswick_call *call);
} keswick_keystore;

/* Marks the entry point as exported, also in a library that hides its other symbols. */
#if defined(__GNUC__) || defined(__clang__)
#define KESWICK_EXPORT __attribute__((visibility("default")))
#else
#define KESWICK_EXPORT
#endif

/* The entry point. Every plugin defines it. It is called once, right after the library is loaded, must not block, and
 * returns the table, never NULL. */
KESWICK_EXPORT const keswick_keystore *keswick_keystore_plugin(void);

#ifdef __cplusplus
}
#endif

#endif /* KESWICK_KEYSTORE_H */
