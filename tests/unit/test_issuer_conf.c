/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "issuer/conf.h"
#include "issuer/profile.h"
#include "lib/err.h"
#include "lib/file.h"
#include "tests/tempdir.h"

#define HEAD "[issuer]\ntrust-domain = example.org\ndirectory = /var/lib/holdfast-issuer\nurl = https://issuer.example.org:8443\ndomains = example.org\n"
#define PROFILE "[profile build]\nhost = *.example.org\nagent = build-*\nspiffe-id = spiffe://{trust-domain}/host/{host}/agent/{agent}\n"

static const char *path_of(const struct tempdir *d, const char *name)
{
        static char path[128];

        snprintf(path, sizeof(path), "%s/%s", d->path, name);
        return path;
}

static int load(const struct tempdir *d, const char *text, struct issuer_conf *ret)
{
        assert_int_equal(file_write(d->fd, "issuer.conf", BYTES_STR(text), 0600, true), 0);
        return issuer_conf_load(path_of(d, "issuer.conf"), ret);
}

static void refused(const struct tempdir *d, const char *text, const char *sentence)
{
        struct issuer_conf c = { 0 };

        if (load(d, text, &c) != ERR_FORMAT)
                fail_msg("taken:\n%s", text);
        if (strstr(err_text(), sentence) == NULL)
                fail_msg("\"%s\" is not in \"%s\"", sentence, err_text());
        assert_non_null(strstr(err_text(), "issuer.conf"));
}

static void reads_everything(void **state)
{
        struct issuer_conf c = { 0 };
        const struct profile *p;

        assert_int_equal(load(*state,
                HEAD "listen = [::]:8443, 127.0.0.1:8444\nak-life = 2d\nmax-per-address=7\nany-uri = yes\n"
                "[trust]\nek-roots = /etc/roots\nfirst-use = approve\n"
                PROFILE "assurance = hardware simulator\npcrs = 0,2, 7\npcr-hash = sha384\nevent-log = yes\nsecure-boot = on\n"
                "dns = {host}\ndns = {agent}.example.org\n    x.example.org\ncommon-name = {agent}\n"
                "credentials = x509 jwt ssh-user ssh-host\naudiences = https://a https://b\nlife = 15m\ngrace=8h\ncnf = yes\n"
                "ssh-users = {agent} deploy\nssh-hosts = {host}\nforce-command = /usr/bin/run --as {agent}\nsource-address = 192.0.2.0/24\nextensions = permit-pty\n"
                "key-policy = 00ff\nunit = ci@*.service\nuid = 1000, 1001\n[profile other]\nhost=h.example.org\nagent=*\nspiffe-id = spiffe://example.org/x\n", &c), 0);
        assert_string_equal(c.trust_domain, "example.org");
        assert_int_equal(c.listen.n, 2);
        assert_string_equal(c.listen.v[1], "127.0.0.1:8444");
        assert_int_equal(c.ak_life, 2 * 24 * 60 * 60);
        assert_int_equal(c.max_per_address, 7);
        assert_int_equal(c.first_use, FIRST_USE_APPROVE);
        assert_true(c.any_uri);
        assert_int_equal(c.n_profiles, 2);
        p = &c.profiles[0];
        assert_string_equal(p->name, "build");
        assert_int_equal(p->assurances, 1 | 8);
        assert_int_equal(p->pcrs, 0x85);
        assert_int_equal(profile_pcr_hash(p), 0x000c);
        assert_int_equal(p->dns.n, 3);
        assert_string_equal(p->dns.v[2], "x.example.org");
        assert_int_equal(p->credentials, 15);
        assert_int_equal(p->life, 900);
        assert_int_equal(p->grace, 8 * 3600);
        assert_string_equal(p->force_command, "/usr/bin/run --as {agent}");
        assert_int_equal(p->key_policy.len, 2);
        assert_int_equal(c.profiles[1].life, 3600);
        issuer_conf_clear(&c);
}

static void is_strict(void **state)
{
        static const struct {
                const char *text, *sentence;
        } cases[] = {
                { HEAD "colour = blue\n", "line 6: there is no key colour in [issuer]" },
                { HEAD "[profiles]\n", "line 6: an unknown section" },
                { HEAD "[profile Build]\n", "line 6: a profile's name" },
                { HEAD PROFILE "[profile build]\n", "line 10: the profile build is there twice" },
                { HEAD PROFILE "colour = blue\n", "line 10: there is no key colour in a profile" },
                { HEAD "url = https://other\n", "line 6: url is there twice" },
                { HEAD PROFILE "life = 10m\nlife = 20m\n", "line 11: life is there twice" },
                { HEAD PROFILE "life = never\n", "line 10: \"never\" is no time" },
                { HEAD PROFILE "life = 0\n", "is no time" },
                { HEAD PROFILE "life = 25h\n", "is no time" },
                { HEAD PROFILE "life = 86401\n", "is no time" },
                { HEAD PROFILE "life = 99999999999999999999\n", "is no time" },
                { HEAD PROFILE "life = -1\n", "is no time" },
                { HEAD PROFILE "pcrs = 24\n", "is no PCR" },
                { HEAD PROFILE "pcrs = 1-7\n", "is no PCR" },
                { HEAD PROFILE "assurance = none\n", "\"none\" is none of: hardware pinned unattested simulator" },
                { HEAD PROFILE "credentials = x509 x510\n", "\"x510\" is none of" },
                { HEAD PROFILE "cnf = maybe\n", "neither yes nor no" },
                { HEAD PROFILE "golden = golden.txt\n", "no absolute path" },
                { HEAD PROFILE "key-policy = 0\n", "line 10" },
                { HEAD PROFILE "sha256 = abcd\n", "no digest of 64 digits" },
                { HEAD PROFILE "uid = root\n", "no number of a user" },
                { HEAD PROFILE "secure-boot = yes\n", "needs event-log" },
                { HEAD PROFILE "event-log = yes\npcrs = 8\n", "explains PCRs 0 to 7" },
                { HEAD PROFILE "credentials = jwt\n", "audiences is missing" },
                { HEAD PROFILE "credentials = ssh-user\n", "good for all" },
                { HEAD PROFILE "credentials = ssh-host\n", "good for all" },
                { HEAD "[profile x]\nhost = a\nagent = b\n", "spiffe-id is missing" },
                { HEAD "[profile x]\nhost = a\nspiffe-id = spiffe://example.org/x\n", "whom it is for" },
                { HEAD "[profile x]\nhost = a\nagent = b\nspiffe-id = spiffe://example.com/x\n", "another trust domain" },
                { HEAD "[profile x]\nhost = a\nagent = b\nspiffe-id = spiffe://example.org/{owner}\n", "a brace that belongs to none" },
                { HEAD "[profile x]\nhost = a\nagent = b\nspiffe-id = spiffe://example.org\n", "without a path" },
                { HEAD PROFILE "dns = www.example.com\n", "not in a domain" },
                { HEAD PROFILE "dns = wwwexample.org\n", "not in a domain" },
                { HEAD PROFILE "dns = *.example.org\n", "[profile build]" },
                { HEAD PROFILE "credentials = ssh-user\nssh-users = *\n", "login name" },
                { HEAD PROFILE "credentials = ssh-user\nssh-users = a\nextensions = permit-everything\n", "SSH extension" },
                { HEAD PROFILE "common-name = www.example.org\n", "common name" },
                { "[issuer]\ntrust-domain = example.org\ndirectory = /d\n", "url is missing" },
                { "[issuer]\ntrust-domain = Example.org\ndirectory = /d\nurl = https://x\n", "issuer.conf" },
                { "[issuer]\nurl = http://x\n", "no https URL" },
                { "[issuer]\nurl = https://x/\n", "no https URL" },
                { "[issuer]\nworkers\n", "line 2" },
                { "[trust]\nfirst-use = always\n", "\"always\" is none of: no approve yes" },
        };

        for (size_t i = 0; i < ARRAY_LEN(cases); i++)
                refused(*state, cases[i].text, cases[i].sentence);
}

static void believes_nothing_that_others_write(void **state)
{
        const struct tempdir *d = *state;
        struct issuer_conf c = { 0 };

        assert_int_equal(file_write(d->fd, "issuer.conf", BYTES_STR(HEAD), 0600, true), 0);
        assert_int_equal(chmod(path_of(d, "issuer.conf"), 0620), 0);
        assert_int_equal(issuer_conf_load(path_of(d, "issuer.conf"), &c), ERR_PERM);
        assert_int_equal(issuer_conf_load(path_of(d, "missing"), &c), ERR_NOENT);
}

/* --- Files of a profile --- */

static void put_file(const struct tempdir *d, const char *name, const char *text)
{
        assert_int_equal(file_write(d->fd, name, BYTES_STR(text), 0600, true), 0);
}

#define DIGEST "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DIGEST_0 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static int load_with(const struct tempdir *d, const char *key, const char *file, const char *more, struct issuer_conf *ret)
{
        char text[1024];

        snprintf(text, sizeof(text), HEAD PROFILE "%s = %s/%s\n%s", key, d->path, file, more);
        return load(d, text, ret);
}

static void reads_golden_values(void **state)
{
        struct issuer_conf c = { 0 };
        const struct profile *p;

        put_file(*state, "golden", "# firmware 1.2\n0 " DIGEST "\n\n0\t" DIGEST_0 " or this\n7 " DIGEST "\n");
        assert_int_equal(load_with(*state, "golden", "golden", "pcrs = 0,7\n", &c), 0);
        p = &c.profiles[0];
        assert_int_equal(p->n_golden, 3);
        assert_int_equal(p->golden[1].pcr, 0);
        assert_int_equal(p->golden[1].digest.len, 32);
        assert_int_equal(p->golden[1].digest.ptr[1], 0x11);
        assert_int_equal(p->golden[2].pcr, 7);
        assert_int_equal(p->golden[2].digest.ptr[0], 0x01);
        issuer_conf_clear(&c);
}

static void refuses_other_golden_values(void **state)
{
        static const struct {
                const char *text, *sentence;
        } cases[] = {
                { "# nothing\n", "allows no value at all" },
                { "0 " DIGEST "\n8 " DIGEST "\n", "golden line 2: a PCR that the profile does not ask for" },
                { "0 abcd\n", "golden line 1: a digest of another hash" },
                { "0 xyz\n", "golden line 1: no digest" },
                { "0\n", "golden line 1: not \"PCR DIGEST\"" },
                { DIGEST "\n", "golden line 1" },
                { "-1 " DIGEST "\n", "golden line 1" },
                { "32 " DIGEST "\n", "golden line 1" },
        };
        struct issuer_conf c = { 0 };

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                put_file(*state, "golden", cases[i].text);
                assert_int_equal(load_with(*state, "golden", "golden", "pcrs = 0,7\n", &c), ERR_FORMAT);
                if (strstr(err_text(), cases[i].sentence) == NULL)
                        fail_msg("\"%s\" is not in \"%s\"", cases[i].sentence, err_text());
        }
}

static void sorts_the_ima_list(void **state)
{
        struct issuer_conf c = { 0 };
        const struct profile *p;

        put_file(*state, "ima", DIGEST "  /usr/bin/b\n" DIGEST_0 "  /usr/bin/a\n0123456789abcdef0123456789abcdef01234567  /bin/old\n");
        assert_int_equal(load_with(*state, "ima", "ima", "pcrs = 10\n", &c), 0);
        p = &c.profiles[0];
        assert_int_equal(p->n_ima, 3);
        assert_int_equal(p->ima[0].len, 20);
        assert_int_equal(p->ima[1].ptr[0], 0x00);
        assert_int_equal(p->ima[2].ptr[0], 0x01);
        issuer_conf_clear(&c);
        assert_int_equal(load_with(*state, "ima", "ima", "pcrs = 7\n", &c), ERR_FORMAT);
        assert_int_equal(load_with(*state, "ima", "missing", "pcrs = 10\n", &c), ERR_NOENT);
}

static void table_is_whole(void **state)
{
        const struct issuer_key *k;

        (void)state;
        for (size_t i = 0; (k = issuer_key_at(i)) != NULL; i++)
                assert_true(k->help != NULL && (k->type != ISSUER_CHOICE || k->choices != NULL));
        for (size_t i = 0; (k = profile_key_at(i)) != NULL; i++)
                assert_true(k->help != NULL && strcmp(k->section, "profile") == 0);
}

static bool is_key(const char *section, struct bytes name)
{
        const struct issuer_key *k;

        for (size_t i = 0; (k = strcmp(section, "profile") == 0 ? profile_key_at(i) : issuer_key_at(i)) != NULL; i++)
                if (strcmp(k->section, section) == 0 && bytes_equal(name, BYTES_STR(k->name)))
                        return true;
        return false;
}

/* "*one*, *two*": each is a key of the section. */
static size_t count_terms(const char *section, char *line)
{
        size_t n = 0;

        for (char *term = strtok(line, "*, "); term != NULL; term = strtok(NULL, "*, ")) {
                if (!is_key(section, BYTES_STR(term)))
                        fail_msg("the man page has %s in [%s]", term, section);
                n++;
        }
        return n;
}

static void the_man_page_has_exactly_the_keys(void **state)
{
        FILE *f = fopen(source_path("docs/man/holdfast-issuer.conf.5.scd"), "re");
        char line[4096], section[16] = "";
        size_t documented = 0, coded = 0;

        (void)state;
        assert_non_null(f);
        while (fgets(line, sizeof(line), f) != NULL) {
                line[strcspn(line, "\n")] = '\0';
                if (strncmp(line, "# ", 2) == 0)
                        section[0] = '\0';
                if (sscanf(line, "## [%15[a-z]", section) != 1 && line[0] == '*' && section[0] != '\0')
                        documented += count_terms(section, line);
        }
        fclose(f);
        while (issuer_key_at(coded) != NULL)
                coded++;
        for (size_t i = 0; profile_key_at(i) != NULL; i++)
                coded++;
        assert_int_equal(documented, coded);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(reads_everything, tempdir_setup, tempdir_teardown),
                cmocka_unit_test_setup_teardown(is_strict, tempdir_setup, tempdir_teardown),
                cmocka_unit_test_setup_teardown(believes_nothing_that_others_write, tempdir_setup, tempdir_teardown),
                cmocka_unit_test_setup_teardown(reads_golden_values, tempdir_setup, tempdir_teardown),
                cmocka_unit_test_setup_teardown(refuses_other_golden_values, tempdir_setup, tempdir_teardown),
                cmocka_unit_test_setup_teardown(sorts_the_ima_list, tempdir_setup, tempdir_teardown),
                cmocka_unit_test(table_is_whole),
                cmocka_unit_test(the_man_page_has_exactly_the_keys),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
