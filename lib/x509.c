/* SPDX-License-Identifier: BSD-2-Clause */
/* Where in a certificate are serial number, issuer, subject and key? Slices; nothing is copied. */
#include "lib/x509.h"
#include "lib/der.h"
#include "lib/err.h"

#define TAG_VERSION 0xa0

/* The next element with its tag. */
static int take(struct bytes *in, uint8_t tag, struct bytes *ret)
{
        const uint8_t *start = in->ptr;
        struct bytes inside;
        int r;

        r = der_get(in, tag, &inside);
        if (r == 0)
                *ret = BYTES(start, (size_t)(in->ptr - start));
        return r;
}

static int outer(struct bytes der, struct bytes *ret_tbs)
{
        struct bytes cert, ignored;

        if (der_get(&der, DER_SEQUENCE, &cert) != 0 || der_get_end(der) != 0)
                return ERR_FORMAT;
        if (der_get(&cert, DER_SEQUENCE, ret_tbs) != 0 ||
            der_get(&cert, DER_SEQUENCE, &ignored) != 0 ||      /* signatureAlgorithm */
            der_get(&cert, DER_BIT_STRING, &ignored) != 0)
                return ERR_FORMAT;
        return der_get_end(cert);
}

static int inner(struct bytes tbs, struct x509_parts *ret)
{
        struct bytes ignored;

        if (tbs.len > 0 && tbs.ptr[0] == TAG_VERSION && der_get(&tbs, TAG_VERSION, &ignored) != 0)
                return ERR_FORMAT;
        if (take(&tbs, DER_INTEGER, &ret->serial) != 0 ||
            der_get(&tbs, DER_SEQUENCE, &ignored) != 0 ||       /* signature */
            take(&tbs, DER_SEQUENCE, &ret->issuer) != 0 ||
            der_get(&tbs, DER_SEQUENCE, &ignored) != 0 ||       /* validity */
            take(&tbs, DER_SEQUENCE, &ret->subject) != 0 ||
            take(&tbs, DER_SEQUENCE, &ret->spki) != 0)
                return ERR_FORMAT;
        return 0;
}

int x509_parts(struct bytes der, struct x509_parts *ret)
{
        struct x509_parts p;
        struct bytes tbs;

        if (outer(der, &tbs) != 0 || inner(tbs, &p) != 0)
                return err(ERR_FORMAT, "that is no X.509 certificate");
        *ret = p;
        return 0;
}
