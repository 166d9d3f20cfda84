/* SPDX-License-Identifier: BSD-2-Clause */
/* Which TLS do we speak, and how is a session taken up again? */
#include "issuer/http_tls.h"
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "lib/err.h"

#define CIPHERS_1_2 "ECDHE+AESGCM:ECDHE+CHACHA20"
#define GROUPS "X25519:P-256:P-384"
#define SESSION_SECONDS 7200
/* Whoever takes a ticket key from memory reads TLS 1.2 sessions back to when it was made. */
#define TICKET_KEY_SECONDS (6 * 3600)
#define CERTIFICATES_MAX 16384          /* octets of a client's chain */

struct ticket_key {
        uint8_t name[16], cipher[32], mac[32];
        time_t made;            /* monotonic; 0: none */
};

struct http_tickets {
        pthread_mutex_t lock;
        struct ticket_key now, before;
};

static time_t monotonic(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec + 1;
}

static int fresh(struct ticket_key *k)
{
        if (RAND_bytes(k->name, sizeof(k->name)) != 1 || RAND_priv_bytes(k->cipher, sizeof(k->cipher)) != 1 || RAND_priv_bytes(k->mac, sizeof(k->mac)) != 1)
                return err(ERR_IO, "no random numbers");
        k->made = monotonic();
        return 0;
}

int http_tickets_new(struct http_tickets **ret)
{
        struct http_tickets *t = calloc(1, sizeof(*t));

        if (t == NULL)
                return err(ERR_NOMEM, "out of memory");
        if (fresh(&t->now) != 0) {
                free(t);
                return ERR_IO;
        }
        pthread_mutex_init(&t->lock, NULL);
        *ret = t;
        return 0;
}

void http_tickets_free(struct http_tickets *t)
{
        if (t == NULL)
                return;
        pthread_mutex_destroy(&t->lock);
        wipe(t, sizeof(*t));
        free(t);
}

/* The key to write a ticket with (name NULL) or the one that wrote it. 0: none; 1; 2: yes, but write a new one. */
static int pick(struct http_tickets *t, const uint8_t *name, struct ticket_key *ret)
{
        time_t now = monotonic();
        int r = 0;

        pthread_mutex_lock(&t->lock);
        if (now - t->now.made > TICKET_KEY_SECONDS) {
                t->before = t->now;
                if (fresh(&t->now) != 0)
                        t->now.made = 0;
        }
        if (t->now.made != 0 && (name == NULL || memcmp(name, t->now.name, sizeof(t->now.name)) == 0)) {
                *ret = t->now;
                r = 1;
        } else if (name != NULL && t->before.made != 0 && now - t->before.made <= 2 * TICKET_KEY_SECONDS &&
                   memcmp(name, t->before.name, sizeof(t->before.name)) == 0) {
                *ret = t->before;
                r = 2;
        }
        pthread_mutex_unlock(&t->lock);
        return r;
}

/* RFC 5077 4 says what a ticket should look like. */
static int ticket_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int sealing)
{
        struct http_tickets *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
        struct ticket_key k;
        OSSL_PARAM params[3];
        int r = pick(t, sealing ? NULL : name, &k), ok = 1;

        if (r == 0)
                return 0;
        if (sealing) {
                memcpy(name, k.name, sizeof(k.name));
                ok = RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc()));
        }
        params[0] = OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, k.mac, sizeof(k.mac));
        params[1] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0);
        params[2] = OSSL_PARAM_construct_end();
        ok = ok == 1 && EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, k.cipher, iv, sealing) == 1 && EVP_MAC_CTX_set_params(mac, params) == 1;
        wipe(&k, sizeof(k));
        return ok ? r : -1;
}

static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in, unsigned in_len, void *arg)
{
        static const unsigned char ours[] = "\x08http/1.1\x08http/1.0";

        (void)ssl;
        (void)arg;
        if (SSL_select_next_proto((unsigned char **)out, out_len, ours, sizeof(ours) - 1, in, in_len) != OPENSSL_NPN_NEGOTIATED)
                return SSL_TLSEXT_ERR_ALERT_FATAL;
        return SSL_TLSEXT_ERR_OK;
}

/* Whose certificate it is, is the handler's to judge. That he holds its key, TLS itself has checked. */
static int anybody(X509_STORE_CTX *ctx, void *arg)
{
        (void)arg;
        X509_STORE_CTX_set_error(ctx, X509_V_OK);
        return 1;
}

static int show(SSL_CTX *ctx, const struct http_identity *identity)
{
        if (identity == NULL || sk_X509_num(identity->chain) < 1)
                return err(ERR_INVAL, "a TLS server needs a certificate and its key");
        if (SSL_CTX_use_certificate(ctx, sk_X509_value(identity->chain, 0)) != 1 || SSL_CTX_use_PrivateKey(ctx, identity->key) != 1 ||
            SSL_CTX_check_private_key(ctx) != 1)
                return err(ERR_INVAL, "the TLS server's key and its certificate do not belong together");
        for (int i = 1; i < sk_X509_num(identity->chain); i++)
                if (SSL_CTX_add1_chain_cert(ctx, sk_X509_value(identity->chain, i)) != 1)
                        return err(ERR_INVAL, "the TLS server's certificate chain cannot be used");
        return 0;
}

static int settle(SSL_CTX *ctx, const struct http_server_options *o)
{
        int verify = o->client_certificate == HTTP_CERTIFICATE_NONE ? SSL_VERIFY_NONE : SSL_VERIFY_PEER;

        if (o->client_certificate == HTTP_CERTIFICATE_REQUIRE)
                verify |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
        if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 || SSL_CTX_set_cipher_list(ctx, CIPHERS_1_2) != 1 ||
            SSL_CTX_set1_groups_list(ctx, GROUPS) != 1 || SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"holdfast", 8) != 1 ||
            SSL_CTX_set_num_tickets(ctx, 1) != 1 || SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, ticket_key) != 1)
                return err(ERR_NOTSUP, "this OpenSSL cannot speak TLS as it should");
        SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA | SSL_OP_NO_COMPRESSION);
        SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        /* Sessions are in their tickets, and nowhere else. */
        SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
        SSL_CTX_set_timeout(ctx, SESSION_SECONDS);
        SSL_CTX_set_read_ahead(ctx, 1);
        SSL_CTX_set_max_cert_list(ctx, CERTIFICATES_MAX);
        SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
        SSL_CTX_set_verify(ctx, verify, NULL);
        SSL_CTX_set_cert_verify_callback(ctx, anybody, NULL);
        return 0;
}

int http_tls_context(const struct http_server_options *o, const struct http_identity *identity, struct http_tickets *t, SSL_CTX **ret)
{
        SSL_CTX *ctx = SSL_CTX_new_ex(o->libctx, NULL, TLS_server_method());
        int r;

        if (ctx == NULL)
                return err(ERR_NOMEM, "out of memory");
        SSL_CTX_set_app_data(ctx, t);
        r = settle(ctx, o);
        if (r == 0)
                r = show(ctx, identity);
        if (r == 0)
                *ret = ctx;
        else
                SSL_CTX_free(ctx);
        ERR_clear_error();
        return r;
}
