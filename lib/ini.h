/* SPDX-License-Identifier: BSD-2-Clause */
/* Configuration files, strictly: sections in brackets, lines "key = value", comments. What inih would pass over in silence is an error here. */
#ifndef HOLDFAST_LIB_INI_H
#define HOLDFAST_LIB_INI_H

#include <stddef.h>
#include "lib/buf.h"

#define INI_LINE_MAX 190        /* characters: inih cuts longer lines in two */

/* Who takes what is in a file. Both return 0 or ERR_*, and the file is refused with their sentence behind its name and the line's number. */
struct ini_taker {
        int (*section)(void *ctx, struct bytes name);   /* each section's head, in order, before any line is shown */
        int (*line)(void *ctx, const char *section, const char *name, const char *value); /* a value of several lines: once for each */
        void *ctx;
};

/* ERR_FORMAT, ERR_NOMEM. text: NULs are none of it, but one behind it is made room for. */
int ini_text(const char *name, struct buf *text, const struct ini_taker *t);
/* The same of an open file of at most max octets. ERR_PERM if it belongs neither to root nor to this user, or others may write to it:
 * whoever may write the configuration chooses all the rest. */
int ini_fd(int fd, const char *path, size_t max, const struct ini_taker *t);

#endif
