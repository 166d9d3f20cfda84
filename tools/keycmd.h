/* SPDX-License-Identifier: BSD-2-Clause */
/* What the agent and key verbs share. */
#ifndef HOLDFAST_TOOLS_KEYCMD_H
#define HOLDFAST_TOOLS_KEYCMD_H

#include <jansson.h>
#include "keys/keyring.h"
#include "tools/cli.h"

/* Configuration and keyring of this command. */
int keycmd_open(const struct cli *c, struct keyring **ret);

/* One agent's keys, or with agent NULL everybody's: a table, or objects appended to list. */
int keycmd_list(const struct cli *c, struct keyring *k, const char *agent);
int keycmd_list_json(struct keyring *k, const char *agent, json_t *list);
json_t *keycmd_json(struct keyring *k, const char *agent, struct item *i);

/* "Created", the file, the URI and the next command. */
int keycmd_print_made(const struct cli *c, struct keyring *k, const char *agent, struct item *i);

/* ERR_INVAL names the kinds there are. */
int keycmd_kind(const char *name, const struct key_kind **ret);

#endif
