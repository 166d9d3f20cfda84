/* SPDX-License-Identifier: BSD-2-Clause */
/* What the issuer publishes, as other programs read it; and how one key follows another. */
#include "issuer/authority.h"
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include "issuer/db.h"
#include "issuer/keylist.h"
#include "lib/err.h"
#include "lib/filepath.h"
#include "tests/tempdir.h"

#define DAY (24 * 60 * 60)

static struct bytes domains[] = { { (const uint8_t *)"example.org", 11 } };
static char dir[80];
static struct authority_options options;
static uint64_t now;

static int setup(void **state)
{
        int r = tempdir_setup(state);

        snprintf(dir, sizeof(dir), "%s", ((struct tempdir *)*state)->path);
        options = (struct authority_options){
                .dir = dir, .trust_domain = "example.org", .url = "https://issuer.example.org:8443", .domains = { domains, 1 },
        };
        now = (uint64_t)time(NULL);
        return r;
}

static int add_key(enum authority_use use, const char *kind, uint64_t overlap, uint64_t when)
{
        return authority_add_key(&options, &(struct authority_key_wish){ .use = use, .kind = kind, .overlap = overlap }, when);
}

static void add_all(uint64_t when)
{
        for (unsigned use = 0; use < AUTHORITY_USES; use++)
                assert_int_equal(add_key((enum authority_use)use, "P-256", 0, when), 0);
}

static struct authority *open_authority(struct db *db)
{
        struct authority *a = NULL;

        assert_int_equal(authority_open(&options, db, &a), 0);
        return a;
}

/* The body, as a file of the test's directory. */
static const char *save(const struct authority_view *v, const char *path, const char *name)
{
        const struct authority_resource *r = authority_resource(v, path);
        static char file[128];

        assert_non_null(r);
        snprintf(file, sizeof(file), "%s/%s", dir, name);
        assert_int_equal(filepath_write(file, BYTES_OF(&r->body), 0600, true), 0);
        return file;
}

/* What a program writes, as one string. */
static void run(const char *command, char *ret, size_t size)
{
        FILE *p = popen(command, "r");
        size_t n;

        assert_non_null(p);
        n = fread(ret, 1, size - 1, p);
        ret[n] = '\0';
        assert_int_equal(pclose(p), 0);
}

static size_t count_of(struct bytes text, const char *what)
{
        size_t n = 0;

        for (size_t i = 0; i + strlen(what) <= text.len; i++)
                n += memcmp(text.ptr + i, what, strlen(what)) == 0;
        return n;
}

static json_t *json_of(const struct authority_view *v, const char *path)
{
        const struct authority_resource *r = authority_resource(v, path);
        json_t *doc;

        assert_non_null(r);
        doc = json_loadb((const char *)r->body.ptr, r->body.len, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(doc);
        return doc;
}

static void publishes_what_others_can_read(void **state)
{
        char command[256], out[8192];
        const struct authority_view *v;
        struct authority *a;
        json_t *doc;

        (void)state;
        add_all(now);
        a = open_authority(NULL);
        v = authority_hold(a);

        snprintf(command, sizeof(command), "openssl verify -CAfile %s %s 2>&1", save(v, "/ca.pem", "ca.pem"), save(v, "/ca.pem", "ca.pem"));
        run(command, out, sizeof(out));
        assert_non_null(strstr(out, ": OK"));

        snprintf(command, sizeof(command), "openssl crl -inform DER -in %s -CAfile %s/ca.pem -noout -text 2>&1", save(v, "/ca.crl", "ca.crl"), dir);
        run(command, out, sizeof(out));
        assert_non_null(strstr(out, "verify OK"));
        assert_non_null(strstr(out, "No Revoked Certificates"));

        snprintf(command, sizeof(command), "ssh-keygen -l -f %s", save(v, "/ssh/user-ca.pub", "user-ca.pub"));
        run(command, out, sizeof(out));
        assert_non_null(strstr(out, "(ECDSA)"));
        assert_int_equal(count_of(v->known_hosts, "@cert-authority *.example.org,example.org ecdsa"), 1);

        doc = json_of(v, "/jwks.json");
        assert_int_equal(json_array_size(json_object_get(doc, "keys")), 1);
        json_decref(doc);
        doc = json_of(v, "/spiffe-bundle.json");
        assert_int_equal(json_array_size(json_object_get(doc, "keys")), 2);
        assert_int_equal(json_integer_value(json_object_get(doc, "spiffe_sequence")), now);
        json_decref(doc);
        doc = json_of(v, "/.well-known/openid-configuration");
        assert_string_equal(json_string_value(json_object_get(doc, "issuer")), options.url);
        assert_string_equal(json_string_value(json_object_get(doc, "jwks_uri")), "https://issuer.example.org:8443/jwks.json");
        json_decref(doc);
        assert_null(authority_resource(v, "/nothing"));

        authority_release(v);
        authority_close(a);
}

/* python3-jwcrypto reads the set as anybody's library would. */
static void jwk_set_is_one_for_others(void **state)
{
        struct authority *a;
        const struct authority_view *v;
        char command[512], out[256];

        (void)state;
        add_all(now);
        assert_int_equal(add_key(AUTHORITY_JWT, "RSA-3072", DAY, now), 0);
        a = open_authority(NULL);
        v = authority_hold(a);
        snprintf(command, sizeof(command), "python3 -c 'import sys\ntry:\n from jwcrypto import jwk\nexcept ImportError:\n print(\"absent\"); sys.exit()\n"
                                           "s=jwk.JWKSet.from_json(open(\"%s\").read())\nprint(sorted(k.export(as_dict=True)[\"kty\"] for k in s))'",
                 save(v, "/jwks.json", "jwks.json"));
        run(command, out, sizeof(out));
        if (strcmp(out, "absent\n") != 0)
                assert_string_equal(out, "['EC', 'RSA']\n");
        authority_release(v);
        authority_close(a);
}

static void revoke_one(struct db *db, const uint8_t serial[GRANT_SERIAL_SIZE])
{
        size_t n;

        assert_int_equal(db_revoke(db, &(struct db_whom){ .serial = serial }, CRL_KEY_COMPROMISE, now, &n), 0);
        assert_int_equal(n, 1);
}

static void put_credential(struct db *db, const uint8_t serial[GRANT_SERIAL_SIZE], unsigned what)
{
        struct db_host h = { .state = DB_ACTIVE, .joined = now };
        struct db_agent agent = { .state = DB_ACTIVE };
        struct db_credential c = { .what = what, .record = 7, .issued = now, .not_after = now + 3600 };

        assert_int_equal(DB_TEXT(h.name, BYTES_STR("host.example.org")), 0);
        assert_int_equal(db_host_join(db, &h, NULL, NULL), 0);
        assert_int_equal(DB_TEXT(agent.host, BYTES_STR("host.example.org")), 0);
        assert_int_equal(DB_TEXT(agent.name, BYTES_STR("build-42")), 0);
        memcpy(c.serial, serial, GRANT_SERIAL_SIZE);
        assert_int_equal(db_credential_add(db, &c, &agent, NULL, NULL), 0);
}

static void revoked_shows_in_crl_and_krl(void **state)
{
        static const uint8_t one[GRANT_SERIAL_SIZE] = { 0x4a, 1, 2, 3 }, two[GRANT_SERIAL_SIZE] = { 0x4b, 5, 6, 7 };
        char path[128], command[256], out[8192], etag[33];
        const struct authority_view *v;
        struct authority *a;
        struct db *db = NULL;

        (void)state;
        add_all(now);
        snprintf(path, sizeof(path), "%s/issuer.db", dir);
        assert_int_equal(db_open(path, &db), 0);
        put_credential(db, one, DB_X509 | DB_JWT);
        put_credential(db, two, DB_SSH_USER);
        a = open_authority(db);
        v = authority_hold(a);
        memcpy(etag, authority_resource(v, "/ca.crl")->etag, sizeof(etag));
        authority_release(v);

        revoke_one(db, one);
        revoke_one(db, two);
        assert_int_equal(authority_refresh(a), 0);
        v = authority_hold(a);
        assert_string_not_equal(etag, authority_resource(v, "/ca.crl")->etag);
        snprintf(command, sizeof(command), "openssl crl -inform DER -in %s -noout -text", save(v, "/ca.crl", "ca.crl"));
        run(command, out, sizeof(out));
        assert_non_null(strstr(out, "Serial Number: 4A010203"));
        assert_null(strstr(out, "Serial Number: 4B"));
        assert_non_null(strstr(out, "Key Compromise"));

        snprintf(command, sizeof(command), "ssh-keygen -Q -l -f %s", save(v, "/ssh/krl", "krl"));
        run(command, out, sizeof(out));
        snprintf(command, sizeof(command), "serial: %llu", (unsigned long long)grant_ssh_serial(two));
        assert_non_null(strstr(out, command));
        assert_int_equal(count_of(BYTES_STR(out), "serial: "), 1);

        /* Nothing changed: nothing is made anew. */
        memcpy(etag, authority_resource(v, "/ca.crl")->etag, sizeof(etag));
        authority_release(v);
        assert_int_equal(authority_tick(a), 0);
        v = authority_hold(a);
        assert_string_equal(etag, authority_resource(v, "/ca.crl")->etag);
        authority_release(v);
        authority_close(a);
        db_close(db);
}

static uint64_t told;

static uint64_t tell_time(void)
{
        return told;
}

static time_t list_begins(struct authority *a)
{
        const struct authority_view *v = authority_hold(a);
        const struct authority_resource *r = authority_resource(v, "/ca.crl");
        const uint8_t *der = r->body.ptr;
        X509_CRL *crl = d2i_X509_CRL(NULL, &der, (long)r->body.len);
        struct tm tm;

        assert_non_null(crl);
        assert_int_equal(ASN1_TIME_to_tm(X509_CRL_get0_lastUpdate(crl), &tm), 1);
        X509_CRL_free(crl);
        authority_release(v);
        return timegm(&tm);
}

/* A clock that was ten years ahead and was set right: a list that begins in ten years would keep everybody out until then. */
static void lists_follow_a_clock_that_is_set_back(void **state)
{
        struct authority *a;

        (void)state;
        options.now = tell_time;
        told = now;
        add_all(now);
        a = open_authority(NULL);
        /* Nor does a verifier whose clock is a little late take it for one of the future. */
        assert_true((uint64_t)list_begins(a) <= now - 30);
        told = now + 3000 * (uint64_t)DAY;
        assert_int_equal(authority_tick(a), 0);
        assert_true((uint64_t)list_begins(a) > now);
        told = now + 1;
        assert_int_equal(authority_tick(a), 0);
        assert_true((uint64_t)list_begins(a) <= now);
        authority_close(a);
}

/* RFC 5280 3.3: until it has been on a list from behind its end. */
static void what_was_revoked_stays_for_one_list_more(void **state)
{
        static const uint8_t serial[GRANT_SERIAL_SIZE] = { 0x4a, 1, 2, 3 };
        char path[128];
        struct authority *a;
        struct db *db = NULL;
        bool there[2];

        (void)state;
        options.now = tell_time;
        told = now;
        add_all(now);
        snprintf(path, sizeof(path), "%s/issuer.db", dir);
        assert_int_equal(db_open(path, &db), 0);
        put_credential(db, serial, DB_X509);
        revoke_one(db, serial);
        a = open_authority(db);
        for (unsigned i = 0; i < 2; i++) {
                const struct authority_view *v;
                const struct authority_resource *r;

                told = now + 3600 + (i == 0 ? 1799 : DAY);
                assert_int_equal(authority_tick(a), 0);
                v = authority_hold(a);
                r = authority_resource(v, "/ca.crl");
                there[i] = memmem(r->body.ptr, r->body.len, serial, sizeof(serial)) != NULL;
                authority_release(v);
        }
        assert_true(there[0]);
        assert_false(there[1]);
        authority_close(a);
        db_close(db);
}

/* Another issuer on the same database, with a copy of the keys. */
static void what_another_revoked_shows_too(void **state)
{
        static const uint8_t serial[GRANT_SERIAL_SIZE] = { 0x4c, 1 };
        char path[128], etag[33];
        const struct authority_view *v;
        struct authority *a, *other;
        struct db *db = NULL;

        (void)state;
        add_all(now);
        snprintf(path, sizeof(path), "%s/issuer.db", dir);
        assert_int_equal(db_open(path, &db), 0);
        put_credential(db, serial, DB_X509 | DB_SSH_HOST);
        a = open_authority(db);
        other = open_authority(db);
        v = authority_hold(other);
        memcpy(etag, authority_resource(v, "/ssh/krl")->etag, sizeof(etag));
        authority_release(v);

        revoke_one(db, serial);
        assert_int_equal(authority_refresh(a), 0);
        assert_int_equal(authority_tick(other), 0);
        v = authority_hold(other);
        assert_string_not_equal(etag, authority_resource(v, "/ssh/krl")->etag);
        assert_int_equal(v->change, 1);
        authority_release(v);
        authority_close(a);
        authority_close(other);
        db_close(db);
}

/* Published first, then it signs; the one before stays until what it signed has ended. */
static void keys_follow_each_other(void **state)
{
        char path[128];
        const struct authority_view *v;
        struct authority *a;
        struct bytes first;

        (void)state;
        add_all(now - 3 * DAY);
        a = open_authority(NULL);
        v = authority_hold(a);
        first = x509_ca_key_id(v->x509);

        /* Waits for its time. */
        assert_int_equal(add_key(AUTHORITY_X509, "P-384", 3600, now), 0);
        assert_int_equal(add_key(AUTHORITY_X509, "P-384", 3600, now), ERR_EXIST);
        authority_release(v);
        assert_int_equal(authority_tick(a), 0);
        v = authority_hold(a);
        assert_true(bytes_equal(x509_ca_key_id(v->x509), first));
        assert_int_equal(count_of(v->bundle, "BEGIN CERTIFICATE"), 2);
        assert_int_equal(count_of(v->chain, "BEGIN CERTIFICATE"), 1);
        authority_release(v);
        authority_close(a);

        snprintf(path, sizeof(path), "%s/log-keys.pem", dir);
        assert_int_equal(access(path, R_OK), 0);
}

static void append_line(const char *line)
{
        char path[128];
        FILE *f;

        snprintf(path, sizeof(path), "%s/keys/list", dir);
        f = fopen(path, "a");
        assert_non_null(f);
        assert_true(fputs(line, f) >= 0);
        assert_int_equal(fclose(f), 0);
}

/* A next key that cannot be opened is told of, and what is revoked shows all the same. */
static void a_bad_next_key_stops_nothing(void **state)
{
        static const uint8_t serial[GRANT_SERIAL_SIZE] = { 0x4d, 1 };
        const struct authority_view *v;
        struct authority *a;
        struct db *db = NULL;
        char path[128];

        (void)state;
        add_all(now);
        snprintf(path, sizeof(path), "%s/issuer.db", dir);
        assert_int_equal(db_open(path, &db), 0);
        put_credential(db, serial, DB_X509);
        a = open_authority(db);
        append_line("jwt 2 5 99999999999 /nowhere/key.pem\n");
        assert_int_equal(authority_tick(a), ERR_NOENT);
        revoke_one(db, serial);
        assert_int_equal(authority_refresh(a), 0);
        v = authority_hold(a);
        assert_int_equal(v->change, 1);
        authority_release(v);
        authority_close(a);
        db_close(db);
}

/* The list with times of the past, as if they had come. */
static void write_list(uint64_t second_from)
{
        CLEANUP(keylist_clear) struct keylist l = { 0 };

        assert_int_equal(keylist_read(dir, &l), 0);
        for (size_t i = 0; i < l.n; i++)
                if (l.v[i].use == AUTHORITY_X509 && l.v[i].number == 2) {
                        l.v[i].published = second_from - 10;
                        l.v[i].from = second_from;
                }
        assert_int_equal(keylist_write(dir, &l), 0);
}

static size_t published_cas(bool *ret_second_signs)
{
        struct authority *a = open_authority(NULL);
        const struct authority_view *v = authority_hold(a);
        size_t n = count_of(v->bundle, "BEGIN CERTIFICATE");

        *ret_second_signs = strcmp(ca_key_alg(x509_ca_key(v->x509))->kind, "P-384") == 0;
        authority_release(v);
        authority_close(a);
        return n;
}

static void old_key_goes_when_what_it_signed_has_ended(void **state)
{
        bool second;

        (void)state;
        add_all(now - 10 * DAY);
        assert_int_equal(add_key(AUTHORITY_X509, "P-384", 5, now - 9 * DAY), 0);
        write_list(now - 60);
        assert_int_equal(published_cas(&second), 2);
        assert_true(second);
        write_list(now - 2 * DAY);
        assert_int_equal(published_cas(&second), 1);
        assert_true(second);
}

/* Keys that a view gives out live as long as the authority, the view as long as it is held. */
static void a_view_stays_as_it_was(void **state)
{
        const struct authority_view *old, *new;
        struct authority *a;

        (void)state;
        add_all(now - DAY);
        a = open_authority(NULL);
        old = authority_hold(a);
        assert_int_equal(add_key(AUTHORITY_JWT, "P-256", 0, now), 0);
        assert_int_equal(authority_tick(a), 0);
        new = authority_hold(a);
        assert_ptr_not_equal(old, new);
        assert_ptr_not_equal(old->jwt, new->jwt);
        assert_non_null(authority_resource(old, "/jwks.json"));
        authority_release(new);
        authority_release(old);
        authority_close(a);
}

static void refuses_keys_that_cannot_do_it(void **state)
{
        (void)state;
        assert_int_equal(add_key(AUTHORITY_X509, "Ed25519", 0, now), ERR_NOTSUP);
        assert_int_equal(add_key(AUTHORITY_JWT, "Ed25519", 0, now), ERR_NOTSUP);
        assert_int_equal(add_key(AUTHORITY_SSH, "Ed25519", 0, now), 0);
        assert_false(authority_has(&options, AUTHORITY_X509));
        assert_true(authority_has(&options, AUTHORITY_SSH));
}

static void lists_are_read_strictly(void **state)
{
        static const char *const bad[] = {
                "", "holdfast-issuer-keys 1", "holdfast-issuer-keys 2\n", "holdfast-issuer-keys 1\nx509 1 5 5 a",
                "holdfast-issuer-keys 1\nx509 2 5 5 a\n", "holdfast-issuer-keys 1\nx509 1 6 5 a\n", "holdfast-issuer-keys 1\nx509 1 5 5 \n",
                "holdfast-issuer-keys 1\nx509 1 5 5 a b\n", "holdfast-issuer-keys 1\ntls 1 5 5 a\n", "holdfast-issuer-keys 1\nx509 01 5 5 a\n",
                "holdfast-issuer-keys 1\nx509 1 5 5 a\n\n",
        };
        static const char good[] = "holdfast-issuer-keys 1\nx509 1 5 5 pkcs11:token=ca;object=x\njwt 1 5 6 jwt-1.pem\nx509 2 7 9 x509-2.pem\n";
        CLEANUP(keylist_clear) struct keylist l = { 0 };
        CLEANUP(buf_clear) struct buf text = { 0 };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_int_equal(keylist_parse(BYTES_STR(bad[i]), &l), ERR_FORMAT);
        assert_int_equal(keylist_parse(BYTES_STR(good), &l), 0);
        assert_int_equal(l.n, 3);
        assert_int_equal(keylist_until(&l, &l.v[0]), 9);
        assert_ptr_equal(keylist_current(&l, AUTHORITY_X509, 8), &l.v[0]);
        assert_ptr_equal(keylist_current(&l, AUTHORITY_X509, 9), &l.v[2]);
        assert_int_equal(keylist_format(&l, &text), 0);
        assert_true(bytes_equal(BYTES_OF(&text), BYTES_STR(good)));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(publishes_what_others_can_read, setup, tempdir_teardown),
                cmocka_unit_test_setup_teardown(jwk_set_is_one_for_others, setup, tempdir_teardown),
                cmocka_unit_test_setup_teardown(revoked_shows_in_crl_and_krl, setup, tempdir_teardown),
                cmocka_unit_test_setup_teardown(lists_follow_a_clock_that_is_set_back, setup, tempdir_teardown),
                cmocka_unit_test_setup_teardown(what_was_revoked_stays_for_one_list_more, setup, tempdir_teardown),
                cmocka_unit_test_setup_teardown(what_another_revoked_shows_too, setup, tempdir_teardown),
                cmocka_unit_test_setup_teardown(keys_follow_each_other, setup, tempdir_teardown),
                cmocka_unit_test_setup_teardown(a_bad_next_key_stops_nothing, setup, tempdir_teardown),
                cmocka_unit_test_setup_teardown(old_key_goes_when_what_it_signed_has_ended, setup, tempdir_teardown),
                cmocka_unit_test_setup_teardown(a_view_stays_as_it_was, setup, tempdir_teardown),
                cmocka_unit_test_setup_teardown(refuses_keys_that_cannot_do_it, setup, tempdir_teardown),
                cmocka_unit_test_setup_teardown(lists_are_read_strictly, setup, tempdir_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
