/* SPDX-License-Identifier: BSD-2-Clause */
/* Is this text? */
#include "lib/utf8.h"

/* One character and its length; 0 if there is none. RFC 3629, 4. */
static size_t decode(struct bytes in, uint32_t *ret)
{
        static const struct {
                uint8_t mask, lead;
                uint32_t least;
        } form[] = {
                { 0x80, 0x00, 0 },
                { 0xe0, 0xc0, 0x80 },
                { 0xf0, 0xe0, 0x800 },
                { 0xf8, 0xf0, 0x10000 },
        };
        size_t n = 0;
        uint32_t c;

        while (n < ARRAY_LEN(form) && (in.ptr[0] & form[n].mask) != form[n].lead)
                n++;
        if (n == ARRAY_LEN(form) || in.len < n + 1)
                return 0;
        c = in.ptr[0] & (uint8_t)~form[n].mask;
        for (size_t i = 1; i <= n; i++) {
                if ((in.ptr[i] & 0xc0) != 0x80)
                        return 0;
                c = c << 6 | (in.ptr[i] & 0x3f);
        }
        if (c < form[n].least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
                return 0;
        *ret = c;
        return n + 1;
}

/* Most of it is ASCII. */
static bool is_plain(uint8_t c)
{
        return c >= 0x20 && c < 0x7f;
}

static bool check(struct bytes in, bool printable)
{
        uint32_t c;

        for (size_t i = 0, n; i < in.len; i += n) {
                n = 1;
                if (is_plain(in.ptr[i]))
                        continue;
                n = decode(BYTES(in.ptr + i, in.len - i), &c);
                if (n == 0)
                        return false;
                if (printable && (c < 0x20 || (c >= 0x7f && c < 0xa0)))
                        return false;
        }
        return true;
}

bool utf8_valid(struct bytes in)
{
        return check(in, false);
}

bool utf8_printable(struct bytes in)
{
        return check(in, true);
}
