/* SPDX-License-Identifier: BSD-2-Clause */
/* What does a change make of an agent's files? Told before it is made, and how it came out after. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "keys/guarding.h"
#include "lib/crypto.h"
#include "lib/err.h"

static int put_edit(const struct store_edit *e, struct sum_list *ret)
{
        uint8_t hash[SUM_SIZE];
        int r = 0;

        if (!e->gone)
                r = crypto_hash(hash_by_name("SHA256"), &e->content, 1, hash);
        return r != 0 ? r : sum_list_put(ret, e->file, e->gone, hash);
}

/* What was not known goes without being told. */
static bool is_known(const struct guard *g, const struct subject *s, const char *file)
{
        if (sum_list_find(&s->files, file) != NULL)
                return true;
        for (const struct change *c = g->sums.changes; c != NULL; c = c->next)
                if (c->subject == s && sum_list_find(&c->edits, file) != NULL)
                        return true;
        return false;
}

static int put_edits(const struct guard *g, const struct subject *s, const struct store_edit *edits, size_t n, bool alone, struct sum_list *ret)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < n; i++)
                if (guard_covers(s->name, edits[i].file) && (!edits[i].gone || is_known(g, s, edits[i].file)))
                        r = put_edit(&edits[i], ret);
        for (size_t i = 0; r == 0 && alone && i < s->files.n; i++)
                if (sum_list_find(ret, s->files.list[i].file) == NULL)
                        r = sum_list_put(ret, s->files.list[i].file, true, NULL);
        return r;
}

static void give_up(struct guard *g, struct change *c)
{
        c->subject->live--;
        sums_remove(&g->sums, c);
        change_free(c);
        pthread_cond_broadcast(&g->moved);
}

/* Nothing that an older copy of would help anybody: what comes back is worth no more than what went. */
static bool all_minor(const struct store_edit *edits, size_t n)
{
        size_t i = 0;

        while (i < n && edits[i].minor)
                i++;
        return n > 0 && i == n;
}

static int begin(struct guard *g, const char *agent, const struct store_edit *edits, size_t n, bool alone, struct change **ret)
{
        struct subject *s;
        struct change *c;
        int r;

        r = guard_checked(g, agent, NULL, &s);
        if (r != 0)
                return r;
        c = calloc(1, sizeof(*c));
        if (c == NULL)
                return err(ERR_NOMEM, "out of memory");
        *c = (struct change){ .subject = s, .state = CHANGE_NEW, .live = true, .minor = all_minor(edits, n) };
        r = put_edits(g, s, edits, n, alone, &c->edits);
        if (r != 0 || c->edits.n == 0) {
                change_free(c);
                return r;
        }
        c->number = ++g->sums.number;
        s->live++;
        sums_add(&g->sums, c);
        r = guard_reach(g, c, CHANGE_TOLD);
        if (r != 0)
                give_up(g, c);
        else
                *ret = c;
        return r;
}

int guard_before(void *ctx, const char *agent, const struct store_edit *edits, size_t n, bool alone, void **change)
{
        struct change *c = NULL, *first = *change;
        struct guard *g = ctx;
        int r;

        pthread_mutex_lock(&g->lock);
        r = begin(g, agent != NULL ? agent : "", edits, n, alone, &c);
        pthread_mutex_unlock(&g->lock);
        if (first == NULL) {
                *change = c;
                return r;
        }
        while (first->also != NULL)
                first = first->also;
        first->also = c;
        return r;
}

/* From now on a change by others can be told from ours. */
static void take_stamp(struct guard *g, struct subject *s)
{
        struct stat st;

        s->stamp = (struct stamp){ 0 };
        if (s->name[0] == '\0' || fstatat(g->store->agents_fd, s->name, &st, AT_SYMLINK_NOFOLLOW) != 0)
                return;
        s->stamp = (struct stamp){ .dev = st.st_dev, .ino = st.st_ino, .mtime = st.st_mtim, .ctime = st.st_ctim, .settled = true };
}

static void end(struct guard *g, struct change *c, int outcome)
{
        struct subject *s = c->subject;

        s->live--;
        c->live = false;
        c->awaited = true;
        if (outcome == 0 && sum_list_edited(&s->files, &c->edits, &s->files) == 0) {
                if (s->live == 0)
                        take_stamp(g, s);
                c->state = CHANGE_DONE;
        } else {
                /* The files say, when they are looked at next. */
                s->verified = false;
        }
}

/* If it cannot be told now, it is when it can. */
static void settle(struct guard *g, struct change *c)
{
        if (c->state == CHANGE_DONE)
                (void)guard_reach(g, c, CHANGE_SETTLED);
        c->awaited = false;
        if (c->state == CHANGE_SETTLED)
                change_free(c);
}

void guard_after(void *ctx, void *change, int outcome)
{
        struct guard *g = ctx;
        char why[256];

        snprintf(why, sizeof(why), "%s", err_text());
        pthread_mutex_lock(&g->lock);
        for (struct change *c = change; c != NULL; c = c->also)
                end(g, c, outcome);
        pthread_cond_broadcast(&g->moved);
        for (struct change *c = change, *also; c != NULL; c = also) {
                also = c->also;
                settle(g, c);
        }
        pthread_mutex_unlock(&g->lock);
        if (outcome != 0)
                err(outcome, "%s", why);
        else
                err_reset();
}
