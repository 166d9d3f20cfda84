/* SPDX-License-Identifier: BSD-2-Clause */
/* Checkpoints: exactly one way to write each, and only what the AK signed over exactly that is accepted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <openssl/sha.h>
#include "lib/err.h"
#include "tests/evp.h"
#include "tests/tempdir.h"
#include "tests/vouched.h"

static struct vouched_log v;
static struct checkpoint c;
static struct buf note;

static int setup(void **state)
{
        struct audit_head h = { .size = 12345 };
        char dir[96];
        int r = tempdir_setup(state);

        snprintf(dir, sizeof(dir), "%s/audit", ((struct tempdir *)*state)->path);
        vouched_start(&v, dir, 0);
        memset(h.root, 0xa5, sizeof(h.root));
        vouched_note(&v, &h, &note);
        return r != 0 ? r : checkpoint_parse(BYTES_OF(&note), &c);
}

static int teardown(void **state)
{
        checkpoint_clear(&c);
        buf_clear(&note);
        vouched_stop(&v);
        return tempdir_teardown(state);
}

static void looks_as_documented(void **state)
{
        static const char want[] = "holdfast/host.example/1\n12345\npaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaU=\nbatch 1 0\nnv 01800100 41\n"
                                   "audit command\ntime 1795608000000\n";
        CLEANUP(buf_clear) struct buf text = { 0 };
        uint8_t digest[32], sha[32];

        (void)state;
        assert_int_equal(checkpoint_text(&c, &text), 0);
        assert_int_equal(text.len, strlen(want));
        assert_memory_equal(text.ptr, want, text.len);
        assert_memory_equal(note.ptr, want, text.len);
        assert_memory_equal(note.ptr + text.len, "\n\xe2\x80\x94 holdfast/host.example/1 ", 29);
        assert_int_equal(checkpoint_digest(&c, digest), 0);
        SHA256((const uint8_t *)want, strlen(want), sha);
        assert_memory_equal(digest, sha, 32);
}

static void key_id_is_of_name_type_and_key(void **state)
{
        static const char type[] = "holdfast/host.example/1\n\xffholdfast-tpm";
        CLEANUP(buf_clear) struct buf in = { 0 };
        CLEANUP(buf_clear) struct buf spki = { 0 };
        uint8_t sha[32];

        (void)state;
        evp_spki(v.tpm.ak, &spki);
        assert_int_equal(buf_append_str(&in, type), 0);
        assert_int_equal(buf_append(&in, spki.ptr, spki.len), 0);
        SHA256(in.ptr, in.len, sha);
        assert_memory_equal(c.key_id, sha, 4);
}

static void parsed_is_written_the_same(void **state)
{
        CLEANUP(buf_clear) struct buf again = { 0 };

        (void)state;
        assert_int_equal(checkpoint_format(&c, &v.tpm.ak_pub, &again), 0);
        assert_true(bytes_equal(BYTES_OF(&again), BYTES_OF(&note)));
}

static void ed25519_line_is_kept_and_others_are_passed_over(void **state)
{
        static const char other[] = "\xe2\x80\x94 witness.example/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZ\n";
        CLEANUP(checkpoint_clear) struct checkpoint d = { 0 };
        CLEANUP(buf_clear) struct buf b = { 0 };
        uint8_t line[68] = { 1, 2, 3, 4, 5 };

        (void)state;
        assert_int_equal(buf_set(&c.ed25519, BYTES(line, sizeof(line))), 0);
        assert_int_equal(checkpoint_format(&c, &v.tpm.ak_pub, &b), 0);
        assert_int_equal(buf_append_str(&b, other), 0);
        assert_int_equal(checkpoint_parse(BYTES_OF(&b), &d), 0);
        assert_true(bytes_equal(BYTES_OF(&d.ed25519), BYTES(line, sizeof(line))));
        assert_true(bytes_equal(BYTES_OF(&d.attest), BYTES_OF(&c.attest)));
}

static void nv_counter_may_be_absent(void **state)
{
        CLEANUP(checkpoint_clear) struct checkpoint d = { 0 };
        CLEANUP(buf_clear) struct buf b = { 0 };

        (void)state;
        c.has_nv = false;
        assert_int_equal(checkpoint_format(&c, &v.tpm.ak_pub, &b), 0);
        assert_int_equal(checkpoint_parse(BYTES_OF(&b), &d), 0);
        assert_false(d.has_nv);
}

/* One place of the note replaced. */
static int parse_with(const char *from, const char *to)
{
        CLEANUP(checkpoint_clear) struct checkpoint d = { 0 };
        CLEANUP(buf_clear) struct buf b = { 0 };
        const uint8_t *at = memmem(note.ptr, note.len, from, strlen(from));
        size_t before = (size_t)(at - note.ptr), behind = before + strlen(from);

        assert_non_null(at);
        assert_int_equal(buf_append(&b, note.ptr, before), 0);
        assert_int_equal(buf_append_str(&b, to), 0);
        assert_int_equal(buf_append(&b, note.ptr + behind, note.len - behind), 0);
        return checkpoint_parse(BYTES_OF(&b), &d);
}

static void other_spellings_are_refused(void **state)
{
        static const char *const spelling[][2] = {
                { "12345\n", "012345\n" }, { "12345\n", "+12345\n" }, { "12345\n", "18446744073709551616\n" }, { "12345\n", "\n" },
                { "12345\n", "12345 \n" }, { "12345\n", "12345\r\n" }, { "aU=\n", "aV=\n" }, { "paWl", "paWlpaWl" }, { "paWl", " paWl" },
                { "aU=\n", "aU\n" }, { "batch 1 0\n", "batch 1  0\n" }, { "batch 1 0\n", "batch 1\n" }, { "batch 1 0\n", "batch 1 0 0\n" },
                { "batch 1 0\n", "" }, { "nv 01800100 41\n", "nv 0180010A 41\n" }, { "nv 01800100 41\n", "nv 1800100 41\n" },
                { "nv 01800100 41\n", "nv 001800100 41\n" }, { "nv 01800100 41\n", "nv 01800100 41\nnv 01800100 41\n" },
                { "audit command\n", "audit commands\n" }, { "audit command\n", "audit \n" }, { "time 1795608000000\n", "time 1795608000000\nmore\n" },
                { "time 1795608000000\n", "time -1\n" }, { "\n\n", "\n" }, { "\n\n", "\n\n\n" }, { "\xe2\x80\x94 ", "- " }, { "\xe2\x80\x94 ", "" },
                { "holdfast/host.example/1\n", "holdfast/host example/1\n" }, { "holdfast/host.example/1\n", "\n" },
                { "holdfast/host.example/1\n", "holdfast/host+example/1\n" }, { "holdfast/host.example/1\n", "holdfast/host.example/2\n" },
        };

        (void)state;
        assert_int_equal(parse_with("12345\n", "12346\n"), 0);
        for (size_t i = 0; i < ARRAY_LEN(spelling); i++)
                if (parse_with(spelling[i][0], spelling[i][1]) != ERR_FORMAT)
                        fail_msg("%s for %s", spelling[i][1], spelling[i][0]);
}

static void every_beginning_is_refused(void **state)
{
        CLEANUP(checkpoint_clear) struct checkpoint d = { 0 };

        (void)state;
        for (size_t i = 0; i < note.len; i++)
                assert_int_equal(checkpoint_parse(BYTES(note.ptr, i), &d), ERR_FORMAT);
}

static void two_of_the_tpm_are_refused(void **state)
{
        CLEANUP(checkpoint_clear) struct checkpoint d = { 0 };
        const uint8_t *line = memmem(note.ptr, note.len, "\xe2\x80\x94", 3);
        CLEANUP(buf_clear) struct buf b = { 0 };

        (void)state;
        assert_int_equal(buf_set(&b, BYTES_OF(&note)), 0);
        assert_int_equal(buf_append(&b, line, note.len - (size_t)(line - note.ptr)), 0);
        assert_int_equal(checkpoint_parse(BYTES_OF(&b), &d), ERR_FORMAT);
}

static void what_the_tpm_says_is_returned(void **state)
{
        struct checkpoint_proof p;

        (void)state;
        assert_int_equal(checkpoint_verify(&c, &v.tpm.ak_pub, &p), 0);
        assert_int_equal(p.audit_counter, 7);
        assert_int_equal(p.digest.len, 0);
        assert_int_equal(p.list_digest.len, 32);
        assert_int_equal(p.clock_ms, 5000);
        assert_int_equal(p.resets, 3);
        assert_int_equal(p.restarts, 0);
        assert_true(p.safe);
        assert_true(p.firmware == 0x2016042800000001);
}

static void every_kind_of_attestation_verifies(void **state)
{
        static const enum audit_mode modes[] = { AUDIT_MODE_NONE, AUDIT_MODE_SESSION, AUDIT_MODE_COMMAND };
        struct audit_head h = { .size = 1 };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
                CLEANUP(checkpoint_clear) struct checkpoint d = { 0 };
                CLEANUP(buf_clear) struct buf b = { 0 };
                struct checkpoint_proof p = { 0 };

                v.mode = modes[i];
                vouched_note(&v, &h, &b);
                assert_int_equal(checkpoint_parse(BYTES_OF(&b), &d), 0);
                assert_int_equal(d.mode, modes[i]);
                assert_int_equal(checkpoint_verify(&d, &v.tpm.ak_pub, &p), 0);
                assert_int_equal(p.exclusive, modes[i] == AUDIT_MODE_SESSION);
                /* It is for this kind alone. */
                d.mode = modes[(i + 1) % 3];
                assert_int_equal(checkpoint_verify(&d, &v.tpm.ak_pub, &p), ERR_FORMAT);
        }
}

static void another_text_is_refused(void **state)
{
        struct checkpoint_proof p;

        (void)state;
        c.head.size++;
        assert_int_equal(checkpoint_verify(&c, &v.tpm.ak_pub, &p), ERR_FORMAT);
        c.head.size--;
        c.count++;
        assert_int_equal(checkpoint_verify(&c, &v.tpm.ak_pub, &p), ERR_FORMAT);
        c.count--;
        c.nv_value++;
        assert_int_equal(checkpoint_verify(&c, &v.tpm.ak_pub, &p), ERR_FORMAT);
}

static void another_key_is_refused(void **state)
{
        CLEANUP(pubkey_clear) struct pubkey other = { 0 };
        struct checkpoint_proof p;

        (void)state;
        EVP_PKEY_free(evp_key("P-256", &other));
        assert_int_equal(checkpoint_verify(&c, &other, &p), ERR_AUTH);
        pubkey_clear(&other);
        EVP_PKEY_free(evp_key("P-384", &other));
        assert_int_equal(checkpoint_verify(&c, &other, &p), ERR_INVAL);
        c.key_id[0] ^= 1;
        assert_int_equal(checkpoint_verify(&c, &v.tpm.ak_pub, &p), ERR_AUTH);
}

static void sign_again(void)
{
        static const struct pk_params ecdsa = { .scheme = SCHEME_ECDSA };
        CLEANUP(buf_clear) struct buf rs = { 0 };
        uint8_t digest[32];

        SHA256(c.attest.ptr, c.attest.len, digest);
        evp_sign(v.tpm.ak, &ecdsa, BYTES(digest, 32), &rs);
        buf_reset(&c.signature);
        assert_int_equal(buf_append(&c.signature, "\x00\x18\x00\x0b", 4), 0);
        vouched_put_2b(&c.signature, BYTES(rs.ptr, 32));
        vouched_put_2b(&c.signature, BYTES(rs.ptr + 32, 32));
}

/* Octets of TPMS_ATTEST, Part 2, 10.12, that may be one thing or another. */
static bool may_vary(size_t i)
{
        return (i >= 10 && i < 42) ||           /* the qualified Name's digest */
               (i >= 76 && i < 92) ||           /* clock, resetCount, restartCount */
               (i >= 93 && i < 101) ||          /* firmwareVersion */
               (i >= 101 && i < 109) ||         /* auditCounter */
               i >= 115;                        /* commandDigest */
}

static void every_fixed_octet_of_what_the_ak_signs_is_compared(void **state)
{
        struct checkpoint_proof p;

        (void)state;
        assert_int_equal(c.attest.len, 147);
        for (size_t i = 0; i < c.attest.len; i++) {
                int want = may_vary(i) ? 0 : ERR_FORMAT;

                c.attest.ptr[i] ^= 2;
                sign_again();
                if (checkpoint_verify(&c, &v.tpm.ak_pub, &p) != want)
                        fail_msg("octet %zu of the attestation", i);
                c.attest.ptr[i] ^= 2;
        }
        assert_int_equal(buf_append_u8(&c.attest, 0), 0);
        sign_again();
        assert_int_equal(checkpoint_verify(&c, &v.tpm.ak_pub, &p), ERR_FORMAT);
        for (c.attest.len -= 2; c.attest.len > 0; c.attest.len--) {
                sign_again();
                assert_int_equal(checkpoint_verify(&c, &v.tpm.ak_pub, &p), ERR_FORMAT);
        }
}

static void every_octet_of_the_signature_is_compared(void **state)
{
        struct checkpoint_proof p;

        (void)state;
        for (size_t i = 0; i < c.signature.len; i++) {
                c.signature.ptr[i] ^= 1;
                assert_int_equal(checkpoint_verify(&c, &v.tpm.ak_pub, &p), ERR_AUTH);
                c.signature.ptr[i] ^= 1;
        }
        assert_int_equal(buf_append_u8(&c.signature, 0), 0);
        assert_int_equal(checkpoint_verify(&c, &v.tpm.ak_pub, &p), ERR_AUTH);
        c.signature.len = 3;
        assert_int_equal(checkpoint_verify(&c, &v.tpm.ak_pub, &p), ERR_AUTH);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(looks_as_documented), TEST(key_id_is_of_name_type_and_key), TEST(parsed_is_written_the_same),
                TEST(ed25519_line_is_kept_and_others_are_passed_over), TEST(nv_counter_may_be_absent), TEST(other_spellings_are_refused),
                TEST(every_beginning_is_refused), TEST(two_of_the_tpm_are_refused), TEST(what_the_tpm_says_is_returned),
                TEST(every_kind_of_attestation_verifies), TEST(another_text_is_refused), TEST(another_key_is_refused),
                TEST(every_fixed_octet_of_what_the_ak_signs_is_compared), TEST(every_octet_of_the_signature_is_compared),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
