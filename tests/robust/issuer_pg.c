/* SPDX-License-Identifier: BSD-2-Clause */
/* Issuers on PostgreSQL under load: the server goes away and comes back; one of two issuers of one fleet is killed. Nothing that was answered is missing,
 * whoever cannot issue says so, and all goes on by itself. */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "tests/pgfix.h"
#include "tests/robust/issued.h"
#include "tests/robust/robust.h"

enum { ISSUERS = 2, CLIENTS = 4 };
#define PATIENCE_MS 60000
#define SEEN_MS 10000           /* what one issuer revokes shows at the other's */

static void *host;
static struct pgfix pg;
static struct program issuers[ISSUERS];
static struct given_list given = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* What the clients have seen since they were last asked. */
struct seen {
        atomic_uint answered[ISSUERS], busy, silent, wrong;
};
static struct seen seen;
static atomic_bool enough;

static int64_t now_ms(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* --- Clients --- */

/* 503 has a sentence, as everything else has. */
static void count_problem(int status, const json_t *answer)
{
        const char *title = json_string_value(json_object_get(answer, "title"));

        if (status == 503 && title != NULL && title[0] != '\0')
                seen.busy++;
        else if (status < 0)
                seen.silent++;
        else if (seen.wrong++ == 0)
                fprintf(stderr, "answered with %d: %s\n", status, title != NULL ? title : "nothing");
}

static void one_credential(unsigned k)
{
        json_t *answer = NULL, *wish;
        struct line l;
        int status = -1;

        if (!line_open(&l, &issuers[k])) {
                seen.silent++;
                return;
        }
        wish = host_wish(&l, host, &status);
        if (wish != NULL)
                status = line_ask(&l, "/v1/credential", wish, &answer);
        if (status == 200) {
                given_add(&given, &issuers[k], answer);
                seen.answered[k]++;
        } else {
                count_problem(status, answer);
        }
        json_decref(answer);
        line_close(&l);
}

static void *client(void *arg)
{
        unsigned n = *(const unsigned *)arg;

        while (!enough) {
                unsigned before = seen.silent + seen.busy;

                one_credential(n++ % ISSUERS);
                if (seen.silent + seen.busy > before)
                        poll(NULL, 0, 10);
        }
        return NULL;
}

struct load {
        pthread_t threads[CLIENTS];
        unsigned numbers[CLIENTS];
};

static void load_begin(struct load *l)
{
        enough = false;
        for (unsigned i = 0; i < CLIENTS; i++) {
                l->numbers[i] = i;
                assert_int_equal(pthread_create(&l->threads[i], NULL, client, &l->numbers[i]), 0);
        }
}

static void load_end(struct load *l)
{
        enough = true;
        for (unsigned i = 0; i < CLIENTS; i++)
                pthread_join(l->threads[i], NULL);
}

static void forget(void)
{
        for (unsigned k = 0; k < ISSUERS; k++)
                seen.answered[k] = 0;
        seen.busy = seen.silent = 0;
}

static bool ready(unsigned k)
{
        return program_ask(&issuers[k], "/readyz", NULL, NULL) == 200;
}

static bool not_ready(unsigned k)
{
        json_t *answer = NULL;
        bool is = program_ask(&issuers[k], "/readyz", NULL, &answer) == 503 && json_string_length(json_object_get(answer, "title")) > 0;

        json_decref(answer);
        return is;
}

static bool answered(unsigned k)
{
        return seen.answered[k] >= (unsigned)robust_count(5, 30);
}

static bool busy(unsigned k)
{
        (void)k;
        return seen.busy >= 10;
}

/* True if it comes true in time. */
static bool await(bool (*fn)(unsigned k), unsigned k)
{
        int64_t end = now_ms() + PATIENCE_MS;

        while (!fn(k)) {
                if (now_ms() > end)
                        return false;
                poll(NULL, 0, 5);
        }
        return true;
}

/* At how many of them it does not. */
static unsigned not_all(bool (*fn)(unsigned k))
{
        unsigned n = 0;

        for (unsigned k = 0; k < ISSUERS; k++)
                n += !await(fn, k);
        return n;
}

/* --- What is done to them --- */

struct result {
        unsigned stuck, log, db, faults;
};

static void judge(struct result *r)
{
        given_missing(&given, &issuers[0], &r->log, &r->db);
        for (unsigned k = 0; k < ISSUERS; k++)
                r->faults += !program_log_good(&issuers[k]);
}

static void row(const char *what, const struct result *r, const char *more)
{
        robust_row(r->stuck + r->log + r->db + r->faults + seen.wrong == 0, "F20", what,
                   "%zu credentials answered, %u not in the log, %u not in the database, %u logs that do not hold, %u answers without a sentence, %u times stuck%s",
                   given.n, r->log, r->db, r->faults, seen.wrong, r->stuck, more);
}

static void server_goes_and_comes(unsigned rounds)
{
        struct result r = { 0 };
        struct load l;
        char what[100];

        load_begin(&l);
        for (unsigned i = 0; i < rounds; i++) {
                r.stuck += not_all(answered);
                /* By turns in order, and in the middle of everything. */
                kill(pg.pid, i % 2 == 0 ? SIGINT : SIGQUIT);
                pgfix_stop(&pg);
                r.stuck += not_all(not_ready);
                r.stuck += program_ask(&issuers[0], "/healthz", NULL, NULL) != 200;
                forget();
                r.stuck += !await(busy, 0);
                pgfix_start(&pg);
                forget();
                r.stuck += not_all(ready);
        }
        r.stuck += not_all(answered);
        load_end(&l);
        judge(&r);
        snprintf(what, sizeof(what), "PostgreSQL stopped and started %u times under two issuers that are asked", rounds);
        row(what, &r, "");
}

static void one_is_killed(unsigned rounds)
{
        struct result r = { 0 };
        struct load l;
        char what[100];

        for (unsigned i = 0; i < rounds; i++) {
                load_begin(&l);
                forget();
                r.stuck += not_all(answered);
                program_end(&issuers[1], SIGKILL);
                forget();
                r.stuck += !await(answered, 0);
                load_end(&l);
                /* What the dead one has answered is known to the other. */
                judge(&r);
                r.stuck += !program_start(&issuers[1]);
        }
        judge(&r);
        snprintf(what, sizeof(what), "one of two issuers killed in the middle, %u times", rounds);
        row(what, &r, "");
}

/* In ms; -1: not in time. */
static int64_t shows_after(unsigned by, unsigned at, const char *serial)
{
        int64_t begin = now_ms();

        assert_int_equal(program_ask(&issuers[by], "/v1/admin/revoke", json_pack("{s:s}", "serial", serial), NULL), 200);
        while (!program_revoked(&issuers[at], serial)) {
                if (now_ms() - begin > SEEN_MS)
                        return -1;
                poll(NULL, 0, 20);
        }
        return now_ms() - begin;
}

/* Given out by one, revoked by the other, and seen at the first; and the other way round. */
static void revocation_shows(void)
{
        int64_t ms[ISSUERS];
        unsigned late = 0;

        for (unsigned k = 0; k < ISSUERS; k++) {
                forget();
                one_credential(k);
                assert_int_equal(seen.answered[k], 1);
                ms[k] = shows_after(1 - k, k, given.v[given.n - 1].serial);
                late += ms[k] < 0;
        }
        robust_row(late == 0, "F20", "revoked by one issuer, seen in the list of the other", "after %lld and %lld ms", (long long)ms[0], (long long)ms[1]);
}

int main(void)
{
        const struct hostfix *h;
        struct line l;

        if (!program_there() || !pgfix_there()) {
                fprintf(stderr, "no holdfast-issuer, no holdfast, or no PostgreSQL\n");
                return 77;
        }
        setvbuf(stdout, NULL, _IOLBF, 0);
        hostfix_start(&host);
        h = host;
        pgfix_make(&pg, h->f.swtpm.dir, false);
        program_make(&issuers[0], h->f.swtpm.dir, "one", NULL, pg.url);
        program_make(&issuers[1], h->f.swtpm.dir, "two", &issuers[0], pg.url);
        for (unsigned k = 0; k < ISSUERS; k++)
                if (!program_start(&issuers[k]))
                        fail_msg("the issuer does not start: see %s", issuers[k].words);
        assert_true(line_open(&l, &issuers[0]));
        assert_int_equal(host_join(&l, host), 200);
        line_close(&l);

        server_goes_and_comes((unsigned)robust_count(2, 10));
        one_is_killed((unsigned)robust_count(1, 10));
        revocation_shows();
        for (unsigned k = 0; k < ISSUERS; k++)
                program_end(&issuers[k], SIGTERM);
        given_clear(&given);
        pgfix_stop(&pg);
        hostfix_stop(&host);
        return robust_end();
}
