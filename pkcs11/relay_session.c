/* SPDX-License-Identifier: BSD-2-Clause */
/* Which session of the daemon's stands behind one of the program's? It is opened again in each connection, at its first call there. */
#include <stdlib.h>
#include <string.h>
#include "pkcs11/relay.h"

/* Where the last session of a token goes, so does what is known of it. */
static void put_token(struct relay *r, struct relay_token *t)
{
        if (--t->sessions > 0)
                return;
        if (table_get(&r->tokens, t->slot) == t)
                table_remove(&r->tokens, t->slot);
        free(t);
}

static CK_RV look(struct relay *r, const struct relay_token *t, struct relay_token *ret)
{
        CK_TOKEN_INFO info;
        CK_RV rv;

        rv = r->client->C_GetTokenInfo(t->slot, &info);
        if (rv != CKR_OK)
                return rv;
        *ret = *t;
        memcpy(ret->label, info.label, sizeof(ret->label));
        memcpy(ret->serial, info.serialNumber, sizeof(ret->serial));
        ret->free = (info.flags & CKF_LOGIN_REQUIRED) == 0;
        ret->connection = r->connection;
        return CKR_OK;
}

/* Is it still the token that it was? */
static CK_RV check_token(struct relay *r, struct relay_token *t)
{
        struct relay_token now;
        CK_RV rv;

        if (t->connection == r->connection)
                return CKR_OK;
        rv = look(r, t, &now);
        if (rv == CKR_SLOT_ID_INVALID || rv == CKR_TOKEN_NOT_PRESENT)
                return CKR_DEVICE_REMOVED;
        if (rv != CKR_OK)
                return rv;
        if (memcmp(t->label, now.label, sizeof(now.label)) != 0 || memcmp(t->serial, now.serial, sizeof(now.serial)) != 0)
                return CKR_DEVICE_REMOVED;
        /* We keep nobody's PIN. */
        if (!now.free)
                now.logged_in = false;
        *t = now;
        return CKR_OK;
}

/* With a use of it counted. */
static CK_RV get_token(struct relay *r, CK_SLOT_ID slot, struct relay_token **ret)
{
        struct relay_token *t = table_get(&r->tokens, slot);
        CK_RV rv = CKR_OK;

        if (t != NULL && check_token(r, t) == CKR_OK) {
                t->sessions++;
                *ret = t;
                return CKR_OK;
        }
        t = calloc(1, sizeof(*t));
        if (t == NULL)
                return CKR_HOST_MEMORY;
        t->slot = slot;
        rv = look(r, t, t);
        if (rv == CKR_OK && table_put(&r->tokens, slot, t) != 0)
                rv = CKR_HOST_MEMORY;
        if (rv != CKR_OK) {
                free(t);
                return rv;
        }
        t->sessions = 1;
        *ret = t;
        return CKR_OK;
}

CK_RV relay_session_open(struct relay *r, CK_SLOT_ID slot, CK_FLAGS flags, CK_SESSION_HANDLE *ret)
{
        struct relay_session *s = calloc(1, sizeof(*s));
        CK_RV rv;

        if (s == NULL)
                return CKR_HOST_MEMORY;
        *s = (struct relay_session){ .handle = r->last_session + 1, .connection = r->connection, .flags = flags };
        rv = get_token(r, slot, &s->token);
        if (rv != CKR_OK) {
                free(s);
                return rv;
        }
        rv = r->client->C_OpenSession(slot, flags, NULL, NULL, &s->remote);
        if (rv == CKR_OK && table_put(&r->sessions, s->handle, s) != 0) {
                r->client->C_CloseSession(s->remote);
                rv = CKR_HOST_MEMORY;
        }
        if (rv != CKR_OK) {
                put_token(r, s->token);
                free(s);
                return rv;
        }
        *ret = ++r->last_session;
        return CKR_OK;
}

/* The login of a token that wants none is no secret, and some programs look whether they are logged in. */
static void login_again(struct relay *r, const struct relay_session *s)
{
        struct relay_token *t = s->token;

        if (!t->logged_in || t->login_connection == r->connection)
                return;
        r->client->C_Login(s->remote, CKU_USER, NULL, 0);
        t->login_connection = r->connection;
}

static CK_RV reopen(struct relay *r, struct relay_session *s)
{
        CK_RV rv;

        rv = check_token(r, s->token);
        if (rv == CKR_OK)
                rv = r->client->C_OpenSession(s->token->slot, s->flags, NULL, NULL, &s->remote);
        if (rv != CKR_OK)
                return rv;
        s->connection = r->connection;
        login_again(r, s);
        return CKR_OK;
}

CK_RV relay_session_get(struct relay *r, CK_SESSION_HANDLE h, enum relay_part part, struct relay_session **ret)
{
        struct relay_session *s = table_get(&r->sessions, h);
        CK_RV rv;

        if (s == NULL)
                return CKR_SESSION_HANDLE_INVALID;
        if (s->connection != r->connection) {
                rv = reopen(r, s);
                if (rv == CKR_OK && part == GOES_ON)
                        rv = CKR_DEVICE_ERROR;
                if (rv != CKR_OK)
                        return rv;
        }
        *ret = s;
        return CKR_OK;
}

static void drop(struct relay *r, struct relay_session *s)
{
        table_remove(&r->sessions, s->handle);
        put_token(r, s->token);
        free(s);
}

CK_RV relay_session_close(struct relay *r, CK_SESSION_HANDLE h)
{
        struct relay_session *s = table_get(&r->sessions, h);
        CK_RV rv = CKR_OK;

        if (s == NULL)
                return CKR_SESSION_HANDLE_INVALID;
        /* With its connection it has closed already. */
        if (relay_alive(r) && s->connection == r->connection)
                rv = r->client->C_CloseSession(s->remote);
        drop(r, s);
        return rv;
}

/* Removal moves places about: whoever moved in front of the search is met in its next round. */
void relay_sessions_drop(struct relay *r, const CK_SLOT_ID *slot)
{
        struct relay_session *s;
        bool dropped;
        size_t pos;

        do {
                dropped = false;
                for (pos = 0; (s = table_next(&r->sessions, &pos)) != NULL;)
                        if (slot == NULL || s->token->slot == *slot) {
                                drop(r, s);
                                dropped = true;
                        }
        } while (dropped);
}

bool relay_has_session(struct relay *r, CK_SESSION_HANDLE h)
{
        bool has;

        pthread_mutex_lock(&r->lock);
        has = table_get(&r->sessions, h) != NULL;
        pthread_mutex_unlock(&r->lock);
        return has;
}
