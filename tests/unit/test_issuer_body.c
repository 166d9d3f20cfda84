/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "issuer/body.h"
#include "lib/err.h"

static const struct body_member inner[] = {
        { .name = "maker", .type = BODY_TEXT, .max = 8 },
        { .name = NULL },
};
static const struct body_member members[] = {
        { .name = "name", .type = BODY_TEXT, .needed = true, .max = 8 },
        { .name = "pem", .type = BODY_LINES, .max = 64 },
        { .name = "octets", .type = BODY_BYTES, .max = 4 },
        { .name = "number", .type = BODY_NUMBER, .max = 100 },
        { .name = "texts", .type = BODY_TEXTS, .max = 4 },
        { .name = "list", .type = BODY_BYTES_LIST, .max = 4 },
        { .name = "inner", .type = BODY_OBJECT, .members = inner },
        { .name = NULL },
};

static int read_text(const char *text, json_t **ret)
{
        return body_read(BYTES_STR(text), members, ret);
}

static void reads_what_there_is(void **state)
{
        CLEANUP(body_free) json_t *b = NULL;
        CLEANUP(buf_clear) struct buf octets = { 0 };

        (void)state;
        assert_int_equal(read_text("{\"name\":\"n\\u00e4me\",\"pem\":\"a\\nb\\n\",\"octets\":\"AQIDBA==\",\"number\":100,\"texts\":[\"a\",\"b\"],"
                                   "\"list\":[\"AA==\",\"AQI=\"],\"inner\":{\"maker\":\"IBM\"}}", &b), 0);
        assert_string_equal(body_text(b, "name"), "n\xc3\xa4me");
        assert_int_equal(body_bytes(b, "octets", &octets), 0);
        assert_int_equal(octets.len, 4);
        assert_int_equal(body_number(b, "number"), 100);
        assert_int_equal(body_count(b, "texts"), 2);
        assert_string_equal(body_text_at(b, "texts", 1), "b");
        assert_int_equal(body_bytes_at(b, "list", 1, &octets), 0);
        assert_int_equal(octets.len, 2);
        assert_string_equal(body_text(body_object(b, "inner"), "maker"), "IBM");
}

static void what_is_not_there_is_nothing(void **state)
{
        CLEANUP(body_free) json_t *b = NULL;
        CLEANUP(buf_clear) struct buf octets = { 0 };

        (void)state;
        assert_int_equal(read_text("{\"name\":\"x\"}", &b), 0);
        assert_null(body_text(b, "pem"));
        assert_int_equal(body_bytes(b, "octets", &octets), 0);
        assert_int_equal(octets.len, 0);
        assert_int_equal(body_number(b, "number"), 0);
        assert_int_equal(body_count(b, "texts"), 0);
        assert_null(body_text(body_object(b, "inner"), "maker"));
}

static void everything_else_is_refused(void **state)
{
        static const char *const bad[] = {
                "", " ", "null", "[]", "\"name\"", "{}", "{\"name\":\"x\"", "{\"name\":\"x\"}x", "{\"name\":\"x\"}{}", "{\"name\":\"x\",}",
                "{\"name\":\"x\",\"name\":\"x\"}", "{\"name\":\"x\",\"other\":1}", "{\"name\":1}", "{\"name\":null}", "{\"name\":\"\"}",
                "{\"name\":\"123456789\"}", "{\"name\":\"a\\nb\"}", "{\"name\":\"a\\u0000\"}", "{\"name\":\"a\\u007f\"}", "{\"name\":\"\xff\"}",
                "{\"name\":\"\\ud800\"}", "{\"Name\":\"x\"}",
                "{\"name\":\"x\",\"octets\":\"AQIDBAU=\"}", "{\"name\":\"x\",\"octets\":\"AQIDBA\"}", "{\"name\":\"x\",\"octets\":\"AQID BA==\"}",
                "{\"name\":\"x\",\"octets\":\"AQ=DBA==\"}", "{\"name\":\"x\",\"octets\":\"====\"}", "{\"name\":\"x\",\"octets\":\"A-_DBA==\"}", "{\"name\":\"x\",\"octets\":\"\"}",
                "{\"name\":\"x\",\"number\":101}", "{\"name\":\"x\",\"number\":-1}", "{\"name\":\"x\",\"number\":1.0}", "{\"name\":\"x\",\"number\":1e2}",
                "{\"name\":\"x\",\"number\":\"1\"}", "{\"name\":\"x\",\"number\":99999999999999999999999}", "{\"name\":\"x\",\"number\":true}",
                "{\"name\":\"x\",\"texts\":\"a\"}", "{\"name\":\"x\",\"texts\":[1]}", "{\"name\":\"x\",\"texts\":[[\"a\"]]}",
                "{\"name\":\"x\",\"texts\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\"]}",
                "{\"name\":\"x\",\"inner\":{\"maker\":\"IBM\",\"more\":1}}", "{\"name\":\"x\",\"inner\":[]}", "{\"name\":\"x\",\"inner\":{\"maker\":{\"a\":{}}}}",
                "{\"name\":\"x\",\"pem\":\"a\\tb\"}",
        };
        json_t *b = NULL;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                if (read_text(bad[i], &b) != ERR_FORMAT)
                        fail_msg("taken: %s", bad[i]);
        assert_null(b);
}

static void depth_costs_nothing(void **state)
{
        static char deep[1u << 20];
        json_t *b = NULL;

        (void)state;
        memset(deep, '[', sizeof(deep));
        assert_int_equal(body_read(BYTES(deep, sizeof(deep)), members, &b), ERR_FORMAT);
        assert_non_null(strstr(err_text(), "nested"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(reads_what_there_is),
                cmocka_unit_test(what_is_not_there_is_nothing),
                cmocka_unit_test(everything_else_is_refused),
                cmocka_unit_test(depth_costs_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
