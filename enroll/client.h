/* SPDX-License-Identifier: BSD-2-Clause */
/* The host's side of what an issuer offers: join it, get credentials for a key. What needs the TPM is done by who calls. What comes
 * back is checked as far as a host can (enroll/check.h) before anybody sees it. */
#ifndef HOLDFAST_ENROLL_CLIENT_H
#define HOLDFAST_ENROLL_CLIENT_H

#include "enroll/answer.h"
#include "enroll/link.h"

struct client;

/* Nothing is opened before it is needed, and what was lost is opened anew. Copies. */
int client_new(const struct link_target *t, const char *host, struct client **ret);
/* Accepts NULL. */
void client_free(struct client *c);
/* Ends the connection until the next request. */
void client_rest(struct client *c);
/* By any thread: what is being asked fails, and so does everything from then on. */
void client_stop(struct client *c);

/* This host, as it asks to be let in. Binary values as the TPM writes them. Borrowed. */
#define CLIENT_CERTIFICATES 8
/* Evidence of the host alone, a quote of PCR 0 in the bank of SHA-256, with this challenge. */
typedef int client_prove(void *ctx, struct bytes challenge, struct buf *ret);
struct client_host {
        struct bytes ek_public, ak_public, srk_public; /* TPMT_PUBLIC */
        struct bytes certificates[CLIENT_CERTIFICATES]; /* DER: the EK's, and those that it hangs on */
        size_t n_certificates;
        const char *token;              /* NULL: none */
        const char *manufacturer, *vendor, *revision, *audit;
        client_prove *prove;            /* by an attestation key that the issuer may know by itself; NULL: it hangs on the endorsement key alone */
};
/* What TPM2_ActivateCredential makes of a challenge to the AK, or to the SRK. id_object: TPM2B_ID_OBJECT, secret: TPM2B_ENCRYPTED_SECRET. */
typedef int client_activate(void *ctx, bool srk, struct bytes id_object, struct bytes secret, struct buf *ret);

/* What it shows of itself, as JSON, for an issuer that it does not reach. */
int client_shows(const char *host, const struct client_host *h, struct buf *ret);
/* ERR_FOREIGN: the name is another host's, or this TPM has another. ERR_AUTH: the token is not accepted. ERR_DENIED, ERR_IO ... with the
 * issuer's own sentence. */
int client_join(struct client *c, const struct client_host *h, client_activate *activate, void *ctx, struct answer_joined *ret);

/* What is wanted for a key. Borrowed. */
struct client_wish {
        const char *agent;
        const char *profile;            /* NULL: the issuer chooses */
        const char *audience;           /* of a JWT; NULL: none is wanted */
        bool token_only;                /* the JWT and nothing else */
        struct bytes spki;              /* of the key: what comes back must be for it */
};
/* Evidence with this challenge, with what the policy wants in it. */
typedef int client_evidence(void *ctx, const struct answer_policy *p, struct bytes challenge, struct buf *ret);

/* Everything that the agent's profile has (a JWT only where an audience is named). ERR_DENIED: the issuer refuses, ERR_NOENT: it does not know the host.
 * ERR_FORMAT: what came back is not for this key, or its names or times cannot be right. */
int client_credential(struct client *c, const struct client_wish *w, client_evidence *evidence, void *ctx, struct answer_credential *ret);

/* All that this agent of the host's was given. reason: the issuer's word for it; NULL: none. prove has ctx. ERR_NOENT: it does not know the host. *ret_n: how many
 * credentials it was that had not ended. */
int client_revoke(struct client *c, const char *agent, const char *reason, client_prove *prove, void *ctx, uint64_t *ret_n);

#endif
