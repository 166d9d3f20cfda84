/* SPDX-License-Identifier: BSD-2-Clause */
/* A proof carries one record away; nothing in it can be changed. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "lib/cryptoki.h"
#include "lib/err.h"
#include "lib/file.h"
#include "tests/evp.h"
#include "tests/tempdir.h"
#include "tests/vouched.h"

int fdatasync(int fd)
{
        (void)fd;
        return 0;
}

int fsync(int fd)
{
        (void)fd;
        return 0;
}

static struct vouched_log v;

static int setup(void **state)
{
        int r = tempdir_setup(state);
        char dir[96];

        snprintf(dir, sizeof(dir), "%s/audit", ((struct tempdir *)*state)->path);
        vouched_start(&v, dir, 0);
        return r;
}

static int teardown(void **state)
{
        vouched_stop(&v);
        return tempdir_teardown(state);
}

static void prove(uint64_t seq, struct buf *ret)
{
        if (audit_prove(v.dir, 1, seq, ret) != 0)
                fail_msg("record %llu: %s", (unsigned long long)seq, err_text());
}

static void each_record_has_a_proof(void **state)
{
        static const unsigned sizes[] = { 1, 2, 3, 255, 256, 257, 600 };
        unsigned n = 0;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
                for (; n < sizes[i]; n++)
                        vouched_record(&v, AUDIT_CHANGE, "");
                vouched_checkpoint(&v);
                for (unsigned seq = 0; seq < n; seq += n > 300 ? 7 : 1) {
                        CLEANUP(buf_clear) struct buf text = { 0 };
                        CLEANUP(buf_clear) struct buf room = { 0 };
                        struct audit_record r;
                        uint64_t log;

                        prove(seq, &text);
                        if (audit_check_proof(BYTES_OF(&text), &v.tpm.ak_pub, NULL, &room, &r, &log) != 0)
                                fail_msg("record %u of %u: %s", seq, n, err_text());
                        assert_int_equal(r.seq, seq);
                        assert_int_equal(r.event, AUDIT_CHANGE);
                        assert_int_equal(log, 1);
                }
        }
}

static void record_without_a_checkpoint_has_none(void **state)
{
        CLEANUP(buf_clear) struct buf text = { 0 };

        (void)state;
        vouched_record(&v, AUDIT_CHANGE, "");
        assert_int_equal(audit_prove(v.dir, 1, 0, &text), ERR_NOENT);
        vouched_checkpoint(&v);
        vouched_record(&v, AUDIT_CHANGE, "");
        assert_int_equal(audit_prove(v.dir, 1, 0, &text), 0);
        assert_int_equal(audit_prove(v.dir, 1, 1, &text), ERR_NOENT);
        assert_int_equal(audit_prove(v.dir, 2, 0, &text), ERR_NOENT);
}

static void looks_as_c2sp_has_it(void **state)
{
        CLEANUP(buf_clear) struct buf text = { 0 };

        (void)state;
        for (unsigned i = 0; i < 3; i++)
                vouched_record(&v, AUDIT_CHANGE, "");
        vouched_checkpoint(&v);
        prove(2, &text);
        assert_memory_equal(text.ptr, "c2sp.org/tlog-proof@v1\nextra ", 29);
        assert_non_null(memmem(text.ptr, text.len, "\nindex 2\n", 9));
        assert_non_null(memmem(text.ptr, text.len, "=\n\nholdfast/host.example/1\n3\n", 28));
}

static void every_octet_counts(void **state)
{
        CLEANUP(buf_clear) struct buf text = { 0 };

        (void)state;
        for (unsigned i = 0; i < 5; i++)
                vouched_record(&v, AUDIT_CHANGE, "");
        vouched_checkpoint(&v);
        prove(3, &text);
        for (size_t i = 0; i < text.len; i++) {
                CLEANUP(buf_clear) struct buf room = { 0 };
                struct audit_record r;
                uint64_t log;
                int e;

                text.ptr[i] ^= 1;
                e = audit_check_proof(BYTES_OF(&text), &v.tpm.ak_pub, NULL, &room, &r, &log);
                text.ptr[i] ^= 1;
                if (e != ERR_FORMAT && e != ERR_AUTH)
                        fail_msg("octet %zu changed: %s", i, err_name(e));
                assert_int_not_equal(audit_check_proof(BYTES(text.ptr, i), &v.tpm.ak_pub, NULL, &room, &r, &log), 0);
        }
}

/* docs/formats.md points to it. */
static void published_proof_is_read(void **state)
{
        CLEANUP(pubkey_clear) struct pubkey ak = { .ckk = CKK_EC, .curve = curve_by_name("P-256") };
        CLEANUP(buf_clear) struct buf text = { 0 };
        CLEANUP(buf_clear) struct buf key = { 0 };
        CLEANUP(buf_clear) struct buf room = { 0 };
        struct audit_record r;
        uint64_t log;

        (void)state;
        assert_int_equal(file_read(AT_FDCWD, source_path("tests/vectors/audit/record.tlog-proof"), 65536, &text), 0);
        assert_int_equal(file_read(AT_FDCWD, source_path("tests/vectors/audit/ak.hex"), 256, &key), 0);
        assert_int_equal(key.len, 129);
        assert_int_equal(hex_decode((const char *)key.ptr, 64, &ak.x), 0);
        assert_int_equal(hex_decode((const char *)key.ptr + 64, 64, &ak.y), 0);
        assert_int_equal(audit_check_proof(BYTES_OF(&text), &ak, NULL, &room, &r, &log), 0);
        assert_int_equal(r.seq, 4);
        assert_int_equal(log, 1);
        assert_true(bytes_equal(r.detail, BYTES_STR("corpus")));
}

static void proof_by_another_key(void **state)
{
        CLEANUP(pubkey_clear) struct pubkey other = { 0 };
        CLEANUP(buf_clear) struct buf text = { 0 };
        CLEANUP(buf_clear) struct buf room = { 0 };
        struct audit_record r;
        uint64_t log;

        (void)state;
        EVP_PKEY_free(evp_key("P-256", &other));
        vouched_record(&v, AUDIT_CHANGE, "");
        vouched_checkpoint(&v);
        prove(0, &text);
        assert_int_equal(audit_check_proof(BYTES_OF(&text), &other, NULL, &room, &r, &log), ERR_AUTH);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(each_record_has_a_proof), TEST(record_without_a_checkpoint_has_none), TEST(looks_as_c2sp_has_it), TEST(every_octet_counts),
                TEST(published_proof_is_read), TEST(proof_by_another_key),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
