/* SPDX-License-Identifier: BSD-2-Clause */
/* A software TPM, a parent in it and a struct tpm on it, for tests of tpm/ itself. What goes wrong here ends the program. */
#ifndef HOLDFAST_TESTS_TPMFIX_H
#define HOLDFAST_TESTS_TPMFIX_H

#include "lib/alg.h"
#include "lib/pk.h"
#include "tests/proxy.h"
#include "tests/swtpm.h"
#include "tpm/tpm.h"

struct tpmfix {
        struct swtpm sw;
        struct proxy proxy;             /* between t and sw */
        int dirfd;                      /* where the lock is */
        struct tpm_options options;     /* of t; tpmfix_open() takes them */
        struct tpm_parent parent;
        struct tpm *t;
};

void tpmfix_start(struct tpmfix *f);
void tpmfix_stop(struct tpmfix *f);
/* Another struct tpm with the parent set: as another process would have it. */
struct tpm *tpmfix_open(const struct tpmfix *f);
/* Closes f->t and opens it anew. */
void tpmfix_reopen(struct tpmfix *f);

struct tpmkey {
        const struct key_kind *kind;
        struct buf pub, priv, name;
        struct pubkey pk;               /* unless it is an HMAC key */
        struct tpm_key key;             /* to use it */
};
/* auth: a string. */
void tpmkey_make(struct tpm *t, const char *kind, unsigned ops, const char *auth, bool da, struct tpmkey *ret);
void tpmkey_seal(struct tpm *t, const char *secret, const char *auth, bool da, struct tpmkey *ret);
void tpmkey_clear(struct tpmkey *k);

/* tpm_sign() of a digest that has not been before. A signature that is not right ends the program; else what it returned. */
int tpmkey_sign(struct tpm *t, const struct tpmkey *k);

/* Looked at from the side. */
unsigned tpmfix_objects(const struct tpmfix *f);
unsigned tpmfix_sessions(const struct tpmfix *f);
unsigned tpmfix_wrong_tries(const struct tpmfix *f);

#endif
