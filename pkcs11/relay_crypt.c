/* SPDX-License-Identifier: BSD-2-Clause */
/* Operations with keys: here or at the daemon. */
#include "pkcs11/carry.h"
#include "pkcs11/relay.h"
#include "pkcs11/relayed.h"

/* The daemon takes no request that is longer than 1 MiB. */
#define PART_MAX (512u * 1024)

/* A part of an operation's input, which may be of any length. */
static CK_RV update(CK_SESSION_HANDLE h, CK_BYTE *in, CK_ULONG len,
                    CK_RV (*one)(const CK_FUNCTION_LIST *f, CK_SESSION_HANDLE h, CK_BYTE *in, CK_ULONG len))
{
        struct relayed c;
        CK_RV rv;

        if (!relay_enter(&c, h, GOES_ON))
                return c.rv;
        for (rv = CKR_OK; rv == CKR_OK && c.relay != NULL && in != NULL && len > PART_MAX; in += PART_MAX, len -= PART_MAX)
                rv = one(c.f, c.h, in, PART_MAX);
        return relay_leave(&c, rv == CKR_OK ? one(c.f, c.h, in, len) : rv);
}

/* To the daemon, a mechanism goes in a form that passes. */
static CK_RV begin(CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_OBJECT_HANDLE key,
                   CK_RV (*init)(const CK_FUNCTION_LIST *f, CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_OBJECT_HANDLE key))
{
        CLEANUP(carried_clear) struct carried carried = { 0 };
        struct relayed c;
        CK_RV rv = CKR_OK;

        if (!relay_enter(&c, h, BEGINS))
                return c.rv;
        if (c.relay != NULL)
                rv = carry_pack(m, &carried, &m);
        return relay_leave(&c, rv == CKR_OK ? init(c.f, c.h, m, key) : rv);
}

static CK_RV encrypt_init(const CK_FUNCTION_LIST *f, CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
        return f->C_EncryptInit(h, m, key);
}

CK_RV R_EncryptInit(CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
        return begin(h, m, key, encrypt_init);
}

static CK_RV decrypt_init(const CK_FUNCTION_LIST *f, CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
        return f->C_DecryptInit(h, m, key);
}

CK_RV R_DecryptInit(CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
        return begin(h, m, key, decrypt_init);
}

static CK_RV sign_init(const CK_FUNCTION_LIST *f, CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
        return f->C_SignInit(h, m, key);
}

CK_RV R_SignInit(CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
        return begin(h, m, key, sign_init);
}

static CK_RV verify_init(const CK_FUNCTION_LIST *f, CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
        return f->C_VerifyInit(h, m, key);
}

CK_RV R_VerifyInit(CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
        return begin(h, m, key, verify_init);
}

static CK_RV digest_init(const CK_FUNCTION_LIST *f, CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_OBJECT_HANDLE none)
{
        (void)none;
        return f->C_DigestInit(h, m);
}

CK_RV R_DigestInit(CK_SESSION_HANDLE h, CK_MECHANISM *m)
{
        return begin(h, m, 0, digest_init);
}

CK_RV R_Encrypt(CK_SESSION_HANDLE h, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len)
{
        struct relayed c;

        return relay_enter(&c, h, GOES_ON) ? relay_leave(&c, c.f->C_Encrypt(c.h, in, in_len, out, out_len)) : c.rv;
}

CK_RV R_EncryptUpdate(CK_SESSION_HANDLE h, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len)
{
        struct relayed c;

        return relay_enter(&c, h, GOES_ON) ? relay_leave(&c, c.f->C_EncryptUpdate(c.h, in, in_len, out, out_len)) : c.rv;
}

CK_RV R_EncryptFinal(CK_SESSION_HANDLE h, CK_BYTE *out, CK_ULONG *out_len)
{
        struct relayed c;

        return relay_enter(&c, h, GOES_ON) ? relay_leave(&c, c.f->C_EncryptFinal(c.h, out, out_len)) : c.rv;
}

CK_RV R_Decrypt(CK_SESSION_HANDLE h, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len)
{
        struct relayed c;

        return relay_enter(&c, h, GOES_ON) ? relay_leave(&c, c.f->C_Decrypt(c.h, in, in_len, out, out_len)) : c.rv;
}

CK_RV R_DecryptUpdate(CK_SESSION_HANDLE h, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len)
{
        struct relayed c;

        return relay_enter(&c, h, GOES_ON) ? relay_leave(&c, c.f->C_DecryptUpdate(c.h, in, in_len, out, out_len)) : c.rv;
}

CK_RV R_DecryptFinal(CK_SESSION_HANDLE h, CK_BYTE *out, CK_ULONG *out_len)
{
        struct relayed c;

        return relay_enter(&c, h, GOES_ON) ? relay_leave(&c, c.f->C_DecryptFinal(c.h, out, out_len)) : c.rv;
}

CK_RV R_Digest(CK_SESSION_HANDLE h, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len)
{
        struct relayed c;

        return relay_enter(&c, h, GOES_ON) ? relay_leave(&c, c.f->C_Digest(c.h, in, in_len, out, out_len)) : c.rv;
}

static CK_RV update_digest(const CK_FUNCTION_LIST *f, CK_SESSION_HANDLE h, CK_BYTE *in, CK_ULONG len)
{
        return f->C_DigestUpdate(h, in, len);
}

CK_RV R_DigestUpdate(CK_SESSION_HANDLE h, CK_BYTE *in, CK_ULONG in_len)
{
        return update(h, in, in_len, update_digest);
}

CK_RV R_DigestKey(CK_SESSION_HANDLE h, CK_OBJECT_HANDLE key)
{
        struct relayed c;

        return relay_enter(&c, h, GOES_ON) ? relay_leave(&c, c.f->C_DigestKey(c.h, key)) : c.rv;
}

CK_RV R_DigestFinal(CK_SESSION_HANDLE h, CK_BYTE *out, CK_ULONG *out_len)
{
        struct relayed c;

        return relay_enter(&c, h, GOES_ON) ? relay_leave(&c, c.f->C_DigestFinal(c.h, out, out_len)) : c.rv;
}

CK_RV R_Sign(CK_SESSION_HANDLE h, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len)
{
        struct relayed c;

        return relay_enter(&c, h, GOES_ON) ? relay_leave(&c, c.f->C_Sign(c.h, in, in_len, out, out_len)) : c.rv;
}

static CK_RV update_sign(const CK_FUNCTION_LIST *f, CK_SESSION_HANDLE h, CK_BYTE *in, CK_ULONG len)
{
        return f->C_SignUpdate(h, in, len);
}

CK_RV R_SignUpdate(CK_SESSION_HANDLE h, CK_BYTE *in, CK_ULONG in_len)
{
        return update(h, in, in_len, update_sign);
}

CK_RV R_SignFinal(CK_SESSION_HANDLE h, CK_BYTE *out, CK_ULONG *out_len)
{
        struct relayed c;

        return relay_enter(&c, h, GOES_ON) ? relay_leave(&c, c.f->C_SignFinal(c.h, out, out_len)) : c.rv;
}

CK_RV R_Verify(CK_SESSION_HANDLE h, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *sig, CK_ULONG sig_len)
{
        struct relayed c;

        return relay_enter(&c, h, GOES_ON) ? relay_leave(&c, c.f->C_Verify(c.h, in, in_len, sig, sig_len)) : c.rv;
}

static CK_RV update_verify(const CK_FUNCTION_LIST *f, CK_SESSION_HANDLE h, CK_BYTE *in, CK_ULONG len)
{
        return f->C_VerifyUpdate(h, in, len);
}

CK_RV R_VerifyUpdate(CK_SESSION_HANDLE h, CK_BYTE *in, CK_ULONG in_len)
{
        return update(h, in, in_len, update_verify);
}

CK_RV R_VerifyFinal(CK_SESSION_HANDLE h, CK_BYTE *sig, CK_ULONG sig_len)
{
        struct relayed c;

        return relay_enter(&c, h, GOES_ON) ? relay_leave(&c, c.f->C_VerifyFinal(c.h, sig, sig_len)) : c.rv;
}

CK_RV R_GenerateKey(CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
        struct relayed c;

        return relay_enter(&c, h, BEGINS) ? relay_leave(&c, c.f->C_GenerateKey(c.h, m, t, n, ret)) : c.rv;
}

CK_RV R_GenerateKeyPair(CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_ATTRIBUTE *pub, CK_ULONG n_pub, CK_ATTRIBUTE *priv, CK_ULONG n_priv,
                        CK_OBJECT_HANDLE *ret_pub, CK_OBJECT_HANDLE *ret_priv)
{
        struct relayed c;

        return relay_enter(&c, h, BEGINS) ? relay_leave(&c, c.f->C_GenerateKeyPair(c.h, m, pub, n_pub, priv, n_priv, ret_pub, ret_priv)) : c.rv;
}

CK_RV R_SeedRandom(CK_SESSION_HANDLE h, CK_BYTE *seed, CK_ULONG len)
{
        struct relayed c;

        return relay_enter(&c, h, BEGINS) ? relay_leave(&c, c.f->C_SeedRandom(c.h, seed, len)) : c.rv;
}

CK_RV R_DeriveKey(CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_OBJECT_HANDLE base, CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
        CLEANUP(carried_clear) struct carried carried = { 0 };
        struct relayed c;
        CK_RV rv = CKR_OK;

        if (!relay_enter(&c, h, BEGINS))
                return c.rv;
        if (c.relay != NULL && m != NULL)
                rv = carry_pack(m, &carried, &m);
        return relay_leave(&c, rv == CKR_OK ? c.f->C_DeriveKey(c.h, m, base, t, n, ret) : rv);
}

/* The client takes nothing for too little. */
CK_RV R_GenerateRandom(CK_SESSION_HANDLE h, CK_BYTE *out, CK_ULONG len)
{
        struct relayed c;

        if (!relay_enter(&c, h, BEGINS))
                return c.rv;
        return relay_leave(&c, c.relay != NULL && len == 0 ? CKR_OK : c.f->C_GenerateRandom(c.h, out, len));
}
