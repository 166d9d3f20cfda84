/* SPDX-License-Identifier: BSD-2-Clause */
/* Opens a core as the daemon does, and reads what it wrote into its log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "audit/log.h"
#include "keys/admin.h"
#include "lib/err.h"
#include "tests/corefix.h"

int corefix_setup(void **state)
{
        struct corefix *x = calloc(1, sizeof(*x));

        *state = x;
        fixture_blank(&x->f);
        x->f.conf.rotate_mib = 64;
        /* RSA keys take long where others want the processor too. */
        x->f.conf.deadline_ms = 120000;
        if (admin_init(&x->f.conf, &(struct admin_init){ 0 }) != 0 || core_open(&x->f.conf, &x->core) != 0)
                fail_msg("%s", err_text());
        return 0;
}

int corefix_teardown(void **state)
{
        struct corefix *x = *state;

        assert_int_equal(core_close(&x->core), 0);
        fixture_stop(&x->f);
        free(x);
        return 0;
}

static struct audit_reader *read_log(const struct corefix *x)
{
        CLEANUP(buf_clear) struct buf dir = { 0 };
        struct audit_reader *rd = NULL;

        assert_int_equal(conf_audit_dir(&x->core.conf, &dir), 0);
        assert_int_equal(audit_reader_open(buf_str(&dir), 1, &rd), 0);
        return rd;
}

static bool is(struct bytes b, const char *text)
{
        return text == NULL || bytes_equal(b, BYTES_STR(text));
}

unsigned corefix_records(const struct corefix *x, enum audit_event event, const char *operation, enum audit_decision decision, const char *agent)
{
        struct audit_reader *rd = read_log(x);
        struct audit_record rec;
        struct bytes raw;
        unsigned n = 0;

        while (audit_reader_next(rd, &raw) == 0) {
                assert_int_equal(audit_record_decode(raw, &rec), 0);
                n += rec.event == event && rec.decision == decision && is(rec.operation, operation) && is(rec.agent, agent);
        }
        audit_reader_close(rd);
        return n;
}

void corefix_newest(const struct corefix *x, struct buf *bytes, struct audit_record *ret)
{
        struct audit_reader *rd = read_log(x);
        struct bytes raw;

        while (audit_reader_next(rd, &raw) == 0)
                assert_int_equal(buf_set(bytes, raw), 0);
        audit_reader_close(rd);
        assert_int_equal(audit_record_decode(BYTES_OF(bytes), ret), 0);
}
