/* SPDX-License-Identifier: BSD-2-Clause */
/* A recorder on a software TPM of its own, with a key to use and a check of what it wrote, for tests. What goes wrong here ends the test. */
#ifndef HOLDFAST_TESTS_RECORDFIX_H
#define HOLDFAST_TESTS_RECORDFIX_H

#include "audit/check.h"
#include "keys/recorder.h"
#include "tests/fixture.h"
#include "tests/proxy.h"

#define RECORDFIX_COUNTER_AUTH BYTES_STR("the counter's")

struct recordfix {
        struct fixture f;
        struct proxy proxy;             /* of recordfix_start_session() */
        enum audit_mode mode;           /* that the log is to have */
        struct tpm *tpm;
        struct tpm_ak ak;
        struct pubkey ak_key;
        uint32_t counter;
        char dir[128];
        struct recorder_options o;
        struct recorder *r;             /* NULL: closed */
        struct item *key;
};

/* cmocka's: *state is the struct recordfix. */
int recordfix_start(void **state);
/* The same on a TPM without command audit: a proxy takes it away. */
int recordfix_start_session(void **state);
int recordfix_stop(void **state);

/* After f.keyring is another. */
void recordfix_connect(struct recordfix *s);
/* Another directory for the log. */
void recordfix_log(struct recordfix *s, const char *name);
void recordfix_open(struct recordfix *s);
void recordfix_close(struct recordfix *s);
/* Uses the key, with a record in the open log. */
int recordfix_sign(struct recordfix *s);
/* As another program does, past daemon and log. */
void recordfix_sign_past(struct recordfix *s);
/* So often by each of so many threads, while the recorder ticks. */
void recordfix_sign_many(struct recordfix *s, unsigned threads, unsigned each);

void recordfix_check(struct recordfix *s, struct audit_report *ret);
void recordfix_print(const struct audit_report *rep);
/* That fault is found and nothing else that is no warning; 0: nothing. Every use that was allowed tells of its command. */
void recordfix_require(struct recordfix *s, int fault);

/* A test of either kind of audit: the log goes on after restarts of the recorder, and a reset of the TPM. */
void recordfix_goes_on_after_a_restart(void **state);

#endif
