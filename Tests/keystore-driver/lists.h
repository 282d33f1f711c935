/* Lists of a keystore in several threads at once. SPDX-License-Identifier: Apache-2.0 */
#ifndef KEYSTORE_DRIVER_LISTS_H
#define KEYSTORE_DRIVER_LISTS_H

#include "../../Sources/PluginAPI/include/keswick_keystore.h"

struct lists_result {
  int succeeded; /* Lists that were answered OK. */
  int readings;  /* How often a directory's names were read for them. */
};

/* Lists with `count` threads, 64 at most. The directory has just changed whenever its names are read, and the first reading goes on only
 * when each of the other threads has ended or waits for something. */
struct lists_result lists_run(const keswick_keystore *table, keswick_instance *instance, keswick_call call, int count);

#endif
