/* What of a keystore would be lost if the machine stopped now. SPDX-License-Identifier: Apache-2.0 */
#ifndef KEYSTORE_DRIVER_DURABILITY_H
#define KEYSTORE_DRIVER_DURABILITY_H

#include <sys/types.h>

/* Each is told of a call that has succeeded, and keeps errno. SQLite's index of the write-ahead log, `-shm`, is made anew after a
 * crash and is never counted. */

/* The file's content or size changed. */
void durable_wrote(int fd);

/* All of a file's content, or all of a directory's names, are on the disk (fsync(2), fdatasync(2)). */
void durable_synced(int fd);

/* A name in a directory came, went, or leads elsewhere; `path` is relative to the directory `fd`. */
void durable_named(int fd, const char *path);

/* Before a file gets a further name, or a new one, at which others find it: prints `early PATH` if its content is not on the disk. */
void durable_publishing(int fd, const char *path);

/* Before a name is removed: the content of a file that loses its last one does not matter any more. */
void durable_unlinking(int fd, const char *path);

/* Whether there is something at `path`, relative to the directory `fd`. */
int durable_exists(int fd, const char *path);

/* Prints `unsynced PATH` for each file and `unsynced directory of PATH` for each name that is not on the disk. */
void durable_report(void);

#endif
