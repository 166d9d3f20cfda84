/* SPDX-License-Identifier: BSD-2-Clause */
/* Keys as people pass them around: pkcs11: URIs, OpenSSH lines, PEM, fingerprints. */
#ifndef HOLDFAST_LIB_KEYTEXT_H
#define HOLDFAST_LIB_KEYTEXT_H

#include <stdbool.h>
#include "lib/buf.h"
#include "lib/pk.h"

/* False for what stands where a secret key has no public half. */
bool keytext_is_public(const struct pubkey *k);

/* RFC 7512. object and id may be empty; type is "private", "public", "cert", "secret-key" or NULL. */
int keytext_uri(const char *token, struct bytes object, struct bytes id, const char *type, struct buf *ret);
/* "ecdsa-sha2-nistp256 AAAA...", RFC 4253 6.6 and RFC 5656 3.1, without a comment. ERR_NOTSUP for a kind that OpenSSH has not. */
int keytext_ssh(const struct pubkey *k, struct buf *ret);
/* "SHA256:...", as ssh-keygen -l prints it. */
int keytext_fingerprint(const struct pubkey *k, struct buf *ret);
int keytext_pem(const struct pubkey *k, struct buf *ret);

#endif
