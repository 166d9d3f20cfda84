/* SPDX-License-Identifier: BSD-2-Clause */
/* C_CreateObject, and session secret keys for C_DeriveKey. Private keys are made in the TPM, never brought: one that another
 * program had the TPM make can be used from its file, for a session. */
#include <string.h>
#include "holdfast/pkcs11.h"
#include "lib/err.h"
#include "lib/x509.h"
#include "pkcs11/call.h"
#include "pkcs11/change.h"
#include "pkcs11/functions.h"
#include "pkcs11/rv.h"

static CK_RV incomplete_without(struct template t, CK_ATTRIBUTE_TYPE type)
{
        return template_get(t, type) != NULL ? CKR_OK : CKR_TEMPLATE_INCOMPLETE;
}

/* The ID of the key that this certificate is for, so that both are found by one; else the one such a key would have. */
static CK_RV pair_id(struct session *s, struct bytes spki, struct buf *ret)
{
        CLEANUP(pubkey_clear) struct pubkey pub = { 0 };
        const CK_ATTRIBUTE same = { CKA_PUBLIC_KEY_INFO, (void *)(uintptr_t)spki.ptr, spki.len };
        struct item_list *l;
        CK_RV rv;
        int r;

        rv = things_look(s->slot, &l);
        if (rv != CKR_OK)
                return rv;
        for (size_t i = 0; rv == CKR_OK && ret->len == 0 && i < l->n; i++) {
                CLEANUP(object_unrefp) struct object *o = NULL;
                bool equal = false;

                if (l->list[i]->type != ITEM_KEY)
                        continue;
                rv = object_of_item(s->slot, l->list[i], HALF_MAIN, &o);
                if (rv == CKR_OK)
                        rv = attr_equal(o, &same, &equal);
                else if (rv != CKR_HOST_MEMORY)
                        rv = CKR_OK;    /* a file that cannot be read is not there */
                if (rv == CKR_OK && equal)
                        rv = rv_from_err(buf_set(ret, o->id));
        }
        item_list_unref(l);
        if (rv != CKR_OK || ret->len != 0)
                return rv;
        r = pubkey_from_spki(spki, &pub);
        if (r == 0)
                r = keyring_default_id(&pub, ret);
        /* Keys that are not of our kinds have no ID that anybody would guess. */
        return r == ERR_NOMEM ? CKR_HOST_MEMORY : CKR_OK;
}

/* As DER, or bare as some programs send it. */
static bool serial_fits(struct template t, struct bytes der)
{
        struct bytes given = template_bytes(t, CKA_SERIAL_NUMBER);

        return given.len == 0 || bytes_equal(given, der) || (der.len > 2 && bytes_equal(given, BYTES(der.ptr + 2, der.len - 2)));
}

static CK_RV make_cert(struct session *s, struct template t, struct object *o)
{
        struct x509_parts p;
        CK_RV rv;

        rv = incomplete_without(t, CKA_VALUE);
        if (rv != CKR_OK)
                return rv;
        if (x509_parts(template_bytes(t, CKA_VALUE), &p) != 0)
                return CKR_ATTRIBUTE_VALUE_INVALID;
        if (!serial_fits(t, p.serial))
                return CKR_TEMPLATE_INCONSISTENT;
        return template_bytes(t, CKA_ID).len == 0 ? pair_id(s, p.spki, &o->own.id) : CKR_OK;
}

static CK_RV make_data(struct session *s, struct template t, struct object *o)
{
        (void)s;
        (void)t;
        (void)o;
        return CKR_OK;
}

static struct bytes without_zeros(struct bytes b)
{
        while (b.len > 0 && b.ptr[0] == 0)
                b = BYTES(b.ptr + 1, b.len - 1);
        return b;
}

static int rsa_pub(struct template t, struct pubkey *ret)
{
        CLEANUP(pubkey_clear) struct pubkey raw = { .ckk = CKK_RSA };
        CLEANUP(buf_clear) struct buf spki = { 0 };
        int r;

        r = buf_set(&raw.n, without_zeros(template_bytes(t, CKA_MODULUS)));
        if (r == 0)
                r = buf_set(&raw.e, without_zeros(template_bytes(t, CKA_PUBLIC_EXPONENT)));
        if (r == 0 && (raw.n.len == 0 || raw.e.len == 0))
                return ERR_FORMAT;
        if (r == 0)
                r = pubkey_to_spki(&raw, &spki);
        /* Reading it back is what checks it. */
        return r == 0 ? pubkey_from_spki(BYTES_OF(&spki), ret) : r;
}

static CK_RV make_public(struct session *s, struct template t, struct object *o)
{
        const CK_ATTRIBUTE_TYPE of_rsa[] = { CKA_MODULUS, CKA_PUBLIC_EXPONENT }, of_ec[] = { CKA_EC_PARAMS, CKA_EC_POINT };
        const CK_ATTRIBUTE_TYPE *needed;
        const struct curve *c;
        CK_ULONG type;
        CK_RV rv;
        int r;

        rv = incomplete_without(t, CKA_KEY_TYPE);
        if (rv == CKR_OK)
                rv = template_ulong(t, CKA_KEY_TYPE, 0, &type);
        if (rv != CKR_OK)
                return rv;
        if (type != CKK_RSA && type != CKK_EC)
                return CKR_ATTRIBUTE_VALUE_INVALID;
        needed = type == CKK_RSA ? of_rsa : of_ec;
        if (template_get(t, needed[0]) == NULL || template_get(t, needed[1]) == NULL)
                return CKR_TEMPLATE_INCOMPLETE;
        if (type == CKK_RSA) {
                r = rsa_pub(t, &o->own.pub);
        } else {
                c = curve_by_oid(template_bytes(t, CKA_EC_PARAMS));
                if (c == NULL)
                        return CKR_CURVE_NOT_SUPPORTED;
                r = pubkey_from_point(c, template_bytes(t, CKA_EC_POINT), &o->own.pub);
        }
        if (r == 0 && template_bytes(t, CKA_ID).len == 0 && s != NULL)
                r = keyring_default_id(&o->own.pub, &o->own.id);
        return r == 0 || r == ERR_NOMEM ? rv_from_err(r) : CKR_ATTRIBUTE_VALUE_INVALID;
}

/* Key types that a session secret may have, and the lengths of those that have only some. */
static const struct {
        CK_KEY_TYPE type;
        CK_ULONG len[3];
} secret_types[] = {
        { CKK_GENERIC_SECRET, { 0 } },
        { CKK_AES, { 16, 24, 32 } },
        { CKK_SHA_1_HMAC, { 0 } },
        { CKK_SHA256_HMAC, { 0 } },
        { CKK_SHA384_HMAC, { 0 } },
        { CKK_SHA512_HMAC, { 0 } },
};

static CK_RV check_secret(CK_KEY_TYPE type, size_t len)
{
        for (size_t i = 0; i < ARRAY_LEN(secret_types); i++) {
                const CK_ULONG *l = secret_types[i].len;

                if (secret_types[i].type != type)
                        continue;
                if (len == 0 || (l[0] != 0 && len != l[0] && len != l[1] && len != l[2]))
                        return CKR_KEY_SIZE_RANGE;
                return CKR_OK;
        }
        return CKR_TEMPLATE_INCONSISTENT;
}

/* Of a session only: a file would hold the value for everybody who reads files. */
static CK_RV fill_secret(struct template t, struct bytes value, struct object *o)
{
        CK_ULONG type;
        bool token;
        CK_RV rv;

        rv = template_bool(t, CKA_TOKEN, false, &token);
        if (rv == CKR_OK)
                rv = template_ulong(t, CKA_KEY_TYPE, CKK_GENERIC_SECRET, &type);
        if (rv != CKR_OK)
                return rv;
        if (token)
                return CKR_TEMPLATE_INCONSISTENT;
        rv = check_secret(type, value.len);
        if (rv != CKR_OK)
                return rv;
        o->key_type = type;
        return rv_from_err(buf_set(&o->own.value, value));
}

static CK_RV make_secret(struct session *s, struct template t, struct object *o)
{
        CK_RV rv;

        (void)s;
        rv = incomplete_without(t, CKA_KEY_TYPE);
        if (rv == CKR_OK)
                rv = incomplete_without(t, CKA_VALUE);
        return rv == CKR_OK ? fill_secret(t, template_bytes(t, CKA_VALUE), o) : rv;
}

/* The file's key as an item without a file. */
static CK_RV read_tss(struct session *s, struct template t, struct item **ret)
{
        CLEANUP(tsskey_clear) struct tsskey key = { 0 };
        struct item_spec spec = { .type = ITEM_KEY, .label = template_bytes(t, CKA_LABEL), .id = template_bytes(t, CKA_ID), .key = &key };
        int r;

        r = tsskey_decode(template_bytes(t, CKA_HF_TSS_KEY), &key);
        if (r == ERR_NOMEM)
                return CKR_HOST_MEMORY;
        if (r != 0 || key.type != TSSKEY_LOADABLE)
                return CKR_ATTRIBUTE_VALUE_INVALID;
        /* Nobody could say the value: C_Login's PIN is the token's. */
        if (!key.empty_auth)
                return CKR_ACTION_PROHIBITED;
        r = item_in_memory(keyring_store(session_keyring(s)), &spec, ret);
        return r == 0 || r == ERR_NOMEM ? rv_from_err(r) : CKR_ATTRIBUTE_VALUE_INVALID;
}

static CK_RV fill_private(struct session *s, struct template t, struct item *i, struct object *o)
{
        CLEANUP(object_unrefp) struct object *half = NULL;
        CK_RV rv;

        rv = object_of_item(s->slot, i, HALF_MAIN, &half);
        if (rv != CKR_OK || half->class != CKO_PRIVATE_KEY || half->pub == NULL)
                return rv == CKR_HOST_MEMORY ? rv : CKR_ATTRIBUTE_VALUE_INVALID;
        o->item = item_ref(i);
        o->key_type = half->key_type;
        o->usage = half->usage;
        o->tpm = half->tpm;
        o->kind = half->kind;
        o->pub = half->pub;
        return template_bytes(t, CKA_ID).len == 0 ? rv_from_err(keyring_default_id(o->pub, &o->own.id)) : CKR_OK;
}

/* Of a session only: whose file it is decides where it stays. */
static CK_RV make_private(struct session *s, struct template t, struct object *o)
{
        struct item *i;
        bool token;
        CK_RV rv;

        rv = template_bool(t, CKA_TOKEN, false, &token);
        if (rv != CKR_OK)
                return rv;
        if (token || template_get(t, CKA_HF_TSS_KEY) == NULL)
                return CKR_TEMPLATE_INCONSISTENT;
        rv = read_tss(s, t, &i);
        if (rv != CKR_OK)
                return rv;
        rv = fill_private(s, t, i, o);
        item_unref(i);
        return rv;
}

/* What of each class is not simply a line. `done` has been seen to, or may be written in several ways. */
static const struct maker {
        CK_OBJECT_CLASS class;
        CK_RV (*make)(struct session *s, struct template t, struct object *o);
        CK_ATTRIBUTE_TYPE done[6];
} makers[] = {
        { CKO_CERTIFICATE, make_cert, { CKA_TOKEN, CKA_SERIAL_NUMBER } },
        { CKO_DATA, make_data, { CKA_TOKEN } },
        { CKO_PUBLIC_KEY, make_public, { CKA_TOKEN, CKA_MODULUS, CKA_PUBLIC_EXPONENT, CKA_EC_POINT } },
        { CKO_SECRET_KEY, make_secret, { CKA_TOKEN, CKA_VALUE } },
        { CKO_PRIVATE_KEY, make_private, { CKA_TOKEN, CKA_HF_TSS_KEY } },
};

static CK_RV find_maker(struct template t, const struct maker **ret)
{
        CK_ULONG class;
        CK_RV rv;

        rv = incomplete_without(t, CKA_CLASS);
        if (rv == CKR_OK)
                rv = template_ulong(t, CKA_CLASS, 0, &class);
        if (rv != CKR_OK)
                return rv;
        for (size_t i = 0; i < ARRAY_LEN(makers); i++)
                if (makers[i].class == class) {
                        *ret = &makers[i];
                        return CKR_OK;
                }
        return CKR_TEMPLATE_INCONSISTENT;
}

/* Where and for whom: secrets and private keys are private where that can be, the rest is public, unless the template says. */
static CK_RV set_private(struct session *s, struct template t, struct object *o)
{
        bool guarded = o->class == CKO_SECRET_KEY || o->class == CKO_PRIVATE_KEY, private;
        CK_RV rv;

        rv = template_bool(t, CKA_PRIVATE, guarded && session_user(s) == CKU_USER, &private);
        return rv == CKR_OK ? rv_from_err(attrs_set_bool(&o->own.attrs, "private", private)) : rv;
}

static CK_RV create(struct session *s, struct template t, CK_OBJECT_HANDLE *ret)
{
        CLEANUP(object_unrefp) struct object *o = NULL;
        const struct maker *m;
        bool token;
        CK_RV rv;

        if (ret == NULL)
                return CKR_ARGUMENTS_BAD;
        rv = template_check(t);
        if (rv == CKR_OK)
                rv = find_maker(t, &m);
        if (rv == CKR_OK)
                rv = template_bool(t, CKA_TOKEN, false, &token);
        if (rv == CKR_OK)
                rv = object_new(s->slot, m->class, &o);
        if (rv == CKR_OK)
                rv = m->make(s, t, o);
        if (rv == CKR_OK)
                rv = set_private(s, t, o);
        if (rv == CKR_OK)
                rv = change_apply(o, t, MAY_MAKE);
        if (rv == CKR_OK)
                rv = template_holds(t, o, m->done);
        if (rv == CKR_OK)
                rv = object_writable(s, token, object_private(o));
        return rv == CKR_OK ? change_add(s, o, token, ret) : rv;
}

CK_RV C_CreateObject(CK_SESSION_HANDLE h, CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
        struct call c;
        CK_RV rv;

        rv = call_begin_session(&c, h);
        if (rv != CKR_OK)
                return rv;
        return call_end(&c, create(c.session, TEMPLATE(t, n), ret));
}

/* PKCS#11 v3.0 current mechanisms, 2.3.19: of a base key that was always sensitive and never extractable, as all in the
 * TPM are. */
static CK_RV set_history(struct object *o)
{
        int r;

        r = attrs_set_bool(&o->own.attrs, "always-sensitive", attr_is_true(o, CKA_SENSITIVE));
        if (r == 0)
                r = attrs_set_bool(&o->own.attrs, "never-extractable", !attr_is_true(o, CKA_EXTRACTABLE));
        return rv_from_err(r);
}

CK_RV object_add_secret(struct session *s, const CK_ATTRIBUTE *list, CK_ULONG n, struct bytes value, CK_OBJECT_HANDLE *ret)
{
        static const CK_ATTRIBUTE_TYPE done[] = { CKA_TOKEN, 0 };
        CLEANUP(object_unrefp) struct object *o = NULL;
        struct template t = TEMPLATE(list, n);
        CK_RV rv;

        rv = template_check(t);
        if (rv == CKR_OK && template_get(t, CKA_VALUE) != NULL)
                rv = CKR_TEMPLATE_INCONSISTENT;
        if (rv == CKR_OK)
                rv = object_new(s->slot, CKO_SECRET_KEY, &o);
        if (rv == CKR_OK)
                rv = fill_secret(t, value, o);
        if (rv == CKR_OK)
                rv = set_private(s, t, o);
        if (rv == CKR_OK)
                rv = change_apply(o, t, MAY_MAKE);
        if (rv == CKR_OK)
                rv = set_history(o);
        if (rv == CKR_OK)
                rv = template_holds(t, o, done);
        if (rv == CKR_OK)
                rv = object_writable(s, false, object_private(o));
        return rv == CKR_OK ? thing_add(s, o, ret) : rv;
}
