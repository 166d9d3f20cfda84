/* SPDX-License-Identifier: BSD-2-Clause */
/* Are an agent's files what they should be? Looked at once, and again when somebody else changed its directory. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "keys/guarding.h"
#include "lib/err.h"

void guard_wrong(struct guard *g, struct subject *s, const char *text)
{
        if (s->wrong != NULL ? text != NULL && strcmp(s->wrong, text) == 0 : text == NULL)
                return;
        free(s->wrong);
        s->wrong = text != NULL ? strdup(text) : NULL;
        /* On the store's own files all agents hang. */
        if (text != NULL && s->name[0] == '\0')
                snprintf(g->whole, sizeof(g->whole), "%s", text);
        g->news++;
}

/* Is all of this edit to be seen in what is there? */
static bool came(const struct sum_list *edits, const struct sum_list *is)
{
        for (size_t i = 0; i < edits->n; i++) {
                const struct sum *there = sum_list_find(is, edits->list[i].file);

                if (edits->list[i].gone ? there != NULL : there == NULL || memcmp(there->hash, edits->list[i].hash, SUM_SIZE) != 0)
                        return false;
        }
        return true;
}

static bool is_open(const struct change *c, const struct subject *s)
{
        return c->subject == s && c->state == CHANGE_TOLD && !c->live;
}

static bool has_open(const struct guard *g, const struct subject *s)
{
        for (const struct change *c = g->sums.changes; c != NULL; c = c->next)
                if (is_open(c, s))
                        return true;
        return false;
}

/* Of what was told and then did not end, each was made or was not, as the files say. */
static int judge(struct guard *g, struct subject *s, const struct sum_list *is)
{
        CLEANUP(sum_list_clear) struct sum_list should = { 0 };
        const struct sum_list nothing = { 0 };
        char text[GUARD_TEXT_MAX];
        int r;

        r = sum_list_edited(&s->files, &nothing, &should);
        for (struct change *c = g->sums.changes; r == 0 && c != NULL; c = c->next)
                if (is_open(c, s) && came(&c->edits, is))
                        r = sum_list_edited(&should, &c->edits, &should);
        if (r != 0)
                return r;
        if (guard_differ(g->store, s->name, &should, is, text)) {
                guard_wrong(g, s, text);
                return s->wrong != NULL ? 0 : err(ERR_NOMEM, "out of memory");
        }
        guard_wrong(g, s, NULL);
        for (struct change *c = g->sums.changes; c != NULL; c = c->next)
                if (is_open(c, s))
                        c->state = came(&c->edits, is) ? CHANGE_DONE : CHANGE_UNDONE;
        sum_list_clear(&s->files);
        s->files = should;
        should = (struct sum_list){ 0 };
        return 0;
}

/* Nobody changes it meanwhile: who wants to checks first, and waits for us. */
static int verify(struct guard *g, struct subject *s)
{
        CLEANUP(sum_list_clear) struct sum_list is = { 0 };
        bool open = has_open(g, s);
        struct stamp stamp = { 0 };
        int r;

        s->verifying = true;
        pthread_mutex_unlock(&g->lock);
        r = guard_files(g->store, s->name, open, &is, &stamp);
        pthread_mutex_lock(&g->lock);
        if (r == 0)
                r = judge(g, s, &is);
        s->verified = r == 0;
        s->stamp = stamp;
        s->verifying = false;
        pthread_cond_broadcast(&g->moved);
        /* How it came out is told when something else is, at the latest. */
        if (r == 0 && open && s->wrong == NULL && !g->writing && guard_flush(g) != 0)
                err_reset();
        return r;
}

static bool is_unchanged(struct guard *g, const struct subject *s, const struct stat *dir)
{
        struct stat now;

        if (dir == NULL) {
                if (fstatat(g->store->agents_fd, s->name, &now, AT_SYMLINK_NOFOLLOW) != 0)
                        return errno == ENOENT && s->stamp.ino == 0;
                dir = &now;
        }
        return stamp_holds(&s->stamp, dir);
}

int guard_checked(struct guard *g, const char *agent, const struct stat *dir, struct subject **ret)
{
        struct subject *s;
        int r;

        if (g->whole[0] != '\0')
                return err(ERR_FOREIGN, "%s", g->whole);
        r = sums_subject(&g->sums, agent, &s);
        while (r == 0) {
                if (s->verifying || (s->live > 0 && !s->verified)) {
                        pthread_cond_wait(&g->moved, &g->lock);
                        /* What the caller has seen is old by now. */
                        dir = NULL;
                        continue;
                }
                /* While we change it ourselves, its directory says nothing. */
                if (s->live > 0 || (s->verified && (agent[0] == '\0' || is_unchanged(g, s, dir))))
                        break;
                r = verify(g, s);
                if (r == 0 && s->verified && !s->verifying)
                        break;
        }
        if (r == 0 && s->wrong != NULL)
                r = err(ERR_FOREIGN, "%s", s->wrong);
        if (r == 0 && ret != NULL)
                *ret = s;
        return r;
}
