/* SPDX-License-Identifier: BSD-2-Clause */
/* The message-based functions of PKCS#11 v3.0: no mechanism of ours has them, so all say so. */
#include "pkcs11/call.h"
#include "pkcs11/functions.h"

/* They read the session's handle and nothing else. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

CK_RV C_MessageEncryptInit(CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
        return call_refuse(h, CKR_FUNCTION_NOT_SUPPORTED);
}

CK_RV C_EncryptMessage(CK_SESSION_HANDLE h, void *param, CK_ULONG param_len, CK_BYTE *aad, CK_ULONG aad_len,
                       CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len)
{
        return call_refuse(h, CKR_FUNCTION_NOT_SUPPORTED);
}

CK_RV C_EncryptMessageBegin(CK_SESSION_HANDLE h, void *param, CK_ULONG param_len, CK_BYTE *aad, CK_ULONG aad_len)
{
        return call_refuse(h, CKR_FUNCTION_NOT_SUPPORTED);
}

CK_RV C_EncryptMessageNext(CK_SESSION_HANDLE h, void *param, CK_ULONG param_len, CK_BYTE *in, CK_ULONG in_len,
                           CK_BYTE *out, CK_ULONG *out_len, CK_FLAGS flags)
{
        return call_refuse(h, CKR_FUNCTION_NOT_SUPPORTED);
}

CK_RV C_MessageEncryptFinal(CK_SESSION_HANDLE h)
{
        return call_refuse(h, CKR_FUNCTION_NOT_SUPPORTED);
}

CK_RV C_MessageDecryptInit(CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
        return call_refuse(h, CKR_FUNCTION_NOT_SUPPORTED);
}

CK_RV C_DecryptMessage(CK_SESSION_HANDLE h, void *param, CK_ULONG param_len, CK_BYTE *aad, CK_ULONG aad_len,
                       CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len)
{
        return call_refuse(h, CKR_FUNCTION_NOT_SUPPORTED);
}

CK_RV C_DecryptMessageBegin(CK_SESSION_HANDLE h, void *param, CK_ULONG param_len, CK_BYTE *aad, CK_ULONG aad_len)
{
        return call_refuse(h, CKR_FUNCTION_NOT_SUPPORTED);
}

CK_RV C_DecryptMessageNext(CK_SESSION_HANDLE h, void *param, CK_ULONG param_len, CK_BYTE *in, CK_ULONG in_len,
                           CK_BYTE *out, CK_ULONG *out_len, CK_FLAGS flags)
{
        return call_refuse(h, CKR_FUNCTION_NOT_SUPPORTED);
}

CK_RV C_MessageDecryptFinal(CK_SESSION_HANDLE h)
{
        return call_refuse(h, CKR_FUNCTION_NOT_SUPPORTED);
}

CK_RV C_MessageSignInit(CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
        return call_refuse(h, CKR_FUNCTION_NOT_SUPPORTED);
}

CK_RV C_SignMessage(CK_SESSION_HANDLE h, void *param, CK_ULONG param_len, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *sig, CK_ULONG *sig_len)
{
        return call_refuse(h, CKR_FUNCTION_NOT_SUPPORTED);
}

CK_RV C_SignMessageBegin(CK_SESSION_HANDLE h, void *param, CK_ULONG param_len)
{
        return call_refuse(h, CKR_FUNCTION_NOT_SUPPORTED);
}

CK_RV C_SignMessageNext(CK_SESSION_HANDLE h, void *param, CK_ULONG param_len, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *sig, CK_ULONG *sig_len)
{
        return call_refuse(h, CKR_FUNCTION_NOT_SUPPORTED);
}

CK_RV C_MessageSignFinal(CK_SESSION_HANDLE h)
{
        return call_refuse(h, CKR_FUNCTION_NOT_SUPPORTED);
}

CK_RV C_MessageVerifyInit(CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
        return call_refuse(h, CKR_FUNCTION_NOT_SUPPORTED);
}

CK_RV C_VerifyMessage(CK_SESSION_HANDLE h, void *param, CK_ULONG param_len, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *sig, CK_ULONG sig_len)
{
        return call_refuse(h, CKR_FUNCTION_NOT_SUPPORTED);
}

CK_RV C_VerifyMessageBegin(CK_SESSION_HANDLE h, void *param, CK_ULONG param_len)
{
        return call_refuse(h, CKR_FUNCTION_NOT_SUPPORTED);
}

CK_RV C_VerifyMessageNext(CK_SESSION_HANDLE h, void *param, CK_ULONG param_len, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *sig, CK_ULONG sig_len)
{
        return call_refuse(h, CKR_FUNCTION_NOT_SUPPORTED);
}

CK_RV C_MessageVerifyFinal(CK_SESSION_HANDLE h)
{
        return call_refuse(h, CKR_FUNCTION_NOT_SUPPORTED);
}
