/* SPDX-License-Identifier: BSD-2-Clause */
/* What an operator's command asks the issuer that runs, over its Unix socket. The home of libcurl in issuer/. */
#ifndef HOLDFAST_ISSUER_CLIENT_H
#define HOLDFAST_ISSUER_CLIENT_H

#include <jansson.h>

/* body: NULL for a GET. What it refuses becomes an error with the problem's sentence: ERR_NOENT, ERR_DENIED, ERR_INVAL, ERR_IO; ERR_NODEV: nobody answers. */
int client_ask(const char *socket, const char *path, const json_t *body, json_t **ret);

#endif
