/* SPDX-License-Identifier: BSD-2-Clause */
/* How are values read out of bytes that may be too short? */
#include "tpm/wire.h"

struct bytes read_bytes(struct reader *r, size_t len)
{
        struct bytes b = { r->left.ptr, len };

        if (r->bad || len > r->left.len) {
                r->bad = true;
                return (struct bytes){ 0 };
        }
        r->left.ptr += len;
        r->left.len -= len;
        return b;
}

uint8_t read_u8(struct reader *r)
{
        struct bytes b = read_bytes(r, 1);

        return r->bad ? 0 : b.ptr[0];
}

uint16_t read_u16(struct reader *r)
{
        struct bytes b = read_bytes(r, 2);

        if (r->bad)
                return 0;
        return (uint16_t)(b.ptr[0] << 8 | b.ptr[1]);
}

uint32_t read_u32(struct reader *r)
{
        struct bytes b = read_bytes(r, 4);

        if (r->bad)
                return 0;
        return (uint32_t)b.ptr[0] << 24 | (uint32_t)b.ptr[1] << 16 | (uint32_t)b.ptr[2] << 8 | b.ptr[3];
}

struct bytes read_2b(struct reader *r)
{
        return read_bytes(r, read_u16(r));
}

bool read_done(const struct reader *r)
{
        return !r->bad && r->left.len == 0;
}
