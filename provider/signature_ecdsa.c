/* SPDX-License-Identifier: BSD-2-Clause */
/* ECDSA: the object gives r || s, OpenSSL wants DER. */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/params.h>
#include <openssl/x509.h>
#include "lib/err.h"
#include "lib/pk.h"
#include "provider/signature.h"

static void ecdsa_reset(struct sig *s)
{
        (void)s;
}

static int ecdsa_sign(struct sig *s, struct bytes digest, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf rs = { 0 };
        CK_MECHANISM m = { CKM_ECDSA, NULL, 0 };
        size_t order = ((size_t)EVP_PKEY_get_bits(s->key->pub) + 7) / 8;

        /* FIPS 186-5, 6.4.1: the leftmost bits. Not every module shortens by itself. */
        if (digest.len > order)
                digest.len = order;
        if (!use_sign(s->key->object, &m, digest, &rs))
                return 0;
        if (ecdsa_sig_to_der(BYTES_OF(&rs), ret) != 0)
                return raise_reason(s->provider, REASON_FORMAT, "the module's signature is none: %s", err_text());
        return 1;
}

static int ecdsa_prepare_verify(struct sig *s, EVP_PKEY_CTX *c)
{
        (void)s;
        (void)c;
        return 1;
}

/* RFC 5758, 3.2: the parameters are absent. */
static int ecdsa_identify(const struct sig *s, X509_ALGOR *ret)
{
        int nid;

        return OBJ_find_sigid_by_algs(&nid, EVP_MD_get_type(s->md), EVP_PKEY_EC) == 1 && X509_ALGOR_set0(ret, OBJ_nid2obj(nid), V_ASN1_UNDEF, NULL) == 1;
}

const struct sig_scheme scheme_ecdsa = { ecdsa_reset, sig_set_params, ecdsa_sign, ecdsa_prepare_verify, ecdsa_identify };

static void *ecdsa_new(void *provctx, const char *properties)
{
        (void)properties;
        return sig_new(provctx, &scheme_ecdsa);
}

static const OSSL_PARAM *ecdsa_gettable(void *sig, void *provctx)
{
        static const OSSL_PARAM list[] = {
                OSSL_PARAM_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, NULL, 0),
                OSSL_PARAM_size_t(OSSL_SIGNATURE_PARAM_DIGEST_SIZE, NULL),
                OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0),
                OSSL_PARAM_END,
        };

        (void)sig;
        (void)provctx;
        return list;
}

static const OSSL_PARAM *ecdsa_settable(void *sig, void *provctx)
{
        static const OSSL_PARAM list[] = {
                OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0),
                OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PROPERTIES, NULL, 0),
                OSSL_PARAM_END,
        };

        (void)sig;
        (void)provctx;
        return list;
}

const OSSL_DISPATCH signature_ecdsa[] = {
        ROW(OSSL_FUNC_SIGNATURE_NEWCTX, ecdsa_new),
        SIG_ROWS,
        ROW(OSSL_FUNC_SIGNATURE_GET_CTX_PARAMS, sig_get_params),
        ROW(OSSL_FUNC_SIGNATURE_GETTABLE_CTX_PARAMS, ecdsa_gettable),
        ROW(OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, sig_set_params),
        ROW(OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, ecdsa_settable),
        { 0, NULL },
};
