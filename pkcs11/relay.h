/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a daemon owns the TPM, the module's calls go to it through p11-kit's client. That one is content with one connection for all its
 * life; what is here connects anew when the daemon has come back, and opens the program's sessions again. */
#ifndef HOLDFAST_PKCS11_RELAY_H
#define HOLDFAST_PKCS11_RELAY_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>
#include "lib/cryptoki.h"
#include "pkcs11/call.h"
#include "pkcs11/table.h"

struct relay;

/* By C_Initialize, alone. Connects to nobody yet. Where p11-kit's client is not installed, all calls fail. CKR_HOST_MEMORY. */
CK_RV relay_new(const char *socket, struct relay **ret);
void relay_free(struct relay *r);
/* In a forked child: the connection is its parent's. */
void relay_abandon(struct relay *r);

/* One call, on the stack of an R_ function: to our own functions, or to the client's with the relay locked. */
struct relayed {
        const CK_FUNCTION_LIST *f;
        CK_SESSION_HANDLE h;            /* the session, as f knows it */
        CK_RV rv;                       /* why it does not go on */
        struct relay *relay;            /* NULL: our own */
        struct relay_session *session;
        struct call call;
};

/* BEGINS: whatever needs nothing of the calls before it. GOES_ON: an operation that was lost with its connection ends here. */
enum relay_part { BEGINS, GOES_ON };

/* False: c->rv says why, CKR_DEVICE_ERROR if nobody listens. Else relay_leave() must follow. */
bool relay_begin(struct relayed *c);
bool relay_enter(struct relayed *c, CK_SESSION_HANDLE h, enum relay_part part);
/* Returns rv; CKR_DEVICE_ERROR if the connection was lost. */
CK_RV relay_leave(struct relayed *c, CK_RV rv);
/* Like relay_begin(), for what can be answered without a connection. */
bool relay_lock(struct relayed *c);

/* Is there such a session? For functions that nobody has. */
bool relay_has_session(struct relay *r, CK_SESSION_HANDLE h);

/* From here on: for relay*.c, under the lock. */

/* A token that sessions are open on. */
struct relay_token {
        CK_SLOT_ID slot;
        CK_UTF8CHAR label[32], serial[16];
        uint64_t connection;            /* in which it was last seen */
        unsigned sessions;
        bool free;                      /* no login is required */
        bool logged_in;                 /* as user */
        uint64_t login_connection;
};

struct relay_session {
        CK_SESSION_HANDLE handle, remote;
        uint64_t connection;            /* that remote belongs to */
        CK_FLAGS flags;
        struct relay_token *token;
};

struct relay {
        char *socket;
        CK_FUNCTION_LIST *client;       /* NULL: not installed */
        pthread_mutex_t lock;           /* held over a call: the daemon answers a connection's calls one by one */
        int fd;                         /* of the connection, -1: none */
        dev_t dev;
        ino_t ino;
        uint64_t connection;            /* counts them */
        struct table sessions;          /* handle -> struct relay_session */
        struct table tokens;            /* slot ID -> struct relay_token */
        CK_SESSION_HANDLE last_session;
        sigset_t mask;                  /* the thread's */
        bool pipe_pending;
};

/* A session of the program's, made good for this connection. CKR_SESSION_HANDLE_INVALID, CKR_DEVICE_REMOVED if its token is gone,
 * CKR_DEVICE_ERROR if an operation was to go on. */
CK_RV relay_session_get(struct relay *r, CK_SESSION_HANDLE h, enum relay_part part, struct relay_session **ret);
CK_RV relay_session_open(struct relay *r, CK_SLOT_ID slot, CK_FLAGS flags, CK_SESSION_HANDLE *ret);
CK_RV relay_session_close(struct relay *r, CK_SESSION_HANDLE h);
/* Is the connection there, and still the one that we made? Who asks the client without looking may write into a file of the program's. */
bool relay_alive(const struct relay *r);
/* Forgets those of a slot, or with NULL all. */
void relay_sessions_drop(struct relay *r, const CK_SLOT_ID *slot);

#endif
