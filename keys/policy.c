/* SPDX-License-Identifier: BSD-2-Clause */
/* Which of an agent's rules lets this peer do that, if any? Rules are read once and again when the agent's file changes. */
#include "keys/caller.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "keys/policy_file.h"
#include "keys/store_dir.h"
#include "lib/err.h"
#include "lib/file.h"

#define BUCKETS 4096            /* of agents, by their names */

/* How much of a limit is used in the time that began then. */
struct used {
        uint64_t since_ms;
        unsigned count;
};

struct numbered {
        unsigned number;
        struct rule *rule;
        struct used used[RULE_RATES_MAX];
};

/* What was read of one agent. */
struct rules {
        struct rules *next;
        char *agent;
        bool read;
        struct stamp stamp;     /* of the agent's directory, which changes with its file */
        char *locked;           /* why; NULL: it is not */
        struct buf owner;
        int error;              /* what is wrong with its rules, else 0: nothing is allowed then */
        char why[200];
        struct numbered *list;
        size_t n;
};

struct policy {
        pthread_mutex_t lock;
        struct store *store;
        struct rules *buckets[BUCKETS];
        struct policy_hold *holds;
};

int policy_new(struct store *s, struct policy **ret)
{
        struct policy *p = calloc(1, sizeof(*p));

        if (p == NULL)
                return err(ERR_NOMEM, "out of memory");
        pthread_mutex_init(&p->lock, NULL);
        p->store = s;
        *ret = p;
        return 0;
}

static void forget_rules(struct rules *r)
{
        for (size_t i = 0; i < r->n; i++)
                rule_free(r->list[i].rule);
        free(r->list);
        r->list = NULL;
        r->n = 0;
        free(r->locked);
        r->locked = NULL;
        buf_clear(&r->owner);
        r->error = 0;
        r->read = false;
}

static void rules_free(struct rules *r)
{
        forget_rules(r);
        free(r->agent);
        free(r);
}

void policy_reload(struct policy *p)
{
        pthread_mutex_lock(&p->lock);
        for (size_t b = 0; b < BUCKETS; b++)
                while (p->buckets[b] != NULL) {
                        struct rules *r = p->buckets[b];

                        p->buckets[b] = r->next;
                        rules_free(r);
                }
        pthread_mutex_unlock(&p->lock);
}

void policy_free(struct policy *p)
{
        if (p == NULL)
                return;
        policy_reload(p);
        pthread_mutex_destroy(&p->lock);
        free(p);
}

/* FNV-1a: agents are not chosen by those who would want collisions. */
static size_t bucket_of(const char *name)
{
        uint32_t h = 2166136261u;

        for (; *name != '\0'; name++)
                h = (h ^ (uint8_t)*name) * 16777619u;
        return h % BUCKETS;
}

/* Under the lock. NULL: nothing was read of it yet. */
static struct rules *known(const struct policy *p, const char *agent)
{
        struct rules *r = p->buckets[bucket_of(agent)];

        while (r != NULL && strcmp(r->agent, agent) != 0)
                r = r->next;
        return r;
}

/* Under the lock, of an agent that there is: names that a caller made up would stay for ever. */
static int rules_of(struct policy *p, const char *agent, struct rules **ret)
{
        struct rules **bucket = &p->buckets[bucket_of(agent)], *r = known(p, agent);

        if (r != NULL) {
                *ret = r;
                return 0;
        }
        r = calloc(1, sizeof(*r));
        if (r == NULL || (r->agent = strdup(agent)) == NULL) {
                free(r);
                return err(ERR_NOMEM, "out of memory");
        }
        r->next = *bucket;
        *bucket = r;
        *ret = r;
        return 0;
}

/* The counts of a rule that stayed go on. */
static void keep_used(const struct numbered *old, size_t n, struct numbered *rule)
{
        for (size_t i = 0; i < n; i++)
                if (old[i].number == rule->number)
                        memcpy(rule->used, old[i].used, sizeof(rule->used));
}

static int read_lines(struct rules *r, const struct attrs *lines, const struct numbered *old, size_t n_old)
{
        const struct buf *locked = attrs_get(lines, POLICY_LOCK_LINE), *owner = attrs_get(lines, "owner");
        size_t n = 0;
        int e = 0;

        if (owner != NULL)
                e = buf_set(&r->owner, BYTES_OF(owner));
        if (e == 0 && locked != NULL) {
                r->locked = strndup((const char *)locked->ptr, locked->len);
                e = r->locked != NULL ? 0 : err(ERR_NOMEM, "out of memory");
        }
        for (size_t i = 0; i < lines->n; i++)
                n += policy_rule_number(lines->list[i].name) != 0;
        if (e == 0 && n > RULES_MAX)
                return err(ERR_FORMAT, "more than %d rules", RULES_MAX);
        if (e == 0 && n > 0) {
                r->list = calloc(n, sizeof(*r->list));
                e = r->list != NULL ? 0 : err(ERR_NOMEM, "out of memory");
        }
        for (size_t i = 0; e == 0 && i < lines->n; i++) {
                struct numbered rule = { .number = policy_rule_number(lines->list[i].name) };

                if (rule.number == 0)
                        continue;
                e = rule_parse(BYTES_OF(&lines->list[i].value), &rule.rule);
                if (e != 0)
                        return e;
                keep_used(old, n_old, &rule);
                r->list[r->n++] = rule;
        }
        return e;
}

/* Under the lock. A file that cannot be understood allows nothing, and its sentence is kept for who asks. */
static int read_rules(struct policy *p, struct rules *r)
{
        CLEANUP(attrs_clear) struct attrs lines = { 0 };
        struct numbered old[RULES_MAX];
        size_t n_old = r->n;
        int e;

        e = store_agent_read(p->store, r->agent, &lines);
        if (e != 0 && e != ERR_FORMAT)
                return e;
        for (size_t i = 0; i < n_old; i++)
                old[i] = r->list[i];
        forget_rules(r);
        if (e == 0)
                e = read_lines(r, &lines, old, n_old);
        if (e == ERR_NOMEM)
                return e;
        r->error = e;
        snprintf(r->why, sizeof(r->why), "%s", e != 0 ? err_text() : "");
        r->read = true;
        return 0;
}

/* Under the lock: the agent's rules as its file has them now. */
static int current(struct policy *p, const char *agent, struct rules **ret)
{
        CLEANUP(close_fd) int dir = -1;
        struct stat now;
        struct rules *r = NULL;
        int e;

        e = store_agent_dir(p->store, agent, &dir);
        if (e == 0)
                e = rules_of(p, agent, &r);
        if (e != 0)
                return e;
        if (fstat(dir, &now) != 0)
                return err_errno("cannot look at the directory of agent %s", agent);
        e = store_check(p->store, agent, &now);
        if (e != 0)
                return e;
        if (!r->read || !stamp_holds(&r->stamp, &now)) {
                e = stamp_take(dir, &r->stamp);
                if (e == 0)
                        e = read_rules(p, r);
        }
        *ret = r;
        return e;
}

static bool all_locked(struct store *s)
{
        struct stat st;

        /* What cannot be found out is taken for locked. */
        return fstatat(store_dirfd(s), POLICY_LOCK_FILE, &st, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
}

static void say(struct decision *d, bool allowed, const char *rule, const char *reason)
{
        d->allowed = allowed;
        snprintf(d->rule, sizeof(d->rule), "%s", rule);
        snprintf(d->reason, sizeof(d->reason), "%s", reason);
}

/* Is there room in all of the rule's limits? */
static bool within_rates(struct numbered *n, uint64_t now_ms, bool count)
{
        const struct rule_rate *rates;
        size_t n_rates = rule_rates(n->rule, &rates);

        for (size_t i = 0; i < n_rates; i++) {
                struct used *u = &n->used[i];

                if (now_ms < u->since_ms || now_ms - u->since_ms >= (uint64_t)rates[i].seconds * 1000)
                        *u = (struct used){ .since_ms = now_ms };
                if (u->count >= rates[i].count)
                        return false;
        }
        for (size_t i = 0; count && i < n_rates; i++)
                n->used[i].count++;
        return true;
}

static int explain_line(struct buf *text, const struct numbered *n, const char *why)
{
        CLEANUP(buf_clear) struct buf rule = { 0 };
        int r;

        if (text == NULL)
                return 0;
        r = rule_format(n->rule, &rule);
        return r != 0 ? r : buf_printf(text, "allow-%u: %s: %s\n", n->number, why, buf_str(&rule));
}

/* Under the lock. The first rule that matches and has room decides; a spent limit is told rather than that others did not match. */
static int by_rules(struct rules *r, const struct peer *who, const struct request *q, bool count, struct decision *ret, struct buf *text)
{
        char line[32];
        int e = 0;

        say(ret, false, "default", "no rule allows it");
        for (size_t i = 0; e == 0 && i < r->n; i++) {
                struct numbered *n = &r->list[i];
                bool matches = rule_match(n->rule, who, q) == 0;

                snprintf(line, sizeof(line), "allow-%u", n->number);
                if (!matches) {
                        e = explain_line(text, n, err_text());
                } else if (ret->allowed) {
                        e = explain_line(text, n, "matches too");
                } else if (within_rates(n, q->now_ms, count)) {
                        say(ret, true, line, "");
                        e = explain_line(text, n, "matches");
                } else {
                        say(ret, false, line, "its rate is used up");
                        e = explain_line(text, n, "its rate is used up");
                }
                if (ret->allowed && text == NULL)
                        break;
        }
        return e;
}

static int decide(struct policy *p, const struct peer *who, const char *agent, const struct request *q, bool count, struct decision *ret, struct buf *text)
{
        char why[256];
        struct rules *r;
        int e;

        e = current(p, agent, &r);
        if (e != 0)
                return e;
        if (r->error != 0) {
                snprintf(why, sizeof(why), "the rules cannot be read: %.200s", r->why);
                say(ret, false, "default", why);
                return 0;
        }
        e = by_rules(r, who, q, count && r->locked == NULL, ret, text);
        if (e == 0 && r->locked != NULL)
                say(ret, false, "lock", r->locked);
        return e;
}

/* Under the lock. */
static bool is_held(const struct policy *p, const char *agent)
{
        const struct policy_hold *h = p->holds;

        while (h != NULL && h->agent != NULL && strcmp(h->agent, agent) != 0)
                h = h->next;
        return h != NULL;
}

static int decide_locked(struct policy *p, const struct peer *who, const char *agent, const struct request *q, bool count, struct decision *ret,
                         struct buf *text)
{
        bool locked = all_locked(p->store), held;
        struct decision d = { 0 };
        int e;

        if (who == NULL)
                return err(ERR_DENIED, "nobody is known to ask");
        pthread_mutex_lock(&p->lock);
        held = is_held(p, agent);
        e = decide(p, who, agent, q, count && !locked && !held, &d, text);
        pthread_mutex_unlock(&p->lock);
        if (e != 0)
                return e;
        if (locked)
                say(&d, false, "lock", "all agents are locked");
        else if (held)
                say(&d, false, "lock", "a lock is being written");
        *ret = d;
        return 0;
}

int policy_decide(struct policy *p, const struct peer *who, const char *agent, const struct request *q, struct decision *ret)
{
        return decide_locked(p, who, agent, q, true, ret, NULL);
}

int policy_explain(struct policy *p, const struct peer *who, const char *agent, const struct request *q, struct decision *ret, struct buf *ret_text)
{
        buf_reset(ret_text);
        return decide_locked(p, who, agent, q, false, ret, ret_text);
}

/* Under the lock: what was read of agents that are gone is no use any more. */
static void forget_gone(struct policy *p, const struct agent_names *there)
{
        for (size_t b = 0; b < BUCKETS; b++)
                for (struct rules **link = &p->buckets[b], *r; (r = *link) != NULL;) {
                        if (agent_names_find(there, r->agent)) {
                                link = &r->next;
                                continue;
                        }
                        *link = r->next;
                        rules_free(r);
                }
}

int policy_read_all(struct policy *p)
{
        CLEANUP(agent_names_clear) struct agent_names names = { 0 };
        struct rules *r;
        int e;

        e = store_agents(p->store, &names);
        if (e != 0)
                return e;
        /* Decisions go on in between. One agent that cannot be read is refused when it is asked for, and hinders no other. */
        for (size_t i = 0; i < names.n; i++) {
                pthread_mutex_lock(&p->lock);
                e = current(p, names.list[i], &r);
                pthread_mutex_unlock(&p->lock);
                if (e == ERR_NOMEM)
                        return e;
        }
        pthread_mutex_lock(&p->lock);
        forget_gone(p, &names);
        pthread_mutex_unlock(&p->lock);
        return 0;
}

bool policy_sees(struct policy *p, const struct peer *who, const char *agent)
{
        bool sees = false;
        struct rules *r;
        int e = 0;

        if (who == NULL)
                return false;
        pthread_mutex_lock(&p->lock);
        r = known(p, agent);
        if (r == NULL || !r->read)
                e = current(p, agent, &r);
        for (size_t i = 0; e == 0 && i < r->n && !sees; i++)
                sees = rule_sees(r->list[i].rule, who);
        pthread_mutex_unlock(&p->lock);
        return sees;
}

int policy_owner(struct policy *p, const char *agent, struct buf *ret)
{
        struct rules *r;
        int e = 0;

        pthread_mutex_lock(&p->lock);
        r = known(p, agent);
        if (r == NULL || !r->read)
                e = current(p, agent, &r);
        if (e == 0)
                e = buf_set(ret, BYTES_OF(&r->owner));
        pthread_mutex_unlock(&p->lock);
        /* Of an agent that is refused for what somebody did to its files the log tells all the same. */
        return e == ERR_NOENT || e == ERR_FOREIGN ? 0 : e;
}

const struct judge policy_judge = { policy_decide, policy_sees, policy_owner };

void policy_read(struct policy *p, const char *agent)
{
        struct rules *r;

        /* What cannot be read is refused when it is asked for. */
        pthread_mutex_lock(&p->lock);
        (void)current(p, agent, &r);
        pthread_mutex_unlock(&p->lock);
}

void policy_hold(struct policy *p, struct policy_hold *h)
{
        pthread_mutex_lock(&p->lock);
        h->next = p->holds;
        p->holds = h;
        pthread_mutex_unlock(&p->lock);
}

void policy_release(struct policy *p, struct policy_hold *h)
{
        struct policy_hold **link = &p->holds;

        pthread_mutex_lock(&p->lock);
        while (*link != h)
                link = &(*link)->next;
        *link = h->next;
        pthread_mutex_unlock(&p->lock);
}
