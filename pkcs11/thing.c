/* SPDX-License-Identifier: BSD-2-Clause */
/* What does a handle stand for? In a program handles count up and never come back. In a daemon those of files are made from their UIDs,
 * so that one from before a restart means the same object after it: programs keep them for months. */
#include "pkcs11/thing.h"
#include <stdlib.h>
#include <string.h>
#include "lib/crypto.h"
#include "lib/err.h"
#include "pkcs11/objects.h"
#include "pkcs11/rv.h"

#define SERVED_OBJECTS_MAX ((size_t)256 * 1024) /* octets of one connection's session objects; the largest has a seventh of it */

struct thing {
        struct slot *slot;
        CK_OBJECT_HANDLE handle[HALVES]; /* 0: not given to anybody */
        bool private[HALVES];
        CK_SESSION_HANDLE session;       /* of a session object; 0 */
        struct object *object;           /* of a session object */
        size_t held;                     /* octets of memory, by it */
        struct item *item;               /* of a file */
        uint64_t uid;
        uint64_t version;                /* of slot->items that it was last seen in */
        size_t profile;
};

CK_RV handles_add(struct handles *l, CK_OBJECT_HANDLE h)
{
        if (l->n == l->cap) {
                size_t cap = l->cap == 0 ? 16 : l->cap * 2;
                CK_OBJECT_HANDLE *more = realloc(l->list, cap * sizeof(*more));

                if (more == NULL)
                        return CKR_HOST_MEMORY;
                l->list = more;
                l->cap = cap;
        }
        l->list[l->n++] = h;
        return CKR_OK;
}

/* UIDs are 16 hex digits, which is what a number has room for. */
static uint64_t uid_of(const struct item *i)
{
        return strtoull(i->uid, NULL, 16);
}

/* A daemon's handles of files have this bit, all others have not; the one above it stays clear for those who keep handles in signed numbers. */
#define OF_FILE ((CK_OBJECT_HANDLE)1 << (sizeof(CK_OBJECT_HANDLE) * 8 - 2))

static CK_OBJECT_HANDLE handle_of(uint64_t uid, enum half half)
{
        return OF_FILE | ((CK_OBJECT_HANDLE)(uid ^ (uid >> 31) ^ half) & (OF_FILE - 1));
}

/* What the others count up from is another number in every connection: a session object's handle from before a restart means none after it. */
static CK_RV first_count(struct app *a)
{
        uint32_t start;

        if (a->last_thing != 0 || a->host == NULL)
                return CKR_OK;
        if (crypto_random((uint8_t *)&start, sizeof(start)) != 0)
                return CKR_FUNCTION_FAILED;
        a->last_thing = (start & (OF_FILE / 4 - 1)) + 1;
        return CKR_OK;
}

/* Under app->lock, as all static functions from here on. */
static CK_RV next_handle(const struct thing *t, enum half half, CK_OBJECT_HANDLE *ret)
{
        struct app *a = t->slot->app;
        CK_OBJECT_HANDLE h;
        CK_RV rv;

        if (a->host == NULL || t->item == NULL) {
                rv = first_count(a);
                if (rv == CKR_OK)
                        *ret = ++a->last_thing;
                return rv;
        }
        for (h = handle_of(t->uid, half); table_get(&a->things, h) != NULL; h = OF_FILE | ((h + 1) & (OF_FILE - 1)))
                ;
        *ret = h;
        return CKR_OK;
}

static CK_RV give_handle(struct thing *t, enum half half)
{
        CK_OBJECT_HANDLE h;
        CK_RV rv;

        if (t->handle[half] != 0)
                return CKR_OK;
        rv = next_handle(t, half, &h);
        if (rv != CKR_OK)
                return rv;
        if (table_put(&t->slot->app->things, h, t) != 0)
                return CKR_HOST_MEMORY;
        t->handle[half] = h;
        return CKR_OK;
}

static void take_handle(struct thing *t, enum half half)
{
        if (t->handle[half] != 0)
                table_remove(&t->slot->app->things, t->handle[half]);
        t->handle[half] = 0;
}

static void thing_free(struct thing *t)
{
        for (enum half h = 0; h < HALVES; h++)
                take_handle(t, h);
        if (t->item != NULL && table_get(&t->slot->by_uid, t->uid) == t)
                table_remove(&t->slot->by_uid, t->uid);
        t->slot->app->held -= t->held;
        item_unref(t->item);
        object_unref(t->object);
        free(t);
}

/* About so much. What is borrowed from a file is nobody's own. */
static size_t memory_of(const struct object *o)
{
        size_t n = sizeof(*o) + o->own.label.cap + o->own.id.cap + o->own.der.cap + o->own.value.cap;

        for (size_t i = 0; i < o->own.attrs.n; i++)
                n += sizeof(struct attr) + o->own.attrs.list[i].value.cap;
        return n;
}

/* A daemon holds them for thousands of connections, each of which could make them without an end. */
static CK_RV hold(struct thing *t, const struct object *o)
{
        struct app *a = t->slot->app;
        size_t octets = memory_of(o), all = a->held - t->held + octets;

        if (a->host != NULL && octets > t->held && all > SERVED_OBJECTS_MAX)
                return CKR_DEVICE_MEMORY;
        t->held = octets;
        a->held = all;
        return CKR_OK;
}

/* A new snapshot: things of files that are in it stay, with the file as it is now. */
static void adopt_items(struct slot *slot, struct item_list *l)
{
        if (slot->items == l)
                return;
        item_list_unref(slot->items);
        slot->items = item_list_ref(l);
        slot->items_version++;
        if (slot->by_uid.n == 0)
                return;
        for (size_t i = 0; i < l->n; i++) {
                struct thing *t = table_get(&slot->by_uid, uid_of(l->list[i]));

                if (t == NULL)
                        continue;
                t->version = slot->items_version;
                if (t->item == l->list[i])
                        continue;
                item_unref(t->item);
                t->item = item_ref(l->list[i]);
        }
}

/* Not under app->lock: this reads the directory. */
static CK_RV list_files(struct slot *slot, struct item_list **ret)
{
        int r = store_items(keyring_store(slot->app->keyring), slot->agent, ret);

        return r == ERR_NOENT ? CKR_TOKEN_NOT_PRESENT : rv_from_err(r);
}

CK_RV things_look(struct slot *slot, struct item_list **ret)
{
        CK_RV rv;

        rv = list_files(slot, ret);
        if (rv != CKR_OK)
                return rv;
        pthread_mutex_lock(&slot->app->lock);
        adopt_items(slot, *ret);
        pthread_mutex_unlock(&slot->app->lock);
        return CKR_OK;
}

static CK_RV thing_new(struct slot *slot, struct thing **ret)
{
        struct thing *t = calloc(1, sizeof(*t));

        if (t == NULL)
                return CKR_HOST_MEMORY;
        t->slot = slot;
        t->profile = SLOT_PROFILES;
        *ret = t;
        return CKR_OK;
}

static CK_RV item_thing(struct slot *slot, struct item *i, struct thing **ret)
{
        struct thing *t = table_get(&slot->by_uid, uid_of(i));
        CK_RV rv;

        if (t != NULL) {
                /* Removed, and now back under the same name. */
                t->version = slot->items_version;
                *ret = t;
                return CKR_OK;
        }
        rv = thing_new(slot, &t);
        if (rv != CKR_OK)
                return rv;
        t->uid = uid_of(i);
        if (table_put(&slot->by_uid, t->uid, t) != 0) {
                thing_free(t);
                return CKR_HOST_MEMORY;
        }
        t->item = item_ref(i);
        t->version = slot->items_version;
        *ret = t;
        return CKR_OK;
}

CK_RV thing_of_item(struct slot *slot, struct item *i, enum half half, bool private, CK_OBJECT_HANDLE *ret)
{
        struct thing *t;
        CK_RV rv;

        pthread_mutex_lock(&slot->app->lock);
        rv = item_thing(slot, i, &t);
        if (rv == CKR_OK)
                rv = give_handle(t, half);
        if (rv == CKR_OK) {
                t->private[half] = private;
                *ret = t->handle[half];
        }
        pthread_mutex_unlock(&slot->app->lock);
        return rv;
}

static CK_RV profile_thing(struct slot *slot, size_t profile, CK_OBJECT_HANDLE *ret)
{
        struct thing *t;
        CK_RV rv;

        if (slot->profiles[profile] == 0) {
                rv = thing_new(slot, &t);
                if (rv != CKR_OK)
                        return rv;
                t->profile = profile;
                rv = give_handle(t, HALF_MAIN);
                if (rv != CKR_OK) {
                        thing_free(t);
                        return rv;
                }
                slot->profiles[profile] = t->handle[HALF_MAIN];
        }
        *ret = slot->profiles[profile];
        return CKR_OK;
}

CK_RV thing_of_profile(struct slot *slot, size_t profile, CK_OBJECT_HANDLE *ret)
{
        CK_RV rv;

        pthread_mutex_lock(&slot->app->lock);
        rv = profile_thing(slot, profile, ret);
        pthread_mutex_unlock(&slot->app->lock);
        return rv;
}

CK_RV thing_add(struct session *s, struct object *o, CK_OBJECT_HANDLE *ret)
{
        struct thing *t = NULL;
        CK_RV rv;

        pthread_mutex_lock(&s->app->lock);
        rv = thing_new(s->slot, &t);
        if (rv == CKR_OK)
                rv = hold(t, o);
        if (rv == CKR_OK)
                rv = give_handle(t, HALF_MAIN);
        if (rv == CKR_OK) {
                t->session = s->handle;
                t->object = object_ref(o);
                t->private[HALF_MAIN] = object_private(o);
                s->has_objects = true;
                *ret = t->handle[HALF_MAIN];
        } else if (t != NULL) {
                thing_free(t);
        }
        pthread_mutex_unlock(&s->app->lock);
        return rv;
}

/* Of this session's token. */
static struct thing *thing_at(struct session *s, CK_OBJECT_HANDLE h)
{
        struct thing *t = table_get(&s->app->things, h);

        return t != NULL && t->slot == s->slot ? t : NULL;
}

CK_RV thing_replace(struct session *s, CK_OBJECT_HANDLE h, struct object *o)
{
        struct thing *t;
        CK_RV rv;

        pthread_mutex_lock(&s->app->lock);
        t = thing_at(s, h);
        rv = t != NULL && t->object != NULL ? hold(t, o) : CKR_OBJECT_HANDLE_INVALID;
        if (rv == CKR_OK) {
                object_unref(t->object);
                t->object = object_ref(o);
        }
        pthread_mutex_unlock(&s->app->lock);
        return rv;
}

void thing_drop(struct session *s, CK_OBJECT_HANDLE h)
{
        struct thing *t;

        pthread_mutex_lock(&s->app->lock);
        t = thing_at(s, h);
        if (t != NULL && t->handle[HALF_PUBLIC] == h)
                take_handle(t, HALF_PUBLIC);
        else if (t != NULL)
                thing_free(t);
        pthread_mutex_unlock(&s->app->lock);
}

/* A session object that works with a file of the token. */
static bool copy_is_stale(const struct slot *slot, const struct object *o)
{
        const struct thing *t;

        if (!o->copy)
                return false;
        t = table_get(&slot->by_uid, uid_of(o->item));
        return t == NULL || t->version != slot->items_version;
}

/* A handle that this connection has not given: the one before it may have. */
static struct thing *recall(struct slot *slot, CK_OBJECT_HANDLE h)
{
        const struct item_list *l = slot->items;
        struct thing *t;

        if (slot->app->host == NULL || (h & OF_FILE) == 0 || table_get(&slot->app->things, h) != NULL)
                return NULL;
        for (size_t i = 0; i < l->n; i++)
                for (enum half half = 0; half < HALVES; half++) {
                        if (handle_of(uid_of(l->list[i]), half) != h)
                                continue;
                        if (item_thing(slot, l->list[i], &t) != CKR_OK || give_handle(t, half) != CKR_OK)
                                return NULL;
                        t->private[half] = half == HALF_MAIN;
                        return t->handle[half] == h ? t : NULL;
                }
        return NULL;
}

static CK_RV found(struct session *s, CK_OBJECT_HANDLE h, struct thing_found *ret)
{
        struct thing *t = thing_at(s, h);

        if (t == NULL)
                t = recall(s->slot, h);
        if (t == NULL)
                return CKR_OBJECT_HANDLE_INVALID;
        if ((t->item != NULL && t->version != s->slot->items_version) || (t->object != NULL && copy_is_stale(s->slot, t->object))) {
                thing_free(t);
                return CKR_OBJECT_HANDLE_INVALID;
        }
        ret->half = t->handle[HALF_PUBLIC] == h ? HALF_PUBLIC : HALF_MAIN;
        ret->item = t->item != NULL ? item_ref(t->item) : NULL;
        ret->object = t->object != NULL ? object_ref(t->object) : NULL;
        ret->profile = t->profile;
        return CKR_OK;
}

CK_RV thing_find(struct session *s, CK_OBJECT_HANDLE h, struct thing_found *ret)
{
        struct item_list *l;
        CK_RV rv;

        rv = list_files(s->slot, &l);
        if (rv != CKR_OK)
                return rv;
        /* In one go: another thread may hold an older list, without the file of a handle that was given just now. */
        pthread_mutex_lock(&s->app->lock);
        adopt_items(s->slot, l);
        rv = found(s, h, ret);
        pthread_mutex_unlock(&s->app->lock);
        item_list_unref(l);
        return rv;
}

void thing_found_clear(struct thing_found *f)
{
        item_unref(f->item);
        object_unref(f->object);
        *f = (struct thing_found){ 0 };
}

static int by_number(const void *a, const void *b)
{
        CK_OBJECT_HANDLE x = *(const CK_OBJECT_HANDLE *)a, y = *(const CK_OBJECT_HANDLE *)b;

        return x < y ? -1 : x > y;
}

CK_RV things_of_sessions(struct session *s, struct handles *ret)
{
        size_t pos = 0, before = ret->n;
        CK_RV rv = CKR_OK;
        struct thing *t;

        pthread_mutex_lock(&s->app->lock);
        while (rv == CKR_OK && (t = table_next(&s->app->things, &pos)) != NULL)
                if (t->slot == s->slot && t->session != 0)
                        rv = handles_add(ret, t->handle[HALF_MAIN]);
        pthread_mutex_unlock(&s->app->lock);
        if (rv == CKR_OK && ret->n > before)
                qsort(ret->list + before, ret->n - before, sizeof(*ret->list), by_number);
        return rv;
}

/* Removal moves places about, so one is removed per look and the search begins again where it was:
 * whoever moved in front of it is met in the next round. */
static bool drop_one(struct app *a, bool (*doomed)(const struct thing *t, const void *ctx), const void *ctx, size_t *pos)
{
        struct thing *t;

        while ((t = table_next(&a->things, pos)) != NULL)
                if (doomed(t, ctx)) {
                        if (t->session != 0)
                                thing_free(t);
                        else
                                take_handle(t, HALF_MAIN);
                        return true;
                }
        return false;
}

static void drop_all(struct app *a, bool (*doomed)(const struct thing *t, const void *ctx), const void *ctx)
{
        size_t pos, dropped;

        pthread_mutex_lock(&a->lock);
        do {
                for (pos = 0, dropped = 0; drop_one(a, doomed, ctx, &pos); dropped++)
                        ;
        } while (dropped > 0);
        pthread_mutex_unlock(&a->lock);
}

static bool of_session(const struct thing *t, const void *session)
{
        return t->session == ((const struct session *)session)->handle;
}

/* A main half alone: public halves are not private. */
static bool private_of_slot(const struct thing *t, const void *slot)
{
        return t->slot == slot && t->slot->pins && t->private[HALF_MAIN] && t->handle[HALF_MAIN] != 0;
}

void things_drop_session(const struct session *s)
{
        if (s->has_objects)
                drop_all(s->app, of_session, s);
}

void things_drop_private(struct slot *slot)
{
        drop_all(slot->app, private_of_slot, slot);
}

static void forget(struct thing *t)
{
        item_unref(t->item);
        object_unref(t->object);
        free(t);
}

/* Files by their UID, for they may have two handles; the others by their one. */
void things_free(struct app *a)
{
        struct thing *t;
        size_t pos = 0;

        while ((t = table_next(&a->things, &pos)) != NULL)
                if (t->item == NULL)
                        forget(t);
        for (size_t i = 0; i < a->n_slots; i++)
                for (pos = 0; (t = table_next(&a->slots[i]->by_uid, &pos)) != NULL;)
                        forget(t);
        table_clear(&a->things);
}
