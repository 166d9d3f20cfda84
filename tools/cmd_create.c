/* SPDX-License-Identifier: BSD-2-Clause */
/* holdfast agent create and holdfast key create. */
#include <string.h>
#include "keys/usage.h"
#include "tools/keycmd.h"
#include "tools/rules.h"
#include "tools/text.h"

/* What an agent is made of; borrowed by struct agent_wish. */
struct making {
        struct agent_wish wish;
        struct buf pin, so_pin, rule;
        struct key_facts key;
        bool allows;                    /* a rule lets somebody use its keys */
};

static void making_clear(struct making *m)
{
        buf_clear(&m->pin);
        buf_clear(&m->so_pin);
        buf_clear(&m->rule);
        key_facts_clear(&m->key);
}

/* Everything that the command line alone can tell. */
static int read_wish(const struct cli *c, struct agent_wish *w)
{
        const char *where = cli_value(c, "pin-lockout"), *label = cli_value(c, "label");
        int r = 0;

        *w = (struct agent_wish){ .name = cli_arg(c, 0), .owner = cli_value(c, "owner") };
        w->pins = cli_flag(c, "pin") || cli_flag(c, "pin-file") || cli_flag(c, "so-pin-file");
        w->label = BYTES_STR(label != NULL ? label : "default");
        if (w->owner == NULL)
                return err(ERR_USAGE, "an agent needs an owner, the person answerable for it: --owner you@example.com");
        if (where != NULL && strcmp(where, "tpm") != 0 && strcmp(where, "store") != 0)
                return err(ERR_USAGE, "--pin-lockout is store or tpm");
        if (where != NULL && !w->pins)
                return err(ERR_USAGE, "--pin-lockout is of use with --pin only");
        w->lockout_tpm = where != NULL && strcmp(where, "tpm") == 0;
        if (cli_flag(c, "no-key") && (cli_flag(c, "key") || label != NULL))
                return err(ERR_USAGE, "--no-key goes with neither --key nor --label");
        if (!cli_flag(c, "no-key"))
                r = keycmd_kind(cli_flag(c, "key") ? cli_value(c, "key") : "P-256", &w->kind);
        if (r == 0 && !agent_name_valid(w->name))
                r = err(ERR_USAGE, "an agent's name has 1 to %d octets of text, no / in it, no . in front and no blank at either end", AGENT_NAME_MAX);
        return r;
}

/* The i-th --allow; ret is empty behind the last. */
static int rule_at(const struct cli *c, unsigned i, struct buf *ret)
{
        char *text = (char *)(uintptr_t)cli_value_at(c, "allow", i);

        buf_reset(ret);
        return text != NULL ? rules_text(&text, 1, ret) : 0;
}

/* A rule that cannot be read must not stop half of them. The first comes with the agent. */
static int read_rules(const struct cli *c, struct making *m)
{
        CLEANUP(buf_clear) struct buf other = { 0 };
        int r;

        r = rule_at(c, 0, &m->rule);
        m->wish.rule = BYTES_OF(&m->rule);
        for (unsigned i = 1; r == 0 && i < cli_count(c, "allow"); ++i)
                r = rule_at(c, i, &other);
        return r;
}

static int ask_pins(const struct cli *c, struct making *m)
{
        int r;

        r = ask_secret(c, "User's PIN", cli_value(c, "pin-file"), true, &m->pin);
        if (r == 0)
                r = ask_secret(c, "Security officer's PIN", cli_value(c, "so-pin-file"), true, &m->so_pin);
        m->wish.pin = BYTES_OF(&m->pin);
        m->wish.so_pin = BYTES_OF(&m->so_pin);
        return r;
}

static int more_rules(const struct cli *c, struct keeper *k, const char *agent)
{
        CLEANUP(buf_clear) struct buf rule = { 0 };
        unsigned number;
        int r = 0;

        for (unsigned i = 1; r == 0 && i < cli_count(c, "allow"); ++i) {
                r = rule_at(c, i, &rule);
                if (r == 0)
                        r = keeper_allow(k, agent, buf_str(&rule), false, &number);
        }
        return r;
}

static int make(const struct cli *c, struct keeper *k, struct making *m)
{
        int r;

        m->wish.dry = true;
        r = keeper_agent_create(k, &m->wish, &m->key, &m->allows);
        if (r != 0 || cli_flag(c, "dry-run"))
                return r;
        m->wish.dry = false;
        if (m->wish.pins)
                r = ask_pins(c, m);
        if (r == 0)
                r = keeper_agent_create(k, &m->wish, &m->key, &m->allows);
        return r == 0 ? more_rules(c, k, m->wish.name) : r;
}

/* With --dry-run nothing is made. */
static int print_agent(const struct cli *c, bool daemon, struct making *m)
{
        const struct agent_wish *w = &m->wish;
        bool dry = cli_flag(c, "dry-run"), key = m->key.kind.len > 0;
        int r = 0;

        if (cli_flag(c, "json"))
                return print_json("created", json_pack("{s:b, s:o, s:o, s:o}", "made", !dry, "agent", text_json(BYTES_STR(w->name)),
                                                       "owner", text_json(BYTES_STR(w->owner)),
                                                       "key", key ? keycmd_json(w->name, &m->key) : json_null()));
        print_field(dry ? "Would" : "Created", "%s%s, owner %s", dry ? "create " : "", w->name, w->owner);
        if (dry && w->kind != NULL)
                print_field("", "with a %s key", w->kind->name);
        if (dry)
                return 0;
        if (key)
                r = keycmd_print_made(c, w->name, &m->key);
        else
                say(c, "Next      holdfast key create %s/LABEL", w->name);
        if (daemon && !m->allows)
                say(c, "Nobody may use it yet: holdfast agent allow %s user=NAME", w->name);
        return r;
}

int cmd_agent_create(struct cli *c)
{
        CLEANUP(making_clear) struct making m = { 0 };
        struct keeper k = { 0 };
        bool daemon;
        int r;

        r = read_wish(c, &m.wish);
        if (r == 0)
                r = read_rules(c, &m);
        if (r == 0)
                r = keeper_open(c, true, &k);
        if (r == 0)
                r = make(c, &k, &m);
        daemon = k.daemon != NULL;
        keeper_close(&k);
        return r == 0 ? print_agent(c, daemon, &m) : r;
}

/* The user's PIN, where the agent has PINs. */
static int ask_pin(const struct cli *c, struct keeper *k, const char *agent, struct buf *ret)
{
        CLEANUP(agent_facts_clear) struct agent_facts f = { 0 };
        int r;

        r = keeper_agent(k, agent, &f);
        return r == 0 && f.pins.used ? ask_secret(c, "User's PIN", cli_value(c, "pin-file"), false, ret) : r;
}

static int make_key(const struct cli *c, struct keeper *k, const char *agent, const struct key_wish *w, struct key_facts *ret)
{
        CLEANUP(buf_clear) struct buf pin = { 0 };
        int r;

        r = keeper_key_create(k, agent, BYTES(NULL, 0), w, true, ret);
        if (r != 0 || cli_flag(c, "dry-run"))
                return r;
        r = ask_pin(c, k, agent, &pin);
        return r == 0 ? keeper_key_create(k, agent, BYTES_OF(&pin), w, false, ret) : r;
}

static int print_key(const struct cli *c, const char *agent, const struct key_kind *kind, const struct key_facts *f)
{
        bool dry = cli_flag(c, "dry-run");

        if (cli_flag(c, "json"))
                return print_json("key", json_pack("{s:b, s:o}", "made", !dry, "key", dry ? json_null() : keycmd_json(agent, f)));
        if (!dry)
                return keycmd_print_made(c, agent, f);
        print_field("Would", "create %s, a %s key", cli_arg(c, 0), kind->name);
        return 0;
}

static int read_key_wish(const struct cli *c, struct key_name *name, struct key_wish *w)
{
        const char *use = cli_value(c, "use"), *id = cli_value(c, "id");
        int r;

        r = keycmd_kind(cli_flag(c, "kind") ? cli_value(c, "kind") : "P-256", &w->kind);
        if (r == 0)
                r = key_name_parse(cli_arg(c, 0), id, name);
        if (r == ERR_INVAL)
                r = ERR_USAGE;
        if (r == 0 && name->label.len == 0)
                r = err(ERR_USAGE, "a key needs a label: %s/LABEL", name->agent);
        w->usage = ALG_SIGN;
        if (r == 0 && use != NULL && usage_parse(use, w->kind, &w->usage) != 0)
                r = ERR_USAGE;
        w->label = BYTES_OF(&name->label);
        w->id = BYTES_OF(&name->id);
        return r;
}

int cmd_key_create(struct cli *c)
{
        CLEANUP(key_name_clear) struct key_name name = { 0 };
        CLEANUP(key_facts_clear) struct key_facts f = { 0 };
        struct key_wish w = { 0 };
        struct keeper k = { 0 };
        int r;

        r = read_key_wish(c, &name, &w);
        if (r == 0)
                r = keeper_open(c, true, &k);
        if (r == 0)
                r = make_key(c, &k, name.agent, &w, &f);
        keeper_close(&k);
        return r == 0 ? print_key(c, name.agent, w.kind, &f) : r;
}
