/* SPDX-License-Identifier: BSD-2-Clause */
/* Hashes, HMAC, AES-CFB: against published vectors and OpenSSL's EVP; and that the process around us is left alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include "lib/crypto.h"
#include "lib/err.h"
#include "lib/pk.h"

static const char *conf; /* what OPENSSL_CONF names */

static void assert_hex(const uint8_t *got, size_t len, const char *want)
{
        CLEANUP(buf_clear) struct buf b = { 0 };

        assert_int_equal(hex_encode(BYTES(got, len), &b), 0);
        assert_string_equal(buf_str(&b), want);
}

/* FIPS 180-4 examples */
static void hashes_abc(void **state)
{
        static const char *const want[][2] = {
                { "SHA1", "a9993e364706816aba3e25717850c26c9cd0d89d" },
                { "SHA224", "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7" },
                { "SHA256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
                { "SHA384", "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7" },
                { "SHA512", "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                            "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f" },
        };
        const struct bytes parts[] = { BYTES_STR("a"), { 0 }, BYTES_STR("bc") };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(want); i++) {
                const struct hash *h = hash_by_name(want[i][0]);
                uint8_t out[HASH_MAX];

                assert_int_equal(crypto_hash(h, parts, ARRAY_LEN(parts), out), 0);
                assert_hex(out, h->size, want[i][1]);
        }
}

static void fill(uint8_t *p, size_t n)
{
        for (size_t i = 0; i < n; i++)
                p[i] = (uint8_t)(i * 37 + n);
}

static void hashes_any_length_in_any_parts(void **state)
{
        const struct hash *h;
        uint8_t data[300], want[EVP_MAX_MD_SIZE], got[HASH_MAX];

        (void)state;
        for (size_t i = 0; (h = hash_at(i)); i++)
                for (size_t n = 0; n <= sizeof(data); n++) {
                        const struct bytes parts[] = { BYTES(data, n / 3), BYTES(data + n / 3, n - n / 3) };

                        fill(data, n);
                        assert_int_equal(EVP_Digest(data, n, want, NULL, EVP_get_digestbyname(h->name), NULL), 1);
                        assert_int_equal(crypto_hash(h, parts, 2, got), 0);
                        assert_memory_equal(got, want, h->size);
                }
        assert_int_equal(crypto_hash(hash_by_name("SHA256"), NULL, 0, got), 0);
        assert_hex(got, 32, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

/* RFC 4231 4.2 and 4.7 */
static void hmac_vectors(void **state)
{
        uint8_t key[131], out[HASH_MAX];
        struct bytes text = BYTES_STR("Hi There");

        (void)state;
        memset(key, 0x0b, 20);
        assert_int_equal(crypto_hmac(hash_by_name("SHA256"), BYTES(key, 20), &text, 1, out), 0);
        assert_hex(out, 32, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
        memset(key, 0xaa, sizeof(key));
        text = BYTES_STR("Test Using Larger Than Block-Size Key - Hash Key First");
        assert_int_equal(crypto_hmac(hash_by_name("SHA256"), BYTES(key, sizeof(key)), &text, 1, out), 0);
        assert_hex(out, 32, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void hmac_with_any_key(void **state)
{
        uint8_t key[200], data[100], want[EVP_MAX_MD_SIZE], got[HASH_MAX];
        const struct bytes parts[] = { BYTES(data, 60), BYTES(data + 60, 40) };
        const struct hash *h;

        (void)state;
        fill(data, sizeof(data));
        for (size_t i = 0; (h = hash_at(i)); i++)
                for (size_t n = 0; n <= sizeof(key); n++) {
                        fill(key, n);
                        assert_non_null(HMAC(EVP_get_digestbyname(h->name), key, (int)n, data, sizeof(data), want, NULL));
                        assert_int_equal(crypto_hmac(h, BYTES(key, n), parts, 2, got), 0);
                        assert_memory_equal(got, want, h->size);
                }
}

static void running_digest_and_its_copy(void **state)
{
        const struct hash *h;

        (void)state;
        for (size_t i = 0; (h = hash_at(i)); i++) {
                CLEANUP(digest_freep) struct digest *d = NULL;
                CLEANUP(digest_freep) struct digest *copy = NULL;
                uint8_t want[HASH_MAX], got[HASH_MAX];
                const struct bytes abcd = BYTES_STR("abcd"), abce = BYTES_STR("abce");

                assert_int_equal(digest_new(h, &d), 0);
                assert_int_equal(digest_update(d, BYTES_STR("ab")), 0);
                assert_int_equal(digest_update(d, (struct bytes){ 0 }), 0);
                assert_int_equal(digest_update(d, BYTES_STR("c")), 0);
                assert_int_equal(digest_copy(d, &copy), 0);
                assert_int_equal(digest_update(d, BYTES_STR("d")), 0);
                assert_int_equal(digest_update(copy, BYTES_STR("e")), 0);

                assert_int_equal(digest_final(d, got), 0);
                assert_int_equal(crypto_hash(h, &abcd, 1, want), 0);
                assert_memory_equal(got, want, h->size);
                assert_int_equal(digest_final(copy, got), 0);
                assert_int_equal(crypto_hash(h, &abce, 1, want), 0);
                assert_memory_equal(got, want, h->size);
        }
        digest_free(NULL);
}

static void aes_cfb_is_openssls(void **state)
{
        uint8_t key[32], iv[16], data[80], got[80], want[80];
        int out;

        (void)state;
        fill(key, sizeof(key));
        fill(iv, sizeof(iv));
        for (size_t k = 16; k <= 32; k += 16)
                for (size_t n = 0; n <= sizeof(data); n++) {
                        EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

                        fill(data, n);
                        memcpy(got, data, n);
                        EVP_EncryptInit_ex(ctx, k == 16 ? EVP_aes_128_cfb128() : EVP_aes_256_cfb128(), NULL, key, iv);
                        assert_int_equal(n == 0 || EVP_EncryptUpdate(ctx, want, &out, data, (int)n), 1);
                        assert_int_equal(crypto_aes_cfb(true, BYTES(key, k), iv, got, n), 0);
                        assert_memory_equal(got, want, n);
                        assert_int_equal(crypto_aes_cfb(false, BYTES(key, k), iv, got, n), 0);
                        assert_memory_equal(got, data, n);
                        EVP_CIPHER_CTX_free(ctx);
                }
        assert_int_equal(crypto_aes_cfb(true, BYTES(key, 24), iv, got, 1), ERR_RANGE);
        assert_int_equal(crypto_aes_cfb(true, BYTES(key, 0), iv, got, 1), ERR_RANGE);
}

static void random_numbers_differ(void **state)
{
        uint8_t a[1000] = { 0 }, b[1000] = { 0 };
        unsigned same = 0;

        (void)state;
        assert_int_equal(crypto_random(a, 0), 0);
        assert_int_equal(a[0], 0);
        assert_int_equal(crypto_random(a, sizeof(a)), 0);
        assert_int_equal(crypto_random(b, sizeof(b)), 0);
        for (size_t i = 0; i < sizeof(a); i++)
                same += a[i] == b[i];
        assert_in_range(same, 0, 40); /* 4 expected */
}

/* In a fresh process, where nothing of OpenSSL is initialised: 0 if child() returns true there. */
static void assert_in_child(bool (*child)(void))
{
        int status;
        pid_t pid;

        pid = fork();
        assert_int_not_equal(pid, -1);
        if (pid == 0)
                _exit(child() ? 0 : 1);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
}

static bool all_public_key_work(const struct curve *c)
{
        CLEANUP(pubkey_clear) struct pubkey k = { .ckk = 3, .curve = c };
        CLEANUP(buf_clear) struct buf z = { 0 };
        CLEANUP(buf_clear) struct buf point = { 0 };
        struct pubkey g = { 0 };
        static const struct pk_params p = { .scheme = SCHEME_ECDSA };
        uint8_t sig[132];
        bool ok;
        static const char *const generators[] = {
                "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
                "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5",
                "04aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7"
                "3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f",
                "0400c6858e06b70404e9cd9e3ecb662395b4429c648139053fb521f828af606b4d3dbaa14b5e77efe75928fe1dc127a2ffa8de3348b3c1856a429bf97e7e31c2e5bd66"
                "011839296a789a3bc0045c8a5fb42c7d1bd998f54449579b446817afbd17273e662c97ee72995ef42640c550b9013fad0761353c7086a272c24088be94769fd16650",
        };
        const char *hex = generators[c - curve_at(0)];

        memset(sig, 1, sizeof(sig));
        ok = hex_decode(hex, strlen(hex), &point) == 0
                && pubkey_from_point(c, BYTES_OF(&point), &g) == 0
                && pk_ecdh_ephemeral(&g, &k.x, &k.y, &z) == 0
                && pk_verify(&k, &p, BYTES(sig, 32), BYTES(sig, 2 * c->size)) == ERR_AUTH;
        pubkey_clear(&g);
        return ok;
}

static bool all_work(void)
{
        const struct curve *c;
        const struct hash *h;
        uint8_t out[HASH_MAX], iv[16] = { 0 };
        const struct bytes part = BYTES_STR("x");

        for (size_t i = 0; (h = hash_at(i)); i++)
                if (crypto_hash(h, &part, 1, out) != 0 || crypto_hmac(h, part, &part, 1, out) != 0)
                        return false;
        for (size_t i = 0; (c = curve_at(i)); i++)
                if (!all_public_key_work(c))
                        return false;
        return crypto_aes_cfb(true, BYTES(out, 16), iv, out, 16) == 0
                && crypto_scrypt(part, part, 16, 1, 1, out, 32) == 0;
}

static int config_watch(void)
{
        int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

        return inotify_add_watch(fd, conf, IN_OPEN) < 0 ? -1 : fd;
}

/* What stands in OpenSSL's configuration may load modules and engines, and those may be users of ours. */
static bool reads_no_configuration(void)
{
        char event[4096];
        int fd = config_watch();

        if (fd < 0 || !all_work() || read(fd, event, sizeof(event)) >= 0 || errno != EAGAIN)
                return false;
        /* The watch can bite. */
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();

        EVP_DigestInit_ex(ctx, EVP_sha256(), NULL);
        EVP_MD_CTX_free(ctx);
        return read(fd, event, sizeof(event)) > 0;
}

static void configuration_is_not_read(void **state)
{
        (void)state;
        assert_in_child(reads_no_configuration);
}

static void *work_often(void *ok)
{
        for (int i = 0; i < 20; i++)
                if (!all_work())
                        return NULL;
        return ok;
}

static bool works_in_threads(void)
{
        pthread_t t[8];
        void *ok, *all = t;

        for (size_t i = 0; i < ARRAY_LEN(t); i++)
                if (pthread_create(&t[i], NULL, work_often, t) != 0)
                        return false;
        for (size_t i = 0; i < ARRAY_LEN(t); i++)
                if (pthread_join(t[i], &ok) != 0 || !ok)
                        all = NULL;
        return all;
}

static void first_use_by_eight_threads_at_once(void **state)
{
        (void)state;
        assert_in_child(works_in_threads);
}

static void work_after_openssl_went(void)
{
        if (!all_work())
                _exit(7);
}

static bool works_at_exit(void)
{
        /* Registered first, called last: OpenSSL has cleaned up by then. */
        if (atexit(work_after_openssl_went) != 0 || EVP_Digest("", 0, (uint8_t[EVP_MAX_MD_SIZE]){ 0 }, NULL, EVP_sha256(), NULL) != 1
            || !all_work())
                return false;
        exit(0);
}

static void works_behind_openssls_exit_handler(void **state)
{
        (void)state;
        assert_in_child(works_at_exit);
}

/* A program looks into its thread's queue to learn what failed: there must be nothing of ours, and all of its own. */
static void error_queue_is_left_alone(void **state)
{
        static const uint8_t bad[] = { 0x30, 0x03, 0x02, 0x01, 0x01 };
        struct pubkey k = { 0 };

        (void)state;
        for (int own = 0; own <= 2; own++) {
                ERR_clear_error();
                if (own >= 1)
                        ERR_raise(ERR_LIB_USER, 99);
                if (own == 2)
                        ERR_set_mark();
                assert_true(all_work());
                assert_int_equal(pubkey_from_spki(BYTES(bad, sizeof(bad)), &k), ERR_FORMAT);
                assert_int_equal(pubkey_from_point(curve_at(0), BYTES("\4", 65), &k), ERR_FORMAT);
                if (own == 2)
                        assert_int_equal(ERR_pop_to_mark(), 1);
                assert_int_equal(ERR_GET_REASON(ERR_get_error()), own ? 99 : 0);
                assert_int_equal(ERR_get_error(), 0);
        }
}

/* The n-th allocation of OpenSSL fails, and only that. */
static _Atomic size_t allocations, failing;

static void *failing_malloc(size_t n, const char *file, int line)
{
        (void)file;
        (void)line;
        return ++allocations == failing ? NULL : malloc(n);
}

static void *failing_realloc(void *p, size_t n, const char *file, int line)
{
        (void)file;
        (void)line;
        if (n == 0) {
                free(p);
                return NULL;
        }
        return ++allocations == failing ? NULL : realloc(p, n);
}

static void failing_free(void *p, const char *file, int line)
{
        (void)file;
        (void)line;
        free(p);
}

static bool hash_or_nomem(void)
{
        const struct bytes part = BYTES_STR("x");
        struct digest *d = NULL, *copy = NULL;
        uint8_t out[HASH_MAX], iv[16] = { 0 };
        int r;

        r = crypto_hmac(hash_by_name("SHA384"), part, &part, 1, out);
        if (r == 0)
                r = crypto_hash(hash_by_name("SHA1"), &part, 1, out);
        if (r == 0)
                r = digest_new(hash_by_name("SHA256"), &d);
        if (r == 0)
                r = digest_copy(d, &copy);
        if (r == 0)
                r = crypto_aes_cfb(true, BYTES(out, 16), iv, out, 16);
        digest_free(d);
        digest_free(copy);
        /* OpenSSL does without some of its allocations. */
        return r == 0 || (r == ERR_NOMEM && failing && allocations >= failing);
}

static void allocation_failures_are_nomem(void **state)
{
        (void)state;
        for (failing = 0; failing <= allocations; failing++) {
                allocations = 0;
                assert_true(hash_or_nomem());
        }
        failing = 0;
        assert_true(hash_or_nomem());
}

/* The library context is not made half: with memory again, everything works. */
static bool recovers(void)
{
        bool ok = hash_or_nomem();

        failing = 0;
        return ok && hash_or_nomem();
}

static bool allocates_hundreds(void)
{
        allocations = 0;
        return hash_or_nomem() && allocations > 500 && allocations < 100000;
}

/* All of the first hundred, one in seven of those behind them. */
static void first_use_survives_allocation_failures(void **state)
{
        (void)state;
        assert_in_child(allocates_hundreds);
        for (size_t n = 1; n < 5000; n += n < 100 ? 1 : 7) {
                allocations = 0;
                failing = n;
                assert_in_child(recovers);
        }
        failing = 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                /* these fork, and want a process in which OpenSSL sleeps */
                cmocka_unit_test(configuration_is_not_read),
                cmocka_unit_test(first_use_by_eight_threads_at_once),
                cmocka_unit_test(works_behind_openssls_exit_handler),
                cmocka_unit_test(first_use_survives_allocation_failures),
                cmocka_unit_test(hashes_abc),
                cmocka_unit_test(hashes_any_length_in_any_parts),
                cmocka_unit_test(hmac_vectors),
                cmocka_unit_test(hmac_with_any_key),
                cmocka_unit_test(running_digest_and_its_copy),
                cmocka_unit_test(aes_cfb_is_openssls),
                cmocka_unit_test(random_numbers_differ),
                cmocka_unit_test(error_queue_is_left_alone),
                cmocka_unit_test(allocation_failures_are_nomem),
        };
        char path[] = "/tmp/hf-conf-XXXXXX";
        int fd, failed;

        fd = mkstemp(path);
        if (fd < 0 || setenv("OPENSSL_CONF", path, 1) != 0 || CRYPTO_set_mem_functions(failing_malloc, failing_realloc, failing_free) != 1)
                return 99;
        close(fd);
        conf = path;
        failed = cmocka_run_group_tests(tests, NULL, NULL);
        unlink(path);
        return failed;
}
