/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads the JSON body of a request, strictly: exactly the members that the request has, each once, of its type, and no longer than it may be. */
#ifndef HOLDFAST_ISSUER_BODY_H
#define HOLDFAST_ISSUER_BODY_H

#include <jansson.h>
#include <stdbool.h>
#include "lib/buf.h"

enum body_type {
        BODY_TEXT,              /* UTF-8 without control characters */
        BODY_LINES,             /* the same with newlines: PEM */
        BODY_BYTES,             /* base64, with padding */
        BODY_NUMBER,            /* not negative */
        BODY_TEXTS,             /* an array of BODY_TEXT */
        BODY_BYTES_LIST,        /* an array of BODY_BYTES */
        BODY_OBJECT,            /* of these members */
};

#define BODY_LIST_MAX 16        /* in an array */

/* One row each; a row without a name ends the table. */
struct body_member {
        const char *name;
        enum body_type type;
        bool needed;
        size_t max;             /* octets of a text or of what base64 stands for; BODY_NUMBER: the highest */
        const struct body_member *members;
};

/* ERR_FORMAT, ERR_NOMEM. */
int body_read(struct bytes text, const struct body_member *members, json_t **ret);
/* For CLEANUP(). */
void body_free(json_t **body);

/* What is not there is NULL, empty, 0. */
const char *body_text(const json_t *body, const char *name);
int body_bytes(const json_t *body, const char *name, struct buf *ret);
uint64_t body_number(const json_t *body, const char *name);
size_t body_count(const json_t *body, const char *name);
const char *body_text_at(const json_t *body, const char *name, size_t i);
int body_bytes_at(const json_t *body, const char *name, size_t i, struct buf *ret);
const json_t *body_object(const json_t *body, const char *name);

#endif
