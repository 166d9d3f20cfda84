/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules and locks, by whoever owns the store. */
#include <string.h>
#include "lib/err.h"
#include "tools/keeper.h"
#include "tools/keepjson.h"

/* NULL: all of them. */
static int agent_must_be(struct keeper *k, const char *agent)
{
        return agent != NULL ? store_agent_must_be(keyring_store(k->keyring), agent) : 0;
}

static json_t *with_dry(json_t *request, bool dry)
{
        json_object_set_new(request, "dry", json_boolean(dry));
        return request;
}

int keeper_allow(struct keeper *k, const char *agent, const char *rule, bool dry, unsigned *ret_number)
{
        json_t *reply = NULL;
        int r;

        *ret_number = 0;
        if (k->daemon == NULL && !dry)
                return deed_rule_allow(k->keyring, direct_caller(k->direct), agent, BYTES_STR(rule), ret_number);
        if (k->daemon == NULL) {
                r = rule_check(BYTES_STR(rule));
                return r == 0 ? store_agent_must_be(keyring_store(k->keyring), agent) : r;
        }
        r = daemon_ask(k->daemon, with_dry(daemon_request("allow", "agent", agent, "rule", rule, NULL), dry), &reply);
        *ret_number = (unsigned)json_integer_value(json_object_get(reply, "number"));
        json_decref(reply);
        return r;
}

int keeper_deny(struct keeper *k, const char *agent, unsigned number, bool dry)
{
        json_t *request;

        if (k->daemon == NULL)
                return dry ? policy_must_have(keyring_store(k->keyring), agent, number) : deed_rule_deny(k->keyring, direct_caller(k->direct), agent, number);
        request = with_dry(daemon_request("deny", "agent", agent, NULL), dry);
        json_object_set_new(request, "number", json_integer(number));
        return daemon_do(k->daemon, request);
}

static json_t *whose(json_t *request, const char *agent)
{
        if (agent == NULL)
                json_object_set_new(request, "all", json_true());
        return request;
}

int keeper_lock(struct keeper *k, const char *agent, const char *why, bool dry)
{
        if (k->daemon != NULL)
                return daemon_do(k->daemon, with_dry(whose(daemon_request("lock", "agent", agent, "why", why, NULL), agent), dry));
        return dry ? agent_must_be(k, agent) : deed_lock(k->keyring, direct_caller(k->direct), agent, why);
}

int keeper_unlock(struct keeper *k, const char *agent, bool dry)
{
        if (k->daemon != NULL)
                return daemon_do(k->daemon, with_dry(whose(daemon_request("unlock", "agent", agent, NULL), agent), dry));
        return dry ? agent_must_be(k, agent) : deed_unlock(k->keyring, direct_caller(k->direct), agent);
}

void keeper_effective_clear(struct effective *e)
{
        for (size_t i = 0; i < e->n; ++i)
                buf_clear(&e->rules[i].rule);
        e->n = 0;
        buf_clear(&e->why);
        buf_clear(&e->all_why);
}

static int add_rule(void *ctx, unsigned number, struct bytes rule)
{
        struct effective *e = ctx;

        if (e->n == RULES_MAX)
                return err(ERR_FORMAT, "more than %d rules", RULES_MAX);
        e->rules[e->n].number = number;
        return buf_set(&e->rules[e->n++].rule, rule);
}

static int lock_here(struct keeper *k, const char *agent, bool *ret_locked, struct buf *ret_why)
{
        int r = policy_why_locked(keyring_store(k->keyring), agent, ret_why);

        *ret_locked = r == 0;
        return r == ERR_NOENT ? 0 : r;
}

static int effective_here(struct keeper *k, const char *agent, struct effective *ret)
{
        int r;

        r = policy_each(keyring_store(k->keyring), agent, add_rule, ret);
        if (r == 0)
                r = lock_here(k, agent, &ret->locked, &ret->why);
        return r == 0 ? lock_here(k, NULL, &ret->all_locked, &ret->all_why) : r;
}

static int lock_there(const json_t *reply, const char *name, bool *ret_locked, struct buf *ret_why)
{
        *ret_locked = json_is_string(json_object_get(reply, name));
        return *ret_locked ? keepjson_text(reply, name, ret_why) : 0;
}

int keeper_effective(struct keeper *k, const char *agent, struct effective *ret)
{
        json_t *reply = NULL, *o;
        size_t i;
        int r;

        if (k->daemon == NULL)
                return effective_here(k, agent, ret);
        r = daemon_ask(k->daemon, daemon_request("effective", "agent", agent, NULL), &reply);
        if (r == 0)
                r = lock_there(reply, "locked", &ret->locked, &ret->why);
        if (r == 0)
                r = lock_there(reply, "all-locked", &ret->all_locked, &ret->all_why);
        json_array_foreach(json_object_get(reply, "rules"), i, o) {
                const char *rule = json_string_value(json_object_get(o, "rule"));

                if (r == 0)
                        r = rule != NULL ? add_rule(ret, (unsigned)json_integer_value(json_object_get(o, "number")), BYTES_STR(rule))
                                         : err(ERR_FORMAT, "the daemon's answer has a rule without text");
        }
        json_decref(reply);
        return r;
}
