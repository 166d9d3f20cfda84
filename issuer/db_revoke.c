/* SPDX-License-Identifier: BSD-2-Clause */
/* What is taken back? */
#include "issuer/db_ops.h"
#include "lib/err.h"

struct revoke {
        const struct db_whom *whom;
        enum crl_reason reason;
        uint64_t now;
        int64_t n;
};

/* What is to be revoked, with when and why; then what of it is. */
static int revoke_credentials(struct db_tx *tx, struct revoke *v, enum db_statement set, enum db_statement count, const struct db_value *key)
{
        struct db_query q = { .statement = set, .n = 1, .v[0] = *key }, n = { .statement = count, .n = 1, .v[0] = *key };
        struct db_query changes = { .statement = DB_CHANGES_RISE };
        int r;

        db_put_int(&q, (int64_t)v->now);
        db_put_int(&q, v->reason);
        r = db_run(tx, &q, NULL, NULL);
        if (r == 0)
                r = db_run(tx, &changes, NULL, NULL);
        if (r != 0)
                return r;
        db_put_int(&n, (int64_t)v->now);
        return db_run_number(tx, &n, &v->n);
}

static int revoke_serial_tx(struct db_tx *tx, void *ctx)
{
        struct revoke *v = ctx;
        const struct db_value serial = { .type = DB_BLOB, .b = BYTES(v->whom->serial, GRANT_SERIAL_SIZE) };
        struct db_query q = { .statement = DB_CREDENTIAL_GET, .n = 1, .v[0] = serial };
        int r;

        r = db_run_one(tx, &q, NULL, NULL);
        if (r != 0)
                return r == ERR_NOENT ? err(r, "there is no credential with this serial number, or it ended long ago") : r;
        return revoke_credentials(tx, v, DB_REVOKE_SERIAL, DB_REVOKED_SERIAL, &serial);
}

static int revoke_agent_tx(struct db_tx *tx, void *ctx)
{
        struct revoke *v = ctx;
        struct db_query q = { .statement = DB_REVOKE_AGENT };
        struct db_value id = { .type = DB_INT };
        int r;

        /* A credential that is being added is before it or refused: who adds one holds the host's row. */
        r = db_hold_host(tx, v->whom->host);
        if (r == 0) {
                db_put_str(&q, v->whom->host);
                db_put_str(&q, v->whom->agent);
                db_put_int(&q, (int64_t)v->now);
                db_put_int(&q, v->reason);
                r = db_run_number(tx, &q, &id.i);
        }
        if (r != 0)
                return r == ERR_NOENT ? err(r, "there is no agent %s on host %s", v->whom->agent, v->whom->host) : r;
        return revoke_credentials(tx, v, DB_REVOKE_OF_AGENT, DB_REVOKED_OF_AGENT, &id);
}

static int revoke_host_tx(struct db_tx *tx, void *ctx)
{
        struct revoke *v = ctx;
        struct db_query q = { .statement = DB_REVOKE_HOST };
        struct db_value id = { .type = DB_INT };
        int r;

        db_put_str(&q, v->whom->host);
        db_put_int(&q, (int64_t)v->now);
        db_put_int(&q, v->reason);
        r = db_run_number(tx, &q, &id.i);
        if (r != 0)
                return r == ERR_NOENT ? err(r, "there is no host %s", v->whom->host) : r;
        return revoke_credentials(tx, v, DB_REVOKE_OF_HOST, DB_REVOKED_OF_HOST, &id);
}

static int check(const struct db_whom *w, uint64_t now)
{
        int r = 0;

        if (now == 0 || now > INT64_MAX)
                return err(ERR_INVAL, "a revocation needs a time");
        if (!w->serial == !w->host || (w->agent && !w->host))
                return err(ERR_INVAL, "what is to be revoked is a serial number, a host, or an agent with its host");
        if (w->host)
                r = db_check_name("the host's name", w->host, DB_HOST_MAX);
        if (r == 0 && w->agent)
                r = db_check_name("the agent's name", w->agent, DB_AGENT_MAX);
        return r;
}

int db_revoke(struct db *db, const struct db_whom *whom, enum crl_reason reason, uint64_t now, size_t *ret_n)
{
        struct revoke v = { .whom = whom, .reason = reason, .now = now };
        int r;

        r = check(whom, now);
        if (r == 0)
                r = db_write(db, whom->serial ? revoke_serial_tx : whom->agent ? revoke_agent_tx : revoke_host_tx, &v);
        if (r == 0 && ret_n)
                *ret_n = (size_t)v.n;
        return r;
}
