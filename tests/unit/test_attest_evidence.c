/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include "attest/evidence.h"
#include "lib/err.h"
#include "tests/evidencefix.h"

#define TEXT(s) BYTES_STR(s)

static const uint8_t octets[EVIDENCE_EVENT_LOG_MAX + 1] = { 1 };
static const struct bytes challenge = { octets, 32 };

static struct evidence small(void)
{
        struct evidence e = { .ak_public = BYTES(octets, 100) };

        e.key.present = true;
        e.key.public = BYTES(octets, 90);
        e.key.certify = (struct evidence_statement){ BYTES(octets, 150), BYTES(octets, 72) };
        return e;
}

static void reads_what_another_encoder_wrote(void **state)
{
        CLEANUP(buf_clear) struct buf in = { 0 };
        CLEANUP(buf_clear) struct buf out = { 0 };
        struct evidence e;

        (void)state;
        evidencefix_read("good", &in);
        assert_int_equal(evidence_decode(BYTES_OF(&in), &e), 0);
        assert_true(e.key.present && e.host.present && e.process.present);
        assert_int_equal(evidence_encode(&e, &out), 0);
        assert_int_equal(out.len, in.len);
        assert_memory_equal(out.ptr, in.ptr, in.len);
}

static void writes_and_reads_every_field(void **state)
{
        CLEANUP(buf_clear) struct buf out = { 0 };
        struct evidence e = small(), back;

        (void)state;
        e.certificates[0] = BYTES(octets, 500);
        e.certificates[1] = BYTES(octets, EVIDENCE_CERTIFICATE_MAX);
        e.n_certificates = 2;
        e.key.agent = TEXT("agent");
        e.key.owner = TEXT("owner");
        e.host.present = true;
        e.host.quote = e.key.certify;
        e.host.pcr_hash = 0x000c;
        e.host.pcrs = 0x800001;
        e.host.values = BYTES(octets, 96);
        e.host.event_log = BYTES(octets, EVIDENCE_EVENT_LOG_MAX);
        e.host.ima = BYTES(octets, 77);
        e.process.present = true;
        e.process.pid = 1;
        e.process.uid = UINT64_MAX;
        e.process.exe = TEXT("/usr/bin/agent");
        e.process.exe_sha256 = BYTES(octets, 32);
        e.process.cgroup = TEXT("/system.slice");
        e.process.unit = TEXT("agent.service");
        e.process.container = TEXT("0123abcd");
        e.checkpoint = TEXT("a note\n");
        assert_int_equal(evidence_encode(&e, &out), 0);
        assert_int_equal(evidence_decode(BYTES_OF(&out), &back), 0);
        assert_int_equal(back.n_certificates, 2);
        assert_true(bytes_equal(back.certificates[1], e.certificates[1]) && bytes_equal(back.key.agent, e.key.agent) && bytes_equal(back.key.owner, e.key.owner));
        assert_true(back.host.pcrs == 0x800001 && back.host.pcr_hash == 0x000c && bytes_equal(back.host.event_log, e.host.event_log));
        assert_true(back.process.uid == UINT64_MAX && bytes_equal(back.process.container, e.process.container));
        assert_true(bytes_equal(back.checkpoint, e.checkpoint) && bytes_equal(back.host.ima, e.host.ima));
}

static void writes_nothing_that_it_would_not_read(void **state)
{
        CLEANUP(buf_clear) struct buf out = { 0 };
        struct evidence e;

        (void)state;
#define BAD(change) do { e = small(); change; assert_true(evidence_encode(&e, &out) != 0 && out.len == 0); } while (0)
        BAD(e.key.present = false);
        BAD(e.ak_public.len = 0);
        BAD(e.ak_public.len = EVIDENCE_PUBLIC_MAX + 1);
        BAD(e.key.certify.attest.len = 0);
        BAD(e.n_certificates = 1);
        BAD(e.n_certificates = EVIDENCE_CERTIFICATES + 1);
        BAD(e.key.agent = BYTES(octets, EVIDENCE_AGENT_MAX + 1));
        BAD((e.process.present = true, e.process.exe_sha256 = BYTES(octets, 31)));
        BAD((e.host.present = true, e.host.quote = e.key.certify, e.host.pcr_hash = 11, e.host.pcrs = 3, e.host.values = BYTES(octets, 32)));
        BAD((e.host.present = true, e.host.quote = e.key.certify, e.host.pcr_hash = 11, e.host.pcrs = 1u << 24, e.host.values = BYTES(octets, 32)));
        BAD((e.host.present = true, e.host.quote = e.key.certify, e.host.pcr_hash = 0x1000b, e.host.pcrs = 1, e.host.values = BYTES(octets, 32)));
        BAD((e.host.present = true, e.host.quote = e.key.certify, e.host.pcr_hash = 0, e.host.pcrs = 1, e.host.values = BYTES(octets, 28)));
#undef BAD
}

static void refuses_what_does_not_belong_there(void **state)
{
        static const char *const cases[] = {
                "", "a0", "80", "01", "a10001",                                 /* no attestation key */
                "a2000101a1004101",                                         /* neither key nor host */
                "a3000201a100410102a3004101014101024101",                   /* version 2 */
                "a3000101a100410102a2004101014101",                      /* no signature */
                "a3000101a100410102a4004101014101024101054101",          /* more in the key than belongs there */
                "a4000101a100410102a300410101410102410106a0",               /* a sixth part */
                "a3000101a100410102a30040014101024101",                  /* an empty public area */
                "a3000101a2004101018002a3004101014101024101",            /* no certificates, but a place for them */
                "a3000101a100410102a3006101014101024101",                   /* text */
                "a3000101a100410102a300410101410102410100",              /* something behind it */
        };
        struct evidence e;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                CLEANUP(buf_clear) struct buf in = { 0 };

                assert_int_equal(hex_decode(cases[i], strlen(cases[i]), &in), 0);
                if (evidence_decode(BYTES_OF(&in), &e) != ERR_FORMAT)
                        fail_msg("%s", cases[i]);
        }
}

static void the_shortest_is_evidence(void **state)
{
        static const char hex[] = "a3000101a100410102a3004101014101024101";
        CLEANUP(buf_clear) struct buf in = { 0 };
        struct evidence e;

        (void)state;
        assert_int_equal(hex_decode(hex, strlen(hex), &in), 0);
        assert_int_equal(evidence_decode(BYTES_OF(&in), &e), 0);
}

/* Everything that it is made of changes it, but for what the AK makes afterwards. */
static void binds_all_but_the_statements(void **state)
{
        uint8_t first[EVIDENCE_BINDING], now[EVIDENCE_BINDING];
        struct evidence e = small();

        (void)state;
        assert_int_equal(evidence_binding(&e, challenge, first), 0);
        e.key.certify = (struct evidence_statement){ { 0 }, { 0 } };
        assert_int_equal(evidence_binding(&e, challenge, now), 0);
        assert_memory_equal(first, now, sizeof(now));
#define CHANGES(change) do { e = small(); change; assert_int_equal(evidence_binding(&e, challenge, now), 0); assert_memory_not_equal(first, now, sizeof(now)); } while (0)
        CHANGES(e.ak_public.len--);
        CHANGES(e.key.public.len--);
        CHANGES(e.key.agent = TEXT("a"));
        CHANGES(e.key.owner = TEXT("a"));
        CHANGES(e.process.present = true);
        CHANGES(e.checkpoint = TEXT("a"));
        CHANGES((e.certificates[0] = TEXT("a"), e.n_certificates = 1));
#undef CHANGES
        e = small();
        assert_int_equal(evidence_binding(&e, BYTES(octets, 31), now), 0);
        assert_memory_not_equal(first, now, sizeof(now));
        assert_int_equal(evidence_binding(&e, BYTES(octets, 15), now), ERR_INVAL);
        assert_int_equal(evidence_binding(&e, BYTES(octets, 65), now), ERR_INVAL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(reads_what_another_encoder_wrote),
                cmocka_unit_test(writes_and_reads_every_field),
                cmocka_unit_test(writes_nothing_that_it_would_not_read),
                cmocka_unit_test(refuses_what_does_not_belong_there),
                cmocka_unit_test(the_shortest_is_evidence),
                cmocka_unit_test(binds_all_but_the_statements),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
