/* SPDX-License-Identifier: BSD-2-Clause */
/* What PKCS#11 URIs name. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include "lib/err.h"
#include "provider/provider.h"

static void assert_text(const struct buf *b, const char *text)
{
        assert_non_null(b->ptr);
        assert_true(bytes_equal(BYTES_OF(b), BYTES_STR(text)));
}

static void reads_every_attribute(void **state)
{
        CLEANUP(uri_clear) struct uri u = { 0 };

        (void)state;
        assert_int_equal(uri_parse(BYTES_STR("PkCs11:token=The%20Software%3B;manufacturer=M;serial=12;model=X;object=a&b;id=%01%ffz;type=private;slot-id=7;"
                                             "library-manufacturer=L;library-description=D;library-version=3.12"
                                             "?pin-source=file:/etc/pin&module-path=/a/b.so&module-name=b&x-other=1"),
                                   &u),
                         0);
        assert_text(&u.token, "The Software;");
        assert_text(&u.manufacturer, "M");
        assert_text(&u.serial, "12");
        assert_text(&u.model, "X");
        assert_text(&u.object, "a&b");
        assert_text(&u.id, "\x01\xffz");
        assert_true(u.has_type && u.type == CKO_PRIVATE_KEY);
        assert_true(u.has_slot_id && u.slot_id == 7);
        assert_text(&u.library_manufacturer, "L");
        assert_text(&u.library_description, "D");
        assert_true(u.has_library_version && u.library_version.major == 3 && u.library_version.minor == 12);
        assert_text(&u.pin_source, "file:/etc/pin");
        assert_text(&u.module_path, "/a/b.so");
        assert_text(&u.module_name, "b");
        assert_null(u.pin_value.ptr);
}

static void absent_is_not_empty(void **state)
{
        CLEANUP(uri_clear) struct uri u = { 0 };

        (void)state;
        assert_int_equal(uri_parse(BYTES_STR("pkcs11:object="), &u), 0);
        assert_non_null(u.object.ptr);
        assert_int_equal(u.object.len, 0);
        assert_null(u.token.ptr);
        assert_int_equal(uri_parse(BYTES_STR("pkcs11:"), &u), 0);
        assert_null(u.object.ptr);
}

static void refuses_what_is_no_uri(void **state)
{
        static const char *const bad[] = {
                "", "pkcs1", "pkcs12:token=a", "token=a", "pkcs11:token", "pkcs11:token=a;", "pkcs11:;token=a", "pkcs11:token=a;token=b", "pkcs11:token=a b",
                "pkcs11:token=%4", "pkcs11:token=%zz", "pkcs11:token=a/b", "pkcs11:colour=red", "pkcs11:type=key", "pkcs11:type=private;type=private",
                "pkcs11:slot-id=", "pkcs11:slot-id=-1", "pkcs11:slot-id=1x", "pkcs11:slot-id=18446744073709551616", "pkcs11:library-version=256",
                "pkcs11:library-version=1.", "pkcs11:library-version=1.2.3", "pkcs11:token=a?pin-value=1&pin-source=/x", "pkcs11:?pin-value=1&pin-value=1",
                "pkcs11:token=\xc3\xa4", "pkcs11:pin-value=1",
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                struct uri u = { 0 };

                assert_int_equal(uri_parse(BYTES_STR(bad[i]), &u), ERR_FORMAT);
                assert_null(u.token.ptr);
        }
        {
                struct uri u = { 0 };

                assert_int_equal(uri_parse(BYTES("pkcs11:token=\0", 14), &u), ERR_FORMAT);
        }
}

static void no_sentence_tells_a_pin(void **state)
{
        struct uri u = { 0 };

        (void)state;
        assert_int_equal(uri_parse(BYTES_STR("pkcs11:?pin-value=sec ret"), &u), ERR_FORMAT);
        assert_null(strstr(err_text(), "sec"));
        assert_null(strstr(err_text(), "ret"));
}

static void writes_what_it_reads(void **state)
{
        static const char *const good[] = {
                "pkcs11:",
                "pkcs11:token=a%3Bb;object=x&y;id=%01%FF;type=cert",
                "pkcs11:type=public;slot-id=3;library-version=2.0",
                "pkcs11:slot-id=3",
                "pkcs11:token=a?pin-source=/run/a&module-path=/x",
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(good); i++) {
                CLEANUP(uri_clear) struct uri u = { 0 };
                CLEANUP(buf_clear) struct buf text = { 0 };

                assert_int_equal(uri_parse(BYTES_STR(good[i]), &u), 0);
                assert_int_equal(uri_format(&u, &text), 0);
                assert_string_equal(buf_str(&text), good[i]);
        }
}

static void fill(CK_UTF8CHAR *field, size_t len, const char *text)
{
        memset(field, ' ', len);
        memcpy(field, text, strlen(text));
}

static bool matches(const char *text, CK_SLOT_ID slot)
{
        CLEANUP(uri_clear) struct uri u = { 0 };
        CK_TOKEN_INFO t = { 0 };

        fill(t.label, sizeof(t.label), "build-42");
        fill(t.manufacturerID, sizeof(t.manufacturerID), "Holdfast");
        fill(t.model, sizeof(t.model), "TPM 2.0");
        fill(t.serialNumber, sizeof(t.serialNumber), "0001");
        assert_int_equal(uri_parse(BYTES_STR(text), &u), 0);
        return uri_matches_token(&u, slot, &t);
}

static void matches_only_what_it_names(void **state)
{
        (void)state;
        assert_true(matches("pkcs11:", 1));
        assert_true(matches("pkcs11:token=build-42;manufacturer=Holdfast;model=TPM%202.0;serial=0001;slot-id=1", 1));
        assert_false(matches("pkcs11:token=build-4", 1));
        assert_false(matches("pkcs11:token=", 1));
        assert_false(matches("pkcs11:token=build-42;serial=0002", 1));
        assert_false(matches("pkcs11:slot-id=2", 1));
}

static void matches_the_library(void **state)
{
        CLEANUP(uri_clear) struct uri u = { 0 };
        CK_INFO i = { .libraryVersion = { 1, 2 } };

        (void)state;
        fill(i.manufacturerID, sizeof(i.manufacturerID), "Holdfast");
        fill(i.libraryDescription, sizeof(i.libraryDescription), "keys");
        assert_int_equal(uri_parse(BYTES_STR("pkcs11:library-manufacturer=Holdfast;library-version=1.2"), &u), 0);
        assert_true(uri_matches_library(&u, &i));
        i.libraryVersion.minor = 3;
        assert_false(uri_matches_library(&u, &i));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(reads_every_attribute),
                cmocka_unit_test(absent_is_not_empty),
                cmocka_unit_test(refuses_what_is_no_uri),
                cmocka_unit_test(no_sentence_tells_a_pin),
                cmocka_unit_test(writes_what_it_reads),
                cmocka_unit_test(matches_only_what_it_names),
                cmocka_unit_test(matches_the_library),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
