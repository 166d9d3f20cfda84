/* SPDX-License-Identifier: BSD-2-Clause */
/* Orders about keys and their certificates. */
#include <string.h>
#include "daemon/order.h"
#include "keys/facts.h"
#include "keys/find.h"
#include "keys/manage.h"
#include "keys/usage.h"
#include "lib/err.h"

#define ENTRY 300               /* octets of an entry but for what is counted */

static int facts_json(const struct key_facts *f, json_t **ret)
{
        *ret = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:b, s:b}", "label", order_base64(BYTES_OF(&f->label)),
                         "id", order_base64(BYTES_OF(&f->id)), "kind", order_string(BYTES_OF(&f->kind)),
                         "use", order_string(BYTES_OF(&f->usage)), "created", order_string(BYTES_OF(&f->created)),
                         "file", order_string(BYTES_OF(&f->file)), "public", order_base64(BYTES_OF(&f->spki)),
                         "damaged", f->damaged, "label-unique", f->label_unique, "certificate", f->certificate);
        return *ret != NULL ? 0 : err(ERR_NOMEM, "cannot make the answer");
}

int order_key_json(struct order_call *c, const char *agent, struct item *i, json_t **ret)
{
        CLEANUP(key_facts_clear) struct key_facts f = { 0 };
        int r;

        r = key_facts_read(keyring_store(c->core->keyring), agent, i, &f);
        return r == 0 ? facts_json(&f, ret) : r;
}

static int add_key(struct order_call *c, struct item *i)
{
        json_t *key = NULL;
        int r;

        r = order_key_json(c, order_text(c, "agent"), i, &key);
        return r == 0 ? order_add(c, "key", key) : r;
}

int order_key_create(struct order_call *c)
{
        CLEANUP(buf_clear) struct buf pin = { 0 }, id = { 0 };
        const char *use = order_text(c, "use");
        struct key_wish w = { .kind = key_kind_by_name(order_text(c, "kind")), .usage = ALG_SIGN, .label = order_text_bytes(c, "label") };
        struct item *i = NULL;
        int r;

        if (w.kind == NULL)
                return err(ERR_INVAL, "there is no kind of key %s", order_text(c, "kind"));
        r = use != NULL ? usage_parse(use, w.kind, &w.usage) : 0;
        if (r == 0)
                r = order_bytes(c, "pin", &pin);
        if (r == 0)
                r = order_bytes(c, "id", &id);
        w.id = BYTES_OF(&id);
        if (r == 0)
                r = manage_key_create(c->core->keyring, c->caller, order_text(c, "agent"), BYTES_OF(&pin), &w, order_flag(c, "dry"), &i);
        if (r == 0 && i != NULL)
                r = add_key(c, i);
        item_unref(i);
        return r;
}

static int find(struct order_call *c, struct item **ret)
{
        CLEANUP(buf_clear) struct buf id = { 0 };
        int r;

        r = order_bytes(c, "id", &id);
        return r == 0 ? find_key(keyring_store(c->core->keyring), order_text(c, "agent"), order_text_bytes(c, "label"), BYTES_OF(&id), ret) : r;
}

/* The answer says which key it was. */
int order_key_delete(struct order_call *c)
{
        struct item *key = NULL;
        int r;

        r = find(c, &key);
        if (r == 0)
                r = add_key(c, key);
        if (r == 0 && !order_flag(c, "dry"))
                r = manage_key_delete(c->core->keyring, c->caller, order_text(c, "agent"), key);
        item_unref(key);
        return r;
}

static int add_cert(struct order_call *c, struct item *key)
{
        CLEANUP(buf_clear) struct buf der = { 0 };
        int r = find_cert(keyring_store(c->core->keyring), order_text(c, "agent"), key, &der);

        return r == 0 && der.len > 0 ? order_add(c, "certificate", order_base64(BYTES_OF(&der))) : r;
}

int order_key_show(struct order_call *c)
{
        struct item *key = NULL;
        int r;

        r = find(c, &key);
        if (r == 0)
                r = add_key(c, key);
        if (r == 0)
                r = add_cert(c, key);
        item_unref(key);
        return r;
}

int order_cert_import(struct order_call *c)
{
        CLEANUP(buf_clear) struct buf der = { 0 };
        struct item *key = NULL;
        bool replaced = false;
        int r;

        r = order_bytes(c, "certificate", &der);
        if (r == 0)
                r = find(c, &key);
        if (r == 0)
                r = manage_cert_import(c->core->keyring, c->caller, order_text(c, "agent"), key, BYTES_OF(&der), order_flag(c, "dry"), &replaced);
        if (r == 0)
                r = add_key(c, key);
        if (r == 0)
                r = order_add(c, "replaced", json_boolean(replaced));
        item_unref(key);
        return r;
}

/* A key that vanishes while it is listed is left out. *ret_full: this one has no room any more. */
static int list_one(struct order_call *c, struct item *i, json_t *list, bool *ret_full)
{
        CLEANUP(key_facts_clear) struct key_facts f = { 0 };
        json_t *key;
        int r;

        r = key_facts_read(keyring_store(c->core->keyring), order_text(c, "agent"), i, &f);
        if (r == ERR_STALE)
                return 0;
        if (r != 0)
                return r;
        *ret_full = !order_room(c, ENTRY + f.label.len + f.id.len + f.file.len + f.spki.len);
        if (*ret_full)
                return 0;
        r = facts_json(&f, &key);
        if (r == 0 && json_array_append_new(list, key) != 0)
                r = err(ERR_NOMEM, "cannot make the answer");
        return r;
}

int order_key_list(struct order_call *c)
{
        json_t *list = json_array();
        struct item_list *l = NULL;
        uint64_t i = order_number(c, "skip");
        bool full = false;
        int r;

        r = store_items(keyring_store(c->core->keyring), order_text(c, "agent"), &l);
        while (r == 0 && i < l->n) {
                if (l->list[i]->type == ITEM_KEY)
                        r = list_one(c, l->list[i], list, &full);
                if (full)
                        break;
                i++;
        }
        if (r == 0)
                r = order_add(c, "next", json_integer(i < l->n ? (json_int_t)i : 0));
        if (l != NULL)
                item_list_unref(l);
        if (r == 0)
                return order_add(c, "keys", list);
        json_decref(list);
        return r;
}
