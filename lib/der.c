/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads and writes single DER elements. */
#include "lib/der.h"
#include "lib/err.h"

static int bad(const char *what)
{
        return err(ERR_FORMAT, "not DER: %s", what);
}

/* X.690 8.1.3 and 10.1. */
static int get_length(struct bytes *in, size_t *ret)
{
        size_t len, octets;

        if (in->len < 1)
                return bad("it ends before a length");
        len = *in->ptr;
        *in = BYTES(in->ptr + 1, in->len - 1);
        if (len < 0x80) {
                *ret = len;
                return 0;
        }
        octets = len & 0x7f;
        if (octets < 1 || octets > 2 || in->len < octets)
                return bad("a length that is indefinite or too long");
        len = octets == 1 ? in->ptr[0] : (size_t)in->ptr[0] << 8 | in->ptr[1];
        if (len < (octets == 1 ? 0x80u : 0x100u))
                return bad("a length that could be shorter");
        *in = BYTES(in->ptr + octets, in->len - octets);
        *ret = len;
        return 0;
}

int der_get(struct bytes *in, uint8_t tag, struct bytes *ret)
{
        struct bytes rest;
        size_t len = 0;
        int r;

        if (in->len < 1 || in->ptr[0] != tag)
                return bad("an element is missing or of another type");
        rest = BYTES(in->ptr + 1, in->len - 1);
        r = get_length(&rest, &len);
        if (r != 0)
                return r;
        if (len > rest.len)
                return bad("it ends within an element");
        *ret = BYTES(rest.ptr, len);
        *in = BYTES(rest.ptr + len, rest.len - len);
        return 0;
}

int der_get_uint(struct bytes *in, struct bytes *ret)
{
        struct bytes v;
        int r;

        r = der_get(in, DER_INTEGER, &v);
        if (r != 0)
                return r;
        if (v.len < 1 || v.ptr[0] >= 0x80)
                return bad("a number that is empty or negative");
        if (v.len > 1 && v.ptr[0] == 0 && v.ptr[1] < 0x80)
                return bad("a number that could be shorter");
        if (v.ptr[0] == 0)
                v = BYTES(v.ptr + 1, v.len - 1);
        *ret = v;
        return 0;
}

int der_get_bits(struct bytes *in, struct bytes *ret)
{
        struct bytes v;
        int r;

        r = der_get(in, DER_BIT_STRING, &v);
        if (r != 0)
                return r;
        if (v.len < 1 || v.ptr[0] != 0)
                return bad("a bit string that is not of whole octets");
        *ret = BYTES(v.ptr + 1, v.len - 1);
        return 0;
}

int der_get_end(struct bytes in)
{
        return in.len == 0 ? 0 : bad("something stands behind its end");
}

static int put_head(struct buf *out, uint8_t tag, size_t len)
{
        const uint8_t head[4] = { tag, 0x82, (uint8_t)(len >> 8), (uint8_t)len };
        int r;

        if (len > DER_MAX)
                return err(ERR_RANGE, "an element of %zu octets", len);
        if (len > 0xff)
                return buf_append(out, head, sizeof(head));
        r = buf_append_u8(out, tag);
        if (r == 0 && len > 0x7f)
                r = buf_append_u8(out, 0x81);
        return r != 0 ? r : buf_append_u8(out, (uint8_t)len);
}

int der_put(struct buf *out, uint8_t tag, struct bytes content)
{
        int r;

        r = put_head(out, tag, content.len);
        return r != 0 ? r : buf_append(out, content.ptr, content.len);
}

/* One zero octet before the content: the sign of a number, the unused bits of a bit string. */
static int put_with_zero(struct buf *out, uint8_t tag, struct bytes content)
{
        int r;

        r = put_head(out, tag, content.len + 1);
        if (r == 0)
                r = buf_append_u8(out, 0);
        return r != 0 ? r : buf_append(out, content.ptr, content.len);
}

int der_put_uint(struct buf *out, struct bytes big_endian)
{
        while (big_endian.len > 0 && big_endian.ptr[0] == 0)
                big_endian = BYTES(big_endian.ptr + 1, big_endian.len - 1);
        if (big_endian.len == 0 || big_endian.ptr[0] >= 0x80)
                return put_with_zero(out, DER_INTEGER, big_endian);
        return der_put(out, DER_INTEGER, big_endian);
}

int der_put_bits(struct buf *out, struct bytes content)
{
        return put_with_zero(out, DER_BIT_STRING, content);
}
