/* SPDX-License-Identifier: BSD-2-Clause */
/* Exported lines: whatever strangers are called, one record is one line, and each field is the one it says. */
#include <inttypes.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "audit/export.h"
#include "lib/err.h"
#include "lib/utf8.h"

static const struct audit_source source = { .host = "host.example", .version = "1.0", .log = 2 };
static const enum audit_format all[] = { AUDIT_JSON, AUDIT_CEF, AUDIT_SYSLOG, AUDIT_OCSF };

/* What would end a line, a field, a string or an object, hide or turn what stands around it, or is no text at all. */
static const char *const hostile[] = {
        "plain", "new\nline", "\r\n<110>1 - - - - - - forged", "\x1b[2J\x1b[31m", "quote\" back\\slash ]|=,}{", "tab\ttab\x7f",
        "\"}\n{\"event\":\"use\"", "] [forged@1 a=\"b\"]", "|10|act=forged rt=1", " act=sign cs1=other", "%41%0A", "\\", "\\\"", "]",
        "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x94\x91", "\xc2\x9b" "31m", "\xe2\x80\xa8line", "\xe2\x80\xaeturned", "\xef\xbb\xbf" "bom",
        "\xf3\xa0\x81\x81tag", "\xff\xfe\n\xc3\x28", "\xc3", "\xed\xa0\x80", "=", " ", "a=b c=d",
};

static struct audit_record record(struct bytes s)
{
        return (struct audit_record){
                .prev = BYTES("01234567890123456789012345678901", 32), .seq = 41, .time_ms = 1795608000123, .event = AUDIT_USE,
                .agent = s, .owner = s, .key_label = s, .key_id = s, .key_public = s, .operation = s, .mechanism = s, .digest = s, .result = s,
                .decision = AUDIT_REFUSED, .rule = s, .reason = s, .detail = s, .direct = true, .has_clock = true, .tpm_clock_ms = 5,
                .tpm = { true, 3, 4, 0x15d, s, s },
                .peer = { .present = true, .pid = 77, .start_time = 88, .uid = 1000, .gid = 100, .groups = { 5, 6 }, .n_groups = 2, .exe = s,
                          .exe_sha256 = s, .cgroup = s, .unit = s, .container = s, .has_loginuid = true, .tty = true, .ppid = 1, .parent_exe = s },
        };
}

static void export(enum audit_format f, const struct audit_record *r, struct buf *ret)
{
        buf_reset(ret);
        if (audit_export(f, &source, r, ret) != 0)
                fail_msg("%s: %s", audit_format_name(f), err_text());
}

static void formats_have_names(void **state)
{
        enum audit_format f;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(all); i++) {
                assert_true(audit_format_by_name(audit_format_name(all[i]), &f));
                assert_int_equal(f, all[i]);
        }
        assert_false(audit_format_by_name("xml", &f));
        assert_null(audit_format_name((enum audit_format)9));
}

static void a_record_is_one_line_of_text(void **state)
{
        CLEANUP(buf_clear) struct buf b = { 0 };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(hostile); i++)
                for (size_t j = 0; j < ARRAY_LEN(all); j++) {
                        struct audit_record r = record(BYTES_STR(hostile[i]));

                        export(all[j], &r, &b);
                        if (!utf8_printable(BYTES_OF(&b)))
                                fail_msg("%s shows %zu as it is", audit_format_name(all[j]), i);
                        assert_null(memmem(b.ptr, b.len, "\xe2\x80\xae", 3));
                        assert_null(memmem(b.ptr, b.len, "\xe2\x80\xa8", 3));
                }
}

static void it_is_appended(void **state)
{
        struct audit_record r = record(BYTES_STR("x"));
        CLEANUP(buf_clear) struct buf b = { 0 };

        (void)state;
        assert_int_equal(buf_append_str(&b, "before\n"), 0);
        assert_int_equal(audit_export(AUDIT_JSON, &source, &r, &b), 0);
        assert_memory_equal(b.ptr, "before\n{", 8);
}

static json_t *parse(const struct buf *b)
{
        json_error_t e;
        json_t *j = json_loadb((const char *)b->ptr, b->len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &e);

        if (!j)
                fail_msg("%s: %.*s", e.text, (int)b->len, (const char *)b->ptr);
        return j;
}

static void assert_json_text(const json_t *o, const char *key, const char *want)
{
        char hex_key[32], hex[256] = "";
        const json_t *v = json_object_get(o, key);

        if (utf8_valid(BYTES_STR(want))) {
                assert_string_equal(json_string_value(v), want);
                return;
        }
        assert_null(v);
        snprintf(hex_key, sizeof(hex_key), "%s_hex", key);
        for (size_t i = 0; want[i] != '\0'; i++)
                snprintf(hex + 2 * i, sizeof(hex) - 2 * i, "%02x", (uint8_t)want[i]);
        assert_string_equal(json_string_value(json_object_get(o, hex_key)), hex);
}

static void json_keeps_every_octet(void **state)
{
        CLEANUP(buf_clear) struct buf b = { 0 };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(hostile); i++) {
                struct audit_record r = record(BYTES_STR(hostile[i]));
                json_t *j, *peer;

                export(AUDIT_JSON, &r, &b);
                j = parse(&b);
                assert_json_text(j, "agent", hostile[i]);
                assert_json_text(j, "owner", hostile[i]);
                assert_json_text(j, "operation", hostile[i]);
                assert_json_text(j, "rule", hostile[i]);
                assert_json_text(j, "reason", hostile[i]);
                assert_json_text(j, "detail", hostile[i]);
                assert_json_text(json_object_get(j, "key"), "label", hostile[i]);
                peer = json_object_get(j, "peer");
                assert_json_text(peer, "exe", hostile[i]);
                assert_json_text(peer, "cgroup", hostile[i]);
                assert_json_text(peer, "parent_exe", hostile[i]);
                assert_int_equal(json_integer_value(json_object_get(peer, "uid")), 1000);
                assert_int_equal(json_array_size(json_object_get(peer, "groups")), 2);
                assert_string_equal(json_string_value(json_object_get(j, "event")), "use");
                assert_string_equal(json_string_value(json_object_get(j, "decision")), "refused");
                assert_string_equal(json_string_value(json_object_get(j, "time")), "2026-11-25T12:00:00.123Z");
                assert_int_equal(json_integer_value(json_object_get(j, "seq")), 41);
                assert_int_equal(json_integer_value(json_object_get(j, "log")), 2);
                assert_true(json_is_true(json_object_get(j, "direct")));
                json_decref(j);
        }
}

static void json_leaves_out_what_there_is_not(void **state)
{
        struct audit_record r = { .event = AUDIT_START, .time_ms = 1 };
        CLEANUP(buf_clear) struct buf b = { 0 };

        (void)state;
        export(AUDIT_JSON, &r, &b);
        assert_string_equal(buf_str(&b), "{\"host\":\"host.example\",\"log\":2,\"seq\":0,\"time\":\"1970-01-01T00:00:00.001Z\",\"event\":\"start\","
                                         "\"decision\":\"allowed\"}");
}

/* Percent escapes back to octets. */
static void unescape(const struct buf *b, struct buf *ret)
{
        for (size_t i = 0; i < b->len; i++) {
                char hex[3] = "";

                if (b->ptr[i] != '%') {
                        assert_int_equal(buf_append_u8(ret, b->ptr[i]), 0);
                        continue;
                }
                memcpy(hex, b->ptr + i + 1, 2);
                assert_int_equal(buf_append_u8(ret, (uint8_t)strtoul(hex, NULL, 16)), 0);
                i += 2;
        }
}

/* The value behind " name=", as a reader of CEF finds it: up to the last blank before the next "=" that has no backslash. */
static bool cef_value(const struct buf *line, const char *name, struct buf *ret)
{
        const char *p = buf_str((struct buf *)line);
        struct buf key = { 0 }, value = { 0 };
        bool found = false;
        unsigned bars = 0;

        for (; bars < 7; p++) {
                if (*p == '\\')
                        p++;
                else if (*p == '|')
                        bars++;
                assert_true(*p != '\0');
        }
        while (*p != '\0' && !found) {
                const char *next = p, *end;

                buf_reset(&key);
                buf_reset(&value);
                next = strchr(p, '=');
                assert_non_null(next);
                assert_int_equal(buf_append(&key, p, (size_t)(next - p)), 0);
                assert_null(memchr(key.ptr, ' ', key.len));
                p = ++next;
                /* To the next bare "=" or the end, then back to the blank before its key. */
                while (*next != '\0' && *next != '=')
                        next += *next == '\\' ? 2 : 1;
                end = next;
                while (*next == '=' && end > p && *end != ' ')
                        end--;
                for (const char *c = p; c < end; c++) {
                        if (*c == '\\')
                                c++;
                        assert_int_equal(buf_append_u8(&value, (uint8_t)*c), 0);
                }
                p = *end == ' ' ? end + 1 : end;
                found = bytes_equal(BYTES_OF(&key), BYTES_STR(name));
        }
        if (found)
                unescape(&value, ret);
        buf_clear(&key);
        buf_clear(&value);
        return found;
}

static void assert_cef(const struct buf *line, const char *name, const char *want)
{
        CLEANUP(buf_clear) struct buf v = { 0 };

        assert_true(cef_value(line, name, &v));
        assert_string_equal(buf_str(&v), want);
}

static void cef_can_be_read_back(void **state)
{
        static const char head[] = "CEF:0|Holdfast|holdfastd|1.0|use|use refused|7|rt=1795608000123 ";
        static const char *const names[] = { "act", "reason", "sproc", "cs1", "cs2", "cs3", "cs4", "cs5", "cs6", "msg" };
        CLEANUP(buf_clear) struct buf b = { 0 };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(hostile); i++) {
                struct audit_record r = record(BYTES_STR(hostile[i]));

                export(AUDIT_CEF, &r, &b);
                assert_memory_equal(b.ptr, head, strlen(head));
                for (size_t j = 0; j < ARRAY_LEN(names); j++)
                        assert_cef(&b, names[j], hostile[i]);
                assert_cef(&b, "outcome", "failure");
                assert_cef(&b, "cs1Label", "agent");
                assert_cef(&b, "suid", "1000");
                assert_cef(&b, "externalId", "2/41");
        }
}

/* RFC 5424, 6.3: PARAM-VALUE ends with a quote that has no backslash. */
static bool sd_value(const struct buf *line, const char *name, struct buf *ret)
{
        const char *p = strchr(buf_str((struct buf *)line), '[');
        bool found = false;

        p = strchr(p, ' ');
        while (!found && *p == ' ') {
                CLEANUP(buf_clear) struct buf value = { 0 };
                const char *eq = strchr(p, '=');

                found = bytes_equal(BYTES(p + 1, (size_t)(eq - p - 1)), BYTES_STR(name));
                assert_int_equal(eq[1], '"');
                for (p = eq + 2; *p != '"'; p++) {
                        assert_true(*p != '\0' && *p != ']');
                        if (*p == '\\')
                                p++;
                        assert_int_equal(buf_append_u8(&value, (uint8_t)*p), 0);
                }
                p++;
                if (found)
                        unescape(&value, ret);
        }
        if (!found)
                assert_string_equal(p, "] use refused");
        return found;
}

static void syslog_can_be_read_back(void **state)
{
        static const char *const names[] = { "agent", "owner", "key", "operation", "mechanism", "rule", "reason", "exe", "cgroup", "unit", "detail" };
        static const char head[] = "<108>1 2026-11-25T12:00:00.123Z host.example holdfastd - use [holdfast@32473 log=\"2\" seq=\"41\" ";
        CLEANUP(buf_clear) struct buf b = { 0 };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(hostile); i++) {
                struct audit_record r = record(BYTES_STR(hostile[i]));

                export(AUDIT_SYSLOG, &r, &b);
                assert_memory_equal(b.ptr, head, strlen(head));
                for (size_t j = 0; j < ARRAY_LEN(names); j++) {
                        CLEANUP(buf_clear) struct buf v = { 0 };

                        assert_true(sd_value(&b, names[j], &v));
                        assert_string_equal(buf_str(&v), hostile[i]);
                }
                {
                        CLEANUP(buf_clear) struct buf v = { 0 };

                        assert_false(sd_value(&b, "forged", &v));
                }
        }
}

static void syslog_host_is_a_word(void **state)
{
        struct audit_source s = { .host = "a b\n", .version = "1", .log = 1 };
        struct audit_record r = { .event = AUDIT_STOP };
        CLEANUP(buf_clear) struct buf b = { 0 };

        (void)state;
        assert_int_equal(audit_export(AUDIT_SYSLOG, &s, &r, &b), 0);
        assert_memory_equal(b.ptr, "<110>1 1970-01-01T00:00:00.000Z a?b? holdfastd - stop [", 55);
        buf_reset(&b);
        s.host = "";
        assert_int_equal(audit_export(AUDIT_SYSLOG, &s, &r, &b), 0);
        assert_memory_equal(b.ptr, "<110>1 1970-01-01T00:00:00.000Z - holdfastd - stop [", 52);
}

/* The schema's own word for each: what class 6003 requires, and what its objects require (OCSF 1.8). */
static void assert_ocsf(const json_t *j, unsigned activity)
{
        const json_t *actor = json_object_get(j, "actor"), *process = json_object_get(actor, "process"), *meta = json_object_get(j, "metadata");

        assert_int_equal(json_integer_value(json_object_get(j, "category_uid")), 6);
        assert_int_equal(json_integer_value(json_object_get(j, "class_uid")), 6003);
        assert_int_equal(json_integer_value(json_object_get(j, "activity_id")), activity);
        assert_int_equal(json_integer_value(json_object_get(j, "type_uid")), 600300 + activity);
        assert_true(json_is_integer(json_object_get(j, "severity_id")));
        assert_true(json_is_integer(json_object_get(j, "time")));
        assert_true(json_is_integer(json_object_get(j, "status_id")));
        assert_string_equal(json_string_value(json_object_get(meta, "version")), "1.8.0");
        assert_true(json_is_string(json_object_get(json_object_get(meta, "product"), "name")));
        assert_true(json_is_string(json_object_get(json_object_get(meta, "product"), "vendor_name")));
        assert_string_equal(json_string_value(json_array_get(json_object_get(meta, "profiles"), 0)), "security_control");
        assert_true(json_is_string(json_object_get(actor, "app_name")));
        assert_true(json_is_string(json_object_get(json_object_get(j, "api"), "operation")));
        assert_true(json_is_string(json_object_get(json_object_get(j, "src_endpoint"), "hostname")));
        if (process != NULL) {
                assert_true(json_is_integer(json_object_get(process, "pid")));
                assert_true(json_is_string(json_object_get(json_object_get(process, "file"), "name")));
                assert_int_equal(json_integer_value(json_object_get(json_object_get(process, "file"), "type_id")), 1);
        }
}

static void ocsf_has_what_its_class_requires(void **state)
{
        static const struct {
                enum audit_event event;
                unsigned activity;
        } events[] = {
                { AUDIT_START, 99 }, { AUDIT_USE, 99 }, { AUDIT_CREATE, 1 }, { AUDIT_DELETE, 4 }, { AUDIT_CHANGE, 3 }, { AUDIT_RULE, 3 },
                { AUDIT_LOCK, 3 }, { AUDIT_UNLOCK, 3 }, { AUDIT_STOP, 99 }, { AUDIT_CHECKPOINT, 99 }, { AUDIT_GAP, 99 }, { AUDIT_LIST, 99 },
                { AUDIT_ROTATE, 99 }, { AUDIT_ATTEST, 99 }, { AUDIT_JOIN, 1 }, { AUDIT_ISSUE, 1 }, { AUDIT_REVOKE, 4 }, { AUDIT_APPROVE, 3 },
        };
        CLEANUP(buf_clear) struct buf b = { 0 };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(events); i++)
                for (size_t k = 0; k < ARRAY_LEN(hostile); k++) {
                        struct audit_record r = record(BYTES_STR(hostile[k])), least = { .event = events[i].event };
                        json_t *j;

                        r.event = events[i].event;
                        export(AUDIT_OCSF, &r, &b);
                        j = parse(&b);
                        assert_ocsf(j, events[i].activity);
                        if (utf8_valid(BYTES_STR(hostile[k])))
                                assert_string_equal(json_string_value(json_object_get(json_object_get(j, "actor"), "app_name")), hostile[k]);
                        assert_int_equal(json_integer_value(json_object_get(j, "action_id")), 2);
                        json_decref(j);
                        export(AUDIT_OCSF, &least, &b);
                        j = parse(&b);
                        assert_ocsf(j, events[i].activity);
                        json_decref(j);
                }
}

static void time_beyond_all_years(void **state)
{
        struct audit_record r = { .event = AUDIT_STOP, .time_ms = UINT64_MAX };
        CLEANUP(buf_clear) struct buf b = { 0 };

        (void)state;
        export(AUDIT_SYSLOG, &r, &b);
        assert_memory_equal(b.ptr, "<110>1 9999-12-31T23:59:59.999Z ", 32);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(formats_have_names), cmocka_unit_test(a_record_is_one_line_of_text), cmocka_unit_test(it_is_appended),
                cmocka_unit_test(json_keeps_every_octet), cmocka_unit_test(json_leaves_out_what_there_is_not), cmocka_unit_test(cef_can_be_read_back),
                cmocka_unit_test(syslog_can_be_read_back), cmocka_unit_test(syslog_host_is_a_word), cmocka_unit_test(ocsf_has_what_its_class_requires),
                cmocka_unit_test(time_beyond_all_years),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
