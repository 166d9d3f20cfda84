/* SPDX-License-Identifier: BSD-2-Clause */
/* C_InitToken, C_InitPIN, C_SetPIN: tokens made and their PINs given, the way PKCS#11 has it. */
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "keys/deed.h"
#include "lib/err.h"
#include "pkcs11/call.h"
#include "pkcs11/functions.h"
#include "pkcs11/rv.h"
#include "pkcs11/slot.h"

#define LABEL_LEN 32

static bool pin_len_good(CK_ULONG len)
{
        return len >= PIN_LEN_MIN && len <= PIN_LEN_MAX;
}

/* Whoever makes a token this way is the person answerable for its agent. */
static void login_name(char *ret, size_t size)
{
        struct passwd pw, *found = NULL;
        char room[4096];

        if (getpwuid_r(getuid(), &pw, room, sizeof(room), &found) == 0 && found != NULL)
                snprintf(ret, size, "%s", pw.pw_name);
        else
                snprintf(ret, size, "uid %lu", (unsigned long)getuid());
}

/* An agent's name out of a blank-padded label. */
static CK_RV name_of(const CK_UTF8CHAR *label, char ret[LABEL_LEN + 1])
{
        size_t len = LABEL_LEN;

        while (len > 0 && label[len - 1] == ' ')
                len--;
        memcpy(ret, label, len);
        ret[len] = '\0';
        return strlen(ret) == len && agent_name_valid(ret) ? CKR_OK : CKR_ARGUMENTS_BAD;
}

/* An agent with PINs; in place of the one called `old`, unless that is NULL. */
static CK_RV make_agent(struct app *a, const char *name, const char *owner, struct bytes so_pin, bool lockout_tpm, const char *old)
{
        CLEANUP(attrs_clear) struct attrs lines = { 0 };
        CLEANUP(buf_clear) struct buf secret = { 0 };
        struct keyring *k = app_keyring(a);
        int r;

        r = pin_create(k, so_pin, lockout_tpm, &lines, &secret);
        if (r == 0 && old != NULL)
                r = deed_agent_replace(k, app_caller(a), old, name, owner, &lines);
        else if (r == 0)
                r = deed_agent_create(k, app_caller(a), name, owner, &lines);
        return r == ERR_EXIST ? CKR_ARGUMENTS_BAD : rv_from_err(r);
}

/* Wipes the agent that is there, if its security officer says so. One without PINs has none: it is deleted by
 * whoever may write the store, not here. */
static CK_RV remake_agent(struct slot *s, const char *name, struct bytes so_pin)
{
        CLEANUP(attrs_clear) struct attrs agent = { 0 };
        CLEANUP(buf_clear) struct buf secret = { 0 };
        struct keyring *k = app_keyring(s->app);
        struct pin_state pins;
        const char *owner;
        char own_name[256];
        CK_RV rv;
        int r;

        rv = slot_look(s, &agent);
        if (rv != CKR_OK)
                return rv;
        r = pin_state(k, s->agent, &pins);
        if (r == 0 && !pins.used)
                return CKR_TOKEN_WRITE_PROTECTED;
        if (r == 0 && !pin_len_good(so_pin.len))
                return CKR_PIN_INCORRECT;
        if (r == 0)
                r = deed_login(k, app_caller(s->app), s->agent, PIN_SO, so_pin, &secret);
        if (r != 0)
                return rv_from_err(r);
        owner = attrs_str(&agent, "owner", "");
        if (keyring_owner_check(owner) != 0) {
                login_name(own_name, sizeof(own_name));
                owner = own_name;
        }
        return make_agent(s->app, name, owner, so_pin, pins.lockout_tpm, s->agent);
}

static CK_RV new_agent(struct slot *s, const char *name, struct bytes so_pin)
{
        char owner[256];

        if (!pin_len_good(so_pin.len))
                return CKR_PIN_LEN_RANGE;
        login_name(owner, sizeof(owner));
        return make_agent(s->app, name, owner, so_pin, false, NULL);
}

/* With s->admin held. */
static CK_RV init_token(struct slot *s, const char *name, struct bytes so_pin)
{
        unsigned sessions;
        CK_RV rv;

        pthread_mutex_lock(&s->app->lock);
        sessions = s->sessions;
        pthread_mutex_unlock(&s->app->lock);
        if (sessions > 0)
                return CKR_SESSION_EXISTS;
        rv = s->agent == NULL ? new_agent(s, name, so_pin) : remake_agent(s, name, so_pin);
        if (rv == CKR_OK)
                rv = slot_set_agent(s, name);
        return rv == CKR_OK ? slot_look(s, NULL) : rv;
}

CK_RV C_InitToken(CK_SLOT_ID id, CK_UTF8CHAR *pin, CK_ULONG len, CK_UTF8CHAR *label)
{
        char name[LABEL_LEN + 1];
        struct slot *s;
        struct call c;
        CK_RV rv;

        rv = call_begin(&c);
        if (rv != CKR_OK)
                return rv;
        rv = slot_by_id(c.app, id, &s);
        if (rv == CKR_OK && (label == NULL || (pin == NULL && len != 0)))
                rv = CKR_ARGUMENTS_BAD;
        if (rv == CKR_OK)
                rv = name_of(label, name);
        if (rv != CKR_OK)
                return call_end(&c, rv);
        pthread_mutex_lock(&s->admin);
        rv = init_token(s, name, BYTES(pin, len));
        pthread_mutex_unlock(&s->admin);
        return call_end(&c, rv);
}

static CK_RV init_pin(struct session *s, struct bytes pin)
{
        if (session_user(s) != CKU_SO)
                return CKR_USER_NOT_LOGGED_IN;
        if (!pin_len_good(pin.len))
                return CKR_PIN_LEN_RANGE;
        return rv_from_err(deed_pin_set(session_keyring(s), session_caller(s), session_agent(s), PIN_USER, BYTES_OF(&s->login->secret), pin));
}

CK_RV C_InitPIN(CK_SESSION_HANDLE h, CK_UTF8CHAR *pin, CK_ULONG len)
{
        struct call c;
        CK_RV rv;

        rv = call_begin_session(&c, h);
        if (rv != CKR_OK)
                return rv;
        if (pin == NULL && len != 0)
                return call_end(&c, CKR_ARGUMENTS_BAD);
        return call_end(&c, init_pin(c.session, BYTES(pin, len)));
}

/* The security officer's own where he is logged in, the user's otherwise. */
static CK_RV set_pin(struct session *s, struct bytes old, struct bytes new)
{
        CLEANUP(buf_clear) struct buf secret = { 0 };
        enum pin_who who = session_user(s) == CKU_SO ? PIN_SO : PIN_USER;
        int r;

        if (!s->rw)
                return CKR_SESSION_READ_ONLY;
        if (!s->pins)
                return CKR_USER_PIN_NOT_INITIALIZED;
        if (!pin_len_good(new.len))
                return CKR_PIN_LEN_RANGE;
        if (!pin_len_good(old.len))
                return CKR_PIN_INCORRECT;
        r = deed_login(session_keyring(s), session_caller(s), session_agent(s), who, old, &secret);
        if (r == ERR_NOENT)
                return CKR_USER_PIN_NOT_INITIALIZED;
        if (r == 0)
                r = deed_pin_set(session_keyring(s), session_caller(s), session_agent(s), who, BYTES_OF(&secret), new);
        return rv_from_err(r);
}

CK_RV C_SetPIN(CK_SESSION_HANDLE h, CK_UTF8CHAR *old, CK_ULONG old_len, CK_UTF8CHAR *new, CK_ULONG new_len)
{
        struct call c;
        CK_RV rv;

        rv = call_begin_session(&c, h);
        if (rv != CKR_OK)
                return rv;
        if ((old == NULL && old_len != 0) || (new == NULL && new_len != 0))
                return call_end(&c, CKR_ARGUMENTS_BAD);
        return call_end(&c, set_pin(c.session, BYTES(old, old_len), BYTES(new, new_len)));
}
