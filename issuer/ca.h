/* SPDX-License-Identifier: BSD-2-Clause */
/* A key that the issuer signs with: in a PEM file, in a TPM or in an HSM. Any number of threads may sign with one. */
#ifndef HOLDFAST_ISSUER_CA_H
#define HOLDFAST_ISSUER_CA_H

#include <openssl/types.h>
#include "lib/pk.h"

/* How keys of one kind sign, in every world. */
struct ca_alg {
        const char *kind;               /* "P-256", "RSA", "Ed25519" */
        const char *digest;             /* as OpenSSL fetches it; NULL: the algorithm has its own */
        size_t coordinate;              /* ECDSA: octets of r and of s; else 0 */
        struct bytes x509;              /* AlgorithmIdentifier; nothing: no X.509 with it */
        const char *jose;               /* NULL: no JWT with it */
        const char *ssh;                /* the signature's name */
};

struct ca_key;

/* where: a "pkcs11:" URI, which OpenSSL's provider `holdfast` resolves, or a file, which nobody else may read: a PEM private key without a passphrase, or
 * one that leads into a TPM or HSM (TSS2, reference PEM), which that provider reads.
 * ERR_NOENT, ERR_PERM, ERR_FORMAT; ERR_NOTSUP for a kind of key that signs no credential. */
int ca_key_open(const char *where, struct ca_key **ret);
/* A new one, "P-256", "P-384", "Ed25519", "RSA-3072", in a file that is not there yet. */
int ca_key_make(const char *kind, const char *file, struct ca_key **ret);
void ca_key_free(struct ca_key *k);
/* For CLEANUP(). */
void ca_key_freep(struct ca_key **k);

const struct ca_alg *ca_key_alg(const struct ca_key *k);
/* NULL for Ed25519, which lib/pk.h does not know. */
const struct pubkey *ca_key_public(const struct ca_key *k);
/* SubjectPublicKeyInfo, and the blob of SSH. */
struct bytes ca_key_spki(const struct ca_key *k);
struct bytes ca_key_ssh(const struct ca_key *k);
/* kid: the thumbprint of RFC 7638; "" for Ed25519. */
const char *ca_key_id(const struct ca_key *k);

/* For a TLS server: OpenSSL's key, ours still, and the library context in which its provider is. */
EVP_PKEY *ca_key_pkey(const struct ca_key *k);
OSSL_LIB_CTX *ca_key_libctx(const struct ca_key *k);

/* As X.509 has it: ECDSA in DER. */
int ca_key_sign(const struct ca_key *k, struct bytes message, struct buf *ret);
/* As JOSE has it: ECDSA as r || s. */
int ca_key_sign_raw(const struct ca_key *k, struct bytes message, struct buf *ret);

/* One line: TYPE BASE64 COMMENT, as for TrustedUserCAKeys. */
int ca_key_ssh_line(const struct ca_key *k, const char *comment, struct buf *ret);
/* The same for known_hosts: host certificates of these hosts ("*.example.org,example.org") are believed. */
int ca_key_known_hosts(const struct ca_key *k, const char *hosts, const char *comment, struct buf *ret);

#endif
