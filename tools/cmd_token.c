/* SPDX-License-Identifier: BSD-2-Clause */
/* holdfast token: a JWT of an agent's by the issuer, or one that the agent signs itself. */
#include <poll.h>
#include <string.h>
#include <time.h>
#include "lib/filepath.h"
#include "tools/credfiles.h"
#include "tools/ownjwt.h"
#include "tools/text.h"
#include "tools/token_form.h"

#define RETRY_FIRST_S 2
#define RETRY_MAX_S 60
#define WAIT_MAX_S 86400

/* Where the issuer's tokens come from, and what is made of them. */
struct order {
        const struct cli *cli;
        struct key_name name;
        struct buf socket;
        const struct token_form *form;
};

static int get(const struct order *o, struct token *ret)
{
        const struct token_wish w = { .agent = o->name.agent, .label = BYTES_OF(&o->name.label), .audience = cli_value(o->cli, "audience") };

        token_clear(ret);
        return tokensock_get((const char *)o->socket.ptr, &w, ret);
}

static int get_file(const struct order *o, struct token *ret)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        int r;

        r = get(o, ret);
        if (r == 0)
                r = o->form->write(ret, cli_value(o->cli, "role"), &text);
        return r == 0 ? filepath_write(cli_value(o->cli, "file"), BYTES_OF(&text), 0600, true) : r;
}

/* At two thirds of what is left of it; the daemon has a new one by then. */
static int64_t wait_for(const struct token *t)
{
        const int64_t left = t->expires_at - (int64_t)time(NULL), wait = left * 2 / 3;

        return wait < 1 ? 1 : wait > WAIT_MAX_S ? WAIT_MAX_S : wait;
}

/* Until somebody ends it, unless the very first fails. What fails later is tried again: the file is good until its token ends. */
static int follow(const struct order *o)
{
        CLEANUP(token_clear) struct token t = { 0 };
        int64_t pause = RETRY_FIRST_S;
        int r;

        r = get_file(o, &t);
        if (r != 0)
                return r;
        for (;;) {
                if (r == 0)
                        pause = RETRY_FIRST_S;
                else
                        say(o->cli, "Warning   no new token: %s; once more in %lld s", err_text(), (long long)pause);
                poll(NULL, 0, (int)(r == 0 ? wait_for(&t) : pause) * 1000);
                if (r != 0)
                        pause = pause * 2 < RETRY_MAX_S ? pause * 2 : RETRY_MAX_S;
                r = get_file(o, &t);
        }
}

static int print_token(const struct order *o, const struct token *t)
{
        CLEANUP(buf_clear) struct buf text = { 0 }, end = { 0 };
        int r;

        if (cli_flag(o->cli, "json")) {
                r = credfiles_when(t->expires_at, &end);
                return r != 0 ? r : print_json("token", json_pack("{s:o, s:s, s:s%, s:s%}", "agent", text_json(BYTES_STR(o->name.agent)),
                                                                  "audience", cli_value(o->cli, "audience"), "token", (const char *)t->jwt.ptr, t->jwt.len,
                                                                  "expires_at", (const char *)end.ptr, end.len));
        }
        r = o->form->write(t, cli_value(o->cli, "role"), &text);
        if (r == 0)
                fwrite(text.ptr, 1, text.len, stdout);
        return r;
}

static int by_issuer(const struct order *o)
{
        CLEANUP(token_clear) struct token t = { 0 };
        int r;

        if (cli_flag(o->cli, "follow"))
                return follow(o);
        if (cli_flag(o->cli, "file"))
                return get_file(o, &t);
        r = get(o, &t);
        return r == 0 ? print_token(o, &t) : r;
}

/* A JWT that is the agent's own, and what to call it. */
static int print_own(const struct cli *c, const char *what, struct buf *jwt)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        int r = 0;

        if (cli_flag(c, "json"))
                return print_json(what, json_pack("{s:s%}", "token", (const char *)jwt->ptr, jwt->len));
        if (cli_flag(c, "client-assertion"))
                r = token_form_assertion("jwt-bearer", BYTES_OF(jwt), &text);
        else
                r = buf_append(&text, jwt->ptr, jwt->len) == 0 ? buf_append_u8(&text, '\n') : ERR_NOMEM;
        if (r == 0)
                fwrite(text.ptr, 1, text.len, stdout);
        return r;
}

static int dpop(const struct cli *c, struct p11agent *a, const struct p11key *k)
{
        CLEANUP(buf_clear) struct buf jwt = { 0 }, access_token = { 0 };
        const char *file = cli_value(c, "access-token-file");
        int r = 0;

        if (file != NULL)
                r = ask_secret(c, "access token", file, false, &access_token);
        if (r == 0)
                r = ownjwt_dpop(a, k, &(struct dpop_wish){ .method = cli_value(c, "dpop"), .url = cli_arg(c, 1), .nonce = cli_value(c, "nonce"),
                                                           .access_token = BYTES_OF(&access_token), .now = time(NULL) }, &jwt);
        return r == 0 ? print_own(c, "dpop", &jwt) : r;
}

/* Who has no other name at the server is known by its SPIFFE ID. */
static int assertion(const struct cli *c, const struct key_name *n, struct p11agent *a, const struct p11key *k)
{
        CLEANUP(credfiles_clear) struct credfiles f = { 0 };
        CLEANUP(conf_clear) struct conf conf = { 0 };
        CLEANUP(buf_clear) struct buf jwt = { 0 };
        struct assertion_wish w = { .client = cli_value(c, "client-id"), .audience = cli_value(c, "audience"), .now = time(NULL) };
        int r = 0;

        if (w.client == NULL) {
                r = cli_conf(c, &conf);
                if (r == 0)
                        r = credfiles_find(&conf, n, &f);
                w.client = r == 0 ? buf_str(&f.spiffe_id) : NULL;
                if (r == 0 && f.spiffe_id.len == 0)
                        r = err(ERR_NOCRED, "the agent has no SPIFFE ID yet: give --client-id");
        }
        if (r == 0)
                r = ownjwt_assertion(a, k, &w, &jwt);
        return r == 0 ? print_own(c, "client-assertion", &jwt) : r;
}

static int by_itself(const struct cli *c, const struct key_name *n)
{
        CLEANUP(p11keys_clear) struct p11keys keys = { 0 };
        CLEANUP(conf_clear) struct conf conf = { 0 };
        const struct p11key *k = NULL;
        struct p11agent *a = NULL;
        int r;

        /* --store and --tcti are for the module, too. */
        r = cli_conf(c, &conf);
        if (r == 0)
                r = p11agent_open(n->agent, &a);
        if (r == 0)
                r = p11agent_keys(a, &keys);
        if (r == 0)
                r = p11keys_choose(&keys, BYTES_OF(&n->label), &k);
        if (r == 0)
                r = cli_flag(c, "dpop") ? dpop(c, a, k) : assertion(c, n, a, k);
        p11agent_close(a);
        return r;
}

/* What goes with what. */
static int check(const struct cli *c)
{
        static const char *const of_dpop[] = { "nonce", "access-token-file" }, *const of_issuer[] = { "file", "follow", "format", "role" };
        bool is_dpop = cli_flag(c, "dpop"), is_assertion = cli_flag(c, "client-assertion");

        if (is_dpop && is_assertion)
                return err(ERR_USAGE, "choose one of --dpop and --client-assertion");
        if (is_dpop != (cli_arg(c, 1) != NULL))
                return err(ERR_USAGE, is_dpop ? "--dpop METHOD needs the URL behind the agent" : "a URL goes with --dpop METHOD; the token's audience is --audience URL");
        if (!is_dpop && !cli_flag(c, "audience"))
                return err(ERR_USAGE, "--audience says for whom the token is");
        for (size_t i = 0; i < ARRAY_LEN(of_dpop); ++i) {
                if (!is_dpop && cli_flag(c, of_dpop[i]))
                        return err(ERR_USAGE, "--%s goes with --dpop", of_dpop[i]);
        }
        for (size_t i = 0; i < ARRAY_LEN(of_issuer); ++i) {
                if ((is_dpop || is_assertion) && cli_flag(c, of_issuer[i]))
                        return err(ERR_USAGE, "--%s is for the issuer's tokens", of_issuer[i]);
        }
        if (!is_assertion && cli_flag(c, "client-id"))
                return err(ERR_USAGE, "--client-id goes with --client-assertion");
        return cli_flag(c, "follow") && !cli_flag(c, "file") ? err(ERR_USAGE, "--follow keeps a file: --file FILE") : 0;
}

int cmd_token(struct cli *c)
{
        CLEANUP(conf_clear) struct conf conf = { 0 };
        struct order o = { .cli = c };
        const char *form = cli_value(c, "format");
        int r;

        r = check(c);
        if (r == 0)
                r = token_form_find(form != NULL ? form : "jwt", &o.form);
        if (r == 0)
                r = key_name_parse(cli_arg(c, 0), NULL, &o.name);
        if (r == 0 && (cli_flag(c, "dpop") || cli_flag(c, "client-assertion"))) {
                r = by_itself(c, &o.name);
        } else if (r == 0) {
                r = cli_conf(c, &conf);
                if (r == 0)
                        r = credfiles_token_socket(&conf, &o.socket);
                if (r == 0)
                        r = by_issuer(&o);
        }
        key_name_clear(&o.name);
        buf_clear(&o.socket);
        return r;
}
