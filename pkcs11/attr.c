/* SPDX-License-Identifier: BSD-2-Clause */
/* Which attributes has an object, and what are they? Found by table; read from its file or, in a
 * session object, from the same lines in memory. */
#include "pkcs11/attr.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "holdfast/pkcs11.h"
#include "lib/crypto.h"
#include "lib/err.h"
#include "lib/x509.h"
#include "pkcs11/mech.h"
#include "pkcs11/rv.h"

static CK_RV give(struct buf *ret, struct bytes value)
{
        return rv_from_err(buf_append(ret, value.ptr, value.len));
}

static CK_RV give_bool(struct buf *ret, bool value)
{
        CK_BBOOL b = value ? CK_TRUE : CK_FALSE;

        return give(ret, BYTES(&b, sizeof(b)));
}

static CK_RV give_ulong(struct buf *ret, CK_ULONG value)
{
        return give(ret, BYTES(&value, sizeof(value)));
}

static bool line_bool(const struct object *o, const char *line, bool otherwise)
{
        bool b;

        return line != NULL && attrs_bool(o->attrs, line, &b) == 0 ? b : otherwise;
}

/* In the TPM, where no value ever leaves. */
static bool in_tpm(const struct object *o)
{
        return object_item(o) != NULL;
}

static CK_RV read_fixed(const struct object *o, const struct attribute *a, struct buf *ret)
{
        (void)o;
        if (a->form == FORM_BYTES || a->form == FORM_DATE)
                return CKR_OK;
        return a->form == FORM_BOOL ? give_bool(ret, a->value != 0) : give_ulong(ret, a->value);
}

static CK_RV read_line(const struct object *o, const struct attribute *a, struct buf *ret)
{
        unsigned long n = a->value;
        const struct buf *b;

        if (a->form == FORM_BOOL)
                return give_bool(ret, line_bool(o, a->line, a->value != 0));
        if (a->form == FORM_ULONG) {
                if (attrs_uint(o->attrs, a->line, &n) != 0)
                        n = a->value;
                return give_ulong(ret, n);
        }
        b = attrs_get(o->attrs, a->line);
        return b == NULL ? CKR_OK : give(ret, BYTES_OF(b));
}

static CK_RV read_class(const struct object *o, const struct attribute *a, struct buf *ret)
{
        (void)a;
        return give_ulong(ret, o->class);
}

static CK_RV read_token(const struct object *o, const struct attribute *a, struct buf *ret)
{
        (void)a;
        return give_bool(ret, o->token);
}

static CK_RV read_private(const struct object *o, const struct attribute *a, struct buf *ret)
{
        (void)a;
        return give_bool(ret, object_private(o));
}

static CK_RV read_label(const struct object *o, const struct attribute *a, struct buf *ret)
{
        (void)a;
        return give(ret, o->label);
}

static CK_RV read_id(const struct object *o, const struct attribute *a, struct buf *ret)
{
        (void)a;
        return give(ret, o->id);
}

static CK_RV read_unique(const struct object *o, const struct attribute *a, struct buf *ret)
{
        (void)a;
        return give(ret, BYTES_STR(o->unique));
}

static CK_RV read_profile(const struct object *o, const struct attribute *a, struct buf *ret)
{
        (void)a;
        return give_ulong(ret, object_profile_id(o));
}

/* Not by slot_look(), which may have to log out sessions and so waits for theirs who ask here. */
static CK_RV read_owner(const struct object *o, const struct attribute *a, struct buf *ret)
{
        CLEANUP(attrs_clear) struct attrs agent = { 0 };
        int r;

        (void)a;
        r = store_agent_read(keyring_store(app_keyring(o->slot->app)), o->slot->agent, &agent);
        if (r == ERR_NOENT)
                return CKR_TOKEN_NOT_PRESENT;
        return r == 0 ? give(ret, BYTES_STR(attrs_str(&agent, "owner", ""))) : rv_from_err(r);
}

/* CKA_VALUE of certificates and data. */
static CK_RV read_der(const struct object *o, const struct attribute *a, struct buf *ret)
{
        (void)a;
        return give(ret, o->der);
}

/* Certificates: which part is which, by attribute. */
static CK_RV read_cert_part(const struct object *o, const struct attribute *a, struct buf *ret)
{
        struct x509_parts p;
        const struct {
                CK_ATTRIBUTE_TYPE type;
                const struct bytes *part;
        } parts[] = {
                { CKA_SUBJECT, &p.subject }, { CKA_ISSUER, &p.issuer },
                { CKA_SERIAL_NUMBER, &p.serial }, { CKA_PUBLIC_KEY_INFO, &p.spki },
        };

        if (x509_parts(o->der, &p) != 0)
                return CKR_ATTRIBUTE_TYPE_INVALID;
        for (size_t i = 0; i < ARRAY_LEN(parts); i++)
                if (parts[i].type == a->type)
                        return give(ret, *parts[i].part);
        return CKR_ATTRIBUTE_TYPE_INVALID;
}

/* The first three octets of SHA-1: PKCS#11 v3.0, 4.6.3 for certificates, 4.10.2 for generic secrets. */
static CK_RV read_check_value(const struct object *o, const struct attribute *a, struct buf *ret)
{
        struct bytes of = o->class == CKO_CERTIFICATE ? o->der : BYTES_OF(&o->own.value);
        uint8_t digest[HASH_MAX];
        int r;

        (void)a;
        if (in_tpm(o))
                return CKR_ATTRIBUTE_TYPE_INVALID;
        r = crypto_hash(hash_by_ckm(CKM_SHA_1), &of, 1, digest);
        return r == 0 ? give(ret, BYTES(digest, 3)) : rv_from_err(r);
}

static CK_RV read_key_type(const struct object *o, const struct attribute *a, struct buf *ret)
{
        (void)a;
        return give_ulong(ret, o->key_type);
}

/* What the TPM lets the key do, less what its owner has given up. A public half works in software and may have been made for
 * more than that: NSS wants to encrypt to keys that only sign. */
static CK_RV read_usage(const struct object *o, const struct attribute *a, struct buf *ret)
{
        bool of_key = (o->usage & a->value) != 0;

        if (a->line != NULL)
                of_key = line_bool(o, a->line, of_key) && (object_whole_usage(o->key_type) & a->value) != 0;
        return give_bool(ret, of_key);
}

/* Of secret keys: a TPM key has what the TPM lets it do; a session key what its maker said. */
static CK_RV read_secret_usage(const struct object *o, const struct attribute *a, struct buf *ret)
{
        return give_bool(ret, line_bool(o, a->line, in_tpm(o)) && (!in_tpm(o) || (o->usage & a->value) != 0));
}

static CK_RV read_secret_sensitive(const struct object *o, const struct attribute *a, struct buf *ret)
{
        return give_bool(ret, in_tpm(o) || line_bool(o, a->line, a->value != 0));
}

static CK_RV read_secret_extractable(const struct object *o, const struct attribute *a, struct buf *ret)
{
        return give_bool(ret, !in_tpm(o) && line_bool(o, a->line, a->value != 0));
}

/* Made in this TPM, and fixed to it: always was, always will be. */
static CK_RV read_born_here(const struct object *o, const struct attribute *a, struct buf *ret)
{
        const unsigned all = TPMA_FIXEDTPM | TPMA_FIXEDPARENT | TPMA_SENSITIVEDATAORIGIN;

        return give_bool(ret, in_tpm(o) ? (o->tpm & all) == all : line_bool(o, a->line, false));
}

static bool local(const struct object *o)
{
        return (o->tpm & TPMA_SENSITIVEDATAORIGIN) != 0;
}

static CK_RV read_local(const struct object *o, const struct attribute *a, struct buf *ret)
{
        (void)a;
        return give_bool(ret, local(o));
}

static CK_RV read_key_gen(const struct object *o, const struct attribute *a, struct buf *ret)
{
        CK_ULONG m = o->key_type == CKK_EC ? CKM_EC_KEY_PAIR_GEN : o->key_type == CKK_RSA ? CKM_RSA_PKCS_KEY_PAIR_GEN : CKM_GENERIC_SECRET_KEY_GEN;

        (void)a;
        return give_ulong(ret, local(o) ? m : CK_UNAVAILABLE_INFORMATION);
}

/* By class and use: what the token's mechanisms do with a key. */
static unsigned ops_of(const struct object *o)
{
        unsigned ops = 0;

        if (o->class != CKO_PUBLIC_KEY)
                ops |= o->usage & (ALG_SIGN | ALG_DECRYPT | ALG_DERIVE);
        if (o->class != CKO_PRIVATE_KEY)
                ops |= ((o->usage & ALG_SIGN) != 0 ? ALG_VERIFY : 0u) | ((o->usage & ALG_DECRYPT) != 0 ? ALG_ENCRYPT : 0u);
        return ops;
}

static CK_RV read_all_mechanisms(const struct object *o, struct buf *ret)
{
        struct keyring *k = app_keyring(o->slot->app);
        CK_MECHANISM_INFO info;
        const struct alg *a;
        CK_RV rv = CKR_OK;

        for (size_t i = 0; rv == CKR_OK && (a = alg_at(i)) != NULL; i++)
                if (a->ckk == o->key_type && (a->ops & ops_of(o)) != 0 && mech_info(k, a->ckm, &info) == CKR_OK)
                        rv = give_ulong(ret, a->ckm);
        return rv;
}

/* Of a list such as "0x1041,0x1044". */
static bool next_mechanism(const char **text, CK_MECHANISM_TYPE *ret)
{
        char *end;

        if (**text == '\0')
                return false;
        *ret = strtoul(*text, &end, 16);
        if (end == *text)
                return false;
        *text = *end == ',' ? end + 1 : end;
        return true;
}

static CK_RV read_mechanisms(const struct object *o, const struct attribute *a, struct buf *ret)
{
        const char *text = attrs_str(o->attrs, a->line, NULL);
        CK_MECHANISM_TYPE m;
        CK_RV rv = CKR_OK;

        if (text == NULL)
                return read_all_mechanisms(o, ret);
        while (rv == CKR_OK && next_mechanism(&text, &m))
                rv = give_ulong(ret, m);
        return rv;
}

static CK_RV read_spki(const struct object *o, const struct attribute *a, struct buf *ret)
{
        (void)a;
        return o->pub == NULL ? CKR_ATTRIBUTE_TYPE_INVALID : rv_from_err(pubkey_to_spki(o->pub, ret));
}

static CK_RV read_modulus(const struct object *o, const struct attribute *a, struct buf *ret)
{
        (void)a;
        return o->pub == NULL || o->key_type != CKK_RSA ? CKR_ATTRIBUTE_TYPE_INVALID : give(ret, BYTES_OF(&o->pub->n));
}

static CK_RV read_exponent(const struct object *o, const struct attribute *a, struct buf *ret)
{
        (void)a;
        return o->pub == NULL || o->key_type != CKK_RSA ? CKR_ATTRIBUTE_TYPE_INVALID : give(ret, BYTES_OF(&o->pub->e));
}

static CK_RV read_modulus_bits(const struct object *o, const struct attribute *a, struct buf *ret)
{
        CK_ULONG bits;

        (void)a;
        if (o->pub == NULL || o->key_type != CKK_RSA || o->pub->n.len == 0)
                return CKR_ATTRIBUTE_TYPE_INVALID;
        bits = o->pub->n.len * 8;
        for (uint8_t top = o->pub->n.ptr[0]; (top & 0x80) == 0 && bits > 0; top = (uint8_t)(top << 1))
                bits--;
        return give_ulong(ret, bits);
}

static CK_RV read_ec_params(const struct object *o, const struct attribute *a, struct buf *ret)
{
        (void)a;
        return o->pub == NULL || o->key_type != CKK_EC ? CKR_ATTRIBUTE_TYPE_INVALID : give(ret, o->pub->curve->oid);
}

/* PKCS#11 v3.0 current mechanisms, 2.3.3: the point in a DER OCTET STRING, whose length takes two octets above 127. */
static CK_RV read_ec_point(const struct object *o, const struct attribute *a, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf point = { 0 };
        int r;

        (void)a;
        if (o->pub == NULL || o->key_type != CKK_EC)
                return CKR_ATTRIBUTE_TYPE_INVALID;
        r = pubkey_point(o->pub, &point);
        if (r == 0)
                r = buf_append_u8(ret, 0x04);
        if (r == 0 && point.len > 127)
                r = buf_append_u8(ret, 0x81);
        if (r == 0)
                r = buf_append_u8(ret, (uint8_t)point.len);
        return r == 0 ? give(ret, BYTES_OF(&point)) : rv_from_err(r);
}

/* By key type: there is one, and nobody sees it. */
static CK_RV read_never(const struct object *o, const struct attribute *a, struct buf *ret)
{
        (void)ret;
        return o->key_type == a->value ? CKR_ATTRIBUTE_SENSITIVE : CKR_ATTRIBUTE_TYPE_INVALID;
}

/* Who has a key's file needs only the TPM to use it: it goes in and does not come out. */
static CK_RV read_file_of_key(const struct object *o, const struct attribute *a, struct buf *ret)
{
        (void)o;
        (void)a;
        (void)ret;
        return CKR_ATTRIBUTE_SENSITIVE;
}

static CK_RV read_secret_value(const struct object *o, const struct attribute *a, struct buf *ret)
{
        (void)a;
        if (in_tpm(o) || attr_is_true(o, CKA_SENSITIVE) || !attr_is_true(o, CKA_EXTRACTABLE))
                return CKR_ATTRIBUTE_SENSITIVE;
        return give(ret, BYTES_OF(&o->own.value));
}

static CK_RV read_secret_len(const struct object *o, const struct attribute *a, struct buf *ret)
{
        (void)a;
        if (!in_tpm(o))
                return give_ulong(ret, o->own.value.len);
        return o->kind == NULL || o->kind->hash == NULL ? CKR_ATTRIBUTE_TYPE_INVALID : give_ulong(ret, o->kind->hash->size);
}

#define ANY_TIME (MAY_MAKE | MAY_COPY | MAY_SET)

static const struct attribute rows[] = {
        { CKA_CLASS, IN_ALL, FORM_ULONG, 0, read_class, NULL, 0 },
        { CKA_TOKEN, IN_ALL, FORM_BOOL, MAY_MAKE | MAY_COPY, read_token, NULL, 0 },
        { CKA_PRIVATE, IN_FILES, FORM_BOOL, MAY_MAKE | MAY_COPY | ONLY_ON, read_private, NULL, 0 },
        { CKA_PRIVATE, IN_PROFILE, FORM_BOOL, 0, read_fixed, NULL, CK_FALSE },
        { CKA_LABEL, IN_FILES, FORM_BYTES, ANY_TIME, read_label, NULL, 0 },
        { CKA_LABEL, IN_PROFILE, FORM_BYTES, 0, read_fixed, NULL, 0 },
        { CKA_UNIQUE_ID, IN_ALL, FORM_BYTES, 0, read_unique, NULL, 0 },
        { CKA_MODIFIABLE, IN_FILES, FORM_BOOL, MAY_MAKE | MAY_COPY | ONLY_OFF, read_line, "modifiable", CK_TRUE },
        { CKA_COPYABLE, IN_FILES, FORM_BOOL, ANY_TIME | ONLY_OFF, read_line, "copyable", CK_TRUE },
        { CKA_DESTROYABLE, IN_FILES, FORM_BOOL, ANY_TIME | ONLY_OFF, read_line, "destroyable", CK_TRUE },
        { CKA_MODIFIABLE, IN_PROFILE, FORM_BOOL, 0, read_fixed, NULL, CK_FALSE },
        { CKA_COPYABLE, IN_PROFILE, FORM_BOOL, 0, read_fixed, NULL, CK_FALSE },
        { CKA_DESTROYABLE, IN_PROFILE, FORM_BOOL, 0, read_fixed, NULL, CK_FALSE },
        { CKA_PROFILE_ID, IN_PROFILE, FORM_ULONG, 0, read_profile, NULL, 0 },

        { CKA_APPLICATION, IN_DATA, FORM_BYTES, ANY_TIME, read_line, "application", 0 },
        { CKA_OBJECT_ID, IN_DATA, FORM_BYTES, ANY_TIME, read_line, "object-id", 0 },
        { CKA_VALUE, IN_DATA, FORM_BYTES, ANY_TIME, read_der, NULL, 0 },

        { CKA_CERTIFICATE_TYPE, IN_CERT, FORM_ULONG, 0, read_fixed, NULL, CKC_X_509 },
        { CKA_CERTIFICATE_CATEGORY, IN_CERT, FORM_ULONG, MAY_MAKE | MAY_COPY, read_line, "category", 0 },
        { CKA_JAVA_MIDP_SECURITY_DOMAIN, IN_CERT, FORM_ULONG, 0, read_fixed, NULL, 0 },
        { CKA_CHECK_VALUE, IN_CERT, FORM_BYTES, 0, read_check_value, NULL, 0 },
        { CKA_SUBJECT, IN_CERT, FORM_BYTES, 0, read_cert_part, NULL, 0 },
        { CKA_ISSUER, IN_CERT, FORM_BYTES, 0, read_cert_part, NULL, 0 },
        { CKA_SERIAL_NUMBER, IN_CERT, FORM_BYTES, 0, read_cert_part, NULL, 0 },
        { CKA_PUBLIC_KEY_INFO, IN_CERT, FORM_BYTES, 0, read_cert_part, NULL, 0 },
        { CKA_VALUE, IN_CERT, FORM_BYTES, MAY_MAKE, read_der, NULL, 0 },
        { CKA_URL, IN_CERT, FORM_BYTES, 0, read_fixed, NULL, 0 },
        { CKA_HASH_OF_SUBJECT_PUBLIC_KEY, IN_CERT, FORM_BYTES, 0, read_fixed, NULL, 0 },
        { CKA_HASH_OF_ISSUER_PUBLIC_KEY, IN_CERT, FORM_BYTES, 0, read_fixed, NULL, 0 },

        { CKA_ID, IN_CERT | IN_KEYS, FORM_BYTES, ANY_TIME, read_id, NULL, 0 },
        { CKA_START_DATE, IN_CERT | IN_KEYS, FORM_DATE, ANY_TIME, read_line, "start-date", 0 },
        { CKA_END_DATE, IN_CERT | IN_KEYS, FORM_DATE, ANY_TIME, read_line, "end-date", 0 },
        { CKA_TRUSTED, IN_CERT | IN_PUBLIC | IN_SECRET, FORM_BOOL, 0, read_fixed, NULL, CK_FALSE },

        { CKA_KEY_TYPE, IN_KEYS, FORM_ULONG, MAY_MAKE, read_key_type, NULL, 0 },
        { CKA_LOCAL, IN_KEYS, FORM_BOOL, 0, read_local, NULL, 0 },
        { CKA_KEY_GEN_MECHANISM, IN_KEYS, FORM_ULONG, 0, read_key_gen, NULL, 0 },
        { CKA_ALLOWED_MECHANISMS, IN_KEYS, FORM_MECHANISMS, MAY_MAKE, read_mechanisms, "allowed-mechanisms", 0 },
        { CKA_HF_OWNER, IN_KEYS, FORM_BYTES, 0, read_owner, NULL, 0 },
        { CKA_HF_TSS_KEY, IN_PRIVATE, FORM_BYTES, MAY_MAKE, read_file_of_key, NULL, 0 },

        { CKA_SUBJECT, IN_PUBLIC | IN_PRIVATE, FORM_BYTES, ANY_TIME, read_line, "subject", 0 },
        { CKA_PUBLIC_KEY_INFO, IN_PUBLIC | IN_PRIVATE, FORM_BYTES, 0, read_spki, NULL, 0 },
        { CKA_MODULUS, IN_PUBLIC | IN_PRIVATE, FORM_BYTES, MAY_MAKE, read_modulus, NULL, 0 },
        { CKA_PUBLIC_EXPONENT, IN_PUBLIC | IN_PRIVATE, FORM_BYTES, MAY_MAKE, read_exponent, NULL, 0 },
        { CKA_MODULUS_BITS, IN_PUBLIC, FORM_ULONG, 0, read_modulus_bits, NULL, 0 },
        { CKA_EC_PARAMS, IN_PUBLIC | IN_PRIVATE, FORM_BYTES, MAY_MAKE, read_ec_params, NULL, 0 },
        { CKA_EC_POINT, IN_PUBLIC | IN_PRIVATE, FORM_BYTES, MAY_MAKE, read_ec_point, NULL, 0 },

        { CKA_VERIFY, IN_PUBLIC, FORM_BOOL, ANY_TIME | ONLY_OFF, read_usage, "verify", ALG_SIGN },
        { CKA_ENCRYPT, IN_PUBLIC, FORM_BOOL, ANY_TIME | ONLY_OFF, read_usage, "encrypt", ALG_DECRYPT },
        { CKA_DERIVE, IN_PUBLIC, FORM_BOOL, ANY_TIME | ONLY_OFF, read_usage, "public-derive", ALG_DERIVE },
        { CKA_VERIFY_RECOVER, IN_PUBLIC, FORM_BOOL, MAY_SET | MAY_COPY | ONLY_OFF, read_fixed, NULL, CK_FALSE },
        { CKA_WRAP, IN_PUBLIC, FORM_BOOL, MAY_SET | MAY_COPY | ONLY_OFF, read_fixed, NULL, CK_FALSE },

        { CKA_SIGN, IN_PRIVATE, FORM_BOOL, ANY_TIME | ONLY_OFF | IN_USAGE, read_usage, NULL, ALG_SIGN },
        { CKA_DECRYPT, IN_PRIVATE, FORM_BOOL, ANY_TIME | ONLY_OFF | IN_USAGE, read_usage, NULL, ALG_DECRYPT },
        { CKA_DERIVE, IN_PRIVATE, FORM_BOOL, ANY_TIME | ONLY_OFF | IN_USAGE, read_usage, NULL, ALG_DERIVE },
        { CKA_SIGN_RECOVER, IN_PRIVATE, FORM_BOOL, MAY_SET | MAY_COPY | ONLY_OFF, read_fixed, NULL, CK_FALSE },
        { CKA_UNWRAP, IN_PRIVATE, FORM_BOOL, MAY_SET | MAY_COPY | ONLY_OFF, read_fixed, NULL, CK_FALSE },
        { CKA_SENSITIVE, IN_PRIVATE, FORM_BOOL, MAY_SET | MAY_COPY | ONLY_ON, read_fixed, NULL, CK_TRUE },
        { CKA_EXTRACTABLE, IN_PRIVATE, FORM_BOOL, MAY_SET | MAY_COPY | ONLY_OFF, read_fixed, NULL, CK_FALSE },
        { CKA_ALWAYS_SENSITIVE, IN_PRIVATE, FORM_BOOL, 0, read_born_here, NULL, 0 },
        { CKA_NEVER_EXTRACTABLE, IN_PRIVATE, FORM_BOOL, 0, read_born_here, NULL, 0 },
        { CKA_WRAP_WITH_TRUSTED, IN_PRIVATE | IN_SECRET, FORM_BOOL, ANY_TIME | ONLY_ON, read_line, "wrap-with-trusted", CK_FALSE },
        { CKA_ALWAYS_AUTHENTICATE, IN_PRIVATE, FORM_BOOL, MAY_MAKE | MAY_COPY | ONLY_ON, read_line, "always-authenticate", CK_FALSE },
        { CKA_VALUE, IN_PRIVATE, FORM_BYTES, 0, read_never, NULL, CKK_EC },
        { CKA_PRIVATE_EXPONENT, IN_PRIVATE, FORM_BYTES, 0, read_never, NULL, CKK_RSA },
        { CKA_PRIME_1, IN_PRIVATE, FORM_BYTES, 0, read_never, NULL, CKK_RSA },
        { CKA_PRIME_2, IN_PRIVATE, FORM_BYTES, 0, read_never, NULL, CKK_RSA },
        { CKA_EXPONENT_1, IN_PRIVATE, FORM_BYTES, 0, read_never, NULL, CKK_RSA },
        { CKA_EXPONENT_2, IN_PRIVATE, FORM_BYTES, 0, read_never, NULL, CKK_RSA },
        { CKA_COEFFICIENT, IN_PRIVATE, FORM_BYTES, 0, read_never, NULL, CKK_RSA },

        { CKA_SIGN, IN_SECRET, FORM_BOOL, ANY_TIME | ONLY_OFF, read_secret_usage, "sign", ALG_SIGN },
        { CKA_VERIFY, IN_SECRET, FORM_BOOL, ANY_TIME | ONLY_OFF, read_secret_usage, "verify", ALG_SIGN },
        { CKA_ENCRYPT, IN_SECRET, FORM_BOOL, ANY_TIME | ONLY_OFF, read_secret_usage, "encrypt", 0 },
        { CKA_DECRYPT, IN_SECRET, FORM_BOOL, ANY_TIME | ONLY_OFF, read_secret_usage, "decrypt", 0 },
        { CKA_DERIVE, IN_SECRET, FORM_BOOL, ANY_TIME | ONLY_OFF, read_secret_usage, "derive", 0 },
        { CKA_WRAP, IN_SECRET, FORM_BOOL, ANY_TIME | ONLY_OFF, read_secret_usage, "wrap", 0 },
        { CKA_UNWRAP, IN_SECRET, FORM_BOOL, ANY_TIME | ONLY_OFF, read_secret_usage, "unwrap", 0 },
        { CKA_SENSITIVE, IN_SECRET, FORM_BOOL, ANY_TIME | ONLY_ON, read_secret_sensitive, "sensitive", CK_FALSE },
        { CKA_EXTRACTABLE, IN_SECRET, FORM_BOOL, ANY_TIME | ONLY_OFF, read_secret_extractable, "extractable", CK_TRUE },
        { CKA_ALWAYS_SENSITIVE, IN_SECRET, FORM_BOOL, 0, read_born_here, "always-sensitive", 0 },
        { CKA_NEVER_EXTRACTABLE, IN_SECRET, FORM_BOOL, 0, read_born_here, "never-extractable", 0 },
        { CKA_CHECK_VALUE, IN_SECRET, FORM_BYTES, 0, read_check_value, NULL, 0 },
        { CKA_VALUE, IN_SECRET, FORM_BYTES, MAY_MAKE, read_secret_value, NULL, 0 },
        { CKA_VALUE_LEN, IN_SECRET, FORM_ULONG, MAY_MAKE, read_secret_len, NULL, 0 },
};

static unsigned class_bit(CK_OBJECT_CLASS class)
{
        static const struct {
                CK_OBJECT_CLASS class;
                unsigned bit;
        } bits[] = {
                { CKO_DATA, IN_DATA }, { CKO_CERTIFICATE, IN_CERT }, { CKO_PUBLIC_KEY, IN_PUBLIC },
                { CKO_PRIVATE_KEY, IN_PRIVATE }, { CKO_SECRET_KEY, IN_SECRET }, { CKO_PROFILE, IN_PROFILE },
        };

        for (size_t i = 0; i < ARRAY_LEN(bits); i++)
                if (bits[i].class == class)
                        return bits[i].bit;
        return 0;
}

const struct attribute *attr_row(CK_ATTRIBUTE_TYPE type, CK_OBJECT_CLASS class)
{
        unsigned bit = class_bit(class);

        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                if (rows[i].type == type && (rows[i].classes & bit) != 0)
                        return &rows[i];
        return NULL;
}

const struct attribute *attr_at(size_t i)
{
        return i < ARRAY_LEN(rows) ? &rows[i] : NULL;
}

CK_RV attr_read(const struct object *o, CK_ATTRIBUTE_TYPE type, struct buf *ret)
{
        const struct attribute *a = attr_row(type, o->class);

        return a != NULL ? a->read(o, a, ret) : CKR_ATTRIBUTE_TYPE_INVALID;
}

bool attr_is_true(const struct object *o, CK_ATTRIBUTE_TYPE type)
{
        const struct attribute *a = attr_row(type, o->class);
        CK_BBOOL room = CK_FALSE;
        struct buf v = { .ptr = &room, .cap = sizeof(room) };

        /* A boolean fits in there, so that no lack of memory makes a true one false. */
        return a != NULL && a->form == FORM_BOOL && a->read(o, a, &v) == CKR_OK && v.len == sizeof(room) && room != CK_FALSE;
}

CK_RV attr_equal(const struct object *o, const CK_ATTRIBUTE *a, bool *ret)
{
        CLEANUP(buf_clear) struct buf v = { 0 };
        CK_RV rv;

        *ret = false;
        if (a->pValue == NULL && a->ulValueLen != 0)
                return CKR_OK;
        rv = attr_read(o, a->type, &v);
        if (rv == CKR_HOST_MEMORY)
                return rv;
        *ret = rv == CKR_OK && bytes_equal(BYTES_OF(&v), BYTES(a->pValue, a->ulValueLen));
        return CKR_OK;
}

bool attr_allows(const struct object *o, CK_MECHANISM_TYPE m)
{
        const char *text = attrs_str(o->attrs, "allowed-mechanisms", NULL);
        CK_MECHANISM_TYPE allowed;

        if (text == NULL)
                return true;
        while (next_mechanism(&text, &allowed))
                if (allowed == m)
                        return true;
        return false;
}

bool attr_known(CK_ATTRIBUTE_TYPE type)
{
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                if (rows[i].type == type)
                        return true;
        return false;
}
