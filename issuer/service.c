/* SPDX-License-Identifier: BSD-2-Clause */
/* Who answers which request? */
#include "issuer/service.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "issuer/dnsname.h"
#include "issuer/http_target.h"
#include "issuer/joining.h"
#include "issuer/problem.h"
#include "lib/err.h"
#include "lib/utf8.h"

#define SMALL 4096
#define CREDENTIAL_MAX (6u << 20)       /* evidence of 4 MiB in base64, and the rest */

/* Who may ask. */
enum door {
        DOOR_ALL,
        DOOR_JOINED,                    /* not on plain HTTP: nothing there is protected */
        DOOR_LOCAL,                     /* operators, on the Unix socket */
};

static const struct route {
        const char *method, *pattern;
        enum door door;
        size_t body_max;
        route_handler *handler;
} routes[] = {
        { "POST", "/v1/nonce", DOOR_JOINED, SMALL, route_nonce },
        { "POST", "/v1/join", DOOR_JOINED, JOIN_MAX, route_join },
        { "POST", "/v1/join/answer", DOOR_JOINED, JOIN_MAX, route_join_answer },
        { "POST", "/v1/credential", DOOR_JOINED, CREDENTIAL_MAX, route_credential },
        { "POST", "/v1/revoke", DOOR_JOINED, JOIN_MAX, route_revoke },
        { "GET", "/v1/host/*/agent/*/policy", DOOR_JOINED, 0, route_policy },
        { "GET", "/v1/admin/hosts", DOOR_LOCAL, 0, route_admin_hosts },
        { "GET", "/v1/admin/agents", DOOR_LOCAL, 0, route_admin_agents },
        { "GET", "/v1/admin/credentials", DOOR_LOCAL, 0, route_admin_credentials },
        { "GET", "/v1/admin/status", DOOR_LOCAL, 0, route_admin_status },
        { "POST", "/v1/admin/revoke", DOOR_LOCAL, SMALL, route_admin_revoke },
        { "POST", "/v1/admin/approve", DOOR_LOCAL, SMALL, route_admin_approve },
        { "POST", "/v1/admin/token", DOOR_LOCAL, SMALL, route_admin_token },
        { "POST", "/v1/admin/challenge", DOOR_LOCAL, JOIN_MAX + SMALL, route_admin_challenge },
        { "GET", "/healthz", DOOR_ALL, 0, route_health },
        { "GET", "/readyz", DOOR_ALL, 0, route_ready },
        { "GET", "/metrics", DOOR_JOINED, 0, route_metrics },
};

uint64_t service_now(const struct service *s)
{
        return s->now != NULL ? s->now() : (uint64_t)time(NULL);
}

uint64_t service_ticks(const struct service *s)
{
        struct timespec t;

        if (s->ticks != NULL)
                return s->ticks();
        clock_gettime(CLOCK_BOOTTIME, &t);
        return (uint64_t)t.tv_sec;
}

int service_ready(struct service *s)
{
        const struct authority_view *v = authority_hold(s->authority);
        int r = db_ping(s->db);

        if (r == 0)
                r = x509_ca_check_time(v->x509, service_now(s));
        if (r == 0)
                r = ledger_ready(s->ledger);
        metrics_set(s->metrics, METRIC_CA_ENDS, authority_use_name(AUTHORITY_X509), (int64_t)x509_ca_not_after(v->x509));
        metrics_set(s->metrics, METRIC_CA_ENDS, authority_use_name(AUTHORITY_AK), (int64_t)x509_ca_not_after(v->ak));
        authority_release(v);
        metrics_set(s->metrics, METRIC_READY, NULL, r == 0);
        return r;
}

/* --- What the handlers share --- */

bool is_refusal(int r)
{
        const char *word = problem_by_code(r);

        return r != 0 && strcmp(word, "busy") != 0 && strcmp(word, "internal") != 0;
}

int refused(struct call *c, const char *word, int r)
{
        if (is_refusal(r))
                c->word = word;
        return r;
}

int reply_json(struct call *c, json_t *o)
{
        char *text = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;
        int r = text != NULL ? buf_append_str(&c->reply->body, text) : err(ERR_NOMEM, "out of memory");

        json_decref(o);
        free(text);
        return r;
}

/* Text goes as it is up to here. */
static size_t plain(struct bytes text, size_t from)
{
        while (from < text.len && text.ptr[from] >= ' ' && text.ptr[from] != '"' && text.ptr[from] != '\\')
                from++;
        return from;
}

static int quote(struct bytes text, struct buf *b)
{
        size_t end;
        int r = buf_append_str(b, "\"");

        for (size_t i = 0; r == 0 && i < text.len; i = end + 1) {
                end = plain(text, i);
                r = buf_append(b, text.ptr + i, end - i);
                if (r == 0 && end < text.len)
                        r = text.ptr[end] == '\n' ? buf_append_str(b, "\\n") : buf_printf(b, "\\u%04x", text.ptr[end]);
        }
        return r == 0 ? buf_append_str(b, "\"") : r;
}

/* The next member's name, in an object that is closed again behind its value. */
static int member(struct buf *b, const char *name)
{
        if (b->len == 0)
                return buf_printf(b, "{\"%s\":", name);
        b->len--;
        return buf_printf(b, ",\"%s\":", name);
}

int reply_text(struct call *c, const char *name, struct bytes text)
{
        struct buf *b = &c->reply->body;
        int r;

        if (text.len == 0)
                return 0;
        if (!utf8_valid(text))
                return err(ERR_FORMAT, "%s is no UTF-8", name);
        r = member(b, name);
        if (r == 0)
                r = quote(text, b);
        return r == 0 ? buf_append_str(b, "}") : r;
}

int reply_number(struct call *c, const char *name, uint64_t v)
{
        int r = member(&c->reply->body, name);

        return r == 0 ? buf_printf(&c->reply->body, "%llu}", (unsigned long long)v) : r;
}

int reply_member(struct call *c, const char *name, const json_t *o)
{
        CLEANUP(free_ptr) char *text = json_dumps(o, JSON_COMPACT);
        int r;

        if (text == NULL)
                return err(ERR_NOMEM, "out of memory");
        r = member(&c->reply->body, name);
        if (r == 0)
                r = buf_append_str(&c->reply->body, text);
        return r == 0 ? buf_append_str(&c->reply->body, "}") : r;
}

static int put_check(struct buf *b, const struct hf_evidence_result *r, enum hf_check k)
{
        static const char *const outcomes[] = { "none", "passed", "failed" };
        const struct bytes text = BYTES_STR(r->checks[k].text);
        int e;

        e = utf8_valid(text) ? buf_printf(b, "{\"check\":\"%s\",\"outcome\":\"%s\",\"text\":", hf_check_name(k), outcomes[r->checks[k].outcome])
                             : err(ERR_FORMAT, "what a check says is no UTF-8");
        if (e == 0)
                e = quote(text, b);
        return e == 0 ? buf_append_str(b, "},") : e;
}

int reply_checks(struct call *c, const struct hf_evidence_result *result)
{
        struct buf *b = &c->reply->body;
        int r = member(b, "checks");

        if (r == 0)
                r = buf_append_str(b, "[");
        for (unsigned k = 0; r == 0 && k < HF_CHECKS; k++)
                if (result->checks[k].outcome != HF_OUTCOME_NONE)
                        r = put_check(b, result, (enum hf_check)k);
        if (r == 0 && b->ptr[b->len - 1] == ',')
                b->len--;
        return r == 0 ? buf_append_str(b, "]}") : r;
}

json_t *json_base64(struct bytes b)
{
        CLEANUP(buf_clear) struct buf text = { 0 };

        return base64_encode(b, &text) == 0 ? json_octets(BYTES_OF(&text)) : NULL;
}

json_t *json_octets(struct bytes text)
{
        return json_stringn(text.len > 0 ? (const char *)text.ptr : "", text.len);
}

int check_host_name(const char *name)
{
        if (dnsname_check(BYTES_STR(name), false) != 0)
                return err(ERR_FORMAT, "a host's name is a DNS name in lower case");
        return 0;
}

int check_agent_name(const char *name)
{
        if (name[0] == '\0' || strlen(name) > DB_AGENT_MAX || !utf8_printable(BYTES_STR(name)) || strchr(name, '/') != NULL)
                return err(ERR_FORMAT, "an agent's name is 1 to %d octets that can be printed, and no \"/\"", DB_AGENT_MAX);
        return 0;
}

double seconds_since(const struct timespec *start)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (double)(now.tv_sec - start->tv_sec) + (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

/* --- The table --- */

/* HEAD comes as GET. *ret_known: the path is there, with whatever method. */
static const struct route *find(const char *method, const char *path, bool *ret_known)
{
        *ret_known = false;
        for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
                if (!http_path_fits(path, routes[i].pattern))
                        continue;
                *ret_known = true;
                if (strcmp(method, routes[i].method) == 0)
                        return &routes[i];
        }
        return NULL;
}

size_t service_body_limit(void *ctx, const char *method, const char *path)
{
        const struct route *route;
        bool known;

        (void)ctx;
        route = find(method, path, &known);
        return route != NULL ? route->body_max : 0;
}

/* For others than those whom a route is for there is none. */
static bool may_enter(const struct route *r, const struct http_peer *p)
{
        return r->door == DOOR_ALL || p->via == HTTP_UNIX || (r->door == DOOR_JOINED && p->via == HTTP_TLS);
}

static int handle(struct call *c)
{
        const struct route *route;
        bool known;

        route = find(c->q->method, c->q->path, &known);
        if (route != NULL && may_enter(route, c->q->peer)) {
                c->reply->route = route->pattern;
                return route->handler(c);
        }
        if (route == NULL && !known && strcmp(c->q->method, "GET") == 0)
                return route_public(c);
        if (route == NULL && known)
                return refused(c, "method", err(ERR_DENIED, "there is no %s of this", c->q->method));
        return refused(c, "not-found", err(ERR_NOENT, "there is nothing at this path"));
}

void service_handle(void *ctx, const struct http_request *q, struct http_reply *reply)
{
        struct call c = { .s = ctx, .q = q, .reply = reply };
        int r;

        err_reset();
        reply->status = 200;
        reply->type = "application/json";
        r = handle(&c);
        if (r != 0) {
                const char *word = c.word != NULL ? c.word : problem_by_code(r);

                /* What the client is not told is for the issuer's operator. */
                if (!is_refusal(r))
                        fprintf(stderr, "holdfast-issuer: %s: %s\n", q->path, err_text());
                problem_write(reply, word, err_text(), c.checks);
        }
        json_decref(c.checks);
}
