/* SPDX-License-Identifier: BSD-2-Clause */
/* POST /v1/nonce: what the evidence of this connection's next request must be for. */
#include <string.h>
#include "issuer/route.h"
#include "lib/err.h"

static const struct body_member members[] = {
        { .name = "purpose", .type = BODY_TEXT, .needed = true, .max = 32 },
        { .name = "host", .type = BODY_TEXT, .needed = true, .max = DB_HOST_MAX },
        { .name = NULL },
};

int route_nonce(struct call *c)
{
        CLEANUP(body_free) json_t *body = NULL;
        struct talk *talk = talk_of(c->q->state);
        uint8_t nonce[TALK_SECRET];
        int r;

        r = body_read(c->q->body, members, &body);
        if (r == 0 && strcmp(body_text(body, "purpose"), "credential") != 0)
                r = err(ERR_FORMAT, "a nonce is for the purpose \"credential\"");
        if (r == 0)
                r = check_host_name(body_text(body, "host"));
        if (r == 0 && talk == NULL)
                r = err(ERR_NOMEM, "out of memory");
        if (r == 0)
                r = talk_nonce_new(talk, body_text(body, "host"), service_ticks(c->s), nonce);
        return r == 0 ? reply_json(c, json_pack("{s:o s:i s:s}", "nonce", json_base64(BYTES(nonce, sizeof(nonce))), "expires_in", TALK_SECONDS, "issuer", c->s->conf->url)) : r;
}
