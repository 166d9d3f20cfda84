/* SPDX-License-Identifier: BSD-2-Clause */
/* In which order does a host speak to its issuer? */
#include "enroll/client.h"
#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "attest/nonce.h"
#include "enroll/check.h"
#include "enroll/wire.h"
#include "lib/err.h"

#define NONCE_MS 45000          /* a kept one is used for so long; the issuer forgets it after 60 s */
#define HTTP_OK 200

struct client {
        struct buf socket, program, url, ca, host;
        pthread_mutex_t lock;   /* holds what follows, for client_stop() */
        struct link *link;
        bool stopped;
        struct buf nonce;       /* for the next credential; the connection's */
        uint64_t nonce_ms;      /* when it came */
};

/* Which ERR_* does a problem of the issuer's mean to us? */
static const struct {
        const char *word;
        int error;
} problems[] = {
        { "nonce", ERR_STALE }, { "evidence", ERR_DENIED }, { "profile", ERR_DENIED }, { "host-unknown", ERR_NOENT }, { "host-mismatch", ERR_FOREIGN },
        { "host-pending", ERR_DENIED }, { "revoked", ERR_DENIED }, { "token", ERR_AUTH }, { "shape", ERR_FORMAT }, { "busy", ERR_TIMEOUT },
        { "internal", ERR_TIMEOUT },
};

static int copy(struct buf *to, const char *from)
{
        int r = from != NULL ? buf_append_str(to, from) : 0;

        return r == 0 && from != NULL && buf_str(to) == NULL ? err(ERR_NOMEM, "out of memory") : r;
}

int client_new(const struct link_target *t, const char *host, struct client **ret)
{
        struct client *c = calloc(1, sizeof(*c));
        int r;

        if (c == NULL)
                return err(ERR_NOMEM, "out of memory");
        pthread_mutex_init(&c->lock, NULL);
        r = copy(&c->socket, t->socket);
        if (r == 0)
                r = copy(&c->program, t->program);
        if (r == 0)
                r = copy(&c->url, t->url);
        if (r == 0)
                r = buf_set(&c->ca, t->ca);
        if (r == 0)
                r = copy(&c->host, host);
        if (r == 0)
                *ret = c;
        else
                client_free(c);
        return r;
}

void client_free(struct client *c)
{
        if (c == NULL)
                return;
        client_rest(c);
        buf_clear(&c->socket);
        buf_clear(&c->program);
        buf_clear(&c->url);
        buf_clear(&c->ca);
        buf_clear(&c->host);
        pthread_mutex_destroy(&c->lock);
        free(c);
}

static int set_link(struct client *c, struct link *l)
{
        struct link *old;
        bool stopped;

        pthread_mutex_lock(&c->lock);
        old = c->link;
        stopped = c->stopped;
        c->link = stopped ? NULL : l;
        pthread_mutex_unlock(&c->lock);
        link_close(old);
        if (stopped)
                link_close(l);
        return stopped ? err(ERR_IO, "it is ending") : 0;
}

void client_rest(struct client *c)
{
        (void)set_link(c, NULL);
        /* It goes with the connection. */
        buf_clear(&c->nonce);
}

void client_stop(struct client *c)
{
        pthread_mutex_lock(&c->lock);
        c->stopped = true;
        if (c->link != NULL)
                link_cut(c->link);
        pthread_mutex_unlock(&c->lock);
}

static int connect_to(struct client *c)
{
        struct link *l = NULL;
        bool stopped;
        int r;

        if (c->link != NULL && !link_broken(c->link))
                return 0;
        pthread_mutex_lock(&c->lock);
        stopped = c->stopped;
        pthread_mutex_unlock(&c->lock);
        if (stopped)
                return err(ERR_IO, "it is ending");
        client_rest(c);
        r = link_open(&(struct link_target){
                .socket = c->socket.len > 0 ? buf_str(&c->socket) : NULL, .program = c->program.len > 0 ? buf_str(&c->program) : NULL,
                .url = buf_str(&c->url), .ca = BYTES_OF(&c->ca),
        }, &l);
        return r == 0 ? set_link(c, l) : r;
}

static int refused(unsigned status, struct bytes body)
{
        CLEANUP(answer_problem_clear) struct answer_problem p = { 0 };
        int error = status >= 500 ? ERR_TIMEOUT : ERR_DENIED;

        if (answer_problem(body, &p) != 0 || p.word[0] == '\0')
                return err(error, "the issuer answers %u", status);
        for (size_t i = 0; i < ARRAY_LEN(problems); i++)
                if (strcmp(problems[i].word, p.word) == 0)
                        error = problems[i].error;
        return err(error, "the issuer %s (%s)%s%s", status >= 500 ? "has failed" : "refuses", p.word, p.detail != NULL ? ": " : "", p.detail != NULL ? p.detail : "");
}

static int answered(int r, unsigned status, struct buf *body)
{
        return r == 0 && status != HTTP_OK ? refused(status, BYTES_OF(body)) : r;
}

static int append(const char *text, size_t len, void *buf)
{
        return buf_append(buf, text, len) == 0 ? 0 : -1;
}

/* Takes request, which may be NULL: there was no memory. */
static int post(struct client *c, const char *path, json_t *request, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        unsigned status = 0;
        int r = request != NULL && json_dump_callback(request, append, &text, JSON_COMPACT) == 0 ? 0 : err(ERR_NOMEM, "cannot write a request");

        json_decref(request);
        if (r == 0)
                r = connect_to(c);
        if (r == 0)
                r = link_post(c->link, path, BYTES_OF(&text), &status, ret);
        return answered(r, status, ret);
}

static int get(struct client *c, const char *path, struct buf *ret)
{
        unsigned status = 0;
        int r = connect_to(c);

        if (r == 0)
                r = link_get(c->link, path, &status, ret);
        return answered(r, status, ret);
}

static json_t *base64(struct bytes b)
{
        CLEANUP(buf_clear) struct buf text = { 0 };

        if (base64_encode(b, &text) != 0)
                return NULL;
        return json_stringn(text.len > 0 ? (const char *)text.ptr : "", text.len);
}

static bool is_own_url(const struct client *c, struct bytes url)
{
        struct bytes own = BYTES_OF(&c->url);

        while (own.len > 0 && own.ptr[own.len - 1] == '/')
                own.len--;
        return bytes_equal(own, url);
}

static int ask_nonce(struct client *c, const char *purpose, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf body = { 0 };
        CLEANUP(buf_clear) struct buf issuer = { 0 };
        int r = post(c, "/v1/nonce", json_pack("{s:s, s:s}", "purpose", purpose, "host", buf_str(&c->host)), &body);

        if (r == 0)
                r = answer_nonce(BYTES_OF(&body), &issuer, ret);
        /* Evidence made here would be refused there: better said now. */
        if (r == 0 && issuer.len > 0 && !is_own_url(c, BYTES_OF(&issuer)))
                return err(ERR_FOREIGN, "the issuer is called %.*s and this host has joined it as %s: join it by its own name", (int)issuer.len,
                           (const char *)issuer.ptr, buf_str(&c->url));
        return r;
}

static json_t *join_request(const char *host, const struct client_host *h)
{
        json_t *certificates = json_array();
        json_t *tpm = json_pack("{s:s, s:s, s:s, s:s}", "manufacturer", h->manufacturer, "vendor", h->vendor, "revision", h->revision, "audit", h->audit);

        for (size_t i = 0; i < h->n_certificates; i++)
                if (json_array_append_new(certificates, base64(h->certificates[i])) != 0) {
                        json_decref(certificates);
                        certificates = NULL;
                }
        return json_pack("{s:s, s:o, s:o, s:o, s:o, s:s*, s:o}", "host", host, "ek_public", base64(h->ek_public),
                         "ek_certificates", certificates, "ak_public", base64(h->ak_public), "srk_public", base64(h->srk_public),
                         "token", h->token, "tpm", tpm);
}

int client_shows(const char *host, const struct client_host *h, struct buf *ret)
{
        json_t *o = join_request(host, h);
        int r = o != NULL && json_dump_callback(o, append, ret, JSON_COMPACT) == 0 ? 0 : err(ERR_NOMEM, "out of memory");

        json_decref(o);
        return r;
}

static json_t *answer_request(struct bytes ak, struct bytes srk, struct bytes proof)
{
        return json_pack("{s:o, s:o, s:o*}", "ak_secret", base64(ak), "srk_secret", base64(srk), "evidence", proof.len > 0 ? base64(proof) : NULL);
}

int client_join(struct client *c, const struct client_host *h, client_activate *activate, void *ctx, struct answer_joined *ret)
{
        CLEANUP(answer_join_clear) struct answer_join challenge = { 0 };
        CLEANUP(buf_clear) struct buf body = { 0 }, ak = { 0 }, srk = { 0 }, proof = { 0 };
        struct answer_joined joined = { 0 };
        int r;

        r = post(c, "/v1/join", join_request(buf_str(&c->host), h), &body);
        if (r == 0)
                r = answer_join(BYTES_OF(&body), &challenge);
        if (r == 0)
                r = activate(ctx, false, BYTES_OF(&challenge.ak.id_object), BYTES_OF(&challenge.ak.secret), &ak);
        if (r == 0)
                r = activate(ctx, true, BYTES_OF(&challenge.srk.id_object), BYTES_OF(&challenge.srk.secret), &srk);
        if (r == 0 && h->prove != NULL)
                r = h->prove(ctx, BYTES_OF(&ak), &proof);
        if (r == 0)
                r = post(c, "/v1/join/answer", answer_request(BYTES_OF(&ak), BYTES_OF(&srk), BYTES_OF(&proof)), &body);
        if (r == 0)
                r = answer_joined(BYTES_OF(&body), &joined);
        if (r == 0)
                r = check_joined(&joined, buf_str(&c->host), h->ak_public, (uint64_t)time(NULL));
        if (r == 0)
                *ret = joined;
        else
                answer_joined_clear(&joined);
        return r;
}

/* RFC 3986 2.3. */
static int put_segment(struct buf *path, const char *s)
{
        static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
        int r = 0;

        for (; r == 0 && *s != '\0'; s++)
                r = strchr(plain, *s) != NULL ? buf_append_u8(path, (uint8_t)*s) : buf_printf(path, "%%%02X", (uint8_t)*s);
        return r;
}

static int ask_policy(struct client *c, const struct client_wish *w, struct answer_policy *ret)
{
        CLEANUP(buf_clear) struct buf path = { 0 }, body = { 0 };
        int r;

        r = buf_append_str(&path, "/v1/host/");
        if (r == 0)
                r = put_segment(&path, buf_str(&c->host));
        if (r == 0)
                r = buf_append_str(&path, "/agent/");
        if (r == 0)
                r = put_segment(&path, w->agent);
        if (r == 0)
                r = buf_append_str(&path, "/policy");
        if (r == 0 && w->profile != NULL)
                r = buf_append_str(&path, "?profile=");
        if (r == 0 && w->profile != NULL)
                r = put_segment(&path, w->profile);
        if (r == 0 && buf_str(&path) == NULL)
                r = err(ERR_NOMEM, "out of memory");
        if (r == 0)
                r = get(c, buf_str(&path), &body);
        return r == 0 ? answer_policy(BYTES_OF(&body), ret) : r;
}

static unsigned wanted(const struct client_wish *w, const struct answer_policy *p)
{
        if (w->token_only)
                return CREDENTIAL_JWT;
        return w->audience != NULL ? p->credentials : p->credentials & ~(unsigned)CREDENTIAL_JWT;
}

static json_t *credential_request(struct client *c, const struct client_wish *w, unsigned want, struct bytes evidence)
{
        json_t *names = json_array();
        const char *name;
        unsigned bit;

        for (unsigned i = 0; (name = credential_name(i, &bit)) != NULL; i++)
                if ((want & bit) != 0)
                        json_array_append_new(names, json_string(name));
        return json_pack("{s:s, s:s, s:o, s:o, s:s*, s:s*}", "host", buf_str(&c->host), "agent", w->agent, "evidence", base64(evidence), "want", names,
                         "profile", w->profile, "audience", (want & CREDENTIAL_JWT) != 0 ? w->audience : NULL);
}

/* A kept one, or a new one. */
static int take_nonce(struct client *c, struct buf *ret)
{
        if (c->nonce.len == 0 || wire_now_ms() - c->nonce_ms >= NONCE_MS)
                return ask_nonce(c, "credential", ret);
        buf_take(&c->nonce, ret);
        return 0;
}

/* One try with one nonce, which is then used up whatever comes of it. */
static int try_credential(struct client *c, const struct client_wish *w, const struct answer_policy *p, client_evidence *evidence, void *ctx,
                          struct answer_credential *ret)
{
        CLEANUP(buf_clear) struct buf nonce = { 0 }, text = { 0 }, body = { 0 };
        uint8_t challenge[NONCE_CHALLENGE];
        unsigned want = wanted(w, p);
        int r = take_nonce(c, &nonce);

        if (r == 0)
                r = nonce_challenge(BYTES_OF(&c->url), BYTES_OF(&nonce), challenge);
        if (r == 0)
                r = evidence(ctx, p, BYTES(challenge, sizeof(challenge)), &text);
        if (r == 0)
                r = post(c, "/v1/credential", credential_request(c, w, want, BYTES_OF(&text)), &body);
        if (r == 0)
                r = answer_credential(BYTES_OF(&body), ret);
        if (r != 0)
                return r;
        buf_take(&ret->nonce, &c->nonce);
        c->nonce_ms = wire_now_ms();
        r = check_credential(ret, w, want, (uint64_t)time(NULL));
        if (r != 0)
                answer_credential_clear(ret);
        return r;
}

int client_credential(struct client *c, const struct client_wish *w, client_evidence *evidence, void *ctx, struct answer_credential *ret)
{
        CLEANUP(answer_policy_clear) struct answer_policy p = { 0 };
        struct answer_credential a = { 0 };
        int r;

        r = ask_policy(c, w, &p);
        if (r == 0 && wanted(w, &p) == 0)
                r = err(ERR_DENIED, "the issuer's profile %s gives agent %s no credentials without an audience", p.profile, w->agent);
        if (r == 0)
                r = try_credential(c, w, &p, evidence, ctx, &a);
        /* The connection that the nonce lived with is gone, or it came too late: a new one, once. */
        if (r == ERR_STALE)
                r = try_credential(c, w, &p, evidence, ctx, &a);
        if (r == 0)
                *ret = a;
        return r;
}

static int try_revoke(struct client *c, const char *agent, const char *reason, client_prove *prove, void *ctx, uint64_t *ret_n)
{
        CLEANUP(buf_clear) struct buf nonce = { 0 }, evidence = { 0 }, body = { 0 };
        uint8_t challenge[NONCE_CHALLENGE];
        int r = take_nonce(c, &nonce);

        if (r == 0)
                r = nonce_revoke_challenge(BYTES_OF(&c->url), BYTES_STR(agent), BYTES_OF(&nonce), challenge);
        if (r == 0)
                r = prove(ctx, BYTES(challenge, sizeof(challenge)), &evidence);
        if (r == 0)
                r = post(c, "/v1/revoke", json_pack("{s:s, s:s, s:o, s:s*}", "host", buf_str(&c->host), "agent", agent, "evidence", base64(BYTES_OF(&evidence)),
                                                    "reason", reason), &body);
        return r == 0 ? answer_revoked(BYTES_OF(&body), ret_n) : r;
}

int client_revoke(struct client *c, const char *agent, const char *reason, client_prove *prove, void *ctx, uint64_t *ret_n)
{
        int r = try_revoke(c, agent, reason, prove, ctx, ret_n);

        return r == ERR_STALE ? try_revoke(c, agent, reason, prove, ctx, ret_n) : r;
}
