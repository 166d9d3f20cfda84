/* SPDX-License-Identifier: BSD-2-Clause */
/* How are the parts of certificates written? */
#include "issuer/asn1.h"
#include <string.h>
#include <time.h>
#include "lib/err.h"

#define UTC_END 2524608000      /* 2050 */
#define TIME_END 253402300800   /* 10000 */

size_t asn1_open(const struct asn1 *a)
{
        return a->b->len;
}

/* X.690 8.1.3 and 10.1; ret has room for five octets. */
static size_t put_length(size_t len, uint8_t *ret)
{
        size_t octets = 1;

        if (len < 0x80) {
                ret[0] = (uint8_t)len;
                return 1;
        }
        while (octets < 4 && len >> 8 * octets != 0)
                octets++;
        ret[0] = (uint8_t)(0x80 | octets);
        for (size_t i = 0; i < octets; i++)
                ret[1 + i] = (uint8_t)(len >> 8 * (octets - 1 - i));
        return 1 + octets;
}

void asn1_close(struct asn1 *a, size_t at, uint8_t tag)
{
        uint8_t head[6] = { tag };
        size_t len, n;

        if (a->r != 0)
                return;
        len = a->b->len - at;
        if (len > UINT32_MAX) {
                a->r = err(ERR_RANGE, "an element of %zu octets", len);
                return;
        }
        n = 1 + put_length(len, head + 1);
        a->r = buf_append(a->b, head, n);
        if (a->r != 0)
                return;
        memmove(a->b->ptr + at + n, a->b->ptr + at, len);
        memcpy(a->b->ptr + at, head, n);
}

void asn1_raw(struct asn1 *a, struct bytes der)
{
        if (a->r == 0)
                a->r = buf_append(a->b, der.ptr, der.len);
}

void asn1_put(struct asn1 *a, uint8_t tag, struct bytes content)
{
        size_t at = asn1_open(a);

        asn1_raw(a, content);
        asn1_close(a, at, tag);
}

void asn1_bits(struct asn1 *a, struct bytes content)
{
        if (a->r == 0)
                a->r = der_put_bits(a->b, content);
}

void asn1_uint(struct asn1 *a, struct bytes big_endian)
{
        if (a->r == 0)
                a->r = der_put_uint(a->b, big_endian);
}

void asn1_time(struct asn1 *a, uint64_t t)
{
        const time_t s = (time_t)t;
        char text[24];
        struct tm tm;

        if (a->r == 0 && (t >= TIME_END || gmtime_r(&s, &tm) == NULL || strftime(text, sizeof(text), "%Y%m%d%H%M%SZ", &tm) != 15))
                a->r = err(ERR_RANGE, "a time that no certificate can hold");
        if (a->r != 0)
                return;
        if (t < UTC_END)
                asn1_put(a, TAG_UTC_TIME, BYTES_STR(text + 2));
        else
                asn1_put(a, TAG_TIME, BYTES_STR(text));
}

void asn1_extension(struct asn1 *a, struct bytes oid, bool critical, struct bytes value)
{
        size_t at = asn1_open(a);

        asn1_raw(a, oid);
        if (critical)
                asn1_put(a, TAG_BOOLEAN, BYTES("\xff", 1));
        asn1_put(a, DER_OCTET_STRING, value);
        asn1_close(a, at, DER_SEQUENCE);
}

void asn1_ext_key_usage(struct asn1 *a)
{
        /* 1.3.6.1.5.5.7.3.1 and .2, RFC 5280 4.2.1.12 */
        static const uint8_t usages[] = {
                DER_SEQUENCE, 20,
                DER_OID, 8, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01,
                DER_OID, 8, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02,
        };

        asn1_extension(a, OID_CE(CE_EXTENDED_KEY_USAGE), false, BYTES(usages, sizeof(usages)));
}

void asn1_name(struct asn1 *a, struct bytes common_name)
{
        static const uint8_t oid[] = { DER_OID, 3, 0x55, 0x04, 0x03 };  /* 2.5.4.3 */
        size_t name = asn1_open(a), set, type;

        if (common_name.len > 0) {
                set = asn1_open(a);
                type = asn1_open(a);
                asn1_raw(a, BYTES(oid, sizeof(oid)));
                asn1_put(a, TAG_UTF8, common_name);
                asn1_close(a, type, DER_SEQUENCE);
                asn1_close(a, set, TAG_SET);
        }
        asn1_close(a, name, DER_SEQUENCE);
}
