/* SPDX-License-Identifier: BSD-2-Clause */
/* An issuer without a socket, and a host with a software TPM that asks it. What goes wrong here ends the test. */
#ifndef HOLDFAST_TESTS_ISSUERFIX_H
#define HOLDFAST_TESTS_ISSUERFIX_H

#include <jansson.h>
#include "issuer/service.h"
#include "keys/evidence.h"
#include "tests/fixture.h"
#include "tests/tempdir.h"

#define ISSUERFIX_URL "https://issuer.example.org"
#define ISSUERFIX_HEAD "[issuer]\ntrust-domain = example.org\ndirectory = %s\nurl = " ISSUERFIX_URL "\ndomains = example.org\n"
#define ISSUERFIX_HOST "web-1.example.org"
#define ISSUERFIX_PROFILE "[profile all]\nhost = *.example.org\nagent = *\nspiffe-id = spiffe://{trust-domain}/host/{host}/agent/{agent}\n" \
        "assurance = hardware pinned unattested simulator\n"

/* The host: a software TPM, with agent "a" of dana@example.com. */
struct hostfix {
        struct fixture f;
        struct tpm_ak ak;
        struct attester *attester;
        struct evidence_identity id;
        struct item *key;
        struct buf spki;                /* of the key */
};
/* cmocka's, for a group of tests: *state is the struct hostfix. */
int hostfix_start(void **state);
int hostfix_stop(void **state);

/* What is to be in evidence. */
struct hostfix_wish {
        const char *agent;              /* NULL: "a" */
        uint32_t pcrs;
        const struct peer *process;
        bool host_only;
};
void hostfix_evidence(const struct hostfix *h, struct bytes challenge, const struct hostfix_wish *w, struct buf *ret);

struct issuerfix {
        const struct hostfix *host;
        struct tempdir *dir;
        struct issuer_conf conf;
        struct trusted trusted;
        struct authority_options options;
        struct bytes domains[1];
        const struct authority_view *view;
        struct service s;
};
/* Clocks of all services. */
extern uint64_t issuerfix_now, issuerfix_ticks;

/* The issuer: settings stand behind the [issuer] section. */
void issuerfix_open(struct issuerfix *x, const struct hostfix *h, const char *settings);
void issuerfix_close(struct issuerfix *x);
/* A file in the issuer's directory, which settings may name: its path. */
const char *issuerfix_path(const struct issuerfix *x, const char *name);

/* A connection: state lives with it. */
struct wire {
        struct issuerfix *x;
        struct http_peer peer;
        struct http_state state;
};
void wire_open(struct wire *w, struct issuerfix *x);
void wire_close(struct wire *w);

/* One request: the status, and the answer unless ret is NULL. */
int wire_get(struct wire *w, const char *path, json_t **ret);
int wire_post_text(struct wire *w, const char *path, const char *body, json_t **ret);
/* body is taken over. */
int wire_post(struct wire *w, const char *path, json_t *body, json_t **ret);
/* As the operator, who is on the Unix socket. */
int wire_admin(struct issuerfix *x, const char *path, json_t *body, json_t **ret);
/* That status, and that problem: "urn:holdfast:problem:" and the word. (A pointer, since the answer comes with the status.) */
void wire_require_problem(int status, json_t *const *answer, const char *word);

json_t *wire_base64(struct bytes b);
void wire_octets(const json_t *o, const char *name, struct buf *ret);

/* What a host does. */
json_t *hostfix_join_body(const struct hostfix *h, const char *name);
/* The answer to what /v1/join has asked. */
json_t *hostfix_answer(const struct hostfix *h, const json_t *asked);
/* Both, under the usual name: the status of the second, or of the first if that was refused. */
int wire_join(struct wire *w, const char *name, const char *token, json_t **ret);
/* For what evidence must be, by the nonce in an answer of the issuer of this URL. */
void wire_challenge(const json_t *answer, const char *url, struct buf *ret);
/* The same by a new nonce for the usual host. */
void wire_nonce(struct wire *w, struct buf *ret);
json_t *wire_credential_body(const char *agent, const struct buf *evidence, const char *want);

/* Records of the ledger of this event and decision. reason: it must hold that; NULL: any. */
unsigned issuerfix_records(const struct issuerfix *x, enum audit_event event, enum audit_decision decision, const char *reason);

#endif
