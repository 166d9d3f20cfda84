/* SPDX-License-Identifier: BSD-2-Clause */
/* Operators' orders: what is one, what each does to the store, and that the log tells of it or it is not done. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <cmocka.h>
#include "daemon/order.h"
#include "daemon/peer.h"
#include "lib/err.h"
#include "tests/corefix.h"

static int read_order(const char *text, size_t len)
{
        CLEANUP(order_call_clear) struct order_call c = { 0 };
        int r = order_read(BYTES(text, len), &c);

        assert_int_equal(r == 0, c.request != NULL);
        return r;
}

static void only_orders_are_read(void **state)
{
        static const char *const good[] = {
                "{\"order\":\"status\"}",
                " { \"all\" : true, \"order\" : \"lock\", \"why\": \"[{\\\"\" } ",
                "{\"order\":\"agent-create\",\"name\":\"\",\"owner\":\"\\u00e9\",\"pin\":\"MTIzNA==\"}",
                "{\"order\":\"deny\",\"agent\":\"a\",\"number\":0}",
        };
        static const char *const bad[] = {
                "", "null", "7", "\"status\"", "[]", "{}", "{\"order\":\"status\"", "{\"order\":\"status\"} x", "{\"order\":\"status\"}{}",
                "{\"order\":\"statu\"}", "{\"order\":7}", "{\"Order\":\"status\"}", "{\"order\":\"status\",\"order\":\"status\"}",
                "{\"order\":\"status\",\"agent\":\"a\"}", "{\"order\":\"lock\",\"all\":1}", "{\"order\":\"lock\",\"agent\":null}",
                "{\"order\":\"lock\",\"agent\":{}}", "{\"order\":\"lock\",\"agent\":[]}", "[{\"order\":\"status\"}]",
                "{\"order\":\"deny\",\"agent\":\"a\"}", "{\"order\":\"deny\",\"agent\":\"a\",\"number\":-1}",
                "{\"order\":\"deny\",\"agent\":\"a\",\"number\":1.0}", "{\"order\":\"deny\",\"agent\":\"a\",\"number\":99999999999999999999}",
                "{\"order\":\"lock\",\"agent\":\"\xff\"}", "{\"order\":\"lock\",\"agent\":\"a\\u0000b\"}",
                "{\"order\":\"agent-set\",\"agent\":\"a\",\"pin\":\"****\"}",
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(good); i++)
                if (read_order(good[i], strlen(good[i])) != 0)
                        fail_msg("%s: %s", good[i], err_text());
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                if (read_order(bad[i], strlen(bad[i])) != ERR_FORMAT)
                        fail_msg("%s", bad[i]);
        assert_int_equal(read_order("{\"order\":\"status\"}\0", 19), ERR_FORMAT);
}

static void long_and_deep_ones_are_refused(void **state)
{
        CLEANUP(buf_clear) struct buf text = { 0 };

        (void)state;
        for (unsigned i = 0; i < 20000; i++)
                assert_int_equal(buf_append_str(&text, "{\"a\":"), 0);
        assert_int_equal(read_order((const char *)text.ptr, text.len), ERR_FORMAT);
        assert_int_equal(read_order((const char *)text.ptr, ORDER_MAX), ERR_FORMAT);
        buf_reset(&text);
        assert_int_equal(buf_append_str(&text, "{\"order\":\"lock\",\"agent\":\""), 0);
        while (text.len < ORDER_MAX - 2)
                assert_int_equal(buf_append_u8(&text, 'a'), 0);
        assert_int_equal(buf_append_str(&text, "\"}"), 0);
        assert_int_equal(read_order((const char *)text.ptr, text.len), 0);
        assert_int_equal(buf_append_str(&text, " "), 0);
        assert_int_equal(read_order((const char *)text.ptr, text.len), ERR_FORMAT);
}

/* Nothing of a PIN gets into a sentence. */
static void a_broken_order_is_not_quoted(void **state)
{
        static const char text[] = "{\"order\":\"agent-set\",\"pin\":\"MTIzNDU2\" oops";

        (void)state;
        assert_int_equal(read_order(text, strlen(text)), ERR_FORMAT);
        assert_null(strstr(err_text(), "MTIz"));
        assert_null(strstr(err_text(), "oops"));
}

/* The reply; the caller's. */
static json_t *answer(struct corefix *x, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static json_t *answer(struct corefix *x, const char *fmt, ...)
{
        CLEANUP(buf_clear) struct buf reply = { 0 };
        CLEANUP(peer_clear) struct peer self = { .pidfd = -1 };
        char request[2048];
        json_t *o;
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(request, sizeof(request), fmt, ap);
        va_end(ap);
        for (char *p = request; *p != '\0'; p++)
                if (*p == '\'')
                        *p = '"';
        assert_int_equal(peer_of_pid(getpid(), &self), 0);
        assert_int_equal(order_answer(&x->core, &self, BYTES_STR(request), &reply), 0);
        assert_true(reply.len <= ORDER_MAX);
        o = json_loadb((const char *)reply.ptr, reply.len, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(o);
        return o;
}

#define ORDER(x, ...) expect(answer(x, __VA_ARGS__), NULL, __LINE__)
#define REFUSED(x, error, ...) expect(answer(x, __VA_ARGS__), error, __LINE__)
static void expect(json_t *reply, const char *error, int line)
{
        const char *e = json_string_value(json_object_get(reply, "error"));
        const char *text = json_string_value(json_object_get(reply, "text"));

        if (error == NULL ? !json_is_true(json_object_get(reply, "ok")) : e == NULL || strcmp(e, error) != 0)
                fail_msg("line %d: %s: %s", line, e != NULL ? e : "ok", text != NULL ? text : "");
        json_decref(reply);
}

static const char *text_in(const json_t *reply, const char *name)
{
        const char *s = json_string_value(json_object_get(reply, name));

        return s != NULL ? s : "";
}

static void an_agent_comes_with_its_key_and_its_rule(void **state)
{
        CLEANUP(buf_clear) struct buf bytes = { 0 };
        struct corefix *x = *state;
        struct audit_record rec;
        json_t *reply, *key;

        reply = answer(x, "{'order':'agent-create','name':'made','owner':'dana','kind':'P-256','label':'tls','rule':'allow user=%u human=yes'}", getuid());
        key = json_object_get(reply, "key");
        assert_true(json_is_true(json_object_get(reply, "ok")));
        assert_true(json_is_true(json_object_get(reply, "allows")));
        assert_string_equal(text_in(key, "label"), "dGxz");
        assert_string_equal(text_in(key, "kind"), "P-256");
        assert_int_equal(access(text_in(key, "file"), F_OK), 0);
        json_decref(reply);

        assert_int_equal(corefix_records(x, AUDIT_CREATE, "create-agent", AUDIT_ALLOWED, "made"), 1);
        assert_int_equal(corefix_records(x, AUDIT_RULE, "allow", AUDIT_ALLOWED, "made"), 1);
        corefix_newest(x, &bytes, &rec);
        assert_int_equal(rec.event, AUDIT_CREATE);
        assert_true(bytes_equal(rec.operation, BYTES_STR("generate")));
        assert_true(bytes_equal(rec.rule, BYTES_STR("operator")));
        assert_true(bytes_equal(rec.owner, BYTES_STR("dana")));
        assert_true(rec.peer.present);
        assert_int_equal(rec.peer.pid, getpid());
        assert_true(rec.key_public.len > 0);

        REFUSED(x, "ERR_EXIST", "{'order':'agent-create','name':'made','owner':'dana'}");
        REFUSED(x, "ERR_INVAL", "{'order':'agent-create','name':'a/b','owner':'dana'}");
        REFUSED(x, "ERR_INVAL", "{'order':'agent-create','name':'b','owner':'dana','kind':'P-255'}");
        REFUSED(x, "ERR_FORMAT", "{'order':'agent-create','name':'b','owner':'dana','rule':'allow everybody'}");
        ORDER(x, "{'order':'agent-create','name':'b','owner':'dana','kind':'P-256','dry':true}");
        REFUSED(x, "ERR_NOENT", "{'order':'agent-show','agent':'b'}");
}

static void agents_change_and_go(void **state)
{
        struct corefix *x = *state;
        json_t *reply;

        ORDER(x, "{'order':'agent-create','name':'gone','owner':'dana'}");
        ORDER(x, "{'order':'agent-set','agent':'gone','owner':'sam \\u00e9'}");
        reply = answer(x, "{'order':'agent-show','agent':'gone'}");
        assert_string_equal(text_in(json_object_get(reply, "agent"), "owner"), "sam \xc3\xa9");
        json_decref(reply);
        REFUSED(x, "ERR_INVAL", "{'order':'agent-set','agent':'gone','owner':''}");
        ORDER(x, "{'order':'agent-delete','agent':'gone'}");
        REFUSED(x, "ERR_NOENT", "{'order':'agent-show','agent':'gone'}");
        REFUSED(x, "ERR_NOENT", "{'order':'agent-delete','agent':'gone'}");
        assert_int_equal(corefix_records(x, AUDIT_CHANGE, "set-owner", AUDIT_ALLOWED, "gone"), 1);
        assert_int_equal(corefix_records(x, AUDIT_DELETE, "delete-agent", AUDIT_ALLOWED, "gone"), 1);
}

static void pins_hold(void **state)
{
        struct corefix *x = *state;

        REFUSED(x, "ERR_INVAL", "{'order':'agent-create','name':'pinned','owner':'dana','pin':'MTIzNDU2','so-pin':'MQ=='}");
        /* Not an agent without PINs instead. */
        REFUSED(x, "ERR_INVAL", "{'order':'agent-create','name':'pinned','owner':'dana','pin':'','so-pin':''}");
        ORDER(x, "{'order':'agent-create','name':'pinned','owner':'dana','kind':'P-256','pin':'MTIzNDU2','so-pin':'ODc2NTQzMjE='}");
        REFUSED(x, "ERR_AUTH", "{'order':'key-create','agent':'pinned','label':'k','kind':'P-256','pin':'MTIzNDU3'}");
        ORDER(x, "{'order':'key-create','agent':'pinned','label':'k','kind':'P-256','pin':'MTIzNDU2'}");
        REFUSED(x, "ERR_AUTH", "{'order':'agent-set','agent':'pinned','pin':'NjU0MzIx','so-pin':'MTIzNDU2'}");
        REFUSED(x, "ERR_RANGE", "{'order':'agent-set','agent':'pinned','pin':'','so-pin':'ODc2NTQzMjE='}");
        REFUSED(x, "ERR_RANGE", "{'order':'agent-set','agent':'pinned','pin':'MQ==','so-pin':'ODc2NTQzMjE='}");
        REFUSED(x, "ERR_INVAL", "{'order':'agent-set','agent':'pinned'}");
        ORDER(x, "{'order':'agent-set','agent':'pinned','pin':'NjU0MzIx','so-pin':'ODc2NTQzMjE='}");
        ORDER(x, "{'order':'key-create','agent':'pinned','label':'l','kind':'P-256','pin':'NjU0MzIx'}");
        assert_int_equal(corefix_records(x, AUDIT_CHANGE, "set-pin", AUDIT_FAILED, "pinned"), 3);
}

static void keys_are_made_listed_and_deleted(void **state)
{
        struct corefix *x = *state;
        json_t *reply, *list;

        ORDER(x, "{'order':'agent-create','name':'keys','owner':'dana'}");
        ORDER(x, "{'order':'key-create','agent':'keys','label':'one','kind':'P-256','use':'sign,derive','id':'AQI='}");
        ORDER(x, "{'order':'key-create','agent':'keys','label':'two','kind':'P-384'}");
        REFUSED(x, "ERR_EXIST", "{'order':'key-create','agent':'keys','label':'two','kind':'P-256'}");
        REFUSED(x, "ERR_INVAL", "{'order':'key-create','agent':'keys','label':'three','kind':'P-256','use':'decrypt'}");
        REFUSED(x, "ERR_NOENT", "{'order':'key-create','agent':'nobody','label':'three','kind':'P-256'}");
        reply = answer(x, "{'order':'key-list','agent':'keys'}");
        list = json_object_get(reply, "keys");
        assert_int_equal(json_array_size(list), 2);
        assert_int_equal(json_integer_value(json_object_get(reply, "next")), 0);
        json_decref(reply);
        reply = answer(x, "{'order':'key-show','agent':'keys','id':'AQI='}");
        assert_string_equal(text_in(json_object_get(reply, "key"), "label"), "b25l");
        assert_string_equal(text_in(json_object_get(reply, "key"), "use"), "sign,derive");
        json_decref(reply);
        REFUSED(x, "ERR_INVAL", "{'order':'key-delete','agent':'keys'}");
        ORDER(x, "{'order':'key-delete','agent':'keys','label':'one','dry':true}");
        ORDER(x, "{'order':'key-delete','agent':'keys','label':'one'}");
        REFUSED(x, "ERR_NOENT", "{'order':'key-show','agent':'keys','label':'one'}");
        assert_int_equal(corefix_records(x, AUDIT_DELETE, "delete", AUDIT_ALLOWED, "keys"), 1);
}

static bool may(struct corefix *x, const char *agent, const char *ret_rule)
{
        json_t *reply = answer(x, "{'order':'policy-check','agent':'%s','pid':%d,'operation':'sign','mechanism':'ECDSA'}", agent, getpid());
        bool allowed = json_is_true(json_object_get(reply, "allowed"));

        if (!json_is_true(json_object_get(reply, "ok")) || strcmp(text_in(reply, "rule"), ret_rule) != 0)
                fail_msg("%s %s, not %s", text_in(reply, "text"), text_in(reply, "rule"), ret_rule);
        json_decref(reply);
        return allowed;
}

static void rules_and_locks_hold_at_once(void **state)
{
        struct corefix *x = *state;
        json_t *reply;

        ORDER(x, "{'order':'agent-create','name':'ruled','owner':'dana'}");
        assert_false(may(x, "ruled", "default"));
        REFUSED(x, "ERR_FORMAT", "{'order':'allow','agent':'ruled','rule':'user=1'}");
        ORDER(x, "{'order':'allow','agent':'ruled','rule':'allow user=%u human=yes','dry':true}", getuid());
        assert_false(may(x, "ruled", "default"));
        reply = answer(x, "{'order':'allow','agent':'ruled','rule':'allow  user=%u   human=yes'}", getuid());
        assert_int_equal(json_integer_value(json_object_get(reply, "number")), 1);
        json_decref(reply);
        assert_true(may(x, "ruled", "allow-1"));

        ORDER(x, "{'order':'lock','agent':'ruled','why':'stolen'}");
        assert_false(may(x, "ruled", "lock"));
        reply = answer(x, "{'order':'effective','agent':'ruled'}");
        assert_string_equal(text_in(reply, "locked"), "stolen");
        assert_true(json_is_null(json_object_get(reply, "all-locked")));
        assert_int_equal(json_array_size(json_object_get(reply, "rules")), 1);
        json_decref(reply);
        ORDER(x, "{'order':'unlock','agent':'ruled'}");
        assert_true(may(x, "ruled", "allow-1"));
        REFUSED(x, "ERR_NOENT", "{'order':'unlock','agent':'ruled'}");
        ORDER(x, "{'order':'lock','all':true}");
        assert_false(may(x, "ruled", "lock"));
        ORDER(x, "{'order':'unlock','all':true}");
        REFUSED(x, "ERR_INVAL", "{'order':'lock'}");
        REFUSED(x, "ERR_INVAL", "{'order':'lock','all':true,'agent':'ruled'}");
        REFUSED(x, "ERR_NOENT", "{'order':'lock','agent':'nobody'}");

        REFUSED(x, "ERR_NOENT", "{'order':'deny','agent':'ruled','number':2}");
        ORDER(x, "{'order':'deny','agent':'ruled','number':1}");
        assert_false(may(x, "ruled", "default"));
        assert_int_equal(corefix_records(x, AUDIT_RULE, "deny", AUDIT_ALLOWED, "ruled"), 1);
        assert_int_equal(corefix_records(x, AUDIT_LOCK, "lock", AUDIT_ALLOWED, "ruled"), 1);
        assert_int_equal(corefix_records(x, AUDIT_UNLOCK, "unlock", AUDIT_ALLOWED, "ruled"), 1);
        assert_int_equal(corefix_records(x, AUDIT_LOCK, "lock-all", AUDIT_ALLOWED, NULL), 1);
}

static void a_process_that_is_not_there_is_no_peer(void **state)
{
        struct corefix *x = *state;

        ORDER(x, "{'order':'agent-create','name':'peerless','owner':'dana'}");
        REFUSED(x, "ERR_RANGE", "{'order':'policy-check','agent':'peerless','pid':0,'operation':'sign'}");
        REFUSED(x, "ERR_RANGE", "{'order':'policy-check','agent':'peerless','pid':4294967297,'operation':'sign'}");
        REFUSED(x, "ERR_NOENT", "{'order':'policy-check','agent':'peerless','pid':2147483646,'operation':'sign'}");
}

static void the_daemon_tells_of_itself(void **state)
{
        struct corefix *x = *state;
        json_t *reply, *log;
        json_int_t before;

        reply = answer(x, "{'order':'counter'}");
        before = json_integer_value(json_object_get(reply, "value"));
        assert_true(strlen(text_in(reply, "ak")) > 100);
        json_decref(reply);
        ORDER(x, "{'order':'checkpoint'}");
        reply = answer(x, "{'order':'counter'}");
        assert_int_equal(json_integer_value(json_object_get(reply, "value")), before + 1);
        json_decref(reply);
        reply = answer(x, "{'order':'status'}");
        log = json_object_get(reply, "log");
        assert_string_equal(text_in(reply, "store"), x->f.conf.store);
        assert_string_equal(text_in(log, "completeness"), "command");
        assert_true(json_integer_value(json_object_get(log, "records")) > 0);
        json_decref(reply);
        ORDER(x, "{'order':'reload'}");
        assert_int_equal(corefix_records(x, AUDIT_RULE, "reload", AUDIT_ALLOWED, NULL), 1);
}

/* Of files that nobody changed, too: the names in them may mean somebody else by now. That rates begin anew shows it. */
static void rules_are_read_anew(void **state)
{
        struct corefix *x = *state;
        const struct request q = { .operation = "sign", .mechanism = "ECDSA", .now_ms = 1 };
        CLEANUP(peer_clear) struct peer self = { .pidfd = -1 };
        struct decision d;

        assert_int_equal(peer_of_pid(getpid(), &self), 0);
        ORDER(x, "{'order':'agent-create','name':'rated','owner':'dana','rule':'allow user=%u human=yes rate=1/d'}", getuid());
        for (unsigned i = 0; i < 3; i++) {
                assert_int_equal(policy_decide(x->core.policy, &self, "rated", &q, &d), 0);
                assert_true(d.allowed);
                assert_int_equal(policy_decide(x->core.policy, &self, "rated", &q, &d), 0);
                assert_false(d.allowed);
                ORDER(x, "{'order':'reload'}");
        }
}

/* More agents than one answer has room for. */
static void lists_go_on(void **state)
{
        struct corefix *x = *state;
        struct attrs a = { 0 };
        json_int_t next = 0;
        size_t n = 0, total;
        unsigned pages = 0;
        char name[16];
        struct agent_names names = { 0 };

        assert_int_equal(attrs_set_str(&a, "owner", "somebody with a name that takes some room in an answer"), 0);
        for (unsigned i = 0; i < 300; i++) {
                snprintf(name, sizeof(name), "many-%03u", i);
                assert_int_equal(store_agent_create(keyring_store(x->core.keyring), name, &a), 0);
        }
        attrs_clear(&a);
        assert_int_equal(store_agents(keyring_store(x->core.keyring), &names), 0);
        total = names.n;
        agent_names_clear(&names);
        do {
                json_t *reply = answer(x, "{'order':'agent-list','skip':%d}", (int)next);

                n += json_array_size(json_object_get(reply, "agents"));
                next = json_integer_value(json_object_get(reply, "next"));
                json_decref(reply);
                pages++;
        } while (next != 0);
        assert_int_equal(n, total);
        assert_true(pages > 1);
}

static void what_cannot_be_recorded_is_not_done(void **state)
{
        struct corefix *x = *state;
        struct rlimit old, none;
        void (*was)(int);

        ORDER(x, "{'order':'agent-create','name':'kept','owner':'dana'}");
        ORDER(x, "{'order':'allow','agent':'kept','rule':'allow user=%u human=yes'}", getuid());
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
        was = signal(SIGXFSZ, SIG_IGN);
        none = (struct rlimit){ 0, old.rlim_max };
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
        json_t *deleted = answer(x, "{'order':'agent-delete','agent':'kept'}"), *denied = answer(x, "{'order':'deny','agent':'kept','number':1}");
        json_t *made = answer(x, "{'order':'agent-create','name':'unkept','owner':'dana'}");

        assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
        signal(SIGXFSZ, was);
        assert_false(json_is_true(json_object_get(deleted, "ok")));
        assert_false(json_is_true(json_object_get(denied, "ok")));
        assert_false(json_is_true(json_object_get(made, "ok")));
        json_decref(deleted);
        json_decref(denied);
        json_decref(made);
        ORDER(x, "{'order':'agent-show','agent':'kept'}");
        assert_true(may(x, "kept", "allow-1"));
        REFUSED(x, "ERR_NOENT", "{'order':'agent-show','agent':'unkept'}");
        ORDER(x, "{'order':'agent-delete','agent':'kept'}");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(only_orders_are_read),
                cmocka_unit_test(long_and_deep_ones_are_refused),
                cmocka_unit_test(a_broken_order_is_not_quoted),
                cmocka_unit_test(an_agent_comes_with_its_key_and_its_rule),
                cmocka_unit_test(agents_change_and_go),
                cmocka_unit_test(pins_hold),
                cmocka_unit_test(keys_are_made_listed_and_deleted),
                cmocka_unit_test(rules_and_locks_hold_at_once),
                cmocka_unit_test(a_process_that_is_not_there_is_no_peer),
                cmocka_unit_test(the_daemon_tells_of_itself),
                cmocka_unit_test(rules_are_read_anew),
                cmocka_unit_test(what_cannot_be_recorded_is_not_done),
                cmocka_unit_test(lists_go_on),
        };

        json_set_alloc_funcs(wiping_alloc, wiping_free);
        return cmocka_run_group_tests(tests, corefix_setup, corefix_teardown);
}
