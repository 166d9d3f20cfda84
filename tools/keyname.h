/* SPDX-License-Identifier: BSD-2-Clause */
/* "AGENT/LABEL" on the command line, and what programs call the key that it means. */
#ifndef HOLDFAST_TOOLS_KEYNAME_H
#define HOLDFAST_TOOLS_KEYNAME_H

#include "keys/facts.h"

/* Zero-initialise; key_name_clear(). */
struct key_name {
        char agent[AGENT_NAME_MAX + 1];
        struct buf label, id;           /* empty where they are not given */
};
void key_name_clear(struct key_name *n);
/* Splits at the first '/'; an agent's name has none. id: hex, or NULL. */
int key_name_parse(const char *name, const char *id, struct key_name *ret);

/* "pkcs11:" URI of the key as clients find it: by its label if no other key of the agent has that, else by its ID. type: as keytext_uri(). */
int key_name_uri(const char *agent, const struct key_facts *f, const char *type, struct buf *ret);
/* "private", or "secret-key" where there is no public half. */
const char *key_name_type(const struct key_facts *f);
/* A reference file (lib/ref.h) with the private key's URI. */
int key_name_ref(const char *agent, const struct key_facts *f, struct buf *ret);

#endif
