/* SPDX-License-Identifier: BSD-2-Clause */
/* The Veraison project's sample of Parsec's evidence is taken; whatever is changed in it is not. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "attest/parsec.h"
#include "lib/err.h"
#include "lib/file.h"
#include "tests/tempdir.h"

static const uint8_t nonce[] = { 0xde, 0xad, 0xbe, 0xef, 0xde, 0xad, 0xbe, 0xef };

struct fixture {
        struct buf octets, key;
        struct parsec_evidence e;
};

static void read_hex(const char *name, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        char path[128];

        snprintf(path, sizeof(path), "tests/vectors/attestation/%s.hex", name);
        assert_int_equal(file_read(AT_FDCWD, source_path(path), 65536, &text), 0);
        assert_true(text.len > 0);
        assert_int_equal(hex_decode((const char *)text.ptr, text.len - 1, ret), 0);
}

static int setup(void **state)
{
        static struct fixture f;

        f = (struct fixture){ 0 };
        read_hex("parsec", &f.octets);
        read_hex("parsec-key", &f.key);
        assert_int_equal(parsec_decode(BYTES_OF(&f.octets), &f.e), 0);
        *state = &f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;

        buf_clear(&f->octets);
        buf_clear(&f->key);
        return 0;
}

static int verify(const struct fixture *f)
{
        CLEANUP(parsec_result_clear) struct parsec_result result = { 0 };
        int r = parsec_verify(&f->e, BYTES_OF(&f->key), BYTES(nonce, sizeof(nonce)), true, &result);

        assert_true((result.spki.len > 0) == (r == 0));
        return r;
}

static void takes_key_and_platform(void **state)
{
        struct fixture *f = *state;
        CLEANUP(parsec_result_clear) struct parsec_result result = { 0 };

        if (parsec_verify(&f->e, BYTES_OF(&f->key), BYTES(nonce, sizeof(nonce)), true, &result) != 0)
                fail_msg("%s", err_text());
        assert_int_equal(result.pcr_hash, 0x000b);
        assert_int_equal(result.pcrs, 0x000007);
        assert_int_equal(result.pcr_digest.len, 32);
        assert_int_equal(result.spki.len, 91);
        /* Wrong tries of its authorisation would lock the TPM: no key for a credential of ours. */
        assert_int_equal(parsec_verify(&f->e, BYTES_OF(&f->key), BYTES(nonce, sizeof(nonce)), false, &result), ERR_DENIED);
}

static void refuses_whatever_is_changed(void **state)
{
        struct fixture *f = *state;
        struct bytes *const parts[] = { &f->e.key.sig, &f->e.key.cert_info, &f->e.key.pub_area, &f->e.platform.sig, &f->e.platform.attest_info, &f->e.platform.key_id };

        for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
                const struct bytes whole = *parts[i];
                CLEANUP(buf_clear) struct buf changed = { 0 };

                for (size_t at = 0; at < whole.len; at++) {
                        assert_int_equal(buf_set(&changed, whole), 0);
                        changed.ptr[at] ^= 0x01;
                        *parts[i] = BYTES_OF(&changed);
                        if (verify(f) == 0)
                                fail_msg("accepted with octet %zu of part %zu changed", at, i);
                        *parts[i] = BYTES(whole.ptr, at);
                        assert_int_not_equal(verify(f), 0);
                }
                *parts[i] = whole;
        }
        assert_int_equal(verify(f), 0);
}

static void refuses_another_nonce_key_and_order(void **state)
{
        struct fixture *f = *state;
        CLEANUP(parsec_result_clear) struct parsec_result result = { 0 };
        const struct parsec_evidence e = f->e;

        assert_int_equal(parsec_verify(&f->e, BYTES_OF(&f->key), BYTES(nonce, sizeof(nonce) - 1), true, &result), ERR_DENIED);
        f->e.key.cert_info = e.platform.attest_info;
        f->e.key.sig = e.platform.sig;
        assert_int_equal(verify(f), ERR_DENIED);
        f->e = e;
        f->e.platform.attest_info = e.key.cert_info;
        f->e.platform.sig = e.key.sig;
        assert_int_equal(verify(f), ERR_DENIED);
        f->e = e;
        f->key.ptr[f->key.len - 1] ^= 1;
        assert_int_equal(verify(f), ERR_FORMAT);
}

static void refuses_what_is_cut_or_followed_by_something(void **state)
{
        const struct fixture *f = *state;
        CLEANUP(buf_clear) struct buf b = { 0 };
        struct parsec_evidence e;

        for (size_t len = 0; len < f->octets.len; len++)
                assert_int_equal(parsec_decode(BYTES(f->octets.ptr, len), &e), ERR_FORMAT);
        assert_int_equal(buf_set(&b, BYTES_OF(&f->octets)), 0);
        assert_int_equal(buf_append_u8(&b, 0), 0);
        assert_int_equal(parsec_decode(BYTES_OF(&b), &e), ERR_FORMAT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(takes_key_and_platform, setup, teardown),
                cmocka_unit_test_setup_teardown(refuses_whatever_is_changed, setup, teardown),
                cmocka_unit_test_setup_teardown(refuses_another_nonce_key_and_order, setup, teardown),
                cmocka_unit_test_setup_teardown(refuses_what_is_cut_or_followed_by_something, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
