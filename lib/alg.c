/* SPDX-License-Identifier: BSD-2-Clause */
/* Which algorithms there are, and what each is called in every world that we speak to. */
#include <openssl/obj_mac.h>
#include <string.h>
#include <strings.h>
#include <tss2/tss2_tpm2_types.h>
#include "lib/alg.h"
#include "lib/cryptoki.h"

#define DER(...) { (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }) }

static const struct hash hashes[] = {
        { "SHA1", TPM2_ALG_SHA1, CKM_SHA_1, CKG_MGF1_SHA1, 20,
          DER(0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14) },
        /* TPMs have no SHA-224. */
        { "SHA224", 0, CKM_SHA224, CKG_MGF1_SHA224, 28,
          DER(0x30, 0x2d, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x04, 0x05, 0x00, 0x04, 0x1c) },
        { "SHA256", TPM2_ALG_SHA256, CKM_SHA256, CKG_MGF1_SHA256, 32,
          DER(0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20) },
        { "SHA384", TPM2_ALG_SHA384, CKM_SHA384, CKG_MGF1_SHA384, 48,
          DER(0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00, 0x04, 0x30) },
        { "SHA512", TPM2_ALG_SHA512, CKM_SHA512, CKG_MGF1_SHA512, 64,
          DER(0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x40) },
};

#define SHA256 (&hashes[2])
#define SHA384 (&hashes[3])
#define SHA512 (&hashes[4])

static const struct curve curves[] = {
        { "P-256", "prime256v1", NID_X9_62_prime256v1, TPM2_ECC_NIST_P256, 32, SHA256,
          DER(0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07) },
        { "P-384", "secp384r1", NID_secp384r1, TPM2_ECC_NIST_P384, 48, SHA384,
          DER(0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22) },
        { "P-521", "secp521r1", NID_secp521r1, TPM2_ECC_NIST_P521, 66, SHA512,
          DER(0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23) },
};

#define SV (ALG_SIGN | ALG_VERIFY)
#define DE (ALG_DECRYPT | ALG_ENCRYPT)

static const struct alg algs[] = {
        { "CKM_ECDSA", CKM_ECDSA, CKK_EC, SCHEME_ECDSA, NULL, NULL, 0, SV },
        { "ES256", CKM_ECDSA_SHA256, CKK_EC, SCHEME_ECDSA, SHA256, "ecdsa-sha2-nistp256", -7, SV },
        { "ES384", CKM_ECDSA_SHA384, CKK_EC, SCHEME_ECDSA, SHA384, "ecdsa-sha2-nistp384", -35, SV },
        { "ES512", CKM_ECDSA_SHA512, CKK_EC, SCHEME_ECDSA, SHA512, "ecdsa-sha2-nistp521", -36, SV },
        { "CKM_ECDH1_DERIVE", CKM_ECDH1_DERIVE, CKK_EC, SCHEME_ECDH, NULL, NULL, 0, ALG_DERIVE },
        { "CKM_RSA_PKCS", CKM_RSA_PKCS, CKK_RSA, SCHEME_RSA_PKCS1, NULL, NULL, 0, SV | DE },
        { "RS256", CKM_SHA256_RSA_PKCS, CKK_RSA, SCHEME_RSA_PKCS1, SHA256, "rsa-sha2-256", -257, SV },
        { "RS384", CKM_SHA384_RSA_PKCS, CKK_RSA, SCHEME_RSA_PKCS1, SHA384, NULL, -258, SV },
        { "RS512", CKM_SHA512_RSA_PKCS, CKK_RSA, SCHEME_RSA_PKCS1, SHA512, "rsa-sha2-512", -259, SV },
        { "CKM_RSA_PKCS_PSS", CKM_RSA_PKCS_PSS, CKK_RSA, SCHEME_RSA_PSS, NULL, NULL, 0, SV },
        { "PS256", CKM_SHA256_RSA_PKCS_PSS, CKK_RSA, SCHEME_RSA_PSS, SHA256, NULL, -37, SV },
        { "PS384", CKM_SHA384_RSA_PKCS_PSS, CKK_RSA, SCHEME_RSA_PSS, SHA384, NULL, -38, SV },
        { "PS512", CKM_SHA512_RSA_PKCS_PSS, CKK_RSA, SCHEME_RSA_PSS, SHA512, NULL, -39, SV },
        { "CKM_RSA_PKCS_OAEP", CKM_RSA_PKCS_OAEP, CKK_RSA, SCHEME_RSA_OAEP, NULL, NULL, 0, DE },
        { "CKM_RSA_X_509", CKM_RSA_X_509, CKK_RSA, SCHEME_RSA_RAW, NULL, NULL, 0, SV | DE },
        { "HS256", CKM_SHA256_HMAC, CKK_GENERIC_SECRET, SCHEME_HMAC, SHA256, NULL, 5, SV },
};

static const struct key_kind kinds[] = {
        { "P-256", CKK_EC, &curves[0], 0, NULL },
        { "P-384", CKK_EC, &curves[1], 0, NULL },
        { "P-521", CKK_EC, &curves[2], 0, NULL },
        { "RSA-2048", CKK_RSA, NULL, 2048, NULL },
        { "RSA-3072", CKK_RSA, NULL, 3072, NULL },
        { "RSA-4096", CKK_RSA, NULL, 4096, NULL },
        { "HMAC-SHA256", CKK_GENERIC_SECRET, NULL, 0, SHA256 },
};

const struct hash *hash_at(size_t i)
{
        return i < ARRAY_LEN(hashes) ? &hashes[i] : NULL;
}

const struct curve *curve_at(size_t i)
{
        return i < ARRAY_LEN(curves) ? &curves[i] : NULL;
}

const struct alg *alg_at(size_t i)
{
        return i < ARRAY_LEN(algs) ? &algs[i] : NULL;
}

const struct key_kind *key_kind_at(size_t i)
{
        return i < ARRAY_LEN(kinds) ? &kinds[i] : NULL;
}

const struct hash *hash_by_name(const char *name)
{
        for (size_t i = 0; i < ARRAY_LEN(hashes); i++)
                if (strcasecmp(hashes[i].name, name) == 0)
                        return &hashes[i];
        return NULL;
}

const struct hash *hash_by_tpm(uint16_t tpm)
{
        for (size_t i = 0; i < ARRAY_LEN(hashes); i++)
                if (hashes[i].tpm == tpm && tpm != 0)
                        return &hashes[i];
        return NULL;
}

const struct hash *hash_by_ckm(unsigned long ckm)
{
        for (size_t i = 0; i < ARRAY_LEN(hashes); i++)
                if (hashes[i].ckm == ckm)
                        return &hashes[i];
        return NULL;
}

const struct hash *hash_by_mgf(unsigned long ckg)
{
        for (size_t i = 0; i < ARRAY_LEN(hashes); i++)
                if (hashes[i].ckg_mgf == ckg)
                        return &hashes[i];
        return NULL;
}

const struct hash *hash_by_digest_info(struct bytes in, struct bytes *ret_digest)
{
        for (size_t i = 0; i < ARRAY_LEN(hashes); i++) {
                struct bytes head = hashes[i].digest_info;

                if (in.len != head.len + hashes[i].size || memcmp(in.ptr, head.ptr, head.len) != 0)
                        continue;
                *ret_digest = BYTES(in.ptr + head.len, hashes[i].size);
                return &hashes[i];
        }
        return NULL;
}

const struct curve *curve_by_name(const char *name)
{
        for (size_t i = 0; i < ARRAY_LEN(curves); i++)
                if (strcasecmp(curves[i].name, name) == 0)
                        return &curves[i];
        return NULL;
}

const struct curve *curve_by_tpm(uint16_t tpm)
{
        for (size_t i = 0; i < ARRAY_LEN(curves); i++)
                if (curves[i].tpm == tpm)
                        return &curves[i];
        return NULL;
}

const struct curve *curve_by_oid(struct bytes der)
{
        for (size_t i = 0; i < ARRAY_LEN(curves); i++)
                if (bytes_equal(curves[i].oid, der))
                        return &curves[i];
        return NULL;
}

const struct alg *alg_by_ckm(unsigned long ckm)
{
        for (size_t i = 0; i < ARRAY_LEN(algs); i++)
                if (algs[i].ckm == ckm)
                        return &algs[i];
        return NULL;
}

const struct key_kind *key_kind_by_name(const char *name)
{
        for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
                if (strcasecmp(kinds[i].name, name) == 0)
                        return &kinds[i];
        return NULL;
}
