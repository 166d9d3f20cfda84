/* SPDX-License-Identifier: BSD-2-Clause */
/* JWT-SVIDs taken apart: what is in them, what is not, and that they are signed. (tests/integration has others verify them.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>
#include "issuer/cred_jwt.h"
#include "lib/crypto.h"
#include "lib/err.h"
#include "lib/jose.h"
#include "tests/grantfix.h"

#define ISSUER "https://issuer.example.org/td"

/* Nothing but the digits of base64url, RFC 7515 2. */
static void decode(struct bytes text, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf std = { 0 };

        for (size_t i = 0; i < text.len; i++) {
                uint8_t c = text.ptr[i];

                assert_true((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_');
                assert_int_equal(buf_append_u8(&std, c == '-' ? '+' : c == '_' ? '/' : c), 0);
        }
        while (std.len % 4 != 0)
                assert_int_equal(buf_append_u8(&std, '='), 0);
        assert_int_equal(base64_decode((const char *)std.ptr, std.len, ret), 0);
}

struct token {
        json_t *header, *claims;
        struct buf sig;
        struct bytes signed_part;
};

static void take_apart(struct buf *text, struct token *ret)
{
        const char *t = buf_str(text), *one = strchr(t, '.'), *two = strrchr(t, '.');
        CLEANUP(buf_clear) struct buf header = { 0 }, claims = { 0 };

        assert_non_null(one);
        assert_ptr_not_equal(one, two);
        assert_ptr_equal(strchr(one + 1, '.'), two);
        decode(BYTES(t, (size_t)(one - t)), &header);
        decode(BYTES(one + 1, (size_t)(two - one - 1)), &claims);
        decode(BYTES_STR(two + 1), &ret->sig);
        ret->header = json_loadb((const char *)header.ptr, header.len, JSON_REJECT_DUPLICATES, NULL);
        ret->claims = json_loadb((const char *)claims.ptr, claims.len, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(ret->header);
        assert_non_null(ret->claims);
        ret->signed_part = BYTES(t, (size_t)(two - t));
}

static void token_clear(struct token *t)
{
        json_decref(t->header);
        json_decref(t->claims);
        buf_clear(&t->sig);
}

static void mint(const struct grantfix *f, const struct ca_key *k, struct buf *ret)
{
        CLEANUP(jwt_issuer_freep) struct jwt_issuer *i = NULL;
        CLEANUP(granted_clear) struct granted ok = { 0 };

        assert_int_equal(jwt_issuer_open(k, ISSUER, &i), 0);
        assert_int_equal(grantfix_check(f, &ok), 0);
        assert_int_equal(cred_jwt(i, &ok, ret), 0);
}

static const char *text(json_t *o, const char *name)
{
        const char *v = json_string_value(json_object_get(o, name));

        assert_non_null(v);
        return v;
}

static void holds_what_was_granted_and_no_more(void **state)
{
        struct grantfix *f = *state;
        CLEANUP(ca_key_freep) struct ca_key *k = grantfix_ca_key(f, "P-256");
        CLEANUP(buf_clear) struct buf jwt = { 0 }, id = { 0 };
        CLEANUP(token_clear) struct token t = { 0 };

        mint(f, k, &jwt);
        take_apart(&jwt, &t);
        assert_int_equal(json_object_size(t.header), 3);
        assert_string_equal(text(t.header, "alg"), "ES256");
        assert_string_equal(text(t.header, "kid"), ca_key_id(k));
        assert_string_equal(text(t.header, "typ"), "JWT");

        assert_int_equal(json_object_size(t.claims), 6);
        assert_string_equal(text(t.claims, "iss"), ISSUER);
        assert_string_equal(text(t.claims, "sub"), "spiffe://example.org/agent/build-42");
        assert_string_equal(text(t.claims, "aud"), "https://api.example.org/v1");       /* one, and no array */
        assert_int_equal(hex_encode(BYTES(f->g.serial, GRANT_SERIAL_SIZE), &id), 0);
        assert_string_equal(text(t.claims, "jti"), buf_str(&id));
        assert_true(json_is_integer(json_object_get(t.claims, "iat")));
        assert_true(json_is_integer(json_object_get(t.claims, "exp")));
        assert_true(json_integer_value(json_object_get(t.claims, "iat")) == (json_int_t)NOW);
        assert_true(json_integer_value(json_object_get(t.claims, "exp")) == (json_int_t)(NOW + HOUR));
}

static void is_signed(const struct ca_key *k, const struct token *t, struct pk_params p, const char *alg)
{
        uint8_t digest[HASH_MAX];

        assert_string_equal(text(t->header, "alg"), alg);
        assert_int_equal(crypto_hash(p.hash, &t->signed_part, 1, digest), 0);
        assert_int_equal(t->sig.len, pubkey_sig_size(ca_key_public(k)));
        assert_int_equal(pk_verify(ca_key_public(k), &p, BYTES(digest, p.hash->size), BYTES_OF(&t->sig)), 0);
        digest[0] ^= 1;
        assert_int_equal(pk_verify(ca_key_public(k), &p, BYTES(digest, p.hash->size), BYTES_OF(&t->sig)), ERR_AUTH);
}

static void is_signed_as_its_header_says(void **state)
{
        static const struct {
                const char *kind, *alg, *hash;
                enum scheme scheme;
        } rows[] = { { "P-256", "ES256", "SHA256", SCHEME_ECDSA }, { "P-384", "ES384", "SHA384", SCHEME_ECDSA }, { "RSA-2048", "RS256", "SHA256", SCHEME_RSA_PKCS1 } };
        struct grantfix *f = *state;

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                CLEANUP(ca_key_freep) struct ca_key *k = grantfix_ca_key(f, rows[i].kind);

                /* So many that r or s with a zero in front is among them. */
                for (unsigned n = 0; n < (rows[i].scheme == SCHEME_ECDSA ? 300 : 2); n++) {
                        CLEANUP(buf_clear) struct buf jwt = { 0 };
                        CLEANUP(token_clear) struct token t = { 0 };

                        mint(f, k, &jwt);
                        take_apart(&jwt, &t);
                        is_signed(k, &t, (struct pk_params){ .scheme = rows[i].scheme, .hash = hash_by_name(rows[i].hash) }, rows[i].alg);
                }
        }
}

static void is_bound_to_the_key_where_the_profile_says_so(void **state)
{
        static const char *const agents[] = { "P-256", "RSA-2048" };
        struct grantfix *f = *state;
        CLEANUP(ca_key_freep) struct ca_key *k = grantfix_ca_key(f, "P-256");

        f->g.allows = GRANT_CONFIRMATION;
        for (size_t i = 0; i < ARRAY_LEN(agents); i++) {
                CLEANUP(buf_clear) struct buf jwt = { 0 }, jkt = { 0 };
                CLEANUP(pubkey_clear) struct pubkey key = { 0 };
                CLEANUP(token_clear) struct token t = { 0 };
                json_t *cnf;

                grantfix_key(f, agents[i]);
                assert_int_equal(pubkey_from_spki(BYTES_OF(&f->spki), &key), 0);
                assert_int_equal(jwk_thumbprint(&key, &jkt), 0);
                mint(f, k, &jwt);
                take_apart(&jwt, &t);
                assert_int_equal(json_object_size(t.claims), 7);
                cnf = json_object_get(t.claims, "cnf");
                assert_int_equal(json_object_size(cnf), 1);
                assert_string_equal(text(cnf, "jkt"), buf_str(&jkt));
        }
}

static void no_audience_no_token(void **state)
{
        struct grantfix *f = *state;
        CLEANUP(ca_key_freep) struct ca_key *k = grantfix_ca_key(f, "P-256");
        CLEANUP(jwt_issuer_freep) struct jwt_issuer *i = NULL;
        CLEANUP(granted_clear) struct granted ok = { 0 };
        CLEANUP(buf_clear) struct buf jwt = { 0 };

        f->g.audience = (struct bytes){ 0 };
        assert_int_equal(jwt_issuer_open(k, ISSUER, &i), 0);
        assert_int_equal(grantfix_check(f, &ok), 0);
        assert_int_equal(cred_jwt(i, &ok, &jwt), ERR_DENIED);
        assert_int_equal(jwt.len, 0);
}

static void issuers_that_are_none(void **state)
{
        static const char *const bad[] = {
                "", "http://issuer.example.org", "https://", "https:///a", "https://a b", "https://a\"b", "https://a\\b", "https://a\nb", "https://a/?q", "https://a/#f", "https://user@a", "https://\xc3\xa9",
        };
        struct grantfix *f = *state;
        CLEANUP(ca_key_freep) struct ca_key *k = grantfix_ca_key(f, "P-256");
        CLEANUP(ca_key_freep) struct ca_key *ed = grantfix_ca_key(f, "Ed25519");
        CLEANUP(jwt_issuer_freep) struct jwt_issuer *i = NULL;

        for (size_t n = 0; n < ARRAY_LEN(bad); n++)
                assert_int_equal(jwt_issuer_open(k, bad[n], &i), ERR_INVAL);
        assert_int_equal(jwt_issuer_open(ed, ISSUER, &i), ERR_NOTSUP);  /* EdDSA: SPIFFE JWT-SVID 2.1 has no such */
        assert_null(i);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, grantfix_setup, grantfix_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(holds_what_was_granted_and_no_more), TEST(is_signed_as_its_header_says), TEST(is_bound_to_the_key_where_the_profile_says_so),
                TEST(no_audience_no_token), TEST(issuers_that_are_none),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
