/* SPDX-License-Identifier: BSD-2-Clause */
/* A store on a software TPM of its own, for tests of what stands on keys/. */
#ifndef HOLDFAST_TESTS_FIXTURE_H
#define HOLDFAST_TESTS_FIXTURE_H

#include <openssl/evp.h>
#include "keys/keyring.h"
#include "keys/signer.h"
#include "lib/conf.h"
#include "tests/swtpm.h"

struct fixture {
        struct swtpm swtpm;
        struct conf conf;         /* store in the TPM's directory */
        struct keyring *keyring;  /* NULL after fixture_blank() */
};

/* A TPM and a configuration for it, nothing made. All assert. */
void fixture_blank(struct fixture *f);
/* The same, `init` done, agent "a" made and the keyring open. */
void fixture_start(struct fixture *f);
void fixture_stop(struct fixture *f);
/* Closes the keyring and opens it again, as a new process would. */
void fixture_reopen(struct fixture *f);

/* A key of agent "a" without PINs. Released by item_unref(). */
struct item *fixture_key(struct fixture *f, const char *kind, unsigned usage, const char *label);
const struct item_body *fixture_body(struct item *i);
/* The public half for OpenSSL, the judge that shares no code with us. */
EVP_PKEY *fixture_evp(const struct pubkey *p);
/* Whether OpenSSL takes r || s for the digest. */
bool fixture_ecdsa_good(const struct pubkey *p, struct bytes digest, struct bytes rs);

#endif
