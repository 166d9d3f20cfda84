/* SPDX-License-Identifier: BSD-2-Clause */
/* JWTs that an agent signs with its own key: proofs that it has it. */
#ifndef HOLDFAST_TOOLS_OWNJWT_H
#define HOLDFAST_TOOLS_OWNJWT_H

#include <stdint.h>
#include "tools/p11keys.h"

/* RFC 9449 4.2. */
struct dpop_wish {
        const char *method, *url;       /* query and fragment are left out */
        const char *nonce;              /* of the server, or NULL */
        struct bytes access_token;      /* empty: there is none yet */
        int64_t now;
};
int ownjwt_dpop(struct p11agent *a, const struct p11key *k, const struct dpop_wish *w, struct buf *ret);

/* RFC 7523 3: for five minutes. */
struct assertion_wish {
        const char *client;             /* iss and sub */
        const char *audience;
        int64_t now;
};
int ownjwt_assertion(struct p11agent *a, const struct p11key *k, const struct assertion_wish *w, struct buf *ret);

#endif
