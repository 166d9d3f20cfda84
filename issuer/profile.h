/* SPDX-License-Identifier: BSD-2-Clause */
/* Which evidence gives which names, credentials and lives. What no profile gives nobody gets. */
#ifndef HOLDFAST_ISSUER_PROFILE_H
#define HOLDFAST_ISSUER_PROFILE_H

#include "attest/evidence.h"
#include "holdfast/evidence.h"
#include "issuer/conf.h"
#include "issuer/grant.h"

enum { CREDENTIAL_X509 = 1, CREDENTIAL_JWT = 2, CREDENTIAL_SSH_USER = 4, CREDENTIAL_SSH_HOST = 8, CREDENTIALS = 4 };
/* "x509", "jwt", "ssh-user", "ssh-host": bit i is the i-th; NULL behind the last. */
const char *profile_credential_name(size_t i);
/* 0 if there is none of that name. */
unsigned profile_credential_by_name(const char *name);

#define PROFILE_NAME_MAX 32
#define PROFILE_AUDIENCES_MAX 16        /* hosts are told of all of them */
#define PROFILE_TEXTS_MAX (4 * GRANT_NAMES_MAX + 4)

/* Everything is owned by the structure. */
struct profile {
        char *name;
        /* For whom, and upon what. */
        struct words hosts, agents;     /* globs */
        unsigned assurances;            /* bits: 1 hardware, 2 pinned, 4 unattested, 8 simulator: as the file's choices stand */
        unsigned pcr_hash;              /* 0 sha256, 1 sha384, 2 sha512 */
        uint32_t pcrs;
        char *golden_file, *ima_file;
        bool event_log, secure_boot, same_boot, safe_clock, log;
        struct buf key_policy;
        struct words units, paths, sha256s, uids;

        /* What it gives. */
        char *spiffe_id;                /* templates: {host} {agent} {trust-domain} */
        struct words dns;
        char *common_name;
        unsigned credentials;           /* CREDENTIAL_* */
        struct words audiences;
        unsigned life, grace;           /* seconds: renewed by the first, good for both; together at most GRANT_LIFE_MAX */
        bool cnf, dns_wildcard, host_wildcard, verify_required;
        struct words ssh_users, ssh_hosts, extensions;
        char *force_command, *source_address;

        /* Read from golden_file and ima_file, sorted as the verifier wants it. */
        struct hf_golden *golden;
        size_t n_golden;
        struct hf_bytes *ima;
        size_t n_ima;
        struct buf digests;             /* that both point into */
};
const struct issuer_key *profile_key_at(size_t i);

/* A profile with its defaults. name is taken over. */
void profile_init(struct profile *p, char *name);
void profile_clear(struct profile *p);
/* Once all is said: reads its files, and refuses what can never give a credential, or would give it to anybody. */
int profile_finish(struct profile *p, const struct issuer_conf *c);
/* Of those, what golden-pcrs and ima name. */
int profile_read_files(struct profile *p);

/* The first that is for this agent of this host with what was established of its TPM; name: that one or none; NULL: any.
 * ERR_DENIED: there is none. */
int profile_find(const struct issuer_conf *c, const char *host, const char *agent, enum hf_assurance assurance, const char *name,
                 const struct profile **ret);

/* Flags, PCRs, golden values, IMA list, key policy and assurances. The rest is the caller's to add. */
void profile_policy(const struct profile *p, struct hf_evidence_policy *ret);
/* TPM_ALG_ID of the bank. */
uint16_t profile_pcr_hash(const struct profile *p);
/* Is the process that uses the key one that the profile is for? ERR_DENIED says which of it is not so. */
int profile_check_process(const struct profile *p, const struct hf_process *process);

/* What is known of who asks. */
struct profile_who {
        const char *host, *agent;
        struct bytes owner, spki;
        unsigned want;                  /* CREDENTIAL_*; 0: all that there are */
        const char *audience;           /* NULL: the only one, if there is only one */
        uint64_t now;
};

/* A grant and what it points to. */
struct profile_grant {
        struct grant g;
        unsigned credentials;
        struct buf texts[PROFILE_TEXTS_MAX];
        size_t n_texts;
        struct bytes dns[GRANT_NAMES_MAX], users[GRANT_NAMES_MAX], hosts[GRANT_NAMES_MAX], extensions[GRANT_NAMES_MAX];
};
void profile_grant_clear(struct profile_grant *g);
/* Serial number, record and a not_after within the CA's are the caller's to add. ERR_DENIED: wanted, and not given; or a name that cannot stand
 * where the template has it. ret borrows from p and who. */
int profile_grant(const struct profile *p, const struct profile_who *who, const struct issuer_conf *c, struct profile_grant *ret);

#endif
