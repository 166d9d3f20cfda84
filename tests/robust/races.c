/* SPDX-License-Identifier: BSD-2-Clause */
/* F15, F16: C_Finalize while threads sign, and forks. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "tests/robust/p11.h"
#include "tests/robust/robust.h"

static CK_OBJECT_HANDLE pub, priv;
static atomic_int good, wrong, began;

static bool key(struct p11 *p)
{
        size_t n;

        return p11_find(p, CKO_PUBLIC_KEY, "k", &pub, 1, &n) == CKR_OK && n == 1 && p11_find(p, CKO_PRIVATE_KEY, "k", &priv, 1, &n) == CKR_OK && n == 1;
}

static bool start(struct p11 *p)
{
        return p11_init(p) == CKR_OK && p11_open(p) == CKR_OK && key(p);
}

/* Signs until the module is gone; whatever comes before must be good, whatever comes after an error. */
static void *sign_until_the_end(void *arg)
{
        unsigned char digest[32], sig[64];
        struct p11 p = *(struct p11 *)arg;
        CK_RV rv;

        if (p11_open(&p) != CKR_OK)
                return NULL;
        atomic_fetch_add(&began, 1);
        while ((rv = p11_sign(&p, priv, digest, sig)) == CKR_OK)
                atomic_fetch_add(&good, 1);
        if (rv != CKR_CRYPTOKI_NOT_INITIALIZED && rv != CKR_SESSION_HANDLE_INVALID && rv != CKR_OBJECT_HANDLE_INVALID &&
            rv != CKR_KEY_HANDLE_INVALID && rv != CKR_SESSION_CLOSED)
                atomic_fetch_add(&wrong, 1);
        return NULL;
}

static int finalize_race(unsigned us)
{
        struct timespec t = { 0, us * 1000L };
        pthread_t id[4];
        struct p11 p;

        p11_load(&p);
        if (!start(&p))
                return 2;
        for (size_t i = 0; i < 4; i++)
                if (pthread_create(&id[i], NULL, sign_until_the_end, &p) != 0)
                        return 2;
        while (atomic_load(&began) < 4)
                nanosleep(&(struct timespec){ 0, 100000 }, NULL);
        nanosleep(&t, NULL);
        if (p.f->C_Finalize(NULL) != CKR_OK)
                return 3;
        for (size_t i = 0; i < 4; i++)
                pthread_join(id[i], NULL);
        /* And it can begin again. */
        if (!start(&p) || !p11_works(&p, pub, priv))
                return 4;
        return atomic_load(&wrong) ? 5 : 0;
}

static void races(int n)
{
        unsigned ok = 0, crashes = 0, hangs = 0, other = 0;
        int status;
        pid_t pid;

        for (int i = 0; i < n; i++) {
                pid = fork();
                if (pid == 0) {
                        alarm(20);
                        _exit(finalize_race((unsigned)random() % 30000));
                }
                waitpid(pid, &status, 0);
                if (WIFEXITED(status)) {
                        ok += WEXITSTATUS(status) == 0;
                        other += WEXITSTATUS(status) != 0;
                } else if (WTERMSIG(status) == SIGALRM) {
                        hangs++;
                } else {
                        crashes++;
                }
        }
        robust_row(ok == (unsigned)n, "F15", "C_Finalize while 4 threads sign",
                   "%d runs: %u well, %u crashes, %u hangs, %u other", n, ok, crashes, hangs, other);
}

/* What a forked child finds: nothing initialised; its own C_Initialize works, its C_Finalize harms nobody. */
static int child(struct p11 *p)
{
        unsigned char digest[32] = { 0 }, sig[64];
        CK_SESSION_INFO info;

        alarm(20);
        if (p->f->C_GetSessionInfo(p->s, &info) != CKR_CRYPTOKI_NOT_INITIALIZED)
                return 1;
        if (p11_sign(p, priv, digest, sig) != CKR_CRYPTOKI_NOT_INITIALIZED)
                return 2;
        if (p->f->C_Finalize(NULL) != CKR_CRYPTOKI_NOT_INITIALIZED)
                return 3;
        if (!start(p))
                return 4;
        if (!p11_works(p, pub, priv))
                return 5;
        return p->f->C_Finalize(NULL) == CKR_OK ? 0 : 6;
}

struct in_thread {
        struct p11 *p;
        bool ok;
};

static void *works_in_thread(void *arg)
{
        struct in_thread *t = arg;
        struct p11 own = *t->p;

        t->ok = p11_open(&own) == CKR_OK;
        for (int i = 0; t->ok && i < 5; i++)
                t->ok = p11_works(&own, pub, priv);
        return NULL;
}

/* A child that begins anew with 8 threads at once. */
static int child_with_threads(struct p11 *p)
{
        struct in_thread t[8];
        pthread_t id[8];
        bool ok = true;

        alarm(20);
        if (!start(p))
                return 1;
        for (size_t i = 0; i < 8; i++) {
                t[i] = (struct in_thread){ .p = p };
                if (pthread_create(&id[i], NULL, works_in_thread, &t[i]) != 0)
                        return 2;
        }
        for (size_t i = 0; i < 8; i++) {
                pthread_join(id[i], NULL);
                ok &= t[i].ok;
        }
        return ok ? 0 : 3;
}

/* A child that only exits, or is only killed: exit handlers run in it too. */
static int child_exits(struct p11 *p)
{
        (void)p;
        exit(0);
}

static void fork_and(const char *what, int (*fn)(struct p11 *p), int n)
{
        unsigned child_wrong = 0, parent_wrong = 0, first = 0;
        struct p11 p;
        int status;
        pid_t pid;

        p11_load(&p);
        if (!start(&p) || !p11_works(&p, pub, priv))
                parent_wrong++;
        for (int i = 0; i < n; i++) {
                pid = fork();
                if (pid == 0)
                        _exit(fn(&p));
                /* The parent goes on signing beside it. */
                parent_wrong += !p11_works(&p, pub, priv);
                waitpid(pid, &status, 0);
                if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
                        child_wrong++;
                        first = (unsigned)status;
                }
                parent_wrong += !p11_works(&p, pub, priv);
        }
        parent_wrong += p.f->C_Finalize(NULL) != CKR_OK;
        robust_row(child_wrong + parent_wrong == 0, "F16", what,
                   "%d forks: %u children wrong (last 0x%x), %u times the parent", n, child_wrong, first, parent_wrong);
}

int main(void)
{
        static struct child c;

        robust_start();
        srandom((unsigned)getpid());
        child_run(&c, (const char *const[]){ "worker", "generate", "k", NULL }, NULL, 60);
        fork_and("child uses, initialises, finalises", child, robust_count(3, 50));
        fork_and("child starts 8 threads", child_with_threads, robust_count(2, 20));
        fork_and("child exits", child_exits, robust_count(3, 50));
        races(robust_count(20, 1000));
        return robust_end();
}
