/* SPDX-License-Identifier: BSD-2-Clause */
/* Carried mechanisms: the first octet chooses one, the rest is what came with it. What unpacks packs again to the same. */
#include <stdlib.h>
#include "pkcs11/carry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const CK_MECHANISM_TYPE types[] = { CKM_ECDSA_SHA256, CKM_SHA256_RSA_PKCS_PSS, CKM_ECDH1_DERIVE, CKM_HF_NONE, CKM_RSA_PKCS_OAEP };
        CLEANUP(carried_clear) struct carried again = { 0 };
        CK_RSA_PKCS_OAEP_PARAMS p = { .mgf = CKG_HF_CARRIED };
        CK_MECHANISM m = { CKM_RSA_PKCS_OAEP, &p, sizeof(p) }, *sent;
        const CK_RSA_PKCS_OAEP_PARAMS *q;
        struct carried there = { 0 };
        const CK_MECHANISM *got;

        if (size == 0)
                return 0;
        p.hashAlg = types[data[0] % ARRAY_LEN(types)];
        p.pSourceData = (void *)(uintptr_t)(data + 1);
        p.ulSourceDataLen = size - 1;
        if (carry_unpack(&m, &there, &got) != CKR_OK)
                return 0;
        if (carry_pack(got, &again, &sent) != CKR_OK)
                abort();
        q = sent->pParameter;
        if (q->hashAlg != p.hashAlg || !bytes_equal(BYTES(q->pSourceData, q->ulSourceDataLen), BYTES(data + 1, size - 1)))
                abort();
        return 0;
}
