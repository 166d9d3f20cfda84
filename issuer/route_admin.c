/* SPDX-License-Identifier: BSD-2-Clause */
/* What operators have done on the Unix socket: approval, join tokens. */
#include <stdio.h>
#include <string.h>
#include "issuer/route.h"
#include "lib/crypto.h"
#include "lib/err.h"
#include "lib/jose.h"

#define TOKEN_OCTETS 32
#define TOKEN_LIFE 3600         /* seconds, where nothing is said */
#define TOKEN_LIFE_MAX (30u * 24 * 60 * 60)

static const struct body_member approve_members[] = {
        { .name = "host", .type = BODY_TEXT, .needed = true, .max = DB_HOST_MAX },
        { .name = "agent", .type = BODY_TEXT, .max = DB_AGENT_MAX },
        { .name = NULL },
};

int route_admin_approve(struct call *c)
{
        CLEANUP(body_free) json_t *body = NULL;
        struct decision d = { .event = AUDIT_APPROVE, .operation = "approve" };
        int r;

        r = body_read(c->q->body, approve_members, &body);
        if (r != 0)
                return r;
        d.host = body_text(body, "host");
        d.agent = body_text(body, "agent");
        /* What nobody could read in the log does not happen. */
        r = decision_note(c, &d, 0, NULL);
        if (r == 0)
                r = d.agent != NULL ? db_agent_state(c->s->db, d.host, d.agent, DB_ACTIVE) : db_host_state(c->s->db, d.host, DB_ACTIVE);
        if (r != 0)
                return decision_refused(c, &d, r);
        return reply_json(c, json_pack("{s:s s:s}", "host", d.host, "state", db_state_name(DB_ACTIVE)));
}

static const struct body_member token_members[] = {
        { .name = "host", .type = BODY_TEXT, .needed = true, .max = DB_HOST_MAX },
        { .name = "life", .type = BODY_NUMBER, .max = TOKEN_LIFE_MAX },
        { .name = NULL },
};

/* Nobody keeps the token itself. */
static int make_token(struct buf *ret_text, uint8_t ret_hash[DB_HASH_SIZE])
{
        uint8_t octets[TOKEN_OCTETS];
        struct bytes text;
        int r;

        r = crypto_random(octets, sizeof(octets));
        if (r == 0)
                r = base64url_append(ret_text, BYTES(octets, sizeof(octets)));
        wipe(octets, sizeof(octets));
        if (r == 0 && buf_str(ret_text) == NULL)
                r = err(ERR_NOMEM, "out of memory");
        text = BYTES_OF(ret_text);
        return r == 0 ? crypto_hash(hash_by_name("SHA256"), &text, 1, ret_hash) : r;
}

int route_admin_token(struct call *c)
{
        CLEANUP(body_free) json_t *body = NULL;
        CLEANUP(buf_clear) struct buf text = { 0 };
        const uint64_t now = service_now(c->s);
        struct decision d = { .event = AUDIT_APPROVE, .operation = "token" };
        struct db_token token = { .made = now };
        char more[64];
        uint64_t life;
        int r;

        r = body_read(c->q->body, token_members, &body);
        if (r == 0)
                r = check_host_name(body_text(body, "host"));
        if (r == 0)
                r = DB_TEXT(token.host, BYTES_STR(body_text(body, "host")));
        if (r == 0)
                r = make_token(&text, token.hash);
        if (r != 0)
                return r;
        life = body_number(body, "life");
        token.until = now + (life != 0 ? life : TOKEN_LIFE);
        snprintf(more, sizeof(more), "until=%llu", (unsigned long long)token.until);
        d.host = token.host;
        d.more = more;
        r = decision_note(c, &d, 0, NULL);
        if (r == 0)
                r = db_token_add(c->s->db, &token);
        if (r != 0)
                return decision_refused(c, &d, r);
        return reply_json(c, json_pack("{s:s s:s s:I}", "token", buf_str(&text), "host", token.host, "until", (json_int_t)token.until));
}
