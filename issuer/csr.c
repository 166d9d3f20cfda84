/* SPDX-License-Identifier: BSD-2-Clause */
/* Was this request signed with the attested key? */
#include "issuer/csr.h"
#include <openssl/err.h>
#include <openssl/x509.h>
#include <string.h>
#include "lib/err.h"
#include "lib/pem.h"

static int check(X509_REQ *request, struct bytes spki)
{
        unsigned char *der = NULL;
        int len = i2d_X509_PUBKEY(X509_REQ_get_X509_PUBKEY(request), &der), r = 0;
        EVP_PKEY *key = X509_REQ_get0_pubkey(request);

        if (len <= 0 || !bytes_equal(BYTES(der, (size_t)len), spki))
                r = err(ERR_DENIED, "the certificate signing request is for another key than the attested one");
        else if (key == NULL || X509_REQ_verify(request, key) != 1)
                r = err(ERR_DENIED, "the certificate signing request is not signed by the attested key");
        OPENSSL_free(der);
        return r;
}

int csr_check(const char *pem, struct bytes spki)
{
        CLEANUP(buf_clear) struct buf head = { 0 }, der = { 0 };
        const unsigned char *p;
        X509_REQ *request;
        int r;

        r = pem_decode("CERTIFICATE REQUEST", BYTES_STR(pem), &head, &der);
        if (r != 0)
                return r == ERR_NOMEM ? r : err(ERR_FORMAT, "a certificate signing request that is none");
        p = der.ptr;
        request = d2i_X509_REQ(NULL, &p, (long)der.len);
        r = request != NULL && p == der.ptr + der.len ? check(request, spki) : err(ERR_FORMAT, "a certificate signing request that is none");
        X509_REQ_free(request);
        ERR_clear_error();
        return r;
}
