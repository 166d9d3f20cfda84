/* SPDX-License-Identifier: BSD-2-Clause */
/* How do rules and locks get into an agent's file and the store, and out of them again for people? */
#include "keys/policy_file.h"
#include <stdio.h>
#include <string.h>
#include "keys/policy.h"
#include "keys/store_dir.h"
#include "lib/err.h"
#include "lib/file.h"

unsigned policy_rule_number(const char *line)
{
        unsigned n;
        char more;

        return sscanf(line, "allow-%4u%c", &n, &more) == 1 ? n : 0;
}

struct change {
        struct bytes text;
        unsigned number;
};

static int add_line(struct attrs *a, void *ctx)
{
        struct change *c = ctx;
        bool taken[RULES_MAX + 1] = { false };
        char name[32];
        size_t n = 0;

        for (size_t i = 0; i < a->n; i++) {
                unsigned number = policy_rule_number(a->list[i].name);

                if (number == 0)
                        continue;
                n++;
                if (number <= RULES_MAX)
                        taken[number] = true;
                if (bytes_equal(BYTES_OF(&a->list[i].value), c->text))
                        return err(ERR_EXIST, "this is allowed already, by allow-%u", number);
        }
        if (n >= RULES_MAX)
                return err(ERR_RANGE, "an agent has at most %d rules", RULES_MAX);
        for (c->number = 1; taken[c->number]; c->number++)
                ;
        snprintf(name, sizeof(name), "allow-%u", c->number);
        return attrs_set(a, name, c->text);
}

int policy_allow(struct store *s, const char *agent, struct bytes rule, unsigned *ret_number)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        struct change c = { 0 };
        struct rule *parsed;
        int r;

        r = rule_parse(rule, &parsed);
        if (r != 0)
                return r;
        r = rule_format(parsed, &text);
        rule_free(parsed);
        c.text = BYTES_OF(&text);
        if (r == 0)
                r = store_agent_update(s, agent, add_line, &c);
        if (r == 0)
                *ret_number = c.number;
        return r;
}

static int remove_line(struct attrs *a, void *ctx)
{
        struct change *c = ctx;
        char name[32];

        snprintf(name, sizeof(name), "allow-%u", c->number);
        if (attrs_get(a, name) == NULL)
                return err(ERR_NOENT, "there is no rule allow-%u", c->number);
        attrs_remove(a, name);
        return 0;
}

int policy_deny(struct store *s, const char *agent, unsigned number)
{
        return store_agent_update(s, agent, remove_line, &(struct change){ .number = number });
}

static int lock_line(struct attrs *a, void *ctx)
{
        return attrs_set_str(a, POLICY_LOCK_LINE, ctx);
}

static int unlock_line(struct attrs *a, void *ctx)
{
        (void)ctx;
        if (attrs_get(a, POLICY_LOCK_LINE) == NULL)
                return err(ERR_NOENT, "the agent is not locked");
        attrs_remove(a, POLICY_LOCK_LINE);
        return 0;
}

int policy_lock(struct store *s, const char *agent, const char *why)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        int r;

        if (strlen(why) > POLICY_LOCK_TEXT_MAX)
                return err(ERR_RANGE, "a reason of more than %d octets", POLICY_LOCK_TEXT_MAX);
        if (agent != NULL)
                return store_agent_update(s, agent, lock_line, (void *)(uintptr_t)(why[0] != '\0' ? why : "the agent is locked"));
        r = buf_printf(&text, "%s\n", why);
        return r != 0 ? r : store_file_write(s, POLICY_LOCK_FILE, BYTES_OF(&text));
}

int policy_unlock(struct store *s, const char *agent)
{
        int r;

        if (agent != NULL)
                return store_agent_update(s, agent, unlock_line, NULL);
        r = store_file_remove(s, POLICY_LOCK_FILE);
        return r == ERR_NOENT ? err(r, "not all agents are locked") : r;
}

/* For people */

int policy_each(struct store *s, const char *agent, int (*fn)(void *ctx, unsigned number, struct bytes rule), void *ctx)
{
        CLEANUP(attrs_clear) struct attrs a = { 0 };
        int r;

        r = store_agent_read(s, agent, &a);
        for (size_t i = 0; r == 0 && i < a.n; i++) {
                unsigned number = policy_rule_number(a.list[i].name);

                if (number != 0)
                        r = fn(ctx, number, BYTES_OF(&a.list[i].value));
        }
        return r;
}

static int is_number(void *ctx, unsigned number, struct bytes rule)
{
        (void)rule;
        return number == *(const unsigned *)ctx;
}

int policy_must_have(struct store *s, const char *agent, unsigned number)
{
        int r = policy_each(s, agent, is_number, &number);

        return r == 0 ? err(ERR_NOENT, "agent %s has no rule allow-%u", agent, number) : r < 0 ? r : 0;
}

int policy_why_locked(struct store *s, const char *agent, struct buf *ret)
{
        CLEANUP(attrs_clear) struct attrs a = { 0 };
        const struct buf *why;
        int r;

        if (agent == NULL) {
                r = file_read(store_dirfd(s), POLICY_LOCK_FILE, POLICY_LOCK_TEXT_MAX + 1, ret);
                if (r == 0 && ret->len > 0 && ret->ptr[ret->len - 1] == '\n')
                        ret->len--;
                return r == ERR_NOENT ? err(r, "not all agents are locked") : r;
        }
        r = store_agent_read(s, agent, &a);
        why = r == 0 ? attrs_get(&a, POLICY_LOCK_LINE) : NULL;
        if (r == 0 && why == NULL)
                return err(ERR_NOENT, "the agent is not locked");
        return r == 0 ? buf_set(ret, BYTES_OF(why)) : r;
}
