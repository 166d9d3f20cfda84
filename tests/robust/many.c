/* SPDX-License-Identifier: BSD-2-Clause */
/* F6-F8, F18: many processes making keys at once, more keys than the TPM has slots, many threads on one key. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tests/robust/p11.h"
#include "tests/robust/robust.h"

#define MAX_PROCESSES 16
#define MAX_KEYS 64

static struct child children[MAX_PROCESSES];

static unsigned count(const char *text, const char *word)
{
        unsigned n = 0;

        for (; (text = strstr(text, word)); text++)
                n++;
        return n;
}

/* Sums over rounds. */
struct tally {
        unsigned want, made, seen, signs_wanted, signed_well, damaged;
};

/* Each process makes so many keys; one more signs with an old key all the while. */
static void make_together(const char *id, int processes, int keys, int round, struct tally *sum)
{
        static char labels[MAX_PROCESSES][MAX_KEYS][40];
        const char *argv[MAX_KEYS + 3] = { "worker", "generate" };
        static struct child signer, check;
        unsigned signs = (unsigned)(processes * keys);
        char n[20];

        snprintf(n, sizeof(n), "%u", signs);
        child_start(&signer, (const char *const[]){ "worker", "sign", "signer", n, NULL }, NULL);
        for (int p = 0; p < processes; p++) {
                for (int k = 0; k < keys; k++) {
                        snprintf(labels[p][k], sizeof(labels[p][k]), "%s.%d.%d.%d", id, round, p, k);
                        argv[2 + k] = labels[p][k];
                }
                argv[2 + keys] = NULL;
                child_start(&children[p], argv, NULL);
        }
        for (int p = 0; p < processes; p++) {
                child_wait(&children[p], 300);
                sum->made += count(children[p].text, "ack ");
        }
        child_wait(&signer, 300);
        child_run(&check, (const char *const[]){ "worker", "check", NULL }, NULL, 300);
        snprintf(n, sizeof(n), "pair %s.%d.", id, round);
        sum->seen += count(check.text, n);
        sum->want += signs;
        sum->signs_wanted += signs;
        sum->signed_well += (unsigned)atoi(signer.text + strcspn(signer.text, " "));
        sum->damaged += count(check.text, "half ") + count(check.text, " bad\n") + !child_ok(&check);
}

static void many_processes(const char *id, int processes, int keys, int rounds)
{
        struct tally t = { 0 };
        char what[100];

        for (int i = 0; i < rounds; i++)
                make_together(id, processes, keys, i, &t);
        snprintf(what, sizeof(what), "%d processes x %d key pairs at once, another one signing, %d times", processes, keys, rounds);
        robust_row(t.made == t.want && t.seen == t.want && t.signed_well == t.signs_wanted && t.damaged == 0, id, what,
                   "%u of %u made, %u seen, %u of %u signatures, %u damaged", t.made, t.want, t.seen, t.signed_well, t.signs_wanted, t.damaged);
}

static void each_of_40_keys(void)
{
        const char *argv[MAX_KEYS] = { "worker", "generate" };
        static char labels[40][20];
        static struct child c;
        unsigned before, after;

        child_run(&c, (const char *const[]){ "worker", "each", NULL }, NULL, 300);
        before = (unsigned)atoi(c.text + strlen("signed "));
        for (int i = 0; i < 40; i++) {
                snprintf(labels[i], sizeof(labels[i]), "forty.%d", i);
                argv[2 + i] = labels[i];
        }
        argv[42] = NULL;
        child_run(&c, argv, NULL, 300);
        child_run(&c, (const char *const[]){ "worker", "each", NULL }, NULL, 300);
        after = (unsigned)atoi(c.text + strlen("signed "));
        robust_row(child_ok(&c) && after == before + 40, "F8", "one signature with each of 40 keys and more in one process", "%u of %u signed",
                   after, before + 40);
}

struct thread {
        const struct p11 *p;
        int signs, good;
        pthread_t id;
};

/* A session of its own, the same key. */
static void *sign_all(void *arg)
{
        struct thread *t = arg;
        CK_OBJECT_HANDLE pub, priv;
        struct p11 p = *t->p;
        size_t n;

        if (p11_open(&p) != CKR_OK || p11_find(&p, CKO_PUBLIC_KEY, "signer", &pub, 1, &n) != CKR_OK ||
            p11_find(&p, CKO_PRIVATE_KEY, "signer", &priv, 1, &n) != CKR_OK || n != 1)
                return NULL;
        for (int i = 0; i < t->signs; i++)
                t->good += p11_works(&p, pub, priv);
        p.f->C_CloseSession(p.s);
        return NULL;
}

static void threads_on_one_key(int n, int signs)
{
        struct thread t[16];
        struct p11 p;
        int good = 0;

        p11_start(&p);
        for (int i = 0; i < n; i++) {
                t[i] = (struct thread){ .p = &p, .signs = signs };
                if (pthread_create(&t[i].id, NULL, sign_all, &t[i]) != 0)
                        exit(2);
        }
        for (int i = 0; i < n; i++) {
                pthread_join(t[i].id, NULL);
                good += t[i].good;
        }
        p.f->C_Finalize(NULL);
        robust_row(good == n * signs, "F18", "16 threads x 50 signatures with one key", "%d threads: %d of %d good", n, good, n * signs);
}

int main(void)
{
        static struct child c;

        robust_start();
        child_run(&c, (const char *const[]){ "worker", "generate", "signer", NULL }, NULL, 60);
        many_processes("F6", 4, 3, robust_count(1, 10));
        if (robust_count(0, 1))
                many_processes("F7", 16, 25, 1);
        each_of_40_keys();
        threads_on_one_key(16, robust_count(5, 50));
        return robust_end();
}
