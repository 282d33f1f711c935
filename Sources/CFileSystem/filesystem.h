/* What Swift's Glibc module lacks of the C library: fstatfs(2). SPDX-License-Identifier: Apache-2.0 */
#ifndef KESWICK_FILESYSTEM_H
#define KESWICK_FILESYSTEM_H

#include <sys/vfs.h>

/* The number that tells the type of the file system that a descriptor belongs to (statfs(2), f_type); 0 when it cannot be told. */
static inline unsigned long keswick_filesystem_type(int descriptor) {
  struct statfs info;
  return fstatfs(descriptor, &info) == 0 ? (unsigned long)info.f_type & 0xffffffffUL : 0;
}

#endif /* KESWICK_FILESYSTEM_H */
