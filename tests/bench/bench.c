/* SPDX-License-Identifier: BSD-2-Clause */
/* Measures one thing about one PKCS#11 module in a fresh process, and prints it as "name value" lines.
 *
 * usage: bench MODULE PIN VERB [ARGUMENT...]      PIN "-": no login
 *        BENCH_LOG: the log of count_proxy, by which verbs count TPM commands */
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lib/cryptoki.h"
#include "tests/bench/measure.h"

#define KEYS_MAX 2048

static CK_FUNCTION_LIST *f;
static CK_SLOT_ID slot;
static CK_SESSION_HANDLE session;
static const char *module, *pin;
static CK_BBOOL yes = CK_TRUE;

static void die(const char *what, CK_RV rv)
{
        fprintf(stderr, "bench: %s: 0x%lx\n", what, rv);
        exit(1);
}

static void load(void)
{
        void *h = dlopen(module, RTLD_NOW | RTLD_LOCAL);
        CK_RV (*get)(CK_FUNCTION_LIST **) = NULL;

        if (h != NULL)
                *(void **)&get = dlsym(h, "C_GetFunctionList");
        if (get == NULL) {
                fprintf(stderr, "bench: %s\n", dlerror());
                exit(1);
        }
        get(&f);
}

static void initialize(void)
{
        CK_C_INITIALIZE_ARGS args = { .flags = CKF_OS_LOCKING_OK };
        CK_SLOT_ID slots[16];
        CK_ULONG n = 16;
        CK_RV rv;

        rv = f->C_Initialize(&args);
        if (rv != CKR_OK)
                die("C_Initialize", rv);
        rv = f->C_GetSlotList(CK_TRUE, slots, &n);
        if (rv != CKR_OK || n == 0)
                die("C_GetSlotList", rv);
        slot = slots[0];
}

static void login(CK_SESSION_HANDLE s)
{
        CK_RV rv = strcmp(pin, "-") == 0 ? CKR_OK : f->C_Login(s, CKU_USER, (CK_UTF8CHAR *)pin, strlen(pin));

        if (rv != CKR_OK && rv != CKR_USER_ALREADY_LOGGED_IN)
                die("C_Login", rv);
}

static CK_SESSION_HANDLE new_session(void)
{
        CK_SESSION_HANDLE s;
        CK_RV rv = f->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s);

        if (rv != CKR_OK)
                die("C_OpenSession", rv);
        return s;
}

static void start(void)
{
        load();
        initialize();
        session = new_session();
        login(session);
}

/* value NULL: whatever of that class. */
static CK_ULONG find(CK_OBJECT_CLASS class, CK_ATTRIBUTE_TYPE type, const void *value, size_t len, CK_OBJECT_HANDLE *ret, CK_ULONG max)
{
        CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) }, { type, (void *)value, len } };
        CK_ULONG n = 0;
        CK_RV rv;

        rv = f->C_FindObjectsInit(session, t, value != NULL ? 2 : 1);
        if (rv == CKR_OK)
                rv = f->C_FindObjects(session, ret, max, &n);
        if (rv == CKR_OK)
                rv = f->C_FindObjectsFinal(session);
        if (rv != CKR_OK)
                die("C_FindObjects", rv);
        return n;
}

static CK_OBJECT_HANDLE first_key(void)
{
        CK_OBJECT_HANDLE h;

        if (find(CKO_PRIVATE_KEY, 0, NULL, 0, &h, 1) != 1)
                die("no key", 0);
        return h;
}

static CK_RV sign(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE key)
{
        CK_MECHANISM m = { CKM_ECDSA, NULL, 0 };
        CK_BYTE digest[32] = { 1, 2, 3 }, sig[64];
        CK_ULONG n = sizeof(sig);
        CK_RV rv;

        rv = f->C_SignInit(s, &m, key);
        return rv != CKR_OK ? rv : f->C_Sign(s, digest, sizeof(digest), sig, &n);
}

/* A token where there is only an empty slot. */
static void verb_token(char **arg)
{
        CK_UTF8CHAR label[32];
        CK_RV rv;

        (void)arg;
        memset(label, ' ', sizeof(label));
        label[0] = 'T';
        load();
        initialize();
        rv = f->C_InitToken(slot, (CK_UTF8CHAR *)pin, strlen(pin), label);
        if (rv != CKR_OK)
                die("C_InitToken", rv);
        session = new_session();
        rv = f->C_Login(session, CKU_SO, (CK_UTF8CHAR *)pin, strlen(pin));
        if (rv == CKR_OK)
                rv = f->C_InitPIN(session, (CK_UTF8CHAR *)pin, strlen(pin));
        if (rv != CKR_OK)
                die("C_InitPIN", rv);
}

/* FIRST COUNT: P-256 pairs, labelled by number. */
static void verb_make(char **arg)
{
        static CK_BYTE oid[] = { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };
        CK_MECHANISM m = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
        int first = atoi(arg[0]), count = atoi(arg[1]), i, failed = 0;
        double *t = calloc((size_t)count + 1, sizeof(*t)), t0;
        CK_OBJECT_HANDLE a, b;
        char label[16];

        start();
        for (i = 0; i < count; i++) {
                int n = snprintf(label, sizeof(label), "k%04d", first + i);
                CK_ATTRIBUTE pub[] = { { CKA_TOKEN, &yes, 1 }, { CKA_EC_PARAMS, oid, sizeof(oid) }, { CKA_LABEL, label, (CK_ULONG)n },
                                       { CKA_ID, label, (CK_ULONG)n } };
                CK_ATTRIBUTE priv[] = { { CKA_TOKEN, &yes, 1 }, { CKA_SIGN, &yes, 1 }, { CKA_LABEL, label, (CK_ULONG)n }, { CKA_ID, label, (CK_ULONG)n } };

                t0 = now_us();
                failed += f->C_GenerateKeyPair(session, &m, pub, 4, priv, 4, &a, &b) != CKR_OK;
                t[i] = now_us() - t0;
        }
        printf("make_us %.0f\nmake_failed %d\n", median(t, (size_t)count), failed);
        free(t);
}

/* TPM commands by phase. */
static void verb_phases(char **arg)
{
        CK_OBJECT_HANDLE key, public;
        long n0 = commands(), found, one, more;
        int i;

        (void)arg;
        load();
        initialize();
        session = new_session();
        find(CKO_PUBLIC_KEY, 0, NULL, 0, &public, 1);
        found = commands();
        login(session);
        key = first_key();
        sign(session, key);
        one = commands();
        for (i = 0; i < 10; i++)
                sign(session, key);
        more = commands();
        printf("to_find %ld\nto_first_sign %ld\nper_sign %.1f\n", found - n0, one - n0, (double)(more - one) / 10);
        printf("log_first %ld %ld\nlog_more %ld %ld\n", n0, one, one, more);
}

/* KEYS: round robin; the most commands of a signature after the first round. */
static void verb_switch(char **arg)
{
        static CK_OBJECT_HANDLE keys[KEYS_MAX];
        CK_ULONG n, i, failed = 0, want = strtoul(arg[0], NULL, 10);
        long before, cost, most = 0, from;
        int round;

        start();
        n = find(CKO_PRIVATE_KEY, 0, NULL, 0, keys, KEYS_MAX);
        if (n > want)
                n = want;
        for (i = 0; i < n; i++)
                failed += sign(session, keys[i]) != CKR_OK;
        from = commands();
        for (round = 0; round < 3; round++)
                for (i = 0; i < n; i++) {
                        before = commands();
                        failed += sign(session, keys[i]) != CKR_OK;
                        cost = commands() - before;
                        most = cost > most ? cost : most;
                }
        printf("switch_most %ld\nswitch_failed %lu\nswitch_tried %lu\nlog_switch %ld %ld\nswitch_count %lu\n", most, failed, n * 4, from, commands(), n * 3);
}

/* COUNT: with one key. */
static void verb_sign(char **arg)
{
        size_t n = strtoul(arg[0], NULL, 10), i;
        double *t = calloc(n + 1, sizeof(*t)), t0;
        CK_OBJECT_HANDLE key;
        unsigned failed = 0;

        start();
        key = first_key();
        sign(session, key);
        for (i = 0; i < n; i++) {
                t0 = now_us();
                failed += sign(session, key) != CKR_OK;
                t[i] = now_us() - t0;
        }
        printf("sign_us %.1f\nsign_failed %u\n", median(t, n), failed);
        free(t);
}

struct worker {
        pthread_t thread;
        CK_OBJECT_HANDLE key;
        int count, failed;
};

static void *work(void *arg)
{
        struct worker *w = arg;
        CK_SESSION_HANDLE s;
        int i;

        if (f->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &s) != CKR_OK) {
                w->failed = w->count;
                return NULL;
        }
        for (i = 0; i < w->count; i++)
                w->failed += sign(s, w->key) != CKR_OK;
        f->C_CloseSession(s);
        return NULL;
}

static double run_threads(int threads, int count, CK_OBJECT_HANDLE key, int *failed)
{
        struct worker w[64];
        double t0 = now_us();
        int i;

        for (i = 0; i < threads; i++) {
                w[i] = (struct worker){ .key = key, .count = count };
                pthread_create(&w[i].thread, NULL, work, &w[i]);
        }
        for (i = 0; i < threads; i++) {
                pthread_join(w[i].thread, NULL);
                *failed += w[i].failed;
        }
        return now_us() - t0;
}

/* THREADS TOTAL: one key; the same number of signatures by one thread, then by all. */
static void verb_threads(char **arg)
{
        int threads = atoi(arg[0]), total = atoi(arg[1]), failed = 0;
        CK_OBJECT_HANDLE key;
        double one, all;

        start();
        key = first_key();
        sign(session, key);
        one = run_threads(1, total, key, &failed);
        all = run_threads(threads, total / threads, key, &failed);
        printf("threads_ratio %.3f\nthreads_failed %d\n", one / all, failed);
}

/* One of many: says on ready that it has its key, and signs when go ends. */
static int sign_when_told(int count, int ready, int go)
{
        CK_OBJECT_HANDLE key;
        int failed = 0;
        char byte = 0;

        start();
        key = first_key();
        failed += sign(session, key) != CKR_OK;
        if (write(ready, &byte, 1) != 1 || read(go, &byte, 1) != 0)
                return 1;
        while (count-- > 0)
                failed += sign(session, key) != CKR_OK;
        f->C_Finalize(NULL);
        return failed != 0;
}

/* PROCESSES EACH: so many signatures each, at once; the time of one of all. */
static void verb_processes(char **arg)
{
        int n = atoi(arg[0]), each = atoi(arg[1]), ready[2], go[2], status, failed = 0;
        double t0;
        char byte;

        if (pipe(ready) != 0 || pipe(go) != 0)
                die("pipe", 0);
        for (int i = 0; i < n; i++) {
                if (fork() != 0)
                        continue;
                close(go[1]);
                _exit(sign_when_told(each, ready[1], go[0]));
        }
        close(ready[1]);
        for (int i = 0; i < n; i++)
                if (read(ready[0], &byte, 1) != 1)
                        die("a client has ended early", 0);
        t0 = now_us();
        close(go[1]);
        for (int i = 0; i < n; i++) {
                wait(&status);
                failed += status != 0;
        }
        printf("processes_us %.1f\nprocesses_failed %d\n", (now_us() - t0) / (n * each), failed);
}

/* SKIP STRIDE: signs once with each key of a share. */
static void verb_robin(char **arg)
{
        static CK_OBJECT_HANDLE keys[KEYS_MAX];
        CK_ULONG n, i, tried = 0, failed = 0, skip = strtoul(arg[0], NULL, 10), stride = strtoul(arg[1], NULL, 10);

        start();
        n = find(CKO_PRIVATE_KEY, 0, NULL, 0, keys, KEYS_MAX);
        for (i = skip; i < n; i += stride) {
                tried++;
                failed += sign(session, keys[i]) != CKR_OK;
        }
        printf("robin_tried %lu\nrobin_failed %lu\n", tried, failed);
}

/* label|id VALUE: how long a start takes, the first search and a further one. */
static void verb_find(char **arg)
{
        CK_ATTRIBUTE_TYPE type = strcmp(arg[0], "id") == 0 ? CKA_ID : CKA_LABEL;
        double t0, t1, t2, warm[51];
        CK_OBJECT_HANDLE h;
        CK_ULONG n;
        size_t i;

        load();
        t0 = now_us();
        initialize();
        session = new_session();
        t1 = now_us();
        login(session);
        t2 = now_us();
        n = find(CKO_PRIVATE_KEY, type, arg[1], strlen(arg[1]), &h, 1);
        printf("start_us %.0f\nfind_cold_us %.0f\nfound %lu\n", t1 - t0, now_us() - t2, n);
        for (i = 0; i < 51; i++) {
                t0 = now_us();
                find(CKO_PRIVATE_KEY, type, arg[1], strlen(arg[1]), &h, 1);
                warm[i] = now_us() - t0;
        }
        printf("find_warm_us %.1f\n", median(warm, 51));
}

static long status(const char *key)
{
        FILE *s = fopen("/proc/self/status", "r");
        char line[256];
        long v = 0;

        while (s != NULL && fgets(line, sizeof(line), s) != NULL)
                if (strncmp(line, key, strlen(key)) == 0)
                        v = strtol(line + strlen(key), NULL, 10);
        if (s != NULL)
                fclose(s);
        return v;
}

/* bare|openssl: what a client pays in memory and threads; one that uses OpenSSL has libcrypto already. */
static void verb_weight(char **arg)
{
        int (*init)(uint64_t, const void *) = NULL;
        long rss, threads;

        if (strcmp(arg[0], "openssl") == 0) {
                *(void **)&init = dlsym(dlopen("libcrypto.so.3", RTLD_NOW | RTLD_GLOBAL), "OPENSSL_init_crypto");
                init(0x02 | 0x04 | 0x08 | 0x40, NULL); /* error strings, ciphers, digests, configuration */
        }
        rss = status("VmRSS:");
        threads = status("Threads:");
        start();
        sign(session, first_key());
        printf("rss_kb %ld\nthreads_started %ld\n", status("VmRSS:") - rss, status("Threads:") - threads);
}

static const struct {
        const char *name;
        void (*run)(char **arg);
        int args;
} verbs[] = {
        { "token", verb_token, 0 },
        { "make", verb_make, 2 },
        { "phases", verb_phases, 0 },
        { "switch", verb_switch, 1 },
        { "sign", verb_sign, 1 },
        { "threads", verb_threads, 2 },
        { "processes", verb_processes, 2 },
        { "robin", verb_robin, 2 },
        { "find", verb_find, 2 },
        { "weight", verb_weight, 1 },
};

int main(int argc, char **argv)
{
        size_t i;

        for (i = 0; argc >= 4 && i < sizeof(verbs) / sizeof(verbs[0]); i++)
                if (strcmp(argv[3], verbs[i].name) == 0 && argc == 4 + verbs[i].args) {
                        module = argv[1];
                        pin = argv[2];
                        verbs[i].run(argv + 4);
                        if (f != NULL)
                                f->C_Finalize(NULL);
                        return 0;
                }
        fprintf(stderr, "usage: bench MODULE PIN VERB [ARGUMENT...]\n");
        return 2;
}
