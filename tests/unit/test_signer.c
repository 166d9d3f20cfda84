/* SPDX-License-Identifier: BSD-2-Clause */
/* The gate: a key does what its file allows and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include "keys/backend_tpm.h"
#include "lib/crypto.h"
#include "lib/cryptoki.h"
#include "lib/err.h"
#include "tests/fixture.h"

static struct fixture f;
static const struct pk_params ecdsa = { .scheme = SCHEME_ECDSA };
static const struct pk_params oaep = { .scheme = SCHEME_RSA_OAEP };

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

static void signs_and_derives_as_allowed(void **state)
{
        struct item *sign = fixture_key(&f, "P-256", ALG_SIGN, "sign"), *derive = fixture_key(&f, "P-256", ALG_DERIVE, "derive");
        struct key_use s = { .item = sign }, d = { .item = derive };
        CLEANUP(buf_clear) struct buf point = { 0 };
        CLEANUP(buf_clear) struct buf out = { 0 };
        uint8_t digest[32] = { 1 };

        (void)state;
        assert_int_equal(pubkey_point(&fixture_body(sign)->pub, &point), 0);
        assert_int_equal(signer_sign(f.keyring, &s, &ecdsa, BYTES(digest, 32), &out), 0);
        assert_true(fixture_ecdsa_good(&fixture_body(sign)->pub, BYTES(digest, 32), BYTES_OF(&out)));
        assert_int_equal(signer_derive(f.keyring, &s, BYTES_OF(&point), &out), ERR_DENIED);
        assert_int_equal(signer_decrypt(f.keyring, &s, &oaep, BYTES(digest, 32), &out), ERR_DENIED);
        assert_int_equal(signer_sign(f.keyring, &d, &ecdsa, BYTES(digest, 32), &out), ERR_DENIED);
        buf_reset(&out);
        assert_int_equal(signer_derive(f.keyring, &d, BYTES_OF(&point), &out), 0);
        assert_int_equal(out.len, 32);
        item_unref(sign);
        item_unref(derive);
}

static void only_a_key_has_a_private_half(void **state)
{
        struct item_spec spec = { .type = ITEM_DATA, .label = BYTES_STR("d"), .der = BYTES_STR("data") };
        CLEANUP(buf_clear) struct buf out = { 0 };
        uint8_t digest[32] = { 1 };
        struct key_use use;

        (void)state;
        assert_int_equal(store_item_add(keyring_store(f.keyring), "a", &spec, &use.item), 0);
        use.secret = (struct bytes){ 0 };
        assert_int_equal(signer_sign(f.keyring, &use, &ecdsa, BYTES(digest, 32), &out), ERR_INVAL);
        assert_int_equal(signer_hmac(f.keyring, &use, BYTES(digest, 32), &out), ERR_INVAL);
        item_unref(use.item);
}

static void makes_macs(void **state)
{
        struct item *i = fixture_key(&f, "HMAC-SHA256", ALG_SIGN, "mac");
        struct key_use use = { .item = i };
        CLEANUP(buf_clear) struct buf out = { 0 };

        (void)state;
        assert_int_equal(signer_hmac(f.keyring, &use, BYTES_STR("x"), &out), 0);
        assert_int_equal(out.len, 32);
        item_unref(i);
}

static void costs_three_commands_then_one(void **state)
{
        struct item *i = fixture_key(&f, "P-256", ALG_SIGN, "count");
        struct key_use use = { .item = i };
        CLEANUP(buf_clear) struct buf out = { 0 };
        uint8_t digest[32] = { 1 };
        struct tpm *t;

        (void)state;
        fixture_reopen(&f);
        t = backend_tpm_device(keyring_backend(f.keyring));
        assert_int_equal(signer_sign(f.keyring, &use, &ecdsa, BYTES(digest, 32), &out), 0);
        assert_int_equal(tpm_commands(t), 3);
        assert_int_equal(signer_sign(f.keyring, &use, &ecdsa, BYTES(digest, 32), &out), 0);
        assert_int_equal(tpm_commands(t), 4);
        item_unref(i);
}

static int encode(void *log, struct audit_record *rec)
{
        static const uint8_t before[AUDIT_HASH_SIZE];

        rec->prev = BYTES(before, sizeof(before));
        return audit_record_encode(rec, log);
}

/* A digest as it is; what is longer, a DigestInfo or a padded block, by its SHA-256. A record that could not be written would be a refusal. */
static void inputs_of_any_length_are_recorded(void **state)
{
        CLEANUP(buf_clear) struct buf record = { 0 };
        CLEANUP(buf_clear) struct buf out = { 0 };
        const struct caller caller = { .record = encode, .log = &record };
        struct item *i = fixture_key(&f, "RSA-2048", ALG_SIGN, "long");
        struct key_use use = { .item = i, .agent = "a", .caller = &caller };
        const struct {
                enum scheme scheme;
                size_t len;
        } rows[] = { { SCHEME_RSA_PKCS1, 64 }, { SCHEME_RSA_PKCS1, 83 }, { SCHEME_RSA_RAW, 256 } };
        uint8_t in[256] = { 0, 1 }, sha256[HASH_MAX];

        (void)state;
        for (size_t n = 0; n < ARRAY_LEN(rows); n++) {
                struct pk_params p = { .scheme = rows[n].scheme };
                struct bytes all = BYTES(in, rows[n].len);
                struct audit_record rec;

                assert_int_equal(signer_sign(f.keyring, &use, &p, all, &out), 0);
                assert_int_equal(audit_record_decode(BYTES_OF(&record), &rec), 0);
                assert_true(bytes_equal(rec.result, BYTES_OF(&out)));
                assert_int_equal(crypto_hash(hash_by_name("SHA256"), &all, 1, sha256), 0);
                assert_true(bytes_equal(rec.digest, all.len <= AUDIT_DIGEST_MAX ? all : BYTES(sha256, 32)));
        }
        item_unref(i);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(inputs_of_any_length_are_recorded),
                cmocka_unit_test(signs_and_derives_as_allowed),
                cmocka_unit_test(only_a_key_has_a_private_half),
                cmocka_unit_test(makes_macs),
                cmocka_unit_test(costs_three_commands_then_one),
        };

        return cmocka_run_group_tests(tests, start, stop);
}
