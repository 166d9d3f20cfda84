/* SPDX-License-Identifier: BSD-2-Clause */
/* Credentials as files: everybody may read them, they come back after a start, go with their enrolment, and cost the TPM nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include <jansson.h>
#include "daemon/credentials.h"
#include "keys/find.h"
#include "keys/manage.h"
#include "lib/err.h"
#include "lib/file.h"
#include "tests/corefix.h"
#include "tpm/tpm.h"

#define LABEL "t/ls"

struct credfix {
        struct corefix *x;
        char dir[128];
        struct credentials *c;
        struct item *key;
};

static void open_it(struct credfix *f)
{
        /* As the daemon has it: what it makes is its own, unless it says otherwise. */
        umask(077);
        if (credentials_open(f->x->core.keyring, f->dir, &f->c) != 0)
                fail_msg("%s", err_text());
}

static int setup(void **state)
{
        struct credfix *f = calloc(1, sizeof(*f));
        const struct agent_wish w = { .name = "a b", .owner = "dana", .kind = key_kind_by_name("P-256"), .label = BYTES_STR(LABEL) };
        void *x = NULL;

        corefix_setup(&x);
        f->x = x;
        snprintf(f->dir, sizeof(f->dir), "%s/run/credentials", f->x->f.swtpm.dir);
        assert_int_equal(manage_agent_create(f->x->core.keyring, NULL, &w, &f->key), 0);
        open_it(f);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct credfix *f = *state;
        void *x = f->x;

        item_unref(f->key);
        credentials_close(f->c);
        corefix_teardown(&x);
        free(f);
        return 0;
}

static void path_of(const struct credfix *f, const char *name, char *ret, size_t size)
{
        snprintf(ret, size, "%s/a%%20b/t%%2Fls/%s", f->dir, name);
}

/* "": it is not there. */
static char *content(const struct credfix *f, const char *name)
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        char path[256];
        struct stat st;

        path_of(f, name, path, sizeof(path));
        if (file_read(AT_FDCWD, path, 65536, &b) != 0)
                return strdup("");
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0644);
        return strdup(buf_str(&b));
}

static void require_file(const struct credfix *f, const char *name, const char *text)
{
        CLEANUP(free_ptr) char *got = content(f, name);

        assert_string_equal(got, text);
}

static void require_status(const struct credfix *f, const char *last_error)
{
        CLEANUP(free_ptr) char *text = content(f, "status.json");
        json_t *o = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

        assert_non_null(o);
        assert_string_equal(json_string_value(json_object_get(o, "spiffe_id")), "spiffe://t/a");
        assert_string_equal(json_string_value(json_object_get(o, "key")), LABEL);
        assert_int_equal(json_integer_value(json_object_get(o, "renew_after")), 30);
        if (last_error != NULL)
                assert_string_equal(json_string_value(json_object_get(o, "last_error")), last_error);
        else
                assert_true(json_is_null(json_object_get(o, "last_error")));
        json_decref(o);
}

static void put(struct credfix *f, const char *user, const char *host)
{
        char id[] = "spiffe://t/a", bundle[] = "bundle\n", *u = user != NULL ? strdup(user) : NULL, *h = host != NULL ? strdup(host) : NULL;
        const struct answer_credential a = { .spiffe_id = id, .bundle = bundle, .ssh_user = u, .ssh_host = h, .not_before = 10, .not_after = 40, .renew_after = 30 };
        CLEANUP(enrolment_clear) struct enrolment e = { .agent = "a b", .last_error = "old" };

        assert_int_equal(buf_append_str(&e.label, LABEL), 0);
        if (credentials_put(f->c, NULL, &e, f->key, &a) != 0)
                fail_msg("%s", err_text());
        assert_string_equal(e.last_error, "");
        assert_int_equal(e.renew_after, 30);
        free(u);
        free(h);
}

static void everybody_may_read_them(void **state)
{
        struct credfix *f = *state;
        char path[256];
        struct stat st;

        put(f, "user\n", "host\n");
        require_file(f, "bundle.pem", "bundle\n");
        require_file(f, "id-cert.pub", "user\n");
        require_file(f, "host-cert.pub", "host\n");
        require_file(f, "cert.pem", "");
        require_status(f, NULL);
        path_of(f, "", path, sizeof(path));
        for (char *slash = path + strlen(path) - 1; strlen(path) >= strlen(f->dir); slash = strrchr(path, '/')) {
                *slash = '\0';
                assert_int_equal(stat(path, &st), 0);
                assert_int_equal(st.st_mode & 0777, 0755);
                if (strcmp(path, f->dir) == 0)
                        break;
        }
}

static void the_key_is_named_and_never_there(void **state)
{
        struct credfix *f = *state;
        CLEANUP(free_ptr) char *pem = NULL, *ssh = NULL;

        put(f, "user\n", NULL);
        pem = content(f, "key.pem");
        ssh = content(f, "id.pub");
        assert_memory_equal(pem, "-----BEGIN PKCS#11 PROVIDER URI-----\n", 37);
        assert_memory_equal(ssh, "ecdsa-sha2-nistp256 ", 20);
        assert_string_equal(ssh + strlen(ssh) - 5, " a b\n");
}

/* A profile that no longer gives one takes it away. */
static void what_was_not_given_goes(void **state)
{
        struct credfix *f = *state;

        put(f, "user\n", "host\n");
        put(f, "newer\n", NULL);
        require_file(f, "id-cert.pub", "newer\n");
        require_file(f, "host-cert.pub", "");
}

static int count(void *ctx, const struct enrolment *e)
{
        assert_string_equal(e->agent, "a b");
        assert_true(bytes_equal(BYTES_OF(&e->label), BYTES_STR(LABEL)));
        assert_int_equal(e->not_after, 40);
        assert_true(bytes_equal(BYTES_OF(&e->spiffe_id), BYTES_STR("spiffe://t/a")));
        ++*(unsigned *)ctx;
        return 0;
}

static unsigned restart(struct credfix *f)
{
        char command[192];
        unsigned n = 0;

        credentials_close(f->c);
        /* As a start of the host does it. */
        snprintf(command, sizeof(command), "rm -rf '%s'", f->dir);
        assert_int_equal(system(command), 0);
        open_it(f);
        if (credentials_restore(f->c, count, &n) != 0)
                fail_msg("%s", err_text());
        return n;
}

static void they_come_back_after_a_start(void **state)
{
        struct credfix *f = *state;

        assert_int_equal(restart(f), 0);
        put(f, "user\n", NULL);
        assert_int_equal(restart(f), 1);
        require_file(f, "id-cert.pub", "user\n");
        require_file(f, "bundle.pem", "bundle\n");
        require_status(f, NULL);
}

static void another_key_of_that_name_gets_none(void **state)
{
        const struct key_wish w = { .kind = key_kind_by_name("P-256"), .usage = ALG_SIGN, .label = BYTES_STR(LABEL) };
        struct credfix *f = *state;

        put(f, "user\n", NULL);
        assert_int_equal(manage_key_delete(f->x->core.keyring, NULL, "a b", f->key), 0);
        item_unref(f->key);
        assert_int_equal(manage_key_create(f->x->core.keyring, NULL, "a b", BYTES(NULL, 0), &w, false, &f->key), 0);
        assert_int_equal(restart(f), 0);
        require_file(f, "id-cert.pub", "");
        assert_int_equal(restart(f), 0);
}

static void they_go_with_the_enrolment(void **state)
{
        struct credfix *f = *state;
        char path[192];

        put(f, "user\n", NULL);
        assert_int_equal(credentials_remove(f->c, "a b", BYTES_STR(LABEL)), 0);
        require_file(f, "status.json", "");
        snprintf(path, sizeof(path), "%s/a%%20b", f->dir);
        assert_int_not_equal(access(path, F_OK), 0);
        assert_int_equal(restart(f), 0);
        assert_int_equal(credentials_remove(f->c, "a b", BYTES_STR(LABEL)), 0);
}

static void a_failure_shows_and_the_rest_stays(void **state)
{
        CLEANUP(enrolment_clear) struct enrolment e = { .agent = "a b", .not_before = 10, .not_after = 40, .renew_after = 30, .last_error = "the issuer refuses" };
        struct credfix *f = *state;

        put(f, "user\n", NULL);
        assert_int_equal(buf_append_str(&e.label, LABEL), 0);
        assert_int_equal(buf_append_str(&e.spiffe_id, "spiffe://t/a"), 0);
        assert_int_equal(credentials_tell(f->c, &e), 0);
        require_status(f, "the issuer refuses");
        require_file(f, "id-cert.pub", "user\n");

        /* Cut within a character. */
        memcpy(e.last_error, "10 \xe2\x82", 6);
        assert_int_equal(credentials_tell(f->c, &e), 0);
        require_status(f, "10 ");
}

/* Who owns the directory can exchange what others believe. */
static void nothing_is_put_where_somebody_else_may_exchange_it(void **state)
{
        CLEANUP(enrolment_clear) struct enrolment e = { .agent = "a b" };
        struct credfix *f = *state;
        struct credentials *c = NULL;
        char path[192];

        if (geteuid() != 0)
                skip();
        assert_int_equal(buf_append_str(&e.label, LABEL), 0);
        snprintf(path, sizeof(path), "%s/a%%20b", f->dir);
        assert_int_equal(mkdir(path, 0755), 0);
        assert_int_equal(chown(path, 65534, 65534), 0);
        assert_int_equal(credentials_tell(f->c, &e), ERR_PERM);
        assert_int_equal(rmdir(path), 0);
        assert_int_equal(credentials_tell(f->c, &e), 0);
        assert_int_equal(chown(f->dir, 65534, 65534), 0);
        assert_int_equal(credentials_open(f->x->core.keyring, f->dir, &c), ERR_PERM);
}

static void the_tpm_is_not_asked(void **state)
{
        struct credfix *f = *state;
        uint64_t before = tpm_commands(f->x->core.tpm);

        for (unsigned i = 0; i < 3; i++)
                put(f, "user\n", "host\n");
        assert_int_equal(tpm_commands(f->x->core.tpm), before);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(everybody_may_read_them, setup, teardown),
                cmocka_unit_test_setup_teardown(the_key_is_named_and_never_there, setup, teardown),
                cmocka_unit_test_setup_teardown(what_was_not_given_goes, setup, teardown),
                cmocka_unit_test_setup_teardown(they_come_back_after_a_start, setup, teardown),
                cmocka_unit_test_setup_teardown(another_key_of_that_name_gets_none, setup, teardown),
                cmocka_unit_test_setup_teardown(they_go_with_the_enrolment, setup, teardown),
                cmocka_unit_test_setup_teardown(a_failure_shows_and_the_rest_stays, setup, teardown),
                cmocka_unit_test_setup_teardown(nothing_is_put_where_somebody_else_may_exchange_it, setup, teardown),
                cmocka_unit_test_setup_teardown(the_tpm_is_not_asked, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
