/* SPDX-License-Identifier: BSD-2-Clause */
/* holdfast-issuer: which verb does what? */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "issuer/cmd.h"
#include "lib/err.h"

const struct arg_option args_everywhere[] = {
        { "conf", "FILE", "the configuration; default: HOLDFAST_ISSUER_CONF, or /etc/holdfast/issuer.conf" },
        { "help", NULL, "print help" },
        { 0 },
};

static const struct arg_option init_options[] = {
        { "trust-domain", "NAME", "the SPIFFE trust domain: a name of yours, as example.org" },
        { "url", "URL", "what hosts reach the issuer by: https://NAME[:PORT]" },
        { "directory", "DIR", "of keys, log and database; default /var/lib/holdfast-issuer" },
        { "listen", "ADDRESS:PORT", "default: every address, the URL's port; may be there several times" },
        { "domain", "NAME", "DNS names in and below it may be certified; may be there several times" },
        { "ca-key", "KEY", "the CA's key is there already: a pkcs11: URI or a PEM file" },
        { "ca-kind", "KIND", "make one: P-256 (default), P-384, RSA-3072" },
        { "tls-key", "KEY", "key of the TLS certificate: a pkcs11: URI or a file; default: one is made" },
        { "tls-certificate", "FILE", "the TLS certificate and those it hangs on; default: by the issuer's own CA" },
        { "db", "URL", "postgresql://...; default: SQLite, in DIR" },
        { "admin-socket", "PATH", "the operators' socket; default: admin.sock in DIR" },
        { "ek-roots", "DIR", "certificates of TPM makers: TPMs that hang on them are hardware" },
        { "simulator-roots", "DIR", "certificates of makers of software TPMs, for trying things out: then any host may join" },
        { 0 },
};

static const struct arg_option rotate_options[] = {
        { "use", "USE", "which key: x509, ak, jwt or ssh; default: all" },
        { "key", "KEY", "the next key is there already: a pkcs11: URI or a PEM file; with --use" },
        { "kind", "KIND", "make one: P-256 (default), P-384, RSA-3072, Ed25519 (ssh)" },
        { "overlap", "TIME", "how long it is published before it signs; default 24h" },
        { 0 },
};

static const struct arg_option serve_options[] = {
        { "listen", "ADDRESS:PORT", "in place of the configured ones; port 0: any; may be there several times" },
        { "access-log", NULL, "a line on standard output for each request" },
        { "quiet", NULL, "say nothing but errors" },
        { 0 },
};

#define OUTPUT { "json", NULL, "JSON" }, { "csv", NULL, "CSV (RFC 4180)" }
#define REASON { "reason", "WORD", "unspecified, key-compromise, superseded, cessation, withdrawn" }

static const struct arg_option list_options[] = { OUTPUT, { 0 } };
static const struct arg_option of_host_options[] = { { "host", "HOST", "of this host alone" }, OUTPUT, { 0 } };
static const struct arg_option of_agent_options[] = { { "host", "HOST", "of this host alone" }, { "agent", "AGENT", "of this agent alone, with --host" }, OUTPUT, { 0 } };
static const struct arg_option revoke_options[] = { REASON, { 0 } };
static const struct arg_option agent_options[] = { { "host", "HOST", "the agent's host" }, OUTPUT, { 0 } };
static const struct arg_option agent_approve_options[] = { { "host", "HOST", "the agent's host" }, { 0 } };
static const struct arg_option agent_revoke_options[] = { { "host", "HOST", "the agent's host" }, REASON, { 0 } };
static const struct arg_option serial_options[] = { { "serial", "HEX", "the credential's serial number" }, REASON, { 0 } };
static const struct arg_option token_options[] = { { "host", "HOST", "the only host it is good for" }, { "life", "TIME", "for how long; default 1h" }, { 0 } };
static const struct arg_option challenge_options[] = {
        { "host", "HOST", "the agent's host, which has joined" }, { "join", "FILE", "the host joins with it: what it has shown of itself" }, { "profile", "PROFILE", "what evidence this profile wants, in place of the first that fits" },
        { "life", "TIME", "for how long; default 24h, at most 7d" }, { 0 },
};
static const struct arg_option issue_options[] = {
        { "challenge", "FILE", "what the evidence was made for" }, { "profile", "PROFILE", "by this profile, in place of the first that fits" },
        { "audience", "URL", "a JWT too, for this audience" }, { "out", "DIR", "write credentials to files there; default: JSON on standard output" }, { 0 },
};
static const struct arg_option json_options[] = { { "json", NULL, "JSON" }, { 0 } };

const struct verb args_verbs[] = {
        { "init", "", 0, 0, "make the keys and the configuration of a new issuer", init_options, cmd_init },
        { "serve", "", 0, 0, "answer hosts and operators until told to end", serve_options, cmd_serve },
        { "status", "", 0, 0, "how the issuer is: log, keys, hosts", json_options, cmd_status },
        { "rotate", "", 0, 0, "make the next keys: published now, used after an overlap", rotate_options, cmd_rotate },
        { "host list", "", 0, 0, "the hosts, their TPMs and what was established of them", list_options, cmd_host_list },
        { "host show", "HOST", 1, 1, "all about one host", list_options, cmd_host_show },
        { "host approve", "HOST", 1, 1, "let a host that waits for it have credentials", NULL, cmd_host_approve },
        { "host revoke", "HOST", 1, 1, "take back all that the host and its agents have", revoke_options, cmd_host_revoke },
        { "agent list", "", 0, 0, "the agents, their keys and credentials", of_host_options, cmd_agent_list },
        { "agent show", "AGENT", 1, 1, "all about one agent", agent_options, cmd_agent_show },
        { "agent approve", "AGENT", 1, 1, "let an agent that was revoked have new credentials", agent_approve_options, cmd_agent_approve },
        { "agent revoke", "AGENT", 1, 1, "take back all that the agent has", agent_revoke_options, cmd_agent_revoke },
        { "credential list", "", 0, 0, "the credentials that have not ended", of_agent_options, cmd_credential_list },
        { "revoke", "", 0, 0, "take one credential back", serial_options, cmd_credential_revoke },
        { "token create", "", 0, 0, "make a token by which one new host may join", token_options, cmd_token_create },
        { "challenge", "AGENT", 1, 1, "print a challenge file, for a host without a network", challenge_options, cmd_challenge },
        { "issue", "EVIDENCE", 1, 1, "give credentials for evidence that was carried here", issue_options, cmd_issue },
        { 0 },
};

void cmd_say(const char *fmt, ...)
{
        va_list ap;

        va_start(ap, fmt);
        fputs("holdfast-issuer: ", stderr);
        vfprintf(stderr, fmt, ap);
        fputc('\n', stderr);
        va_end(ap);
}

int cmd_fail(int r)
{
        cmd_say("%s", err_text()[0] != '\0' ? err_text() : err_name(r));
        return r;
}

int main(int argc, char **argv)
{
        struct args a;
        int r = args_parse(argc, argv, &a);

        if (r != 0) {
                if (r < 0)
                        cmd_fail(r);
                return r > 0 ? EXIT_SUCCESS : EXIT_USAGE;
        }
        signal(SIGPIPE, SIG_IGN);
        umask(022);
        r = a.verb->run(&a);
        if (r < 0)
                cmd_fail(r);
        if (r == 0 && (fflush(stdout) != 0 || ferror(stdout) != 0)) {
                cmd_say("standard output could not be written");
                r = EXIT_FAILURE;
        }
        return r < 0 ? err_exit_status(r) : r;
}
