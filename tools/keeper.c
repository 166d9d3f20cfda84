/* SPDX-License-Identifier: BSD-2-Clause */
/* Who owns the store, and agents by whoever that is. */
#include <string.h>
#include "lib/err.h"
#include "tools/keeper.h"
#include "tools/keepjson.h"

/* A daemon's store may be read past it, and one of the user's own may be meant. If there is none to read, what is wrong with the daemon matters. */
static int open_past(const struct conf *conf, int what, struct keyring **ret)
{
        CLEANUP(buf_clear) struct buf why = { 0 };
        int r;

        r = buf_append_str(&why, err_text());
        if (r == 0)
                r = keyring_open(conf, ret);
        return r == ERR_NOTINIT || r == ERR_PERM ? err(what, "%s", why.len > 0 ? buf_str(&why) : "") : r;
}

int keeper_open(const struct cli *c, bool writes, struct keeper *ret)
{
        CLEANUP(conf_clear) struct conf conf = { 0 };
        int r;

        r = cli_conf(c, &conf);
        if (r != 0)
                return r;
        r = daemon_open(&conf, &ret->daemon);
        if (r == 0 || (writes && r != ERR_NOENT))
                return r;
        r = r == ERR_NOENT ? keyring_open(&conf, &ret->keyring) : open_past(&conf, r, &ret->keyring);
        return r == 0 ? direct_new(ret->keyring, &ret->direct) : r;
}

void keeper_close(struct keeper *k)
{
        direct_free(k->direct);
        keyring_close(k->keyring);
        daemon_close(k->daemon);
        *k = (struct keeper){ 0 };
}

static int each_here(struct keeper *k, keeper_agent_fn *fn, void *ctx)
{
        struct agent_names names = { 0 };
        int r;

        r = store_agents(keyring_store(k->keyring), &names);
        for (size_t i = 0; r == 0 && i < names.n; ++i) {
                CLEANUP(agent_facts_clear) struct agent_facts f = { 0 };

                r = agent_facts_read(k->keyring, names.list[i], &f);
                /* Gone while the others were listed. */
                r = r == ERR_NOENT ? 0 : r == 0 ? fn(ctx, names.list[i], &f) : r;
        }
        agent_names_clear(&names);
        return r;
}

static int each_there(const json_t *list, keeper_agent_fn *fn, void *ctx)
{
        size_t i;
        json_t *o;
        int r = 0;

        json_array_foreach(list, i, o) {
                CLEANUP(agent_facts_clear) struct agent_facts f = { 0 };
                const char *name;

                r = keepjson_agent(o, &name, &f);
                if (r == 0)
                        r = fn(ctx, name, &f);
                if (r != 0)
                        break;
        }
        return r;
}

int keeper_agents(struct keeper *k, keeper_agent_fn *fn, void *ctx)
{
        json_int_t next = 0;
        int r;

        if (k->daemon == NULL)
                return each_here(k, fn, ctx);
        do {
                json_t *reply = NULL, *request = daemon_request("agent-list", NULL);

                json_object_set_new(request, "skip", json_integer(next));
                r = daemon_ask(k->daemon, request, &reply);
                if (r == 0)
                        r = each_there(json_object_get(reply, "agents"), fn, ctx);
                next = keepjson_next(reply, next);
                json_decref(reply);
        } while (r == 0 && next > 0);
        return r;
}

int keeper_agent(struct keeper *k, const char *name, struct agent_facts *ret)
{
        json_t *reply = NULL;
        const char *same;
        int r;

        if (k->daemon == NULL)
                return agent_facts_read(k->keyring, name, ret);
        r = daemon_ask(k->daemon, daemon_request("agent-show", "agent", name, NULL), &reply);
        if (r == 0)
                r = keepjson_agent(json_object_get(reply, "agent"), &same, ret);
        json_decref(reply);
        return r;
}

/* One that is empty too: left out, it would be an agent without PINs that is made. */
static void add_pin(json_t *request, const char *name, struct bytes pin)
{
        if (pin.len > 0)
                daemon_add_bytes(request, name, pin);
        else
                json_object_set_new(request, name, json_string(""));
}

static int create_there(struct keeper *k, const struct agent_wish *w, struct key_facts *ret_key, bool *ret_allows)
{
        CLEANUP(buf_clear) struct buf label = { 0 }, rule = { 0 };
        json_t *request = NULL, *reply = NULL, *key;
        int r;

        r = buf_set(&label, w->label);
        if (r == 0)
                r = buf_set(&rule, w->rule);
        if (r != 0)
                return r;
        request = daemon_request("agent-create", "name", w->name, "owner", w->owner, "kind", w->kind != NULL ? w->kind->name : NULL,
                                 "label", label.len > 0 ? buf_str(&label) : NULL, "rule", rule.len > 0 ? buf_str(&rule) : NULL,
                                 "lockout", w->lockout_tpm ? "tpm" : NULL, NULL);
        if (w->pins) {
                add_pin(request, "pin", w->pin);
                add_pin(request, "so-pin", w->so_pin);
        }
        json_object_set_new(request, "dry", json_boolean(w->dry));
        r = daemon_ask(k->daemon, request, &reply);
        key = json_object_get(reply, "key");
        if (r == 0 && key != NULL)
                r = keepjson_key(key, ret_key);
        *ret_allows = json_is_true(json_object_get(reply, "allows"));
        json_decref(reply);
        return r;
}

int keeper_agent_create(struct keeper *k, const struct agent_wish *w, struct key_facts *ret_key, bool *ret_allows)
{
        struct item *i = NULL;
        int r;

        if (k->daemon != NULL)
                return create_there(k, w, ret_key, ret_allows);
        *ret_allows = w->rule.len > 0;
        r = manage_agent_create(k->keyring, direct_caller(k->direct), w, &i);
        if (r == 0 && i != NULL)
                r = key_facts_read(keyring_store(k->keyring), w->name, i, ret_key);
        item_unref(i);
        return r;
}

int keeper_agent_owner(struct keeper *k, const char *name, const char *owner)
{
        if (k->daemon == NULL)
                return deed_agent_owner(k->keyring, direct_caller(k->direct), name, owner);
        return daemon_do(k->daemon, daemon_request("agent-set", "agent", name, "owner", owner, NULL));
}

int keeper_agent_pin(struct keeper *k, const char *name, struct bytes so_pin, struct bytes pin)
{
        json_t *request;

        if (k->daemon == NULL)
                return deed_agent_pin(k->keyring, direct_caller(k->direct), name, so_pin, pin);
        request = daemon_request("agent-set", "agent", name, NULL);
        add_pin(request, "so-pin", so_pin);
        add_pin(request, "pin", pin);
        return daemon_do(k->daemon, request);
}

int keeper_agent_delete(struct keeper *k, const char *name)
{
        if (k->daemon == NULL)
                return deed_agent_delete(k->keyring, direct_caller(k->direct), name);
        return daemon_do(k->daemon, daemon_request("agent-delete", "agent", name, NULL));
}
