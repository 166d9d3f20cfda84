/* SPDX-License-Identifier: BSD-2-Clause */
/* holdfast agent list, show, set, delete. */
#include <string.h>
#include "tools/keycmd.h"
#include "tools/rules.h"
#include "tools/text.h"

static json_t *agent_json(const char *name, const struct agent_facts *f)
{
        return json_pack("{s:o, s:o, s:o, s:o, s:b, s:I}", "name", text_json(BYTES_STR(name)), "owner", text_json(BYTES_OF(&f->owner)),
                         "created", text_json(BYTES_OF(&f->created)), "serial", text_json(BYTES_OF(&f->serial)), "pin", f->pins.used,
                         "key_count", (json_int_t)f->keys);
}

static struct bytes or_dash(const struct buf *b)
{
        return b->len > 0 ? BYTES_OF(b) : BYTES_STR("-");
}

static int add_row(void *ctx, const char *name, const struct agent_facts *f)
{
        struct table *t = ctx;
        char keys[24];

        snprintf(keys, sizeof keys, "%zu", f->keys);
        table_add_str(t, name);
        table_add(t, or_dash(&f->owner));
        table_add_str(t, keys);
        table_add_str(t, f->pins.used ? "yes" : "no");
        table_add(t, or_dash(&f->created));
        return 0;
}

static int list_table(const struct cli *c, struct keeper *k)
{
        struct table t = { .columns = 5 };
        int r;

        for (const char *const *head = (const char *const[]){ "AGENT", "OWNER", "KEYS", "PIN", "CREATED", NULL }; *head != NULL; ++head)
                table_add_str(&t, *head);
        r = keeper_agents(k, add_row, &t);
        if (r == 0 && t.n > t.columns)
                table_print(c, &t);
        else if (r == 0)
                say(c, "No agents yet. Next: holdfast agent create NAME --owner you@example.com");
        table_clear(&t);
        return r;
}

static int add_json(void *ctx, const char *name, const struct agent_facts *f)
{
        return json_array_append_new(ctx, agent_json(name, f)) == 0 ? 0 : err(ERR_NOMEM, "out of memory");
}

static int list_json(struct keeper *k)
{
        json_t *list = json_array();
        int r;

        r = keeper_agents(k, add_json, list);
        if (r == 0)
                r = print_json("agents", json_pack("{s:O}", "agents", list));
        json_decref(list);
        return r;
}

static int print_name(void *ctx, const char *name, const struct agent_facts *f)
{
        CLEANUP(buf_clear) struct buf b = { 0 };

        (void)ctx, (void)f;
        printf("%s\n", text_str(BYTES_STR(name), &b));
        return 0;
}

int cmd_agent_list(struct cli *c)
{
        struct keeper k = { 0 };
        int r;

        if (cli_flag(c, "names") && cli_flag(c, "json"))
                return err(ERR_USAGE, "choose one of --names and --json");
        r = keeper_open(c, false, &k);
        if (r == 0 && cli_flag(c, "names"))
                r = keeper_agents(&k, print_name, NULL);
        else if (r == 0)
                r = cli_flag(c, "json") ? list_json(&k) : list_table(c, &k);
        keeper_close(&k);
        return r;
}

static void show_pins(const struct pin_state *p)
{
        if (p->used)
                print_field("PIN", "%s; tries left: user %u, security officer %u of %u%s", p->user_set ? "set" : "the user's is not set yet",
                            p->tries_left[PIN_USER], p->tries_left[PIN_SO], p->tries_max,
                            p->lockout_tpm ? "; wrong ones count in the TPM too" : "");
        else
                print_field("PIN", "none");
}

static int show_json(struct keeper *k, const char *name, const struct agent_facts *f)
{
        json_t *keys = json_array(), *doc;
        int r;

        r = keycmd_list_json(k, name, keys);
        doc = agent_json(name, f);
        if (doc != NULL)
                json_object_set(doc, "keys", keys);
        json_decref(keys);
        if (r == 0)
                return print_json("agent", doc);
        json_decref(doc);
        return r;
}

static int show(const struct cli *c, struct keeper *k, const char *name)
{
        CLEANUP(agent_facts_clear) struct agent_facts f = { 0 };
        int r;

        r = keeper_agent(k, name, &f);
        if (r != 0)
                return r;
        if (cli_flag(c, "json"))
                return show_json(k, name, &f);
        print_field("Agent", "%s", name);
        print_field("Owner", "%.*s", (int)or_dash(&f.owner).len, (const char *)or_dash(&f.owner).ptr);
        print_field("Created", "%.*s", (int)or_dash(&f.created).len, (const char *)or_dash(&f.created).ptr);
        print_field("Serial", "%.*s", (int)or_dash(&f.serial).len, (const char *)or_dash(&f.serial).ptr);
        show_pins(&f.pins);
        return keycmd_list(c, k, name);
}

int cmd_agent_show(struct cli *c)
{
        struct keeper k = { 0 };
        int r;

        r = keeper_open(c, false, &k);
        if (r == 0)
                r = cli_flag(c, "effective") ? rules_show(c, &k, cli_arg(c, 0)) : show(c, &k, cli_arg(c, 0));
        keeper_close(&k);
        return r;
}

/* The security officer gives the user a new PIN, which also gives the tries back. */
static int set_pin(const struct cli *c, struct keeper *k, const char *name)
{
        CLEANUP(buf_clear) struct buf so = { 0 }, user = { 0 };
        int r;

        r = ask_secret(c, "Security officer's PIN", cli_value(c, "so-pin-file"), false, &so);
        if (r == 0)
                r = ask_secret(c, "New user's PIN", cli_value(c, "pin-file"), true, &user);
        return r == 0 ? keeper_agent_pin(k, name, BYTES_OF(&so), BYTES_OF(&user)) : r;
}

static int set(const struct cli *c, struct keeper *k, const char *name)
{
        CLEANUP(agent_facts_clear) struct agent_facts f = { 0 };
        const char *owner = cli_value(c, "owner");
        bool pin = cli_flag(c, "pin") || cli_flag(c, "pin-file") || cli_flag(c, "so-pin-file");
        int r;

        if (!pin && owner == NULL)
                return err(ERR_USAGE, "there is nothing to set: give --owner or --pin");
        r = keeper_agent(k, name, &f);
        if (r == 0 && owner != NULL)
                r = keyring_owner_check(owner);
        if (r != 0)
                return r;
        if (cli_flag(c, "dry-run")) {
                say(c, "Would set %s%s%s of this agent:", owner != NULL ? "the owner" : "", owner != NULL && pin ? " and " : "",
                    pin ? "the user's PIN" : "");
                return show(c, k, name);
        }
        if (pin)
                r = set_pin(c, k, name);
        if (r == 0 && owner != NULL)
                r = keeper_agent_owner(k, name, owner);
        return r == 0 ? show(c, k, name) : r;
}

int cmd_agent_set(struct cli *c)
{
        struct keeper k = { 0 };
        int r;

        r = keeper_open(c, true, &k);
        if (r == 0)
                r = set(c, &k, cli_arg(c, 0));
        keeper_close(&k);
        return r;
}

int cmd_agent_delete(struct cli *c)
{
        CLEANUP(agent_facts_clear) struct agent_facts f = { 0 };
        const char *name = cli_arg(c, 0);
        bool dry = cli_flag(c, "dry-run");
        struct keeper k = { 0 };
        int r;

        r = keeper_open(c, true, &k);
        if (r == 0)
                r = keeper_agent(&k, name, &f);
        if (r == 0)
                r = ask_yes(c, "Delete agent %s (owner %.*s) and its keys, %zu of them, for ever?", name, (int)f.owner.len,
                            (const char *)f.owner.ptr, f.keys);
        if (r == 0 && !dry)
                r = keeper_agent_delete(&k, name);
        keeper_close(&k);
        if (r == 0 && cli_flag(c, "json"))
                return print_json("deleted", json_pack("{s:b, s:o, s:I}", "deleted", !dry, "agent", text_json(BYTES_STR(name)),
                                                       "keys", (json_int_t)f.keys));
        if (r == 0)
                print_field(dry ? "Would" : "Deleted", "%s%s, keys: %zu", dry ? "delete " : "", name, f.keys);
        return r;
}
