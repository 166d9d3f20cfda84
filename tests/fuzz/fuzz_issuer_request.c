/* SPDX-License-Identifier: BSD-2-Clause */
/* Bodies of requests: the first octet says to which route. Whatever one holds, the issuer answers with what it asked for or with a problem, and gives nobody
 * a credential who has no TPM. */
#include <stdlib.h>
#include <string.h>
#include "tests/issuerfix.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
        const char *path;
        bool operators;
} routes[] = {
        { "/v1/nonce", false }, { "/v1/join", false }, { "/v1/join/answer", false }, { "/v1/credential", false },
        { "/v1/admin/revoke", true }, { "/v1/admin/approve", true }, { "/v1/admin/token", true },
};

static struct issuerfix issuer;

static void forget(void)
{
        issuerfix_close(&issuer);
}

static void need(bool ok)
{
        if (!ok)
                abort();
}

static void check(const struct http_reply *reply)
{
        json_t *o = json_loadb((const char *)reply->body.ptr, reply->body.len, JSON_REJECT_DUPLICATES, NULL);

        need(json_is_object(o));
        if (reply->status != 200) {
                need(strcmp(reply->type, "application/problem+json") == 0);
                need(json_integer_value(json_object_get(o, "status")) == reply->status);
                need(strncmp(json_string_value(json_object_get(o, "type")), "urn:holdfast:problem:", 21) == 0);
        }
        need(json_object_get(o, "x509") == NULL && json_object_get(o, "ak_certificate") == NULL);
        json_decref(o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct http_peer peer = { .via = HTTP_TLS, .address = "192.0.2.1", .tls = "TLSv1.3" };
        struct http_state state = { 0 };
        struct http_reply reply = { .status = 200, .type = "application/json" };
        struct http_request q = { .method = "POST", .query = "", .peer = &peer, .state = &state };

        if (size == 0)
                return 0;
        if (issuer.dir == NULL) {
                issuerfix_open(&issuer, NULL, "[trust]\nfirst-use = yes\n" ISSUERFIX_PROFILE);
                atexit(forget);
        }
        q.path = routes[data[0] % ARRAY_LEN(routes)].path;
        peer.via = routes[data[0] % ARRAY_LEN(routes)].operators ? HTTP_UNIX : HTTP_TLS;
        q.body = BYTES(data + 1, size - 1);
        service_handle(&issuer.s, &q, &reply);
        check(&reply);
        buf_clear(&reply.body);
        buf_clear(&reply.headers);
        if (state.ptr != NULL)
                state.free(state.ptr);
        return 0;
}
