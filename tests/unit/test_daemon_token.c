/* SPDX-License-Identifier: BSD-2-Clause */
/* The token socket of a host whose issuer is away: who may not have a token is told so, who may hears that there is none now, and all of it ends
 * at once when it is to. tests/integration/enroll.sh is the same with an issuer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>
#include "daemon/lastuse.h"
#include "daemon/order.h"
#include "daemon/renew.h"
#include "keys/deed.h"
#include "keys/manage.h"
#include "lib/err.h"
#include "tests/corefix.h"

struct tokenfix {
        struct corefix *x;
        struct lastuse *lastuse;
        struct renewer *renewer;
        char path[100];
};

static char *copy(const char *fmt, const char *dir)
{
        char text[192];

        snprintf(text, sizeof(text), fmt, dir);
        return strdup(text);
}

static int setup(void **state)
{
        struct tokenfix *t = calloc(1, sizeof(*t));
        const struct agent_wish open = { .name = "open", .owner = "dana", .kind = key_kind_by_name("P-256"), .label = BYTES_STR("k") };
        const struct agent_wish closed = { .name = "closed", .owner = "dana", .kind = key_kind_by_name("P-256"), .label = BYTES_STR("k") };
        const struct agent_wish other = { .name = "other", .owner = "dana", .kind = key_kind_by_name("P-256"), .label = BYTES_STR("k") };
        char rule[64];
        struct item *i = NULL;
        unsigned number;
        struct core *c;
        void *x = NULL;

        corefix_setup(&x);
        t->x = x;
        c = &t->x->core;
        snprintf(t->path, sizeof(t->path), "%s/token.sock", t->x->f.swtpm.dir);
        c->conf.socket = copy("%s/pkcs11.sock", t->x->f.swtpm.dir);
        /* Nobody listens there. */
        c->conf.issuer_url = strdup("https://127.0.0.1:1");
        c->conf.issuer_host = strdup("host.example");
        assert_int_equal(manage_agent_create(c->keyring, NULL, &open, &i), 0);
        item_unref(i);
        assert_int_equal(manage_agent_create(c->keyring, NULL, &closed, &i), 0);
        item_unref(i);
        assert_int_equal(manage_agent_create(c->keyring, NULL, &other, &i), 0);
        item_unref(i);
        snprintf(rule, sizeof(rule), "allow user=%u ops=sign", getuid());
        assert_int_equal(policy_allow(keyring_store(c->keyring), "open", BYTES_STR(rule), &number), 0);
        snprintf(rule, sizeof(rule), "allow user=%u mechanisms=ECDSA", getuid());
        assert_int_equal(policy_allow(keyring_store(c->keyring), "other", BYTES_STR(rule), &number), 0);
        assert_int_equal(policy_read_all(c->policy), 0);
        assert_int_equal(lastuse_new(c->recorder, &t->lastuse), 0);
        if (renewer_start(&(struct renewer_options){ .core = c, .lastuse = t->lastuse, .token_fd = -1 }, &t->renewer) != 0)
                fail_msg("%s", err_text());
        *state = t;
        return 0;
}

static int teardown(void **state)
{
        struct tokenfix *t = *state;
        void *x = t->x;

        renewer_stop(t->renewer);
        lastuse_free(t->lastuse);
        assert_int_not_equal(access(t->path, F_OK), 0);
        corefix_teardown(&x);
        free(t);
        return 0;
}

static int reach(const struct tokenfix *t)
{
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        snprintf(a.sun_path, sizeof(a.sun_path), "%s", t->path);
        assert_int_equal(connect(fd, (const struct sockaddr *)&a, sizeof(a)), 0);
        return fd;
}

/* All that comes until it hangs up. */
static void read_all(int fd, char *ret, size_t size)
{
        size_t len = 0;
        ssize_t n;

        while (len < size - 1 && (n = read(fd, ret + len, size - 1 - len)) > 0)
                len += (size_t)n;
        ret[len] = '\0';
}

static void require_status(const struct tokenfix *t, const char *query, const char *status, const char *word)
{
        char request[512], reply[2048];
        int fd = reach(t);

        snprintf(request, sizeof(request), "GET /v1/token?%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", query);
        assert_int_equal(write(fd, request, strlen(request)), strlen(request));
        read_all(fd, reply, sizeof(reply));
        close(fd);
        if (strncmp(reply, status, strlen(status)) != 0 || strstr(reply, word) == NULL)
                fail_msg("%s: %s", query, reply);
}

static void who_may_not_is_told_so(void **state)
{
        struct tokenfix *t = *state;

        require_status(t, "agent=nobody&audience=x", "HTTP/1.1 404 ", "problem:agent-unknown");
        require_status(t, "agent=closed&audience=x", "HTTP/1.1 404 ", "problem:agent-unknown");
        require_status(t, "agent=../open&audience=x", "HTTP/1.1 404 ", "problem:agent-unknown");
        require_status(t, "agent=open&audience=x&key=other", "HTTP/1.1 404 ", "problem:agent-unknown");
        require_status(t, "agent=other&audience=x", "HTTP/1.1 403 ", "problem:denied");
        require_status(t, "agent=open", "HTTP/1.1 400 ", "problem:shape");
        assert_int_equal(corefix_records(t->x, AUDIT_ISSUE, "sign", AUDIT_REFUSED, "other"), 1);
        assert_int_equal(corefix_records(t->x, AUDIT_ISSUE, "sign", AUDIT_ALLOWED, NULL), 0);
}

static void who_may_hears_that_there_is_none(void **state)
{
        struct tokenfix *t = *state;

        require_status(t, "agent=open&audience=x", "HTTP/1.1 503 ", "problem:busy");
        assert_int_equal(corefix_records(t->x, AUDIT_ISSUE, "sign", AUDIT_FAILED, "open"), 1);
}

static void a_connection_takes_several_requests(void **state)
{
        static const char two[] = "GET /v1/token?agent=nobody&audience=x HTTP/1.1\r\n\r\nGET /v1/token?agent=nobody&audience=x HTTP/1.1\r\nConnection: close\r\n\r\n";
        struct tokenfix *t = *state;
        char reply[4096];
        int fd = reach(t);

        /* The second begins in the middle of a write. */
        assert_int_equal(write(fd, two, 60), 60);
        assert_int_equal(write(fd, two + 60, sizeof(two) - 61), sizeof(two) - 61);
        read_all(fd, reply, sizeof(reply));
        close(fd);
        assert_memory_equal(reply, "HTTP/1.1 404 ", 13);
        assert_non_null(strstr(reply + 13, "}HTTP/1.1 404 "));
}

static void one_user_has_a_share_of_the_connections(void **state)
{
        struct tokenfix *t = *state;
        char reply[64];
        int fds[17];

        for (size_t i = 0; i < ARRAY_LEN(fds); i++)
                fds[i] = reach(t);
        read_all(fds[16], reply, sizeof(reply));
        assert_string_equal(reply, "");
        for (size_t i = 0; i < ARRAY_LEN(fds); i++)
                close(fds[i]);
}

/* A header without an end is read up to its bound, and answered. */
static void a_long_header_is_cut_off(void **state)
{
        struct tokenfix *t = *state;
        char much[9000], reply[2048];
        int fd = reach(t);

        memset(much, 'a', sizeof(much));
        (void)!write(fd, much, 8192);
        read_all(fd, reply, sizeof(reply));
        close(fd);
        assert_memory_equal(reply, "HTTP/1.1 431 ", 13);
}

static void the_failed_join_shows(void **state)
{
        CLEANUP(joined_clear) struct joined j = { 0 };
        struct tokenfix *t = *state;
        char error[256] = "";

        for (unsigned i = 0; i < 6000 && error[0] == '\0'; i++) {
                joined_clear(&j);
                assert_int_equal(renewer_joined(t->renewer, &j, error, sizeof(error)), 0);
                usleep(10000);
        }
        assert_non_null(strstr(error, "cannot be asked"));
        assert_int_equal(j.state.len, 0);
        assert_int_equal(corefix_records(t->x, AUDIT_JOIN, "join", AUDIT_FAILED, NULL), 1);
}

static void a_host_without_an_issuer_has_neither_thread_nor_socket(void **state)
{
        struct answer_credential a = { 0 };
        struct renewer *r = NULL;
        struct joined j = { 0 };
        struct corefix *x;
        void *fix = NULL;
        char path[160], error[16];
        uint64_t revoked;

        (void)state;
        corefix_setup(&fix);
        x = fix;
        x->core.conf.socket = copy("%s/pkcs11.sock", x->f.swtpm.dir);
        assert_int_equal(renewer_start(&(struct renewer_options){ .core = &x->core, .token_fd = -1 }, &r), 0);
        snprintf(path, sizeof(path), "%s/token.sock", x->f.swtpm.dir);
        assert_int_not_equal(access(path, F_OK), 0);
        snprintf(path, sizeof(path), "%s/credentials", x->f.swtpm.dir);
        assert_int_not_equal(access(path, F_OK), 0);
        assert_int_equal(renewer_joined(r, &j, error, sizeof(error)), ERR_NOENT);
        assert_int_equal(renewer_enroll(r, NULL, "a", NULL, NULL, NULL, &a), ERR_NOTINIT);
        assert_int_equal(renewer_unenroll(r, NULL, "a", BYTES_STR("k")), ERR_NOTINIT);
        assert_int_equal(renewer_revoke(r, NULL, &(struct revoke_wish){ .agent = "a" }, &revoked), ERR_NOTINIT);
        renewer_stop(r);
        corefix_teardown(&fix);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(who_may_not_is_told_so, setup, teardown),
                cmocka_unit_test_setup_teardown(who_may_hears_that_there_is_none, setup, teardown),
                cmocka_unit_test_setup_teardown(a_connection_takes_several_requests, setup, teardown),
                cmocka_unit_test_setup_teardown(one_user_has_a_share_of_the_connections, setup, teardown),
                cmocka_unit_test_setup_teardown(a_long_header_is_cut_off, setup, teardown),
                cmocka_unit_test_setup_teardown(the_failed_join_shows, setup, teardown),
                cmocka_unit_test(a_host_without_an_issuer_has_neither_thread_nor_socket),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
