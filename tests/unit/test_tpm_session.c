/* SPDX-License-Identifier: BSD-2-Clause */
/* A session's arithmetic, against OpenSSL's one-shot HMAC and a TPM that is played here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include "lib/crypto.h"
#include "lib/err.h"
#include "tpm/session.h"

static const uint8_t salt[32] = "0123456789abcdef0123456789abcde";
static const uint8_t nonce_tpm[32] = "a nonce that the TPM has chosen.";
static const uint8_t name[34] = { 0x00, 0x0b, 1, 2, 3 };
static const uint8_t params[] = "the parameters";

static struct session fresh(void)
{
        struct session s = { 0 };

        assert_int_equal(session_nonce(&s), 0);
        assert_int_equal(session_start(&s, 0x02000000, BYTES(salt, sizeof(salt)), BYTES(nonce_tpm, sizeof(nonce_tpm))), 0);
        return s;
}

static struct session_command sign_command(struct bytes auth)
{
        return (struct session_command){
                .cc = TPM2_CC_Sign, .names = { BYTES(name, sizeof(name)) }, .n_names = 1,
                .params = BYTES(params, sizeof(params)), .auth = auth, .attributes = TPMA_SESSION_CONTINUESESSION,
        };
}

/* Part 1, 19.6.5, put together by hand. */
static void expected(const struct session *s, struct bytes auth, const uint8_t *first, size_t first_len, struct bytes newer, struct bytes older,
                     uint8_t attributes, uint8_t out[32])
{
        uint8_t hash[32], key[128], text[256];
        size_t n = 0;

        EVP_Digest(first, first_len, hash, NULL, EVP_sha256(), NULL);
        memcpy(key, s->key, 32);
        if (auth.len > 0)
                memcpy(key + 32, auth.ptr, auth.len);
        memcpy(text, hash, 32);
        n = 32;
        memcpy(text + n, newer.ptr, newer.len);
        n += newer.len;
        memcpy(text + n, older.ptr, older.len);
        n += older.len;
        text[n++] = attributes;
        HMAC(EVP_sha256(), key, (int)(32 + auth.len), text, n, out, NULL);
}

static void authorises_as_part_1_says(void **state)
{
        struct session s = fresh();
        struct session_command c = sign_command(BYTES("auth", 4));
        TPMS_AUTH_COMMAND a;
        uint8_t cp[4 + sizeof(name) + sizeof(params)] = { 0x00, 0x00, 0x01, 0x5d }, want[32];

        (void)state;
        memcpy(cp + 4, name, sizeof(name));
        memcpy(cp + 4 + sizeof(name), params, sizeof(params));
        assert_int_equal(session_authorise(&s, &c, &a), 0);
        expected(&s, BYTES("auth", 4), cp, sizeof(cp), BYTES(s.nonce_caller, 32), BYTES(nonce_tpm, 32), c.attributes, want);
        assert_int_equal(a.hmac.size, 32);
        assert_memory_equal(a.hmac.buffer, want, 32);
        assert_int_equal(a.sessionHandle, 0x02000000);
        assert_memory_equal(a.nonce.buffer, s.nonce_caller, 32);
}

static void trailing_zeros_of_a_value_do_not_count(void **state)
{
        struct session s = fresh();
        struct session_command c = sign_command(BYTES("auth", 4)), zeros = sign_command(BYTES("auth\0\0\0", 7));
        TPMS_AUTH_COMMAND a, b;

        (void)state;
        assert_int_equal(session_authorise(&s, &c, &a), 0);
        assert_int_equal(session_authorise(&s, &zeros, &b), 0);
        assert_memory_equal(a.hmac.buffer, b.hmac.buffer, 32);
}

static void no_two_commands_are_the_same(void **state)
{
        struct session s = fresh();
        struct session_command c = sign_command(BYTES(NULL, 0));
        TPMS_AUTH_COMMAND a, b;

        (void)state;
        assert_int_equal(session_nonce(&s), 0);
        assert_int_equal(session_authorise(&s, &c, &a), 0);
        assert_int_equal(session_nonce(&s), 0);
        assert_int_equal(session_authorise(&s, &c, &b), 0);
        assert_memory_not_equal(a.nonce.buffer, b.nonce.buffer, 32);
        assert_memory_not_equal(a.hmac.buffer, b.hmac.buffer, 32);
}

struct reply {
        uint8_t params[12], nonce[32], mac[32], attributes;
};

static void play_tpm(const struct session *s, struct bytes auth, uint8_t attributes, struct reply *r)
{
        uint8_t rp[8 + sizeof(r->params)] = { 0, 0, 0, 0, 0x00, 0x00, 0x01, 0x5d };

        memcpy(r->params, "a signature.", 12);
        memset(r->nonce, 0x77, sizeof(r->nonce));
        r->attributes = attributes;
        memcpy(rp + 8, r->params, sizeof(r->params));
        expected(s, auth, rp, sizeof(rp), BYTES(r->nonce, 32), BYTES(s->nonce_caller, 32), attributes, r->mac);
}

static int check(struct session s, const struct session_command *c, const struct reply *r)
{
        return session_check(&s, c, BYTES(r->params, sizeof(r->params)), BYTES(r->nonce, sizeof(r->nonce)), r->attributes,
                             BYTES(r->mac, sizeof(r->mac)));
}

static void a_genuine_response_passes_and_no_other(void **state)
{
        struct session s = fresh();
        struct session_command c = sign_command(BYTES("auth", 4));
        struct reply r, bad;

        (void)state;
        play_tpm(&s, c.auth, TPMA_SESSION_CONTINUESESSION, &r);
        assert_int_equal(check(s, &c, &r), 0);
        for (size_t bit = 0; bit < sizeof(r) * 8; bit++) {
                bad = r;
                ((uint8_t *)&bad)[bit / 8] ^= (uint8_t)(1 << bit % 8);
                assert_int_equal(check(s, &c, &bad), ERR_IO);
        }

        /* Right, but for another command, for another authorisation, or with an end to the session that we did not ask for. */
        c.cc = TPM2_CC_Unseal;
        assert_int_equal(check(s, &c, &r), ERR_IO);
        c = sign_command(BYTES("other", 5));
        assert_int_equal(check(s, &c, &r), ERR_IO);
        c = sign_command(BYTES("auth", 4));
        play_tpm(&s, c.auth, 0, &r);
        assert_int_equal(check(s, &c, &r), ERR_IO);
}

static void nonces_of_impossible_length_are_refused(void **state)
{
        struct session s = fresh();
        struct session_command c = sign_command(BYTES(NULL, 0));
        uint8_t nonce[100] = { 0 };

        (void)state;
        for (size_t len = 0; len < sizeof(nonce); len++) {
                if (len < 16 || len > sizeof(s.nonce_tpm.buffer))
                        assert_int_equal(session_check(&s, &c, BYTES(params, 4), BYTES(nonce, len), 1, BYTES(nonce, 32)), ERR_IO);
        }
}

/* Part 1, 21.3 with OpenSSL's own AES-CFB. */
static void encrypts_under_both_nonces(void **state)
{
        struct session s = fresh();
        uint8_t data[20], want[20], key[32], text[8 + 64 + 4] = { 0, 0, 0, 1, 'C', 'F', 'B', 0 }, secret[36];
        EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
        int n;

        (void)state;
        memcpy(secret, s.key, 32);
        memcpy(secret + 32, "auth", 4);
        memcpy(text + 8, s.nonce_caller, 32);
        memcpy(text + 40, nonce_tpm, 32);
        text[74] = 1;                   /* 256 bits */
        HMAC(EVP_sha256(), secret, sizeof(secret), text, sizeof(text), key, NULL);
        memset(data, 0x5a, sizeof(data));
        assert_int_equal(EVP_EncryptInit_ex(ctx, EVP_aes_128_cfb128(), NULL, key, key + 16), 1);
        assert_int_equal(EVP_EncryptUpdate(ctx, want, &n, data, sizeof(data)), 1);
        EVP_CIPHER_CTX_free(ctx);
        assert_int_equal(session_encrypt(&s, BYTES("auth", 4), data, sizeof(data)), 0);
        assert_memory_equal(data, want, sizeof(data));
}

static void forgets_its_key(void **state)
{
        struct session s = fresh();
        const struct session empty = { 0 };

        (void)state;
        session_forget(&s);
        assert_memory_equal(&s, &empty, sizeof(s));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(authorises_as_part_1_says),
                cmocka_unit_test(trailing_zeros_of_a_value_do_not_count),
                cmocka_unit_test(no_two_commands_are_the_same),
                cmocka_unit_test(a_genuine_response_passes_and_no_other),
                cmocka_unit_test(nonces_of_impossible_length_are_refused),
                cmocka_unit_test(encrypts_under_both_nonces),
                cmocka_unit_test(forgets_its_key),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
