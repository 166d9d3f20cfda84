/* SPDX-License-Identifier: BSD-2-Clause */
/* What the formats share. Inside audit/ only. */
#ifndef HOLDFAST_AUDIT_EXPORTING_H
#define HOLDFAST_AUDIT_EXPORTING_H

#include "audit/export.h"

int export_json(const struct audit_source *s, const struct audit_record *r, struct buf *b);
int export_cef(const struct audit_source *s, const struct audit_record *r, struct buf *b);
int export_syslog(const struct audit_source *s, const struct audit_record *r, struct buf *b);
int export_ocsf(const struct audit_source *s, const struct audit_record *r, struct buf *b);

/* RFC 3339, UTC, with milliseconds; a year beyond 9999 is 9999-12-31T23:59:59.999Z. */
#define EXPORT_TIME_SIZE 32
void export_time(uint64_t ms, char ret[EXPORT_TIME_SIZE]);
/* "use allowed" */
#define EXPORT_TITLE_SIZE 32
void export_title(const struct audit_record *r, char ret[EXPORT_TITLE_SIZE]);
/* Percent escapes; a backslash before what is in `escape`. */
int export_text(struct buf *b, struct bytes v, const char *escape);

/* The next character of valid UTF-8. */
uint32_t export_char(struct bytes v, size_t *at);
/* A control character, or one that moves or turns others: not to be shown as it is. */
bool export_hidden(uint32_t c);

#endif
