/* SPDX-License-Identifier: BSD-2-Clause */
/* holdfast join, enroll, unenroll, revoke and enrolled: what the daemon is to do with an issuer. It has the TPM, so it makes the evidence. */
#include <string.h>
#include <time.h>
#include "tools/carryfile.h"
#include "tools/credfiles.h"
#include "tools/daemon.h"
#include "tools/keepjson.h"
#include "tools/keyname.h"
#include "tools/readfile.h"
#include "tools/text.h"

/* Credentials are kept and renewed by a daemon, and by nothing else. */
static int open_daemon(const struct cli *c, struct daemon **ret)
{
        CLEANUP(conf_clear) struct conf conf = { 0 };
        int r;

        r = cli_conf(c, &conf);
        if (r == 0)
                r = daemon_open(&conf, ret);
        return r == ERR_NOENT ? err(ERR_DAEMON, "an issuer's credentials are got and renewed by holdfastd, which is not here: %s", err_text()) : r;
}

/* Takes the request. The reply without its "ok". */
static int ask(const struct cli *c, json_t *request, json_t **ret_reply)
{
        struct daemon *d = NULL;
        int r;

        r = open_daemon(c, &d);
        if (r == 0)
                r = daemon_ask(d, request, ret_reply);
        else
                json_decref(request);
        daemon_close(d);
        if (r == 0)
                json_object_del(*ret_reply, "ok");
        return r;
}

static const char *text_of(const json_t *o, const char *name)
{
        const char *s = json_string_value(json_object_get(o, name));

        return s != NULL ? s : "";
}

static const char *when(const json_t *o, const char *name, struct buf *ret)
{
        const json_int_t t = json_integer_value(json_object_get(o, name));

        buf_reset(ret);
        return t > 0 && credfiles_when(t, ret) == 0 && buf_str(ret) != NULL ? buf_str(ret) : "-";
}

/* Times as every document of this command has them. Takes o. */
static json_t *with_times(json_t *o)
{
        static const char *const times[] = { "not_before", "not_after", "renew_after", "ak_not_after" };
        CLEANUP(buf_clear) struct buf text = { 0 };
        json_t *part;
        size_t i;

        for (i = 0; i < ARRAY_LEN(times); ++i) {
                if (json_is_integer(json_object_get(o, times[i])))
                        json_object_set_new(o, times[i], strcmp(when(o, times[i], &text), "-") != 0 ? json_string(buf_str(&text)) : json_null());
        }
        json_array_foreach(json_object_get(o, "agents"), i, part)
                with_times(part);
        return o;
}

static int join_request(const struct cli *c, const char *url, json_t **ret)
{
        const char *file = cli_value(c, "token-file"), *ca = cli_value(c, "ca");
        CLEANUP(buf_clear) struct buf token = { 0 }, pem = { 0 };
        int r = 0;

        if (file != NULL && cli_flag(c, "token"))
                return err(ERR_USAGE, "choose one of --token and --token-file");
        if (file != NULL)
                r = ask_secret(c, "join token", file, false, &token);
        else if (cli_flag(c, "token"))
                r = buf_append_str(&token, cli_value(c, "token"));
        if (r == 0 && ca != NULL)
                r = readfile(ca, &pem);
        if (r == 0 && (buf_str(&token) == NULL || buf_str(&pem) == NULL || strlen(buf_str(&token)) != token.len || strlen(buf_str(&pem)) != pem.len))
                r = err(ERR_INVAL, "a token or certificate with a NUL in it");
        if (r == 0)
                *ret = daemon_request("join", "url", url, "host", cli_value(c, "host"), "token", token.len > 0 ? buf_str(&token) : NULL,
                                      "ca", pem.len > 0 ? buf_str(&pem) : NULL, NULL);
        return r;
}

static int print_joined(const struct cli *c, const char *url, json_t *reply)
{
        CLEANUP(buf_clear) struct buf end = { 0 };
        bool pending = strcmp(text_of(reply, "state"), "pending") == 0;

        if (cli_flag(c, "json"))
                return print_json("join", with_times(json_incref(reply)));
        print_field("Joined", "%s", url);
        if (text_of(reply, "host")[0] != 0)
                print_field("Host", "%s", text_of(reply, "host"));
        print_field("State", "%s", text_of(reply, "state"));
        print_field("Assurance", "%s", text_of(reply, "assurance"));
        if (!pending)
                print_field("AK until", "%s", when(reply, "not_after", &end));
        say(c, pending ? "Next      somebody approves this host at the issuer" : "Next      holdfast enroll AGENT");
        return 0;
}

/* What is carried to an issuer that this host does not reach. */
static int join_shows(const struct cli *c)
{
        const char *path = cli_value(c, "out"), *text;
        json_t *request = daemon_request("join", "host", cli_value(c, "host"), NULL), *reply = NULL, *doc;
        int r;

        json_object_set_new(request, "show", json_true());
        r = ask(c, request, &reply);
        if (r != 0)
                return r;
        text = text_of(reply, "shown");
        doc = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        if (json_is_object(doc) && json_object_set_new(doc, "schema", json_string(JOIN_SCHEMA)) == 0)
                r = carryfile_write(path, doc);
        else
                r = err(ERR_FORMAT, "the daemon's answer is not what it should be");
        json_decref(doc);
        json_decref(reply);
        if (r == 0 && cli_flag(c, "json"))
                return print_json("join", json_pack("{s:o}", "file", text_json(BYTES_STR(path))));
        if (r == 0)
                say(c, "Next      carry %s to the issuer: holdfast-issuer challenge AGENT --join FILE", path);
        return r;
}

int cmd_join(struct cli *c)
{
        json_t *request = NULL, *reply = NULL;
        int r;

        if ((cli_arg(c, 0) == NULL) != cli_flag(c, "out"))
                return err(ERR_USAGE, "choose one of ISSUER and --out");
        if (cli_flag(c, "out"))
                return join_shows(c);
        r = join_request(c, cli_arg(c, 0), &request);
        if (r == 0)
                r = ask(c, request, &reply);
        if (r == 0)
                r = print_joined(c, cli_arg(c, 0), reply);
        json_decref(reply);
        return r;
}

/* Each check of the evidence, in the order in which the issuer made them. */
static void print_checks(const struct cli *c, const json_t *reply)
{
        struct table t = { .columns = 3 };
        const json_t *o;
        size_t i;

        table_add_str(&t, "CHECK");
        table_add_str(&t, "OUTCOME");
        table_add_str(&t, "DETAIL");
        json_array_foreach(json_object_get(reply, "checks"), i, o) {
                table_add_str(&t, text_of(o, "check"));
                table_add_str(&t, text_of(o, "outcome"));
                table_add_str(&t, text_of(o, "text"));
        }
        table_print(c, &t);
        table_clear(&t);
}

/* What there is of it, by its files; tokens are given out when somebody asks. */
static void print_kinds(const struct cli *c)
{
        static const struct {
                const char *file, *what;
        } kinds[] = { { CRED_CERT, "X.509" }, { CRED_SSH_CERT, "SSH user" }, { CRED_SSH_HOST_CERT, "SSH host" } };
        CLEANUP(key_name_clear) struct key_name name = { 0 };
        CLEANUP(credfiles_clear) struct credfiles f = { 0 };
        CLEANUP(conf_clear) struct conf conf = { 0 };
        CLEANUP(buf_clear) struct buf what = { 0 };

        if (key_name_parse(cli_arg(c, 0), NULL, &name) != 0 || cli_conf(c, &conf) != 0 || credfiles_find(&conf, &name, &f) != 0)
                return;
        for (size_t i = 0; i < ARRAY_LEN(kinds); ++i) {
                if (credfiles_has(&f, kinds[i].file))
                        buf_printf(&what, "%s%s", what.len > 0 ? ", " : "", kinds[i].what);
        }
        print_field("Issued", "%.*s", (int)what.len, (const char *)what.ptr);
        print_field("Files", "%.*s", (int)f.dir.len, (const char *)f.dir.ptr);
}

static void print_issued(const struct cli *c, const json_t *reply)
{
        CLEANUP(buf_clear) struct buf time = { 0 };

        print_field("SPIFFE ID", "%s", text_of(reply, "spiffe_id"));
        print_field("Profile", "%s", text_of(reply, "profile"));
        print_field("Assurance", "%s", text_of(reply, "assurance"));
        print_field("Serial", "%s, record %lld of the issuer's log", text_of(reply, "serial"), (long long)json_integer_value(json_object_get(reply, "record")));
        print_field("Until", "%s", when(reply, "not_after", &time));
        print_field("Renews", "%s", cli_flag(c, "from") ? "by hand" : when(reply, "renew_after", &time));
}

static int print_enrolled(const struct cli *c, json_t *reply)
{
        if (cli_flag(c, "json"))
                return print_json("enroll", with_times(json_incref(reply)));
        print_checks(c, reply);
        print_kinds(c);
        print_issued(c, reply);
        if (cli_flag(c, "from"))
                say(c, "Note      nothing renews it: bring other credentials before it ends");
        say(c, "Next      holdfast run %s -- COMMAND", cli_arg(c, 0));
        return 0;
}

/* An agent's key as an order names it. */
static int key_request(const struct cli *c, const char *order, json_t **ret)
{
        CLEANUP(key_name_clear) struct key_name name = { 0 };
        int r;

        r = key_name_parse(cli_arg(c, 0), NULL, &name);
        if (r == 0 && buf_str(&name.label) == NULL)
                r = err(ERR_NOMEM, "out of memory");
        if (r == 0)
                *ret = daemon_request(order, "agent", name.agent, "key", name.label.len > 0 ? buf_str(&name.label) : NULL,
                                      "profile", cli_value(c, "profile"), NULL);
        return r;
}

/* With --issuer the host joins that one first, if it has not yet. */
static int join_first(const struct cli *c)
{
        json_t *request = NULL, *reply = NULL;
        int r;

        if (!cli_flag(c, "issuer"))
                return 0;
        say(c, "Joining   %s", cli_value(c, "issuer"));
        r = join_request(c, cli_value(c, "issuer"), &request);
        if (r == 0)
                r = ask(c, request, &reply);
        json_decref(reply);
        return r;
}

/* The request gets what the issuer wrote. */
static int add_carried(const struct cli *c, json_t *request)
{
        json_t *doc = NULL;
        int r;

        if (cli_flag(c, "issuer") || cli_flag(c, "profile"))
                return err(ERR_USAGE, "--from asks no issuer: neither --issuer nor --profile");
        r = carryfile_read(cli_value(c, "from"), &doc);
        if (r == 0 && strcmp(text_of(doc, "agent"), text_of(request, "agent")) != 0)
                r = err(ERR_FOREIGN, "the credentials in %s are agent %s's", cli_value(c, "from"), text_of(doc, "agent"));
        if (r == 0)
                r = carryfile_add(doc, request);
        json_decref(doc);
        return r;
}

int cmd_enroll(struct cli *c)
{
        json_t *request = NULL, *reply = NULL;
        int r;

        r = key_request(c, "enroll", &request);
        if (r != 0)
                return r;
        r = cli_flag(c, "from") ? add_carried(c, request) : join_first(c);
        if (r == 0 && cli_flag(c, "from")) {
                r = ask(c, request, &reply);
        } else if (r == 0) {
                say(c, "Enrolling %s: the TPM makes evidence, the issuer checks it", cli_arg(c, 0));
                r = ask(c, request, &reply);
        } else {
                json_decref(request);
        }
        if (r == 0)
                r = print_enrolled(c, reply);
        json_decref(reply);
        return r;
}

int cmd_unenroll(struct cli *c)
{
        json_t *request = NULL, *reply = NULL;
        int r;

        r = key_request(c, "unenroll", &request);
        if (r == 0)
                r = ask(c, request, &reply);
        json_decref(reply);
        if (r != 0)
                return r;
        if (cli_flag(c, "json"))
                return print_json("unenroll", json_pack("{s:o}", "agent", text_json(BYTES_STR(cli_arg(c, 0)))));
        print_field("Unenrolled", "%s", cli_arg(c, 0));
        say(c, "Note      what was issued is good until it ends: holdfast revoke ends it now");
        return 0;
}

static int revoke_request(const struct cli *c, json_t **ret)
{
        CLEANUP(key_name_clear) struct key_name name = { 0 };
        int r = key_name_parse(cli_arg(c, 0), NULL, &name);

        if (r == 0 && name.label.len > 0)
                r = err(ERR_USAGE, "all that an agent was given is revoked: AGENT alone");
        if (r != 0)
                return r;
        *ret = daemon_request("revoke", "agent", name.agent, "reason", cli_value(c, "reason"), NULL);
        if (cli_flag(c, "keep"))
                json_object_set_new(*ret, "stays", json_true());
        return 0;
}

int cmd_revoke(struct cli *c)
{
        json_t *request = NULL, *reply = NULL;
        json_int_t n;
        int r;

        r = revoke_request(c, &request);
        if (r == 0)
                r = ask(c, request, &reply);
        n = json_integer_value(json_object_get(reply, "revoked"));
        json_decref(reply);
        if (r != 0)
                return r;
        if (cli_flag(c, "json"))
                return print_json("revoke", json_pack("{s:o, s:I}", "agent", text_json(BYTES_STR(cli_arg(c, 0))), "revoked", n));
        print_field("Revoked", "%s, %lld credential%s", cli_arg(c, 0), (long long)n, n == 1 ? "" : "s");
        say(c, "Note      it gets no others before the issuer's operator lets it: holdfast-issuer agent approve");
        return 0;
}

static void print_host(const json_t *reply)
{
        CLEANUP(buf_clear) struct buf end = { 0 };

        if (text_of(reply, "issuer")[0] != 0)
                print_field("Issuer", "%s, as %s, %s", text_of(reply, "issuer"), text_of(reply, "host"), text_of(reply, "assurance"));
        else
                print_field("Issuer", "none: holdfast join");
        if (json_integer_value(json_object_get(reply, "ak_not_after")) > 0)
                print_field("AK until", "%s", when(reply, "ak_not_after", &end));
        if (text_of(reply, "last_error")[0] != 0)
                print_field("Error", "%s", text_of(reply, "last_error"));
}

/* Nobody but people can mend what was carried here. */
static const char *trouble(const json_t *o)
{
        bool due = json_is_true(json_object_get(o, "carried")) && json_integer_value(json_object_get(o, "renew_after")) <= (json_int_t)time(NULL);

        return due && text_of(o, "last_error")[0] == 0 ? "it is time to bring others" : text_of(o, "last_error");
}

static void print_agents(const struct cli *c, const json_t *agents)
{
        CLEANUP(buf_clear) struct buf name = { 0 }, time = { 0 };
        struct table t = { .columns = 5 };
        const json_t *o;
        size_t i;

        table_add_str(&t, "KEY");
        table_add_str(&t, "SPIFFE ID");
        table_add_str(&t, "UNTIL");
        table_add_str(&t, "RENEWS");
        table_add_str(&t, "LAST ERROR");
        json_array_foreach(agents, i, o) {
                buf_reset(&name);
                buf_printf(&name, "%s/%s", text_of(o, "agent"), text_of(o, "key"));
                table_add(&t, BYTES_OF(&name));
                table_add_str(&t, text_of(o, "spiffe_id"));
                table_add_str(&t, when(o, "not_after", &time));
                table_add_str(&t, json_is_true(json_object_get(o, "carried")) ? "by hand" : when(o, "renew_after", &time));
                table_add_str(&t, trouble(o));
        }
        table_print(c, &t);
        table_clear(&t);
}

/* All of them, however many answers it takes: the first with the agents of all. */
static int ask_enrolled(const struct cli *c, json_t **ret)
{
        json_t *all = NULL, *reply = NULL;
        json_int_t next = 0;
        int r;

        do {
                json_t *request = daemon_request("enrolled", NULL);

                json_object_set_new(request, "skip", json_integer(next));
                r = ask(c, request, &reply);
                next = r == 0 ? keepjson_next(reply, next) : 0;
                json_object_del(reply, "next");
                if (all == NULL) {
                        all = reply;
                } else {
                        json_array_extend(json_object_get(all, "agents"), json_object_get(reply, "agents"));
                        json_decref(reply);
                }
                reply = NULL;
        } while (r == 0 && next > 0);
        if (r == 0)
                *ret = all;
        else
                json_decref(all);
        return r;
}

int cmd_enrolled(struct cli *c)
{
        const json_t *agents;
        json_t *reply = NULL;
        int r;

        r = ask_enrolled(c, &reply);
        if (r != 0)
                return r;
        agents = json_object_get(reply, "agents");
        if (cli_flag(c, "json")) {
                r = print_json("enrolled", with_times(json_incref(reply)));
        } else {
                print_host(reply);
                if (json_array_size(agents) > 0)
                        print_agents(c, agents);
                else
                        say(c, "Nothing is enrolled: holdfast enroll AGENT");
        }
        json_decref(reply);
        return r;
}
