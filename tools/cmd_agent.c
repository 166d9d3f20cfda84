/* SPDX-License-Identifier: BSD-2-Clause */
/* holdfast agent list, show, set, delete. */
#include <string.h>
#include "keys/keyring.h"
#include "tools/keycmd.h"
#include "tools/text.h"

static size_t count_keys(struct store *s, const char *agent)
{
        struct item_list *l = NULL;
        size_t n = 0;

        if (store_items(s, agent, &l) != 0)
                return 0;
        for (size_t i = 0; i < l->n; ++i)
                n += l->list[i]->type == ITEM_KEY;
        item_list_unref(l);
        return n;
}

static json_t *agent_json(struct keyring *k, const char *name, const struct attrs *a)
{
        struct pin_state pins = { 0 };

        if (pin_state(k, name, &pins) != 0)
                return NULL;
        return json_pack("{s:o, s:o, s:o, s:o, s:b, s:I}", "name", text_json(BYTES_STR(name)),
                         "owner", text_json(BYTES_STR(attrs_str(a, "owner", ""))),
                         "created", text_json(BYTES_STR(attrs_str(a, "created", ""))),
                         "serial", text_json(BYTES_STR(attrs_str(a, "serial", ""))),
                         "pin", pins.used, "key_count", (json_int_t)count_keys(keyring_store(k), name));
}

/* An agent that vanishes while it is listed is left out. */
static int list_one(const struct cli *c, struct keyring *k, const char *name, struct table *t, json_t *list)
{
        CLEANUP(attrs_clear) struct attrs a = { 0 };
        struct pin_state pins = { 0 };
        char keys[24];
        int r;

        r = store_agent_read(keyring_store(k), name, &a);
        if (r == 0)
                r = pin_state(k, name, &pins);
        if (r == ERR_NOENT)
                return 0;
        if (r != 0)
                return r;
        if (cli_flag(c, "json"))
                return json_array_append_new(list, agent_json(k, name, &a)) == 0 ? 0 : err(ERR_NOMEM, "out of memory");
        snprintf(keys, sizeof keys, "%zu", count_keys(keyring_store(k), name));
        table_add_str(t, name);
        table_add_str(t, attrs_str(&a, "owner", "-"));
        table_add_str(t, keys);
        table_add_str(t, pins.used ? "yes" : "no");
        table_add_str(t, attrs_str(&a, "created", "-"));
        return 0;
}

static int list_all(const struct cli *c, struct keyring *k, const struct agent_names *names)
{
        struct table t = { .columns = 5 };
        json_t *list = json_array();
        int r = 0;

        for (const char *const *head = (const char *const[]){ "AGENT", "OWNER", "KEYS", "PIN", "CREATED", NULL }; *head != NULL; ++head)
                table_add_str(&t, *head);
        for (size_t i = 0; r == 0 && i < names->n; ++i)
                r = list_one(c, k, names->list[i], &t, list);
        if (r == 0 && cli_flag(c, "json"))
                r = print_json("agents", json_pack("{s:O}", "agents", list));
        else if (r == 0 && names->n > 0)
                table_print(c, &t);
        if (r == 0 && names->n == 0)
                say(c, "No agents yet. Next: holdfast agent create NAME --owner you@example.com");
        json_decref(list);
        table_clear(&t);
        return r;
}

int cmd_agent_list(struct cli *c)
{
        struct agent_names names = { 0 };
        struct keyring *k = NULL;
        int r;

        if (cli_flag(c, "names") && cli_flag(c, "json"))
                return err(ERR_USAGE, "choose one of --names and --json");
        r = keycmd_open(c, &k);
        if (r == 0)
                r = store_agents(keyring_store(k), &names);
        if (r == 0 && cli_flag(c, "names")) {
                for (size_t i = 0; i < names.n; ++i) {
                        CLEANUP(buf_clear) struct buf b = { 0 };

                        printf("%s\n", text_str(BYTES_STR(names.list[i]), &b));
                }
        } else if (r == 0) {
                r = list_all(c, k, &names);
        }
        agent_names_clear(&names);
        keyring_close(k);
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

static int show(const struct cli *c, struct keyring *k, const char *name)
{
        CLEANUP(attrs_clear) struct attrs a = { 0 };
        struct pin_state pins = { 0 };
        json_t *doc;
        int r;

        r = store_agent_read(keyring_store(k), name, &a);
        if (r == 0)
                r = pin_state(k, name, &pins);
        if (r != 0)
                return r;
        if (cli_flag(c, "json")) {
                json_t *keys = json_array();

                r = keycmd_list_json(k, name, keys);
                doc = agent_json(k, name, &a);
                if (doc != NULL)
                        json_object_set(doc, "keys", keys);
                json_decref(keys);
                if (r != 0)
                        json_decref(doc);
                return r == 0 ? print_json("agent", doc) : r;
        }
        print_field("Agent", "%s", name);
        print_field("Owner", "%s", attrs_str(&a, "owner", "-"));
        print_field("Created", "%s", attrs_str(&a, "created", "-"));
        print_field("Serial", "%s", attrs_str(&a, "serial", "-"));
        show_pins(&pins);
        return keycmd_list(c, k, name);
}

int cmd_agent_show(struct cli *c)
{
        struct keyring *k = NULL;
        int r;

        r = keycmd_open(c, &k);
        if (r == 0)
                r = show(c, k, cli_arg(c, 0));
        keyring_close(k);
        return r;
}

static int set_owner(struct attrs *a, void *owner)
{
        return attrs_set_str(a, "owner", owner);
}

/* The security officer gives the user a new PIN, which also gives the tries back. */
static int set_pin(const struct cli *c, struct keyring *k, const char *name)
{
        CLEANUP(buf_clear) struct buf so = { 0 }, user = { 0 }, secret = { 0 };
        int r;

        r = ask_secret(c, "Security officer's PIN", cli_value(c, "so-pin-file"), false, &so);
        if (r == 0)
                r = ask_secret(c, "New user's PIN", cli_value(c, "pin-file"), true, &user);
        if (r == 0)
                r = pin_login(k, name, PIN_SO, BYTES_OF(&so), &secret);
        return r == 0 ? pin_set(k, name, PIN_USER, BYTES_OF(&secret), BYTES_OF(&user)) : r;
}

static int set(const struct cli *c, struct keyring *k, const char *name)
{
        CLEANUP(attrs_clear) struct attrs a = { 0 };
        CLEANUP(free_ptr) char *owner = NULL;
        bool pin = cli_flag(c, "pin") || cli_flag(c, "pin-file") || cli_flag(c, "so-pin-file");
        int r;

        if (!pin && cli_value(c, "owner") == NULL)
                return err(ERR_USAGE, "there is nothing to set: give --owner or --pin");
        r = store_agent_read(keyring_store(k), name, &a);
        if (r == 0 && cli_value(c, "owner") != NULL)
                r = keyring_owner_check(cli_value(c, "owner"));
        if (r != 0)
                return r;
        if (cli_flag(c, "dry-run")) {
                say(c, "Would set %s%s%s of this agent:", cli_value(c, "owner") != NULL ? "the owner" : "",
                    cli_value(c, "owner") != NULL && pin ? " and " : "", pin ? "the user's PIN" : "");
                return show(c, k, name);
        }
        if (pin)
                r = set_pin(c, k, name);
        if (r == 0 && cli_value(c, "owner") != NULL) {
                owner = strdup(cli_value(c, "owner"));
                r = owner != NULL ? store_agent_update(keyring_store(k), name, set_owner, owner) : err(ERR_NOMEM, "out of memory");
        }
        return r == 0 ? show(c, k, name) : r;
}

int cmd_agent_set(struct cli *c)
{
        struct keyring *k = NULL;
        int r;

        r = keycmd_open(c, &k);
        if (r == 0)
                r = set(c, k, cli_arg(c, 0));
        keyring_close(k);
        return r;
}

int cmd_agent_delete(struct cli *c)
{
        CLEANUP(attrs_clear) struct attrs a = { 0 };
        const char *name = cli_arg(c, 0);
        struct keyring *k = NULL;
        size_t keys = 0;
        int r;

        r = keycmd_open(c, &k);
        if (r == 0)
                r = store_agent_read(keyring_store(k), name, &a);
        if (r == 0) {
                keys = count_keys(keyring_store(k), name);
                r = ask_yes(c, "Delete agent %s (owner %s) and its keys, %zu of them, for ever?", name, attrs_str(&a, "owner", "unknown"), keys);
        }
        if (r == 0 && !cli_flag(c, "dry-run"))
                r = keyring_agent_delete(k, name);
        if (r == 0 && cli_flag(c, "json"))
                r = print_json("deleted", json_pack("{s:b, s:o, s:I}", "deleted", !cli_flag(c, "dry-run"), "agent", text_json(BYTES_STR(name)),
                                                    "keys", (json_int_t)keys));
        else if (r == 0)
                print_field(cli_flag(c, "dry-run") ? "Would" : "Deleted", "%s%s, keys: %zu", cli_flag(c, "dry-run") ? "delete " : "", name, keys);
        keyring_close(k);
        return r;
}
