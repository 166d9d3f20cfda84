/* SPDX-License-Identifier: BSD-2-Clause */
/* Which profile is for whom, and what does it want to see? */
#include "issuer/profile.h"
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include "lib/err.h"

#define AT(field) offsetof(struct profile, field)
#define FIRMWARE_PCRS 0xffu     /* those that the firmware's event log explains */
#define SECURE_BOOT_PCR (1u << 7)
#define IMA_PCR (1u << 10)
#define ASSURANCES "hardware pinned unattested simulator"
#define HASHES "sha256 sha384 sha512"
#define CREDENTIAL_NAMES "x509 jwt ssh-user ssh-host"

static const struct issuer_key keys[] = {
        { "profile", "host", ISSUER_WORDS, AT(hosts), 0, 0, NULL, "hosts: names, or patterns with * and ?" },
        { "profile", "agent", ISSUER_WORDS, AT(agents), 0, 0, NULL, "agents: names, or patterns with * and ?" },
        { "profile", "assurance", ISSUER_CHOICES, AT(assurances), 0, 0, ASSURANCES, "what must have been established of the TPM: one of these" },
        { "profile", "pcrs", ISSUER_PCRS, AT(pcrs), 0, 0, NULL, "PCRs that the host must quote" },
        { "profile", "pcr-hash", ISSUER_CHOICE, AT(pcr_hash), 0, 0, HASHES, "bank of the PCRs" },
        { "profile", "golden", ISSUER_PATH, AT(golden_file), 0, 0, NULL, "file of the values that PCRs may have" },
        { "profile", "event-log", ISSUER_BOOL, AT(event_log), 0, 0, NULL, "the firmware's event log must explain PCRs 0 to 7, as far as they are quoted" },
        { "profile", "secure-boot", ISSUER_BOOL, AT(secure_boot), 0, 0, NULL, "secure boot must be on" },
        { "profile", "ima", ISSUER_PATH, AT(ima_file), 0, 0, NULL, "file of the digests of files that the host may have run" },
        { "profile", "same-boot", ISSUER_BOOL, AT(same_boot), 0, 0, NULL, "no reboot since the host's last credential" },
        { "profile", "safe-clock", ISSUER_BOOL, AT(safe_clock), 0, 0, NULL, "no TPM whose clock may have gone back at a power cut" },
        { "profile", "log", ISSUER_BOOL, AT(log), 0, 0, NULL, "the newest checkpoint of the host's log must be there" },
        { "profile", "key-policy", ISSUER_HEX, AT(key_policy), 0, 0, NULL, "the authPolicy that the key must obey" },
        { "profile", "unit", ISSUER_WORDS, AT(units), 0, 0, NULL, "systemd units of the process: names or patterns" },
        { "profile", "path", ISSUER_WORDS, AT(paths), 0, 0, NULL, "executables of the process: paths or patterns" },
        { "profile", "sha256", ISSUER_WORDS, AT(sha256s), 0, 0, NULL, "SHA-256 digests of the executable" },
        { "profile", "uid", ISSUER_WORDS, AT(uids), 0, 0, NULL, "numbers of the process's user" },
        { "profile", "spiffe-id", ISSUER_TEXT, AT(spiffe_id), 0, 0, NULL, "the SPIFFE ID, with {host}, {agent}, {trust-domain}" },
        { "profile", "dns", ISSUER_WORDS, AT(dns), 0, 0, NULL, "DNS names of the X.509 certificate" },
        { "profile", "common-name", ISSUER_TEXT, AT(common_name), 0, 0, NULL, "common name of it: {agent}, {spiffe-id} or one of the DNS names" },
        { "profile", "credentials", ISSUER_CHOICES, AT(credentials), 0, 0, CREDENTIAL_NAMES, "which credentials it gives" },
        { "profile", "audiences", ISSUER_WORDS, AT(audiences), 0, 0, NULL, "audiences that a JWT may be for" },
        { "profile", "life", ISSUER_SECONDS, AT(life), 10, GRANT_LIFE_MAX, NULL, "life of the credentials" },
        { "profile", "grace", ISSUER_SECONDS, AT(grace), 0, GRANT_LIFE_MAX, NULL, "how much longer they are good, for hosts that cannot reach the issuer" },
        { "profile", "cnf", ISSUER_BOOL, AT(cnf), 0, 0, NULL, "the JWT says whose key it belongs to" },
        { "profile", "dns-wildcard", ISSUER_BOOL, AT(dns_wildcard), 0, 0, NULL, "DNS names may begin with *." },
        { "profile", "ssh-users", ISSUER_WORDS, AT(ssh_users), 0, 0, NULL, "login names of the SSH user certificate" },
        { "profile", "ssh-hosts", ISSUER_WORDS, AT(ssh_hosts), 0, 0, NULL, "host names of the SSH host certificate" },
        { "profile", "ssh-host-wildcard", ISSUER_BOOL, AT(host_wildcard), 0, 0, NULL, "they may begin with *." },
        { "profile", "force-command", ISSUER_LINE, AT(force_command), 0, 0, NULL, "the only command that the SSH user certificate is good for" },
        { "profile", "source-address", ISSUER_TEXT, AT(source_address), 0, 0, NULL, "address blocks that it may be used from" },
        { "profile", "extensions", ISSUER_WORDS, AT(extensions), 0, 0, NULL, "permit-pty and its kin" },
        { "profile", "verify-required", ISSUER_BOOL, AT(verify_required), 0, 0, NULL, "the SSH user certificate is good only with a verified user" },
};

/* In the order of CREDENTIAL_*, and of the choices above. */
static const char *const names[CREDENTIALS] = { "x509", "jwt", "ssh-user", "ssh-host" };

const struct issuer_key *profile_key_at(size_t i)
{
        return i < ARRAY_LEN(keys) ? &keys[i] : NULL;
}

const char *profile_credential_name(size_t i)
{
        return i < CREDENTIALS ? names[i] : NULL;
}

unsigned profile_credential_by_name(const char *name)
{
        for (unsigned i = 0; i < CREDENTIALS; i++)
                if (strcmp(names[i], name) == 0)
                        return 1u << i;
        return 0;
}

void profile_init(struct profile *p, char *name)
{
        *p = (struct profile){
                .name = name, .assurances = 3, .credentials = CREDENTIAL_X509, .life = 60 * 60,
        };
}

void profile_clear(struct profile *p)
{
        char *texts[] = { p->name, p->golden_file, p->ima_file, p->spiffe_id, p->common_name, p->force_command, p->source_address };
        struct words *words[] = { &p->hosts, &p->agents, &p->units, &p->paths, &p->sha256s, &p->uids, &p->dns, &p->audiences, &p->ssh_users,
                                  &p->ssh_hosts, &p->extensions };

        for (size_t i = 0; i < ARRAY_LEN(texts); i++)
                free(texts[i]);
        for (size_t i = 0; i < ARRAY_LEN(words); i++)
                words_clear(words[i]);
        buf_clear(&p->key_policy);
        buf_clear(&p->digests);
        free(p->golden);
        free(p->ima);
        *p = (struct profile){ 0 };
}

static bool fits(const struct words *patterns, const char *text, int flags)
{
        for (size_t i = 0; i < patterns->n; i++)
                if (fnmatch(patterns->v[i], text, flags) == 0)
                        return true;
        return false;
}

/* The file's order of words, and the verifier's. */
static const enum hf_assurance assurances[] = { HF_ASSURANCE_HARDWARE, HF_ASSURANCE_PINNED, HF_ASSURANCE_UNATTESTED, HF_ASSURANCE_SIMULATOR };

static bool takes_assurance(const struct profile *p, enum hf_assurance a)
{
        for (unsigned i = 0; i < ARRAY_LEN(assurances); i++)
                if (assurances[i] == a)
                        return (p->assurances & 1u << i) != 0;
        return false;
}

int profile_find(const struct issuer_conf *c, const char *host, const char *agent, enum hf_assurance assurance, const char *name,
                 const struct profile **ret)
{
        bool any = false;

        for (size_t i = 0; i < c->n_profiles; i++) {
                const struct profile *p = &c->profiles[i];

                if ((name != NULL && strcmp(name, p->name) != 0) || !fits(&p->hosts, host, 0) || !fits(&p->agents, agent, 0))
                        continue;
                any = true;
                if (!takes_assurance(p, assurance))
                        continue;
                *ret = p;
                return 0;
        }
        if (any)
                return err(ERR_DENIED, "no profile gives the agent %s of the host %s anything while its TPM is %s", agent, host, hf_assurance_name(assurance));
        return name != NULL ? err(ERR_DENIED, "the profile %s is not for the agent %s of the host %s", name, agent, host) :
                              err(ERR_DENIED, "no profile is for the agent %s of the host %s", agent, host);
}

uint16_t profile_pcr_hash(const struct profile *p)
{
        static const uint16_t hashes[] = { 0x000b, 0x000c, 0x000d };    /* TPM 2.0 Part 2, 6.3; in the order of the choices */

        return hashes[p->pcr_hash];
}

static bool asks_for_process(const struct profile *p)
{
        return p->units.n > 0 || p->paths.n > 0 || p->sha256s.n > 0 || p->uids.n > 0;
}

void profile_policy(const struct profile *p, struct hf_evidence_policy *ret)
{
        *ret = (struct hf_evidence_policy){ .flags = HF_WANT_KEY };
        ret->flags |= p->pcrs != 0 ? HF_WANT_HOST : 0;
        ret->flags |= asks_for_process(p) ? HF_WANT_PROCESS : 0;
        ret->flags |= p->log ? HF_WANT_LOG : 0;
        ret->flags |= p->secure_boot ? HF_WANT_SECURE_BOOT : 0;
        ret->flags |= p->same_boot ? HF_WANT_SAME_BOOT : 0;
        ret->flags |= p->safe_clock ? 0 : HF_ALLOW_CLOCK_UNSAFE;
        for (unsigned i = 0; i < ARRAY_LEN(assurances); i++)
                ret->assurances |= p->assurances & 1u << i ? 1u << assurances[i] : 0;
        ret->key_policy = (struct hf_bytes){ p->key_policy.ptr, p->key_policy.len };
        ret->pcr_hash = profile_pcr_hash(p);
        ret->pcrs = p->pcrs;
        ret->replayed = p->event_log ? p->pcrs & FIRMWARE_PCRS : 0;
        ret->ima_pcr = p->ima_file != NULL ? IMA_PCR : 0;
        ret->golden = p->golden;
        ret->n_golden = p->n_golden;
        ret->ima_files = p->ima;
        ret->n_ima_files = p->n_ima;
}

/* --- The process --- */

static bool fits_octets(const struct words *patterns, struct hf_bytes octets, int flags)
{
        char text[EVIDENCE_PATH_MAX + 1];

        if (octets.len == 0 || octets.len > EVIDENCE_PATH_MAX || memchr(octets.ptr, 0, octets.len) != NULL)
                return false;
        memcpy(text, octets.ptr, octets.len);
        text[octets.len] = '\0';
        return fits(patterns, text, flags);
}

static bool has_digest(const struct words *digests, struct hf_bytes digest)
{
        CLEANUP(buf_clear) struct buf hex = { 0 };

        if (digest.len == 0 || hex_encode(BYTES(digest.ptr, digest.len), &hex) != 0)
                return false;
        for (size_t i = 0; i < digests->n; i++)
                if (bytes_equal(word_at(digests, i), BYTES_OF(&hex)))
                        return true;
        return false;
}

static bool has_number(const struct words *numbers, uint64_t v)
{
        for (size_t i = 0; i < numbers->n; i++)
                if (strtoull(numbers->v[i], NULL, 10) == v)
                        return true;
        return false;
}

int profile_check_process(const struct profile *p, const struct hf_process *process)
{
        if (!asks_for_process(p))
                return 0;
        if (!process->present)
                return err(ERR_DENIED, "the profile %s wants to know which process uses the key, and the host does not say", p->name);
        if (p->units.n > 0 && !fits_octets(&p->units, process->unit, 0))
                return err(ERR_DENIED, "the process that uses the key is not of a unit that the profile %s is for", p->name);
        if (p->paths.n > 0 && !fits_octets(&p->paths, process->exe, FNM_PATHNAME))
                return err(ERR_DENIED, "the process that uses the key does not run a program that the profile %s is for", p->name);
        if (p->sha256s.n > 0 && !has_digest(&p->sha256s, process->exe_sha256))
                return err(ERR_DENIED, "the program that uses the key has another digest than the profile %s wants", p->name);
        if (p->uids.n > 0 && !has_number(&p->uids, process->uid))
                return err(ERR_DENIED, "the process that uses the key is of a user that the profile %s is not for", p->name);
        return 0;
}

/* --- Is the profile one? --- */

static int check_conditions(const struct profile *p)
{
        if (p->hosts.n == 0 || p->agents.n == 0)
                return err(ERR_FORMAT, "host and agent say whom it is for: one is missing");
        if (p->assurances == 0)
                return err(ERR_FORMAT, "assurance says nothing");
        if (p->event_log && (p->pcrs & FIRMWARE_PCRS) == 0)
                return err(ERR_FORMAT, "event-log explains PCRs 0 to 7, and none of them is in pcrs");
        if (p->secure_boot && (!p->event_log || (p->pcrs & SECURE_BOOT_PCR) == 0))
                return err(ERR_FORMAT, "secure-boot needs event-log, and PCR 7 in pcrs");
        if (p->ima_file != NULL && (p->pcrs & IMA_PCR) == 0)
                return err(ERR_FORMAT, "ima needs PCR 10 in pcrs");
        for (size_t i = 0; i < p->sha256s.n; i++)
                if (strlen(p->sha256s.v[i]) != 64 || strspn(p->sha256s.v[i], "0123456789abcdef") != 64)
                        return err(ERR_FORMAT, "sha256: \"%s\" is no digest of 64 digits in lower case", p->sha256s.v[i]);
        for (size_t i = 0; i < p->uids.n; i++)
                if (strlen(p->uids.v[i]) > 10 || strspn(p->uids.v[i], "0123456789") != strlen(p->uids.v[i]))
                        return err(ERR_FORMAT, "uid: \"%s\" is no number of a user", p->uids.v[i]);
        return 0;
}

static int check_gifts(const struct profile *p)
{
        if (p->spiffe_id == NULL)
                return err(ERR_FORMAT, "spiffe-id is missing");
        if (p->credentials == 0)
                return err(ERR_FORMAT, "credentials says nothing");
        if (p->life + p->grace > GRANT_LIFE_MAX)
                return err(ERR_FORMAT, "life and grace are more than %d hours together", GRANT_LIFE_MAX / 3600);
        if ((p->credentials & CREDENTIAL_JWT) != 0 && p->audiences.n == 0)
                return err(ERR_FORMAT, "a JWT is for an audience: audiences is missing");
        if (p->audiences.n > PROFILE_AUDIENCES_MAX)
                return err(ERR_FORMAT, "more than %d audiences", PROFILE_AUDIENCES_MAX);
        if ((p->credentials & CREDENTIAL_SSH_USER) != 0 && p->ssh_users.n == 0)
                return err(ERR_FORMAT, "an SSH user certificate without login names would be good for all: ssh-users is missing");
        if ((p->credentials & CREDENTIAL_SSH_HOST) != 0 && p->ssh_hosts.n == 0)
                return err(ERR_FORMAT, "an SSH host certificate without names would be good for all: ssh-hosts is missing");
        return 0;
}

/* What no agent at all could get is an error now, not when the first one asks. */
static int try_out(const struct profile *p, const struct issuer_conf *c)
{
        /* The base point of P-256 (FIPS 186-5; SEC 2, 2.4.2) as a SubjectPublicKeyInfo: a key that nobody uses. */
        static const char spki[] = "3059301306072a8648ce3d020106082a8648ce3d030107034200046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
                                   "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";
        CLEANUP(profile_grant_clear) struct profile_grant g = { 0 };
        CLEANUP(granted_clear) struct granted granted = { 0 };
        CLEANUP(buf_clear) struct buf key = { 0 }, host = { 0 };
        struct profile_who who = { .agent = "x-agent", .owner = BYTES("owner", 5), .now = 1u << 30 };
        int r;

        r = buf_printf(&host, "host.%s", c->domains.n > 0 ? c->domains.v[0] : "example");
        if (r == 0 && buf_str(&host) == NULL)
                r = err(ERR_NOMEM, "out of memory");
        if (r == 0)
                r = hex_decode(spki, sizeof(spki) - 1, &key);
        who.host = (const char *)host.ptr;
        who.spki = BYTES_OF(&key);
        who.want = p->credentials & ~(unsigned)CREDENTIAL_JWT;
        if (r == 0)
                r = profile_grant(p, &who, c, &g);
        g.g.serial[0] = 0x40;
        if (r == 0)
                r = grant_check(&g.g, BYTES_STR(c->trust_domain), &granted);
        for (size_t i = 0; r == 0 && i < p->audiences.n; i++) {
                g.g.audience = word_at(&p->audiences, i);
                r = grant_check(&g.g, BYTES_STR(c->trust_domain), &granted);
        }
        return r == 0 || r == ERR_NOMEM ? r : err(ERR_FORMAT, "what it gives is nothing that can be given: %s", err_text());
}

int profile_finish(struct profile *p, const struct issuer_conf *c)
{
        int r;

        r = check_conditions(p);
        if (r == 0)
                r = check_gifts(p);
        if (r == 0)
                r = try_out(p, c);
        return r == 0 ? profile_read_files(p) : r;
}
