/* SPDX-License-Identifier: BSD-2-Clause */
/* The W3C's own "tpm" statement is taken, and one of ours; whatever is changed in them is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "attest/webauthn.h"
#include "lib/crypto.h"
#include "lib/err.h"
#include "tests/evidencefix.h"

#define NOW 1795600000          /* November 2026 */

struct fixture {
        struct buf object, root, to_be_signed;
        struct bytes root_bytes;
        struct webauthn_statement statement;
        struct bytes auth_data;
        struct webauthn_policy policy;
};

/* The first line of a file below tests/vectors/evidence. */
static void read_hex(const char *file, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        const uint8_t *end;

        evidencefix_text(file, &text);
        end = memchr(text.ptr, '\n', text.len);
        assert_non_null(end);
        assert_int_equal(hex_decode((const char *)text.ptr, (size_t)(end - text.ptr), ret), 0);
}

static void finish(struct fixture *f)
{
        assert_int_equal(webauthn_decode(BYTES_OF(&f->object), &f->statement, &f->auth_data), 0);
        f->root_bytes = BYTES_OF(&f->root);
        f->policy = (struct webauthn_policy){ .to_be_signed = BYTES_OF(&f->to_be_signed), .roots = &f->root_bytes, .n_roots = 1, .time = NOW };
}

/* authData and the hash of the client's data are what is signed. */
static int setup_w3c(void **state)
{
        static struct fixture f;
        CLEANUP(buf_clear) struct buf client = { 0 };
        uint8_t digest[HASH_MAX];
        const struct hash *h = hash_by_name("SHA256");

        f = (struct fixture){ 0 };
        read_hex("../attestation/webauthn-object.hex", &f.object);
        read_hex("../attestation/webauthn-root.hex", &f.root);
        read_hex("../attestation/webauthn-client-data.hex", &client);
        assert_int_equal(crypto_hash(h, &BYTES_OF(&client), 1, digest), 0);
        assert_int_equal(webauthn_decode(BYTES_OF(&f.object), &f.statement, &f.auth_data), 0);
        assert_int_equal(buf_append(&f.to_be_signed, f.auth_data.ptr, f.auth_data.len), 0);
        assert_int_equal(buf_append(&f.to_be_signed, digest, h->size), 0);
        finish(&f);
        f.policy.any_key = true;
        *state = &f;
        return 0;
}

static int setup_own(void **state)
{
        static struct fixture f;

        f = (struct fixture){ 0 };
        read_hex("webauthn", &f.object);
        read_hex("root", &f.root);
        assert_int_equal(buf_append_str(&f.to_be_signed, "key authorization"), 0);
        finish(&f);
        *state = &f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;

        buf_clear(&f->object);
        buf_clear(&f->root);
        buf_clear(&f->to_be_signed);
        return 0;
}

static int verify(const struct fixture *f)
{
        CLEANUP(buf_clear) struct buf spki = { 0 };
        struct ek_facts facts;
        int r = webauthn_verify(&f->statement, &f->policy, &spki, &facts);

        assert_true((spki.len > 0) == (r == 0));
        return r;
}

static void takes_the_statement_of_the_w3c(void **state)
{
        struct fixture *f = *state;
        CLEANUP(buf_clear) struct buf spki = { 0 };
        CLEANUP(buf_clear) struct buf again = { 0 };
        struct ek_facts facts;

        if (webauthn_verify(&f->statement, &f->policy, &spki, &facts) != 0)
                fail_msg("%s", err_text());
        assert_string_equal(facts.model, "WebAuthn test vectors");
        assert_int_equal(f->statement.alg, -7);
        /* The key is the one that the authenticator's data is about: the coordinates end it, with a head of three octets between them. */
        assert_memory_equal(spki.ptr + spki.len - 32, f->auth_data.ptr + f->auth_data.len - 32, 32);
        assert_memory_equal(spki.ptr + spki.len - 64, f->auth_data.ptr + f->auth_data.len - 32 - 3 - 32, 32);
        assert_int_equal(webauthn_encode(&f->statement, f->auth_data, &again), 0);
        assert_true(bytes_equal(BYTES_OF(&again), BYTES_OF(&f->object)));
        /* It is no key that had to be made in a TPM. */
        f->policy.any_key = false;
        assert_int_equal(verify(f), ERR_DENIED);
}

static void takes_a_statement_of_a_key_that_cannot_leave_its_tpm(void **state)
{
        const struct fixture *f = *state;
        CLEANUP(buf_clear) struct buf again = { 0 };

        if (verify(f) != 0)
                fail_msg("%s", err_text());
        assert_int_equal(f->auth_data.len, 0);
        assert_int_equal(webauthn_encode(&f->statement, f->auth_data, &again), 0);
        assert_true(bytes_equal(BYTES_OF(&again), BYTES_OF(&f->object)));
}

static void refuses_whatever_is_changed(void **state)
{
        struct fixture *f = *state;
        struct bytes *const parts[] = { &f->statement.sig, &f->statement.cert_info, &f->statement.pub_area, &f->statement.certificates[0] };

        for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
                const struct bytes whole = *parts[i];
                CLEANUP(buf_clear) struct buf changed = { 0 };

                for (size_t at = 0; at < whole.len; at += 1 + whole.len / 97) {
                        assert_int_equal(buf_set(&changed, whole), 0);
                        changed.ptr[at] ^= 0x01;
                        *parts[i] = BYTES_OF(&changed);
                        if (verify(f) == 0)
                                fail_msg("accepted with octet %zu of part %zu changed", at, i);
                        *parts[i] = BYTES(whole.ptr, at);
                        assert_int_not_equal(verify(f), 0);
                }
                *parts[i] = whole;
        }
        assert_int_equal(verify(f), 0);
}

static void refuses_another_challenge_root_time_and_algorithm(void **state)
{
        static const int64_t algs[] = { -35, -36, -257, -37, -65535, 0, 7, INT64_MIN };
        struct fixture *f = *state;
        const struct webauthn_policy policy = f->policy;
        CLEANUP(buf_clear) struct buf other = { 0 };
        struct bytes other_root;

        f->policy.to_be_signed.len--;
        assert_int_equal(verify(f), ERR_DENIED);
        f->policy = policy;
        f->policy.n_roots = 0;
        assert_int_equal(verify(f), ERR_DENIED);
        read_hex("ak-root", &other);
        other_root = BYTES_OF(&other);
        f->policy.n_roots = 1;
        f->policy.roots = &other_root;
        assert_int_equal(verify(f), ERR_DENIED);
        f->policy = policy;
        f->policy.time = 0;
        assert_int_equal(verify(f), ERR_DENIED);
        f->policy = policy;
        for (size_t i = 0; i < ARRAY_LEN(algs); i++) {
                f->statement.alg = algs[i];
                assert_int_not_equal(verify(f), 0);
        }
        f->statement.alg = -7;
        assert_int_equal(verify(f), 0);
}

/* Certificates that hold for a chain, and not for an attestation key in WebAuthn. */
static void refuses_a_certificate_with_a_subject_or_without_names(void **state)
{
        static const struct {
                const char *file, *why;
        } bad[] = { { "subject-and-name-not-critical.chain", "has a subject" }, { "no-alternative-name.chain", "has a subject" }, { "other-purpose.chain", "purpose" },
                    { "model-twice.chain", "twice" } };
        struct fixture *f = *state;

        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                CLEANUP(buf_clear) struct buf der = { 0 };

                read_hex(bad[i].file, &der);
                f->statement.certificates[0] = BYTES_OF(&der);
                assert_int_not_equal(verify(f), 0);
                if (!strstr(err_text(), bad[i].why))
                        fail_msg("%s: %s", bad[i].file, err_text());
        }
}

static void put_statement(struct buf *b, const char *in_front, const char *hex)
{
        CLEANUP(buf_clear) struct buf octets = { 0 };

        buf_reset(b);
        assert_int_equal(hex_decode(hex, strlen(hex), &octets), 0);
        assert_int_equal(buf_append_str(b, in_front), 0);
        assert_int_equal(buf_append(b, octets.ptr, octets.len), 0);
}

static void refuses_what_is_not_such_an_object(void **state)
{
        static const char *const bad[] = {
                "", "a0", "a163666d746374706d", "a263666d746374706d63666d746374706d",
                "a263666d74667061636b65646761747453746d74a0",    /* packed */
                "a263666d746374706d6761747453746d74a0",          /* an empty statement */
                "a263666d746374706d6761747453746d74a163616c6726",
                "bf63666d746374706dff",                          /* indefinite */
                "a363666d746374706d6761747453746d74a0637869740a",
                "bbffffffffffffffff",
        };
        const struct fixture *f = *state;
        CLEANUP(buf_clear) struct buf b = { 0 };
        struct webauthn_statement s;
        struct bytes auth_data;

        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                put_statement(&b, "", bad[i]);
                if (webauthn_decode(BYTES_OF(&b), &s, &auth_data) != ERR_FORMAT)
                        fail_msg("read: %s", bad[i]);
        }
        for (size_t len = 0; len < f->object.len; len++)
                assert_int_equal(webauthn_decode(BYTES(f->object.ptr, len), &s, &auth_data), ERR_FORMAT);
        assert_int_equal(buf_set(&b, BYTES_OF(&f->object)), 0);
        assert_int_equal(buf_append_u8(&b, 0), 0);
        assert_int_equal(webauthn_decode(BYTES_OF(&b), &s, &auth_data), ERR_FORMAT);
}

static void names_what_an_attestation_key_signs_with(void **state)
{
        static const struct {
                const char *file;
                int64_t alg;
        } keys[] = { { "good", -7 }, { "ak-p384", -35 }, { "ak-p384-sha256", -7 }, { "ak-rsassa", -257 }, { "ak-rsapss", -37 } };
        CLEANUP(buf_clear) struct buf extra = { 0 };
        struct evidence e;
        int64_t alg;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
                CLEANUP(buf_clear) struct buf octets = { 0 };

                evidencefix_read(keys[i].file, &octets);
                assert_int_equal(evidence_decode(BYTES_OF(&octets), &e), 0);
                assert_int_equal(webauthn_alg(e.ak_public, &alg), 0);
                assert_int_equal(alg, keys[i].alg);
                assert_int_equal(webauthn_alg(e.key.public, &alg), ERR_DENIED);
        }
        assert_int_equal(webauthn_extra(-35, BYTES("x", 1), &extra), 0);
        assert_int_equal(extra.len, 48);
        assert_int_equal(webauthn_extra(-65535, BYTES("x", 1), &extra), ERR_NOTSUP);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(takes_the_statement_of_the_w3c, setup_w3c, teardown),
                cmocka_unit_test_setup_teardown(takes_a_statement_of_a_key_that_cannot_leave_its_tpm, setup_own, teardown),
                { "refuses_whatever_is_changed (w3c)", refuses_whatever_is_changed, setup_w3c, teardown, NULL },
                cmocka_unit_test_setup_teardown(refuses_whatever_is_changed, setup_own, teardown),
                cmocka_unit_test_setup_teardown(refuses_another_challenge_root_time_and_algorithm, setup_own, teardown),
                cmocka_unit_test_setup_teardown(refuses_a_certificate_with_a_subject_or_without_names, setup_own, teardown),
                cmocka_unit_test_setup_teardown(refuses_what_is_not_such_an_object, setup_w3c, teardown),
                cmocka_unit_test(names_what_an_attestation_key_signs_with),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
