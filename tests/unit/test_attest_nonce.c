/* SPDX-License-Identifier: BSD-2-Clause */
/* The challenge that comes of an issuer's nonce. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include "attest/nonce.h"
#include "lib/err.h"

static void challenge(const char *url, const char *nonce, uint8_t ret[NONCE_CHALLENGE])
{
        assert_int_equal(nonce_challenge(BYTES_STR(url), BYTES_STR(nonce), ret), 0);
}

/* By another program, from the words of docs/formats.md. */
static void is_as_the_format_says(void **state)
{
        CLEANUP(buf_clear) struct buf want = { 0 };
        static const char hex[] = "8ebeb35bd0ee4821aa0be0588081171de97bf1d5f5b68be2e1ef1427b9972525";
        uint8_t got[NONCE_CHALLENGE];

        (void)state;
        assert_int_equal(hex_decode(hex, strlen(hex), &want), 0);
        challenge("https://issuer.example.org", "0123456789abcdef", got);
        assert_memory_equal(got, want.ptr, sizeof(got));
        challenge("https://issuer.example.org/", "0123456789abcdef", got);
        assert_memory_equal(got, want.ptr, sizeof(got));
}

static void another_issuer_is_another_challenge(void **state)
{
        static const struct {
                const char *url, *nonce;
        } others[] = { { "https://issuer.example.com", "nonce" }, { "https://issuer.example.orgn", "once" }, { "https://issuer.example.or", "gnonce" },
                       { "https://issuer.example.org:8443", "nonce" }, { "https://issuer.example.org", "nonces" }, { "", "nonce" } };
        uint8_t a[NONCE_CHALLENGE], b[NONCE_CHALLENGE];

        (void)state;
        challenge("https://issuer.example.org", "nonce", a);
        for (size_t i = 0; i < ARRAY_LEN(others); i++) {
                challenge(others[i].url, others[i].nonce, b);
                assert_memory_not_equal(a, b, sizeof(a));
        }
}

static void a_url_is_bounded(void **state)
{
        static const uint8_t much[65536] = { 1 };
        uint8_t a[NONCE_CHALLENGE];

        (void)state;
        assert_int_equal(nonce_challenge(BYTES(much, sizeof(much) - 1), BYTES_STR("n"), a), 0);
        assert_int_equal(nonce_challenge(BYTES(much, sizeof(much)), BYTES_STR("n"), a), ERR_RANGE);
}

/* SHA-256 of "holdfast revoke 1", 0, the URL and the agent behind their lengths, and the nonce: by another program. */
static void a_revocation_is_of_one_agent(void **state)
{
        static const char hex[] = "f5beda23242f24b6d4ce853abff2ece5c44f6af796bcba8519de8245979d379f";
        static const struct {
                const char *agent, *nonce;
        } others[] = { { "nginxn", "once" }, { "ngin", "xnonce" }, { "Nginx", "nonce" }, { "", "nonce" }, { "nginx", "nonces" } };
        static const char url[] = "https://issuer.example.org";
        uint8_t got[NONCE_CHALLENGE], other[NONCE_CHALLENGE];
        static const uint8_t much[65536] = { 1 };
        CLEANUP(buf_clear) struct buf want = { 0 };

        (void)state;
        assert_int_equal(hex_decode(hex, strlen(hex), &want), 0);
        assert_int_equal(nonce_revoke_challenge(BYTES_STR(url), BYTES_STR("nginx"), BYTES_STR("nonce"), got), 0);
        assert_memory_equal(got, want.ptr, sizeof(got));
        assert_int_equal(nonce_revoke_challenge(BYTES_STR("https://issuer.example.org//"), BYTES_STR("nginx"), BYTES_STR("nonce"), got), 0);
        assert_memory_equal(got, want.ptr, sizeof(got));
        for (size_t i = 0; i < ARRAY_LEN(others); i++) {
                assert_int_equal(nonce_revoke_challenge(BYTES_STR(url), BYTES_STR(others[i].agent), BYTES_STR(others[i].nonce), other), 0);
                assert_memory_not_equal(got, other, sizeof(got));
        }
        challenge(url, "nonce", other);
        assert_memory_not_equal(got, other, sizeof(got));
        assert_int_equal(nonce_revoke_challenge(BYTES_STR(url), BYTES(much, sizeof(much)), BYTES_STR("nonce"), got), ERR_RANGE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(is_as_the_format_says),
                cmocka_unit_test(another_issuer_is_another_challenge),
                cmocka_unit_test(a_url_is_bounded),
                cmocka_unit_test(a_revocation_is_of_one_agent),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
