/* SPDX-License-Identifier: BSD-2-Clause */
/* Objects: the two halves of a key pair's file, certificates, public keys, data, profiles
 * and session objects, behind one handle table. */
#ifndef HOLDFAST_PKCS11_OBJECT_H
#define HOLDFAST_PKCS11_OBJECT_H

#include "keys/signer.h"
#include "lib/cryptoki.h"
#include "pkcs11/session.h"

/* Refcounted; what is in it does not change (a changed object is a new one behind the same handle). */
struct object;

/* Accepts NULL. */
struct object *object_ref(struct object *o);
void object_unref(struct object *o);
/* For CLEANUP(). */
void object_unrefp(struct object **o);

CK_OBJECT_CLASS object_class(const struct object *o);
/* Of a private or public key: its public half. NULL for secret keys. Borrowed. */
const struct pubkey *object_pubkey(const struct object *o);
/* Of a TPM key (private key or TPM HMAC key); NULL for others. Borrowed. */
struct item *object_item(const struct object *o);
/* CKA_VALUE of a session secret key (software); empty for others. Borrowed. */
struct bytes object_secret_value(const struct object *o);
/* CKA_ALWAYS_AUTHENTICATE. */
bool object_always_authenticate(const struct object *o);
/* CKA_PRIVATE. */
bool object_private(const struct object *o);

/* The key for an operation: right class and key type for the mechanism, usage attribute (CKA_SIGN ...) TRUE,
 * mechanism in CKA_ALLOWED_MECHANISMS, visible to this session.
 * CKR_KEY_HANDLE_INVALID, CKR_KEY_TYPE_INCONSISTENT, CKR_KEY_FUNCTION_NOT_PERMITTED, CKR_MECHANISM_INVALID, CKR_USER_NOT_LOGGED_IN. */
CK_RV object_for_use(struct session *s, CK_OBJECT_HANDLE h, CK_ATTRIBUTE_TYPE usage, CK_MECHANISM_TYPE mech, CK_KEY_TYPE type,
                     struct object **ret);

/* What a template for a new key pair asks: everything checked against what a TPM key can be; defaults filled in.
 * CKR_TEMPLATE_INCONSISTENT, CKR_TEMPLATE_INCOMPLETE, CKR_ATTRIBUTE_VALUE_INVALID, CKR_ATTRIBUTE_TYPE_INVALID, CKR_SESSION_READ_ONLY ... */
struct keypair_request {
        const struct key_kind *kind;
        unsigned usage;           /* ALG_SIGN | ALG_DECRYPT | ALG_DERIVE */
        bool token;               /* FALSE: a pair that lives in memory and ends with the session */
        struct buf label, id;
        struct attrs attrs;       /* for the file */
};
CK_RV keypair_request(struct session *s, const CK_MECHANISM *m, const CK_ATTRIBUTE *pub, CK_ULONG n_pub, const CK_ATTRIBUTE *priv, CK_ULONG n_priv,
                      struct keypair_request *ret);
/* The same for a TPM HMAC key (CKM_GENERIC_SECRET_KEY_GEN, CKA_SIGN): one template. */
CK_RV hmackey_request(struct session *s, const CK_MECHANISM *m, const CK_ATTRIBUTE *t, CK_ULONG n, struct keypair_request *ret);
void keypair_request_clear(struct keypair_request *r);

/* Handles of the halves of a new item; ret_pub may be NULL. */
CK_RV object_add_item(struct session *s, struct item *i, CK_OBJECT_HANDLE *ret_pub, CK_OBJECT_HANDLE *ret_priv);
/* The same for a pair in memory: objects of this session. */
CK_RV object_add_session_pair(struct session *s, struct item *i, CK_OBJECT_HANDLE *ret_pub, CK_OBJECT_HANDLE *ret_priv);
/* A session secret key from a derivation; checks the template (CKA_TOKEN FALSE, lengths, class). Value is copied. */
CK_RV object_add_secret(struct session *s, const CK_ATTRIBUTE *t, CK_ULONG n, struct bytes value, CK_OBJECT_HANDLE *ret);

#endif
