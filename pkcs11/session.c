/* SPDX-License-Identifier: BSD-2-Clause */
/* Sessions: opened, closed, logged in and out. A login belongs to the application's slot; each
 * session holds a reference to the one it works under. */
#include "pkcs11/session.h"
#include <stdlib.h>
#include <string.h>
#include "lib/err.h"
#include "keys/deed.h"
#include "pkcs11/call.h"
#include "pkcs11/find.h"
#include "pkcs11/functions.h"
#include "pkcs11/op.h"
#include "pkcs11/rv.h"
#include "pkcs11/slot.h"
#include "pkcs11/thing.h"

#define SERVED_SESSIONS_MAX 1024 /* of one connection of a daemon's */

const char *session_agent(const struct session *s)
{
        return s->slot->agent;
}

struct keyring *session_keyring(const struct session *s)
{
        return s->app->keyring;
}

CK_USER_TYPE session_user(const struct session *s)
{
        if (s->login != NULL)
                return s->login->user;
        return s->pins ? CK_UNAVAILABLE_INFORMATION : CKU_USER;
}

struct bytes session_secret(const struct session *s)
{
        if (s->login == NULL || s->login->user != CKU_USER)
                return (struct bytes){ 0 };
        return BYTES_OF(&s->login->secret);
}

const struct caller *session_caller(const struct session *s)
{
        return app_caller(s->app);
}

struct key_use session_use(const struct session *s, struct item *item)
{
        return (struct key_use){ item, session_secret(s), session_agent(s), session_caller(s) };
}

/* Under app->lock. */
static void put(struct session *s)
{
        if (--s->refs > 0)
                return;
        login_unref(s->login);
        pthread_mutex_destroy(&s->lock);
        free(s);
}

/* With the session locked: who is logged in now? */
static void sync_login(struct session *s)
{
        bool was_user = session_user(s) == CKU_USER;

        pthread_mutex_lock(&s->app->lock);
        s->pins = s->slot->pins;
        if (s->login != s->slot->login) {
                login_unref(s->login);
                s->login = login_ref(s->slot->login);
        }
        pthread_mutex_unlock(&s->app->lock);

        if (!was_user || session_user(s) == CKU_USER)
                return;
        for (size_t i = 0; i < OP_SLOTS; i++)
                if (s->op[i] != NULL && op_is_private(s->op[i])) {
                        op_free(s->op[i]);
                        s->op[i] = NULL;
                }
}

/* With a reference: locks. */
static CK_RV enter(struct session *s, struct session **ret)
{
        pthread_mutex_lock(&s->lock);
        /* Closed by another thread while this one waited. */
        if (s->closed) {
                session_leave(s);
                return CKR_SESSION_HANDLE_INVALID;
        }
        sync_login(s);
        *ret = s;
        return CKR_OK;
}

CK_RV session_enter(struct app *a, CK_SESSION_HANDLE h, struct session **ret)
{
        struct session *s;

        pthread_mutex_lock(&a->lock);
        s = table_get(&a->sessions, h);
        if (s != NULL)
                s->refs++;
        pthread_mutex_unlock(&a->lock);
        return s != NULL ? enter(s, ret) : CKR_SESSION_HANDLE_INVALID;
}

void session_leave(struct session *s)
{
        struct app *a = s->app;

        pthread_mutex_unlock(&s->lock);
        pthread_mutex_lock(&a->lock);
        put(s);
        pthread_mutex_unlock(&a->lock);
}

/* Under app->lock: is there something to do with this session of that slot (NULL: of any)? */
static bool wanted(const struct session *s, const struct slot *slot, bool stale_only)
{
        return (slot == NULL || s->slot == slot) && (!stale_only || s->login != s->slot->login);
}

/* One more of them, with a reference; NULL when none is left. The search goes round from where the last one was
 * found, so that a hundred thousand sessions cost a few rounds and not one each. */
static struct session *next_session(struct app *a, const struct slot *slot, bool stale_only, size_t *pos)
{
        struct session *s, *found = NULL;

        pthread_mutex_lock(&a->lock);
        for (int round = 0; found == NULL && round < 2; round++) {
                while (found == NULL && (s = table_next(&a->sessions, pos)) != NULL)
                        if (wanted(s, slot, stale_only))
                                found = s;
                if (found == NULL)
                        *pos = 0;
        }
        if (found != NULL)
                found->refs++;
        pthread_mutex_unlock(&a->lock);
        return found;
}

void session_sync_all(struct slot *slot)
{
        struct session *s;
        size_t pos = 0;

        while ((s = next_session(slot->app, slot, true, &pos)) != NULL)
                if (enter(s, &s) == CKR_OK)
                        session_leave(s);
}

/* With the session locked. The last one of a slot takes the login with it (PKCS#11 v3.0, 5.6.2). */
static void close_locked(struct session *s)
{
        struct slot *slot = s->slot;

        for (size_t i = 0; i < OP_SLOTS; i++) {
                op_free(s->op[i]);
                s->op[i] = NULL;
        }
        find_free(s->find);
        s->find = NULL;
        things_drop_session(s);

        pthread_mutex_lock(&s->app->lock);
        s->closed = true;
        table_remove(&s->app->sessions, s->handle);
        s->refs--;                /* the table's; the caller has one still */
        slot->sessions--;
        if (s->rw)
                slot->rw_sessions--;
        login_unref(s->login);
        s->login = NULL;
        if (slot->sessions == 0) {
                login_unref(slot->login);
                slot->login = NULL;
        }
        pthread_mutex_unlock(&s->app->lock);
}

void session_close_all(struct app *a, struct slot *slot)
{
        struct session *s;
        size_t pos = 0;

        while ((s = next_session(a, slot, false, &pos)) != NULL)
                if (enter(s, &s) == CKR_OK) {
                        close_locked(s);
                        session_leave(s);
                }
}

static CK_RV add(struct slot *slot, bool rw, CK_SESSION_HANDLE *ret)
{
        struct app *a = slot->app;
        struct session *s = calloc(1, sizeof(*s));
        CK_RV rv = CKR_OK;

        if (s == NULL)
                return CKR_HOST_MEMORY;
        *s = (struct session){ .app = a, .slot = slot, .rw = rw, .refs = 1 };
        pthread_mutex_init(&s->lock, NULL);

        pthread_mutex_lock(&a->lock);
        s->handle = a->last_session + 1;
        if (!rw && slot->login != NULL && slot->login->user == CKU_SO)
                rv = CKR_SESSION_READ_WRITE_SO_EXISTS;
        else if (a->host != NULL && a->sessions.n >= SERVED_SESSIONS_MAX)
                rv = CKR_SESSION_COUNT;
        else if (table_put(&a->sessions, s->handle, s) != 0)
                rv = CKR_HOST_MEMORY;
        if (rv == CKR_OK) {
                a->last_session++;
                slot->sessions++;
                if (rw)
                        slot->rw_sessions++;
                s->login = login_ref(slot->login);
                *ret = s->handle;
        } else {
                put(s);
        }
        pthread_mutex_unlock(&a->lock);
        return rv;
}

static CK_RV open_session(struct app *a, CK_SLOT_ID id, CK_FLAGS flags, CK_SESSION_HANDLE *ret)
{
        struct slot *slot;
        CK_RV rv;

        rv = slot_by_id(a, id, &slot);
        if (rv != CKR_OK)
                return rv;
        if (ret == NULL)
                return CKR_ARGUMENTS_BAD;
        if ((flags & CKF_SERIAL_SESSION) == 0)
                return CKR_SESSION_PARALLEL_NOT_SUPPORTED;
        rv = slot_look(slot, NULL);
        return rv == CKR_OK ? add(slot, (flags & CKF_RW_SESSION) != 0, ret) : rv;
}

CK_RV C_OpenSession(CK_SLOT_ID id, CK_FLAGS flags, void *app_data, CK_NOTIFY notify, CK_SESSION_HANDLE *ret)
{
        struct call c;
        CK_RV rv;

        /* Nothing of ours calls back. */
        (void)app_data;
        (void)notify;
        rv = call_begin(&c);
        if (rv != CKR_OK)
                return rv;
        return call_end(&c, open_session(c.app, id, flags, ret));
}

CK_RV C_CloseSession(CK_SESSION_HANDLE h)
{
        struct call c;
        CK_RV rv;

        rv = call_begin_session(&c, h);
        if (rv != CKR_OK)
                return rv;
        close_locked(c.session);
        return call_end(&c, CKR_OK);
}

CK_RV C_CloseAllSessions(CK_SLOT_ID id)
{
        struct slot *slot;
        struct call c;
        CK_RV rv;

        rv = call_begin(&c);
        if (rv != CKR_OK)
                return rv;
        rv = slot_by_id(c.app, id, &slot);
        if (rv == CKR_OK)
                session_close_all(c.app, slot);
        return call_end(&c, rv);
}

/* In a token without PINs too this says who has logged in, although nobody needs to. */
static CK_STATE state_of(const struct session *s)
{
        if (s->login == NULL)
                return s->rw ? CKS_RW_PUBLIC_SESSION : CKS_RO_PUBLIC_SESSION;
        if (s->login->user == CKU_SO)
                return CKS_RW_SO_FUNCTIONS;
        return s->rw ? CKS_RW_USER_FUNCTIONS : CKS_RO_USER_FUNCTIONS;
}

CK_RV C_GetSessionInfo(CK_SESSION_HANDLE h, CK_SESSION_INFO *info)
{
        struct call c;
        CK_RV rv;

        rv = call_begin_session(&c, h);
        if (rv != CKR_OK)
                return rv;
        if (info == NULL)
                return call_end(&c, CKR_ARGUMENTS_BAD);
        *info = (CK_SESSION_INFO){
                .slotID = c.session->slot->id,
                .state = state_of(c.session),
                .flags = CKF_SERIAL_SESSION | (c.session->rw ? CKF_RW_SESSION : 0),
        };
        return call_end(&c, CKR_OK);
}

/* Is the PIN one to try at all? One that cannot be right costs no try. */
static bool pin_possible(const CK_UTF8CHAR *pin, CK_ULONG len)
{
        return pin != NULL && len >= PIN_LEN_MIN && len <= PIN_LEN_MAX;
}

/* The agent's secret for a PIN that is right. */
static CK_RV check_pin(struct slot *slot, CK_USER_TYPE user, const CK_UTF8CHAR *pin, CK_ULONG len, struct buf *ret_secret)
{
        int r;

        if (!pin_possible(pin, len))
                return CKR_PIN_INCORRECT;
        r = deed_login(slot->app->keyring, app_caller(slot->app), slot->agent, user == CKU_SO ? PIN_SO : PIN_USER, BYTES(pin, len), ret_secret);
        if (r == ERR_NOENT)
                return CKR_USER_PIN_NOT_INITIALIZED;
        return rv_from_err(r);
}

/* Under app->lock. */
static CK_RV may_login(const struct slot *slot, CK_USER_TYPE user)
{
        if (user != CKU_USER && user != CKU_SO)
                return CKR_USER_TYPE_INVALID;
        if (slot->login != NULL)
                return slot->login->user == user ? CKR_USER_ALREADY_LOGGED_IN : CKR_USER_ANOTHER_ALREADY_LOGGED_IN;
        /* A token without PINs has no security officer. */
        if (user == CKU_SO && !slot->pins)
                return CKR_USER_TYPE_INVALID;
        if (user == CKU_SO && slot->sessions > slot->rw_sessions)
                return CKR_SESSION_READ_ONLY_EXISTS;
        return CKR_OK;
}

/* With slot->admin held. In a token without PINs any PIN is right: programs that always log in, with a PIN that
 * somebody made up for them, shall work. */
static CK_RV login_slot(struct slot *slot, CK_USER_TYPE user, const CK_UTF8CHAR *pin, CK_ULONG len)
{
        struct login *l;
        bool pins;
        CK_RV rv;

        pthread_mutex_lock(&slot->app->lock);
        rv = may_login(slot, user);
        pins = slot->pins;
        pthread_mutex_unlock(&slot->app->lock);
        if (rv != CKR_OK)
                return rv;
        l = calloc(1, sizeof(*l));
        if (l == NULL)
                return CKR_HOST_MEMORY;
        l->refs = 1;
        l->user = user;
        if (pins)
                rv = check_pin(slot, user, pin, len, &l->secret);

        pthread_mutex_lock(&slot->app->lock);
        /* A read-only session may have been opened while the PIN was tried; or all closed. */
        if (rv == CKR_OK)
                rv = slot->sessions == 0 ? CKR_SESSION_HANDLE_INVALID : may_login(slot, user);
        if (rv == CKR_OK)
                slot->login = l;
        else
                login_unref(l);
        pthread_mutex_unlock(&slot->app->lock);
        return rv;
}

/* CKU_CONTEXT_SPECIFIC: the user's PIN once more, for one operation of this session. */
static CK_RV login_for_operation(struct session *s, const CK_UTF8CHAR *pin, CK_ULONG len)
{
        CLEANUP(buf_clear) struct buf secret = { 0 };
        CK_RV rv;

        if (s->pins) {
                if (session_user(s) != CKU_USER)
                        return CKR_USER_NOT_LOGGED_IN;
                rv = check_pin(s->slot, CKU_USER, pin, len, &secret);
                if (rv != CKR_OK)
                        return rv;
        }
        return op_context_login(s);
}

CK_RV C_Login(CK_SESSION_HANDLE h, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG len)
{
        struct slot *slot;
        struct call c;
        CK_RV rv;

        rv = call_begin_session(&c, h);
        if (rv != CKR_OK)
                return rv;
        if (pin == NULL && len != 0)
                return call_end(&c, CKR_ARGUMENTS_BAD);
        if (len > PIN_LEN_MAX)
                return call_end(&c, CKR_PIN_INCORRECT);
        if (user == CKU_CONTEXT_SPECIFIC)
                return call_end(&c, login_for_operation(c.session, pin, len));
        slot = c.session->slot;
        call_leave_session(&c);

        pthread_mutex_lock(&slot->admin);
        rv = login_slot(slot, user, pin, len);
        pthread_mutex_unlock(&slot->admin);
        return call_end(&c, rv);
}

/* Nobody here has a name besides the agent's. */
CK_RV C_LoginUser(CK_SESSION_HANDLE h, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG len, CK_UTF8CHAR *name, CK_ULONG name_len)
{
        struct call c;
        bool other;
        CK_RV rv;

        rv = call_begin_session(&c, h);
        if (rv != CKR_OK)
                return rv;
        if (name == NULL && name_len != 0)
                return call_end(&c, CKR_ARGUMENTS_BAD);
        other = name_len != 0 && !bytes_equal(BYTES(name, name_len), BYTES_STR(session_agent(c.session)));
        call_end(&c, CKR_OK);
        return other ? CKR_PIN_INCORRECT : C_Login(h, user, pin, len);
}

CK_RV C_Logout(CK_SESSION_HANDLE h)
{
        struct slot *slot;
        struct call c;
        bool was;
        CK_RV rv;

        rv = call_begin_session(&c, h);
        if (rv != CKR_OK)
                return rv;
        slot = c.session->slot;
        call_leave_session(&c);

        pthread_mutex_lock(&slot->admin);
        pthread_mutex_lock(&c.app->lock);
        was = slot->login != NULL;
        pthread_mutex_unlock(&c.app->lock);
        if (was) {
                slot_set_login(slot, NULL);
                things_drop_private(slot);
        }
        pthread_mutex_unlock(&slot->admin);
        return call_end(&c, was ? CKR_OK : CKR_USER_NOT_LOGGED_IN);
}

static const struct {
        CK_FLAGS flag;
        enum op_slot op;
} cancel_flags[] = {
        { CKF_ENCRYPT, OP_ENCRYPT },
        { CKF_DECRYPT, OP_DECRYPT },
        { CKF_DIGEST, OP_DIGEST },
        { CKF_SIGN, OP_SIGN },
        { CKF_VERIFY, OP_VERIFY },
};

/* Flags of operations that are not active, or that we do not have, ask for nothing (PKCS#11 v3.0, 5.6.9). */
CK_RV C_SessionCancel(CK_SESSION_HANDLE h, CK_FLAGS flags)
{
        struct call c;
        CK_RV rv;

        rv = call_begin_session(&c, h);
        if (rv != CKR_OK)
                return rv;
        for (size_t i = 0; i < ARRAY_LEN(cancel_flags); i++)
                if ((flags & cancel_flags[i].flag) != 0) {
                        op_free(c.session->op[cancel_flags[i].op]);
                        c.session->op[cancel_flags[i].op] = NULL;
                }
        if ((flags & CKF_FIND_OBJECTS) != 0) {
                find_free(c.session->find);
                c.session->find = NULL;
        }
        return call_end(&c, CKR_OK);
}
