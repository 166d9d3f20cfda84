/* SPDX-License-Identifier: BSD-2-Clause */
/* What the agent and key verbs share: showing keys. */
#ifndef HOLDFAST_TOOLS_KEYCMD_H
#define HOLDFAST_TOOLS_KEYCMD_H

#include <jansson.h>
#include "tools/keeper.h"

/* One agent's keys, or with agent NULL everybody's: a table, or objects appended to list. */
int keycmd_list(const struct cli *c, struct keeper *k, const char *agent);
int keycmd_list_json(struct keeper *k, const char *agent, json_t *list);
json_t *keycmd_json(const char *agent, const struct key_facts *f);
/* ERR_INVAL: it has no public half. */
int keycmd_pubkey(const struct key_facts *f, struct pubkey *ret);

/* The file, the URI and the next command. */
int keycmd_print_made(const struct cli *c, const char *agent, const struct key_facts *f);

/* ERR_USAGE names the kinds there are. */
int keycmd_kind(const char *name, const struct key_kind **ret);

#endif
