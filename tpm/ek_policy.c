/* SPDX-License-Identifier: BSD-2-Clause */
/* What is an endorsement key's authPolicy? (TCG EK Credential Profile, B.6; TPM 2.0 Part 3, 23.) */
#include <string.h>
#include "lib/crypto.h"
#include "lib/err.h"
#include "tpm/ctx.h"

static const struct {
        uint16_t hash;
        uint8_t digest[HASH_MAX];
} policy_c[] = {
        { TPM2_ALG_SHA256, { 0x37, 0x67, 0xe2, 0xed, 0xd4, 0x3f, 0xf4, 0x5a, 0x3a, 0x7e, 0x1e, 0xae, 0xfc, 0xef, 0x78, 0x64,
                             0x3d, 0xca, 0x96, 0x46, 0x32, 0xe7, 0xaa, 0xd8, 0x2c, 0x67, 0x3a, 0x30, 0xd8, 0x63, 0x3f, 0xde } },
        { TPM2_ALG_SHA384, { 0xd6, 0x03, 0x2c, 0xe6, 0x1f, 0x2f, 0xb3, 0xc2, 0x40, 0xeb, 0x3c, 0xf6, 0xa3, 0x32, 0x37, 0xef,
                             0x2b, 0x6a, 0x16, 0xf4, 0x29, 0x3c, 0x22, 0xb4, 0x55, 0xe2, 0x61, 0xcf, 0xfd, 0x21, 0x7a, 0xd5,
                             0xb4, 0x94, 0x7c, 0x2d, 0x73, 0xe6, 0x30, 0x05, 0xee, 0xd2, 0xdc, 0x2b, 0x35, 0x93, 0xd1, 0x65 } },
        { TPM2_ALG_SHA512, { 0x58, 0x9e, 0xe1, 0xe1, 0x46, 0x54, 0x47, 0x16, 0xe8, 0xde, 0xaf, 0xe6, 0xdb, 0x24, 0x7b, 0x01,
                             0xb8, 0x1e, 0x9f, 0x9c, 0x7d, 0xd1, 0x6b, 0x81, 0x4a, 0xa1, 0x59, 0x13, 0x87, 0x49, 0x10, 0x5f,
                             0xba, 0x53, 0x88, 0xdd, 0x1d, 0xea, 0x70, 0x2f, 0x35, 0x24, 0x0c, 0x18, 0x49, 0x33, 0x12, 0x1e,
                             0x2c, 0x61, 0xb8, 0xf5, 0x0d, 0x3e, 0xf9, 0x13, 0x93, 0xa4, 0x9a, 0x38, 0xc3, 0xf7, 0x3f, 0xc8 } },
};

/* A policy's digest begins with zeros; each command extends it. PolicySecret does so once more, with its policyRef, here empty. */
static int policy_a(const struct hash *h, uint8_t digest[HASH_MAX])
{
        static const uint8_t zeros[HASH_MAX];
        uint8_t cc[HANDLE_NAME_LEN], name[HANDLE_NAME_LEN];
        const struct bytes parts[] = { BYTES(zeros, h->size), handle_name(TPM2_CC_PolicySecret, cc), handle_name(TPM2_RH_ENDORSEMENT, name) };
        int r = crypto_hash(h, parts, ARRAY_LEN(parts), digest);

        return r != 0 ? r : crypto_hash(h, &BYTES(digest, h->size), 1, digest);
}

static int policy_b(const struct hash *h, const uint8_t *c, uint8_t digest[HASH_MAX])
{
        static const uint8_t zeros[HASH_MAX];
        uint8_t cc[HANDLE_NAME_LEN], a[HASH_MAX];
        const struct bytes parts[] = { BYTES(zeros, h->size), handle_name(TPM2_CC_PolicyOR, cc), BYTES(a, h->size), BYTES(c, h->size) };
        int r = policy_a(h, a);

        return r != 0 ? r : crypto_hash(h, parts, ARRAY_LEN(parts), digest);
}

int ek_policy(enum ek_policy which, uint16_t hash, TPM2B_DIGEST *ret)
{
        const struct hash *h = hash_by_tpm(hash);
        size_t i = 0;
        int r = 0;

        while (i < ARRAY_LEN(policy_c) && policy_c[i].hash != hash)
                i++;
        if (h == NULL || i == ARRAY_LEN(policy_c))
                return err(ERR_NOTSUP, "an endorsement key with a policy of another hash than SHA-2's");
        if (which == EK_POLICY_A)
                r = policy_a(h, ret->buffer);
        else if (which == EK_POLICY_B)
                r = policy_b(h, policy_c[i].digest, ret->buffer);
        else
                memcpy(ret->buffer, policy_c[i].digest, h->size);
        ret->size = (uint16_t)h->size;
        return r;
}
