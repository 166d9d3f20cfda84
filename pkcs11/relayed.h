/* SPDX-License-Identifier: BSD-2-Clause */
/* What stands in the lists of functions that programs get: each calls its C_ namesake, ours or the daemon's. Functions that nobody has
 * are not here, nor those that one side answers for both. */
#ifndef HOLDFAST_PKCS11_RELAYED_H
#define HOLDFAST_PKCS11_RELAYED_H

#include "lib/cryptoki.h"

/* relay_calls.c */
CK_RV R_GetSlotList(CK_BBOOL token_present, CK_SLOT_ID *list, CK_ULONG *count);
CK_RV R_GetSlotInfo(CK_SLOT_ID id, CK_SLOT_INFO *info);
CK_RV R_GetTokenInfo(CK_SLOT_ID id, CK_TOKEN_INFO *info);
CK_RV R_GetMechanismList(CK_SLOT_ID id, CK_MECHANISM_TYPE *list, CK_ULONG *count);
CK_RV R_GetMechanismInfo(CK_SLOT_ID id, CK_MECHANISM_TYPE m, CK_MECHANISM_INFO *info);
CK_RV R_InitToken(CK_SLOT_ID id, CK_UTF8CHAR *pin, CK_ULONG len, CK_UTF8CHAR *label);
CK_RV R_OpenSession(CK_SLOT_ID id, CK_FLAGS flags, void *app_data, CK_NOTIFY notify, CK_SESSION_HANDLE *ret);
CK_RV R_CloseSession(CK_SESSION_HANDLE h);
CK_RV R_CloseAllSessions(CK_SLOT_ID id);
CK_RV R_Login(CK_SESSION_HANDLE h, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG len);
CK_RV R_LoginUser(CK_SESSION_HANDLE h, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG len, CK_UTF8CHAR *name, CK_ULONG name_len);
CK_RV R_Logout(CK_SESSION_HANDLE h);
CK_RV R_SessionCancel(CK_SESSION_HANDLE h, CK_FLAGS flags);
CK_RV R_GetOperationState(CK_SESSION_HANDLE h, CK_BYTE *state, CK_ULONG *len);
CK_RV R_SetOperationState(CK_SESSION_HANDLE h, CK_BYTE *state, CK_ULONG len, CK_OBJECT_HANDLE encryption, CK_OBJECT_HANDLE authentication);
CK_RV R_InitPIN(CK_SESSION_HANDLE h, CK_UTF8CHAR *pin, CK_ULONG len);
CK_RV R_SetPIN(CK_SESSION_HANDLE h, CK_UTF8CHAR *old, CK_ULONG old_len, CK_UTF8CHAR *pin, CK_ULONG len);
CK_RV R_GetSessionInfo(CK_SESSION_HANDLE h, CK_SESSION_INFO *info);
CK_RV R_CreateObject(CK_SESSION_HANDLE h, CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret);
CK_RV R_CopyObject(CK_SESSION_HANDLE h, CK_OBJECT_HANDLE from, CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret);
CK_RV R_DestroyObject(CK_SESSION_HANDLE h, CK_OBJECT_HANDLE o);
CK_RV R_GetObjectSize(CK_SESSION_HANDLE h, CK_OBJECT_HANDLE o, CK_ULONG *size);
CK_RV R_GetAttributeValue(CK_SESSION_HANDLE h, CK_OBJECT_HANDLE o, CK_ATTRIBUTE *t, CK_ULONG n);
CK_RV R_SetAttributeValue(CK_SESSION_HANDLE h, CK_OBJECT_HANDLE o, CK_ATTRIBUTE *t, CK_ULONG n);
CK_RV R_FindObjectsInit(CK_SESSION_HANDLE h, CK_ATTRIBUTE *t, CK_ULONG n);
CK_RV R_FindObjects(CK_SESSION_HANDLE h, CK_OBJECT_HANDLE *list, CK_ULONG max, CK_ULONG *count);
CK_RV R_FindObjectsFinal(CK_SESSION_HANDLE h);

/* relay_crypt.c */
CK_RV R_EncryptInit(CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_OBJECT_HANDLE key);
CK_RV R_DecryptInit(CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_OBJECT_HANDLE key);
CK_RV R_SignInit(CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_OBJECT_HANDLE key);
CK_RV R_VerifyInit(CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_OBJECT_HANDLE key);
CK_RV R_DigestInit(CK_SESSION_HANDLE h, CK_MECHANISM *m);
CK_RV R_Encrypt(CK_SESSION_HANDLE h, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len);
CK_RV R_EncryptUpdate(CK_SESSION_HANDLE h, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len);
CK_RV R_EncryptFinal(CK_SESSION_HANDLE h, CK_BYTE *out, CK_ULONG *out_len);
CK_RV R_Decrypt(CK_SESSION_HANDLE h, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len);
CK_RV R_DecryptUpdate(CK_SESSION_HANDLE h, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len);
CK_RV R_DecryptFinal(CK_SESSION_HANDLE h, CK_BYTE *out, CK_ULONG *out_len);
CK_RV R_Digest(CK_SESSION_HANDLE h, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len);
CK_RV R_DigestUpdate(CK_SESSION_HANDLE h, CK_BYTE *in, CK_ULONG in_len);
CK_RV R_DigestKey(CK_SESSION_HANDLE h, CK_OBJECT_HANDLE key);
CK_RV R_DigestFinal(CK_SESSION_HANDLE h, CK_BYTE *out, CK_ULONG *out_len);
CK_RV R_Sign(CK_SESSION_HANDLE h, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len);
CK_RV R_SignUpdate(CK_SESSION_HANDLE h, CK_BYTE *in, CK_ULONG in_len);
CK_RV R_SignFinal(CK_SESSION_HANDLE h, CK_BYTE *out, CK_ULONG *out_len);
CK_RV R_Verify(CK_SESSION_HANDLE h, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *sig, CK_ULONG sig_len);
CK_RV R_VerifyUpdate(CK_SESSION_HANDLE h, CK_BYTE *in, CK_ULONG in_len);
CK_RV R_VerifyFinal(CK_SESSION_HANDLE h, CK_BYTE *sig, CK_ULONG sig_len);
CK_RV R_GenerateKey(CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret);
CK_RV R_GenerateKeyPair(CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_ATTRIBUTE *pub, CK_ULONG n_pub, CK_ATTRIBUTE *priv, CK_ULONG n_priv,
                        CK_OBJECT_HANDLE *ret_pub, CK_OBJECT_HANDLE *ret_priv);
CK_RV R_SeedRandom(CK_SESSION_HANDLE h, CK_BYTE *seed, CK_ULONG len);
CK_RV R_DeriveKey(CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_OBJECT_HANDLE base, CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret);
CK_RV R_GenerateRandom(CK_SESSION_HANDLE h, CK_BYTE *out, CK_ULONG len);

#endif
