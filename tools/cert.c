/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads certificates. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>
#include <time.h>
#include "lib/err.h"
#include "tools/cert.h"

/* Controls, what is no ASCII and RFC 2253's own are escaped. */
#define NAME_FLAGS (XN_FLAG_RFC2253 | ASN1_STRFLGS_ESC_CTRL | ASN1_STRFLGS_ESC_MSB)

static void x509_freep(X509 **c)
{
        X509_free(*c);
}

static void bio_freep(BIO **b)
{
        BIO_free(*b);
}

static int from_der(struct bytes der, X509 **ret)
{
        const uint8_t *p = der.ptr;
        X509 *c = d2i_X509(NULL, &p, (long)der.len);

        ERR_clear_error();
        if (c != NULL && p == der.ptr + der.len) {
                *ret = c;
                return 0;
        }
        X509_free(c);
        return err(ERR_INVAL, "this is no certificate");
}

static int to_buf(BIO *b, struct buf *ret)
{
        char *p = NULL;
        long n = BIO_get_mem_data(b, &p);

        return n >= 0 ? buf_append(ret, p, (size_t)n) : err(ERR_NOMEM, "out of memory");
}

int cert_decode(struct bytes text, struct buf *ret_der)
{
        CLEANUP(bio_freep) BIO *b = BIO_new_mem_buf(text.ptr, (int)text.len);
        CLEANUP(x509_freep) X509 *c = NULL;
        unsigned char *der = NULL;
        int r, n;

        if (b == NULL)
                return err(ERR_NOMEM, "out of memory");
        c = PEM_read_bio_X509(b, NULL, NULL, NULL);
        ERR_clear_error();
        if (c == NULL) {
                r = from_der(text, &c);
                if (r != 0)
                        return r;
        }
        n = i2d_X509(c, &der);
        if (n <= 0)
                return err(ERR_NOMEM, "out of memory");
        r = buf_append(ret_der, der, (size_t)n);
        OPENSSL_free(der);
        return r;
}

int cert_spki(struct bytes der, struct buf *ret)
{
        CLEANUP(x509_freep) X509 *c = NULL;
        unsigned char *spki = NULL;
        int r, n;

        r = from_der(der, &c);
        if (r != 0)
                return r;
        n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(c), &spki);
        if (n <= 0)
                return err(ERR_NOMEM, "out of memory");
        r = buf_append(ret, spki, (size_t)n);
        OPENSSL_free(spki);
        return r;
}

int cert_describe(struct bytes der, struct buf *ret)
{
        CLEANUP(bio_freep) BIO *b = BIO_new(BIO_s_mem());
        CLEANUP(x509_freep) X509 *c = NULL;
        int r;

        r = from_der(der, &c);
        if (r == 0 && (b == NULL || X509_print_ex(b, c, NAME_FLAGS & ~(unsigned long)XN_FLAG_DN_REV, 0) != 1))
                r = err(ERR_NOMEM, "cannot describe the certificate");
        ERR_clear_error();
        return r == 0 ? to_buf(b, ret) : r;
}

static int name(const X509_NAME *n, struct buf *ret)
{
        CLEANUP(bio_freep) BIO *b = BIO_new(BIO_s_mem());

        if (b == NULL || X509_NAME_print_ex(b, n, 0, NAME_FLAGS) < 0)
                return err(ERR_NOMEM, "out of memory");
        return to_buf(b, ret);
}

int cert_summary(struct bytes der, struct buf *ret_subject, struct buf *ret_issuer, struct buf *ret_not_after)
{
        CLEANUP(x509_freep) X509 *c = NULL;
        char text[32];
        struct tm tm;
        int r;

        r = from_der(der, &c);
        if (r == 0)
                r = name(X509_get_subject_name(c), ret_subject);
        if (r == 0)
                r = name(X509_get_issuer_name(c), ret_issuer);
        if (r == 0 && (ASN1_TIME_to_tm(X509_get0_notAfter(c), &tm) != 1 || strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0))
                r = err(ERR_FORMAT, "the certificate has no good end of its life");
        return r == 0 ? buf_append_str(ret_not_after, text) : r;
}
