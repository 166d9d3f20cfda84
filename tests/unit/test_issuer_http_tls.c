/* SPDX-License-Identifier: BSD-2-Clause */
#define OPENSSL_SUPPRESS_DEPRECATED     /* EC_KEY_METHOD is the shortest way to a key that takes its time */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <openssl/ec.h>
#include <string.h>
#include "lib/err.h"
#include "tests/httpfix.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: localhost\r\n\r\n"

static SSL_SESSION *session;

/* A TLS 1.3 ticket comes when the server likes. */
static int keep_session(SSL *ssl, SSL_SESSION *s)
{
        (void)ssl;
        SSL_SESSION_free(session);
        session = s;
        return 1;
}

static SSL_CTX *client_context(int version)
{
        SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

        SSL_CTX_set_min_proto_version(ctx, version);
        SSL_CTX_set_max_proto_version(ctx, version);
        /* What this client may do is not the question. */
        SSL_CTX_set_security_level(ctx, 0);
        SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT);
        SSL_CTX_sess_set_new_cb(ctx, keep_session);
        return ctx;
}

static int open_plain(void **state)
{
        *state = httpfix_open(NULL, NULL);
        return 0;
}

static int close_plain(void **state)
{
        httpfix_close(*state);
        SSL_SESSION_free(session);
        session = NULL;
        return 0;
}

static void ask(struct client *c, const char *request, const char *body)
{
        struct answer a;

        assert_true(client_say(c, request));
        assert_true(client_hear(c, false, &a));
        assert_int_equal(a.status, 200);
        assert_string_equal((const char *)a.body.ptr, body);
        answer_clear(&a);
}

static void speaks_1_3_and_1_2(void **state)
{
        static const struct {
                int version;
                const char *who;
        } rows[] = { { TLS1_VERSION, NULL }, { TLS1_1_VERSION, NULL }, { TLS1_2_VERSION, "127.0.0.1 -1 TLSv1.2 0" }, { TLS1_3_VERSION, "127.0.0.1 -1 TLSv1.3 0" } };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                SSL_CTX *ctx = client_context(rows[i].version);
                struct client c;

                assert_int_equal(client_tls(*state, ctx, &c), rows[i].who != NULL);
                if (rows[i].who != NULL) {
                        ask(&c, GET("/who"), rows[i].who);
                        client_close(&c);
                }
                SSL_CTX_free(ctx);
        }
}

static void weak_ciphers_are_refused(void **state)
{
        /* But for the first. */
        static const char *const lists[] = { "ECDHE-ECDSA-AES128-GCM-SHA256", "AES128-SHA", "ECDHE-ECDSA-AES128-SHA", "AES256-GCM-SHA384", "aNULL", "ECDHE-ECDSA-AES256-SHA384" };

        for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
                SSL_CTX *ctx = client_context(TLS1_2_VERSION);
                struct client c;

                assert_int_equal(SSL_CTX_set_cipher_list(ctx, lists[i]), 1);
                assert_int_equal(client_tls(*state, ctx, &c), i == 0);
                if (i == 0)
                        client_close(&c);
                SSL_CTX_free(ctx);
        }
}

/* Asks once, so that a ticket is there, and comes back with it. */
static void resume(struct httpfix *f, SSL_CTX *ctx, const char *who, bool swap)
{
        struct http_identity other;
        struct client c;

        assert_true(client_tls(f, ctx, &c));
        ask(&c, GET("/who"), who);
        assert_false(SSL_session_reused(c.ssl));
        client_close(&c);
        assert_non_null(session);
        if (swap) {
                httpfix_identity("other", &other);
                assert_int_equal(http_server_identity(f->server, &other), 0);
                httpfix_identity_clear(&other);
        }
        client_tcp(f, 0, &c);
        c.ssl = SSL_new(ctx);
        SSL_set_fd(c.ssl, c.fd);
        SSL_set_session(c.ssl, session);
        assert_int_equal(SSL_connect(c.ssl), 1);
        assert_true(SSL_session_reused(c.ssl));
        ask(&c, GET("/who"), who);
        client_close(&c);
}

static void sessions_are_resumed(void **state)
{
        static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

        for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
                SSL_CTX *ctx = client_context(versions[i]);

                resume(*state, ctx, i == 0 ? "127.0.0.1 -1 TLSv1.2 0" : "127.0.0.1 -1 TLSv1.3 0", false);
                SSL_CTX_free(ctx);
        }
        assert_int_equal(httpfix_metric(*state, "holdfast_tls_handshakes_total{version=\"TLSv1.2\",resumed=\"yes\"}"), 1);
        assert_int_equal(httpfix_metric(*state, "holdfast_tls_handshakes_total{version=\"TLSv1.3\",resumed=\"yes\"}"), 1);
}

static void sessions_outlast_a_certificate(void **state)
{
        SSL_CTX *ctx = client_context(TLS1_3_VERSION);

        resume(*state, ctx, "127.0.0.1 -1 TLSv1.3 0", true);
        SSL_CTX_free(ctx);
}

static void check_shown(struct client *c, const char *name)
{
        X509 *x = SSL_get0_peer_certificate(c->ssl);
        char text[32];

        assert_true(X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, text, sizeof(text)) > 0);
        assert_string_equal(text, name);
}

static void a_new_certificate_drops_nobody(void **state)
{
        struct httpfix *f = *state;
        struct http_identity other, mixed;
        struct client before, after;

        httpfix_identity("other", &other);
        assert_true(client_tls(f, NULL, &before));
        ask(&before, GET("/count"), "1");
        assert_int_equal(http_server_identity(f->server, &other), 0);
        assert_true(client_tls(f, NULL, &after));
        ask(&before, GET("/count"), "2");
        ask(&after, GET("/count"), "1");
        check_shown(&before, "localhost");
        check_shown(&after, "other");
        client_close(&before);
        client_close(&after);

        /* What does not belong together is not taken, and the old one stays. */
        mixed = (struct http_identity){ f->identity.key, other.chain };
        assert_int_equal(http_server_identity(f->server, &mixed), ERR_INVAL);
        assert_true(client_tls(f, NULL, &after));
        check_shown(&after, "other");
        client_close(&after);
        httpfix_identity_clear(&other);
}

static void speaks_http_1_1_only(void **state)
{
        SSL_CTX *ctx = client_context(TLS1_3_VERSION);
        struct client c;
        const unsigned char *chosen;
        unsigned len;

        SSL_CTX_set_alpn_protos(ctx, (const unsigned char *)"\x02h2\x08http/1.1", 12);
        assert_true(client_tls(*state, ctx, &c));
        SSL_get0_alpn_selected(c.ssl, &chosen, &len);
        assert_int_equal(len, 8);
        assert_memory_equal(chosen, "http/1.1", 8);
        ask(&c, GET("/hello"), "hello");
        client_close(&c);
        SSL_CTX_set_alpn_protos(ctx, (const unsigned char *)"\x02h2", 3);
        assert_false(client_tls(*state, ctx, &c));
        SSL_CTX_free(ctx);
}

static void want_certificate(struct http_server_options *o)
{
        o->client_certificate = HTTP_CERTIFICATE_ASK;
}

static void need_certificate(struct http_server_options *o)
{
        o->client_certificate = HTTP_CERTIFICATE_REQUIRE;
}

/* TLS 1.3 clients learn of the refusal only when they read. */
static bool served(struct httpfix *f, SSL_CTX *ctx, char who[64])
{
        struct client c;
        struct answer a;
        bool ok;

        if (!client_tls(f, ctx, &c))
                return false;
        ok = client_say(&c, GET("/who")) && client_hear(&c, false, &a);
        if (ok) {
                snprintf(who, 64, "%s", (const char *)a.body.ptr);
                answer_clear(&a);
        }
        client_close(&c);
        return ok;
}

static void certificates_of_clients_are_passed_on(void **state)
{
        static void (*const tweaks[])(struct http_server_options *) = { NULL, want_certificate, need_certificate };
        struct http_identity mine;
        char who[64], expected[64];

        (void)state;
        httpfix_identity("client", &mine);
        for (size_t i = 0; i < ARRAY_LEN(tweaks); i++) {
                struct httpfix *f = httpfix_open(NULL, tweaks[i]);
                SSL_CTX *ctx = client_context(TLS1_3_VERSION);

                assert_int_equal(served(f, ctx, who), i < 2);
                if (i < 2)
                        assert_string_equal(who, "127.0.0.1 -1 TLSv1.3 0");
                SSL_CTX_use_certificate(ctx, sk_X509_value(mine.chain, 0));
                SSL_CTX_use_PrivateKey(ctx, mine.key);
                snprintf(expected, sizeof(expected), "127.0.0.1 -1 TLSv1.3 %d", i == 0 ? 0 : i2d_X509(sk_X509_value(mine.chain, 0), NULL));
                assert_true(served(f, ctx, who));
                assert_string_equal(who, expected);
                /* A resumed session remembers him. */
                SSL_SESSION_free(session);
                session = NULL;
                resume(f, ctx, expected, false);
                SSL_CTX_free(ctx);
                httpfix_close(f);
        }
        httpfix_identity_clear(&mine);
        SSL_SESSION_free(session);
        session = NULL;
}

/* A key in a chip: its signature comes when the gate opens. */
static struct {
        pthread_mutex_t lock;
        pthread_cond_t moved;
        bool shut, waiting;
        int (*sign)(int type, const unsigned char *digest, int digest_len, unsigned char *sig, unsigned *sig_len, const BIGNUM *k, const BIGNUM *r, EC_KEY *key);
} chip = { .lock = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER };

static int sign_slowly(int type, const unsigned char *digest, int digest_len, unsigned char *sig, unsigned *sig_len, const BIGNUM *k, const BIGNUM *r, EC_KEY *key)
{
        pthread_mutex_lock(&chip.lock);
        chip.waiting = true;
        pthread_cond_broadcast(&chip.moved);
        while (chip.shut)
                pthread_cond_wait(&chip.moved, &chip.lock);
        pthread_mutex_unlock(&chip.lock);
        return chip.sign(type, digest, digest_len, sig, sig_len, k, r, key);
}

static void shut_chip(bool shut)
{
        pthread_mutex_lock(&chip.lock);
        chip.shut = shut;
        chip.waiting = false;
        pthread_cond_broadcast(&chip.moved);
        pthread_mutex_unlock(&chip.lock);
}

/* The fixture's certificate, signed anew for a key with such a method. */
static EC_KEY_METHOD *slow_identity(struct http_identity *ret)
{
        EC_KEY_METHOD *method = EC_KEY_METHOD_new(EC_KEY_OpenSSL());
        EC_KEY *key = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
        int (*setup)(EC_KEY *, BN_CTX *, BIGNUM **, BIGNUM **);
        ECDSA_SIG *(*sign_sig)(const unsigned char *, int, const BIGNUM *, const BIGNUM *, EC_KEY *);

        EC_KEY_METHOD_get_sign(EC_KEY_OpenSSL(), &chip.sign, &setup, &sign_sig);
        EC_KEY_METHOD_set_sign(method, sign_slowly, setup, sign_sig);
        httpfix_identity("slow", ret);
        EVP_PKEY_free(ret->key);
        assert_int_equal(EC_KEY_set_method(key, method), 1);
        assert_int_equal(EC_KEY_generate_key(key), 1);
        ret->key = EVP_PKEY_new();
        assert_int_equal(EVP_PKEY_assign_EC_KEY(ret->key, key), 1);
        assert_int_equal(X509_set_pubkey(sk_X509_value(ret->chain, 0), ret->key), 1);
        assert_true(X509_sign(sk_X509_value(ret->chain, 0), ret->key, EVP_sha256()) > 0);
        return method;
}

static void *greet(void *arg)
{
        struct client c;
        bool served = client_tls(arg, NULL, &c) && client_ask(&c, GET("/hello")) == 200;

        if (served)
                client_close(&c);
        return served ? arg : NULL;
}

static void a_slow_key_stops_nobody(void **state)
{
        struct httpfix *f = *state;
        struct http_identity slow;
        struct client before;
        pthread_t newcomer;
        void *served;
        EC_KEY_METHOD *method = slow_identity(&slow);

        assert_true(client_tls(f, NULL, &before));
        assert_int_equal(http_server_identity(f->server, &slow), 0);
        shut_chip(true);
        assert_int_equal(pthread_create(&newcomer, NULL, greet, f), 0);
        pthread_mutex_lock(&chip.lock);
        while (!chip.waiting)
                pthread_cond_wait(&chip.moved, &chip.lock);
        pthread_mutex_unlock(&chip.lock);
        for (int i = 0; i < 10; i++)
                ask(&before, GET("/hello"), "hello");
        shut_chip(false);
        pthread_join(newcomer, &served);
        assert_ptr_equal(served, f);
        client_close(&before);
        httpfix_stop(f, 1000);
        httpfix_identity_clear(&slow);
        EC_KEY_METHOD_free(method);
}

#define SERVED(test) cmocka_unit_test_setup_teardown(test, open_plain, close_plain)

int main(void)
{
        const struct CMUnitTest tests[] = {
                SERVED(speaks_1_3_and_1_2),
                SERVED(weak_ciphers_are_refused),
                SERVED(sessions_are_resumed),
                SERVED(sessions_outlast_a_certificate),
                SERVED(a_new_certificate_drops_nobody),
                SERVED(a_slow_key_stops_nobody),
                SERVED(speaks_http_1_1_only),
                cmocka_unit_test(certificates_of_clients_are_passed_on),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
