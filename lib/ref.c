/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads and writes what is in a reference file. */
#include <string.h>
#include "lib/der.h"
#include "lib/err.h"
#include "lib/ref.h"
#include "lib/utf8.h"

enum {
        DER_UTF8 = 0x0c,
        DER_VISIBLE = 0x1a,
};

static const char title[] = "PKCS#11 Provider URI v1.0";
static const char scheme[] = "pkcs11:";

static int check_uri(struct bytes uri)
{
        if (uri.len > REF_URI_MAX)
                return err(ERR_FORMAT, "the URI of a reference has %zu octets, more than %d", uri.len, REF_URI_MAX);
        if (uri.len < strlen(scheme) || memcmp(uri.ptr, scheme, strlen(scheme)) != 0)
                return err(ERR_FORMAT, "a reference has something else than a pkcs11: URI in it");
        return utf8_printable(uri) ? 0 : err(ERR_FORMAT, "the URI of a reference is not printable UTF-8");
}

int ref_encode(struct bytes uri, struct buf *ret_der)
{
        CLEANUP(buf_clear) struct buf inner = { 0 };
        int r;

        r = check_uri(uri);
        if (r == 0)
                r = der_put(&inner, DER_VISIBLE, BYTES_STR(title));
        if (r == 0)
                r = der_put(&inner, DER_UTF8, uri);
        return r == 0 ? der_put(ret_der, DER_SEQUENCE, BYTES_OF(&inner)) : r;
}

/* What stands behind the title. */
static int open_ref(struct bytes *der, struct bytes *ret_body)
{
        struct bytes body, text;
        int r;

        r = der_get(der, DER_SEQUENCE, &body);
        if (r == 0)
                r = der_get(&body, DER_VISIBLE, &text);
        if (r != 0)
                return r;
        if (!bytes_equal(text, BYTES_STR(title)))
                return err(ERR_FORMAT, "not a reference of version 1.0");
        *ret_body = body;
        return 0;
}

int ref_decode(struct bytes der, struct bytes *ret_uri)
{
        struct bytes body, uri;
        int r;

        r = open_ref(&der, &body);
        if (r == 0)
                r = der_get_end(der);
        if (r == 0)
                r = der_get(&body, DER_UTF8, &uri);
        if (r == 0)
                r = der_get_end(body);
        if (r == 0)
                r = check_uri(uri);
        if (r == 0)
                *ret_uri = uri;
        return r;
}

bool ref_is(struct bytes der)
{
        struct bytes body;

        return open_ref(&der, &body) == 0;
}
