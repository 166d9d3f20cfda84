/* SPDX-License-Identifier: BSD-2-Clause */
/* What all operations have in common: how they start, gather input, answer size questions and end. */
#include <stdlib.h>
#include <string.h>
#include "lib/err.h"
#include "pkcs11/carry.h"
#include "pkcs11/mech.h"
#include "pkcs11/op.h"
#include "pkcs11/rv.h"

/* What starts in each slot, and which attribute of the key allows it. */
static const struct {
        unsigned alg_op;
        CK_ATTRIBUTE_TYPE usage;
} slots[OP_SLOTS] = {
        [OP_ENCRYPT] = { ALG_ENCRYPT, CKA_ENCRYPT },
        [OP_DECRYPT] = { ALG_DECRYPT, CKA_DECRYPT },
        [OP_SIGN] = { ALG_SIGN, CKA_SIGN },
        [OP_VERIFY] = { ALG_VERIFY, CKA_VERIFY },
};

void op_free(struct op *o)
{
        if (o == NULL)
                return;
        object_unref(o->key);
        digest_free(o->digest);
        buf_clear(&o->label);
        buf_clear(&o->data);
        buf_clear(&o->result);
        free(o);
}

static void op_freep(struct op **o)
{
        op_free(*o);
}

static void drop(struct session *s, enum op_slot which)
{
        op_free(s->op[which]);
        s->op[which] = NULL;
}

bool op_is_private(const struct op *o)
{
        return o->key != NULL && object_class(o->key) != CKO_PUBLIC_KEY;
}

CK_RV op_context_login(struct session *s)
{
        size_t i;

        for (i = 0; i < OP_SLOTS; i++)
                if (s->op[i] != NULL && s->op[i]->needs_login) {
                        s->op[i]->needs_login = false;
                        return CKR_OK;
                }
        return CKR_OPERATION_NOT_INITIALIZED;
}

size_t op_size(const struct op *o)
{
        if (o->params.scheme == SCHEME_HMAC)
                return o->params.hash->size;
        return pubkey_sig_size(object_pubkey(o->key));
}

/* A PSS salt that this modulus has no room for is the mechanism's fault, not the data's. */
static bool params_fit(const struct op *o)
{
        size_t taken;

        if (o->params.scheme != SCHEME_RSA_PSS)
                return true;
        taken = o->params.hash->size + 2;
        return op_size(o) >= taken && o->params.salt_len <= op_size(o) - taken;
}

CK_RV op_cancel(struct session *s, enum op_slot which)
{
        if (s->op[which] == NULL)
                return CKR_ARGUMENTS_BAD;
        drop(s, which);
        return CKR_OK;
}

CK_RV op_init(struct session *s, enum op_slot which, const CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
        CLEANUP(op_freep) struct op *o = NULL;
        struct carried carried = { 0 };
        const struct alg *a;
        CK_RV rv;

        rv = s->app->host != NULL ? carry_unpack(m, &carried, &m) : CKR_OK;
        if (rv != CKR_OK)
                return rv;
        if (m == NULL)
                return op_cancel(s, which);
        if (s->op[which] != NULL)
                return CKR_OPERATION_ACTIVE;

        o = calloc(1, sizeof(*o));
        if (o == NULL)
                return CKR_HOST_MEMORY;
        rv = mech_params(session_keyring(s), m, slots[which].alg_op, &a, &o->params);
        if (rv != CKR_OK)
                return rv;
        if (buf_set(&o->label, o->params.label) != 0)
                return CKR_HOST_MEMORY;
        o->params.label = BYTES_OF(&o->label);

        rv = object_for_use(s, key, slots[which].usage, m->mechanism, a->ckk, &o->key);
        if (rv != CKR_OK)
                return rv;
        if (!params_fit(o))
                return CKR_MECHANISM_PARAM_INVALID;

        /* The TPM hashes for HMAC; everything else is hashed here. */
        o->hash = a->scheme == SCHEME_HMAC ? NULL : a->hash;
        o->needs_login = op_is_private(o) && object_always_authenticate(o->key);
        s->op[which] = o;
        o = NULL;
        return CKR_OK;
}

CK_RV op_get(struct session *s, enum op_slot which, enum op_call call, struct op **ret)
{
        struct op *o = s->op[which];

        if (o == NULL)
                return CKR_OPERATION_NOT_INITIALIZED;
        if (call == OP_ONE_SHOT && o->parts)
                return CKR_OPERATION_ACTIVE;
        *ret = o;
        return CKR_OK;
}

CK_RV op_end(struct session *s, enum op_slot which, CK_RV rv, bool stays)
{
        if (rv != CKR_BUFFER_TOO_SMALL && (rv != CKR_OK || !stays))
                drop(s, which);
        return rv;
}

CK_RV op_room(const CK_BYTE *out, CK_ULONG *out_len, size_t size)
{
        CK_ULONG room = *out_len;

        if (out == NULL || room < size)
                *out_len = size;
        return out == NULL || room >= size ? CKR_OK : CKR_BUFFER_TOO_SMALL;
}

CK_RV op_output(struct bytes from, CK_BYTE *out, CK_ULONG *out_len)
{
        CK_RV rv = op_room(out, out_len, from.len);

        if (rv != CKR_OK || out == NULL)
                return rv;
        if (from.len != 0)
                memcpy(out, from.ptr, from.len);
        *out_len = from.len;
        return CKR_OK;
}

bool op_missing(struct bytes in)
{
        return in.ptr == NULL && in.len != 0;
}

static size_t data_max(const struct op *o)
{
        return o->params.scheme == SCHEME_HMAC ? OP_HMAC_MAX : OP_DATA_MAX;
}

static CK_RV keep(struct op *o, struct bytes part)
{
        if (part.len > data_max(o) - o->data.len)
                return CKR_DATA_LEN_RANGE;
        return rv_from_err(buf_append(&o->data, part.ptr, part.len));
}

CK_RV op_update(struct op *o, struct bytes part)
{
        int r = 0;

        o->parts = true;
        if (op_missing(part))
                return CKR_ARGUMENTS_BAD;
        if (o->hash == NULL)
                return keep(o, part);
        if (o->digest == NULL)
                r = digest_new(o->hash, &o->digest);
        if (r == 0)
                r = digest_update(o->digest, part);
        return rv_from_err(r);
}

/* May data that nobody hashed for the key be this long? RSA's own bounds are lib/pk's and the signer's. */
static bool length_fits(const struct op *o, size_t len)
{
        switch (o->params.scheme) {
        case SCHEME_ECDSA:
                return len > 0 && len <= HASH_MAX;
        case SCHEME_RSA_PSS:
                return len == o->params.hash->size;
        case SCHEME_RSA_PKCS1:
                return len + 11 <= op_size(o);
        case SCHEME_RSA_RAW:
                return len <= op_size(o);
        default:
                return len <= data_max(o);
        }
}

CK_RV op_input(struct op *o, const struct bytes *one_shot, uint8_t digest[HASH_MAX], struct bytes *ret)
{
        const struct bytes none = { 0 };
        struct bytes in;
        int r;

        if (one_shot != NULL && op_missing(*one_shot))
                return CKR_ARGUMENTS_BAD;
        if (o->hash != NULL) {
                if (o->digest != NULL)
                        r = digest_final(o->digest, digest);
                else
                        r = crypto_hash(o->hash, one_shot != NULL ? one_shot : &none, 1, digest);
                *ret = BYTES(digest, o->hash->size);
                return rv_from_err(r);
        }
        in = one_shot != NULL ? *one_shot : BYTES_OF(&o->data);
        if (!length_fits(o, in.len))
                return CKR_DATA_LEN_RANGE;
        *ret = in;
        return CKR_OK;
}

CK_RV op_refuse_parts(struct session *s, enum op_slot which)
{
        struct op *o;
        CK_RV rv;

        rv = op_get(s, which, OP_UPDATE, &o);
        return op_end(s, which, rv == CKR_OK ? CKR_FUNCTION_NOT_SUPPORTED : rv, false);
}

CK_RV op_hmac(struct session *s, struct op *o, struct bytes in, struct buf *ret)
{
        struct key_use use = session_use(s, object_item(o->key));
        uint8_t mac[HASH_MAX];
        int r;

        if (use.item != NULL)
                return rv_from_err_range(signer_hmac(session_keyring(s), &use, in, ret), CKR_DATA_LEN_RANGE);
        r = crypto_hmac(o->params.hash, object_secret_value(o->key), &in, 1, mac);
        if (r == 0)
                r = buf_set(ret, BYTES(mac, o->params.hash->size));
        wipe(mac, sizeof(mac));
        return rv_from_err(r);
}
