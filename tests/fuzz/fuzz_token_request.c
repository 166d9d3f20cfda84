/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests to the token socket: what is read can be written, and reads as the same. */
#include <stdlib.h>
#include <string.h>
#include "daemon/token_request.h"
#include "keys/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put(struct buf *out, const char *name, const struct buf *value)
{
        if (buf_append_str(out, name) != 0)
                abort();
        for (size_t i = 0; i < value->len; i++)
                if (buf_printf(out, "%%%02x", value->ptr[i]) != 0)
                        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(token_request_clear) struct token_request t = { 0 }, again = { 0 };
        CLEANUP(buf_clear) struct buf out = { 0 };
        int status = token_request_parse(BYTES(data, size), &t);

        if (status != 0) {
                if (status < 400 || status > 599 || t.agent.ptr != NULL)
                        abort();
                return 0;
        }
        if (token_request_end(BYTES(data, size)) != size || t.agent.len == 0 || t.agent.len > AGENT_NAME_MAX || t.audience.len == 0 ||
            t.audience.len > TOKEN_AUDIENCE_MAX || t.key.len > TOKEN_LABEL_MAX || strlen(buf_str(&t.audience)) != t.audience.len)
                abort();
        put(&out, "GET /v1/token?agent=", &t.agent);
        put(&out, "&audience=", &t.audience);
        if (t.key.len > 0)
                put(&out, "&key=", &t.key);
        if (buf_append_str(&out, t.keep ? " HTTP/1.1\r\n\r\n" : " HTTP/1.1\r\nConnection: close\r\n\r\n") != 0)
                abort();
        if (token_request_parse(BYTES_OF(&out), &again) != 0 || !bytes_equal(BYTES_OF(&t.agent), BYTES_OF(&again.agent)) ||
            !bytes_equal(BYTES_OF(&t.audience), BYTES_OF(&again.audience)) || !bytes_equal(BYTES_OF(&t.key), BYTES_OF(&again.key)) || t.keep != again.keep)
                abort();
        return 0;
}
