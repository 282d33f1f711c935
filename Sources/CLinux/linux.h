/* Parts of Linux and its C library that Swift's Glibc module leaves out, or that are variadic and so out of Swift's reach. */
#ifndef KESWICK_LINUX_H
#define KESWICK_LINUX_H

#include <malloc.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/xattr.h>

/* Forbids core dumps of this process and that others of the same user attach to it or read its memory: PR_SET_DUMPABLE of prctl(2). */
static inline int keswick_forbid_dumps(void) { return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }

/* Names the calling thread, at most 15 bytes: PR_SET_NAME of prctl(2). */
static inline int keswick_name_thread(const char *name) { return prctl(PR_SET_NAME, name, 0, 0, 0); }

/* Bytes that the allocator has handed out: mallinfo(3). */
static inline size_t keswick_allocated_bytes(void) {
  struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

#endif /* KESWICK_LINUX_H */
