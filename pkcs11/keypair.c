/* SPDX-License-Identifier: BSD-2-Clause */
/* What do the templates for a new key ask, and is it what a TPM key can be? */
#include <string.h>
#include "keys/usage.h"
#include "lib/err.h"
#include "pkcs11/rv.h"
#include "pkcs11/template.h"

/* These say which key to make; every other attribute must be true of what is made. */
static const CK_ATTRIBUTE_TYPE kind_attrs[] = { CKA_EC_PARAMS, CKA_MODULUS_BITS, CKA_PUBLIC_EXPONENT, CKA_VALUE_LEN, CKA_KEY_TYPE, 0 };

void keypair_request_clear(struct keypair_request *r)
{
        buf_clear(&r->label);
        buf_clear(&r->id);
        attrs_clear(&r->attrs);
        *r = (struct keypair_request){ 0 };
}

static CK_RV ec_kind(struct template pub, const struct key_kind **ret)
{
        struct bytes oid = template_bytes(pub, CKA_EC_PARAMS);
        const struct curve *c;
        const struct key_kind *kind;

        if (template_get(pub, CKA_EC_PARAMS) == NULL)
                return CKR_TEMPLATE_INCOMPLETE;
        c = curve_by_oid(oid);
        for (size_t i = 0; c != NULL && (kind = key_kind_at(i)) != NULL; i++)
                if (kind->curve == c) {
                        *ret = kind;
                        return CKR_OK;
                }
        return CKR_CURVE_NOT_SUPPORTED;
}

/* A TPM's RSA keys have the exponent 65537. */
static bool exponent_fits(struct template pub)
{
        static const uint8_t f4[] = { 1, 0, 1 };
        struct bytes e = template_bytes(pub, CKA_PUBLIC_EXPONENT);

        while (e.len > 0 && e.ptr[0] == 0)
                e = BYTES(e.ptr + 1, e.len - 1);
        return template_get(pub, CKA_PUBLIC_EXPONENT) == NULL || bytes_equal(e, BYTES(f4, sizeof(f4)));
}

static CK_RV rsa_kind(struct template pub, const struct key_kind **ret)
{
        const struct key_kind *kind;
        CK_ULONG bits;
        CK_RV rv;

        if (template_get(pub, CKA_MODULUS_BITS) == NULL)
                return CKR_TEMPLATE_INCOMPLETE;
        rv = template_ulong(pub, CKA_MODULUS_BITS, 0, &bits);
        if (rv != CKR_OK)
                return rv;
        if (!exponent_fits(pub))
                return CKR_ATTRIBUTE_VALUE_INVALID;
        for (size_t i = 0; (kind = key_kind_at(i)) != NULL; i++)
                if (kind->ckk == CKK_RSA && kind->bits == bits) {
                        *ret = kind;
                        return CKR_OK;
                }
        return CKR_KEY_SIZE_RANGE;
}

static const struct {
        CK_MECHANISM_TYPE ckm;
        CK_KEY_TYPE ckk;
        CK_RV (*kind)(struct template pub, const struct key_kind **ret);
} makers[] = {
        { CKM_EC_KEY_PAIR_GEN, CKK_EC, ec_kind },
        { CKM_RSA_PKCS_KEY_PAIR_GEN, CKK_RSA, rsa_kind },
};

static CK_RV find_kind(const CK_MECHANISM *m, struct template pub, struct template priv, const struct key_kind **ret)
{
        for (size_t i = 0; i < ARRAY_LEN(makers); i++) {
                CK_ULONG of_pub, of_priv;
                CK_RV rv;

                if (makers[i].ckm != m->mechanism)
                        continue;
                rv = template_ulong(pub, CKA_KEY_TYPE, makers[i].ckk, &of_pub);
                if (rv == CKR_OK)
                        rv = template_ulong(priv, CKA_KEY_TYPE, makers[i].ckk, &of_priv);
                if (rv == CKR_OK && (of_pub != makers[i].ckk || of_priv != makers[i].ckk))
                        rv = CKR_TEMPLATE_INCONSISTENT;
                return rv == CKR_OK ? makers[i].kind(pub, ret) : rv;
        }
        return CKR_MECHANISM_INVALID;
}

/* Each use of a key has a name in either half. */
static const struct {
        unsigned use;
        CK_ATTRIBUTE_TYPE of_priv, of_pub;
} uses[] = {
        { ALG_SIGN, CKA_SIGN, CKA_VERIFY },
        { ALG_DECRYPT, CKA_DECRYPT, CKA_ENCRYPT },
        { ALG_DERIVE, CKA_DERIVE, CKA_DERIVE },
};

/* The uses that either half asks for. If none does: all that such a key can have, less what was denied. */
static CK_RV find_usage(const struct key_kind *kind, struct template pub, struct template priv, unsigned *ret)
{
        unsigned can = ALG_SIGN | (kind->ckk == CKK_EC ? ALG_DERIVE : ALG_DECRYPT), asked = 0, denied = 0;

        for (size_t i = 0; i < ARRAY_LEN(uses); i++) {
                bool of_priv, of_pub;
                CK_RV rv;

                rv = template_bool(priv, uses[i].of_priv, false, &of_priv);
                if (rv == CKR_OK)
                        rv = template_bool(pub, uses[i].of_pub, false, &of_pub);
                if (rv != CKR_OK)
                        return rv;
                if (template_get(priv, uses[i].of_priv) != NULL && !of_priv)
                        denied |= uses[i].use;
                else if (of_priv || of_pub)
                        asked |= uses[i].use;
        }
        *ret = asked != 0 ? asked : can & ~denied;
        /* A key that can do nothing is none that a TPM makes. */
        return (*ret & ~can) == 0 && *ret != 0 ? CKR_OK : CKR_TEMPLATE_INCONSISTENT;
}

/* Of a label or ID: what the private half is told, or else the public one; template_holds() sees to it that they do not differ. */
static CK_RV shared(struct template pub, struct template priv, CK_ATTRIBUTE_TYPE type, struct buf *ret)
{
        struct bytes b = template_bytes(priv, type);

        return rv_from_err(buf_set(ret, b.len != 0 ? b : template_bytes(pub, type)));
}

/* Where the halves live. Without a word of its own the public one goes with the private one. */
static CK_RV place(struct session *s, struct template pub, struct template priv, struct keypair_request *r)
{
        bool private, pub_token;
        CK_RV rv;

        rv = template_bool(priv, CKA_TOKEN, false, &r->token);
        if (rv == CKR_OK)
                rv = template_bool(pub, CKA_TOKEN, r->token, &pub_token);
        if (rv == CKR_OK)
                rv = template_bool(priv, CKA_PRIVATE, true, &private);
        if (rv != CKR_OK)
                return rv;
        if ((pub_token && !r->token) || (!private && s->pins))
                return CKR_TEMPLATE_INCONSISTENT;
        rv = object_writable(s, r->token, private);
        /* In a token with PINs a key is made under the agent's secret, which only a login gives. */
        if (rv == CKR_OK && session_user(s) != CKU_USER)
                rv = CKR_USER_NOT_LOGGED_IN;
        if (rv == CKR_OK && !private)
                rv = rv_from_err(attrs_set_bool(&r->attrs, "private", false));
        if (rv == CKR_OK && r->token && !pub_token)
                rv = rv_from_err(attrs_set_bool(&r->attrs, "public", false));
        return rv;
}

/* The halves as they will be, so far as the templates can speak of them. */
static CK_RV draft_holds(struct session *s, struct template t, const struct keypair_request *r, CK_OBJECT_CLASS class)
{
        struct item here = { .type = ITEM_KEY }; /* looked at for being there: what makes it a TPM's key */
        struct object draft = {
                .class = class,
                .key_type = r->kind->ckk,
                .token = r->token && !(class == CKO_PUBLIC_KEY && attrs_get(&r->attrs, "public") != NULL),
                .half = class == CKO_PUBLIC_KEY ? HALF_PUBLIC : HALF_MAIN,
                .slot = s->slot,
                .item = class == CKO_PUBLIC_KEY ? NULL : &here,
                .usage = r->usage,
                .tpm = TPMA_FIXEDTPM | TPMA_FIXEDPARENT | TPMA_SENSITIVEDATAORIGIN,
                .label = BYTES_OF(&r->label),
                .id = BYTES_OF(&r->id),
                .attrs = &r->attrs,
                .kind = r->kind,
        };

        return template_holds(t, &draft, kind_attrs);
}

static CK_RV fill_request(struct session *s, const CK_MECHANISM *m, struct template pub, struct template priv, struct keypair_request *r)
{
        CK_RV rv;

        rv = find_kind(m, pub, priv, &r->kind);
        if (rv == CKR_OK)
                rv = find_usage(r->kind, pub, priv, &r->usage);
        if (rv == CKR_OK)
                rv = shared(pub, priv, CKA_LABEL, &r->label);
        if (rv == CKR_OK)
                rv = shared(pub, priv, CKA_ID, &r->id);
        if (rv == CKR_OK)
                rv = place(s, pub, priv, r);
        if (rv == CKR_OK)
                rv = template_apply(priv, CKO_PRIVATE_KEY, MAY_MAKE, &r->attrs, &r->usage);
        if (rv == CKR_OK)
                rv = template_apply(pub, CKO_PUBLIC_KEY, MAY_MAKE, &r->attrs, &r->usage);
        if (rv == CKR_OK)
                rv = draft_holds(s, priv, r, CKO_PRIVATE_KEY);
        return rv == CKR_OK ? draft_holds(s, pub, r, CKO_PUBLIC_KEY) : rv;
}

CK_RV keypair_request(struct session *s, const CK_MECHANISM *m, const CK_ATTRIBUTE *pub, CK_ULONG n_pub, const CK_ATTRIBUTE *priv, CK_ULONG n_priv,
                      struct keypair_request *ret)
{
        CLEANUP(keypair_request_clear) struct keypair_request r = { 0 };
        CK_RV rv;

        rv = template_check(TEMPLATE(pub, n_pub));
        if (rv == CKR_OK)
                rv = template_check(TEMPLATE(priv, n_priv));
        if (rv == CKR_OK)
                rv = fill_request(s, m, TEMPLATE(pub, n_pub), TEMPLATE(priv, n_priv), &r);
        if (rv != CKR_OK)
                return rv;
        *ret = r;
        r = (struct keypair_request){ 0 };
        return CKR_OK;
}

/* By its length in octets, which is its hash's; SHA-256 unless the template says. */
static CK_RV hmac_kind(struct template t, const struct key_kind **ret)
{
        const struct key_kind *kind;
        CK_ULONG len, type;
        CK_RV rv;

        rv = template_ulong(t, CKA_VALUE_LEN, 32, &len);
        if (rv == CKR_OK)
                rv = template_ulong(t, CKA_KEY_TYPE, CKK_GENERIC_SECRET, &type);
        if (rv != CKR_OK)
                return rv;
        if (type != CKK_GENERIC_SECRET)
                return CKR_TEMPLATE_INCONSISTENT;
        for (size_t i = 0; (kind = key_kind_at(i)) != NULL; i++)
                if (kind->hash != NULL && kind->hash->size == len) {
                        *ret = kind;
                        return CKR_OK;
                }
        return CKR_KEY_SIZE_RANGE;
}

/* Its value never leaves the TPM and lives as long as its file: no key of a session. */
static CK_RV fill_hmac_request(struct session *s, struct template t, struct keypair_request *r)
{
        CK_RV rv;

        r->usage = ALG_SIGN;
        rv = hmac_kind(t, &r->kind);
        if (rv == CKR_OK)
                rv = place(s, TEMPLATE(NULL, 0), t, r);
        if (rv == CKR_OK && !r->token)
                rv = CKR_TEMPLATE_INCONSISTENT;
        if (rv == CKR_OK)
                rv = shared(t, t, CKA_LABEL, &r->label);
        if (rv == CKR_OK)
                rv = shared(t, t, CKA_ID, &r->id);
        if (rv == CKR_OK)
                rv = template_apply(t, CKO_SECRET_KEY, MAY_MAKE, &r->attrs, &r->usage);
        return rv == CKR_OK ? draft_holds(s, t, r, CKO_SECRET_KEY) : rv;
}

CK_RV hmackey_request(struct session *s, const CK_MECHANISM *m, const CK_ATTRIBUTE *t, CK_ULONG n, struct keypair_request *ret)
{
        CLEANUP(keypair_request_clear) struct keypair_request r = { 0 };
        CK_RV rv;

        if (m->mechanism != CKM_GENERIC_SECRET_KEY_GEN)
                return CKR_MECHANISM_INVALID;
        rv = template_check(TEMPLATE(t, n));
        if (rv == CKR_OK)
                rv = fill_hmac_request(s, TEMPLATE(t, n), &r);
        if (rv != CKR_OK)
                return rv;
        *ret = r;
        r = (struct keypair_request){ 0 };
        return CKR_OK;
}
