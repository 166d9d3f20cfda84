/* SPDX-License-Identifier: BSD-2-Clause */
/* The module's doors: the function lists, and what an application does first and last. */
#include <stdio.h>
#include <string.h>
#include "config.h"
#include "pkcs11/call.h"
#include "pkcs11/functions.h"
#include "pkcs11/relayed.h"
#include "pkcs11/slot.h"

#define EXPORT __attribute__((visibility("default")))

/* All lists of functions begin alike. C_GetInfo differs: it answers with the version of the list it was called
 * through, for some callers of the old one know no other. Where X is R, programs' calls are relayed if there is a daemon. */
#define COMMON_FUNCTIONS(X, get_info) \
        C_Initialize, C_Finalize, get_info, C_GetFunctionList, X##_GetSlotList, X##_GetSlotInfo, X##_GetTokenInfo, \
        X##_GetMechanismList, X##_GetMechanismInfo, X##_InitToken, X##_InitPIN, X##_SetPIN, X##_OpenSession, X##_CloseSession, \
        X##_CloseAllSessions, X##_GetSessionInfo, X##_GetOperationState, X##_SetOperationState, X##_Login, X##_Logout, \
        X##_CreateObject, X##_CopyObject, X##_DestroyObject, X##_GetObjectSize, X##_GetAttributeValue, X##_SetAttributeValue, \
        X##_FindObjectsInit, X##_FindObjects, X##_FindObjectsFinal, X##_EncryptInit, X##_Encrypt, X##_EncryptUpdate, \
        X##_EncryptFinal, X##_DecryptInit, X##_Decrypt, X##_DecryptUpdate, X##_DecryptFinal, X##_DigestInit, X##_Digest, \
        X##_DigestUpdate, X##_DigestKey, X##_DigestFinal, X##_SignInit, X##_Sign, X##_SignUpdate, X##_SignFinal, \
        C_SignRecoverInit, C_SignRecover, X##_VerifyInit, X##_Verify, X##_VerifyUpdate, X##_VerifyFinal, \
        C_VerifyRecoverInit, C_VerifyRecover, C_DigestEncryptUpdate, C_DecryptDigestUpdate, C_SignEncryptUpdate, \
        C_DecryptVerifyUpdate, X##_GenerateKey, X##_GenerateKeyPair, C_WrapKey, C_UnwrapKey, X##_DeriveKey, \
        X##_SeedRandom, X##_GenerateRandom, C_GetFunctionStatus, C_CancelFunction, C_WaitForSlotEvent

static CK_RV get_info_3_0(CK_INFO *info);

const CK_FUNCTION_LIST direct_functions = {
        { 2, 40 },
        COMMON_FUNCTIONS(C, C_GetInfo),
};

static CK_FUNCTION_LIST functions_2_40 = {
        { 2, 40 },
        COMMON_FUNCTIONS(R, C_GetInfo),
};

static CK_FUNCTION_LIST_3_0 functions_3_0 = {
        { 3, 0 },
        COMMON_FUNCTIONS(R, get_info_3_0),
        C_GetInterfaceList, C_GetInterface, R_LoginUser, R_SessionCancel,
        C_MessageEncryptInit, C_EncryptMessage, C_EncryptMessageBegin, C_EncryptMessageNext, C_MessageEncryptFinal,
        C_MessageDecryptInit, C_DecryptMessage, C_DecryptMessageBegin, C_DecryptMessageNext, C_MessageDecryptFinal,
        C_MessageSignInit, C_SignMessage, C_SignMessageBegin, C_SignMessageNext, C_MessageSignFinal,
        C_MessageVerifyInit, C_VerifyMessage, C_VerifyMessageBegin, C_VerifyMessageNext, C_MessageVerifyFinal,
};

/* Not CKF_INTERFACE_FORK_SAFE: that would promise the child its parent's sessions. */
static CK_UTF8CHAR standard[] = "PKCS 11";
static CK_INTERFACE interfaces[] = {
        { standard, &functions_3_0, 0 },
        { standard, &functions_2_40, 0 },
};

/* PKCS#11 v3.0, 5.4: callbacks all or none. Where there are threads we lock with the operating system's own, which is
 * right beside any locks of the caller's. */
static CK_RV check_args(const CK_C_INITIALIZE_ARGS *a)
{
        int given;

        if (a == NULL)
                return CKR_OK;
        given = (a->CreateMutex != NULL) + (a->DestroyMutex != NULL) + (a->LockMutex != NULL) + (a->UnlockMutex != NULL);
        return a->pReserved == NULL && (given == 0 || given == 4) ? CKR_OK : CKR_ARGUMENTS_BAD;
}

CK_RV C_Initialize(void *args)
{
        CK_RV rv;

        rv = check_args(args);
        return rv == CKR_OK ? call_initialize() : rv;
}

CK_RV C_Finalize(void *reserved)
{
        return reserved == NULL ? call_finalize() : CKR_ARGUMENTS_BAD;
}

static CK_RV get_info(CK_INFO *ret, CK_VERSION version)
{
        CK_INFO info = { .cryptokiVersion = version };
        unsigned major = 0, minor = 0;
        struct call c;
        CK_RV rv;

        rv = call_begin(&c);
        if (rv != CKR_OK)
                return rv;
        if (ret == NULL)
                return call_end(&c, CKR_ARGUMENTS_BAD);
        sscanf(PACKAGE_VERSION, "%3u.%3u", &major, &minor);
        slot_pad(info.manufacturerID, sizeof(info.manufacturerID), "Holdfast");
        slot_pad(info.libraryDescription, sizeof(info.libraryDescription), "Holdfast agent keys");
        info.libraryVersion = (CK_VERSION){ (unsigned char)major, (unsigned char)minor };
        *ret = info;
        return call_end(&c, CKR_OK);
}

CK_RV C_GetInfo(CK_INFO *info)
{
        return get_info(info, functions_2_40.version);
}

static CK_RV get_info_3_0(CK_INFO *info)
{
        return get_info(info, functions_3_0.version);
}

EXPORT CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list)
{
        if (list == NULL)
                return CKR_ARGUMENTS_BAD;
        *list = &functions_2_40;
        return CKR_OK;
}

EXPORT CK_RV C_GetInterfaceList(CK_INTERFACE *list, CK_ULONG *count)
{
        const CK_ULONG n = sizeof(interfaces) / sizeof(interfaces[0]);
        CK_ULONG room;

        if (count == NULL)
                return CKR_ARGUMENTS_BAD;
        room = *count;
        *count = n;
        if (list == NULL)
                return CKR_OK;
        if (room < n)
                return CKR_BUFFER_TOO_SMALL;
        memcpy(list, interfaces, sizeof(interfaces));
        return CKR_OK;
}

static CK_VERSION version_of(const CK_INTERFACE *i)
{
        CK_VERSION v;

        /* Every list of functions begins with its version. */
        memcpy(&v, i->pFunctionList, sizeof(v));
        return v;
}

EXPORT CK_RV C_GetInterface(CK_UTF8CHAR *name, CK_VERSION *version, CK_INTERFACE **ret, CK_FLAGS flags)
{
        if (ret == NULL)
                return CKR_ARGUMENTS_BAD;
        for (size_t i = 0; i < sizeof(interfaces) / sizeof(interfaces[0]); i++) {
                CK_INTERFACE *this = &interfaces[i];
                CK_VERSION v = version_of(this);

                if (name != NULL && strcmp((const char *)name, (const char *)this->pInterfaceName) != 0)
                        continue;
                if (version != NULL && (version->major != v.major || version->minor != v.minor))
                        continue;
                if ((flags & this->flags) != flags)
                        continue;
                *ret = this;
                return CKR_OK;
        }
        return CKR_ARGUMENTS_BAD;
}
