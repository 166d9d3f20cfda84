/* SPDX-License-Identifier: BSD-2-Clause */
/* Measures one thing about a key behind an OpenSSL provider, in a fresh process, and prints it as "name value" lines.
 *
 * usage: tls_bench PROVIDER URI handshakes THREADS COUNT    TLS 1.3 with that key as the client's, both ends here; and with one in software
 *        tls_bench PROVIDER URI sign COUNT                  EVP_DigestSign
 *        tls_bench PROVIDER URI load COUNT                  OSSL_STORE loads
 *        PROVIDER: the file, with its directory
 *        BENCH_LOG: the log of count_proxy, by which TPM commands are counted
 *        BENCH_PROPERTIES: the default ones; tpm2-openssl is asked to sign only if they prefer it */
#include <dlfcn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/ssl.h>
#include <openssl/store.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tests/bench/measure.h"
#include "lib/cryptoki.h"

static OSSL_LIB_CTX *lib;
static const char *uri;

static void die(const char *what)
{
        fprintf(stderr, "tls_bench: %s\n", what);
        ERR_print_errors_fp(stderr);
        exit(1);
}

static long resident_kb(void)
{
        long size, resident = 0;
        FILE *f = fopen("/proc/self/statm", "r");

        if (f == NULL || fscanf(f, "%ld %ld", &size, &resident) != 2)
                die("/proc/self/statm");
        fclose(f);
        return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static EVP_PKEY *load(void)
{
        OSSL_STORE_CTX *s = OSSL_STORE_open_ex(uri, lib, NULL, NULL, NULL, NULL, NULL, NULL);
        OSSL_STORE_INFO *i = s != NULL ? OSSL_STORE_load(s) : NULL;
        EVP_PKEY *key = i != NULL ? OSSL_STORE_INFO_get1_PKEY(i) : NULL;

        OSSL_STORE_INFO_free(i);
        OSSL_STORE_close(s);
        if (key == NULL)
                die(uri);
        return key;
}

static void sign(EVP_PKEY *key)
{
        EVP_MD_CTX *m = EVP_MD_CTX_new();
        unsigned char sig[512];
        size_t len = sizeof(sig);

        if (EVP_DigestSignInit_ex(m, NULL, "SHA256", lib, NULL, key, NULL) != 1 || EVP_DigestSign(m, sig, &len, (const unsigned char *)"x", 1) != 1)
                die("EVP_DigestSign");
        EVP_MD_CTX_free(m);
}

/* A certificate by the key itself: whom the two ends trust. */
static X509 *certificate(EVP_PKEY *key)
{
        X509 *x = X509_new_ex(lib, NULL);
        X509_NAME *n = X509_get_subject_name(x);

        ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
        X509_gmtime_adj(X509_getm_notBefore(x), -60);
        X509_gmtime_adj(X509_getm_notAfter(x), 86400);
        X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_ASC, (const unsigned char *)"bench", -1, -1, 0);
        X509_set_issuer_name(x, n);
        X509_set_version(x, 2);
        if (X509_set_pubkey(x, key) != 1 || X509_sign(x, key, EVP_sha256()) == 0)
                die("certificate");
        return x;
}

static SSL_CTX *end_of(const SSL_METHOD *method, EVP_PKEY *key, X509 *own, X509 *other)
{
        SSL_CTX *c = SSL_CTX_new_ex(lib, NULL, method);

        SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION);
        SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
        SSL_CTX_set_num_tickets(c, 0);
        SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
        if (SSL_CTX_use_certificate(c, own) != 1 || SSL_CTX_use_PrivateKey(c, key) != 1 || X509_STORE_add_cert(SSL_CTX_get_cert_store(c), other) != 1)
                die("SSL_CTX");
        return c;
}

struct ends {
        SSL_CTX *client, *server;
};

static int handshake(const struct ends *e)
{
        SSL *c = SSL_new(e->client), *s = SSL_new(e->server);
        BIO *to_s, *to_c;
        int rc = 0, rs = 0;

        BIO_new_bio_pair(&to_s, 0, &to_c, 0);
        SSL_set_bio(c, to_s, to_s);
        SSL_set_bio(s, to_c, to_c);
        SSL_set_connect_state(c);
        SSL_set_accept_state(s);
        for (int i = 0; i < 20 && (rc != 1 || rs != 1); i++) {
                rc = SSL_do_handshake(c);
                rs = SSL_do_handshake(s);
        }
        SSL_free(c);
        SSL_free(s);
        return rc == 1 && rs == 1;
}

struct job {
        const struct ends *ends;
        int count, failed;
};

static void *work(void *arg)
{
        struct job *j = arg;

        for (int i = 0; i < j->count; i++)
                j->failed += !handshake(j->ends);
        return NULL;
}

/* Microseconds for one, all threads counted together. */
static double timed(const struct ends *e, int threads, int count, int *failed)
{
        struct job jobs[64];
        pthread_t t[64];
        double start = now_us();

        for (int i = 0; i < threads; i++) {
                jobs[i] = (struct job){ e, count / threads, 0 };
                pthread_create(&t[i], NULL, work, &jobs[i]);
        }
        for (int i = 0; i < threads; i++) {
                pthread_join(t[i], NULL);
                *failed += jobs[i].failed;
        }
        return (now_us() - start) / (count / threads * threads);
}

static void handshakes(int threads, int count)
{
        EVP_PKEY *hard = load(), *soft = EVP_PKEY_Q_keygen(lib, "provider=default", "EC", "P-256"), *server = EVP_PKEY_Q_keygen(lib, "provider=default", "EC", "P-256");
        X509 *hard_cert = certificate(hard), *soft_cert = certificate(soft), *server_cert = certificate(server);
        struct ends in_hardware = { end_of(TLS_client_method(), hard, hard_cert, server_cert), end_of(TLS_server_method(), server, server_cert, hard_cert) };
        struct ends in_software = { end_of(TLS_client_method(), soft, soft_cert, server_cert), end_of(TLS_server_method(), server, server_cert, soft_cert) };
        int failed = 0;
        long before;

        if (!handshake(&in_hardware) || !handshake(&in_software))
                die("handshake");
        printf("soft_us %.1f\n", timed(&in_software, threads, count, &failed));
        before = commands();
        printf("handshake_us %.1f\n", timed(&in_hardware, threads, count, &failed));
        printf("commands %.2f\n", (double)(commands() - before) / (count / threads * threads));
        printf("handshakes_failed %d\n", failed);
        for (int i = 0; i < 2; i++) {
                struct ends *e = i == 0 ? &in_hardware : &in_software;

                SSL_CTX_free(e->client);
                SSL_CTX_free(e->server);
        }
        X509_free(hard_cert);
        X509_free(soft_cert);
        X509_free(server_cert);
        EVP_PKEY_free(hard);
        EVP_PKEY_free(soft);
        EVP_PKEY_free(server);
}

/* After the first tenth memory has settled; what comes on top of that is growth. */
static void again_and_again(int count, EVP_PKEY *key)
{
        long before = 0, log_before = 0;

        if (key != NULL)
                sign(key);
        log_before = commands();
        for (int i = 0; i < count; i++) {
                if (i == count / 10)
                        before = resident_kb();
                if (key != NULL)
                        sign(key);
                else
                        EVP_PKEY_free(load());
        }
        printf("commands %.2f\n", (double)(commands() - log_before) / count);
        printf("grown_kb %ld\n", resident_kb() - before);
        EVP_PKEY_free(key);
}

/* What is open in the PKCS#11 module, which outlives the provider. */
static void count_sessions(const char *module)
{
        void *library = module != NULL ? dlopen(module, RTLD_NOW | RTLD_NOLOAD) : NULL;
        CK_RV (*get)(CK_FUNCTION_LIST **) = NULL;
        CK_ULONG sessions = 0, n = 16;
        CK_FUNCTION_LIST *f;
        CK_TOKEN_INFO info;
        CK_SLOT_ID slots[16];

        if (library == NULL)
                return;
        *(void **)&get = dlsym(library, "C_GetFunctionList");
        if (get == NULL || get(&f) != CKR_OK || f->C_GetSlotList(CK_TRUE, slots, &n) != CKR_OK)
                die("C_GetSlotList");
        for (CK_ULONG i = 0; i < n; i++) {
                if (f->C_GetTokenInfo(slots[i], &info) != CKR_OK)
                        die("C_GetTokenInfo");
                sessions += info.ulSessionCount;
        }
        printf("sessions %lu\n", sessions);
        dlclose(library);
}

/* The default provider first, so that it keeps whatever both have. */
static void load_provider(char *path, OSSL_PROVIDER *ret[2])
{
        char *slash = strrchr(path, '/'), *suffix = strstr(path, ".so");

        if (slash == NULL || suffix == NULL)
                die(path);
        *slash = *suffix = '\0';
        lib = OSSL_LIB_CTX_new();
        OSSL_PROVIDER_set_default_search_path(lib, path);
        ret[0] = OSSL_PROVIDER_load(lib, "default");
        ret[1] = OSSL_PROVIDER_load(lib, slash + 1);
        if (ret[0] == NULL || ret[1] == NULL || EVP_set_default_properties(lib, getenv("BENCH_PROPERTIES")) != 1)
                die("no provider");
}

int main(int argc, char **argv)
{
        OSSL_PROVIDER *providers[2];

        if (argc < 5) {
                fprintf(stderr, "usage: tls_bench PROVIDER URI handshakes THREADS COUNT | sign COUNT | load COUNT\n");
                return 2;
        }
        uri = argv[2];
        load_provider(argv[1], providers);
        if (strcmp(argv[3], "handshakes") == 0 && argc == 6)
                handshakes(atoi(argv[4]), atoi(argv[5]));
        else
                again_and_again(atoi(argv[4]), strcmp(argv[3], "sign") == 0 ? load() : NULL);
        OSSL_PROVIDER_unload(providers[1]);
        OSSL_PROVIDER_unload(providers[0]);
        OSSL_LIB_CTX_free(lib);
        count_sessions(getenv("HOLDFAST_MODULE"));
        return 0;
}
