/* SPDX-License-Identifier: BSD-2-Clause */
/* Orders about agents. */
#include <string.h>
#include "daemon/order.h"
#include "keys/facts.h"
#include "keys/manage.h"
#include "lib/err.h"

/* In turn the names that fit; what is left is asked for again. */
#define ENTRY 200               /* octets of an entry but for its owner */

static int wish_of(const struct order_call *c, struct buf *pin, struct buf *so, struct agent_wish *ret)
{
        const char *kind = order_text(c, "kind"), *label = order_text(c, "label"), *lockout = order_text(c, "lockout");
        const char *rule = order_text(c, "rule") != NULL ? order_text(c, "rule") : c->core->conf.default_rule;
        int r;

        *ret = (struct agent_wish){ .name = order_text(c, "name"), .owner = order_text(c, "owner"), .dry = order_flag(c, "dry") };
        ret->label = BYTES_STR(label != NULL ? label : "default");
        if (rule != NULL)
                ret->rule = BYTES_STR(rule);
        if (kind != NULL && (ret->kind = key_kind_by_name(kind)) == NULL)
                return err(ERR_INVAL, "there is no kind of key %s", kind);
        if (lockout != NULL && strcmp(lockout, "tpm") != 0 && strcmp(lockout, "store") != 0)
                return err(ERR_INVAL, "wrong PINs count in the store or in the tpm");
        ret->lockout_tpm = lockout != NULL && strcmp(lockout, "tpm") == 0;
        r = order_bytes(c, "pin", pin);
        if (r == 0)
                r = order_bytes(c, "so-pin", so);
        /* One that is empty was meant to protect something too. */
        ret->pins = order_text(c, "pin") != NULL || order_text(c, "so-pin") != NULL;
        ret->pin = BYTES_OF(pin);
        ret->so_pin = BYTES_OF(so);
        return r;
}

int order_agent_create(struct order_call *c)
{
        CLEANUP(buf_clear) struct buf pin = { 0 }, so = { 0 };
        struct agent_wish w;
        struct item *i = NULL;
        json_t *key = NULL;
        int r;

        r = wish_of(c, &pin, &so, &w);
        if (r == 0)
                r = manage_agent_create(c->core->keyring, c->caller, &w, &i);
        /* There may have been one of that name. */
        if (r == 0)
                policy_read(c->core->policy, w.name);
        if (r == 0 && i != NULL)
                r = order_key_json(c, w.name, i, &key);
        if (r == 0 && i != NULL)
                r = order_add(c, "key", key);
        if (r == 0)
                r = order_add(c, "allows", json_boolean(w.rule.len > 0));
        item_unref(i);
        return r;
}

int order_agent_set(struct order_call *c)
{
        CLEANUP(buf_clear) struct buf pin = { 0 }, so = { 0 };
        const char *agent = order_text(c, "agent"), *owner = order_text(c, "owner");
        int r;

        if (order_text(c, "pin") == NULL && owner == NULL)
                return err(ERR_INVAL, "there is nothing to set");
        r = order_bytes(c, "pin", &pin);
        if (r == 0)
                r = order_bytes(c, "so-pin", &so);
        if (r == 0 && order_text(c, "pin") != NULL)
                r = deed_agent_pin(c->core->keyring, c->caller, agent, BYTES_OF(&so), BYTES_OF(&pin));
        if (r == 0 && owner != NULL)
                r = deed_agent_owner(c->core->keyring, c->caller, agent, owner);
        policy_read(c->core->policy, agent);
        return r;
}

int order_agent_delete(struct order_call *c)
{
        return deed_agent_delete(c->core->keyring, c->caller, order_text(c, "agent"));
}

static json_t *agent_json(const char *name, const struct agent_facts *f)
{
        return json_pack("{s:o, s:o, s:o, s:o, s:b, s:b, s:b, s:i, s:i, s:i, s:I}", "name", order_string(BYTES_STR(name)),
                         "owner", order_string(BYTES_OF(&f->owner)), "created", order_string(BYTES_OF(&f->created)),
                         "serial", order_string(BYTES_OF(&f->serial)), "pin", f->pins.used, "pin-set", f->pins.user_set,
                         "lockout-tpm", f->pins.lockout_tpm, "user-tries", (int)f->pins.tries_left[PIN_USER],
                         "so-tries", (int)f->pins.tries_left[PIN_SO], "tries-max", (int)f->pins.tries_max, "keys", (json_int_t)f->keys);
}

/* An agent that vanishes while it is listed is left out. *ret_full: this one has no room any more. */
static int list_one(struct order_call *c, const char *name, json_t *list, bool *ret_full)
{
        CLEANUP(agent_facts_clear) struct agent_facts f = { 0 };
        int r;

        r = agent_facts_read(c->core->keyring, name, &f);
        if (r == ERR_NOENT)
                return 0;
        if (r != 0)
                return r;
        *ret_full = !order_room(c, ENTRY + f.owner.len);
        if (*ret_full)
                return 0;
        return json_array_append_new(list, agent_json(name, &f)) == 0 ? 0 : err(ERR_NOMEM, "cannot make the answer");
}

int order_agent_list(struct order_call *c)
{
        struct agent_names names = { 0 };
        json_t *list = json_array();
        uint64_t i = order_number(c, "skip");
        bool full = false;
        int r;

        r = store_agents(keyring_store(c->core->keyring), &names);
        while (r == 0 && i < names.n) {
                r = list_one(c, names.list[i], list, &full);
                if (full)
                        break;
                i++;
        }
        if (r == 0)
                r = order_add(c, "next", json_integer(i < names.n ? (json_int_t)i : 0));
        agent_names_clear(&names);
        if (r == 0)
                return order_add(c, "agents", list);
        json_decref(list);
        return r;
}

int order_agent_show(struct order_call *c)
{
        CLEANUP(agent_facts_clear) struct agent_facts f = { 0 };
        const char *agent = order_text(c, "agent");
        int r;

        r = agent_facts_read(c->core->keyring, agent, &f);
        return r == 0 ? order_add(c, "agent", agent_json(agent, &f)) : r;
}
