/* SPDX-License-Identifier: BSD-2-Clause */
/* Which orders are there, who carries them out, and how is the answer written? */
#include "daemon/order.h"
#include <string.h>
#include "daemon/peer.h"
#include "lib/err.h"
#include "lib/utf8.h"

#define ROOM 24576              /* in lists: escaped and with what stands around them they stay below 64 KiB */

static const struct order orders[] = {
        { "status", order_status, { { NULL } } },
        { "reload", order_reload, { { NULL } } },
        { "checkpoint", order_checkpoint, { { NULL } } },
        { "counter", order_counter, { { NULL } } },
        { "accept", order_accept, { { "agent", ORDER_TEXT, false }, { "all", ORDER_FLAG, false } } },
        { "agent-create", order_agent_create, { { "name", ORDER_TEXT, true }, { "owner", ORDER_TEXT, true }, { "kind", ORDER_TEXT, false },
                { "label", ORDER_TEXT, false }, { "pin", ORDER_BYTES, false }, { "so-pin", ORDER_BYTES, false },
                { "lockout", ORDER_TEXT, false }, { "rule", ORDER_TEXT, false }, { "dry", ORDER_FLAG, false } } },
        { "agent-set", order_agent_set, { { "agent", ORDER_TEXT, true }, { "owner", ORDER_TEXT, false }, { "pin", ORDER_BYTES, false },
                { "so-pin", ORDER_BYTES, false } } },
        { "agent-delete", order_agent_delete, { { "agent", ORDER_TEXT, true } } },
        { "agent-list", order_agent_list, { { "skip", ORDER_NUMBER, false } } },
        { "agent-show", order_agent_show, { { "agent", ORDER_TEXT, true } } },
        { "key-create", order_key_create, { { "agent", ORDER_TEXT, true }, { "label", ORDER_TEXT, true }, { "kind", ORDER_TEXT, true },
                { "use", ORDER_TEXT, false }, { "id", ORDER_BYTES, false }, { "pin", ORDER_BYTES, false }, { "dry", ORDER_FLAG, false } } },
        { "key-delete", order_key_delete, { { "agent", ORDER_TEXT, true }, { "label", ORDER_TEXT, false }, { "id", ORDER_BYTES, false },
                { "dry", ORDER_FLAG, false } } },
        { "key-list", order_key_list, { { "agent", ORDER_TEXT, true }, { "skip", ORDER_NUMBER, false } } },
        { "key-show", order_key_show, { { "agent", ORDER_TEXT, true }, { "label", ORDER_TEXT, false }, { "id", ORDER_BYTES, false } } },
        { "cert-import", order_cert_import, { { "agent", ORDER_TEXT, true }, { "label", ORDER_TEXT, false }, { "id", ORDER_BYTES, false },
                { "certificate", ORDER_BYTES, true }, { "dry", ORDER_FLAG, false } } },
        { "allow", order_allow, { { "agent", ORDER_TEXT, true }, { "rule", ORDER_TEXT, true }, { "dry", ORDER_FLAG, false } } },
        { "deny", order_deny, { { "agent", ORDER_TEXT, true }, { "number", ORDER_NUMBER, true }, { "dry", ORDER_FLAG, false } } },
        { "effective", order_effective, { { "agent", ORDER_TEXT, true } } },
        { "policy-check", order_policy_check, { { "agent", ORDER_TEXT, true }, { "pid", ORDER_NUMBER, true }, { "label", ORDER_TEXT, false },
                { "operation", ORDER_TEXT, true }, { "mechanism", ORDER_TEXT, false } } },
        { "evidence", order_evidence, { { "challenge", ORDER_BYTES, true }, { "agent", ORDER_TEXT, false }, { "label", ORDER_TEXT, false },
                { "id", ORDER_BYTES, false }, { "pcrs", ORDER_TEXT, false }, { "pcr-hash", ORDER_TEXT, false }, { "event-log", ORDER_FLAG, false },
                { "ima", ORDER_FLAG, false }, { "log", ORDER_FLAG, false }, { "to", ORDER_TEXT, false }, { "join", ORDER_TEXT, false } } },
        { "join", order_join, { { "url", ORDER_TEXT, false }, { "ca", ORDER_TEXT, false }, { "host", ORDER_TEXT, false }, { "token", ORDER_TEXT, false },
                { "show", ORDER_FLAG, false } } },
        { "enroll", order_enroll, { { "agent", ORDER_TEXT, true }, { "key", ORDER_TEXT, false }, { "profile", ORDER_TEXT, false },
                { "process", ORDER_NUMBER, false }, { "credential", ORDER_TEXT, false }, { "joined", ORDER_TEXT, false }, { "url", ORDER_TEXT, false },
                { "host", ORDER_TEXT, false } } },
        { "enrolled", order_enrolled, { { "skip", ORDER_NUMBER, false } } },
        { "unenroll", order_unenroll, { { "agent", ORDER_TEXT, true }, { "key", ORDER_TEXT, false } } },
        { "revoke", order_revoke, { { "agent", ORDER_TEXT, true }, { "reason", ORDER_TEXT, false }, { "stays", ORDER_FLAG, false } } },
        { "lock", order_lock, { { "agent", ORDER_TEXT, false }, { "all", ORDER_FLAG, false }, { "why", ORDER_TEXT, false },
                { "dry", ORDER_FLAG, false } } },
        { "unlock", order_unlock, { { "agent", ORDER_TEXT, false }, { "all", ORDER_FLAG, false }, { "dry", ORDER_FLAG, false } } },
};

const struct order *order_at(size_t i)
{
        return i < ARRAY_LEN(orders) ? &orders[i] : NULL;
}

/* The socket's mode has decided who is an operator. */
static int operator_decides(struct policy *p, const struct peer *who, const char *agent, const struct request *q, struct decision *ret)
{
        (void)p, (void)who, (void)agent, (void)q;
        *ret = (struct decision){ .allowed = true, .rule = "operator" };
        return 0;
}

static bool operator_sees(struct policy *p, const struct peer *who, const char *agent)
{
        (void)p, (void)who, (void)agent;
        return true;
}

static const struct judge operator_judge = { operator_decides, operator_sees, policy_owner };

json_t *order_string(struct bytes text)
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        bool good = utf8_valid(text);

        if (buf_set(&b, text) != 0)
                return NULL;
        for (size_t i = 0; i < b.len; i++)
                if (b.ptr[i] < 0x20 || b.ptr[i] == 0x7f || (!good && b.ptr[i] >= 0x80))
                        b.ptr[i] = '?';
        return json_stringn(b.len > 0 ? (const char *)b.ptr : "", b.len);
}

json_t *order_base64(struct bytes b)
{
        CLEANUP(buf_clear) struct buf text = { 0 };

        if (base64_encode(b, &text) != 0)
                return NULL;
        return json_stringn(text.len > 0 ? (const char *)text.ptr : "", text.len);
}

int order_add(struct order_call *c, const char *name, json_t *value)
{
        return json_object_set_new(c->reply, name, value) == 0 ? 0 : err(ERR_NOMEM, "cannot make the answer");
}

bool order_room(struct order_call *c, size_t octets)
{
        if (octets > ROOM || c->told > ROOM - octets)
                return false;
        c->told += octets;
        return true;
}

static int append(const char *text, size_t len, void *buf)
{
        struct buf *b = buf;

        return b->len + len <= ORDER_REPLY_MAX ? buf_append(b, text, len) : -1;
}

static int write_reply(json_t *reply, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf b = { 0 };

        if (reply == NULL || json_dump_callback(reply, append, &b, JSON_COMPACT) != 0)
                return err(ERR_RANGE, "the answer is too long");
        buf_take(&b, ret);
        return 0;
}

static int write_error(int r, struct buf *ret)
{
        json_t *reply = json_pack("{s:b, s:s, s:o}", "ok", 0, "error", err_name(r), "text", order_string(BYTES_STR(err_text())));

        r = write_reply(reply, ret);
        json_decref(reply);
        return r;
}

int order_answer(struct core *core, const struct peer *who, struct bytes request, struct buf *ret_reply)
{
        const struct caller operator = {
                .judge = &operator_judge, .policy = core->policy, .record = recorder_append, .log = core->recorder, .peer = who, .peer_check = peer_check,
        };
        CLEANUP(order_call_clear) struct order_call c = { .core = core, .caller = &operator };
        int r;

        r = order_read(request, &c);
        if (r == 0) {
                c.reply = json_pack("{s:b}", "ok", 1);
                r = c.reply != NULL ? c.order->run(&c) : err(ERR_NOMEM, "out of memory");
        }
        if (r == 0)
                r = write_reply(c.reply, ret_reply);
        return r == 0 ? 0 : write_error(r, ret_reply);
}
