/* SPDX-License-Identifier: BSD-2-Clause */
/* Lists for people, as a table, and for programs, as JSON or CSV. */
#ifndef HOLDFAST_ISSUER_LISTING_H
#define HOLDFAST_ISSUER_LISTING_H

#include <jansson.h>
#include "issuer/args.h"

enum listing_type { LISTING_TEXT, LISTING_TIME };
struct listing_column {
        const char *member;             /* NULL ends the columns */
        const char *head;
        enum listing_type type;
        bool wide;                      /* not in the table: there is no room */
};

/* An array of objects. --json: as they are; --csv (RFC 4180): every column; otherwise a table. What others chose cannot move the cursor. */
int listing_print(const struct args *a, const struct listing_column *columns, const json_t *list);
/* One of them, a line for each column. */
int listing_print_one(const struct args *a, const struct listing_column *columns, const json_t *object);
int listing_json(const json_t *doc);

#endif
