/* SPDX-License-Identifier: BSD-2-Clause */
/* Everything one application has: slots, sessions, objects. The module has one; the daemon
 * has one per connection. */
#ifndef HOLDFAST_PKCS11_APP_H
#define HOLDFAST_PKCS11_APP_H

#include <pthread.h>
#include "keys/caller.h"
#include "keys/direct.h"
#include "keys/keyring.h"
#include "lib/conf.h"
#include "lib/cryptoki.h"
#include "pkcs11/state.h"
#include "pkcs11/table.h"

struct relay;   /* pkcs11/relay.h */
struct slot;    /* pkcs11/slot.h */

/* What a daemon lends to the application of a connection: its own keyring, and who is on the other end. */
struct host {
        struct keyring *keyring;
        struct caller caller;
};

/* The fields are for app, slot, session and object; lock covers them all, and is held for moments:
 * never over file or TPM work (but the first look at the store), never while a session's lock is waited for. */
struct app {
        pthread_mutex_t lock;
        const struct host *host;  /* NULL: in a program, which has its own keyring and asks nobody */
        struct conf conf;
        bool conf_loaded;
        struct relay *relay;      /* the daemon is asked, and nothing below is used; NULL: not so */
        struct keyring *keyring;  /* NULL: no store yet; once there, it stays. The host's, where there is one */
        struct direct *direct;    /* the log, where this process writes one */
        struct slot **slots;      /* a slot lives as long as the app */
        struct table by_id;       /* slot ID -> struct slot */
        size_t n_slots;
        bool listed;              /* the slots have been looked for */
        struct table sessions;    /* handle -> struct session */
        CK_SESSION_HANDLE last_session;
        struct table things;      /* handle -> struct thing, pkcs11/thing.c */
        CK_OBJECT_HANDLE last_thing;
        size_t held;              /* octets of session objects */
        struct app *parents;      /* in a child of a child: call.c's */
        struct states states;     /* saved digests, under a lock of their own */
};

/* No TPM command, no output, no connection, and no file but the configuration is read before the first C_GetSlotList: p11-kit
 * loads us into programs that never want a key. CKR_HOST_MEMORY. */
CK_RV app_new(const struct host *h, struct app **ret);
/* Closes all sessions. */
void app_free(struct app *a);
/* In a forked child: forgets without touching what the parent process shares. */
void app_abandon(struct app *a);

/* Opens the keyring if it is not yet and the store has appeared. No store, or none that we can read, is no error
 * (`holdfast doctor` says why): CKR_HOST_MEMORY alone. */
CK_RV app_look(struct app *a);
/* The app's keyring; NULL while there is none. */
struct keyring *app_keyring(struct app *a);
/* On whose behalf it acts; NULL: whoever may open the store, and nobody keeps a log. */
const struct caller *app_caller(const struct app *a);

#endif
