/* SPDX-License-Identifier: BSD-2-Clause */
/* How bytes are kept, grown, wiped, and written as hex and base64. */
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/buf.h"
#include "lib/err.h"

bool bytes_equal(struct bytes a, struct bytes b)
{
        return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool bytes_equal_secret(struct bytes a, struct bytes b)
{
        return a.len == b.len && (a.len == 0 || CRYPTO_memcmp(a.ptr, b.ptr, a.len) == 0);
}

void wipe(void *p, size_t len)
{
        if (len > 0)
                explicit_bzero(p, len);
}

/* In front of what wiping_alloc() gives: its size, and nothing less aligned than malloc() would give. */
union wiping_head {
        size_t size;
        max_align_t align;
};

void *wiping_alloc(size_t n)
{
        union wiping_head *h;

        if (n > SIZE_MAX - sizeof(*h))
                return NULL;
        h = malloc(sizeof(*h) + n);
        if (h == NULL)
                return NULL;
        h->size = n;
        return h + 1;
}

void wiping_free(void *p)
{
        union wiping_head *h = p;

        if (p == NULL)
                return;
        wipe(p, h[-1].size);
        free(h - 1);
}

void free_ptr(void *p)
{
        free(*(void **)p);
}

void buf_clear(struct buf *b)
{
        /* All of it: what was longer once may have been a secret too. */
        wipe(b->ptr, b->cap);
        free(b->ptr);
        *b = (struct buf){ 0 };
}

void buf_reset(struct buf *b)
{
        b->len = 0;
}

/* Not realloc(), which leaves a copy of the bytes behind. */
static int move_to(struct buf *b, size_t cap)
{
        uint8_t *p;

        p = cap <= SIZE_MAX / 4 ? malloc(cap) : NULL;
        if (!p)
                return err(ERR_NOMEM, "out of memory");
        if (b->len > 0)
                memcpy(p, b->ptr, b->len);
        wipe(b->ptr, b->cap);
        free(b->ptr);
        b->ptr = p;
        b->cap = cap;
        return 0;
}

int buf_reserve(struct buf *b, size_t cap)
{
        return cap <= b->cap ? 0 : move_to(b, cap);
}

/* Room for more bytes behind the last, at least doubled so that appending stays linear. */
static int make_room(struct buf *b, size_t more)
{
        size_t need, cap;

        if (more > SIZE_MAX / 4 - b->len)
                return err(ERR_NOMEM, "out of memory");
        need = b->len + more;
        if (need <= b->cap)
                return 0;
        cap = b->cap < 32 ? 64 : 2 * b->cap;
        return move_to(b, cap < need ? need : cap);
}

int buf_append(struct buf *b, const void *p, size_t len)
{
        int r;

        if (len == 0)
                return 0;
        r = make_room(b, len);
        if (r != 0)
                return r;
        memcpy(b->ptr + b->len, p, len);
        b->len += len;
        return 0;
}

int buf_append_str(struct buf *b, const char *s)
{
        return buf_append(b, s, strlen(s));
}

int buf_append_u8(struct buf *b, uint8_t v)
{
        return buf_append(b, &v, 1);
}

int buf_append_u16(struct buf *b, uint16_t v)
{
        const uint8_t be[2] = { (uint8_t)(v >> 8), (uint8_t)v };

        return buf_append(b, be, sizeof(be));
}

int buf_append_u32(struct buf *b, uint32_t v)
{
        const uint8_t be[4] = { (uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v };

        return buf_append(b, be, sizeof(be));
}

int buf_printf(struct buf *b, const char *fmt, ...)
{
        va_list ap;
        int n, r;

        va_start(ap, fmt);
        n = vsnprintf(NULL, 0, fmt, ap);
        va_end(ap);
        if (n < 0)
                return err(ERR_INVAL, "cannot be formatted: %s", fmt);
        r = make_room(b, (size_t)n + 1);
        if (r != 0)
                return r;

        va_start(ap, fmt);
        vsnprintf((char *)b->ptr + b->len, (size_t)n + 1, fmt, ap);
        va_end(ap);
        b->len += (size_t)n;
        return 0;
}

int buf_set(struct buf *b, struct bytes from)
{
        int r;

        r = buf_reserve(b, from.len);
        if (r != 0)
                return r;
        /* from may lie in b itself */
        if (from.len > 0)
                memmove(b->ptr, from.ptr, from.len);
        b->len = from.len;
        return 0;
}

void buf_take(struct buf *from, struct buf *to)
{
        if (from == to)
                return;
        buf_clear(to);
        *to = *from;
        *from = (struct buf){ 0 };
}

const char *buf_str(struct buf *b)
{
        if (make_room(b, 1) != 0)
                return NULL;
        b->ptr[b->len] = 0;
        return (const char *)b->ptr;
}

int hex_encode(struct bytes in, struct buf *ret)
{
        static const char digits[16] = "0123456789abcdef";
        int r;

        if (in.len > SIZE_MAX / 4)
                return err(ERR_NOMEM, "out of memory");
        r = buf_reserve(ret, 2 * in.len);
        if (r != 0)
                return r;
        for (size_t i = 0; i < in.len; i++) {
                ret->ptr[2 * i] = (uint8_t)digits[in.ptr[i] >> 4];
                ret->ptr[2 * i + 1] = (uint8_t)digits[in.ptr[i] & 15];
        }
        ret->len = 2 * in.len;
        return 0;
}

static int hex_value(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        if (c >= 'A' && c <= 'F')
                return c - 'A' + 10;
        return -1;
}

int hex_decode(const char *hex, size_t len, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf out = { 0 };
        int r;

        if (len % 2 != 0)
                return err(ERR_FORMAT, "an odd number (%zu) of hex digits", len);
        r = buf_reserve(&out, len / 2);
        if (r != 0)
                return r;
        for (size_t i = 0; i < len; i += 2) {
                int hi = hex_value(hex[i]);
                int lo = hex_value(hex[i + 1]);

                if (hi < 0 || lo < 0)
                        return err(ERR_FORMAT, "no hex digit at position %zu", hi < 0 ? i : i + 1);
                out.ptr[out.len++] = (uint8_t)(hi << 4 | lo);
        }
        buf_take(&out, ret);
        return 0;
}

int base64_encode(struct bytes in, struct buf *ret)
{
        static const char digits[64] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        uint8_t *out;
        int r;

        if (in.len > SIZE_MAX / 4)
                return err(ERR_NOMEM, "out of memory");
        r = buf_reserve(ret, (in.len + 2) / 3 * 4);
        if (r != 0)
                return r;
        out = ret->ptr;
        for (size_t i = 0; i < in.len; i += 3) {
                size_t n = in.len - i < 3 ? in.len - i : 3;
                uint32_t v = (uint32_t)in.ptr[i] << 16;

                if (n > 1)
                        v |= (uint32_t)in.ptr[i + 1] << 8;
                if (n > 2)
                        v |= in.ptr[i + 2];
                *out++ = (uint8_t)digits[v >> 18];
                *out++ = (uint8_t)digits[v >> 12 & 63];
                *out++ = (uint8_t)(n > 1 ? digits[v >> 6 & 63] : '=');
                *out++ = (uint8_t)(n > 2 ? digits[v & 63] : '=');
        }
        ret->len = (in.len + 2) / 3 * 4;
        return 0;
}

/* Above 63 there is none. The table has one more, so that what it does not have is 0. */
static uint32_t base64_value(char c)
{
        static const uint8_t values[256] = {
                ['A'] = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26,
                ['a'] = 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52,
                ['0'] = 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, ['+'] = 63, ['/'] = 64,
        };

        return values[(uint8_t)c] - 1u;
}

static bool is_space(char c)
{
        return c == ' ' || (c >= '\t' && c <= '\r');
}

/* What is left at the end: digits n of the last group, their value v, and the pad characters. */
static int base64_end(unsigned n, unsigned pad, uint32_t v, struct buf *out)
{
        if (n == 0 && pad == 0)
                return 0;
        /* Bits that no octet takes must be zero: one text, one meaning. */
        if (n < 2 || n + pad != 4 || (v & (n == 2 ? 0xf : 0x3)) != 0)
                return err(ERR_FORMAT, "base64 ends in the middle of a group");
        if (n == 2)
                return buf_append_u8(out, (uint8_t)(v >> 4));
        return buf_append_u16(out, (uint16_t)(v >> 2));
}

/* As many whole groups as stand one after the other. out has room for them. Returns the characters of them. */
static size_t base64_groups(const char *text, size_t len, struct buf *out)
{
        size_t i = 0;

        for (; len - i >= 4; i += 4) {
                const uint32_t a = base64_value(text[i]), b = base64_value(text[i + 1]), c = base64_value(text[i + 2]), d = base64_value(text[i + 3]);
                uint8_t *group = out->ptr + out->len;

                if ((a | b | c | d) > 63)
                        break;
                group[0] = (uint8_t)(a << 2 | b >> 4);
                group[1] = (uint8_t)(b << 4 | c >> 2);
                group[2] = (uint8_t)(c << 6 | d);
                out->len += 3;
        }
        return i;
}

int base64_decode(const char *text, size_t len, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf out = { 0 };
        unsigned n = 0, pad = 0;
        uint32_t v = 0;
        int r;

        r = buf_reserve(&out, len / 4 * 3 + 3);
        for (size_t i = r == 0 ? base64_groups(text, len, &out) : 0; r == 0 && i < len; i++) {
                uint32_t d = base64_value(text[i]);

                if (is_space(text[i]))
                        continue;
                if (text[i] == '=' && pad < 2) {
                        pad++;
                        continue;
                }
                if (d > 63 || pad > 0)
                        return err(ERR_FORMAT, "no base64 at position %zu", i);
                v = v << 6 | d;
                if (++n < 4)
                        continue;
                const uint8_t group[3] = { (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v };

                r = buf_append(&out, group, sizeof(group));
                n = 0;
                v = 0;
        }
        if (r == 0)
                r = base64_end(n, pad, v, &out);
        if (r != 0)
                return r;
        buf_take(&out, ret);
        return 0;
}
