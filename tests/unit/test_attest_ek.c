/* SPDX-License-Identifier: BSD-2-Clause */
/* What a TPM makes by a template of the profile is an endorsement key; what differs in anything is none, whoever made it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "attest/ek.h"
#include "attest/public.h"
#include "lib/err.h"
#include "lib/tpmt.h"
#include "tests/ekfix.h"
#include "tests/evidencefix.h"

static struct swtpm tpm;
static struct buf publics[ARRAY_LEN(ekfix_templates)];

static int start(void **state)
{
        (void)state;
        if (swtpm_start(&tpm) != 0)
                return -1;
        for (size_t i = 0; i < ARRAY_LEN(publics); i++) {
                CLEANUP(buf_clear) struct buf template = { 0 };

                ekfix_template(&ekfix_templates[i], &template);
                ekfix_flush(&tpm, ekfix_primary(&tpm, BYTES_OF(&template), &publics[i]));
        }
        return 0;
}

static int stop(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(publics); i++)
                buf_clear(&publics[i]);
        swtpm_stop(&tpm);
        return 0;
}

static void is_one_of_each_template(void **state)
{
        size_t n = 0;

        (void)state;
        while (ek_template_name(n))
                n++;
        assert_int_equal(n, ARRAY_LEN(publics));
        for (size_t i = 0; i < ARRAY_LEN(publics); i++) {
                CLEANUP(buf_clear) struct buf name = { 0 };
                CLEANUP(buf_clear) struct buf spki = { 0 };
                CLEANUP(public_clear) struct public p = { 0 };
                CLEANUP(pubkey_clear) struct pubkey key = { 0 };

                if (ek_check(BYTES_OF(&publics[i]), &name, &spki) != 0)
                        fail_msg("%s: %s", ekfix_templates[i].name, err_text());
                assert_int_equal(public_decode(BYTES_OF(&publics[i]), &p), 0);
                assert_true(bytes_equal(BYTES_OF(&name), BYTES_OF(&p.name)));
                assert_int_equal(pubkey_from_spki(BYTES_OF(&spki), &key), 0);
                assert_true(bytes_equal(BYTES_OF(&key.x), BYTES_OF(&p.key.x)) && bytes_equal(BYTES_OF(&key.n), BYTES_OF(&p.key.n)));
                assert_int_equal(ek_check(BYTES_OF(&publics[i]), NULL, NULL), 0);
        }
}

/* Written again with something changed. */
static int check_changed(size_t which, void (*change)(TPMT_PUBLIC *p, unsigned n), unsigned n)
{
        CLEANUP(public_clear) struct public p = { 0 };
        CLEANUP(buf_clear) struct buf octets = { 0 };
        CLEANUP(buf_clear) struct buf name = { 0 };
        int r;

        assert_int_equal(public_decode(BYTES_OF(&publics[which]), &p), 0);
        change(&p.area.publicArea, n);
        assert_int_equal(tpmt_public_encode(&p.area, &octets), 0);
        r = ek_check(BYTES(octets.ptr + 2, octets.len - 2), &name, NULL);
        assert_int_equal(name.len > 0, r == 0);
        return r;
}

static void flip_attribute(TPMT_PUBLIC *p, unsigned bit)
{
        p->objectAttributes ^= (TPMA_OBJECT)1 << bit;
}

static void is_none_with_any_other_attribute(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(publics); i++)
                for (unsigned bit = 0; bit < 32; bit++) {
                        const int r = check_changed(i, flip_attribute, bit);

                        if (r != ERR_DENIED && r != ERR_FORMAT)
                                fail_msg("%s with another attribute %u: %s", ekfix_templates[i].name, bit, err_name(r));
                }
}

static void flip_policy(TPMT_PUBLIC *p, unsigned at)
{
        if (at == 99)
                p->authPolicy.size = 0;
        else
                p->authPolicy.buffer[at] ^= 1;
}

static void other_aes(TPMT_PUBLIC *p, unsigned n)
{
        TPMT_SYM_DEF_OBJECT *s = p->type == TPM2_ALG_ECC ? &p->parameters.eccDetail.symmetric : &p->parameters.rsaDetail.symmetric;

        if (n == 0)
                s->keyBits.aes = s->keyBits.aes == 128 ? 256 : 128;
        else if (n == 1)
                s->mode.aes = TPM2_ALG_CTR;
        else
                s->algorithm = TPM2_ALG_NULL;
}

static void other_exponent(TPMT_PUBLIC *p, unsigned n)
{
        if (p->type == TPM2_ALG_RSA)
                p->parameters.rsaDetail.exponent = n;
        else
                p->parameters.eccDetail.curveID = n == 3 ? TPM2_ECC_NIST_P521 : TPM2_ECC_BN_P256;
}

static void with_scheme(TPMT_PUBLIC *p, unsigned n)
{
        (void)n;
        if (p->type == TPM2_ALG_RSA) {
                p->parameters.rsaDetail.scheme.scheme = TPM2_ALG_OAEP;
                p->parameters.rsaDetail.scheme.details.oaep.hashAlg = TPM2_ALG_SHA256;
        } else {
                p->parameters.eccDetail.scheme.scheme = TPM2_ALG_ECDH;
                p->parameters.eccDetail.scheme.details.ecdh.hashAlg = TPM2_ALG_SHA256;
        }
}

static void other_name_hash(TPMT_PUBLIC *p, unsigned n)
{
        p->nameAlg = (TPMI_ALG_HASH)n;
}

static void other_number(TPMT_PUBLIC *p, unsigned n)
{
        if (p->type == TPM2_ALG_ECC)
                p->unique.ecc.y.buffer[p->unique.ecc.y.size - 1] ^= 1;
        else if (n == 0)
                p->unique.rsa.buffer[p->unique.rsa.size - 1] ^= 1;      /* even */
        else
                p->unique.rsa.buffer[0] &= 0x7f;                        /* short */
}

static void is_none_with_any_other_algorithm(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(publics); i++) {
                assert_int_equal(check_changed(i, flip_policy, 0), ERR_DENIED);
                assert_int_equal(check_changed(i, flip_policy, 31), ERR_DENIED);
                assert_int_equal(check_changed(i, flip_policy, 99), ERR_DENIED);
                for (unsigned n = 0; n < 3; n++)
                        assert_true(check_changed(i, other_aes, n) != 0);
                assert_true(check_changed(i, other_exponent, 3) != 0);
                assert_true(check_changed(i, other_exponent, 65539) != 0);
                assert_int_equal(check_changed(i, with_scheme, 0), ERR_DENIED);
                assert_int_equal(check_changed(i, other_name_hash, TPM2_ALG_SHA1), ERR_DENIED);
                assert_int_equal(check_changed(i, other_name_hash, TPM2_ALG_SHA512), ERR_DENIED);
                assert_int_equal(check_changed(i, other_number, 0), ERR_DENIED);
                assert_int_equal(check_changed(i, other_number, 1), ERR_DENIED);
        }
        /* The same said in other words. */
        assert_int_equal(check_changed(0, other_exponent, 65537), 0);
}

static void is_none_that_signs_is_cut_or_is_followed_by_something(void **state)
{
        CLEANUP(buf_clear) struct buf template = { 0 };
        CLEANUP(buf_clear) struct buf ak = { 0 };
        CLEANUP(buf_clear) struct buf longer = { 0 };

        (void)state;
        ekfix_ak_template(&template);
        ekfix_flush(&tpm, ekfix_primary(&tpm, BYTES_OF(&template), &ak));
        assert_int_equal(ek_check(BYTES_OF(&ak), NULL, NULL), ERR_DENIED);
        assert_non_null(strstr(err_text(), "signs"));
        for (size_t i = 0; i < publics[1].len; i++)
                assert_int_equal(ek_check(BYTES(publics[1].ptr, i), NULL, NULL), ERR_FORMAT);
        assert_int_equal(buf_set(&longer, BYTES_OF(&publics[1])), 0);
        assert_int_equal(buf_append_u8(&longer, 0), 0);
        assert_int_equal(ek_check(BYTES_OF(&longer), NULL, NULL), ERR_FORMAT);
}

static void facts_of(const char *file, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf text = { 0 };

        evidencefix_text(file, &text);
        assert_non_null(memchr(text.ptr, '\n', text.len));
        assert_int_equal(hex_decode((const char *)text.ptr, (size_t)((const uint8_t *)memchr(text.ptr, '\n', text.len) - text.ptr), ret), 0);
}

static void reads_what_the_certificate_says_of_the_tpm(void **state)
{
        static const char *const in_any_form[] = {
                "plain.chain", "subject-and-name-not-critical.chain", "names-in-one-set.chain", "names-in-wrong-order.chain", "other-strings.chain",
                "negative-serial.chain", "oaep-key.chain",
        };
        struct ek_facts f;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(in_any_form); i++) {
                CLEANUP(buf_clear) struct buf der = { 0 };

                facts_of(in_any_form[i], &der);
                if (ek_facts(BYTES_OF(&der), &f) != 0)
                        fail_msg("%s: %s", in_any_form[i], err_text());
                assert_string_equal(f.manufacturer, "id:53544D20");
                assert_string_equal(f.model, "a model");
                assert_string_equal(f.version, "id:00010002");
                assert_int_equal(f.manufacturer_id, 0x53544d20);
        }
}

static void says_nothing_where_nothing_is_said_and_refuses_what_is_said_twice(void **state)
{
        CLEANUP(buf_clear) struct buf none = { 0 };
        CLEANUP(buf_clear) struct buf twice = { 0 };
        CLEANUP(buf_clear) struct buf control = { 0 };
        struct ek_facts f;

        (void)state;
        facts_of("no-alternative-name.chain", &none);
        assert_int_equal(ek_facts(BYTES_OF(&none), &f), 0);
        assert_int_equal(f.manufacturer[0] + f.model[0] + f.version[0], 0);
        assert_int_equal(f.manufacturer_id, 0);
        facts_of("model-twice.chain", &twice);
        assert_int_equal(ek_facts(BYTES_OF(&twice), &f), ERR_FORMAT);
        facts_of("model-unprintable.chain", &control);
        assert_int_equal(ek_facts(BYTES_OF(&control), &f), ERR_FORMAT);
        for (size_t i = 0; i < none.len; i++)
                assert_int_equal(ek_facts(BYTES(none.ptr, i), &f), ERR_FORMAT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(is_one_of_each_template),
                cmocka_unit_test(is_none_with_any_other_attribute),
                cmocka_unit_test(is_none_with_any_other_algorithm),
                cmocka_unit_test(is_none_that_signs_is_cut_or_is_followed_by_something),
                cmocka_unit_test(reads_what_the_certificate_says_of_the_tpm),
                cmocka_unit_test(says_nothing_where_nothing_is_said_and_refuses_what_is_said_twice),
        };

        return cmocka_run_group_tests(tests, start, stop);
}
