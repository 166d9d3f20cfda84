/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes JSON (RFC 8259) on one line. Inside audit/ only. */
#ifndef HOLDFAST_AUDIT_JSON_H
#define HOLDFAST_AUDIT_JSON_H

#include "lib/buf.h"

struct json {
        struct buf *b;
        bool comma;
        int r;                  /* the first error; nothing is written behind it */
};

/* key NULL: in an array, or the outermost. */
void json_open(struct json *j, const char *key, char bracket);
void json_close(struct json *j, char bracket);
void json_number(struct json *j, const char *key, uint64_t v);
void json_bool(struct json *j, const char *key, bool v);
/* Our own text. (json_string() is jansson's.) */
void json_ours(struct json *j, const char *key, const char *v);
/* These write nothing for nothing. Text of strangers; what is no UTF-8: hex, under key_hex. */
void json_text(struct json *j, const char *key, struct bytes v);
/* Where no other key may be: what is no UTF-8 as export_text() has it. */
void json_shown(struct json *j, const char *key, struct bytes v);
void json_hex(struct json *j, const char *key, struct bytes v);

#endif
