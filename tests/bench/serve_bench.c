/* SPDX-License-Identifier: BSD-2-Clause */
/* What does it cost to be served, and what do thousands of connections and of agents cost? On a store without a TPM: nothing here asks it.
 *
 *   serve_bench rpc N            rpc_us: a C_GetSessionInfo and back, the middle of N
 *   serve_bench crowd N          N connections that sent three octets and stopped: crowd_us, until another one has its session open;
 *                                crowd_rss_kb and crowd_threads of the server
 *   serve_bench agents N SEEN    agents_open_us: store, seals and rules of N agents; agents_list_us: C_GetSlotList for who may see SEEN
 *                                of them; agents_seen */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "daemon/serve.h"
#include "keys/guard.h"
#include "lib/cryptoki.h"
#include "lib/err.h"
#include "tests/bench/measure.h"
#include "tests/fuzz/store.h"
#include "tests/served.h"

#define ROUNDS 21

static struct sockaddr_un address = { .sun_family = AF_UNIX };
static pid_t server_pid;

static void must(bool ok, const char *what)
{
        if (ok)
                return;
        fprintf(stderr, "serve_bench: %s: %s\n", what, err_text());
        exit(1);
}

static int record(void *log, struct audit_record *rec)
{
        (void)log;
        (void)rec;
        return 0;
}

/* As many descriptors as we may have. */
static void want_descriptors(void)
{
        struct rlimit files;

        getrlimit(RLIMIT_NOFILE, &files);
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
}

static void allow(struct keyring *k, const char *agent)
{
        unsigned number;
        char rule[80];

        snprintf(rule, sizeof(rule), "allow user=%u human=yes", getuid());
        must(policy_allow(keyring_store(k), agent, BYTES_STR(rule), &number) == 0, "rule");
}

/* Not by the store, which makes each of them durable. */
static void make_agents(const char *path, unsigned n)
{
        char name[300], text[120];

        for (unsigned i = 0; i < n; i++) {
                int fd;

                snprintf(name, sizeof(name), "%s/agents/many-%05u", path, i);
                must(mkdir(name, 0700) == 0, name);
                snprintf(name, sizeof(name), "%s/agents/many-%05u/agent", path, i);
                snprintf(text, sizeof(text), "owner: dana@example.com\nserial: %016x\nallow-1: allow user=%u unit=app-%u.service\n", i, 100000 + i, i);
                fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
                must(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), name);
                close(fd);
        }
}

/* Where a daemon has a counter in the TPM. */
static int counter_read(void *ctx, uint64_t *ret)
{
        *ret = *(uint64_t *)ctx;
        return 0;
}

static int counter_raise(void *ctx, uint64_t to)
{
        *(uint64_t *)ctx = to;
        return 0;
}

static uint64_t counter = 1;

static void guard(struct keyring *k, bool first, struct guard **ret)
{
        static const uint8_t mac_key[32] = { 7 };
        const struct guard_counter c = { .ctx = &counter, .read = counter_read, .raise = counter_raise };

        must(guard_open(keyring_store(k), BYTES(mac_key, sizeof(mac_key)), first, &c, ret) == 0, "guard");
}

/* In a process of its own: serves until its pipe ends. Writes how long it took to get ready. */
static void serve(const struct conf *c, int go, int ready)
{
        struct serve_options o = { .record = record, .max_per_uid = 100000, .max = 100000 };
        double start = now_us(), took;
        struct guard *g;
        struct server *s;
        char byte;

        /* As a daemon does that was here before. */
        must(keyring_open(c, &o.keyring) == 0, "store");
        guard(o.keyring, false, &g);
        must(policy_new(keyring_store(o.keyring), &o.policy) == 0, "policy");
        must(policy_read_all(o.policy) == 0, "rules");
        took = now_us() - start;
        o.listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        must(bind(o.listen_fd, (struct sockaddr *)&address, sizeof(address)) == 0 && listen(o.listen_fd, 4096) == 0, "socket");
        must(serve_start(&o, &s) == 0, "server");
        must(write(ready, &took, sizeof(took)) == sizeof(took), "pipe");
        while (read(go, &byte, 1) > 0)
                ;
        serve_stop(s, 1000);
        policy_free(o.policy);
        guard_close(g);
        keyring_close(o.keyring);
        exit(0);
}

/* Returns what ends the server when it is closed. */
static int start_server(double *ret_took)
{
        int go[2], ready[2];
        struct conf c = { 0 };

        must(conf_load(&c) == 0, "configuration");
        snprintf(address.sun_path, sizeof(address.sun_path), "%.80s/serve", c.store);
        must(pipe(go) == 0 && pipe(ready) == 0, "pipe");
        server_pid = fork();
        if (server_pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                close(go[1]);
                close(ready[0]);
                serve(&c, go[0], ready[1]);
        }
        close(go[0]);
        close(ready[1]);
        must(server_pid > 0 && read(ready[0], ret_took, sizeof(*ret_took)) == sizeof(*ret_took), "the server's start");
        close(ready[0]);
        return go[1];
}

static void stop_server(int go)
{
        close(go);
        waitpid(server_pid, NULL, 0);
}

/* The number behind a line's name in /proc/PID/status. */
static long status(const char *name)
{
        char path[40], line[200];
        long n = -1;
        FILE *f;

        snprintf(path, sizeof(path), "/proc/%d/status", (int)server_pid);
        f = fopen(path, "re");
        while (f != NULL && fgets(line, sizeof(line), f) != NULL)
                if (strncmp(line, name, strlen(name)) == 0)
                        n = strtol(line + strlen(name), NULL, 10);
        if (f != NULL)
                fclose(f);
        return n;
}

static CK_SESSION_HANDLE session(CK_FUNCTION_LIST *c)
{
        CK_SESSION_HANDLE s = 0;
        CK_SLOT_ID slot;
        CK_ULONG n = 0;

        must(c->C_Initialize(NULL) == CKR_OK && c->C_GetSlotList(CK_TRUE, NULL, &n) == CKR_OK, "C_GetSlotList");
        n = 1;
        must(c->C_GetSlotList(CK_TRUE, &slot, &n) == CKR_OK && c->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &s) == CKR_OK, "C_OpenSession");
        return s;
}

static int rpc(unsigned n)
{
        double *took = calloc(n, sizeof(*took)), start;
        CK_FUNCTION_LIST *c = served_client(address.sun_path);
        CK_SESSION_HANDLE s = session(c);
        CK_SESSION_INFO info;

        for (unsigned i = 0; i < n; i++) {
                start = now_us();
                must(c->C_GetSessionInfo(s, &info) == CKR_OK, "C_GetSessionInfo");
                took[i] = now_us() - start;
        }
        printf("rpc_us %.1f\n", median(took, n));
        free(took);
        return c->C_Finalize(NULL) != CKR_OK;
}

static int crowd(unsigned n)
{
        CK_FUNCTION_LIST *c = served_client(address.sun_path);
        double took[ROUNDS], start;

        for (unsigned i = 0; i < n; i++) {
                int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

                must(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 && write(fd, "\0\0\0", 3) == 3, "connect");
        }
        /* The first one comes while they are still being taken in. */
        for (int i = 0; i < ROUNDS; i++) {
                start = now_us();
                session(c);
                took[i] = now_us() - start;
                must(c->C_Finalize(NULL) == CKR_OK, "C_Finalize");
        }
        printf("crowd_first_us %.0f\n", took[0]);
        printf("crowd_us %.0f\ncrowd_most_us %.0f\n", median(took, ROUNDS), took[ROUNDS - 1]);
        printf("crowd_rss_kb %ld\ncrowd_threads %ld\n", status("VmRSS:"), status("Threads:"));
        return 0;
}

static int agents(double open_us)
{
        double took[ROUNDS], start;
        CK_ULONG n = 0;

        for (int i = 0; i < ROUNDS; i++) {
                CK_FUNCTION_LIST *c = served_client(address.sun_path);

                must(c->C_Initialize(NULL) == CKR_OK, "C_Initialize");
                start = now_us();
                must(c->C_GetSlotList(CK_TRUE, NULL, &n) == CKR_OK, "C_GetSlotList");
                took[i] = now_us() - start;
                must(c->C_Finalize(NULL) == CKR_OK, "C_Finalize");
        }
        printf("agents_open_us %.0f\nagents_list_us %.0f\n", open_us, median(took, ROUNDS));
        printf("agents_list_most_us %.0f\nagents_seen %lu\nagents_rss_kb %ld\n", took[ROUNDS - 1], n, status("VmRSS:"));
        return 0;
}

static void prepare(unsigned many, unsigned seen)
{
        struct keyring *k;
        struct guard *g;
        struct conf c = { 0 };
        char name[40];

        fuzz_store();
        must(conf_load(&c) == 0 && keyring_open(&c, &k) == 0, "store");
        make_agents(c.store, many);
        for (unsigned i = 0; i < seen; i++) {
                snprintf(name, sizeof(name), "many-%05u", i * (many / seen));
                allow(k, many > 0 ? name : "fuzz");
        }
        guard(k, true, &g);
        guard_close(g);
        keyring_close(k);
        conf_clear(&c);
}

int main(int argc, char **argv)
{
        unsigned n = argc > 2 ? (unsigned)atoi(argv[2]) : 0, seen = argc > 3 ? (unsigned)atoi(argv[3]) : 0;
        double open_us = 0;
        int go, r = 1;

        if (argc < 3 || n == 0) {
                fprintf(stderr, "usage: serve_bench rpc N | crowd N | agents N SEEN\n");
                return 2;
        }
        want_descriptors();
        if (strcmp(argv[1], "agents") == 0)
                prepare(n, seen);
        else
                prepare(0, 1);
        go = start_server(&open_us);
        if (strcmp(argv[1], "rpc") == 0)
                r = rpc(n);
        else if (strcmp(argv[1], "crowd") == 0)
                r = crowd(n);
        else if (strcmp(argv[1], "agents") == 0)
                r = agents(open_us);
        stop_server(go);
        return r;
}
