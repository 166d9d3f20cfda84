/* SPDX-License-Identifier: BSD-2-Clause */
/* A host with a software TPM asks an issuer for what it may have, and for what it may not. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <cmocka.h>
#include <openssl/pem.h>
#include <pthread.h>
#include "attest/joinproof.h"
#include "attest/nonce.h"
#include "lib/err.h"
#include "lib/file.h"
#include "tests/issuerfix.h"

#define OPEN_TRUST "[trust]\nfirst-use = yes\n"
#define ALL_GIFTS ISSUERFIX_PROFILE "credentials = x509 jwt ssh-user ssh-host\naudiences = https://api.example.org\ndns = {host}\n" \
        "ssh-users = deploy\nssh-hosts = {host}\nlife = 30m\ngrace = 2h\n"

static void joined(struct issuerfix *x, struct wire *w, const struct hostfix *h, const char *settings)
{
        json_t *answer = NULL;

        issuerfix_open(x, h, settings);
        wire_open(w, x);
        if (wire_join(w, ISSUERFIX_HOST, NULL, &answer) != 200)
                fail_msg("join: %s", json_string_value(json_object_get(answer, "detail")));
        json_decref(answer);
}

static void done(struct issuerfix *x, struct wire *w)
{
        wire_close(w);
        issuerfix_close(x);
}

/* With fresh evidence: the status. */
static int ask_with(struct wire *w, const struct hostfix_wish *wish, const char *want, json_t **ret)
{
        CLEANUP(buf_clear) struct buf nonce = { 0 }, evidence = { 0 };

        wire_nonce(w, &nonce);
        hostfix_evidence(w->x->host, BYTES_OF(&nonce), wish, &evidence);
        return wire_post(w, "/v1/credential", wire_credential_body("a", &evidence, want), ret);
}

static int ask(struct wire *w, const char *want, json_t **ret)
{
        return ask_with(w, &(struct hostfix_wish){ 0 }, want, ret);
}

static const char *text_of(const json_t *o, const char *name)
{
        const char *text = json_string_value(json_object_get(o, name));

        if (text == NULL)
                fail_msg("no %s", name);
        return text;
}

static X509 *first_certificate(const char *pem)
{
        BIO *bio = BIO_new_mem_buf(pem, -1);
        X509 *x = PEM_read_bio_X509(bio, NULL, NULL, NULL);

        BIO_free(bio);
        assert_non_null(x);
        return x;
}

/* --- The straight path --- */

static void a_host_joins(void **state)
{
        struct issuerfix x = { 0 };
        struct db_host known;
        struct wire w;
        json_t *answer = NULL;
        X509 *cert;

        issuerfix_open(&x, *state, OPEN_TRUST ISSUERFIX_PROFILE);
        wire_open(&w, &x);
        assert_int_equal(wire_join(&w, ISSUERFIX_HOST, NULL, &answer), 200);
        assert_string_equal(text_of(answer, "state"), "active");
        assert_string_equal(text_of(answer, "assurance"), "unattested");
        assert_int_equal(json_integer_value(json_object_get(answer, "not_after")), issuerfix_now + 86400);
        assert_int_equal(json_integer_value(json_object_get(answer, "renew_after")), issuerfix_now + 57600);
        cert = first_certificate(text_of(answer, "ak_certificate"));
        assert_int_equal(X509_NAME_entry_count(X509_get_subject_name(cert)), 0);
        X509_free(cert);
        assert_int_equal(db_host_get(x.s.db, ISSUERFIX_HOST, &known), 0);
        assert_int_equal(known.state, DB_ACTIVE);
        assert_string_equal(known.audit, "command");
        assert_int_equal(known.srk_name.len, 34);
        assert_int_equal(issuerfix_records(&x, AUDIT_JOIN, AUDIT_ALLOWED, NULL), 1);
        json_decref(answer);
        done(&x, &w);
}

static void gets_everything_of_its_profile(void **state)
{
        const struct hostfix *h = *state;
        CLEANUP(buf_clear) struct buf nonce = { 0 }, evidence = { 0 };
        struct issuerfix x = { 0 };
        struct db_agent agent;
        struct wire w;
        json_t *body, *answer = NULL;
        EVP_PKEY *key;
        X509 *cert;

        joined(&x, &w, h, OPEN_TRUST ALL_GIFTS);
        wire_nonce(&w, &nonce);
        hostfix_evidence(h, BYTES_OF(&nonce), &(struct hostfix_wish){ 0 }, &evidence);
        body = wire_credential_body("a", &evidence, "x509");
        for (unsigned i = 1; i < 4; i++) {
                const char *const more[] = { NULL, "jwt", "ssh-user", "ssh-host" };

                json_array_append_new(json_object_get(body, "want"), json_string(more[i]));
        }
        json_object_set_new(body, "audience", json_string("https://api.example.org"));
        assert_int_equal(wire_post(&w, "/v1/credential", body, &answer), 200);
        assert_string_equal(text_of(answer, "profile"), "all");
        assert_string_equal(text_of(answer, "spiffe_id"), "spiffe://example.org/host/web-1.example.org/agent/a");
        assert_string_equal(text_of(answer, "assurance"), "unattested");
        assert_int_equal(json_integer_value(json_object_get(answer, "not_after")), issuerfix_now + 1800 + 7200);
        assert_int_equal(json_integer_value(json_object_get(answer, "renew_after")), issuerfix_now + 1200);
        assert_int_equal(json_integer_value(json_object_get(answer, "grace")), 7200);
        assert_true(json_array_size(json_object_get(answer, "checks")) >= 5);
        cert = first_certificate(text_of(answer, "x509"));
        key = fixture_evp(&fixture_body(h->key)->pub);
        assert_int_equal(EVP_PKEY_eq(X509_get0_pubkey(cert), key), 1);
        EVP_PKEY_free(key);
        X509_free(cert);
        assert_non_null(strchr(text_of(answer, "jwt"), '.'));
        assert_non_null(strstr(text_of(answer, "ssh_user"), "-cert-v01@openssh.com "));
        assert_non_null(strstr(text_of(answer, "ssh_host"), "-cert-v01@openssh.com "));
        assert_non_null(strstr(text_of(answer, "bundle"), "BEGIN CERTIFICATE"));
        assert_non_null(strstr(text_of(answer, "known_hosts"), "@cert-authority"));
        assert_int_equal(issuerfix_records(&x, AUDIT_ISSUE, AUDIT_ALLOWED, NULL), 1);
        assert_int_equal(db_agent_get(x.s.db, ISSUERFIX_HOST, "a", &agent), 0);
        assert_string_equal(agent.owner, "dana@example.com");
        assert_string_equal(agent.key_kind, "P-256");
        assert_int_equal(agent.what, DB_X509 | DB_JWT | DB_SSH_USER | DB_SSH_HOST);
        assert_int_equal(agent.record, json_integer_value(json_object_get(answer, "record")));
        json_decref(answer);
        done(&x, &w);
}

static void each_answer_brings_the_next_nonce(void **state)
{
        const struct hostfix *h = *state;
        struct issuerfix x = { 0 };
        struct wire w;
        json_t *answer = NULL;

        joined(&x, &w, h, OPEN_TRUST ISSUERFIX_PROFILE);
        assert_int_equal(ask(&w, "x509", &answer), 200);
        for (int i = 0; i < 3; i++) {
                CLEANUP(buf_clear) struct buf nonce = { 0 }, evidence = { 0 };

                wire_challenge(answer, ISSUERFIX_URL, &nonce);
                hostfix_evidence(h, BYTES_OF(&nonce), &(struct hostfix_wish){ 0 }, &evidence);
                assert_int_equal(wire_post(&w, "/v1/credential", wire_credential_body("a", &evidence, "x509"), &answer), 200);
        }
        json_decref(answer);
        done(&x, &w);
}

static void tells_what_evidence_it_wants(void **state)
{
        struct issuerfix x = { 0 };
        struct wire w;
        json_t *p = NULL;

        joined(&x, &w, *state, OPEN_TRUST ISSUERFIX_PROFILE "pcrs = 0,7\nlog = yes\nuid = 1000\n[profile other]\nhost = *\nagent = b\nspiffe-id = spiffe://example.org/b\n"
               "assurance = unattested\n");
        assert_int_equal(wire_get(&w, "/v1/host/" ISSUERFIX_HOST "/agent/a/policy", &p), 200);
        assert_string_equal(text_of(p, "profile"), "all");
        assert_string_equal(text_of(p, "pcr_hash"), "sha256");
        assert_int_equal(json_array_size(json_object_get(p, "pcrs")), 2);
        assert_int_equal(json_integer_value(json_array_get(json_object_get(p, "pcrs"), 1)), 7);
        assert_true(json_is_true(json_object_get(p, "process")));
        assert_true(json_is_true(json_object_get(p, "log")));
        assert_true(json_is_false(json_object_get(p, "ima")));
        assert_int_equal(wire_get(&w, "/v1/host/" ISSUERFIX_HOST "/agent/b/policy?profile=other", &p), 200);
        assert_string_equal(text_of(p, "profile"), "other");
        wire_require_problem(wire_get(&w, "/v1/host/" ISSUERFIX_HOST "/agent/a/policy?profile=other", &p), &p, "profile");
        wire_require_problem(wire_get(&w, "/v1/host/other.example.org/agent/a/policy", &p), &p, "host-unknown");
        wire_require_problem(wire_get(&w, "/v1/host/" ISSUERFIX_HOST "/agent/a%2fb/policy", &p), &p, "shape");
        json_decref(p);
        done(&x, &w);
}

/* --- Nonces --- */

static void a_nonce_is_good_once(void **state)
{
        const struct hostfix *h = *state;
        CLEANUP(buf_clear) struct buf nonce = { 0 }, evidence = { 0 };
        struct issuerfix x = { 0 };
        struct wire w;
        json_t *answer = NULL;

        joined(&x, &w, h, OPEN_TRUST ISSUERFIX_PROFILE);
        wire_nonce(&w, &nonce);
        hostfix_evidence(h, BYTES_OF(&nonce), &(struct hostfix_wish){ 0 }, &evidence);
        assert_int_equal(wire_post(&w, "/v1/credential", wire_credential_body("a", &evidence, "x509"), &answer), 200);
        /* Replayed: the connection has another nonce by now. */
        wire_require_problem(wire_post(&w, "/v1/credential", wire_credential_body("a", &evidence, "x509"), &answer), &answer, "evidence");
        /* And then none at all. */
        wire_require_problem(wire_post(&w, "/v1/credential", wire_credential_body("a", &evidence, "x509"), &answer), &answer, "nonce");
        assert_int_equal(issuerfix_records(&x, AUDIT_ISSUE, AUDIT_ALLOWED, NULL), 1);
        assert_int_equal(issuerfix_records(&x, AUDIT_ISSUE, AUDIT_REFUSED, NULL), 2);
        json_decref(answer);
        done(&x, &w);
}

static void a_failed_nonce_is_gone(void **state)
{
        const struct hostfix *h = *state;
        CLEANUP(buf_clear) struct buf nonce = { 0 }, evidence = { 0 };
        struct issuerfix x = { 0 };
        struct wire w;
        json_t *answer = NULL;

        joined(&x, &w, h, OPEN_TRUST ISSUERFIX_PROFILE);
        wire_nonce(&w, &nonce);
        hostfix_evidence(h, BYTES_OF(&nonce), &(struct hostfix_wish){ 0 }, &evidence);
        wire_require_problem(wire_post(&w, "/v1/credential", wire_credential_body("b", &evidence, "x509"), &answer), &answer, "evidence");
        wire_require_problem(wire_post(&w, "/v1/credential", wire_credential_body("a", &evidence, "x509"), &answer), &answer, "nonce");
        json_decref(answer);
        done(&x, &w);
}

static void a_nonce_is_of_one_connection_and_one_host(void **state)
{
        const struct hostfix *h = *state;
        CLEANUP(buf_clear) struct buf nonce = { 0 }, other = { 0 }, evidence = { 0 };
        struct issuerfix x = { 0 };
        struct wire w, w2;
        json_t *answer = NULL;

        joined(&x, &w, h, OPEN_TRUST ISSUERFIX_PROFILE);
        wire_open(&w2, &x);
        wire_nonce(&w, &nonce);
        wire_nonce(&w2, &other);
        assert_false(bytes_equal(BYTES_OF(&nonce), BYTES_OF(&other)));
        hostfix_evidence(h, BYTES_OF(&nonce), &(struct hostfix_wish){ 0 }, &evidence);
        wire_require_problem(wire_post(&w2, "/v1/credential", wire_credential_body("a", &evidence, "x509"), &answer), &answer, "evidence");
        assert_int_equal(wire_post(&w, "/v1/credential", wire_credential_body("a", &evidence, "x509"), &answer), 200);
        assert_int_equal(wire_post_text(&w, "/v1/nonce", "{\"purpose\":\"credential\",\"host\":\"other.example.org\"}", &answer), 200);
        wire_require_problem(wire_post(&w, "/v1/credential", wire_credential_body("a", &evidence, "x509"), &answer), &answer, "nonce");
        wire_require_problem(wire_post_text(&w, "/v1/nonce", "{\"purpose\":\"anything\",\"host\":\"other.example.org\"}", &answer), &answer, "shape");
        json_decref(answer);
        wire_close(&w2);
        done(&x, &w);
}

/* A challenge that an operator got to carry is his to name, and good once. */
static void a_carried_challenge_is_for_operators(void **state)
{
        const struct hostfix *h = *state;
        CLEANUP(buf_clear) struct buf challenge = { 0 }, evidence = { 0 };
        struct issuerfix x = { 0 };
        struct wire w;
        json_t *answer = NULL, *body;

        joined(&x, &w, h, OPEN_TRUST ISSUERFIX_PROFILE);
        assert_int_equal(wire_admin(&x, "/v1/admin/challenge", json_pack("{s:s s:s}", "host", ISSUERFIX_HOST, "agent", "a"), &answer), 200);
        wire_octets(answer, "challenge", &challenge);
        hostfix_evidence(h, BYTES_OF(&challenge), &(struct hostfix_wish){ 0 }, &evidence);
        body = wire_credential_body("a", &evidence, "x509");
        json_object_set_new(body, "challenge", wire_base64(BYTES_OF(&challenge)));
        wire_require_problem(wire_post(&w, "/v1/credential", json_incref(body), &answer), &answer, "nonce");
        assert_int_equal(wire_admin(&x, "/v1/credential", json_incref(body), &answer), 200);
        wire_require_problem(wire_admin(&x, "/v1/credential", body, &answer), &answer, "nonce");
        json_decref(answer);
        done(&x, &w);
}

/* What evidence is made with that answers both of a carried challenge's credentials. */
static void proof_of(const struct hostfix *h, const json_t *challenge, struct buf *ret)
{
        json_t *answer = hostfix_answer(h, json_object_get(challenge, "join"));
        CLEANUP(buf_clear) struct buf octets = { 0 }, ak = { 0 }, srk = { 0 };
        uint8_t proof[JOINPROOF_SIZE];

        wire_octets(challenge, "challenge", &octets);
        wire_octets(answer, "ak_secret", &ak);
        wire_octets(answer, "srk_secret", &srk);
        json_decref(answer);
        assert_int_equal(joinproof(BYTES_OF(&octets), BYTES_OF(&ak), BYTES_OF(&srk), proof), 0);
        assert_int_equal(buf_set(ret, BYTES(proof, sizeof(proof))), 0);
}

static json_t *carried_join(const struct hostfix *h, const char *host)
{
        return json_pack("{s:s s:s s:i s:o}", "host", host, "agent", "a", "life", 600, "join", hostfix_join_body(h, ISSUERFIX_HOST));
}

static json_t *carried_credential(const json_t *challenge, const struct buf *evidence)
{
        json_t *body = wire_credential_body("a", evidence, "x509");

        json_object_del(body, "want");
        json_object_set(body, "challenge", json_object_get(challenge, "challenge"));
        return body;
}

/* Whom nobody knows joins with its first credential, by what an operator carries: nobody else, and only with both secrets. */
static void a_host_joins_by_what_is_carried(void **state)
{
        const struct hostfix *h = *state;
        CLEANUP(buf_clear) struct buf bare = { 0 }, proof = { 0 }, evidence = { 0 };
        json_t *challenge = NULL, *answer = NULL;
        struct issuerfix x = { 0 };
        struct db_host host;
        struct wire w;

        issuerfix_open(&x, h, ISSUERFIX_PROFILE);
        wire_open(&w, &x);
        wire_require_problem(wire_post(&w, "/v1/admin/challenge", carried_join(h, ISSUERFIX_HOST), &answer), &answer, "not-found");
        wire_require_problem(wire_admin(&x, "/v1/admin/challenge", json_pack("{s:s s:s}", "host", ISSUERFIX_HOST, "agent", "a"), &answer), &answer, "host-unknown");
        wire_require_problem(wire_admin(&x, "/v1/admin/challenge", carried_join(h, "web-2.example.org"), &answer), &answer, "shape");

        assert_int_equal(wire_admin(&x, "/v1/admin/challenge", carried_join(h, ISSUERFIX_HOST), &challenge), 200);
        assert_string_equal(json_string_value(json_object_get(json_object_get(challenge, "policy"), "profile")), "all");
        assert_int_equal(db_host_get(x.s.db, ISSUERFIX_HOST, &host), ERR_NOENT);
        wire_octets(challenge, "challenge", &bare);
        hostfix_evidence(h, BYTES_OF(&bare), &(struct hostfix_wish){ 0 }, &evidence);
        wire_require_problem(wire_admin(&x, "/v1/credential", carried_credential(challenge, &evidence), &answer), &answer, "evidence");
        assert_int_equal(db_host_get(x.s.db, ISSUERFIX_HOST, &host), ERR_NOENT);

        assert_int_equal(wire_admin(&x, "/v1/admin/challenge", carried_join(h, ISSUERFIX_HOST), &challenge), 200);
        proof_of(h, challenge, &proof);
        hostfix_evidence(h, BYTES_OF(&proof), &(struct hostfix_wish){ 0 }, &evidence);
        wire_require_problem(wire_post(&w, "/v1/credential", carried_credential(challenge, &evidence), &answer), &answer, "nonce");
        assert_int_equal(wire_admin(&x, "/v1/credential", carried_credential(challenge, &evidence), &answer), 200);
        assert_string_equal(json_string_value(json_object_get(json_object_get(answer, "joined"), "state")), "active");
        assert_non_null(json_object_get(answer, "x509"));
        assert_int_equal(db_host_get(x.s.db, ISSUERFIX_HOST, &host), 0);
        assert_int_equal(host.state, DB_ACTIVE);
        assert_int_equal(host.ak_name.len, 34);
        assert_int_equal(issuerfix_records(&x, AUDIT_JOIN, AUDIT_ALLOWED, NULL), 1);
        wire_require_problem(wire_admin(&x, "/v1/credential", carried_credential(challenge, &evidence), &answer), &answer, "nonce");

        assert_int_equal(wire_admin(&x, "/v1/admin/challenge", carried_join(h, ISSUERFIX_HOST), &challenge), 200);
        proof_of(h, challenge, &proof);
        hostfix_evidence(h, BYTES_OF(&proof), &(struct hostfix_wish){ 0 }, &evidence);
        issuerfix_now += 600;
        wire_require_problem(wire_admin(&x, "/v1/credential", carried_credential(challenge, &evidence), &answer), &answer, "nonce");
        json_decref(challenge);
        json_decref(answer);
        done(&x, &w);
}

static void a_nonce_ends(void **state)
{
        const struct hostfix *h = *state;
        CLEANUP(buf_clear) struct buf nonce = { 0 }, evidence = { 0 };
        struct issuerfix x = { 0 };
        struct wire w;
        json_t *answer = NULL;

        joined(&x, &w, h, OPEN_TRUST ISSUERFIX_PROFILE);
        wire_nonce(&w, &nonce);
        hostfix_evidence(h, BYTES_OF(&nonce), &(struct hostfix_wish){ 0 }, &evidence);
        issuerfix_ticks += 60;
        wire_require_problem(wire_post(&w, "/v1/credential", wire_credential_body("a", &evidence, "x509"), &answer), &answer, "nonce");
        wire_nonce(&w, &nonce);
        hostfix_evidence(h, BYTES_OF(&nonce), &(struct hostfix_wish){ 0 }, &evidence);
        issuerfix_ticks += 59;
        assert_int_equal(wire_post(&w, "/v1/credential", wire_credential_body("a", &evidence, "x509"), &answer), 200);
        json_decref(answer);
        done(&x, &w);
}

struct racer {
        struct wire *w;
        const struct buf *evidence;
        pthread_barrier_t *start;
        int status;
};

static void *race(void *arg)
{
        struct racer *r = arg;
        json_t *body = wire_credential_body("a", r->evidence, "x509");

        pthread_barrier_wait(r->start);
        r->status = wire_post(r->w, "/v1/credential", body, NULL);
        return NULL;
}

/* Two at once on these connections: how many got something. */
static int race_on(struct wire *a, struct wire *b, const struct buf *evidence)
{
        pthread_barrier_t start;
        struct racer r[2] = { { a, evidence, &start, 0 }, { b, evidence, &start, 0 } };
        pthread_t t[2];

        pthread_barrier_init(&start, NULL, 2);
        for (int i = 0; i < 2; i++)
                assert_int_equal(pthread_create(&t[i], NULL, race, &r[i]), 0);
        for (int i = 0; i < 2; i++)
                pthread_join(t[i], NULL);
        pthread_barrier_destroy(&start);
        return (r[0].status == 200) + (r[1].status == 200);
}

static void of_two_at_once_one_wins(void **state)
{
        const struct hostfix *h = *state;
        struct issuerfix x = { 0 };
        struct wire w, w2;

        joined(&x, &w, h, OPEN_TRUST ISSUERFIX_PROFILE);
        wire_open(&w2, &x);
        for (int i = 0; i < 10; i++) {
                CLEANUP(buf_clear) struct buf nonce = { 0 }, evidence = { 0 };

                wire_nonce(&w, &nonce);
                hostfix_evidence(h, BYTES_OF(&nonce), &(struct hostfix_wish){ 0 }, &evidence);
                assert_int_equal(race_on(&w, i % 2 == 0 ? &w : &w2, &evidence), 1);
        }
        wire_close(&w2);
        done(&x, &w);
}

/* Two agents of one host renew at once, and what was said first arrives last. */
static void requests_of_one_host_may_overtake_each_other(void **state)
{
        const struct hostfix *h = *state;
        CLEANUP(buf_clear) struct buf n1 = { 0 }, n2 = { 0 }, first = { 0 }, second = { 0 };
        struct issuerfix x = { 0 };
        struct wire w, w2;

        joined(&x, &w, h, OPEN_TRUST ISSUERFIX_PROFILE);
        wire_open(&w2, &x);
        wire_nonce(&w, &n1);
        wire_nonce(&w2, &n2);
        hostfix_evidence(h, BYTES_OF(&n1), &(struct hostfix_wish){ 0 }, &first);
        hostfix_evidence(h, BYTES_OF(&n2), &(struct hostfix_wish){ 0 }, &second);
        assert_int_equal(wire_post(&w2, "/v1/credential", wire_credential_body("a", &second, "x509"), NULL), 200);
        assert_int_equal(wire_post(&w, "/v1/credential", wire_credential_body("a", &first, "x509"), NULL), 200);
        wire_close(&w2);
        done(&x, &w);
}

/* --- Joining, and what may go wrong --- */

static void needs_a_reason_to_trust_a_new_host(void **state)
{
        struct issuerfix x = { 0 };
        struct wire w;
        json_t *answer = NULL;

        issuerfix_open(&x, *state, ISSUERFIX_PROFILE);
        wire_open(&w, &x);
        wire_require_problem(wire_join(&w, ISSUERFIX_HOST, NULL, &answer), &answer, "first-use");
        wire_require_problem(wire_join(&w, ISSUERFIX_HOST, "guessed", &answer), &answer, "token");
        assert_int_equal(issuerfix_records(&x, AUDIT_JOIN, AUDIT_REFUSED, NULL), 2);
        json_decref(answer);
        done(&x, &w);
}

static char *make_token(struct issuerfix *x, const char *host)
{
        json_t *answer = NULL;
        char *token;

        assert_int_equal(wire_admin(x, "/v1/admin/token", json_pack("{s:s s:i}", "host", host, "life", 60), &answer), 200);
        token = strdup(text_of(answer, "token"));
        json_decref(answer);
        return token;
}

static void a_token_is_good_once_for_one_host(void **state)
{
        struct issuerfix x = { 0 };
        struct wire w;
        json_t *answer = NULL;
        char *other, *late, *token;

        issuerfix_open(&x, *state, ISSUERFIX_PROFILE);
        wire_open(&w, &x);
        other = make_token(&x, "other.example.org");
        late = make_token(&x, ISSUERFIX_HOST);
        wire_require_problem(wire_join(&w, ISSUERFIX_HOST, other, &answer), &answer, "token");
        issuerfix_now += 61;
        wire_require_problem(wire_join(&w, ISSUERFIX_HOST, late, &answer), &answer, "token");
        token = make_token(&x, ISSUERFIX_HOST);
        assert_int_equal(wire_join(&w, ISSUERFIX_HOST, token, &answer), 200);
        assert_string_equal(text_of(answer, "state"), "active");
        /* It joins again without one, as it does to renew its certificate. */
        assert_int_equal(wire_join(&w, ISSUERFIX_HOST, NULL, &answer), 200);
        free(other);
        free(late);
        free(token);
        json_decref(answer);
        done(&x, &w);
}

static void waits_for_approval(void **state)
{
        struct issuerfix x = { 0 };
        struct wire w;
        json_t *answer = NULL;

        issuerfix_open(&x, *state, "[trust]\nfirst-use = approve\n" ISSUERFIX_PROFILE);
        wire_open(&w, &x);
        assert_int_equal(wire_join(&w, ISSUERFIX_HOST, NULL, &answer), 200);
        assert_string_equal(text_of(answer, "state"), "pending");
        assert_null(json_object_get(answer, "ak_certificate"));
        wire_require_problem(ask(&w, "x509", &answer), &answer, "host-pending");
        assert_int_equal(wire_admin(&x, "/v1/admin/approve", json_pack("{s:s}", "host", ISSUERFIX_HOST), &answer), 200);
        assert_int_equal(ask(&w, "x509", &answer), 200);
        assert_int_equal(issuerfix_records(&x, AUDIT_APPROVE, AUDIT_ALLOWED, NULL), 1);
        wire_require_problem(wire_admin(&x, "/v1/admin/approve", json_pack("{s:s}", "host", "nobody.example.org"), &answer), &answer, "not-found");
        json_decref(answer);
        done(&x, &w);
}

static void a_name_belongs_to_one_tpm(void **state)
{
        struct hostfix *second = NULL;
        struct issuerfix x = { 0 };
        struct wire w;
        json_t *answer = NULL;

        joined(&x, &w, *state, OPEN_TRUST ISSUERFIX_PROFILE);
        hostfix_start((void **)&second);
        x.host = second;
        wire_require_problem(wire_join(&w, ISSUERFIX_HOST, NULL, &answer), &answer, "host-mismatch");
        assert_int_equal(issuerfix_records(&x, AUDIT_JOIN, AUDIT_REFUSED, "another endorsement key"), 1);
        /* Nor has one TPM two names. */
        assert_int_equal(wire_join(&w, "web-2.example.org", NULL, &answer), 200);
        wire_require_problem(wire_join(&w, "web-3.example.org", NULL, &answer), &answer, "host-mismatch");
        json_decref(answer);
        hostfix_stop((void **)&second);
        done(&x, &w);
}

static void each_key_must_be_in_the_tpm(void **state)
{
        const struct hostfix *h = *state;
        struct hostfix *second = NULL;
        struct issuerfix x = { 0 };
        struct wire w;

        issuerfix_open(&x, h, OPEN_TRUST ISSUERFIX_PROFILE);
        wire_open(&w, &x);
        hostfix_start((void **)&second);
        for (int i = 0; i < 2; i++) {
                json_t *body = hostfix_join_body(h, ISSUERFIX_HOST), *asked = NULL, *answer = NULL, *mine = NULL;
                CLEANUP(buf_clear) struct buf id_object = { 0 }, secret = { 0 }, got = { 0 };
                const char *part = i == 0 ? "ak" : "srk";
                const struct caller nobody = { 0 };

                /* Another TPM's key in place of its own: the host's TPM cannot answer for it, and what it answers for its own is nothing. */
                json_object_set_new(body, i == 0 ? "ak_public" : "srk_public", wire_base64(i == 0 ? second->id.ak_public : second->id.srk_public));
                assert_int_equal(wire_post(&w, "/v1/join", body, &asked), 200);
                wire_octets(json_object_get(asked, part), "id_object", &id_object);
                wire_octets(json_object_get(asked, part), "secret", &secret);
                assert_int_not_equal(evidence_activate(h->attester, &nobody, &h->id, i == 0 ? EVIDENCE_AK : EVIDENCE_SRK, BYTES_OF(&id_object),
                                                       BYTES_OF(&secret), "", &got), 0);
                mine = json_pack("{s:s s:s}", "ak_secret", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "srk_secret", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
                wire_require_problem(wire_post(&w, "/v1/join/answer", json_incref(mine), &answer), &answer, "answer");
                wire_require_problem(wire_post(&w, "/v1/join/answer", json_incref(mine), &answer), &answer, "answer");
                json_decref(mine);
                json_decref(asked);
                json_decref(answer);
        }
        hostfix_stop((void **)&second);
        done(&x, &w);
}

static void an_answer_has_one_try(void **state)
{
        const struct hostfix *h = *state;
        struct issuerfix x = { 0 };
        struct wire w, w2;
        json_t *asked = NULL, *answer = NULL, *good;

        issuerfix_open(&x, h, OPEN_TRUST ISSUERFIX_PROFILE);
        wire_open(&w, &x);
        wire_open(&w2, &x);
        assert_int_equal(wire_post(&w, "/v1/join", hostfix_join_body(h, ISSUERFIX_HOST), &asked), 200);
        good = hostfix_answer(h, asked);
        wire_require_problem(wire_post(&w2, "/v1/join/answer", json_incref(good), &answer), &answer, "answer");
        wire_require_problem(wire_post_text(&w, "/v1/join/answer", "{}", &answer), &answer, "shape");
        wire_require_problem(wire_post(&w, "/v1/join/answer", json_incref(good), &answer), &answer, "answer");
        json_decref(good);
        assert_int_equal(wire_post(&w, "/v1/join", hostfix_join_body(h, ISSUERFIX_HOST), &asked), 200);
        good = hostfix_answer(h, asked);
        issuerfix_ticks += 60;
        wire_require_problem(wire_post(&w, "/v1/join/answer", good, &answer), &answer, "answer");
        json_decref(asked);
        json_decref(answer);
        wire_close(&w2);
        done(&x, &w);
}

/* --- Revocation --- */

static void what_is_revoked_gets_nothing(void **state)
{
        struct issuerfix x = { 0 };
        struct wire w;
        json_t *answer = NULL;

        joined(&x, &w, *state, OPEN_TRUST ISSUERFIX_PROFILE);
        assert_int_equal(ask(&w, "x509", &answer), 200);
        assert_int_equal(wire_admin(&x, "/v1/admin/revoke", json_pack("{s:s s:s s:s}", "host", ISSUERFIX_HOST, "agent", "a", "reason", "key-compromise"), &answer), 200);
        assert_int_equal(json_integer_value(json_object_get(answer, "revoked")), 1);
        wire_require_problem(ask(&w, "x509", &answer), &answer, "revoked");
        assert_int_equal(wire_admin(&x, "/v1/admin/approve", json_pack("{s:s s:s}", "host", ISSUERFIX_HOST, "agent", "a"), &answer), 200);
        assert_int_equal(ask(&w, "x509", &answer), 200);
        assert_int_equal(wire_admin(&x, "/v1/admin/revoke", json_pack("{s:s}", "host", ISSUERFIX_HOST), &answer), 200);
        wire_require_problem(ask(&w, "x509", &answer), &answer, "revoked");
        wire_require_problem(wire_join(&w, ISSUERFIX_HOST, NULL, &answer), &answer, "revoked");
        assert_int_equal(issuerfix_records(&x, AUDIT_REVOKE, AUDIT_ALLOWED, NULL), 2);
        json_decref(answer);
        done(&x, &w);
}

/* With evidence that was made to have `proved` revoked, and asks it for agent: the status. */
static int ask_revoke(struct wire *w, const char *proved, const char *agent, json_t **ret)
{
        CLEANUP(buf_clear) struct buf nonce = { 0 }, evidence = { 0 };
        uint8_t challenge[NONCE_CHALLENGE];
        json_t *answer = NULL;

        assert_int_equal(wire_post(w, "/v1/nonce", json_pack("{s:s s:s}", "purpose", "credential", "host", ISSUERFIX_HOST), &answer), 200);
        wire_octets(answer, "nonce", &nonce);
        json_decref(answer);
        assert_int_equal(nonce_revoke_challenge(BYTES_STR(ISSUERFIX_URL), BYTES_STR(proved), BYTES_OF(&nonce), challenge), 0);
        hostfix_evidence(w->x->host, BYTES(challenge, sizeof(challenge)), &(struct hostfix_wish){ .host_only = true, .pcrs = 1 }, &evidence);
        return wire_post(w, "/v1/revoke", json_pack("{s:s s:s s:o s:s}", "host", ISSUERFIX_HOST, "agent", agent, "evidence", wire_base64(BYTES_OF(&evidence)),
                                                    "reason", "superseded"), ret);
}

static void a_host_has_its_agents_revoked(void **state)
{
        struct issuerfix x = { 0 };
        struct db_agent agent;
        struct wire w;
        json_t *answer = NULL;

        joined(&x, &w, *state, OPEN_TRUST ISSUERFIX_PROFILE);
        assert_int_equal(ask(&w, "x509", &answer), 200);
        assert_int_equal(ask(&w, "x509", &answer), 200);
        wire_require_problem(ask_revoke(&w, "b", "b", &answer), &answer, "not-found");
        assert_int_equal(ask_revoke(&w, "a", "a", &answer), 200);
        assert_int_equal(json_integer_value(json_object_get(answer, "revoked")), 2);
        assert_int_equal(db_agent_get(x.s.db, ISSUERFIX_HOST, "a", &agent), 0);
        assert_int_equal(agent.state, DB_REVOKED);
        assert_int_equal(agent.reason, CRL_SUPERSEDED);
        wire_require_problem(ask(&w, "x509", &answer), &answer, "revoked");
        /* It may ask again, and gets nothing back by it. */
        assert_int_equal(ask_revoke(&w, "a", "a", &answer), 200);
        wire_require_problem(ask(&w, "x509", &answer), &answer, "revoked");
        assert_int_equal(wire_admin(&x, "/v1/admin/approve", json_pack("{s:s s:s}", "host", ISSUERFIX_HOST, "agent", "a"), &answer), 200);
        assert_int_equal(ask(&w, "x509", &answer), 200);
        assert_int_equal(wire_admin(&x, "/v1/admin/revoke", json_pack("{s:s}", "host", ISSUERFIX_HOST), &answer), 200);
        wire_require_problem(ask_revoke(&w, "a", "a", &answer), &answer, "revoked");
        assert_int_equal(issuerfix_records(&x, AUDIT_REVOKE, AUDIT_REFUSED, "there is no agent"), 1);
        assert_int_equal(issuerfix_records(&x, AUDIT_REVOKE, AUDIT_REFUSED, "was revoked"), 1);
        json_decref(answer);
        done(&x, &w);
}

/* Neither by what it has shown for something else, nor twice by the same, nor from where nobody has shown anything. */
static void nobody_else_has_them_revoked(void **state)
{
        const struct hostfix *h = *state;
        CLEANUP(buf_clear) struct buf nonce = { 0 }, evidence = { 0 };
        struct issuerfix x = { 0 };
        struct wire w;
        json_t *answer = NULL, *body;

        joined(&x, &w, h, OPEN_TRUST ISSUERFIX_PROFILE);
        assert_int_equal(ask(&w, "x509", &answer), 200);
        wire_require_problem(ask_revoke(&w, "b", "a", &answer), &answer, "evidence");
        wire_nonce(&w, &nonce);
        hostfix_evidence(h, BYTES_OF(&nonce), &(struct hostfix_wish){ .pcrs = 1 }, &evidence);
        body = json_pack("{s:s s:s s:o}", "host", ISSUERFIX_HOST, "agent", "a", "evidence", wire_base64(BYTES_OF(&evidence)));
        wire_require_problem(wire_post(&w, "/v1/revoke", json_incref(body), &answer), &answer, "evidence");
        wire_require_problem(wire_post(&w, "/v1/revoke", json_incref(body), &answer), &answer, "nonce");
        json_object_set_new(body, "reason", json_string("because"));
        wire_require_problem(wire_post(&w, "/v1/revoke", json_incref(body), &answer), &answer, "shape");
        w.peer.via = HTTP_PLAIN;
        wire_require_problem(wire_post(&w, "/v1/revoke", body, &answer), &answer, "not-found");
        w.peer.via = HTTP_TLS;
        assert_int_equal(ask(&w, "x509", &answer), 200);
        assert_int_equal(issuerfix_records(&x, AUDIT_REVOKE, AUDIT_ALLOWED, NULL), 0);
        assert_int_equal(issuerfix_records(&x, AUDIT_REVOKE, AUDIT_REFUSED, NULL), 3);
        json_decref(answer);
        done(&x, &w);
}

/* A full disk: the log comes first, so nothing is given out, and nothing is known of it either. */
static void what_cannot_be_logged_is_not_issued(void **state)
{
        const struct hostfix *h = *state;
        CLEANUP(buf_clear) struct buf nonce = { 0 }, evidence = { 0 };
        struct rlimit before, none;
        struct issuerfix x = { 0 };
        struct db_agent agent;
        struct wire w;
        json_t *answer = NULL;
        int status;

        joined(&x, &w, h, OPEN_TRUST ISSUERFIX_PROFILE);
        wire_nonce(&w, &nonce);
        hostfix_evidence(h, BYTES_OF(&nonce), &(struct hostfix_wish){ 0 }, &evidence);
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
        none = (struct rlimit){ 0, before.rlim_max };
        signal(SIGXFSZ, SIG_IGN);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
        status = wire_post(&w, "/v1/credential", wire_credential_body("a", &evidence, "x509"), &answer);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        wire_require_problem(status, &answer, "busy");
        assert_null(json_object_get(answer, "detail"));
        assert_int_equal(db_agent_get(x.s.db, ISSUERFIX_HOST, "a", &agent), ERR_NOENT);
        assert_int_equal(ask(&w, "x509", &answer), 200);
        assert_int_equal(issuerfix_records(&x, AUDIT_ISSUE, AUDIT_ALLOWED, NULL), 1);
        json_decref(answer);
        done(&x, &w);
}

static void operators_are_on_the_unix_socket(void **state)
{
        struct issuerfix x = { 0 };
        struct wire w;
        json_t *answer = NULL;

        joined(&x, &w, *state, OPEN_TRUST ISSUERFIX_PROFILE);
        assert_int_equal(ask(&w, "x509", &answer), 200);
        wire_require_problem(wire_get(&w, "/v1/admin/hosts", &answer), &answer, "not-found");
        wire_require_problem(wire_post(&w, "/v1/admin/token", json_pack("{s:s}", "host", "x.example.org"), &answer), &answer, "not-found");
        assert_int_equal(wire_admin(&x, "/v1/admin/hosts", NULL, &answer), 200);
        assert_int_equal(json_array_size(answer), 1);
        assert_int_equal(wire_admin(&x, "/v1/admin/agents?host=" ISSUERFIX_HOST, NULL, &answer), 200);
        assert_string_equal(text_of(json_array_get(answer, 0), "owner"), "dana@example.com");
        assert_int_equal(wire_admin(&x, "/v1/admin/credentials?host=" ISSUERFIX_HOST "&agent=a", NULL, &answer), 200);
        assert_int_equal(json_array_size(answer), 1);
        wire_require_problem(wire_admin(&x, "/v1/admin/credentials?agent=a", NULL, &answer), &answer, "shape");
        wire_require_problem(wire_admin(&x, "/v1/admin/revoke", json_pack("{s:s}", "agent", "a"), &answer), &answer, "shape");
        wire_require_problem(wire_admin(&x, "/v1/admin/revoke", json_pack("{s:s s:s}", "host", "h.example.org", "serial", "40"), &answer), &answer, "shape");
        wire_require_problem(wire_admin(&x, "/v1/admin/revoke", json_pack("{s:s s:s}", "host", "h.example.org", "reason", "because"), &answer), &answer, "shape");
        wire_require_problem(wire_admin(&x, "/v1/admin/revoke", json_pack("{s:s}", "host", "nobody.example.org"), &answer), &answer, "not-found");
        json_decref(answer);
        done(&x, &w);
}

static void plain_http_gives_lists_alone(void **state)
{
        struct issuerfix x = { 0 };
        struct wire w;
        json_t *answer = NULL;

        issuerfix_open(&x, *state, OPEN_TRUST ISSUERFIX_PROFILE);
        wire_open(&w, &x);
        w.peer.via = HTTP_PLAIN;
        assert_int_equal(wire_get(&w, "/ca.crl", NULL), 200);
        assert_int_equal(wire_get(&w, "/healthz", &answer), 200);
        wire_require_problem(wire_post_text(&w, "/v1/nonce", "{\"purpose\":\"credential\",\"host\":\"a.example.org\"}", &answer), &answer, "not-found");
        w.peer.via = HTTP_TLS;
        assert_int_equal(wire_get(&w, "/readyz", &answer), 200);
        assert_int_equal(wire_get(&w, "/jwks.json", &answer), 200);
        assert_int_equal(wire_get(&w, "/metrics", NULL), 200);
        wire_require_problem(wire_get(&w, "/nothing", &answer), &answer, "not-found");
        wire_require_problem(wire_post_text(&w, "/healthz", "{}", &answer), &answer, "method");
        json_decref(answer);
        done(&x, &w);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_host_joins),
                cmocka_unit_test(gets_everything_of_its_profile),
                cmocka_unit_test(each_answer_brings_the_next_nonce),
                cmocka_unit_test(tells_what_evidence_it_wants),
                cmocka_unit_test(a_nonce_is_good_once),
                cmocka_unit_test(a_failed_nonce_is_gone),
                cmocka_unit_test(a_nonce_is_of_one_connection_and_one_host),
                cmocka_unit_test(a_carried_challenge_is_for_operators),
                cmocka_unit_test(a_host_joins_by_what_is_carried),
                cmocka_unit_test(a_nonce_ends),
                cmocka_unit_test(of_two_at_once_one_wins),
                cmocka_unit_test(requests_of_one_host_may_overtake_each_other),
                cmocka_unit_test(needs_a_reason_to_trust_a_new_host),
                cmocka_unit_test(a_token_is_good_once_for_one_host),
                cmocka_unit_test(waits_for_approval),
                cmocka_unit_test(a_name_belongs_to_one_tpm),
                cmocka_unit_test(each_key_must_be_in_the_tpm),
                cmocka_unit_test(an_answer_has_one_try),
                cmocka_unit_test(what_is_revoked_gets_nothing),
                cmocka_unit_test(a_host_has_its_agents_revoked),
                cmocka_unit_test(nobody_else_has_them_revoked),
                cmocka_unit_test(what_cannot_be_logged_is_not_issued),
                cmocka_unit_test(operators_are_on_the_unix_socket),
                cmocka_unit_test(plain_http_gives_lists_alone),
        };

        return cmocka_run_group_tests(tests, hostfix_start, hostfix_stop);
}
