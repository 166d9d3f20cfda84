/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "issuer/http_listen.h"
#include "lib/err.h"
#include "lib/file.h"
#include "tests/tempdir.h"

static bool reached(const char *address, unsigned port)
{
        struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
        struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
        bool is_four = inet_pton(AF_INET, address, &four.sin_addr) == 1;
        CLEANUP(close_fd) int fd = socket(is_four ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

        inet_pton(AF_INET6, address, &six.sin6_addr);
        return fd >= 0 && connect(fd, is_four ? (struct sockaddr *)&four : (struct sockaddr *)&six, is_four ? sizeof(four) : sizeof(six)) == 0;
}

static void addresses_are_what_they_say(void **state)
{
        struct http_listener l;
        bool six = false;

        (void)state;
        assert_int_equal(http_listener_open(&(struct http_listen){ HTTP_TLS, "127.0.0.1:0", 0 }, &l), 0);
        assert_true(l.port > 0);
        assert_true(reached("127.0.0.1", l.port));
        http_listener_close(&l);
        if (http_listener_open(&(struct http_listen){ HTTP_TLS, "[::1]:0", 0 }, &l) == 0) {
                six = true;
                assert_true(reached("::1", l.port));
                assert_false(reached("127.0.0.1", l.port));
                http_listener_close(&l);
        }
        /* Every address, where there is IPv6 and where there is none. */
        assert_int_equal(http_listener_open(&(struct http_listen){ HTTP_TLS, ":0", 0 }, &l), 0);
        assert_true(reached("127.0.0.1", l.port));
        assert_int_equal(reached("::1", l.port), six);
        http_listener_close(&l);
}

static void what_is_no_address_is_refused(void **state)
{
        static const char *const rows[] = { "", "127.0.0.1", "localhost:1", "::1:1", "[::1]", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "127.0.0.1:-1", "[127.0.0.1:1", "256.0.0.1:1" };
        struct http_listener l;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                if (http_listener_open(&(struct http_listen){ HTTP_TLS, rows[i], 0 }, &l) != ERR_INVAL)
                        fail_msg("%s: %s", rows[i], err_text());
}

static void a_unix_socket_has_its_mode_and_goes_again(void **state)
{
        struct tempdir *dir = *state;
        struct http_listener a, b;
        char path[96];
        struct stat st;

        snprintf(path, sizeof(path), "%s/sock", dir->path);
        assert_int_equal(http_listener_open(&(struct http_listen){ HTTP_UNIX, path, 0620 }, &a), 0);
        assert_int_equal(lstat(path, &st), 0);
        assert_true(S_ISSOCK(st.st_mode));
        assert_int_equal(st.st_mode & 0777, 0620);
        assert_int_equal(http_listener_open(&(struct http_listen){ HTTP_UNIX, path, 0600 }, &b), ERR_EXIST);
        /* What a dead process left is in nobody's way, and it does not take the new one's away. */
        close(a.fd);
        a.fd = -1;
        assert_int_equal(http_listener_open(&(struct http_listen){ HTTP_UNIX, path, 0600 }, &b), 0);
        http_listener_close(&a);
        assert_int_equal(access(path, F_OK), 0);
        http_listener_close(&b);
        assert_int_equal(access(path, F_OK), -1);
}

static void other_files_are_left_alone(void **state)
{
        struct tempdir *dir = *state;
        struct http_listener l;
        char path[96], longer[256];

        snprintf(path, sizeof(path), "%s/file", dir->path);
        close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
        assert_int_equal(http_listener_open(&(struct http_listen){ HTTP_UNIX, path, 0600 }, &l), ERR_EXIST);
        assert_int_equal(access(path, F_OK), 0);
        memset(longer, 'a', sizeof(longer) - 1);
        longer[sizeof(longer) - 1] = '\0';
        assert_int_equal(http_listener_open(&(struct http_listen){ HTTP_UNIX, longer, 0600 }, &l), ERR_RANGE);
}

static void peers_are_named(void **state)
{
        struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
        struct sockaddr_in four = { .sin_family = AF_INET };
        struct sockaddr_un local = { .sun_family = AF_UNIX };
        struct http_peer p;
        char expected[32];
        int pair[2];

        (void)state;
        inet_pton(AF_INET, "192.0.2.1", &four.sin_addr);
        http_peer_fill(HTTP_TLS, -1, (struct sockaddr *)&four, &p);
        assert_string_equal(p.address, "192.0.2.1");
        assert_true(p.uid == (uid_t)-1);
        inet_pton(AF_INET6, "2001:db8::1", &six.sin6_addr);
        http_peer_fill(HTTP_TLS, -1, (struct sockaddr *)&six, &p);
        assert_string_equal(p.address, "2001:db8::1");
        inet_pton(AF_INET6, "::ffff:192.0.2.1", &six.sin6_addr);
        http_peer_fill(HTTP_TLS, -1, (struct sockaddr *)&six, &p);
        assert_string_equal(p.address, "192.0.2.1");
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        http_peer_fill(HTTP_UNIX, pair[0], (struct sockaddr *)&local, &p);
        snprintf(expected, sizeof(expected), "unix:%u", (unsigned)getuid());
        assert_string_equal(p.address, expected);
        assert_int_equal(p.uid, getuid());
        assert_int_equal(p.pid, getpid());
        close(pair[0]);
        close(pair[1]);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(addresses_are_what_they_say),
                cmocka_unit_test(what_is_no_address_is_refused),
                cmocka_unit_test_setup_teardown(a_unix_socket_has_its_mode_and_goes_again, tempdir_setup, tempdir_teardown),
                cmocka_unit_test_setup_teardown(other_files_are_left_alone, tempdir_setup, tempdir_teardown),
                cmocka_unit_test(peers_are_named),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
