/* SPDX-License-Identifier: BSD-2-Clause */
/* Who has the lock has the table; a damaged or missing file costs nobody anything. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "lib/err.h"
#include "lib/file.h"
#include "tests/tempdir.h"
#include "tpm/clock.h"
#include "tpm/share.h"

static const uint8_t name[34] = { 1, 2, 3 };

static uint64_t soon(void)
{
        return clock_us() + 50000;
}

static void the_table_passes_from_hand_to_hand(void **state)
{
        const struct tempdir *d = *state;
        struct share a, b;
        struct cache ca = { 0 }, cb = { 0 };
        bool changed;

        assert_int_equal(share_open(d->fd, &a), 0);
        assert_int_equal(share_open(d->fd, &b), 0);

        assert_int_equal(share_begin(&a, soon(), &ca, &changed), 0);
        cache_add(&ca, 0x80000000, BYTES(name, sizeof(name)), 1, 100);
        assert_int_equal(share_write(&a, &ca), 0);
        assert_false(ca.dirty);
        /* Nobody else's turn. */
        assert_int_equal(share_begin(&b, soon(), &cb, &changed), ERR_TIMEOUT);
        share_end(&a);

        assert_int_equal(share_begin(&b, soon(), &cb, &changed), 0);
        assert_true(changed);
        assert_int_equal(cache_find(&cb, BYTES(name, sizeof(name)))->handle, 0x80000000);
        share_end(&b);

        /* a has seen nothing new, and after b's change it has. */
        assert_int_equal(share_begin(&a, soon(), &ca, &changed), 0);
        assert_false(changed);
        share_end(&a);
        assert_int_equal(share_begin(&b, soon(), &cb, &changed), 0);
        cache_drop(&cb, 0x80000000);
        assert_int_equal(share_write(&b, &cb), 0);
        share_end(&b);
        assert_int_equal(share_begin(&a, soon(), &ca, &changed), 0);
        assert_true(changed);
        assert_int_equal(ca.n, 0);
        share_end(&a);

        share_close(&a);
        share_close(&b);
}

static void a_damaged_record_is_unsure(void **state)
{
        const struct tempdir *d = *state;
        struct share s;
        struct cache c = { 0 };
        bool changed;

        assert_int_equal(file_write(d->fd, "tpm.lock", BYTES_STR("nonsense"), 0600, true), 0);
        assert_int_equal(share_open(d->fd, &s), 0);
        assert_int_equal(share_begin(&s, soon(), &c, &changed), 0);
        assert_true(changed);
        assert_true(c.unsure);
        share_end(&s);
        share_close(&s);
}

static void a_removed_file_is_made_anew(void **state)
{
        const struct tempdir *d = *state;
        struct share a, b;
        struct cache ca = { 0 }, cb = { 0 };
        bool changed;

        assert_int_equal(share_open(d->fd, &a), 0);
        assert_int_equal(share_open(d->fd, &b), 0);
        assert_int_equal(share_begin(&a, soon(), &ca, &changed), 0);
        share_end(&a);
        assert_int_equal(unlinkat(d->fd, "tpm.lock", 0), 0);
        assert_int_equal(share_begin(&a, soon(), &ca, &changed), 0);
        /* and is the one that others see */
        assert_int_equal(share_begin(&b, soon(), &cb, &changed), ERR_TIMEOUT);
        share_end(&a);
        share_close(&a);
        share_close(&b);
}

static void no_link_is_followed(void **state)
{
        const struct tempdir *d = *state;
        struct share s;
        struct cache c = { 0 };
        bool changed;

        assert_int_equal(file_write(d->fd, "victim", BYTES_STR("x"), 0600, true), 0);
        unlinkat(d->fd, "tpm.lock", 0);
        assert_int_equal(symlinkat("victim", d->fd, "tpm.lock"), 0);
        assert_int_equal(share_open(d->fd, &s), 0);
        assert_int_not_equal(share_begin(&s, soon(), &c, &changed), 0);
        share_close(&s);
        assert_int_equal(unlinkat(d->fd, "tpm.lock", 0), 0);
}

static void the_file_is_as_open_as_the_directory(void **state)
{
        const struct tempdir *d = *state;
        struct share s;
        struct cache c = { 0 };
        struct stat st;
        bool changed;

        unlinkat(d->fd, "tpm.lock", 0);
        assert_int_equal(fchmod(d->fd, 0770), 0);
        assert_int_equal(share_open(d->fd, &s), 0);
        assert_int_equal(share_begin(&s, soon(), &c, &changed), 0);
        share_end(&s);
        share_close(&s);
        assert_int_equal(fstatat(d->fd, "tpm.lock", &st, 0), 0);
        assert_int_equal(st.st_mode & 0777, 0660);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_table_passes_from_hand_to_hand),
                cmocka_unit_test(a_damaged_record_is_unsure),
                cmocka_unit_test(a_removed_file_is_made_anew),
                cmocka_unit_test(no_link_is_followed),
                cmocka_unit_test(the_file_is_as_open_as_the_directory),
        };

        return cmocka_run_group_tests(tests, tempdir_setup, tempdir_teardown);
}
