/* SPDX-License-Identifier: BSD-2-Clause */
/* What verbs and options there are: the one table that parsing, help, completion and the
 * manual's check read. */
#include <limits.h>
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
        { "issuer-key", 0, "FILE", "the log is an issuer's: its checkpoints are by a key in FILE, PEM public keys or certificates" },
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
        { "issuer-key", 0, "FILE", "the log is an issuer's: its checkpoints are by a key in FILE, PEM public keys or certificates" },
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

static const struct cli_option evidence_make_options[] = {
        { "challenge", 0, "HEX", "what the evidence is for: 32 to 128 hex digits, or a FILE with it or with a challenge file" },
        { "id", 0, "HEX", "the key with this CKA_ID" },
        { "pcrs", 0, "LIST", "quote these PCRs, such as 0,2,7; with verify: demand exactly these" },
        { "pcr-hash", 0, "HASH", "sha256, sha384 or sha512: of this bank" },
        { "event-log", 0, NULL, "with the firmware's event log; with verify: it must explain the PCRs" },
        { "ima", 0, NULL, "with Linux's list of measured files; with verify: it must explain PCR 10" },
        { "log", 0, NULL, "with the newest checkpoint of the host's log" },
        { "to", 0, "TEXT", "for whom it is, for the host's log" },
        { "out", 'o', "FILE", "write it to FILE, in place of standard output" },
        { .name = NULL },
};

static const struct cli_option evidence_verify_options[] = {
        { "challenge", 0, "HEX", "what the evidence is for: 32 to 128 hex digits, or a FILE with it or with a challenge file" },
        { "policy", 0, "FILE", "what is demanded is in FILE, JSON" },
        { "ak-name", 0, "HEX", "believe the attestation key with this TPM Name; may be given again" },
        { "root", 0, "FILE", "believe attestation keys with a certificate by the one in FILE; may be given again" },
        { "ek-name", 0, "HEX", "the attestation key may be below the endorsement key with this Name" },
        { "srk-name", 0, "HEX", "the key is below the parent with this Name" },
        { "pcrs", 0, "LIST", "quote these PCRs, such as 0,2,7; with verify: demand exactly these" },
        { "pcr-hash", 0, "HASH", "sha256, sha384 or sha512: of this bank" },
        { "event-log", 0, NULL, "with the firmware's event log; with verify: it must explain the PCRs" },
        { "ima", 0, NULL, "with Linux's list of measured files; with verify: it must explain PCR 10" },
        { "secure-boot", 0, NULL, "demand that secure boot is on, by the event log" },
        { "host-only", 0, NULL, "demand no key" },
        { "clock-unsafe", 0, NULL, "allow a TPM whose clock may have gone back at its last loss of power" },
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
        { "issuer", 0, NULL, "start an issuer, too, and make this host known to it" },
        { "keep", 0, NULL, "leave the directory with store, TPM state and logs" },
        { .name = NULL },
};

#define JOIN_OPTIONS \
        { "token", 0, "TOKEN", "the join token that the issuer gave for this host; others may see it while the command runs" }, \
        { "token-file", 0, "FILE", "the join token is the first line of FILE; - is standard input" }, \
        { "ca", 0, "FILE", "trust the issuer's TLS by the certificates in FILE, and no others" }, \
        { "host", 0, "NAME", "this host's name at the issuer, in place of the system's" }

static const struct cli_option join_options[] = {
        JOIN_OPTIONS,
        { "out", 0, "FILE", "ask no issuer: write to FILE what is carried to one that this host does not reach" },
        { .name = NULL },
};

static const struct cli_option enroll_options[] = {
        { "issuer", 0, "URL", "join this issuer first" },
        { "from", 0, "FILE", "ask no issuer: the credentials are in FILE, or in a directory, as the issuer wrote them" },
        { "profile", 0, "PROFILE", "ask for this profile, in place of the one that the issuer chooses" },
        JOIN_OPTIONS,
        { .name = NULL },
};

static const struct cli_option revoke_options[] = {
        { "reason", 0, "WORD", "unspecified, key-compromise, superseded, cessation or withdrawn" },
        { "keep", 0, NULL, "leave the agent's keys enrolled, for when the issuer lets it have credentials again" },
        { .name = NULL },
};

static const struct cli_option token_options[] = {
        { "audience", 0, "URL", "for whom the token is" },
        { "format", 0, "FORM", "jwt, vault, kubernetes or oauth-spiffe" },
        { "role", 0, "ROLE", "the role to log in to, for --format vault" },
        { "file", 0, "FILE", "write it there, readable by this user alone, in place of standard output" },
        { "follow", 0, NULL, "stay and keep that file fresh" },
        { "client-assertion", 0, NULL, "sign a client assertion with the agent's own key, as the body of a token request" },
        { "client-id", 0, "ID", "the client's name in it, in place of the agent's SPIFFE ID" },
        { "dpop", 0, "METHOD", "sign a DPoP proof for METHOD and URL with the agent's own key" },
        { "nonce", 0, "NONCE", "the server's nonce, for the proof" },
        { "access-token-file", 0, "FILE", "the access token that goes with the proof is the first line of FILE; - is standard input" },
        { .name = NULL },
};

static const struct cli_option cert_options[] = {
        { "bundle", 0, NULL, "the CA certificates" },
        { "ssh", 0, NULL, "the SSH certificate" },
        { "known-hosts", 0, NULL, "the SSH CA for hosts, as lines of a known_hosts file" },
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
        { "evidence make", "[AGENT[/LABEL]]", 0, 1, 0, "let the TPM attest a key, this host, or both, for a challenge", evidence_make_options, cmd_evidence_make },
        { "evidence verify", "FILE", 1, 1, 0, "check evidence, without a TPM", evidence_verify_options, cmd_evidence_verify },
        { "evidence show", "FILE", 1, 1, 0, "print what stands in evidence, unchecked", NULL, cmd_evidence_show },
        { "join", "[ISSUER]", 0, 1, 0, "make this host known to an issuer, by its TPM", join_options, cmd_join },
        { "enroll", "AGENT[/LABEL]", 1, 1, 0, "get credentials for a key from the issuer, and keep them fresh", enroll_options, cmd_enroll },
        { "unenroll", "AGENT[/LABEL]", 1, 1, 0, "keep a key's credentials no longer", NULL, cmd_unenroll },
        { "revoke", "AGENT", 1, 1, 0, "have the issuer revoke all that it gave to an agent", revoke_options, cmd_revoke },
        { "enrolled", "", 0, 0, 0, "list what is enrolled, until when, and what went wrong", NULL, cmd_enrolled },
        { "run", "AGENT[/LABEL] -- CMD...", 2, UINT_MAX, VERB_COMMAND | VERB_NO_JSON, "run CMD with an agent's credentials and an ssh-agent of its own", NULL, cmd_run },
        { "ssh", "AGENT[/LABEL] -- ARGUMENT...", 2, UINT_MAX, VERB_COMMAND | VERB_NO_JSON, "run ssh with an agent's key and certificate", NULL, cmd_ssh },
        { "ssh-config", "AGENT[/LABEL] [HOST...]", 1, UINT_MAX, VERB_NO_JSON, "print what ssh_config needs for that", NULL, cmd_ssh_config },
        { "curl", "AGENT[/LABEL] -- ARGUMENT...", 2, UINT_MAX, VERB_COMMAND | VERB_NO_JSON, "run curl with an agent's key and certificate", NULL, cmd_curl },
        { "token", "AGENT[/LABEL] [URL]", 1, 2, 0, "print a token of an agent's, or a proof signed by itself", token_options, cmd_token },
        { "cert", "AGENT[/LABEL]", 1, 1, VERB_NO_JSON, "print an agent's certificate and its chain", cert_options, cmd_cert },
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
