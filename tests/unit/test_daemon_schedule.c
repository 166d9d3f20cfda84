/* SPDX-License-Identifier: BSD-2-Clause */
/* When things are renewed: by a clock that nobody sets, early enough, not all at once, and neither never nor all the time when clocks jump. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "daemon/schedule.h"

#define NOW 1795600000ull
#define YEARS 315360000ull      /* ten */
#define HOUR 3600ull

static struct schedule_now at(uint64_t boot_s, uint64_t wall, uint32_t random)
{
        return (struct schedule_now){ .boot_ms = boot_s * 1000, .wall = wall, .random = random };
}

static struct schedule issued(const struct schedule_now *n)
{
        struct schedule s;

        schedule_issued(&s, n, n->wall, n->wall + 2400, n->wall + HOUR);
        return s;
}

static void at_two_thirds_of_its_life_or_a_little_before(void **state)
{
        (void)state;
        for (uint32_t random = 0; random < 10000000; random += 12347) {
                struct schedule_now n = at(100, NOW, random);
                struct schedule s = issued(&n);
                uint64_t wait = schedule_wait(&s, &n);

                assert_true(wait <= 2400000);
                assert_true(wait >= 2400000 - HOUR * 1000 / 20);
        }
}

static void two_of_them_do_not_come_at_once(void **state)
{
        struct schedule_now a = at(0, NOW, 1), b = at(0, NOW, 100000);
        struct schedule x = issued(&a), y = issued(&b);

        (void)state;
        assert_true(schedule_wait(&x, &a) != schedule_wait(&y, &b));
}

static void the_time_of_day_may_jump(void **state)
{
        struct schedule_now n = at(100, NOW, 0), back = at(101, NOW - YEARS, 0), forth = at(101, NOW + YEARS, 0);
        struct schedule s = issued(&n);

        (void)state;
        /* Back: as if nothing had been. */
        assert_int_equal(schedule_wait(&s, &back), 2399000);
        /* Forth: it looks over, so it is tried at once, and if that does not help then not all the time. */
        assert_int_equal(schedule_wait(&s, &forth), 0);
        schedule_failed(&s, &forth);
        assert_true(schedule_wait(&s, &forth) >= 1000);
        for (unsigned i = 0; i < 20; i++)
                schedule_failed(&s, &forth);
        assert_true(schedule_wait(&s, &forth) >= HOUR * 1000 / 20);
}

static void a_start_under_a_wrong_clock_does_not_sleep_for_years(void **state)
{
        struct schedule_now n = at(100, NOW - YEARS, 0);
        struct schedule s;

        (void)state;
        schedule_kept(&s, &n, NOW, NOW + 2400, NOW + HOUR);
        assert_int_equal(schedule_wait(&s, &n), 2400000);
        n.wall = NOW + YEARS;
        schedule_kept(&s, &n, NOW, NOW + 2400, NOW + HOUR);
        assert_int_equal(schedule_wait(&s, &n), 0);
}

/* A life of an hour, and a day for the time without an issuer: nothing is asked for more seldom, or earlier. */
static void what_is_good_for_longer_is_renewed_as_often(void **state)
{
        (void)state;
        for (uint32_t random = 0; random < 10000000; random += 12347) {
                struct schedule_now n = at(100, NOW, random);
                struct schedule s;
                uint64_t wait;

                schedule_issued(&s, &n, NOW, NOW + 2400, NOW + 24 * HOUR);
                wait = schedule_wait(&s, &n);
                assert_true(wait <= 2400000);
                assert_true(wait >= 2400000 - HOUR * 1000 / 20);
                for (unsigned i = 0; i < 20; i++)
                        schedule_failed(&s, &n);
                assert_true(schedule_wait(&s, &n) <= HOUR * 1000 / 10);
        }
}

/* Our clock is ahead, or the issuer wants it so. */
static void what_was_due_before_it_was_there_is_not_renewed_all_the_time(void **state)
{
        struct schedule_now n = at(100, NOW + 3000, 12345);
        struct schedule s;

        (void)state;
        schedule_issued(&s, &n, NOW, NOW + 2400, NOW + HOUR);
        assert_int_equal(schedule_wait(&s, &n), 60000);
        schedule_issued(&s, &n, NOW, NOW, NOW + YEARS);
        assert_int_equal(schedule_wait(&s, &n), 60000);
        schedule_issued(&s, &n, n.wall - 10, n.wall - 10, n.wall + 2);
        assert_int_equal(schedule_wait(&s, &n), 1000);
}

static void failures_back_off_to_a_tenth_of_the_life(void **state)
{
        struct schedule_now n = at(100, NOW, 0xffffffff);
        struct schedule s, never = { 0 };
        uint64_t last = 0;

        (void)state;
        schedule_issued(&s, &n, NOW, NOW + 13, NOW + 20);
        for (unsigned i = 0; i < 40; i++) {
                schedule_failed(&s, &n);
                assert_true(schedule_wait(&s, &n) >= 250);
                assert_true(schedule_wait(&s, &n) <= 2000);
        }
        /* What was never issued: to ten minutes. */
        for (unsigned i = 0; i < 40; i++) {
                schedule_failed(&never, &n);
                last = schedule_wait(&never, &n);
                assert_true(last <= 600000);
        }
        assert_true(last >= 300000);
        schedule_issued(&s, &n, NOW, NOW + 13, NOW + 20);
        assert_int_equal(s.failures, 0);
}

static void nothing_was_issued_yet(void **state)
{
        struct schedule_now n = at(100, NOW, 0);
        struct schedule s = { 0 };

        (void)state;
        assert_int_equal(schedule_wait(&s, &n), 0);
        schedule_now(&n);
        assert_true(n.boot_ms > 0 && n.wall > NOW - YEARS);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(at_two_thirds_of_its_life_or_a_little_before),
                cmocka_unit_test(two_of_them_do_not_come_at_once),
                cmocka_unit_test(the_time_of_day_may_jump),
                cmocka_unit_test(a_start_under_a_wrong_clock_does_not_sleep_for_years),
                cmocka_unit_test(what_is_good_for_longer_is_renewed_as_often),
                cmocka_unit_test(what_was_due_before_it_was_there_is_not_renewed_all_the_time),
                cmocka_unit_test(failures_back_off_to_a_tenth_of_the_life),
                cmocka_unit_test(nothing_was_issued_yet),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
