/* SPDX-License-Identifier: BSD-2-Clause */
/* What becomes of credentials that were carried to a host which its issuer does not reach? The same as of others, but that nothing renews them. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "daemon/renewing.h"
#include "enroll/check.h"
#include "lib/err.h"

static int set(struct buf *to, const char *from)
{
        int n = buf_set(to, BYTES_STR(from));

        return n == 0 && buf_str(to) == NULL ? err(ERR_NOMEM, "out of memory") : n;
}

static bool is(const struct buf *b, const char *text)
{
        return bytes_equal(BYTES_OF(b), BYTES_STR(text));
}

/* What the host knows of its issuer, or the issuer's decision that came along. With talk held. */
static int be_joined(struct renewer *r, const struct carried_wish *w)
{
        CLEANUP(joined_clear) struct joined j = { 0 };
        const char *url = r->o.core->conf.issuer_url;
        int n;

        if (url != NULL && strcmp(w->url, url) != 0)
                return err(ERR_INVAL, "[issuer] url of the configuration names another issuer");
        if (w->joined.len == 0) {
                if (r->present && is(&r->joined.url, w->url) && is(&r->joined.host, w->host))
                        return 0;
                return err(ERR_FOREIGN, "this host has not joined %s as %s", w->url, w->host);
        }
        n = set(&j.url, w->url);
        if (n == 0)
                n = set(&j.host, w->host);
        if (n == 0)
                n = join_carried(r->o.core, w->joined, &j);
        if (n == 0)
                n = renew_turn_to(r, &j);
        if (n != 0)
                return n;
        pthread_mutex_lock(&r->lock);
        r->present = true;
        r->join_error[0] = '\0';
        pthread_mutex_unlock(&r->lock);
        return renewer_run(r);
}

/* A token is for who asks for it, and ends soon: none is kept. */
static void drop_token(struct answer_credential *a)
{
        if (a->jwt != NULL)
                wipe(a->jwt, strlen(a->jwt));
        free(a->jwt);
        a->jwt = NULL;
}

static int read_credential(const struct carried_wish *w, const char *agent, struct item *key, struct answer_credential *ret)
{
        CLEANUP(answer_credential_clear) struct answer_credential a = { 0 };
        CLEANUP(buf_clear) struct buf spki = { 0 };
        const struct item_body *b;
        unsigned has;
        int n;

        n = answer_credential(w->credential, &a);
        if (n == 0)
                n = item_load(key, &b);
        if (n == 0)
                n = pubkey_to_spki(&b->pub, &spki);
        if (n != 0)
                return n;
        drop_token(&a);
        has = (a.x509 != NULL ? CREDENTIAL_X509 : 0u) | (a.ssh_user != NULL ? CREDENTIAL_SSH_USER : 0u) | (a.ssh_host != NULL ? CREDENTIAL_SSH_HOST : 0u);
        if (has == 0)
                return err(ERR_FORMAT, "there are no credentials in what was carried here");
        n = check_credential(&a, &(struct client_wish){ .agent = agent, .spki = BYTES_OF(&spki) }, has, (uint64_t)time(NULL));
        if (n == 0) {
                *ret = a;
                a = (struct answer_credential){ 0 };
        }
        return n;
}

/* Nothing of it is believed before all of it is. */
static int carried(struct renewer *r, const struct caller *who, struct enrolled *new, struct item *key, const struct carried_wish *w,
                   struct answer_credential *ret)
{
        int n = read_credential(w, new->e.agent, key, ret);

        if (n == 0)
                n = be_joined(r, w);
        if (n == 0)
                n = credentials_put(r->credentials, who, &new->e, key, ret);
        if (n != 0)
                answer_credential_clear(ret);
        return n;
}

int renewer_carried(struct renewer *r, const struct caller *who, const char *agent, struct item *key, const struct carried_wish *w,
                    struct answer_credential *ret)
{
        struct deed d = { .event = AUDIT_ISSUE, .agent = agent, .request = { .operation = "enroll" }, .detail = BYTES_STR("carried") };
        struct enrolled *new = calloc(1, sizeof(*new));
        int n;

        if (new == NULL)
                return err(ERR_NOMEM, "out of memory");
        renew_talk(r);
        n = renew_fill(&new->e, agent, key, NULL);
        new->e.carried = true;
        if (n == 0)
                n = item_label(key, &d.request.key_label);
        if (n == 0)
                n = caller_may(who, &d);
        if (n == 0)
                n = caller_did(who, &d, carried(r, who, new, key, w, ret), BYTES(NULL, 0));
        if (n == 0) {
                renew_put(r, new);
        } else {
                enrolment_clear(&new->e);
                free(new);
        }
        pthread_mutex_unlock(&r->talk);
        return n;
}
