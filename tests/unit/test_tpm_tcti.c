/* SPDX-License-Identifier: BSD-2-Clause */
/* The TSS sees genuine responses only; every command is counted and leaves a line in the trace. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "lib/err.h"
#include "lib/file.h"
#include "tests/tempdir.h"
#include "tpm/clock.h"
#include "tpm/tcti.h"

static const uint8_t get_random[] = { 0x80, 0x01, 0, 0, 0, 12, 0, 0, 0x01, 0x7b, 0, 2 };
static const uint8_t unknown[] = { 0x80, 0x01, 0, 0, 0, 12, 0, 0, 0x01, 0x45, 0, 0 };
static const uint8_t good[] = { 0x80, 0x01, 0, 0, 0, 14, 0, 0, 0, 0, 0, 2, 0xaa, 0xbb };

/* A link whose answer is given. */
struct given {
        struct link base;
        struct bytes answer;
        int result;
};

static int exchange(struct link *l, struct bytes cmd, uint8_t *rsp, size_t room, size_t *ret_len, uint64_t deadline_us)
{
        const struct given *g = (const struct given *)l;

        (void)cmd;
        (void)deadline_us;
        if (g->result != 0)
                return err(g->result, "no");
        assert_true(g->answer.len <= room);
        memcpy(rsp, g->answer.ptr, g->answer.len);
        *ret_len = g->answer.len;
        return 0;
}

static void hangup(struct link *l)
{
        (void)l;
}

static const struct link_ops given_ops = { exchange, hangup, hangup };

static void open_given(const char *trace, struct tcti *t, struct given **ret)
{
        struct given *g = calloc(1, sizeof(*g));

        g->base.ops = &given_ops;
        g->answer = BYTES(good, sizeof(good));
        assert_int_equal(tcti_open(&g->base, trace, t), 0);
        *ret = g;
}

static void hands_over_what_is_genuine(void **state)
{
        static struct tcti t;
        TSS2_TCTI_CONTEXT *c;
        struct given *g;
        uint8_t rsp[4096];
        size_t len;

        (void)state;
        open_given(NULL, &t, &g);
        c = tcti_context(&t);
        assert_int_equal(Tss2_Tcti_Transmit(c, sizeof(get_random), get_random), TSS2_RC_SUCCESS);
        len = 3;
        assert_int_equal(Tss2_Tcti_Receive(c, &len, rsp, 0), TSS2_TCTI_RC_INSUFFICIENT_BUFFER);
        len = sizeof(rsp);
        assert_int_equal(Tss2_Tcti_Receive(c, &len, rsp, 0), TSS2_RC_SUCCESS);
        assert_int_equal(len, sizeof(good));
        assert_memory_equal(rsp, good, len);
        assert_int_equal(t.commands, 1);
        tcti_close(&t);
}

static void hands_over_nothing_else(void **state)
{
        static struct tcti t;
        TSS2_TCTI_CONTEXT *c;
        struct given *g;
        uint8_t rsp[4096], bad[sizeof(good)];
        size_t len;

        (void)state;
        open_given(NULL, &t, &g);
        c = tcti_context(&t);
        memcpy(bad, good, sizeof(bad));
        bad[11] = 3;
        g->answer = BYTES(bad, sizeof(bad));
        assert_int_equal(Tss2_Tcti_Transmit(c, sizeof(get_random), get_random), TSS2_TCTI_RC_IO_ERROR);
        len = sizeof(rsp);
        assert_int_equal(Tss2_Tcti_Receive(c, &len, rsp, 0), TSS2_TCTI_RC_BAD_SEQUENCE);
        assert_int_equal(t.error, ERR_FORMAT);

        /* And a command that we do not know is not even sent. */
        g->answer = BYTES(good, sizeof(good));
        assert_int_equal(Tss2_Tcti_Transmit(c, sizeof(unknown), unknown), TSS2_TCTI_RC_BAD_VALUE);
        assert_int_equal(t.error, ERR_NOTSUP);
        assert_int_equal(t.commands, 1);
        tcti_close(&t);
}

static void what_was_not_sent_does_not_count(void **state)
{
        static struct tcti t;
        struct given *g;

        (void)state;
        open_given(NULL, &t, &g);
        g->result = ERR_NODEV;
        assert_int_equal(Tss2_Tcti_Transmit(tcti_context(&t), sizeof(get_random), get_random), TSS2_TCTI_RC_IO_ERROR);
        assert_int_equal(t.commands, 0);
        g->result = ERR_TIMEOUT;
        assert_int_equal(Tss2_Tcti_Transmit(tcti_context(&t), sizeof(get_random), get_random), TSS2_TCTI_RC_IO_ERROR);
        assert_int_equal(t.commands, 1);
        tcti_close(&t);
}

static void writes_a_trace(void **state)
{
        static const uint8_t retry[] = { 0x80, 0x01, 0, 0, 0, 10, 0, 0, 0x09, 0x22 };
        const struct tempdir *d = *state;
        CLEANUP(buf_clear) struct buf text = { 0 };
        char path[128];
        struct stat st;
        unsigned us;
        int n = 0;

        snprintf(path, sizeof(path), "%s/trace", d->path);
        for (int i = 0; i < 2; i++) {
                static struct tcti t;
                struct given *g;

                open_given(path, &t, &g);
                Tss2_Tcti_Transmit(tcti_context(&t), sizeof(get_random), get_random);
                g->answer = BYTES(retry, sizeof(retry));
                Tss2_Tcti_Transmit(tcti_context(&t), sizeof(get_random), get_random);
                g->result = ERR_TIMEOUT;
                Tss2_Tcti_Transmit(tcti_context(&t), sizeof(get_random), get_random);
                tcti_close(&t);
        }
        assert_int_equal(file_read(d->fd, "trace", 1000, &text), 0);
        assert_int_equal(sscanf(buf_str(&text), "GetRandom 0x0 12 14 %u\nGetRandom 0x922 12 10 %u\nGetRandom ERR_TIMEOUT 12 0 %u\nGetRandom 0x0 %n", &us, &us,
                                &us, &n), 3);
        assert_true(n > 0);
        assert_int_equal(fstatat(d->fd, "trace", &st, 0), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
}

static void a_trace_that_cannot_be_is_an_error(void **state)
{
        static struct tcti t;
        struct given g = { .base.ops = &given_ops };

        (void)state;
        assert_int_equal(tcti_open(&g.base, "/nonexistent/trace", &t), ERR_NOENT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(hands_over_what_is_genuine),
                cmocka_unit_test(hands_over_nothing_else),
                cmocka_unit_test(what_was_not_sent_does_not_count),
                cmocka_unit_test(writes_a_trace),
                cmocka_unit_test(a_trace_that_cannot_be_is_an_error),
        };

        return cmocka_run_group_tests(tests, tempdir_setup, tempdir_teardown);
}
