/* SPDX-License-Identifier: BSD-2-Clause */
/* The head and tail of every C_ function: initialised, same process, session found and
 * locked; C_Finalize waits for what is between them. */
#ifndef HOLDFAST_PKCS11_CALL_H
#define HOLDFAST_PKCS11_CALL_H

#include "lib/cryptoki.h"
#include "pkcs11/app.h"
#include "pkcs11/session.h"

/* On the stack of a C_ function. */
struct call {
        struct app *app;
        struct session *session; /* locked; NULL if the function takes none */
};

/* CKR_CRYPTOKI_NOT_INITIALIZED, also in a forked child. On CKR_OK call_end() must follow. */
CK_RV call_begin(struct call *c);
/* The same with a session: CKR_SESSION_HANDLE_INVALID. */
CK_RV call_begin_session(struct call *c, CK_SESSION_HANDLE h);
/* Unlocks the session early, for functions that go on to lock others; c->session is NULL afterwards. */
void call_leave_session(struct call *c);
/* Returns rv. */
CK_RV call_end(struct call *c, CK_RV rv);

/* What a function does that nobody has: returns why, or that there is no such session. */
CK_RV call_refuse(CK_SESSION_HANDLE h, CK_RV why);
/* Is this call for our own functions? No gate is passed yet. */
bool call_is_direct(void);

/* In a daemon, around what serves one connection: this thread's calls belong to that connection's application, which its C_Initialize
 * makes and its C_Finalize, or call_serve_end(), ends. h stays the caller's. */
void call_serve_begin(const struct host *h);
void call_serve_end(void);

/* What C_Initialize and C_Finalize do: CKR_CRYPTOKI_ALREADY_INITIALIZED, CKR_CRYPTOKI_NOT_INITIALIZED. */
CK_RV call_initialize(void);
CK_RV call_finalize(void);

#endif
