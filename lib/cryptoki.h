/* SPDX-License-Identifier: BSD-2-Clause */
/* PKCS#11 v3.0 for this tree: p11-kit's header, and what 3.0 adds where that one is still 2.40. */
#ifndef HOLDFAST_LIB_CRYPTOKI_H
#define HOLDFAST_LIB_CRYPTOKI_H

#include <p11-kit/pkcs11.h>

/* Names of structure members that p11-kit's header renames and forgets to give back. */
#undef hash_alg
#undef s_len
#undef source_data
#undef source_data_len
#undef counter_bits
#undef iv_ptr
#undef iv_len
#undef iv_bits
#undef aad_ptr
#undef aad_len
#undef tag_bits
#undef shared_data
#undef shared_data_len
#undef public_data
#undef public_data_len
#undef string_data
#undef string_data_len
#undef data_params

#if CRYPTOKI_VERSION_MAJOR < 3

#define CKO_PROFILE                     0x00000009UL
#define CKA_UNIQUE_ID                   0x00000004UL
#define CKA_PROFILE_ID                  0x00000601UL

#define CKP_INVALID_ID                  0x00000000UL
#define CKP_BASELINE_PROVIDER           0x00000001UL
#define CKP_EXTENDED_PROVIDER           0x00000002UL
#define CKP_AUTHENTICATION_TOKEN        0x00000003UL
#define CKP_PUBLIC_CERTIFICATES_TOKEN   0x00000004UL

#define CKR_AEAD_DECRYPT_FAILED         0x00000042UL
#define CKR_TOKEN_RESOURCE_EXCEEDED     0x00000201UL
#define CKR_OPERATION_CANCEL_FAILED     0x00000202UL

/* In CK_MECHANISM_INFO and for C_SessionCancel. */
#define CKF_MESSAGE_ENCRYPT             0x00000002UL
#define CKF_MESSAGE_DECRYPT             0x00000004UL
#define CKF_MESSAGE_SIGN                0x00000008UL
#define CKF_MESSAGE_VERIFY              0x00000010UL
#define CKF_MULTI_MESSAGE               0x00000020UL
#define CKF_FIND_OBJECTS                0x00000040UL
/* For the ...MessageNext functions. */
#define CKF_END_OF_MESSAGE              0x00000001UL
/* In CK_INTERFACE. */
#define CKF_INTERFACE_FORK_SAFE         0x00000001UL

typedef struct CK_INTERFACE {
        CK_UTF8CHAR *pInterfaceName;
        void *pFunctionList;
        CK_FLAGS flags;
} CK_INTERFACE;
typedef CK_INTERFACE *CK_INTERFACE_PTR;
typedef CK_INTERFACE **CK_INTERFACE_PTR_PTR;

/* PKCS#11 v3.0, 3.6: the members of CK_FUNCTION_LIST, then these, in this order. */
typedef struct CK_FUNCTION_LIST_3_0 {
        CK_VERSION version;
        CK_C_Initialize C_Initialize;
        CK_C_Finalize C_Finalize;
        CK_C_GetInfo C_GetInfo;
        CK_C_GetFunctionList C_GetFunctionList;
        CK_C_GetSlotList C_GetSlotList;
        CK_C_GetSlotInfo C_GetSlotInfo;
        CK_C_GetTokenInfo C_GetTokenInfo;
        CK_C_GetMechanismList C_GetMechanismList;
        CK_C_GetMechanismInfo C_GetMechanismInfo;
        CK_C_InitToken C_InitToken;
        CK_C_InitPIN C_InitPIN;
        CK_C_SetPIN C_SetPIN;
        CK_C_OpenSession C_OpenSession;
        CK_C_CloseSession C_CloseSession;
        CK_C_CloseAllSessions C_CloseAllSessions;
        CK_C_GetSessionInfo C_GetSessionInfo;
        CK_C_GetOperationState C_GetOperationState;
        CK_C_SetOperationState C_SetOperationState;
        CK_C_Login C_Login;
        CK_C_Logout C_Logout;
        CK_C_CreateObject C_CreateObject;
        CK_C_CopyObject C_CopyObject;
        CK_C_DestroyObject C_DestroyObject;
        CK_C_GetObjectSize C_GetObjectSize;
        CK_C_GetAttributeValue C_GetAttributeValue;
        CK_C_SetAttributeValue C_SetAttributeValue;
        CK_C_FindObjectsInit C_FindObjectsInit;
        CK_C_FindObjects C_FindObjects;
        CK_C_FindObjectsFinal C_FindObjectsFinal;
        CK_C_EncryptInit C_EncryptInit;
        CK_C_Encrypt C_Encrypt;
        CK_C_EncryptUpdate C_EncryptUpdate;
        CK_C_EncryptFinal C_EncryptFinal;
        CK_C_DecryptInit C_DecryptInit;
        CK_C_Decrypt C_Decrypt;
        CK_C_DecryptUpdate C_DecryptUpdate;
        CK_C_DecryptFinal C_DecryptFinal;
        CK_C_DigestInit C_DigestInit;
        CK_C_Digest C_Digest;
        CK_C_DigestUpdate C_DigestUpdate;
        CK_C_DigestKey C_DigestKey;
        CK_C_DigestFinal C_DigestFinal;
        CK_C_SignInit C_SignInit;
        CK_C_Sign C_Sign;
        CK_C_SignUpdate C_SignUpdate;
        CK_C_SignFinal C_SignFinal;
        CK_C_SignRecoverInit C_SignRecoverInit;
        CK_C_SignRecover C_SignRecover;
        CK_C_VerifyInit C_VerifyInit;
        CK_C_Verify C_Verify;
        CK_C_VerifyUpdate C_VerifyUpdate;
        CK_C_VerifyFinal C_VerifyFinal;
        CK_C_VerifyRecoverInit C_VerifyRecoverInit;
        CK_C_VerifyRecover C_VerifyRecover;
        CK_C_DigestEncryptUpdate C_DigestEncryptUpdate;
        CK_C_DecryptDigestUpdate C_DecryptDigestUpdate;
        CK_C_SignEncryptUpdate C_SignEncryptUpdate;
        CK_C_DecryptVerifyUpdate C_DecryptVerifyUpdate;
        CK_C_GenerateKey C_GenerateKey;
        CK_C_GenerateKeyPair C_GenerateKeyPair;
        CK_C_WrapKey C_WrapKey;
        CK_C_UnwrapKey C_UnwrapKey;
        CK_C_DeriveKey C_DeriveKey;
        CK_C_SeedRandom C_SeedRandom;
        CK_C_GenerateRandom C_GenerateRandom;
        CK_C_GetFunctionStatus C_GetFunctionStatus;
        CK_C_CancelFunction C_CancelFunction;
        CK_C_WaitForSlotEvent C_WaitForSlotEvent;
        CK_RV (*C_GetInterfaceList)(CK_INTERFACE *list, CK_ULONG *count);
        CK_RV (*C_GetInterface)(CK_UTF8CHAR *name, CK_VERSION *version, CK_INTERFACE **ret, CK_FLAGS flags);
        CK_RV (*C_LoginUser)(CK_SESSION_HANDLE h, CK_USER_TYPE type, CK_UTF8CHAR *pin, CK_ULONG pin_len, CK_UTF8CHAR *name, CK_ULONG name_len);
        CK_RV (*C_SessionCancel)(CK_SESSION_HANDLE h, CK_FLAGS flags);
        CK_RV (*C_MessageEncryptInit)(CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_OBJECT_HANDLE key);
        CK_RV (*C_EncryptMessage)(CK_SESSION_HANDLE h, void *param, CK_ULONG param_len, CK_BYTE *aad, CK_ULONG aad_len,
                                  CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len);
        CK_RV (*C_EncryptMessageBegin)(CK_SESSION_HANDLE h, void *param, CK_ULONG param_len, CK_BYTE *aad, CK_ULONG aad_len);
        CK_RV (*C_EncryptMessageNext)(CK_SESSION_HANDLE h, void *param, CK_ULONG param_len, CK_BYTE *in, CK_ULONG in_len,
                                      CK_BYTE *out, CK_ULONG *out_len, CK_FLAGS flags);
        CK_RV (*C_MessageEncryptFinal)(CK_SESSION_HANDLE h);
        CK_RV (*C_MessageDecryptInit)(CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_OBJECT_HANDLE key);
        CK_RV (*C_DecryptMessage)(CK_SESSION_HANDLE h, void *param, CK_ULONG param_len, CK_BYTE *aad, CK_ULONG aad_len,
                                  CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len);
        CK_RV (*C_DecryptMessageBegin)(CK_SESSION_HANDLE h, void *param, CK_ULONG param_len, CK_BYTE *aad, CK_ULONG aad_len);
        CK_RV (*C_DecryptMessageNext)(CK_SESSION_HANDLE h, void *param, CK_ULONG param_len, CK_BYTE *in, CK_ULONG in_len,
                                      CK_BYTE *out, CK_ULONG *out_len, CK_FLAGS flags);
        CK_RV (*C_MessageDecryptFinal)(CK_SESSION_HANDLE h);
        CK_RV (*C_MessageSignInit)(CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_OBJECT_HANDLE key);
        CK_RV (*C_SignMessage)(CK_SESSION_HANDLE h, void *param, CK_ULONG param_len, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *sig, CK_ULONG *sig_len);
        CK_RV (*C_SignMessageBegin)(CK_SESSION_HANDLE h, void *param, CK_ULONG param_len);
        CK_RV (*C_SignMessageNext)(CK_SESSION_HANDLE h, void *param, CK_ULONG param_len, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *sig, CK_ULONG *sig_len);
        CK_RV (*C_MessageSignFinal)(CK_SESSION_HANDLE h);
        CK_RV (*C_MessageVerifyInit)(CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_OBJECT_HANDLE key);
        CK_RV (*C_VerifyMessage)(CK_SESSION_HANDLE h, void *param, CK_ULONG param_len, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *sig, CK_ULONG sig_len);
        CK_RV (*C_VerifyMessageBegin)(CK_SESSION_HANDLE h, void *param, CK_ULONG param_len);
        CK_RV (*C_VerifyMessageNext)(CK_SESSION_HANDLE h, void *param, CK_ULONG param_len, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *sig, CK_ULONG sig_len);
        CK_RV (*C_MessageVerifyFinal)(CK_SESSION_HANDLE h);
} CK_FUNCTION_LIST_3_0;

#endif

#endif
