/* SPDX-License-Identifier: BSD-2-Clause */
/* What the issuer knows, in both databases: the same of each. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>
#include "lib/err.h"
#include "tests/dbfix.h"
#include "tests/pgfix.h"
#include "tests/tempdir.h"

#define NOW DBFIX_NOW

static struct tempdir *dir;
static struct pgfix pg;
static bool on_pg;
static char where[320];
static struct db *db;

static int group_setup(void **state)
{
        void *t;

        (void)state;
        if (tempdir_setup(&t) != 0)
                return -1;
        dir = t;
        return 0;
}

static int group_teardown(void **state)
{
        void *t = dir;

        (void)state;
        pgfix_stop(&pg);
        return tempdir_teardown(&t);
}

static int sqlite_setup(void **state)
{
        on_pg = false;
        return group_setup(state);
}

static int pg_setup(void **state)
{
        on_pg = true;
        if (group_setup(state) != 0)
                return -1;
        pgfix_make(&pg, dir->path, false);
        return 0;
}

/* Each has a database of its own. */
static int setup(void **state)
{
        static unsigned n;

        (void)state;
        if (on_pg) {
                pgfix_empty(&pg);
                snprintf(where, sizeof(where), "%s", pg.url);
        } else {
                snprintf(where, sizeof(where), "%s/%u.db", dir->path, n++);
        }
        db = dbfix_open(where);
        return 0;
}

static int teardown(void **state)
{
        (void)state;
        db_close(db);
        return 0;
}

static void name(char *ret, size_t size, const char *prefix, unsigned n)
{
        snprintf(ret, size, "%s-%04u", prefix, n);
}

/* ---- hosts ---- */

static void keeps_all_of_a_host(void **state)
{
        struct db_host h = dbfix_host("build-1.example.org", 1), got;

        (void)state;
        h.record = INT64_MAX;
        assert_int_equal(db_host_join(db, &h, NULL, &got), 0);
        h.seen = NOW;
        assert_memory_equal(&got, &h, sizeof(h));
        db_close(db);

        db = dbfix_open(where);
        assert_int_equal(db_host_get(db, h.name, &got), 0);
        assert_memory_equal(&got, &h, sizeof(h));
        assert_int_equal(db_host_get(db, "build-2.example.org", &got), ERR_NOENT);
        assert_string_equal(err_text(), "there is no host build-2.example.org");
}

static void a_host_is_its_endorsement_key(void **state)
{
        struct db_host h = dbfix_host("a", 1), other = dbfix_host("a", 2), renamed = dbfix_host("b", 1), got;

        (void)state;
        assert_int_equal(db_host_join(db, &h, NULL, NULL), 0);
        assert_int_equal(db_host_join(db, &other, NULL, NULL), ERR_FOREIGN);
        assert_string_equal(err_text(), "host a is known with the endorsement key of another TPM");
        assert_int_equal(db_host_join(db, &renamed, NULL, NULL), ERR_FOREIGN);
        assert_string_equal(err_text(), "the TPM of host b is known as host a");
        assert_int_equal(db_host_get(db, "a", &got), 0);
        assert_memory_equal(got.ek_hash, h.ek_hash, sizeof(h.ek_hash));
        assert_int_equal(db_host_get(db, "b", &got), ERR_NOENT);
}

static const struct hf_standing stand = { .clock_ms = 1000000, .resets = 5, .restarts = 2, .firmware = UINT64_MAX };

static void joins_again(void **state)
{
        struct db_host h = dbfix_host("a", 1), got;
        struct db_agent a = dbfix_agent("a", "agent");
        struct db_credential c = dbfix_credential(1);

        (void)state;
        assert_int_equal(db_host_join(db, &h, NULL, NULL), 0);
        assert_int_equal(db_credential_add(db, &c, &a, &h.ak_name, &stand), 0);

        /* The same AK: the TPM stands where it stood. */
        h.joined = NOW + 100;
        h.ak_until = NOW + 90000;
        h.assurance = HF_ASSURANCE_PINNED;
        strcpy(h.revision, "1.83");
        assert_int_equal(db_host_join(db, &h, NULL, &got), 0);
        assert_int_equal(got.joined, NOW);
        assert_int_equal(got.seen, NOW + 100);
        assert_int_equal(got.ak_until, NOW + 90000);
        assert_int_equal(got.assurance, HF_ASSURANCE_PINNED);
        assert_string_equal(got.revision, "1.83");
        assert_true(got.stood);
        assert_memory_equal(&got.standing, &stand, sizeof(stand));

        /* Another: it may have been cleared. */
        h.ak_name.v[5] ^= 1;
        assert_int_equal(db_host_join(db, &h, NULL, &got), 0);
        assert_false(got.stood);
        assert_int_equal(got.standing.resets, 0);

        /* An active host does not become pending by joining. */
        h.state = DB_PENDING;
        assert_int_equal(db_host_join(db, &h, NULL, &got), 0);
        assert_int_equal(got.state, DB_ACTIVE);
}

static void approves_and_revokes_hosts(void **state)
{
        struct db_host h = dbfix_host("a", 1), got;
        const struct db_whom whom = { .host = "a" };
        size_t n = 9;

        (void)state;
        h.state = DB_PENDING;
        assert_int_equal(db_host_join(db, &h, NULL, NULL), 0);
        assert_int_equal(dbfix_add(db, "a", "agent", 1), ERR_DENIED);
        assert_string_equal(err_text(), "host a waits for approval");
        assert_int_equal(db_host_state(db, "a", DB_ACTIVE), 0);
        assert_int_equal(dbfix_add(db, "a", "agent", 1), 0);

        assert_int_equal(db_revoke(db, &whom, CRL_KEY_COMPROMISE, NOW + 5, &n), 0);
        assert_int_equal(n, 1);
        assert_int_equal(db_host_get(db, "a", &got), 0);
        assert_int_equal(got.state, DB_REVOKED);
        assert_int_equal(got.revoked, NOW + 5);
        assert_int_equal(got.reason, CRL_KEY_COMPROMISE);
        assert_int_equal(dbfix_add(db, "a", "agent", 2), ERR_DENIED);
        assert_string_equal(err_text(), "host a is revoked");
        h.state = DB_ACTIVE;
        assert_int_equal(db_host_join(db, &h, NULL, NULL), ERR_DENIED);

        /* Again: when and why stay. */
        assert_int_equal(db_revoke(db, &whom, CRL_SUPERSEDED, NOW + 9, &n), 0);
        assert_int_equal(n, 1);
        assert_int_equal(db_host_get(db, "a", &got), 0);
        assert_int_equal(got.revoked, NOW + 5);
        assert_int_equal(got.reason, CRL_KEY_COMPROMISE);

        assert_int_equal(db_host_state(db, "a", DB_ACTIVE), 0);
        assert_int_equal(dbfix_add(db, "a", "agent", 2), 0);
        assert_int_equal(db_host_state(db, "a", DB_REVOKED), ERR_INVAL);
        assert_int_equal(db_host_state(db, "b", DB_ACTIVE), ERR_NOENT);
        assert_int_equal(db_revoke(db, &(struct db_whom){ .host = "b" }, CRL_UNSPECIFIED, NOW, NULL), ERR_NOENT);
}

/* ---- join tokens ---- */

static struct db_token token_for(const char *host, unsigned n)
{
        struct db_token t = { .made = NOW - 10, .until = NOW + 10 };

        memset(t.hash, (int)n, sizeof(t.hash));
        strcpy(t.host, host);
        return t;
}

static void a_token_is_good_once(void **state)
{
        const struct db_token t = token_for("a", 1), late = { .hash = { 2 }, .host = "b", .made = NOW - 20, .until = NOW };
        const uint8_t unknown[DB_HASH_SIZE] = { 9 };
        struct db_host a = dbfix_host("a", 1), b = dbfix_host("b", 2), got;

        (void)state;
        assert_int_equal(db_token_add(db, &t), 0);
        assert_int_equal(db_token_add(db, &t), ERR_EXIST);
        assert_int_equal(db_token_add(db, &late), 0);
        assert_int_equal(db_host_join(db, &b, unknown, NULL), ERR_DENIED);
        assert_int_equal(db_host_join(db, &b, t.hash, NULL), ERR_DENIED);
        assert_string_equal(err_text(), "host b came with the join token of a");
        assert_int_equal(db_host_join(db, &b, late.hash, NULL), ERR_DENIED);
        assert_int_equal(db_host_get(db, "b", &got), ERR_NOENT);

        assert_int_equal(db_host_join(db, &a, t.hash, NULL), 0);
        /* Its answer got lost, and then for years to come: it is known already. */
        assert_int_equal(db_host_join(db, &a, t.hash, NULL), 0);
        a.joined = NOW + 100000;
        assert_int_equal(db_host_join(db, &a, t.hash, NULL), 0);
        assert_int_equal(db_host_join(db, &a, unknown, NULL), 0);
        /* But for another TPM it is used up. */
        b = dbfix_host("a", 2);
        assert_int_equal(db_host_join(db, &b, t.hash, NULL), ERR_FOREIGN);
}

static struct db_challenge challenge_for(const char *host, unsigned n)
{
        struct db_challenge c = { .until = NOW + 10 };

        assert_int_equal(DB_TEXT(c.host, BYTES_STR(host)), 0);
        assert_int_equal(DB_TEXT(c.agent, BYTES_STR("agent")), 0);
        memcpy(c.challenge, &n, sizeof(n));
        memset(c.proof, (int)n, sizeof(c.proof));
        return c;
}

static void a_challenge_is_good_once(void **state)
{
        struct db_challenge c = challenge_for("a", 1), bare = challenge_for("b", 2), got = { 0 };

        (void)state;
        assert_int_equal(buf_append_str(&c.shown, "{\"host\":\"a\"}"), 0);
        assert_int_equal(db_challenge_add(db, &c), 0);
        assert_int_equal(db_challenge_add(db, &c), ERR_EXIST);
        assert_int_equal(db_challenge_add(db, &bare), 0);
        assert_int_equal(db_challenge_take(db, c.challenge, &got), 0);
        assert_string_equal(got.host, "a");
        assert_string_equal(got.agent, "agent");
        assert_int_equal(got.until, c.until);
        assert_memory_equal(got.proof, c.proof, sizeof(c.proof));
        assert_true(bytes_equal(BYTES_OF(&got.shown), BYTES_OF(&c.shown)));
        buf_clear(&got.shown);
        assert_int_equal(db_challenge_take(db, c.challenge, &got), ERR_NOENT);
        assert_int_equal(db_challenge_take(db, bare.challenge, &got), 0);
        assert_int_equal(got.shown.len, 0);
        buf_clear(&got.shown);
        buf_clear(&c.shown);
}

static void those_that_ended_are_swept(void **state)
{
        const struct db_challenge old = challenge_for("a", 1);
        struct db_challenge open = challenge_for("a", 2), got = { 0 };
        size_t n;

        (void)state;
        open.until = NOW + 20;
        assert_int_equal(db_challenge_add(db, &old), 0);
        assert_int_equal(db_challenge_add(db, &open), 0);
        assert_int_equal(db_sweep(db, NOW + 15, &n), 0);
        assert_int_equal(n, 1);
        assert_int_equal(db_challenge_take(db, old.challenge, &got), ERR_NOENT);
        assert_int_equal(db_challenge_take(db, open.challenge, &got), 0);
        buf_clear(&got.shown);
}

static void take_challenge(unsigned i, void *ctx)
{
        struct db_challenge got = { 0 };

        ((int *)ctx)[i] = db_challenge_take(db, challenge_for("a", 1).challenge, &got);
        buf_clear(&got.shown);
}

static void one_of_many_takes_a_challenge(void **state)
{
        const struct db_challenge c = challenge_for("a", 1);
        int outcome[8];
        unsigned won = 0;

        (void)state;
        assert_int_equal(db_challenge_add(db, &c), 0);
        dbfix_threads(8, take_challenge, outcome);
        for (unsigned i = 0; i < 8; i++) {
                assert_true(outcome[i] == 0 || outcome[i] == ERR_NOENT);
                won += outcome[i] == 0;
        }
        assert_int_equal(won, 1);
}

static int count_token(const struct db_token *t, void *ctx)
{
        unsigned *sum = ctx;

        *sum += t->hash[0] + (t->used == NOW ? 1000u : 0u);
        return 0;
}

static void a_token_makes_a_pending_host_active(void **state)
{
        const struct db_token t = token_for("a", 3), gone = token_for("a", 4);
        struct db_host h = dbfix_host("a", 1), got;
        unsigned sum = 0;

        (void)state;
        assert_int_equal(db_token_add(db, &t), 0);
        assert_int_equal(db_token_add(db, &gone), 0);
        assert_int_equal(db_token_remove(db, gone.hash), 0);
        assert_int_equal(db_token_remove(db, gone.hash), ERR_NOENT);
        h.state = DB_PENDING;
        assert_int_equal(db_host_join(db, &h, NULL, NULL), 0);
        h.state = DB_ACTIVE;
        assert_int_equal(db_host_join(db, &h, gone.hash, NULL), ERR_DENIED);
        assert_int_equal(db_host_join(db, &h, t.hash, &got), 0);
        assert_int_equal(got.state, DB_ACTIVE);
        assert_int_equal(db_token_list(db, count_token, &sum), 0);
        assert_int_equal(sum, 1003);
}

/* ---- races ---- */

struct race {
        struct db *db[2];
        struct db_whom whom;
        const uint8_t *token;
        unsigned first;
        atomic_uint won, lost, other;
        atomic_uint winner;
};

/* Sixteen threads at two issuers, each TPM another, all with one name. */
static void race_for_name(unsigned i, void *ctx)
{
        struct race *r = ctx;

        for (unsigned k = 0; k < 1000 / 16 + 1; k++) {
                const unsigned tpm = 1 + i * 100 + k;
                const struct db_host h = dbfix_host("prize", tpm);
                const int rc = db_host_join(r->db[i % 2], &h, r->token, NULL);

                if (rc == 0) {
                        atomic_fetch_add(&r->won, 1);
                        atomic_store(&r->winner, tpm);
                } else {
                        atomic_fetch_add(rc == ERR_FOREIGN || rc == ERR_DENIED ? &r->lost : &r->other, 1);
                }
        }
}

static void one_identity_of_a_thousand(void **state)
{
        struct race r = { .db = { db, dbfix_open(where) } };
        struct db_host got, won;

        (void)state;
        dbfix_threads(16, race_for_name, &r);
        assert_int_equal(r.other, 0);
        assert_int_equal(r.won, 1);
        assert_true(r.lost >= 999);
        won = dbfix_host("prize", r.winner);
        assert_int_equal(db_host_get(db, "prize", &got), 0);
        assert_memory_equal(got.ek_hash, won.ek_hash, sizeof(won.ek_hash));
        db_close(r.db[1]);
}

static void one_of_two_that_race_with_a_token(void **state)
{
        const struct db_token t = token_for("prize", 1);
        struct race r = { .db = { db, dbfix_open(where) }, .token = t.hash };

        (void)state;
        assert_int_equal(db_token_add(db, &t), 0);
        dbfix_threads(16, race_for_name, &r);
        assert_int_equal(r.other, 0);
        assert_int_equal(r.won, 1);
        db_close(r.db[1]);
}

static void join_same(unsigned i, void *ctx)
{
        struct race *r = ctx;
        const struct db_host h = dbfix_host("a", 1);

        atomic_fetch_add(db_host_join(r->db[i % 2], &h, r->token, NULL) == 0 ? &r->won : &r->other, 1);
}

static void all_of_one_tpm_that_join_at_once(void **state)
{
        const struct db_token t = token_for("a", 1);
        struct race r = { .db = { db, dbfix_open(where) }, .token = t.hash };

        (void)state;
        assert_int_equal(db_token_add(db, &t), 0);
        dbfix_threads(16, join_same, &r);
        assert_int_equal(r.won, 16);
        db_close(r.db[1]);
}

static void renumber(unsigned i, void *ctx)
{
        struct race *r = ctx;
        uint64_t n;

        for (unsigned k = 0; k < 25; k++)
                if (db_number_next(r->db[i % 2], "crl", 1, &n) == 0 && n <= 200)
                        atomic_fetch_add(&r->winner, (unsigned)n);
}

static void numbers_rise_and_none_is_given_twice(void **state)
{
        struct race r = { .db = { db, dbfix_open(where) } };
        uint64_t n;

        (void)state;
        dbfix_threads(8, renumber, &r);
        assert_int_equal(r.winner, 200 * 201 / 2);
        assert_int_equal(db_number_next(db, "crl", 201, &n), 0);
        assert_int_equal(n, 201);
        assert_int_equal(db_number_next(db, "crl", 1000, &n), 0);
        assert_int_equal(n, 1000);
        assert_int_equal(db_number_next(db, "crl", 1000, &n), 0);
        assert_int_equal(n, 1001);
        assert_int_equal(db_number_next(db, "krl", 1, &n), 0);
        assert_int_equal(n, 1);
        assert_int_equal(db_number_next(db, "krl", UINT64_MAX, &n), ERR_INVAL);
        assert_int_equal(db_number_next(db, "changes", 1, &n), ERR_INVAL);
        assert_int_equal(db_number_next(db, "", 1, &n), ERR_FORMAT);
        db_close(r.db[1]);
}

/* ---- credentials ---- */

static void keeps_all_of_a_credential(void **state)
{
        struct db_agent a = dbfix_agent("a", "agent"), agent;
        struct db_credential c = dbfix_credential(1), got;
        const struct db_host h = dbfix_host("a", 1);
        struct db_host host;

        (void)state;
        assert_int_equal(db_host_join(db, &h, NULL, NULL), 0);
        assert_int_equal(db_credential_add(db, &c, &a, &h.ak_name, &stand), 0);
        assert_int_equal(db_credential_get(db, c.serial, &got), 0);
        strcpy(c.host, "a");
        strcpy(c.agent, "agent");
        assert_memory_equal(&got, &c, sizeof(c));

        assert_int_equal(db_agent_get(db, "a", "agent", &agent), 0);
        a.first = a.last = NOW;
        a.not_after = c.not_after;
        a.what = c.what;
        a.record = c.record;
        assert_memory_equal(&agent, &a, sizeof(a));
        assert_int_equal(db_agent_get(db, "a", "b", &agent), ERR_NOENT);

        assert_int_equal(db_host_get(db, "a", &host), 0);
        assert_true(host.stood);
        assert_memory_equal(&host.standing, &stand, sizeof(stand));

        /* The next one. */
        c = dbfix_credential(2);
        c.issued = NOW + 2400;
        c.not_after = NOW + 6000;
        strcpy(a.owner, "Ada");
        strcpy(a.key_kind, "RSA-2048");
        assert_int_equal(db_credential_add(db, &c, &a, NULL, NULL), 0);
        assert_int_equal(db_agent_get(db, "a", "agent", &agent), 0);
        assert_int_equal(agent.first, NOW);
        assert_int_equal(agent.last, NOW + 2400);
        assert_int_equal(agent.not_after, NOW + 6000);
        assert_string_equal(agent.owner, "Ada");
        assert_string_equal(agent.key_kind, "RSA-2048");
        assert_int_equal(db_host_get(db, "a", &host), 0);
        assert_int_equal(host.seen, NOW + 2400);
}

static int add_at(unsigned serial, uint32_t resets, uint32_t restarts, uint64_t clock)
{
        const struct hf_standing s = { .clock_ms = clock, .resets = resets, .restarts = restarts, .firmware = 7 };
        const struct db_agent a = dbfix_agent("a", "agent");
        const struct db_credential c = dbfix_credential(serial);

        return db_credential_add(db, &c, &a, NULL, &s);
}

static void a_tpm_does_not_go_back(void **state)
{
        struct db_host h;

        (void)state;
        dbfix_join(db, "a", 1);
        assert_int_equal(add_at(1, 5, 2, 1000000), 0);
        /* One that was overtaken. */
        assert_int_equal(add_at(2, 5, 2, 1000000 - DB_OVERTAKE_MS), 0);
        assert_int_equal(add_at(3, 5, 2, 1000000 - DB_OVERTAKE_MS - 1), ERR_STALE);
        assert_int_equal(add_at(3, 5, 1, 2000000), ERR_STALE);
        assert_int_equal(add_at(3, 4, 9, 2000000), ERR_STALE);
        /* It stands where it stood furthest. */
        assert_int_equal(db_host_get(db, "a", &h), 0);
        assert_int_equal(h.standing.clock_ms, 1000000);
        assert_int_equal(add_at(3, 5, 3, 999000), 0);
        assert_int_equal(add_at(4, 6, 0, 500), 0);
        assert_int_equal(add_at(5, 5, 3, 999000), ERR_STALE);
        assert_int_equal(db_host_get(db, "a", &h), 0);
        assert_int_equal(h.standing.resets, 6);
        assert_int_equal(h.standing.clock_ms, 500);
}

static void refuses_what_may_not_be_given_out(void **state)
{
        const struct db_host h = dbfix_host("a", 1), other = dbfix_host("a", 2);
        const struct db_agent a = dbfix_agent("a", "agent");
        const struct db_credential c = dbfix_credential(1), d = dbfix_credential(2);
        struct db_credential got;

        (void)state;
        assert_int_equal(dbfix_add(db, "a", "agent", 1), ERR_NOENT);
        assert_int_equal(db_host_join(db, &h, NULL, NULL), 0);
        assert_int_equal(db_credential_add(db, &c, &a, &other.ak_name, NULL), ERR_STALE);
        assert_int_equal(db_credential_add(db, &c, &a, &h.ak_name, NULL), 0);
        assert_int_equal(db_credential_add(db, &c, &a, &h.ak_name, NULL), ERR_EXIST);
        assert_int_equal(db_revoke(db, &(struct db_whom){ .host = "a", .agent = "agent" }, CRL_CESSATION, NOW, NULL), 0);
        assert_int_equal(db_credential_add(db, &d, &a, &h.ak_name, NULL), ERR_DENIED);
        assert_string_equal(err_text(), "agent agent on host a is revoked");
        assert_int_equal(db_credential_get(db, d.serial, &got), ERR_NOENT);
        assert_int_equal(db_agent_state(db, "a", "agent", DB_ACTIVE), 0);
        assert_int_equal(db_credential_add(db, &d, &a, &h.ak_name, NULL), 0);
        assert_int_equal(db_agent_state(db, "a", "nobody", DB_ACTIVE), ERR_NOENT);
}

static void an_agent_may_wait_for_approval(void **state)
{
        struct db_agent a = dbfix_agent("a", "agent"), got;
        enum db_state s;

        (void)state;
        a.state = DB_PENDING;
        assert_int_equal(db_agent_put(db, &a, &s), ERR_NOENT);
        dbfix_join(db, "a", 1);
        assert_int_equal(db_agent_put(db, &a, &s), 0);
        assert_int_equal(s, DB_PENDING);
        assert_int_equal(dbfix_add(db, "a", "agent", 1), ERR_DENIED);
        assert_string_equal(err_text(), "agent agent on host a waits for approval");
        assert_int_equal(db_agent_state(db, "a", "agent", DB_ACTIVE), 0);
        assert_int_equal(db_agent_put(db, &a, &s), 0);
        assert_int_equal(s, DB_ACTIVE);
        assert_int_equal(dbfix_add(db, "a", "agent", 1), 0);
        assert_int_equal(db_agent_get(db, "a", "agent", &got), 0);
        assert_int_equal(got.first, NOW);
}

static void sees_host_and_agent_at_once(void **state)
{
        struct db_agent a = dbfix_agent("a", "agent");
        struct db_host h, alone;
        enum db_state s = DB_REVOKED;

        (void)state;
        assert_int_equal(db_host_look(db, "a", "agent", &h, &s), ERR_NOENT);
        dbfix_join(db, "a", 1);
        dbfix_join(db, "b", 2);
        assert_int_equal(dbfix_add(db, "b", "agent", 1), 0);
        assert_int_equal(db_host_look(db, "a", "agent", &h, &s), 0);
        assert_int_equal(s, DB_ANY);
        a.state = DB_PENDING;
        assert_int_equal(db_agent_put(db, &a, NULL), 0);
        assert_int_equal(db_host_look(db, "a", "agent", &h, &s), 0);
        assert_int_equal(s, DB_PENDING);
        assert_int_equal(db_revoke(db, &(struct db_whom){ .host = "a", .agent = "agent" }, CRL_CESSATION, NOW, NULL), 0);
        assert_int_equal(db_host_look(db, "a", "agent", &h, &s), 0);
        assert_int_equal(s, DB_REVOKED);
        assert_int_equal(db_host_get(db, "a", &alone), 0);
        assert_memory_equal(&h, &alone, sizeof(h));
        assert_int_equal(db_host_look(db, "b", "agent", &h, &s), 0);
        assert_int_equal(s, DB_ACTIVE);
        assert_string_equal(h.name, "b");
}

/* Half of what comes at the same time is refused; the other half is all there. */
static void add_and_be_refused(unsigned i, void *ctx)
{
        atomic_uint *bad = ctx;

        for (unsigned k = 0; k < 40; k++) {
                if (dbfix_add(db, "a", "agent", i * 100 + k) != 0)
                        atomic_fetch_add(bad, 1);
                if (dbfix_add(db, "pending", "agent", 5000 + i * 100 + k) != ERR_DENIED)
                        atomic_fetch_add(bad, 1);
                if (dbfix_add(db, "b", "agent", i * 100 + k) != ERR_EXIST)
                        atomic_fetch_add(bad, 1);
        }
}

static void a_refusal_undoes_nothing_else(void **state)
{
        struct db_host h = dbfix_host("pending", 2);
        struct db_counts n;
        struct db_agent agent;
        atomic_uint bad = 0;
        uint8_t serial[GRANT_SERIAL_SIZE];
        struct db_credential c;

        (void)state;
        h.state = DB_PENDING;
        dbfix_join(db, "a", 1);
        dbfix_join(db, "b", 3);
        assert_int_equal(db_host_join(db, &h, NULL, NULL), 0);
        dbfix_threads(8, add_and_be_refused, &bad);
        assert_int_equal(bad, 0);
        assert_int_equal(db_count(db, &n), 0);
        assert_int_equal(n.credentials, 320);
        assert_int_equal(n.hosts, 3);
        assert_int_equal(n.hosts_pending, 1);
        assert_int_equal(n.agents, 1);
        /* Of one that was refused at its last step, nothing of the steps before is there. */
        assert_int_equal(db_agent_get(db, "b", "agent", &agent), ERR_NOENT);
        for (unsigned i = 0; i < 8; i++) {
                dbfix_serial(i * 100 + 39, serial);
                assert_int_equal(db_credential_get(db, serial, &c), 0);
                assert_string_equal(c.host, "a");
        }
}

/* ---- revocation ---- */

struct seen {
        unsigned n, sum;
        unsigned stop;
};

static int see_credential(const struct db_credential *c, void *ctx)
{
        struct seen *s = ctx;

        s->n++;
        s->sum += (unsigned)c->record;
        assert_int_not_equal(c->host[0], 0);
        return s->n == s->stop ? 77 : 0;
}

static void revokes_what_has_not_ended(void **state)
{
        const struct db_credential one = dbfix_credential(20);
        uint64_t before, after;
        struct seen s = { 0 };
        struct db_credential c;
        size_t n;

        (void)state;
        dbfix_join(db, "a", 1);
        dbfix_join(db, "b", 2);
        for (unsigned i = 0; i < 5; i++) {
                assert_int_equal(dbfix_add(db, "a", "x", i), 0);
                assert_int_equal(dbfix_add(db, "a", "y", 10 + i), 0);
                assert_int_equal(dbfix_add(db, "b", "x", 20 + i), 0);
        }
        assert_int_equal(db_change_counter(db, &before), 0);
        assert_int_equal(db_revoked_each(db, 0, see_credential, &s), 0);
        assert_int_equal(s.n, 0);

        assert_int_equal(db_revoke(db, &(struct db_whom){ .host = "a", .agent = "x" }, CRL_CESSATION, NOW + 1, &n), 0);
        assert_int_equal(n, 5);
        assert_int_equal(db_revoke(db, &(struct db_whom){ .serial = one.serial }, CRL_KEY_COMPROMISE, NOW + 2, &n), 0);
        assert_int_equal(n, 1);
        assert_int_equal(db_change_counter(db, &after), 0);
        assert_int_equal(after, before + 2);
        assert_int_equal(db_revoked_each(db, NOW, see_credential, &s), 0);
        assert_int_equal(s.n, 6);
        assert_int_equal(s.sum, 1 + 2 + 3 + 4 + 5 + 21);
        assert_int_equal(db_credential_get(db, one.serial, &c), 0);
        assert_int_equal(c.revoked, NOW + 2);
        assert_int_equal(c.reason, CRL_KEY_COMPROMISE);

        /* The rest of its host; what was revoked already counts too, and keeps its time. */
        assert_int_equal(db_revoke(db, &(struct db_whom){ .host = "b" }, CRL_SUPERSEDED, NOW + 3, &n), 0);
        assert_int_equal(n, 5);
        assert_int_equal(db_credential_get(db, one.serial, &c), 0);
        assert_int_equal(c.revoked, NOW + 2);
        /* Nothing that has ended. */
        assert_int_equal(db_revoke(db, &(struct db_whom){ .host = "a" }, CRL_SUPERSEDED, NOW + 3600, &n), 0);
        assert_int_equal(n, 0);
        s = (struct seen){ 0 };
        assert_int_equal(db_revoked_each(db, NOW, see_credential, &s), 0);
        assert_int_equal(s.n, 10);
        s = (struct seen){ 0 };
        assert_int_equal(db_revoked_each(db, NOW + 3600, see_credential, &s), 0);
        assert_int_equal(s.n, 0);

        assert_int_equal(db_revoke(db, &(struct db_whom){ .host = "a" }, CRL_SUPERSEDED, 0, NULL), ERR_INVAL);
        assert_int_equal(db_revoke(db, &(struct db_whom){ .agent = "x" }, CRL_SUPERSEDED, NOW, NULL), ERR_INVAL);
        assert_int_equal(db_revoke(db, &(struct db_whom){ .host = "a", .agent = "z" }, CRL_SUPERSEDED, NOW, NULL), ERR_NOENT);
        assert_int_equal(db_revoke(db, &(struct db_whom){ .serial = dbfix_credential(99).serial }, CRL_SUPERSEDED, NOW, NULL), ERR_NOENT);
}

static void add_until_refused(unsigned i, void *ctx)
{
        struct race *r = ctx;
        int rc;

        for (unsigned k = 0; (rc = dbfix_add(r->db[i % 2], "a", "agent", r->first + i * 100000 + k)) == 0; k++)
                if (atomic_fetch_add(&r->won, 1) == 50 && db_revoke(r->db[i % 2], &r->whom, CRL_SUPERSEDED, NOW, NULL) != 0) {
                        print_error("%s\n", err_text());
                        atomic_fetch_add(&r->other, 1);
                }
        if (rc != ERR_DENIED) {
                print_error("%s\n", err_text());
                atomic_fetch_add(&r->other, 1);
        }
}

static void nothing_slips_past_a_revocation(void **state)
{
        static const struct db_whom whom[] = { { .host = "a", .agent = "agent" }, { .host = "a" } };
        const struct db_filter alive = { .host = "a", .state = DB_ACTIVE };
        struct db *second = dbfix_open(where);
        unsigned all = 0;

        (void)state;
        dbfix_join(db, "a", 1);
        for (unsigned i = 0; i < 2; i++) {
                struct race r = { .db = { db, second }, .whom = whom[i], .first = i * 1000000 };
                struct seen s = { 0 };

                dbfix_threads(8, add_until_refused, &r);
                assert_int_equal(r.other, 0);
                assert_int_equal(db_credential_list(db, &alive, see_credential, &s), 0);
                assert_int_equal(s.n, 0);
                assert_int_equal(db_revoked_each(db, NOW, see_credential, &s), 0);
                all += r.won;
                assert_int_equal(s.n, all);
                assert_int_equal(db_agent_state(db, "a", "agent", DB_ACTIVE), 0);
        }
        db_close(second);
}

/* ---- lists ---- */

static void fill(unsigned hosts, unsigned agents)
{
        char h[32], a[32];

        for (unsigned i = 0; i < hosts; i++) {
                name(h, sizeof(h), "host", i);
                dbfix_join(db, h, i + 1);
                for (unsigned k = 0; k < agents; k++) {
                        name(a, sizeof(a), "agent", k);
                        assert_int_equal(dbfix_add(db, h, a, i * agents + k), 0);
                }
        }
}

struct listed {
        unsigned n, stop;
        char last_host[DB_HOST_MAX + 1], last_agent[DB_AGENT_MAX + 1];
        uint8_t last_serial[GRANT_SERIAL_SIZE];
};

static int list_host(const struct db_host *h, void *ctx)
{
        struct listed *l = ctx;
        struct db_host again;

        assert_true(strcmp(h->name, l->last_host) > 0);
        strcpy(l->last_host, h->name);
        /* It may ask, too. */
        assert_int_equal(db_host_get(db, h->name, &again), 0);
        assert_memory_equal(&again, h, sizeof(again));
        return ++l->n == l->stop ? 77 : 0;
}

static int list_agent(const struct db_agent *a, void *ctx)
{
        struct listed *l = ctx;

        assert_true(strcmp(a->host, l->last_host) > 0 || (strcmp(a->host, l->last_host) == 0 && strcmp(a->name, l->last_agent) > 0));
        strcpy(l->last_host, a->host);
        strcpy(l->last_agent, a->name);
        return ++l->n == l->stop ? 77 : 0;
}

static int list_credential(const struct db_credential *c, void *ctx)
{
        struct listed *l = ctx;

        assert_true(l->n == 0 || strcmp(c->host, l->last_host) != 0 || strcmp(c->agent, l->last_agent) != 0 || memcmp(c->serial, l->last_serial, sizeof(c->serial)) > 0);
        strcpy(l->last_host, c->host);
        strcpy(l->last_agent, c->agent);
        memcpy(l->last_serial, c->serial, sizeof(c->serial));
        return ++l->n == l->stop ? 77 : 0;
}

static void lists_hosts_page_by_page(void **state)
{
        struct listed l = { 0 };

        (void)state;
        fill(300, 0);
        assert_int_equal(db_host_list(db, NULL, list_host, &l), 0);
        assert_int_equal(l.n, 300);

        l = (struct listed){ .stop = 130 };
        assert_int_equal(db_host_list(db, NULL, list_host, &l), 77);
        assert_string_equal(l.last_host, "host-0129");
        l.stop = 0;
        l.n = 0;
        assert_int_equal(db_host_list(db, &(struct db_filter){ .after_host = "host-0129", .limit = 140 }, list_host, &l), 0);
        assert_int_equal(l.n, 140);
        assert_string_equal(l.last_host, "host-0269");

        l = (struct listed){ 0 };
        assert_int_equal(db_host_list(db, &(struct db_filter){ .state = DB_PENDING }, list_host, &l), 0);
        assert_int_equal(l.n, 0);
        assert_int_equal(db_host_list(db, &(struct db_filter){ .host = "host-0007" }, list_host, &l), 0);
        assert_int_equal(l.n, 1);
        assert_int_equal(db_host_list(db, &(struct db_filter){ .host = "nobody" }, list_host, &l), 0);
        assert_int_equal(l.n, 1);
}

static void lists_agents_and_credentials(void **state)
{
        struct db_filter f = { 0 };
        struct listed l = { 0 }, before;
        unsigned all = 0;

        (void)state;
        fill(20, 15);
        assert_int_equal(dbfix_add(db, "host-0003", "agent-0004", 9999), 0);
        assert_int_equal(db_agent_list(db, NULL, list_agent, &l), 0);
        assert_int_equal(l.n, 300);
        l = (struct listed){ 0 };
        assert_int_equal(db_agent_list(db, &(struct db_filter){ .host = "host-0003", .after_agent = "agent-0004" }, list_agent, &l), 0);
        assert_int_equal(l.n, 10);
        assert_string_equal(l.last_host, "host-0003");
        l = (struct listed){ 0 };
        assert_int_equal(db_agent_list(db, &(struct db_filter){ .host = "host-0003", .agent = "agent-0004" }, list_agent, &l), 0);
        assert_int_equal(l.n, 1);
        l = (struct listed){ 0 };
        assert_int_equal(db_agent_list(db, &(struct db_filter){ .after_host = "host-0018", .after_agent = "agent-0004" }, list_agent, &l), 0);
        assert_int_equal(l.n, 25);

        l = (struct listed){ 0 };
        assert_int_equal(db_credential_list(db, NULL, list_credential, &l), 0);
        assert_int_equal(l.n, 301);
        l = (struct listed){ 0 };
        assert_int_equal(db_credential_list(db, &(struct db_filter){ .host = "host-0003" }, list_credential, &l), 0);
        assert_int_equal(l.n, 16);
        l = (struct listed){ 0 };
        assert_int_equal(db_credential_list(db, &(struct db_filter){ .host = "host-0003", .agent = "agent-0004" }, list_credential, &l), 0);
        assert_int_equal(l.n, 2);
        assert_int_equal(db_credential_list(db, &(struct db_filter){ .ends_after = NOW + 3600 }, list_credential, &l), 0);
        assert_int_equal(l.n, 2);

        /* All in pages of seven, from where each ended. */
        for (;;) {
                l = (struct listed){ 0 };
                f.limit = 7;
                assert_int_equal(db_credential_list(db, &f, list_credential, &l), 0);
                all += l.n;
                if (l.n < 7)
                        break;
                before = l;
                f.after_host = before.last_host;
                f.after_agent = before.last_agent;
                f.after_serial = before.last_serial;
                assert_true(all < 1000);
        }
        assert_int_equal(all, 301);
        assert_int_equal(db_agent_list(db, &(struct db_filter){ .agent = "agent-0004" }, list_agent, &l), ERR_INVAL);
}

static void sweeps_what_has_ended(void **state)
{
        const struct db_token t = token_for("a", 1);
        struct db_agent a = dbfix_agent("a", "agent"), got;
        struct db_credential c;
        struct db_counts counts;
        struct db_whom revoked = { 0 };
        size_t n;

        (void)state;
        dbfix_join(db, "a", 1);
        assert_int_equal(db_token_add(db, &t), 0);
        for (unsigned i = 0; i < 1300; i++) {
                c = dbfix_credential(i);
                c.not_after = NOW + i;
                assert_int_equal(db_credential_add(db, &c, &a, NULL, NULL), 0);
        }
        c = dbfix_credential(0);
        revoked.serial = c.serial;
        assert_int_equal(db_revoke(db, &revoked, CRL_SUPERSEDED, NOW, NULL), 0);
        assert_int_equal(db_sweep(db, NOW + 1200, &n), 0);
        assert_int_equal(n, 1200);
        assert_int_equal(db_count(db, &counts), 0);
        assert_int_equal(counts.credentials, 101);
        assert_int_equal(db_sweep(db, NOW + 1200, &n), 0);
        assert_int_equal(n, 0);
        /* What was revoked is kept for a day more. */
        assert_int_equal(db_credential_get(db, c.serial, &c), 0);
        assert_int_equal(db_sweep(db, NOW + 86400, &n), 0);
        assert_int_equal(n, 100);
        assert_int_equal(db_sweep(db, NOW + 86401, &n), 0);
        assert_int_equal(n, 1);
        assert_int_equal(db_agent_get(db, "a", "agent", &got), 0);
}

/* ---- what may not be written ---- */

static void texts_are_bounded(void **state)
{
        struct db_host h = dbfix_host("a", 1);
        struct db_agent a = dbfix_agent("a", "agent");
        struct db_credential c = dbfix_credential(1);
        char longest[DB_HOST_MAX + 2];

        (void)state;
        memset(longest, 'x', sizeof(longest) - 1);
        longest[sizeof(longest) - 1] = 0;
        assert_int_equal(DB_TEXT(h.name, BYTES_STR(longest)), ERR_RANGE);
        assert_int_equal(DB_TEXT(h.name, BYTES("a\0b", 3)), ERR_FORMAT);
        assert_int_equal(DB_TEXT(h.name, BYTES("\xc3", 1)), ERR_FORMAT);
        assert_string_equal(h.name, "a");
        longest[DB_HOST_MAX] = 0;
        assert_int_equal(DB_TEXT(h.name, BYTES_STR(longest)), 0);
        assert_int_equal(db_host_join(db, &h, NULL, NULL), 0);
        assert_int_equal(db_host_get(db, longest, &h), 0);

        strcpy(h.name, "");
        assert_int_equal(db_host_join(db, &h, NULL, NULL), ERR_FORMAT);
        h = dbfix_host("b", 2);
        h.ak_name.len = 67;
        assert_int_equal(db_host_join(db, &h, NULL, NULL), ERR_RANGE);
        h = dbfix_host("b", 2);
        h.state = DB_REVOKED;
        assert_int_equal(db_host_join(db, &h, NULL, NULL), ERR_INVAL);
        h.state = DB_ACTIVE;
        h.joined = UINT64_MAX;
        assert_int_equal(db_host_join(db, &h, NULL, NULL), ERR_INVAL);
        memset(a.owner, 'o', sizeof(a.owner));
        assert_int_equal(db_credential_add(db, &c, &a, NULL, NULL), ERR_RANGE);
        a = dbfix_agent("a", "agent");
        strcpy(a.name, "\xff");
        assert_int_equal(db_credential_add(db, &c, &a, NULL, NULL), ERR_FORMAT);
        assert_int_equal(db_host_get(db, "\xff", &h), ERR_FORMAT);
        assert_int_equal(db_host_get(db, "' OR 1=1 --", &h), ERR_NOENT);
}

/* ---- schema ---- */

static void a_newer_schema_is_left_alone(void **state)
{
        struct db *other = NULL;
        char command[512];

        (void)state;
        assert_int_equal(db_ping(db), 0);
        if (on_pg) {
                pgfix_sql(&pg, "UPDATE numbers SET value = 99 WHERE name = 'schema'");
        } else {
                snprintf(command, sizeof(command), "sqlite3 %s \"UPDATE numbers SET value = 99 WHERE name = 'schema'\"", where);
                assert_int_equal(system(command), 0);
        }
        assert_int_equal(db_open(where, &other), ERR_NOTSUP);
        assert_null(other);
        assert_int_equal(db_ping(db), ERR_NOTSUP);
}

static void open_at_once(unsigned i, void *ctx)
{
        struct db **opened = ctx;

        if (db_open(where, &opened[i]) != 0) {
                print_error("%s\n", err_text());
                opened[i] = NULL;
        }
}

static void many_start_on_an_empty_one(void **state)
{
        struct db *opened[8] = { 0 };

        (void)state;
        db_close(db);
        db = NULL;
        if (on_pg)
                pgfix_empty(&pg);
        else
                assert_int_equal(remove(where), 0);
        dbfix_threads(8, open_at_once, opened);
        for (unsigned i = 0; i < 8; i++) {
                assert_non_null(opened[i]);
                assert_int_equal(db_ping(opened[i]), 0);
                db_close(opened[i]);
        }
        db = dbfix_open(where);
}

/* ---- ends ---- */

static void nothing_answered_is_lost_by_a_kill(void **state)
{
        (void)state;
        dbfix_killed(where, 12);
}

int main(int argc, char **argv)
{
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
        const struct CMUnitTest tests[] = {
                CASE(keeps_all_of_a_host), CASE(a_host_is_its_endorsement_key), CASE(joins_again), CASE(approves_and_revokes_hosts),
                CASE(a_challenge_is_good_once), CASE(those_that_ended_are_swept), CASE(one_of_many_takes_a_challenge),
                CASE(a_token_is_good_once), CASE(a_token_makes_a_pending_host_active),
                CASE(one_identity_of_a_thousand), CASE(one_of_two_that_race_with_a_token), CASE(all_of_one_tpm_that_join_at_once),
                CASE(numbers_rise_and_none_is_given_twice),
                CASE(keeps_all_of_a_credential), CASE(a_tpm_does_not_go_back), CASE(refuses_what_may_not_be_given_out), CASE(an_agent_may_wait_for_approval),
                CASE(sees_host_and_agent_at_once),
                CASE(a_refusal_undoes_nothing_else), CASE(revokes_what_has_not_ended), CASE(nothing_slips_past_a_revocation),
                CASE(lists_hosts_page_by_page), CASE(lists_agents_and_credentials), CASE(sweeps_what_has_ended), CASE(texts_are_bounded),
                CASE(a_newer_schema_is_left_alone), CASE(many_start_on_an_empty_one), CASE(nothing_answered_is_lost_by_a_kill),
        };
        int failed;

        dbfix_writer(argc, argv);
        failed = cmocka_run_group_tests_name("SQLite", tests, sqlite_setup, group_teardown);
        if (!pgfix_there()) {
                print_message("not tested: PostgreSQL, which is not installed (on Debian: apt-get install postgresql)\n");
                return failed;
        }
        return failed + cmocka_run_group_tests_name("PostgreSQL", tests, pg_setup, group_teardown);
}
