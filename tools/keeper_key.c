/* SPDX-License-Identifier: BSD-2-Clause */
/* Keys and their certificates, by whoever owns the store. */
#include <string.h>
#include "keys/find.h"
#include "keys/usage.h"
#include "lib/err.h"
#include "tools/keeper.h"
#include "tools/keepjson.h"

static int each_here(struct keeper *k, const char *agent, keeper_key_fn *fn, void *ctx)
{
        struct item_list *l = NULL;
        int r;

        r = store_items(keyring_store(k->keyring), agent, &l);
        for (size_t i = 0; r == 0 && i < l->n; ++i) {
                CLEANUP(key_facts_clear) struct key_facts f = { 0 };

                if (l->list[i]->type != ITEM_KEY)
                        continue;
                r = key_facts_read(keyring_store(k->keyring), agent, l->list[i], &f);
                /* Removed by somebody else since the directory was read. */
                r = r == ERR_STALE ? 0 : r == 0 ? fn(ctx, agent, &f) : r;
        }
        if (l != NULL)
                item_list_unref(l);
        return r;
}

static int each_in(const json_t *list, const char *agent, keeper_key_fn *fn, void *ctx)
{
        size_t i;
        json_t *o;
        int r = 0;

        json_array_foreach(list, i, o) {
                CLEANUP(key_facts_clear) struct key_facts f = { 0 };

                r = keepjson_key(o, &f);
                if (r == 0)
                        r = fn(ctx, agent, &f);
                if (r != 0)
                        break;
        }
        return r;
}

static int each_of_agent(struct keeper *k, const char *agent, keeper_key_fn *fn, void *ctx)
{
        json_int_t next = 0;
        int r;

        if (k->daemon == NULL)
                return each_here(k, agent, fn, ctx);
        do {
                json_t *reply = NULL, *request = daemon_request("key-list", "agent", agent, NULL);

                json_object_set_new(request, "skip", json_integer(next));
                r = daemon_ask(k->daemon, request, &reply);
                if (r == 0)
                        r = each_in(json_object_get(reply, "keys"), agent, fn, ctx);
                next = keepjson_next(reply, next);
                json_decref(reply);
        } while (r == 0 && next > 0);
        return r;
}

struct every {
        struct keeper *k;
        keeper_key_fn *fn;
        void *ctx;
};

static int each_agent(void *ctx, const char *name, const struct agent_facts *f)
{
        const struct every *e = ctx;
        int r = f->keys > 0 ? each_of_agent(e->k, name, e->fn, e->ctx) : 0;

        return r == ERR_NOENT ? 0 : r;
}

int keeper_keys(struct keeper *k, const char *agent, keeper_key_fn *fn, void *ctx)
{
        return agent != NULL ? each_of_agent(k, agent, fn, ctx) : keeper_agents(k, each_agent, &(struct every){ k, fn, ctx });
}

static int find_here(struct keeper *k, const struct key_name *n, struct item **ret)
{
        return find_key(keyring_store(k->keyring), n->agent, BYTES_OF(&n->label), BYTES_OF(&n->id), ret);
}

static int key_here(struct keeper *k, const struct key_name *n, struct key_facts *ret, struct buf *ret_cert)
{
        struct item *key = NULL;
        int r;

        r = find_here(k, n, &key);
        if (r == 0)
                r = key_facts_read(keyring_store(k->keyring), n->agent, key, ret);
        if (r == 0 && ret_cert != NULL)
                r = find_cert(keyring_store(k->keyring), n->agent, key, ret_cert);
        item_unref(key);
        return r;
}

static json_t *request_of(const char *order, const struct key_name *n)
{
        CLEANUP(buf_clear) struct buf label = { 0 };
        json_t *o;

        if (buf_set(&label, BYTES_OF(&n->label)) != 0 || buf_str(&label) == NULL)
                return NULL;
        o = daemon_request(order, "agent", n->agent, "label", label.len > 0 ? buf_str(&label) : NULL, NULL);
        daemon_add_bytes(o, "id", BYTES_OF(&n->id));
        return o;
}

static int key_there(struct keeper *k, json_t *request, struct key_facts *ret, json_t **ret_reply)
{
        json_t *reply = NULL;
        int r;

        r = daemon_ask(k->daemon, request, &reply);
        if (r == 0)
                r = keepjson_key(json_object_get(reply, "key"), ret);
        if (r == 0)
                *ret_reply = reply;
        else
                json_decref(reply);
        return r;
}

int keeper_key(struct keeper *k, const struct key_name *n, struct key_facts *ret, struct buf *ret_cert)
{
        json_t *reply = NULL;
        int r;

        if (k->daemon == NULL)
                return key_here(k, n, ret, ret_cert);
        r = key_there(k, request_of("key-show", n), ret, &reply);
        if (r == 0 && ret_cert != NULL)
                r = keepjson_bytes(reply, "certificate", ret_cert);
        json_decref(reply);
        return r;
}

static int create_there(struct keeper *k, const char *agent, struct bytes pin, const struct key_wish *w, bool dry, struct key_facts *ret)
{
        CLEANUP(attrs_clear) struct attrs uses = { 0 };
        CLEANUP(buf_clear) struct buf label = { 0 };
        json_t *request, *reply = NULL;
        int r;

        r = usage_to_attrs(w->usage, &uses);
        if (r == 0)
                r = buf_set(&label, w->label);
        if (r != 0)
                return r;
        request = daemon_request("key-create", "agent", agent, "label", label.len > 0 ? buf_str(&label) : "", "kind", w->kind->name,
                                 "use", attrs_str(&uses, "usage", ""), NULL);
        daemon_add_bytes(request, "id", w->id);
        daemon_add_bytes(request, "pin", pin);
        json_object_set_new(request, "dry", json_boolean(dry));
        r = dry ? daemon_do(k->daemon, request) : key_there(k, request, ret, &reply);
        json_decref(reply);
        return r;
}

int keeper_key_create(struct keeper *k, const char *agent, struct bytes pin, const struct key_wish *w, bool dry, struct key_facts *ret)
{
        struct item *i = NULL;
        int r;

        if (k->daemon != NULL)
                return create_there(k, agent, pin, w, dry, ret);
        r = manage_key_create(k->keyring, direct_caller(k->direct), agent, pin, w, dry, &i);
        if (r == 0 && i != NULL)
                r = key_facts_read(keyring_store(k->keyring), agent, i, ret);
        item_unref(i);
        return r;
}

static int delete_here(struct keeper *k, const struct key_name *n, bool dry, struct key_facts *ret)
{
        struct item *key = NULL;
        int r;

        r = find_here(k, n, &key);
        if (r == 0)
                r = key_facts_read(keyring_store(k->keyring), n->agent, key, ret);
        if (r == 0 && !dry)
                r = manage_key_delete(k->keyring, direct_caller(k->direct), n->agent, key);
        item_unref(key);
        return r;
}

int keeper_key_delete(struct keeper *k, const struct key_name *n, bool dry, struct key_facts *ret)
{
        json_t *request, *reply = NULL;
        int r;

        if (k->daemon == NULL)
                return delete_here(k, n, dry, ret);
        request = request_of("key-delete", n);
        json_object_set_new(request, "dry", json_boolean(dry));
        r = key_there(k, request, ret, &reply);
        json_decref(reply);
        return r;
}

static int import_here(struct keeper *k, const struct key_name *n, struct bytes der, bool dry, struct key_facts *ret, bool *ret_replaced)
{
        struct item *key = NULL;
        int r;

        r = find_here(k, n, &key);
        if (r == 0)
                r = manage_cert_import(k->keyring, direct_caller(k->direct), n->agent, key, der, dry, ret_replaced);
        if (r == 0)
                r = key_facts_read(keyring_store(k->keyring), n->agent, key, ret);
        item_unref(key);
        return r;
}

int keeper_cert_import(struct keeper *k, const struct key_name *n, struct bytes der, bool dry, struct key_facts *ret, bool *ret_replaced)
{
        json_t *request, *reply = NULL;
        int r;

        if (k->daemon == NULL)
                return import_here(k, n, der, dry, ret, ret_replaced);
        request = request_of("cert-import", n);
        daemon_add_bytes(request, "certificate", der);
        json_object_set_new(request, "dry", json_boolean(dry));
        r = key_there(k, request, ret, &reply);
        *ret_replaced = json_is_true(json_object_get(reply, "replaced"));
        json_decref(reply);
        return r;
}
