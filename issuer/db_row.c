/* SPDX-License-Identifier: BSD-2-Clause */
/* Which column is which field of a host, an agent, a credential or a token, and what may be in it? */
#include <string.h>
#include "issuer/db_ops.h"
#include "lib/err.h"
#include "lib/utf8.h"

enum field_kind {
        FIELD_TEXT,             /* char[size] */
        FIELD_HASH,             /* octets, always size of them */
        FIELD_NAME,             /* struct db_name */
        FIELD_U64,
        FIELD_U32,              /* and what is as large */
        FIELD_BOOL,
};

struct field {
        const char *name;
        enum field_kind kind;
        size_t offset, size;
        uint64_t max;           /* of a number; 0: of its type */
        bool empty;             /* a text may be */
};

#define AT(type, member) offsetof(struct type, member), sizeof(((struct type *)0)->member)
/* A database's numbers have a sign. */
#define TIME_MAX INT64_MAX

_Static_assert(sizeof(enum db_state) == 4 && sizeof(enum hf_assurance) == 4 && sizeof(enum crl_reason) == 4, "an enum is as large as FIELD_U32");

static const struct field host_fields[] = {
        { "the host's name", FIELD_TEXT, AT(db_host, name) },
        { "state", FIELD_U32, AT(db_host, state), DB_REVOKED },
        { "assurance", FIELD_U32, AT(db_host, assurance), HF_ASSURANCE_HARDWARE },
        { "ek_hash", FIELD_HASH, AT(db_host, ek_hash) },
        { "ek_name", FIELD_NAME, AT(db_host, ek_name) },
        { "ak_name", FIELD_NAME, AT(db_host, ak_name) },
        { "srk_name", FIELD_NAME, AT(db_host, srk_name) },
        { "the TPM's manufacturer", FIELD_TEXT, AT(db_host, manufacturer), .empty = true },
        { "the TPM's vendor", FIELD_TEXT, AT(db_host, vendor), .empty = true },
        { "the TPM's revision", FIELD_TEXT, AT(db_host, revision), .empty = true },
        { "the TPM's audit", FIELD_TEXT, AT(db_host, audit), .empty = true },
        { "stood", FIELD_BOOL, AT(db_host, stood) },
        { "clock", FIELD_U64, AT(db_host, standing.clock_ms) },
        { "resets", FIELD_U32, AT(db_host, standing.resets) },
        { "restarts", FIELD_U32, AT(db_host, standing.restarts) },
        { "firmware", FIELD_U64, AT(db_host, standing.firmware) },
        { "joined", FIELD_U64, AT(db_host, joined), TIME_MAX },
        { "seen", FIELD_U64, AT(db_host, seen), TIME_MAX },
        { "ak_until", FIELD_U64, AT(db_host, ak_until), TIME_MAX },
        { "record", FIELD_U64, AT(db_host, record), TIME_MAX },
        { "revoked", FIELD_U64, AT(db_host, revoked), TIME_MAX },
        { "reason", FIELD_U32, AT(db_host, reason) },
};

static const struct field agent_fields[] = {
        { "the agent's name", FIELD_TEXT, AT(db_agent, name) },
        { "state", FIELD_U32, AT(db_agent, state), DB_REVOKED },
        { "the owner", FIELD_TEXT, AT(db_agent, owner), .empty = true },
        { "the key's label", FIELD_TEXT, AT(db_agent, key_label), .empty = true },
        { "the key's kind", FIELD_TEXT, AT(db_agent, key_kind), .empty = true },
        { "key_hash", FIELD_HASH, AT(db_agent, key_hash) },
        { "the profile", FIELD_TEXT, AT(db_agent, profile), .empty = true },
        { "the SPIFFE ID", FIELD_TEXT, AT(db_agent, spiffe_id), .empty = true },
        { "first", FIELD_U64, AT(db_agent, first), TIME_MAX },
        { "last", FIELD_U64, AT(db_agent, last), TIME_MAX },
        { "not_after", FIELD_U64, AT(db_agent, not_after), TIME_MAX },
        { "what", FIELD_U32, AT(db_agent, what) },
        { "record", FIELD_U64, AT(db_agent, record), TIME_MAX },
        { "revoked", FIELD_U64, AT(db_agent, revoked), TIME_MAX },
        { "reason", FIELD_U32, AT(db_agent, reason) },
};

static const struct field credential_fields[] = {
        { "serial", FIELD_HASH, AT(db_credential, serial) },
        { "what", FIELD_U32, AT(db_credential, what) },
        { "record", FIELD_U64, AT(db_credential, record), TIME_MAX },
        { "issued", FIELD_U64, AT(db_credential, issued), TIME_MAX },
        { "not_after", FIELD_U64, AT(db_credential, not_after), TIME_MAX },
        { "revoked", FIELD_U64, AT(db_credential, revoked), TIME_MAX },
        { "reason", FIELD_U32, AT(db_credential, reason) },
};

static const struct field token_fields[] = {
        { "hash", FIELD_HASH, AT(db_token, hash) },
        { "the host's name", FIELD_TEXT, AT(db_token, host) },
        { "made", FIELD_U64, AT(db_token, made), TIME_MAX },
        { "until", FIELD_U64, AT(db_token, until), TIME_MAX },
        { "used", FIELD_U64, AT(db_token, used), TIME_MAX },
};

/* ---- structure to columns ---- */

void db_put_int(struct db_query *q, int64_t v)
{
        q->v[q->n++] = (struct db_value){ .type = DB_INT, .i = v };
}

void db_put_str(struct db_query *q, const char *v)
{
        q->v[q->n++] = (struct db_value){ .type = DB_STR, .b = BYTES_STR(v) };
}

void db_put_blob(struct db_query *q, const void *v, size_t len)
{
        q->v[q->n++] = (struct db_value){ .type = DB_BLOB, .b = BYTES(v, len) };
}

/* Octets as they are, the sign bit too: nobody compares them in SQL. */
static int64_t number_of(const struct field *f, const void *at)
{
        uint64_t v = 0;
        uint32_t v32;

        switch (f->kind) {
        case FIELD_BOOL:
                return *(const bool *)at;
        case FIELD_U32:
                memcpy(&v32, at, sizeof(v32));
                return v32;
        default:
                memcpy(&v, at, sizeof(v));
                return (int64_t)v;
        }
}

static void put(struct db_query *q, const struct field *fields, size_t n, const void *from)
{
        for (size_t i = 0; i < n; i++) {
                const struct field *f = &fields[i];
                const void *at = (const uint8_t *)from + f->offset;
                const struct db_name *name = at;

                if (f->kind == FIELD_TEXT)
                        db_put_str(q, at);
                else if (f->kind == FIELD_HASH)
                        db_put_blob(q, at, f->size);
                else if (f->kind == FIELD_NAME)
                        db_put_blob(q, name->v, name->len);
                else
                        db_put_int(q, number_of(f, at));
        }
}

/* ---- columns to structure ---- */

static int get_octets(const struct field *f, const struct db_value *v, void *at)
{
        struct db_name *name = at;

        if (v->type != (f->kind == FIELD_TEXT ? DB_STR : DB_BLOB))
                return ERR_FORMAT;
        switch (f->kind) {
        case FIELD_TEXT:
                return db_text(at, f->size, v->b);
        case FIELD_HASH:
                if (v->b.len != f->size)
                        return ERR_FORMAT;
                memcpy(at, v->b.ptr, v->b.len);
                return 0;
        default:
                if (v->b.len > sizeof(name->v))
                        return ERR_FORMAT;
                if (v->b.len > 0)
                        memcpy(name->v, v->b.ptr, v->b.len);
                name->len = v->b.len;
                return 0;
        }
}

static int get_number(const struct field *f, const struct db_value *v, void *at)
{
        const uint64_t u = (uint64_t)v->i;
        const uint32_t u32 = (uint32_t)u;
        const bool b = u != 0;

        if (v->type != DB_INT || (f->max != 0 && u > f->max))
                return ERR_FORMAT;
        switch (f->kind) {
        case FIELD_BOOL:
                memcpy(at, &b, sizeof(b));
                return 0;
        case FIELD_U32:
                if (u != u32)
                        return ERR_FORMAT;
                memcpy(at, &u32, sizeof(u32));
                return 0;
        default:
                memcpy(at, &u, sizeof(u));
                return 0;
        }
}

static int get(const struct db_value *v, const struct field *fields, size_t n, void *ret)
{
        for (size_t i = 0; i < n; i++) {
                const struct field *f = &fields[i];
                void *at = (uint8_t *)ret + f->offset;
                int r;

                r = f->kind <= FIELD_NAME ? get_octets(f, &v[i], at) : get_number(f, &v[i], at);
                if (r != 0)
                        return err(ERR_FORMAT, "the database holds a row in which %s is not what this program writes", f->name);
        }
        return 0;
}

/* ---- what may be written ---- */

static int check_text(const char *what, const char *text, size_t size, bool empty)
{
        const size_t len = strnlen(text, size);

        if (len == size)
                return err(ERR_RANGE, "%s is longer than %zu octets", what, size - 1);
        if (len == 0 && !empty)
                return err(ERR_FORMAT, "%s is empty", what);
        if (!utf8_valid(BYTES(text, len)))
                return err(ERR_FORMAT, "%s is not UTF-8", what);
        return 0;
}

static int check(const struct field *fields, size_t n, const void *from)
{
        for (size_t i = 0; i < n; i++) {
                const struct field *f = &fields[i];
                const void *at = (const uint8_t *)from + f->offset;
                int r = 0;

                if (f->kind == FIELD_TEXT)
                        r = check_text(f->name, at, f->size, f->empty);
                else if (f->kind == FIELD_NAME && ((const struct db_name *)at)->len > HF_NAME_MAX)
                        r = err(ERR_RANGE, "%s is longer than a TPM's names are", f->name);
                else if (f->kind > FIELD_NAME && f->max != 0 && (uint64_t)number_of(f, at) > f->max)
                        r = err(ERR_INVAL, "%s has no such value", f->name);
                if (r != 0)
                        return r;
        }
        return 0;
}

int db_text(char *ret, size_t size, struct bytes text)
{
        if (text.len >= size)
                return err(ERR_RANGE, "a text of %zu octets is longer than the %zu that the database has room for", text.len, size - 1);
        /* NUL is UTF-8, and would end it. */
        if (!utf8_valid(text) || (text.len > 0 && memchr(text.ptr, 0, text.len)))
                return err(ERR_FORMAT, "a text for the database is not UTF-8");
        if (text.len > 0)
                memcpy(ret, text.ptr, text.len);
        ret[text.len] = 0;
        return 0;
}

int db_check_name(const char *what, const char *name, size_t max)
{
        return check_text(what, name, max + 1, false);
}

#define STRUCTURE(type, fields) \
        void db_put_##type(struct db_query *q, const struct db_##type *from) { put(q, fields, ARRAY_LEN(fields), from); } \
        int db_get_##type(const struct db_value *v, struct db_##type *ret) { return get(v, fields, ARRAY_LEN(fields), ret); } \
        int db_check_##type(const struct db_##type *from) { return check(fields, ARRAY_LEN(fields), from); }
STRUCTURE(host, host_fields)
STRUCTURE(agent, agent_fields)
STRUCTURE(credential, credential_fields)
STRUCTURE(token, token_fields)
