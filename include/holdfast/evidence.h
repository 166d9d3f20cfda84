/* SPDX-License-Identifier: BSD-2-Clause */
/* Holdfast's evidence and its verifier: is this key in a TPM, whose, and in what state is the host? (RFC 9334.)
 *
 * The verifier is a function of its arguments alone: it asks no device, network, clock or file, and keeps nothing.
 * What is not asked for in the policy is not accepted: a policy of zeros accepts nothing. docs/formats.md has the evidence as CDDL.
 * Link with -lholdfast-evidence. */
#ifndef HOLDFAST_EVIDENCE_H
#define HOLDFAST_EVIDENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Octets of somebody else's. */
struct hf_bytes {
        const uint8_t *ptr;
        size_t len;
};

#define HF_EVIDENCE_MAX (4u << 20)      /* octets; more is refused unread */
#define HF_NAME_MAX 66                  /* of a TPM object's Name */
#define HF_SPKI_MAX 640                 /* RSA-4096 */
#define HF_PCRS 24
#define HF_DIGEST_MAX 64

/* What could be established about the attestation key. */
enum hf_assurance {
        HF_ASSURANCE_NONE,              /* nothing: it was refused before that */
        HF_ASSURANCE_SIMULATOR,         /* in a software TPM */
        HF_ASSURANCE_UNATTESTED,        /* taken on trust at first use */
        HF_ASSURANCE_PINNED,            /* in a TPM whose endorsement key was known beforehand */
        HF_ASSURANCE_HARDWARE,          /* in a TPM whose maker certified its endorsement key */
};
/* "hardware"; NULL if there is no such assurance. */
const char *hf_assurance_name(enum hf_assurance a);

/* An attestation key that a join established, and how. */
struct hf_known_key {
        struct hf_bytes name;           /* its TPM Name */
        enum hf_assurance assurance;
};

/* Who may certify attestation keys. */
struct hf_root {
        struct hf_bytes certificate;    /* DER; need not be self-signed */
        enum hf_assurance assurance;    /* of what it has certified */
};

/* A digest that a PCR may have. Several for one PCR: any of them. */
struct hf_golden {
        unsigned pcr;
        struct hf_bytes digest;         /* of the policy's pcr_hash */
};

/* Firmware that is refused, first and last version of a range. */
struct hf_firmware {
        uint32_t manufacturer;          /* as TPM2_PT_MANUFACTURER, "INTC" is 0x494e5443; 0: any */
        uint64_t first, last;
};

/* Where a TPM stood when it was last accepted. */
struct hf_standing {
        uint64_t clock_ms;
        uint32_t resets, restarts;
        uint64_t firmware;
};

enum {
        HF_WANT_KEY = 1,                /* a certified key */
        HF_WANT_HOST = 2,               /* a quote of pcrs */
        HF_WANT_PROCESS = 4,            /* who uses the key */
        HF_WANT_LOG = 8,                /* the newest checkpoint of the host's log */
        HF_WANT_SECURE_BOOT = 16,       /* by the event log; with HF_WANT_HOST and PCR 7 in replayed */
        HF_WANT_SAME_BOOT = 32,         /* no reset since last */
        HF_ALLOW_ANY_HIERARCHY = 64,    /* an attestation key that is neither a primary key of the endorsement hierarchy nor a child of ek_name */
        HF_ALLOW_CLOCK_UNSAFE = 128,    /* a TPM whose clock may have gone back at its last power loss */
};

/* An attestation key that was read and looked at beforehand, for who verifies evidence of the same one often: what it costs each time is saved, and no
 * check is left out. It may be used by several threads, and is the caller's until hf_evidence_ak_free(), which takes NULL. ak_public: its TPMT_PUBLIC.
 * 0, or a negative number: it is no attestation key, or memory ran out. */
struct hf_evidence_ak;
int hf_evidence_ak_new(struct hf_bytes ak_public, struct hf_evidence_ak **ret);
void hf_evidence_ak_free(struct hf_evidence_ak *ak);

struct hf_evidence_policy {
        unsigned flags;                 /* HF_WANT_*, HF_ALLOW_* */
        struct hf_bytes challenge;      /* 16 to 64 octets that the verifier chose for this once */
        unsigned assurances;            /* 1u << HF_ASSURANCE_*: those that will do */

        /* The attestation key is one of these, or certified by one of those. */
        const struct hf_known_key *known_keys;
        size_t n_known_keys;
        const struct hf_root *roots;
        size_t n_roots;
        int64_t time;                   /* Unix time at which certificates are judged */
        struct hf_bytes ek_name;        /* of the host's endorsement key, or empty */
        const struct hf_evidence_ak *ak; /* kept from before, or NULL. It says nothing of trust; evidence of another key is read as ever */

        /* The certified key. */
        struct hf_bytes srk_name;       /* its parent is this primary key of the owner hierarchy; empty: any parent */
        struct hf_bytes key_policy;     /* exactly this authPolicy, and use by it alone; empty: exactly none */

        /* The quote. */
        uint16_t pcr_hash;              /* TPM2_ALG_SHA256 (0x000b), SHA384 (0x000c) or SHA512 (0x000d) */
        uint32_t pcrs;                  /* bit n: PCR n. Exactly these */
        uint32_t replayed;              /* those that the firmware's event log must explain */
        uint32_t ima_pcr;               /* 1u << 10: the IMA list must explain that PCR; 0: none */
        const struct hf_golden *golden;
        size_t n_golden;
        const struct hf_bytes *ima_files; /* digests of files that may be in the IMA list, shorter ones and then smaller ones first; NULL: any */
        size_t n_ima_files;

        /* Continuity, and firmware. */
        const struct hf_standing *last; /* NULL: the first time */
        uint32_t manufacturer;          /* of the TPM where it is known, else 0: then every range of firmware applies to it */
        const struct hf_firmware *denied;
        size_t n_denied;
};

enum hf_check {
        HF_CHECK_SHAPE,                 /* the octets: deterministic, bounded, all parts there that are wanted */
        HF_CHECK_AK,                    /* attributes and algorithms of the attestation key */
        HF_CHECK_TRUST,                 /* where trust in it comes from */
        HF_CHECK_KEY_SIGNATURE,         /* TPM2_Certify is signed by it */
        HF_CHECK_KEY_STATEMENT,         /* and says this of this key for this challenge */
        HF_CHECK_KEY,                   /* attributes and algorithms of the certified key */
        HF_CHECK_KEY_POLICY,            /* its authPolicy */
        HF_CHECK_HOST_SIGNATURE,        /* TPM2_Quote is signed by it */
        HF_CHECK_HOST_STATEMENT,        /* and says these PCRs for this challenge */
        HF_CHECK_GOLDEN,                /* PCRs have allowed values */
        HF_CHECK_EVENT_LOG,             /* the event log explains them */
        HF_CHECK_SECURE_BOOT,
        HF_CHECK_IMA,                   /* the IMA list explains its PCR, and holds nothing but what is allowed */
        HF_CHECK_CLOCK,                 /* clock, reset and restart counts follow the last ones */
        HF_CHECK_FIRMWARE,              /* not on the deny-list */
        HF_CHECKS,
};
/* "key-signature"; NULL if there is no such check. */
const char *hf_check_name(enum hf_check c);

enum hf_outcome {
        HF_OUTCOME_NONE,                /* the policy does not ask, or an earlier check failed */
        HF_OUTCOME_PASSED,
        HF_OUTCOME_FAILED,
};

/* Who used the key, as the host's daemon was told by its kernel. Empty: not said. Pointers go into the evidence. */
struct hf_process {
        bool present;
        uint64_t pid, start_time;       /* clock ticks after boot */
        uint64_t uid, gid;
        struct hf_bytes exe, exe_sha256, cgroup, unit, container;
};

/* The attestation result. Nothing in it need be freed. */
struct hf_evidence_result {
        bool accepted;
        enum hf_assurance assurance;
        char reason[192];               /* why not: the failed check's sentence; empty when accepted */
        struct {
                enum hf_outcome outcome;
                char text[192];         /* in words; may be empty */
        } checks[HF_CHECKS];

        /* What follows is from the evidence, vouched for only if it was accepted. */
        uint8_t ak_name[HF_NAME_MAX], key_name[HF_NAME_MAX];
        size_t ak_name_len, key_name_len;
        uint8_t key_spki[HF_SPKI_MAX];  /* SubjectPublicKeyInfo of the certified key: what a credential is for */
        size_t key_spki_len;
        struct hf_bytes key_public;     /* its TPMT_PUBLIC; goes into the evidence */
        struct hf_bytes agent, owner;   /* as the host names them; go into the evidence */
        struct hf_process process;
        struct hf_bytes checkpoint;     /* a signed note, not looked into; goes into the evidence */

        struct hf_standing standing;    /* to be kept for the next time */
        bool clock_safe;
        bool rebooted;                  /* since last */

        uint16_t pcr_hash;
        uint32_t pcrs;                  /* bit n: there is a value */
        uint8_t pcr[HF_PCRS][HF_DIGEST_MAX];
        bool secure_boot;               /* and HF_CHECK_SECURE_BOOT passed */
        size_t events, ima_entries;     /* in the logs that were replayed */
};

/* 0 if and only if the policy accepts the evidence; ret then says so, too. Else a negative number, and ret->reason says why: the policy is
 * wrong in itself, memory ran out, or a check failed. */
int hf_evidence_verify(struct hf_bytes evidence, const struct hf_evidence_policy *policy, struct hf_evidence_result *ret);

#ifdef __cplusplus
}
#endif

#endif
