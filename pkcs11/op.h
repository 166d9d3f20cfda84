/* SPDX-License-Identifier: BSD-2-Clause */
/* An active operation of a session: sign, verify, encrypt, decrypt, digest. */
#ifndef HOLDFAST_PKCS11_OP_H
#define HOLDFAST_PKCS11_OP_H

#include "lib/alg.h"
#include "lib/crypto.h"
#include "lib/pk.h"
#include "pkcs11/object.h"
#include "pkcs11/session.h"

/* Input that is kept until the last call: of mechanisms that do not hash, and of HMAC, whose every 1024 octets
 * are a command to the TPM. */
#define OP_DATA_MAX 1024
#define OP_HMAC_MAX (64 * 1024)

/* Frees and wipes; accepts NULL. session.c calls it when a session closes or logs out. */
void op_free(struct op *o);
/* True if the operation uses a private key (ended by C_Logout). */
bool op_is_private(const struct op *o);
/* The context-specific login (CKU_CONTEXT_SPECIFIC) has been given: CKR_OPERATION_NOT_INITIALIZED if no operation waits for it. */
CK_RV op_context_login(struct session *s);

/* From here on: for the files that hold the operations. */

struct op {
        struct object *key;       /* NULL: digest */
        struct pk_params params;  /* its label is ours: label */
        struct buf label;
        const struct hash *hash;  /* the mechanism hashes by this; NULL: it does not */
        struct digest *digest;    /* of the parts so far; NULL before the first */
        struct buf data;          /* the parts so far, where nothing is hashed */
        bool parts;               /* multi-part: an update was made */
        bool needs_login;         /* CKA_ALWAYS_AUTHENTICATE, and the context-specific login is still to come */
        bool done;                /* result stands for data: the caller's room was too small for it */
        struct buf result;
};

/* What a NULL mechanism asks of C_SignInit and its like (PKCS#11 v3.0, 5.13.1). CKR_ARGUMENTS_BAD if nothing is active. */
CK_RV op_cancel(struct session *s, enum op_slot which);
/* C_SignInit and its like; m may be NULL. */
CK_RV op_init(struct session *s, enum op_slot which, const CK_MECHANISM *m, CK_OBJECT_HANDLE key);
/* The active operation: CKR_OPERATION_NOT_INITIALIZED, or CKR_OPERATION_ACTIVE for a one-shot call after an update. */
enum op_call { OP_ONE_SHOT, OP_UPDATE, OP_FINAL };
CK_RV op_get(struct session *s, enum op_slot which, enum op_call call, struct op **ret);
/* The end of every call: the operation lives on if rv is CKR_BUFFER_TOO_SMALL, or CKR_OK where `stays`. Returns rv. */
CK_RV op_end(struct session *s, enum op_slot which, CK_RV rv, bool stays);

/* Takes a part: hashes it, or keeps it. CKR_ARGUMENTS_BAD, CKR_DATA_LEN_RANGE. */
CK_RV op_update(struct op *o, struct bytes part);
/* What the key works on: the digest (into `digest`) or the data themselves; of one_shot, or with NULL of the parts. */
CK_RV op_input(struct op *o, const struct bytes *one_shot, uint8_t digest[HASH_MAX], struct bytes *ret);
/* HMAC of the input, by the TPM or with a session key in software. */
CK_RV op_hmac(struct session *s, struct op *o, struct bytes in, struct buf *ret);
/* A multi-part call where the mechanism is single-part: CKR_FUNCTION_NOT_SUPPORTED, which ends the operation. */
CK_RV op_refuse_parts(struct session *s, enum op_slot which);
/* The octets of a signature, MAC or RSA block. */
size_t op_size(const struct op *o);

/* True if the caller says there are bytes and gives none. */
bool op_missing(struct bytes in);
/* Is there room for size octets at out? *out_len becomes size where there is not, or nothing but the size is asked. */
CK_RV op_room(const CK_BYTE *out, CK_ULONG *out_len, size_t size);
/* Gives the caller these bytes. CKR_BUFFER_TOO_SMALL. */
CK_RV op_output(struct bytes from, CK_BYTE *out, CK_ULONG *out_len);

#endif
