/* SPDX-License-Identifier: BSD-2-Clause */
/* What an object is made of: for object, attr, template, create and find. */
#ifndef HOLDFAST_PKCS11_OBJECTS_H
#define HOLDFAST_PKCS11_OBJECTS_H

#include <stdatomic.h>
#include "pkcs11/object.h"
#include "pkcs11/slot.h"
#include "pkcs11/thing.h"

/* A token object looks into its file; a session object into what it owns. */
struct object {
        atomic_uint refs;
        CK_OBJECT_CLASS class;
        CK_KEY_TYPE key_type;
        bool token;
        enum half half;
        struct slot *slot;
        struct item *item;        /* a token object's file, or the key that a session object works with; else NULL */
        char unique[24];          /* CKA_UNIQUE_ID */
        unsigned usage;           /* of a TPM key: ALG_SIGN ... as it was made, less what was given up since */
        unsigned tpm;             /* of a TPM key: its TPMA_OBJECT */
        bool copy;                /* a session object whose item is a file of the store */
        size_t profile;

        /* Borrowed from item or own. */
        struct bytes label, id, der;
        const struct attrs *attrs;
        const struct pubkey *pub; /* NULL: none */
        const struct key_kind *kind; /* of a TPM key; NULL: none of ours */

        struct own {
                struct attrs attrs;
                struct buf label, id, der, value;
                struct pubkey pub;
        } own;
};

/* TPM 2.0 Part 2, 8.3. */
#define TPMA_FIXEDTPM 0x00000002u
#define TPMA_FIXEDPARENT 0x00000010u
#define TPMA_SENSITIVEDATAORIGIN 0x00000020u
#define TPMA_DECRYPT 0x00020000u
#define TPMA_SIGN_ENCRYPT 0x00040000u

/* All that a key of this type can be used for, ALG_SIGN ...; each half takes its part. */
unsigned object_whole_usage(CK_KEY_TYPE type);
/* A half of a file, as it is now: reads it. CKR_OBJECT_HANDLE_INVALID if there is no such half, or the file went away. */
CK_RV object_of_item(struct slot *slot, struct item *i, enum half half, struct object **ret);
CK_RV object_of_profile(struct slot *slot, size_t profile, struct object **ret);
/* CKP_*. */
CK_ULONG object_profile_id(const struct object *o);
/* An empty session object, to be filled through own; object_settle() then makes the rest look at it. */
CK_RV object_new(struct slot *slot, CK_OBJECT_CLASS class, struct object **ret);
void object_settle(struct object *o);
/* Behind a handle, if this session may see it. CKR_OBJECT_HANDLE_INVALID. */
CK_RV object_get(struct session *s, CK_OBJECT_HANDLE h, struct object **ret);
/* May this session see it? Private objects only with the user logged in. */
bool object_visible(const struct session *s, const struct object *o);
/* May this session make, change or remove it? CKR_SESSION_READ_ONLY, CKR_USER_NOT_LOGGED_IN. */
CK_RV object_writable(const struct session *s, bool token, bool private);

#endif
