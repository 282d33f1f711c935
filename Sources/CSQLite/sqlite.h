/* libsqlite3 as a module. Swift cannot call macros, and SQLITE_TRANSIENT and SQLITE_STATIC are casts: they get a function here. */
#ifndef KESWICK_SQLITE_H
#define KESWICK_SQLITE_H

#include <sqlite3.h>

#endif /* KESWICK_SQLITE_H */
