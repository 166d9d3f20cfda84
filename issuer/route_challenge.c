/* SPDX-License-Identifier: BSD-2-Clause */
/* POST /v1/admin/challenge: what is carried by hand to a host without a network, and is known again when evidence for it comes back. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "attest/joinproof.h"
#include "issuer/joining.h"
#include "issuer/profile.h"
#include "lib/crypto.h"
#include "lib/err.h"

#define LIFE (24u * 60 * 60)            /* seconds, where nothing is said */
#define LIFE_MAX (7u * 24 * 60 * 60)

_Static_assert(TALK_SECRET == DB_HASH_SIZE && TALK_SECRET == JOINPROOF_SIZE, "a challenge takes the place of a nonce");

static const struct body_member members[] = {
        { .name = "host", .type = BODY_TEXT, .needed = true, .max = DB_HOST_MAX },
        { .name = "agent", .type = BODY_TEXT, .needed = true, .max = DB_AGENT_MAX },
        { .name = "profile", .type = BODY_TEXT, .max = PROFILE_NAME_MAX },
        { .name = "life", .type = BODY_NUMBER, .max = LIFE_MAX },
        { .name = "join", .type = BODY_OBJECT, .members = join_members },
        { .name = NULL },
};

static int object_text(const json_t *o, struct buf *ret)
{
        char *text = json_dumps(o, JSON_COMPACT);
        int r = text != NULL ? buf_append_str(ret, text) : err(ERR_NOMEM, "out of memory");

        free(text);
        return r;
}

/* A host that nobody knows yet: who it is stays with the challenge, and what its TPM makes of the two credentials is the proof. */
static int begin_join(struct call *c, struct db_challenge *ch, const json_t *said, struct talk_join *j, json_t **ret)
{
        CLEANUP(shown_clear) struct shown s = { 0 };
        int r;

        r = object_text(said, &ch->shown);
        if (r == 0)
                r = join_read(c, BYTES_OF(&ch->shown), &s);
        if (r == 0 && strcmp(s.host.name, ch->host) != 0)
                r = err(ERR_FORMAT, "what is to join is the host %s", s.host.name);
        if (r == 0)
                r = join_judge(c, &s, true, j);
        if (r == 0)
                r = join_ask(&s, j, ret);
        return r == 0 ? joinproof(BYTES(ch->challenge, TALK_SECRET), BYTES(j->ak_secret, TALK_SECRET), BYTES(j->srk_secret, TALK_SECRET), ch->proof) : r;
}

static int begin(struct call *c, const json_t *body, struct db_challenge *ch, struct db_host *host, json_t **ret_join)
{
        CLEANUP(talk_join_clear) struct talk_join j = { 0 };
        int r;

        r = crypto_random(ch->challenge, TALK_SECRET);
        if (r != 0)
                return r;
        if (body_object(body, "join") == NULL) {
                memcpy(ch->proof, ch->challenge, TALK_SECRET);
                r = db_host_get(c->s->db, ch->host, host);
                return r == 0 ? 0 : refused(c, "host-unknown", r);
        }
        r = begin_join(c, ch, body_object(body, "join"), &j, ret_join);
        *host = j.host;
        return r;
}

static int keep(struct call *c, struct db_challenge *ch, bool joins)
{
        CLEANUP(buf_clear) struct buf more = { 0 };
        struct decision d = { .event = AUDIT_APPROVE, .host = ch->host, .agent = ch->agent, .operation = "challenge" };
        int r = buf_printf(&more, "until=%" PRIu64 "%s", ch->until, joins ? " to join" : "");

        if (r == 0 && (d.more = buf_str(&more)) == NULL)
                r = err(ERR_NOMEM, "out of memory");
        if (r == 0)
                r = decision_note(c, &d, 0, NULL);
        return r == 0 ? db_challenge_add(c->s->db, ch) : r;
}

static int tell(struct call *c, const struct db_challenge *ch, const struct profile *p, json_t *join)
{
        json_t *o = json_pack("{s:o s:I s:o}", "challenge", json_base64(BYTES(ch->challenge, TALK_SECRET)), "until", (json_int_t)ch->until, "policy", policy_json(p));

        if (join != NULL)
                json_object_set(o, "join", join);
        return reply_json(c, o);
}

static int read_names(const json_t *body, struct db_challenge *ch)
{
        int r = check_host_name(body_text(body, "host"));

        if (r == 0)
                r = check_agent_name(body_text(body, "agent"));
        if (r == 0)
                r = DB_TEXT(ch->host, BYTES_STR(body_text(body, "host")));
        return r == 0 ? DB_TEXT(ch->agent, BYTES_STR(body_text(body, "agent"))) : r;
}

int route_admin_challenge(struct call *c)
{
        CLEANUP(body_free) json_t *body = NULL;
        const struct profile *p = NULL;
        struct db_challenge ch = { 0 };
        struct db_host host = { 0 };
        json_t *join = NULL;
        uint64_t life;
        int r;

        r = body_read(c->q->body, members, &body);
        if (r == 0)
                r = read_names(body, &ch);
        if (r == 0)
                r = begin(c, body, &ch, &host, &join);
        if (r == 0)
                r = refused(c, "profile", profile_find(c->s->conf, ch.host, ch.agent, host.assurance, body_text(body, "profile"), &p));
        if (r == 0) {
                life = body_number(body, "life");
                ch.until = service_now(c->s) + (life != 0 ? life : LIFE);
                r = keep(c, &ch, join != NULL);
        }
        if (r == 0)
                r = tell(c, &ch, p, join);
        json_decref(join);
        buf_clear(&ch.shown);
        wipe(ch.proof, sizeof(ch.proof));
        return r;
}

/* --- It comes back --- */

void carried_clear(struct carried *k)
{
        talk_join_clear(&k->join);
        wipe(k->proof, sizeof(k->proof));
        k->joins = false;
}

/* Whom we trust may be another by now. */
static int judge_again(struct call *c, const struct db_challenge *ch, struct carried *ret)
{
        CLEANUP(shown_clear) struct shown s = { 0 };
        int r;

        ret->joins = true;
        r = join_read(c, BYTES_OF(&ch->shown), &s);
        return r == 0 ? join_judge(c, &s, true, &ret->join) : r;
}

int carried_take(struct call *c, struct bytes challenge, const char *host, const char *agent, struct carried *ret)
{
        struct db_challenge ch = { 0 };
        int r;

        if (c->q->peer->via != HTTP_UNIX || challenge.len != TALK_SECRET)
                return err(ERR_DENIED, "a challenge is for operators to name, and has %d octets", TALK_SECRET);
        r = db_challenge_take(c->s->db, challenge.ptr, &ch);
        if (r == 0 && ch.until <= service_now(c->s))
                r = err(ERR_STALE, "the challenge has ended");
        if (r == 0 && (strcmp(ch.host, host) != 0 || strcmp(ch.agent, agent) != 0))
                r = err(ERR_FOREIGN, "the challenge is for another host or agent");
        if (r == 0)
                memcpy(ret->proof, ch.proof, TALK_SECRET);
        if (r == 0 && ch.shown.len > 0)
                r = judge_again(c, &ch, ret);
        buf_clear(&ch.shown);
        wipe(ch.proof, sizeof(ch.proof));
        return r;
}
