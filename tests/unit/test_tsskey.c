/* SPDX-License-Identifier: BSD-2-Clause */
/* TSS2 PRIVATE KEY files, ours and tpm2-openssl's. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include "lib/err.h"
#include "lib/file.h"
#include "lib/tsskey.h"
#include "tests/tempdir.h"

/* A key file with one octet of each area, and what may be put in front of the parent. */
#define KEY(options) "\x06\x06\x67\x81\x05\x0a\x01\x03" options "\x02\x04\x40\x00\x00\x01\x04\x01P\x04\x01S"
#define TRUE_AUTH "\xa0\x03\x01\x01\xff"

static int decode(const char *body, size_t len, struct tsskey *ret)
{
        CLEANUP(buf_clear) struct buf der = { 0 };

        assert_true(len < 0x80);
        assert_int_equal(buf_append_u8(&der, 0x30), 0);
        assert_int_equal(buf_append_u8(&der, (uint8_t)len), 0);
        assert_int_equal(buf_append(&der, body, len), 0);
        return tsskey_decode(BYTES_OF(&der), ret);
}
#define DECODE(body, ret) decode(body, sizeof(body) - 1, ret)

static void assert_same(const struct tsskey *a, const struct tsskey *b)
{
        assert_int_equal(a->type, b->type);
        assert_int_equal(a->empty_auth, b->empty_auth);
        assert_int_equal(a->parent, b->parent);
        assert_true(bytes_equal(BYTES_OF(&a->description), BYTES_OF(&b->description)));
        assert_true(bytes_equal(BYTES_OF(&a->pub), BYTES_OF(&b->pub)));
        assert_true(bytes_equal(BYTES_OF(&a->priv), BYTES_OF(&b->priv)));
}

static void round_trip(void **state)
{
        static const uint32_t parents[] = { 0, 1, 0x7f, 0x80, 0x40000001, 0x81010a01, 0xffffffff };
        CLEANUP(tsskey_clear) struct tsskey k = { 0 };
        CLEANUP(tsskey_clear) struct tsskey back = { 0 };
        CLEANUP(buf_clear) struct buf der = { 0 };

        (void)state;
        assert_int_equal(buf_set(&k.pub, BYTES("\0\x03pub", 5)), 0);
        assert_int_equal(buf_reserve(&k.priv, 300), 0);
        memset(k.priv.ptr, 7, 300);
        k.priv.len = 300;
        for (size_t i = 0; i < ARRAY_LEN(parents); i++) {
                k.parent = parents[i];
                k.type = i % 2 ? TSSKEY_SEALED : TSSKEY_LOADABLE;
                k.empty_auth = i % 3 == 0;
                assert_int_equal(buf_set(&k.description, BYTES_STR(i % 2 ? "B\xc3\xa4r" : "")), 0);
                assert_int_equal(tsskey_encode(&k, &der), 0);
                assert_int_equal(tsskey_decode(BYTES_OF(&der), &back), 0);
                assert_same(&k, &back);
        }
}

static void encodes_as_the_draft_says(void **state)
{
        CLEANUP(tsskey_clear) struct tsskey k = { .empty_auth = true, .parent = 0x40000001 };
        CLEANUP(buf_clear) struct buf der = { 0 };

        (void)state;
        assert_int_equal(buf_set(&k.pub, BYTES("P", 1)), 0);
        assert_int_equal(buf_set(&k.priv, BYTES("S", 1)), 0);
        assert_int_equal(tsskey_encode(&k, &der), 0);
        assert_true(bytes_equal(BYTES_OF(&der), BYTES("\x30\x19" KEY(TRUE_AUTH), 27)));
        buf_clear(&k.priv);
        assert_int_equal(tsskey_encode(&k, &der), ERR_RANGE);
}

static void reads_tpm2_openssl(void **state)
{
        static const struct {
                const char *file;
                bool empty_auth;
                size_t pub, priv;
        } files[] = {
                { "tests/vectors/tsskey-tpm2-openssl-ec.pem", true, 88, 128 },
                { "tests/vectors/tsskey-tpm2-openssl-rsa.pem", false, 280, 224 },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(files); i++) {
                CLEANUP(tsskey_clear) struct tsskey k = { 0 };
                CLEANUP(buf_clear) struct buf text = { 0 };
                CLEANUP(buf_clear) struct buf head = { 0 };
                CLEANUP(buf_clear) struct buf der = { 0 };

                assert_int_equal(file_read(AT_FDCWD, source_path(files[i].file), 10000, &text), 0);
                assert_int_equal(pem_decode(TSSKEY_PEM, BYTES_OF(&text), &head, &der), 0);
                assert_int_equal(tsskey_decode(BYTES_OF(&der), &k), 0);
                assert_int_equal(k.type, TSSKEY_LOADABLE);
                assert_int_equal(k.empty_auth, files[i].empty_auth);
                assert_int_equal(k.parent, 0x40000001);
                assert_int_equal(k.pub.len, files[i].pub);
                assert_int_equal(k.priv.len, files[i].priv);
        }
}

static void reads_options(void **state)
{
        CLEANUP(tsskey_clear) struct tsskey k = { 0 };

        (void)state;
        assert_int_equal(DECODE(KEY(""), &k), 0);
        assert_false(k.empty_auth);
        assert_int_equal(DECODE(KEY(TRUE_AUTH), &k), 0);
        assert_true(k.empty_auth);
        assert_int_equal(DECODE(KEY("\xa0\x03\x01\x01\x01"), &k), 0);
        assert_true(k.empty_auth);
        assert_int_equal(DECODE(KEY("\xa0\x03\x01\x01\x00"), &k), 0);
        assert_false(k.empty_auth);
        assert_int_equal(DECODE(KEY(TRUE_AUTH "\xa4\x04\x0c\x02hi"), &k), 0);
        assert_string_equal(buf_str(&k.description), "hi");
}

static void refuses_what_we_cannot_load(void **state)
{
        struct tsskey k = { 0 };

        (void)state;
        assert_int_equal(DECODE("\x06\x06\x67\x81\x05\x0a\x01\x04\x02\x04\x40\x00\x00\x01\x04\x01P\x04\x01S", &k), ERR_NOTSUP);
        assert_int_equal(DECODE("\x06\x06\x67\x81\x05\x0a\x01\x09\x02\x04\x40\x00\x00\x01\x04\x01P\x04\x01S", &k), ERR_NOTSUP);
        assert_int_equal(DECODE(KEY(TRUE_AUTH "\xa1\x02\x30\x00"), &k), ERR_NOTSUP);
        assert_int_equal(DECODE(KEY("\xa2\x03\x04\x01x"), &k), ERR_NOTSUP);
        assert_int_equal(DECODE(KEY("\xa3\x02\x30\x00"), &k), ERR_NOTSUP);
        assert_int_equal(DECODE(KEY("\xa5\x03\x01\x01\xff"), &k), ERR_NOTSUP);
}

static void refuses_what_is_not_der(void **state)
{
        struct tsskey k = { 0 };

        (void)state;
        assert_int_equal(DECODE("", &k), ERR_FORMAT);
        assert_int_equal(DECODE(KEY("\xa0\x03\x01\x01\x02"), &k), ERR_FORMAT);          /* a BOOLEAN of 2 */
        assert_int_equal(DECODE(KEY("\xa0\x04\x01\x01\xff\x00"), &k), ERR_FORMAT);      /* rest in the tag */
        assert_int_equal(DECODE(KEY("\xa0\x04\x01\x02\xff\xff"), &k), ERR_FORMAT);      /* a long BOOLEAN */
        assert_int_equal(DECODE(KEY("\xa0\x81\x03\x01\x01\xff"), &k), ERR_FORMAT);      /* a length too long */
        assert_int_equal(DECODE(KEY(TRUE_AUTH TRUE_AUTH), &k), ERR_FORMAT);             /* twice */
        assert_int_equal(DECODE(KEY("\xa4\x03\x0c\x01\xff"), &k), ERR_FORMAT);          /* no UTF-8 */
        assert_int_equal(DECODE(KEY("\xa4\x02\x0c\x00"), &k), ERR_FORMAT);              /* empty */
        assert_int_equal(DECODE(KEY("") "\x05\x00", &k), ERR_FORMAT);                   /* trailing */
        assert_int_equal(DECODE("\x06\x06\x67\x81\x05\x0a\x01\x03\x02\x01\x80\x04\x01P\x04\x01S", &k), ERR_FORMAT);     /* negative */
        assert_int_equal(DECODE("\x06\x06\x67\x81\x05\x0a\x01\x03\x02\x06\x00\xff\xff\xff\xff\xff\x04\x01P\x04\x01S", &k), ERR_FORMAT);
        assert_int_equal(DECODE("\x06\x06\x67\x81\x05\x0a\x01\x03\x02\x05\x01\xff\xff\xff\xff\x04\x01P\x04\x01S", &k), ERR_FORMAT);
        assert_int_equal(DECODE("\x06\x06\x67\x81\x05\x0a\x01\x03\x02\x01\x01\x04\x00\x04\x01S", &k), ERR_FORMAT);      /* empty area */
        assert_int_equal(DECODE("\x06\x06\x67\x81\x05\x0a\x01\x03\x02\x01\x01\x04\x01P", &k), ERR_FORMAT);
        assert_null(k.pub.ptr);
        assert_int_equal(tsskey_decode(BYTES("\x30\x19" KEY(TRUE_AUTH) "\0", 28), &k), ERR_FORMAT);
        for (size_t len = 0; len < 27; len++)
                assert_int_equal(tsskey_decode(BYTES("\x30\x19" KEY(TRUE_AUTH), len), &k), ERR_FORMAT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(round_trip),
                cmocka_unit_test(encodes_as_the_draft_says),
                cmocka_unit_test(reads_tpm2_openssl),
                cmocka_unit_test(reads_options),
                cmocka_unit_test(refuses_what_we_cannot_load),
                cmocka_unit_test(refuses_what_is_not_der),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
