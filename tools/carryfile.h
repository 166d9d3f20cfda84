/* SPDX-License-Identifier: BSD-2-Clause */
/* Files that are carried between this host and an issuer that it does not reach (docs/formats.md). */
#ifndef HOLDFAST_TOOLS_CARRYFILE_H
#define HOLDFAST_TOOLS_CARRYFILE_H

#include <jansson.h>
#include "lib/buf.h"

#define JOIN_SCHEMA "holdfast.join-request/1"
#define CREDENTIALS_SCHEMA "holdfast.credentials/1"
#define CREDENTIALS_FILE "credentials.json"

/* A NUL behind it that is not counted. */
int carryfile_text(const json_t *doc, size_t flags, struct buf *ret);
/* There is no secret in it. */
int carryfile_write(const char *path, const json_t *doc);
/* Credentials as `holdfast-issuer issue` writes them. path: the file, or the directory that it is in. */
int carryfile_read(const char *path, json_t **ret);
/* What the daemon wants of them. */
int carryfile_add(const json_t *doc, json_t *request);

#endif
