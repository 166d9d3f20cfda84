/* SPDX-License-Identifier: BSD-2-Clause */
/* The TPM as a backend: digests of any length, agreement, HMAC, sealing; nothing sent before it is needed. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include "keys/backend_tpm.h"
#include "lib/crypto.h"
#include "lib/cryptoki.h"
#include "lib/err.h"
#include "lib/tpmt.h"
#include "tests/fixture.h"

static struct fixture f;

static int start(void **state)
{
        (void)state;
        fixture_start(&f);
        return 0;
}

static int stop(void **state)
{
        (void)state;
        fixture_stop(&f);
        return 0;
}

static struct backend *backend(void)
{
        return keyring_backend(f.keyring);
}

/* A key fresh from the backend, as a keyref. */
struct made {
        struct tsskey key;
        struct buf name;
        struct pubkey pub;
        struct keyref ref;
};

static void made_clear(struct made *m)
{
        tsskey_clear(&m->key);
        buf_clear(&m->name);
        pubkey_clear(&m->pub);
}

static void make(const char *kind, unsigned usage, struct bytes auth, struct made *m)
{
        TPM2B_PUBLIC pub;

        *m = (struct made){ 0 };
        assert_int_equal(backend()->ops->generate(backend(), key_kind_by_name(kind), usage, auth, &m->key), 0);
        assert_int_equal(tpmt_public_decode(BYTES_OF(&m->key.pub), &pub), 0);
        assert_int_equal(tpmt_name(&pub, &m->name), 0);
        if (key_kind_by_name(kind)->ckk != CKK_GENERIC_SECRET)
                assert_int_equal(tpmt_pubkey(&pub, &m->pub), 0);
        m->ref = (struct keyref){ .key = &m->key, .name = BYTES_OF(&m->name), .auth = auth, .kind = key_kind_by_name(kind) };
}

static const struct pk_params ecdsa = { .scheme = SCHEME_ECDSA };

static void opens_without_a_tpm(void **state)
{
        (void)state;
        fixture_reopen(&f);
        assert_int_equal(tpm_commands(backend_tpm_device(backend())), 0);
        assert_int_equal(swtpm_off(&f.swtpm), 0);
        fixture_reopen(&f);
        assert_true(backend()->ops->can_make(backend(), key_kind_by_name("P-256")));
        assert_int_equal(tpm_commands(backend_tpm_device(backend())), 0);
        assert_int_equal(swtpm_on(&f.swtpm), 0);
}

static void sign_all_lengths(const char *kind)
{
        static const size_t lengths[] = { 1, 20, 28, 31, 32, 33, 47, 48, 49, 63, 64 };
        CLEANUP(made_clear) struct made m;
        CLEANUP(buf_clear) struct buf sig = { 0 };
        uint8_t digest[64];

        make(kind, ALG_SIGN, (struct bytes){ 0 }, &m);
        assert_int_equal(crypto_random(digest, sizeof(digest)), 0);
        digest[0] |= 0x80;
        for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
                assert_int_equal(backend()->ops->sign(backend(), &m.ref, &ecdsa, BYTES(digest, lengths[i]), &sig), 0);
                assert_true(fixture_ecdsa_good(&m.pub, BYTES(digest, lengths[i]), BYTES_OF(&sig)));
                digest[lengths[i] - 1] ^= 1;
                /* The last bit counts unless the curve cuts it off. */
                if (lengths[i] <= m.pub.curve->size)
                        assert_false(fixture_ecdsa_good(&m.pub, BYTES(digest, lengths[i]), BYTES_OF(&sig)));
        }
        assert_int_equal(backend()->ops->sign(backend(), &m.ref, &ecdsa, BYTES(digest, 0), &sig), ERR_RANGE);
}

static void ecdsa_takes_digests_of_any_length(void **state)
{
        (void)state;
        sign_all_lengths("P-256");
        sign_all_lengths("P-384");
}

static void p521_takes_numbers_up_to_512_bits(void **state)
{
        CLEANUP(made_clear) struct made m;
        CLEANUP(buf_clear) struct buf sig = { 0 };
        uint8_t digest[70] = { 0 };

        (void)state;
        if (!backend()->ops->can_make(backend(), key_kind_by_name("P-521")))
                skip();
        sign_all_lengths("P-521");
        make("P-521", ALG_SIGN, (struct bytes){ 0 }, &m);
        assert_int_equal(crypto_random(digest, sizeof(digest)), 0);
        digest[0] = 1;
        for (size_t len = 65; len <= sizeof(digest); len++)
                assert_int_equal(backend()->ops->sign(backend(), &m.ref, &ecdsa, BYTES(digest, len), &sig), ERR_RANGE);
        /* 9 bits, for of more than 65 octets the leftmost 521 bits count. */
        digest[0] = 0;
        digest[1] &= 0x7f;
        for (size_t len = 65; len <= sizeof(digest); len++) {
                assert_int_equal(backend()->ops->sign(backend(), &m.ref, &ecdsa, BYTES(digest, len), &sig), 0);
                assert_true(fixture_ecdsa_good(&m.pub, BYTES(digest, len), BYTES_OF(&sig)));
        }
}

static void agrees_with_software(void **state)
{
        CLEANUP(made_clear) struct made m;
        CLEANUP(buf_clear) struct buf x = { 0 };
        CLEANUP(buf_clear) struct buf y = { 0 };
        CLEANUP(buf_clear) struct buf z = { 0 };
        CLEANUP(buf_clear) struct buf got = { 0 };
        uint8_t point[2 + 65] = { 0x04, 65, 0x04 };

        (void)state;
        make("P-256", ALG_SIGN | ALG_DERIVE, (struct bytes){ 0 }, &m);
        assert_int_equal(pk_ecdh_ephemeral(&m.pub, &x, &y, &z), 0);
        memcpy(point + 3, x.ptr, 32);
        memcpy(point + 35, y.ptr, 32);
        assert_int_equal(backend()->ops->derive(backend(), &m.ref, BYTES(point + 2, 65), &got), 0);
        assert_true(bytes_equal(BYTES_OF(&got), BYTES_OF(&z)));
        buf_reset(&got);
        assert_int_equal(backend()->ops->derive(backend(), &m.ref, BYTES(point, 67), &got), 0);
        assert_true(bytes_equal(BYTES_OF(&got), BYTES_OF(&z)));
        point[40] ^= 1;
        assert_int_not_equal(backend()->ops->derive(backend(), &m.ref, BYTES(point + 2, 65), &got), 0);
        assert_int_not_equal(backend()->ops->derive(backend(), &m.ref, BYTES(point + 2, 10), &got), 0);
        assert_int_equal(backend()->ops->decrypt(backend(), &m.ref, &ecdsa, BYTES(point, 65), &got), ERR_NOTSUP);
}

static void hmac_of_any_length(void **state)
{
        CLEANUP(made_clear) struct made m;
        CLEANUP(buf_clear) struct buf a = { 0 };
        CLEANUP(buf_clear) struct buf b = { 0 };
        uint8_t data[5000] = { 0 };

        (void)state;
        make("HMAC-SHA256", ALG_SIGN, (struct bytes){ 0 }, &m);
        assert_int_equal(backend()->ops->hmac(backend(), &m.ref, BYTES(data, 3), &a), 0);
        assert_int_equal(a.len, 32);
        assert_int_equal(backend()->ops->hmac(backend(), &m.ref, BYTES(data, 3), &b), 0);
        assert_true(bytes_equal(BYTES_OF(&a), BYTES_OF(&b)));
        assert_int_equal(backend()->ops->hmac(backend(), &m.ref, BYTES(data, sizeof(data)), &a), 0);
        data[4999] = 1;
        assert_int_equal(backend()->ops->hmac(backend(), &m.ref, BYTES(data, sizeof(data)), &b), 0);
        assert_false(bytes_equal(BYTES_OF(&a), BYTES_OF(&b)));
        assert_int_equal(backend()->ops->sign(backend(), &m.ref, &ecdsa, BYTES(data, 32), &a), ERR_NOTSUP);
}

static void a_key_with_a_value_wants_it(void **state)
{
        CLEANUP(made_clear) struct made m;
        CLEANUP(buf_clear) struct buf sig = { 0 };
        uint8_t digest[32] = { 1 };
        uint32_t tries;

        (void)state;
        make("P-256", ALG_SIGN, BYTES_STR("right"), &m);
        assert_false(m.key.empty_auth);
        assert_int_equal(backend()->ops->sign(backend(), &m.ref, &ecdsa, BYTES(digest, 32), &sig), 0);
        m.ref.auth = BYTES_STR("wrong");
        assert_int_equal(backend()->ops->sign(backend(), &m.ref, &ecdsa, BYTES(digest, 32), &sig), ERR_AUTH);
        m.ref.auth = BYTES_STR("right");
        assert_int_equal(backend()->ops->sign(backend(), &m.ref, &ecdsa, BYTES(digest, 32), &sig), 0);
        assert_int_equal(swtpm_property(&f.swtpm, TPM2_PT_LOCKOUT_COUNTER, &tries), 0);
        assert_int_equal(tries, 0);
}

static void unseals_with_the_right_value_only(void **state)
{
        CLEANUP(tsskey_clear) struct tsskey k = { 0 };
        CLEANUP(buf_clear) struct buf name = { 0 };
        CLEANUP(buf_clear) struct buf out = { 0 };
        struct keyref ref;
        TPM2B_PUBLIC pub;

        (void)state;
        assert_int_equal(backend()->ops->seal(backend(), BYTES_STR("secret"), BYTES_STR("right"), false, &k), 0);
        assert_int_equal(k.type, TSSKEY_SEALED);
        assert_int_equal(tpmt_public_decode(BYTES_OF(&k.pub), &pub), 0);
        assert_int_equal(tpmt_name(&pub, &name), 0);
        ref = (struct keyref){ .key = &k, .name = BYTES_OF(&name), .auth = BYTES_STR("wrong") };
        assert_int_equal(backend()->ops->unseal(backend(), &ref, &out), ERR_AUTH);
        assert_int_equal(out.len, 0);
        ref.auth = BYTES_STR("right");
        assert_int_equal(backend()->ops->unseal(backend(), &ref, &out), 0);
        assert_true(bytes_equal(BYTES_OF(&out), BYTES_STR("secret")));
}

static void says_what_it_can(void **state)
{
        struct backend *b = backend();

        (void)state;
        assert_true(b->ops->can(b, alg_by_ckm(CKM_ECDSA)));
        assert_true(b->ops->can(b, alg_by_ckm(CKM_RSA_PKCS_PSS)));
        assert_true(b->ops->can_make(b, key_kind_by_name("P-256")));
        assert_true(b->ops->can_make(b, key_kind_by_name("RSA-2048")));
        for (size_t i = 0; key_kind_at(i); i++)
                assert_int_equal(b->ops->can_make(b, key_kind_at(i)), (backend_tpm_caps(b)->kinds >> i) & 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(opens_without_a_tpm),
                cmocka_unit_test(ecdsa_takes_digests_of_any_length),
                cmocka_unit_test(p521_takes_numbers_up_to_512_bits),
                cmocka_unit_test(agrees_with_software),
                cmocka_unit_test(hmac_of_any_length),
                cmocka_unit_test(a_key_with_a_value_wants_it),
                cmocka_unit_test(unseals_with_the_right_value_only),
                cmocka_unit_test(says_what_it_can),
        };

        return cmocka_run_group_tests(tests, start, stop);
}
