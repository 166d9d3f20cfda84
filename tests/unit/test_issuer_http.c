/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "lib/err.h"
#include "tests/httpfix.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: localhost\r\n\r\n"

static int open_plain(void **state)
{
        *state = httpfix_open(NULL, NULL);
        return 0;
}

static int close_plain(void **state)
{
        httpfix_close(*state);
        return 0;
}

static void ask(struct client *c, const char *request, int status, const char *body)
{
        struct answer a;

        assert_true(client_say(c, request));
        assert_true(client_hear(c, strncmp(request, "HEAD ", 5) == 0, &a));
        assert_int_equal(a.status, status);
        if (body != NULL)
                assert_string_equal((const char *)a.body.ptr, body);
        answer_clear(&a);
}

static void answers_many_requests_on_one_connection(void **state)
{
        struct httpfix *f = *state;
        struct client tls, unx;

        assert_true(client_tls(f, NULL, &tls));
        client_unix(f, &unx);
        for (int i = 0; i < 20; i++) {
                ask(&tls, GET("/hello"), 200, "hello");
                ask(&unx, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", 200, "abc");
        }
        client_close(&tls);
        client_close(&unx);
        assert_int_equal(httpfix_metric(f, "holdfast_http_requests_total{route=\"test\",status=\"200\"}"), 40);
        assert_int_equal(httpfix_metric(f, "holdfast_http_accepted_total{via=\"tls\"}"), 1);
}

static void state_lives_with_the_connection(void **state)
{
        struct httpfix *f = *state;
        struct client a, b;

        assert_true(client_tls(f, NULL, &a));
        assert_true(client_tls(f, NULL, &b));
        ask(&a, GET("/count"), 200, "1");
        ask(&a, GET("/count"), 200, "2");
        ask(&b, GET("/count"), 200, "1");
        client_close(&a);
        client_close(&b);
        httpfix_stop(f, 1000);
        assert_int_equal(f->freed, 2);
}

static void knows_its_peers(void **state)
{
        struct httpfix *f = *state;
        char expected[64];
        struct client c;
        struct stat st;

        assert_true(client_tls(f, NULL, &c));
        ask(&c, GET("/who"), 200, "127.0.0.1 -1 TLSv1.3 0");
        client_close(&c);
        client_unix(f, &c);
        snprintf(expected, sizeof(expected), "unix:%u %u  0", (unsigned)getuid(), (unsigned)getuid());
        ask(&c, GET("/who"), 200, expected);
        client_close(&c);
        assert_int_equal(stat(f->unix_path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
}

static void head_is_a_get_without_a_body(void **state)
{
        struct client c;
        struct answer a;

        client_unix(*state, &c);
        assert_true(client_say(&c, "HEAD /hello HTTP/1.1\r\nHost: x\r\n\r\n"));
        assert_true(client_hear(&c, true, &a));
        assert_int_equal(a.status, 200);
        assert_non_null(strstr(a.head, "\r\nContent-Length: 5\r\n"));
        answer_clear(&a);
        ask(&c, GET("/hello"), 200, "hello");
        client_close(&c);
}

static void etags_save_the_body(void **state)
{
        struct client c;
        struct answer a;

        client_unix(*state, &c);
        assert_true(client_say(&c, GET("/list")));
        assert_true(client_hear(&c, false, &a));
        assert_non_null(strstr(a.head, "\r\nETag: \"v1\"\r\n"));
        assert_non_null(strstr(a.head, "\r\nCache-Control: public, max-age=60\r\n"));
        answer_clear(&a);
        ask(&c, "GET /list HTTP/1.1\r\nHost: x\r\nIf-None-Match: \"v0\", W/\"v1\"\r\n\r\n", 304, "");
        ask(&c, "GET /list HTTP/1.1\r\nHost: x\r\nIf-None-Match: \"v2\"\r\n\r\n", 200, "list");
        ask(&c, "GET /list HTTP/1.1\r\nHost: x\r\nIf-None-Match: *\r\n\r\n", 304, "");
        assert_true(client_say(&c, GET("/hello")));
        assert_true(client_hear(&c, false, &a));
        assert_non_null(strstr(a.head, "\r\nCache-Control: no-store\r\n"));
        answer_clear(&a);
        client_close(&c);
}

static void takes_chunked_bodies(void **state)
{
        struct client c;

        assert_true(client_tls(*state, NULL, &c));
        ask(&c, "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX: y\r\n\r\n", 200, "abcde");
        ask(&c, "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200, "");
        ask(&c, "POST /small HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n", 200, "0123456789abcdef");
        ask(&c, "POST /small HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n11\r\n0123456789abcdefg\r\n0\r\n\r\n", 413, NULL);
        assert_true(client_ended(&c));
        client_close(&c);
}

/* Also when each octet comes by itself. */
static void pieces_make_a_request(void **state)
{
        static const char request[] = "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nPOST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nde";
        struct client c;
        struct answer a;

        assert_true(client_tls(*state, NULL, &c));
        for (size_t i = 0; i < sizeof(request) - 1; i++)
                assert_true(client_send(&c, request + i, 1));
        assert_true(client_hear(&c, false, &a));
        assert_string_equal((const char *)a.body.ptr, "abc");
        answer_clear(&a);
        assert_true(client_hear(&c, false, &a));
        assert_string_equal((const char *)a.body.ptr, "de");
        answer_clear(&a);
        client_close(&c);
}

static void pipelined_requests_have_their_turn(void **state)
{
        CLEANUP(buf_clear) struct buf many = { 0 };
        struct client c;
        struct answer a;
        char expected[16];

        for (int i = 0; i < 200; i++)
                buf_printf(&many, GET("/query?%d"), i);
        client_unix(*state, &c);
        assert_true(client_send(&c, many.ptr, many.len));
        for (int i = 0; i < 200; i++) {
                assert_true(client_hear(&c, false, &a));
                snprintf(expected, sizeof(expected), "%d", i);
                assert_string_equal((const char *)a.body.ptr, expected);
                answer_clear(&a);
        }
        client_close(&c);
}

static void says_continue_to_who_waits_for_it(void **state)
{
        static const char head[] = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n";
        struct client c;
        struct answer a;

        assert_true(client_tls(*state, NULL, &c));
        assert_true(client_say(&c, head));
        assert_true(client_hear(&c, false, &a));
        assert_int_equal(a.status, 100);
        answer_clear(&a);
        ask(&c, "abc", 200, "abc");
        /* A body that will not be taken is not asked for. */
        assert_true(client_say(&c, "POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 17\r\nExpect: 100-continue\r\n\r\n"));
        assert_true(client_hear(&c, false, &a));
        assert_int_equal(a.status, 413);
        answer_clear(&a);
        assert_true(client_ended(&c));
        client_close(&c);
}

static void big_bodies_go_both_ways(void **state)
{
        CLEANUP(buf_clear) struct buf body = { 0 };
        char head[128];
        struct client c;
        struct answer a;

        assert_int_equal(buf_reserve(&body, HTTP_BODY_MAX), 0);
        while (body.len < HTTP_BODY_MAX)
                buf_append_u8(&body, (uint8_t)(body.len * 7 >> 3));
        snprintf(head, sizeof(head), "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n", body.len);
        assert_true(client_tls(*state, NULL, &c));
        for (int i = 0; i < 3; i++) {
                assert_true(client_say(&c, head));
                assert_true(client_send(&c, body.ptr, body.len));
                assert_true(client_hear(&c, false, &a));
                assert_int_equal(a.status, 200);
                assert_true(bytes_equal(BYTES_OF(&a.body), BYTES_OF(&body)));
                answer_clear(&a);
        }
        client_close(&c);
        httpfix_stop(*state, 1000);
        assert_int_equal(httpfix_metric(*state, "holdfast_http_body_octets"), 0);
}

static void old_clients_are_served(void **state)
{
        struct client c;

        client_unix(*state, &c);
        ask(&c, "GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200, "hello");
        ask(&c, "GET /hello HTTP/1.0\r\n\r\n", 200, "hello");
        assert_true(client_ended(&c));
        client_close(&c);
        client_unix(*state, &c);
        ask(&c, "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: foo, Close\r\n\r\n", 200, "hello");
        assert_true(client_ended(&c));
        client_close(&c);
}

static void without_tls_there_is_get_only(void **state)
{
        struct client c;

        client_tcp(*state, 2, &c);
        ask(&c, GET("/list"), 200, "list");
        ask(&c, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na", 405, NULL);
        assert_true(client_ended(&c));
        client_close(&c);
}

static void the_log_shows_what_was_answered(void **state)
{
        struct httpfix *f = *state;
        struct client c;

        assert_true(client_tls(f, NULL, &c));
        ask(&c, GET("/query?token=secret"), 200, "token=secret");
        ask(&c, "GET /a\x7f HTTP/1.1\r\nHost: x\r\n\r\n", 400, NULL);
        client_close(&c);
        client_unix(f, &c);
        ask(&c, "HEAD /%22%0a%20x HTTP/1.1\r\nHost: x\r\n\r\n", 404, NULL);
        client_close(&c);
        httpfix_stop(f, 1000);
        assert_non_null(strstr(httpfix_log(f), "Z 127.0.0.1 GET /query 200 12 "));
        assert_non_null(strstr(httpfix_log(f), "us TLSv1.3\n"));
        assert_non_null(strstr(httpfix_log(f), "Z 127.0.0.1 - - 400 "));
        assert_non_null(strstr(httpfix_log(f), " HEAD /%22%0a%20x 404 0 "));
        assert_null(strstr(httpfix_log(f), "secret"));
}

static void *stop_patiently(void *arg)
{
        httpfix_stop(arg, 120000);
        return NULL;
}

static void what_runs_at_the_end_is_answered(void **state)
{
        struct httpfix *f = *state;
        struct client busy, idle, half, late;
        pthread_t stopping;
        struct answer a;

        assert_true(client_tls(f, NULL, &busy));
        assert_true(client_tls(f, NULL, &idle));
        client_unix(f, &half);
        ask(&idle, GET("/hello"), 200, "hello");
        assert_true(client_say(&half, "GET /hello HT"));
        assert_true(client_say(&busy, GET("/wait")));
        httpfix_inside(f, 1);
        assert_int_equal(pthread_create(&stopping, NULL, stop_patiently, f), 0);
        assert_true(client_ended(&idle));
        assert_false(client_unix(f, &late));
        ask(&half, "TP/1.1\r\nHost: x\r\n\r\n", 200, "hello");
        assert_true(client_ended(&half));
        httpfix_release(f);
        assert_true(client_hear(&busy, false, &a));
        assert_int_equal(a.status, 200);
        assert_non_null(strstr(a.head, "\r\nConnection: close\r\n"));
        answer_clear(&a);
        assert_true(client_ended(&busy));
        pthread_join(stopping, NULL);
        client_close(&busy);
        client_close(&idle);
        client_close(&half);
        assert_int_equal(access(f->unix_path, F_OK), -1);
        assert_int_equal(httpfix_metric(f, "holdfast_http_connections{via=\"tls\"}"), 0);
}

/* Who does not come to an end himself. */
static void half_a_request_is_cut_off_at_the_end(void **state)
{
        struct httpfix *f = *state;
        struct client half;

        client_unix(f, &half);
        assert_true(client_say(&half, "GET /hello HT"));
        httpfix_stop(f, 50);
        assert_true(client_ended(&half));
        client_close(&half);
}

static void a_taken_address_is_not_taken_again(void **state)
{
        struct httpfix *f = *state;
        struct http_listen listen = { HTTP_UNIX, f->unix_path, 0600 };
        struct http_server_options o = { .listen = &listen, .listen_n = 1, .handler = (http_handler *)abort };
        struct http_server *s;
        struct client c;
        char where[32];

        assert_int_equal(http_server_open(&o, &s), ERR_EXIST);
        snprintf(where, sizeof(where), "127.0.0.1:%u", http_server_port(f->server, 2));
        listen = (struct http_listen){ HTTP_PLAIN, where, 0 };
        assert_int_equal(http_server_open(&o, &s), ERR_EXIST);
        listen.where = "localhost:0";
        assert_int_equal(http_server_open(&o, &s), ERR_INVAL);
        client_unix(f, &c);
        ask(&c, GET("/hello"), 200, "hello");
        client_close(&c);
}

static void several(struct http_server_options *o)
{
        o->loops = 3;
        o->workers = 4;
}

struct crowd {
        pthread_t thread;
        struct httpfix *f;
        unsigned good;
};

/* Comes again and again until nobody is there any more. */
static void *visit(void *arg)
{
        struct crowd *one = arg;
        struct client c;
        bool there = true;

        while (there && client_unix(one->f, &c)) {
                for (int i = 0; i < 5 && there; i++) {
                        there = client_ask(&c, i % 2 == 0 ? GET("/count") : "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc") == 200;
                        one->good += there;
                }
                client_close(&c);
        }
        return NULL;
}

static void *visit_by_tls(void *arg)
{
        struct crowd *one = arg;
        struct client c;

        for (int k = 0; k < 20; k++) {
                if (!client_tls(one->f, NULL, &c))
                        return NULL;
                for (int i = 0; i < 5; i++)
                        one->good += client_ask(&c, GET("/big?20000")) == 200;
                client_close(&c);
        }
        return NULL;
}

/* Several loops, clients on all of them, another certificate meanwhile, and an end while they still talk. */
static void a_crowd_is_served_to_the_end(void **state)
{
        struct httpfix *f = httpfix_open(NULL, several);
        struct crowd tls[4], unx[4];
        struct http_identity other;

        (void)state;
        httpfix_identity("other", &other);
        for (size_t i = 0; i < 4; i++) {
                tls[i] = (struct crowd){ .f = f };
                unx[i] = (struct crowd){ .f = f };
                assert_int_equal(pthread_create(&tls[i].thread, NULL, visit_by_tls, &tls[i]), 0);
                assert_int_equal(pthread_create(&unx[i].thread, NULL, visit, &unx[i]), 0);
        }
        for (int i = 0; i < 20; i++)
                assert_int_equal(http_server_identity(f->server, i % 2 == 0 ? &other : &f->identity), 0);
        for (size_t i = 0; i < 4; i++) {
                pthread_join(tls[i].thread, NULL);
                assert_int_equal(tls[i].good, 100);
        }
        httpfix_stop(f, 1000);
        for (size_t i = 0; i < 4; i++) {
                pthread_join(unx[i].thread, NULL);
                assert_true(unx[i].good > 0);
        }
        assert_int_equal(httpfix_metric(f, "holdfast_http_connections{via=\"unix\"}"), 0);
        assert_int_equal(httpfix_metric(f, "holdfast_http_body_octets"), 0);
        httpfix_identity_clear(&other);
        httpfix_close(f);
}

#define SERVED(test) cmocka_unit_test_setup_teardown(test, open_plain, close_plain)

int main(void)
{
        const struct CMUnitTest tests[] = {
                SERVED(answers_many_requests_on_one_connection),
                SERVED(state_lives_with_the_connection),
                SERVED(knows_its_peers),
                SERVED(head_is_a_get_without_a_body),
                SERVED(etags_save_the_body),
                SERVED(takes_chunked_bodies),
                SERVED(pieces_make_a_request),
                SERVED(pipelined_requests_have_their_turn),
                SERVED(says_continue_to_who_waits_for_it),
                SERVED(big_bodies_go_both_ways),
                SERVED(old_clients_are_served),
                SERVED(without_tls_there_is_get_only),
                SERVED(the_log_shows_what_was_answered),
                SERVED(what_runs_at_the_end_is_answered),
                SERVED(half_a_request_is_cut_off_at_the_end),
                SERVED(a_taken_address_is_not_taken_again),
                cmocka_unit_test(a_crowd_is_served_to_the_end),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
