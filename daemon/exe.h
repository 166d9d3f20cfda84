/* SPDX-License-Identifier: BSD-2-Clause */
/* The digest of the file that a process runs. */
#ifndef HOLDFAST_DAEMON_EXE_H
#define HOLDFAST_DAEMON_EXE_H

#include "lib/buf.h"

/* proc: /proc/PID, opened. The file that runs, whatever is at its path now; kept by device, inode, size and times, so that the next process
 * of the same file costs one stat. Thread-safe. */
int exe_digest(int proc, uint64_t *ret_dev, uint64_t *ret_ino, struct buf *ret_sha256);

#endif
