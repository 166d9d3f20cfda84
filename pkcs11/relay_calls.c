/* SPDX-License-Identifier: BSD-2-Clause */
/* Slots, sessions and objects: here or at the daemon. Slot IDs and handles of token objects are the daemon's, which stay the same. */
#include <stdlib.h>
#include <string.h>
#include "lib/alg.h"
#include "pkcs11/carry.h"
#include "pkcs11/functions.h"
#include "pkcs11/relay.h"
#include "pkcs11/relayed.h"
#include "pkcs11/slot.h"

/* Without a daemon there are no tokens, which is no error: p11-kit would give up on all its other modules. */
CK_RV R_GetSlotList(CK_BBOOL token_present, CK_SLOT_ID *list, CK_ULONG *count)
{
        struct relayed c;

        if (relay_begin(&c))
                return relay_leave(&c, c.f->C_GetSlotList(token_present, list, count));
        if (c.rv != CKR_DEVICE_ERROR)
                return c.rv;
        if (count == NULL)
                return CKR_ARGUMENTS_BAD;
        *count = 0;
        return CKR_OK;
}

CK_RV R_GetSlotInfo(CK_SLOT_ID id, CK_SLOT_INFO *info)
{
        struct relayed c;

        return relay_begin(&c) ? relay_leave(&c, c.f->C_GetSlotInfo(id, info)) : c.rv;
}

CK_RV R_GetTokenInfo(CK_SLOT_ID id, CK_TOKEN_INFO *info)
{
        struct relayed c;

        return relay_begin(&c) ? relay_leave(&c, c.f->C_GetTokenInfo(id, info)) : c.rv;
}

/* The client asks for none that it does not know, but what such a one needs of the token is what its kin needs that it knows. */
static CK_RV mechanism_info(const CK_FUNCTION_LIST *f, CK_SLOT_ID id, CK_MECHANISM_TYPE m, CK_MECHANISM_INFO *info)
{
        const struct alg *a = alg_by_ckm(m);
        CK_RV rv;

        if (!carry_needed(m))
                return f->C_GetMechanismInfo(id, m, info);
        rv = f->C_GetMechanismInfo(id, a->ckk == CKK_EC ? CKM_ECDSA : CKM_RSA_PKCS_PSS, info);
        if (rv == CKR_OK && a->ops == ALG_DERIVE)
                info->flags = (info->flags & ~(CK_FLAGS)(CKF_SIGN | CKF_VERIFY)) | CKF_DERIVE;
        return rv;
}

/* Those that the client shows, and behind them those that it does not know but the daemon has. */
static CK_RV all_mechanisms(const CK_FUNCTION_LIST *f, CK_SLOT_ID id, CK_MECHANISM_TYPE *list, CK_ULONG max, CK_ULONG *ret)
{
        CK_ULONG known = max, n;
        CK_MECHANISM_INFO info;
        const struct alg *a;
        CK_RV rv;

        rv = f->C_GetMechanismList(id, list, &known);
        n = known;
        for (size_t i = 0; rv == CKR_OK && n < max && (a = alg_at(i)) != NULL; i++) {
                bool there = false;

                for (CK_ULONG j = 0; j < known; j++)
                        there = there || list[j] == a->ckm;
                if (!there && carry_needed(a->ckm) && mechanism_info(f, id, a->ckm, &info) == CKR_OK)
                        list[n++] = a->ckm;
        }
        *ret = n;
        return rv;
}

static CK_RV mechanisms(const CK_FUNCTION_LIST *f, CK_SLOT_ID id, CK_MECHANISM_TYPE *list, CK_ULONG *count)
{
        CK_MECHANISM_TYPE all[128];
        CK_ULONG n, room;
        CK_RV rv;

        if (count == NULL)
                return CKR_ARGUMENTS_BAD;
        rv = all_mechanisms(f, id, all, ARRAY_LEN(all), &n);
        if (rv != CKR_OK)
                return rv;
        room = *count;
        *count = n;
        if (list == NULL)
                return CKR_OK;
        if (room < n)
                return CKR_BUFFER_TOO_SMALL;
        memcpy(list, all, n * sizeof(*list));
        return CKR_OK;
}

CK_RV R_GetMechanismList(CK_SLOT_ID id, CK_MECHANISM_TYPE *list, CK_ULONG *count)
{
        struct relayed c;

        if (!relay_begin(&c))
                return c.rv;
        return relay_leave(&c, c.relay == NULL ? c.f->C_GetMechanismList(id, list, count) : mechanisms(c.f, id, list, count));
}

CK_RV R_GetMechanismInfo(CK_SLOT_ID id, CK_MECHANISM_TYPE m, CK_MECHANISM_INFO *info)
{
        struct relayed c;

        if (!relay_begin(&c))
                return c.rv;
        return relay_leave(&c, c.relay == NULL ? c.f->C_GetMechanismInfo(id, m, info) : mechanism_info(c.f, id, m, info));
}

CK_RV R_InitToken(CK_SLOT_ID id, CK_UTF8CHAR *pin, CK_ULONG len, CK_UTF8CHAR *label)
{
        struct relayed c;

        return relay_begin(&c) ? relay_leave(&c, c.f->C_InitToken(id, pin, len, label)) : c.rv;
}

CK_RV R_OpenSession(CK_SLOT_ID id, CK_FLAGS flags, void *app_data, CK_NOTIFY notify, CK_SESSION_HANDLE *ret)
{
        struct relayed c;

        if (!relay_begin(&c))
                return c.rv;
        if (c.relay == NULL)
                return c.f->C_OpenSession(id, flags, app_data, notify, ret);
        if (ret == NULL)
                return relay_leave(&c, CKR_ARGUMENTS_BAD);
        return relay_leave(&c, relay_session_open(c.relay, id, flags, ret));
}

/* What cannot be told to the daemon has closed with the connection. */
CK_RV R_CloseSession(CK_SESSION_HANDLE h)
{
        struct relayed c;
        CK_RV rv;

        if (!relay_lock(&c))
                return c.rv;
        if (c.relay == NULL)
                return c.f->C_CloseSession(h);
        rv = relay_leave(&c, relay_session_close(c.relay, h));
        return rv == CKR_DEVICE_ERROR ? CKR_OK : rv;
}

CK_RV R_CloseAllSessions(CK_SLOT_ID id)
{
        struct relayed c;

        if (!relay_begin(&c))
                return c.rv;
        if (c.relay != NULL)
                relay_sessions_drop(c.relay, &id);
        return relay_leave(&c, c.f->C_CloseAllSessions(id));
}

static void keep_login(const struct relayed *c, bool in)
{
        c->session->token->logged_in = in;
        c->session->token->login_connection = c->relay->connection;
}

CK_RV R_Login(CK_SESSION_HANDLE h, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG len)
{
        struct relayed c;
        CK_RV rv;

        if (!relay_enter(&c, h, BEGINS))
                return c.rv;
        rv = c.f->C_Login(c.h, user, pin, len);
        if (c.relay != NULL && rv == CKR_OK && user != CKU_CONTEXT_SPECIFIC)
                keep_login(&c, user == CKU_USER);
        return relay_leave(&c, rv);
}

/* Nobody has a name besides the agent's, which is the token's label. */
CK_RV R_LoginUser(CK_SESSION_HANDLE h, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG len, CK_UTF8CHAR *name, CK_ULONG name_len)
{
        struct relayed c;
        CK_UTF8CHAR label[32];
        bool other;

        if (!relay_enter(&c, h, BEGINS))
                return c.rv;
        if (c.relay == NULL)
                return C_LoginUser(h, user, pin, len, name, name_len);
        if (name == NULL && name_len != 0)
                return relay_leave(&c, CKR_ARGUMENTS_BAD);
        memset(label, ' ', sizeof(label));
        if (name_len <= sizeof(label) && name_len != 0)
                memcpy(label, name, name_len);
        other = name_len != 0 && (name_len > sizeof(label) || memcmp(label, c.session->token->label, sizeof(label)) != 0);
        relay_leave(&c, CKR_OK);
        return other ? CKR_PIN_INCORRECT : R_Login(h, user, pin, len);
}

CK_RV R_Logout(CK_SESSION_HANDLE h)
{
        struct relayed c;
        CK_RV rv;

        if (!relay_enter(&c, h, BEGINS))
                return c.rv;
        rv = c.f->C_Logout(c.h);
        if (c.relay != NULL && rv == CKR_OK)
                keep_login(&c, false);
        return relay_leave(&c, rv);
}

static CK_RV cancel(const CK_FUNCTION_LIST *f, CK_SESSION_HANDLE h, CK_FLAGS flags)
{
        const struct {
                CK_FLAGS flag;
                CK_RV (*init)(CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_OBJECT_HANDLE key);
        } of[] = {
                { CKF_ENCRYPT, f->C_EncryptInit }, { CKF_DECRYPT, f->C_DecryptInit }, { CKF_SIGN, f->C_SignInit }, { CKF_VERIFY, f->C_VerifyInit },
        };
        CLEANUP(carried_clear) struct carried none = { 0 };
        CK_MECHANISM *m;
        CK_RV rv;

        rv = carry_pack(NULL, &none, &m);
        /* CKR_ARGUMENTS_BAD: it was not active. */
        for (size_t i = 0; i < ARRAY_LEN(of) && (rv == CKR_OK || rv == CKR_ARGUMENTS_BAD); i++)
                if ((flags & of[i].flag) != 0)
                        rv = of[i].init(h, m, 0);
        if ((rv == CKR_OK || rv == CKR_ARGUMENTS_BAD) && (flags & CKF_DIGEST) != 0)
                rv = f->C_DigestInit(h, m);
        if ((rv == CKR_OK || rv == CKR_ARGUMENTS_BAD) && (flags & CKF_FIND_OBJECTS) != 0)
                rv = f->C_FindObjectsFinal(h);
        return rv == CKR_ARGUMENTS_BAD || rv == CKR_OPERATION_NOT_INITIALIZED ? CKR_OK : rv;
}

CK_RV R_SessionCancel(CK_SESSION_HANDLE h, CK_FLAGS flags)
{
        struct relayed c;

        if (!relay_enter(&c, h, BEGINS))
                return c.rv;
        return c.relay == NULL ? C_SessionCancel(h, flags) : relay_leave(&c, cancel(c.f, c.h, flags));
}

CK_RV R_GetOperationState(CK_SESSION_HANDLE h, CK_BYTE *state, CK_ULONG *len)
{
        struct relayed c;

        return relay_enter(&c, h, GOES_ON) ? relay_leave(&c, c.f->C_GetOperationState(c.h, state, len)) : c.rv;
}

CK_RV R_SetOperationState(CK_SESSION_HANDLE h, CK_BYTE *state, CK_ULONG len, CK_OBJECT_HANDLE encryption, CK_OBJECT_HANDLE authentication)
{
        struct relayed c;

        return relay_enter(&c, h, BEGINS) ? relay_leave(&c, c.f->C_SetOperationState(c.h, state, len, encryption, authentication)) : c.rv;
}

CK_RV R_InitPIN(CK_SESSION_HANDLE h, CK_UTF8CHAR *pin, CK_ULONG len)
{
        struct relayed c;

        return relay_enter(&c, h, BEGINS) ? relay_leave(&c, c.f->C_InitPIN(c.h, pin, len)) : c.rv;
}

CK_RV R_SetPIN(CK_SESSION_HANDLE h, CK_UTF8CHAR *old, CK_ULONG old_len, CK_UTF8CHAR *pin, CK_ULONG len)
{
        struct relayed c;

        return relay_enter(&c, h, BEGINS) ? relay_leave(&c, c.f->C_SetPIN(c.h, old, old_len, pin, len)) : c.rv;
}

CK_RV R_GetSessionInfo(CK_SESSION_HANDLE h, CK_SESSION_INFO *info)
{
        struct relayed c;

        return relay_enter(&c, h, BEGINS) ? relay_leave(&c, c.f->C_GetSessionInfo(c.h, info)) : c.rv;
}

CK_RV R_CreateObject(CK_SESSION_HANDLE h, CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
        struct relayed c;

        return relay_enter(&c, h, BEGINS) ? relay_leave(&c, c.f->C_CreateObject(c.h, t, n, ret)) : c.rv;
}

CK_RV R_CopyObject(CK_SESSION_HANDLE h, CK_OBJECT_HANDLE from, CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
        struct relayed c;

        return relay_enter(&c, h, BEGINS) ? relay_leave(&c, c.f->C_CopyObject(c.h, from, t, n, ret)) : c.rv;
}

CK_RV R_DestroyObject(CK_SESSION_HANDLE h, CK_OBJECT_HANDLE o)
{
        struct relayed c;

        return relay_enter(&c, h, BEGINS) ? relay_leave(&c, c.f->C_DestroyObject(c.h, o)) : c.rv;
}

CK_RV R_GetObjectSize(CK_SESSION_HANDLE h, CK_OBJECT_HANDLE o, CK_ULONG *size)
{
        struct relayed c;

        return relay_enter(&c, h, BEGINS) ? relay_leave(&c, c.f->C_GetObjectSize(c.h, o, size)) : c.rv;
}

static bool asks_for_mechanisms(const CK_ATTRIBUTE *t, CK_ULONG n)
{
        for (CK_ULONG i = 0; t != NULL && i < n; i++)
                if (t[i].type == CKA_ALLOWED_MECHANISMS)
                        return true;
        return false;
}

/* The client ends the program where nothing is asked for. */
static CK_RV attributes(const CK_FUNCTION_LIST *f, CK_SESSION_HANDLE h, CK_OBJECT_HANDLE o, CK_ATTRIBUTE *t, CK_ULONG n)
{
        CK_ULONG size;

        return n != 0 ? f->C_GetAttributeValue(h, o, t, n) : f->C_GetObjectSize(h, o, &size);
}

/* The client loses all of an answer that has a list of mechanisms in it. Programs take it well that there is none. */
static CK_RV attributes_but_mechanisms(const CK_FUNCTION_LIST *f, CK_SESSION_HANDLE h, CK_OBJECT_HANDLE o, CK_ATTRIBUTE *t, CK_ULONG n)
{
        CK_ATTRIBUTE *others = calloc(n, sizeof(*others));
        CK_ULONG n_others = 0;
        CK_RV rv;

        if (others == NULL)
                return CKR_HOST_MEMORY;
        for (CK_ULONG i = 0; i < n; i++)
                if (t[i].type != CKA_ALLOWED_MECHANISMS)
                        others[n_others++] = t[i];
        rv = attributes(f, h, o, others, n_others);
        for (CK_ULONG i = n; i > 0; i--)
                t[i - 1].ulValueLen = t[i - 1].type != CKA_ALLOWED_MECHANISMS ? others[--n_others].ulValueLen : CK_UNAVAILABLE_INFORMATION;
        free(others);
        return rv == CKR_OK ? CKR_ATTRIBUTE_TYPE_INVALID : rv;
}

CK_RV R_GetAttributeValue(CK_SESSION_HANDLE h, CK_OBJECT_HANDLE o, CK_ATTRIBUTE *t, CK_ULONG n)
{
        struct relayed c;

        if (!relay_enter(&c, h, BEGINS))
                return c.rv;
        if (c.relay == NULL)
                return c.f->C_GetAttributeValue(c.h, o, t, n);
        return relay_leave(&c, (asks_for_mechanisms(t, n) ? attributes_but_mechanisms : attributes)(c.f, c.h, o, t, n));
}

CK_RV R_SetAttributeValue(CK_SESSION_HANDLE h, CK_OBJECT_HANDLE o, CK_ATTRIBUTE *t, CK_ULONG n)
{
        struct relayed c;

        return relay_enter(&c, h, BEGINS) ? relay_leave(&c, c.f->C_SetAttributeValue(c.h, o, t, n)) : c.rv;
}

CK_RV R_FindObjectsInit(CK_SESSION_HANDLE h, CK_ATTRIBUTE *t, CK_ULONG n)
{
        struct relayed c;

        return relay_enter(&c, h, BEGINS) ? relay_leave(&c, c.f->C_FindObjectsInit(c.h, t, n)) : c.rv;
}

CK_RV R_FindObjects(CK_SESSION_HANDLE h, CK_OBJECT_HANDLE *list, CK_ULONG max, CK_ULONG *count)
{
        struct relayed c;

        return relay_enter(&c, h, GOES_ON) ? relay_leave(&c, c.f->C_FindObjects(c.h, list, max, count)) : c.rv;
}

CK_RV R_FindObjectsFinal(CK_SESSION_HANDLE h)
{
        struct relayed c;

        return relay_enter(&c, h, GOES_ON) ? relay_leave(&c, c.f->C_FindObjectsFinal(c.h)) : c.rv;
}
