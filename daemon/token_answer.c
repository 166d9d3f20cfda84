/* SPDX-License-Identifier: BSD-2-Clause */
/* May that process have that token, and how is it told? Rules first, then the issuer, then the log, and only then the token. */
#include "daemon/token_answer.h"
#include <string.h>
#include "daemon/order.h"
#include "daemon/peer.h"
#include "daemon/token_request.h"
#include "keys/find.h"
#include "lib/err.h"

#define MECHANISM "JWT"         /* as rules and records call it */
#define OK 200

/* Which status and title, and which word behind "urn:holdfast:problem:"? */
static const struct problem {
        int error, status;
        const char *word, *title;
} problems[] = {
        { ERR_DENIED, 403, "denied", "Forbidden" },
        { ERR_AUTH, 403, "denied", "Forbidden" },
        { ERR_NOENT, 404, "agent-unknown", "Not Found" },
        { ERR_INVAL, 400, "shape", "Bad Request" },
        { ERR_NOTINIT, 503, "host-unknown", "Service Unavailable" },
        { ERR_STALE, 503, "busy", "Service Unavailable" },
        { ERR_IO, 503, "busy", "Service Unavailable" },
        { ERR_TIMEOUT, 503, "busy", "Service Unavailable" },
        { 0, 500, "internal", "Internal Server Error" },
};

static const struct {
        int status;
        const char *title;
} refusals[] = {
        { 400, "Bad Request" }, { 404, "Not Found" }, { 405, "Method Not Allowed" }, { 431, "Request Header Fields Too Large" },
        { 505, "HTTP Version Not Supported" },
};

static int append(const char *text, size_t len, void *buf)
{
        return buf_append(buf, text, len) == 0 ? 0 : -1;
}

/* Takes o. What is made of it is not to be freed by free(): the daemon has jansson's memory wiped. */
static int write_answer(int status, const char *title, const char *type, json_t *o, bool keep, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf body = { 0 };
        int r = o != NULL && json_dump_callback(o, append, &body, JSON_COMPACT) == 0 ? 0 : err(ERR_NOMEM, "out of memory");

        if (r == 0)
                r = buf_printf(ret, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nCache-Control: no-store\r\n%s\r\n", status, title, type,
                               body.len, keep ? "" : "Connection: close\r\n");
        if (r == 0)
                r = buf_append(ret, body.ptr, body.len);
        json_decref(o);
        return r;
}

static int write_problem(int status, const char *title, const char *word, bool keep, struct buf *ret)
{
        return write_answer(status, title, "application/problem+json",
                            json_pack("{s:o, s:s, s:i, s:o}", "type", json_sprintf("urn:holdfast:problem:%s", word), "title", title, "status", status,
                                      "detail", order_string(BYTES_STR(err_text()))), keep, ret);
}

static int write_refusal(int status, struct buf *ret)
{
        const char *title = "Bad Request";

        for (size_t i = 0; i < ARRAY_LEN(refusals); i++)
                if (refusals[i].status == status)
                        title = refusals[i].title;
        return write_problem(status, title, "shape", false, ret);
}

static int write_error(int error, bool keep, struct buf *ret)
{
        const struct problem *p = problems;

        while (p->error != 0 && p->error != error)
                p++;
        return write_problem(p->status, p->title, p->word, keep, ret);
}

/* The key, for who may know that it is there. */
static int find(struct core *core, const struct caller *c, struct token_request *t, struct item **ret)
{
        const char *agent = buf_str(&t->agent);
        int r = ERR_NOENT;

        if (agent_name_valid(agent) && caller_sees(c, agent))
                r = find_key(keyring_store(core->keyring), agent, BYTES_OF(&t->key), BYTES(NULL, 0), ret);
        return r == ERR_NOENT ? err(r, "there is no agent %s with such a key for this process", agent) : r;
}

/* Who cannot sign by that key has no token of it. */
static int get(struct renewer *r, const struct caller *c, struct token_request *t, struct item *key, struct buf *ret_token, uint64_t *ret_not_after)
{
        CLEANUP(buf_clear) struct buf token = { 0 };
        struct deed d = { .event = AUDIT_ISSUE, .agent = buf_str(&t->agent), .request = { .operation = "sign", .mechanism = MECHANISM },
                          .detail = BYTES_OF(&t->audience) };
        const struct item_body *b;
        uint64_t not_after = 0;
        int n;

        n = item_load(key, &b);
        if (n == 0)
                n = item_label(key, &d.request.key_label);
        if (n == 0)
                n = item_id(key, &d.request.key_id);
        if (n != 0)
                return n;
        d.key_public = BYTES_OF(&b->key.pub);
        n = caller_may(c, &d);
        if (n != 0)
                return n;
        n = renewer_token(r, d.agent, key, buf_str(&t->audience), c->peer, &token, &not_after);
        /* An unrecorded token is never released. */
        n = caller_did(c, &d, n, BYTES(NULL, 0));
        if (n == 0) {
                buf_take(&token, ret_token);
                *ret_not_after = not_after;
        }
        return n;
}

int token_answer(struct core *core, struct renewer *r, const struct peer *who, struct bytes head, struct buf *ret, bool *ret_keep)
{
        const struct caller c = {
                .judge = &policy_judge, .policy = core->policy, .record = recorder_append, .log = core->recorder, .peer = who, .peer_check = peer_check,
        };
        CLEANUP(token_request_clear) struct token_request t = { 0 };
        CLEANUP(buf_clear) struct buf token = { 0 };
        struct item *key = NULL;
        uint64_t not_after = 0;
        int n = token_request_parse(head, &t);

        *ret_keep = n == 0 && t.keep;
        if (n != 0)
                return write_refusal(n, ret);
        n = find(core, &c, &t, &key);
        if (n == 0)
                n = get(r, &c, &t, key, &token, &not_after);
        item_unref(key);
        if (n != 0)
                return write_error(n, t.keep, ret);
        return write_answer(OK, "OK", "application/json",
                            json_pack("{s:o, s:I}", "token", json_stringn((const char *)token.ptr, token.len), "expires_at", (json_int_t)not_after), t.keep, ret);
}
