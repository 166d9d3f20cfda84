/* SPDX-License-Identifier: BSD-2-Clause */
/* Every C_ function of PKCS#11 v3.0. The 68 of 2.40 are declared by p11-kit's header, here are
 * the rest. All are hidden but C_GetFunctionList, C_GetInterface and C_GetInterfaceList: a
 * program that links another module must not reach ours by name, nor we its. */
#ifndef HOLDFAST_PKCS11_FUNCTIONS_H
#define HOLDFAST_PKCS11_FUNCTIONS_H

#include "lib/cryptoki.h"

/* Those of this process, whoever owns the TPM. */
extern const CK_FUNCTION_LIST direct_functions;

CK_RV C_GetInterfaceList(CK_INTERFACE *list, CK_ULONG *count);
CK_RV C_GetInterface(CK_UTF8CHAR *name, CK_VERSION *version, CK_INTERFACE **ret, CK_FLAGS flags);
CK_RV C_LoginUser(CK_SESSION_HANDLE h, CK_USER_TYPE type, CK_UTF8CHAR *pin, CK_ULONG pin_len, CK_UTF8CHAR *name, CK_ULONG name_len);
CK_RV C_SessionCancel(CK_SESSION_HANDLE h, CK_FLAGS flags);

/* The message-based functions (message.c): no mechanism of ours has them. */
CK_RV C_MessageEncryptInit(CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_OBJECT_HANDLE key);
CK_RV C_EncryptMessage(CK_SESSION_HANDLE h, void *param, CK_ULONG param_len, CK_BYTE *aad, CK_ULONG aad_len,
                       CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len);
CK_RV C_EncryptMessageBegin(CK_SESSION_HANDLE h, void *param, CK_ULONG param_len, CK_BYTE *aad, CK_ULONG aad_len);
CK_RV C_EncryptMessageNext(CK_SESSION_HANDLE h, void *param, CK_ULONG param_len, CK_BYTE *in, CK_ULONG in_len,
                           CK_BYTE *out, CK_ULONG *out_len, CK_FLAGS flags);
CK_RV C_MessageEncryptFinal(CK_SESSION_HANDLE h);
CK_RV C_MessageDecryptInit(CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_OBJECT_HANDLE key);
CK_RV C_DecryptMessage(CK_SESSION_HANDLE h, void *param, CK_ULONG param_len, CK_BYTE *aad, CK_ULONG aad_len,
                       CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len);
CK_RV C_DecryptMessageBegin(CK_SESSION_HANDLE h, void *param, CK_ULONG param_len, CK_BYTE *aad, CK_ULONG aad_len);
CK_RV C_DecryptMessageNext(CK_SESSION_HANDLE h, void *param, CK_ULONG param_len, CK_BYTE *in, CK_ULONG in_len,
                           CK_BYTE *out, CK_ULONG *out_len, CK_FLAGS flags);
CK_RV C_MessageDecryptFinal(CK_SESSION_HANDLE h);
CK_RV C_MessageSignInit(CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_OBJECT_HANDLE key);
CK_RV C_SignMessage(CK_SESSION_HANDLE h, void *param, CK_ULONG param_len, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *sig, CK_ULONG *sig_len);
CK_RV C_SignMessageBegin(CK_SESSION_HANDLE h, void *param, CK_ULONG param_len);
CK_RV C_SignMessageNext(CK_SESSION_HANDLE h, void *param, CK_ULONG param_len, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *sig, CK_ULONG *sig_len);
CK_RV C_MessageSignFinal(CK_SESSION_HANDLE h);
CK_RV C_MessageVerifyInit(CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_OBJECT_HANDLE key);
CK_RV C_VerifyMessage(CK_SESSION_HANDLE h, void *param, CK_ULONG param_len, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *sig, CK_ULONG sig_len);
CK_RV C_VerifyMessageBegin(CK_SESSION_HANDLE h, void *param, CK_ULONG param_len);
CK_RV C_VerifyMessageNext(CK_SESSION_HANDLE h, void *param, CK_ULONG param_len, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *sig, CK_ULONG sig_len);
CK_RV C_MessageVerifyFinal(CK_SESSION_HANDLE h);

#endif
