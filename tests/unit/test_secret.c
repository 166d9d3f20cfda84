/* SPDX-License-Identifier: BSD-2-Clause */
/* One secret per store, which no other TPM gives out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "keys/secret.h"
#include "lib/err.h"
#include "lib/file.h"
#include "tests/fixture.h"

static int start(void **state)
{
        *state = malloc(sizeof(struct fixture));
        fixture_start(*state);
        return 0;
}

static int stop(void **state)
{
        fixture_stop(*state);
        free(*state);
        return 0;
}

static void is_made_once_and_stays(void **state)
{
        struct fixture *f = *state;
        CLEANUP(buf_clear) struct buf first = { 0 };
        CLEANUP(buf_clear) struct buf again = { 0 };
        struct stat st;
        bool made;

        assert_int_equal(secret_open(f->keyring, &first, &made), 0);
        assert_true(made);
        assert_int_equal(first.len, SECRET_SIZE);
        assert_int_equal(fstatat(store_dirfd(keyring_store(f->keyring)), SECRET_FILE, &st, 0), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        fixture_reopen(f);
        assert_int_equal(secret_open(f->keyring, &again, &made), 0);
        assert_false(made);
        assert_true(bytes_equal(BYTES_OF(&first), BYTES_OF(&again)));
}

static void another_tpm_does_not_give_it_out(void **state)
{
        struct fixture *f = *state, other;
        CLEANUP(buf_clear) struct buf secret = { 0 };
        CLEANUP(buf_clear) struct buf file = { 0 };
        bool made;

        assert_int_equal(secret_open(f->keyring, &secret, &made), 0);
        assert_int_equal(file_read(store_dirfd(keyring_store(f->keyring)), SECRET_FILE, 65536, &file), 0);
        fixture_start(&other);
        assert_int_equal(file_write(store_dirfd(keyring_store(other.keyring)), SECRET_FILE, BYTES_OF(&file), 0600, false), 0);
        buf_clear(&secret);
        assert_int_equal(secret_open(other.keyring, &secret, &made), ERR_FOREIGN);
        assert_int_equal(secret.len, 0);
        fixture_stop(&other);
}

static void a_damaged_file_is_not_replaced(void **state)
{
        static const char *const bad[] = { "", "nothing\n", "-----BEGIN TSS2 PRIVATE KEY-----\nMAA=\n-----END TSS2 PRIVATE KEY-----\n" };
        struct fixture *f = *state;
        int dir = store_dirfd(keyring_store(f->keyring));
        CLEANUP(buf_clear) struct buf good = { 0 };
        CLEANUP(buf_clear) struct buf secret = { 0 };
        bool made;

        assert_int_equal(secret_open(f->keyring, &secret, &made), 0);
        buf_clear(&secret);
        assert_int_equal(file_read(dir, SECRET_FILE, 65536, &good), 0);
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                CLEANUP(buf_clear) struct buf now = { 0 };

                assert_int_equal(file_write(dir, SECRET_FILE, BYTES_STR(bad[i]), 0600, true), 0);
                assert_int_equal(secret_open(f->keyring, &secret, &made), ERR_FORMAT);
                assert_int_equal(file_read(dir, SECRET_FILE, 65536, &now), 0);
                assert_true(bytes_equal(BYTES_OF(&now), BYTES_STR(bad[i])));
        }
        assert_int_equal(file_write(dir, SECRET_FILE, BYTES_OF(&good), 0600, true), 0);
}

static void each_purpose_has_its_own(void **state)
{
        const char *const labels[] = { SECRET_AK, SECRET_COUNTER, SECRET_KEYS, SECRET_MAC };
        const uint8_t secret[SECRET_SIZE] = { 1 };
        uint8_t all[ARRAY_LEN(labels)][SECRET_SIZE], again[SECRET_SIZE];

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(labels); i++) {
                assert_int_equal(secret_derive(BYTES(secret, sizeof(secret)), labels[i], all[i]), 0);
                for (size_t j = 0; j < i; j++)
                        assert_memory_not_equal(all[i], all[j], SECRET_SIZE);
        }
        assert_int_equal(secret_derive(BYTES(secret, sizeof(secret)), SECRET_AK, again), 0);
        assert_memory_equal(again, all[0], SECRET_SIZE);
        assert_int_equal(secret_derive(BYTES(secret, 16), SECRET_AK, again), ERR_INVAL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(is_made_once_and_stays),
                cmocka_unit_test(another_tpm_does_not_give_it_out),
                cmocka_unit_test(a_damaged_file_is_not_replaced),
                cmocka_unit_test(each_purpose_has_its_own),
        };

        return cmocka_run_group_tests(tests, start, stop);
}
