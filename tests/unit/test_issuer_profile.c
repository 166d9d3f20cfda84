/* SPDX-License-Identifier: BSD-2-Clause */
/* Who gets what by which profile, and that no name of a host's or agent's gets further than the template lets it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "issuer/profile.h"
#include "lib/err.h"
#include "lib/file.h"
#include "tests/grantfix.h"
#include "tests/tempdir.h"

#define HEAD "[issuer]\ntrust-domain = example.org\ndirectory = /d\nurl = https://issuer.example.org\ndomains = example.org\n"

struct fix {
        struct grantfix *g;
        struct issuer_conf conf;
        struct profile_grant grant;
};

static int setup(void **state)
{
        static struct fix f;

        f = (struct fix){ 0 };
        grantfix_setup((void **)&f.g);
        *state = &f;
        return 0;
}

static int teardown(void **state)
{
        struct fix *f = *state;

        issuer_conf_clear(&f->conf);
        profile_grant_clear(&f->grant);
        return grantfix_teardown((void **)&f->g);
}

static int try_load(struct fix *f, const char *whom, const char *what)
{
        char text[4096], path[128];

        snprintf(text, sizeof(text), "%s%s%s", HEAD, whom, what);
        snprintf(path, sizeof(path), "%s/issuer.conf", f->g->dir->path);
        assert_int_equal(file_write(f->g->dir->fd, "issuer.conf", BYTES_STR(text), 0600, true), 0);
        issuer_conf_clear(&f->conf);
        return issuer_conf_load(path, &f->conf);
}

static void load(struct fix *f, const char *profiles)
{
        if (try_load(f, "", profiles) != 0)
                fail_msg("%s", err_text());
}

static int grant(struct fix *f, const char *host, const char *agent, unsigned want, const char *audience)
{
        const struct profile_who who = { .host = host, .agent = agent, .owner = BYTES("dana", 4), .spki = f->g->g.spki, .want = want, .audience = audience, .now = NOW };

        return profile_grant(&f->conf.profiles[0], &who, &f->conf, &f->grant);
}

/* Whatever is granted holds by the rules of grants, too. */
static void granted(struct fix *f, const char *host, const char *agent)
{
        struct granted g = { 0 };

        if (grant(f, host, agent, 0, NULL) != 0)
                fail_msg("%s, %s: %s", host, agent, err_text());
        f->grant.g.serial[0] = 0x40;
        if (grant_check(&f->grant.g, BYTES_STR(TRUST_DOMAIN), &g) != 0)
                fail_msg("%s, %s: %s", host, agent, err_text());
        granted_clear(&g);
}

static bool is(struct bytes b, const char *text)
{
        return bytes_equal(b, BYTES_STR(text));
}

#define WHOM "[profile p]\nhost = *\nagent = *\n"

static void templates_are_filled_in(void **state)
{
        struct fix *f = *state;
        const struct grant *g = &f->grant.g;

        load(f, WHOM "spiffe-id = spiffe://{trust-domain}/{host}/x-{agent}-y\ndns = {agent}.{host} static.example.org\ncommon-name = {spiffe-id}\n"
                "credentials = x509 ssh-user ssh-host\nssh-users = {agent}\nssh-hosts = {host}\nforce-command = run --as {agent} {host}\nlife = 10m\n");
        granted(f, "web.example.org", "build-42");
        assert_true(is(g->spiffe_id, "spiffe://example.org/web.example.org/x-build-42-y"));
        assert_true(is(g->common_name, "spiffe://example.org/web.example.org/x-build-42-y"));
        assert_int_equal(g->dns.n, 2);
        assert_true(is(g->dns.v[0], "build-42.web.example.org"));
        assert_true(is(g->users.v[0], "build-42"));
        assert_true(is(g->hosts.v[0], "web.example.org"));
        assert_true(is(g->force_command, "run --as build-42 web.example.org"));
        assert_int_equal(g->not_after, NOW + 600);
        assert_int_equal(g->not_before, NOW - 60);
        assert_true(is(g->owner, "dana"));
}

static void no_name_gets_out_of_its_place(void **state)
{
        static const char *const bad[] = {
                "", ".", "..", "a/b", "/", "a b", "a%2fb", "a%00", "a?b", "a#b", "a\nb", "\xc3\xa4gent", "a@b", "{host}", "a;id", "$(id)", "`id`", "a'b", "a\"b", "a\\b",
                "*", "a*",
        };
        struct fix *f = *state;

        load(f, WHOM "spiffe-id = spiffe://example.org/agent/{agent}\n");
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                if (grant(f, "web.example.org", bad[i], 0, NULL) != ERR_DENIED)
                        fail_msg("taken: %s", bad[i]);
        granted(f, "web.example.org", "A.b_c-9");
        /* The same for what goes to a shell, where besides nothing is an option. */
        load(f, WHOM "spiffe-id = spiffe://example.org/x\ncredentials = ssh-user\nssh-users = deploy\nforce-command = run {agent}\n");
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                if (grant(f, "web.example.org", bad[i], 0, NULL) != ERR_DENIED)
                        fail_msg("taken: %s", bad[i]);
        assert_int_equal(grant(f, "web.example.org", "-rf", 0, NULL), ERR_DENIED);
        load(f, WHOM "spiffe-id = spiffe://example.org/x\ncredentials = ssh-user\nssh-users = {agent}\n");
        assert_int_equal(grant(f, "web.example.org", "-oProxyCommand", 0, NULL), ERR_DENIED);
        assert_int_equal(grant(f, "web.example.org", "root,deploy", 0, NULL), ERR_DENIED);
}

static void an_agent_is_one_label(void **state)
{
        struct fix *f = *state;

        load(f, WHOM "spiffe-id = spiffe://example.org/x\ndns = {agent}.example.org\n");
        granted(f, "web.example.org", "build-42");
        assert_int_equal(grant(f, "web.example.org", "www.admin", 0, NULL), ERR_DENIED);
        assert_int_equal(grant(f, "web.example.org", "Build", 0, NULL), ERR_DENIED);
        assert_int_equal(grant(f, "web.example.org", "*", 0, NULL), ERR_DENIED);
        load(f, WHOM "spiffe-id = spiffe://example.org/x\ndns = {host}\n");
        granted(f, "web.example.org", "a");
        assert_int_equal(grant(f, "web.example.com", "a", 0, NULL), ERR_DENIED);
        assert_int_equal(grant(f, "notexample.org", "a", 0, NULL), ERR_DENIED);
        granted(f, "example.org", "a");
}

static void grace_makes_it_good_for_longer(void **state)
{
        static const char *const much[] = { "life = 12h\ngrace = 43201s\n", "life = 1d\ngrace = 1s\n", "grace = 1d\n" };
        struct fix *f = *state;
        const struct grant *g = &f->grant.g;

        load(f, WHOM "spiffe-id = spiffe://example.org/x\nlife = 10m\ngrace = 2h\n");
        granted(f, "web.example.org", "a");
        assert_int_equal(g->not_after, NOW + 600 + 7200);
        load(f, WHOM "spiffe-id = spiffe://example.org/x\nlife = 12h\ngrace = 12h\n");
        granted(f, "web.example.org", "a");
        assert_int_equal(g->not_after, NOW + GRANT_LIFE_MAX);
        for (size_t i = 0; i < ARRAY_LEN(much); i++) {
                char what[128];

                snprintf(what, sizeof(what), "spiffe-id = spiffe://example.org/x\n%s", much[i]);
                if (try_load(f, WHOM, what) != ERR_FORMAT || strstr(err_text(), "more than 24 hours") == NULL)
                        fail_msg("taken: %s (%s)", much[i], err_text());
        }
}

/* Else the agent b-c of the host a would be the agent c of the host a-b. */
static void names_do_not_run_into_each_other(void **state)
{
        static const char *const bad[] = {
                "spiffe-id = spiffe://example.org/{host}-{agent}\n", "spiffe-id = spiffe://example.org/{agent}.{host}\n", "spiffe-id = spiffe://example.org/{host}{agent}\n",
                "spiffe-id = spiffe://example.org/{agent}-on-{trust-domain}-{host}\n", "spiffe-id = spiffe://example.org/x/{agent}/{host}.{agent}\n",
                "spiffe-id = spiffe://example.org/x\ndns = {agent}-{host}\n", "spiffe-id = spiffe://example.org/x\ncredentials = ssh-user\nssh-users = {host}-{agent}\n",
        };
        struct fix *f = *state;

        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                if (try_load(f, WHOM, bad[i]) != ERR_FORMAT || strstr(err_text(), "run into each other") == NULL)
                        fail_msg("taken: %s (%s)", bad[i], err_text());
        assert_int_equal(try_load(f, WHOM, "spiffe-id = spiffe://example.org/{host}/{agent}\ncredentials = x509 ssh-user\ndns = {agent}.{host} x-{agent}.{host}\n"
                                           "ssh-users = {host}_{agent} {agent}_at-{host}\n"), 0);
        granted(f, "web.example.org", "b-c");
}

/* An agent's name is its host's to choose: it makes nobody root, and nobody the issuer. */
static void what_others_are_called_is_not_for_the_taking(void **state)
{
        struct fix *f = *state;

        load(f, WHOM "spiffe-id = spiffe://example.org/x\ncredentials = ssh-user\nssh-users = {agent}\n");
        granted(f, "web.example.org", "deploy");
        assert_int_equal(grant(f, "web.example.org", "root", 0, NULL), ERR_DENIED);
        load(f, WHOM "spiffe-id = spiffe://example.org/x\ncredentials = ssh-user\nssh-users = root\n");
        granted(f, "web.example.org", "deploy");
        load(f, WHOM "spiffe-id = spiffe://example.org/x\ndns = {agent}.example.org\n");
        granted(f, "web.example.org", "issuers");
        assert_int_equal(grant(f, "web.example.org", "issuer", 0, NULL), ERR_DENIED);
        load(f, WHOM "spiffe-id = spiffe://example.org/x\ndns = {host}\n");
        granted(f, "issuer.example.org", "issuer");
}

static void what_is_not_wanted_is_not_there(void **state)
{
        struct fix *f = *state;
        const struct grant *g = &f->grant.g;

        load(f, WHOM "spiffe-id = spiffe://example.org/x\ncredentials = x509 jwt ssh-user\naudiences = https://a https://b\nssh-users = deploy\ndns = {host}\n");
        assert_int_equal(grant(f, "web.example.org", "a", CREDENTIAL_JWT, "https://b"), 0);
        assert_true(is(g->audience, "https://b"));
        assert_int_equal(g->dns.n, 0);
        assert_int_equal(g->users.n, 0);
        assert_int_equal(f->grant.credentials, CREDENTIAL_JWT);
        assert_int_equal(grant(f, "web.example.org", "a", CREDENTIAL_X509, "https://b"), 0);
        assert_int_equal(g->audience.len, 0);
        assert_int_equal(g->dns.n, 1);
        assert_int_equal(grant(f, "web.example.org", "a", CREDENTIAL_JWT, NULL), ERR_DENIED);
        assert_int_equal(grant(f, "web.example.org", "a", CREDENTIAL_JWT, "https://a/"), ERR_DENIED);
        assert_int_equal(grant(f, "web.example.org", "a", CREDENTIAL_JWT, "https://"), ERR_DENIED);
        assert_int_equal(grant(f, "web.example.org", "a", CREDENTIAL_X509 | CREDENTIAL_SSH_HOST, NULL), ERR_DENIED);
        assert_non_null(strstr(err_text(), "ssh-host"));
}

static void nobody_without_an_owner(void **state)
{
        struct fix *f = *state;
        const struct profile_who who = { .host = "web.example.org", .agent = "a", .spki = f->g->g.spki, .now = NOW };

        load(f, WHOM "spiffe-id = spiffe://example.org/x\n");
        assert_int_equal(profile_grant(&f->conf.profiles[0], &who, &f->conf, &f->grant), ERR_DENIED);
        assert_non_null(strstr(err_text(), "owner"));
}

static const char *found(const struct fix *f, const char *host, const char *agent, enum hf_assurance a, const char *name)
{
        const struct profile *p = NULL;

        return profile_find(&f->conf, host, agent, a, name, &p) == 0 ? p->name : "";
}

static void the_first_that_fits_counts(void **state)
{
        struct fix *f = *state;

        load(f, "[profile build]\nhost = ci-?.example.org\nagent = build-* test\nspiffe-id = spiffe://example.org/b\n"
                "[profile soft]\nhost = *.example.org\nagent = build-*\nassurance = simulator unattested\nspiffe-id = spiffe://example.org/s\n"
                "[profile rest]\nhost = *.example.org\nagent = *\nassurance = hardware\nspiffe-id = spiffe://example.org/r\n");
        assert_string_equal(found(f, "ci-1.example.org", "build-1", HF_ASSURANCE_HARDWARE, NULL), "build");
        assert_string_equal(found(f, "ci-1.example.org", "test", HF_ASSURANCE_PINNED, NULL), "build");
        assert_string_equal(found(f, "ci-11.example.org", "build-1", HF_ASSURANCE_HARDWARE, NULL), "rest");
        assert_string_equal(found(f, "ci-1.example.org", "build-1", HF_ASSURANCE_SIMULATOR, NULL), "soft");
        assert_string_equal(found(f, "ci-1.example.org", "build-1", HF_ASSURANCE_HARDWARE, "rest"), "rest");
        assert_string_equal(found(f, "ci-1.example.org", "build-1", HF_ASSURANCE_HARDWARE, "soft"), "");
        assert_string_equal(found(f, "ci-1.example.org", "other", HF_ASSURANCE_SIMULATOR, NULL), "");
        assert_string_equal(found(f, "ci-1.example.com", "build-1", HF_ASSURANCE_HARDWARE, NULL), "");
        assert_string_equal(found(f, "ci-1.example.org", "build-1", HF_ASSURANCE_NONE, NULL), "");
}

#define HEX64 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void a_process_must_be_the_one(void **state)
{
        static const uint8_t digest[] = { 0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff,
                                          0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff };
        struct fix *f = *state;
        struct hf_process good = { .present = true, .uid = 1000 }, p;
        const struct profile *profile;

#define HF_STR(s) { (const uint8_t *)(s), strlen(s) }
        good.exe = (struct hf_bytes)HF_STR("/opt/ci/bin/runner");
        good.unit = (struct hf_bytes)HF_STR("ci@7.service");
        good.exe_sha256 = (struct hf_bytes){ digest, sizeof(digest) };
        load(f, WHOM "spiffe-id = spiffe://example.org/x\nunit = ci@*.service\npath = /opt/*/bin/runner\nsha256 = " HEX64 "\nuid = 999 1000\n");
        profile = &f->conf.profiles[0];
        assert_int_equal(profile_check_process(profile, &good), 0);
        p = good;
        p.present = false;
        assert_int_equal(profile_check_process(profile, &p), ERR_DENIED);
        p = good;
        p.uid = 1001;
        assert_int_equal(profile_check_process(profile, &p), ERR_DENIED);
        p = good;
        p.exe = (struct hf_bytes)HF_STR("/opt/a/b/bin/runner");
        assert_int_equal(profile_check_process(profile, &p), ERR_DENIED);
        p.exe = (struct hf_bytes){ (const uint8_t *)"/opt/ci/bin/runner\0x", 20 };
        assert_int_equal(profile_check_process(profile, &p), ERR_DENIED);
        p = good;
        p.unit = (struct hf_bytes){ NULL, 0 };
        assert_int_equal(profile_check_process(profile, &p), ERR_DENIED);
        p = good;
        p.exe_sha256.len = 31;
        assert_int_equal(profile_check_process(profile, &p), ERR_DENIED);
        /* Who asks for nothing gets no question. */
        load(f, WHOM "spiffe-id = spiffe://example.org/x\n");
        p = (struct hf_process){ 0 };
        assert_int_equal(profile_check_process(&f->conf.profiles[0], &p), 0);
}

static void asks_the_verifier_for_what_it_wants(void **state)
{
        struct fix *f = *state;
        struct hf_evidence_policy p;

        load(f, WHOM "spiffe-id = spiffe://example.org/x\n");
        profile_policy(&f->conf.profiles[0], &p);
        assert_int_equal(p.flags, HF_WANT_KEY | HF_ALLOW_CLOCK_UNSAFE);
        assert_int_equal(p.assurances, 1u << HF_ASSURANCE_HARDWARE | 1u << HF_ASSURANCE_PINNED);
        assert_int_equal(p.pcrs, 0);
        load(f, WHOM "spiffe-id = spiffe://example.org/x\npcrs = 0,7,8\nevent-log = yes\nsecure-boot = yes\nsame-boot = yes\nsafe-clock = yes\nlog = yes\nuid = 0\nkey-policy = aabb\n"
                "pcr-hash = sha512\nassurance = simulator\n");
        profile_policy(&f->conf.profiles[0], &p);
        assert_int_equal(p.flags, HF_WANT_KEY | HF_WANT_HOST | HF_WANT_PROCESS | HF_WANT_LOG | HF_WANT_SECURE_BOOT | HF_WANT_SAME_BOOT);
        assert_int_equal(p.assurances, 1u << HF_ASSURANCE_SIMULATOR);
        assert_int_equal(p.replayed, 0x81);
        assert_int_equal(p.pcr_hash, 0x000d);
        assert_int_equal(p.key_policy.len, 2);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(templates_are_filled_in, setup, teardown),
                cmocka_unit_test_setup_teardown(no_name_gets_out_of_its_place, setup, teardown),
                cmocka_unit_test_setup_teardown(an_agent_is_one_label, setup, teardown),
                cmocka_unit_test_setup_teardown(grace_makes_it_good_for_longer, setup, teardown),
                cmocka_unit_test_setup_teardown(names_do_not_run_into_each_other, setup, teardown),
                cmocka_unit_test_setup_teardown(what_others_are_called_is_not_for_the_taking, setup, teardown),
                cmocka_unit_test_setup_teardown(what_is_not_wanted_is_not_there, setup, teardown),
                cmocka_unit_test_setup_teardown(nobody_without_an_owner, setup, teardown),
                cmocka_unit_test_setup_teardown(the_first_that_fits_counts, setup, teardown),
                cmocka_unit_test_setup_teardown(a_process_must_be_the_one, setup, teardown),
                cmocka_unit_test_setup_teardown(asks_the_verifier_for_what_it_wants, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
