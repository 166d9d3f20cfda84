/* SPDX-License-Identifier: BSD-2-Clause */
/* What a running daemon has, on a software TPM of its own, for tests of what stands on daemon/core.h. */
#ifndef HOLDFAST_TESTS_COREFIX_H
#define HOLDFAST_TESTS_COREFIX_H

#include <jansson.h>
#include "daemon/core.h"
#include "tests/fixture.h"

struct corefix {
        struct fixture f;               /* its keyring is NULL: the core has its own */
        struct core core;
};

/* cmocka's: *state is the struct corefix. */
int corefix_setup(void **state);
int corefix_teardown(void **state);

/* How many records the log has with this event, operation and decision; agent NULL: whatever it is. */
unsigned corefix_records(const struct corefix *x, enum audit_event event, const char *operation, enum audit_decision decision, const char *agent);
/* The newest record, read into bytes that *ret borrows from. */
void corefix_newest(const struct corefix *x, struct buf *bytes, struct audit_record *ret);

#endif
