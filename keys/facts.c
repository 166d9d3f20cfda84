/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads what there is to tell of an agent or a key. */
#include "keys/facts.h"
#include <string.h>
#include "keys/find.h"
#include "lib/err.h"

void key_facts_clear(struct key_facts *f)
{
        buf_clear(&f->label);
        buf_clear(&f->id);
        buf_clear(&f->kind);
        buf_clear(&f->usage);
        buf_clear(&f->created);
        buf_clear(&f->file);
        buf_clear(&f->spki);
}

static int set_text(struct buf *to, const char *text)
{
        int r = buf_set(to, BYTES_STR(text));

        return r == 0 && buf_str(to) == NULL ? err(ERR_NOMEM, "out of memory") : r;
}

/* Where the name of a damaged file holds a digest alone, there is no label or ID to tell. */
static int names_of(struct item *i, struct key_facts *f)
{
        struct bytes label, id;
        int r;

        r = item_label(i, &label);
        if (r == 0)
                r = buf_set(&f->label, label);
        if (r == 0 || (f->damaged && r == ERR_FORMAT))
                r = item_id(i, &id);
        if (r == 0)
                r = buf_set(&f->id, id);
        return f->damaged && r == ERR_FORMAT ? 0 : r;
}

static int body_of(const struct item_body *b, struct key_facts *f)
{
        int r;

        r = set_text(&f->kind, b->kind != NULL ? b->kind->name : "unknown");
        if (r == 0)
                r = set_text(&f->usage, attrs_str(&b->attrs, "usage", ""));
        if (r == 0)
                r = set_text(&f->created, attrs_str(&b->attrs, "created", ""));
        if (r == 0 && (b->pub.x.len > 0 || b->pub.n.len > 0))
                r = pubkey_to_spki(&b->pub, &f->spki);
        return r;
}

static int beside_of(struct store *s, const char *agent, struct item *i, struct key_facts *f)
{
        struct item_list *l = NULL;
        size_t at = 0;
        int r;

        r = store_items(s, agent, &l);
        if (r != 0)
                return r;
        f->certificate = find_beside(l, i, ITEM_CERT, &at) != NULL;
        f->label_unique = find_count(l, BYTES_OF(&f->label)) == 1;
        item_list_unref(l);
        return 0;
}

int key_facts_read(struct store *s, const char *agent, struct item *i, struct key_facts *ret)
{
        const struct item_body *b = NULL;
        int r;

        r = item_load(i, &b);
        ret->damaged = r == ERR_FORMAT;
        if (r == 0)
                r = body_of(b, ret);
        else if (ret->damaged)
                r = set_text(&ret->kind, "damaged");
        if (r == 0)
                r = names_of(i, ret);
        if (r == 0)
                r = store_item_path(s, agent, i, &ret->file);
        if (r == 0 && buf_str(&ret->file) == NULL)
                r = err(ERR_NOMEM, "out of memory");
        return r == 0 ? beside_of(s, agent, i, ret) : r;
}

void agent_facts_clear(struct agent_facts *f)
{
        buf_clear(&f->owner);
        buf_clear(&f->created);
        buf_clear(&f->serial);
}

static int count_keys(struct store *s, const char *agent, size_t *ret)
{
        struct item_list *l = NULL;
        size_t n = 0;
        int r;

        r = store_items(s, agent, &l);
        if (r != 0)
                return r;
        for (size_t i = 0; i < l->n; i++)
                n += l->list[i]->type == ITEM_KEY;
        item_list_unref(l);
        *ret = n;
        return 0;
}

int agent_facts_read(struct keyring *k, const char *agent, struct agent_facts *ret)
{
        CLEANUP(attrs_clear) struct attrs a = { 0 };
        int r;

        r = store_agent_read(keyring_store(k), agent, &a);
        if (r == 0)
                pin_state_in(k, &a, &ret->pins);
        if (r == 0)
                r = set_text(&ret->owner, attrs_str(&a, "owner", ""));
        if (r == 0)
                r = set_text(&ret->created, attrs_str(&a, "created", ""));
        if (r == 0)
                r = set_text(&ret->serial, attrs_str(&a, "serial", ""));
        return r == 0 ? count_keys(keyring_store(k), agent, &ret->keys) : r;
}
