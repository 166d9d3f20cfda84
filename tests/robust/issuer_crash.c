/* SPDX-License-Identifier: BSD-2-Clause */
/* F2 for the issuer: holdfast-issuer, on SQLite, killed on entry to each system call of a join, of a credential request, of a revocation, and of its
 * start. What was answered is in its log and in its database, the log verifies, and the next start serves. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "tests/robust/issued.h"
#include "tests/robust/robust.h"

#define BEHIND_MS 50
#define BEHIND_CALLS 5

static void *host;
static struct program issuer;
static struct given_list given = { .lock = PTHREAD_MUTEX_INITIALIZER };

struct damage {
        unsigned runs, answered, lost, faults, refused, unusable;
        char first[200];
};

/* A request to be killed at. `with` is what its judge wants to know of it. */
struct act {
        const char *what;
        const char *path;
        /* What to ask, over this connection. */
        json_t *(*body)(struct line *l, char with[64]);
        /* After the restart: how much that was answered is not there, or is there by half. */
        unsigned (*missing)(bool answered, const json_t *answer, const char *with);
};

/* --- A credential --- */

static json_t *credential_body(struct line *l, char with[64])
{
        int status;
        json_t *body = host_wish(l, host, &status);

        with[0] = '\0';
        if (body == NULL)
                fail_msg("no nonce: %d", status);
        return body;
}

static unsigned credential_missing(bool answered, const json_t *answer, const char *with)
{
        unsigned log, db;

        (void)with;
        if (answered)
                given_add(&given, &issuer, answer);
        given_missing(&given, &issuer, &log, &db);
        return log + db;
}

/* --- A join --- */

static json_t *join_body(struct line *l, char with[64])
{
        json_t *asked = NULL, *answer;

        with[0] = '\0';
        assert_int_equal(line_ask(l, "/v1/join", hostfix_join_body(host, ISSUERFIX_HOST), &asked), 200);
        answer = hostfix_answer(host, asked);
        json_decref(asked);
        return answer;
}

struct joins {
        uint64_t newest, of_host;
        bool found;
};

static void look_for_join(void *ctx, uint64_t number, const struct audit_record *r)
{
        struct joins *j = ctx;

        if (r->event != AUDIT_JOIN || r->decision != AUDIT_ALLOWED)
                return;
        j->newest = number;
        j->found = j->found || number == j->of_host;
}

/* The host's row names a join that is in the log; after an answer the newest. */
static unsigned join_missing(bool answered, const json_t *answer, const char *with)
{
        struct joins j = { 0 };
        json_t *list = NULL;

        (void)with;
        (void)answer;
        if (program_ask(&issuer, "/v1/admin/hosts", NULL, &list) != 200 || json_array_size(list) != 1)
                return 1;
        j.of_host = (uint64_t)json_integer_value(json_object_get(json_array_get(list, 0), "record"));
        json_decref(list);
        program_records(&issuer, look_for_join, &j);
        return !j.found || (answered && j.newest != j.of_host);
}

/* --- A revocation --- */

static json_t *revoke_body(struct line *l, char with[64])
{
        json_t *answer = NULL;

        assert_int_equal(line_ask(l, "/v1/credential", credential_body(l, with), &answer), 200);
        given_add(&given, &issuer, answer);
        snprintf(with, 64, "%s", json_string_value(json_object_get(answer, "serial")));
        json_decref(answer);
        return json_pack("{s:s s:s}", "serial", with, "reason", "superseded");
}

struct revoked {
        const char *serial;
        bool found;
};

static void look_for_revoked(void *ctx, uint64_t number, const struct audit_record *r)
{
        struct revoked *s = ctx;

        (void)number;
        if (r->event == AUDIT_REVOKE && r->decision == AUDIT_ALLOWED && r->detail.len > 0 && memmem(r->detail.ptr, r->detail.len, s->serial, strlen(s->serial)))
                s->found = true;
}

/* What was answered is in the list; what is in the list is in the log. */
static unsigned revoke_missing(bool answered, const json_t *answer, const char *with)
{
        struct revoked s = { .serial = with };
        bool listed = program_revoked(&issuer, with);

        (void)answer;
        program_records(&issuer, look_for_revoked, &s);
        return (answered && !listed) || (listed && !s.found) || (answered && !s.found);
}

static const struct act acts[] = {
        { "a credential", "/v1/credential", credential_body, credential_missing },
        { "a join", "/v1/join/answer", join_body, join_missing },
        { "a revocation", "/v1/admin/revoke", revoke_body, revoke_missing },
};

/* --- The runs --- */

/* The answer if one came before it died, NULL otherwise. */
static json_t *ask_armed(const struct act *d, struct tracer *t, unsigned long at, char with[64])
{
        json_t *body, *answer = NULL;
        struct line l;
        int status;

        assert_true(line_open(&l, &issuer));
        body = d->body(&l, with);
        tracer_arm(t, at);
        status = line_ask(&l, d->path, body, &answer);
        /* What it does behind its answer. */
        for (int i = 0; i < BEHIND_MS && at > 0 && t->pid != 0; i++)
                tracer_run(t, 1);
        line_close(&l);
        if (status == 200)
                return answer;
        assert_int_equal(status, -1);
        return NULL;
}

static void refused(struct damage *d)
{
        if (d->refused++ == 0)
                program_said(&issuer, d->first);
}

/* One of them with the issuer killed at that call; 0: not at all, and the calls are counted. */
static unsigned long run(const struct act *d, unsigned long at, struct damage *ret)
{
        json_t *answer = NULL;
        struct tracer t;
        char with[64];

        ret->runs++;
        if (!program_start_traced(&issuer, &t, false, 0)) {
                refused(ret);
                return 0;
        }
        answer = ask_armed(d, &t, at, with);
        ret->answered += answer != NULL;
        program_end_traced(&t);
        if (program_start(&issuer)) {
                ret->lost += d->missing(answer != NULL, answer, with);
                ret->faults += !program_log_good(&issuer);
        } else {
                refused(ret);
        }
        program_end(&issuer, SIGKILL);
        json_decref(answer);
        return t.calls;
}

static void row(const char *what, unsigned long n, unsigned long stride, const struct damage *d, bool ok)
{
        char text[120];

        snprintf(text, sizeof(text), "the issuer killed at each of %lu system calls of %s%s", n, what, stride > 1 ? ", some of them" : "");
        robust_row(ok && n > 20 && d->lost + d->faults + d->refused == 0, "F2", text,
                   "%u runs: %u answered, %u not in log and database, %u logs that do not hold, %u times not started%s%s", d->runs, d->answered, d->lost,
                   d->faults, d->refused, d->first[0] != '\0' ? ": " : "", d->first);
}

static void killed_while_asked(const struct act *d, unsigned long stride)
{
        struct damage damage = { 0 };
        unsigned long n = run(d, 0, &damage);

        for (unsigned long k = 1; k <= n + BEHIND_CALLS; k += stride)
                run(d, k, &damage);
        /* Whatever was cut off, one more goes well. */
        run(d, 0, &damage);
        row(d->what, n, stride, &damage, damage.answered > 1 && damage.answered < damage.runs);
}

/* What was given out before is still there whenever a start was cut off. */
static unsigned long run_start(unsigned long at, struct damage *ret)
{
        unsigned log, db;
        struct tracer t;
        bool up;

        ret->runs++;
        up = program_start_traced(&issuer, &t, true, at);
        program_end_traced(&t);
        ret->answered += up;
        if (program_start(&issuer)) {
                given_missing(&given, &issuer, &log, &db);
                ret->lost += log + db;
                ret->faults += !program_log_good(&issuer);
        } else {
                refused(ret);
        }
        program_end(&issuer, SIGKILL);
        return t.calls;
}

static void killed_while_starting(unsigned long runs)
{
        struct damage damage = { 0 };
        unsigned long n = run_start(0, &damage), stride = n / runs + 1;

        for (unsigned long k = 1; k <= n; k += stride)
                run_start(k, &damage);
        run_start(0, &damage);
        row("its start", n, stride, &damage, damage.answered > 1 && damage.answered < damage.runs);
}

int main(void)
{
        unsigned long stride = (unsigned long)robust_count(17, 1);
        const struct hostfix *h;
        struct line l;

        if (!program_there()) {
                fprintf(stderr, "no holdfast-issuer, or no holdfast\n");
                return 77;
        }
        setvbuf(stdout, NULL, _IOLBF, 0);
        hostfix_start(&host);
        h = host;
        program_make(&issuer, h->f.swtpm.dir, "issuer", NULL, NULL);
        if (!program_start(&issuer) || !line_open(&l, &issuer))
                fail_msg("the issuer does not start: see %s", issuer.words);
        assert_int_equal(host_join(&l, host), 200);
        line_close(&l);
        program_end(&issuer, SIGTERM);

        for (size_t i = 0; i < ARRAY_LEN(acts); i++)
                killed_while_asked(&acts[i], stride);
        killed_while_starting((unsigned long)robust_count(4, 200));
        given_clear(&given);
        hostfix_stop(&host);
        return robust_end();
}
