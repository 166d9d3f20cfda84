/* SPDX-License-Identifier: BSD-2-Clause */
/* A CA and a grant that holds, for tests to spoil. Any failure ends the test. */
#ifndef HOLDFAST_TESTS_GRANTFIX_H
#define HOLDFAST_TESTS_GRANTFIX_H

#include "issuer/cred_x509.h"
#include "tests/evp.h"

#define TRUST_DOMAIN "example.org"
#define NOW 1795600000ULL               /* 2026-11-25 */
#define HOUR 3600

struct grantfix {
        struct tempdir *dir;
        EVP_PKEY *agent;
        struct buf spki;
        struct grant g;
};

/* cmocka's set-up and tear-down: *state is the struct grantfix. The agent's key is P-256; every list of the grant has something in it. */
int grantfix_setup(void **state);
int grantfix_teardown(void **state);

/* Another key for the agent: "P-384", "RSA-2048". */
void grantfix_key(struct grantfix *f, const char *kind);
/* As grant_check() says, for TRUST_DOMAIN. */
int grantfix_check(const struct grantfix *f, struct granted *ret);

/* A new key in a file of the directory, and a CA of it: good for ten years, with DNS names below "example.org". */
struct ca_key *grantfix_ca_key(struct grantfix *f, const char *kind);
struct x509_ca *grantfix_ca(const struct ca_key *k);
/* The same key in OpenSSL's hands. */
EVP_PKEY *grantfix_private(const struct grantfix *f, const char *kind);

#endif
