/* SPDX-License-Identifier: BSD-2-Clause */
/* Which octets of an NV index are the certificate that a TPM's maker put there? */
#include "attest/trust.h"
#include "lib/der.h"
#include "lib/err.h"

#define TCG_TAG 0x1001          /* TCG_TAG_PCCLIENT_STORED_CERT: PC Client Specific Implementation Specification, 7.3 */
#define TCG_FULL 0x00           /* the certificate is behind it, not a digest of it */
#define TCG_HEADER 5

/* Some makers put a header in front, with the length of what follows. */
static int behind_header(struct bytes nv, struct bytes *ret)
{
        size_t len;

        *ret = nv;
        if (nv.len < TCG_HEADER || (nv.ptr[0] << 8 | nv.ptr[1]) != TCG_TAG)
                return 0;
        len = (size_t)(nv.ptr[3] << 8 | nv.ptr[4]);
        if (nv.ptr[2] != TCG_FULL || len > nv.len - TCG_HEADER)
                return err(ERR_FORMAT, "a certificate in NV memory whose header does not fit it");
        *ret = BYTES(nv.ptr + TCG_HEADER, len);
        return 0;
}

/* What fills up the index: all zeros, or all ones as the memory came. */
static bool is_padding(struct bytes b)
{
        for (size_t i = 0; i < b.len; i++)
                if (b.ptr[i] != b.ptr[0] || (b.ptr[i] != 0x00 && b.ptr[i] != 0xff))
                        return false;
        return true;
}

int trust_from_nv(struct bytes nv, struct bytes *ret)
{
        struct bytes rest, inside;
        const uint8_t *start;
        int r;

        r = behind_header(nv, &rest);
        if (r != 0)
                return r;
        start = rest.ptr;
        r = der_get(&rest, DER_SEQUENCE, &inside);
        if (r != 0)
                return r;
        if (!is_padding(rest))
                return err(ERR_FORMAT, "something follows the certificate in NV memory");
        *ret = BYTES(start, (size_t)(rest.ptr - start));
        return 0;
}
