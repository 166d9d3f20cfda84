/* SPDX-License-Identifier: BSD-2-Clause */
/* What does a renewal cost the issuer, beside the cryptography in it?
 *
 *   renew_bench holdfast-issuer DIRECTORY sqlite|postgresql [RENEWALS [CLIENTS]]
 *
 * Runs the issuer in a directory of its own, and 8 hosts (or as many as are named) that renew an X.509 certificate of one of their agents after the other,
 * each over a TLS connection that it keeps: evidence of the key and a quote, for the nonce of the answer before. What is counted is the processor time of the issuer's process,
 * not the clock's; what two verifications and one signature of ECDSA with P-256 take is measured all the while in a thread of this one. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lib/err.h"
#include "tests/bench/measure.h"
#include "tests/bench/renew_client.h"
#include "tests/pgfix.h"

#define ISSUER_URL "https://localhost:8443"
#define CLIENTS_MAX 128
#define WARM 1000u              /* renewals before the first look */
#define EVERY_MS 500
#define SAMPLES_MAX 20000
#define AGENTS 16               /* of each host */

static atomic_uint renewed;
static unsigned wanted, n_clients = 8;
static atomic_bool over;
static unsigned port;
static char dir[128];

static void fail(const char *what)
{
        fprintf(stderr, "renew_bench: %s\n", what);
        exit(1);
}

/* ---- a host ---- */

struct client {
        pthread_t thread;
        struct renew_host host;
        struct renew_client talk;
        double *ms;             /* of each renewal */
        unsigned n;
};

static void must(int r)
{
        if (r != 0)
                fail(err_text());
}

static void *run_client(void *arg)
{
        struct client *c = arg;
        struct renew_answer got;

        must(renew_challenge(&c->talk, &c->host));
        while (atomic_fetch_add(&renewed, 1) < wanted) {
                must(renew(&c->talk, &c->host, c->n % AGENTS, &got));
                c->ms[c->n++] = got.ms;
        }
        renew_hang_up(&c->talk);
        return NULL;
}

/* ---- what the cryptography alone takes ---- */

static _Atomic uint64_t bare_us, bare_n;  /* of all that were done */

static double processor_us(clockid_t id)
{
        struct timespec t;

        if (clock_gettime(id, &t) != 0)
                fail("the issuer has ended");
        return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* In bursts that are long enough for caches to be warm. */
static void *run_bare(void *arg)
{
        EVP_PKEY *key = renew_key();
        EVP_PKEY_CTX *sign = EVP_PKEY_CTX_new(key, NULL), *verify = EVP_PKEY_CTX_new(key, NULL);
        uint8_t digest[32] = { 1 }, sig[128];
        size_t len = 0;

        (void)arg;
        if (EVP_PKEY_sign_init(sign) != 1 || EVP_PKEY_verify_init(verify) != 1)
                abort();
        while (!over) {
                const double begun = processor_us(CLOCK_THREAD_CPUTIME_ID);

                for (unsigned i = 0; i < 200; i++) {
                        len = sizeof(sig);
                        digest[1] = (uint8_t)i;
                        if (EVP_PKEY_sign(sign, sig, &len, digest, sizeof(digest)) != 1 || EVP_PKEY_verify(verify, sig, len, digest, sizeof(digest)) != 1 ||
                            EVP_PKEY_verify(verify, sig, len, digest, sizeof(digest)) != 1)
                                abort();
                }
                bare_us += (uint64_t)(processor_us(CLOCK_THREAD_CPUTIME_ID) - begun);
                bare_n += 200;
                poll(NULL, 0, 250);
        }
        EVP_PKEY_CTX_free(sign);
        EVP_PKEY_CTX_free(verify);
        EVP_PKEY_free(key);
        return NULL;
}

/* ---- the issuer ---- */

#define UNTIL_WE_END "setpriv", "--pdeathsig", "TERM", "--"

extern char **environ;

/* It ends with us, however we end. */
static pid_t spawn(const char *const *argv)
{
        char log[160];
        posix_spawn_file_actions_t files;
        pid_t pid;

        snprintf(log, sizeof(log), "%s/issuer.log", dir);
        posix_spawn_file_actions_init(&files);
        posix_spawn_file_actions_addopen(&files, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0644);
        posix_spawn_file_actions_adddup2(&files, 1, 2);
        if (posix_spawnp(&pid, argv[0], &files, NULL, (char *const *)argv, environ) != 0)
                fail("cannot run holdfast-issuer");
        posix_spawn_file_actions_destroy(&files);
        return pid;
}

static void write_conf(const char *path, const char *db)
{
        FILE *f = fopen(path, "we");

        if (f == NULL)
                fail(path);
        fprintf(f, "[issuer]\ntrust-domain = example.org\nurl = " ISSUER_URL "\ndirectory = %s/issuer\nlisten = 127.0.0.1:0\ndomains = example.org\ndb = %s\n"
                   "[profile bench]\nhost = *\nagent = *\nassurance = pinned\nspiffe-id = spiffe://{trust-domain}/host/{host}/agent/{agent}\nlife = 1h\ncredentials = x509\n"
                   "dns = {host}\npcrs = 0,2,4,7\n", dir, db);
        fclose(f);
}

/* Where it listens is in a file. */
static void wait_for_port(pid_t pid)
{
        char path[160];
        unsigned found = 0;

        snprintf(path, sizeof(path), "%s/issuer/address", dir);
        while (found == 0) {
                FILE *f = fopen(path, "re");

                if (f != NULL) {
                        if (fscanf(f, "127.0.0.1:%u", &found) != 1)
                                found = 0;
                        fclose(f);
                }
                if (waitpid(pid, NULL, WNOHANG) != 0)
                        fail("the issuer does not start");
                poll(NULL, 0, 10);
        }
        port = found;
}

static pid_t serve(const char *program, const char *where, struct client *clients)
{
        char conf[160], db[320];
        const char *init[] = { UNTIL_WE_END, program, "init", "--conf", conf, NULL }, *start[] = { UNTIL_WE_END, program, "serve", "--conf", conf, "--quiet", NULL };
        struct db *known;
        int status;
        pid_t pid;

        snprintf(conf, sizeof(conf), "%s/issuer.conf", dir);
        if (where != NULL)
                snprintf(db, sizeof(db), "%s", where);
        else
                snprintf(db, sizeof(db), "%s/issuer/issuer.db", dir);
        write_conf(conf, db);
        if (waitpid(spawn(init), &status, 0) < 0 || status != 0)
                fail("the issuer is not made");
        if (db_open(db, &known) != 0)
                fail(err_text());
        for (unsigned i = 0; i < n_clients; i++) {
                renew_host_make(&clients[i].host, i, AGENTS);
                renew_host_join(&clients[i].host, known);
        }
        db_close(known);
        pid = spawn(start);
        wait_for_port(pid);
        return pid;
}

static long rss_kib(pid_t pid)
{
        char path[64], line[128];
        long kib = 0;
        FILE *f;

        snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
        f = fopen(path, "re");
        while (f != NULL && fgets(line, sizeof(line), f) != NULL)
                if (sscanf(line, "VmRSS: %ld", &kib) == 1)
                        break;
        if (f != NULL)
                fclose(f);
        return kib;
}

/* ---- measuring ---- */

struct look {
        double n, us, bare_n, bare_us, wall_us;
};

static struct look look(clockid_t server)
{
        const unsigned n = renewed;

        return (struct look){ n < wanted ? n : wanted, processor_us(server), (double)bare_n, (double)bare_us, now_us() };
}

/* The middle of what is seen every half second: what else the machine does makes single ones wrong. */
static void measure(pid_t pid)
{
        static double each[SAMPLES_MAX], bare[SAMPLES_MAX], ratio[SAMPLES_MAX];
        clockid_t server;
        struct look first, last, now;
        size_t n = 0;
        long kib;

        if (clock_getcpuclockid(pid, &server) != 0)
                fail("the issuer has ended");
        while (renewed < WARM)
                poll(NULL, 0, 10);
        kib = rss_kib(pid);
        first = last = look(server);
        do {
                poll(NULL, 0, EVERY_MS);
                now = look(server);
                if (now.n - last.n < 20 || now.bare_n <= last.bare_n || n == SAMPLES_MAX)
                        continue;
                each[n] = (now.us - last.us) / (now.n - last.n);
                bare[n] = (now.bare_us - last.bare_us) / (now.bare_n - last.bare_n);
                ratio[n] = bare[n] / each[n];
                n++;
                last = now;
        } while (renewed < wanted);
        printf("server_us %.0f\nper_processor_second %.0f\nbare_us %.0f\nratio %.3f\n", median(each, n), 1e6 / median(each, n), median(bare, n), median(ratio, n));
        printf("per_second %.0f\nrss_kib_before %ld\nrss_kib_after %ld\n", (last.n - first.n) * 1e6 / (last.wall_us - first.wall_us), kib, rss_kib(pid));
}

static void tell_latency(const struct client *clients)
{
        double *all = calloc(wanted, sizeof(*all));
        size_t n = 0;

        if (all == NULL)
                abort();
        for (size_t i = 0; i < n_clients; i++)
                for (size_t k = 0; k < clients[i].n; k++)
                        all[n++] = clients[i].ms[k];
        median(all, n);
        printf("p50_ms %.2f\np99_ms %.2f\nworst_ms %.1f\n", all[n / 2], all[n - 1 - n / 100], all[n - 1]);
        free(all);
}

static void bench(pid_t server, struct client *clients)
{
        SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
        pthread_t beside;

        for (size_t i = 0; i < n_clients; i++) {
                clients[i].ms = calloc(wanted, sizeof(double));
                if (clients[i].ms == NULL)
                        abort();
                clients[i].talk.url = ISSUER_URL;
                must(renew_dial(&clients[i].talk, ctx, port));
        }
        pthread_create(&beside, NULL, run_bare, NULL);
        for (size_t i = 0; i < n_clients; i++)
                pthread_create(&clients[i].thread, NULL, run_client, &clients[i]);
        measure(server);
        for (size_t i = 0; i < n_clients; i++)
                pthread_join(clients[i].thread, NULL);
        over = true;
        pthread_join(beside, NULL);
        tell_latency(clients);
        for (size_t i = 0; i < n_clients; i++) {
                free(clients[i].ms);
                renew_host_clear(&clients[i].host);
        }
        SSL_CTX_free(ctx);
}

int main(int argc, char **argv)
{
        static struct client clients[CLIENTS_MAX];
        struct pgfix pg = { 0 };
        char remove[160];
        pid_t server;
        int status;

        if (argc < 4 || strlen(argv[2]) > 40) {
                fprintf(stderr, "Usage: renew_bench holdfast-issuer DIRECTORY sqlite|postgresql [RENEWALS [CLIENTS]]\n");
                return 2;
        }
        wanted = argc > 4 ? (unsigned)strtoul(argv[4], NULL, 10) : 10000;
        n_clients = argc > 5 ? (unsigned)strtoul(argv[5], NULL, 10) : n_clients;
        if (n_clients == 0 || n_clients > CLIENTS_MAX)
                return 2;
        if (wanted < 2 * WARM)
                wanted = 2 * WARM;
        signal(SIGPIPE, SIG_IGN);
        snprintf(dir, sizeof(dir), "%s/hf-renew-XXXXXX", argv[2]);
        if (mkdtemp(dir) == NULL)
                fail("no directory");
        if (argv[3][0] == 'p')
                pgfix_make(&pg, dir, true);
        server = serve(argv[1], pg.pid != 0 ? pg.url : NULL, clients);
        bench(server, clients);
        kill(server, SIGTERM);
        waitpid(server, &status, 0);
        pgfix_stop(&pg);
        snprintf(remove, sizeof(remove), "rm -rf '%s'", dir);
        return system(remove) != 0 || status != 0;
}
