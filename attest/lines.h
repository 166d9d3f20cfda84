/* SPDX-License-Identifier: BSD-2-Clause */
/* Text files of one row a line, for firmware.c and pins.c. Inside attest/ only. */
#ifndef HOLDFAST_ATTEST_LINES_H
#define HOLDFAST_ATTEST_LINES_H

#include <stdbool.h>
#include "lib/buf.h"

struct lines {
        struct bytes left;
        size_t number;                  /* of the line that was read last */
};
#define LINES(b) ((struct lines){ .left = (b) })

/* The next line that counts, without blanks around it: false behind the last. Blanks are space and tab; a CR before the line's end is one. */
bool lines_next(struct lines *l, struct bytes *ret);
/* The next word of a line, which it then begins behind; empty behind the last. */
struct bytes lines_word(struct bytes *line);
/* code, and the thread's sentence with what and the line's number in front; what is not about the file stays as it is. */
int lines_error(const struct lines *l, const char *what, int code);

#endif
