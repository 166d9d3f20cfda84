/* SPDX-License-Identifier: BSD-2-Clause */
/* Do hosts without a TPM, each with agents, all have credentials at all times? The load of soak.sh.
 *
 *   soak_load DATABASE PORT URL HOSTS AGENTS SECONDS
 *
 * Enters the hosts into the issuer's database and says "joined"; from then on the issuer is to serve at that port of this machine. When each agent has
 * its first certificate it says "issued", and goes on for so many seconds: each agent renews when holdfastd would. Then it says what it saw. */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "daemon/schedule.h"
#include "lib/err.h"
#include "tests/bench/measure.h"
#include "tests/bench/renew_client.h"

#define HOSTS_MAX 1000
#define AGENTS_MAX 1000
#define LOOK_MS 200             /* is it over? */
#define PATIENCE_MS 60000       /* until the issuer listens */
/* holdfastd asks for another nonce when the last is so old, and the issuer hangs up on who is silent for 75 s. */
#define NONCE_MS 50000
#define CONNECTION_MS 70000
#define SENTENCES 10            /* how many failures are told in full */

static atomic_bool over;
static atomic_uint issued, told;
static SSL_CTX *tls;
static const char *url;
static unsigned port;

struct load {
        pthread_t thread;
        struct renew_host host;
        struct renew_client talk;
        struct schedule *agents;        /* of each agent of the host */
        uint64_t heard_ms;              /* since boot */
        double *ms;                     /* of each renewal */
        size_t n, cap;
        unsigned refused, unreached, late, connections;
};

static void fail(const char *what)
{
        fprintf(stderr, "soak_load: %s\n", what);
        exit(1);
}

static uint64_t boot_ms(void)
{
        struct schedule_now n;

        schedule_now(&n);
        return n.boot_ms;
}

/* A connection and a nonce that are good. */
static int ready(struct load *l)
{
        const uint64_t silent = boot_ms() - l->heard_ms;
        const bool fresh = l->talk.ssl == NULL || silent > CONNECTION_MS;
        int r = 0;

        if (fresh) {
                renew_hang_up(&l->talk);
                r = renew_dial(&l->talk, tls, port);
                l->connections++;
        }
        if (r == 0 && (fresh || silent > NONCE_MS))
                r = renew_challenge(&l->talk, &l->host);
        return r;
}

static void keep_ms(struct load *l, double ms)
{
        if (l->n == l->cap) {
                l->cap = l->cap * 2 + 64;
                l->ms = realloc(l->ms, l->cap * sizeof(*l->ms));
                if (l->ms == NULL)
                        abort();
        }
        l->ms[l->n++] = ms;
}

static void failed(struct load *l, size_t agent, int r)
{
        struct schedule_now now;

        if (r == ERR_IO)
                l->unreached++;
        else
                l->refused++;
        if (atomic_fetch_add(&told, 1) < SENTENCES)
                fprintf(stderr, "soak_load: %s, %s: %s\n", l->host.name, l->host.agents[agent].name, err_text());
        renew_hang_up(&l->talk);
        schedule_now(&now);
        schedule_failed(&l->agents[agent], &now);
}

static void turn(struct load *l, size_t agent)
{
        struct schedule *s = &l->agents[agent];
        struct renew_answer got;
        struct schedule_now now;
        int r = ready(l);

        if (r == 0)
                r = renew(&l->talk, &l->host, agent, &got);
        if (r != 0) {
                failed(l, agent, r);
                return;
        }
        schedule_now(&now);
        l->heard_ms = now.boot_ms;
        if (s->not_after == 0) {
                issued++;
        } else {
                keep_ms(l, got.ms);
                l->late += now.wall >= s->not_after;
        }
        schedule_issued(s, &now, got.not_before, got.renew_after, got.not_after);
}

static void *run(void *arg)
{
        struct load *l = arg;

        while (!over) {
                struct schedule_now now;
                uint64_t least = LOOK_MS;
                size_t next = l->host.n_agents;

                schedule_now(&now);
                for (size_t i = 0; i < l->host.n_agents; i++) {
                        const uint64_t wait = schedule_wait(&l->agents[i], &now);

                        if (wait < least) {
                                least = wait;
                                next = i;
                        }
                }
                poll(NULL, 0, (int)least);
                if (next < l->host.n_agents && !over)
                        turn(l, next);
        }
        renew_hang_up(&l->talk);
        return NULL;
}

static void join(struct load *loads, size_t n, size_t agents, const char *database)
{
        struct db *db;

        if (db_open(database, &db) != 0)
                fail(err_text());
        for (size_t i = 0; i < n; i++) {
                renew_host_make(&loads[i].host, (unsigned)i, agents);
                renew_host_join(&loads[i].host, db);
                loads[i].talk.url = url;
                loads[i].agents = calloc(agents, sizeof(*loads[i].agents));
                if (loads[i].agents == NULL)
                        abort();
        }
        db_close(db);
        puts("joined");
        fflush(stdout);
}

static void wait_for_issuer(void)
{
        struct renew_client *probe = calloc(1, sizeof(*probe));
        const uint64_t begun = boot_ms();

        if (probe == NULL)
                abort();
        while (renew_dial(probe, tls, port) != 0) {
                if (boot_ms() - begun > PATIENCE_MS)
                        fail(err_text());
                poll(NULL, 0, LOOK_MS);
        }
        renew_hang_up(probe);
        free(probe);
}

static void soak(struct load *loads, size_t n, size_t agents, unsigned seconds)
{
        const double begun = now_us();

        for (size_t i = 0; i < n; i++)
                if (pthread_create(&loads[i].thread, NULL, run, &loads[i]) != 0)
                        fail("no thread");
        while (issued < n * agents)
                poll(NULL, 0, LOOK_MS);
        printf("issued %u\nissued_s %.1f\n", atomic_load(&issued), (now_us() - begun) / 1e6);
        fflush(stdout);
        poll(NULL, 0, (int)seconds * 1000);
        over = true;
        for (size_t i = 0; i < n; i++)
                pthread_join(loads[i].thread, NULL);
}

/* What has ended by now and has nothing behind it came too late as well. */
static unsigned ended(const struct load *l)
{
        struct schedule_now now;
        unsigned n = 0;

        schedule_now(&now);
        for (size_t i = 0; i < l->host.n_agents; i++)
                n += now.wall >= l->agents[i].not_after;
        return n;
}

static void tell(const struct load *loads, size_t n, unsigned seconds)
{
        unsigned refused = 0, unreached = 0, late = 0, connections = 0;
        size_t renewals = 0, k = 0;
        double *all;

        for (size_t i = 0; i < n; i++) {
                renewals += loads[i].n;
                refused += loads[i].refused;
                unreached += loads[i].unreached;
                late += loads[i].late + ended(&loads[i]);
                connections += loads[i].connections;
        }
        printf("renewals %zu\nper_second %.1f\nrefused %u\nunreached %u\nlate %u\nconnections %u\n", renewals, (double)renewals / seconds, refused,
               unreached, late, connections);
        if (renewals == 0)
                return;
        all = calloc(renewals, sizeof(*all));
        if (all == NULL)
                abort();
        for (size_t i = 0; i < n; i++)
                for (size_t j = 0; j < loads[i].n; j++)
                        all[k++] = loads[i].ms[j];
        median(all, k);
        printf("p50_ms %.2f\np99_ms %.2f\nworst_ms %.1f\n", all[k / 2], all[k - 1 - k / 100], all[k - 1]);
        free(all);
}

static unsigned number(const char *text, unsigned long max)
{
        const unsigned long v = strtoul(text, NULL, 10);

        if (v == 0 || v > max)
                fail("a number is out of range");
        return (unsigned)v;
}

int main(int argc, char **argv)
{
        unsigned hosts, agents, seconds;
        struct load *loads;

        if (argc != 7) {
                fprintf(stderr, "Usage: soak_load DATABASE PORT URL HOSTS AGENTS SECONDS\n");
                return 2;
        }
        port = number(argv[2], 65535);
        url = argv[3];
        hosts = number(argv[4], HOSTS_MAX);
        agents = number(argv[5], AGENTS_MAX);
        seconds = number(argv[6], 1000000);
        signal(SIGPIPE, SIG_IGN);
        tls = SSL_CTX_new(TLS_client_method());
        loads = calloc(hosts, sizeof(*loads));
        if (tls == NULL || loads == NULL)
                abort();
        join(loads, hosts, agents, argv[1]);
        wait_for_issuer();
        soak(loads, hosts, agents, seconds);
        tell(loads, hosts, seconds);
        for (size_t i = 0; i < hosts; i++) {
                renew_host_clear(&loads[i].host);
                free(loads[i].agents);
                free(loads[i].ms);
        }
        free(loads);
        SSL_CTX_free(tls);
        return 0;
}
