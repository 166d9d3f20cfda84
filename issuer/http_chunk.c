/* SPDX-License-Identifier: BSD-2-Clause */
/* Where in these octets is the body, and where does it end? */
#include "issuer/http_chunk.h"
#include "lib/err.h"

#define SIZE_DIGITS_MAX 8

static int hex_digit(uint8_t c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        if (c >= 'A' && c <= 'F')
                return c - 'A' + 10;
        return -1;
}

static int bad(void)
{
        return err(ERR_FORMAT, "a chunk of the body is malformed");
}

static int size_octet(struct http_chunked *c, uint8_t o)
{
        int digit = hex_digit(o);

        if (digit >= 0) {
                if (++c->digits > SIZE_DIGITS_MAX)
                        return err(ERR_RANGE, "a chunk of the body is too long");
                c->left = c->left << 4 | (size_t)digit;
                return 0;
        }
        if (c->digits == 0 || (o != ';' && o != '\r'))
                return bad();
        c->state = o == ';' ? CHUNK_EXTENSION : CHUNK_SIZE_LF;
        return 0;
}

/* Text of a line that is read over, up to its CR. */
static int text_octet(struct http_chunked *c, uint8_t o, enum http_chunk_state behind)
{
        if (o == '\r')
                c->state = behind;
        else if ((o < 0x20 && o != '\t') || o == 0x7f)
                return bad();
        else
                c->empty = false;
        return 0;
}

static int line_feed(struct http_chunked *c, uint8_t o)
{
        if (o != '\n')
                return bad();
        switch (c->state) {
        case CHUNK_SIZE_LF:
                c->state = c->left > 0 ? CHUNK_DATA : CHUNK_TRAILER;
                c->empty = true;
                break;
        case CHUNK_DATA_LF:
                c->state = CHUNK_SIZE;
                c->digits = 0;
                break;
        default:
                c->state = c->empty ? CHUNK_DONE : CHUNK_TRAILER;
                c->empty = true;
                return 0;       /* trailers are counted together */
        }
        c->line = 0;
        return 0;
}

static int octet(struct http_chunked *c, uint8_t o)
{
        size_t max = c->state == CHUNK_TRAILER || c->state == CHUNK_TRAILER_LF ? HTTP_TRAILER_MAX : HTTP_CHUNK_LINE_MAX;

        if (++c->line > max)
                return err(ERR_RANGE, "a line between chunks of the body is too long");
        switch (c->state) {
        case CHUNK_SIZE:
                return size_octet(c, o);
        case CHUNK_EXTENSION:
                return text_octet(c, o, CHUNK_SIZE_LF);
        case CHUNK_TRAILER:
                return text_octet(c, o, CHUNK_TRAILER_LF);
        case CHUNK_DATA_CR:
                c->state = CHUNK_DATA_LF;
                return o == '\r' ? 0 : bad();
        default:
                return line_feed(c, o);
        }
}

int http_chunked_next(struct http_chunked *c, struct bytes in, size_t *ret_used, struct bytes *ret_data)
{
        size_t at = 0;
        int r;

        *ret_data = (struct bytes){ 0 };
        while (at < in.len && c->state != CHUNK_DONE) {
                if (c->state == CHUNK_DATA) {
                        size_t n = in.len - at < c->left ? in.len - at : c->left;

                        *ret_data = BYTES(in.ptr + at, n);
                        c->left -= n;
                        if (c->left == 0)
                                c->state = CHUNK_DATA_CR;
                        at += n;
                        break;
                }
                r = octet(c, in.ptr[at++]);
                if (r != 0)
                        return r;
        }
        *ret_used = at;
        return 0;
}
