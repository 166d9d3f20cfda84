/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include "issuer/metrics.h"

static int make(void **state)
{
        *state = metrics_new();
        return *state != NULL ? 0 : -1;
}

static int unmake(void **state)
{
        metrics_free(*state);
        return 0;
}

static void expect(struct metrics *m, const char *line)
{
        CLEANUP(buf_clear) struct buf text = { 0 };

        assert_int_equal(metrics_text(m, &text), 0);
        if (strstr(buf_str(&text), line) == NULL)
                fail_msg("%s is not in\n%s", line, buf_str(&text));
}

static void counts_by_label(void **state)
{
        metrics_count(*state, METRIC_REQUESTS, "/v1/join", "200", 1);
        metrics_count(*state, METRIC_REQUESTS, "/v1/join", "200", 2);
        metrics_count(*state, METRIC_REQUESTS, "/v1/join", "403", 1);
        expect(*state, "# TYPE holdfast_http_requests_total counter\nholdfast_http_requests_total{route=\"/v1/join\",status=\"200\"} 3\n"
                       "holdfast_http_requests_total{route=\"/v1/join\",status=\"403\"} 1\n");
        metrics_count(NULL, METRIC_REQUESTS, "/v1/join", "200", 1);
}

static void gauges_go_both_ways(void **state)
{
        metrics_move(*state, METRIC_QUEUE, NULL, 3);
        metrics_move(*state, METRIC_QUEUE, NULL, -1);
        expect(*state, "# TYPE holdfast_http_queue gauge\nholdfast_http_queue 2\n");
        metrics_set(*state, METRIC_READY, NULL, 1);
        metrics_set(*state, METRIC_READY, NULL, 0);
        expect(*state, "\nholdfast_ready 0\n");
}

static void histograms_add_up(void **state)
{
        metrics_seconds(*state, METRIC_REQUEST_SECONDS, "r", 0.0004);
        metrics_seconds(*state, METRIC_REQUEST_SECONDS, "r", 0.02);
        metrics_seconds(*state, METRIC_REQUEST_SECONDS, "r", 60);
        expect(*state, "\nholdfast_http_request_seconds_bucket{route=\"r\",le=\"0.0005\"} 1\n");
        expect(*state, "\nholdfast_http_request_seconds_bucket{route=\"r\",le=\"0.01\"} 1\n");
        expect(*state, "\nholdfast_http_request_seconds_bucket{route=\"r\",le=\"0.025\"} 2\n");
        expect(*state, "\nholdfast_http_request_seconds_bucket{route=\"r\",le=\"10\"} 2\n");
        expect(*state, "\nholdfast_http_request_seconds_bucket{route=\"r\",le=\"+Inf\"} 3\n");
        expect(*state, "\nholdfast_http_request_seconds_count{route=\"r\"} 3\n");
        expect(*state, "\nholdfast_http_request_seconds_sum{route=\"r\"} 60.020400\n");
        metrics_seconds(*state, METRIC_VERIFY_SECONDS, NULL, 0.3);
        expect(*state, "\nholdfast_evidence_verify_seconds_bucket{le=\"0.5\"} 1\n");
        expect(*state, "\nholdfast_evidence_verify_seconds_count 1\n");
}

static void strangers_cannot_write_lines(void **state)
{
        metrics_count(*state, METRIC_CREDENTIAL_REFUSED, "a\"} 7\nb\\\xff", NULL, 1);
        expect(*state, "\nholdfast_credentials_refused_total{reason=\"a?} 7?b??\"} 1\n");
}

/* Whoever makes up labels makes up 255, and then has one more between them. */
static void labels_are_bounded(void **state)
{
        char label[16];
        CLEANUP(buf_clear) struct buf text = { 0 };
        size_t lines = 0;

        for (int i = 0; i < 1000; i++) {
                snprintf(label, sizeof(label), "%d", i);
                metrics_count(*state, METRIC_CREDENTIAL_REFUSED, label, NULL, 1);
        }
        metrics_count(*state, METRIC_CREDENTIAL_REFUSED, "7", NULL, 1);
        expect(*state, "\nholdfast_credentials_refused_total{reason=\"other\"} 745\n");
        expect(*state, "\nholdfast_credentials_refused_total{reason=\"7\"} 2\n");
        assert_int_equal(metrics_text(*state, &text), 0);
        for (size_t i = 0; i < text.len; i++)
                lines += text.ptr[i] == '\n';
        assert_int_equal(lines, 2 + 256);
}

/* A row that nobody wrote a name for would be a NULL here. */
static void every_number_has_a_name(void **state)
{
        CLEANUP(buf_clear) struct buf text = { 0 };

        for (int i = 0; i < METRIC_N; i++)
                metrics_count(*state, (enum metric)i, "x", "y", 1);
        assert_int_equal(metrics_text(*state, &text), 0);
        assert_null(strstr(buf_str(&text), "(null)"));
}

#define MADE(test) cmocka_unit_test_setup_teardown(test, make, unmake)

int main(void)
{
        const struct CMUnitTest tests[] = {
                MADE(counts_by_label), MADE(gauges_go_both_ways), MADE(histograms_add_up), MADE(strangers_cannot_write_lines), MADE(labels_are_bounded), MADE(every_number_has_a_name),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
