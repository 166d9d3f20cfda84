/* SPDX-License-Identifier: BSD-2-Clause */
/* What a key does in the TPM is right, judged by software; its authorisation value never goes over the wire. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/err.h"
#include "tests/tpmfix.h"
#include "tpm/ctx.h"

#define AUTH "a value that nobody may see"

static int start(void **state)
{
        *state = malloc(sizeof(struct tpmfix));
        tpmfix_start(*state);
        return 0;
}

static int stop(void **state)
{
        struct tpmfix *f = *state;

        /* Neither any authorisation value nor any secret was ever seen, whichever tests ran. */
        assert_false(proxy_saw(&f->proxy, AUTH, strlen(AUTH)));
        assert_false(proxy_saw(&f->proxy, "the sealed secret", 17));
        assert_true(f->proxy.wire_len > 1000);
        assert_int_equal(tpmfix_wrong_tries(f), 0);
        tpmfix_stop(f);
        free(f);
        return 0;
}

static void signs_with_every_curve(void **state)
{
        static const char *const kinds[] = { "P-256", "P-384", "P-521" };
        struct tpmfix *f = *state;

        for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
                struct tpmkey k;

                tpmkey_make(f->t, kinds[i], ALG_SIGN, AUTH, false, &k);
                for (int n = 0; n < 5; n++)
                        assert_int_equal(tpmkey_sign(f->t, &k), 0);
                tpmkey_clear(&k);
        }
}

static void agrees_on_a_secret(void **state)
{
        static const char *const kinds[] = { "P-256", "P-384", "P-521" };
        struct tpmfix *f = *state;

        for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
                CLEANUP(buf_clear) struct buf x = { 0 };
                CLEANUP(buf_clear) struct buf y = { 0 };
                CLEANUP(buf_clear) struct buf z = { 0 };
                CLEANUP(buf_clear) struct buf ours = { 0 };
                struct tpmkey k;

                tpmkey_make(f->t, kinds[i], ALG_DERIVE, AUTH, false, &k);
                assert_int_equal(pk_ecdh_ephemeral(&k.pk, &x, &y, &z), 0);
                assert_int_equal(tpm_ecdh(f->t, &k.key, BYTES_OF(&x), BYTES_OF(&y), &ours), 0);
                assert_true(bytes_equal(BYTES_OF(&z), BYTES_OF(&ours)));
                assert_false(proxy_saw(&f->proxy, z.ptr, z.len));
                x.ptr[x.len - 1] ^= 1;
                assert_int_equal(tpm_ecdh(f->t, &k.key, BYTES_OF(&x), BYTES_OF(&y), &ours), ERR_RANGE);
                tpmkey_clear(&k);
        }
}

static void rsa_signs_and_decrypts(void **state)
{
        struct tpmfix *f = *state;
        const struct hash *h = hash_by_name("SHA256");
        const struct pk_params oaep = { .scheme = SCHEME_RSA_OAEP, .hash = h, .mgf_hash = h, .label = BYTES("label", 6) };
        const struct pk_params pkcs1 = { .scheme = SCHEME_RSA_PKCS1 };
        CLEANUP(buf_clear) struct buf in = { 0 };
        CLEANUP(buf_clear) struct buf out = { 0 };
        struct tpmkey k;

        tpmkey_make(f->t, "RSA-2048", ALG_SIGN | ALG_DECRYPT, AUTH, false, &k);
        assert_int_equal(tpmkey_sign(f->t, &k), 0);

        assert_int_equal(pk_encrypt(&k.pk, &oaep, BYTES_STR("the sealed secret"), &in), 0);
        assert_int_equal(tpm_rsa_decrypt(f->t, &k.key, SCHEME_RSA_OAEP, h, oaep.label, BYTES_OF(&in), &out), 0);
        assert_true(bytes_equal(BYTES_OF(&out), BYTES_STR("the sealed secret")));
        assert_int_equal(tpm_rsa_decrypt(f->t, &k.key, SCHEME_RSA_OAEP, h, BYTES("other", 6), BYTES_OF(&in), &out), ERR_FORMAT);

        assert_int_equal(tpm_rsa_decrypt(f->t, &k.key, SCHEME_RSA_RAW, NULL, BYTES(NULL, 0), BYTES_OF(&in), &out), 0);
        assert_int_equal(out.len, 256);
        assert_int_equal(pk_oaep_decode(&oaep, BYTES_OF(&out), &in), 0);
        assert_true(bytes_equal(BYTES_OF(&in), BYTES_STR("the sealed secret")));

        assert_int_equal(pk_encrypt(&k.pk, &pkcs1, BYTES_STR("the sealed secret"), &in), 0);
        assert_int_equal(tpm_rsa_decrypt(f->t, &k.key, SCHEME_RSA_PKCS1, NULL, BYTES(NULL, 0), BYTES_OF(&in), &out), 0);
        assert_true(bytes_equal(BYTES_OF(&out), BYTES_STR("the sealed secret")));
        assert_int_equal(tpmkey_sign(f->t, &k), 0);
        tpmkey_clear(&k);
}

static void hmac_of_any_length(void **state)
{
        static const size_t lengths[] = { 0, 1, 64, 1024, 1025, 2048, 5000 };
        static uint8_t data[5000];
        struct tpmfix *f = *state;
        CLEANUP(buf_clear) struct buf first = { 0 };
        CLEANUP(buf_clear) struct buf again = { 0 };
        struct tpmkey k;

        /* The key is in the TPM alone, so that one command is held against the other: a sequence of 1025 against HMAC's
         * own property that a message is not its prefix, and each length against itself. */
        tpmkey_make(f->t, "HMAC-SHA256", ALG_SIGN, AUTH, false, &k);
        memset(data, 'x', sizeof(data));
        for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
                assert_int_equal(tpm_hmac(f->t, &k.key, k.kind->hash, BYTES(data, lengths[i]), &again), 0);
                assert_int_equal(again.len, 32);
                assert_false(bytes_equal(BYTES_OF(&first), BYTES_OF(&again)));
                assert_int_equal(tpm_hmac(f->t, &k.key, k.kind->hash, BYTES(data, lengths[i]), &first), 0);
                assert_true(bytes_equal(BYTES_OF(&first), BYTES_OF(&again)));
        }
        tpmkey_clear(&k);
}

static bool remembers(const struct tpm *t, const char *secret)
{
        return memmem(t->tcti.packet, sizeof(t->tcti.packet), secret, strlen(secret)) != NULL;
}

/* An object whose wrong tries count is flushed after its use, and the short answer to that lies over the long one. */
static void nothing_remembers_a_secret_afterwards(void **state)
{
        struct tpmfix *f = *state;
        CLEANUP(buf_clear) struct buf out = { 0 };
        struct tpmkey k;

        for (int da = 0; da < 2; da++) {
                tpmkey_seal(f->t, "a long secret, and this is its end", AUTH, da, &k);
                assert_int_equal(tpm_unseal(f->t, &k.key, &out), 0);
                assert_int_equal(out.len, strlen("a long secret, and this is its end"));
                assert_false(remembers(f->t, "this is its end"));
                tpmkey_clear(&k);
        }
}

static void gives_back_what_was_sealed(void **state)
{
        struct tpmfix *f = *state;
        CLEANUP(buf_clear) struct buf out = { 0 };
        struct tpmkey k;

        tpmkey_seal(f->t, "the sealed secret", AUTH, false, &k);
        assert_int_equal(tpm_unseal(f->t, &k.key, &out), 0);
        assert_true(bytes_equal(BYTES_OF(&out), BYTES_STR("the sealed secret")));
        k.key.auth = BYTES_STR("wrong");
        assert_int_equal(tpm_unseal(f->t, &k.key, &out), ERR_AUTH);
        tpmkey_clear(&k);
}

static void a_wrong_value_is_refused_and_harms_nothing(void **state)
{
        struct tpmfix *f = *state;
        struct tpmkey k;

        tpmkey_make(f->t, "P-256", ALG_SIGN, AUTH, false, &k);
        k.key.auth = BYTES_STR("wrong");
        assert_int_equal(tpmkey_sign(f->t, &k), ERR_AUTH);
        k.key.auth = BYTES(NULL, 0);
        assert_int_equal(tpmkey_sign(f->t, &k), ERR_AUTH);
        k.key.auth = BYTES_STR(AUTH);
        assert_int_equal(tpmkey_sign(f->t, &k), 0);
        tpmkey_clear(&k);
}

static void asks_for_nothing_senseless(void **state)
{
        struct tpmfix *f = *state;
        CLEANUP(buf_clear) struct buf out = { 0 };
        static const uint8_t digest[64];
        struct tpmkey ec, mac;
        uint64_t before;

        tpmkey_make(f->t, "P-256", ALG_SIGN, AUTH, false, &ec);
        tpmkey_make(f->t, "HMAC-SHA256", ALG_SIGN, AUTH, false, &mac);
        before = tpm_commands(f->t);
        assert_int_equal(tpm_sign(f->t, &ec.key, SCHEME_ECDSA, hash_by_name("SHA256"), BYTES(digest, 31), &out), ERR_RANGE);
        assert_int_equal(tpm_sign(f->t, &mac.key, SCHEME_ECDSA, hash_by_name("SHA256"), BYTES(digest, 32), &out), ERR_NOTSUP);
        assert_int_equal(tpm_sign(f->t, &ec.key, SCHEME_RSA_RAW, hash_by_name("SHA256"), BYTES(digest, 32), &out), ERR_NOTSUP);
        assert_int_equal(tpm_ecdh(f->t, &mac.key, BYTES(digest, 32), BYTES(digest, 32), &out), ERR_NOTSUP);
        assert_int_equal(tpm_ecdh(f->t, &ec.key, BYTES(digest, 64), BYTES(NULL, 500), &out), ERR_RANGE);
        assert_int_equal(tpm_rsa_decrypt(f->t, &ec.key, SCHEME_ECDSA, NULL, BYTES(NULL, 0), BYTES(digest, 64), &out), ERR_NOTSUP);
        assert_int_equal(tpm_commands(f->t), before);
        tpmkey_clear(&ec);
        tpmkey_clear(&mac);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(signs_with_every_curve),
                cmocka_unit_test(agrees_on_a_secret),
                cmocka_unit_test(rsa_signs_and_decrypts),
                cmocka_unit_test(hmac_of_any_length),
                cmocka_unit_test(gives_back_what_was_sealed),
                cmocka_unit_test(nothing_remembers_a_secret_afterwards),
                cmocka_unit_test(a_wrong_value_is_refused_and_harms_nothing),
                cmocka_unit_test(asks_for_nothing_senseless),
        };

        return cmocka_run_group_tests(tests, start, stop);
}
