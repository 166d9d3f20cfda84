/* SPDX-License-Identifier: BSD-2-Clause */
/* Where does trust in an attestation key come from: is it known, or does a certificate of it hang on a root that is? */
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include "attest/checking.h"
#include "attest/trust.h"
#include "lib/crypto.h"
#include "lib/der.h"
#include "lib/err.h"
#include "lib/pk.h"
#include "lib/x509.h"

#define AUTH_LEVEL 2            /* OpenSSL's: 112 bits, no SHA-1 */

struct chain {
        X509_STORE *store;
        X509_STORE_CTX *ctx;
        STACK_OF(X509) *between;
        X509 *leaf;
        X509 *as_signed;                /* what the leaf was before its key got another name, or NULL */
};

static void chain_clear(struct chain *c)
{
        X509_STORE_CTX_free(c->ctx);
        X509_STORE_free(c->store);
        sk_X509_pop_free(c->between, X509_free);
        X509_free(c->leaf);
        X509_free(c->as_signed);
        ERR_pop_to_mark();
}

static int out_of_memory(void)
{
        return err(ERR_NOMEM, "out of memory");
}

/* One certificate and nothing behind it. */
static int read_certificate(struct bytes der, X509 **ret)
{
        const unsigned char *p = der.ptr;
        X509 *x;

        if (!crypto_libctx())
                return out_of_memory();
        x = X509_new_ex(crypto_libctx(), NULL);
        if (!x)
                return out_of_memory();
        if (der.len > INT32_MAX || !d2i_X509(&x, &p, (long)der.len) || p != der.ptr + der.len) {
                X509_free(x);
                return err(ERR_FORMAT, "%zu octets that are no certificate", der.len);
        }
        *ret = x;
        return 0;
}

static int read_chain(const struct bytes *chain, size_t n, struct chain *c)
{
        int r;

        c->between = sk_X509_new_null();
        if (!c->between)
                return out_of_memory();
        r = read_certificate(chain[0], &c->leaf);
        for (size_t i = 1; r == 0 && i < n; i++) {
                X509 *x = NULL;

                r = read_certificate(chain[i], &x);
                if (r == 0 && !sk_X509_push(c->between, x)) {
                        X509_free(x);
                        r = out_of_memory();
                }
        }
        return r;
}

static bool has_purpose(X509 *x, const char *oid)
{
        EXTENDED_KEY_USAGE *uses = X509_get_ext_d2i(x, NID_ext_key_usage, NULL, NULL);
        char text[64];
        bool found = false;

        for (int i = 0; !found && i < sk_ASN1_OBJECT_num(uses); i++)
                found = OBJ_obj2txt(text, sizeof(text), sk_ASN1_OBJECT_value(uses, i), 1) > 0 && strcmp(text, oid) == 0;
        sk_ASN1_OBJECT_pop_free(uses, ASN1_OBJECT_free);
        return found;
}

/* Some makers name a key by what it is for, RSAES-OAEP, in place of rsaEncryption (RFC 4055, 4.1): the numbers are the same. */
static bool is_oaep_key(struct bytes certified, struct bytes spki)
{
        static const uint8_t rsaes_oaep[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x07 };
        CLEANUP(pubkey_clear) struct pubkey k = { 0 };
        struct bytes outer, algorithm, oid, bits, wanted_outer, wanted_algorithm, wanted_bits;

        return pubkey_from_spki(spki, &k) == 0 && !k.curve && der_get(&certified, DER_SEQUENCE, &outer) == 0 && der_get(&outer, DER_SEQUENCE, &algorithm) == 0 &&
               der_get(&algorithm, DER_OID, &oid) == 0 && bytes_equal(oid, BYTES(rsaes_oaep, sizeof(rsaes_oaep))) &&
               der_get(&outer, DER_BIT_STRING, &bits) == 0 && outer.len == 0 && der_get(&spki, DER_SEQUENCE, &wanted_outer) == 0 &&
               der_get(&wanted_outer, DER_SEQUENCE, &wanted_algorithm) == 0 && der_get(&wanted_outer, DER_BIT_STRING, &wanted_bits) == 0 && bytes_equal(bits, wanted_bits);
}

/* OpenSSL 3 knows no key of that name, and refuses whatever has one. It judges the certificate with the key under the other name; the signature is
 * judged of the certificate as it is. */
static int rename_key(struct bytes der, struct bytes spki, struct chain *c)
{
        const unsigned char *p = spki.ptr;
        EVP_PKEY *key = d2i_PUBKEY_ex(NULL, &p, (long)spki.len, crypto_libctx(), NULL);
        int r = key ? read_certificate(der, &c->as_signed) : out_of_memory();

        if (r == 0 && !X509_set_pubkey(c->leaf, key))
                r = out_of_memory();
        EVP_PKEY_free(key);
        return r;
}

/* The certificate of a TPM's key, whoever issued it. */
static int check_leaf(const struct trust *t, struct bytes der, struct bytes spki, struct chain *c)
{
        struct x509_parts parts;
        X509 *x = c->leaf;
        int r = x509_parts(der, &parts);

        if (r == 0 && is_oaep_key(parts.spki, spki))
                r = rename_key(der, spki, c);
        if (r != 0)
                return r;
        if (!c->as_signed && !bytes_equal(parts.spki, spki))
                return err(ERR_DENIED, "its certificate is for another key");
        if (X509_get_version(x) != X509_VERSION_3)
                return err(ERR_DENIED, "its certificate is not of version 3");
        if (X509_check_ca(x) != 0)
                return err(ERR_DENIED, "its certificate is one of an authority");
        if (t->purpose && !has_purpose(x, t->purpose))
                return err(ERR_DENIED, "its certificate lacks the purpose %s", t->purpose);
        return 0;
}

/* Is the leaf's signature wrong because of the key's name alone? */
static int judge_as_signed(int ok, X509_STORE_CTX *ctx)
{
        const struct chain *c = X509_STORE_CTX_get_app_data(ctx);
        const STACK_OF(X509) *built = X509_STORE_CTX_get0_chain(ctx);

        if (ok || X509_STORE_CTX_get_error(ctx) != X509_V_ERR_CERT_SIGNATURE_FAILURE || X509_STORE_CTX_get_error_depth(ctx) != 0 || sk_X509_num(built) < 2)
                return ok;
        return X509_verify(c->as_signed, X509_get0_pubkey(sk_X509_value(built, 1))) == 1;
}

/* One root at a time: where two have one name, OpenSSL would look at the first alone. */
static int verify(const struct trust *t, struct chain *c, struct bytes root)
{
        X509_VERIFY_PARAM *param;
        X509 *x = NULL;
        int added, r;

        X509_STORE_CTX_free(c->ctx);
        X509_STORE_free(c->store);
        c->store = X509_STORE_new();
        c->ctx = X509_STORE_CTX_new_ex(crypto_libctx(), NULL);
        r = read_certificate(root, &x);
        if (r != 0)
                return r;
        added = c->store && X509_STORE_add_cert(c->store, x);
        X509_free(x);
        if (!added || !c->ctx || !X509_STORE_CTX_init(c->ctx, c->store, c->leaf, c->between))
                return out_of_memory();
        param = X509_STORE_CTX_get0_param(c->ctx);
        X509_VERIFY_PARAM_set_time(param, (time_t)t->time);
        X509_VERIFY_PARAM_set_depth(param, TRUST_CHAIN_MAX);
        X509_VERIFY_PARAM_set_auth_level(param, AUTH_LEVEL);
        if (c->as_signed) {
                X509_STORE_CTX_set_app_data(c->ctx, c);
                X509_STORE_CTX_set_verify_cb(c->ctx, judge_as_signed);
        }
        if (!X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN))
                return out_of_memory();
        if (X509_verify_cert(c->ctx) == 1)
                return 0;
        return X509_STORE_CTX_get_error(c->ctx) == X509_V_ERR_OUT_OF_MEM ? out_of_memory() : ERR_DENIED;
}

/* Of several roots, the one that is not simply another says why. */
static bool says_more(int error)
{
        return error != X509_V_OK && error != X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY && error != X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT &&
               error != X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN;
}

static int verify_by_any(const struct trust *t, struct chain *c, size_t *ret_root)
{
        int why = X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, r;

        for (size_t i = 0; i < t->n_roots; i++) {
                r = verify(t, c, t->roots[i]);
                if (r == 0)
                        *ret_root = i;
                if (r != ERR_DENIED)
                        return r;
                if (says_more(X509_STORE_CTX_get_error(c->ctx)))
                        why = X509_STORE_CTX_get_error(c->ctx);
        }
        return err(ERR_DENIED, "its certificate is not accepted: %s", X509_verify_cert_error_string(why));
}

int trust_check(const struct trust *t, const struct bytes *chain, size_t n, struct bytes spki, size_t *ret_root)
{
        CLEANUP(chain_clear) struct chain c = { 0 };
        int r;

        ERR_set_mark();
        if (n == 0 || n > TRUST_CHAIN_MAX)
                return err(ERR_FORMAT, "%zu certificates where there are 1 to %d", n, TRUST_CHAIN_MAX);
        r = read_chain(chain, n, &c);
        if (r == 0)
                r = check_leaf(t, chain[0], spki, &c);
        return r != 0 ? r : verify_by_any(t, &c, ret_root);
}

static bool will_do(const struct checking *c, enum hf_assurance a)
{
        return a > HF_ASSURANCE_NONE && a <= HF_ASSURANCE_HARDWARE && (c->policy->assurances & 1u << a) != 0;
}

static int by_certificate(struct checking *c, enum hf_assurance *ret)
{
        CLEANUP(free_ptr) struct bytes *roots = calloc(c->policy->n_roots, sizeof(*roots));
        CLEANUP(buf_clear) struct buf spki = { 0 };
        const struct trust t = { .roots = roots, .n_roots = c->policy->n_roots, .time = c->policy->time, .purpose = TRUST_AK };
        size_t root = 0;
        int r;

        if (!roots)
                return out_of_memory();
        for (size_t i = 0; i < t.n_roots; i++)
                roots[i] = FROM_HF(c->policy->roots[i].certificate);
        r = pubkey_to_spki(&c->ak->key, &spki);
        if (r == 0)
                r = trust_check(&t, c->e.certificates, c->e.n_certificates, BYTES_OF(&spki), &root);
        if (r == 0)
                *ret = c->policy->roots[root].assurance;
        return r;
}

/* A key that is known needs no certificate; where what is known does not suffice, it may have one that does. */
int check_trust(struct checking *c)
{
        const struct hf_evidence_policy *p = c->policy;
        enum hf_assurance known = HF_ASSURANCE_NONE, certified = HF_ASSURANCE_NONE;
        int r;

        for (size_t i = 0; i < p->n_known_keys; i++)
                if (bytes_equal(FROM_HF(p->known_keys[i].name), BYTES_OF(&c->ak->name)))
                        known = p->known_keys[i].assurance;
        if (will_do(c, known)) {
                c->ret->assurance = known;
                return passed(c, HF_CHECK_TRUST, "the attestation key is known: %s", hf_assurance_name(known));
        }
        if (c->e.n_certificates > 0 && p->n_roots > 0) {
                r = by_certificate(c, &certified);
                if (r == ERR_NOMEM)
                        return r;
                if (r != 0)
                        return failed(c, HF_CHECK_TRUST, "the attestation key: %s", err_text());
                if (will_do(c, certified)) {
                        c->ret->assurance = certified;
                        return passed(c, HF_CHECK_TRUST, "the attestation key has a certificate: %s", hf_assurance_name(certified));
                }
        }
        if (known == HF_ASSURANCE_NONE && certified == HF_ASSURANCE_NONE)
                return failed(c, HF_CHECK_TRUST, "the attestation key is neither known nor certified by a root that is");
        return failed(c, HF_CHECK_TRUST, "the attestation key is %s, and that does not suffice", hf_assurance_name(known > certified ? known : certified));
}
