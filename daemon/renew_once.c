/* SPDX-License-Identifier: BSD-2-Clause */
/* What is done when a join or a key is due, and what is remembered of how it went? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "daemon/lastuse.h"
#include "daemon/obtain.h"
#include "daemon/renewing.h"
#include "keys/find.h"
#include "lib/err.h"

#define APPROVAL 4              /* as after so many failures: every half a minute */

bool renew_active(const struct renewer *r)
{
        return r->joined.state.len > 0 && bytes_equal(BYTES_OF(&r->joined.state), BYTES_STR("active"));
}

struct enrolled *renew_find(struct renewer *r, const char *agent, struct bytes label)
{
        struct enrolled *x = r->list;

        while (x != NULL && (strcmp(x->e.agent, agent) != 0 || !bytes_equal(BYTES_OF(&x->e.label), label)))
                x = x->next;
        return x;
}

static const char *text_of(struct buf *b)
{
        return b->len > 0 ? buf_str(b) : NULL;
}

/* The issuer's own CA may have got another key, of which its TLS certificate will be. What fails here the next credential brings again. */
static void follow(struct renewer *r, const char *bundle, struct joined *j)
{
        bool other = false;

        if (join_follow(r->o.core, bundle, j, &other) != 0 || !other || renew_open_client(r, j) != 0)
                return;
        pthread_mutex_lock(&r->lock);
        joined_clear(&r->joined);
        r->joined = *j;
        *j = (struct joined){ 0 };
        pthread_mutex_unlock(&r->lock);
}

int renew_key(struct renewer *r, const struct caller *who, struct enrolment *e, struct item *key, const struct peer *process, struct answer_credential *ret)
{
        CLEANUP(peer_clear) struct peer last = { .pidfd = -1 };
        CLEANUP(joined_clear) struct joined j = { 0 };
        struct bytes label, id;
        int n;

        n = item_label(key, &label);
        if (n == 0)
                n = item_id(key, &id);
        if (n == 0 && process == NULL && lastuse_get(r->o.lastuse, e->agent, label, id, &last) == 0)
                process = &last;
        if (n == 0) {
                pthread_mutex_lock(&r->lock);
                n = joined_copy(&r->joined, &j);
                pthread_mutex_unlock(&r->lock);
        }
        if (n == 0)
                n = obtain(r->o.core, r->client, &j, &(struct obtain_wish){
                        .agent = e->agent, .key = key, .profile = text_of(&e->profile), .process = process }, ret);
        if (n != 0)
                return n;
        follow(r, ret->bundle, &j);
        n = credentials_put(r->credentials, who, e, key, ret);
        if (n != 0)
                answer_credential_clear(ret);
        return n;
}

static bool tell_log(struct renewer *r, const char *operation, const char *agent, struct bytes label, int outcome, const char *detail)
{
        struct deed d = { .event = agent != NULL ? AUDIT_ISSUE : AUDIT_JOIN, .agent = agent, .request = { .operation = operation, .key_label = label },
                          .detail = BYTES_STR(detail) };

        return caller_did(&r->self, &d, outcome, BYTES(NULL, 0)) == outcome;
}

int renew_join(struct renewer *r, const struct caller *who, const char *token)
{
        CLEANUP(joined_clear) struct joined j = { 0 };
        struct schedule_now now;
        int n;

        pthread_mutex_lock(&r->lock);
        n = joined_copy(&r->joined, &j);
        pthread_mutex_unlock(&r->lock);
        if (n == 0)
                n = join_do(r->o.core, r->client, who, token, &j);
        schedule_now(&now);
        pthread_mutex_lock(&r->lock);
        if (n == 0) {
                joined_clear(&r->joined);
                r->joined = j;
                j = (struct joined){ 0 };
                r->join_error[0] = '\0';
        }
        /* Who waits for an approval asks again, and not as seldom as one who is refused. */
        if (n == 0 && r->join_plan.failures > APPROVAL)
                r->join_plan.failures = APPROVAL;
        if (n == 0 && renew_active(r))
                schedule_issued(&r->join_plan, &now, now.wall, r->joined.ak_renew_after, r->joined.ak_not_after);
        else
                schedule_failed(&r->join_plan, &now);
        pthread_mutex_unlock(&r->lock);
        return n;
}

/* The same failure again is no news. */
void renew_join_due(struct renewer *r)
{
        char error[sizeof(r->join_error)];
        bool news;
        int n = renew_join(r, &r->self, NULL);

        snprintf(error, sizeof(error), "%s", n != 0 ? err_text() : "");
        pthread_mutex_lock(&r->lock);
        news = strcmp(error, r->join_error) != 0 || n == 0;
        memcpy(r->join_error, error, sizeof(error));
        pthread_mutex_unlock(&r->lock);
        if (news)
                (void)tell_log(r, "join", NULL, BYTES(NULL, 0), n != 0 ? err(n, "%s", error) : 0, "");
}

/* Its key is gone, and what hangs on it goes too. */
static void forget(struct renewer *r, const struct enrolment *e)
{
        (void)credentials_remove(r->credentials, e->agent, BYTES_OF(&e->label));
        pthread_mutex_lock(&r->lock);
        for (struct enrolled **link = &r->list; *link != NULL; link = &(*link)->next) {
                struct enrolled *x = *link;

                if (strcmp(x->e.agent, e->agent) != 0 || !bytes_equal(BYTES_OF(&x->e.label), BYTES_OF(&e->label)))
                        continue;
                *link = x->next;
                enrolment_clear(&x->e);
                free(x);
                break;
        }
        pthread_mutex_unlock(&r->lock);
}

/* With lock held. */
static bool is_gone(struct renewer *r, const struct enrolment *e)
{
        struct item *key = NULL;
        int n = find_key(keyring_store(r->o.core->keyring), e->agent, BYTES_OF(&e->label), BYTES(NULL, 0), &key);

        item_unref(key);
        return n == ERR_NOENT;
}

void renew_forget_gone(struct renewer *r)
{
        bool more = true;

        while (more) {
                CLEANUP(enrolment_clear) struct enrolment e = { 0 };
                struct enrolled *x;

                pthread_mutex_lock(&r->lock);
                for (x = r->list; x != NULL && !is_gone(r, &x->e); x = x->next)
                        ;
                more = x != NULL && enrolment_copy(&x->e, &e) == 0;
                pthread_mutex_unlock(&r->lock);
                if (more)
                        forget(r, &e);
        }
}

void renew_lost(struct renewer *r)
{
        if (r->join_plan.failures > 0)
                return;
        r->join_plan.due_ms = 0;
        pthread_cond_broadcast(&r->wake);
}

static void note(struct renewer *r, struct enrolment *e, int n)
{
        struct schedule_now now;
        struct enrolled *x;

        schedule_now(&now);
        pthread_mutex_lock(&r->lock);
        x = renew_find(r, e->agent, BYTES_OF(&e->label));
        if (x != NULL && n == 0)
                schedule_issued(&x->plan, &now, e->not_before, e->renew_after, e->not_after);
        else if (x != NULL)
                schedule_failed(&x->plan, &now);
        if (n == ERR_NOENT)
                renew_lost(r);
        if (x != NULL) {
                enrolment_clear(&x->e);
                x->e = *e;
                *e = (struct enrolment){ 0 };
        }
        pthread_mutex_unlock(&r->lock);
}

void renew_key_due(struct renewer *r, const struct enrolment *due)
{
        CLEANUP(answer_credential_clear) struct answer_credential a = { 0 };
        CLEANUP(enrolment_clear) struct enrolment e = { 0 };
        struct item *key = NULL;
        char error[sizeof(e.last_error)];
        const struct enrolled *x;
        bool news;
        int n;

        /* As it is now: while this waited somebody may have ended it, or enrolled it anew. */
        pthread_mutex_lock(&r->lock);
        x = renew_find(r, due->agent, BYTES_OF(&due->label));
        n = x != NULL ? enrolment_copy(&x->e, &e) : ERR_NOENT;
        pthread_mutex_unlock(&r->lock);
        if (n != 0)
                return;
        n = find_key(keyring_store(r->o.core->keyring), e.agent, BYTES_OF(&e.label), BYTES(NULL, 0), &key);
        if (n == ERR_NOENT) {
                forget(r, &e);
                return;
        }
        if (n == 0)
                n = renew_key(r, &r->self, &e, key, NULL, &a);
        item_unref(key);
        snprintf(error, sizeof(error), "%s", n != 0 ? err_text() : "");
        news = n == 0 || strcmp(error, e.last_error) != 0;
        memcpy(e.last_error, error, sizeof(error));
        if (n != 0 && news)
                (void)credentials_tell(r->credentials, &e);
        if (news)
                (void)tell_log(r, "renew", e.agent, BYTES_OF(&e.label), n != 0 ? err(n, "%s", error) : 0, a.serial != NULL ? a.serial : "");
        note(r, &e, n);
}
