/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line: what verbs and options there are (tables), and what was given this time. */
#ifndef HOLDFAST_TOOLS_CLI_H
#define HOLDFAST_TOOLS_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include "lib/conf.h"
#include "lib/err.h"

/* Beside ERR_*, for what a verb returns. */
enum {
        ERR_USAGE = -100,         /* the command is written wrongly */
        ERR_MISMATCH = -101,      /* two things that should belong together do not */
        ERR_NOFILE = -102,        /* a file that the user named is not there */
        ERR_SWTPM = -103,         /* the software TPM of `holdfast dev` does not run */
        ERR_DAEMON = -105,        /* the daemon is needed and does not run */
        ERR_NOCRED = -106,        /* the agent has no such credential, or no longer: not joined, not enrolled, ended */
        ERR_CONF = -104,          /* the configuration or environment cannot be taken as it is */
};

struct cli_option {
        const char *name;         /* "owner" */
        char letter;              /* 'v', or 0 */
        const char *arg;          /* "WHO"; NULL for a flag */
        const char *help;
};

enum {
        VERB_WRITES = 1,          /* takes --dry-run */
        VERB_COMMAND = 2,         /* what follows the options is a command with options of its own */
        VERB_NO_JSON = 4,         /* its output is another program's, or text for one */
};

struct cli;

struct cli_verb {
        const char *name;         /* "agent create" */
        const char *args;         /* "NAME", "[AGENT]" */
        unsigned min, max;        /* how many of them */
        unsigned flags;
        const char *help;
        const struct cli_option *options; /* NULL, or ends with a NULL name */
        int (*run)(struct cli *c); /* 0, ERR_*, or a positive exit status */
};

/* NULL behind the last. */
const struct cli_verb *cli_verb_at(size_t i);
const struct cli_option *cli_global_at(size_t i);

#define CLI_GIVEN_MAX 64

/* One command as given. Zero-initialise. */
struct cli {
        const struct cli_verb *verb;
        const char *family;       /* "agent", where --help was asked for it */
        struct {
                const struct cli_option *option;
                const char *value;
        } given[CLI_GIVEN_MAX];
        size_t n_given;
        char **args;              /* into argv, which is reordered */
        size_t n_args;
};

/* ERR_USAGE with its sentence. argv lives as long as c. */
int cli_parse(int argc, char **argv, struct cli *ret);
bool cli_flag(const struct cli *c, const char *option);
unsigned cli_count(const struct cli *c, const char *option);
/* The last one given, or NULL. */
const char *cli_value(const struct cli *c, const char *option);
/* The i-th of an option given more than once, or NULL. */
const char *cli_value_at(const struct cli *c, const char *option, unsigned i);
/* The i-th argument, or NULL. */
const char *cli_arg(const struct cli *c, size_t i);

/* For what a verb returned: the exit status; the code's name; what to do about it, or NULL. */
int cli_exit_status(int r);
const char *cli_err_name(int r);
const char *cli_err_hint(int r);
/* Exit statuses and their meaning; NULL behind the last. */
struct cli_exit {
        int status;
        const char *meaning;
};
const struct cli_exit *cli_exit_at(size_t i);

/* The configuration, --store and --tcti over it. ERR_CONF. */
int cli_conf(const struct cli *c, struct conf *ret);

/* The verbs' table, made from by help, completion and the manual's check. */
void cli_help(FILE *f, const struct cli_verb *v, const char *family);
void cli_completion_bash(FILE *f);
void cli_dump(FILE *f);

/* One for each verb; tools/cmd_*.c. */
int cmd_init(struct cli *c);
int cmd_status(struct cli *c);
int cmd_doctor(struct cli *c);
int cmd_agent_create(struct cli *c);
int cmd_agent_list(struct cli *c);
int cmd_agent_show(struct cli *c);
int cmd_agent_set(struct cli *c);
int cmd_agent_delete(struct cli *c);
int cmd_agent_allow(struct cli *c);
int cmd_agent_deny(struct cli *c);
int cmd_agent_accept(struct cli *c);
int cmd_policy_check(struct cli *c);
int cmd_lock(struct cli *c);
int cmd_unlock(struct cli *c);
int cmd_reload(struct cli *c);
int cmd_key_create(struct cli *c);
int cmd_key_list(struct cli *c);
int cmd_key_show(struct cli *c);
int cmd_key_export_ref(struct cli *c);
int cmd_key_import_cert(struct cli *c);
int cmd_key_delete(struct cli *c);
int cmd_audit_log(struct cli *c);
int cmd_audit_search(struct cli *c);
int cmd_audit_verify(struct cli *c);
int cmd_audit_checkpoint(struct cli *c);
int cmd_audit_prove(struct cli *c);
int cmd_audit_check_proof(struct cli *c);
int cmd_audit_export(struct cli *c);
int cmd_evidence_make(struct cli *c);
int cmd_evidence_verify(struct cli *c);
int cmd_evidence_show(struct cli *c);
int cmd_config(struct cli *c);
int cmd_inspect(struct cli *c);
int cmd_dev(struct cli *c);
int cmd_join(struct cli *c);
int cmd_enroll(struct cli *c);
int cmd_unenroll(struct cli *c);
int cmd_revoke(struct cli *c);
int cmd_enrolled(struct cli *c);
int cmd_run(struct cli *c);
int cmd_ssh(struct cli *c);
int cmd_ssh_config(struct cli *c);
int cmd_curl(struct cli *c);
int cmd_token(struct cli *c);
int cmd_cert(struct cli *c);
int cmd_completion(struct cli *c);
int cmd_version(struct cli *c);
int cmd_help(struct cli *c);

#endif
