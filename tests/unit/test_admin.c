/* SPDX-License-Identifier: BSD-2-Clause */
/* init, status and doctor: done once, healed by a second run, wrong things named. */
#include <fcntl.h>
#include <grp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "keys/admin.h"
#include "keys/backend_tpm.h"
#include "lib/err.h"
#include "lib/file.h"
#include "tests/fixture.h"

static const struct admin_init plain, sealing = { .seal_owner = true };

static bool owner_auth_set(struct fixture *f)
{
        struct tpm_health h;

        assert_int_equal(tpm_health_read(backend_tpm_device(keyring_backend(f->keyring)), &h), 0);
        return h.owner_auth_set;
}

static void expect_signature(struct fixture *f, struct item *i)
{
        struct key_use use = { .item = i };
        CLEANUP(buf_clear) struct buf sig = { 0 };
        uint8_t digest[32] = { 1 };

        if (signer_sign(f->keyring, &use, &(struct pk_params){ .scheme = SCHEME_ECDSA }, BYTES(digest, 32), &sig) != 0)
                fail_msg("sign: %s", err_text());
}

static void second_init_changes_nothing(void **state)
{
        CLEANUP(fixture_stop) struct fixture f;
        struct item *i;

        (void)state;
        fixture_start(&f);
        i = fixture_key(&f, "P-256", ALG_SIGN, "k");
        assert_int_equal(admin_init(&f.conf, &plain), ERR_EXIST);
        expect_signature(&f, i);
        assert_false(owner_auth_set(&f));
        item_unref(i);
}

/* TPM2_EvictControl of the persistent parent by the owner, as a stranger's tool would. */
static void evict(struct fixture *f, uint32_t handle)
{
        uint8_t cmd[] = {
                0x80, 0x02, 0, 0, 0, 35, 0, 0, 0x01, 0x20, 0x40, 0, 0, 0x01, (uint8_t)(handle >> 24), (uint8_t)(handle >> 16), (uint8_t)(handle >> 8),
                (uint8_t)handle, 0, 0, 0, 9, 0x40, 0, 0, 0x09, 0, 0, 0, 0, 0, (uint8_t)(handle >> 24), (uint8_t)(handle >> 16), (uint8_t)(handle >> 8),
                (uint8_t)handle,
        };
        uint8_t rsp[64];
        size_t len = sizeof(rsp);

        assert_int_equal(swtpm_command(&f->swtpm, cmd, sizeof(cmd), rsp, &len), 0);
        assert_memory_equal(rsp + 6, "\0\0\0\0", 4);
}

static void init_makes_a_lost_parent_again(void **state)
{
        CLEANUP(fixture_stop) struct fixture f;
        struct item *i;

        (void)state;
        fixture_start(&f);
        i = fixture_key(&f, "P-256", ALG_SIGN, "k");
        keyring_close(f.keyring);
        f.keyring = NULL;
        evict(&f, 0x81010a01);
        assert_int_equal(admin_init(&f.conf, &plain), 0);
        assert_int_equal(keyring_open(&f.conf, &f.keyring), 0);
        expect_signature(&f, i);
        item_unref(i);
}

static void a_store_of_another_tpm_is_refused(void **state)
{
        CLEANUP(fixture_stop) struct fixture a, b;
        struct conf mixed;
        unsigned n;

        (void)state;
        fixture_start(&a);
        fixture_blank(&b);
        mixed = a.conf;
        mixed.tcti = b.conf.tcti;
        assert_int_equal(admin_init(&mixed, &plain), ERR_FOREIGN);
        assert_int_equal(swtpm_handles(&b.swtpm, 0x81000000u, &n), 0);
        assert_int_equal(n, 0);
}

static void init_without_a_tpm_leaves_no_store(void **state)
{
        CLEANUP(fixture_stop) struct fixture f;

        (void)state;
        fixture_blank(&f);
        assert_int_equal(swtpm_off(&f.swtpm), 0);
        assert_int_equal(admin_init(&f.conf, &plain), ERR_NODEV);
        assert_int_equal(access(f.conf.store, F_OK), -1);
        assert_int_equal(swtpm_on(&f.swtpm), 0);
        assert_int_equal(admin_init(&f.conf, &plain), 0);
}

static void seals_the_owner_once(void **state)
{
        CLEANUP(fixture_stop) struct fixture f;

        (void)state;
        fixture_start(&f);
        assert_int_equal(admin_init(&f.conf, &sealing), 0);
        assert_true(owner_auth_set(&f));
        assert_int_equal(admin_init(&f.conf, &sealing), ERR_EXIST);
        assert_int_equal(admin_init(&f.conf, &plain), ERR_EXIST);
        item_unref(fixture_key(&f, "P-256", ALG_SIGN, "k"));
}

/* Killed between the file and the TPM: the value is in the store, the TPM has the old one. */
static void goes_on_after_a_crash_while_sealing(void **state)
{
        CLEANUP(fixture_stop) struct fixture f;
        CLEANUP(buf_clear) struct buf text = { 0 };
        struct admin_init how = { .seal_owner = true, .owner_auth = BYTES_STR("chosen by hand") };
        struct tpm *t;

        (void)state;
        fixture_start(&f);
        t = backend_tpm_device(keyring_backend(f.keyring));
        assert_int_equal(tpm_owner_auth_set(t, (struct bytes){ 0 }, how.owner_auth), 0);
        /* Without the right old value the file is written and the TPM refuses: just what such a crash leaves. */
        assert_int_equal(admin_init(&f.conf, &sealing), ERR_AUTH);
        assert_int_equal(file_read(store_dirfd(keyring_store(f.keyring)), "owner.pem", 8192, &text), 0);
        assert_int_equal(admin_init(&f.conf, &how), 0);
        assert_int_equal(tpm_owner_auth_set(t, how.owner_auth, how.owner_auth), ERR_AUTH);
        assert_int_equal(admin_init(&f.conf, &sealing), ERR_EXIST);
}

static const struct finding *find(const struct findings *f, int level, const char *subject)
{
        for (size_t i = 0; i < f->n; i++)
                if ((int)f->list[i].level == level && strncmp(f->list[i].subject, subject, strlen(subject)) == 0)
                        return &f->list[i];
        return NULL;
}

static size_t bad(const struct findings *f)
{
        size_t n = 0;

        for (size_t i = 0; i < f->n; i++) {
                if (f->list[i].level != FINDING_OK)
                        n++;
                assert_true(strlen(f->list[i].text) > 5);
        }
        return n;
}

static void doctor_finds_nothing_in_a_sound_store(void **state)
{
        CLEANUP(fixture_stop) struct fixture f;
        CLEANUP(findings_clear) struct findings found = { 0 };

        (void)state;
        fixture_start(&f);
        item_unref(fixture_key(&f, "P-256", ALG_SIGN, "k"));
        assert_int_equal(admin_doctor(&f.conf, true, true, &found), 0);
        for (size_t i = 0; i < found.n; i++)
                if (found.list[i].level != FINDING_OK)
                        fail_msg("%s: %s", found.list[i].subject, found.list[i].text);
        assert_non_null(find(&found, FINDING_OK, "TSS"));
        assert_non_null(find(&found, FINDING_OK, "Parent"));
        assert_non_null(find(&found, FINDING_OK, "Agents"));
}

static void doctor_misses_store_and_tpm(void **state)
{
        CLEANUP(fixture_stop) struct fixture f;
        CLEANUP(findings_clear) struct findings found = { 0 };
        const struct finding *x;

        (void)state;
        fixture_blank(&f);
        assert_int_equal(swtpm_off(&f.swtpm), 0);
        unlink(f.swtpm.sock);
        assert_int_equal(admin_doctor(&f.conf, true, false, &found), 0);
        x = find(&found, FINDING_FAIL, "TPM");
        assert_non_null(x);
        assert_non_null(strstr(x->mend, "swtpm"));
        x = find(&found, FINDING_FAIL, "Store");
        assert_non_null(x);
        assert_string_equal(x->mend, "holdfast init");
}

static void doctor_names_damaged_and_foreign_keys(void **state)
{
        CLEANUP(fixture_stop) struct fixture f, other;
        CLEANUP(findings_clear) struct findings found = { 0 };
        CLEANUP(buf_clear) struct buf path = { 0 };
        struct item *i, *stranger, *added;
        struct item_spec spec = { .type = ITEM_KEY, .label = BYTES_STR("stranger"), .id = BYTES_STR("s") };
        int fd;

        (void)state;
        fixture_start(&f);
        fixture_start(&other);
        stranger = fixture_key(&other, "P-256", ALG_SIGN, "stranger");
        spec.key = &fixture_body(stranger)->key;
        assert_int_equal(store_item_add(keyring_store(f.keyring), "a", &spec, &added), 0);
        i = fixture_key(&f, "P-256", ALG_SIGN, "torn");
        assert_int_equal(store_item_path(keyring_store(f.keyring), "a", i, &path), 0);
        fd = open(buf_str(&path), O_WRONLY);
        assert_int_equal(ftruncate(fd, 100), 0);
        close(fd);

        assert_int_equal(admin_doctor(&f.conf, true, true, &found), 0);
        assert_non_null(find(&found, FINDING_FAIL, "Key torn of agent a"));
        assert_non_null(find(&found, FINDING_FAIL, "Key stranger of agent a"));
        assert_int_equal(bad(&found), 2);
        item_unref(i);
        item_unref(stranger);
        item_unref(added);
}

static void doctor_names_a_store_that_others_reach(void **state)
{
        CLEANUP(fixture_stop) struct fixture f;
        CLEANUP(findings_clear) struct findings found = { 0 };
        const struct finding *x;

        (void)state;
        fixture_start(&f);
        assert_int_equal(chmod(f.conf.store, 0755), 0);
        assert_int_equal(admin_doctor(&f.conf, true, false, &found), 0);
        x = find(&found, FINDING_WARN, "Store");
        assert_non_null(x);
        assert_non_null(strstr(x->mend, "chmod o-rx"));
        findings_clear(&found);

        assert_int_equal(chmod(f.conf.store, 0777), 0);
        assert_int_equal(admin_doctor(&f.conf, true, false, &found), 0);
        x = find(&found, FINDING_FAIL, "Store");
        assert_non_null(x);
        assert_non_null(strstr(x->mend, "chmod"));
}

/* As a user without rights to device and store, in a process of its own. 0 if the finding about rights says `mend`. */
static int look_as_nobody(const struct conf *c, const char *mend)
{
        CLEANUP(findings_clear) struct findings found = { 0 };
        const struct finding *x;

        if (setgroups(0, NULL) != 0 || setgid(65534) != 0 || setuid(65534) != 0 || admin_doctor(c, true, false, &found) != 0)
                return 1;
        x = find(&found, FINDING_FAIL, "Rights");
        if (!x || !strstr(x->mend, mend) || strstr(x->mend, " root"))
                return 2;
        if (!find(&found, FINDING_FAIL, "Store"))
                return 3;
        for (size_t i = 0; i < found.n; i++)
                if (found.list[i].mend && strstr(found.list[i].mend, "holdfast doctor"))
                        return 4;
        return 0;
}

static void doctor_names_missing_rights(void **state)
{
        /* Nobody is told to join root's group. */
        static const struct { gid_t gid; mode_t mode; const char *mend; } rows[] = {
                { 0, 0600, "holdfast dev" },
                { 0, 0660, "holdfast dev" },
                { 1, 0660, "sudo adduser nobody daemon" },
        };
        CLEANUP(fixture_stop) struct fixture f;
        pid_t pid;
        int status;

        (void)state;
        if (getuid() != 0)
                skip();
        fixture_start(&f);
        assert_int_equal(chmod(f.swtpm.dir, 0755), 0);
        assert_int_equal(chmod(f.conf.store, 0755), 0);
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                assert_int_equal(chown(f.swtpm.sock, 0, rows[i].gid), 0);
                assert_int_equal(chmod(f.swtpm.sock, rows[i].mode), 0);
                pid = fork();
                if (pid == 0)
                        _exit(look_as_nobody(&f.conf, rows[i].mend));
                assert_int_equal(waitpid(pid, &status, 0), pid);
                assert_true(WIFEXITED(status));
                assert_int_equal(WEXITSTATUS(status), 0);
        }
}

/* Its keys are as good as ever where they belong: nobody is told to delete them. */
static void doctor_spares_the_keys_of_another_tpm(void **state)
{
        CLEANUP(fixture_stop) struct fixture a, b;
        CLEANUP(findings_clear) struct findings found = { 0 };
        struct conf mixed;

        (void)state;
        fixture_start(&a);
        fixture_blank(&b);
        item_unref(fixture_key(&a, "P-256", ALG_SIGN, "k"));
        mixed = a.conf;
        mixed.tcti = b.conf.tcti;
        assert_int_equal(admin_doctor(&mixed, true, true, &found), 0);
        assert_non_null(find(&found, FINDING_FAIL, "Parent"));
        assert_int_equal(bad(&found), 1);
        for (size_t i = 0; i < found.n; i++)
                assert_true(!found.list[i].mend || !strstr(found.list[i].mend, "delete"));
}

static void status_counts_and_says_why_not(void **state)
{
        CLEANUP(fixture_stop) struct fixture f;
        CLEANUP(admin_status_clear) struct admin_status s = { 0 };

        (void)state;
        fixture_start(&f);
        item_unref(fixture_key(&f, "P-256", ALG_SIGN, "k"));
        assert_int_equal(admin_status(&f.conf, true, &s), 0);
        assert_true(s.initialised && s.tpm_reachable);
        assert_null(s.tpm_error);
        assert_int_equal(s.agents, 1);
        assert_int_equal(s.keys, 1);
        assert_int_equal(s.parent_handle, 0x81010a01);
        assert_int_equal(strlen(s.parent_name), 68);
        admin_status_clear(&s);

        assert_int_equal(swtpm_off(&f.swtpm), 0);
        assert_int_equal(admin_status(&f.conf, true, &s), 0);
        assert_true(s.initialised && !s.tpm_reachable);
        assert_non_null(s.tpm_error);
}

static void status_knows_another_tpm(void **state)
{
        CLEANUP(fixture_stop) struct fixture a, b;
        CLEANUP(admin_status_clear) struct admin_status s = { 0 };
        struct conf mixed;

        (void)state;
        fixture_start(&a);
        fixture_start(&b);
        mixed = a.conf;
        mixed.tcti = b.conf.tcti;
        assert_int_equal(admin_status(&mixed, true, &s), 0);
        assert_true(s.tpm_reachable && s.tpm_foreign);
        assert_non_null(s.tpm_error);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(second_init_changes_nothing),
                cmocka_unit_test(init_makes_a_lost_parent_again),
                cmocka_unit_test(a_store_of_another_tpm_is_refused),
                cmocka_unit_test(init_without_a_tpm_leaves_no_store),
                cmocka_unit_test(seals_the_owner_once),
                cmocka_unit_test(goes_on_after_a_crash_while_sealing),
                cmocka_unit_test(doctor_finds_nothing_in_a_sound_store),
                cmocka_unit_test(doctor_misses_store_and_tpm),
                cmocka_unit_test(doctor_names_damaged_and_foreign_keys),
                cmocka_unit_test(doctor_names_a_store_that_others_reach),
                cmocka_unit_test(doctor_names_missing_rights),
                cmocka_unit_test(doctor_spares_the_keys_of_another_tpm),
                cmocka_unit_test(status_counts_and_says_why_not),
                cmocka_unit_test(status_knows_another_tpm),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
