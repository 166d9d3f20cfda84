/* SPDX-License-Identifier: BSD-2-Clause */

/* A chunked body is the same one whether it comes at once or octet by octet, and never longer than what came. */

#include <stdlib.h>
#include <string.h>
#include "issuer/http_chunk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int decode(const uint8_t *data, size_t size, size_t piece, struct buf *ret, size_t *ret_at, enum http_chunk_state *ret_state)
{
        struct http_chunked c = { 0 };
        size_t at = 0, used;
        struct bytes body;
        int r = 0;

        while (r == 0 && at < size && c.state != CHUNK_DONE) {
                r = http_chunked_next(&c, BYTES(data + at, size - at < piece ? size - at : piece), &used, &body);
                if (r == 0) {
                        if (used == 0 || buf_append(ret, body.ptr, body.len) != 0)
                                abort();
                        at += used;
                }
        }
        *ret_at = at;
        *ret_state = c.state;
        return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct buf one = { 0 }, all = { 0 };
        enum http_chunk_state state_one, state_all;
        size_t at_one, at_all;
        int r_one = decode(data, size, 1, &one, &at_one, &state_one), r_all = decode(data, size, size, &all, &at_all, &state_all);

        if (r_one != r_all || one.len > size)
                abort();
        if (r_one == 0 && (at_one != at_all || state_one != state_all || !bytes_equal(BYTES_OF(&one), BYTES_OF(&all))))
                abort();
        buf_clear(&one);
        buf_clear(&all);
        return 0;
}
