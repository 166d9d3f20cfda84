/* SPDX-License-Identifier: BSD-2-Clause */
/* holdfast evidence make: the host's daemon attests a key, the host, or both, for somebody's challenge. */
#include <string.h>
#include <unistd.h>
#include "lib/filepath.h"
#include "tools/daemon.h"
#include "tools/evidence.h"
#include "tools/keyname.h"
#include "tools/text.h"

static int put(const struct cli *c, struct bytes evidence)
{
        const char *path = cli_value(c, "out");
        CLEANUP(buf_clear) struct buf text = { 0 };
        int r;

        if (path != NULL) {
                /* There is no secret in it. */
                r = filepath_write(path, evidence, 0644, true);
                if (r == 0 && cli_flag(c, "json"))
                        return print_json("evidence", json_pack("{s:o, s:I}", "file", text_json(BYTES_STR(path)), "octets", (json_int_t)evidence.len));
                if (r == 0)
                        say(c, "Evidence of %zu octets is in %s.", evidence.len, path);
                return r;
        }
        if (cli_flag(c, "json")) {
                r = base64_encode(evidence, &text);
                return r != 0 ? r : print_json("evidence", json_pack("{s:s, s:I}", "evidence", buf_str(&text), "octets", (json_int_t)evidence.len));
        }
        if (isatty(STDOUT_FILENO))
                return err(ERR_USAGE, "evidence is no text: give --out FILE, or --json");
        return fwrite(evidence.ptr, 1, evidence.len, stdout) == evidence.len && fflush(stdout) == 0 ? 0 : err_errno("cannot write to standard output");
}

/* Whose key: what is named here, else what the challenge file names; empty: none. */
static int whose(const struct cli *c, const struct challenge *ch, struct key_name *ret)
{
        CLEANUP(buf_clear) struct buf name = { 0 };
        const char *given = cli_arg(c, 0), *id = cli_value(c, "id");
        int r = 0;

        if (given != NULL)
                return key_name_parse(given, id, ret);
        if (id != NULL)
                return err(ERR_USAGE, "--id says which of an agent's keys: name the agent");
        if (ch->agent.len == 0)
                return 0;
        r = buf_append(&name, ch->agent.ptr, ch->agent.len);
        if (r == 0 && ch->label.len > 0)
                r = buf_append_str(&name, "/");
        if (r == 0 && ch->label.len > 0)
                r = buf_append(&name, ch->label.ptr, ch->label.len);
        return r != 0 ? r : key_name_parse(buf_str(&name), NULL, ret);
}

static void add_flag(const struct cli *c, json_t *request, const char *name, bool asked)
{
        if (asked || cli_flag(c, name))
                json_object_set_new(request, name, json_true());
}

static int request_new(const struct cli *c, struct challenge *ch, struct key_name *name, json_t **ret)
{
        const char *pcrs = cli_value(c, "pcrs"), *hash = cli_value(c, "pcr-hash");
        char from_challenge[PCRS_TEXT_SIZE];
        uint32_t selected;
        uint16_t bank;
        int r = pcr_hash_parse(hash, &bank);

        if (r == 0 && pcrs != NULL)
                r = pcrs_parse(pcrs, &selected);
        if (r != 0)
                return r;
        if (pcrs == NULL && ch->pcrs != 0)
                pcrs = pcrs_text(ch->pcrs, from_challenge);
        if (hash == NULL && ch->tells)
                hash = ch->pcr_hash;
        if (name->agent[0] == 0 && pcrs == NULL)
                return err(ERR_USAGE, "evidence is of a key, of the host, or of both: name AGENT, or give --pcrs");
        *ret = daemon_request("evidence", "agent", name->agent[0] != 0 ? name->agent : NULL, "label", name->label.len > 0 ? buf_str(&name->label) : NULL,
                              "pcrs", pcrs, "pcr-hash", hash, "to", cli_value(c, "to"), "join", ch->join.len > 0 ? buf_str(&ch->join) : NULL, NULL);
        if (*ret == NULL)
                return err(ERR_NOMEM, "out of memory");
        daemon_add_bytes(*ret, "challenge", BYTES_OF(&ch->octets));
        daemon_add_bytes(*ret, "id", BYTES_OF(&name->id));
        add_flag(c, *ret, "event-log", ch->event_log);
        add_flag(c, *ret, "ima", ch->ima);
        add_flag(c, *ret, "log", ch->log);
        return 0;
}

static int ask(const struct cli *c, json_t *request, struct buf *ret)
{
        CLEANUP(conf_clear) struct conf conf = { 0 };
        struct daemon *d = NULL;
        json_t *reply = NULL;
        const char *text;
        int r;

        r = cli_conf(c, &conf);
        if (r == 0)
                r = daemon_open(&conf, &d);
        if (r != 0) {
                json_decref(request);
                return r == ERR_NOENT ? err(ERR_DAEMON, "the attestation key is the daemon's, and there is none for this store") : r;
        }
        r = daemon_ask(d, request, &reply);
        daemon_close(d);
        text = json_string_value(json_object_get(reply, "evidence"));
        if (r == 0)
                r = text != NULL ? base64_decode(text, strlen(text), ret) : err(ERR_FORMAT, "the daemon's answer has no evidence in it");
        json_decref(reply);
        return r;
}

int cmd_evidence_make(struct cli *c)
{
        CLEANUP(challenge_clear) struct challenge ch = { 0 };
        CLEANUP(key_name_clear) struct key_name name = { 0 };
        CLEANUP(buf_clear) struct buf evidence = { 0 };
        json_t *request = NULL;
        int r;

        r = challenge_read(cli_value(c, "challenge"), &ch);
        if (r == 0)
                r = whose(c, &ch, &name);
        if (r == 0)
                r = request_new(c, &ch, &name, &request);
        if (r == 0)
                r = ask(c, request, &evidence);
        return r != 0 ? r : put(c, BYTES_OF(&evidence));
}
