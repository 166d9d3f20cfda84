/* SPDX-License-Identifier: BSD-2-Clause */
/* What a struct tpm is, and how an operation on it runs. For the files of this directory alone.
 *
 *      tpm_operate()           takes turns, runs a body, mends what can be mended and runs it again, tidies up
 *        body                  a function of ours, safe to be run again from its start
 *          key_load() ...      what must be in the TPM first
 *          tpm_call()          one command, the only way anything is sent
 */
#ifndef HOLDFAST_TPM_CTX_H
#define HOLDFAST_TPM_CTX_H

#include <tss2/tss2_sys.h>
#include "tpm/audit.h"
#include "tpm/cache.h"
#include "tpm/rc.h"
#include "tpm/session.h"
#include "tpm/share.h"
#include "tpm/tcti.h"
#include "tpm/tpm.h"
#include "tpm/turn.h"

#define TEMPS_MAX 4

struct saved_context {
        uint8_t tag[CACHE_TAG];
        unsigned loads;                         /* by TPM2_Load */
        struct buf blob;                        /* TPMS_CONTEXT; empty: not saved */
};

struct tpm {
        struct turns turns;                     /* of our threads */
        bool has_turn;                          /* among processes: the file's lock and the connection, kept for the next thread */
        uint64_t turn_since_us;
        struct tcti tcti;
        TSS2_SYS_CONTEXT *sys;
        unsigned deadline_ms;
        size_t keys_max, sessions_max;          /* to keep loaded */

        bool have_parent;
        struct tpm_parent parent;
        TPM2B_PUBLIC parent_public;

        struct share share;
        struct cache cache;
        uint64_t id;                            /* in the table of what is loaded: random */
        pid_t pid;
        bool started;                           /* there has been an operation */
        struct session session;
        struct session pair;                    /* for a second authorisation: certify.c */
        struct session aside;                   /* of the batch that is open, while another is tried: see session_doubt() */
        uint32_t doubted;                       /* with this command */

        struct saved_context *contexts;         /* keys that come and go, as the TPM gave them out */
        size_t n_contexts;

        /* Behind a resource manager, where whatever stays loaded costs time. */
        uint8_t gave_way[CACHE_TAG];            /* the key that was used before the one that is there */
        uint32_t newest;                        /* the key that was used last, */
        unsigned key_idle, session_idle;        /* and how many operations have not needed the other, or the session */

        /* The running operation's. */
        bool session_needed;
        uint64_t deadline_us;
        bool keep_nothing;                      /* no table to write in: what is loaded is flushed at the end */
        uint32_t temps[TEMPS_MAX];              /* objects that only this operation needs */
        size_t n_temps;
        uint64_t absent_until_us;               /* how long to wait for a TPM that cannot be reached; 0: not yet known */
        bool auth_doubted;                      /* a wrong authorisation was met with a new session and a new load */
        bool maybe_done;                        /* a command that makes a handle was answered "again": was it done? */
        bool lost;                              /* the TPM may hold what nobody has listed */
        bool evicted;                           /* others' things were flushed to make room */
        bool throwaway;                         /* the session is not salted to the parent: dropped at the end */
        bool secret_seen;                       /* the packet holds a secret in the clear */

        /* Who hears what the audit digest is extended by. */
        tpm_observer *observer;
        void *observer_ctx;
        uint32_t audited[TPM_AUDIT_LIST_MAX];
        size_t n_audited;
        bool audit_in_session;                  /* by our session and what is sent in it; else by the TPM, whoever sends it */
        uint32_t resets;                        /* of the TPM, when the last session was opened */

        /* Why the last command failed. */
        struct rc_meaning why;
        uint32_t blame;                         /* the object that is to be loaded again, 0: unknown */
        uint32_t refused;                       /* the command; 0: one that closes a batch */
};

/* The other authorisation of a command that has two, where it is not an empty password: both sessions' HMACs are over the same hashes. */
struct partner {
        int (*authorise)(struct tpm *t, const struct partner *p, const struct session_command *cmd, TPMS_AUTH_COMMAND *ret);
        int (*check)(struct tpm *t, const struct partner *p, const struct session_command *cmd, const struct response *rsp);
        int (*doubt)(struct tpm *t);            /* a command of its may be lost, and count as a wrong try: another session. NULL where lockout is not set */
        bool follows;                           /* it is the second object's, and the session's the first's; else the other way about */
};

/* One command. */
struct call {
        uint32_t cc;
        TSS2_RC (*prepare)(TSS2_SYS_CONTEXT *sys, const struct call *c);
        const void *in;                         /* for prepare */
        struct {
                uint32_t handle;
                struct bytes name;              /* only used with a session */
        } object[3];
        size_t n_objects;
        enum { AUTH_NONE, AUTH_PASSWORD, AUTH_SESSION } auth;
        bool second;                            /* the first object's authorisation is an empty password or the partner's, what follows is the second's */
        const struct partner *partner;
        struct bytes value;                     /* of the first object: its authorisation value; AUTH_PASSWORD: must be empty */
        const struct bytes *value_after;        /* where the command changes it, else NULL */
        bool secret_in, secret_out;             /* the first parameter, either way, travels encrypted */
        bool clears_audit;                      /* the audit digest is empty after it, or starts anew with what is next */
        bool starts_audit;                      /* does nothing else but make the session one that audits */
        bool lockout;                           /* a wrong try counts in the TPM: nothing is tried twice with one session */
};

/* Valid until the next command. */
struct answer {
        uint32_t handle;
        struct bytes params;
};

/* 0, or ERR_* with t->why and t->blame set. Starts a session where one is needed. */
int tpm_call(struct tpm *t, const struct call *c, struct answer *ret);

/* The struct for one thread alone, without the TPM. ERR_TIMEOUT. */
int enter(struct tpm *t, uint64_t until_us);
void leave(struct tpm *t);

/* patience: how many deadlines it may take. */
int tpm_operate(struct tpm *t, unsigned patience, int (*body)(struct tpm *t, void *arg), void *arg);
#define PATIENCE_CLOSE 0        /* two seconds at most: what is left behind, the next user cleans up */
#define PATIENCE 1
#define PATIENCE_RSA 12         /* making an RSA key takes a TPM up to half a minute */

/* loaded.c: what is in the TPM, and what must go. */
void flush(struct tpm *t, uint32_t handle);     /* best effort; the table no longer lists it */
void temp_add(struct tpm *t, uint32_t handle);  /* flushed at the end, or before the body runs again */
void temps_flush(struct tpm *t);
void flush_dead(struct tpm *t);                 /* what those left who are no more */
int sweep(struct tpm *t);                       /* everything that the table does not list */
void hang_up(struct tpm *t);                    /* a connection that has failed: the next command makes a new one */
bool change_connection(struct tpm *t);          /* behind a resource manager: for one with nothing loaded, if that is to be had for nothing */
int evict(struct tpm *t, enum loaded_kind kind); /* room for one more; ERR_FULL if there is nothing to flush */
int list_handles(struct tpm *t, uint32_t first, uint32_t *list, size_t room, size_t *ret_n);
int session_open(struct tpm *t, uint32_t handle, const TPM2B_PUBLIC *key, struct session *ret); /* salted to that key */
void session_drop(struct tpm *t);
/* The next command gets another session, because this one may be at fault for what `cc` failed with. That is not worth an open batch: the
 * session that has one is kept aside, and only given up when `cc` goes well in another, or something is audited there. */
void session_doubt(struct tpm *t, uint32_t cc);
void session_settle(struct tpm *t, const struct call *c); /* this went well */
void session_restore(struct tpm *t);            /* at the end: nothing spoke against it */

/* context.c: keys that were loaded before. */
int context_load(struct tpm *t, struct bytes name, uint32_t *ret_handle); /* ERR_NOENT: not so; the table lists it */
void context_loaded(struct tpm *t, struct bytes name, uint32_t handle); /* the other way: saves it if that pays; best effort */
void context_forget(struct tpm *t, struct bytes name);
void contexts_clear(struct tpm *t);

/* strategy.c: what stays loaded, by what it costs. */
void make_room(struct tpm *t, struct bytes name); /* for a key that is about to be loaded */
bool holds_secret(const struct call *c);        /* that must not travel in the clear */
bool session_wanted(const struct tpm *t, const struct call *c); /* or does an empty password do? */
void let_idle_go(struct tpm *t);                /* at the end of an operation */

/* observe.c: what tpm_call() tells of, in this order. */
int observe_session(struct tpm *t);             /* a new one is open */
bool observe_open(const struct tpm *t);         /* our session has audited something that no attestation tells of */
bool observe_heard(const struct tpm *t, const struct call *c); /* of that command something will be told */
void observe_gone(struct tpm *t);               /* the session that had audited is no more */
uint8_t observe_attributes(const struct tpm *t, const struct call *c); /* TPMA_SESSION, of a command that is audited in its session */
void observe_answer(struct tpm *t, const struct call *c); /* good, and verified by the session */
void observe_lost(struct tpm *t, const struct call *c); /* there is no such answer */
int clock_read(struct tpm *t, struct tpm_clock *ret);

/* caps.c: TPM2_GetCapability of a whole list, however many answers it takes. Calls see() with every element, until a property reaches `end`. */
struct reader;
int capability_each(struct tpm *t, uint32_t capability, uint32_t first, uint32_t end,
                    void (*see)(struct reader *r, uint32_t *ret_property, void *arg), void *arg);

/* parent.c: keys that others hang from. */
int public_read(struct tpm *t, uint32_t handle, struct buf *ret_pub, struct buf *ret_name);
/* A primary key, for this operation alone. */
struct primary {
        uint32_t hierarchy;
        const TPM2B_PUBLIC *template;
        bool by_session;                        /* else the hierarchy's authorisation is empty, and so is the key's */
        struct bytes auth;                      /* the hierarchy's */
        struct bytes key_auth;
};
int primary_make(struct tpm *t, const struct primary *p, uint32_t *ret_handle, struct buf *ret_pub, struct buf *ret_name);
/* The first handle from `want` on that is free, or that holds the key of this Name already. */
int find_place(struct tpm *t, uint32_t want, struct bytes name, uint32_t *ret_handle, bool *ret_there);
/* TPM2_EvictControl: keeps the object at `at`; one that is kept there is removed. */
int make_persistent(struct tpm *t, uint32_t object, struct bytes object_name, uint32_t at, struct bytes owner_auth);
bool is_owner_persistent(uint32_t handle);
/* Of what has no other Name: Part 1, 16. */
#define HANDLE_NAME_LEN 4
struct bytes handle_name(uint32_t handle, uint8_t out[HANDLE_NAME_LEN]);
/* ERR_FOREIGN unless what is at the parent's handle is the parent. */
int parent_verify(struct tpm *t, const struct tpm_parent *p);

/* ek_policy.c: what authorises an endorsement key. */
/* Policy A of the EK Credential Profile is TPM2_PolicySecret(TPM_RH_ENDORSEMENT), Policy B is A or C, and C is TPM2_PolicyAuthorizeNV of an index
 * that is the platform's. Each in any of the hashes that EKs have. */
enum ek_policy { EK_POLICY_A, EK_POLICY_B, EK_POLICY_C };
int ek_policy(enum ek_policy which, uint16_t hash, TPM2B_DIGEST *ret);

/* key.c: the key, loaded: from the table, or by TPM2_Load. */
int key_load(struct tpm *t, const struct tpm_key *k, uint32_t *ret_handle);
bool key_locks_out(const struct tpm_key *k);    /* a wrong authorisation value counts in the TPM */

/* A TPM2B of that type from bytes; ERR_RANGE if they are too long. */
#define SET_2B(b, from) set_2b(&(b)->size, (uint8_t *)(b) + sizeof((b)->size), sizeof(*(b)) - sizeof((b)->size), from)
int set_2b(uint16_t *size, uint8_t *to, size_t room, struct bytes from);

#endif
