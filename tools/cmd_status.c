/* SPDX-License-Identifier: BSD-2-Clause */
/* holdfast status and holdfast doctor: how things stand, and what is wrong with them. */
#include <string.h>
#include "keys/admin.h"
#include "keys/findings.h"
#include "lib/alg.h"
#include "tools/daemon_status.h"
#include "tools/module.h"
#include "tools/text.h"

static bool can_make(const struct tpm_caps *caps, size_t i)
{
        return (caps->kinds & 1u << i) != 0;
}

static json_t *kinds_json(const struct tpm_caps *caps)
{
        json_t *list = json_array();

        for (size_t i = 0; key_kind_at(i) != NULL; ++i) {
                if (can_make(caps, i))
                        json_array_append_new(list, json_string(key_kind_at(i)->name));
        }
        return list;
}

static void print_kinds(const struct tpm_caps *caps)
{
        CLEANUP(buf_clear) struct buf all = { 0 };

        for (size_t i = 0; key_kind_at(i) != NULL; ++i) {
                if (can_make(caps, i))
                        buf_printf(&all, "%s%s", all.len > 0 ? ", " : "", key_kind_at(i)->name);
        }
        print_field("Makes", "%s keys", buf_str(&all));
}

static json_t *status_json(const struct conf *conf, const struct admin_status *s, const char *module)
{
        json_t *tpm = json_pack("{s:s, s:b, s:s?}", "tcti", conf->tcti, "reachable", s->tpm_reachable, "error", s->tpm_error);
        json_t *store = json_pack("{s:s, s:b}", "path", conf->store, "initialised", s->initialised);

        if (s->initialised && tpm != NULL && store != NULL) {
                json_object_set_new(tpm, "manufacturer", text_json(BYTES_STR(s->caps.manufacturer)));
                json_object_set_new(tpm, "vendor", text_json(BYTES_STR(s->caps.vendor)));
                json_object_set_new(tpm, "revision", text_json(BYTES_STR(s->caps.revision)));
                json_object_set_new(tpm, "slots", json_integer(s->caps.slots));
                json_object_set_new(tpm, "kinds", kinds_json(&s->caps));
                json_object_set_new(tpm, "ek_name", text_json(BYTES_STR(s->ek_name != NULL ? s->ek_name : "")));
                json_object_set_new(store, "parent_handle", json_integer(s->parent_handle));
                json_object_set_new(store, "parent_name", text_json(BYTES_STR(s->parent_name != NULL ? s->parent_name : "")));
                json_object_set_new(store, "agents", json_integer((json_int_t)s->agents));
                json_object_set_new(store, "keys", json_integer((json_int_t)s->keys));
        }
        return json_pack("{s:o, s:o, s:s}", "tpm", tpm, "store", store, "module", module);
}

static void status_print(const struct conf *conf, const struct admin_status *s, bool with_daemon)
{
        if (s->initialised)
                print_field("TPM", "%s  %s %s  2.0 rev %s  fw %u.%u.%u.%u", conf->tcti, s->caps.manufacturer, s->caps.vendor, s->caps.revision,
                            s->caps.firmware[0] >> 16, s->caps.firmware[0] & 0xffff, s->caps.firmware[1] >> 16, s->caps.firmware[1] & 0xffff);
        else
                print_field("TPM", "%s", conf->tcti);
        print_field("", "%s", with_daemon ? "in the hands of the daemon" : s->tpm_error != NULL ? s->tpm_error : "answers");
        if (s->initialised) {
                print_kinds(&s->caps);
                print_field("Store", "%s", conf->store);
                print_field("Parent", "persistent 0x%08x  name %s", s->parent_handle, s->parent_name != NULL ? s->parent_name : "unknown");
                print_field("Identity", "ek %s", s->ek_name != NULL ? s->ek_name : "unknown");
                print_field("Holds", "agents: %zu, keys: %zu", s->agents, s->keys);
        } else {
                print_field("Store", "%s (none yet)", conf->store);
        }
}

/* What the daemon says, too, where there is one: reply. A store that only it may read says nothing else. */
static int show(const struct cli *c, const struct conf *conf, const struct admin_status *s, const char *module, json_t *reply)
{
        json_t *doc;

        if (cli_flag(c, "json")) {
                doc = s != NULL ? status_json(conf, s, module) : json_pack("{s:s}", "module", module);
                if (reply != NULL)
                        json_object_set(doc, "daemon", reply);
                return print_json("status", doc);
        }
        if (s != NULL) {
                status_print(conf, s, reply != NULL);
        } else {
                print_field("Store", "%s, which this user may not read", conf->store);
                print_field("Holds", "agents: %lld", (long long)json_integer_value(json_object_get(reply, "agents")));
        }
        print_field("Module", "%s", module);
        if (reply != NULL)
                daemon_status_print(c, reply);
        return 0;
}

static int show_alone(const struct cli *c, const struct conf *conf, const char *module)
{
        CLEANUP(admin_status_clear) struct admin_status s = { 0 };
        int r;

        r = admin_status(conf, true, &s);
        if (r == 0)
                r = show(c, conf, &s, module, NULL);
        if (r == 0 && (!s.tpm_reachable || s.tpm_foreign)) {
                say(c, "Next      holdfast doctor");
                r = s.tpm_foreign ? EXIT_VERIFY : EXIT_HARDWARE;
        } else if (r == 0 && !s.initialised) {
                say(c, "Next      holdfast init");
                r = EXIT_NOT_FOUND;
        }
        return r;
}

/* The TPM is the daemon's: nothing is asked of it. */
static int show_with(const struct cli *c, const struct conf *conf, const char *module, struct daemon *d)
{
        CLEANUP(admin_status_clear) struct admin_status s = { 0 };
        json_t *reply = NULL;
        int r, mine;

        r = daemon_status_ask(d, &reply);
        if (r != 0)
                return r;
        mine = admin_status(conf, false, &s);
        r = show(c, conf, mine == 0 ? &s : NULL, module, reply);
        if (r == 0 && daemon_status_refuses(reply))
                r = EXIT_VERIFY;
        json_decref(reply);
        return r;
}

int cmd_status(struct cli *c)
{
        CLEANUP(conf_clear) struct conf conf = { 0 };
        CLEANUP(buf_clear) struct buf module = { 0 };
        struct daemon *d = NULL;
        int r;

        r = cli_conf(c, &conf);
        if (r == 0)
                r = module_path(&module);
        if (r == 0 && buf_str(&module) == NULL)
                r = err(ERR_NOMEM, "out of memory");
        if (r != 0)
                return r;
        r = daemon_open(&conf, &d);
        if (r == ERR_DAEMON)
                say(c, "Warning   %s", err_text());
        if (r == 0)
                r = show_with(c, &conf, buf_str(&module), d);
        else if (r == ERR_DAEMON || r == ERR_NOENT)
                r = show_alone(c, &conf, buf_str(&module));
        daemon_close(d);
        return r;
}

static const char *const levels[] = { [FINDING_OK] = "ok", [FINDING_WARN] = "warn", [FINDING_FAIL] = "fail" };

static void finding_print(const struct cli *c, const struct finding *f)
{
        CLEANUP(buf_clear) struct buf subject = { 0 }, text = { 0 }, mend = { 0 };

        if (f->level == FINDING_OK && cli_flag(c, "quiet"))
                return;
        printf("%-5s %-13s %s\n", levels[f->level], text_str(BYTES_STR(f->subject), &subject), text_str(BYTES_STR(f->text), &text));
        if (f->mend != NULL)
                printf("%-5s %-13s %s\n", "", "", text_str(BYTES_STR(f->mend), &mend));
}

static json_t *finding_json(const struct finding *f)
{
        return json_pack("{s:s, s:o, s:o, s:o}", "level", levels[f->level], "subject", text_json(BYTES_STR(f->subject)),
                         "text", text_json(BYTES_STR(f->text)), "mend", f->mend != NULL ? text_json(BYTES_STR(f->mend)) : json_null());
}

static int examine(const struct cli *c, const struct conf *conf, struct findings *ret)
{
        struct findings daemon = { 0 };
        bool has = false;
        int r;

        r = daemon_findings(conf, &daemon, &has);
        if (r == 0)
                r = admin_doctor(conf, !has, cli_flag(c, "deep"), ret);
        for (size_t i = 0; r == 0 && i < daemon.n; ++i)
                r = finding_add(ret, (int)daemon.list[i].level, daemon.list[i].subject, daemon.list[i].mend, "%s", daemon.list[i].text);
        findings_clear(&daemon);
        return r;
}

int cmd_doctor(struct cli *c)
{
        CLEANUP(conf_clear) struct conf conf = { 0 };
        struct findings all = { 0 };
        size_t fails = 0;
        json_t *list = json_array();
        int r;

        r = cli_conf(c, &conf);
        if (r == ERR_CONF)
                r = finding_add(&all, FINDING_FAIL, "Configuration", cli_err_hint(r), "%s.", err_text());
        else if (r == 0)
                r = examine(c, &conf, &all);
        for (size_t i = 0; r == 0 && i < all.n; ++i) {
                fails += all.list[i].level == FINDING_FAIL;
                if (cli_flag(c, "json"))
                        json_array_append_new(list, finding_json(&all.list[i]));
                else
                        finding_print(c, &all.list[i]);
        }
        if (r == 0 && cli_flag(c, "json"))
                r = print_json("doctor", json_pack("{s:b, s:O}", "healthy", fails == 0, "findings", list));
        else if (r == 0 && fails == 0)
                say(c, "All is well enough to work.");
        else if (r == 0)
                say(c, fails == 1 ? "%zu thing to mend." : "%zu things to mend.", fails);
        json_decref(list);
        findings_clear(&all);
        return r != 0 ? r : fails > 0 ? EXIT_FAILURE : 0;
}
