/* SPDX-License-Identifier: BSD-2-Clause */
/* A response is taken only if it is one, to the last octet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <tss2/tss2_tpm2_types.h>
#include "lib/err.h"
#include "tpm/response.h"

/* A response of each shape, put together here from Part 3's tables. */
struct sample {
        uint32_t cc;
        bool session;
        uint32_t handle;
        const char *params;             /* hex */
};

#define SIG "0018000b" "0004aabbccdd" "000411223344"
#define TICKET "802140000007" "00021234"

static const struct sample samples[] = {
        { TPM2_CC_Startup, false, 0, "" },
        { TPM2_CC_GetRandom, false, 0, "0003010203" },
        { TPM2_CC_GetRandom, true, 0, "0003010203" },
        { TPM2_CC_StartAuthSession, false, 0x02000000, "0004deadbeef" },
        { TPM2_CC_Load, true, 0x80000001, "0004000baabb" },
        { TPM2_CC_Sign, true, 0, SIG },
        { TPM2_CC_Sign, true, 0, "0014000b" "000401020304" },
        { TPM2_CC_Create, true, 0, "000101" "00020203" "0000" "000104" TICKET },
        { TPM2_CC_CreatePrimary, true, 0x80000000, "00020203" "0000" "000104" TICKET "0004000baabb" },
        { TPM2_CC_ReadPublic, false, 0, "000101" "000102" "000103" },
        { TPM2_CC_GetCapability, false, 0, "00" "00000001" "00000002" "8000000080000001" },
        { TPM2_CC_GetCapability, false, 0, "01" "00000006" "00000001" "0000010000000001" },
        { TPM2_CC_SequenceComplete, true, 0, "000101" TICKET },
        { TPM2_CC_NV_ReadPublic, false, 0, "000101" "000102" },
        { TPM2_CC_ReadClock, false, 0, "0000000000000001" "0000000000000002" "00000003" "00000004" "01" },
        { TPM2_CC_Quote, true, 0, "00020203" SIG },
        { TPM2_CC_Certify, true, 0, "00020203" SIG },
        { TPM2_CC_ActivateCredential, true, 0, "00020203" },
        { TPM2_CC_PolicySecret, true, 0, "0000" TICKET },
        { TPM2_CC_PCR_Read, false, 0, "00000007" "00000001" "000b" "03" "810000" "00000002" "00020203" "00020405" },
        { TPM2_CC_GetCommandAuditDigest, true, 0, "00020203" SIG },
        { TPM2_CC_GetCommandAuditDigest, true, 0, "00020203" "0010" },
        { TPM2_CC_FlushContext, false, 0, "" },
        { TPM2_CC_ContextSave, false, 0, "0000000000000001" "80000000" "40000001" "00020203" },
        { TPM2_CC_ContextLoad, false, 0x80000001, "" },
};

static void put(struct buf *b, uint64_t v, int octets)
{
        while (octets-- > 0)
                assert_int_equal(buf_append_u8(b, (uint8_t)(v >> 8 * octets & 0xff)), 0);
}

static void build(const struct sample *s, struct buf *b)
{
        const char first = command_by_cc(s->cc)->layout[0];
        struct buf params = { 0 };

        assert_int_equal(hex_decode(s->params, strlen(s->params), &params), 0);
        buf_reset(b);
        put(b, s->session ? TPM2_ST_SESSIONS : TPM2_ST_NO_SESSIONS, 2);
        put(b, 0, 4);
        put(b, 0, 4);
        if (s->handle != 0)
                put(b, s->handle, 4);
        if (s->session)
                put(b, (uint32_t)params.len, 4);
        assert_int_equal(buf_append(b, params.ptr, params.len), 0);
        if (s->session && (first == '2' || first == '+'))
                put(b, 0x0000010000, 5);
        if (s->session) {
                put(b, 4, 2);
                put(b, 0x01020304, 4);
                put(b, TPMA_SESSION_CONTINUESESSION, 1);
                put(b, 2, 2);
                put(b, 0xabcd, 2);
        }
        for (int i = 0; i < 4; i++)
                b->ptr[2 + i] = (uint8_t)(b->len >> (24 - 8 * i));
        buf_clear(&params);
}

static void set_size(struct buf *b, size_t len)
{
        b->ptr[4] = (uint8_t)(len >> 8);
        b->ptr[5] = (uint8_t)len;
}

static int check(const struct sample *s, struct bytes packet, struct response *ret)
{
        const struct command *c = command_by_cc(s->cc);

        assert_non_null(c);
        return response_check(c, s->session, packet, ret);
}

static void genuine_ones_are_taken(void **state)
{
        struct buf b = { 0 };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
                struct response r;

                build(&samples[i], &b);
                assert_int_equal(check(&samples[i], BYTES_OF(&b), &r), 0);
                assert_int_equal(r.rc, 0);
                assert_int_equal(r.handle, samples[i].handle);
                assert_int_equal(r.params.len, strlen(samples[i].params) / 2);
                assert_int_equal(r.auth.nonce.len, samples[i].session ? 4 : 0);
                assert_int_equal(r.auth.hmac.len, samples[i].session ? 2 : 0);
        }
        buf_clear(&b);
}

/* In front of the session's, Part 1, 18.10. */
static void a_password_s_authorisation_is_empty(void **state)
{
        static const struct sample s = { TPM2_CC_GetCommandAuditDigest, true, 0, "00020203" "0010" };
        const size_t nonce = 10 + 4 + 6 + 1, hmac = nonce + 3;
        struct buf b = { 0 };
        struct response r;

        (void)state;
        build(&s, &b);
        assert_int_equal(check(&s, BYTES_OF(&b), &r), 0);
        b.ptr[nonce] = 1;
        assert_int_equal(check(&s, BYTES_OF(&b), &r), ERR_FORMAT);
        b.ptr[nonce] = 0;
        b.ptr[hmac] = 1;
        assert_int_equal(check(&s, BYTES_OF(&b), &r), ERR_FORMAT);
        buf_clear(&b);
}

static void no_part_of_one_is_taken(void **state)
{
        struct buf b = { 0 };
        struct response r;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
                build(&samples[i], &b);
                for (size_t len = b.len; len-- > 0;) {
                        /* The size says what it was, or what it is. */
                        assert_int_equal(check(&samples[i], BYTES(b.ptr, len), &r), ERR_FORMAT);
                        if (len >= 6) {
                                set_size(&b, len);
                                assert_int_equal(check(&samples[i], BYTES(b.ptr, len), &r), ERR_FORMAT);
                        }
                        build(&samples[i], &b);
                }
        }
        buf_clear(&b);
}

static void nothing_more_is_taken(void **state)
{
        struct buf b = { 0 };
        struct response r;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
                build(&samples[i], &b);
                put(&b, 0, 1);
                assert_int_equal(check(&samples[i], BYTES_OF(&b), &r), ERR_FORMAT);
                set_size(&b, b.len);
                assert_int_equal(check(&samples[i], BYTES_OF(&b), &r), ERR_FORMAT);
        }
        buf_clear(&b);
}

static void the_tag_must_match_the_command(void **state)
{
        struct buf b = { 0 };
        struct response r;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
                for (int bit = 0; bit < 16; bit++) {
                        build(&samples[i], &b);
                        b.ptr[bit / 8] ^= (uint8_t)(1 << bit % 8);
                        assert_int_equal(check(&samples[i], BYTES_OF(&b), &r), ERR_FORMAT);
                }
        }
        buf_clear(&b);
}

static void an_error_is_ten_octets(void **state)
{
        static const uint8_t retry[] = { 0x80, 0x01, 0, 0, 0, 10, 0, 0, 0x09, 0x22 };
        uint8_t packet[12];
        struct response r;

        (void)state;
        memset(packet, 0, sizeof(packet));
        memcpy(packet, retry, sizeof(retry));
        assert_int_equal(check(&samples[5], BYTES(packet, 10), &r), 0);
        assert_int_equal(r.rc, TPM2_RC_RETRY);
        packet[5] = 12;
        assert_int_equal(check(&samples[5], BYTES(packet, 12), &r), ERR_FORMAT);
        packet[5] = 10;
        packet[1] = 0x02;
        assert_int_equal(check(&samples[5], BYTES(packet, 10), &r), ERR_FORMAT);
        /* TPM 1.2's tag is how a TPM says that ours was none (Part 3, 5.2). */
        packet[0] = 0x00;
        packet[1] = 0xc4;
        packet[8] = 0x00;
        packet[9] = 0x1e;
        assert_int_equal(check(&samples[5], BYTES(packet, 10), &r), 0);
        assert_int_equal(r.rc, 0x1e);
}

static void handles_are_of_the_right_kind(void **state)
{
        struct sample s = samples[3];
        struct buf b = { 0 };
        struct response r;

        (void)state;
        s.handle = 0x80000000;
        build(&s, &b);
        assert_int_equal(check(&s, BYTES_OF(&b), &r), ERR_FORMAT);
        s.handle = 0x03000000;
        build(&s, &b);
        assert_int_equal(check(&s, BYTES_OF(&b), &r), 0);
        s = samples[4];
        s.handle = 0x81000000;
        build(&s, &b);
        assert_int_equal(check(&s, BYTES_OF(&b), &r), ERR_FORMAT);
        buf_clear(&b);
}

static void counts_and_lengths_beyond_reason_are_refused(void **state)
{
        static const struct sample bad[] = {
                { TPM2_CC_GetCapability, false, 0, "00" "00000001" "40000000" "80000000" },
                { TPM2_CC_GetCapability, false, 0, "00" "00000001" "ffffffff" },
                { TPM2_CC_GetCapability, false, 0, "00" "00000005" "00000000" },        /* PCRs: we never ask */
                { TPM2_CC_Sign, true, 0, "0005000b" "000401020304" },                   /* HMAC: no signature of ours */
                { TPM2_CC_GetRandom, true, 0, "ffff010203" },
        };
        struct buf b = { 0 };
        struct response r;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                build(&bad[i], &b);
                assert_int_equal(check(&bad[i], BYTES_OF(&b), &r), ERR_FORMAT);
        }

        /* parameterSize: every value but the true one */
        build(&samples[2], &b);
        for (uint32_t v = 0; v < 300; v++) {
                b.ptr[12] = (uint8_t)(v >> 8);
                b.ptr[13] = (uint8_t)v;
                assert_int_equal(check(&samples[2], BYTES_OF(&b), &r), v == 5 ? 0 : ERR_FORMAT);
        }
        buf_clear(&b);
}

static void long_packets_are_refused(void **state)
{
        static uint8_t packet[TPM_PACKET_MAX + 1];
        struct response r;

        (void)state;
        packet[0] = 0x80;
        packet[1] = 0x01;
        packet[4] = sizeof(packet) >> 8;
        packet[5] = sizeof(packet) & 0xff;
        assert_int_equal(check(&samples[1], BYTES(packet, sizeof(packet)), &r), ERR_FORMAT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(genuine_ones_are_taken),
                cmocka_unit_test(a_password_s_authorisation_is_empty),
                cmocka_unit_test(no_part_of_one_is_taken),
                cmocka_unit_test(nothing_more_is_taken),
                cmocka_unit_test(the_tag_must_match_the_command),
                cmocka_unit_test(an_error_is_ten_octets),
                cmocka_unit_test(handles_are_of_the_right_kind),
                cmocka_unit_test(counts_and_lengths_beyond_reason_are_refused),
                cmocka_unit_test(long_packets_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
