/* SPDX-License-Identifier: BSD-2-Clause */
/* One record as one line in the words of others: JSON Lines, CEF, syslog (RFC 5424), OCSF.
 *
 * What strangers chose never ends a line, a field or a string, and shows no control character. JSON has its own escapes, and
 * octets that are no UTF-8 stand there in hex, under a name with "_hex" behind it. In the other three they, "%" and control
 * characters are %XX, then the format's own escapes. */
#ifndef HOLDFAST_AUDIT_EXPORT_H
#define HOLDFAST_AUDIT_EXPORT_H

#include "audit/record.h"

enum audit_format { AUDIT_JSON, AUDIT_CEF, AUDIT_SYSLOG, AUDIT_OCSF };
const char *audit_format_name(enum audit_format f);
/* False if there is none of that name. */
bool audit_format_by_name(const char *name, enum audit_format *ret);

/* What no record says of itself. */
struct audit_source {
        const char *host, *version;     /* of the machine, of Holdfast */
        uint64_t log;
};
/* Appends the line without its newline. ERR_NOMEM, and ret is as it was. */
int audit_export(enum audit_format f, const struct audit_source *s, const struct audit_record *r, struct buf *ret);

#endif
