/* SPDX-License-Identifier: BSD-2-Clause */
/* What can this TPM do, how is it, and what random numbers does it give? */
#include <stdio.h>
#include <string.h>
#include "lib/err.h"
#include "tpm/ctx.h"
#include "tpm/wire.h"

#define RANDOM_CHUNK 32         /* what every TPM gives at once */

/* TPM2_GetCapability */

struct query {
        uint32_t capability, property, count;
};

static TSS2_RC prepare_query(TSS2_SYS_CONTEXT *sys, const struct call *c)
{
        const struct query *q = c->in;

        return Tss2_Sys_GetCapability_Prepare(sys, q->capability, q->property, q->count);
}

int capability_each(struct tpm *t, uint32_t capability, uint32_t first, uint32_t end,
                    void (*see)(struct reader *r, uint32_t *ret_property, void *arg), void *arg)
{
        struct query q = { capability, first, 64 };
        const struct call c = { .cc = TPM2_CC_GetCapability, .prepare = prepare_query, .in = &q };
        bool more = true;

        while (more && q.property < end) {
                struct answer a;
                struct reader r;
                uint32_t count, property = q.property;
                int e;

                e = tpm_call(t, &c, &a);
                if (e != 0)
                        return e;
                r = READER(a.params);
                more = read_u8(&r) != 0;
                if (read_u32(&r) != capability)
                        return err(ERR_FORMAT, "the TPM answered with another capability than was asked for");
                count = read_u32(&r);
                for (uint32_t i = 0; i < count; i++) {
                        see(&r, &property, arg);
                        if (property < q.property || property >= end)
                                return 0;
                        q.property = property;
                }
                if (count == 0)
                        return 0;
                q.property++;
        }
        return 0;
}

struct found {
        struct tpm_caps *caps;
        bool rsa, ecdsa, ecdh, keyedhash, hmac, rsa_decrypt;
        unsigned curves;        /* bit i: curve_at(i) */
        struct tpm_health *health;
};

static void see_algorithm(struct reader *r, uint32_t *ret_property, void *arg)
{
        struct found *f = arg;
        uint16_t alg = read_u16(r);

        read_u32(r);
        *ret_property = alg;
        f->rsa = f->rsa || alg == TPM2_ALG_RSA;
        f->ecdsa = f->ecdsa || alg == TPM2_ALG_ECDSA;
        f->ecdh = f->ecdh || alg == TPM2_ALG_ECDH;
        f->keyedhash = f->keyedhash || alg == TPM2_ALG_KEYEDHASH;
        f->hmac = f->hmac || alg == TPM2_ALG_HMAC;
        f->caps->sha1 = f->caps->sha1 || alg == TPM2_ALG_SHA1;
        for (unsigned i = 0; hash_at(i) != NULL; i++) {
                if (hash_at(i)->tpm == alg)
                        f->caps->hashes |= 1u << i;
        }
}

static void see_curve(struct reader *r, uint32_t *ret_property, void *arg)
{
        struct found *f = arg;
        uint16_t curve = read_u16(r);

        *ret_property = curve;
        for (unsigned i = 0; curve_at(i) != NULL; i++) {
                if (curve_at(i)->tpm == curve)
                        f->curves |= 1u << i;
        }
}

/* TPMA_CC: the command's number is in the lower half. */
static void see_command(struct reader *r, uint32_t *ret_property, void *arg)
{
        struct found *f = arg;
        uint32_t cc = read_u32(r) & 0xffff;

        *ret_property = cc;
        f->rsa_decrypt = f->rsa_decrypt || cc == TPM2_CC_RSA_Decrypt;
}

/* Four characters of a string, NUL where there are none. */
static void put_text(char *to, size_t room, size_t at, uint32_t v)
{
        for (size_t i = 0; i < 4 && at + i + 1 < room; i++) {
                char c = (char)(v >> (24 - 8 * i) & 0x7f);

                to[at + i] = c >= ' ' ? c : '\0';
        }
}

static void see_fixed(struct reader *r, uint32_t *ret_property, void *arg)
{
        struct tpm_caps *c = ((struct found *)arg)->caps;
        uint32_t property = read_u32(r), v = read_u32(r);

        *ret_property = property;
        switch (property) {
        case TPM2_PT_MANUFACTURER:
                put_text(c->manufacturer, sizeof(c->manufacturer), 0, v);
                break;
        case TPM2_PT_VENDOR_STRING_1:
        case TPM2_PT_VENDOR_STRING_2:
        case TPM2_PT_VENDOR_STRING_3:
        case TPM2_PT_VENDOR_STRING_4:
                put_text(c->vendor, sizeof(c->vendor), strlen(c->vendor), v);
                break;
        case TPM2_PT_REVISION:
                snprintf(c->revision, sizeof(c->revision), "%u.%02u", v / 100 % 100, v % 100);
                break;
        case TPM2_PT_FIRMWARE_VERSION_1:
                c->firmware[0] = v;
                break;
        case TPM2_PT_FIRMWARE_VERSION_2:
                c->firmware[1] = v;
                break;
        case TPM2_PT_HR_TRANSIENT_MIN:
                c->slots = v;
                break;
        case TPM2_PT_HR_LOADED_MIN:
                c->sessions = v;
                break;
        default:
                break;
        }
}

/* TPM2_TestParms */

static TSS2_RC prepare_test(TSS2_SYS_CONTEXT *sys, const struct call *c)
{
        return Tss2_Sys_TestParms_Prepare(sys, c->in);
}

/* 1 if it can, 0 if it cannot. */
static int can_rsa(struct tpm *t, unsigned bits)
{
        TPMT_PUBLIC_PARMS p = { .type = TPM2_ALG_RSA };
        const struct call c = { .cc = TPM2_CC_TestParms, .prepare = prepare_test, .in = &p };
        struct answer a;
        int r;

        p.parameters.rsaDetail.symmetric.algorithm = TPM2_ALG_NULL;
        p.parameters.rsaDetail.scheme.scheme = TPM2_ALG_NULL;
        p.parameters.rsaDetail.keyBits = (uint16_t)bits;
        r = tpm_call(t, &c, &a);
        if (r == 0)
                return 1;
        return t->why.subject == RC_PARAMETER ? 0 : r;
}

static int can_make(struct tpm *t, const struct found *f, const struct key_kind *k)
{
        if (k->curve != NULL) {
                for (unsigned i = 0; curve_at(i) != NULL; i++) {
                        if (curve_at(i) == k->curve)
                                return f->ecdsa && f->ecdh && (f->curves & 1u << i) != 0;
                }
                return 0;
        }
        if (k->bits > 0)
                return f->rsa ? can_rsa(t, k->bits) : 0;
        for (unsigned i = 0; hash_at(i) != NULL; i++) {
                if (hash_at(i) == k->hash)
                        return f->keyedhash && f->hmac && (f->caps->hashes & 1u << i) != 0;
        }
        return 0;
}

static int read_caps(struct tpm *t, void *arg)
{
        struct tpm_caps c = { 0 };
        struct found f = { .caps = &c };
        int r;

        r = capability_each(t, TPM2_CAP_TPM_PROPERTIES, TPM2_PT_FIXED, TPM2_PT_FIXED + 256, see_fixed, &f);
        if (r == 0)
                r = capability_each(t, TPM2_CAP_ALGS, TPM2_ALG_FIRST, TPM2_ALG_LAST + 1, see_algorithm, &f);
        if (r == 0 && f.ecdsa)
                r = capability_each(t, TPM2_CAP_ECC_CURVES, 1, 0x10000, see_curve, &f);
        if (r == 0)
                r = capability_each(t, TPM2_CAP_COMMANDS, TPM2_CC_FIRST, TPM2_CC_LAST + 1, see_command, &f);
        for (unsigned i = 0; r >= 0 && key_kind_at(i) != NULL; i++) {
                r = can_make(t, &f, key_kind_at(i));
                if (r == 1)
                        c.kinds |= 1u << i;
        }
        if (r < 0)
                return r;
        c.raw_rsa = f.rsa && f.rsa_decrypt;
        *(struct tpm_caps *)arg = c;
        return 0;
}

int tpm_caps_read(struct tpm *t, struct tpm_caps *ret)
{
        return tpm_operate(t, PATIENCE, read_caps, ret);
}

static void see_variable(struct reader *r, uint32_t *ret_property, void *arg)
{
        struct tpm_health *h = ((struct found *)arg)->health;
        uint32_t property = read_u32(r), v = read_u32(r);

        *ret_property = property;
        switch (property) {
        case TPM2_PT_PERMANENT:
                h->owner_auth_set = (v & TPMA_PERMANENT_OWNERAUTHSET) != 0;
                h->endorsement_auth_set = (v & TPMA_PERMANENT_ENDORSEMENTAUTHSET) != 0;
                h->lockout_auth_set = (v & TPMA_PERMANENT_LOCKOUTAUTHSET) != 0;
                h->in_lockout = (v & TPMA_PERMANENT_INLOCKOUT) != 0;
                break;
        case TPM2_PT_HR_PERSISTENT:
                h->persistent = v;
                break;
        case TPM2_PT_HR_PERSISTENT_AVAIL:
                h->persistent_free = v;
                break;
        case TPM2_PT_LOCKOUT_COUNTER:
                h->lockout_counter = v;
                break;
        case TPM2_PT_MAX_AUTH_FAIL:
                h->lockout_max = v;
                break;
        case TPM2_PT_LOCKOUT_INTERVAL:
                h->lockout_interval = v;
                break;
        case TPM2_PT_LOCKOUT_RECOVERY:
                h->lockout_recovery = v;
                break;
        default:
                break;
        }
}

static int read_health(struct tpm *t, void *arg)
{
        struct tpm_health h = { 0 };
        struct found f = { .health = &h };
        uint32_t list[64];
        size_t n = 0;
        int r;

        r = capability_each(t, TPM2_CAP_TPM_PROPERTIES, TPM2_PT_VAR, TPM2_PT_VAR + 256, see_variable, &f);
        if (r == 0)
                r = list_handles(t, HANDLES_FROM(TPM2_HT_TRANSIENT), list, ARRAY_LEN(list), &n);
        h.transient_loaded = (unsigned)n;
        if (r == 0)
                r = list_handles(t, HANDLES_FROM(TPM2_HT_LOADED_SESSION), list, ARRAY_LEN(list), &n);
        h.sessions_loaded = (unsigned)n;
        if (r == 0)
                *(struct tpm_health *)arg = h;
        return r;
}

int tpm_health_read(struct tpm *t, struct tpm_health *ret)
{
        return tpm_operate(t, PATIENCE, read_health, ret);
}

/* TPM2_GetRandom */

struct random {
        uint8_t *out;
        size_t len;
};

static TSS2_RC prepare_random(TSS2_SYS_CONTEXT *sys, const struct call *c)
{
        return Tss2_Sys_GetRandom_Prepare(sys, *(const uint16_t *)c->in);
}

/* Encrypted on its way once there is a parent to salt a session to. */
static int get_random(struct tpm *t, void *arg)
{
        const struct random *in = arg;
        uint16_t want;
        const struct call c = { .cc = TPM2_CC_GetRandom, .prepare = prepare_random, .in = &want,
                                .auth = t->have_parent ? AUTH_SESSION : AUTH_NONE, .secret_out = t->have_parent };
        size_t done = 0;

        while (done < in->len) {
                struct answer a;
                struct reader r;
                struct bytes got;
                int e;

                want = (uint16_t)(in->len - done < RANDOM_CHUNK ? in->len - done : RANDOM_CHUNK);
                e = tpm_call(t, &c, &a);
                if (e != 0)
                        return e;
                r = READER(a.params);
                got = read_2b(&r);
                if (got.len == 0 || got.len > want)
                        return err(ERR_FORMAT, "the TPM gave %zu random octets where %u were asked for", got.len, want);
                memcpy(in->out + done, got.ptr, got.len);
                done += got.len;
        }
        return 0;
}

int tpm_random(struct tpm *t, uint8_t *out, size_t len)
{
        struct random in = { out, len };

        return tpm_operate(t, PATIENCE, get_random, &in);
}
