/* SPDX-License-Identifier: BSD-2-Clause */
/* What verbs and options there are: the one table that parsing, help, completion and the
 * manual's check read. */
#include "lib/buf.h"
#include "tools/cli.h"

static const struct cli_option global_options[] = {
        { "store", 0, "DIR", "use the store in DIR" },
        { "tcti", 0, "CONF", "reach the TPM by CONF, such as device:/dev/tpmrm0" },
        { "json", 0, NULL, "print one JSON document" },
        { "quiet", 'q', NULL, "say nothing but errors, print no table heads" },
        { "verbose", 'v', NULL, "say more; twice: let the TPM software stack log too" },
        { "no-input", 0, NULL, "never ask anything" },
        { "yes", 'y', NULL, "answer yes to every question" },
        { "dry-run", 0, NULL, "check and say what would be done, and do nothing" },
        { "help", 'h', NULL, "print help" },
};

static const struct cli_option init_options[] = {
        { "owner-auth", 0, "FILE", "the TPM's owner authorisation is in FILE" },
        { "seal-owner", 0, NULL, "set the owner authorisation to a random value that only this TPM can unseal" },
        { .name = NULL },
};

static const struct cli_option doctor_options[] = {
        { "deep", 0, NULL, "load every key into the TPM" },
        { .name = NULL },
};

static const struct cli_option agent_create_options[] = {
        { "owner", 0, "WHO", "the person answerable for the agent" },
        { "key", 0, "KIND", "make a key of this kind in place of P-256" },
        { "label", 0, "LABEL", "name the key LABEL in place of default" },
        { "no-key", 0, NULL, "make no key" },
        { "allow", 0, "RULE", "let those use its keys whom RULE describes; may be given again" },
        { "pin", 0, NULL, "protect the agent with PINs, and ask for those that no file has" },
        { "pin-file", 0, "FILE", "the user's PIN is the first line of FILE; - is standard input" },
        { "so-pin-file", 0, "FILE", "the security officer's PIN is the first line of FILE" },
        { "pin-lockout", 0, "WHERE", "where wrong PINs count: in the store, or in the tpm too" },
        { .name = NULL },
};

static const struct cli_option agent_list_options[] = {
        { "names", 0, NULL, "print names alone, one a line" },
        { .name = NULL },
};

static const struct cli_option agent_show_options[] = {
        { "effective", 0, NULL, "show the rules and locks that are in force" },
        { .name = NULL },
};

static const struct cli_option agent_accept_options[] = {
        { "all", 0, NULL, "the whole store" },
        { .name = NULL },
};

static const struct cli_option policy_check_options[] = {
        { "pid", 0, "PID", "for this process, in place of the one that runs this command" },
        { "operation", 0, "OP", "sign, decrypt, derive, mac, generate, create, change or delete, in place of sign" },
        { "mechanism", 0, "MECHANISM", "with this mechanism, such as ECDSA" },
        { .name = NULL },
};

static const struct cli_option lock_options[] = {
        { "all", 0, NULL, "all agents" },
        { "why", 0, "TEXT", "the reason, for those who are refused and for the log" },
        { .name = NULL },
};

static const struct cli_option unlock_options[] = {
        { "all", 0, NULL, "the lock on all agents; one that an agent has of its own stays" },
        { .name = NULL },
};

static const struct cli_option agent_set_options[] = {
        { "owner", 0, "WHO", "the person answerable from now on" },
        { "pin", 0, NULL, "set a new user's PIN as the security officer, and ask for what no file has" },
        { "pin-file", 0, "FILE", "the new user's PIN is the first line of FILE; - is standard input" },
        { "so-pin-file", 0, "FILE", "the security officer's PIN is the first line of FILE" },
        { .name = NULL },
};

static const struct cli_option key_create_options[] = {
        { "kind", 0, "KIND", "make a key of this kind in place of P-256" },
        { "use", 0, "USES", "sign, decrypt, derive: one or more, with commas between" },
        { "id", 0, "HEX", "CKA_ID in place of the public key's digest" },
        { "pin-file", 0, "FILE", "the user's PIN is the first line of FILE; - is standard input" },
        { .name = NULL },
};

static const struct cli_option key_list_options[] = {
        { "ssh", 0, NULL, "print OpenSSH public keys, one a line" },
        { "names", 0, NULL, "print AGENT/LABEL alone, one a line" },
        { .name = NULL },
};

static const struct cli_option key_show_options[] = {
        { "id", 0, "HEX", "the key with this CKA_ID" },
        { "pem", 0, NULL, "print the public key as PEM" },
        { "ssh", 0, NULL, "print the public key as an OpenSSH line" },
        { "uri", 0, NULL, "print the private key's pkcs11: URI" },
        { "cert", 0, NULL, "print the certificate as PEM" },
        { "file", 0, NULL, "print the path of the key's file" },
        { .name = NULL },
};

static const struct cli_option key_id_options[] = {
        { "id", 0, "HEX", "the key with this CKA_ID" },
        { .name = NULL },
};

#define AUDIT_WHICH \
        { "log", 0, "DIR", "the log in DIR, or a copy of it, in place of the configured one" }
#define AUDIT_FILTERS \
        { "lines", 'n', "N", "the last N of them; all: all of them" }, \
        { "follow", 0, NULL, "go on with new records as they come" }, \
        { "agent", 0, "AGENT", "those of this agent" }, \
        { "key", 0, "LABEL", "those of keys with this label" }, \
        { "event", 0, "EVENT", "those of this kind: use, create, delete, rule, lock, start and others" }, \
        { "decision", 0, "DECISION", "those that were allowed, refused or failed" }, \
        { "uid", 0, "USER", "those of this user's processes, by name or number" }, \
        { "since", 0, "TIME", "not before TIME: 2026-11-25, 2026-11-25T09:30, or 15m, 2h, 7d ago" }, \
        { "until", 0, "TIME", "before TIME" }

static const struct cli_option audit_log_options[] = {
        AUDIT_WHICH,
        AUDIT_FILTERS,
        { .name = NULL },
};

static const struct cli_option audit_verify_options[] = {
        { "ak", 0, "FILE", "the attestation key's public half is in FILE, PEM or a certificate" },
        { "witness-key", 0, "KEY", "checkpoints have a line by this Ed25519 key, too: a PEM public key's file, or NAME+ID+KEY" },
        { "no-signatures", 0, NULL, "do not check each signature against its key" },
        { "no-checkpoint", 0, NULL, "do not let the daemon make a checkpoint first" },
        { "nv", 0, "VALUE", "the TPM's NV counter is VALUE; ask: ask the daemon, for a copy too" },
        { .name = NULL },
};

static const struct cli_option audit_prove_options[] = {
        AUDIT_WHICH,
        { "log-number", 0, "L", "the record is in log number L, and not in the newest" },
        { .name = NULL },
};

static const struct cli_option audit_check_proof_options[] = {
        { "ak", 0, "FILE", "the attestation key's public half is in FILE, PEM or a certificate" },
        { .name = NULL },
};

static const struct cli_option audit_export_options[] = {
        AUDIT_WHICH,
        { "format", 0, "FORMAT", "json, cef, syslog or ocsf" },
        { "to", 0, "SINK", "FILE, unix:PATH, tcp:HOST:PORT, udp:HOST:PORT or command:CMD, in place of standard output" },
        { "follow", 0, NULL, "go on with new records as they come" },
        { "state", 0, "FILE", "go on behind what FILE says was delivered, and keep it so" },
        { .name = NULL },
};

static const struct cli_option config_options[] = {
        { "print", 0, NULL, "print what would be configured (this is the default)" },
        { "install", 0, NULL, "write it where the program finds it" },
        { "remove", 0, NULL, "take away what --install wrote" },
        { .name = NULL },
};

static const struct cli_option dev_options[] = {
        { "direct", 0, NULL, "start no daemon: programs use the TPM themselves" },
        { "keep", 0, NULL, "leave the directory with store, TPM state and logs" },
        { .name = NULL },
};

static const struct cli_option completion_options[] = {
        { "dump", 0, NULL, "print the table of verbs, options and configuration keys" },
        { .name = NULL },
};

static const struct cli_verb verbs[] = {
        { "init", "", 0, 0, VERB_WRITES, "make the store and its parent key in the TPM", init_options, cmd_init },
        { "status", "", 0, 0, 0, "say in a few lines what there is", NULL, cmd_status },
        { "doctor", "", 0, 0, 0, "say what is wrong and how to mend it", doctor_options, cmd_doctor },
        { "agent create", "NAME", 1, 1, VERB_WRITES, "make an agent and a key for it", agent_create_options, cmd_agent_create },
        { "agent list", "", 0, 0, 0, "list agents", agent_list_options, cmd_agent_list },
        { "agent show", "AGENT", 1, 1, 0, "show an agent and its keys", agent_show_options, cmd_agent_show },
        { "agent set", "AGENT", 1, 1, VERB_WRITES, "change an agent's owner or PIN", agent_set_options, cmd_agent_set },
        { "agent delete", "AGENT", 1, 1, VERB_WRITES, "delete an agent with its keys and certificates", NULL, cmd_agent_delete },
        { "agent allow", "AGENT RULE...", 2, CLI_GIVEN_MAX, VERB_WRITES, "let those use an agent's keys whom a rule describes", NULL, cmd_agent_allow },
        { "agent deny", "AGENT NUMBER", 2, 2, VERB_WRITES, "remove one of an agent's rules", NULL, cmd_agent_deny },
        { "agent accept", "[AGENT]", 0, 1, VERB_WRITES, "take files of the store as they are, which somebody else than the daemon changed", agent_accept_options, cmd_agent_accept },
        { "key create", "AGENT/LABEL", 1, 1, VERB_WRITES, "make a key", key_create_options, cmd_key_create },
        { "key list", "[AGENT]", 0, 1, 0, "list keys", key_list_options, cmd_key_list },
        { "key show", "AGENT[/LABEL]", 1, 1, 0, "show a key, or its public half in another form", key_show_options, cmd_key_show },
        { "key export-ref", "AGENT[/LABEL]", 1, 1, VERB_NO_JSON, "print a file that stands for the key where a program wants a key file", key_id_options, cmd_key_export_ref },
        { "key import-cert", "AGENT[/LABEL] FILE", 2, 2, VERB_WRITES, "put a certificate beside its key", key_id_options, cmd_key_import_cert },
        { "key delete", "AGENT/LABEL", 1, 1, VERB_WRITES, "delete a key and its certificates", key_id_options, cmd_key_delete },
        { "policy check", "AGENT[/LABEL]", 1, 1, 0, "say what a process may do with a key, and why", policy_check_options, cmd_policy_check },
        { "lock", "[AGENT]", 0, 1, VERB_WRITES, "stop every use of an agent's keys, or of all", lock_options, cmd_lock },
        { "unlock", "[AGENT]", 0, 1, VERB_WRITES, "take a lock back", unlock_options, cmd_unlock },
        { "reload", "", 0, 0, 0, "let the daemon read rules anew", NULL, cmd_reload },
        { "audit log", "", 0, 0, 0, "show the newest records of the log", audit_log_options, cmd_audit_log },
        { "audit search", "TEXT", 1, 1, 0, "show the records in which TEXT stands", audit_log_options, cmd_audit_search },
        { "audit verify", "[DIR]", 0, 1, 0, "check that the log is whole, and all that the TPM did", audit_verify_options, cmd_audit_verify },
        { "audit checkpoint", "", 0, 0, 0, "let the TPM vouch for the log as it is now", NULL, cmd_audit_checkpoint },
        { "audit prove", "N", 1, 1, VERB_NO_JSON, "print a proof that record N is in the log", audit_prove_options, cmd_audit_prove },
        { "audit check-proof", "FILE", 1, 1, 0, "check such a proof and print its record", audit_check_proof_options, cmd_audit_check_proof },
        { "audit export", "", 0, 0, 0, "hand records to another program, each at least once", audit_export_options, cmd_audit_export },
        { "config", "PROGRAM [AGENT[/LABEL]]", 1, 2, VERB_WRITES, "make a program use the keys: ssh, openssl, git, p11-kit, curl, nginx", config_options, cmd_config },
        { "inspect", "FILE", 1, 1, 0, "say what a key file, certificate or file of the store is", NULL, cmd_inspect },
        { "dev", "[-- CMD...]", 0, CLI_GIVEN_MAX, VERB_COMMAND | VERB_NO_JSON, "run CMD, or a shell, with a private software TPM and daemon", dev_options, cmd_dev },
        { "completion", "[SHELL]", 0, 1, VERB_NO_JSON, "print the completion script for a shell: bash", completion_options, cmd_completion },
        { "version", "", 0, 0, 0, "print the version", NULL, cmd_version },
        { "help", "[VERB...]", 0, 2, VERB_NO_JSON, "print help for a verb", NULL, cmd_help },
};

const struct cli_verb *cli_verb_at(size_t i)
{
        return i < ARRAY_LEN(verbs) ? &verbs[i] : NULL;
}

const struct cli_option *cli_global_at(size_t i)
{
        return i < ARRAY_LEN(global_options) ? &global_options[i] : NULL;
}
