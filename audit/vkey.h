/* SPDX-License-Identifier: BSD-2-Clause */
/* The Ed25519 key that signs checkpoints beside the TPM, for witnesses that know nothing of TPMs: C2SP signed-note, type 0x01.
 * Whoever has the key signs, and whoever checks verifies: only how both are written down is here. */
#ifndef HOLDFAST_AUDIT_VKEY_H
#define HOLDFAST_AUDIT_VKEY_H

#include "lib/buf.h"

#define VKEY_ID_SIZE 4
#define VKEY_SIZE 32
#define VKEY_SIGNATURE_SIZE 64

/* The first octets of SHA-256(name || 0x0a || 0x01 || key). The name is a checkpoint's origin. */
int vkey_id(struct bytes name, const uint8_t key[VKEY_SIZE], uint8_t ret[VKEY_ID_SIZE]);
/* What stands behind the name in a signature line: key ID and signature. */
int vkey_line(struct bytes name, const uint8_t key[VKEY_SIZE], const uint8_t signature[VKEY_SIGNATURE_SIZE], struct buf *ret);
/* ERR_AUTH if it is no line by this key; ret_signature borrows from it. */
int vkey_line_signature(struct bytes line, struct bytes name, const uint8_t key[VKEY_SIZE], struct bytes *ret_signature);

/* NAME+ID+KEY, as witnesses are told of it: eight hexadecimal digits, base64 of 0x01 and the key. */
int vkey_format(struct bytes name, const uint8_t key[VKEY_SIZE], struct buf *ret);
/* ERR_FORMAT: anything but what vkey_format() writes. ret_name borrows from text. */
int vkey_parse(struct bytes text, struct bytes *ret_name, uint8_t ret_key[VKEY_SIZE]);

#endif
