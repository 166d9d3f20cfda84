/* SPDX-License-Identifier: BSD-2-Clause */
/* Bytes go there and come back by every kind of link, and no later than the deadline. */
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "lib/err.h"
#include "tests/swtpm.h"
#include "tests/tpmdev.h"
#include "tpm/clock.h"
#include "tpm/link.h"

static const uint8_t get_random[] = { 0x80, 0x01, 0, 0, 0, 12, 0, 0, 0x01, 0x7b, 0, 8 };

static int ask(struct link *l, unsigned ms, uint8_t rsp[4097], size_t *len)
{
        return l->ops->exchange(l, BYTES(get_random, sizeof(get_random)), rsp, 4097, len, clock_us() + ms * 1000);
}

static void assert_random(const uint8_t *rsp, size_t len)
{
        assert_int_equal(len, 20);
        assert_int_equal(rsp[11], 8);
}

static int start(void **state)
{
        struct swtpm *s = malloc(sizeof(*s));

        *state = s;
        return swtpm_start(s);
}

static int stop(void **state)
{
        swtpm_stop(*state);
        free(*state);
        return 0;
}

static void strings(void **state)
{
        static const char *const bad[] = { "swtpm:foo=1", "swtpm:path=", "swtpm:path=/a,host=b", "swtpm:path", "swtpm:host=a,port=", "swtpm:/sock" };
        static const struct {
                const char *tcti;
                bool managed;
        } good[] = {
                { "device:/dev/tpmrm0", true }, { "device:/dev/tpm0", false }, { "device:/dev/tpmrm7", true }, { "swtpm", false },
                { "swtpm:host=::1,port=1", false }, { "tabrmd:bus_type=session", true }, { "mssim", false },
        };
        char lengthy[400] = "swtpm:path=/";
        struct link *l = NULL;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_int_equal(link_new(bad[i], &l), ERR_INVAL);
        memset(lengthy + 12, 'x', sizeof(lengthy) - 13);
        assert_int_equal(link_new(lengthy, &l), ERR_INVAL);
        for (size_t i = 0; i < ARRAY_LEN(good); i++) {
                assert_int_equal(link_new(good[i].tcti, &l), 0);
                assert_int_equal(l->managed, good[i].managed);
                link_free(l);
        }
        link_free(NULL);
}

static void swtpm_by_its_socket(void **state)
{
        const struct swtpm *s = *state;
        uint8_t rsp[4097];
        struct link *l;
        size_t len;
        unsigned n;

        assert_int_equal(link_new(s->tcti, &l), 0);
        for (int i = 0; i < 3; i++) {
                assert_int_equal(ask(l, 5000, rsp, &len), 0);
                assert_random(rsp, len);
        }
        /* Hung up, it leaves the TPM to others. */
        link_hangup(l);
        assert_int_equal(swtpm_handles(s, 0x80000000, &n), 0);
        assert_int_equal(ask(l, 5000, rsp, &len), 0);
        link_free(l);
}

static void swtpm_by_the_tss_loader(void **state)
{
        const struct swtpm *s = *state;
        uint8_t rsp[4097];
        char name[200];
        struct link *l;
        size_t len;

        snprintf(name, sizeof(name), "libtss2-tcti-swtpm.so.0:path=%s", s->sock);
        assert_int_equal(link_new(name, &l), 0);
        assert_false(l->restarts);
        for (int i = 0; i < 3; i++) {
                assert_int_equal(ask(l, 5000, rsp, &len), 0);
                assert_random(rsp, len);
        }
        assert_true(l->restarts);
        link_free(l);
}

static void a_character_device(void **state)
{
        struct tpmdev d;
        uint8_t rsp[4097];
        struct link *l;
        size_t len;

        assert_int_equal(tpmdev_start(&d, *state, "tpm0"), 0);
        assert_int_equal(link_new(d.tcti, &l), 0);
        assert_int_equal(ask(l, 30, rsp, &len), ERR_TIMEOUT);
        link_hangup(l);

        tpmdev_answer(&d);
        for (int i = 0; i < 3; i++) {
                assert_int_equal(ask(l, 5000, rsp, &len), 0);
                assert_random(rsp, len);
        }
        link_free(l);
        tpmdev_stop(&d);
}

/* A TCP server that answers in a way of its own. */
struct server {
        int fd;
        const char *how;
        char tcti[64];
        pthread_t thread;
};

static void *serve(void *arg)
{
        static const uint8_t answer[20] = { 0x80, 0x01, 0, 0, 0, 20, 0, 0, 0, 0, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8 };
        const struct server *s = arg;
        uint8_t cmd[sizeof(get_random)];
        int c = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);

        if (recv(c, cmd, sizeof(cmd), MSG_WAITALL) != sizeof(cmd))
                abort();
        if (strcmp(s->how, "octet by octet") == 0) {
                for (size_t i = 0; i < sizeof(answer); i++) {
                        clock_nap(500, UINT64_MAX);
                        send(c, answer + i, 1, MSG_NOSIGNAL);
                }
                clock_nap(20000, UINT64_MAX);
        } else if (strcmp(s->how, "half") == 0) {
                send(c, answer, 10, MSG_NOSIGNAL);
        } else if (strcmp(s->how, "too long") == 0) {
                static uint8_t lengthy[6000] = { 0x80, 0x01, 0, 0, 6000 >> 8, 6000 & 0xff };

                send(c, lengthy, sizeof(lengthy), MSG_NOSIGNAL);
                clock_nap(20000, UINT64_MAX);
        } else {
                clock_nap(300000, UINT64_MAX);
        }
        close(c);
        return NULL;
}

static void server_start(struct server *s, const char *how)
{
        struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t len = sizeof(a);

        s->how = how;
        s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(s->fd, (struct sockaddr *)&a, sizeof(a)), 0);
        assert_int_equal(listen(s->fd, 1), 0);
        assert_int_equal(getsockname(s->fd, (struct sockaddr *)&a, &len), 0);
        snprintf(s->tcti, sizeof(s->tcti), "swtpm:host=127.0.0.1,port=%u", ntohs(a.sin_port));
        assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void answers_that_are_slow_short_long_or_never_come(void **state)
{
        static const struct {
                const char *how;
                int result;
        } cases[] = {
                { "octet by octet", 0 }, { "half", ERR_IO }, { "too long", 0 }, { "never", ERR_TIMEOUT },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct server s;
                uint8_t rsp[4097];
                uint64_t start_us;
                struct link *l;
                size_t len = 0;

                server_start(&s, cases[i].how);
                assert_int_equal(link_new(s.tcti, &l), 0);
                start_us = clock_us();
                assert_int_equal(ask(l, 200, rsp, &len), cases[i].result);
                if (cases[i].result == ERR_TIMEOUT)
                        assert_in_range(clock_us() - start_us, 200000, 290000);
                /* The checking behind it sees that it is too long. */
                if (strcmp(cases[i].how, "too long") == 0)
                        assert_true(len > 6);
                link_free(l);
                pthread_join(s.thread, NULL);
                close(s.fd);
        }
}

static void nobody_there(void **state)
{
        static const struct {
                const char *tcti;
                int result;
        } cases[] = {
                { "swtpm:path=/nonexistent/sock", ERR_NODEV },
                { "swtpm:host=127.0.0.1,port=1", ERR_NODEV },
                { "device:/nonexistent/tpm0", ERR_NODEV },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                uint8_t rsp[4097];
                struct link *l;
                size_t len;

                assert_int_equal(link_new(cases[i].tcti, &l), 0);
                assert_int_equal(ask(l, 1000, rsp, &len), cases[i].result);
                link_free(l);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(strings),
                cmocka_unit_test(swtpm_by_its_socket),
                cmocka_unit_test(swtpm_by_the_tss_loader),
                cmocka_unit_test(a_character_device),
                cmocka_unit_test(answers_that_are_slow_short_long_or_never_come),
                cmocka_unit_test(nobody_there),
        };

        return cmocka_run_group_tests(tests, start, stop);
}
