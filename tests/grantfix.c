/* SPDX-License-Identifier: BSD-2-Clause */
/* What an issuer has decided, without an issuer. */
#include "tests/grantfix.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <openssl/pem.h>
#include "tests/tempdir.h"

#define TEXT(s) { (const uint8_t *)(s), sizeof(s) - 1 }

static const struct bytes dns[] = { TEXT("build-42.example.org"), TEXT("ci.example.org") };
static const struct bytes users[] = { TEXT("deploy"), TEXT("build") };
static const struct bytes hosts[] = { TEXT("build-42.example.org") };
static const struct bytes extensions[] = { TEXT("permit-pty"), TEXT("permit-agent-forwarding") };

int grantfix_setup(void **state)
{
        struct grantfix *f = calloc(1, sizeof(*f));
        void *dir = NULL;

        assert_non_null(f);
        assert_int_equal(tempdir_setup(&dir), 0);
        f->dir = dir;
        f->g = (struct grant){
                .spiffe_id = TEXT("spiffe://" TRUST_DOMAIN "/agent/build-42"),
                .agent = TEXT("build-42"),
                .owner = TEXT("dana@example.org"),
                .record = 1234,
                .issued = NOW,
                .not_before = NOW - 60,
                .not_after = NOW + HOUR,
                .dns = { dns, ARRAY_LEN(dns) },
                .audience = TEXT("https://api.example.org/v1"),
                .users = { users, ARRAY_LEN(users) },
                .hosts = { hosts, ARRAY_LEN(hosts) },
                .force_command = TEXT("/usr/bin/deploy --from \"42\""),
                .source_address = TEXT("192.0.2.0/24,2001:db8::/32"),
                .extensions = { extensions, ARRAY_LEN(extensions) },
        };
        assert_int_equal(grant_serial(f->g.serial), 0);
        grantfix_key(f, "P-256");
        *state = f;
        return 0;
}

int grantfix_teardown(void **state)
{
        struct grantfix *f = *state;
        void *dir = f->dir;

        EVP_PKEY_free(f->agent);
        buf_clear(&f->spki);
        free(f);
        return tempdir_teardown(&dir);
}

void grantfix_key(struct grantfix *f, const char *kind)
{
        CLEANUP(pubkey_clear) struct pubkey k = { 0 };

        EVP_PKEY_free(f->agent);
        f->agent = evp_key(kind, &k);
        evp_spki(f->agent, &f->spki);
        f->g.spki = BYTES_OF(&f->spki);
}

int grantfix_check(const struct grantfix *f, struct granted *ret)
{
        return grant_check(&f->g, BYTES_STR(TRUST_DOMAIN), ret);
}

static const char *file_of(const struct grantfix *f, const char *kind)
{
        static char path[128];

        snprintf(path, sizeof(path), "%s/%s.key", f->dir->path, kind);
        return path;
}

struct ca_key *grantfix_ca_key(struct grantfix *f, const char *kind)
{
        struct ca_key *k = NULL;

        assert_int_equal(ca_key_make(kind, file_of(f, kind), &k), 0);
        return k;
}

struct x509_ca *grantfix_ca(const struct ca_key *k)
{
        static const struct bytes domains[] = { TEXT("example.org") };
        const struct x509_ca_wish wish = {
                .common_name = TEXT("Test CA"), .trust_domain = TEXT(TRUST_DOMAIN), .domains = { domains, 1 },
                .not_before = NOW - HOUR, .not_after = NOW + 10 * 365 * 24 * HOUR,
        };
        CLEANUP(buf_clear) struct buf cert = { 0 };
        struct x509_ca *ca = NULL;

        assert_int_equal(x509_ca_certificate(k, &wish, &cert), 0);
        assert_int_equal(x509_ca_open(k, BYTES_OF(&cert), wish.trust_domain, "http://crl.example.org/ca.crl", &ca), 0);
        return ca;
}

EVP_PKEY *grantfix_private(const struct grantfix *f, const char *kind)
{
        FILE *file = fopen(file_of(f, kind), "r");
        EVP_PKEY *k;

        assert_non_null(file);
        k = PEM_read_PrivateKey(file, NULL, NULL, NULL);
        fclose(file);
        assert_non_null(k);
        return k;
}
