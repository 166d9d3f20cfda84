/* SPDX-License-Identifier: BSD-2-Clause */
/* Slots: one per agent, its token in it for as long as the agent is there; and, where the
 * configuration asks for it, one more whose token C_InitToken makes. */
#ifndef HOLDFAST_PKCS11_SLOT_H
#define HOLDFAST_PKCS11_SLOT_H

#include <stdbool.h>
#include "pkcs11/app.h"

/* CKO_PROFILE objects of a token. */
#define SLOT_PROFILES 4

/* Who is logged in, and with which of the agent's secrets. Refcounted under app->lock; sessions
 * hold the one they work under, so that a logout pulls it from under no running call. */
struct login {
        unsigned refs;
        CK_USER_TYPE user;
        struct buf secret;
};

/* Under app->lock but for what says otherwise. */
struct slot {
        CK_SLOT_ID id;            /* never changes */
        struct app *app;          /* never changes */
        pthread_mutex_t admin;    /* one login, logout or change of PINs at a time; taken before app->lock */
        const char *_Atomic agent; /* NULL: the free slot. What it points to lives as long as the slot */
        struct slot_name *names;
        bool present;             /* the agent is there */
        bool seen;                /* while the list is made anew */
        bool pins;                /* it was made with PINs: login is required */
        bool event;               /* came or went since the last C_WaitForSlotEvent */
        char serial[17];
        struct login *login;      /* NULL: nobody */
        unsigned sessions, rw_sessions;
        struct item_list *items;  /* the newest seen */
        uint64_t items_version;   /* counts its changes */
        struct table by_uid;      /* UID -> struct thing */
        uint64_t profiles[SLOT_PROFILES]; /* numbers of their things; 0: not asked for yet */
};

void slot_free(struct slot *s);
/* CKR_SLOT_ID_INVALID. */
CK_RV slot_by_id(struct app *a, CK_SLOT_ID id, struct slot **ret);
/* The slot's agent as it stands in the store now, into the slot's fields; ret_agent (may be NULL) gets its lines.
 * CKR_TOKEN_NOT_PRESENT if it is gone, CKR_TOKEN_NOT_RECOGNIZED for the free slot. A token that is another one than
 * before has nobody logged in. */
CK_RV slot_look(struct slot *s, struct attrs *ret_agent);
/* CKR_DEVICE_REMOVED: no rule shows its token to this caller any more. */
CK_RV slot_seen(const struct slot *s);
/* From now on the slot holds this agent's token. CKR_HOST_MEMORY. */
CK_RV slot_set_agent(struct slot *s, const char *name);

/* Replaces who is logged in by l, which may be NULL; takes l. Sessions of the slot drop what they held
 * before this returns, and their private operations end. Call with no session locked. */
void slot_set_login(struct slot *s, struct login *l);
/* Under app->lock. */
struct login *login_ref(struct login *l);
/* Under app->lock. */
void login_unref(struct login *l);

/* Blank padding, PKCS#11 v3.0, 3.1: len octets, cut where longer, no half of a UTF-8 character. */
void slot_pad(CK_UTF8CHAR *out, size_t len, const char *text);

#endif
