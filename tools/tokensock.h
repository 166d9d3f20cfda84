/* SPDX-License-Identifier: BSD-2-Clause */
/* Asks the daemon for a JWT of an agent's, over its token socket. */
#ifndef HOLDFAST_TOOLS_TOKENSOCK_H
#define HOLDFAST_TOOLS_TOKENSOCK_H

#include <stdint.h>
#include "lib/buf.h"

struct token_wish {
        const char *agent;
        struct bytes label;             /* empty: the agent's own choice */
        const char *audience;
};
struct token {
        struct buf jwt;
        int64_t expires_at;
};
void token_clear(struct token *t);

/* ERR_DAEMON: nobody answers there. ERR_DENIED, ERR_NOCRED and others: what the daemon says. */
int tokensock_get(const char *socket, const struct token_wish *w, struct token *ret);
/* What was answered, as octets. ERR_FORMAT unless it is all of an answer. */
int tokensock_parse(struct bytes answer, struct token *ret);

/* RFC 3986 2.3, for a query and for a form. Appends. */
int url_escape(struct bytes in, struct buf *out);

#endif
