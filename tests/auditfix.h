/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbered records in a log, and what must be true of all that are in one. */
#ifndef HOLDFAST_TESTS_AUDITFIX_H
#define HOLDFAST_TESTS_AUDITFIX_H

#include "audit/log.h"

int audit_put(struct audit_log *l, enum audit_event event, const char *detail);
/* One whose detail is a number. */
int audit_put_number(struct audit_log *l, uint64_t n);
void audit_fill(struct audit_log *l, uint64_t from, uint64_t to);

struct audit_seen {
        struct tree tree;
        char (*detail)[32];     /* of each record */
};
/* Every record of a log, each following from the one before. The reader's error if it does not end with ERR_NOENT. */
int audit_read_all(const char *dir, uint64_t number, struct audit_seen *ret);
void audit_seen_clear(struct audit_seen *s);
/* They are 0 ... n-1. */
void audit_assert_numbers(const char *dir, uint64_t number, uint64_t n);

#endif
