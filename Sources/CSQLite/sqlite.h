/* libsqlite3 as a module. Swift cannot call functions with a variable number of arguments: those that are needed get a function
 * with a fixed number here. SPDX-License-Identifier: Apache-2.0 */
#ifndef KESWICK_SQLITE_H
#define KESWICK_SQLITE_H

#include <sqlite3.h>

/* sqlite3_config(SQLITE_CONFIG_GETMALLOC) and SQLITE_CONFIG_MALLOC. */
static inline int keswick_sqlite_get_allocator(sqlite3_mem_methods *methods) {
  return sqlite3_config(SQLITE_CONFIG_GETMALLOC, methods);
}
static inline int keswick_sqlite_set_allocator(const sqlite3_mem_methods *methods) {
  return sqlite3_config(SQLITE_CONFIG_MALLOC, methods);
}

/* sqlite3_db_config() with one of the options that are switched on (1) or off (0). */
static inline int keswick_sqlite_switch(sqlite3 *connection, int option, int on) {
  return sqlite3_db_config(connection, option, on, (int *)0);
}

#endif /* KESWICK_SQLITE_H */
