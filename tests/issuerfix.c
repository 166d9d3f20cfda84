/* SPDX-License-Identifier: BSD-2-Clause */
/* Puts an issuer together in a directory of its own, and asks it as a connection would. */
#include "tests/issuerfix.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "attest/nonce.h"
#include "keys/backend_tpm.h"
#include "lib/err.h"
#include "lib/file.h"

#define AK_AUTH BYTES_STR("the AK's")
#define AK_HANDLE 0x81010b01

uint64_t issuerfix_now = 1795600000, issuerfix_ticks = 1000;

static uint64_t now(void)
{
        return issuerfix_now;
}

static uint64_t ticks(void)
{
        return issuerfix_ticks;
}

/* --- The host --- */

int hostfix_start(void **state)
{
        struct hostfix *h = calloc(1, sizeof(*h));
        struct attester_options o = { 0 };

        assert_non_null(h);
        fixture_start(&h->f);
        h->key = fixture_key(&h->f, "P-256", ALG_SIGN, "tls");
        assert_int_equal(pubkey_to_spki(&fixture_body(h->key)->pub, &h->spki), 0);
        assert_int_equal(tpm_ak_make(backend_tpm_device(keyring_backend(h->f.keyring)), AK_HANDLE, BYTES(NULL, 0), AK_AUTH, &h->ak), 0);
        o = (struct attester_options){ .keyring = h->f.keyring, .ak = h->ak, .ak_auth = AK_AUTH };
        assert_int_equal(attester_new(&o, &h->attester), 0);
        if (evidence_identity(h->attester, &h->id) != 0)
                fail_msg("%s", err_text());
        *state = h;
        return 0;
}

int hostfix_stop(void **state)
{
        struct hostfix *h = *state;

        evidence_identity_clear(&h->id);
        attester_free(h->attester);
        item_unref(h->key);
        tpm_ak_clear(&h->ak);
        buf_clear(&h->spki);
        fixture_stop(&h->f);
        free(h);
        return 0;
}

void hostfix_evidence(const struct hostfix *h, struct bytes challenge, const struct hostfix_wish *w, struct buf *ret)
{
        const struct caller nobody = { 0 };
        const struct evidence_wish wish = {
                .challenge = challenge, .key = w->host_only ? NULL : h->key, .agent = w->agent != NULL ? w->agent : "a", .pcrs = w->pcrs,
                .pcr_hash = hash_by_name("SHA256"), .process = w->process, .to = "https://issuer.example.org",
        };

        if (evidence_make(h->attester, &nobody, &wish, ret) != 0)
                fail_msg("evidence: %s", err_text());
}

/* --- The issuer --- */

const char *issuerfix_path(const struct issuerfix *x, const char *name)
{
        static char path[128];

        snprintf(path, sizeof(path), "%s/%s", x->dir->path, name);
        return path;
}

static void read_conf(struct issuerfix *x, const char *settings)
{
        char text[8192], head[512];

        snprintf(head, sizeof(head), ISSUERFIX_HEAD, x->dir->path);
        snprintf(text, sizeof(text), "%s%s", head, settings);
        assert_int_equal(file_write(x->dir->fd, "issuer.conf", BYTES_STR(text), 0600, true), 0);
        if (issuer_conf_load(issuerfix_path(x, "issuer.conf"), &x->conf) != 0 || trusted_load(&x->conf, &x->trusted) != 0)
                fail_msg("%s", err_text());
}

static void make_keys(struct issuerfix *x)
{
        x->domains[0] = BYTES_STR("example.org");
        x->options = (struct authority_options){ .dir = x->dir->path, .trust_domain = x->conf.trust_domain, .url = x->conf.url, .domains = { x->domains, 1 },
                                                 .longest_life = x->conf.ak_life };
        for (unsigned u = 0; u < AUTHORITY_USES; u++) {
                const struct authority_key_wish w = { .use = (enum authority_use)u, .kind = "P-256" };

                if (authority_add_key(&x->options, &w, issuerfix_now) != 0)
                        fail_msg("%s", err_text());
        }
}

static void *start_dir(void)
{
        void *dir = NULL;

        assert_int_equal(tempdir_setup(&dir), 0);
        return dir;
}

void issuerfix_open(struct issuerfix *x, const struct hostfix *h, const char *settings)
{
        struct ledger_options log;
        char dir[128];

        if (x->dir == NULL)
                x->dir = start_dir();
        x->host = h;
        read_conf(x, settings);
        make_keys(x);
        x->s = (struct service){ .conf = &x->conf, .trusted = &x->trusted, .now = now, .ticks = ticks, .metrics = metrics_new() };
        if (db_open(issuerfix_path(x, "issuer.db"), &x->s.db) != 0 || authority_open(&x->options, x->s.db, &x->s.authority) != 0)
                fail_msg("%s", err_text());
        x->view = authority_hold(x->s.authority);
        snprintf(dir, sizeof(dir), "%s", issuerfix_path(x, "log"));
        log = (struct ledger_options){ .dir = dir, .name = "example.org", .every_records = 1000, .every_seconds = 60 };
        if (ledger_open(&log, x509_ca_key(x->view->x509), &x->s.ledger) != 0)
                fail_msg("%s", err_text());
}

void issuerfix_close(struct issuerfix *x)
{
        void *dir = x->dir;

        ledger_close(x->s.ledger);
        authority_release(x->view);
        authority_close(x->s.authority);
        db_close(x->s.db);
        metrics_free(x->s.metrics);
        trusted_clear(&x->trusted);
        issuer_conf_clear(&x->conf);
        assert_int_equal(tempdir_teardown(&dir), 0);
        *x = (struct issuerfix){ 0 };
}

/* --- Connections --- */

void wire_open(struct wire *w, struct issuerfix *x)
{
        *w = (struct wire){ .x = x, .peer = { .via = HTTP_TLS, .address = "192.0.2.1", .uid = (uid_t)-1, .tls = "TLSv1.3" } };
}

void wire_close(struct wire *w)
{
        if (w->state.ptr != NULL)
                w->state.free(w->state.ptr);
        w->state = (struct http_state){ 0 };
}

static int ask(struct wire *w, const char *method, const char *target, struct bytes body, json_t **ret)
{
        struct http_reply reply = { .status = 200, .type = "application/json" };
        char path[1024], *query;
        struct http_request q = { .method = method, .body = body, .peer = &w->peer, .state = &w->state };

        snprintf(path, sizeof(path), "%s", target);
        query = strchr(path, '?');
        if (query != NULL)
                *query++ = '\0';
        q.path = path;
        q.query = query != NULL ? query : "";
        service_handle(&w->x->s, &q, &reply);
        assert_non_null(reply.type);
        if (ret != NULL) {
                json_decref(*ret);
                *ret = json_loadb((const char *)reply.body.ptr, reply.body.len, JSON_REJECT_DUPLICATES, NULL);
        }
        buf_clear(&reply.body);
        buf_clear(&reply.headers);
        return reply.status;
}

int wire_get(struct wire *w, const char *path, json_t **ret)
{
        return ask(w, "GET", path, BYTES(NULL, 0), ret);
}

int wire_post_text(struct wire *w, const char *path, const char *body, json_t **ret)
{
        return ask(w, "POST", path, BYTES_STR(body), ret);
}

int wire_post(struct wire *w, const char *path, json_t *body, json_t **ret)
{
        char *text = json_dumps(body, JSON_COMPACT);
        int status;

        assert_non_null(text);
        json_decref(body);
        status = wire_post_text(w, path, text, ret);
        free(text);
        return status;
}

int wire_admin(struct issuerfix *x, const char *path, json_t *body, json_t **ret)
{
        struct wire w = { .x = x, .peer = { .via = HTTP_UNIX, .address = "unix:0", .uid = 0, .pid = 1, .tls = "" } };
        int status = body != NULL ? wire_post(&w, path, body, ret) : wire_get(&w, path, ret);

        wire_close(&w);
        return status;
}

void wire_require_problem(int status, json_t *const *answer, const char *word)
{
        const json_t *type = json_object_get(*answer, "type");
        char want[64];

        snprintf(want, sizeof(want), "urn:holdfast:problem:%s", word);
        if (type == NULL)
                fail_msg("no problem %s, but %d", word, status);
        if (strcmp(json_string_value(type), want) != 0)
                fail_msg("%s, but %s: %s", word, json_string_value(type), json_string_value(json_object_get(*answer, "detail")));
        assert_int_equal(json_integer_value(json_object_get(*answer, "status")), status);
        assert_true(status >= 400);
}

json_t *wire_base64(struct bytes b)
{
        CLEANUP(buf_clear) struct buf text = { 0 };

        assert_int_equal(base64_encode(b, &text), 0);
        return json_stringn((const char *)text.ptr, text.len);
}

void wire_octets(const json_t *o, const char *name, struct buf *ret)
{
        const json_t *v = json_object_get(o, name);

        assert_non_null(v);
        assert_int_equal(base64_decode(json_string_value(v), json_string_length(v), ret), 0);
}

/* --- What a host does --- */

json_t *hostfix_join_body(const struct hostfix *h, const char *name)
{
        json_t *certificates = json_array();

        for (size_t i = 0; i < h->id.n_certificates; i++)
                json_array_append_new(certificates, wire_base64(h->id.certificates[i]));
        return json_pack("{s:s s:o s:o s:o s:o s:{s:s s:s s:s s:s}}", "host", name, "ek_public", wire_base64(h->id.ek_public), "ek_certificates", certificates,
                         "ak_public", wire_base64(h->id.ak_public), "srk_public", wire_base64(h->id.srk_public), "tpm", "manufacturer", "IBM", "vendor", "SW TPM",
                         "revision", "1.59", "audit", "command");
}

static json_t *activate(const struct hostfix *h, const json_t *asked, enum evidence_object of)
{
        const struct caller nobody = { 0 };
        CLEANUP(buf_clear) struct buf id_object = { 0 }, encrypted = { 0 }, secret = { 0 };

        wire_octets(asked, "id_object", &id_object);
        wire_octets(asked, "secret", &encrypted);
        if (evidence_activate(h->attester, &nobody, &h->id, of, BYTES_OF(&id_object), BYTES_OF(&encrypted), "https://issuer.example.org", &secret) != 0)
                fail_msg("activate: %s", err_text());
        return wire_base64(BYTES_OF(&secret));
}

json_t *hostfix_answer(const struct hostfix *h, const json_t *asked)
{
        return json_pack("{s:o s:o}", "ak_secret", activate(h, json_object_get(asked, "ak"), EVIDENCE_AK), "srk_secret",
                         activate(h, json_object_get(asked, "srk"), EVIDENCE_SRK));
}

int wire_join(struct wire *w, const char *name, const char *token, json_t **ret)
{
        json_t *body = hostfix_join_body(w->x->host, name), *asked = NULL;
        int status;

        if (token != NULL)
                json_object_set_new(body, "token", json_string(token));
        status = wire_post(w, "/v1/join", body, &asked);
        if (status != 200 && ret != NULL) {
                json_decref(*ret);
                *ret = json_incref(asked);
        }
        if (status == 200)
                status = wire_post(w, "/v1/join/answer", hostfix_answer(w->x->host, asked), ret);
        json_decref(asked);
        return status;
}

void wire_challenge(const json_t *answer, const char *url, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf nonce = { 0 };
        uint8_t challenge[NONCE_CHALLENGE];

        wire_octets(answer, "nonce", &nonce);
        assert_int_equal(nonce.len, 32);
        assert_int_equal(nonce_challenge(BYTES_STR(url), BYTES_OF(&nonce), challenge), 0);
        assert_int_equal(buf_set(ret, BYTES(challenge, sizeof(challenge))), 0);
}

void wire_nonce(struct wire *w, struct buf *ret)
{
        json_t *answer = NULL;

        assert_int_equal(wire_post(w, "/v1/nonce", json_pack("{s:s s:s}", "purpose", "credential", "host", ISSUERFIX_HOST), &answer), 200);
        assert_int_equal(json_integer_value(json_object_get(answer, "expires_in")), 60);
        wire_challenge(answer, ISSUERFIX_URL, ret);
        json_decref(answer);
}

json_t *wire_credential_body(const char *agent, const struct buf *evidence, const char *want)
{
        return json_pack("{s:s s:s s:o s:[s]}", "host", ISSUERFIX_HOST, "agent", agent, "evidence", wire_base64(BYTES_OF(evidence)), "want", want);
}

static bool holds(struct bytes text, const char *part)
{
        return part == NULL || (text.len > 0 && memmem(text.ptr, text.len, part, strlen(part)) != NULL);
}

unsigned issuerfix_records(const struct issuerfix *x, enum audit_event event, enum audit_decision decision, const char *reason)
{
        struct audit_reader *rd = NULL;
        struct audit_record rec;
        struct bytes raw;
        unsigned n = 0;

        assert_int_equal(audit_reader_open(issuerfix_path(x, "log"), 1, &rd), 0);
        while (audit_reader_next(rd, &raw) == 0) {
                assert_int_equal(audit_record_decode(raw, &rec), 0);
                n += rec.event == event && rec.decision == decision && holds(rec.reason, reason);
        }
        audit_reader_close(rd);
        return n;
}
