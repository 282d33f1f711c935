/* Faults at the I/O calls of the keystore that this process loads. SPDX-License-Identifier: Apache-2.0 */
#ifndef KEYSTORE_DRIVER_FAULTS_H
#define KEYSTORE_DRIVER_FAULTS_H

/* What happens at the chosen call. */
enum fault_kind {
  FAULT_NONE,  /* Nothing: only count. */
  FAULT_KILL,  /* The process ends, as by kill -9, before the call is made. */
  FAULT_ERRNO, /* The call is not made and fails with an errno. */
  FAULT_SHORT, /* A read or write moves one byte only; any other call is made as it is. */
  FAULT_WAIT   /* The process waits before the call is made, as `fault_wait` does. */
};

/* From now on, counts I/O calls from 1, and has the fault at the call with the number `at`; at all later ones, too, when
 * `lasting` is not 0. */
void fault_arm(enum fault_kind kind, int error, long at, int lasting);

/* Ends it, and returns how many calls were counted. */
long fault_disarm(void);

/* For how many microseconds the keystore has asked to sleep since `fault_arm`. */
long fault_slept(void);

/* Prints `waiting`, and reads a byte from standard input. */
void fault_wait(void);

/* From now on, prints `busy` whenever a lock is asked for that another process holds. */
void fault_tell_busy(void);

/* From now on, calls `call` with the descriptor of a directory before its names are read. */
void fault_before_reading(void (*call)(int));

/* From now on, directories were changed so many seconds after 1970. */
void fault_date_directories(long seconds);

#endif
