/* SPDX-License-Identifier: BSD-2-Clause */
/* The issuer's clock jumps by ten years, forth and back: what it then gives out nobody could use, so it gives nothing out and says so; and when the clock
 * is right again all is as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "issuer/steady.h"
#include "tests/issuerfix.h"

#define YEARS 315576000ull      /* ten */
#define SETTINGS "[trust]\nfirst-use = yes\n" ISSUERFIX_PROFILE

struct world {
        struct issuerfix x;
        struct wire w;
        uint64_t right;
};

static void begin(struct world *o, void **state)
{
        *o = (struct world){ .right = issuerfix_now };
        issuerfix_open(&o->x, *state, SETTINGS);
        wire_open(&o->w, &o->x);
        assert_int_equal(wire_join(&o->w, ISSUERFIX_HOST, NULL, NULL), 200);
}

static void end(struct world *o)
{
        issuerfix_now = o->right;
        wire_close(&o->w);
        issuerfix_close(&o->x);
}

/* The clock jumps between the nonce and the request. */
static int ask_then(struct world *o, uint64_t then, json_t **ret)
{
        CLEANUP(buf_clear) struct buf nonce = { 0 }, evidence = { 0 };

        wire_nonce(&o->w, &nonce);
        hostfix_evidence(o->x.host, BYTES_OF(&nonce), &(struct hostfix_wish){ 0 }, &evidence);
        issuerfix_now = then;
        return wire_post(&o->w, "/v1/credential", wire_credential_body("a", &evidence, "x509"), ret);
}

static void gives_nothing_at(struct world *o, uint64_t then)
{
        json_t *answer = NULL;
        unsigned before = issuerfix_records(&o->x, AUDIT_ISSUE, AUDIT_ALLOWED, NULL);

        wire_require_problem(ask_then(o, then, &answer), &answer, "busy");
        wire_require_problem(wire_get(&o->w, "/readyz", &answer), &answer, "busy");
        assert_int_equal(wire_get(&o->w, "/healthz", NULL), 200);
        wire_require_problem(wire_join(&o->w, ISSUERFIX_HOST, NULL, &answer), &answer, "busy");
        assert_int_equal(issuerfix_records(&o->x, AUDIT_ISSUE, AUDIT_ALLOWED, NULL), before);
        json_decref(answer);
}

static void gives_at(struct world *o, uint64_t then)
{
        json_t *answer = NULL;

        assert_int_equal(ask_then(o, then, &answer), 200);
        assert_int_equal(json_integer_value(json_object_get(answer, "not_after")), then + 3600);
        assert_int_equal(wire_get(&o->w, "/readyz", NULL), 200);
        json_decref(answer);
}

static void ten_years_ahead_and_back(void **state)
{
        struct world o;

        begin(&o, state);
        gives_at(&o, o.right);
        gives_nothing_at(&o, o.right + YEARS);
        gives_at(&o, o.right);
        end(&o);
}

static void ten_years_back_and_right_again(void **state)
{
        struct world o;

        begin(&o, state);
        gives_nothing_at(&o, o.right - YEARS);
        gives_at(&o, o.right);
        gives_nothing_at(&o, 0);
        gives_at(&o, o.right);
        end(&o);
}

/* Within the CA's life a jump is not seen; nonces go by another clock. */
static void a_nonce_is_not_older_or_younger_by_a_jump(void **state)
{
        CLEANUP(buf_clear) struct buf nonce = { 0 }, evidence = { 0 };
        json_t *answer = NULL;
        struct world o;

        begin(&o, state);
        gives_at(&o, o.right + YEARS / 2);
        gives_at(&o, o.right);
        wire_nonce(&o.w, &nonce);
        hostfix_evidence(o.x.host, BYTES_OF(&nonce), &(struct hostfix_wish){ 0 }, &evidence);
        issuerfix_ticks += 61;
        issuerfix_now -= 30;
        wire_require_problem(wire_post(&o.w, "/v1/credential", wire_credential_body("a", &evidence, "x509"), &answer), &answer, "nonce");
        json_decref(answer);
        end(&o);
}

/* Who is revoked stays so, whatever the time. */
static void what_is_revoked_stays_so(void **state)
{
        const uint64_t jumps[] = { YEARS / 2, 0 };
        json_t *answer = NULL;
        struct world o;

        begin(&o, state);
        gives_at(&o, o.right);
        assert_int_equal(wire_admin(&o.x, "/v1/admin/revoke", json_pack("{s:s}", "host", ISSUERFIX_HOST), NULL), 200);
        for (size_t i = 0; i < ARRAY_LEN(jumps); i++) {
                wire_require_problem(ask_then(&o, o.right + jumps[i], &answer), &answer, "revoked");
                wire_require_problem(wire_join(&o.w, ISSUERFIX_HOST, NULL, &answer), &answer, "revoked");
        }
        json_decref(answer);
        end(&o);
}

/* --- Which clock is believed --- */

static void a_jump_is_seen_and_a_drift_is_none(void **state)
{
        struct steady s = { 0 };
        uint64_t wall = 1795600000, boot = 5;

        (void)state;
        assert_int_equal(steady_for(&s, wall, boot), 0);
        /* A day, over which NTP has corrected a quarter of an hour. */
        for (unsigned i = 0; i < 86400; i++) {
                boot++;
                wall += i % 96 == 0 ? 2 : 1;
                assert_int_equal(steady_for(&s, wall, boot), i + 1);
        }
        /* Suspended for a week: both clocks go on. */
        assert_int_equal(steady_for(&s, wall += 604800, boot += 604800), 86400 + 604800);
        assert_int_equal(steady_for(&s, wall += YEARS, ++boot), 0);
        assert_int_equal(steady_for(&s, wall += 10, boot += 10), 10);
        assert_int_equal(steady_for(&s, wall -= YEARS, ++boot), 0);
        assert_int_equal(steady_for(&s, wall -= wall, ++boot), 0);
        assert_int_equal(steady_for(&s, wall += 61, boot), 0);
        assert_int_equal(steady_for(&s, wall += 59, ++boot), 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(ten_years_ahead_and_back),
                cmocka_unit_test(ten_years_back_and_right_again),
                cmocka_unit_test(a_nonce_is_not_older_or_younger_by_a_jump),
                cmocka_unit_test(what_is_revoked_stays_so),
                cmocka_unit_test(a_jump_is_seen_and_a_drift_is_none),
        };

        return cmocka_run_group_tests(tests, hostfix_start, hostfix_stop);
}
