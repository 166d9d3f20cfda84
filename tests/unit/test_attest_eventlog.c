/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include "attest/eventlog.h"
#include "attest/ima.h"
#include "lib/crypto.h"
#include "lib/err.h"

#define SHA256 hash_by_name("SHA256")
#define NO_ACTION 3u
#define SEPARATOR 4u
#define VARIABLE 0x80000001u

static void put_number(struct buf *b, uint64_t v, unsigned octets)
{
        for (unsigned i = 0; i < octets; i++)
                assert_int_equal(buf_append_u8(b, (uint8_t)(v >> 8 * i)), 0);
}

static void put(struct buf *b, const void *p, size_t len)
{
        assert_int_equal(buf_append(b, p, len), 0);
}

/* A log with SHA-256 alone. */
static void put_header(struct buf *b)
{
        static const uint8_t sha1[20];

        put_number(b, 0, 4);
        put_number(b, NO_ACTION, 4);
        put(b, sha1, sizeof(sha1));
        put_number(b, 16 + 8 + 4 + 4 + 1, 4);
        put(b, "Spec ID Event03", 16);
        put_number(b, 0, 4);
        put_number(b, 0x02000002, 4);
        put_number(b, 1, 4);
        put_number(b, SHA256->tpm, 2);
        put_number(b, 32, 2);
        put_number(b, 0, 1);
}

static void put_event(struct buf *b, uint32_t pcr, uint32_t type, struct bytes data)
{
        uint8_t digest[32] = { 0 };

        if (type != NO_ACTION)
                assert_int_equal(crypto_hash(SHA256, &data, 1, digest), 0);
        put_number(b, pcr, 4);
        put_number(b, type, 4);
        put_number(b, 1, 4);
        put_number(b, SHA256->tpm, 2);
        put(b, digest, sizeof(digest));
        put_number(b, data.len, 4);
        put(b, data.ptr, data.len);
}

static void put_secure_boot(struct buf *b, uint32_t type, uint8_t value)
{
        uint8_t v[] = { 0x61, 0xdf, 0xe4, 0x8b, 0xca, 0x93, 0xd2, 0x11, 0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c, 10, 0, 0, 0, 0, 0, 0, 0,
                        1, 0, 0, 0, 0, 0, 0, 0, 'S', 0, 'e', 0, 'c', 0, 'u', 0, 'r', 0, 'e', 0, 'B', 0, 'o', 0, 'o', 0, 't', 0, value };

        put_event(b, 7, type, BYTES(v, sizeof(v)));
}

static void put_separator(struct buf *b, uint32_t pcr)
{
        put_event(b, pcr, SEPARATOR, BYTES("\0\0\0\0", 4));
}

static int replay(const struct buf *b, struct eventlog *ret)
{
        return eventlog_replay(BYTES_OF(b), SHA256, ret);
}

static void refused(struct buf *b)
{
        struct eventlog l;

        assert_int_equal(replay(b, &l), ERR_FORMAT);
        buf_clear(b);
}

static void extends_as_a_tpm_does(void **state)
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        uint8_t want[32], parts[64] = { 0 };
        struct eventlog l;

        (void)state;
        put_header(&b);
        put_event(&b, 4, 0x80000003, BYTES_STR("a loader"));
        put_event(&b, 17, 8, BYTES_STR("late"));
        assert_int_equal(replay(&b, &l), 0);
        assert_int_equal(l.events, 2);
        assert_int_equal(crypto_hash(SHA256, &BYTES_STR("a loader"), 1, parts + 32), 0);
        assert_int_equal(crypto_hash(SHA256, &BYTES(parts, 64), 1, want), 0);
        assert_memory_equal(l.pcr[4], want, 32);
        memset(parts, 0xff, 32);
        assert_int_equal(crypto_hash(SHA256, &BYTES_STR("late"), 1, parts + 32), 0);
        assert_int_equal(crypto_hash(SHA256, &BYTES(parts, 64), 1, want), 0);
        assert_memory_equal(l.pcr[17], want, 32);
        memset(want, 0, 32);
        assert_memory_equal(l.pcr[5], want, 32);
}

static void begins_at_the_locality(void **state)
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        struct eventlog l;

        (void)state;
        put_header(&b);
        put_event(&b, 0, NO_ACTION, BYTES("StartupLocality\0\3", 17));
        assert_int_equal(replay(&b, &l), 0);
        assert_int_equal(l.pcr[0][31], 3);
        assert_int_equal(l.pcr[0][30], 0);
        put_event(&b, 0, NO_ACTION, BYTES("StartupLocality\0\4", 17));
        refused(&b);
        put_header(&b);
        put_event(&b, 0, 8, BYTES_STR("firmware"));
        put_event(&b, 0, NO_ACTION, BYTES("StartupLocality\0\3", 17));
        refused(&b);
}

static bool says(struct buf *b, bool *ret)
{
        struct eventlog l;

        assert_int_equal(replay(b, &l), 0);
        buf_clear(b);
        *ret = l.secure_boot;
        return l.has_secure_boot;
}

static void believes_the_firmware_about_secure_boot(void **state)
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        bool on;

        (void)state;
        put_header(&b);
        put_secure_boot(&b, VARIABLE, 1);
        put_separator(&b, 7);
        assert_true(says(&b, &on) && on);
        put_header(&b);
        put_secure_boot(&b, VARIABLE, 0);
        put_separator(&b, 7);
        assert_true(says(&b, &on) && !on);
        /* An event's type is not signed by anybody. */
        put_header(&b);
        put_secure_boot(&b, 13, 0);
        put_separator(&b, 7);
        assert_true(says(&b, &on) && !on);
}

static void believes_nobody_else_about_secure_boot(void **state)
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        bool on;

        (void)state;
        put_header(&b);
        put_separator(&b, 7);
        put_secure_boot(&b, VARIABLE, 1);
        assert_false(says(&b, &on));
        /* Never separated: nobody knows who extended. */
        put_header(&b);
        put_secure_boot(&b, VARIABLE, 1);
        assert_false(says(&b, &on));
        /* Data that the digest is not of. */
        put_header(&b);
        put_secure_boot(&b, VARIABLE, 0);
        b.ptr[b.len - 1] = 1;
        put_separator(&b, 7);
        assert_false(says(&b, &on));
        put_header(&b);
        put_secure_boot(&b, VARIABLE, 0);
        put_secure_boot(&b, VARIABLE, 1);
        put_separator(&b, 7);
        refused(&b);
}

static void refuses_what_is_no_log(void **state)
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        struct eventlog l;
        size_t len;

        (void)state;
        put_header(&b);
        assert_int_equal(eventlog_replay(BYTES_OF(&b), hash_by_name("SHA384"), &l), ERR_FORMAT);
        put_event(&b, 4, 8, BYTES_STR("x"));
        len = b.len;
        for (b.len = 0; b.len < len; b.len++)
                if (b.len != 65)        /* the header alone */
                        assert_int_equal(replay(&b, &l), ERR_FORMAT);
        b.len = len;
        assert_int_equal(replay(&b, &l), 0);
        buf_clear(&b);
        for (uint32_t pcr = 24; pcr != 0; pcr = pcr == 24 ? 32 : pcr == 32 ? 0xffffffff : 0) {
                put_header(&b);
                put_event(&b, pcr, 8, BYTES_STR("x"));
                refused(&b);
        }
        /* A digest of the wrong kind, twice, too many. */
        put_header(&b);
        put_event(&b, 4, 8, BYTES_STR("x"));
        b.ptr[65 + 12] = 0x0c;
        refused(&b);
        put_header(&b);
        put_event(&b, 4, 8, BYTES_STR("x"));
        b.ptr[65 + 8] = 2;
        refused(&b);
        put_header(&b);
        put_event(&b, 4, 8, BYTES_STR("x"));
        memset(b.ptr + b.len - 5, 0xff, 4);
        refused(&b);
        put_header(&b);
        for (unsigned i = 0; i <= EVENTLOG_EVENTS_MAX; i++)
                put_event(&b, 4, 8, BYTES_STR("x"));
        refused(&b);
}

static void put_ima(struct buf *b, uint32_t pcr, const char *template, const char *path, bool violation)
{
        static const uint8_t zeros[20];
        CLEANUP(buf_clear) struct buf data = { 0 };
        uint8_t sha1[20];

        put_number(&data, 8 + 32, 4);
        put(&data, "sha256:", 8);
        put(&data, "0123456789abcdef0123456789abcdef", 32);
        put_number(&data, strlen(path) + 1, 4);
        put(&data, path, strlen(path) + 1);
        assert_int_equal(crypto_hash(hash_by_name("SHA1"), &BYTES_OF(&data), 1, sha1), 0);
        put_number(b, pcr, 4);
        put(b, violation ? zeros : sha1, 20);
        put_number(b, strlen(template), 4);
        put(b, template, strlen(template));
        put_number(b, data.len, 4);
        put(b, data.ptr, data.len);
}

struct seen {
        unsigned n, violations;
        bool stop;
};

static int see(void *arg, const struct ima_entry *e)
{
        struct seen *s = arg;

        assert_int_equal(e->number, s->n);
        assert_true(bytes_equal(e->digest, BYTES_STR("0123456789abcdef0123456789abcdef")) && bytes_equal(e->path, BYTES_STR("/bin/a")));
        s->n++;
        s->violations += e->violation;
        return s->stop ? ERR_DENIED : 0;
}

static void shows_each_file_of_an_ima_list(void **state)
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        struct seen s = { 0 };
        struct ima list;
        size_t len;

        (void)state;
        put_ima(&b, 10, "ima-ng", "/bin/a", false);
        put_ima(&b, 10, "ima-sig", "/bin/a", true);
        assert_int_equal(ima_replay(BYTES_OF(&b), 10, SHA256, see, &s, &list), 0);
        assert_true(s.n == 2 && s.violations == 1 && list.entries == 2);
        assert_int_equal(ima_replay(BYTES_OF(&b), 11, SHA256, see, &s, &list), ERR_FORMAT);
        s = (struct seen){ .stop = true };
        assert_int_equal(ima_replay(BYTES_OF(&b), 10, SHA256, see, &s, &list), ERR_DENIED);
        assert_int_equal(s.n, 1);
        len = b.len;
        for (b.len = len / 2 + 2; b.len < len; b.len++) {
                s = (struct seen){ 0 };
                assert_int_equal(ima_replay(BYTES_OF(&b), 10, SHA256, see, &s, &list), ERR_FORMAT);
        }
        buf_clear(&b);
        put_ima(&b, 10, "ima", "/bin/a", false);
        assert_int_equal(ima_replay(BYTES_OF(&b), 10, SHA256, see, &s, &list), ERR_FORMAT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(extends_as_a_tpm_does),
                cmocka_unit_test(begins_at_the_locality),
                cmocka_unit_test(believes_the_firmware_about_secure_boot),
                cmocka_unit_test(believes_nobody_else_about_secure_boot),
                cmocka_unit_test(refuses_what_is_no_log),
                cmocka_unit_test(shows_each_file_of_an_ima_list),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
