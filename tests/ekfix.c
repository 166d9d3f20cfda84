/* SPDX-License-Identifier: BSD-2-Clause */
/* How does a TPM make its endorsement keys, and what does it say to a credential? In octets, so that nothing of ours is its own witness. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/tpms.h"
#include "tests/ekfix.h"

#define RH_ENDORSEMENT 0x4000000bu
#define RS_PASSWORD 0x40000009u
#define RC_RETRY 0x922u
#define TRIES 16
#define RESPONSE_MAX 4096

#define A_SHA256 "837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa"
#define B_SHA256 "ca3d0a99a2b93906f7a3342414efcfb3a385d44cd1fd459089d19b5071c0b7a0"
#define B_SHA384 "b26e7d28d11a50bc53d882bcf5fd3a1a074148bb35d3b4e4cb1c0ad9bde419cacb47ba09699646150f9fc000f3f80e12"

const struct ekfix ekfix_templates[6] = {
        { "RSA-2048 low", "0001000b000300b2", A_SHA256, "000600800043" "0010" "0800" "00000000", false, true },
        { "P-256 low", "0023000b000300b2", A_SHA256, "000600800043" "0010" "0003" "0010", true, true },
        { "RSA-2048 high", "0001000b000300f2", B_SHA256, "000600800043" "0010" "0800" "00000000", false, false },
        { "P-256 high", "0023000b000300f2", B_SHA256, "000600800043" "0010" "0003" "0010", true, false },
        { "P-384 high", "0023000c000300f2", B_SHA384, "000601000043" "0010" "0004" "0010", true, false },
        { "RSA-3072 high", "0001000c000300f2", B_SHA384, "000601000043" "0010" "0c00" "00000000", false, false },
};

static void need(bool ok)
{
        if (!ok)
                abort();
}

static void put_hex(struct buf *b, const char *hex)
{
        CLEANUP(buf_clear) struct buf octets = { 0 };

        need(hex_decode(hex, strlen(hex), &octets) == 0 && buf_append(b, octets.ptr, octets.len) == 0);
}

static void put(struct buf *b, uint64_t v, unsigned octets)
{
        need(tpms_put_number(b, v, octets) == 0);
}

/* The response behind its code. */
static uint32_t command_once(const struct swtpm *s, const char *tag, uint32_t code, const struct buf *rest, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf cmd = { 0 };
        uint8_t response[RESPONSE_MAX];
        size_t len = sizeof(response);
        struct tpms r;

        put_hex(&cmd, tag);
        put(&cmd, 10 + rest->len, 4);
        put(&cmd, code, 4);
        need(buf_append(&cmd, rest->ptr, rest->len) == 0);
        need(swtpm_command(s, cmd.ptr, cmd.len, response, &len) == 0 && len >= 10);
        need(buf_set(ret, BYTES(response + 10, len - 10)) == 0);
        r = TPMS(BYTES(response + 6, 4));
        return (uint32_t)tpms_number(&r, 4);
}

/* A TPM may ask for another try of a command that it did not begin. */
static uint32_t command(const struct swtpm *s, const char *tag, uint32_t code, const struct buf *rest, struct buf *ret)
{
        uint32_t rc = RC_RETRY;

        for (int i = 0; i < TRIES && rc == RC_RETRY; i++)
                rc = command_once(s, tag, code, rest, ret);
        return rc;
}

void ekfix_template(const struct ekfix *t, struct buf *ret)
{
        put_hex(ret, t->hex);
        put(ret, strlen(t->policy) / 2, 2);
        put_hex(ret, t->policy);
        put_hex(ret, t->behind);
        put(ret, 0, t->ecc ? 4 : 2);
}

void ekfix_ak_template(struct buf *ret)
{
        /* fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth, noDA, restricted, sign; ECDSA with SHA-256 */
        put_hex(ret, "0023000b" "00050472" "0000" "0010" "0018000b" "0003" "0010" "00000000");
}

uint32_t ekfix_primary(const struct swtpm *s, struct bytes template, struct buf *ret_public)
{
        CLEANUP(buf_clear) struct buf c = { 0 };
        CLEANUP(buf_clear) struct buf answer = { 0 };
        struct tpms r;
        struct bytes public;
        uint32_t handle;

        put(&c, RH_ENDORSEMENT, 4);
        put_hex(&c, "00000009" "40000009" "0000" "00" "0000");
        put_hex(&c, "0004" "0000" "0000");
        need(tpms_put_2b(&c, template) == 0);
        put_hex(&c, "0000" "00000000");
        need(command(s, "8002", 0x131, &c, &answer) == 0);
        r = TPMS(BYTES_OF(&answer));
        handle = (uint32_t)tpms_number(&r, 4);
        tpms_number(&r, 4);
        public = tpms_2b(&r);
        need(!r.bad && buf_set(ret_public, public) == 0);
        return handle;
}

uint32_t ekfix_load_external(const struct swtpm *s, struct bytes public)
{
        CLEANUP(buf_clear) struct buf c = { 0 };
        CLEANUP(buf_clear) struct buf answer = { 0 };
        struct tpms r;

        put(&c, 0, 2);
        need(tpms_put_2b(&c, public) == 0);
        put(&c, RH_ENDORSEMENT, 4);
        need(command(s, "8001", 0x167, &c, &answer) == 0);
        r = TPMS(BYTES_OF(&answer));
        return (uint32_t)tpms_number(&r, 4);
}

/* With TPM2_PolicySecret(TPM_RH_ENDORSEMENT). */
static uint32_t policy_session(const struct swtpm *s)
{
        CLEANUP(buf_clear) struct buf start = { 0 };
        CLEANUP(buf_clear) struct buf secret = { 0 };
        CLEANUP(buf_clear) struct buf answer = { 0 };
        struct tpms r;
        uint32_t session;

        put_hex(&start, "40000007" "40000007" "0010" "000102030405060708090a0b0c0d0e0f" "0000" "01" "0010" "000b");
        need(command(s, "8001", 0x176, &start, &answer) == 0);
        r = TPMS(BYTES_OF(&answer));
        session = (uint32_t)tpms_number(&r, 4);
        put(&secret, RH_ENDORSEMENT, 4);
        put(&secret, session, 4);
        put_hex(&secret, "00000009" "40000009" "0000" "00" "0000" "0000" "0000" "0000" "00000000");
        need(command(s, "8002", 0x151, &secret, &answer) == 0);
        return session;
}

uint32_t ekfix_activate(const struct swtpm *s, const struct ekfix *t, uint32_t ek, uint32_t ak, struct bytes id_object, struct bytes secret, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf c = { 0 };
        CLEANUP(buf_clear) struct buf answer = { 0 };
        const uint32_t session = t->low ? policy_session(s) : RS_PASSWORD;
        struct tpms r;
        uint32_t rc;

        put(&c, ak, 4);
        put(&c, ek, 4);
        put_hex(&c, "00000012" "40000009" "0000" "00" "0000");
        put(&c, session, 4);
        put_hex(&c, "0000" "00" "0000");
        need(buf_append(&c, id_object.ptr, id_object.len) == 0 && buf_append(&c, secret.ptr, secret.len) == 0);
        rc = command(s, "8002", 0x147, &c, &answer);
        if (rc != 0 && t->low)
                ekfix_flush(s, session);        /* a command that fails leaves it */
        if (rc != 0)
                return rc;
        r = TPMS(BYTES_OF(&answer));
        tpms_number(&r, 4);
        need(buf_set(ret, tpms_2b(&r)) == 0 && !r.bad);
        return 0;
}

void ekfix_flush(const struct swtpm *s, uint32_t handle)
{
        CLEANUP(buf_clear) struct buf c = { 0 };
        CLEANUP(buf_clear) struct buf answer = { 0 };

        put(&c, handle, 4);
        need(command(s, "8001", 0x165, &c, &answer) == 0);
}

void ekfix_keep(const struct swtpm *s, uint32_t handle, uint32_t at)
{
        CLEANUP(buf_clear) struct buf c = { 0 };
        CLEANUP(buf_clear) struct buf answer = { 0 };

        put_hex(&c, "40000001");
        put(&c, handle, 4);
        put_hex(&c, "00000009" "40000009" "0000" "00" "0000");
        put(&c, at, 4);
        need(command(s, "8002", 0x120, &c, &answer) == 0);
        ekfix_flush(s, handle);
}

void ekfix_platform_ak(const struct swtpm *s, uint32_t at)
{
        CLEANUP(buf_clear) struct buf template = { 0 };
        CLEANUP(buf_clear) struct buf public = { 0 };

        put_hex(&template, "0001000b" "00050472" "0000" "0010" "0014000c" "0800" "00000000" "0000");
        ekfix_keep(s, ekfix_primary(s, BYTES_OF(&template), &public), at);
}
