/* SPDX-License-Identifier: BSD-2-Clause */
/* Text for people and programs: strangers' bytes made safe, tables, JSON, questions. */
#ifndef HOLDFAST_TOOLS_TEXT_H
#define HOLDFAST_TOOLS_TEXT_H

#include <jansson.h>
#include "lib/buf.h"
#include "tools/cli.h"

/* Appends the bytes with everything that could steer a terminal or is no UTF-8 as \xNN. */
int text_safe(struct bytes in, struct buf *ret);
/* The same as a C string in ret; "" if memory ran out. */
const char *text_str(struct bytes in, struct buf *ret);
/* The same as a JSON string. */
json_t *text_json(struct bytes in);

/* Talk, on standard error, unless --quiet: made safe, one line. */
void say(const struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The sentence of a failure and what to do next; with --json also a document. */
void say_failure(const struct cli *c, int r);
/* "Created   ..." on standard output; the value is made safe. */
void print_field(const char *name, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Rows of cells, printed in columns. Zero-initialise; table_clear(). */
#define TABLE_COLUMNS 8
struct table {
        struct buf *cells;
        size_t n, columns;
};
void table_clear(struct table *t);
/* One cell more; made safe. Memory that runs out shows as an empty cell. */
void table_add(struct table *t, struct bytes cell);
void table_add_str(struct table *t, const char *cell);
/* The first row is the head, left out with --quiet. */
void table_print(const struct cli *c, const struct table *t);

/* Takes doc, adds the schema "holdfast.NAME/1" and prints it. */
int print_json(const char *name, json_t *doc);

/* 0 for yes; without --yes and a terminal to ask at ERR_USAGE; ERR_DENIED for no. */
int ask_yes(const struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A secret: the first line of the file ("-" is standard input) or, with file NULL, typed at the terminal. */
int ask_secret(const struct cli *c, const char *what, const char *file, bool twice, struct buf *ret);

#endif
