/* SPDX-License-Identifier: BSD-2-Clause */
/* A key in software that signs checkpoints where no TPM does, an issuer's: C2SP signed-note, types 0x01 (Ed25519) and 0x02 (ECDSA).
 * An ECDSA signature is in DER, over the curve's hash: SHA-256, and SHA-384 for P-384. RSA has no type of signed-note's, so it has one
 * of ours: PKCS#1 v1.5 over SHA-256. Whoever has the key signs, and whoever checks verifies. */
#ifndef HOLDFAST_AUDIT_NOTEKEY_H
#define HOLDFAST_AUDIT_NOTEKEY_H

#include "lib/buf.h"

#define NOTEKEY_ID_SIZE 4

/* name: a checkpoint's origin; spki: SubjectPublicKeyInfo. ERR_FORMAT, ERR_NOTSUP for other keys. */
int notekey_id(struct bytes name, struct bytes spki, uint8_t ret[NOTEKEY_ID_SIZE]);
/* What stands behind the name in a signature line: key ID and signature. */
int notekey_line(struct bytes name, struct bytes spki, struct bytes signature, struct buf *ret);
/* ERR_AUTH if it is no line by this key; ret_signature borrows from it. */
int notekey_line_signature(struct bytes line, struct bytes name, struct bytes spki, struct bytes *ret_signature);

#endif
