/* SPDX-License-Identifier: BSD-2-Clause */
/* What the issuer asks its database, in the words of both.
 *
 * SQLite has one writer at a time; in PostgreSQL whoever decides by a row locks it first, always hosts before tokens, agents and credentials. */
#include <stddef.h>
#include "issuer/db_sql.h"

#define BOTH(text) { text, text }
#define LOCKED(text, row) { text, text " FOR UPDATE OF " row }
/* Two issuers that sweep at once take different rows. Of credentials those stay a day longer that were revoked: lists go on naming them for a while. */
#define CREDENTIAL_END "(revoked = 0 OR not_after < $1 - 86400) AND not_after"
#define SWEEP(table, key, end) { \
        "DELETE FROM " table " WHERE " key " IN (SELECT " key " FROM " table " WHERE " end " < $1 LIMIT $2) RETURNING 1", \
        "DELETE FROM " table " WHERE " key " IN (SELECT " key " FROM " table " WHERE " end " < $1 LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING 1" }

#define HOST_GET "SELECT id, " HOST_COLUMNS " FROM hosts h WHERE name = $1"
#define AGENT_GET "SELECT a.id, h.name, " AGENT_COLUMNS " FROM hosts h JOIN agents a ON a.host = h.id WHERE h.name = $1 AND a.name = $2"
#define TOKEN_GET "SELECT host, until, used FROM tokens t WHERE hash = $1"
#define CREDENTIALS(from) "SELECT h.name, a.name, " CREDENTIAL_COLUMNS ", c.agent FROM " from " c JOIN agents a ON a.id = c.agent JOIN hosts h ON h.id = a.host "
#define CREDENTIAL_FITS "($4 = 0 OR ($4 = 3) = (c.revoked <> 0)) AND c.not_after > $5"
/* A page is cut from its own table, by the index that it is in order of, before anything is joined to it. */
#define STRING(x) #x
#define NUMBER(x) STRING(x)
#define PAGE(order) " ORDER BY " order " LIMIT " NUMBER(DB_PAGE_ROWS)
/* Who is revoked already keeps when and why. */
#define REVOKED(when, why) "reason = CASE WHEN state = 3 THEN reason ELSE " why " END, revoked = CASE WHEN state = 3 THEN revoked ELSE " when " END, state = 3"
#define OF_HOST "agent IN (SELECT id FROM agents WHERE host = $1)"

const struct db_sql db_sql[DB_STATEMENTS] = {
        [DB_SCHEMA_LOCK] = { "SELECT 1", "SELECT 1 FROM pg_advisory_xact_lock(7522537965574647666)" },
        [DB_SCHEMA_THERE] = { "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'numbers'", "SELECT 1 FROM pg_catalog.pg_class WHERE relname = 'numbers' AND pg_catalog.pg_table_is_visible(oid)" },
        [DB_SCHEMA_SET] = BOTH("UPDATE numbers SET value = $1 WHERE name = 'schema'"),
        [DB_NUMBER_GET] = BOTH("SELECT value FROM numbers WHERE name = $1"),
        [DB_NUMBER_RISE] = BOTH("INSERT INTO numbers (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE "
                "SET value = CASE WHEN numbers.value < $2 THEN $2 ELSE numbers.value + 1 END RETURNING value"),
        [DB_CHANGES_RISE] = BOTH("UPDATE numbers SET value = value + 1 WHERE name = 'changes'"),

        [DB_HOST_ID] = BOTH("SELECT id FROM hosts WHERE name = $1"),
        [DB_HOST_GET] = BOTH(HOST_GET),
        [DB_HOST_LOOK] = BOTH("SELECT id, " HOST_COLUMNS ", COALESCE((SELECT a.state FROM agents a WHERE a.host = h.id AND a.name = $2), 0) FROM hosts h WHERE name = $1"),
        [DB_HOST_LOCK] = LOCKED(HOST_GET, "h"),
        /* A statement of its own: what one reads of other tables beside the row that it waits for is from before it waited. */
        [DB_HOST_HOLD] = { NULL, "SELECT id FROM hosts WHERE name = $1 FOR UPDATE" },
        [DB_HOST_BY_EK] = BOTH("SELECT name FROM hosts WHERE ek_hash = $1"),
        [DB_HOST_INSERT] = BOTH("INSERT INTO hosts (" HOST_COLUMNS ") "
                "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22) ON CONFLICT DO NOTHING RETURNING id"),
        [DB_HOST_UPDATE] = BOTH("UPDATE hosts SET (" HOST_COLUMNS ") "
                "= ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22) WHERE id = $23"),
        [DB_HOST_SEEN] = BOTH("UPDATE hosts SET seen = $2 WHERE id = $1"),
        [DB_HOST_STANDS] = BOTH("UPDATE hosts SET seen = $2, stood = 1, clock = $3, resets = $4, restarts = $5, firmware = $6 WHERE id = $1"),
        [DB_HOST_PAGE] = BOTH("SELECT id, " HOST_COLUMNS " FROM hosts WHERE name > $1 AND ($2 = 0 OR state = $2)" PAGE("name")),

        [DB_TOKEN_LOCK] = LOCKED(TOKEN_GET, "t"),
        [DB_TOKEN_USE] = BOTH("UPDATE tokens SET used = $2 WHERE hash = $1"),
        [DB_TOKEN_INSERT] = BOTH("INSERT INTO tokens (hash, host, made, until, used) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING 1"),
        [DB_TOKEN_GET] = BOTH(TOKEN_GET),
        [DB_TOKEN_DELETE] = BOTH("DELETE FROM tokens WHERE hash = $1 RETURNING 1"),
        [DB_TOKEN_PAGE] = BOTH("SELECT hash, host, made, until, used FROM tokens WHERE hash > $1" PAGE("hash")),
        [DB_TOKEN_SWEEP] = SWEEP("tokens", "hash", "until"),

        [DB_CHALLENGE_INSERT] = BOTH("INSERT INTO challenges (challenge, host, agent, until, proof, shown) VALUES ($1, $2, $3, $4, $5, $6) "
                "ON CONFLICT DO NOTHING RETURNING 1"),
        [DB_CHALLENGE_TAKE] = BOTH("DELETE FROM challenges WHERE challenge = $1 RETURNING host, agent, until, proof, shown"),
        [DB_CHALLENGE_SWEEP] = SWEEP("challenges", "challenge", "until"),

        [DB_AGENT_ID] = BOTH("SELECT a.id FROM hosts h JOIN agents a ON a.host = h.id WHERE h.name = $1 AND a.name = $2"),
        [DB_AGENT_GET] = BOTH(AGENT_GET),
        [DB_AGENT_INSERT] = BOTH("INSERT INTO agents (host, name, state, owner, key_label, key_kind, key_hash, profile, spiffe_id, "
                "first_issued, last_issued, not_after, what, record, revoked, reason) "
                "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) ON CONFLICT DO NOTHING RETURNING id"),
        [DB_AGENT_UPDATE] = BOTH("UPDATE agents SET (name, state, owner, key_label, key_kind, key_hash, profile, spiffe_id, "
                "first_issued, last_issued, not_after, what, record, revoked, reason) "
                "= ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) WHERE id = $16"),
        [DB_AGENT_RENEW] = BOTH("UPDATE agents SET owner = $2, key_label = $3, key_kind = $4, key_hash = $5, profile = $6, spiffe_id = $7, "
                "first_issued = CASE WHEN first_issued = 0 THEN $8 ELSE first_issued END, last_issued = $8, not_after = $9, what = $10, record = $11 WHERE id = $1"),
        [DB_AGENT_PAGE] = BOTH("SELECT a.id, h.name, " AGENT_COLUMNS ", a.host FROM "
                "(SELECT * FROM agents WHERE (host, name) > ($1, $2) AND host <= $3 AND ($4 = 0 OR state = $4)" PAGE("host, name") ") a "
                "JOIN hosts h ON h.id = a.host ORDER BY a.host, a.name"),

        [DB_CREDENTIAL_LOOK] = BOTH("SELECT h.id, h.state, h.ak_name, h.stood, h.clock, h.resets, h.restarts, COALESCE(a.id, 0), COALESCE(a.state, 0) "
                "FROM hosts h LEFT JOIN agents a ON a.host = h.id AND a.name = $2 WHERE h.name = $1"),
        [DB_CREDENTIAL_GET] = BOTH(CREDENTIALS("credentials") "WHERE c.serial = $1"),
        [DB_CREDENTIAL_INSERT] = BOTH("INSERT INTO credentials (agent, serial, what, record, issued, not_after, revoked, reason) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"),
        [DB_CREDENTIAL_PAGE] = BOTH(CREDENTIALS("(SELECT * FROM credentials c WHERE (agent, serial) > ($1, $2) AND agent <= $3 AND " CREDENTIAL_FITS PAGE("agent, serial") ")")
                "ORDER BY c.agent, c.serial"),
        [DB_CREDENTIAL_PAGE_HOST] = BOTH(CREDENTIALS("credentials") "WHERE (c.agent, c.serial) > ($1, $2) AND a.host = $3 AND " CREDENTIAL_FITS PAGE("c.agent, c.serial")),
        [DB_CREDENTIAL_PAGE_REVOKED] = BOTH(CREDENTIALS("(SELECT * FROM credentials WHERE revoked <> 0 AND serial > $1 AND not_after > $2" PAGE("serial") ")") "ORDER BY c.serial"),
        [DB_CREDENTIAL_SWEEP] = SWEEP("credentials", "serial", CREDENTIAL_END),

        [DB_REVOKE_HOST] = BOTH("UPDATE hosts SET " REVOKED("$2", "$3") " WHERE name = $1 RETURNING id"),
        [DB_REVOKE_AGENT] = BOTH("UPDATE agents SET " REVOKED("$3", "$4") " WHERE name = $2 AND host = (SELECT id FROM hosts WHERE name = $1) RETURNING id"),
        [DB_REVOKE_SERIAL] = BOTH("UPDATE credentials SET revoked = $2, reason = $3 WHERE serial = $1 AND revoked = 0"),
        [DB_REVOKE_OF_AGENT] = BOTH("UPDATE credentials SET revoked = $2, reason = $3 WHERE agent = $1 AND revoked = 0 AND not_after > $2"),
        [DB_REVOKE_OF_HOST] = BOTH("UPDATE credentials SET revoked = $2, reason = $3 WHERE " OF_HOST " AND revoked = 0 AND not_after > $2"),
        [DB_REVOKED_SERIAL] = BOTH("SELECT count(*) FROM credentials WHERE serial = $1 AND revoked <> 0 AND not_after > $2"),
        [DB_REVOKED_OF_AGENT] = BOTH("SELECT count(*) FROM credentials WHERE agent = $1 AND revoked <> 0 AND not_after > $2"),
        [DB_REVOKED_OF_HOST] = BOTH("SELECT count(*) FROM credentials WHERE " OF_HOST " AND revoked <> 0 AND not_after > $2"),
        [DB_COUNT] = BOTH("SELECT (SELECT count(*) FROM hosts), (SELECT count(*) FROM hosts WHERE state = 1), (SELECT count(*) FROM hosts WHERE state = 3), "
                "(SELECT count(*) FROM agents), (SELECT count(*) FROM agents WHERE state = 3), (SELECT count(*) FROM credentials)"),
};
