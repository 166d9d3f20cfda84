/* SPDX-License-Identifier: BSD-2-Clause */
/* A log that vouches for itself, and what audit_check() finds in it. What goes wrong here ends the test. */
#ifndef HOLDFAST_TESTS_CHECKED_H
#define HOLDFAST_TESTS_CHECKED_H

#include "tests/vouched.h"

#define ALL UINT64_MAX          /* the log as a whole */

extern struct vouched_log checked_log;
extern char checked_dir[96];

/* cmocka's: a fresh one. Nothing is synced: nobody looks at power cuts here. */
int checked_setup(void **state);
int checked_teardown(void **state);
#define CHECKED_TEST(f) cmocka_unit_test_setup_teardown(f, checked_setup, checked_teardown)

/* Records 0 START, 1 LIST, 2 to 5 signatures; a checkpoint; 6 to 8 signatures, 9 STOP; a checkpoint. */
void checked_small(void);

void checked_with(const struct audit_check_options *o, struct audit_report *ret);
/* With signatures. */
void checked(struct audit_report *ret);
void checked_tell(const struct audit_report *r);
/* It finds nothing. */
void checked_good(void);
/* What it tells first is this, and no warning. */
void checked_first(const struct audit_report *r, enum audit_fault f, uint64_t seq);
void checked_fault(enum audit_fault f, uint64_t seq);

/* A file of a log, in a static buffer. */
const char *checked_path(unsigned log, const char *name);
void checked_load(const char *path, struct buf *ret);
/* NULL removes it. */
void checked_replace(const char *path, const struct buf *b);
/* The journal of the first log as records in an order of the test's own. */
void checked_reorder(const unsigned *order, size_t n);

#endif
