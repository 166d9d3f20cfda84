/* SPDX-License-Identifier: BSD-2-Clause */
/* The configuration: files, environment, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "lib/buf.h"
#include "lib/conf.h"
#include "lib/err.h"
#include "lib/file.h"
#include "tests/tempdir.h"

/* A file of that text, and its path in a static buffer. */
static const char *file_of(struct tempdir *t, struct bytes text)
{
        static char path[128];

        assert_int_equal(file_write(t->fd, "holdfast.conf", text, 0600, true), 0);
        snprintf(path, sizeof(path), "%s/holdfast.conf", t->path);
        return path;
}

static int load(struct tempdir *t, const char *text, struct conf *ret)
{
        return conf_load_file(file_of(t, BYTES_STR(text)), ret);
}

/* Nothing of the person who runs the tests. */
static int setup(void **state)
{
        const struct conf_key *k;

        for (size_t i = 0; (k = conf_key_at(i)); i++)
                unsetenv(k->env);
        unsetenv("HOLDFAST_CONF");
        unsetenv("XDG_STATE_HOME");
        if (tempdir_setup(state) != 0)
                return -1;
        setenv("XDG_CONFIG_HOME", ((struct tempdir *)*state)->path, 1);
        return 0;
}

static void has_defaults(void **state)
{
        CLEANUP(conf_clear) struct conf c = { 0 };

        assert_int_equal(load(*state, "", &c), 0);
        assert_string_equal(c.tcti, "device:/dev/tpmrm0");
        assert_int_equal(c.store[0], '/');
        assert_null(c.trace);
        assert_int_equal(c.deadline_ms, 10000);
        assert_int_equal(c.parent_handle, 0x81010a01);
        assert_int_equal(c.pin_tries, 10);
        assert_false(c.rsa_pkcs1_decrypt);
        assert_false(c.show_free_slot);
}

static void reads_every_key(void **state)
{
        CLEANUP(conf_clear) struct conf c = { 0 };

        assert_int_equal(load(*state,
                "# comment\n[tpm]\ntcti = swtpm:path=/run/x/sock   ; a comment\ntrace=/tmp/t\ndeadline-ms = 250\nparent-handle = 0x81000001\n"
                "[store]\npath = /srv/h\n\n[pkcs11]\nrsa-pkcs1-decrypt = yes\nshow-free-slot = on\npin-tries = 3\n"
                "[daemon]\nsocket = /run/h/p\noperator-socket = /run/h/o\noperator-group = ops\ndefault-rule = allow user=1\n"
                "max-connections = 16\nmax-per-user = 1\n"
                "[audit]\ndirectory = /log\ndirect = yes\nwitness-key = /etc/w.pem\nrotate-mib = 2\ncheckpoint-records = 3\ncheckpoint-seconds = 4\n"
                "[issuer]\nurl = https://i:1\nca = /etc/ca.pem\nhost = h.example\ntoken-file = /etc/t\ntoken-socket = /run/t\ncredentials = /run/c\nhttp-socket = none\n", &c), 0);
        assert_string_equal(c.tcti, "swtpm:path=/run/x/sock");
        assert_string_equal(c.trace, "/tmp/t");
        assert_int_equal(c.deadline_ms, 250);
        assert_int_equal(c.parent_handle, 0x81000001);
        assert_string_equal(c.store, "/srv/h");
        assert_true(c.rsa_pkcs1_decrypt);
        assert_true(c.show_free_slot);
        assert_int_equal(c.pin_tries, 3);
        assert_string_equal(c.socket, "/run/h/p");
        assert_string_equal(c.operator_socket, "/run/h/o");
        assert_string_equal(c.operator_group, "ops");
        assert_string_equal(c.default_rule, "allow user=1");
        assert_int_equal(c.max_connections, 16);
        assert_int_equal(c.max_per_user, 1);
        assert_string_equal(c.audit_dir, "/log");
        assert_true(c.audit_direct);
        assert_string_equal(c.witness_key, "/etc/w.pem");
        assert_int_equal(c.rotate_mib, 2);
        assert_int_equal(c.checkpoint_records, 3);
        assert_int_equal(c.checkpoint_seconds, 4);
        assert_string_equal(c.issuer_url, "https://i:1");
        assert_string_equal(c.issuer_ca, "/etc/ca.pem");
        assert_string_equal(c.issuer_host, "h.example");
        assert_string_equal(c.issuer_token_file, "/etc/t");
        assert_string_equal(c.token_socket, "/run/t");
        assert_string_equal(c.credentials, "/run/c");
        assert_string_equal(c.http_socket, "none");
}

static void a_copy_is_its_own(void **state)
{
        CLEANUP(conf_clear) struct conf copy = { 0 };
        struct conf c = { 0 };

        assert_int_equal(load(*state, "[daemon]\nsocket = none\ndefault-rule = allow user=1\n[audit]\ndirectory = /log\nwitness-key = /w\n", &c), 0);
        c.issuer_url = strdup("https://i");
        assert_int_equal(conf_copy(&c, &copy), 0);
        conf_clear(&c);
        assert_string_equal(copy.issuer_url, "https://i");
        assert_string_equal(copy.socket, "none");
        assert_string_equal(copy.default_rule, "allow user=1");
        assert_string_equal(copy.audit_dir, "/log");
        assert_string_equal(copy.witness_key, "/w");
        assert_null(copy.operator_socket);
        assert_int_equal(copy.deadline_ms, 10000);
}

/* What each of the four finds with that configuration: NULL is an error. */
static void require_paths(struct tempdir *t, const char *text, const char *daemon, const char *client, const char *operators, const char *log)
{
        CLEANUP(conf_clear) struct conf c = { 0 };
        CLEANUP(buf_clear) struct buf d = { 0 }, cl = { 0 }, o = { 0 }, l = { 0 };

        assert_int_equal(load(t, text, &c), 0);
        assert_int_equal(conf_socket_daemon(&c, &d) == 0, daemon != NULL);
        if (daemon != NULL) {
                assert_string_equal(buf_str(&d), daemon);
                assert_int_equal(conf_operator_socket(&c, daemon, &o), 0);
                assert_string_equal(buf_str(&o), operators);
        }
        assert_int_equal(conf_socket_client(&c, &cl) == 0, client != NULL);
        if (client != NULL)
                assert_string_equal(buf_str(&cl), client);
        assert_int_equal(conf_audit_dir(&c, &l), 0);
        assert_string_equal(buf_str(&l), log);
}

static void daemon_and_clients_meet(void **state)
{
        struct tempdir *t = *state;
        char sock[160], operators[160];

        setenv("XDG_RUNTIME_DIR", t->path, 1);
        setenv("XDG_STATE_HOME", "/state", 1);
        snprintf(sock, sizeof(sock), "%s/holdfast/pkcs11.sock", t->path);
        snprintf(operators, sizeof(operators), "%s/holdfast/operator.sock", t->path);
        require_paths(t, "[store]\npath = /srv/h\n[daemon]\nsocket = /a/b\n", "/a/b", "/a/b", "/a/operator.sock", "/srv/h/audit");
        require_paths(t, "[daemon]\nsocket = none\n[store]\npath = /srv/h\n[audit]\ndirectory = /log\n", NULL, NULL, NULL, "/log");
        /* With a store of its own and no word of a socket no client asks whoever listens at the default one. */
        require_paths(t, "[store]\npath = /srv/h\n", sock, NULL, operators, "/srv/h/audit");
        require_paths(t, "[store]\npath = /var/lib/holdfast\n", "/run/holdfast/pkcs11.sock", NULL, "/run/holdfast/operator.sock", "/var/lib/holdfast/audit");
        if (geteuid() != 0)
                require_paths(t, "", sock, access("/run/holdfast/pkcs11.sock", F_OK) == 0 ? "/run/holdfast/pkcs11.sock" : NULL, operators, "/state/holdfast/audit");
        assert_int_equal(mkdirat(t->fd, "holdfast", 0700), 0);
        assert_int_equal(file_write(t->fd, "holdfast/pkcs11.sock", BYTES_STR(""), 0600, false), 0);
        if (geteuid() != 0)
                require_paths(t, "", sock, sock, operators, "/state/holdfast/audit");
        else
                require_paths(t, "", "/run/holdfast/pkcs11.sock", sock, "/run/holdfast/operator.sock", "/var/lib/holdfast/audit");
}

static void refuses_with_file_and_line(void **state)
{
        static const struct {
                const char *text;
                unsigned line;
        } bad[] = {
                { "tcti = x\n", 1 },
                { "[tpm]\n\ntctl = x\n", 3 },
                { "[tmp]\n", 1 },
                { "[tpm]\n[tpmx]\n", 2 },
                { "[tpm\ntcti = x\n", 1 },
                { "[tpm]\ntcti\n", 2 },
                { "[tpm]\ntcti =\n", 2 },
                { "[tpm]\ntcti = x\ntcti = y\n", 3 },
                { "[tpm]\ntcti = x\n  y\n", 3 },
                { "[tpm]\ntcti = a\x1b[0m\n", 2 },
                { "[tpm]\ndeadline-ms = 99\n", 2 },
                { "[tpm]\ndeadline-ms = 600001\n", 2 },
                { "[tpm]\ndeadline-ms = -1\n", 2 },
                { "[tpm]\ndeadline-ms = 99999999999999999999999\n", 2 },
                { "[tpm]\ndeadline-ms = 10s\n", 2 },
                { "[tpm]\nparent-handle = 0x80000001\n", 2 },
                { "[pkcs11]\nshow-free-slot = maybe\n", 2 },
                { "[store]\npath = relative\n", 2 },
                { "[daemon]\nsocket = relative\n", 2 },
                { "[daemon]\noperator-socket = none\n", 2 },
                { "[audit]\nwitness-key = w.pem\n", 2 },
                { "[audit]\ndirectory = relative\n", 2 },
                { "[issuer]\nca = ca.pem\n", 2 },
                { "[issuer]\ntoken-file = t\n", 2 },
                { "[issuer]\ntoken-socket = none\n", 2 },
                { "[issuer]\ncredentials = c\n", 2 },
                { "[issuer]\nhttp-socket = h\n", 2 },
                { "[audit]\nrotate-mib = 0\n", 2 },
        };
        struct conf c = { 0 };
        char want[160];

        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                const char *path = file_of(*state, BYTES_STR(bad[i].text));

                assert_int_equal(conf_load_file(path, &c), ERR_FORMAT);
                snprintf(want, sizeof(want), "%s line %u: ", path, bad[i].line);
                assert_memory_equal(err_text(), want, strlen(want));
                assert_null(c.tcti);
        }
}

static void refuses_long_lines_nul_and_large_files(void **state)
{
        CLEANUP(conf_clear) struct conf c = { 0 };
        CLEANUP(buf_clear) struct buf text = { 0 };

        assert_int_equal(buf_append_str(&text, "[tpm]\ntcti = "), 0);
        while (text.len < 6 + 190)
                assert_int_equal(buf_append_u8(&text, 'x'), 0);
        assert_int_equal(conf_load_file(file_of(*state, BYTES_OF(&text)), &c), 0);
        assert_int_equal(strlen(c.tcti), 190 - 7);
        conf_clear(&c);
        assert_int_equal(buf_append_u8(&text, 'x'), 0);
        assert_int_equal(conf_load_file(file_of(*state, BYTES_OF(&text)), &c), ERR_FORMAT);
        assert_int_equal(conf_load_file(file_of(*state, BYTES("[tpm]\ntcti = a\0b\n", 17)), &c), ERR_FORMAT);

        buf_reset(&text);
        for (size_t i = 0; i < 64 * 1024; i++)
                assert_int_equal(buf_append_u8(&text, '\n'), 0);
        assert_int_equal(conf_load_file(file_of(*state, BYTES_OF(&text)), &c), 0);
        assert_int_equal(buf_append_u8(&text, '\n'), 0);
        assert_int_equal(conf_load_file(file_of(*state, BYTES_OF(&text)), &c), ERR_FORMAT);
}

static void refuses_a_file_that_others_may_write(void **state)
{
        CLEANUP(conf_clear) struct conf c = { 0 };
        const char *path = file_of(*state, BYTES_STR(""));

        assert_int_equal(chmod(path, 0644), 0);
        assert_int_equal(conf_load_file(path, &c), 0);
        conf_clear(&c);
        assert_int_equal(chmod(path, 0664), 0);
        assert_int_equal(conf_load_file(path, &c), ERR_PERM);
        assert_int_equal(chmod(path, 0602), 0);
        assert_int_equal(conf_load_file(path, &c), ERR_PERM);
        if (geteuid() == 0) {
                assert_int_equal(chmod(path, 0600), 0);
                assert_int_equal(chown(path, 1, 1), 0);
                assert_int_equal(conf_load_file(path, &c), ERR_PERM);
        }
        assert_int_equal(conf_load_file("/nonexistent/holdfast.conf", &c), ERR_NOENT);
}

static void the_environment_is_stronger_than_files(void **state)
{
        CLEANUP(conf_clear) struct conf c = { 0 };
        CLEANUP(conf_clear) struct conf d = { 0 };
        struct tempdir *t = *state;
        char dir[128];

        snprintf(dir, sizeof(dir), "%s/holdfast", t->path);
        assert_int_equal(mkdir(dir, 0700), 0);
        assert_int_equal(file_write(t->fd, "holdfast/holdfast.conf", BYTES_STR("[tpm]\ntcti = user\ndeadline-ms = 300\n"), 0600, false), 0);
        setenv("HOLDFAST_TCTI", "env", 1);
        setenv("HOLDFAST_STORE", "/env/store", 1);
        setenv("HOLDFAST_TPM_TRACE", "", 1);
        assert_int_equal(conf_load(&c), 0);
        assert_string_equal(c.tcti, "env");
        assert_string_equal(c.store, "/env/store");
        assert_null(c.trace);
        assert_int_equal(c.deadline_ms, 300);

        /* A file named in the environment stands for the user's. */
        setenv("HOLDFAST_CONF", file_of(t, BYTES_STR("[pkcs11]\npin-tries = 4\n")), 1);
        assert_int_equal(conf_load(&d), 0);
        assert_int_equal(d.deadline_ms, 10000);
        assert_int_equal(d.pin_tries, 4);

        conf_clear(&d);
        setenv("HOLDFAST_DEADLINE_MS", "soon", 1);
        assert_int_equal(conf_load(&d), ERR_FORMAT);
        assert_memory_equal(err_text(), "HOLDFAST_DEADLINE_MS: ", 22);
        unsetenv("HOLDFAST_DEADLINE_MS");
        setenv("HOLDFAST_CONF", "/nonexistent", 1);
        assert_int_equal(conf_load(&d), ERR_NOENT);
}

/* root's store is the system's. */
static void the_store_of_a_user_is_below_its_home(void **state)
{
        CLEANUP(conf_clear) struct conf c = { 0 };
        CLEANUP(conf_clear) struct conf d = { 0 };
        bool root = geteuid() == 0;

        setenv("HOME", "/users/ada", 1);
        assert_int_equal(load(*state, "", &c), 0);
        assert_string_equal(c.store, root ? "/var/lib/holdfast" : "/users/ada/.local/state/holdfast");
        setenv("XDG_STATE_HOME", "/state", 1);
        assert_int_equal(load(*state, "", &d), 0);
        assert_string_equal(d.store, root ? "/var/lib/holdfast" : "/state/holdfast");
}

int main(void)
{
#define ALONE(f) cmocka_unit_test_setup_teardown(f, setup, tempdir_teardown)
        const struct CMUnitTest tests[] = {
                ALONE(has_defaults),
                ALONE(reads_every_key),
                ALONE(a_copy_is_its_own),
                ALONE(daemon_and_clients_meet),
                ALONE(refuses_with_file_and_line),
                ALONE(refuses_long_lines_nul_and_large_files),
                ALONE(refuses_a_file_that_others_may_write),
                ALONE(the_environment_is_stronger_than_files),
                ALONE(the_store_of_a_user_is_below_its_home),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
