/* SPDX-License-Identifier: BSD-2-Clause */
/* What an operator does to a store: make it, look at its health. */
#ifndef HOLDFAST_KEYS_ADMIN_H
#define HOLDFAST_KEYS_ADMIN_H

#include "keys/keyring.h"
#include "tpm/tpm.h"

struct admin_init {
        struct bytes owner_auth;  /* the TPM's owner authorisation, mostly empty */
        bool seal_owner;          /* set it to a random value and keep that sealed in the store */
};
/* Asks the TPM for its capabilities, makes the parent persistent, writes the store. ERR_EXIST if there is a store whose
 * parent is in this TPM, and its owner authorisation in the store where that is asked for (nothing is changed then); ERR_FOREIGN if there is one of another TPM. */
int admin_init(const struct conf *c, const struct admin_init *how);

/* One line of `doctor`. */
struct finding {
        enum { FINDING_OK, FINDING_WARN, FINDING_FAIL } level;
        char *subject;            /* "TPM", "Rights", "Store", "TSS", "Key tls of agent x" */
        char *text;               /* one sentence */
        char *mend;               /* what to do, one sentence, or NULL */
};
struct findings {
        struct finding *list;
        size_t n;
};
/* Looks at configuration, device and its rights, TPM health, parent, store, every key file (parsed, and with deep loaded into the TPM). */
/* Without ask the TPM, which is somebody else's, is left alone. */
int admin_doctor(const struct conf *c, bool ask, bool deep, struct findings *ret);
void findings_clear(struct findings *f);

/* For `status`. Text owned by the structure. */
struct admin_status {
        bool initialised, tpm_reachable;
        bool tpm_foreign;         /* it answers, and is not the one that the store was made for */
        struct tpm_caps caps;     /* from the store */
        uint32_t parent_handle;
        char *parent_name, *ek_name; /* hex */
        char *tpm_error;          /* what is wrong with it, or NULL */
        size_t agents, keys;
};
/* Without ask the TPM, which is somebody else's, is left alone, and there must be a store. */
int admin_status(const struct conf *c, bool ask, struct admin_status *ret);
void admin_status_clear(struct admin_status *s);

#endif
