/* SPDX-License-Identifier: BSD-2-Clause */
/* What the token socket answers: a token that is taken may stand in a file, a header and a form as it is, and ends some day. */
#include <stdlib.h>
#include <string.h>
#include "tools/tokensock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(token_clear) struct token t = { 0 };
        CLEANUP(buf_clear) struct buf escaped = { 0 };

        if (tokensock_parse(BYTES(data, size), &t) != 0)
                return 0;
        if (t.jwt.len == 0 || t.expires_at <= 0 || url_escape(BYTES_OF(&t.jwt), &escaped) != 0 || !bytes_equal(BYTES_OF(&t.jwt), BYTES_OF(&escaped)))
                abort();
        return 0;
}
