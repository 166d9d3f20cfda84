/* SPDX-License-Identifier: BSD-2-Clause */
/* Facts about agents and keys out of the daemon's answers: what is not as it should be is ERR_FORMAT. */
#ifndef HOLDFAST_TOOLS_KEEPJSON_H
#define HOLDFAST_TOOLS_KEEPJSON_H

#include <jansson.h>
#include "keys/facts.h"

/* *ret_name is borrowed from o. */
int keepjson_agent(const json_t *o, const char **ret_name, struct agent_facts *ret);
int keepjson_key(const json_t *o, struct key_facts *ret);
/* A string of base64; nothing if there is none. */
int keepjson_bytes(const json_t *o, const char *name, struct buf *ret);
int keepjson_text(const json_t *o, const char *name, struct buf *ret);
/* Where a list that did not fit goes on; 0: nowhere. Always further than `from`. */
json_int_t keepjson_next(const json_t *reply, json_int_t from);

#endif
