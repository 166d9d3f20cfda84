/* SPDX-License-Identifier: BSD-2-Clause */
/* May this call go on? One gate for all: calls hold it shared, C_Initialize and C_Finalize alone. */
#include "pkcs11/call.h"
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>
#include "pkcs11/relay.h"

/* New calls queue behind a waiting C_Finalize, else a busy program could never finalize. */
static pthread_rwlock_t gate = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
static struct app *the_app;         /* under the gate */
static bool atfork_set;             /* under the gate */
static _Atomic pid_t owner;         /* the process that initialised us; 0: none */
static atomic_bool relaying;        /* the_app asks a daemon */
static struct app *parents;         /* what a forked child got from its parent, and leaves alone */
#define OWNER_CHANGING ((pid_t)-1)

/* In a daemon's thread for one connection none of that matters: nobody else can finalize what is its own. */
static _Thread_local const struct host *serving;
static _Thread_local struct app *served;

/* The child has one thread: whoever held the gate in the parent is not here to open it again. */
static void forget_parent(void)
{
        struct app *a = the_app;

        gate = (pthread_rwlock_t)PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
        the_app = NULL;
        atomic_store(&relaying, false);
        if (a != NULL) {
                app_abandon(a);
                a->parents = parents;
                parents = a;
        }
        atomic_store(&owner, 0);
}

/* fork() runs forget_parent() by itself. Children that a bare clone() made come by here, perhaps
 * with several threads at once: the first one through does it, the others wait. */
static void adopt(void)
{
        pid_t seen = atomic_load(&owner);

        while (seen != 0 && seen != getpid()) {
                if (seen != OWNER_CHANGING && atomic_compare_exchange_strong(&owner, &seen, OWNER_CHANGING))
                        forget_parent();
                else
                        sched_yield();
                seen = atomic_load(&owner);
        }
}

CK_RV call_begin(struct call *c)
{
        *c = (struct call){ 0 };
        if (serving != NULL) {
                c->app = served;
                return served != NULL ? CKR_OK : CKR_CRYPTOKI_NOT_INITIALIZED;
        }
        /* Before the gate, which in such a child may be locked for ever. */
        if (atomic_load(&owner) != getpid())
                return CKR_CRYPTOKI_NOT_INITIALIZED;
        pthread_rwlock_rdlock(&gate);
        c->app = the_app;
        if (c->app != NULL)
                return CKR_OK;
        pthread_rwlock_unlock(&gate);
        return CKR_CRYPTOKI_NOT_INITIALIZED;
}

CK_RV call_begin_session(struct call *c, CK_SESSION_HANDLE h)
{
        CK_RV rv;

        rv = call_begin(c);
        if (rv != CKR_OK)
                return rv;
        rv = session_enter(c->app, h, &c->session);
        return rv == CKR_OK ? CKR_OK : call_end(c, rv);
}

CK_RV call_refuse(CK_SESSION_HANDLE h, CK_RV why)
{
        struct call c;
        CK_RV rv;

        rv = call_begin(&c);
        if (rv != CKR_OK)
                return rv;
        if (c.app->relay != NULL)
                rv = relay_has_session(c.app->relay, h) ? CKR_OK : CKR_SESSION_HANDLE_INVALID;
        else
                rv = session_enter(c.app, h, &c.session);
        return call_end(&c, rv == CKR_OK ? why : rv);
}

bool call_is_direct(void)
{
        return !atomic_load_explicit(&relaying, memory_order_relaxed) || serving != NULL;
}

void call_leave_session(struct call *c)
{
        session_leave(c->session);
        c->session = NULL;
}

CK_RV call_end(struct call *c, CK_RV rv)
{
        if (c->session != NULL)
                session_leave(c->session);
        if (serving == NULL)
                pthread_rwlock_unlock(&gate);
        return rv;
}

void call_serve_begin(const struct host *h)
{
        serving = h;
}

void call_serve_end(void)
{
        app_free(served);
        served = NULL;
        serving = NULL;
}

static CK_RV initialize_alone(void)
{
        CK_RV rv;

        if (the_app != NULL)
                return CKR_CRYPTOKI_ALREADY_INITIALIZED;
        if (!atfork_set && pthread_atfork(NULL, NULL, forget_parent) != 0)
                return CKR_HOST_MEMORY;
        atfork_set = true;
        rv = app_new(NULL, &the_app);
        if (rv != CKR_OK)
                return rv;
        atomic_store(&relaying, the_app->relay != NULL);
        atomic_store(&owner, getpid());
        return CKR_OK;
}

CK_RV call_initialize(void)
{
        CK_RV rv;

        if (serving != NULL)
                return served != NULL ? CKR_CRYPTOKI_ALREADY_INITIALIZED : app_new(serving, &served);
        adopt();
        pthread_rwlock_wrlock(&gate);
        rv = initialize_alone();
        pthread_rwlock_unlock(&gate);
        return rv;
}

/* With the gate held alone. */
static CK_RV finalize_alone(void)
{
        struct app *a = the_app;

        if (a == NULL)
                return CKR_CRYPTOKI_NOT_INITIALIZED;
        the_app = NULL;
        atomic_store(&owner, 0);
        atomic_store(&relaying, false);
        app_free(a);
        return CKR_OK;
}

CK_RV call_finalize(void)
{
        CK_RV rv;

        if (serving != NULL) {
                if (served == NULL)
                        return CKR_CRYPTOKI_NOT_INITIALIZED;
                app_free(served);
                served = NULL;
                return CKR_OK;
        }
        if (atomic_load(&owner) != getpid())
                return CKR_CRYPTOKI_NOT_INITIALIZED;
        pthread_rwlock_wrlock(&gate);
        rv = finalize_alone();
        pthread_rwlock_unlock(&gate);
        return rv;
}

/* Many programs end without C_Finalize, those with OpenSSL's engine among them, and would leave their key and session
 * in a TPM that nobody manages. A thread that is still in a call is not waited for. A daemon sees the end of a connection by itself, and
 * p11-kit's client may be gone already. */
__attribute__((destructor)) static void finalize_at_exit(void)
{
        if (atomic_load(&relaying) || atomic_load(&owner) != getpid() || pthread_rwlock_trywrlock(&gate) != 0)
                return;
        (void)finalize_alone();
        pthread_rwlock_unlock(&gate);
}
