/* SPDX-License-Identifier: BSD-2-Clause */
/* What an issuer answers, read strictly: one JSON object, bounded, each member of its type and within its limits. Members that we do not know are
 * passed over: the issuer may be newer. docs/formats.md has the interface. */
#ifndef HOLDFAST_ENROLL_ANSWER_H
#define HOLDFAST_ENROLL_ANSWER_H

#include <stdbool.h>
#include <stdint.h>
#include "lib/buf.h"

#define ANSWER_MAX (1u << 20)           /* octets of the text */
#define ANSWER_DEPTH 6
#define ANSWER_WORD_MAX 256             /* octets of a name */
#define ANSWER_URL_MAX 2048
#define ANSWER_PEM_MAX 16384            /* octets of certificates and of lines of SSH */
#define ANSWER_CHECKS_MAX 32
#define ANSWER_AUDIENCES_MAX 16
#define ANSWER_NONCE 32

/* Bits: what can be had for a key. */
enum {
        CREDENTIAL_X509 = 1,
        CREDENTIAL_JWT = 2,
        CREDENTIAL_SSH_USER = 4,
        CREDENTIAL_SSH_HOST = 8,
};
/* The names that the interface has for them: "x509". NULL behind the last; *ret_bit. */
const char *credential_name(unsigned i, unsigned *ret_bit);

/* Texts are owned by the structure; NUL behind them, none within. NULL: not there. */
struct answer_challenge {               /* of one object: what TPM2_ActivateCredential takes */
        struct buf id_object, secret;
};
struct answer_join {
        struct answer_challenge ak, srk;
};
struct answer_joined {
        char *host, *state, *assurance;
        char *ak_certificate;           /* PEM, the AK's first; NULL while the host is pending */
        uint64_t not_after, renew_after; /* Unix time, seconds; 0 while it is pending */
};
struct answer_policy {
        char *profile;
        uint16_t pcr_hash;              /* TPM_ALG_ID */
        uint32_t pcrs;                  /* bit n: PCR n */
        bool event_log, ima, process, log;
        unsigned credentials;           /* CREDENTIAL_* */
        char *audiences[ANSWER_AUDIENCES_MAX];
        unsigned n_audiences;
        uint64_t life;                  /* seconds */
};
struct answer_check {
        char *check, *outcome, *text;
};
struct answer_credential {
        char *profile, *spiffe_id, *serial, *assurance;
        uint64_t record, not_before, not_after, renew_after, grace;
        char *x509, *jwt, *ssh_user, *ssh_host; /* those that were wanted and granted */
        char *bundle, *known_hosts;
        struct answer_check checks[ANSWER_CHECKS_MAX];
        unsigned n_checks;
        struct buf nonce;               /* for the next request; may be empty */
};
struct answer_problem {
        char word[32];                  /* "revoked", behind urn:holdfast:problem:; empty if it is not of ours */
        char *detail;                   /* the title, if there is no detail; may be NULL */
        struct answer_check checks[ANSWER_CHECKS_MAX];
        unsigned n_checks;
};
/* For CLEANUP(). */
void answer_join_clear(struct answer_join *a);
void answer_joined_clear(struct answer_joined *a);
void answer_policy_clear(struct answer_policy *a);
void answer_credential_clear(struct answer_credential *a);
void answer_problem_clear(struct answer_problem *a);

/* ERR_FORMAT. ret is written only on success. */
/* issuer: what it calls itself, by its URL; empty if it does not say. */
int answer_nonce(struct bytes text, struct buf *ret_issuer, struct buf *ret);
int answer_join(struct bytes text, struct answer_join *ret);
int answer_joined(struct bytes text, struct answer_joined *ret);
int answer_policy(struct bytes text, struct answer_policy *ret);
int answer_credential(struct bytes text, struct answer_credential *ret);
int answer_revoked(struct bytes text, uint64_t *ret_n);
int answer_problem(struct bytes text, struct answer_problem *ret);

#endif
