/* SPDX-License-Identifier: BSD-2-Clause */
/* C_GenerateKeyPair, C_GenerateKey: made in the TPM, one durable file (or none: a session's key), then its handles. */
#include "keys/deed.h"
#include "pkcs11/call.h"
#include "pkcs11/mech.h"
#include "pkcs11/object.h"
#include "pkcs11/rv.h"

static CK_RV offered(struct session *s, const CK_MECHANISM *m, CK_FLAGS flag)
{
        CK_MECHANISM_INFO info;
        CK_RV rv;

        if (m == NULL)
                return CKR_ARGUMENTS_BAD;
        rv = mech_info(session_keyring(s), m->mechanism, &info);
        if (rv != CKR_OK || (info.flags & flag) == 0)
                return CKR_MECHANISM_INVALID;
        return m->ulParameterLen == 0 ? CKR_OK : CKR_MECHANISM_PARAM_INVALID;
}

static int make(struct session *s, const struct keypair_request *q, struct item **ret)
{
        struct key_wish wish = {
                .kind = q->kind,
                .usage = q->usage,
                .label = BYTES_OF(&q->label),
                .id = BYTES_OF(&q->id),
                .attrs = &q->attrs,
                .in_memory = !q->token,
        };

        return deed_key_make(session_keyring(s), session_caller(s), session_agent(s), session_secret(s), &wish, ret);
}

/* ret_pub NULL: a key without a public half. */
static CK_RV generate(struct session *s, const struct keypair_request *q, CK_OBJECT_HANDLE *ret_pub, CK_OBJECT_HANDLE *ret_key)
{
        struct keyring *k = session_keyring(s);
        struct backend *b = keyring_backend(k);
        struct item *item;
        CK_RV rv;
        int r;

        if (!b->ops->can_make(b, q->kind))
                return q->kind->ckk == CKK_EC ? CKR_CURVE_NOT_SUPPORTED : CKR_KEY_SIZE_RANGE;
        r = make(s, q, &item);
        if (r != 0)
                return rv_from_err(r);
        rv = q->token ? object_add_item(s, item, ret_pub, ret_key) : object_add_session_pair(s, item, ret_pub, ret_key);
        /* A key that the caller never hears of shall not stay. */
        if (rv != CKR_OK && q->token)
                deed_key_unmake(k, session_caller(s), session_agent(s), item);
        item_unref(item);
        return rv;
}

static CK_RV generate_pair(struct session *s, const CK_MECHANISM *m, const CK_ATTRIBUTE *pub, CK_ULONG n_pub,
                           const CK_ATTRIBUTE *priv, CK_ULONG n_priv, CK_OBJECT_HANDLE *ret_pub, CK_OBJECT_HANDLE *ret_priv)
{
        CLEANUP(keypair_request_clear) struct keypair_request q = { 0 };
        CK_OBJECT_HANDLE h_pub, h_priv;
        CK_RV rv;

        if ((pub == NULL && n_pub != 0) || (priv == NULL && n_priv != 0) || ret_pub == NULL || ret_priv == NULL)
                return CKR_ARGUMENTS_BAD;
        rv = offered(s, m, CKF_GENERATE_KEY_PAIR);
        if (rv == CKR_OK)
                rv = keypair_request(s, m, pub, n_pub, priv, n_priv, &q);
        if (rv == CKR_OK)
                rv = generate(s, &q, &h_pub, &h_priv);
        if (rv != CKR_OK)
                return rv;
        *ret_pub = h_pub;
        *ret_priv = h_priv;
        return CKR_OK;
}

static CK_RV generate_hmac_key(struct session *s, const CK_MECHANISM *m, const CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
        CLEANUP(keypair_request_clear) struct keypair_request q = { 0 };
        CK_OBJECT_HANDLE h;
        CK_RV rv;

        if ((t == NULL && n != 0) || ret == NULL)
                return CKR_ARGUMENTS_BAD;
        rv = offered(s, m, CKF_GENERATE);
        if (rv == CKR_OK)
                rv = hmackey_request(s, m, t, n, &q);
        if (rv == CKR_OK)
                rv = generate(s, &q, NULL, &h);
        if (rv == CKR_OK)
                *ret = h;
        return rv;
}

CK_RV C_GenerateKeyPair(CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_ATTRIBUTE *pub, CK_ULONG n_pub, CK_ATTRIBUTE *priv, CK_ULONG n_priv,
                        CK_OBJECT_HANDLE *ret_pub, CK_OBJECT_HANDLE *ret_priv)
{
        struct call c;
        CK_RV rv;

        rv = call_begin_session(&c, h);
        if (rv != CKR_OK)
                return rv;
        return call_end(&c, generate_pair(c.session, m, pub, n_pub, priv, n_priv, ret_pub, ret_priv));
}

CK_RV C_GenerateKey(CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
        struct call c;
        CK_RV rv;

        rv = call_begin_session(&c, h);
        if (rv != CKR_OK)
                return rv;
        return call_end(&c, generate_hmac_key(c.session, m, t, n, ret));
}
