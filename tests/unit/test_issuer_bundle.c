/* SPDX-License-Identifier: BSD-2-Clause */
/* JWK sets and SPIFFE bundles: the keys that are in them, and what each says of itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>
#include "issuer/bundle.h"
#include "lib/err.h"
#include "tests/grantfix.h"

static const char *text(json_t *o, const char *name)
{
        const char *v = json_string_value(json_object_get(o, name));

        assert_non_null(v);
        return v;
}

static json_t *parse(struct buf *b)
{
        json_t *o = json_loadb((const char *)b->ptr, b->len, JSON_REJECT_DUPLICATES, NULL);

        assert_non_null(o);
        return o;
}

static void keys_for_tokens(void **state)
{
        CLEANUP(ca_key_freep) struct ca_key *ec = grantfix_ca_key(*state, "P-256");
        CLEANUP(ca_key_freep) struct ca_key *rsa = grantfix_ca_key(*state, "RSA-2048");
        const struct ca_key *jwt[] = { ec, rsa };
        const struct bundle w = { .jwt = jwt, .n_jwt = 2 };
        CLEANUP(buf_clear) struct buf b = { 0 };
        json_t *o, *one, *two;

        assert_int_equal(jwks_write(&w, &b), 0);
        o = parse(&b);
        assert_int_equal(json_object_size(o), 1);
        assert_int_equal(json_array_size(json_object_get(o, "keys")), 2);
        one = json_array_get(json_object_get(o, "keys"), 0);
        two = json_array_get(json_object_get(o, "keys"), 1);
        assert_int_equal(json_object_size(one), 7);
        assert_string_equal(text(one, "kty"), "EC");
        assert_string_equal(text(one, "crv"), "P-256");
        assert_string_equal(text(one, "alg"), "ES256");
        assert_string_equal(text(one, "use"), "sig");
        assert_string_equal(text(one, "kid"), ca_key_id(ec));
        assert_int_equal(strlen(text(one, "x")), 43);
        assert_int_equal(strlen(text(one, "y")), 43);
        assert_int_equal(json_object_size(two), 6);
        assert_string_equal(text(two, "kty"), "RSA");
        assert_string_equal(text(two, "alg"), "RS256");
        assert_string_equal(text(two, "e"), "AQAB");
        assert_int_equal(strlen(text(two, "n")), 342);
        json_decref(o);
}

/* SPIFFE Trust Domain and Bundle 4; X509-SVID 6.1; JWT-SVID 6.1 */
static void a_bundle(void **state)
{
        CLEANUP(ca_key_freep) struct ca_key *k = grantfix_ca_key(*state, "P-256");
        CLEANUP(ca_key_freep) struct ca_key *next = grantfix_ca_key(*state, "P-384");
        CLEANUP(x509_ca_freep) struct x509_ca *ca = grantfix_ca(k), *ca_next = grantfix_ca(next);
        const struct x509_ca *x509[] = { ca, ca_next };
        const struct ca_key *jwt[] = { k };
        const struct bundle w = { .x509 = x509, .n_x509 = 2, .jwt = jwt, .n_jwt = 1, .sequence = 12, .refresh_hint = 300 };
        CLEANUP(buf_clear) struct buf b = { 0 };
        json_t *o, *keys;

        assert_int_equal(spiffe_bundle_write(&w, &b), 0);
        o = parse(&b);
        keys = json_object_get(o, "keys");
        assert_int_equal(json_object_size(o), 3);
        assert_int_equal(json_integer_value(json_object_get(o, "spiffe_sequence")), 12);
        assert_int_equal(json_integer_value(json_object_get(o, "spiffe_refresh_hint")), 300);
        assert_int_equal(json_array_size(keys), 3);
        for (size_t i = 0; i < 2; i++) {
                json_t *key = json_array_get(keys, i), *x5c = json_object_get(key, "x5c");
                CLEANUP(buf_clear) struct buf cert = { 0 };

                assert_string_equal(text(key, "use"), "x509-svid");
                assert_null(json_object_get(key, "kid"));
                assert_int_equal(json_array_size(x5c), 1);
                assert_int_equal(base64_decode(json_string_value(json_array_get(x5c, 0)), json_string_length(json_array_get(x5c, 0)), &cert), 0);
                assert_true(bytes_equal(BYTES_OF(&cert), x509_ca_cert(x509[i])));
        }
        assert_string_equal(text(json_array_get(keys, 2), "use"), "jwt-svid");
        assert_string_equal(text(json_array_get(keys, 2), "kid"), ca_key_id(k));
        json_decref(o);
}

static void without_keys_of_a_kind(void **state)
{
        CLEANUP(ca_key_freep) struct ca_key *k = grantfix_ca_key(*state, "P-256");
        CLEANUP(ca_key_freep) struct ca_key *ed = grantfix_ca_key(*state, "Ed25519");
        CLEANUP(x509_ca_freep) struct x509_ca *ca = grantfix_ca(k);
        const struct x509_ca *x509[] = { ca };
        const struct ca_key *jwt[] = { k }, *wrong[] = { ed };
        const struct bundle rows[] = { { .x509 = x509, .n_x509 = 1 }, { .jwt = jwt, .n_jwt = 1 }, { 0 } };
        CLEANUP(buf_clear) struct buf b = { 0 };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                json_t *o;

                assert_int_equal(spiffe_bundle_write(&rows[i], &b), 0);
                o = parse(&b);
                assert_int_equal(json_array_size(json_object_get(o, "keys")), rows[i].n_x509 + rows[i].n_jwt);
                json_decref(o);
        }
        assert_int_equal(jwks_write(&(struct bundle){ .jwt = wrong, .n_jwt = 1 }, &b), ERR_NOTSUP);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, grantfix_setup, grantfix_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = { TEST(keys_for_tokens), TEST(a_bundle), TEST(without_keys_of_a_kind) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
