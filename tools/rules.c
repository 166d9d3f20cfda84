/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads and shows an agent's rules. */
#include <string.h>
#include "lib/err.h"
#include "tools/rules.h"
#include "tools/text.h"

int rules_text(char *const *words, size_t n, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        struct rule *rule;
        int r = 0;

        if (n > 0 && strcmp(words[0], "allow") != 0 && strncmp(words[0], "allow ", 6) != 0)
                r = buf_append_str(&text, "allow");
        for (size_t i = 0; r == 0 && i < n; ++i)
                r = buf_printf(&text, "%s%s", text.len > 0 ? " " : "", words[i]);
        if (r == 0 && buf_str(&text) == NULL)
                r = err(ERR_NOMEM, "out of memory");
        if (r == 0)
                r = rule_parse(BYTES_OF(&text), &rule);
        if (r != 0)
                return r == ERR_FORMAT ? ERR_USAGE : r;
        buf_reset(ret);
        r = rule_format(rule, ret);
        rule_free(rule);
        return r == 0 && buf_str(ret) == NULL ? err(ERR_NOMEM, "out of memory") : r;
}

static json_t *why_json(bool locked, const struct buf *why)
{
        return locked ? text_json(BYTES_OF(why)) : json_null();
}

static int print_effective_json(const char *agent, bool daemon, const struct effective *e)
{
        json_t *rules = json_array();

        for (size_t i = 0; i < e->n; ++i)
                json_array_append_new(rules, json_pack("{s:i, s:o}", "number", (int)e->rules[i].number, "rule", text_json(BYTES_OF(&e->rules[i].rule))));
        return print_json("effective", json_pack("{s:o, s:b, s:o, s:o, s:o}", "agent", text_json(BYTES_STR(agent)), "daemon", daemon,
                                                 "locked", why_json(e->locked, &e->why), "all_locked", why_json(e->all_locked, &e->all_why),
                                                 "rules", rules));
}

static void print_lock(const char *what, const struct buf *why)
{
        print_field("Locked", "%s%s%.*s", what, why->len > 0 ? ": " : "", (int)why->len, (const char *)why->ptr);
}

static void print_effective(const struct cli *c, const char *agent, bool daemon, const struct effective *e)
{
        char name[24];

        print_field("Agent", "%s", agent);
        if (e->all_locked)
                print_lock("all agents", &e->all_why);
        if (e->locked)
                print_lock("this agent", &e->why);
        for (size_t i = 0; i < e->n; ++i) {
                snprintf(name, sizeof name, "allow-%u", e->rules[i].number);
                print_field(name, "%.*s", (int)e->rules[i].rule.len, (const char *)e->rules[i].rule.ptr);
        }
        if (!daemon)
                say(c, "There is no daemon: neither rules nor locks are asked, and whoever may open the store may use its keys.");
        else if (e->n == 0)
                say(c, "Nobody may use it. Next: holdfast agent allow %s user=NAME", agent);
}

int rules_show(const struct cli *c, struct keeper *k, const char *agent)
{
        CLEANUP(keeper_effective_clear) struct effective e = { 0 };
        int r;

        r = keeper_effective(k, agent, &e);
        if (r != 0)
                return r;
        if (cli_flag(c, "json"))
                return print_effective_json(agent, k->daemon != NULL, &e);
        print_effective(c, agent, k->daemon != NULL, &e);
        return 0;
}
