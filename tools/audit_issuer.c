/* SPDX-License-Identifier: BSD-2-Clause */
/* Which keys may an issuer have signed its log by, and has one? */
#include "tools/audit_issuer.h"
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>
#include "audit/notekey.h"
#include "lib/crypto.h"
#include "lib/err.h"
#include "tools/readfile.h"

void audit_issuer_keys_clear(struct audit_issuer_keys *k)
{
        for (size_t i = 0; i < k->n; i++)
                buf_clear(&k->spki[i]);
        *k = (struct audit_issuer_keys){ 0 };
}

/* signed-note, type 0x02 names no hash: it is the curve's. */
static const char *digest_of(const EVP_PKEY *k)
{
        if (EVP_PKEY_is_a(k, "ED25519"))
                return NULL;
        return EVP_PKEY_is_a(k, "EC") && EVP_PKEY_get_bits(k) == 384 ? "SHA384" : "SHA256";
}

static int verify_by(struct bytes spki, struct bytes text, struct bytes signature)
{
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        const uint8_t *p = spki.ptr;
        EVP_PKEY *k = NULL;
        int r = ERR_NOMEM;

        if (ctx != NULL && crypto_libctx() != NULL)
                k = d2i_PUBKEY_ex(NULL, &p, (long)spki.len, crypto_libctx(), NULL);
        if (k != NULL && EVP_DigestVerifyInit_ex(ctx, NULL, digest_of(k), crypto_libctx(), NULL, k, NULL) == 1)
                r = EVP_DigestVerify(ctx, signature.ptr, signature.len, text.ptr, text.len) == 1 ? 0 : err(ERR_AUTH, "the signature is wrong");
        EVP_PKEY_free(k);
        EVP_MD_CTX_free(ctx);
        ERR_clear_error();
        return r == ERR_NOMEM ? err(r, "out of memory") : r;
}

static int verify(void *ctx, struct bytes name, struct bytes text, struct bytes line)
{
        const struct audit_issuer_keys *k = ctx;
        struct bytes signature;

        for (size_t i = 0; i < k->n; i++) {
                int r = notekey_line_signature(line, name, BYTES_OF(&k->spki[i]), &signature);

                if (r == 0)
                        r = verify_by(BYTES_OF(&k->spki[i]), text, signature);
                if (r != ERR_AUTH)
                        return r;
        }
        return err(ERR_AUTH, "it is not signed by a key of the issuer's");
}

/* With a key that can sign notes at all. */
static int keep(struct audit_issuer_keys *k, EVP_PKEY *pkey)
{
        uint8_t *der = NULL, id[NOTEKEY_ID_SIZE];
        int n = pkey != NULL ? i2d_PUBKEY(pkey, &der) : 0, r;

        if (n <= 0)
                return err(ERR_FORMAT, "there is something that is no public key");
        if (k->n == AUDIT_ISSUER_KEYS_MAX)
                r = err(ERR_RANGE, "more than %d keys", AUDIT_ISSUER_KEYS_MAX);
        else
                r = buf_set(&k->spki[k->n++], BYTES(der, (size_t)n));
        OPENSSL_free(der);
        return r == 0 ? notekey_id(BYTES_STR("name"), BYTES_OF(&k->spki[k->n - 1]), id) : r;
}

static int take(struct audit_issuer_keys *k, const char *label, const uint8_t *der, long len)
{
        const uint8_t *p = der;
        EVP_PKEY *pkey = NULL;
        X509 *cert = NULL;
        int r;

        if (strcmp(label, "CERTIFICATE") == 0) {
                cert = d2i_X509(NULL, &p, len);
                pkey = cert != NULL ? X509_get_pubkey(cert) : NULL;
        } else if (strcmp(label, "PUBLIC KEY") == 0) {
                pkey = d2i_PUBKEY_ex(NULL, &p, len, crypto_libctx(), NULL);
        }
        r = keep(k, pkey);
        EVP_PKEY_free(pkey);
        X509_free(cert);
        return r;
}

int audit_issuer_keys(const char *file, struct audit_issuer_keys *ret)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        BIO *bio;
        int r = readfile(file, &text);

        if (r != 0)
                return r;
        bio = BIO_new_mem_buf(text.ptr, (int)text.len);
        while (r == 0 && bio != NULL) {
                char *label = NULL, *head = NULL;
                uint8_t *der = NULL;
                long len;

                if (PEM_read_bio(bio, &label, &head, &der, &len) != 1)
                        break;
                r = take(ret, label, der, len);
                OPENSSL_free(label);
                OPENSSL_free(head);
                OPENSSL_free(der);
        }
        BIO_free(bio);
        ERR_clear_error();
        if (r == 0 && ret->n == 0)
                r = err(ERR_FORMAT, "there is neither a PEM public key nor a certificate");
        ret->check = (struct audit_signer){ .verify = verify, .ctx = ret };
        return r == ERR_FORMAT || r == ERR_NOTSUP ? err(r, "%s: %s", file, err_text()) : r;
}
