/* SPDX-License-Identifier: BSD-2-Clause */
/* holdfast init: makes the store and its parent key in the TPM. */
#include <string.h>
#include "keys/admin.h"
#include "tools/text.h"

static int print_made(const struct cli *c, const struct conf *conf, bool made)
{
        struct admin_status s = { 0 };
        int r;

        r = admin_status(conf, true, &s);
        if (r != 0)
                return r;
        if (cli_flag(c, "json")) {
                r = print_json("init", json_pack("{s:b, s:s, s:s, s:o, s:I, s:s?, s:s?}", "made", made, "store", conf->store,
                                                 "tpm", conf->tcti, "manufacturer", text_json(BYTES_STR(s.caps.manufacturer)),
                                                 "parent_handle", (json_int_t)s.parent_handle,
                                                 "parent_name", s.parent_name, "ek_name", s.ek_name));
        } else {
                print_field("TPM", "%s  %s %s  2.0 rev %s", conf->tcti, s.caps.manufacturer, s.caps.vendor, s.caps.revision);
                print_field("Parent", "ECC P-256, persistent 0x%08x", s.parent_handle);
                print_field("Identity", "ek %s", s.ek_name != NULL ? s.ek_name : "unknown");
                print_field(made ? "Wrote" : "Kept", "%s", conf->store);
        }
        admin_status_clear(&s);
        if (r == 0)
                say(c, "%s", made ? "Next      holdfast agent create NAME --owner you@example.com"
                                  : "Already there; nothing is changed.");
        return r;
}

/* With --dry-run: what there is already. */
static int print_plan(const struct cli *c, const struct conf *conf)
{
        struct admin_status s = { 0 };
        int r;

        r = admin_status(conf, true, &s);
        if (r != 0)
                return r;
        if (!s.tpm_reachable)
                r = err(ERR_NODEV, "%s", s.tpm_error != NULL ? s.tpm_error : "the TPM cannot be reached");
        else if (cli_flag(c, "json"))
                r = print_json("init", json_pack("{s:b, s:b, s:s, s:s}", "made", 0, "would_make", !s.initialised, "store", conf->store,
                                                 "tpm", conf->tcti));
        else
                print_field(s.initialised ? "Keep" : "Make", "%s with a parent key in the TPM at %s", conf->store, conf->tcti);
        admin_status_clear(&s);
        return r;
}

int cmd_init(struct cli *c)
{
        CLEANUP(conf_clear) struct conf conf = { 0 };
        CLEANUP(buf_clear) struct buf auth = { 0 };
        struct admin_init how = { .seal_owner = cli_flag(c, "seal-owner") };
        int r;

        r = cli_conf(c, &conf);
        if (r == 0 && cli_value(c, "owner-auth") != NULL)
                r = ask_secret(c, "owner authorisation", cli_value(c, "owner-auth"), false, &auth);
        if (r != 0)
                return r;
        if (cli_flag(c, "dry-run"))
                return print_plan(c, &conf);
        how.owner_auth = BYTES_OF(&auth);
        r = admin_init(&conf, &how);
        /* So that scripts may run it every time. */
        if (r == ERR_EXIST)
                return print_made(c, &conf, false);
        if (r == ERR_AUTH && auth.len == 0)
                return err(r, "the TPM has an owner authorisation: give it by --owner-auth FILE");
        return r == 0 ? print_made(c, &conf, true) : r;
}
