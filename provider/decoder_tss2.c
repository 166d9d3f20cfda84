/* SPDX-License-Identifier: BSD-2-Clause */
/* What a TSS2 PRIVATE KEY file means: a key that a TPM wrapped; draft-woodhouse-cert-best-practice, "ASN.1 Specification of TPM 2.0 Key Files". */
#include <string.h>
#include "lib/der.h"
#include "lib/err.h"
#include "lib/tsskey.h"
#include "provider/decoder.h"

/* A SEQUENCE that begins with an OID below 2.23.133.10.1. */
static bool tss2_is(struct bytes der)
{
        static const uint8_t arc[] = { 0x67, 0x81, 0x05, 0x0a, 0x01 };
        struct bytes body, oid;

        return der_get(&der, DER_SEQUENCE, &body) == 0 && der_get(&body, DER_OID, &oid) == 0 && oid.len == sizeof arc + 1 &&
               memcmp(oid.ptr, arc, sizeof arc) == 0;
}

static int tss2_check(struct bytes der)
{
        CLEANUP(tsskey_clear) struct tsskey k = { 0 };
        int r;

        r = tsskey_decode(der, &k);
        if (r == 0 && k.type != TSSKEY_LOADABLE)
                return err(ERR_NOTSUP, "sealed data, not a key");
        return r;
}

const struct decoder_form decoder_tss2 = { TSSKEY_PEM, "tss2", tss2_is, tss2_check, object_from_tss };
