/* SPDX-License-Identifier: BSD-2-Clause */
/* holdfast status where a daemon is. */
#ifndef HOLDFAST_TOOLS_DAEMON_STATUS_H
#define HOLDFAST_TOOLS_DAEMON_STATUS_H

#include "keys/findings.h"
#include "tools/cli.h"
#include "tools/daemon.h"

/* What it says of itself. */
int daemon_status_ask(struct daemon *d, json_t **ret_reply);
void daemon_status_print(const struct cli *c, const json_t *reply);
/* Is there anything that it refuses because somebody changed the store? */
bool daemon_status_refuses(const json_t *reply);
/* For `doctor`: that it is there, and what it found. ERR_NOENT: no daemon is meant here. ret_has: it has the TPM. */
int daemon_findings(const struct conf *c, struct findings *ret, bool *ret_has);

#endif
