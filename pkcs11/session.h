/* SPDX-License-Identifier: BSD-2-Clause */
/* Sessions and the login state of their slots. */
#ifndef HOLDFAST_PKCS11_SESSION_H
#define HOLDFAST_PKCS11_SESSION_H

#include <stdbool.h>
#include "keys/signer.h"
#include "lib/cryptoki.h"
#include "pkcs11/app.h"

struct op;      /* pkcs11/op.h */
struct find;    /* pkcs11/find.h */
struct login;   /* pkcs11/slot.h */

/* The operations that may be active at once in a session, one of each. */
enum op_slot { OP_ENCRYPT, OP_DECRYPT, OP_DIGEST, OP_SIGN, OP_VERIFY, OP_SLOTS };

struct session {
        CK_SESSION_HANDLE handle;
        struct app *app;
        struct slot *slot;
        bool rw;
        struct op *op[OP_SLOTS];  /* NULL: not active */
        struct find *find;
        bool has_objects;         /* made session objects, which go when it closes */

        /* session.c's own. */
        pthread_mutex_t lock;     /* held by the call that works with the session */
        unsigned refs;            /* under app->lock: the table's and running calls' */
        bool closed;              /* under app->lock */
        struct login *login;      /* who is logged in, as this call sees it; changed under app->lock */
        bool pins;                /* the token wants a login, as this call sees it */
};

/* Name of the agent whose token this is. */
const char *session_agent(const struct session *s);
struct keyring *session_keyring(const struct session *s);
/* CKU_USER, CKU_SO, or CK_UNAVAILABLE_INFORMATION for a public session. A token without PINs counts as user. */
CK_USER_TYPE session_user(const struct session *s);
/* The agent's secret while the user is logged in; empty for an agent without PINs. Good until the call ends. */
struct bytes session_secret(const struct session *s);

/* A key of the session's token, for the signer. Good until the call ends. */
struct key_use session_use(const struct session *s, struct item *item);
const struct caller *session_caller(const struct session *s);

/* Finds and locks: CKR_SESSION_HANDLE_INVALID. Ends private operations if the user has logged out meanwhile. */
CK_RV session_enter(struct app *a, CK_SESSION_HANDLE h, struct session **ret);
void session_leave(struct session *s);
/* Closes those of one slot, or with NULL all, waiting for running calls. */
void session_close_all(struct app *a, struct slot *slot);
/* Makes the slot's sessions see slot->login: what slot_set_login() does after it has changed it. */
void session_sync_all(struct slot *slot);

#endif
