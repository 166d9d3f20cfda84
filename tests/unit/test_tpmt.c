/* SPDX-License-Identifier: BSD-2-Clause */
/* TPM structures as bytes, and templates that a TPM takes. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include "lib/crypto.h"
#include "lib/cryptoki.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/tpmt.h"
#include "lib/tsskey.h"
#include "tests/swtpm.h"
#include "tests/tempdir.h"

static void read_vector(const char *file, struct tsskey *ret)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        CLEANUP(buf_clear) struct buf head = { 0 };
        CLEANUP(buf_clear) struct buf der = { 0 };

        assert_int_equal(file_read(AT_FDCWD, source_path(file), 10000, &text), 0);
        assert_int_equal(pem_decode(TSSKEY_PEM, BYTES_OF(&text), &head, &der), 0);
        assert_int_equal(tsskey_decode(BYTES_OF(&der), ret), 0);
}

static void public_area_both_ways(void **state)
{
        static const char *const files[] = { "tests/vectors/tsskey-tpm2-openssl-ec.pem", "tests/vectors/tsskey-tpm2-openssl-rsa.pem" };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(files); i++) {
                CLEANUP(tsskey_clear) struct tsskey k = { 0 };
                CLEANUP(buf_clear) struct buf out = { 0 };
                CLEANUP(buf_clear) struct buf longer = { 0 };
                TPM2B_PRIVATE priv;
                TPM2B_PUBLIC pub;

                read_vector(files[i], &k);
                assert_int_equal(tpmt_public_decode(BYTES_OF(&k.pub), &pub), 0);
                assert_int_equal(tpmt_public_encode(&pub, &out), 0);
                assert_true(bytes_equal(BYTES_OF(&out), BYTES_OF(&k.pub)));
                assert_int_equal(tpmt_private_decode(BYTES_OF(&k.priv), &priv), 0);

                for (size_t len = 0; len < k.pub.len; len++)
                        assert_int_equal(tpmt_public_decode(BYTES(k.pub.ptr, len), &pub), ERR_FORMAT);
                for (size_t len = 0; len < k.priv.len; len++)
                        assert_int_equal(tpmt_private_decode(BYTES(k.priv.ptr, len), &priv), ERR_FORMAT);
                assert_int_equal(buf_append(&longer, k.pub.ptr, k.pub.len), 0);
                assert_int_equal(buf_append_u8(&longer, 0), 0);
                assert_int_equal(tpmt_public_decode(BYTES_OF(&longer), &pub), ERR_FORMAT);
                longer.ptr[1]++;
                assert_int_equal(tpmt_public_decode(BYTES_OF(&longer), &pub), ERR_FORMAT);
        }
}

static void name_is_the_hash_of_the_area(void **state)
{
        CLEANUP(tsskey_clear) struct tsskey k = { 0 };
        CLEANUP(buf_clear) struct buf name = { 0 };
        CLEANUP(buf_clear) struct buf hex = { 0 };
        TPM2B_PUBLIC pub;

        (void)state;
        read_vector("tests/vectors/tsskey-tpm2-openssl-ec.pem", &k);
        assert_int_equal(tpmt_public_decode(BYTES_OF(&k.pub), &pub), 0);
        assert_int_equal(tpmt_name(&pub, &name), 0);
        assert_int_equal(hex_encode(BYTES_OF(&name), &hex), 0);
        assert_string_equal(buf_str(&hex), "000b97ae63fc2bf9517e68a68fe6e5668286ea9fce5e2b97a3fd1c9a0618e09c055e");
        pub.publicArea.nameAlg = TPM2_ALG_NULL;
        assert_int_equal(tpmt_name(&pub, &name), ERR_NOTSUP);
}

static void public_keys_and_kinds(void **state)
{
        CLEANUP(tsskey_clear) struct tsskey ec = { 0 };
        CLEANUP(tsskey_clear) struct tsskey rsa = { 0 };
        CLEANUP(pubkey_clear) struct pubkey p = { 0 };
        TPM2B_PUBLIC pub;

        (void)state;
        read_vector("tests/vectors/tsskey-tpm2-openssl-ec.pem", &ec);
        assert_int_equal(tpmt_public_decode(BYTES_OF(&ec.pub), &pub), 0);
        assert_int_equal(tpmt_pubkey(&pub, &p), 0);
        assert_int_equal(p.ckk, CKK_EC);
        assert_string_equal(p.curve->name, "P-256");
        assert_true(bytes_equal(BYTES_OF(&p.y), BYTES(ec.pub.ptr + ec.pub.len - 32, 32)));
        assert_ptr_equal(tpmt_kind(&pub), key_kind_by_name("P-256"));

        /* A coordinate without its zeros. */
        pub.publicArea.unique.ecc.x.size = 31;
        assert_int_equal(tpmt_pubkey(&pub, &p), 0);
        assert_int_equal(p.x.len, 32);
        assert_int_equal(p.x.ptr[0], 0);
        assert_int_equal(p.x.ptr[1], pub.publicArea.unique.ecc.x.buffer[0]);
        pub.publicArea.unique.ecc.x.size = 33;
        pub.publicArea.unique.ecc.x.buffer[0] = 1;
        assert_int_equal(tpmt_pubkey(&pub, &p), ERR_FORMAT);
        pub.publicArea.parameters.eccDetail.curveID = TPM2_ECC_BN_P256;
        assert_int_equal(tpmt_pubkey(&pub, &p), ERR_NOTSUP);
        assert_null(tpmt_kind(&pub));

        read_vector("tests/vectors/tsskey-tpm2-openssl-rsa.pem", &rsa);
        assert_int_equal(tpmt_public_decode(BYTES_OF(&rsa.pub), &pub), 0);
        assert_int_equal(tpmt_pubkey(&pub, &p), 0);
        assert_int_equal(p.ckk, CKK_RSA);
        assert_int_equal(p.n.len, 256);
        assert_true(bytes_equal(BYTES_OF(&p.e), BYTES("\x01\x00\x01", 3)));
        assert_ptr_equal(tpmt_kind(&pub), key_kind_by_name("RSA-2048"));
        pub.publicArea.parameters.rsaDetail.exponent = 3;
        assert_int_equal(tpmt_pubkey(&pub, &p), 0);
        assert_true(bytes_equal(BYTES_OF(&p.e), BYTES("\x03", 1)));
        pub.publicArea.parameters.rsaDetail.keyBits = 1024;
        assert_null(tpmt_kind(&pub));

        tpmt_template_sealed(false, &pub);
        assert_int_equal(tpmt_pubkey(&pub, &p), ERR_NOTSUP);
        assert_null(tpmt_kind(&pub));
}

static void templates_say_what_they_should(void **state)
{
        const TPMA_OBJECT common = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_USERWITHAUTH;
        const TPMA_OBJECT usual = common | TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_NODA;
        const struct key_kind *k;
        TPM2B_PUBLIC t;

        (void)state;
        assert_int_equal(tpmt_template_key(key_kind_by_name("P-256"), ALG_SIGN, false, &t), 0);
        assert_int_equal(t.publicArea.objectAttributes, usual | TPMA_OBJECT_SIGN_ENCRYPT);
        assert_int_equal(tpmt_template_key(key_kind_by_name("P-256"), ALG_DERIVE, true, &t), 0);
        assert_int_equal(t.publicArea.objectAttributes, common | TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_DECRYPT);
        assert_int_equal(tpmt_template_key(key_kind_by_name("RSA-2048"), ALG_SIGN, false, &t), 0);
        assert_int_equal(t.publicArea.objectAttributes, usual | TPMA_OBJECT_SIGN_ENCRYPT | TPMA_OBJECT_DECRYPT);
        assert_int_equal(tpmt_template_key(key_kind_by_name("P-256"), 0, false, &t), ERR_INVAL);
        assert_int_equal(tpmt_template_key(key_kind_by_name("P-256"), ALG_VERIFY, false, &t), ERR_INVAL);
        tpmt_template_sealed(true, &t);
        assert_int_equal(t.publicArea.objectAttributes, common);
        tpmt_template_srk(&t);
        assert_int_equal(t.publicArea.objectAttributes, usual | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT);

        for (size_t i = 0; (k = key_kind_at(i)); i++) {
                assert_int_equal(tpmt_template_key(k, ALG_SIGN, false, &t), 0);
                assert_ptr_equal(tpmt_kind(&t), k);
        }
}

/* TPM2_CreatePrimary or TPM2_Create with an empty authorisation value; the response's handle where there is one. */
static uint32_t create(struct swtpm *tpm, uint32_t code, uint32_t parent, const TPM2B_PUBLIC *template, struct bytes data, uint32_t *ret_handle)
{
        CLEANUP(buf_clear) struct buf area = { 0 };
        CLEANUP(buf_clear) struct buf body = { 0 };
        CLEANUP(buf_clear) struct buf command = { 0 };
        uint8_t response[4096];
        size_t len = sizeof(response);
        uint32_t rc = 0;

        assert_int_equal(tpmt_public_encode(template, &area), 0);
        assert_int_equal(buf_append_u32(&body, parent), 0);
        assert_int_equal(buf_append(&body, "\0\0\0\x09\x40\0\0\x09\0\0\0\0\0", 13), 0);       /* TPM2_RS_PW */
        assert_int_equal(buf_append_u16(&body, (uint16_t)(4 + data.len)), 0);
        assert_int_equal(buf_append_u16(&body, 0), 0);
        assert_int_equal(buf_append_u16(&body, (uint16_t)data.len), 0);
        assert_int_equal(buf_append(&body, data.ptr, data.len), 0);
        assert_int_equal(buf_append(&body, area.ptr, area.len), 0);
        assert_int_equal(buf_append(&body, "\0\0\0\0\0\0", 6), 0);
        assert_int_equal(buf_append_u16(&command, TPM2_ST_SESSIONS), 0);
        assert_int_equal(buf_append_u32(&command, (uint32_t)body.len + 10), 0);
        assert_int_equal(buf_append_u32(&command, code), 0);
        assert_int_equal(buf_append(&command, body.ptr, body.len), 0);

        assert_int_equal(swtpm_command(tpm, command.ptr, command.len, response, &len), 0);
        assert_true(len >= 14 || ret_handle == NULL);
        for (size_t i = 6; i < 10; i++)
                rc = rc << 8 | response[i];
        for (size_t i = 10; ret_handle && i < 14; i++)
                *ret_handle = *ret_handle << 8 | response[i];
        return rc;
}

static void a_tpm_takes_the_templates(void **state)
{
        static const char *const kinds[] = { "P-256", "P-384", "RSA-2048", "HMAC-SHA256" };
        struct swtpm *tpm = *state;
        TPM2B_PUBLIC t;
        uint32_t srk = 0;

        tpmt_template_srk(&t);
        assert_int_equal(create(tpm, TPM2_CC_CreatePrimary, TPM2_RH_OWNER, &t, BYTES(NULL, 0), &srk), 0);
        for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
                assert_int_equal(tpmt_template_key(key_kind_by_name(kinds[i]), ALG_SIGN, i % 2, &t), 0);
                assert_int_equal(create(tpm, TPM2_CC_Create, srk, &t, BYTES(NULL, 0), NULL), 0);
        }
        assert_int_equal(tpmt_template_key(key_kind_by_name("P-256"), ALG_DERIVE, false, &t), 0);
        assert_int_equal(create(tpm, TPM2_CC_Create, srk, &t, BYTES(NULL, 0), NULL), 0);
        tpmt_template_sealed(false, &t);
        assert_int_equal(create(tpm, TPM2_CC_Create, srk, &t, BYTES_STR("secret"), NULL), 0);
}

static int start(void **state)
{
        static struct swtpm tpm;

        *state = &tpm;
        return swtpm_start(&tpm);
}

static int stop(void **state)
{
        swtpm_stop(*state);
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(public_area_both_ways),
                cmocka_unit_test(name_is_the_hash_of_the_area),
                cmocka_unit_test(public_keys_and_kinds),
                cmocka_unit_test(templates_say_what_they_should),
                cmocka_unit_test_setup_teardown(a_tpm_takes_the_templates, start, stop),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
