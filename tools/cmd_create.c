/* SPDX-License-Identifier: BSD-2-Clause */
/* holdfast agent create and holdfast key create. */
#include <string.h>
#include "lib/cryptoki.h"
#include "tools/keycmd.h"
#include "tools/keyname.h"
#include "tools/text.h"

static bool pins_wanted(const struct cli *c)
{
        return cli_flag(c, "pin") || cli_flag(c, "pin-file") || cli_flag(c, "so-pin-file");
}

/* The agent with its PINs, as asked for. secret stays empty without PINs. */
static int make_agent(const struct cli *c, struct keyring *k, const char *name, bool pins, struct buf *ret_secret)
{
        CLEANUP(buf_clear) struct buf so = { 0 }, user = { 0 };
        CLEANUP(attrs_clear) struct attrs more = { 0 };
        const char *where = cli_value(c, "pin-lockout");
        int r = 0;

        if (pins) {
                r = ask_secret(c, "User's PIN", cli_value(c, "pin-file"), true, &user);
                if (r == 0)
                        r = ask_secret(c, "Security officer's PIN", cli_value(c, "so-pin-file"), true, &so);
                if (r == 0 && (user.len < PIN_LEN_MIN || user.len > PIN_LEN_MAX || so.len < PIN_LEN_MIN || so.len > PIN_LEN_MAX))
                        r = err(ERR_INVAL, "a PIN has %d to %d octets", PIN_LEN_MIN, PIN_LEN_MAX);
                if (r == 0)
                        r = pin_create(k, BYTES_OF(&so), where != NULL && strcmp(where, "tpm") == 0, &more, ret_secret);
        }
        if (r == 0)
                r = keyring_agent_create(k, name, cli_value(c, "owner"), &more);
        if (r != 0 || !pins)
                return r;
        r = pin_set(k, name, PIN_USER, BYTES_OF(ret_secret), BYTES_OF(&user));
        if (r != 0)
                keyring_agent_delete(k, name);
        return r;
}

/* All or nothing: an agent whose key cannot be made is taken away again. */
static int make(const struct cli *c, struct keyring *k, const char *name, bool pins, const struct key_kind *kind, struct item **ret)
{
        CLEANUP(buf_clear) struct buf secret = { 0 };
        const char *label = cli_value(c, "label");
        int r;

        r = make_agent(c, k, name, pins, &secret);
        if (r != 0 || kind == NULL)
                return r;
        r = keyring_generate(k, name, BYTES_OF(&secret), kind, ALG_SIGN, BYTES_STR(label != NULL ? label : "default"),
                             BYTES(NULL, 0), NULL, ret);
        if (r != 0)
                keyring_agent_delete(k, name);
        return r;
}

/* With --dry-run nothing is made, and item is NULL. */
static int print_agent(const struct cli *c, struct keyring *k, const char *name, const struct key_kind *kind, struct item *item)
{
        bool dry = cli_flag(c, "dry-run");

        if (cli_flag(c, "json"))
                return print_json("created", json_pack("{s:b, s:o, s:o, s:o}", "made", !dry, "agent", text_json(BYTES_STR(name)),
                                                       "owner", text_json(BYTES_STR(cli_value(c, "owner"))),
                                                       "key", item != NULL ? keycmd_json(k, name, item) : json_null()));
        print_field(dry ? "Would" : "Created", "%s%s, owner %s", dry ? "create " : "", name, cli_value(c, "owner"));
        if (dry && kind != NULL)
                print_field("", "with a %s key", kind->name);
        if (dry)
                return 0;
        if (item != NULL)
                return keycmd_print_made(c, k, name, item);
        say(c, "Next      holdfast key create %s/LABEL", name);
        return 0;
}

/* Everything that can be told without doing it. */
static int check_agent(const struct cli *c, struct keyring *k, const char *name, const struct key_kind **ret_kind)
{
        CLEANUP(attrs_clear) struct attrs there = { 0 };
        const char *where = cli_value(c, "pin-lockout");
        int r = 0;

        *ret_kind = NULL;
        if (cli_value(c, "owner") == NULL)
                return err(ERR_USAGE, "an agent needs an owner, the person answerable for it: --owner you@example.com");
        if (where != NULL && strcmp(where, "tpm") != 0 && strcmp(where, "store") != 0)
                return err(ERR_USAGE, "--pin-lockout is store or tpm");
        if (where != NULL && !pins_wanted(c))
                return err(ERR_USAGE, "--pin-lockout is of use with --pin only");
        if (cli_flag(c, "no-key") && (cli_flag(c, "key") || cli_flag(c, "label")))
                return err(ERR_USAGE, "--no-key goes with neither --key nor --label");
        if (!cli_flag(c, "no-key"))
                r = keycmd_kind(cli_flag(c, "key") ? cli_value(c, "key") : "P-256", ret_kind);
        if (r == 0)
                r = keyring_owner_check(cli_value(c, "owner"));
        if (r == 0 && !agent_name_valid(name))
                r = err(ERR_USAGE, "an agent's name has 1 to %d octets of text, no / in it, no . in front and no blank at either end", AGENT_NAME_MAX);
        if (r == 0 && store_agent_read(keyring_store(k), name, &there) == 0)
                r = err(ERR_EXIST, "there is an agent %s already", name);
        return r;
}

int cmd_agent_create(struct cli *c)
{
        const char *name = cli_arg(c, 0);
        bool pins = pins_wanted(c);
        const struct key_kind *kind = NULL;
        struct keyring *k = NULL;
        struct item *item = NULL;
        int r;

        r = keycmd_open(c, &k);
        if (r == 0)
                r = check_agent(c, k, name, &kind);
        if (r == 0 && !cli_flag(c, "dry-run"))
                r = make(c, k, name, pins, kind, &item);
        if (r == 0)
                r = print_agent(c, k, name, kind, item);
        if (item != NULL)
                item_unref(item);
        keyring_close(k);
        return r;
}

/* "sign,derive", checked against what the kind can do. */
static int parse_uses(const char *text, const struct key_kind *kind, unsigned *ret)
{
        static const struct {
                const char *word;
                unsigned op;
        } words[] = { { "sign", ALG_SIGN }, { "decrypt", ALG_DECRYPT }, { "derive", ALG_DERIVE } };
        unsigned can = kind->ckk == CKK_EC ? ALG_SIGN | ALG_DERIVE : kind->ckk == CKK_RSA ? ALG_SIGN | ALG_DECRYPT : ALG_SIGN;
        size_t len;

        for (*ret = 0; *text != 0; text += len + (text[len] == ',')) {
                unsigned op = 0;

                len = strcspn(text, ",");
                for (size_t i = 0; i < ARRAY_LEN(words); ++i) {
                        if (strlen(words[i].word) == len && strncmp(words[i].word, text, len) == 0)
                                op = words[i].op;
                }
                if ((op & can) == 0)
                        return err(ERR_USAGE, "a %s key cannot be made to %.*s", kind->name, (int)len, text);
                *ret |= op;
        }
        return *ret != 0 ? 0 : err(ERR_USAGE, "--use names nothing");
}

/* The agent's secret where it has PINs: the user's PIN is asked for. */
static int log_in(const struct cli *c, struct keyring *k, const char *agent, struct buf *ret_secret)
{
        CLEANUP(buf_clear) struct buf pin = { 0 };
        struct pin_state pins = { 0 };
        int r;

        r = pin_state(k, agent, &pins);
        if (r != 0 || !pins.used)
                return r;
        r = ask_secret(c, "User's PIN", cli_value(c, "pin-file"), false, &pin);
        return r == 0 ? pin_login(k, agent, PIN_USER, BYTES_OF(&pin), ret_secret) : r;
}

static int check_label(struct keyring *k, const char *agent, struct bytes label)
{
        struct item_list *l = NULL;
        int r;

        if (label.len == 0)
                return err(ERR_USAGE, "a key needs a label: %s/LABEL", agent);
        r = store_items(keyring_store(k), agent, &l);
        if (r != 0)
                return r;
        for (size_t i = 0; r == 0 && i < l->n; ++i) {
                if (l->list[i]->type == ITEM_KEY && item_label_is(l->list[i], label))
                        r = err(ERR_EXIST, "agent %s has a key with this label already", agent);
        }
        item_list_unref(l);
        return r;
}

static int print_key(const struct cli *c, struct keyring *k, const char *agent, const struct key_kind *kind, struct item *item)
{
        bool dry = cli_flag(c, "dry-run");

        if (cli_flag(c, "json"))
                return print_json("key", json_pack("{s:b, s:o}", "made", !dry, "key", dry ? json_null() : keycmd_json(k, agent, item)));
        if (!dry)
                return keycmd_print_made(c, k, agent, item);
        print_field("Would", "create %s, a %s key", cli_arg(c, 0), kind->name);
        return 0;
}

static int create_key(const struct cli *c, struct keyring *k)
{
        CLEANUP(buf_clear) struct buf agent = { 0 }, label = { 0 }, id = { 0 }, secret = { 0 };
        const char *hex = cli_value(c, "id");
        const struct key_kind *kind = NULL;
        struct item *item = NULL;
        unsigned uses = ALG_SIGN;
        int r;

        r = keycmd_kind(cli_flag(c, "kind") ? cli_value(c, "kind") : "P-256", &kind);
        if (r == 0 && cli_flag(c, "use"))
                r = parse_uses(cli_value(c, "use"), kind, &uses);
        if (r == 0 && hex != NULL && hex_decode(hex, strlen(hex), &id) != 0)
                r = err(ERR_USAGE, "--id takes hex digits");
        if (r == 0)
                r = keyname_split(cli_arg(c, 0), &agent, &label);
        if (r == 0)
                r = check_label(k, buf_str(&agent), BYTES_OF(&label));
        if (r == 0 && !cli_flag(c, "dry-run"))
                r = log_in(c, k, buf_str(&agent), &secret);
        if (r == 0 && !cli_flag(c, "dry-run"))
                r = keyring_generate(k, buf_str(&agent), BYTES_OF(&secret), kind, uses, BYTES_OF(&label), BYTES_OF(&id), NULL, &item);
        if (r == 0)
                r = print_key(c, k, buf_str(&agent), kind, item);
        if (item != NULL)
                item_unref(item);
        return r;
}

int cmd_key_create(struct cli *c)
{
        struct keyring *k = NULL;
        int r;

        r = keycmd_open(c, &k);
        if (r == 0)
                r = create_key(c, k);
        keyring_close(k);
        return r;
}
