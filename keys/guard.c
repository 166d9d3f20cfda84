/* SPDX-License-Identifier: BSD-2-Clause */
/* Is the store that is there the one that was left? */
#include "keys/guard.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "keys/guarding.h"
#include "lib/err.h"
#include "lib/file.h"

/* Takes a subject's files as they are. */
static int take_files(struct guard *g, const char *name, bool synced)
{
        struct subject *s;
        int r;

        r = sums_subject(&g->sums, name, &s);
        if (r == 0)
                r = guard_files(g->store, name, synced, &s->files, &s->stamp);
        if (r != 0)
                return r;
        for (struct change *c = g->sums.changes, *next; c != NULL; c = next) {
                next = c->next;
                if (c->subject == s) {
                        sums_remove(&g->sums, c);
                        change_free(c);
                }
        }
        s->verified = true;
        guard_wrong(g, s, NULL);
        return 0;
}

static int take_all(struct guard *g)
{
        struct agent_names names = { 0 };
        int r;

        for (size_t b = 0; b < SUMS_BUCKETS; b++)
                for (struct subject *s = g->sums.buckets[b]; s != NULL; s = s->next) {
                        sum_list_clear(&s->files);
                        guard_wrong(g, s, NULL);
                }
        r = take_files(g, "", false);
        if (r == 0)
                r = store_agents(g->store, &names);
        for (size_t i = 0; r == 0 && i < names.n; i++)
                r = take_files(g, names.list[i], false);
        agent_names_clear(&names);
        while (r == 0 && g->sums.changes != NULL) {
                struct change *c = g->sums.changes;

                sums_remove(&g->sums, c);
                change_free(c);
        }
        return r;
}

/* Everything, as it is, into a file of its own, which no older one can take the place of. */
static int begin_anew(struct guard *g)
{
        int r = 0;

        g->rewrite = g->advance = true;
        g->behind = false;
        if (g->has_counter)
                r = g->counter.read(g->counter.ctx, &g->sums.counter);
        else
                g->sums.counter = 0;
        if (r == 0)
                r = take_all(g);
        return r != 0 ? r : guard_flush(g);
}

static void refuse_all(struct guard *g, const char *why)
{
        snprintf(g->whole, sizeof(g->whole), "%s", why);
        g->news++;
}

static int compare_counter(struct guard *g, bool bad_end)
{
        uint64_t is, told = g->sums.counter;
        char why[GUARD_TEXT_MAX] = "";
        int r;

        if (!g->has_counter || told == 0) {
                if (told != 0)
                        refuse_all(g, "the store's sums hang on a counter of the TPM, and the store names none");
                else if (g->has_counter)
                        refuse_all(g, "the store's sums were kept without a counter of the TPM: whether they are an older copy nobody knows");
                else if (bad_end)
                        refuse_all(g, "the store's sums were edited at their end");
                return 0;
        }
        r = g->counter.read(g->counter.ctx, &is);
        if (r == ERR_NOENT || r == ERR_AUTH) {
                snprintf(why, sizeof(why), "the TPM's counter, which the store's sums hang on, is gone: %.200s", err_text());
                refuse_all(g, why);
                return 0;
        }
        if (r != 0)
                return r;
        if (is > told)
                snprintf(why, sizeof(why), "the TPM's counter is %" PRIu64 ", the store's sums say %" PRIu64 ": %s", is, told,
                         bad_end ? "they were edited at their end" : "the store, or its file of sums, is an older copy");
        else if (is + 1 < told)
                snprintf(why, sizeof(why), "the TPM's counter is %" PRIu64 ", the store's sums say %" PRIu64 ": they hang on another counter", is, told);
        if (why[0] != '\0')
                refuse_all(g, why);
        else if (is < told)
                g->behind = true;
        return 0;
}

/* What a crash left of a block is no harm: the counter says whether more is missing. */
static int read_sums(struct guard *g, struct bytes text)
{
        enum sums_end end = SUMS_EDITED;
        int r;

        r = sums_load(text, BYTES(g->key, SUM_SIZE), &g->sums, &end);
        if (r == ERR_FORMAT) {
                refuse_all(g, err_text());
                return 0;
        }
        if (r == 0 && end == SUMS_EDITED) {
                refuse_all(g, text.len == 0 ? "the store's sums are empty, and not by holdfastd" : "the store's sums were edited, or made under another secret");
                return 0;
        }
        if (r != 0)
                return r;
        g->size = text.len;
        g->image_size = g->sums.first_size;
        g->rewrite = end != SUMS_WHOLE || guard_append_to(g) != 0;
        return compare_counter(g, end == SUMS_BAD_END);
}

/* Agents that came or went; all others are looked at when they are used. */
static int compare_agents(struct guard *g)
{
        struct agent_names names = { 0 };
        struct subject *known;
        int r;

        r = store_agents(g->store, &names);
        for (size_t i = 0; r == 0 && i < names.n; i++) {
                r = sums_subject(&g->sums, names.list[i], &known);
                if (r == 0 && known->files.n == 0)
                        r = guard_checked(g, names.list[i], NULL, NULL);
                r = r == ERR_FOREIGN ? 0 : r;
        }
        for (size_t b = 0; r == 0 && b < SUMS_BUCKETS; b++)
                for (struct subject *s = g->sums.buckets[b]; r == 0 && s != NULL; s = s->next) {
                        if (s->files.n > 0 && s->name[0] != '\0' && !agent_names_find(&names, s->name))
                                r = guard_checked(g, s->name, NULL, NULL);
                        r = r == ERR_FOREIGN ? 0 : r;
                }
        agent_names_clear(&names);
        return r;
}

static int compare_store(struct guard *g)
{
        int r = guard_checked(g, "", NULL, NULL);

        if (r == ERR_FOREIGN)
                return 0;
        return r != 0 ? r : compare_agents(g);
}

static bool has_news(const struct guard *g)
{
        for (const struct change *c = g->sums.changes; c != NULL; c = c->next)
                if (c->state == CHANGE_DONE || c->state == CHANGE_UNDONE)
                        return true;
        return g->behind || g->rewrite;
}

static int start(struct guard *g, bool first)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        int r;

        r = file_read(g->store->fd, SUMS_FILE, SUMS_TEXT_MAX, &text);
        if (r == ERR_NOENT && first)
                return begin_anew(g);
        if (r == ERR_NOENT || r == ERR_FORMAT) {
                refuse_all(g, "the store's sums were removed");
                return 0;
        }
        if (r == 0)
                r = read_sums(g, BYTES_OF(&text));
        if (r == 0 && g->whole[0] == '\0')
                r = compare_store(g);
        /* What an interrupted writer left is put in order now, if it can be. */
        if (r == 0 && g->whole[0] == '\0' && has_news(g) && guard_flush(g) != 0)
                err_reset();
        return r;
}

static int check(void *ctx, const char *agent, const struct stat *dir)
{
        struct guard *g = ctx;
        int r;

        pthread_mutex_lock(&g->lock);
        r = guard_checked(g, agent, dir, NULL);
        pthread_mutex_unlock(&g->lock);
        return r;
}

static void guard_free(struct guard *g)
{
        close_fd(&g->fd);
        sums_clear(&g->sums);
        wipe(g->key, sizeof(g->key));
        pthread_cond_destroy(&g->moved);
        pthread_mutex_destroy(&g->lock);
        free(g);
}

int guard_open(struct store *s, struct bytes mac_key, bool first, const struct guard_counter *c, struct guard **ret)
{
        struct guard *g;
        int r;

        if (mac_key.len != SUM_SIZE)
                return err(ERR_INVAL, "a key of %zu octets", mac_key.len);
        g = calloc(1, sizeof(*g));
        if (g == NULL)
                return err(ERR_NOMEM, "out of memory");
        pthread_mutex_init(&g->lock, NULL);
        pthread_cond_init(&g->moved, NULL);
        g->store = s;
        g->fd = -1;
        g->has_counter = c != NULL;
        if (c != NULL)
                g->counter = *c;
        memcpy(g->key, mac_key.ptr, SUM_SIZE);
        pthread_mutex_lock(&g->lock);
        r = start(g, first);
        pthread_mutex_unlock(&g->lock);
        if (r != 0) {
                guard_free(g);
                return r;
        }
        store_watch(s, &(struct store_watcher){ g, check, guard_before, guard_after });
        *ret = g;
        return 0;
}

void guard_close(struct guard *g)
{
        if (g == NULL)
                return;
        store_watch(g->store, NULL);
        pthread_mutex_lock(&g->lock);
        if (g->whole[0] == '\0' && has_news(g) && guard_flush(g) != 0)
                err_reset();
        pthread_mutex_unlock(&g->lock);
        guard_free(g);
}

int guard_check(struct guard *g, const char *agent)
{
        if (agent != NULL && !agent_name_valid(agent))
                return err(ERR_NOENT, "there is no agent %s", agent);
        return check(g, agent != NULL ? agent : "", NULL);
}

static int accept_all(struct guard *g)
{
        int r = begin_anew(g);

        if (r == 0)
                g->whole[0] = '\0';
        else if (g->whole[0] == '\0')
                refuse_all(g, err_text());
        g->news++;
        return r;
}

static int accept_agent(struct guard *g, const char *agent)
{
        struct sum_list before;
        struct subject *s;
        int r;

        if (g->whole[0] != '\0')
                return err(ERR_FOREIGN, "%s", g->whole);
        r = sums_subject(&g->sums, agent, &s);
        if (r != 0)
                return r;
        before = s->files;
        s->files = (struct sum_list){ 0 };
        r = take_files(g, agent, true);
        if (r == 0 && before.n == 0 && s->files.n == 0)
                return err(ERR_NOENT, "there is no agent %s", agent);
        g->rewrite = g->advance = true;
        if (r == 0)
                r = guard_flush(g);
        if (r == 0) {
                sum_list_clear(&before);
                return 0;
        }
        /* Nothing is accepted that is not written down. */
        sum_list_clear(&s->files);
        s->files = before;
        s->verified = false;
        return r;
}

int guard_accept(struct guard *g, const char *agent)
{
        CLEANUP(file_unlock) int lock = -1;
        int r;

        if (agent != NULL && !agent_name_valid(agent))
                return err(ERR_NOENT, "there is no agent %s", agent);
        /* Nobody changes anything meanwhile. */
        r = store_write_lock(g->store, true, &lock);
        if (r != 0)
                return r;
        pthread_mutex_lock(&g->lock);
        while (g->writing)
                pthread_cond_wait(&g->moved, &g->lock);
        r = agent != NULL ? accept_agent(g, agent) : accept_all(g);
        pthread_mutex_unlock(&g->lock);
        return r;
}

/* Findings */

struct findings {
        struct guard_finding *list;
        size_t n, room;
};

static int add_finding(struct findings *f, const char *agent, bool refuses, const char *text)
{
        struct guard_finding *list = f->list;

        if (f->n == f->room) {
                list = realloc(list, (f->room * 2 + 4) * sizeof(*list));
                if (list == NULL)
                        return err(ERR_NOMEM, "out of memory");
                f->list = list;
                f->room = f->room * 2 + 4;
        }
        list[f->n].refuses = refuses;
        snprintf(list[f->n].agent, sizeof(list->agent), "%s", agent);
        snprintf(list[f->n].text, sizeof(list->text), "%s", text);
        f->n++;
        return 0;
}

static int find(struct guard *g, struct findings *f)
{
        char text[GUARD_TEXT_MAX];
        int r = 0;

        if (g->whole[0] != '\0')
                r = add_finding(f, "", true, g->whole);
        if (r == 0 && !g->has_counter)
                r = add_finding(f, "", false, "no counter of the TPM stands behind the store's sums: an older copy of all would not be noticed");
        if (r == 0 && g->behind) {
                snprintf(text, sizeof(text), "the TPM's counter could not be raised, nothing is changed until it can be: %s", g->behind_why);
                r = add_finding(f, "", false, text);
        }
        if (r == 0 && g->unwritten_why[0] != '\0') {
                snprintf(text, sizeof(text), "the store's sums could not be written, nothing is changed until they can be: %s", g->unwritten_why);
                r = add_finding(f, "", false, text);
        }
        for (size_t b = 0; r == 0 && b < SUMS_BUCKETS; b++)
                for (const struct subject *s = g->sums.buckets[b]; r == 0 && s != NULL; s = s->next)
                        if (s->wrong != NULL && s->name[0] != '\0')
                                r = add_finding(f, s->name, true, s->wrong);
        return r;
}

int guard_findings(struct guard *g, struct guard_finding **ret, size_t *ret_n)
{
        struct findings f = { 0 };
        int r;

        pthread_mutex_lock(&g->lock);
        r = find(g, &f);
        pthread_mutex_unlock(&g->lock);
        if (r != 0) {
                free(f.list);
                return r;
        }
        *ret = f.list;
        *ret_n = f.n;
        return 0;
}

unsigned guard_news(struct guard *g)
{
        unsigned n;

        pthread_mutex_lock(&g->lock);
        n = g->news;
        pthread_mutex_unlock(&g->lock);
        return n;
}
