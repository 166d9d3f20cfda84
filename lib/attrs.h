/* SPDX-License-Identifier: BSD-2-Clause */
/* "name: value" lines: the agent file, the store file and the head of each key
 * file. Values are any bytes: what is not printable ASCII, and '%', is written %XX,
 * so that no stranger's string adds a line. */
#ifndef HOLDFAST_LIB_ATTRS_H
#define HOLDFAST_LIB_ATTRS_H

#include <stdbool.h>
#include "lib/buf.h"

#define ATTRS_MAX 64            /* lines in one file */
#define ATTRS_VALUE_MAX 16384   /* octets of one value */

struct attr {
        char *name;             /* [a-z0-9-]+ */
        struct buf value;
};

/* Zero-initialise; attrs_clear() wipes. Names are unique, order is kept. */
struct attrs {
        struct attr *list;
        size_t n;
};

void attrs_clear(struct attrs *a);
/* Replaces or adds. */
int attrs_set(struct attrs *a, const char *name, struct bytes value);
int attrs_set_str(struct attrs *a, const char *name, const char *value);
int attrs_set_bool(struct attrs *a, const char *name, bool value); /* "yes", "no" */
int attrs_set_uint(struct attrs *a, const char *name, unsigned long value);
int attrs_set_hex(struct attrs *a, const char *name, struct bytes value);
int attrs_set_now(struct attrs *a, const char *name); /* RFC 3339, in UTC with whole seconds */
void attrs_remove(struct attrs *a, const char *name);
int attrs_copy(const struct attrs *from, struct attrs *ret);

/* NULL if there is none. */
const struct buf *attrs_get(const struct attrs *a, const char *name);
/* The value as a C string owned by a, or otherwise. */
const char *attrs_str(const struct attrs *a, const char *name, const char *otherwise);
/* ERR_NOENT if there is none, ERR_FORMAT if it is not one. */
int attrs_bool(const struct attrs *a, const char *name, bool *ret);
int attrs_uint(const struct attrs *a, const char *name, unsigned long *ret);
int attrs_hex(const struct attrs *a, const char *name, struct buf *ret);

/* Text both ways. A line starting with '#' is a comment; an unknown line, a name twice, a
 * NUL or more than ATTRS_MAX lines is ERR_FORMAT with the line's number. */
int attrs_format(const struct attrs *a, struct buf *ret);
int attrs_parse(struct bytes text, struct attrs *ret);

#endif
