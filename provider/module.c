/* SPDX-License-Identifier: BSD-2-Clause */
/* Which PKCS#11 modules are loaded, and which sessions with them are free.
 *
 * A module is initialised once and never finalised: the program or an engine in it may be using the same one, and ours cleans up by
 * itself when the process ends. If somebody else finalises it, or after a fork, it is initialised again and a new generation begins. */
#include <dlfcn.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "provider/provider.h"

#define IDLE_MAX 16     /* free sessions kept per slot */

struct slot {
        struct slot *next;
        CK_SLOT_ID id;
        bool logged_in;
        struct buf refused;     /* the PIN that the token took for wrong: each further try would bring its lock nearer */
        unsigned open;  /* sessions of ours, free or taken: with the last one the login ends */
        unsigned n_idle;
        CK_SESSION_HANDLE idle[IDLE_MAX];
};

struct module {
        struct module *next;
        char *path;
        void *library;
        CK_FUNCTION_LIST *functions;
        struct slot *slots;
        pid_t pid;      /* that initialised it */
        unsigned long generation;
        unsigned refs;
};

/* Over everything here. A fork waits for it, so that the child finds it free. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Taken before it, and held while a module works: over looking for an object again, and over logging in. A fork waits for these too. */
static pthread_mutex_t finding = PTHREAD_MUTEX_INITIALIZER, login = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct module *modules;
static bool exiting;    /* the modules' own exit handlers come next: no more calls */

static void take_lock(void)
{
        pthread_mutex_lock(&lock);
}

static void drop_lock(void)
{
        pthread_mutex_unlock(&lock);
}

void finding_lock(void)
{
        pthread_mutex_lock(&finding);
}

void finding_unlock(void)
{
        pthread_mutex_unlock(&finding);
}

static void take_all(void)
{
        finding_lock();
        pthread_mutex_lock(&login);
        take_lock();
}

static void drop_all(void)
{
        drop_lock();
        pthread_mutex_unlock(&login);
        finding_unlock();
}

static void set_atfork(void)
{
        pthread_atfork(take_all, drop_all, drop_all);
}

/* Under the lock. A child leaves alone what its parent opened. */
static void close_idle(struct module *m)
{
        for (struct slot *s = m->slots; s && m->pid == getpid(); s = s->next) {
                while (s->n_idle > 0) {
                        m->functions->C_CloseSession(s->idle[--s->n_idle]);
                        s->open--;
                }
                s->logged_in = s->logged_in && s->open > 0;
        }
}

/* Registered behind those of the modules and of OpenSSL, so it runs before them. */
static void at_exit(void)
{
        take_lock();
        for (struct module *m = modules; m; m = m->next)
                close_idle(m);
        exiting = true;
        drop_lock();
}

static CK_RV initialise(CK_FUNCTION_LIST *f)
{
        CK_C_INITIALIZE_ARGS args = { .flags = CKF_OS_LOCKING_OK };
        CK_RV rv;

        /* What a module's own OpenSSL leaves in the queue is no error of ours. */
        ERR_set_mark();
        rv = f->C_Initialize(&args);
        ERR_pop_to_mark();
        return rv == CKR_CRYPTOKI_ALREADY_INITIALIZED ? CKR_OK : rv;
}

/* Under the lock. The old sessions went with the old generation. */
static CK_RV begin_generation(struct module *m)
{
        CK_RV rv = initialise(m->functions);

        if (rv != CKR_OK)
                return rv;
        for (struct slot *s = m->slots; s; s = s->next) {
                s->logged_in = false;
                s->open = s->n_idle = 0;
        }
        m->pid = getpid();
        m->generation++;
        return CKR_OK;
}

/* Under the lock. */
static CK_RV after_fork(struct module *m)
{
        return m->pid == getpid() ? CKR_OK : begin_generation(m);
}

static void module_free(struct module *m)
{
        if (m->library)
                dlclose(m->library);
        free(m->path);
        free(m);
}

static struct module *module_load(const struct provider *p)
{
        CK_RV (*get_list)(CK_FUNCTION_LIST **list);
        struct module *m = calloc(1, sizeof(*m));
        CK_RV rv;

        if (m)
                m->path = strdup(p->module_path);
        if (!m || !m->path) {
                free(m);
                raise_reason(p, REASON_MEMORY, "out of memory");
                return NULL;
        }
        m->library = dlopen(m->path, RTLD_NOW | RTLD_LOCAL);
        if (!m->library) {
                raise_reason(p, REASON_MODULE, "cannot load the PKCS#11 module: %s. Name another with pkcs11-module-path in openssl.cnf or HOLDFAST_MODULE",
                             dlerror());
                module_free(m);
                return NULL;
        }
        *(void **)&get_list = dlsym(m->library, "C_GetFunctionList");
        rv = get_list ? get_list(&m->functions) : CKR_FUNCTION_NOT_SUPPORTED;
        if (rv == CKR_OK)
                rv = initialise(m->functions);
        if (rv != CKR_OK) {
                raise_rv(p, rv, get_list ? "C_Initialize" : "C_GetFunctionList");
                module_free(m);
                return NULL;
        }
        m->pid = getpid();
        m->generation = 1;
        return m;
}

struct module *module_get(struct provider *p)
{
        struct module *m;

        pthread_once(&once, set_atfork);
        take_lock();
        if (!p->module) {
                for (m = modules; m && strcmp(m->path, p->module_path) != 0; m = m->next)
                        ;
                if (!m) {
                        m = module_load(p);
                        if (m) {
                                m->next = modules;
                                modules = m;
                                atexit(at_exit);
                        }
                }
                if (m)
                        m->refs++;
                p->module = m;
        }
        m = p->module;
        drop_lock();
        return m;
}

void module_put(struct module *m)
{
        if (!m)
                return;
        take_lock();
        if (--m->refs == 0 && !exiting)
                close_idle(m);
        drop_lock();
}

CK_FUNCTION_LIST *module_functions(struct module *m)
{
        return m->functions;
}

unsigned long module_generation(struct module *m)
{
        unsigned long g;

        take_lock();
        /* What it will be in this child when somebody uses the module. */
        g = m->generation + (m->pid != getpid());
        drop_lock();
        return g;
}

CK_RV module_info(struct module *m, CK_INFO *ret)
{
        CK_RV rv;

        take_lock();
        rv = after_fork(m);
        if (rv == CKR_OK)
                rv = m->functions->C_GetInfo(ret);
        if (rv == CKR_CRYPTOKI_NOT_INITIALIZED) {
                rv = begin_generation(m);
                if (rv == CKR_OK)
                        rv = m->functions->C_GetInfo(ret);
        }
        drop_lock();
        return rv;
}

/* Under the lock. NULL if memory ran out. */
static struct slot *find_slot(struct module *m, CK_SLOT_ID id)
{
        struct slot *s;

        for (s = m->slots; s; s = s->next)
                if (s->id == id)
                        return s;
        s = calloc(1, sizeof(*s));
        if (s) {
                s->id = id;
                s->next = m->slots;
                m->slots = s;
        }
        return s;
}

/* A free session or, *ret being CK_INVALID_HANDLE, none. */
static CK_RV take_idle(struct module *m, CK_SLOT_ID id, bool rw, struct slot **ret_slot, bool *ret_logged_in, CK_SESSION_HANDLE *ret)
{
        struct slot *s;
        CK_RV rv;

        *ret = CK_INVALID_HANDLE;
        take_lock();
        rv = after_fork(m);
        s = rv == CKR_OK ? find_slot(m, id) : NULL;
        if (s) {
                *ret_slot = s;
                *ret_logged_in = s->logged_in;
                if (!rw && s->n_idle > 0)
                        *ret = s->idle[--s->n_idle];
        } else if (rv == CKR_OK) {
                rv = CKR_HOST_MEMORY;
        }
        drop_lock();
        return rv;
}

static CK_RV open_session(struct module *m, struct slot *slot, bool rw, bool *ret_logged_in, CK_SESSION_HANDLE *ret)
{
        CK_FLAGS flags = CKF_SERIAL_SESSION | (rw ? CKF_RW_SESSION : 0);
        CK_RV rv = m->functions->C_OpenSession(slot->id, flags, NULL, NULL, ret);

        if (rv == CKR_CRYPTOKI_NOT_INITIALIZED) {
                CK_INFO info;

                rv = module_info(m, &info);
                if (rv == CKR_OK)
                        rv = m->functions->C_OpenSession(slot->id, flags, NULL, NULL, ret);
        }
        if (rv != CKR_OK)
                return rv;
        take_lock();
        slot->open++;
        *ret_logged_in = slot->logged_in;
        drop_lock();
        return CKR_OK;
}

static bool was_refused(const struct slot *slot, struct bytes pin)
{
        bool refused;

        take_lock();
        refused = slot->refused.ptr && bytes_equal_secret(BYTES_OF(&slot->refused), pin);
        drop_lock();
        return refused;
}

/* One at a time, so that a wrong PIN is tried once and not by each thread. */
static CK_RV present_pin(struct module *m, struct slot *slot, CK_SESSION_HANDLE s, CK_USER_TYPE user, struct bytes pin)
{
        CK_RV rv;

        if (was_refused(slot, pin))
                return CKR_PIN_INCORRECT;
        ERR_set_mark();
        rv = m->functions->C_Login(s, user, (CK_UTF8CHAR *)(uintptr_t)pin.ptr, pin.len);
        ERR_pop_to_mark();
        take_lock();
        if (rv == CKR_PIN_INCORRECT && buf_set(&slot->refused, pin) != 0)
                rv = CKR_HOST_MEMORY;
        else if (rv == CKR_OK)
                buf_clear(&slot->refused);
        drop_lock();
        return rv;
}

static CK_RV log_in(struct module *m, struct slot *slot, CK_SESSION_HANDLE s, const struct bytes *pin)
{
        CK_RV rv = CKR_OK;
        bool done;

        pthread_mutex_lock(&login);
        take_lock();
        done = slot->logged_in;
        drop_lock();
        if (!done)
                rv = present_pin(m, slot, s, CKU_USER, *pin);
        if (rv == CKR_USER_ALREADY_LOGGED_IN)
                rv = CKR_OK;
        take_lock();
        slot->logged_in = slot->logged_in || rv == CKR_OK;
        drop_lock();
        pthread_mutex_unlock(&login);
        return rv;
}

CK_RV session_authenticate(struct module *m, CK_SLOT_ID slot, CK_SESSION_HANDLE s, struct bytes pin)
{
        struct slot *state;
        CK_RV rv;

        pthread_mutex_lock(&login);
        take_lock();
        state = find_slot(m, slot);
        drop_lock();
        rv = state ? present_pin(m, state, s, CKU_CONTEXT_SPECIFIC, pin) : CKR_HOST_MEMORY;
        pthread_mutex_unlock(&login);
        return rv;
}

static bool session_void(CK_RV rv)
{
        return rv == CKR_SESSION_HANDLE_INVALID || rv == CKR_SESSION_CLOSED || rv == CKR_CRYPTOKI_NOT_INITIALIZED;
}

CK_RV session_take(struct module *m, CK_SLOT_ID slot, bool rw, const struct bytes *pin, CK_SESSION_HANDLE *ret)
{
        CK_RV rv = CKR_OK;

        /* A session from the pool may have been closed behind our back: then with a new one. */
        for (int tries = 0; tries < 2; tries++) {
                CK_SESSION_HANDLE s;
                struct slot *state;
                bool logged_in;

                rv = take_idle(m, slot, rw, &state, &logged_in, &s);
                if (rv == CKR_OK && s == CK_INVALID_HANDLE)
                        rv = open_session(m, state, rw, &logged_in, &s);
                if (rv != CKR_OK)
                        return rv;
                if (pin && !logged_in)
                        rv = log_in(m, state, s, pin);
                if (rv == CKR_OK) {
                        *ret = s;
                        return CKR_OK;
                }
                session_give(m, slot, s, rv);
                if (!session_void(rv))
                        return rv;
        }
        return rv;
}

/* Under the lock, after one session turned out to be void: those that are too, and the login, are forgotten. */
static void sort_out(struct module *m)
{
        for (struct slot *s = m->slots; s; s = s->next) {
                unsigned n = 0;

                for (unsigned i = 0; i < s->n_idle; i++) {
                        CK_SESSION_INFO info;

                        if (m->functions->C_GetSessionInfo(s->idle[i], &info) == CKR_OK)
                                s->idle[n++] = s->idle[i];
                }
                s->open -= s->n_idle - n;
                s->n_idle = n;
                s->logged_in = false;
        }
}

/* Under the lock. True if s is still to be closed. */
static bool put_back(struct module *m, struct slot *slot, CK_SESSION_HANDLE s, CK_RV rv)
{
        CK_INFO info;

        if (rv == CKR_OK && slot->n_idle < IDLE_MAX && slot->open > 0) {
                slot->idle[slot->n_idle++] = s;
                return false;
        }
        if (slot->open > 0)
                slot->open--;
        if (session_void(rv)) {
                /* Others may have found out at the same time: begin again once. */
                if (m->functions->C_GetInfo(&info) == CKR_CRYPTOKI_NOT_INITIALIZED)
                        begin_generation(m);
                else
                        sort_out(m);
                return false;
        }
        /* A key out of sight may mean that somebody logged out. */
        if (slot->open == 0 || rv == CKR_USER_NOT_LOGGED_IN || rv == CKR_KEY_HANDLE_INVALID || rv == CKR_OBJECT_HANDLE_INVALID)
                slot->logged_in = false;
        return true;
}

void session_give(struct module *m, CK_SLOT_ID slot, CK_SESSION_HANDLE s, CK_RV rv)
{
        struct slot *state;
        bool close_it = false;

        take_lock();
        state = m->pid == getpid() && !exiting ? find_slot(m, slot) : NULL;
        if (state)
                close_it = put_back(m, state, s, rv);
        drop_lock();
        if (close_it)
                m->functions->C_CloseSession(s);
}
