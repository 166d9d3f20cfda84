/* SPDX-License-Identifier: BSD-2-Clause */
/* The operators' socket: messages in pieces, garbage and silence, and that no connection waits for another's work. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>
#include "daemon/operators.h"
#include "daemon/order.h"
#include "lib/err.h"
#include "tests/corefix.h"

#define AT_ONCE 32              /* connections that operators.c has */
#define PATIENCE_MS 60000
#define KEYS 4
#define STATUS "{\"order\":\"status\"}"

static struct corefix *x;
static struct sockaddr_un address = { .sun_family = AF_UNIX };
static int listener = -1;
static struct operators *operators;

static int start(void **state)
{
        int r = corefix_setup(state);

        x = *state;
        snprintf(address.sun_path, sizeof(address.sun_path), "%s/op", x->f.swtpm.dir);
        listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(listen(listener, 100), 0);
        return r;
}

static int stop(void **state)
{
        close(listener);
        return corefix_teardown(state);
}

static int serve(void **state)
{
        (void)state;
        return operators_start(&(struct operators_options){ .listen_fd = listener, .core = &x->core }, &operators);
}

static int serve_end(void **state)
{
        (void)state;
        operators_stop(operators);
        return 0;
}

static int client(void)
{
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        return fd;
}

static void put(int fd, const void *from, size_t len)
{
        assert_int_equal(send(fd, from, len, MSG_NOSIGNAL), len);
}

static void put_order(int fd, const char *text)
{
        CLEANUP(buf_clear) struct buf b = { 0 };

        assert_int_equal(buf_append_u32(&b, (uint32_t)strlen(text)), 0);
        assert_int_equal(buf_append_str(&b, text), 0);
        put(fd, b.ptr, b.len);
}

/* False: the other end has closed. */
static bool get(int fd, uint8_t *to, size_t len)
{
        while (len > 0) {
                struct pollfd p = { .fd = fd, .events = POLLIN };
                ssize_t n;

                if (poll(&p, 1, PATIENCE_MS) != 1)
                        fail_msg("no answer");
                n = recv(fd, to, len, 0);
                if (n <= 0)
                        return false;
                to += n;
                len -= (size_t)n;
        }
        return true;
}

/* NULL: the other end has closed. */
static json_t *get_reply(int fd)
{
        static __thread uint8_t text[ORDER_MAX];
        uint8_t head[4];
        size_t len;
        json_t *o;

        if (!get(fd, head, sizeof(head)))
                return NULL;
        len = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
        assert_true(len <= sizeof(text));
        assert_true(get(fd, text, len));
        o = json_loadb((const char *)text, len, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(o);
        return o;
}

static bool done(int fd)
{
        json_t *o = get_reply(fd);
        bool ok = json_is_true(json_object_get(o, "ok"));

        json_decref(o);
        return ok;
}

static bool closed(int fd)
{
        uint8_t byte;

        return !get(fd, &byte, 1);
}

static void a_connection_gives_orders_one_after_the_other(void **state)
{
        int fd = client();

        (void)state;
        for (unsigned i = 0; i < 3; i++) {
                put_order(fd, STATUS);
                assert_true(done(fd));
        }
        /* Two at once are answered in turn. */
        put_order(fd, "{\"order\":\"agent-show\",\"agent\":\"nobody\"}");
        put_order(fd, STATUS);
        assert_false(done(fd));
        assert_true(done(fd));
        close(fd);
}

static void a_message_may_come_in_pieces(void **state)
{
        static const char message[] = "\0\0\0\x12" STATUS;
        int fd = client();

        (void)state;
        for (size_t i = 0; i < sizeof(message) - 1; i++)
                put(fd, message + i, 1);
        assert_true(done(fd));
        close(fd);
}

static void garbage_is_answered_or_cut_off(void **state)
{
        static const uint8_t empty[4], huge[4] = { 0, 1, 0, 1 };
        int fd = client();

        (void)state;
        put_order(fd, "{]");
        assert_false(done(fd));
        put_order(fd, STATUS);
        assert_true(done(fd));
        put(fd, huge, sizeof(huge));
        assert_true(closed(fd));
        close(fd);
        fd = client();
        put(fd, empty, sizeof(empty));
        assert_true(closed(fd));
        close(fd);
}

static void who_stops_in_the_middle_holds_nobody_up(void **state)
{
        int silent = client(), half = client(), fd = client();

        (void)state;
        put(half, "\0\0\0\x12{\"or", 8);
        put_order(fd, STATUS);
        assert_true(done(fd));
        close(fd);
        /* And is not waited for at the end: serve_end() comes now. */
        close(silent);
        close(half);
}

static void no_more_than_a_few_at_once(void **state)
{
        int fds[AT_ONCE], more;

        (void)state;
        for (unsigned i = 0; i < AT_ONCE; i++) {
                fds[i] = client();
                put_order(fds[i], STATUS);
                assert_true(done(fds[i]));
        }
        more = client();
        assert_true(closed(more));
        close(more);
        for (unsigned i = 0; i < AT_ONCE; i++)
                close(fds[i]);
}

/* Is one of these still being worked on? */
static bool unanswered(const int *fds, unsigned n)
{
        unsigned answered = 0;

        for (unsigned i = 0; i < n; i++) {
                struct pollfd p = { .fd = fds[i], .events = POLLIN };

                answered += poll(&p, 1, 0) == 1;
        }
        return answered < n;
}

static bool is_locked(int fd)
{
        char order[128];
        json_t *o;
        const char *rule;
        bool locked;

        snprintf(order, sizeof(order), "{\"order\":\"policy-check\",\"agent\":\"busy\",\"pid\":%d,\"operation\":\"sign\"}", getpid());
        put_order(fd, order);
        o = get_reply(fd);
        rule = json_string_value(json_object_get(o, "rule"));
        assert_non_null(rule);
        locked = strcmp(rule, "lock") == 0;
        json_decref(o);
        return locked;
}

/* It is in force at once, whatever the TPM is busy with; that it also is on the disk may take until the TPM is free. */
static void a_lock_does_not_wait_for_keys(void **state)
{
        int fd = client(), other = client(), slow[KEYS];
        char order[128];

        (void)state;
        put_order(fd, "{\"order\":\"agent-create\",\"name\":\"busy\",\"owner\":\"dana\"}");
        assert_true(done(fd));
        assert_false(is_locked(other));
        for (unsigned i = 0; i < KEYS; i++) {
                snprintf(order, sizeof(order), "{\"order\":\"key-create\",\"agent\":\"busy\",\"label\":\"k%u\",\"kind\":\"RSA-3072\"}", i);
                slow[i] = client();
                put_order(slow[i], order);
        }
        put_order(fd, "{\"order\":\"lock\",\"agent\":\"busy\"}");
        while (!is_locked(other))
                assert_true(unanswered(slow, KEYS));
        assert_true(unanswered(slow, KEYS));
        assert_true(done(fd));
        assert_true(is_locked(other));
        for (unsigned i = 0; i < KEYS; i++) {
                assert_true(done(slow[i]));
                close(slow[i]);
        }
        close(fd);
        close(other);
}

static void *stop_now(void *arg)
{
        (void)arg;
        operators_stop(operators);
        return NULL;
}

/* What is being done when it stops is done, and answered. */
static void the_last_order_is_answered(void **state)
{
        int fd = client(), other;
        bool answered;
        pthread_t t;
        uint8_t byte;

        (void)state;
        put_order(fd, "{\"order\":\"agent-create\",\"name\":\"last\",\"owner\":\"dana\",\"kind\":\"RSA-2048\"}");
        other = client();
        /* The agent is there, and its key is being made. */
        do
                put_order(other, "{\"order\":\"effective\",\"agent\":\"last\"}");
        while (!done(other));
        assert_int_equal(pthread_create(&t, NULL, stop_now, NULL), 0);
        answered = done(fd);
        assert_int_equal(pthread_join(t, NULL), 0);
        operators = NULL;
        assert_true(answered);
        assert_int_equal(recv(other, &byte, 1, 0), 0);
        close(fd);
        close(other);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(a_connection_gives_orders_one_after_the_other, serve, serve_end),
                cmocka_unit_test_setup_teardown(a_message_may_come_in_pieces, serve, serve_end),
                cmocka_unit_test_setup_teardown(garbage_is_answered_or_cut_off, serve, serve_end),
                cmocka_unit_test_setup_teardown(who_stops_in_the_middle_holds_nobody_up, serve, serve_end),
                cmocka_unit_test_setup_teardown(no_more_than_a_few_at_once, serve, serve_end),
                cmocka_unit_test_setup_teardown(a_lock_does_not_wait_for_keys, serve, serve_end),
                cmocka_unit_test_setup_teardown(the_last_order_is_answered, serve, serve_end),
        };

        json_set_alloc_funcs(wiping_alloc, wiping_free);
        return cmocka_run_group_tests(tests, start, stop);
}
