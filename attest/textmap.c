/* SPDX-License-Identifier: BSD-2-Clause */
/* What is in a CBOR map whose keys are names? */
#include <string.h>
#include "attest/textmap.h"
#include "lib/err.h"

static size_t find(const char *const *names, size_t n, struct bytes name)
{
        size_t i = 0;

        while (i < n && !bytes_equal(BYTES_STR(names[i]), name))
                i++;
        return i;
}

int textmap_read(struct cbor *c, const char *const *names, size_t n, int (*member)(struct cbor *c, size_t which, void *ctx), void *ctx, unsigned *ret_seen)
{
        unsigned seen = 0;
        size_t pairs = 0;
        int r = cbor_get_map(c, &pairs);

        if (r == 0 && pairs > n)
                r = err(ERR_FORMAT, "CBOR: a map with %zu members where there are %zu at most", pairs, n);
        for (size_t i = 0; r == 0 && i < pairs; i++) {
                struct bytes name;
                size_t which;

                r = cbor_get_text(c, &name);
                if (r != 0)
                        break;
                which = find(names, n, name);
                if (which == n)
                        return err(ERR_FORMAT, "CBOR: a member of a map that has no meaning there");
                if (seen & 1u << which)
                        return err(ERR_FORMAT, "CBOR: %s is there twice", names[which]);
                seen |= 1u << which;
                r = member(c, which, ctx);
        }
        if (r == 0)
                *ret_seen = seen;
        return r;
}

int textmap_octets(struct cbor *c, size_t max, struct bytes *ret)
{
        struct bytes v;
        int r = cbor_get_bytes(c, &v);

        if (r != 0)
                return r;
        if (v.len == 0 || v.len > max)
                return err(ERR_FORMAT, "CBOR: %zu octets where there are 1 to %zu", v.len, max);
        *ret = v;
        return 0;
}

int textmap_text(struct cbor *c, const char *want)
{
        struct bytes v;
        int r = cbor_get_text(c, &v);

        return r != 0 || bytes_equal(v, BYTES_STR(want)) ? r : err(ERR_FORMAT, "CBOR: another text than \"%s\"", want);
}
