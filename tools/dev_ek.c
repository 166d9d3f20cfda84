/* SPDX-License-Identifier: BSD-2-Clause */
/* Does for a new software TPM what a manufacturer does: an endorsement certificate in its NV memory, by a CA that
 * lives as long as this process. TCG EK Credential Profile for TPM Family 2.0. */
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>
#include "lib/crypto.h"
#include "lib/file.h"
#include "lib/pk.h"
#include "lib/tpmt.h"
#include "tools/dev.h"
#include "tpm/ek.h"

#define TCG_MANUFACTURER "2.23.133.2.1"
#define TCG_MODEL "2.23.133.2.2"
#define TCG_VERSION "2.23.133.2.3"
#define TCG_EK_CERTIFICATE "2.23.133.8.1"

struct ca {
        EVP_PKEY *key;
        X509 *cert;
};

static void ca_clear(struct ca *a)
{
        EVP_PKEY_free(a->key);
        X509_free(a->cert);
}

static void x509_freep(X509 **c)
{
        X509_free(*c);
}

static int openssl_failed(const char *what)
{
        ERR_clear_error();
        return err(ERR_NOMEM, "cannot make the %s", what);
}

static bool add_extension(X509 *c, X509 *issuer, int nid, const char *value)
{
        X509_EXTENSION *e;
        X509V3_CTX ctx;
        bool added;

        X509V3_set_ctx(&ctx, issuer, c, NULL, NULL, 0);
        e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
        added = e != NULL && X509_add_ext(c, e, -1) == 1;
        X509_EXTENSION_free(e);
        return added;
}

/* Version 3, a random serial number of 16 octets, valid from now to the end that RFC 5280 4.1.2.5 has for "no end". */
static bool fill_frame(X509 *c)
{
        uint8_t serial[16];
        BIGNUM *n;
        bool filled;

        if (crypto_random(serial, sizeof serial) != 0)
                return false;
        serial[0] &= 0x7f;
        serial[0] |= 0x40;
        n = BN_bin2bn(serial, sizeof serial, NULL);
        filled = n != NULL && X509_set_version(c, X509_VERSION_3) == 1 && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(c)) != NULL &&
                 X509_gmtime_adj(X509_getm_notBefore(c), 0) != NULL && ASN1_TIME_set_string_X509(X509_getm_notAfter(c), "99991231235959Z") == 1;
        BN_free(n);
        return filled;
}

static int make_ca(struct ca *ret)
{
        X509_NAME *name;

        ret->key = EVP_EC_gen("P-256");
        ret->cert = X509_new();
        if (ret->key == NULL || ret->cert == NULL || !fill_frame(ret->cert) || X509_set_pubkey(ret->cert, ret->key) != 1)
                return openssl_failed("EK certificates' CA");
        name = X509_get_subject_name(ret->cert);
        if (X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8, (const uint8_t *)"holdfast dev, a throw-away EK CA", -1, -1, 0) != 1 ||
            X509_set_issuer_name(ret->cert, name) != 1 ||
            !add_extension(ret->cert, ret->cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
            !add_extension(ret->cert, ret->cert, NID_key_usage, "critical,keyCertSign") ||
            !add_extension(ret->cert, ret->cert, NID_subject_key_identifier, "hash") ||
            X509_sign(ret->cert, ret->key, EVP_sha256()) <= 0)
                return openssl_failed("EK certificates' CA");
        return 0;
}

static bool add_name(X509_NAME *name, const char *oid, const char *value)
{
        return X509_NAME_add_entry_by_txt(name, oid, MBSTRING_UTF8, (const uint8_t *)value, -1, -1, 0) == 1;
}

/* 3.1.2: the subject is empty, so the alternative name is critical: a directoryName of the TPM's manufacturer, model and version. */
static bool add_tpm_name(X509 *c, const struct tpm_caps *caps)
{
        GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
        X509_NAME *name = X509_NAME_new();
        GENERAL_NAME *one = GENERAL_NAME_new();
        char manufacturer[16], version[16];
        uint8_t id[4] = { 0 };
        bool added;

        /* Four octets, which caps has as text without the NULs behind it. */
        memcpy(id, caps->manufacturer, strnlen(caps->manufacturer, sizeof id));
        snprintf(manufacturer, sizeof manufacturer, "id:%02X%02X%02X%02X", id[0], id[1], id[2], id[3]);
        snprintf(version, sizeof version, "id:%08X", caps->firmware[0]);
        added = names != NULL && name != NULL && one != NULL && add_name(name, TCG_MANUFACTURER, manufacturer) &&
                add_name(name, TCG_MODEL, "swtpm") && add_name(name, TCG_VERSION, version);
        if (added) {
                GENERAL_NAME_set0_value(one, GEN_DIRNAME, name);
                name = NULL;
                added = sk_GENERAL_NAME_push(names, one) > 0;
        }
        if (added) {
                one = NULL;
                added = X509_add1_ext_i2d(c, NID_subject_alt_name, names, 1, 0) == 1;
        }
        GENERAL_NAME_free(one);
        X509_NAME_free(name);
        GENERAL_NAMES_free(names);
        return added;
}

static int make_ek_cert(const struct ca *ca, const struct tpm_caps *caps, struct bytes spki, struct buf *ret_der)
{
        CLEANUP(x509_freep) X509 *c = X509_new();
        const uint8_t *p = spki.ptr;
        EVP_PKEY *key = d2i_PUBKEY(NULL, &p, (long)spki.len);
        unsigned char *der = NULL;
        bool made;
        int r, n;

        made = c != NULL && key != NULL && fill_frame(c) && X509_set_pubkey(c, key) == 1 &&
               X509_set_issuer_name(c, X509_get_subject_name(ca->cert)) == 1 && add_tpm_name(c, caps) &&
               add_extension(c, ca->cert, NID_basic_constraints, "critical,CA:FALSE") &&
               add_extension(c, ca->cert, NID_key_usage, "critical,keyAgreement") &&
               add_extension(c, ca->cert, NID_ext_key_usage, TCG_EK_CERTIFICATE) &&
               add_extension(c, ca->cert, NID_authority_key_identifier, "keyid:always") && X509_sign(c, ca->key, EVP_sha256()) > 0;
        EVP_PKEY_free(key);
        if (!made)
                return openssl_failed("EK certificate");
        n = i2d_X509(c, &der);
        if (n <= 0)
                return openssl_failed("EK certificate");
        r = buf_append(ret_der, der, (size_t)n);
        OPENSSL_free(der);
        return r;
}

static int write_ca(const struct ca *ca, const struct dev_dir *d)
{
        CLEANUP(close_fd) int dirfd = -1;
        BIO *b = BIO_new(BIO_s_mem());
        char *text = NULL;
        long len;
        int r;

        if (b == NULL || PEM_write_bio_X509(b, ca->cert) != 1) {
                BIO_free(b);
                return openssl_failed("EK certificates' CA");
        }
        len = BIO_get_mem_data(b, &text);
        r = dir_open(AT_FDCWD, d->path, &dirfd);
        if (r == 0)
                r = file_write(dirfd, "ek-ca.pem", BYTES(text, (size_t)len), 0644, false);
        BIO_free(b);
        return r;
}

static int certify(struct tpm *t, const struct dev_dir *d)
{
        CLEANUP(ca_clear) struct ca ca = { 0 };
        CLEANUP(buf_clear) struct buf area = { 0 }, spki = { 0 }, der = { 0 };
        struct tpm_caps caps = { 0 };
        int r;

        r = tpm_caps_read(t, &caps);
        if (r == 0)
                r = tpm_ek_public(t, &area);
        if (r == 0)
                r = tpmt_spki(BYTES_OF(&area), &spki);
        if (r == 0)
                r = make_ca(&ca);
        if (r == 0)
                r = make_ek_cert(&ca, &caps, BYTES_OF(&spki), &der);
        if (r == 0)
                r = tpm_nv_manufacture(t, TPM_NV_EK_P256, BYTES_OF(&der));
        return r == 0 ? write_ca(&ca, d) : r;
}

int dev_ek_certify(const struct conf *c, const struct dev_dir *d)
{
        struct tpm_options o = { .tcti = c->tcti, .trace = c->trace, .deadline_ms = c->deadline_ms, .state_dirfd = -1 };
        struct tpm *t = NULL;
        int r;

        r = tpm_open(&o, &t);
        if (r == 0)
                r = certify(t, d);
        tpm_close(t);
        return r;
}
