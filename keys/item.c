/* SPDX-License-Identifier: BSD-2-Clause */
/* One object: known by its file's name, read when somebody asks for more. */
#include <stdlib.h>
#include <string.h>
#include "keys/item.h"
#include "keys/store_dir.h"
#include "lib/err.h"
#include "lib/file.h"

static void item_free(struct item *i)
{
        if (i->file)
                store_unref(i->file->store);
        free(i->file);
        buf_clear(&i->label);
        buf_clear(&i->id);
        if (i->body)
                item_body_clear(i->body);
        free(i->body);
        free(i);
}

struct item *item_ref(struct item *i)
{
        __atomic_add_fetch(&i->file->refs, 1, __ATOMIC_RELAXED);
        return i;
}

void item_unref(struct item *i)
{
        if (i && __atomic_sub_fetch(&i->file->refs, 1, __ATOMIC_ACQ_REL) == 0)
                item_free(i);
}

static int file_new(struct store *s, const char *agent, const char *name, struct item_file **ret)
{
        size_t agent_size = strlen(agent) + 1;
        size_t name_size = strlen(name) + 1;
        struct item_file *f;

        f = calloc(1, sizeof(*f) + agent_size + name_size);
        if (!f)
                return err(ERR_NOMEM, "out of memory");
        f->refs = 1;
        f->store = store_ref(s);
        f->name = f->agent + agent_size;
        memcpy(f->agent, agent, agent_size);
        memcpy(f->name, name, name_size);
        *ret = f;
        return 0;
}

int item_new(struct store *s, const char *agent, const char *name, ino_t ino, struct item **ret)
{
        CLEANUP(item_name_clear) struct item_name n = { 0 };
        struct item *i;
        int r;

        r = item_name_parse(name, &n);
        if (r != 0)
                return r;
        i = calloc(1, sizeof(*i));
        if (!i)
                return err(ERR_NOMEM, "out of memory");
        r = file_new(s, agent, name, &i->file);
        if (r != 0) {
                free(i);
                return r;
        }
        i->type = n.type;
        memcpy(i->uid, n.uid, sizeof(i->uid));
        buf_take(&n.label.value, &i->label);
        buf_take(&n.id.value, &i->id);
        i->file->ino = ino;
        i->file->generation = n.generation;
        i->file->label = n.label;
        i->file->id = n.id;
        *ret = i;
        return 0;
}

static int body_of_spec(const struct item_spec *spec, struct item_body **ret)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        enum item_type type;
        struct item_body *b;
        int r;

        b = calloc(1, sizeof(*b));
        if (!b)
                return err(ERR_NOMEM, "out of memory");
        r = item_format(spec, "0000000000000000", NULL, &text);
        if (r == 0)
                r = item_parse(BYTES_OF(&text), &type, b);
        if (r != 0) {
                free(b);
                return r;
        }
        *ret = b;
        return 0;
}

int item_in_memory(struct store *s, const struct item_spec *spec, struct item **ret)
{
        struct item *i;
        int r;

        i = calloc(1, sizeof(*i));
        if (!i)
                return err(ERR_NOMEM, "out of memory");
        r = file_new(s, "", "", &i->file);
        if (r != 0) {
                free(i);
                return r;
        }
        i->type = spec->type;
        strcpy(i->uid, "0000000000000000");
        r = buf_set(&i->label, spec->label);
        if (r == 0)
                r = buf_set(&i->id, spec->id);
        if (r == 0)
                r = body_of_spec(spec, &i->body);
        if (r != 0) {
                item_free(i);
                return r;
        }
        *ret = i;
        return 0;
}

/* A file that its owner made by hand need not have the line; where it is it must be what the name says. */
static bool part_belongs(const struct item_name_part *p, const struct buf *in_name, const struct buf *in_head)
{
        if (!in_head)
                return !p->hashed;
        return p->hashed ? item_name_part_fits(p, BYTES_OF(in_head)) : bytes_equal(BYTES_OF(in_name), BYTES_OF(in_head));
}

static bool belongs(const struct item *i, enum item_type type, const struct item_body *b)
{
        return type == i->type && strcmp(attrs_str(&b->attrs, "uid", i->uid), i->uid) == 0 &&
               part_belongs(&i->file->label, &i->label, attrs_get(&b->attrs, "label")) &&
               part_belongs(&i->file->id, &i->id, attrs_get(&b->attrs, "id") ? &b->id : NULL);
}

static int read_file(const struct item *i, struct buf *ret)
{
        CLEANUP(close_fd) int dir = -1;
        int r;

        r = store_agent_dir(i->file->store, i->file->agent, &dir);
        if (r == 0)
                r = store_check(i->file->store, i->file->agent, NULL);
        if (r == 0)
                r = file_read(dir, i->file->name, ITEM_FILE_MAX, ret);
        if (r == ERR_NOENT)
                return err(ERR_STALE, "%s of agent %s was removed or changed meanwhile", i->file->name, i->file->agent);
        return r;
}

static int read_body(const struct item *i, struct item_body *ret)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        CLEANUP(item_body_clear) struct item_body b = { 0 };
        enum item_type type;
        int r;

        r = read_file(i, &text);
        if (r != 0)
                return r;
        r = item_parse(BYTES_OF(&text), &type, &b);
        if (r == ERR_FORMAT || r == ERR_NOTSUP)
                return err(r, "%s of agent %s: %s", i->file->name, i->file->agent, err_text());
        if (r != 0)
                return r;
        if (!belongs(i, type, &b))
                return err(ERR_FORMAT, "%s of agent %s has not the label, ID, UID or type that its name says", i->file->name, i->file->agent);
        *ret = b;
        b = (struct item_body){ 0 };
        return 0;
}

int item_load(struct item *i, const struct item_body **ret)
{
        struct item_body *there = __atomic_load_n(&i->body, __ATOMIC_ACQUIRE);
        struct item_body *b;
        int r;

        if (there) {
                *ret = there;
                return 0;
        }
        b = calloc(1, sizeof(*b));
        if (!b)
                return err(ERR_NOMEM, "out of memory");
        r = read_body(i, b);
        if (r != 0) {
                free(b);
                return r;
        }
        /* Two threads may have read it; the first one's stays. */
        if (!__atomic_compare_exchange_n(&i->body, &there, b, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
                item_body_clear(b);
                free(b);
                b = there;
        }
        *ret = b;
        return 0;
}

int item_label(struct item *i, struct bytes *ret)
{
        const struct item_body *b;
        int r;

        if (!i->file->label.hashed) {
                *ret = BYTES_OF(&i->label);
                return 0;
        }
        r = item_load(i, &b);
        if (r == 0)
                *ret = BYTES_OF(attrs_get(&b->attrs, "label"));
        return r;
}

int item_id(struct item *i, struct bytes *ret)
{
        const struct item_body *b;
        int r;

        if (!i->file->id.hashed) {
                *ret = BYTES_OF(&i->id);
                return 0;
        }
        r = item_load(i, &b);
        if (r == 0)
                *ret = BYTES_OF(&b->id);
        return r;
}

bool item_label_is(struct item *i, struct bytes label)
{
        struct bytes whole;

        if (!i->file->label.hashed)
                return bytes_equal(BYTES_OF(&i->label), label);
        return item_name_part_fits(&i->file->label, label) && item_label(i, &whole) == 0 && bytes_equal(whole, label);
}

bool item_id_is(struct item *i, struct bytes id)
{
        struct bytes whole;

        if (!i->file->id.hashed)
                return bytes_equal(BYTES_OF(&i->id), id);
        return item_name_part_fits(&i->file->id, id) && item_id(i, &whole) == 0 && bytes_equal(whole, id);
}
