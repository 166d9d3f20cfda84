/* SPDX-License-Identifier: BSD-2-Clause */
/* The verbs of holdfast-issuer. Inside issuer/ only. */
#ifndef HOLDFAST_ISSUER_CMD_H
#define HOLDFAST_ISSUER_CMD_H

#include <jansson.h>
#include "issuer/args.h"
#include "issuer/authority.h"
#include "issuer/conf.h"

int cmd_init(struct args *a);
int cmd_rotate(struct args *a);
int cmd_serve(struct args *a);
int cmd_status(struct args *a);

int cmd_host_list(struct args *a);
int cmd_host_show(struct args *a);
int cmd_host_approve(struct args *a);
int cmd_agent_approve(struct args *a);
int cmd_host_revoke(struct args *a);
int cmd_agent_list(struct args *a);
int cmd_agent_show(struct args *a);
int cmd_agent_revoke(struct args *a);
int cmd_credential_list(struct args *a);
int cmd_credential_revoke(struct args *a);
int cmd_token_create(struct args *a);
int cmd_challenge(struct args *a);
int cmd_issue(struct args *a);

__attribute__((format(printf, 1, 2))) void cmd_say(const char *fmt, ...);
/* The thread's error and what to do about it; gives r back. */
int cmd_fail(int r);

/* Asks the issuer that runs; body is taken over, NULL for a GET. */
int cmd_ask(const struct args *a, const char *path, json_t *body, json_t **ret);

/* What the authority works with, from the configuration, which must stay. room: for domains. */
void cmd_authority_options(const struct issuer_conf *c, struct bytes room[GRANT_NAMES_MAX], struct authority_options *ret);
/* As root: from here on the owner of what is in the directory, so that what is made there is his. */
int cmd_become_owner(const char *dir);

#endif
