/* SPDX-License-Identifier: BSD-2-Clause */
/* Finds the key that "AGENT/LABEL" names. */
#include <string.h>
#include "lib/err.h"
#include "lib/pem.h"
#include "lib/ref.h"
#include "tools/keyname.h"
#include "tools/keytext.h"

int keyname_split(const char *name, struct buf *ret_agent, struct buf *ret_label)
{
        size_t len = strcspn(name, "/");
        int r;

        r = buf_append(ret_agent, name, len);
        if (r == 0 && buf_str(ret_agent) == NULL)
                r = err(ERR_NOMEM, "out of memory");
        if (r == 0 && name[len] == '/')
                r = buf_append_str(ret_label, name + len + 1);
        if (r == 0 && !agent_name_valid(buf_str(ret_agent)))
                r = err(ERR_INVAL, "%s is no agent's name", len > 0 ? buf_str(ret_agent) : "\"\"");
        return r;
}

void keyname_clear(struct named_key *k)
{
        if (k->item != NULL)
                item_unref(k->item);
        k->item = NULL;
}

struct wanted {
        struct bytes label, id;
};

static bool fits(struct item *i, const struct wanted *w)
{
        return i->type == ITEM_KEY && (w->label.len == 0 || item_label_is(i, w->label)) && (w->id.len == 0 || item_id_is(i, w->id));
}

static size_t count(const struct item_list *l, const struct wanted *w, struct item **ret_last)
{
        size_t n = 0;

        for (size_t i = 0; i < l->n; ++i) {
                if (!fits(l->list[i], w))
                        continue;
                *ret_last = l->list[i];
                ++n;
        }
        return n;
}

static int find_in(const struct item_list *l, const char *name, const struct wanted *given, struct item **ret)
{
        struct wanted w = *given;
        size_t n = count(l, &w, ret);

        if (n > 1 && w.label.len == 0 && w.id.len == 0) {
                w.label = BYTES_STR("default");
                n = count(l, &w, ret);
                if (n == 0)
                        return err(ERR_INVAL, "agent %s has several keys: name one as %s/LABEL", name, name);
        }
        if (n == 0)
                return err(ERR_NOENT, "there is no key %s", name);
        if (n > 1)
                return err(ERR_INVAL, "%zu keys are called %s: choose one with --id", n, name);
        return 0;
}

int keyname_find(struct keyring *k, const char *name, const char *id, struct named_key *ret)
{
        CLEANUP(buf_clear) struct buf agent = { 0 }, label = { 0 }, id_bytes = { 0 };
        struct item_list *l = NULL;
        struct item *item = NULL;
        int r;

        r = keyname_split(name, &agent, &label);
        if (r == 0 && id != NULL && hex_decode(id, strlen(id), &id_bytes) != 0)
                r = err(ERR_INVAL, "--id takes hex digits");
        if (r == 0)
                r = store_items(keyring_store(k), buf_str(&agent), &l);
        if (r == 0)
                r = find_in(l, name, &(struct wanted){ BYTES_OF(&label), BYTES_OF(&id_bytes) }, &item);
        if (r == 0) {
                strcpy(ret->agent, buf_str(&agent));
                ret->item = item_ref(item);
        }
        if (l != NULL)
                item_list_unref(l);
        return r;
}

struct item *keyname_beside(struct item_list *l, struct item *key, enum item_type type, size_t *i)
{
        struct bytes id;

        if (item_id(key, &id) != 0)
                return NULL;
        while (*i < l->n) {
                struct item *it = l->list[(*i)++];

                if (it->type == type && item_id_is(it, id))
                        return it;
        }
        return NULL;
}

int keyname_uri(struct keyring *k, const char *agent, struct item *item, const char *type, struct buf *ret)
{
        struct item_list *l = NULL;
        struct item *last = NULL;
        struct bytes label, id;
        bool unique;
        int r;

        r = item_label(item, &label);
        if (r == 0)
                r = item_id(item, &id);
        if (r == 0)
                r = store_items(keyring_store(k), agent, &l);
        if (r != 0)
                return r;
        unique = label.len > 0 && count(l, &(struct wanted){ .label = label }, &last) == 1;
        item_list_unref(l);
        return keytext_uri(agent, unique ? label : BYTES(NULL, 0), unique ? BYTES(NULL, 0) : id, type, ret);
}

int keyname_ref(struct keyring *k, const char *agent, struct item *item, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf uri = { 0 }, der = { 0 };
        int r;

        r = keyname_uri(k, agent, item, "private", &uri);
        if (r == 0)
                r = ref_encode(BYTES_OF(&uri), &der);
        return r == 0 ? pem_encode(REF_PEM, BYTES(NULL, 0), BYTES_OF(&der), ret) : r;
}
