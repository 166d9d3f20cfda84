/* SPDX-License-Identifier: BSD-2-Clause */
/* C_GenerateRandom: TPM and kernel, xored, so that neither has to be trusted alone. */
#include "pkcs11/call.h"
#include "pkcs11/rv.h"

/* A chip gives about ten octets in a millisecond: who asks for more than this at once has a wrong length. */
#define RANDOM_MAX (1024 * 1024)

CK_RV C_GenerateRandom(CK_SESSION_HANDLE h, CK_BYTE *out, CK_ULONG len)
{
        struct call c;
        CK_RV rv;

        rv = call_begin_session(&c, h);
        if (rv != CKR_OK)
                return rv;
        if ((out == NULL && len != 0) || len > RANDOM_MAX)
                rv = CKR_ARGUMENTS_BAD;
        else
                rv = rv_from_err(keyring_random(session_keyring(c.session), out, len));
        return call_end(&c, rv);
}

/* The kernel's generator needs no seed from programs, and a TPM's none from strangers. */
CK_RV C_SeedRandom(CK_SESSION_HANDLE h, CK_BYTE *seed, CK_ULONG len)
{
        struct call c;
        CK_RV rv;

        rv = call_begin_session(&c, h);
        if (rv != CKR_OK)
                return rv;
        return call_end(&c, seed == NULL && len != 0 ? CKR_ARGUMENTS_BAD : CKR_RANDOM_SEED_NOT_SUPPORTED);
}
