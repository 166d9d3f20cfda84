/* SPDX-License-Identifier: BSD-2-Clause */
/* A TPM's part of a log, octet by octet, and a recorder's. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <openssl/sha.h>
#include "lib/err.h"
#include "tests/evp.h"
#include "tests/vouched.h"

static const struct pk_params ecdsa = { .scheme = SCHEME_ECDSA };

static void ok(int r)
{
        if (r != 0)
                fail_msg("%s: %s", err_name(r), err_text());
}

static void put(struct buf *b, struct bytes v)
{
        ok(buf_append(b, v.ptr, v.len));
}

static void put_number(struct buf *b, uint64_t v, unsigned octets)
{
        while (octets-- > 0)
                ok(buf_append_u8(b, (uint8_t)(v >> 8 * octets)));
}

void vouched_put_2b(struct buf *b, struct bytes v)
{
        put_number(b, v.len, 2);
        put(b, v);
}

static void sha(struct bytes in, uint8_t ret[32])
{
        SHA256(in.ptr, in.len, ret);
}

/* TPMT_PUBLIC of an ECC key on P-256, unrestricted, signing. */
static void put_public(const struct pubkey *k, struct buf *b)
{
        put_number(b, 0x0023, 2);
        put_number(b, 0x000b, 2);
        put_number(b, 0x00040472, 4);
        put_number(b, 0, 2);
        put_number(b, 0x0010, 2);
        put_number(b, 0x0010, 2);
        put_number(b, 0x0003, 2);
        put_number(b, 0x0010, 2);
        vouched_put_2b(b, BYTES_OF(&k->x));
        vouched_put_2b(b, BYTES_OF(&k->y));
}

static void open_log(struct vouched_log *v, uint64_t rotate_size)
{
        struct audit_log_options o = { .rotate_size = rotate_size };
        struct audit_recovery how;

        ok(audit_log_open(v->dir, &o, &how, &v->log));
}

void vouched_start(struct vouched_log *v, const char *dir, uint64_t rotate_size)
{
        CLEANUP(pubkey_clear) struct pubkey pub = { 0 };

        *v = (struct vouched_log){ .batch = 1, .time_ms = 1795608000000, .mode = AUDIT_MODE_COMMAND };
        v->tpm = (struct vouched_tpm){ .counter = 7, .clock_ms = 5000, .resets = 3, .safe = true, .list = VOUCHED_LIST, .nv = 40 };
        v->tpm.ak = evp_key("P-256", &v->tpm.ak_pub);
        v->tpm.key = evp_key("P-256", &pub);
        put_public(&pub, &v->tpm.key_public);
        snprintf(v->dir, sizeof(v->dir), "%s", dir);
        open_log(v, rotate_size);
}

void vouched_stop(struct vouched_log *v)
{
        audit_log_close(v->log);
        EVP_PKEY_free(v->tpm.ak);
        EVP_PKEY_free(v->tpm.key);
        pubkey_clear(&v->tpm.ak_pub);
        buf_clear(&v->tpm.key_public);
        *v = (struct vouched_log){ 0 };
}

void vouched_reopen(struct vouched_log *v, uint64_t rotate_size)
{
        audit_log_close(v->log);
        open_log(v, rotate_size);
}

static void append(struct vouched_log *v, struct audit_record *r)
{
        r->time_ms = v->time_ms += 10;
        r->has_clock = true;
        r->tpm_clock_ms = v->tpm.clock_ms += 10;
        r->tpm_resets = v->tpm.resets;
        r->tpm_restarts = v->tpm.restarts;
        ok(audit_append(v->log, r));
}

void vouched_record(struct vouched_log *v, enum audit_event e, const char *detail)
{
        struct audit_record r = { .event = e, .detail = BYTES_STR(detail) };

        append(v, &r);
}

void vouched_begin(struct vouched_log *v)
{
        vouched_record(v, AUDIT_START, "1");
        vouched_record(v, AUDIT_LIST, v->tpm.list);
}

/* The first command of a batch raises the counter, and the digest begins with zeros. */
static void audit_command(struct vouched_tpm *t, const uint8_t cp[32], const uint8_t rp[32])
{
        uint8_t in[96];

        if (!t->has_digest) {
                t->counter++;
                memset(t->digest, 0, sizeof(t->digest));
        }
        t->has_digest = true;
        memcpy(in, t->digest, 32);
        memcpy(in + 32, cp, 32);
        memcpy(in + 64, rp, 32);
        sha(BYTES(in, sizeof(in)), t->digest);
}

static struct bytes number(const struct vouched_tpm *t, const uint8_t *p)
{
        struct bytes n = BYTES(p, 32);

        while (t->drops_zeros && n.len > 1 && n.ptr[0] == 0)
                n = BYTES(n.ptr + 1, n.len - 1);
        return n;
}

static void sign_hashes(const struct vouched_tpm *t, struct vouched_room *room)
{
        CLEANUP(buf_clear) struct buf cp = { 0 };
        CLEANUP(buf_clear) struct buf rp = { 0 };
        uint8_t name[32];

        sha(BYTES_OF(&t->key_public), name);
        put_number(&cp, 0x15d, 4);
        put_number(&cp, 0x000b, 2);
        put(&cp, BYTES(name, 32));
        vouched_put_2b(&cp, BYTES(room->digest, 32));
        put_number(&cp, 0x0018000b, 4);
        put_number(&cp, 0x8024, 2);
        put_number(&cp, 0x40000007, 4);
        put_number(&cp, 0, 2);
        sha(BYTES_OF(&cp), room->cp);
        put_number(&rp, 0, 4);
        put_number(&rp, 0x15d, 4);
        put_number(&rp, 0x0018000b, 4);
        vouched_put_2b(&rp, number(t, room->signature.ptr));
        vouched_put_2b(&rp, number(t, room->signature.ptr + 32));
        sha(BYTES_OF(&rp), room->rp);
}

void vouched_command(struct vouched_log *v, struct vouched_room *room, struct audit_record *ret)
{
        uint8_t seed[16];

        memcpy(seed, &v->time_ms, 8);
        memcpy(seed + 8, &v->count, 8);
        sha(BYTES(seed, sizeof(seed)), room->digest);
        evp_sign(v->tpm.key, &ecdsa, BYTES(room->digest, 32), &room->signature);
        sign_hashes(&v->tpm, room);
        audit_command(&v->tpm, room->cp, room->rp);
        if (ret != NULL)
                *ret = (struct audit_record){
                        .event = AUDIT_USE,
                        .agent = BYTES_STR("agent"),
                        .operation = BYTES_STR("sign"),
                        .mechanism = BYTES_STR("ECDSA"),
                        .key_public = BYTES_OF(&v->tpm.key_public),
                        .digest = BYTES(room->digest, 32),
                        .result = BYTES_OF(&room->signature),
                        .tpm = { true, v->batch, ++v->count, 0x15d, BYTES(room->cp, 32), BYTES(room->rp, 32) },
                };
}

void vouched_sign(struct vouched_log *v)
{
        struct vouched_room room = { 0 };
        struct audit_record r;

        vouched_command(v, &room, &r);
        append(v, &r);
        buf_clear(&room.signature);
}

/* u32 codes of the list, as TPM2_GetCommandAuditDigest hashes them. */
static void list_digest(const char *list, uint8_t ret[32])
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        char *end;

        for (; *list != '\0'; list = *end == ' ' ? end + 1 : end)
                put_number(&b, strtoul(list, &end, 16), 4);
        sha(BYTES_OF(&b), ret);
}

static void attest(struct vouched_log *v, struct checkpoint *c)
{
        CLEANUP(buf_clear) struct buf rs = { 0 };
        struct vouched_tpm *t = &v->tpm;
        uint8_t digest[32];
        struct buf *b = &c->attest;

        put_number(b, 0xff544347, 4);
        put_number(b, c->mode == AUDIT_MODE_COMMAND ? 0x8015 : c->mode == AUDIT_MODE_SESSION ? 0x8016 : 0x8018, 2);
        put_number(b, 34, 2);
        put_number(b, 0x000b, 2);
        sha(BYTES_STR("qualified name"), digest);
        put(b, BYTES(digest, 32));
        ok(checkpoint_digest(c, digest));
        vouched_put_2b(b, BYTES(digest, 32));
        put_number(b, t->clock_ms, 8);
        put_number(b, t->resets, 4);
        put_number(b, t->restarts, 4);
        put_number(b, t->safe, 1);
        put_number(b, 0x2016042800000001, 8);
        if (c->mode == AUDIT_MODE_COMMAND) {
                put_number(b, t->counter, 8);
                put_number(b, 0x000b, 2);
                vouched_put_2b(b, BYTES(t->digest, t->has_digest ? 32 : 0));
                t->has_digest = false;
                list_digest(t->list, digest);
                vouched_put_2b(b, BYTES(digest, 32));
        } else {
                sha(BYTES("", 0), digest);
                put_number(b, c->mode == AUDIT_MODE_SESSION, c->mode == AUDIT_MODE_SESSION ? 1 : 4);
                vouched_put_2b(b, BYTES(digest, 32));
        }
        sha(BYTES_OF(b), digest);
        evp_sign(t->ak, &ecdsa, BYTES(digest, 32), &rs);
        put_number(&c->signature, 0x0018000b, 4);
        vouched_put_2b(&c->signature, number(t, rs.ptr));
        vouched_put_2b(&c->signature, number(t, rs.ptr + 32));
}

static void cosign(EVP_PKEY *k, struct checkpoint *c)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        uint8_t key[VKEY_SIZE], signature[VKEY_SIGNATURE_SIZE];
        size_t n = sizeof(key);

        ok(checkpoint_text(c, &text));
        assert_int_equal(EVP_PKEY_get_raw_public_key(k, key, &n), 1);
        evp_ed25519_sign(k, BYTES_OF(&text), signature);
        ok(vkey_line(BYTES_OF(&c->origin), key, signature, &c->ed25519));
}

void vouched_note(struct vouched_log *v, const struct audit_head *h, struct buf *ret)
{
        CLEANUP(checkpoint_clear) struct checkpoint c = { .head = *h, .batch = v->batch, .count = v->count, .mode = v->mode };

        c.has_nv = true;
        c.nv_index = 0x01800100;
        c.nv_value = ++v->tpm.nv;
        c.time_ms = v->time_ms;
        ok(buf_printf(&c.origin, "holdfast/host.example/%" PRIu64, audit_log_number(v->log)));
        attest(v, &c);
        if (v->witness != NULL)
                cosign(v->witness, &c);
        ok(checkpoint_format(&c, &v->tpm.ak_pub, ret));
        v->batch++;
        v->count = 0;
}

void vouched_checkpoint(struct vouched_log *v)
{
        CLEANUP(buf_clear) struct buf note = { 0 };
        uint64_t batch = v->batch;
        struct audit_head h;

        audit_log_head(v->log, &h);
        vouched_note(v, &h, &note);
        ok(audit_log_put_checkpoint(v->log, &h, batch, BYTES_OF(&note)));
}

void vouched_rotate(struct vouched_log *v)
{
        struct audit_record r = { .event = AUDIT_ROTATE };

        vouched_checkpoint(v);
        r.time_ms = v->time_ms += 10;
        ok(audit_log_rotate(v->log, &r));
}
