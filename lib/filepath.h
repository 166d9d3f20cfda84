/* SPDX-License-Identifier: BSD-2-Clause */
/* A file by its whole path, where lib/file.h takes a directory and a name in it. */
#ifndef HOLDFAST_LIB_FILEPATH_H
#define HOLDFAST_LIB_FILEPATH_H

#include <stdbool.h>
#include <sys/types.h>
#include "lib/buf.h"

/* file_write() in the path's own directory, which is there. */
int filepath_write(const char *path, struct bytes content, mode_t mode, bool replace);

#endif
