/* SPDX-License-Identifier: BSD-2-Clause */
/* How far an export has come. The log itself is the spool: nothing is lost while the sink is away, as long as the log is there. */
#ifndef HOLDFAST_TOOLS_AUDIT_SPOOL_H
#define HOLDFAST_TOOLS_AUDIT_SPOOL_H

#include "audit/record.h"
#include "tools/audit.h"

struct audit_spool {
        struct audit_at at;             /* of the next record */
        bool has_leaf;                  /* of the last one: what comes behind it must name it */
        uint8_t leaf[AUDIT_HASH_SIZE];
        uint64_t delivered;
        uint64_t dropped;               /* records that could not be read, or that the sink does not take */
        uint64_t missing;               /* logs that were gone, or unreadable to their end: who knows how many records */
};

/* path NULL, or no file: from the beginning. ERR_FORMAT. */
int audit_spool_read(const char *path, struct audit_spool *ret);
/* Durable. path NULL: nothing. */
int audit_spool_write(const char *path, const struct audit_spool *s);
/* ERR_MISMATCH if e does not follow the last one that was delivered: it is another log. */
int audit_spool_follows(const struct audit_spool *s, const struct audit_entry *e);

#endif
