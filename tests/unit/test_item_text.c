/* SPDX-License-Identifier: BSD-2-Clause */
/* What stands in an object's file. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include "keys/item.h"
#include "lib/cryptoki.h"
#include "lib/err.h"
#include "tests/storefixture.h"

#define UID "0123456789abcdef"
#define DATA "-----BEGIN HOLDFAST DATA-----\naGVsbG8=\n-----END HOLDFAST DATA-----\n"

static void key_file_both_ways(void **state)
{
        struct storefixture *f = *state;
        struct item_spec spec = key_spec(f, "my tls", "\x01\x02");
        CLEANUP(item_body_clear) struct item_body b = { 0 };
        CLEANUP(attrs_clear) struct attrs lines = { 0 };
        CLEANUP(buf_clear) struct buf text = { 0 };
        enum item_type type;

        assert_int_equal(attrs_set_str(&lines, "usage", "sign"), 0);
        assert_int_equal(attrs_set_str(&lines, "uid", "of the caller"), 0);
        spec.attrs = &lines;
        assert_int_equal(item_format(&spec, UID, "2026-11-25T00:00:00Z", &text), 0);
        assert_memory_equal(text.ptr, "label: my tls\nid: 0102\nuid: " UID "\ncreated: 2026-11-25T00:00:00Z\nusage: sign\n-----BEGIN TSS2 PRIVATE KEY-----\n", 120);

        assert_int_equal(item_parse(BYTES_OF(&text), &type, &b), 0);
        assert_int_equal(type, ITEM_KEY);
        assert_true(bytes_equal(BYTES_OF(&b.id), BYTES("\x01\x02", 2)));
        assert_true(bytes_equal(BYTES_OF(&b.key.priv), BYTES_OF(&f->key.priv)));
        assert_int_equal(b.name.len, 34);
        assert_int_equal(b.pub.ckk, CKK_EC);
        assert_ptr_equal(b.kind, key_kind_by_name("P-256"));
        assert_int_equal(b.der.len, 0);
}

static void created_is_now(void **state)
{
        struct item_spec spec = data_spec("x", "", "hello");
        CLEANUP(item_body_clear) struct item_body b = { 0 };
        CLEANUP(buf_clear) struct buf text = { 0 };
        enum item_type type;

        (void)state;
        assert_int_equal(item_format(&spec, UID, NULL, &text), 0);
        assert_int_equal(item_parse(BYTES_OF(&text), &type, &b), 0);
        assert_int_equal(type, ITEM_DATA);
        assert_true(bytes_equal(BYTES_OF(&b.der), BYTES_STR("hello")));
        assert_memory_equal(attrs_str(&b.attrs, "created", ""), "20", 2);
        assert_int_equal(strlen(attrs_str(&b.attrs, "created", "")), 20);
}

/* CKA_VALUE of a data object may be empty. */
static void data_may_be_empty(void **state)
{
        struct item_spec spec = data_spec("x", "", "");
        CLEANUP(item_body_clear) struct item_body b = { 0 };
        CLEANUP(buf_clear) struct buf text = { 0 };
        enum item_type type;

        (void)state;
        assert_int_equal(item_format(&spec, UID, NULL, &text), 0);
        assert_int_equal(item_parse(BYTES_OF(&text), &type, &b), 0);
        assert_int_equal(type, ITEM_DATA);
        assert_int_equal(b.der.len, 0);
}

static void refuses(void **state)
{
        static const char *const bad[] = {
                "",
                "label: x\n",
                "rubbish\n" DATA,
                "id: 0\n" DATA,
                DATA DATA,
                "-----BEGIN PUBLIC KEY-----\naGVsbG8=\n-----END PUBLIC KEY-----\n",
                "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n",
                "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
                "-----BEGIN TSS2 PRIVATE KEY-----\n-----END TSS2 PRIVATE KEY-----\n",
                "-----BEGIN TSS2 PRIVATE KEY-----\naGVsbG8=\n-----END TSS2 PRIVATE KEY-----\n",
                "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n",
                "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n" DATA,
                DATA "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n",
        };
        struct item_body b = { 0 };
        enum item_type type;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                assert_int_equal(item_parse(BYTES_STR(bad[i]), &type, &b), ERR_FORMAT);
                assert_null(b.der.ptr);
        }
}

/* A key of an algorithm that we know nothing of is data to us. */
static void takes_foreign_public_keys(void **state)
{
        static const char ed25519[] = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";
        CLEANUP(item_body_clear) struct item_body b = { 0 };
        enum item_type type;

        (void)state;
        assert_int_equal(item_parse(BYTES_STR(ed25519), &type, &b), 0);
        assert_int_equal(type, ITEM_PUBKEY);
        assert_int_equal(b.der.len, 44);
        assert_null(b.kind);
        assert_int_equal(b.pub.x.len, 0);
}

static void is_bounded(void **state)
{
        CLEANUP(buf_clear) struct buf big = { 0 };
        CLEANUP(buf_clear) struct buf text = { 0 };
        struct item_spec spec = data_spec("x", "", "");
        enum item_type type;
        struct item_body b = { 0 };

        (void)state;
        assert_int_equal(buf_reserve(&big, 2 * ITEM_FILE_MAX), 0);
        memset(big.ptr, '\n', 2 * ITEM_FILE_MAX);
        spec.der = BYTES(big.ptr, 128 * 1024);
        assert_int_equal(item_format(&spec, UID, NULL, &text), 0);
        assert_int_equal(item_parse(BYTES_OF(&text), &type, &b), 0);
        item_body_clear(&b);
        spec.der.len++;
        assert_int_equal(item_format(&spec, UID, NULL, &text), ERR_RANGE);
        spec.der.len = 1;
        spec.label = BYTES(big.ptr, ATTRS_VALUE_MAX + 1);
        assert_int_equal(item_format(&spec, UID, NULL, &text), ERR_RANGE);
        assert_int_equal(item_parse(BYTES(big.ptr, ITEM_FILE_MAX + 1), &type, &b), ERR_FORMAT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(key_file_both_ways, storefixture_setup, storefixture_teardown),
                cmocka_unit_test(created_is_now),
                cmocka_unit_test(data_may_be_empty),
                cmocka_unit_test(refuses),
                cmocka_unit_test(takes_foreign_public_keys),
                cmocka_unit_test(is_bounded),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
