/* SPDX-License-Identifier: BSD-2-Clause */
/* Public areas are written as tss2-mu writes them, whatever is in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "attest/evidence.h"
#include "attest/public.h"
#include "lib/err.h"
#include "tests/evidencefix.h"

static void writes_alike(const TPM2B_PUBLIC *p)
{
        CLEANUP(buf_clear) struct buf ours = { 0 };
        CLEANUP(buf_clear) struct buf theirs = { 0 };
        const int r = tpmt_public_encode(p, &theirs);

        assert_int_equal(public_encode(p, &ours), r);
        assert_true(bytes_equal(BYTES_OF(&ours), BYTES_OF(&theirs)));
        assert_true(r != 0 || ours.len > 10);
}

static void writes_what_tpms_have_made(void **state)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        char *line, *rest;
        unsigned n = 0;

        (void)state;
        evidencefix_text("manifest", &text);
        assert_non_null(buf_str(&text));
        rest = (char *)text.ptr;
        while ((line = strsep(&rest, "\n")) && *line) {
                CLEANUP(buf_clear) struct buf evidence = { 0 };
                CLEANUP(public_clear) struct public p = { 0 };
                char name[64];
                struct evidence e;

                assert_int_equal(sscanf(line, "%63s", name), 1);
                evidencefix_read(name, &evidence);
                assert_int_equal(evidence_decode(BYTES_OF(&evidence), &e), 0);
                assert_int_equal(public_decode(e.ak_public, &p), 0);
                writes_alike(&p.area);
                n++;
                if (e.key.present && public_decode(e.key.public, &p) == 0)
                        writes_alike(&p.area);
        }
        assert_true(n > 60);
}

/* Every scheme in every place, and numbers of every length: also what no TPM has. */
static void writes_what_could_be(void **state)
{
        static const uint16_t algs[] = { TPM2_ALG_NULL, TPM2_ALG_ECDSA, TPM2_ALG_RSASSA, TPM2_ALG_RSAPSS, TPM2_ALG_OAEP, TPM2_ALG_RSAES, TPM2_ALG_ECDAA, TPM2_ALG_ECDH,
                                         TPM2_ALG_SM2, TPM2_ALG_ECSCHNORR, TPM2_ALG_AES, TPM2_ALG_CAMELLIA, TPM2_ALG_KDF1_SP800_56A, TPM2_ALG_KDF1_SP800_108, TPM2_ALG_XOR, 0x7fff };
        static const uint16_t types[] = { TPM2_ALG_ECC, TPM2_ALG_RSA, TPM2_ALG_KEYEDHASH, TPM2_ALG_SYMCIPHER, 0x7fff };

        (void)state;
        for (size_t t = 0; t < ARRAY_LEN(types); t++)
                for (size_t s = 0; s < ARRAY_LEN(algs); s++)
                        for (size_t k = 0; k < ARRAY_LEN(algs); k++) {
                                TPM2B_PUBLIC p = { .publicArea = { .type = types[t], .nameAlg = TPM2_ALG_SHA256, .objectAttributes = 0x00040472 } };

                                if (types[t] == TPM2_ALG_ECC) {
                                        p.publicArea.parameters.eccDetail = (TPMS_ECC_PARMS){ .symmetric.algorithm = algs[k], .scheme.scheme = algs[s], .curveID = TPM2_ECC_NIST_P256,
                                                                                              .kdf.scheme = algs[(s + k) % ARRAY_LEN(algs)] };
                                        p.publicArea.parameters.eccDetail.scheme.details.ecdsa.hashAlg = TPM2_ALG_SHA384;
                                        writes_alike(&p);
                                        p.publicArea.parameters.eccDetail.kdf.scheme = TPM2_ALG_NULL;
                                } else if (types[t] == TPM2_ALG_RSA) {
                                        p.publicArea.parameters.rsaDetail = (TPMS_RSA_PARMS){ .symmetric.algorithm = algs[k], .scheme.scheme = algs[s], .keyBits = 2048, .exponent = 65537 };
                                        p.publicArea.parameters.rsaDetail.scheme.details.rsassa.hashAlg = TPM2_ALG_SHA384;
                                        p.publicArea.unique.rsa.size = (UINT16)(s * k * 2);
                                }
                                writes_alike(&p);
                        }
}

static void writes_numbers_of_every_length(void **state)
{
        TPM2B_PUBLIC p = { .publicArea = { .type = TPM2_ALG_ECC, .nameAlg = TPM2_ALG_SHA256 } };

        (void)state;
        p.publicArea.parameters.eccDetail = (TPMS_ECC_PARMS){ .symmetric.algorithm = TPM2_ALG_NULL, .scheme.scheme = TPM2_ALG_NULL, .curveID = TPM2_ECC_NIST_P521,
                                                              .kdf.scheme = TPM2_ALG_NULL };
        memset(p.publicArea.unique.ecc.x.buffer, 0xa5, sizeof(p.publicArea.unique.ecc.x.buffer));
        for (unsigned i = 0; i <= sizeof(p.publicArea.unique.ecc.x.buffer); i++) {
                p.publicArea.unique.ecc.x.size = (UINT16)i;
                p.publicArea.unique.ecc.y.size = (UINT16)(sizeof(p.publicArea.unique.ecc.y.buffer) - i);
                p.publicArea.authPolicy.size = (UINT16)(i % (sizeof(p.publicArea.authPolicy.buffer) + 1));
                writes_alike(&p);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(writes_what_tpms_have_made),
                cmocka_unit_test(writes_what_could_be),
                cmocka_unit_test(writes_numbers_of_every_length),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
