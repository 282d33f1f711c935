/* What Swift's Glibc module lacks of the C library: fstatfs(2), and the name in a dirent as it is. SPDX-License-Identifier: Apache-2.0 */
#ifndef KESWICK_FILESYSTEM_H
#define KESWICK_FILESYSTEM_H

#include <dirent.h>
#include <sys/vfs.h>

/* The number that tells the type of the file system that a descriptor belongs to (statfs(2), f_type); 0 when it cannot be told. */
static inline unsigned long keswick_filesystem_type(int descriptor) {
  struct statfs info;
  return fstatfs(descriptor, &info) == 0 ? (unsigned long)info.f_type & 0xffffffffUL : 0;
}

/* The name of a directory's entry: in Swift it is a tuple of 256 bytes, of which the system gives as many as the name needs (readdir(3)). */
static inline const char *keswick_entry_name(const struct dirent *entry) { return entry->d_name; }

#endif /* KESWICK_FILESYSTEM_H */
