/* SPDX-License-Identifier: BSD-2-Clause */
/* Files that the user names. */
#ifndef HOLDFAST_TOOLS_READFILE_H
#define HOLDFAST_TOOLS_READFILE_H

#include "lib/buf.h"

#define READFILE_MAX (1u << 20)

/* The whole of it, from a pipe too; "-" is standard input. ERR_NOFILE if it is not there, ERR_RANGE above READFILE_MAX. */
int readfile(const char *path, struct buf *ret);
/* The same with another bound. */
int readfile_most(const char *path, size_t most, struct buf *ret);

#endif
