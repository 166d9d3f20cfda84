/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes what is published from what stands: keys and revocations. Inside issuer/ only. */
#ifndef HOLDFAST_ISSUER_PUBLISH_H
#define HOLDFAST_ISSUER_PUBLISH_H

#include "issuer/authority.h"
#include "issuer/crl.h"
#include "issuer/keylist.h"

/* A key that was opened: what it is depends on its use. */
struct opened {
        struct keylist_entry e;
        struct ca_key *key;
        struct x509_ca *ca;             /* X509, AK */
        struct jwt_issuer *jwt;         /* JWT */
        char id[33];                    /* hex of SHA-256 of its SubjectPublicKeyInfo, half of it */
};

/* Credentials that are taken back and have not ended, or not long ago. */
struct revoked {
        struct crl_entry *x509;
        size_t n_x509, cap_x509;
        uint64_t *ssh;                  /* grant_ssh_serial() */
        size_t n_ssh, cap_ssh;
};
void revoked_clear(struct revoked *r);
int revoked_read(struct db *db, uint64_t ends_after, struct revoked *ret);

struct publish {
        const struct authority_options *o;
        /* What is published, of all uses; the one that signs is the first of its use. */
        const struct opened *const *keys;
        size_t n_keys;
        struct revoked revoked;
        uint64_t now, number;           /* number: of revocation lists, rising */
        uint64_t sequence;              /* of the keys, rising from change to change */
};
/* A certificate as PEM. */
int publish_chain(const struct x509_ca *ca, struct buf *ret);
/* The resources, each owning its body. */
int publish_all(const struct publish *p, struct authority_resource **ret, size_t *ret_n);
void publish_free(struct authority_resource *r, size_t n);

#endif
