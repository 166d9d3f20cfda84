/* SPDX-License-Identifier: BSD-2-Clause */
/* Makes a log, spoils it, and looks at what is found. */
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "audit/journal.h"
#include "lib/err.h"
#include "lib/file.h"
#include "tests/checked.h"
#include "tests/tempdir.h"

struct vouched_log checked_log;
char checked_dir[96];

/* Nobody looks at power cuts here. */
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

int checked_setup(void **state)
{
        int r = tempdir_setup(state);

        snprintf(checked_dir, sizeof(checked_dir), "%s/audit", ((struct tempdir *)*state)->path);
        vouched_start(&checked_log, checked_dir, 0);
        return r;
}

int checked_teardown(void **state)
{
        vouched_stop(&checked_log);
        return tempdir_teardown(state);
}

const char *checked_path(unsigned log, const char *name)
{
        static char path[4][256];
        static unsigned next;

        next = (next + 1) % 4;
        snprintf(path[next], sizeof(path[next]), "%s/%06u/%s", checked_dir, log, name);
        return path[next];
}

void checked_with(const struct audit_check_options *o, struct audit_report *ret)
{
        int r = audit_check(checked_dir, o, ret);

        if (r != 0)
                fail_msg("%s: %s", err_name(r), err_text());
}

void checked(struct audit_report *ret)
{
        struct audit_check_options o = { .ak = &checked_log.tpm.ak_pub, .signatures = true };

        checked_with(&o, ret);
}

void checked_tell(const struct audit_report *r)
{
        for (size_t i = 0; i < r->n; i++)
                print_message("%s%s at %" PRIu64 "/%" PRId64 ": %s\n", r->list[i].warning ? "(warning) " : "", audit_fault_name(r->list[i].fault),
                              r->list[i].log, (int64_t)r->list[i].seq, r->list[i].text);
}

void checked_good(void)
{
        CLEANUP(audit_report_clear) struct audit_report r = { 0 };

        checked(&r);
        if (!r.ok || r.n != 0)
                checked_tell(&r);
        assert_true(r.ok);
        assert_int_equal(r.n, 0);
}

void checked_first(const struct audit_report *r, enum audit_fault f, uint64_t seq)
{
        if (r->n == 0 || r->ok || r->list[0].fault != f || r->list[0].seq != seq || r->list[0].warning)
                checked_tell(r);
        assert_false(r->ok);
        assert_true(r->n > 0);
        assert_string_equal(audit_fault_name(r->list[0].fault), audit_fault_name(f));
        assert_int_equal(r->list[0].seq, seq);
        assert_false(r->list[0].warning);
}

void checked_fault(enum audit_fault f, uint64_t seq)
{
        CLEANUP(audit_report_clear) struct audit_report r = { 0 };

        checked(&r);
        checked_first(&r, f, seq);
}

void checked_replace(const char *path, const struct buf *b)
{
        FILE *f;

        if (b == NULL) {
                assert_int_equal(unlink(path), 0);
                return;
        }
        f = fopen(path, "w");
        assert_non_null(f);
        assert_int_equal(fwrite(b->ptr, 1, b->len, f), b->len);
        assert_int_equal(fclose(f), 0);
}

void checked_load(const char *path, struct buf *ret)
{
        if (file_read(AT_FDCWD, path, 1 << 24, ret) != 0)
                fail_msg("%s", err_text());
}

void checked_reorder(const unsigned *order, size_t n)
{
        CLEANUP(buf_clear) struct buf bytes = { 0 };
        CLEANUP(frames_clear) struct frames f = { 0 };
        CLEANUP(buf_clear) struct buf out = { 0 };

        checked_load(checked_path(1, "journal"), &bytes);
        assert_int_equal(journal_scan(BYTES_OF(&bytes), &f), 0);
        for (size_t i = 0; i < n; i++) {
                struct bytes rec = frames_record(&f, order[i]);

                assert_int_equal(buf_append_u32(&out, 0x80000000u | (uint32_t)rec.len), 0);
                assert_int_equal(buf_append(&out, rec.ptr, rec.len), 0);
                assert_int_equal(buf_append(&out, f.leaf[order[i]], JOURNAL_CHECK), 0);
        }
        checked_replace(checked_path(1, "journal"), &out);
}

void checked_small(void)
{
        vouched_begin(&checked_log);
        for (unsigned i = 0; i < 4; i++)
                vouched_sign(&checked_log);
        vouched_checkpoint(&checked_log);
        for (unsigned i = 0; i < 3; i++)
                vouched_sign(&checked_log);
        vouched_record(&checked_log, AUDIT_STOP, "1");
        vouched_checkpoint(&checked_log);
}
