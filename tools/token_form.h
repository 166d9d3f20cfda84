/* SPDX-License-Identifier: BSD-2-Clause */
/* A token as the program wants it that takes it. */
#ifndef HOLDFAST_TOOLS_TOKEN_FORM_H
#define HOLDFAST_TOOLS_TOKEN_FORM_H

#include "tools/tokensock.h"

struct token_form {
        const char *name;               /* "vault" */
        /* role: what --role says, or NULL. Appends a line. */
        int (*write)(const struct token *t, const char *role, struct buf *out);
};
/* ERR_USAGE names those there are. */
int token_form_find(const char *name, const struct token_form **ret);

/* RFC 7523 2.2: the body of a token request, as far as it is about the client. type ends the URN. */
int token_form_assertion(const char *type, struct bytes jwt, struct buf *out);

#endif
