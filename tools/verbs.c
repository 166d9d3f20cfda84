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

static const struct cli_option config_options[] = {
        { "print", 0, NULL, "print what would be configured (this is the default)" },
        { "install", 0, NULL, "write it where the program finds it" },
        { "remove", 0, NULL, "take away what --install wrote" },
        { .name = NULL },
};

static const struct cli_option dev_options[] = {
        { "keep", 0, NULL, "leave the directory with store, TPM state and log" },
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
        { "agent show", "AGENT", 1, 1, 0, "show an agent and its keys", NULL, cmd_agent_show },
        { "agent set", "AGENT", 1, 1, VERB_WRITES, "change an agent's owner or PIN", agent_set_options, cmd_agent_set },
        { "agent delete", "AGENT", 1, 1, VERB_WRITES, "delete an agent with its keys and certificates", NULL, cmd_agent_delete },
        { "key create", "AGENT/LABEL", 1, 1, VERB_WRITES, "make a key", key_create_options, cmd_key_create },
        { "key list", "[AGENT]", 0, 1, 0, "list keys", key_list_options, cmd_key_list },
        { "key show", "AGENT[/LABEL]", 1, 1, 0, "show a key, or its public half in another form", key_show_options, cmd_key_show },
        { "key export-ref", "AGENT[/LABEL]", 1, 1, VERB_NO_JSON, "print a file that stands for the key where a program wants a key file", key_id_options, cmd_key_export_ref },
        { "key import-cert", "AGENT[/LABEL] FILE", 2, 2, VERB_WRITES, "put a certificate beside its key", key_id_options, cmd_key_import_cert },
        { "key delete", "AGENT/LABEL", 1, 1, VERB_WRITES, "delete a key and its certificates", key_id_options, cmd_key_delete },
        { "config", "PROGRAM [AGENT[/LABEL]]", 1, 2, VERB_WRITES, "make a program use the keys: ssh, openssl, git, p11-kit, curl, nginx", config_options, cmd_config },
        { "inspect", "FILE", 1, 1, 0, "say what a key file, certificate or file of the store is", NULL, cmd_inspect },
        { "dev", "[-- CMD...]", 0, CLI_GIVEN_MAX, VERB_COMMAND | VERB_NO_JSON, "run CMD, or a shell, with a private software TPM", dev_options, cmd_dev },
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
