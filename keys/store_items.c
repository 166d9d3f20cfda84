/* SPDX-License-Identifier: BSD-2-Clause */
/* Which objects does an agent have? Reads names, opens no file. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "keys/item.h"
#include "keys/store_dir.h"
#include "lib/err.h"
#include "lib/file.h"

#define ITEMS_MAX 100000
#define SCANS_MAX 5             /* of a directory that is changing */
#define STILL_MS 200            /* for which a reader waits for those who change it */

/* A list and its references; callers see the list alone. */
struct shared_list {
        struct item_list list;
        unsigned refs;          /* atomic */
};

struct item_list *item_list_ref(struct item_list *l)
{
        struct shared_list *shared = (struct shared_list *)l;

        __atomic_add_fetch(&shared->refs, 1, __ATOMIC_RELAXED);
        return l;
}

static void drop_items(struct item_list *l)
{
        for (size_t i = 0; i < l->n; i++)
                item_unref(l->list[i]);
        free(l->list);
        *l = (struct item_list){ 0 };
}

void item_list_unref(struct item_list *l)
{
        struct shared_list *shared = (struct shared_list *)l;

        if (!l || __atomic_sub_fetch(&shared->refs, 1, __ATOMIC_ACQ_REL) != 0)
                return;
        drop_items(l);
        free(shared);
}

static int by_name(const void *a, const void *b)
{
        const struct item *x = *(struct item *const *)a;
        const struct item *y = *(struct item *const *)b;

        return strcmp(x->file->name, y->file->name);
}

/* Of one UID the highest generation is last; the name decides between two that only a stranger can have made. */
static int by_uid(const void *a, const void *b)
{
        const struct item *x = *(struct item *const *)a;
        const struct item *y = *(struct item *const *)b;
        int c = memcmp(x->uid, y->uid, sizeof(x->uid));

        if (c != 0)
                return c;
        if (x->file->generation != y->file->generation)
                return x->file->generation < y->file->generation ? -1 : 1;
        return by_name(a, b);
}

struct scan {
        struct store *store;
        const char *agent;
        const char *uid;                /* of these alone, or NULL */
        const struct item_list *old;    /* sorted by name, or NULL */
        struct item_list items;
        struct item_list outdated;
        bool temps;
};

static int compare_name(const void *key, const void *element)
{
        const struct item *i = *(struct item *const *)element;

        return strcmp(key, i->file->name);
}

static int compare_uid(const void *key, const void *element)
{
        const struct item *i = *(struct item *const *)element;

        return strcmp(key, i->uid);
}

/* The item of a file that was there before. A name is never given to other contents by us; the inode tells if somebody else did. */
static struct item *known(const struct item_list *old, const struct dirent *e)
{
        struct item **found;

        if (!old || old->n == 0)
                return NULL;
        found = bsearch(e->d_name, old->list, old->n, sizeof(*old->list), compare_name);
        return found && (*found)->file->ino == e->d_ino ? item_ref(*found) : NULL;
}

static int append(struct item_list *l, struct item *i)
{
        struct item **list;

        if (l->n == ITEMS_MAX)
                return err(ERR_RANGE, "more than %d objects", ITEMS_MAX);
        /* Room grows in powers of two. */
        if ((l->n & (l->n - 1)) == 0) {
                list = realloc(l->list, (l->n ? l->n * 2 : 1) * sizeof(*list));
                if (!list)
                        return err(ERR_NOMEM, "out of memory");
                l->list = list;
        }
        l->list[l->n++] = i;
        return 0;
}

static int scan_entry(const struct dirent *e, void *ctx)
{
        struct scan *scan = ctx;
        struct item *i;
        int r;

        if (scan->uid && !strstr(e->d_name, scan->uid))
                return 0;
        i = known(scan->old, e);
        if (!i) {
                r = item_new(scan->store, scan->agent, e->d_name, e->d_ino, &i);
                /* The agent file, a writer's temporary file, a stranger's. */
                if (r == ERR_FORMAT) {
                        scan->temps |= e->d_name[0] == '.';
                        return 0;
                }
                if (r != 0)
                        return r;
        }
        r = append(&scan->items, i);
        if (r != 0)
                item_unref(i);
        return r;
}

/* Sorts by UID and sets aside what a change left behind that was interrupted between its new file and the removal of the old one. */
static int set_outdated_aside(struct scan *scan)
{
        struct item_list *l = &scan->items;
        size_t n = 0;
        int r = 0;

        if (l->n > 0)
                qsort(l->list, l->n, sizeof(*l->list), by_uid);
        for (size_t i = 0; i < l->n; i++) {
                bool outdated = r == 0 && i + 1 < l->n && strcmp(l->list[i]->uid, l->list[i + 1]->uid) == 0;

                if (outdated)
                        r = append(&scan->outdated, l->list[i]);
                if (!outdated || r != 0)
                        l->list[n++] = l->list[i];
        }
        l->n = n;
        return r;
}

static void scan_clear(struct scan *scan)
{
        drop_items(&scan->items);
        drop_items(&scan->outdated);
}

/* Is there an object that this scan, by UID, does not show? */
static bool lacks(const struct scan *scan, const struct item_list *before)
{
        for (size_t i = 0; i < before->n; i++)
                if (scan->items.n == 0 || !bsearch(before->list[i]->uid, scan->items.list, scan->items.n, sizeof(*scan->items.list), compare_uid))
                        return true;
        return false;
}

static bool is_still(int dir, const struct stamp *stamp)
{
        struct stat st;

        return fstat(dir, &st) == 0 && stamp_holds(stamp, &st);
}

static int scan_dir(int dir, struct stamp *ret_stamp, struct scan *scan)
{
        int r;

        r = stamp_take(dir, ret_stamp);
        if (r == 0)
                r = dir_list(dir, scan_entry, scan);
        return r != 0 ? r : set_outdated_aside(scan);
}

/* A directory is read in several steps. An object that is changed meanwhile may get its new name behind the reader and lose
 * the old one before him: so what is missing from a directory that may be changing is looked for again, if possible with
 * all changes held off. Two scans in a row may miss the same object. */
static int read_items(struct store *s, const struct agent_cache *c, struct stamp *ret_stamp, struct scan *scan)
{
        CLEANUP(scan_clear) struct scan first = { 0 };
        const struct item_list *before = c->items;
        CLEANUP(file_unlock) int lock = -1;
        CLEANUP(close_fd) int dir = -1;
        int r;

        r = store_agent_dir(s, c->name, &dir);
        for (unsigned n = 1; r == 0; n++) {
                if (n == 2)
                        (void)file_lock(s->fd, "lock", false, STILL_MS, &lock);
                *scan = (struct scan){ .store = s, .agent = c->name, .old = c->items };
                r = scan_dir(dir, ret_stamp, scan);
                if (r != 0 || n == SCANS_MAX || lock >= 0 || is_still(dir, ret_stamp) || (before && !lacks(scan, before)))
                        break;
                if (before) {
                        scan_clear(scan);
                } else {
                        first = *scan;
                        before = &first.items;
                }
        }
        if (r == 0 && scan->items.n > 0)
                qsort(scan->items.list, scan->items.n, sizeof(*scan->items.list), by_name);
        return r;
}

/* Reads the directory anew. Call with s->lock held. */
static int refresh(struct store *s, struct agent_cache *c)
{
        struct shared_list *shared;
        struct scan scan = { 0 };
        struct stamp stamp;
        int r;

        shared = calloc(1, sizeof(*shared));
        if (!shared)
                return err(ERR_NOMEM, "out of memory");
        r = read_items(s, c, &stamp, &scan);
        if (r != 0) {
                scan_clear(&scan);
                free(shared);
                return r;
        }
        *shared = (struct shared_list){ .list = scan.items, .refs = 1 };
        item_list_unref(c->items);
        c->items = &shared->list;
        c->stamp = stamp;
        c->temps = scan.temps;
        drop_items(&c->outdated);
        c->outdated = scan.outdated;
        return 0;
}

static void cache_free(struct agent_cache *c)
{
        item_list_unref(c->items);
        drop_items(&c->outdated);
        free(c);
}

/* Where the pointer to this agent's cache is, or the NULL at the end. */
static struct agent_cache **cache_place(struct store *s, const char *agent)
{
        struct agent_cache **p = &s->caches;

        while (*p && strcmp((*p)->name, agent) != 0)
                p = &(*p)->next;
        return p;
}

void store_forget(struct store *s, const char *agent)
{
        struct agent_cache **p = agent ? cache_place(s, agent) : &s->caches;
        struct agent_cache *c;

        while ((c = *p)) {
                *p = c->next;
                cache_free(c);
                if (agent)
                        return;
        }
}

/* Found or made, and moved to the front. agent is a valid name. */
static struct agent_cache *cache_of(struct store *s, const char *agent)
{
        struct agent_cache **p = cache_place(s, agent);
        struct agent_cache *c = *p;

        if (c) {
                *p = c->next;
        } else {
                c = calloc(1, sizeof(*c));
                if (!c)
                        return NULL;
                strcpy(c->name, agent);
        }
        c->next = s->caches;
        s->caches = c;
        return c;
}

static int items_locked(struct store *s, const char *agent, struct item_list **ret)
{
        struct agent_cache *c;
        struct stat st;
        int r = 0;

        if (!agent_name_valid(agent))
                return err(ERR_NOENT, "there is no agent %s", agent);
        if (fstatat(s->agents_fd, agent, &st, AT_SYMLINK_NOFOLLOW) != 0) {
                if (errno != ENOENT)
                        return err_errno("agent %s", agent);
                store_forget(s, agent);
                return err(ERR_NOENT, "there is no agent %s", agent);
        }
        c = cache_of(s, agent);
        if (!c)
                return err(ERR_NOMEM, "out of memory");
        if (!c->items || !stamp_holds(&c->stamp, &st))
                r = refresh(s, c);
        if (r == 0)
                *ret = item_list_ref(c->items);
        return r;
}

int store_items(struct store *s, const char *agent, struct item_list **ret)
{
        int r;

        pthread_mutex_lock(&s->lock);
        r = items_locked(s, agent, ret);
        pthread_mutex_unlock(&s->lock);
        return r;
}

bool store_unswept(struct store *s, const char *agent)
{
        struct agent_cache *c;
        bool unswept;

        pthread_mutex_lock(&s->lock);
        c = *cache_place(s, agent);
        unswept = c && (c->temps || c->outdated.n > 0);
        pthread_mutex_unlock(&s->lock);
        return unswept;
}

/* A newer generation that could not be made durable was withdrawn: the older one, acknowledged long ago, counts again. */
static bool is_outdated(struct store *s, const char *agent, int dir, const struct item *i)
{
        CLEANUP(store_generations_clear) struct item_list there = { 0 };

        return store_generations(s, agent, dir, i->uid, &there) == 0 && there.n > 0 &&
               strcmp(there.list[there.n - 1]->file->name, i->file->name) != 0;
}

/* The newer one may be a writer's that died before it was durable, and a power cut could leave neither. */
static void remove_outdated(struct store *s, const char *agent, int dir, const struct item_list *outdated)
{
        if (outdated->n == 0 || dir_sync(dir, agent) != 0)
                return;
        for (size_t i = 0; i < outdated->n; i++)
                if (is_outdated(s, agent, dir, outdated->list[i]))
                        unlinkat(dir, outdated->list[i]->file->name, 0);
}

void store_sweep(struct store *s, const char *agent, int dir)
{
        struct item_list outdated = { 0 };
        struct agent_cache *c;
        bool temps = false;

        pthread_mutex_lock(&s->lock);
        c = *cache_place(s, agent);
        if (c) {
                outdated = c->outdated;
                c->outdated = (struct item_list){ 0 };
                temps = c->temps;
                c->temps = false;
        }
        pthread_mutex_unlock(&s->lock);

        remove_outdated(s, agent, dir, &outdated);
        drop_items(&outdated);
        if (temps)
                file_sweep(dir);
}

int store_generations(struct store *s, const char *agent, int dir, const char *uid, struct item_list *ret)
{
        struct scan scan = { .store = s, .agent = agent, .uid = uid };
        int r;

        r = dir_list(dir, scan_entry, &scan);
        /* The UID may stand in a name as something else. */
        for (size_t i = 0; i < scan.items.n;) {
                struct item *item = scan.items.list[i];

                if (strcmp(item->uid, uid) == 0) {
                        i++;
                        continue;
                }
                scan.items.list[i] = scan.items.list[--scan.items.n];
                item_unref(item);
        }
        if (r != 0) {
                drop_items(&scan.items);
                return r;
        }
        if (scan.items.n > 0)
                qsort(scan.items.list, scan.items.n, sizeof(*scan.items.list), by_uid);
        *ret = scan.items;
        return 0;
}

void store_generations_clear(struct item_list *l)
{
        drop_items(l);
}
