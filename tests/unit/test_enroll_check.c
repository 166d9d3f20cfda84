/* SPDX-License-Identifier: BSD-2-Clause */
/* What an issuer gives is taken for what it is: credentials that our own issuer writes are, and anything that is for another key, under another
 * name, over, or still to begin is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "enroll/check.h"
#include "issuer/cred_jwt.h"
#include "issuer/cred_ssh.h"
#include "issuer/cred_x509.h"
#include "lib/err.h"
#include "lib/pem.h"
#include "tests/grantfix.h"

#define ISSUER "https://issuer.example.org"

/* A grant, and all that its issuer writes of it. */
struct issued {
        struct grantfix *f;
        struct ca_key *key;
        struct x509_ca *ca;
        struct jwt_issuer *jwt;
        struct answer_credential a;
        struct client_wish wish;
        struct buf audience;
};

static char *pem_of(struct bytes der)
{
        CLEANUP(buf_clear) struct buf pem = { 0 };

        assert_int_equal(pem_encode("CERTIFICATE", BYTES(NULL, 0), der, &pem), 0);
        return strdup(buf_str(&pem));
}

static char *text_of(struct buf *b)
{
        return strdup(buf_str(b));
}

static void issue(struct issued *x)
{
        CLEANUP(granted_clear) struct granted ok = { 0 };
        CLEANUP(buf_clear) struct buf der = { 0 }, jwt = { 0 }, user = { 0 }, host = { 0 }, id = { 0 };

        assert_int_equal(grantfix_check(x->f, &ok), 0);
        assert_int_equal(cred_x509(x->ca, &ok, &der), 0);
        assert_int_equal(cred_jwt(x->jwt, &ok, &jwt), 0);
        assert_int_equal(cred_ssh(x->key, &ok, SSH_CERT_USER, &user), 0);
        assert_int_equal(cred_ssh(x->key, &ok, SSH_CERT_HOST, &host), 0);
        assert_int_equal(buf_set(&id, x->f->g.spiffe_id), 0);
        x->a = (struct answer_credential){
                .profile = strdup("p"), .spiffe_id = text_of(&id), .serial = strdup("01"), .assurance = strdup("simulator"),
                .not_before = x->f->g.not_before, .not_after = x->f->g.not_after, .renew_after = x->f->g.not_before + 1,
                .x509 = pem_of(BYTES_OF(&der)), .jwt = text_of(&jwt), .ssh_user = text_of(&user), .ssh_host = text_of(&host),
                .bundle = pem_of(x509_ca_cert(x->ca)),
        };
        /* A line is one, without its end. */
        x->a.ssh_user[strcspn(x->a.ssh_user, "\n")] = '\0';
        x->a.ssh_host[strcspn(x->a.ssh_host, "\n")] = '\0';
}

static int setup(void **state)
{
        struct issued *x = calloc(1, sizeof(*x));
        void *f = NULL;

        assert_int_equal(grantfix_setup(&f), 0);
        x->f = f;
        x->key = grantfix_ca_key(x->f, "P-256");
        x->ca = grantfix_ca(x->key);
        assert_int_equal(jwt_issuer_open(x->key, ISSUER, &x->jwt), 0);
        grantfix_key(x->f, "P-256");
        issue(x);
        assert_int_equal(buf_set(&x->audience, x->f->g.audience), 0);
        x->wish = (struct client_wish){ .agent = "a", .audience = buf_str(&x->audience), .spki = x->f->g.spki };
        *state = x;
        return 0;
}

static int teardown(void **state)
{
        struct issued *x = *state;
        void *f = x->f;

        answer_credential_clear(&x->a);
        buf_clear(&x->audience);
        jwt_issuer_free(x->jwt);
        x509_ca_free(x->ca);
        ca_key_free(x->key);
        assert_int_equal(grantfix_teardown(&f), 0);
        free(x);
        return 0;
}

#define ALL (CREDENTIAL_X509 | CREDENTIAL_JWT | CREDENTIAL_SSH_USER | CREDENTIAL_SSH_HOST)

static void what_the_issuer_writes_is_taken(void **state)
{
        struct issued *x = *state;

        if (check_credential(&x->a, &x->wish, ALL, NOW) != 0)
                fail_msg("%s", err_text());
        /* Its clock may be a little ahead of ours. */
        assert_int_equal(check_credential(&x->a, &x->wish, ALL, x->a.not_before - 200), 0);
}

static void nothing_more_and_nothing_less(void **state)
{
        struct issued *x = *state;
        char *jwt = x->a.jwt;

        assert_int_equal(check_credential(&x->a, &x->wish, CREDENTIAL_X509, NOW), ERR_FORMAT);
        x->a.jwt = NULL;
        assert_int_equal(check_credential(&x->a, &x->wish, ALL, NOW), ERR_FORMAT);
        assert_int_equal(check_credential(&x->a, &x->wish, ALL & ~(unsigned)CREDENTIAL_JWT, NOW), 0);
        x->a.jwt = jwt;
}

static void clocks_that_are_ten_years_apart(void **state)
{
        struct issued *x = *state;
        const uint64_t years = UINT64_C(315360000);

        assert_int_equal(check_credential(&x->a, &x->wish, ALL, NOW + years), ERR_FORMAT);
        assert_non_null(strstr(err_text(), "over"));
        assert_int_equal(check_credential(&x->a, &x->wish, ALL, NOW - years), ERR_FORMAT);
        assert_non_null(strstr(err_text(), "future"));
        /* Whatever the answer says of its times, the certificate's own count. */
        x->a.not_after += years;
        x->a.not_before += years;
        x->a.renew_after += years;
        assert_int_equal(check_credential(&x->a, &x->wish, ALL, NOW + years), ERR_FORMAT);
}

static void times_that_contradict_each_other(void **state)
{
        struct issued *x = *state;

        x->a.renew_after = x->a.not_after + 1;
        assert_int_equal(check_credential(&x->a, &x->wish, ALL, NOW), ERR_FORMAT);
        x->a.renew_after = x->a.not_after;
        assert_int_equal(check_credential(&x->a, &x->wish, ALL, NOW), 0);
        x->a.not_before = x->a.not_after;
        assert_int_equal(check_credential(&x->a, &x->wish, ALL, NOW), ERR_FORMAT);
}

static void each_part_is_for_our_key(void **state)
{
        struct issued *x = *state;
        CLEANUP(buf_clear) struct buf other = { 0 };

        assert_int_equal(buf_set(&other, x->f->g.spki), 0);
        grantfix_key(x->f, "P-256");
        assert_false(bytes_equal(BYTES_OF(&other), x->f->g.spki));
        x->wish.spki = x->f->g.spki;
        assert_int_equal(check_x509(&x->a, x->wish.spki, NOW), ERR_FORMAT);
        assert_int_equal(check_ssh(x->a.ssh_user, false, x->wish.spki, NOW), ERR_FORMAT);
        assert_int_equal(check_ssh(x->a.ssh_host, true, x->wish.spki, NOW), ERR_FORMAT);
        assert_int_equal(check_credential(&x->a, &x->wish, ALL, NOW), ERR_FORMAT);
}

static void a_certificate_hangs_on_the_bundle(void **state)
{
        struct issued *x = *state;
        CLEANUP(ca_key_freep) struct ca_key *k = grantfix_ca_key(x->f, "P-384");
        CLEANUP(x509_ca_freep) struct x509_ca *ca = grantfix_ca(k);

        free(x->a.bundle);
        x->a.bundle = pem_of(x509_ca_cert(ca));
        assert_int_equal(check_x509(&x->a, x->wish.spki, NOW), ERR_FORMAT);
}

static void and_says_the_name(void **state)
{
        struct issued *x = *state;

        x->a.spiffe_id[strlen(x->a.spiffe_id) - 1] ^= 1;
        assert_int_equal(check_x509(&x->a, x->wish.spki, NOW), ERR_FORMAT);
        assert_int_equal(check_jwt(x->a.jwt, x->a.spiffe_id, x->wish.audience, NOW), ERR_FORMAT);
}

static void user_and_host_certificates_are_not_mixed_up(void **state)
{
        struct issued *x = *state;

        assert_int_equal(check_ssh(x->a.ssh_user, false, x->wish.spki, NOW), 0);
        assert_int_equal(check_ssh(x->a.ssh_host, true, x->wish.spki, NOW), 0);
        assert_int_equal(check_ssh(x->a.ssh_user, true, x->wish.spki, NOW), ERR_FORMAT);
        assert_int_equal(check_ssh(x->a.ssh_host, false, x->wish.spki, NOW), ERR_FORMAT);
}

/* Every shorter one. */
static void cut_lines_are_none(void **state)
{
        struct issued *x = *state;
        size_t n = strcspn(strchr(x->a.ssh_user, ' ') + 1, " ") + (size_t)(strchr(x->a.ssh_user, ' ') + 1 - x->a.ssh_user);
        CLEANUP(buf_clear) struct buf two = { 0 };

        assert_int_equal(buf_printf(&two, "%s\n%s\n", x->a.ssh_user, x->a.ssh_user), 0);
        assert_int_equal(check_ssh(buf_str(&two), false, x->wish.spki, NOW), ERR_FORMAT);
        for (size_t i = 0; i < n; i++) {
                CLEANUP(free_ptr) char *cut = strndup(x->a.ssh_user, i);

                assert_int_equal(check_ssh(cut, false, x->wish.spki, NOW), ERR_FORMAT);
        }
        for (size_t i = 0; i <= (size_t)(strrchr(x->a.jwt, '.') - x->a.jwt); i++) {
                CLEANUP(free_ptr) char *cut = strndup(x->a.jwt, i);

                assert_int_equal(check_jwt(cut, x->a.spiffe_id, x->wish.audience, NOW), ERR_FORMAT);
        }
}

static void tokens_are_for_their_audience(void **state)
{
        static const char *const bad[] = { "", ".", "..", "a.b.c", "a.e30.c", "a.W10.c", "a.e30=.c", "a.b.c.d", "e30.e30.", ".e30.c" };
        struct issued *x = *state;

        assert_int_equal(check_jwt(x->a.jwt, x->a.spiffe_id, "https://elsewhere.example", NOW), ERR_FORMAT);
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_int_equal(check_jwt(bad[i], x->a.spiffe_id, x->wish.audience, NOW), ERR_FORMAT);
}

static void pem_of_several(void **state)
{
        struct issued *x = *state;
        CLEANUP(buf_clear) struct buf text = { 0 };
        struct buf list[3] = { 0 };
        size_t n;

        assert_int_equal(check_certificates(x->a.bundle, list, 3, &n), 0);
        assert_int_equal(n, 1);
        buf_clear(&list[0]);
        assert_int_equal(buf_printf(&text, "%s%s\n", x->a.x509, x->a.bundle), 0);
        assert_int_equal(check_certificates(buf_str(&text), list, 3, &n), 0);
        assert_int_equal(n, 2);
        assert_true(bytes_equal(BYTES_OF(&list[1]), x509_ca_cert(x->ca)));
        for (size_t i = 0; i < 3; i++)
                buf_clear(&list[i]);
        assert_int_equal(check_certificates(buf_str(&text), list, 1, &n), ERR_FORMAT);
        buf_clear(&list[0]);
        assert_int_equal(buf_append_str(&text, "more"), 0);
        assert_int_equal(check_certificates(buf_str(&text), list, 3, &n), ERR_FORMAT);
        for (size_t i = 0; i < 3; i++)
                buf_clear(&list[i]);
        assert_int_equal(check_certificates("", list, 3, &n), ERR_FORMAT);
}

/* All of them go into evidence, which has room for so many. */
static void an_attestation_key_s_chain_is_short(void **state)
{
        struct issued *x = *state;
        CLEANUP(buf_clear) struct buf text = { 0 };
        char host[] = "h.example";
        struct answer_joined a = { .host = host, .not_after = UINT64_MAX };

        for (unsigned i = 0; i < CHECK_AK_CERTIFICATES; i++)
                assert_int_equal(buf_append_str(&text, x->a.x509), 0);
        a.ak_certificate = strdup(buf_str(&text));
        /* It is no certificate of that key, but that is looked at later. */
        assert_int_not_equal(check_joined(&a, host, BYTES("", 0), 1), 0);
        assert_null(strstr(err_text(), "more than"));
        free(a.ak_certificate);
        assert_int_equal(buf_append_str(&text, x->a.x509), 0);
        a.ak_certificate = strdup(buf_str(&text));
        assert_int_equal(check_joined(&a, host, BYTES("", 0), 1), ERR_FORMAT);
        assert_non_null(strstr(err_text(), "more than"));
        free(a.ak_certificate);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(what_the_issuer_writes_is_taken, setup, teardown),
                cmocka_unit_test_setup_teardown(nothing_more_and_nothing_less, setup, teardown),
                cmocka_unit_test_setup_teardown(clocks_that_are_ten_years_apart, setup, teardown),
                cmocka_unit_test_setup_teardown(times_that_contradict_each_other, setup, teardown),
                cmocka_unit_test_setup_teardown(each_part_is_for_our_key, setup, teardown),
                cmocka_unit_test_setup_teardown(a_certificate_hangs_on_the_bundle, setup, teardown),
                cmocka_unit_test_setup_teardown(and_says_the_name, setup, teardown),
                cmocka_unit_test_setup_teardown(user_and_host_certificates_are_not_mixed_up, setup, teardown),
                cmocka_unit_test_setup_teardown(cut_lines_are_none, setup, teardown),
                cmocka_unit_test_setup_teardown(tokens_are_for_their_audience, setup, teardown),
                cmocka_unit_test_setup_teardown(pem_of_several, setup, teardown),
                cmocka_unit_test_setup_teardown(an_attestation_key_s_chain_is_short, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
