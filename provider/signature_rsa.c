/* SPDX-License-Identifier: BSD-2-Clause */
/* RSA signatures: PKCS#1 v1.5 and PSS, RFC 8017, and the bare operation for who pads by himself. */
#include <openssl/asn1t.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/err.h"
#include "provider/signature.h"

static void rsa_reset(struct sig *s)
{
        s->pad = RSA_PKCS1_PADDING;
        s->salt = RSA_PSS_SALTLEN_AUTO;
        s->mgf = NULL;
}

/* OpenSSL 3.1 has it: as long as the digest, or less if no more fits. */
#define SALT_AT_MOST_DIGEST (-4)

static const struct hash *mgf_of(const struct sig *s)
{
        return s->mgf != NULL ? s->mgf : s->hash;
}

/* RFC 8017, 9.1.1: what fits beside the hash. */
static int salt_len(const struct sig *s, size_t *ret)
{
        size_t em = ((size_t)EVP_PKEY_get_bits(s->key->pub) - 1 + 7) / 8, max;

        if (em < s->hash->size + 2)
                return raise_reason(s->provider, REASON_LENGTH, "%s is too long for this key", s->hash->name);
        max = em - s->hash->size - 2;
        if (s->salt == RSA_PSS_SALTLEN_DIGEST || (s->salt == SALT_AT_MOST_DIGEST && s->hash->size < max))
                *ret = s->hash->size;
        else if (s->salt < 0)
                *ret = max;
        else
                *ret = (size_t)s->salt;
        return *ret <= max ? 1 : raise_reason(s->provider, REASON_LENGTH, "a salt of %zu octets, at most %zu with this key and digest", *ret, max);
}

static int sign_pss(struct sig *s, struct bytes digest, struct buf *ret)
{
        CK_RSA_PKCS_PSS_PARAMS pss = { 0 };
        CK_MECHANISM m = { CKM_RSA_PKCS_PSS, &pss, sizeof(pss) };
        size_t salt;

        if (s->hash == NULL)
                return raise_reason(s->provider, REASON_UNSUPPORTED, "a PSS signature needs the name of its digest");
        if (!salt_len(s, &salt))
                return 0;
        pss.hashAlg = s->hash->ckm;
        pss.mgf = mgf_of(s)->ckg_mgf;
        pss.sLen = salt;
        return use_sign(s->key->object, &m, digest, ret);
}

/* Without a named digest the caller's bytes are padded as they are. */
static int sign_pkcs1(struct sig *s, struct bytes digest, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf info = { 0 };
        CK_MECHANISM m = { CKM_RSA_PKCS, NULL, 0 };
        int r = 0;

        if (s->hash != NULL)
                r = buf_append(&info, s->hash->digest_info.ptr, s->hash->digest_info.len);
        if (r == 0)
                r = buf_append(&info, digest.ptr, digest.len);
        if (r != 0)
                return raise_reason(s->provider, REASON_MEMORY, "out of memory");
        return use_sign(s->key->object, &m, BYTES_OF(&info), ret);
}

static int sign_bare(struct sig *s, struct bytes in, struct buf *ret)
{
        CK_MECHANISM m = { CKM_RSA_X_509, NULL, 0 };
        size_t size = (size_t)EVP_PKEY_get_size(s->key->pub);

        if (s->hash != NULL)
                return raise_reason(s->provider, REASON_UNSUPPORTED, "a digest is signed with the padding pkcs1 or pss");
        if (in.len != size)
                return raise_reason(s->provider, REASON_LENGTH, "without padding the key signs %zu octets, not %zu", size, in.len);
        return use_sign(s->key->object, &m, in, ret);
}

static int rsa_sign(struct sig *s, struct bytes digest, struct buf *ret)
{
        return s->pad == RSA_PKCS1_PSS_PADDING ? sign_pss(s, digest, ret) : s->pad == RSA_NO_PADDING ? sign_bare(s, digest, ret) : sign_pkcs1(s, digest, ret);
}

static int rsa_prepare_verify(struct sig *s, EVP_PKEY_CTX *c)
{
        if (EVP_PKEY_CTX_set_rsa_padding(c, s->pad) != 1 || (s->md != NULL && EVP_PKEY_CTX_set_signature_md(c, s->md) != 1))
                return 0;
        if (s->pad != RSA_PKCS1_PSS_PADDING)
                return 1;
        return EVP_PKEY_CTX_set_rsa_pss_saltlen(c, s->salt == SALT_AT_MOST_DIGEST ? RSA_PSS_SALTLEN_AUTO : s->salt) == 1 && (s->mgf == NULL || EVP_PKEY_CTX_set_rsa_mgf1_md_name(c, s->mgf->name, NULL) == 1);
}

/* RFC 4055, 2.1: NULL parameters. */
static X509_ALGOR *algor_of_hash(const struct hash *h)
{
        X509_ALGOR *a = X509_ALGOR_new();

        if (a != NULL && X509_ALGOR_set0(a, OBJ_nid2obj(OBJ_txt2nid(h->name)), V_ASN1_NULL, NULL) != 1) {
                X509_ALGOR_free(a);
                return NULL;
        }
        return a;
}

static X509_ALGOR *algor_of_mgf(const struct hash *h)
{
        X509_ALGOR *a = X509_ALGOR_new(), *of_hash = algor_of_hash(h);
        ASN1_STRING *packed = NULL;

        if (of_hash != NULL)
                packed = ASN1_item_pack(of_hash, ASN1_ITEM_rptr(X509_ALGOR), NULL);
        X509_ALGOR_free(of_hash);
        if (a == NULL || packed == NULL || X509_ALGOR_set0(a, OBJ_nid2obj(NID_mgf1), V_ASN1_SEQUENCE, packed) != 1) {
                ASN1_STRING_free(packed);
                X509_ALGOR_free(a);
                return NULL;
        }
        return a;
}

/* RFC 4055, 3.1. DER leaves out what is the default: SHA-1 and a salt of 20 octets. */
static int fill_pss(const struct sig *s, size_t salt, RSA_PSS_PARAMS *ret)
{
        const struct hash *sha1 = hash_by_name("SHA1");

        if (s->hash != sha1) {
                ret->hashAlgorithm = algor_of_hash(s->hash);
                if (ret->hashAlgorithm == NULL)
                        return 0;
        }
        if (mgf_of(s) != sha1) {
                ret->maskGenAlgorithm = algor_of_mgf(mgf_of(s));
                if (ret->maskGenAlgorithm == NULL)
                        return 0;
        }
        if (salt == 20)
                return 1;
        ret->saltLength = ASN1_INTEGER_new();
        return ret->saltLength != NULL && ASN1_INTEGER_set_uint64(ret->saltLength, salt) == 1;
}

static int identify_pss(const struct sig *s, X509_ALGOR *ret)
{
        RSA_PSS_PARAMS *pss = RSA_PSS_PARAMS_new();
        ASN1_STRING *packed = NULL;
        size_t salt;

        if (pss != NULL && salt_len(s, &salt) && fill_pss(s, salt, pss))
                packed = ASN1_item_pack(pss, ASN1_ITEM_rptr(RSA_PSS_PARAMS), NULL);
        RSA_PSS_PARAMS_free(pss);
        if (packed == NULL || X509_ALGOR_set0(ret, OBJ_nid2obj(NID_rsassaPss), V_ASN1_SEQUENCE, packed) != 1) {
                ASN1_STRING_free(packed);
                return 0;
        }
        return 1;
}

static int rsa_identify(const struct sig *s, X509_ALGOR *ret)
{
        int nid;

        if (s->pad == RSA_PKCS1_PSS_PADDING)
                return identify_pss(s, ret);
        return OBJ_find_sigid_by_algs(&nid, EVP_MD_get_type(s->md), EVP_PKEY_RSA) == 1 && X509_ALGOR_set0(ret, OBJ_nid2obj(nid), V_ASN1_NULL, NULL) == 1;
}

/* Names of numbers that come either way. */
struct word {
        const char *name;
        int value;
};
static const struct word pads[] = {
        { OSSL_PKEY_RSA_PAD_MODE_PKCSV15, RSA_PKCS1_PADDING },
        { OSSL_PKEY_RSA_PAD_MODE_PSS, RSA_PKCS1_PSS_PADDING },
        { OSSL_PKEY_RSA_PAD_MODE_NONE, RSA_NO_PADDING },
        { NULL, 0 },
};
static const struct word salts[] = {
        { OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST, RSA_PSS_SALTLEN_DIGEST },
        { OSSL_PKEY_RSA_PSS_SALT_LEN_AUTO, RSA_PSS_SALTLEN_AUTO },
        { OSSL_PKEY_RSA_PSS_SALT_LEN_MAX, RSA_PSS_SALTLEN_MAX },
        { "auto-digestmax", SALT_AT_MOST_DIGEST },
        { NULL, 0 },
};

static int get_word(const struct word *words, const OSSL_PARAM *p, int *ret)
{
        const char *text;
        char *end;
        long n;

        if (p->data_type != OSSL_PARAM_UTF8_STRING)
                return OSSL_PARAM_get_int(p, ret);
        if (!OSSL_PARAM_get_utf8_string_ptr(p, &text))
                return 0;
        for (; words->name != NULL; words++)
                if (strcmp(words->name, text) == 0) {
                        *ret = words->value;
                        return 1;
                }
        n = strtol(text, &end, 10);
        if (end == text || *end != '\0' || n < 0 || n > 1024)
                return 0;
        *ret = (int)n;
        return 1;
}

static int give_word(const struct word *words, int value, OSSL_PARAM *p)
{
        char number[16];

        if (p->data_type != OSSL_PARAM_UTF8_STRING)
                return OSSL_PARAM_set_int(p, value);
        for (; words->name != NULL; words++)
                if (words->value == value)
                        return OSSL_PARAM_set_utf8_string(p, words->name);
        snprintf(number, sizeof(number), "%d", value);
        return OSSL_PARAM_set_utf8_string(p, number);
}

static int set_pad(struct sig *s, const OSSL_PARAM *p)
{
        int pad;

        if (!get_word(pads, p, &pad) || (pad != RSA_PKCS1_PADDING && pad != RSA_PKCS1_PSS_PADDING && pad != RSA_NO_PADDING))
                return raise_reason(s->provider, REASON_UNSUPPORTED, "RSA signatures have the padding pkcs1, pss or none here");
        s->pad = pad;
        return 1;
}

static int set_salt(struct sig *s, const OSSL_PARAM *p)
{
        int salt;

        if (!get_word(salts, p, &salt) || salt < SALT_AT_MOST_DIGEST)
                return raise_reason(s->provider, REASON_UNSUPPORTED, "a PSS salt is digest, max, auto, auto-digestmax or a number of octets here");
        s->salt = salt;
        return 1;
}

static int rsa_set_params(void *sig, const OSSL_PARAM params[])
{
        struct sig *s = sig;
        const OSSL_PARAM *p;
        const char *name;

        if (params == NULL)
                return 1;
        if (!sig_set_params(s, params))
                return 0;
        p = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PAD_MODE);
        if (p != NULL && !set_pad(s, p))
                return 0;
        p = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PSS_SALTLEN);
        if (p != NULL && !set_salt(s, p))
                return 0;
        p = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_MGF1_DIGEST);
        if (p == NULL)
                return 1;
        if (!OSSL_PARAM_get_utf8_string_ptr(p, &name))
                return 0;
        s->mgf = hash_of_md(s->provider, name, NULL);
        return s->mgf != NULL;
}

static int rsa_get_params(void *sig, OSSL_PARAM params[])
{
        const struct sig *s = sig;
        OSSL_PARAM *p;

        if (!sig_get_params(sig, params))
                return 0;
        p = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_PAD_MODE);
        if (p != NULL && !give_word(pads, s->pad, p))
                return 0;
        p = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_PSS_SALTLEN);
        if (p != NULL && !give_word(salts, s->salt, p))
                return 0;
        p = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_MGF1_DIGEST);
        return p == NULL || OSSL_PARAM_set_utf8_string(p, mgf_of(s) != NULL ? mgf_of(s)->name : "");
}

const struct sig_scheme scheme_rsa = { rsa_reset, rsa_set_params, rsa_sign, rsa_prepare_verify, rsa_identify };

static void *rsa_new(void *provctx, const char *properties)
{
        (void)properties;
        return sig_new(provctx, &scheme_rsa);
}

/* What was signed, out of the signature: in software, as checking is. */
static int rsa_recover(void *sig, unsigned char *out, size_t *ret_len, size_t room, const unsigned char *in, size_t len)
{
        EVP_PKEY_CTX *c = sig_software(sig, EVP_PKEY_verify_recover_init);
        int ok;

        *ret_len = room;
        ok = c != NULL && EVP_PKEY_verify_recover(c, out, ret_len, in, len) == 1;
        EVP_PKEY_CTX_free(c);
        return ok;
}

static const OSSL_PARAM *rsa_gettable(void *sig, void *provctx)
{
        static const OSSL_PARAM list[] = {
                OSSL_PARAM_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, NULL, 0),
                OSSL_PARAM_size_t(OSSL_SIGNATURE_PARAM_DIGEST_SIZE, NULL),
                OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0),
                OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
                OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
                OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, NULL, 0),
                OSSL_PARAM_END,
        };

        (void)sig;
        (void)provctx;
        return list;
}

static const OSSL_PARAM *rsa_settable(void *sig, void *provctx)
{
        static const OSSL_PARAM list[] = {
                OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0),
                OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PROPERTIES, NULL, 0),
                OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
                OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
                OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, NULL, 0),
                OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_PROPERTIES, NULL, 0),
                OSSL_PARAM_END,
        };

        (void)sig;
        (void)provctx;
        return list;
}

const OSSL_DISPATCH signature_rsa[] = {
        ROW(OSSL_FUNC_SIGNATURE_NEWCTX, rsa_new),
        SIG_ROWS,
        ROW(OSSL_FUNC_SIGNATURE_VERIFY_RECOVER_INIT, sig_verify_init),
        ROW(OSSL_FUNC_SIGNATURE_VERIFY_RECOVER, rsa_recover),
        ROW(OSSL_FUNC_SIGNATURE_GET_CTX_PARAMS, rsa_get_params),
        ROW(OSSL_FUNC_SIGNATURE_GETTABLE_CTX_PARAMS, rsa_gettable),
        ROW(OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, rsa_set_params),
        ROW(OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, rsa_settable),
        { 0, NULL },
};
