/* SPDX-License-Identifier: BSD-2-Clause */
/* A grant that holds, spoiled in one place at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/err.h"
#include "tests/grantfix.h"

#define TEXT(s) { (const uint8_t *)(s), sizeof(s) - 1 }

static int check(const struct grantfix *f)
{
        CLEANUP(granted_clear) struct granted ok = { 0 };
        int r = grantfix_check(f, &ok);

        assert_int_equal(ok.g != NULL, r == 0);
        return r;
}

static void one_that_holds(void **state)
{
        CLEANUP(granted_clear) struct granted ok = { 0 };
        struct grantfix *f = *state;

        assert_int_equal(grantfix_check(f, &ok), 0);
        assert_ptr_equal(ok.g, &f->g);
        assert_string_equal(ok.key.curve->name, "P-256");
        assert_true(bytes_equal(ok.id.path, BYTES_STR("/agent/build-42")));
        /* Nothing but who and the key has to be there. */
        f->g.dns = f->g.users = f->g.hosts = f->g.extensions = (struct names){ 0 };
        f->g.audience = f->g.force_command = f->g.source_address = (struct bytes){ 0 };
        assert_int_equal(check(f), 0);
}

static void keys(void **state)
{
        static const char *const good[] = { "P-256", "P-384", "P-521", "RSA-2048" };
        struct grantfix *f = *state;

        for (size_t i = 0; i < ARRAY_LEN(good); i++) {
                grantfix_key(f, good[i]);
                assert_int_equal(check(f), 0);
        }
        grantfix_key(f, "RSA-1024");
        assert_int_equal(check(f), ERR_FORMAT);
        f->g.spki = (struct bytes){ 0 };
        assert_int_equal(check(f), ERR_FORMAT);
        grantfix_key(f, "P-256");
        f->spki.ptr[f->spki.len - 1] ^= 1;      /* a point that is not on the curve */
        assert_int_equal(check(f), ERR_FORMAT);
        grantfix_key(f, "P-256");
        assert_int_equal(buf_append_u8(&f->spki, 0), 0);
        f->g.spki = BYTES_OF(&f->spki);
        assert_int_equal(check(f), ERR_FORMAT);
}

static void rsa_with_a_small_exponent(void **state)
{
        CLEANUP(pubkey_clear) struct pubkey k = { 0 };
        struct grantfix *f = *state;

        grantfix_key(f, "RSA-2048");
        assert_int_equal(pubkey_from_spki(BYTES_OF(&f->spki), &k), 0);
        assert_int_equal(buf_set(&k.e, BYTES("\3", 1)), 0);
        assert_int_equal(pubkey_to_spki(&k, &f->spki), 0);
        f->g.spki = BYTES_OF(&f->spki);
        assert_int_equal(check(f), ERR_FORMAT);
}

static void identities(void **state)
{
        struct grantfix *f = *state;
        static const struct bytes wrong[] = {
                TEXT(""), TEXT("spiffe://example.org"), TEXT("spiffe://example.org/"), TEXT("spiffe://example.org/a\0b"), TEXT("spiffe://example.org/%61"),
        };
        static const struct bytes foreign[] = {
                TEXT("spiffe://example.com/agent/build-42"), TEXT("spiffe://sub.example.org/a"), TEXT("spiffe://example.org.evil.net/a"), TEXT("spiffe://xample.org/a"),
        };

        for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
                f->g.spiffe_id = wrong[i];
                assert_int_equal(check(f), ERR_FORMAT);
        }
        for (size_t i = 0; i < ARRAY_LEN(foreign); i++) {
                f->g.spiffe_id = foreign[i];
                assert_int_equal(check(f), ERR_DENIED);
        }
}

static void agents_and_owners(void **state)
{
        struct grantfix *f = *state;
        const struct bytes agent = f->g.agent;
        static const struct bytes wrong[] = { TEXT(""), TEXT("a\nb"), TEXT("a\x1b[2J"), TEXT("a\0b"), TEXT("\xff\xfe"), TEXT("\xc2\x85") };

        for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
                f->g.agent = wrong[i];
                assert_int_equal(check(f), ERR_FORMAT);
                f->g.agent = agent;
                f->g.owner = wrong[i];
                assert_int_equal(check(f), ERR_FORMAT);
                f->g.owner = agent;
                assert_int_equal(check(f), 0);
        }
        f->g.agent = BYTES_STR("a/1");          /* the key id of agent "a" */
        assert_int_equal(check(f), ERR_FORMAT);
        f->g.agent = BYTES_STR("ein Agent \xc3\xa9");
        assert_int_equal(check(f), 0);
}

static void times(void **state)
{
        static const struct {
                uint64_t issued, not_before, not_after;
                int r;
        } rows[] = {
                { NOW, NOW, NOW + 1, 0 },
                { NOW, NOW - GRANT_SKEW_MAX, NOW + GRANT_LIFE_MAX, 0 },
                { NOW, NOW - GRANT_SKEW_MAX - 1, NOW + HOUR, ERR_RANGE },
                { NOW, NOW + 1, NOW + HOUR, ERR_RANGE },
                { NOW, NOW, NOW, ERR_RANGE },
                { NOW, NOW - 1, NOW - 1, ERR_RANGE },
                { NOW, NOW, NOW + GRANT_LIFE_MAX + 1, ERR_RANGE },
                { NOW, NOW, UINT64_MAX, ERR_RANGE },            /* "for ever" of SSH */
                { NOW, 0, NOW + HOUR, ERR_RANGE },
                { 0, 0, HOUR, ERR_RANGE },
                { 253402300799, 253402300799, 253402300799, ERR_RANGE },
                { UINT64_MAX, UINT64_MAX, UINT64_MAX, ERR_RANGE },
                { UINT64_MAX - 10, UINT64_MAX - 10, UINT64_MAX, ERR_RANGE },
        };
        struct grantfix *f = *state;

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                f->g.issued = rows[i].issued;
                f->g.not_before = rows[i].not_before;
                f->g.not_after = rows[i].not_after;
                assert_int_equal(check(f), rows[i].r);
        }
}

static void serial_numbers(void **state)
{
        struct grantfix *f = *state;
        uint8_t other[GRANT_SERIAL_SIZE];

        for (unsigned i = 0; i < 256; i++) {
                f->g.serial[0] = (uint8_t)i;
                assert_int_equal(check(f), i >= 0x40 && i <= 0x7f ? 0 : ERR_FORMAT);
        }
        for (unsigned i = 0; i < 1000; i++) {
                assert_int_equal(grant_serial(f->g.serial), 0);
                assert_int_equal(check(f), 0);
                assert_true(grant_ssh_serial(f->g.serial) < 1ULL << 63);
                assert_int_equal(grant_serial(other), 0);
                assert_memory_not_equal(f->g.serial, other, sizeof(other));
        }
        memcpy(other, "\x41\x02\x03\x04\x05\x06\x07\x08\x09", 9);
        assert_true(grant_ssh_serial(other) == 0x4102030405060708);
}

static void key_ids(void **state)
{
        CLEANUP(buf_clear) struct buf id = { 0 };

        (void)state;
        assert_int_equal(grant_key_id(BYTES_STR("build-42"), UINT64_MAX, &id), 0);
        assert_string_equal(buf_str(&id), "build-42/18446744073709551615");
}

static void dns_names(void **state)
{
        static const struct bytes wild[] = { TEXT("*.example.org") }, twice[] = { TEXT("a.example.org"), TEXT("b.example.org"), TEXT("a.example.org") }, empty[] = { TEXT("") };
        struct bytes many[GRANT_NAMES_MAX + 1];
        struct grantfix *f = *state;

        f->g.dns = (struct names){ wild, 1 };
        assert_int_equal(check(f), ERR_FORMAT);
        f->g.allows = GRANT_HOST_WILDCARD;
        assert_int_equal(check(f), ERR_FORMAT);
        f->g.allows = GRANT_DNS_WILDCARD;
        assert_int_equal(check(f), 0);
        f->g.hosts = (struct names){ wild, 1 };
        assert_int_equal(check(f), ERR_FORMAT);
        f->g.allows = GRANT_DNS_WILDCARD | GRANT_HOST_WILDCARD;
        assert_int_equal(check(f), 0);
        f->g.dns = (struct names){ twice, 2 };
        assert_int_equal(check(f), 0);
        f->g.dns.n = 3;
        assert_int_equal(check(f), ERR_FORMAT);
        f->g.dns = (struct names){ empty, 1 };
        assert_int_equal(check(f), ERR_FORMAT);
        for (size_t i = 0; i < ARRAY_LEN(many); i++)
                many[i] = twice[0];
        f->g.dns = (struct names){ many, ARRAY_LEN(many) };
        assert_int_equal(check(f), ERR_RANGE);
}

static void common_names(void **state)
{
        static const struct {
                const char *cn;
                int r;
        } rows[] = {
                { "spiffe://example.org/agent/build-42", 0 }, { "ci.example.org", 0 }, { "build-42", 0 },
                { "other", ERR_FORMAT }, { "www.example.org", ERR_FORMAT }, { "spiffe://example.org/agent/other", ERR_FORMAT }, { "BUILD-42", ERR_FORMAT },
        };
        struct grantfix *f = *state;
        char id[80] = "spiffe://example.org/";

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                f->g.common_name = BYTES_STR(rows[i].cn);
                assert_int_equal(check(f), rows[i].r);
        }
        /* An agent's name that looks like a host nobody granted. */
        f->g.agent = f->g.common_name = BYTES_STR("www.example.org");
        assert_int_equal(check(f), ERR_FORMAT);
        f->g.agent = f->g.common_name = BYTES_STR("*");
        assert_int_equal(check(f), ERR_FORMAT);
        f->g.agent = BYTES_STR("build-42");
        memset(id + 21, 'a', 44);
        f->g.spiffe_id = f->g.common_name = BYTES(id, 64);
        assert_int_equal(check(f), 0);
        f->g.spiffe_id = f->g.common_name = BYTES(id, 65);
        assert_int_equal(check(f), ERR_FORMAT);
}

static void audiences(void **state)
{
        static const struct bytes wrong[] = { TEXT("a b"), TEXT("a\"b"), TEXT("a\\b"), TEXT("a\nb"), TEXT("a\0b"), TEXT("\xc3\xa9") };
        char text[GRANT_AUDIENCE_MAX + 1];
        struct grantfix *f = *state;

        for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
                f->g.audience = wrong[i];
                assert_int_equal(check(f), ERR_FORMAT);
        }
        memset(text, 'a', sizeof(text));
        f->g.audience = BYTES(text, GRANT_AUDIENCE_MAX);
        assert_int_equal(check(f), 0);
        f->g.audience = BYTES(text, sizeof(text));
        assert_int_equal(check(f), ERR_FORMAT);
}

static void principals(void **state)
{
        static const struct bytes wrong[] = {
                TEXT(""), TEXT("*"), TEXT("a*"), TEXT("?"), TEXT("!a"), TEXT("a,b"), TEXT("a b"), TEXT("a\n"), TEXT("a\0"), TEXT("#a"), TEXT("-oProxyCommand=x"), TEXT("\"a\""), TEXT("a\\b"), TEXT("\xc3\xa9"),
                TEXT("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
        };
        static const struct bytes twice[] = { TEXT("a"), TEXT("a") };
        struct grantfix *f = *state;

        for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
                f->g.users = (struct names){ &wrong[i], 1 };
                f->g.allows = GRANT_HOST_WILDCARD | GRANT_DNS_WILDCARD;
                assert_int_equal(check(f), ERR_FORMAT);
        }
        f->g.users = (struct names){ twice, 2 };
        assert_int_equal(check(f), ERR_FORMAT);
        f->g.users.n = 1;
        assert_int_equal(check(f), 0);
        f->g.hosts = (struct names){ &wrong[5], 1 };
        assert_int_equal(check(f), ERR_FORMAT);
}

static void critical_options(void **state)
{
        static const struct {
                const char *text;
                int r;
        } rows[] = {
                { "192.0.2.1", 0 }, { "192.0.2.0/24", 0 }, { "2001:db8::/32,192.0.2.1/32", 0 }, { "0.0.0.0/0", 0 }, { "::1/128", 0 },
                { ",", ERR_FORMAT }, { "192.0.2.1,", ERR_FORMAT }, { "192.0.2.0/33", ERR_FORMAT }, { "::1/129", ERR_FORMAT }, { "192.0.2.0/", ERR_FORMAT }, { "192.0.2.0/-1", ERR_FORMAT },
                { "192.0.2.0/ 8", ERR_FORMAT }, { "192.0.2.0/08", ERR_FORMAT }, { "192.0.2.0/8x", ERR_FORMAT }, { "192.0.2.0/8/8", ERR_FORMAT }, { "192.0.2", ERR_FORMAT }, { "host.example.org", ERR_FORMAT },
                { "192.0.2.1 ", ERR_FORMAT }, { "!192.0.2.1", ERR_FORMAT }, { "*", ERR_FORMAT }, { "192.0.2.0/99999999999999999999", ERR_FORMAT },
        };
        struct grantfix *f = *state;

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                f->g.source_address = BYTES_STR(rows[i].text);
                if (check(f) != rows[i].r)
                        fail_msg("%s", rows[i].text);
        }
        f->g.source_address = BYTES("192.0.2.1\0", 10);
        assert_int_equal(check(f), ERR_FORMAT);
        f->g.source_address = (struct bytes){ 0 };
        f->g.force_command = BYTES_STR("a\nb");
        assert_int_equal(check(f), ERR_FORMAT);
}

static void extensions(void **state)
{
        static const struct bytes unknown[] = { TEXT("permit-everything") }, twice[] = { TEXT("permit-pty"), TEXT("permit-pty") }, empty[] = { TEXT("") }, prefix[] = { TEXT("permit-pt") };
        struct grantfix *f = *state;

        f->g.extensions = (struct names){ unknown, 1 };
        assert_int_equal(check(f), ERR_FORMAT);
        f->g.extensions = (struct names){ empty, 1 };
        assert_int_equal(check(f), ERR_FORMAT);
        f->g.extensions = (struct names){ prefix, 1 };
        assert_int_equal(check(f), ERR_FORMAT);
        f->g.extensions = (struct names){ twice, 2 };
        assert_int_equal(check(f), ERR_FORMAT);
        f->g.extensions.n = 1;
        assert_int_equal(check(f), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, grantfix_setup, grantfix_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(one_that_holds), TEST(keys), TEST(rsa_with_a_small_exponent), TEST(identities), TEST(agents_and_owners), TEST(times), TEST(serial_numbers),
                TEST(key_ids), TEST(dns_names), TEST(common_names), TEST(audiences), TEST(principals), TEST(critical_options), TEST(extensions),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
