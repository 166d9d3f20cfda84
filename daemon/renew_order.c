/* SPDX-License-Identifier: BSD-2-Clause */
/* What do operators and agents want of the issuer now, beside what is due? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "daemon/obtain.h"
#include "daemon/renewing.h"
#include "lib/err.h"

int renew_turn_to(struct renewer *r, struct joined *j)
{
        struct client *c = NULL, *old;
        int n = join_client(r->o.core, j, &c);

        if (n != 0)
                return n;
        pthread_mutex_lock(&r->lock);
        old = r->client;
        r->client = c;
        if (r->ending)
                client_stop(c);
        joined_clear(&r->joined);
        r->joined = *j;
        *j = (struct joined){ 0 };
        r->join_plan = (struct schedule){ 0 };
        for (struct enrolled *x = r->list; x != NULL; x = x->next)
                x->plan = (struct schedule){ 0 };
        pthread_mutex_unlock(&r->lock);
        client_free(old);
        /* Those tokens are not this one's. */
        if (r->cache != NULL)
                tokencache_drop(r->cache, BYTES("", 0));
        return 0;
}

static bool same(const struct buf *a, const struct buf *b)
{
        return bytes_equal(BYTES_OF(a), BYTES_OF(b));
}

/* What is asked for, against what is there: the configuration is the operators', too, and a start goes by it. */
static int choose(struct renewer *r, const struct join_wish *w, struct joined *j)
{
        const char *url = w->url != NULL ? w->url : r->o.core->conf.issuer_url;

        if (w->url != NULL && r->o.core->conf.issuer_url != NULL && strcmp(w->url, r->o.core->conf.issuer_url) != 0)
                return err(ERR_INVAL, "[issuer] url of the configuration names another issuer");
        if (url != NULL)
                return join_ordered(r->o.core, url, w->ca, w->host, j);
        return join_read(r->o.core, j);
}

static int join(struct renewer *r, const struct caller *who, const struct join_wish *w)
{
        CLEANUP(joined_clear) struct joined j = { 0 }, before = { 0 };
        struct deed d = { .event = AUDIT_JOIN, .request = { .operation = "join" } };
        bool other;
        int n;

        n = choose(r, w, &j);
        if (n == 0)
                n = join_same_ca(&r->joined, &j);
        if (n == 0)
                n = caller_may(who, &d);
        if (n != 0)
                return n;
        other = !r->present || !same(&j.url, &r->joined.url) || !same(&j.host, &r->joined.host) || !same(&j.ca, &r->joined.ca);
        n = joined_copy(&r->joined, &before);
        if (n == 0 && other)
                n = renew_turn_to(r, &j);
        if (n == 0)
                n = renew_join(r, who, w->token);
        n = caller_did(who, &d, n, BYTES(NULL, 0));
        if (n == 0) {
                pthread_mutex_lock(&r->lock);
                r->present = true;
                pthread_mutex_unlock(&r->lock);
        }
        /* Nothing came of it: it is as it was. */
        if (n != 0 && other && r->present) {
                CLEANUP(buf_clear) struct buf why = { 0 };

                (void)buf_append_str(&why, err_text());
                (void)renew_turn_to(r, &before);
                return err(n, "%s", why.len > 0 ? buf_str(&why) : "the issuer was not joined");
        }
        return n == 0 ? renewer_run(r) : n;
}

int renewer_join(struct renewer *r, const struct caller *who, const struct join_wish *w, struct joined *ret)
{
        int n;

        renew_talk(r);
        n = join(r, who, w);
        pthread_mutex_lock(&r->lock);
        if (n == 0)
                n = joined_copy(&r->joined, ret);
        pthread_cond_broadcast(&r->wake);
        pthread_mutex_unlock(&r->lock);
        pthread_mutex_unlock(&r->talk);
        return n;
}

static int must_run(struct renewer *r)
{
        if (!r->running)
                return err(ERR_NOTINIT, "this host has joined no issuer: holdfast join");
        return 0;
}

int renew_fill(struct enrolment *e, const char *agent, struct item *key, const char *profile)
{
        struct bytes label;
        int n;

        snprintf(e->agent, sizeof(e->agent), "%s", agent);
        n = item_label(key, &label);
        if (n == 0)
                n = buf_set(&e->label, label);
        if (n == 0 && profile != NULL)
                n = buf_append_str(&e->profile, profile);
        return n == 0 && (buf_str(&e->label) == NULL || buf_str(&e->profile) == NULL) ? err(ERR_NOMEM, "out of memory") : n;
}

void renew_put(struct renewer *r, struct enrolled *new)
{
        struct enrolled *x, **link = &r->list;
        struct schedule_now now;

        schedule_now(&now);
        schedule_issued(&new->plan, &now, new->e.not_before, new->e.renew_after, new->e.not_after);
        pthread_mutex_lock(&r->lock);
        x = renew_find(r, new->e.agent, BYTES_OF(&new->e.label));
        if (x != NULL) {
                enrolment_clear(&x->e);
                x->e = new->e;
                x->plan = new->plan;
                free(new);
        } else {
                while (*link != NULL)
                        link = &(*link)->next;
                *link = new;
        }
        pthread_cond_broadcast(&r->wake);
        pthread_mutex_unlock(&r->lock);
}

int renewer_enroll(struct renewer *r, const struct caller *who, const char *agent, struct item *key, const char *profile, const struct peer *process,
                   struct answer_credential *ret)
{
        struct enrolled *new = calloc(1, sizeof(*new));
        struct bytes label = { 0 };
        struct deed d = { .event = AUDIT_ISSUE, .agent = agent, .request = { .operation = "enroll" } };
        int n;

        if (new == NULL)
                return err(ERR_NOMEM, "out of memory");
        renew_talk(r);
        n = must_run(r);
        if (n == 0)
                n = item_label(key, &label);
        d.request.key_label = label;
        if (n == 0)
                n = renew_fill(&new->e, agent, key, profile);
        if (n == 0)
                n = caller_may(who, &d);
        if (n == 0)
                n = caller_did(who, &d, renew_key(r, who, &new->e, key, process, ret), BYTES(NULL, 0));
        if (n == 0) {
                renew_put(r, new);
        } else {
                enrolment_clear(&new->e);
                free(new);
        }
        pthread_mutex_unlock(&r->talk);
        return n;
}

static int put_part(struct buf *name, struct bytes part)
{
        int n = buf_append_u32(name, (uint32_t)part.len);

        return n == 0 ? buf_append(name, part.ptr, part.len) : n;
}

/* The beginning of all names of a key's tokens. */
static int tokens_name(const char *agent, struct bytes label, struct buf *ret)
{
        int n = buf_append(ret, agent, strlen(agent) + 1);

        return n == 0 ? put_part(ret, label) : n;
}

/* By what an issuer may judge a process: what one program was given is not another's. */
static int process_name(const struct peer *p, struct buf *ret)
{
        const struct bytes parts[] = { BYTES_OF(&p->unit), BYTES_OF(&p->exe), BYTES_OF(&p->exe_sha256) };
        int n = buf_append_u32(ret, (uint32_t)p->uid);

        for (size_t i = 0; n == 0 && i < ARRAY_LEN(parts); i++)
                n = put_part(ret, parts[i]);
        return n;
}

/* Also by the key itself: another one of that label has other tokens. */
static int token_name(const char *agent, struct item *key, const char *audience, const struct peer *process, struct buf *ret)
{
        const struct item_body *b;
        struct bytes label;
        int n;

        n = item_load(key, &b);
        if (n == 0)
                n = item_label(key, &label);
        if (n == 0)
                n = tokens_name(agent, label, ret);
        if (n == 0)
                n = put_part(ret, BYTES_OF(&b->key.pub));
        if (n == 0)
                n = put_part(ret, BYTES_STR(audience));
        return n == 0 && process != NULL ? process_name(process, ret) : n;
}

static int take_out(struct renewer *r, const char *agent, struct bytes label)
{
        struct enrolled **link = &r->list, *x;
        int n = ERR_NOENT;

        pthread_mutex_lock(&r->lock);
        x = renew_find(r, agent, label);
        while (x != NULL && *link != x)
                link = &(*link)->next;
        if (x != NULL) {
                *link = x->next;
                enrolment_clear(&x->e);
                free(x);
                n = 0;
        }
        pthread_mutex_unlock(&r->lock);
        return n == 0 ? 0 : err(n, "this key of agent %s is not enrolled", agent);
}

int renewer_unenroll(struct renewer *r, const struct caller *who, const char *agent, struct bytes label)
{
        CLEANUP(buf_clear) struct buf name = { 0 };
        struct deed d = { .event = AUDIT_ISSUE, .agent = agent, .request = { .operation = "unenroll", .key_label = label } };
        int n;

        renew_talk(r);
        n = must_run(r);
        if (n == 0)
                n = tokens_name(agent, label, &name);
        if (n == 0)
                n = caller_may(who, &d);
        if (n == 0) {
                n = take_out(r, agent, label);
                if (n == 0)
                        n = credentials_remove(r->credentials, agent, label);
                n = caller_did(who, &d, n, BYTES(NULL, 0));
                tokencache_drop(r->cache, BYTES_OF(&name));
        }
        pthread_mutex_unlock(&r->talk);
        return n;
}

/* Its keys one by one, and every token. */
static int end_agent(struct renewer *r, const char *agent)
{
        struct enrolled *x;
        int n = 0;

        tokencache_drop(r->cache, BYTES(agent, strlen(agent) + 1));
        do {
                CLEANUP(buf_clear) struct buf label = { 0 };

                pthread_mutex_lock(&r->lock);
                for (x = r->list; x != NULL && strcmp(x->e.agent, agent) != 0; x = x->next)
                        ;
                n = x != NULL ? buf_set(&label, BYTES_OF(&x->e.label)) : 0;
                pthread_mutex_unlock(&r->lock);
                if (x != NULL && n == 0)
                        n = take_out(r, agent, BYTES_OF(&label));
                if (x != NULL && n == 0)
                        n = credentials_remove(r->credentials, agent, BYTES_OF(&label));
        } while (x != NULL && n == 0);
        return n;
}

static int revoke_agent(struct renewer *r, const struct revoke_wish *w, uint64_t *ret_n)
{
        CLEANUP(joined_clear) struct joined j = { 0 };
        int n;

        pthread_mutex_lock(&r->lock);
        n = joined_copy(&r->joined, &j);
        pthread_mutex_unlock(&r->lock);
        if (n == 0 && j.carried)
                n = err(ERR_NOTSUP, "this host does not reach its issuer: holdfast-issuer agent revoke, there");
        if (n == 0)
                n = obtain_revocation(r->o.core, r->client, &j, w->agent, w->reason, ret_n);
        return n == 0 && !w->stays ? end_agent(r, w->agent) : n;
}

int renewer_revoke(struct renewer *r, const struct caller *who, const struct revoke_wish *w, uint64_t *ret_n)
{
        struct deed d = { .event = AUDIT_REVOKE, .agent = w->agent, .request = { .operation = "revoke" } };
        int n;

        renew_talk(r);
        n = must_run(r);
        if (n == 0)
                n = caller_may(who, &d);
        if (n == 0)
                n = caller_did(who, &d, revoke_agent(r, w, ret_n), BYTES(NULL, 0));
        pthread_mutex_unlock(&r->talk);
        return n;
}

int renewer_joined(struct renewer *r, struct joined *ret, char *error, size_t size)
{
        int n;

        pthread_mutex_lock(&r->lock);
        n = r->present ? joined_copy(&r->joined, ret) : err(ERR_NOENT, "this host has joined no issuer: holdfast join");
        snprintf(error, size, "%s", r->join_error);
        pthread_mutex_unlock(&r->lock);
        return n;
}

int renewer_certificates(struct renewer *r, struct buf ret_room[JOIN_CERTIFICATES], struct bytes ret[JOIN_CERTIFICATES], size_t *ret_n)
{
        struct schedule_now now;
        int n = 0;

        schedule_now(&now);
        *ret_n = 0;
        pthread_mutex_lock(&r->lock);
        if (r->present && r->joined.ak_not_after > now.wall)
                n = join_certificates(&r->joined, ret_room, ret, ret_n);
        pthread_mutex_unlock(&r->lock);
        return n;
}

int renewer_each(struct renewer *r, int (*fn)(void *ctx, const struct enrolment *e), void *ctx)
{
        int n = 0;

        pthread_mutex_lock(&r->lock);
        for (const struct enrolled *x = r->list; n == 0 && x != NULL; x = x->next)
                n = fn(ctx, &x->e);
        pthread_mutex_unlock(&r->lock);
        return n;
}

/* With talk held. Whoever waited for it may have had it from the one before. */
static int fetch(struct renewer *r, const struct obtain_wish *w, struct bytes name, struct buf *ret_token, uint64_t *ret_not_after)
{
        CLEANUP(answer_credential_clear) struct answer_credential a = { 0 };
        CLEANUP(joined_clear) struct joined j = { 0 };
        struct schedule_now now;
        int n;

        schedule_now(&now);
        if (tokencache_get(r->cache, name, now.boot_ms, false, ret_token, ret_not_after) == 0)
                return 0;
        pthread_mutex_lock(&r->lock);
        n = joined_copy(&r->joined, &j);
        pthread_mutex_unlock(&r->lock);
        if (n == 0)
                n = obtain(r->o.core, r->client, &j, w, &a);
        if (n == ERR_NOENT) {
                pthread_mutex_lock(&r->lock);
                renew_lost(r);
                pthread_mutex_unlock(&r->lock);
                return err(ERR_NOTINIT, "%s", err_text());
        }
        if (n == 0)
                n = tokencache_put(r->cache, name, now.boot_ms, a.renew_after > a.not_before ? a.renew_after - a.not_before : 0,
                                   a.not_after > now.wall ? a.not_after - now.wall : 0, BYTES_STR(a.jwt), a.not_after);
        if (n == 0)
                n = buf_set(ret_token, BYTES_STR(a.jwt));
        if (n == 0)
                *ret_not_after = a.not_after;
        return n;
}

int renewer_token(struct renewer *r, const char *agent, struct item *key, const char *audience, const struct peer *process, struct buf *ret_token,
                  uint64_t *ret_not_after)
{
        CLEANUP(buf_clear) struct buf name = { 0 };
        struct schedule_now now;
        int n = token_name(agent, key, audience, process, &name);

        if (n != 0)
                return n;
        schedule_now(&now);
        if (tokencache_get(r->cache, BYTES_OF(&name), now.boot_ms, false, ret_token, ret_not_after) == 0)
                return 0;
        renew_talk(r);
        n = fetch(r, &(struct obtain_wish){ .agent = agent, .key = key, .audience = audience, .token_only = true, .process = process }, BYTES_OF(&name),
                  ret_token, ret_not_after);
        pthread_mutex_unlock(&r->talk);
        /* A refusal is one; of an issuer that is away the older one will do. */
        if ((n == ERR_IO || n == ERR_TIMEOUT) && tokencache_get(r->cache, BYTES_OF(&name), now.boot_ms, true, ret_token, ret_not_after) == 0)
                n = 0;
        return n;
}
