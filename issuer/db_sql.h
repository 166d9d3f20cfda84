/* SPDX-License-Identifier: BSD-2-Clause */
/* Every question that the issuer asks its database, by name. */
#ifndef HOLDFAST_ISSUER_DB_SQL_H
#define HOLDFAST_ISSUER_DB_SQL_H

/* What is read of a host, an agent or a credential, in this order: the tables of fields in issuer/db_row.c have the same. */
#define HOST_COLUMNS \
        "name, state, assurance, ek_hash, ek_name, ak_name, srk_name, manufacturer, vendor, revision, audit, " \
        "stood, clock, resets, restarts, firmware, joined, seen, ak_until, record, revoked, reason"
#define DB_HOST_FIELDS 22               /* so many */
#define AGENT_COLUMNS \
        "a.name, a.state, a.owner, a.key_label, a.key_kind, a.key_hash, a.profile, a.spiffe_id, " \
        "a.first_issued, a.last_issued, a.not_after, a.what, a.record, a.revoked, a.reason"
#define CREDENTIAL_COLUMNS "c.serial, c.what, c.record, c.issued, c.not_after, c.revoked, c.reason"

/* Rows of a page. In the statement, so that PostgreSQL plans for few; whoever wants less takes less. */
#define DB_PAGE_ROWS 128

enum db_statement {
        DB_SCHEMA_LOCK,                 /* other issuers may start at the same time */
        DB_SCHEMA_THERE,                /* is there a table of numbers? */
        DB_SCHEMA_SET,                  /* version */
        DB_NUMBER_GET,                  /* name: value */
        DB_NUMBER_RISE,                 /* name, at least: value */
        DB_CHANGES_RISE,
        DB_HOST_ID,                     /* name: id */
        DB_HOST_GET,                    /* name: id, HOST_COLUMNS */
        DB_HOST_LOOK,                   /* name, agent's: the same, and the agent's state or 0 */
        DB_HOST_LOCK,                   /* the same, and nobody else changes it meanwhile */
        DB_HOST_HOLD,                   /* name: until the end nobody else changes the host, its agents or their credentials */
        DB_HOST_BY_EK,                  /* ek_hash: name */
        DB_HOST_INSERT,                 /* HOST_COLUMNS: id, or nothing if name or EK is taken */
        DB_HOST_UPDATE,                 /* HOST_COLUMNS, id */
        DB_HOST_SEEN,                   /* id, seen */
        DB_HOST_STANDS,                 /* id, seen, clock, resets, restarts, firmware */
        DB_HOST_PAGE,                   /* after name, state: id, HOST_COLUMNS */
        DB_TOKEN_LOCK,                  /* hash: host, until, used */
        DB_TOKEN_USE,                   /* hash, used */
        DB_TOKEN_INSERT,                /* hash, host, made, until, used: 1, or nothing if there is one */
        DB_TOKEN_GET,                   /* hash: host, until, used */
        DB_TOKEN_DELETE,                /* hash: 1, or nothing */
        DB_TOKEN_PAGE,                  /* after hash: hash, host, made, until, used */
        DB_TOKEN_SWEEP,                 /* before, limit: 1 for each */
        DB_CHALLENGE_INSERT,            /* challenge, host, agent, until, proof, shown: 1, or nothing if there is one */
        DB_CHALLENGE_TAKE,              /* challenge: host, agent, until, proof, shown; it is gone */
        DB_CHALLENGE_SWEEP,             /* before, limit: 1 for each */
        DB_AGENT_ID,                    /* host's name, name: id */
        DB_AGENT_GET,                   /* host's name, name: id, host's name, AGENT_COLUMNS */
        DB_AGENT_INSERT,                /* host's id, AGENT_COLUMNS: id, or nothing */
        DB_AGENT_UPDATE,                /* AGENT_COLUMNS, id */
        DB_AGENT_RENEW,                 /* id, owner, key_label, key_kind, key_hash, profile, spiffe_id, last_issued, not_after, what, record */
        DB_AGENT_PAGE,                  /* after host's id and name, last host's id, state: id, host's name, AGENT_COLUMNS, host's id */
        DB_CREDENTIAL_LOOK,             /* host's name, agent's: what db_credential_add() must know */
        DB_CREDENTIAL_GET,              /* serial: host's name, agent's, CREDENTIAL_COLUMNS */
        DB_CREDENTIAL_INSERT,           /* agent's id, CREDENTIAL_COLUMNS */
        DB_CREDENTIAL_PAGE,             /* after agent's id and serial, last agent's id, state, ends after: host's name, agent's, CREDENTIAL_COLUMNS, agent's id */
        DB_CREDENTIAL_PAGE_HOST,        /* the same, of the host with this id instead of up to the last agent */
        DB_CREDENTIAL_PAGE_REVOKED,     /* after serial, ends after: host's name, agent's, CREDENTIAL_COLUMNS */
        DB_CREDENTIAL_SWEEP,            /* before, limit: 1 for each */
        DB_REVOKE_HOST,                 /* name, when, reason: id */
        DB_REVOKE_AGENT,                /* host's name, name, when, reason: id */
        DB_REVOKE_SERIAL,               /* serial, when, reason */
        DB_REVOKE_OF_AGENT,             /* agent's id, when, reason */
        DB_REVOKE_OF_HOST,              /* host's id, when, reason */
        DB_REVOKED_SERIAL,              /* serial, ends after: how many that are revoked */
        DB_REVOKED_OF_AGENT,            /* agent's id, ends after: the same */
        DB_REVOKED_OF_HOST,             /* host's id, ends after: the same */
        DB_COUNT,                       /* struct db_counts */
        DB_STATEMENTS,
};

/* NULL: that database needs no such thing. */
struct db_sql {
        const char *sqlite, *pg;
};
extern const struct db_sql db_sql[DB_STATEMENTS];

#endif
