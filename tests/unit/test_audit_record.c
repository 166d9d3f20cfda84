/* SPDX-License-Identifier: BSD-2-Clause */
/* Records: what is written is read back, strangers' octets stay data, and nothing else is a record. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "audit/record.h"
#include "lib/err.h"
#include "lib/file.h"
#include "tests/tempdir.h"

static uint8_t prev[AUDIT_HASH_SIZE], hash[AUDIT_HASH_SIZE], huge[65536];

/* The example of docs/formats.md. */
static struct audit_record example(void)
{
        struct audit_record r = {
                .prev = BYTES(prev, sizeof(prev)), .seq = 7, .time_ms = 1795608000123, .event = AUDIT_USE,
                .agent = BYTES_STR("build-42"), .owner = BYTES_STR("ops@example.org"), .key_label = BYTES_STR("tls"), .key_id = BYTES("\x01", 1),
                .key_public = BYTES("\x00\x23", 2), .operation = BYTES_STR("sign"), .mechanism = BYTES_STR("ECDSA"),
                .digest = BYTES(hash, sizeof(hash)), .result = BYTES(hash, sizeof(hash)), .rule = BYTES_STR("nginx"),
                .peer = { .present = true, .pid = 4711, .start_time = 123456, .uid = 33, .gid = 33, .groups = { 33, 1000 }, .n_groups = 2,
                          .exe = BYTES_STR("/usr/sbin/nginx"), .exe_sha256 = BYTES(hash, sizeof(hash)), .cgroup = BYTES_STR("/system.slice/nginx.service"),
                          .unit = BYTES_STR("nginx.service"), .ppid = 1, .parent_exe = BYTES_STR("/usr/lib/systemd/systemd") },
                .tpm = { .present = true, .batch = 3, .index = 1, .cc = 0x15d, .cp_hash = BYTES(hash, sizeof(hash)), .rp_hash = BYTES(hash, sizeof(hash)) },
                .has_clock = true, .tpm_clock_ms = 98765, .tpm_resets = 2,
        };

        memset(prev, 0x11, sizeof(prev));
        for (size_t i = 0; i < sizeof(hash); i++)
                hash[i] = (uint8_t)i;
        return r;
}

static void assert_same(const struct audit_record *a, const struct audit_record *b)
{
        CLEANUP(buf_clear) struct buf x = { 0 };
        CLEANUP(buf_clear) struct buf y = { 0 };

        assert_int_equal(audit_record_encode(a, &x), 0);
        assert_int_equal(audit_record_encode(b, &y), 0);
        assert_true(bytes_equal(BYTES_OF(&x), BYTES_OF(&y)));
}

static void example_is_the_vector(void **state)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        CLEANUP(buf_clear) struct buf vector = { 0 };
        CLEANUP(buf_clear) struct buf b = { 0 };
        struct audit_record want = example(), got;

        (void)state;
        assert_int_equal(audit_record_encode(&want, &b), 0);
        assert_int_equal(file_read(AT_FDCWD, source_path("tests/vectors/audit/record.hex"), 65536, &text), 0);
        assert_int_equal(hex_decode((const char *)text.ptr, text.len - 1, &vector), 0);
        assert_true(bytes_equal(BYTES_OF(&b), BYTES_OF(&vector)));

        assert_int_equal(audit_record_decode(BYTES_OF(&vector), &got), 0);
        assert_same(&want, &got);
        assert_true(bytes_equal(got.agent, BYTES_STR("build-42")));
        assert_true(bytes_equal(got.peer.parent_exe, BYTES_STR("/usr/lib/systemd/systemd")));
        assert_int_equal(got.seq, 7);
        assert_int_equal(got.peer.groups[1], 1000);
        assert_int_equal(got.tpm.cc, 0x15d);
        assert_int_equal(got.tpm_clock_ms, 98765);
        assert_int_equal(got.tpm_restarts, 0);
        assert_true(got.has_clock && got.tpm.present && got.peer.present);
        assert_false(got.peer.has_loginuid || got.peer.tty || got.direct);
        assert_int_equal(got.decision, AUDIT_ALLOWED);
}

static void the_smallest_and_the_rest_come_back(void **state)
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        struct audit_record r = { .prev = BYTES(prev, sizeof(prev)), .event = AUDIT_START }, got;

        (void)state;
        assert_int_equal(audit_record_encode(&r, &b), 0);
        assert_int_equal(audit_record_decode(BYTES_OF(&b), &got), 0);
        assert_same(&r, &got);
        assert_false(got.peer.present || got.tpm.present || got.has_clock);

        r.peer.present = r.tpm.present = r.direct = r.peer.tty = r.peer.has_loginuid = true;
        r.decision = AUDIT_FAILED;
        r.reason = BYTES_STR("no");
        r.detail = BYTES_STR("more");
        r.peer.container = BYTES_STR("c");
        r.peer.loginuid = 0;
        assert_int_equal(audit_record_encode(&r, &b), 0);
        assert_int_equal(audit_record_decode(BYTES_OF(&b), &got), 0);
        assert_same(&r, &got);
        assert_true(got.peer.present && got.tpm.present && got.direct && got.peer.tty && got.peer.has_loginuid);
        assert_int_equal(got.decision, AUDIT_FAILED);
}

static void strangers_octets_are_data(void **state)
{
        static const char evil[] = "a\nb\x1b[2J\xff\xfe\0c\x9b\xc3(";
        CLEANUP(buf_clear) struct buf b = { 0 };
        struct audit_record r = example(), got;

        (void)state;
        r.agent = r.key_label = r.reason = r.peer.exe = r.peer.cgroup = BYTES(evil, sizeof(evil) - 1);
        assert_int_equal(audit_record_encode(&r, &b), 0);
        assert_int_equal(audit_record_decode(BYTES_OF(&b), &got), 0);
        assert_true(bytes_equal(got.agent, r.agent) && bytes_equal(got.key_label, r.agent) && bytes_equal(got.peer.exe, r.agent));
        assert_same(&r, &got);
}

static void strangers_cannot_keep_a_record_out(void **state)
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        struct audit_record r = example(), got;
        struct bytes all = BYTES(huge, sizeof(huge)), hash_max = BYTES(huge, 64), result = BYTES(huge, 1024);

        (void)state;
        memset(huge, 'x', sizeof(huge));
        r.agent = r.owner = r.key_label = r.key_id = r.rule = r.reason = r.detail = all;
        r.peer.exe = r.peer.cgroup = r.peer.unit = r.peer.container = r.peer.parent_exe = all;
        r.key_public = r.result = result;
        r.digest = hash_max;
        r.operation = BYTES(huge, 32);
        r.mechanism = BYTES(huge, 128);
        r.seq = r.time_ms = r.peer.pid = r.peer.start_time = r.peer.uid = r.peer.gid = r.peer.ppid = r.peer.loginuid = UINT64_MAX;
        r.tpm.batch = r.tpm.index = r.tpm.cc = r.tpm_clock_ms = r.tpm_resets = r.tpm_restarts = UINT64_MAX;
        r.peer.has_loginuid = r.peer.tty = r.direct = true;
        r.decision = AUDIT_FAILED;
        r.peer.n_groups = AUDIT_GROUPS_MAX;
        for (size_t i = 0; i < AUDIT_GROUPS_MAX; i++)
                r.peer.groups[i] = UINT64_MAX;
        /* Nothing can be longer than this. */
        assert_int_equal(audit_record_encode(&r, &b), 0);
        assert_true(b.len <= AUDIT_RECORD_MAX);
        assert_int_equal(audit_record_decode(BYTES_OF(&b), &got), 0);
        assert_int_equal(got.key_label.len, 1024);
        assert_int_equal(got.peer.exe.len, 2048);
        assert_same(&got, &r);
}

/* Where cutting would falsify. */
static void what_is_ours_is_refused_not_cut(void **state)
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        struct audit_record r;

        (void)state;
        r = example();
        r.result = BYTES(huge, 1025);
        assert_int_equal(audit_record_encode(&r, &b), ERR_RANGE);
        assert_int_equal(b.len, 0);
        r = example();
        r.digest = BYTES(huge, 65);
        assert_int_equal(audit_record_encode(&r, &b), ERR_RANGE);
        r = example();
        r.prev.len = 31;
        assert_int_equal(audit_record_encode(&r, &b), ERR_INVAL);
        r = example();
        r.peer.exe_sha256.len = 20;
        assert_int_equal(audit_record_encode(&r, &b), ERR_INVAL);
        r = example();
        r.event = 99;
        assert_int_equal(audit_record_encode(&r, &b), ERR_INVAL);
        r = example();
        r.decision = 3;
        assert_int_equal(audit_record_encode(&r, &b), ERR_INVAL);
}

/* Whatever is changed: it is no record, or another one, written just so. */
static void every_changed_bit_is_refused_or_another_record(void **state)
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        CLEANUP(buf_clear) struct buf again = { 0 };
        struct audit_record r = example(), got;
        unsigned refused = 0;

        (void)state;
        assert_int_equal(audit_record_encode(&r, &b), 0);
        for (size_t i = 0; i < b.len * 8; i++) {
                b.ptr[i / 8] ^= (uint8_t)(1 << i % 8);
                if (audit_record_decode(BYTES_OF(&b), &got) == 0) {
                        assert_int_equal(audit_record_encode(&got, &again), 0);
                        assert_true(bytes_equal(BYTES_OF(&b), BYTES_OF(&again)));
                } else {
                        refused++;
                }
                b.ptr[i / 8] ^= (uint8_t)(1 << i % 8);
        }
        assert_true(refused > 100);
        for (size_t n = 0; n < b.len; n++)
                assert_int_equal(audit_record_decode(BYTES(b.ptr, n), &got), ERR_FORMAT);
        assert_int_equal(buf_append_u8(&b, 0), 0);
        assert_int_equal(audit_record_decode(BYTES_OF(&b), &got), ERR_FORMAT);
}

static void other_spellings_are_refused(void **state)
{
#define HEAD "0058201111111111111111111111111111111111111111111111111111111111111111" "0100" "0200"
        static const struct {
                int r;
                const char *hex;
        } rows[] = {
                { 0, "a4" HEAD "0301" },
                { ERR_FORMAT, "a3" HEAD },                      /* no event */
                { ERR_FORMAT, "a4" HEAD "0300" },               /* events that there are not */
                { ERR_FORMAT, "a4" HEAD "0313" },
                { ERR_FORMAT, "a5" HEAD "03010440" },           /* absent, yet written */
                { ERR_FORMAT, "a5" HEAD "03010d00" },
                { ERR_FORMAT, "a5" HEAD "030114f4" },
                { 0, "a5" HEAD "030114f5" },
                { 0, "a5" HEAD "03010d02" },
                { ERR_FORMAT, "a5" HEAD "03010d03" },
                { ERR_FORMAT, "a5" HEAD "03011500" },           /* a field that there is not */
                { ERR_FORMAT, "a5" HEAD "03010461" "61" },      /* text */
                { ERR_FORMAT, "a5" HEAD "030110a0" },           /* a peer of nothing */
                { 0, "a5" HEAD "030110a400000100020003" "00" },
                { ERR_FORMAT, "a5" HEAD "030110a50000010002000300" "0480" },
                { ERR_FORMAT, "a5" HEAD "030110a50000010002000300" "0c00" },
                { ERR_FORMAT, "a5" HEAD "030112820000" },       /* clock of two */
                { 0, "a5" HEAD "03011283000000" },
                { ERR_FORMAT, "00" },
                { ERR_FORMAT, "80" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                CLEANUP(buf_clear) struct buf b = { 0 };
                struct audit_record got;

                assert_int_equal(hex_decode(rows[i].hex, strlen(rows[i].hex), &b), 0);
                assert_int_equal(audit_record_decode(BYTES_OF(&b), &got), rows[i].r);
        }
}

static void names_are_found(void **state)
{
        (void)state;
        for (unsigned e = AUDIT_START; e <= AUDIT_EVENT_LAST; e++)
                assert_int_equal(audit_event_by_name(audit_event_name((enum audit_event)e)), e);
        assert_null(audit_event_name(0));
        assert_null(audit_event_name(19));
        assert_int_equal(audit_event_by_name("nothing"), 0);
        assert_string_equal(audit_event_name(AUDIT_USE), "use");
        assert_string_equal(audit_decision_name(AUDIT_REFUSED), "refused");
        assert_null(audit_decision_name(3));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(example_is_the_vector),
                cmocka_unit_test(the_smallest_and_the_rest_come_back),
                cmocka_unit_test(strangers_octets_are_data),
                cmocka_unit_test(strangers_cannot_keep_a_record_out),
                cmocka_unit_test(what_is_ours_is_refused_not_cut),
                cmocka_unit_test(every_changed_bit_is_refused_or_another_record),
                cmocka_unit_test(other_spellings_are_refused),
                cmocka_unit_test(names_are_found),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
