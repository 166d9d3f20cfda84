/* SPDX-License-Identifier: BSD-2-Clause */
/* Which challenges were given out and have not come back? */
#include <string.h>
#include "issuer/db_ops.h"
#include "lib/err.h"

#define SHOWN_MAX (256u << 10)

static int add_tx(struct db_tx *tx, void *ctx)
{
        const struct db_challenge *c = ctx;
        struct db_query q = { .statement = DB_CHALLENGE_INSERT };
        int r;

        db_put_blob(&q, c->challenge, DB_HASH_SIZE);
        db_put_str(&q, c->host);
        db_put_str(&q, c->agent);
        db_put_int(&q, (int64_t)c->until);
        db_put_blob(&q, c->proof, DB_HASH_SIZE);
        db_put_blob(&q, c->shown.len > 0 ? c->shown.ptr : (const uint8_t *)"", c->shown.len);
        r = db_run_one(tx, &q, NULL, NULL);
        /* It is random: what is there already is ours. */
        return r == ERR_NOENT && tx->again ? 0 : r == ERR_NOENT ? err(ERR_EXIST, "there is such a challenge already") : r;
}

int db_challenge_add(struct db *db, const struct db_challenge *c)
{
        struct db_challenge copy = *c;
        int r;

        r = db_check_name("the host's name", c->host, DB_HOST_MAX);
        if (r == 0)
                r = db_check_name("the agent's name", c->agent, DB_AGENT_MAX);
        if (r == 0 && (c->until > INT64_MAX || c->shown.len > SHOWN_MAX))
                r = err(ERR_RANGE, "a challenge for too long, or with too much");
        return r == 0 ? db_write(db, add_tx, &copy) : r;
}

static int take_row(const struct db_value *v, void *ctx)
{
        struct db_challenge *c = ctx;
        int r;

        r = DB_TEXT(c->host, v[0].b);
        if (r == 0)
                r = DB_TEXT(c->agent, v[1].b);
        if (r == 0 && v[3].b.len != DB_HASH_SIZE)
                r = err(ERR_FORMAT, "a challenge of the database's is not what it should be");
        if (r != 0)
                return r;
        c->until = (uint64_t)v[2].i;
        memcpy(c->proof, v[3].b.ptr, DB_HASH_SIZE);
        return buf_set(&c->shown, v[4].b);
}

static int take_tx(struct db_tx *tx, void *ctx)
{
        struct db_challenge *c = ctx;
        struct db_query q = { .statement = DB_CHALLENGE_TAKE };

        db_put_blob(&q, c->challenge, DB_HASH_SIZE);
        return db_run_one(tx, &q, take_row, c);
}

int db_challenge_take(struct db *db, const uint8_t challenge[DB_HASH_SIZE], struct db_challenge *ret)
{
        struct db_challenge c = { 0 };
        int r;

        memcpy(c.challenge, challenge, DB_HASH_SIZE);
        r = db_write(db, take_tx, &c);
        if (r == 0)
                *ret = c;
        else
                buf_clear(&c.shown);
        return r == ERR_NOENT ? err(r, "there is no such challenge, or it was used") : r;
}
