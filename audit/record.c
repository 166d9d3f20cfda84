/* SPDX-License-Identifier: BSD-2-Clause */
/* What is in one record, and in which octets? docs/formats.md has the same as CDDL. */
#include <stddef.h>
#include <string.h>
#include "audit/record.h"
#include "lib/cbor.h"
#include "lib/err.h"

/* Map, peer, groups. */
#define DEPTH 3

static const char *const events[] = {
        [AUDIT_START] = "start", [AUDIT_STOP] = "stop", [AUDIT_USE] = "use", [AUDIT_CREATE] = "create",
        [AUDIT_DELETE] = "delete", [AUDIT_CHANGE] = "change", [AUDIT_RULE] = "rule", [AUDIT_LOCK] = "lock",
        [AUDIT_UNLOCK] = "unlock", [AUDIT_CHECKPOINT] = "checkpoint", [AUDIT_GAP] = "gap", [AUDIT_LIST] = "list",
        [AUDIT_ROTATE] = "rotate", [AUDIT_ATTEST] = "attest", [AUDIT_JOIN] = "join", [AUDIT_ISSUE] = "issue", [AUDIT_REVOKE] = "revoke",
        [AUDIT_APPROVE] = "approve",
};

static const char *const decisions[] = { [AUDIT_ALLOWED] = "allowed", [AUDIT_REFUSED] = "refused", [AUDIT_FAILED] = "failed" };

const char *audit_event_name(enum audit_event e)
{
        return (unsigned)e < ARRAY_LEN(events) ? events[e] : NULL;
}

enum audit_event audit_event_by_name(const char *name)
{
        for (unsigned i = AUDIT_START; i < ARRAY_LEN(events); i++)
                if (strcmp(events[i], name) == 0)
                        return (enum audit_event)i;
        return 0;
}

const char *audit_decision_name(enum audit_decision d)
{
        return (unsigned)d < ARRAY_LEN(decisions) ? decisions[d] : NULL;
}

/* How a field is written, and what stands for its absence. */
enum kind {
        NUMBER,         /* 0: absent */
        ALWAYS,         /* a number, 0 too */
        EVENT,
        DECISION,
        BYTES,          /* at most max octets, else refused; empty: absent */
        CUT,            /* the same, but the rest is left out: a stranger chose it, and must not keep his deed out of the log */
        HASH,           /* max octets or absent */
        PREV,           /* AUDIT_HASH_SIZE octets */
        FLAG,           /* false: absent */
        GROUPS, LOGINUID, CLOCK, PEER, TPM,
};

struct field {
        unsigned key;
        enum kind kind;
        size_t offset, max;
};

#define F(key, kind, member, max) { key, kind, offsetof(struct audit_record, member), max }
/* In rising order of keys. The limits together stay below AUDIT_RECORD_MAX. */
static const struct field record_fields[] = {
        F(0, PREV, prev, AUDIT_HASH_SIZE), F(1, ALWAYS, seq, 0), F(2, ALWAYS, time_ms, 0), F(3, EVENT, event, 0),
        F(4, CUT, agent, 64), F(5, CUT, owner, 256), F(6, CUT, key_label, 1024), F(7, CUT, key_id, 256),
        F(8, BYTES, key_public, 1024), F(9, BYTES, operation, 32), F(10, BYTES, mechanism, 128), F(11, BYTES, digest, AUDIT_DIGEST_MAX),
        F(12, BYTES, result, 1024), F(13, DECISION, decision, 0), F(14, CUT, rule, 256), F(15, CUT, reason, 512),
        F(16, PEER, peer, 0), F(17, TPM, tpm, 0), F(18, CLOCK, has_clock, 0), F(19, CUT, detail, 4096), F(20, FLAG, direct, 0),
};
#define P(key, kind, member, max) { key, kind, offsetof(struct audit_peer, member), max }
static const struct field peer_fields[] = {
        P(0, ALWAYS, pid, 0), P(1, ALWAYS, start_time, 0), P(2, ALWAYS, uid, 0), P(3, ALWAYS, gid, 0), P(4, GROUPS, groups, 0),
        P(5, CUT, exe, 2048), P(6, HASH, exe_sha256, 32), P(7, CUT, cgroup, 2048), P(8, CUT, unit, 256), P(9, CUT, container, 128),
        P(10, LOGINUID, has_loginuid, 0), P(11, FLAG, tty, 0), P(12, NUMBER, ppid, 0), P(13, CUT, parent_exe, 2048),
};
#define T(key, kind, member, max) { key, kind, offsetof(struct audit_tpm, member), max }
static const struct field tpm_fields[] = {
        T(0, ALWAYS, batch, 0), T(1, ALWAYS, index, 0), T(2, ALWAYS, cc, 0),
        T(3, HASH, cp_hash, AUDIT_HASH_SIZE), T(4, HASH, rp_hash, AUDIT_HASH_SIZE),
};

static int put_fields(const struct field *fields, size_t n, const void *from, struct buf *b);
static int get_fields(struct cbor *c, const struct field *fields, size_t n, void *to);

static bool is_present(const struct field *f, const void *p)
{
        switch (f->kind) {
        case NUMBER:
                return *(const uint64_t *)p != 0;
        case DECISION:
                return *(const enum audit_decision *)p != AUDIT_ALLOWED;
        case BYTES:
        case CUT:
        case HASH:
                return ((const struct bytes *)p)->len > 0;
        case FLAG:
        case LOGINUID:
        case CLOCK:
                return *(const bool *)p;
        case GROUPS: {
                const struct audit_peer *peer = (const void *)((const char *)p - f->offset);

                return peer->n_groups > 0 && peer->n_groups <= AUDIT_GROUPS_MAX;
        }
        case PEER:
                return ((const struct audit_peer *)p)->present;
        case TPM:
                return ((const struct audit_tpm *)p)->present;
        default:
                return true;
        }
}

static int put_bytes(const struct field *f, struct bytes v, struct buf *b)
{
        if (f->kind == CUT && v.len > f->max)
                v.len = f->max;
        if (v.len > f->max)
                return err(ERR_RANGE, "%zu octets are too many for field %u of a record", v.len, f->key);
        if ((f->kind == HASH || f->kind == PREV) && v.len != f->max)
                return err(ERR_INVAL, "field %u of a record has %zu octets, not %zu", f->key, v.len, f->max);
        return cbor_put_bytes(b, v);
}

static int put_numbers(const uint64_t *v, size_t n, struct buf *b)
{
        int r = cbor_put_array(b, n);

        for (size_t i = 0; r == 0 && i < n; i++)
                r = cbor_put_uint(b, v[i]);
        return r;
}

/* base: the structure that the field is in. */
static int put_value(const struct field *f, const void *base, struct buf *b)
{
        const void *p = (const char *)base + f->offset;
        const struct audit_record *rec = base;
        const struct audit_peer *peer = base;

        switch (f->kind) {
        case NUMBER:
        case ALWAYS:
                return cbor_put_uint(b, *(const uint64_t *)p);
        case EVENT:
                if (!audit_event_name(rec->event))
                        return err(ERR_INVAL, "there is no event %u", (unsigned)rec->event);
                return cbor_put_uint(b, rec->event);
        case DECISION:
                if (!audit_decision_name(rec->decision))
                        return err(ERR_INVAL, "there is no decision %u", (unsigned)rec->decision);
                return cbor_put_uint(b, rec->decision);
        case FLAG:
                return cbor_put_bool(b, true);
        case GROUPS:
                return put_numbers(peer->groups, peer->n_groups, b);
        case LOGINUID:
                return cbor_put_uint(b, peer->loginuid);
        case CLOCK:
                return put_numbers((const uint64_t[]){ rec->tpm_clock_ms, rec->tpm_resets, rec->tpm_restarts }, 3, b);
        case PEER:
                return put_fields(peer_fields, ARRAY_LEN(peer_fields), p, b);
        case TPM:
                return put_fields(tpm_fields, ARRAY_LEN(tpm_fields), p, b);
        default:
                return put_bytes(f, *(const struct bytes *)p, b);
        }
}

static int put_fields(const struct field *fields, size_t n, const void *from, struct buf *b)
{
        size_t present = 0;
        int r;

        for (size_t i = 0; i < n; i++)
                present += is_present(&fields[i], (const char *)from + fields[i].offset);
        r = cbor_put_map(b, present);
        for (size_t i = 0; r == 0 && i < n; i++) {
                if (!is_present(&fields[i], (const char *)from + fields[i].offset))
                        continue;
                r = cbor_put_uint(b, fields[i].key);
                if (r == 0)
                        r = put_value(&fields[i], from, b);
        }
        return r;
}

int audit_record_encode(const struct audit_record *r, struct buf *ret)
{
        int e;

        buf_reset(ret);
        e = put_fields(record_fields, ARRAY_LEN(record_fields), r, ret);
        if (e == 0 && ret->len > AUDIT_RECORD_MAX)
                e = err(ERR_RANGE, "a record of %zu octets is longer than %d", ret->len, AUDIT_RECORD_MAX);
        if (e != 0)
                buf_reset(ret);
        return e;
}

static int bad_field(const struct field *f)
{
        return err(ERR_FORMAT, "field %u of a record is not what it should be", f->key);
}

static int get_bytes(struct cbor *c, const struct field *f, struct bytes *ret)
{
        int r = cbor_get_bytes(c, ret);

        if (r != 0)
                return r;
        if (ret->len == 0 || ret->len > f->max || ((f->kind == HASH || f->kind == PREV) && ret->len != f->max))
                return bad_field(f);
        return 0;
}

/* At least min, at most max numbers. */
static int get_numbers(struct cbor *c, const struct field *f, size_t min, size_t max, uint64_t *v, size_t *ret_n)
{
        size_t n;
        int r;

        r = cbor_get_array(c, &n);
        if (r != 0)
                return r;
        if (n < min || n > max)
                return bad_field(f);
        for (size_t i = 0; r == 0 && i < n; i++)
                r = cbor_get_uint(c, &v[i]);
        *ret_n = n;
        return r;
}

static int get_clock(struct cbor *c, const struct field *f, struct audit_record *rec)
{
        uint64_t v[3] = { 0 };
        size_t n;
        int r = get_numbers(c, f, 3, 3, v, &n);

        rec->has_clock = true;
        rec->tpm_clock_ms = v[0];
        rec->tpm_resets = v[1];
        rec->tpm_restarts = v[2];
        return r;
}

/* A number that is one of a few: event, decision. Those that mean nothing are refused. */
static int get_choice(struct cbor *c, const struct field *f, struct audit_record *rec)
{
        uint64_t v;
        int r = cbor_get_uint(c, &v);

        if (r != 0)
                return r;
        if (f->kind == EVENT) {
                if (v > AUDIT_EVENT_LAST || !audit_event_name((enum audit_event)v))
                        return bad_field(f);
                rec->event = (enum audit_event)v;
        } else {
                if (v == AUDIT_ALLOWED || v > AUDIT_FAILED)
                        return bad_field(f);
                rec->decision = (enum audit_decision)v;
        }
        return 0;
}

static int get_value(struct cbor *c, const struct field *f, void *base)
{
        void *p = (char *)base + f->offset;
        struct audit_peer *peer = base;
        int r;

        switch (f->kind) {
        case NUMBER:
                r = cbor_get_uint(c, p);
                return r == 0 && *(uint64_t *)p == 0 ? bad_field(f) : r;
        case ALWAYS:
                return cbor_get_uint(c, p);
        case EVENT:
        case DECISION:
                return get_choice(c, f, base);
        case FLAG:
                r = cbor_get_bool(c, p);
                return r == 0 && !*(bool *)p ? bad_field(f) : r;
        case GROUPS:
                return get_numbers(c, f, 1, AUDIT_GROUPS_MAX, peer->groups, &peer->n_groups);
        case LOGINUID:
                peer->has_loginuid = true;
                return cbor_get_uint(c, &peer->loginuid);
        case CLOCK:
                return get_clock(c, f, base);
        case PEER:
                ((struct audit_peer *)p)->present = true;
                return get_fields(c, peer_fields, ARRAY_LEN(peer_fields), p);
        case TPM:
                ((struct audit_tpm *)p)->present = true;
                return get_fields(c, tpm_fields, ARRAY_LEN(tpm_fields), p);
        default:
                return get_bytes(c, f, p);
        }
}

static bool is_mandatory(const struct field *f)
{
        return f->kind == PREV || f->kind == ALWAYS || f->kind == EVENT;
}

static int get_fields(struct cbor *c, const struct field *fields, size_t n, void *to)
{
        size_t pairs, at = 0;
        uint64_t key;
        int r;

        r = cbor_get_map(c, &pairs);
        for (size_t i = 0; r == 0 && i < pairs; i++) {
                r = cbor_get_uint(c, &key);
                if (r != 0)
                        return r;
                for (; at < n && fields[at].key != key; at++)
                        if (is_mandatory(&fields[at]))
                                return err(ERR_FORMAT, "field %u of a record is missing", fields[at].key);
                if (at == n)
                        return err(ERR_FORMAT, "a record has no field %llu there", (unsigned long long)key);
                r = get_value(c, &fields[at++], to);
        }
        for (; r == 0 && at < n; at++)
                if (is_mandatory(&fields[at]))
                        return err(ERR_FORMAT, "field %u of a record is missing", fields[at].key);
        return r;
}

int audit_record_decode(struct bytes in, struct audit_record *ret)
{
        struct audit_record rec;
        struct cbor c = { in };
        int r;

        if (in.len > AUDIT_RECORD_MAX)
                return err(ERR_FORMAT, "a record of %zu octets is longer than %d", in.len, AUDIT_RECORD_MAX);
        memset(&rec, 0, sizeof(rec));
        r = cbor_check(in, DEPTH);
        if (r == 0)
                r = get_fields(&c, record_fields, ARRAY_LEN(record_fields), &rec);
        if (r == 0)
                *ret = rec;
        return r;
}
