/* SPDX-License-Identifier: BSD-2-Clause */
/* What operators change of an agent as a whole, told to the log: before it is done, but for a lock. */
#include <stdio.h>
#include <string.h>
#include "keys/deed.h"
#include "lib/err.h"

static const struct bytes nothing;

static struct deed about(enum audit_event event, const char *operation, const char *agent, struct bytes detail)
{
        return (struct deed){ .event = event, .agent = agent, .request = { .operation = operation }, .detail = detail };
}

/* What cannot be recorded is not done; if it then fails, that is told too. */
static int begin(const struct caller *c, struct deed *d)
{
        int r;

        r = caller_may(c, d);
        return r != 0 ? r : caller_did(c, d, 0, nothing);
}

static int end(const struct caller *c, const struct deed *d, int r)
{
        return r == 0 ? 0 : caller_did(c, d, r, nothing);
}

int deed_agent_delete(struct keyring *k, const struct caller *c, const char *agent)
{
        struct deed d = about(AUDIT_DELETE, "delete-agent", agent, nothing);
        int r;

        r = store_agent_must_be(keyring_store(k), agent);
        if (r == 0)
                r = begin(c, &d);
        return r != 0 ? r : end(c, &d, keyring_agent_delete(k, agent));
}

static int set_owner(struct attrs *a, void *owner)
{
        return attrs_set(a, "owner", *(const struct bytes *)owner);
}

int deed_agent_owner(struct keyring *k, const struct caller *c, const char *agent, const char *owner)
{
        struct bytes text = BYTES_STR(owner);
        struct deed d = about(AUDIT_CHANGE, "set-owner", agent, text);
        int r;

        r = keyring_owner_check(owner);
        if (r == 0)
                r = store_agent_must_be(keyring_store(k), agent);
        if (r == 0)
                r = begin(c, &d);
        return r != 0 ? r : end(c, &d, store_agent_update(keyring_store(k), agent, set_owner, &text));
}

int deed_agent_pin(struct keyring *k, const struct caller *c, const char *agent, struct bytes so_pin, struct bytes pin)
{
        CLEANUP(buf_clear) struct buf secret = { 0 };
        struct deed d = about(AUDIT_CHANGE, "set-pin", agent, nothing);
        int r;

        r = store_agent_must_be(keyring_store(k), agent);
        if (r == 0)
                r = begin(c, &d);
        if (r != 0)
                return r;
        r = pin_login(k, agent, PIN_SO, so_pin, &secret);
        if (r == 0)
                r = pin_set(k, agent, PIN_USER, BYTES_OF(&secret), pin);
        return end(c, &d, r);
}

int deed_rule_allow(struct keyring *k, const struct caller *c, const char *agent, struct bytes rule, unsigned *ret_number)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        struct rule *parsed;
        struct deed d;
        int r;

        r = rule_parse(rule, &parsed);
        if (r != 0)
                return r;
        r = rule_format(parsed, &text);
        rule_free(parsed);
        d = about(AUDIT_RULE, "allow", agent, BYTES_OF(&text));
        if (r == 0)
                r = store_agent_must_be(keyring_store(k), agent);
        if (r == 0)
                r = begin(c, &d);
        return r != 0 ? r : end(c, &d, policy_allow(keyring_store(k), agent, BYTES_OF(&text), ret_number));
}

int deed_rule_deny(struct keyring *k, const struct caller *c, const char *agent, unsigned number)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        CLEANUP(attrs_clear) struct attrs a = { 0 };
        char line[24];
        struct deed d;
        int r;

        snprintf(line, sizeof(line), "allow-%u", number);
        r = store_agent_read(keyring_store(k), agent, &a);
        if (r == 0 && attrs_get(&a, line) == NULL)
                r = err(ERR_NOENT, "agent %s has no rule %s", agent, line);
        if (r == 0)
                r = buf_printf(&text, "%s: %s", line, attrs_str(&a, line, ""));
        d = about(AUDIT_RULE, "deny", agent, BYTES_OF(&text));
        if (r == 0)
                r = begin(c, &d);
        return r != 0 ? r : end(c, &d, policy_deny(keyring_store(k), agent, number));
}

int deed_lock(struct keyring *k, const struct caller *c, const char *agent, const char *why)
{
        struct deed d = about(AUDIT_LOCK, agent != NULL ? "lock" : "lock-all", agent, BYTES_STR(why));
        int r;

        r = caller_may(c, &d);
        if (r != 0)
                return r;
        r = policy_lock(keyring_store(k), agent, why);
        return caller_did(c, &d, r, nothing);
}

int deed_unlock(struct keyring *k, const struct caller *c, const char *agent)
{
        struct deed d = about(AUDIT_UNLOCK, agent != NULL ? "unlock" : "unlock-all", agent, nothing);
        CLEANUP(buf_clear) struct buf why = { 0 };
        int r;

        r = policy_why_locked(keyring_store(k), agent, &why);
        if (r == 0)
                r = begin(c, &d);
        return r != 0 ? r : end(c, &d, policy_unlock(keyring_store(k), agent));
}
