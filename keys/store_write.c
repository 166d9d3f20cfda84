/* SPDX-License-Identifier: BSD-2-Clause */
/* Adds, changes and removes objects, so that at every moment each is there whole or not at all. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "keys/item.h"
#include "keys/store_dir.h"
#include "lib/crypto.h"
#include "lib/err.h"
#include "lib/file.h"

/* The writers' lock and the agent's directory. */
struct writing {
        int lock;
        int dir;
};

#define NOT_WRITING { -1, -1 }

static void writing_end(struct writing *w)
{
        close_fd(&w->dir);
        file_unlock(&w->lock);
}

static int writing_begin(struct store *s, const char *agent, bool exclusive, struct writing *w)
{
        bool alone = exclusive;
        int r;

        if (exclusive)
                r = store_write_lock(s, true, &w->lock);
        else
                r = store_maker_lock(s, store_unswept(s, agent), &alone, &w->lock);
        if (r == 0)
                r = store_agent_dir(s, agent, &w->dir);
        if (r == 0 && alone)
                store_sweep(s, agent, w->dir);
        return r;
}

static int new_uid(char ret[17])
{
        CLEANUP(buf_clear) struct buf hex = { 0 };
        uint8_t random[8];
        int r;

        r = crypto_random(random, sizeof(random));
        if (r == 0)
                r = hex_encode(BYTES(random, sizeof(random)), &hex);
        if (r != 0)
                return r;
        memcpy(ret, hex.ptr, 16);
        ret[16] = '\0';
        return 0;
}

/* Reads back what is about to be written: whatever cannot be read never gets to the disk. */
static int body_of(struct bytes text, const struct item_spec *spec, struct item_body **ret)
{
        struct item_body *b;
        enum item_type type;
        int r;

        b = calloc(1, sizeof(*b));
        if (!b)
                return err(ERR_NOMEM, "out of memory");
        r = item_parse(text, &type, b);
        if (r == 0 && type != spec->type) {
                item_body_clear(b);
                r = err(ERR_INVAL, "an object that is not of its type");
        }
        if (r != 0) {
                free(b);
                return r;
        }
        *ret = b;
        return 0;
}

/* Item and text of a file that is still to be written: all that may fail for want of memory comes first. */
static int prepare(struct store *s, const char *agent, const struct item_spec *spec, const char *uid, uint32_t generation,
                   const char *created, struct buf *ret_text, struct item **ret)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        CLEANUP(buf_clear) struct buf name = { 0 };
        struct item *i = NULL;
        int r;

        r = item_format(spec, uid, created, &text);
        if (r == 0)
                r = item_name_format(spec->type, spec->label, spec->id, uid, generation, &name);
        if (r == 0 && !buf_str(&name))
                r = err(ERR_NOMEM, "out of memory");
        if (r == 0)
                r = item_new(s, agent, buf_str(&name), 0, &i);
        if (r == 0)
                r = body_of(BYTES_OF(&text), spec, &i->body);
        if (r != 0) {
                item_unref(i);
                return r;
        }
        buf_take(&text, ret_text);
        *ret = i;
        return 0;
}

static void item_unrefp(struct item **i)
{
        item_unref(*i);
}

static void give(struct item **i, struct item **ret)
{
        if (!ret)
                return;
        *ret = *i;
        *i = NULL;
}

int store_item_add(struct store *s, const char *agent, const struct item_spec *spec, struct item **ret)
{
        CLEANUP(writing_end) struct writing w = NOT_WRITING;
        CLEANUP(item_unrefp) struct item *made = NULL;
        CLEANUP(buf_clear) struct buf text = { 0 };
        void *change = NULL;
        char uid[17];
        int r;

        r = new_uid(uid);
        if (r == 0)
                r = prepare(s, agent, spec, uid, 1, NULL, &text, &made);
        if (r == 0)
                r = writing_begin(s, agent, false, &w);
        if (r == 0)
                r = store_before(s, agent, &(struct store_edit){ .file = made->file->name, .minor = spec->type == ITEM_CERT, .content = BYTES_OF(&text) }, 1,
                                 false, &change);
        if (r == 0) {
                r = file_write(w.dir, made->file->name, BYTES_OF(&text), STORE_FILE_MODE, false);
                store_after(s, change, r);
        }
        if (r == 0)
                give(&made, ret);
        return r;
}

/* In words for the watcher: what is there goes, and with a text the new file comes. */
static int tell(struct store *s, const char *agent, const struct item_list *there, const struct item *made, const struct buf *text, void **change)
{
        CLEANUP(free_ptr) struct store_edit *edits = calloc(there->n + 1, sizeof(*edits));
        bool minor = made != NULL && made->type == ITEM_CERT;
        size_t n = 0;

        if (edits == NULL)
                return err(ERR_NOMEM, "out of memory");
        for (; n < there->n; n++)
                edits[n] = (struct store_edit){ .file = there->list[n]->file->name, .gone = true, .minor = minor };
        if (made != NULL)
                edits[n++] = (struct store_edit){ .file = made->file->name, .minor = minor, .content = BYTES_OF(text) };
        return store_before(s, agent, edits, n, false, change);
}

/* What of the object is there, the one that counts last. */
static int generations_of(struct store *s, const char *agent, const struct item *i, int dir, struct item_list *ret)
{
        int r;

        r = store_generations(s, agent, dir, i->uid, ret);
        if (r == 0 && ret->n == 0)
                r = err(ERR_STALE, "%s of agent %s was removed meanwhile", i->file->name, agent);
        return r;
}

int store_item_change(struct store *s, const char *agent, struct item *i, const struct item_spec *spec, struct item **ret)
{
        CLEANUP(store_generations_clear) struct item_list there = { 0 };
        CLEANUP(writing_end) struct writing w = NOT_WRITING;
        CLEANUP(item_unrefp) struct item *made = NULL;
        CLEANUP(buf_clear) struct buf text = { 0 };
        const struct item_body *old;
        void *change = NULL;
        int r;

        if (spec->type != i->type)
                return err(ERR_INVAL, "an object cannot become one of another type");
        r = item_load(i, &old);
        if (r == 0)
                r = prepare(s, agent, spec, i->uid, i->file->generation + 1, attrs_str(&old->attrs, "created", NULL), &text, &made);
        if (r == 0)
                r = writing_begin(s, agent, true, &w);
        if (r == 0)
                r = generations_of(s, agent, i, w.dir, &there);
        if (r != 0)
                return r;
        if (strcmp(there.list[there.n - 1]->file->name, i->file->name) != 0)
                return err(ERR_STALE, "%s of agent %s was changed meanwhile", i->file->name, agent);

        r = tell(s, agent, &there, made, &text, &change);
        if (r != 0)
                return r;
        r = file_write(w.dir, made->file->name, BYTES_OF(&text), STORE_FILE_MODE, false);
        /* The new generation counts from here on, and what of the old ones stays is swept later. */
        for (size_t n = 0; r == 0 && n < there.n; n++)
                unlinkat(w.dir, there.list[n]->file->name, 0);
        if (r == 0) {
                dir_sync(w.dir, agent);
                give(&made, ret);
        }
        store_after(s, change, r);
        return r;
}

int store_item_remove(struct store *s, const char *agent, struct item *i)
{
        CLEANUP(store_generations_clear) struct item_list there = { 0 };
        CLEANUP(writing_end) struct writing w = NOT_WRITING;
        void *change = NULL;
        int r;

        r = writing_begin(s, agent, true, &w);
        if (r == 0)
                r = generations_of(s, agent, i, w.dir, &there);
        if (r == 0)
                r = tell(s, agent, &there, NULL, NULL, &change);
        /* The newest last, each durably: an older one must not come back in its place. */
        for (size_t n = 0; r == 0 && n < there.n; n++)
                r = file_remove(w.dir, there.list[n]->file->name);
        store_after(s, change, r);
        return r;
}

int store_item_path(struct store *s, const char *agent, const struct item *i, struct buf *ret)
{
        buf_reset(ret);
        return buf_printf(ret, "%s/agents/%s/%s", s->path, agent, i->file->name);
}
