/* SPDX-License-Identifier: BSD-2-Clause */
/* holdfast agent allow, deny, accept; holdfast policy check; holdfast reload: who may use whose keys. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tools/keycmd.h"
#include "tools/rules.h"
#include "tools/text.h"

static void say_unasked(const struct cli *c, const struct keeper *k)
{
        if (k->daemon == NULL)
                say(c, "There is no daemon: rules are kept, and not asked.");
}

static int print_rule(const struct cli *c, const char *what, const char *agent, unsigned number, struct bytes rule)
{
        bool dry = cli_flag(c, "dry-run");

        if (cli_flag(c, "json"))
                return print_json("rule", json_pack("{s:b, s:o, s:o, s:o}", "done", !dry, "agent", text_json(BYTES_STR(agent)),
                                                    "number", number > 0 ? json_integer(number) : json_null(),
                                                    "rule", rule.len > 0 ? text_json(rule) : json_null()));
        if (number > 0)
                print_field(what, "%s, allow-%u%s%.*s", agent, number, rule.len > 0 ? ": " : "", (int)rule.len, (const char *)rule.ptr);
        else
                print_field(what, "%s: %.*s", agent, (int)rule.len, (const char *)rule.ptr);
        return 0;
}

int cmd_agent_allow(struct cli *c)
{
        CLEANUP(buf_clear) struct buf rule = { 0 };
        const char *agent = cli_arg(c, 0);
        bool dry = cli_flag(c, "dry-run");
        struct keeper k = { 0 };
        unsigned number = 0;
        int r;

        r = rules_text(c->args + 1, c->n_args - 1, &rule);
        if (r == 0)
                r = keeper_open(c, true, &k);
        if (r == 0)
                r = keeper_allow(&k, agent, buf_str(&rule), dry, &number);
        if (r == 0)
                r = print_rule(c, dry ? "Would add" : "Added", agent, number, BYTES_OF(&rule));
        if (r == 0)
                say_unasked(c, &k);
        keeper_close(&k);
        return r;
}

/* "2", or as it is shown: "allow-2". */
static int parse_number(const char *text, unsigned *ret)
{
        const char *digits = strncmp(text, "allow-", 6) == 0 ? text + 6 : text;
        unsigned long n;
        char *end;

        n = strtoul(digits, &end, 10);
        if (digits[0] < '0' || digits[0] > '9' || *end != 0 || n == 0 || n > 9999)
                return err(ERR_USAGE, "%s is no rule's number: see holdfast agent show AGENT --effective", text);
        *ret = (unsigned)n;
        return 0;
}

int cmd_agent_deny(struct cli *c)
{
        const char *agent = cli_arg(c, 0);
        bool dry = cli_flag(c, "dry-run");
        struct keeper k = { 0 };
        unsigned number = 0;
        int r;

        r = parse_number(cli_arg(c, 1), &number);
        if (r == 0)
                r = keeper_open(c, true, &k);
        if (r == 0)
                r = keeper_deny(&k, agent, number, dry);
        if (r == 0)
                r = print_rule(c, dry ? "Would end" : "Removed", agent, number, BYTES(NULL, 0));
        keeper_close(&k);
        return r;
}

/* What only a daemon does. */
static int need_daemon(const struct keeper *k, const char *why)
{
        return k->daemon != NULL ? 0 : err(ERR_DAEMON, "there is no daemon, %s", why);
}

int cmd_agent_accept(struct cli *c)
{
        const char *agent = cli_arg(c, 0);
        bool all = cli_flag(c, "all"), dry = cli_flag(c, "dry-run");
        struct keeper k = { 0 };
        json_t *request;
        int r;

        if ((agent != NULL) == all)
                return err(ERR_USAGE, "name an agent, or give --all");
        r = keeper_open(c, true, &k);
        if (r == 0)
                r = need_daemon(&k, "and so no seals of the store to be broken");
        if (r == 0)
                r = ask_yes(c, "Take the files of %s as they are now?", all ? "the whole store" : agent);
        request = daemon_request("accept", "agent", agent, NULL);
        if (all)
                json_object_set_new(request, "all", json_true());
        if (r == 0 && !dry)
                r = daemon_do(k.daemon, request);
        else
                json_decref(request);
        keeper_close(&k);
        if (r == 0 && cli_flag(c, "json"))
                return print_json("accepted", json_pack("{s:b, s:o}", "accepted", !dry, "agent", all ? json_null() : text_json(BYTES_STR(agent))));
        if (r == 0)
                print_field(dry ? "Would" : "Accepted", "%s%s", dry ? "accept " : "", all ? "the whole store" : agent);
        return r;
}

int cmd_reload(struct cli *c)
{
        struct keeper k = { 0 };
        int r;

        r = keeper_open(c, true, &k);
        if (r == 0)
                r = need_daemon(&k, "which would read anything anew");
        if (r == 0)
                r = daemon_do(k.daemon, daemon_request("reload", NULL));
        keeper_close(&k);
        if (r == 0 && cli_flag(c, "json"))
                return print_json("reload", json_pack("{s:b}", "reloaded", 1));
        if (r == 0)
                print_field("Reloaded", "rules and locks");
        return r;
}

/* Without --pid: whoever runs this command, a shell or a program. */
static int parse_pid(const char *text, json_int_t *ret)
{
        char *end;

        *ret = text != NULL ? strtoll(text, &end, 10) : getppid();
        if (text != NULL && (*end != 0 || *ret <= 0))
                return err(ERR_USAGE, "--pid takes a process's number");
        return 0;
}

/* The label of the key that is meant, where that is clear. */
static int find_label(struct keeper *k, struct key_name *name)
{
        CLEANUP(key_facts_clear) struct key_facts f = { 0 };
        int r;

        if (name->label.len > 0)
                return 0;
        r = keeper_key(k, name, &f, NULL);
        if (r == ERR_NOENT)
                return buf_append_str(&name->label, "default");
        return r == 0 ? buf_set(&name->label, BYTES_OF(&f.label)) : r;
}

static const char *text_of(const json_t *o, const char *name)
{
        const char *s = json_string_value(json_object_get(o, name));

        return s != NULL ? s : "";
}

static void print_check(const json_t *reply, const struct key_name *name)
{
        const json_t *peer = json_object_get(reply, "peer");
        bool allowed = json_is_true(json_object_get(reply, "allowed"));
        json_t *line;
        size_t i;

        print_field("Agent", "%s", name->agent);
        print_field("Key", "%.*s", (int)name->label.len, (const char *)name->label.ptr);
        print_field("Process", "%lld, user %lld: %s", (long long)json_integer_value(json_object_get(peer, "pid")),
                    (long long)json_integer_value(json_object_get(peer, "uid")), text_of(peer, "exe"));
        if (text_of(peer, "unit")[0] != 0)
                print_field("", "unit %s", text_of(peer, "unit"));
        if (json_is_true(json_object_get(peer, "login")) || json_is_true(json_object_get(peer, "tty")))
                print_field("", "of a person's login session");
        json_array_foreach(json_object_get(reply, "rules"), i, line)
                print_field(i == 0 ? "Rules" : "", "%s", json_string_value(line));
        if (allowed)
                print_field("Allowed", "by %s", text_of(reply, "rule"));
        else
                print_field("Refused", "%s", text_of(reply, "reason"));
}

static int print_check_json(json_t *reply, const struct key_name *name, const char *operation)
{
        json_object_del(reply, "ok");
        json_object_set_new(reply, "agent", text_json(BYTES_STR(name->agent)));
        json_object_set_new(reply, "key", text_json(BYTES_OF(&name->label)));
        json_object_set_new(reply, "operation", json_string(operation));
        return print_json("policy", json_incref(reply));
}

static int check(const struct cli *c, struct keeper *k, struct key_name *name, json_int_t pid)
{
        const char *operation = cli_flag(c, "operation") ? cli_value(c, "operation") : "sign";
        json_t *request, *reply = NULL;
        bool allowed;
        int r;

        r = find_label(k, name);
        if (r != 0)
                return r;
        request = daemon_request("policy-check", "agent", name->agent, "label", buf_str(&name->label), "operation", operation,
                                 "mechanism", cli_value(c, "mechanism"), NULL);
        json_object_set_new(request, "pid", json_integer(pid));
        r = daemon_ask(k->daemon, request, &reply);
        if (r != 0)
                return r;
        allowed = json_is_true(json_object_get(reply, "allowed"));
        if (cli_flag(c, "json"))
                r = print_check_json(reply, name, operation);
        else
                print_check(reply, name);
        json_decref(reply);
        return r != 0 || allowed ? r : EXIT_DENIED;
}

int cmd_policy_check(struct cli *c)
{
        CLEANUP(key_name_clear) struct key_name name = { 0 };
        struct keeper k = { 0 };
        json_int_t pid = 0;
        int r;

        r = parse_pid(cli_value(c, "pid"), &pid);
        if (r == 0)
                r = key_name_parse(cli_arg(c, 0), NULL, &name);
        if (r == 0)
                r = keeper_open(c, true, &k);
        if (r == 0)
                r = need_daemon(&k, "so no rule is asked: whoever may open the store may use its keys");
        if (r == 0)
                r = check(c, &k, &name, pid);
        keeper_close(&k);
        return r;
}
