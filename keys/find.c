/* SPDX-License-Identifier: BSD-2-Clause */
/* Finds a key by what people call it. */
#include "keys/find.h"
#include <string.h>
#include "lib/err.h"

static bool fits(struct item *i, struct bytes label, struct bytes id)
{
        return i->type == ITEM_KEY && (label.len == 0 || item_label_is(i, label)) && (id.len == 0 || item_id_is(i, id));
}

static size_t count(const struct item_list *l, struct bytes label, struct bytes id, struct item **ret_last)
{
        size_t n = 0;

        for (size_t i = 0; i < l->n; i++) {
                if (!fits(l->list[i], label, id))
                        continue;
                *ret_last = l->list[i];
                n++;
        }
        return n;
}

static int find_in(const struct item_list *l, const char *agent, struct bytes label, struct bytes id, struct item **ret)
{
        size_t n = count(l, label, id, ret);

        if (n > 1 && label.len == 0 && id.len == 0) {
                label = BYTES_STR("default");
                n = count(l, label, id, ret);
                if (n == 0)
                        return err(ERR_INVAL, "agent %s has several keys: name one as %s/LABEL", agent, agent);
        }
        if (n == 0)
                return err(ERR_NOENT, "there is no key %s%s%.*s%s", agent, label.len > 0 ? "/" : "", (int)label.len, (const char *)label.ptr,
                           id.len > 0 ? " with that ID" : "");
        if (n > 1)
                return err(ERR_INVAL, "%zu keys are called %s/%.*s: choose one with --id", n, agent, (int)label.len, (const char *)label.ptr);
        return 0;
}

int find_key(struct store *s, const char *agent, struct bytes label, struct bytes id, struct item **ret)
{
        struct item_list *l = NULL;
        struct item *found = NULL;
        int r;

        r = store_items(s, agent, &l);
        if (r != 0)
                return r;
        r = find_in(l, agent, label, id, &found);
        if (r == 0)
                *ret = item_ref(found);
        item_list_unref(l);
        return r;
}

struct item *find_beside(const struct item_list *l, struct item *key, enum item_type type, size_t *i)
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

size_t find_count(const struct item_list *l, struct bytes label)
{
        struct item *last;

        return label.len > 0 ? count(l, label, (struct bytes){ 0 }, &last) : 0;
}

int find_cert(struct store *s, const char *agent, struct item *key, struct buf *ret)
{
        const struct item_body *b;
        struct item_list *l = NULL;
        struct item *cert;
        size_t at = 0;
        int r;

        r = store_items(s, agent, &l);
        if (r != 0)
                return r;
        cert = find_beside(l, key, ITEM_CERT, &at);
        if (cert != NULL)
                r = item_load(cert, &b);
        if (cert != NULL && r == 0)
                r = buf_set(ret, BYTES_OF(&b->der));
        item_list_unref(l);
        return r;
}
