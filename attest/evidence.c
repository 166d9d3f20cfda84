/* SPDX-License-Identifier: BSD-2-Clause */
/* What is in evidence, and in which octets? docs/formats.md has the same as CDDL. */
#include <stddef.h>
#include <string.h>
#include "attest/evidence.h"
#include "lib/alg.h"
#include "lib/cbor.h"
#include "lib/crypto.h"
#include "lib/err.h"

#define VERSION 1
/* Evidence, AK, certificates. */
#define DEPTH 3
#define SHA256_SIZE 32
#define ROOM 2048               /* octets of evidence without logs, mostly */

static const char label[] = "holdfast evidence 1";

enum kind {
        NUMBER,         /* always there */
        OCTETS,         /* one to max, always there */
        MAYBE,          /* the same, or absent */
        STATEMENT,      /* OCTETS, left out where the binding is made */
        CERTIFICATES,
};

struct field {
        unsigned key;
        enum kind kind;
        size_t offset, max;
};

/* In rising order of keys. */
#define E(key, kind, member, max) { key, kind, offsetof(struct evidence, member), max }
static const struct field ak_fields[] = {
        E(0, OCTETS, ak_public, EVIDENCE_PUBLIC_MAX), E(1, CERTIFICATES, certificates, EVIDENCE_CERTIFICATE_MAX),
};
static const struct field key_fields[] = {
        E(0, OCTETS, key.public, EVIDENCE_PUBLIC_MAX), E(1, STATEMENT, key.certify.attest, EVIDENCE_ATTEST_MAX),
        E(2, STATEMENT, key.certify.signature, EVIDENCE_ATTEST_MAX), E(3, MAYBE, key.agent, EVIDENCE_AGENT_MAX),
        E(4, MAYBE, key.owner, EVIDENCE_OWNER_MAX),
};
static const struct field host_fields[] = {
        E(0, STATEMENT, host.quote.attest, EVIDENCE_ATTEST_MAX), E(1, STATEMENT, host.quote.signature, EVIDENCE_ATTEST_MAX),
        E(2, NUMBER, host.pcr_hash, 0), E(3, NUMBER, host.pcrs, 0), E(4, OCTETS, host.values, EVIDENCE_PCRS * HASH_MAX),
        E(5, MAYBE, host.event_log, EVIDENCE_EVENT_LOG_MAX), E(6, MAYBE, host.ima, EVIDENCE_IMA_MAX),
};
static const struct field process_fields[] = {
        E(0, NUMBER, process.pid, 0), E(1, NUMBER, process.start_time, 0), E(2, NUMBER, process.uid, 0), E(3, NUMBER, process.gid, 0),
        E(4, MAYBE, process.exe, EVIDENCE_PATH_MAX), E(5, MAYBE, process.exe_sha256, SHA256_SIZE), E(6, MAYBE, process.cgroup, EVIDENCE_PATH_MAX),
        E(7, MAYBE, process.unit, EVIDENCE_WORD_MAX), E(8, MAYBE, process.container, EVIDENCE_WORD_MAX),
};
static const struct field log_fields[] = { E(0, OCTETS, checkpoint, EVIDENCE_NOTE_MAX) };

/* The parts of the whole, a map each. */
struct part {
        unsigned key;
        const struct field *fields;
        size_t n;
        size_t present;         /* offset of the flag, or NEEDED, or LOG */
};
#define NEEDED SIZE_MAX
#define LOG (SIZE_MAX - 1)
static const struct part parts[] = {
        { 1, ak_fields, ARRAY_LEN(ak_fields), NEEDED },
        { 2, key_fields, ARRAY_LEN(key_fields), offsetof(struct evidence, key.present) },
        { 3, host_fields, ARRAY_LEN(host_fields), offsetof(struct evidence, host.present) },
        { 4, process_fields, ARRAY_LEN(process_fields), offsetof(struct evidence, process.present) },
        { 5, log_fields, ARRAY_LEN(log_fields), LOG },
};

static bool part_is_present(const struct part *p, const struct evidence *e)
{
        if (p->present == NEEDED)
                return true;
        return p->present == LOG ? e->checkpoint.len > 0 : *(const bool *)((const char *)e + p->present);
}

/* PCRs and their values fit together; and a hash has the size of one. */
static int check_values(const struct evidence *e)
{
        const struct hash *h = hash_by_tpm((uint16_t)e->host.pcr_hash);
        uint64_t pcrs = e->host.pcrs;
        size_t n = 0;

        if (e->process.present && e->process.exe_sha256.len != 0 && e->process.exe_sha256.len != SHA256_SIZE)
                return err(ERR_FORMAT, "evidence: %zu octets are no SHA-256", e->process.exe_sha256.len);
        if (!e->host.present)
                return 0;
        if (!h || e->host.pcr_hash > UINT16_MAX)
                return err(ERR_FORMAT, "evidence: PCRs of a hash that we do not know");
        if (pcrs == 0 || pcrs >> EVIDENCE_PCRS != 0)
                return err(ERR_FORMAT, "evidence: there are PCRs 0 to %d", EVIDENCE_PCRS - 1);
        for (; pcrs != 0; pcrs &= pcrs - 1)
                n++;
        return e->host.values.len == n * h->size ? 0 : err(ERR_FORMAT, "evidence: %zu octets for %zu PCRs", e->host.values.len, n);
}

static bool field_is_present(const struct field *f, const struct evidence *e, bool statements)
{
        switch (f->kind) {
        case MAYBE:
                return ((const struct bytes *)((const char *)e + f->offset))->len > 0;
        case STATEMENT:
                return statements;
        case CERTIFICATES:
                return e->n_certificates > 0;
        default:
                return true;
        }
}

static int put_octets(const struct field *f, struct bytes v, struct buf *b)
{
        if (v.len == 0)
                return err(ERR_INVAL, "evidence lacks what is under %u of one of its parts", f->key);
        if (v.len > f->max)
                return err(ERR_RANGE, "%zu octets are more than evidence has room for", v.len);
        return cbor_put_bytes(b, v);
}

static int put_certificates(const struct field *f, const struct evidence *e, struct buf *b)
{
        int r;

        if (e->n_certificates > EVIDENCE_CERTIFICATES)
                return err(ERR_RANGE, "%zu certificates are more than evidence has room for", e->n_certificates);
        r = cbor_put_array(b, e->n_certificates);
        for (size_t i = 0; r == 0 && i < e->n_certificates; i++)
                r = put_octets(f, e->certificates[i], b);
        return r;
}

static int put_field(const struct field *f, const struct evidence *e, struct buf *b)
{
        const void *p = (const char *)e + f->offset;
        int r = cbor_put_uint(b, f->key);

        if (r != 0)
                return r;
        switch (f->kind) {
        case NUMBER:
                return cbor_put_uint(b, *(const uint64_t *)p);
        case CERTIFICATES:
                return put_certificates(f, e, b);
        default:
                return put_octets(f, *(const struct bytes *)p, b);
        }
}

static int put_part(const struct part *p, const struct evidence *e, bool statements, struct buf *b)
{
        size_t n = 0;
        int r;

        for (size_t i = 0; i < p->n; i++)
                n += field_is_present(&p->fields[i], e, statements);
        r = cbor_put_uint(b, p->key);
        if (r == 0)
                r = cbor_put_map(b, n);
        for (size_t i = 0; r == 0 && i < p->n; i++)
                if (field_is_present(&p->fields[i], e, statements))
                        r = put_field(&p->fields[i], e, b);
        return r;
}

static int put_evidence(const struct evidence *e, bool statements, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        size_t n = 1;
        int r;

        r = check_values(e);
        if (r == 0 && !e->key.present && !e->host.present)
                r = err(ERR_INVAL, "evidence of neither a key nor a host");
        if (r != 0)
                return r;
        for (size_t i = 0; i < ARRAY_LEN(parts); i++)
                n += part_is_present(&parts[i], e);
        /* With the logs, which are most of it, in place at once. */
        r = buf_reserve(&b, ROOM + e->host.event_log.len + e->host.ima.len);
        if (r == 0)
                r = cbor_put_map(&b, n);
        if (r == 0)
                r = cbor_put_uint(&b, 0);
        if (r == 0)
                r = cbor_put_uint(&b, VERSION);
        for (size_t i = 0; r == 0 && i < ARRAY_LEN(parts); i++)
                if (part_is_present(&parts[i], e))
                        r = put_part(&parts[i], e, statements, &b);
        if (r == 0)
                buf_take(&b, ret);
        return r;
}

int evidence_encode(const struct evidence *e, struct buf *ret)
{
        return put_evidence(e, true, ret);
}

int evidence_binding(const struct evidence *e, struct bytes challenge, uint8_t ret[EVIDENCE_BINDING])
{
        CLEANUP(buf_clear) struct buf said = { 0 };
        const uint8_t len = (uint8_t)challenge.len;
        int r;

        if (challenge.len < EVIDENCE_CHALLENGE_MIN || challenge.len > EVIDENCE_CHALLENGE_MAX)
                return err(ERR_INVAL, "a challenge has %d to %d octets, not %zu", EVIDENCE_CHALLENGE_MIN, EVIDENCE_CHALLENGE_MAX, challenge.len);
        r = put_evidence(e, false, &said);
        if (r != 0)
                return r;
        return crypto_hash(hash_by_name("SHA256"), (const struct bytes[]){ BYTES(label, sizeof(label)), BYTES(&len, 1), challenge, BYTES_OF(&said) }, 4,
                           ret);
}

static int get_octets(struct cbor *c, size_t max, struct bytes *ret)
{
        int r = cbor_get_bytes(c, ret);

        if (r == 0 && (ret->len == 0 || ret->len > max))
                r = err(ERR_FORMAT, "evidence: %zu octets where there are 1 to %zu", ret->len, max);
        return r;
}

static int get_certificates(struct cbor *c, size_t max, struct evidence *e)
{
        int r = cbor_get_array(c, &e->n_certificates);

        if (r == 0 && (e->n_certificates == 0 || e->n_certificates > EVIDENCE_CERTIFICATES))
                r = err(ERR_FORMAT, "evidence: %zu certificates where there are 1 to %d", e->n_certificates, EVIDENCE_CERTIFICATES);
        for (size_t i = 0; r == 0 && i < e->n_certificates; i++)
                r = get_octets(c, max, &e->certificates[i]);
        return r;
}

static int get_field(struct cbor *c, const struct field *f, struct evidence *e)
{
        void *p = (char *)e + f->offset;

        switch (f->kind) {
        case NUMBER:
                return cbor_get_uint(c, p);
        case CERTIFICATES:
                return get_certificates(c, f->max, e);
        default:
                return get_octets(c, f->max, p);
        }
}

/* Whether that is the key in front; then it is behind us. */
static bool at_key(struct cbor *c, unsigned key)
{
        struct cbor at = *c;
        uint64_t k;

        if (cbor_get_uint(&at, &k) != 0 || k != key)
                return false;
        *c = at;
        return true;
}

static int get_part(struct cbor *c, const struct part *p, struct evidence *e)
{
        size_t n;
        int r = cbor_get_map(c, &n);

        for (size_t i = 0; r == 0 && i < p->n; i++) {
                const struct field *f = &p->fields[i];

                if (n > 0 && at_key(c, f->key)) {
                        n--;
                        r = get_field(c, f, e);
                } else if (f->kind != MAYBE && f->kind != CERTIFICATES) {
                        r = err(ERR_FORMAT, "evidence: nothing under %u of part %u", f->key, p->key);
                }
        }
        if (r == 0 && n > 0)
                r = err(ERR_FORMAT, "evidence: more in part %u than belongs there", p->key);
        if (r == 0 && p->present < LOG)
                *(bool *)((char *)e + p->present) = true;
        return r;
}

int evidence_decode(struct bytes in, struct evidence *ret)
{
        struct cbor c = { in };
        struct evidence e = { 0 };
        uint64_t version = 0;
        size_t n;
        int r;

        if (in.len > EVIDENCE_MAX)
                return err(ERR_FORMAT, "evidence: %zu octets are too many", in.len);
        r = cbor_check(in, DEPTH);
        if (r == 0)
                r = cbor_get_map(&c, &n);
        if (r != 0)
                return r;
        if (n == 0 || !at_key(&c, 0) || cbor_get_uint(&c, &version) != 0 || version != VERSION)
                return err(ERR_FORMAT, "evidence: not of version %d", VERSION);
        n--;
        for (size_t i = 0; r == 0 && i < ARRAY_LEN(parts); i++) {
                if (n > 0 && at_key(&c, parts[i].key)) {
                        n--;
                        r = get_part(&c, &parts[i], &e);
                } else if (parts[i].present == NEEDED) {
                        r = err(ERR_FORMAT, "evidence: no attestation key");
                }
        }
        if (r == 0 && n > 0)
                r = err(ERR_FORMAT, "evidence: a part that does not belong there");
        if (r == 0 && !e.key.present && !e.host.present)
                r = err(ERR_FORMAT, "evidence of neither a key nor a host");
        if (r == 0)
                r = check_values(&e);
        if (r == 0)
                *ret = e;
        return r;
}
