/* SPDX-License-Identifier: BSD-2-Clause */
/* Orders about who may do what: rules, locks, and what they would say to a given process. */
#include <limits.h>
#include <string.h>
#include <time.h>
#include "daemon/order.h"
#include "daemon/peer.h"
#include "keys/deed.h"
#include "lib/err.h"

int order_allow(struct order_call *c)
{
        unsigned number = 0;
        int r;

        if (order_flag(c, "dry")) {
                r = rule_check(order_text_bytes(c, "rule"));
                return r == 0 ? store_agent_must_be(keyring_store(c->core->keyring), order_text(c, "agent")) : r;
        }
        r = deed_rule_allow(c->core->keyring, c->caller, order_text(c, "agent"), order_text_bytes(c, "rule"), &number);
        policy_read(c->core->policy, order_text(c, "agent"));
        return r == 0 ? order_add(c, "number", json_integer(number)) : r;
}

int order_deny(struct order_call *c)
{
        uint64_t number = order_number(c, "number");
        int r;

        if (number == 0 || number > UINT_MAX)
                return err(ERR_RANGE, "rules have numbers from 1 on");
        if (order_flag(c, "dry"))
                return policy_must_have(keyring_store(c->core->keyring), order_text(c, "agent"), (unsigned)number);
        r = deed_rule_deny(c->core->keyring, c->caller, order_text(c, "agent"), (unsigned)number);
        policy_read(c->core->policy, order_text(c, "agent"));
        return r;
}

/* Of all agents, or of one. */
static int whose(struct order_call *c, const char **ret_agent)
{
        *ret_agent = order_text(c, "agent");
        if ((*ret_agent != NULL) == order_flag(c, "all"))
                return err(ERR_INVAL, "this is for one agent, or for all of them");
        return *ret_agent != NULL ? store_agent_must_be(keyring_store(c->core->keyring), *ret_agent) : 0;
}

int order_lock(struct order_call *c)
{
        const char *why = order_text(c, "why");
        struct policy_hold h = { 0 };
        int r;

        r = whose(c, &h.agent);
        if (r != 0 || order_flag(c, "dry"))
                return r;
        /* The store's counter may have to wait for a TPM that is busy making a key. */
        policy_hold(c->core->policy, &h);
        r = deed_lock(c->core->keyring, c->caller, h.agent, why != NULL ? why : "");
        policy_release(c->core->policy, &h);
        return r;
}

int order_unlock(struct order_call *c)
{
        const char *agent;
        int r;

        r = whose(c, &agent);
        if (r == 0 && !order_flag(c, "dry"))
                r = deed_unlock(c->core->keyring, c->caller, agent);
        return r;
}

struct listing {
        struct order_call *call;
        json_t *list;
        bool cut;
};

static int list_rule(void *ctx, unsigned number, struct bytes rule)
{
        struct listing *l = ctx;

        l->cut = l->cut || !order_room(l->call, rule.len + 40);
        if (l->cut)
                return 0;
        return json_array_append_new(l->list, json_pack("{s:i, s:o}", "number", (int)number, "rule", order_string(rule))) == 0
                       ? 0 : err(ERR_NOMEM, "cannot make the answer");
}

static int add_lock(struct order_call *c, const char *name, const char *agent)
{
        CLEANUP(buf_clear) struct buf why = { 0 };
        int r;

        r = policy_why_locked(keyring_store(c->core->keyring), agent, &why);
        if (r != 0 && r != ERR_NOENT)
                return r;
        return order_add(c, name, r == 0 ? order_string(BYTES_OF(&why)) : json_null());
}

int order_effective(struct order_call *c)
{
        struct listing l = { .call = c, .list = json_array() };
        const char *agent = order_text(c, "agent");
        int r;

        r = policy_each(keyring_store(c->core->keyring), agent, list_rule, &l);
        if (r != 0) {
                json_decref(l.list);
                return r;
        }
        r = order_add(c, "rules", l.list);
        if (r == 0)
                r = order_add(c, "cut", json_boolean(l.cut));
        if (r == 0)
                r = add_lock(c, "locked", agent);
        return r == 0 ? add_lock(c, "all-locked", NULL) : r;
}

static int add_lines(struct order_call *c, struct buf *text)
{
        json_t *list = json_array();
        const char *p = text->len > 0 ? buf_str(text) : "";
        int r = 0;

        while (r == 0 && p != NULL && *p != '\0') {
                size_t len = strcspn(p, "\n");

                if (!order_room(c, len + 8))
                        break;
                if (json_array_append_new(list, order_string(BYTES(p, len))) != 0)
                        r = err(ERR_NOMEM, "cannot make the answer");
                p += len + (p[len] == '\n');
        }
        if (r == 0)
                return order_add(c, "rules", list);
        json_decref(list);
        return r;
}

static int add_decision(struct order_call *c, const struct peer *p, const struct decision *d)
{
        int r;

        r = order_add(c, "allowed", json_boolean(d->allowed));
        if (r == 0)
                r = order_add(c, "rule", order_string(BYTES_STR(d->rule)));
        if (r == 0)
                r = order_add(c, "reason", order_string(BYTES_STR(d->reason)));
        return r == 0 ? order_add(c, "peer", json_pack("{s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:b, s:b}", "pid", (json_int_t)p->pid,
                                                       "uid", (json_int_t)p->uid, "gid", (json_int_t)p->gid, "exe", order_string(BYTES_OF(&p->exe)),
                                                       "unit", order_string(BYTES_OF(&p->unit)), "cgroup", order_string(BYTES_OF(&p->cgroup)),
                                                       "sha256", order_base64(BYTES_OF(&p->exe_sha256)),
                                                       "login", p->has_loginuid, "tty", p->tty)) : r;
}

int order_policy_check(struct order_call *c)
{
        CLEANUP(peer_clear) struct peer peer = { .pidfd = -1 };
        CLEANUP(buf_clear) struct buf text = { 0 };
        const char *label = order_text(c, "label");
        struct request q = {
                .key_label = BYTES_STR(label != NULL ? label : "default"), .operation = order_text(c, "operation"),
                .mechanism = order_text(c, "mechanism"), .now_ms = (uint64_t)time(NULL) * 1000,
        };
        uint64_t pid = order_number(c, "pid");
        struct decision d = { 0 };
        int r;

        if (pid == 0 || pid > INT_MAX)
                return err(ERR_RANGE, "there is no process of that number");
        r = peer_of_pid((pid_t)pid, &peer);
        if (r == 0)
                r = policy_explain(c->core->policy, &peer, order_text(c, "agent"), &q, &d, &text);
        if (r == 0)
                r = add_decision(c, &peer, &d);
        return r == 0 ? add_lines(c, &text) : r;
}
