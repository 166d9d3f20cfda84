/* SPDX-License-Identifier: BSD-2-Clause */
/* RSA encryption: in software with the public half; decryption by the object, OAEP always and PKCS#1 v1.5 where it is switched on. */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>
#include "provider/signature.h"

struct cipher {
        struct provider *provider;
        struct key *key;
        bool decrypt;
        int pad;
        const struct hash *hash, *mgf;  /* of OAEP; mgf NULL: as hash */
        struct buf label;
};

static void *cipher_new(void *provctx)
{
        struct cipher *c = calloc(1, sizeof(*c));

        if (c == NULL) {
                raise_reason(provctx, REASON_MEMORY, "out of memory");
                return NULL;
        }
        c->provider = provctx;
        return c;
}

static void cipher_free(void *cipher)
{
        struct cipher *c = cipher;

        if (c == NULL)
                return;
        key_free(c->key);
        buf_clear(&c->label);
        free(c);
}

static void *cipher_dup(void *cipher)
{
        const struct cipher *c = cipher;
        struct cipher *n;

        n = cipher_new(c->provider);
        if (n == NULL)
                return NULL;
        *n = *c;
        n->key = c->key != NULL ? key_ref(c->key) : NULL;
        n->label = (struct buf){ 0 };
        if (buf_set(&n->label, BYTES_OF(&c->label)) != 0) {
                raise_reason(c->provider, REASON_MEMORY, "out of memory");
                cipher_free(n);
                return NULL;
        }
        return n;
}

static int set_pad(struct cipher *c, const OSSL_PARAM *p)
{
        const char *text;
        int pad = 0;

        if (p->data_type != OSSL_PARAM_UTF8_STRING) {
                if (!OSSL_PARAM_get_int(p, &pad))
                        return 0;
        } else if (OSSL_PARAM_get_utf8_string_ptr(p, &text)) {
                pad = strcmp(text, OSSL_PKEY_RSA_PAD_MODE_OAEP) == 0 ? RSA_PKCS1_OAEP_PADDING :
                      strcmp(text, OSSL_PKEY_RSA_PAD_MODE_PKCSV15) == 0 ? RSA_PKCS1_PADDING : 0;
        }
        if (pad != RSA_PKCS1_OAEP_PADDING && pad != RSA_PKCS1_PADDING)
                return raise_reason(c->provider, REASON_UNSUPPORTED, "RSA encryption has the padding oaep or pkcs1 here");
        c->pad = pad;
        return 1;
}

static int set_hash(struct cipher *c, const OSSL_PARAM *p, const struct hash **ret)
{
        const struct hash *h;
        const char *name;

        if (p == NULL)
                return 1;
        if (!OSSL_PARAM_get_utf8_string_ptr(p, &name))
                return 0;
        h = hash_of_md(c->provider, name, NULL);
        if (h == NULL)
                return 0;
        *ret = h;
        return 1;
}

static int cipher_set_params(void *cipher, const OSSL_PARAM params[])
{
        struct cipher *c = cipher;
        const OSSL_PARAM *p;
        const void *label;
        size_t len;

        if (params == NULL)
                return 1;
        p = OSSL_PARAM_locate_const(params, OSSL_ASYM_CIPHER_PARAM_PAD_MODE);
        if (p != NULL && !set_pad(c, p))
                return 0;
        if (!set_hash(c, OSSL_PARAM_locate_const(params, OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST), &c->hash) ||
            !set_hash(c, OSSL_PARAM_locate_const(params, OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST), &c->mgf))
                return 0;
        p = OSSL_PARAM_locate_const(params, OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL);
        if (p == NULL)
                return 1;
        return OSSL_PARAM_get_octet_string_ptr(p, &label, &len) && buf_set(&c->label, BYTES(label, len)) == 0;
}

static const OSSL_PARAM *cipher_settable(void *cipher, void *provctx)
{
        static const OSSL_PARAM list[] = {
                OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, NULL, 0),
                OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST, NULL, 0),
                OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST, NULL, 0),
                OSSL_PARAM_octet_string(OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL, NULL, 0),
                OSSL_PARAM_END,
        };

        (void)cipher;
        (void)provctx;
        return list;
}

static int cipher_get_params(void *cipher, OSSL_PARAM params[])
{
        const struct cipher *c = cipher;
        OSSL_PARAM *p;

        p = OSSL_PARAM_locate(params, OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST);
        if (p != NULL && !OSSL_PARAM_set_utf8_string(p, c->hash != NULL ? c->hash->name : ""))
                return 0;
        p = OSSL_PARAM_locate(params, OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST);
        if (p != NULL && !OSSL_PARAM_set_utf8_string(p, c->mgf != NULL ? c->mgf->name : c->hash != NULL ? c->hash->name : ""))
                return 0;
        p = OSSL_PARAM_locate(params, OSSL_ASYM_CIPHER_PARAM_PAD_MODE);
        if (p == NULL)
                return 1;
        if (p->data_type != OSSL_PARAM_UTF8_STRING)
                return OSSL_PARAM_set_int(p, c->pad);
        return OSSL_PARAM_set_utf8_string(p, c->pad == RSA_PKCS1_PADDING ? OSSL_PKEY_RSA_PAD_MODE_PKCSV15 : OSSL_PKEY_RSA_PAD_MODE_OAEP);
}

static const OSSL_PARAM *cipher_gettable(void *cipher, void *provctx)
{
        static const OSSL_PARAM list[] = {
                OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, NULL, 0),
                OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST, NULL, 0),
                OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST, NULL, 0),
                OSSL_PARAM_END,
        };

        (void)cipher;
        (void)provctx;
        return list;
}

/* As OpenSSL's own: PKCS#1 v1.5 unless asked for OAEP, and OAEP with SHA-1 unless asked for another digest. */
static int begin(struct cipher *c, struct key *k, bool decrypt, const OSSL_PARAM params[])
{
        if (k == NULL || k->pub == NULL || (decrypt && k->object == NULL))
                return raise_reason(c->provider, REASON_UNSUPPORTED, "this is no private key: only its public half is there");
        key_free(c->key);
        c->key = key_ref(k);
        c->decrypt = decrypt;
        c->pad = RSA_PKCS1_PADDING;
        c->hash = hash_by_name("SHA1");
        c->mgf = NULL;
        buf_reset(&c->label);
        return cipher_set_params(c, params);
}

static int encrypt_init(void *cipher, void *key, const OSSL_PARAM params[])
{
        return begin(cipher, key, false, params);
}

static int decrypt_init(void *cipher, void *key, const OSSL_PARAM params[])
{
        return begin(cipher, key, true, params);
}

/* OpenSSL takes a copy of the label. */
static int set_oaep(const struct cipher *c, EVP_PKEY_CTX *x)
{
        void *label;

        if (EVP_PKEY_CTX_set_rsa_oaep_md_name(x, c->hash->name, NULL) != 1)
                return 0;
        if (c->mgf != NULL && EVP_PKEY_CTX_set_rsa_mgf1_md_name(x, c->mgf->name, NULL) != 1)
                return 0;
        if (c->label.len == 0)
                return 1;
        label = OPENSSL_memdup(c->label.ptr, c->label.len);
        if (label != NULL && EVP_PKEY_CTX_set0_rsa_oaep_label(x, label, (int)c->label.len) == 1)
                return 1;
        OPENSSL_free(label);
        return 0;
}

static int cipher_encrypt(void *cipher, unsigned char *out, size_t *ret_len, size_t room, const unsigned char *in, size_t len)
{
        const struct cipher *c = cipher;
        EVP_PKEY_CTX *x;
        int ok;

        if (c->key == NULL || c->decrypt)
                return raise_reason(c->provider, REASON_UNSUPPORTED, "this context was not begun for encrypting");
        x = EVP_PKEY_CTX_new_from_pkey(c->provider->libctx, c->key->pub, NULL);
        if (x == NULL)
                return raise_reason(c->provider, REASON_MEMORY, "out of memory");
        *ret_len = room;
        ok = EVP_PKEY_encrypt_init(x) == 1 && EVP_PKEY_CTX_set_rsa_padding(x, c->pad) == 1 && (c->pad != RSA_PKCS1_OAEP_PADDING || set_oaep(c, x)) &&
             EVP_PKEY_encrypt(x, out, ret_len, in, len) == 1;
        EVP_PKEY_CTX_free(x);
        return ok;
}

static int decrypt_oaep(const struct cipher *c, struct bytes in, struct buf *ret)
{
        CK_RSA_PKCS_OAEP_PARAMS oaep = { 0 };
        CK_MECHANISM m = { CKM_RSA_PKCS_OAEP, &oaep, sizeof(oaep) };

        oaep.hashAlg = c->hash->ckm;
        oaep.mgf = (c->mgf != NULL ? c->mgf : c->hash)->ckg_mgf;
        oaep.source = CKZ_DATA_SPECIFIED;
        oaep.pSourceData = c->label.ptr;
        oaep.ulSourceDataLen = c->label.len;
        return use_decrypt(c->key->object, &m, in, ret);
}

/* Whoever learns which ciphertexts are well padded can decrypt others: only for whom it must be. */
static int decrypt_pkcs1(const struct cipher *c, struct bytes in, struct buf *ret)
{
        CK_MECHANISM m = { CKM_RSA_PKCS, NULL, 0 };

        if (!c->provider->rsa_pkcs1_decrypt)
                return raise_reason(c->provider, REASON_UNSUPPORTED, "PKCS#1 v1.5 decryption is off: take OAEP, or set rsa-pkcs1-decrypt = yes in openssl.cnf");
        return use_decrypt(c->key->object, &m, in, ret);
}

static int cipher_decrypt(void *cipher, unsigned char *out, size_t *ret_len, size_t room, const unsigned char *in, size_t len)
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        const struct cipher *c = cipher;
        int size;

        if (c->key == NULL || !c->decrypt)
                return raise_reason(c->provider, REASON_UNSUPPORTED, "this context was not begun for decrypting");
        size = EVP_PKEY_get_size(c->key->pub);
        if (out == NULL) {
                *ret_len = size > 0 ? (size_t)size : 0;
                return 1;
        }
        if (!(c->pad == RSA_PKCS1_OAEP_PADDING ? decrypt_oaep(c, BYTES(in, len), &b) : decrypt_pkcs1(c, BYTES(in, len), &b)))
                return 0;
        if (b.len > room)
                return raise_reason(c->provider, REASON_LENGTH, "room for %zu octets, the text has %zu", room, b.len);
        if (b.len > 0)
                memcpy(out, b.ptr, b.len);
        *ret_len = b.len;
        return 1;
}

static const OSSL_DISPATCH cipher_rsa[] = {
        ROW(OSSL_FUNC_ASYM_CIPHER_NEWCTX, cipher_new),
        ROW(OSSL_FUNC_ASYM_CIPHER_FREECTX, cipher_free),
        ROW(OSSL_FUNC_ASYM_CIPHER_DUPCTX, cipher_dup),
        ROW(OSSL_FUNC_ASYM_CIPHER_ENCRYPT_INIT, encrypt_init),
        ROW(OSSL_FUNC_ASYM_CIPHER_ENCRYPT, cipher_encrypt),
        ROW(OSSL_FUNC_ASYM_CIPHER_DECRYPT_INIT, decrypt_init),
        ROW(OSSL_FUNC_ASYM_CIPHER_DECRYPT, cipher_decrypt),
        ROW(OSSL_FUNC_ASYM_CIPHER_GET_CTX_PARAMS, cipher_get_params),
        ROW(OSSL_FUNC_ASYM_CIPHER_GETTABLE_CTX_PARAMS, cipher_gettable),
        ROW(OSSL_FUNC_ASYM_CIPHER_SET_CTX_PARAMS, cipher_set_params),
        ROW(OSSL_FUNC_ASYM_CIPHER_SETTABLE_CTX_PARAMS, cipher_settable),
        { 0, NULL },
};

const OSSL_ALGORITHM asym_cipher_algorithms[] = {
        { "RSA:rsaEncryption:1.2.840.113549.1.1.1", PROPERTIES, cipher_rsa, "RSA decryption in hardware" },
        { NULL, NULL, NULL, NULL },
};
