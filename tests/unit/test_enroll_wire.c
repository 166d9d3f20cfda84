/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames between a program and its holdfast-http: what is written is read, and nothing else; and the program itself, without an issuer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "enroll/link.h"
#include "enroll/wire.h"
#include "lib/err.h"

#define LONG_MS 60000
#define OURS 77                 /* a descriptor that stays open where a program is started */

static void both_ways(const struct wire_frame *f)
{
        CLEANUP(buf_clear) struct buf b = { 0 }, again = { 0 };
        struct wire_frame got;

        assert_int_equal(wire_encode(f, &b), 0);
        assert_int_equal(wire_decode(BYTES(b.ptr + 4, b.len - 4), &got), 0);
        assert_int_equal(got.type, f->type);
        assert_int_equal(wire_encode(&got, &again), 0);
        assert_true(bytes_equal(BYTES_OF(&b), BYTES_OF(&again)));
        for (size_t i = 4; i < b.len; i++)
                assert_int_equal(wire_decode(BYTES(b.ptr + 4, i - 4), &got), ERR_FORMAT);
        assert_int_equal(buf_append_u8(&b, 0), 0);
        assert_int_equal(wire_decode(BYTES(b.ptr + 4, b.len - 4), &got), ERR_FORMAT);
}

static void what_is_written_is_read(void **state)
{
        (void)state;
        both_ways(&(struct wire_frame){ .type = WIRE_TARGET, .url = BYTES_STR("https://x"), .ca = BYTES_STR("pem") });
        both_ways(&(struct wire_frame){ .type = WIRE_REQUEST, .post = true, .path = BYTES_STR("/v1"), .body = BYTES_STR("{}") });
        both_ways(&(struct wire_frame){ .type = WIRE_REQUEST, .path = BYTES_STR("/v1") });
        both_ways(&(struct wire_frame){ .type = WIRE_READY });
        both_ways(&(struct wire_frame){ .type = WIRE_REPLY, .status = 503, .body = BYTES_STR("{}") });
        both_ways(&(struct wire_frame){ .type = WIRE_FAILED, .error = ERR_IO, .text = BYTES_STR("why") });
}

static void too_much_is_not_written(void **state)
{
        CLEANUP(free_ptr) uint8_t *much = calloc(1, WIRE_MAX);
        CLEANUP(buf_clear) struct buf b = { 0 };

        (void)state;
        assert_int_equal(wire_encode(&(struct wire_frame){ .type = WIRE_TARGET, .url = BYTES(much, WIRE_URL_MAX + 1) }, &b), ERR_RANGE);
        assert_int_equal(wire_encode(&(struct wire_frame){ .type = WIRE_TARGET, .ca = BYTES(much, WIRE_CA_MAX + 1) }, &b), ERR_RANGE);
        assert_int_equal(wire_encode(&(struct wire_frame){ .type = WIRE_REQUEST, .path = BYTES(much, WIRE_PATH_MAX + 1) }, &b), ERR_RANGE);
        assert_int_equal(wire_encode(&(struct wire_frame){ .type = WIRE_REQUEST, .body = BYTES(much, WIRE_MAX) }, &b), ERR_RANGE);
        assert_int_equal(wire_encode(&(struct wire_frame){ .type = WIRE_REPLY, .body = BYTES(much, WIRE_REPLY_MAX + 1) }, &b), ERR_RANGE);
}

static void half_a_frame_is_an_error_and_none_is_an_end(void **state)
{
        CLEANUP(buf_clear) struct buf room = { 0 };
        struct wire_frame f;
        int pair[2];

        (void)state;
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
        assert_int_equal(wire_receive(pair[0], wire_now_ms() + 20, &room, &f), ERR_TIMEOUT);
        assert_int_equal(wire_send(pair[1], &(struct wire_frame){ .type = WIRE_READY }, wire_now_ms() + LONG_MS), 0);
        assert_int_equal(wire_receive(pair[0], wire_now_ms() + LONG_MS, &room, &f), 0);
        assert_int_equal(f.type, WIRE_READY);
        assert_int_equal(write(pair[1], "\0\0\0\5\1", 5), 5);
        close(pair[1]);
        assert_int_equal(wire_receive(pair[0], wire_now_ms() + LONG_MS, &room, &f), ERR_IO);
        assert_int_equal(wire_receive(pair[0], wire_now_ms() + LONG_MS, &room, &f), ERR_NOENT);
        close(pair[0]);
}

static void a_length_is_looked_at_before_there_is_room_for_it(void **state)
{
        CLEANUP(buf_clear) struct buf room = { 0 };
        struct wire_frame f;
        int pair[2];

        (void)state;
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
        assert_int_equal(write(pair[1], "\x7f\xff\xff\xff\1", 5), 5);
        assert_int_equal(wire_receive(pair[0], wire_now_ms() + LONG_MS, &room, &f), ERR_FORMAT);
        assert_int_equal(room.cap, 0);
        close(pair[0]);
        close(pair[1]);
}

static const char *program(void)
{
        const char *p = getenv("HOLDFAST_HTTP");

        assert_non_null(p);
        return p;
}

static void only_https_and_only_with_certificates(void **state)
{
        static const char *const bad[] = {
                "http://issuer.example", "https://", "HTTPS://issuer.example", "https://user@issuer.example", "https://issuer.example/?a=b",
                "https://issuer.example/#a", "https://issuer .example", "file:///etc/passwd", "",
        };
        struct link *l = NULL;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                if (link_open(&(struct link_target){ .program = program(), .url = bad[i] }, &l) != ERR_INVAL)
                        fail_msg("%s: %s", bad[i], err_text());
        assert_int_equal(link_open(&(struct link_target){ .program = program(), .url = "https://issuer.example", .ca = BYTES_STR("nothing") }, &l), ERR_INVAL);
        assert_null(l);
}

static void nobody_there_is_told_and_the_program_goes_on(void **state)
{
        CLEANUP(buf_clear) struct buf body = { 0 };
        struct link *l = NULL;
        unsigned status;

        (void)state;
        assert_int_equal(link_open(&(struct link_target){ .program = program(), .url = "https://127.0.0.1:1/" }, &l), 0);
        for (unsigned i = 0; i < 2; i++) {
                assert_int_equal(link_get(l, "/healthz", &status, &body), ERR_IO);
                assert_false(link_broken(l));
        }
        assert_int_equal(link_get(l, "healthz", &status, &body), ERR_INVAL);
        assert_int_equal(link_get(l, "/a b", &status, &body), ERR_INVAL);
        link_cut(l);
        assert_int_equal(link_get(l, "/healthz", &status, &body), ERR_IO);
        assert_true(link_broken(l));
        link_close(l);
}

static void a_program_that_is_not_there(void **state)
{
        struct link *l = NULL;

        (void)state;
        assert_int_equal(link_open(&(struct link_target){ .program = "/nonexistent", .url = "https://x" }, &l), ERR_NOENT);
        assert_int_equal(link_open(&(struct link_target){ .socket = "/nonexistent", .url = "https://x" }, &l), ERR_NOENT);
        assert_int_equal(link_open(&(struct link_target){ .program = "/bin/true", .url = "https://x" }, &l), ERR_IO);
}

/* A TPM may be open where the program is started, and it speaks to strangers. */
static void it_has_its_socket_and_nothing_else_of_ours(void **state)
{
        char dir[] = "/tmp/holdfast-wire-XXXXXX", script[64], ran[64], leaked[64];
        struct link *l = NULL;
        FILE *f;

        (void)state;
        assert_non_null(mkdtemp(dir));
        snprintf(script, sizeof(script), "%s/program", dir);
        snprintf(ran, sizeof(ran), "%s/ran", dir);
        snprintf(leaked, sizeof(leaked), "%s/leaked", dir);
        f = fopen(script, "we");
        assert_non_null(f);
        fprintf(f, "#!/bin/sh\n[ ! -e /proc/$$/fd/%d ] || : >%s\n: >%s\n", OURS, leaked, ran);
        assert_int_equal(fchmod(fileno(f), 0700), 0);
        assert_int_equal(fclose(f), 0);
        assert_int_equal(dup2(STDERR_FILENO, OURS), OURS);
        assert_int_equal(link_open(&(struct link_target){ .program = script, .url = "https://x" }, &l), ERR_IO);
        close(OURS);
        assert_int_equal(access(ran, F_OK), 0);
        assert_int_not_equal(access(leaked, F_OK), 0);
        unlink(ran);
        unlink(script);
        assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_written_is_read),
                cmocka_unit_test(too_much_is_not_written),
                cmocka_unit_test(half_a_frame_is_an_error_and_none_is_an_end),
                cmocka_unit_test(a_length_is_looked_at_before_there_is_room_for_it),
                cmocka_unit_test(only_https_and_only_with_certificates),
                cmocka_unit_test(nobody_there_is_told_and_the_program_goes_on),
                cmocka_unit_test(a_program_that_is_not_there),
                cmocka_unit_test(it_has_its_socket_and_nothing_else_of_ours),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
