/* SPDX-License-Identifier: BSD-2-Clause */
/* Deterministic CBOR: how is one item written and read? Written with libcbor's heads. Read by our own: libcbor takes heads
 * that are longer than they must be, and what is not the shortest must be refused here. */
#include <cbor/encoding.h>
#include "lib/cbor.h"
#include "lib/err.h"
#include "lib/utf8.h"

/* RFC 8949, 3.1 */
enum major { UINT = 0, NEGATIVE = 1, BSTR = 2, TSTR = 3, ARRAY = 4, MAP = 5, TAG = 6, SIMPLE = 7 };
enum { SIMPLE_FALSE = 20, SIMPLE_TRUE = 21, HEAD_MAX = 9 };

static int bad(const char *what)
{
        return err(ERR_FORMAT, "CBOR: %s", what);
}

int cbor_put_uint(struct buf *b, uint64_t v)
{
        uint8_t head[HEAD_MAX];

        return buf_append(b, head, cbor_encode_uint(v, head, sizeof(head)));
}

static int put_string(struct buf *b, const uint8_t *head, size_t head_len, struct bytes v)
{
        int r = buf_reserve(b, b->len + head_len + v.len);

        if (r == 0)
                r = buf_append(b, head, head_len);
        return r != 0 ? r : buf_append(b, v.ptr, v.len);
}

int cbor_put_bytes(struct buf *b, struct bytes v)
{
        uint8_t head[HEAD_MAX];

        return put_string(b, head, cbor_encode_bytestring_start(v.len, head, sizeof(head)), v);
}

int cbor_put_text(struct buf *b, struct bytes v)
{
        uint8_t head[HEAD_MAX];

        if (!utf8_valid(v))
                return err(ERR_INVAL, "CBOR: text that is not UTF-8");
        return put_string(b, head, cbor_encode_string_start(v.len, head, sizeof(head)), v);
}

int cbor_put_bool(struct buf *b, bool v)
{
        uint8_t head[HEAD_MAX];

        return buf_append(b, head, cbor_encode_bool(v, head, sizeof(head)));
}

int cbor_put_int(struct buf *b, int64_t v)
{
        uint8_t head[HEAD_MAX];

        return v >= 0 ? cbor_put_uint(b, (uint64_t)v) : buf_append(b, head, cbor_encode_negint((uint64_t)-(v + 1), head, sizeof(head)));
}

int cbor_put_array(struct buf *b, size_t n)
{
        uint8_t head[HEAD_MAX];

        return buf_append(b, head, cbor_encode_array_start(n, head, sizeof(head)));
}

int cbor_put_map(struct buf *b, size_t n)
{
        uint8_t head[HEAD_MAX];

        return buf_append(b, head, cbor_encode_map_start(n, head, sizeof(head)));
}

/* The head in front: its type and number, which must be in the shortest form (RFC 8949, 4.2.1). c moves behind it. */
static int head(struct cbor *c, enum major *ret_type, uint64_t *ret_v)
{
        /* What a longer head must not be used for. */
        static const uint64_t least[] = { 24, 0x100, 0x10000, 0x100000000 };
        const uint8_t *p = c->rest.ptr;
        uint64_t v = 0;
        unsigned info, n;

        if (c->rest.len == 0)
                return bad("it ends in the middle");
        info = p[0] & 0x1f;
        if (info < 24) {
                v = info;
                n = 0;
        } else {
                if (info > 27)
                        return bad("a length that is not definite");
                n = 1u << (info - 24);
                if (c->rest.len < 1 + (size_t)n)
                        return bad("it ends in the middle");
                v = 0;
                for (unsigned i = 1; i <= n; i++)
                        v = v << 8 | p[i];
                if (v < least[info - 24])
                        return bad("a number that is not in the shortest form");
        }
        *ret_type = (enum major)(p[0] >> 5);
        *ret_v = v;
        c->rest.ptr += 1 + n;
        c->rest.len -= 1 + n;
        return 0;
}

static int take(struct cbor *c, uint64_t len, struct bytes *ret)
{
        if (len > c->rest.len)
                return bad("it ends in the middle");
        *ret = BYTES(c->rest.ptr, (size_t)len);
        c->rest.ptr += len;
        c->rest.len -= (size_t)len;
        return 0;
}

/* A level of nesting that is being looked at. */
struct level {
        uint64_t left;  /* items to come */
        bool map;
        bool key;       /* the next one is a key */
        bool first;
        uint64_t last;  /* the key before */
};

/* The deepest that anybody asks for; records need 3. */
#define DEPTH_MAX 16

/* A map's key. */
static int look_at_key(struct cbor *c, struct level *l)
{
        enum major type;
        uint64_t v = 0;
        int r;

        r = head(c, &type, &v);
        if (r != 0)
                return r;
        if (type != UINT)
                return bad("a key that is no unsigned integer");
        if (!l->first && v <= l->last)
                return bad("keys that do not rise");
        l->first = false;
        l->last = v;
        return 0;
}

/* Any other item; of an array or map just its head, and ret says what is in it. */
static int look_at_item(struct cbor *c, bool *ret_nests, struct level *ret)
{
        struct bytes s = { 0 };
        enum major type;
        uint64_t v = 0;
        int r;

        r = head(c, &type, &v);
        if (r != 0)
                return r;
        *ret_nests = type == ARRAY || type == MAP;
        switch (type) {
        case UINT:
                return 0;
        case BSTR:
        case TSTR:
                r = take(c, v, &s);
                if (r == 0 && type == TSTR && !utf8_valid(s))
                        r = bad("text that is not UTF-8");
                return r;
        case ARRAY:
        case MAP:
                /* Each item has at least one octet: a number that cannot be true is refused at once. */
                if (v > c->rest.len / (type == MAP ? 2 : 1))
                        return bad("it ends in the middle");
                *ret = (struct level){ .left = type == MAP ? 2 * v : v, .map = type == MAP, .key = type == MAP, .first = true };
                return 0;
        case SIMPLE:
                /* Behind info 24 a simple value has 32 and more (RFC 8949, 3.3); behind 25 to 27 it is a float. */
                return v == SIMPLE_FALSE || v == SIMPLE_TRUE ? 0 : bad("a simple value or float other than true and false");
        default:
                return bad("a negative number or tag");
        }
}

/* Over one item, looking at all of it. */
static int walk(struct cbor *c, unsigned max_depth)
{
        struct level levels[DEPTH_MAX + 1] = { { .left = 1 } };
        unsigned depth = 0;
        bool nests;
        int r;

        if (max_depth > DEPTH_MAX)
                max_depth = DEPTH_MAX;
        for (;;) {
                struct level *l = &levels[depth], in = { 0 };

                if (l->left == 0) {
                        if (depth == 0)
                                return 0;
                        depth--;
                        continue;
                }
                l->left--;
                if (l->map && l->key) {
                        l->key = false;
                        r = look_at_key(c, l);
                        if (r != 0)
                                return r;
                        continue;
                }
                l->key = l->map;
                r = look_at_item(c, &nests, &in);
                if (r != 0)
                        return r;
                if (!nests)
                        continue;
                if (depth == max_depth)
                        return bad("it is nested too deep");
                levels[++depth] = in;
        }
}

int cbor_check(struct bytes in, unsigned max_depth)
{
        struct cbor c = { in };
        int r;

        r = walk(&c, max_depth);
        if (r != 0)
                return r;
        return c.rest.len == 0 ? 0 : bad("something follows the item");
}

/* The head in front if it is of this type; c stays otherwise. */
static int expect(struct cbor *c, enum major want, const char *what, uint64_t *ret)
{
        struct cbor at = *c;
        enum major type;
        uint64_t v = 0;
        int r;

        r = head(&at, &type, &v);
        if (r != 0)
                return r;
        if (type != want)
                return err(ERR_FORMAT, "CBOR: %s was expected", what);
        *c = at;
        *ret = v;
        return 0;
}

int cbor_get_uint(struct cbor *c, uint64_t *ret)
{
        return expect(c, UINT, "an unsigned integer", ret);
}

int cbor_get_int(struct cbor *c, int64_t *ret)
{
        struct cbor at = *c;
        enum major type;
        uint64_t v = 0;
        int r;

        r = head(&at, &type, &v);
        if (r != 0)
                return r;
        if ((type != UINT && type != NEGATIVE) || v > INT64_MAX)
                return bad("an integer was expected");
        *c = at;
        *ret = type == UINT ? (int64_t)v : -1 - (int64_t)v;
        return 0;
}

static int get_string(struct cbor *c, enum major type, const char *what, struct bytes *ret)
{
        struct cbor at = *c;
        uint64_t len = 0;
        int r;

        r = expect(&at, type, what, &len);
        if (r == 0)
                r = take(&at, len, ret);
        if (r == 0)
                *c = at;
        return r;
}

int cbor_get_bytes(struct cbor *c, struct bytes *ret)
{
        return get_string(c, BSTR, "a byte string", ret);
}

int cbor_get_text(struct cbor *c, struct bytes *ret)
{
        struct cbor at = *c;
        struct bytes v;
        int r;

        r = get_string(&at, TSTR, "text", &v);
        if (r != 0)
                return r;
        if (!utf8_valid(v))
                return bad("text that is not UTF-8");
        *c = at;
        *ret = v;
        return 0;
}

int cbor_get_bool(struct cbor *c, bool *ret)
{
        struct cbor at = *c;
        uint64_t v = 0;
        int r;

        r = expect(&at, SIMPLE, "true or false", &v);
        if (r != 0)
                return r;
        if (v != SIMPLE_FALSE && v != SIMPLE_TRUE)
                return bad("true or false was expected");
        *c = at;
        *ret = v == SIMPLE_TRUE;
        return 0;
}

/* The number of items, each of which has octets of its own. */
static int get_count(struct cbor *c, enum major type, const char *what, size_t octets, size_t *ret_n)
{
        struct cbor at = *c;
        uint64_t n;
        int r;

        r = expect(&at, type, what, &n);
        if (r != 0)
                return r;
        if (n > at.rest.len / octets)
                return bad("it ends in the middle");
        *c = at;
        *ret_n = (size_t)n;
        return 0;
}

int cbor_get_array(struct cbor *c, size_t *ret_n)
{
        return get_count(c, ARRAY, "an array", 1, ret_n);
}

int cbor_get_map(struct cbor *c, size_t *ret_n)
{
        return get_count(c, MAP, "a map", 2, ret_n);
}

int cbor_skip(struct cbor *c)
{
        struct cbor at = *c;
        int r;

        r = walk(&at, DEPTH_MAX);
        if (r == 0)
                *c = at;
        return r;
}
