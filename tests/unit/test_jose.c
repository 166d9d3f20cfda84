/* SPDX-License-Identifier: BSD-2-Clause */
/* The examples of RFC 7515 and RFC 7638. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/cryptoki.h"
#include "lib/err.h"
#include "lib/jose.h"

static void base64url_has_its_own_digits_and_no_padding(void **state)
{
        static const struct {
                const char *in;
                size_t len;
                const char *out;
        } rows[] = {
                { "", 0, "" }, { "\x03\xec\xff\xe0\xc1", 5, "A-z_4ME" },        /* RFC 7515, appendix C */
                { "f", 1, "Zg" }, { "fo", 2, "Zm8" }, { "foo", 3, "Zm9v" }, { "\xff\xff\xfb", 3, "___7" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                CLEANUP(buf_clear) struct buf b = { 0 };

                assert_int_equal(buf_append_str(&b, "."), 0);
                assert_int_equal(base64url_append(&b, BYTES(rows[i].in, rows[i].len)), 0);
                assert_string_equal(buf_str(&b) + 1, rows[i].out);
        }
}

static void from_base64url(const char *text, struct buf *ret)
{
        char std[512];
        size_t n = strlen(text);

        assert_true(n + 4 < sizeof(std));
        for (size_t i = 0; i < n; i++)
                std[i] = text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i];
        while (n % 4 != 0)
                std[n++] = '=';
        assert_int_equal(base64_decode(std, n, ret), 0);
}

/* RFC 7638 3.1 */
static void thumbprint_of_the_rfc(void **state)
{
        CLEANUP(pubkey_clear) struct pubkey k = { .ckk = CKK_RSA };
        CLEANUP(buf_clear) struct buf thumbprint = { 0 };

        (void)state;
        from_base64url("0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMs"
                       "tn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6"
                       "qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw", &k.n);
        from_base64url("AQAB", &k.e);
        assert_int_equal(jwk_thumbprint(&k, &thumbprint), 0);
        assert_string_equal(buf_str(&thumbprint), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

/* RFC 7517, appendix A.1: coordinates keep their leading zeros, and members are sorted. */
static void elliptic_key(void **state)
{
        CLEANUP(pubkey_clear) struct pubkey k = { .ckk = CKK_EC, .curve = curve_by_name("P-256") };
        CLEANUP(buf_clear) struct buf jwk = { 0 };

        (void)state;
        from_base64url("MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", &k.x);
        from_base64url("4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM", &k.y);
        k.x.ptr[0] = 0;
        assert_int_equal(jwk_append(&jwk, &k), 0);
        assert_string_equal(buf_str(&jwk), "\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"AKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\",\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\"");
}

static void other_keys_have_no_name(void **state)
{
        CLEANUP(buf_clear) struct buf b = { 0 };

        (void)state;
        assert_int_equal(jwk_append(&b, &(struct pubkey){ .ckk = CKK_GENERIC_SECRET }), ERR_NOTSUP);
        assert_int_equal(jwk_thumbprint(&(struct pubkey){ 0 }, &b), ERR_NOTSUP);
        assert_int_equal(b.len, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(base64url_has_its_own_digits_and_no_padding),
                cmocka_unit_test(thumbprint_of_the_rfc),
                cmocka_unit_test(elliptic_key),
                cmocka_unit_test(other_keys_have_no_name),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
