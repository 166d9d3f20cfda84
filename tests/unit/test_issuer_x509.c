/* SPDX-License-Identifier: BSD-2-Clause */
/* X.509-SVIDs as OpenSSL reads and verifies them, and what name constraints do to certificates that we would not write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include <openssl/x509v3.h>
#include "lib/err.h"
#include "tests/grantfix.h"

static X509 *parse(struct bytes der)
{
        const uint8_t *p = der.ptr;
        X509 *x = d2i_X509(NULL, &p, (long)der.len);

        assert_non_null(x);
        assert_ptr_equal(p, der.ptr + der.len);
        return x;
}

/* X509_V_OK, or what OpenSSL has against it at this time. */
static int verify(const struct x509_ca *ca, X509 *leaf, int purpose, uint64_t when)
{
        X509_STORE *store = X509_STORE_new();
        X509_STORE_CTX *ctx = X509_STORE_CTX_new();
        X509 *root = parse(x509_ca_cert(ca));
        int r;

        X509_STORE_add_cert(store, root);
        assert_int_equal(X509_STORE_CTX_init(ctx, store, leaf, NULL), 1);
        X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(ctx), X509_V_FLAG_X509_STRICT | X509_V_FLAG_CHECK_SS_SIGNATURE);
        X509_VERIFY_PARAM_set_purpose(X509_STORE_CTX_get0_param(ctx), purpose);
        X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(ctx), (time_t)when);
        r = X509_verify_cert(ctx) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(ctx);
        X509_free(root);
        X509_STORE_CTX_free(ctx);
        X509_STORE_free(store);
        return r;
}

static X509 *issue(const struct grantfix *f, const struct x509_ca *ca)
{
        CLEANUP(granted_clear) struct granted ok = { 0 };
        CLEANUP(buf_clear) struct buf der = { 0 };

        assert_int_equal(grantfix_check(f, &ok), 0);
        assert_int_equal(cred_x509(ca, &ok, &der), 0);
        return parse(BYTES_OF(&der));
}

static void verifies_with_every_kind_of_key(void **state)
{
        static const char *const cas[] = { "P-256", "P-384", "RSA-2048" }, *const agents[] = { "P-256", "P-384", "RSA-2048" };
        struct grantfix *f = *state;

        for (size_t i = 0; i < ARRAY_LEN(cas); i++) {
                CLEANUP(ca_key_freep) struct ca_key *k = grantfix_ca_key(f, cas[i]);
                CLEANUP(x509_ca_freep) struct x509_ca *ca = grantfix_ca(k);
                X509 *x;

                grantfix_key(f, agents[i]);
                x = issue(f, ca);
                assert_int_equal(verify(ca, x, X509_PURPOSE_SSL_CLIENT, NOW), X509_V_OK);
                assert_int_equal(verify(ca, x, X509_PURPOSE_SSL_SERVER, NOW), X509_V_OK);
                assert_int_equal(verify(ca, x, X509_PURPOSE_SMIME_SIGN, NOW), X509_V_ERR_INVALID_PURPOSE);
                assert_int_equal(verify(ca, x, X509_PURPOSE_SSL_CLIENT, NOW - 61), X509_V_ERR_CERT_NOT_YET_VALID);
                assert_int_equal(verify(ca, x, X509_PURPOSE_SSL_CLIENT, NOW + HOUR + 1), X509_V_ERR_CERT_HAS_EXPIRED);
                assert_int_equal(EVP_PKEY_eq(X509_get0_pubkey(x), f->agent), 1);
                X509_free(x);
        }
}

static void is_as_spiffe_wants_it(void **state)
{
        struct grantfix *f = *state;
        CLEANUP(ca_key_freep) struct ca_key *k = grantfix_ca_key(f, "P-256");
        CLEANUP(x509_ca_freep) struct x509_ca *ca = grantfix_ca(k);
        X509 *x = issue(f, ca), *root = parse(x509_ca_cert(ca));
        const ASN1_INTEGER *serial = X509_get0_serialNumber(x);
        BASIC_CONSTRAINTS *bc;
        int critical;

        assert_int_equal(X509_get_version(x), X509_VERSION_3);
        assert_int_equal(ASN1_STRING_length(serial), GRANT_SERIAL_SIZE);
        assert_int_equal(ASN1_STRING_type(serial), V_ASN1_INTEGER);
        assert_memory_equal(ASN1_STRING_get0_data(serial), f->g.serial, GRANT_SERIAL_SIZE);
        assert_int_equal(X509_get_key_usage(x), KU_DIGITAL_SIGNATURE);
        assert_int_equal(X509_get_extended_key_usage(x), XKU_SSL_SERVER | XKU_SSL_CLIENT);
        assert_int_equal(X509_EXTENSION_get_critical(X509_get_ext(x, X509_get_ext_by_NID(x, NID_key_usage, -1))), 1);
        bc = X509_get_ext_d2i(x, NID_basic_constraints, &critical, NULL);
        assert_non_null(bc);
        assert_int_equal(bc->ca, 0);
        assert_int_equal(critical, 1);
        BASIC_CONSTRAINTS_free(bc);
        assert_int_equal(X509_check_ca(x), 0);
        assert_int_equal(ASN1_OCTET_STRING_cmp(X509_get0_authority_key_id(x), X509_get0_subject_key_id(root)), 0);
        assert_int_equal(ASN1_STRING_length(X509_get0_subject_key_id(x)), X509_KEY_ID_SIZE);
        assert_int_not_equal(ASN1_OCTET_STRING_cmp(X509_get0_subject_key_id(x), X509_get0_subject_key_id(root)), 0);
        assert_int_equal(X509_NAME_entry_count(X509_get_subject_name(x)), 0);
        assert_int_equal(X509_get_ext_count(x), 7);
        X509_free(x);
        X509_free(root);
}

/* The names in the order of the certificate, and whether the extension is critical; it stands there once. */
static GENERAL_NAMES *names_of(X509 *x, int *ret_critical)
{
        GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, ret_critical, NULL);

        assert_non_null(names); /* NULL too where there are two */
        return names;
}

static void holds(const GENERAL_NAMES *names, int i, int type, struct bytes text)
{
        const GENERAL_NAME *n = sk_GENERAL_NAME_value(names, i);

        assert_int_equal(n->type, type);
        assert_int_equal(ASN1_STRING_type(n->d.ia5), V_ASN1_IA5STRING);
        assert_true(bytes_equal(BYTES(ASN1_STRING_get0_data(n->d.ia5), (size_t)ASN1_STRING_length(n->d.ia5)), text));
}

static void one_uri_then_dns_names(void **state)
{
        struct grantfix *f = *state;
        CLEANUP(ca_key_freep) struct ca_key *k = grantfix_ca_key(f, "P-256");
        CLEANUP(x509_ca_freep) struct x509_ca *ca = grantfix_ca(k);
        GENERAL_NAMES *names;
        int critical;
        X509 *x;

        x = issue(f, ca);
        names = names_of(x, &critical);
        assert_int_equal(critical, 1);          /* the subject is empty */
        assert_int_equal(sk_GENERAL_NAME_num(names), 3);
        holds(names, 0, GEN_URI, f->g.spiffe_id);
        holds(names, 1, GEN_DNS, f->g.dns.v[0]);
        holds(names, 2, GEN_DNS, f->g.dns.v[1]);
        assert_int_equal(X509_check_host(x, "ci.example.org", 0, 0, NULL), 1);
        assert_int_equal(X509_check_host(x, "other.example.org", 0, 0, NULL), 0);
        GENERAL_NAMES_free(names);
        X509_free(x);

        f->g.dns.n = 0;
        f->g.common_name = f->g.agent;
        x = issue(f, ca);
        names = names_of(x, &critical);
        assert_int_equal(critical, 0);
        assert_int_equal(sk_GENERAL_NAME_num(names), 1);
        holds(names, 0, GEN_URI, f->g.spiffe_id);
        assert_int_equal(verify(ca, x, X509_PURPOSE_SSL_CLIENT, NOW), X509_V_OK);
        GENERAL_NAMES_free(names);
        X509_free(x);
}

static void years_of_two_and_of_four_digits(void **state)
{
        static const struct {
                uint64_t t;
                int type;
                const char *text;
        } rows[] = {
                { 2524607999, V_ASN1_UTCTIME, "491231235959Z" }, { 2524608000, V_ASN1_GENERALIZEDTIME, "20500101000000Z" },
        };
        struct grantfix *f = *state;
        CLEANUP(ca_key_freep) struct ca_key *k = grantfix_ca_key(f, "P-256");
        const struct x509_ca_wish wish = {
                .common_name = BYTES_STR("Test CA"), .trust_domain = BYTES_STR(TRUST_DOMAIN), .not_before = 2524600000, .not_after = 2529600000,
        };
        CLEANUP(x509_ca_freep) struct x509_ca *ca = NULL;
        CLEANUP(buf_clear) struct buf cert = { 0 };

        assert_int_equal(x509_ca_certificate(k, &wish, &cert), 0);
        assert_int_equal(x509_ca_open(k, BYTES_OF(&cert), wish.trust_domain, NULL, &ca), 0);
        assert_true(x509_ca_not_after(ca) == wish.not_after);
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                const ASN1_TIME *t;
                X509 *x;

                f->g.issued = f->g.not_before = rows[i].t;
                f->g.not_after = rows[i].t + HOUR;
                f->g.dns.n = 0;
                x = issue(f, ca);
                t = X509_get0_notBefore(x);
                assert_int_equal(ASN1_STRING_type(t), rows[i].type);
                assert_memory_equal(ASN1_STRING_get0_data(t), rows[i].text, strlen(rows[i].text));
                assert_int_equal(verify(ca, x, X509_PURPOSE_SSL_CLIENT, rows[i].t + 1), X509_V_OK);
                X509_free(x);
        }
}

static void nothing_beyond_the_ca(void **state)
{
        struct grantfix *f = *state;
        CLEANUP(ca_key_freep) struct ca_key *k = grantfix_ca_key(f, "P-256");
        CLEANUP(x509_ca_freep) struct x509_ca *ca = grantfix_ca(k);
        CLEANUP(granted_clear) struct granted ok = { 0 };
        CLEANUP(buf_clear) struct buf der = { 0 };

        f->g.issued = f->g.not_before = x509_ca_not_after(ca) - 10;
        f->g.not_after = x509_ca_not_after(ca);
        assert_int_equal(grantfix_check(f, &ok), 0);
        assert_int_equal(cred_x509(ca, &ok, &der), 0);
        buf_reset(&der);
        f->g.not_after++;
        assert_int_equal(grantfix_check(f, &ok), 0);
        assert_int_equal(cred_x509(ca, &ok, &der), ERR_RANGE);

        f->g.not_after--;
        f->g.spiffe_id = BYTES_STR("spiffe://other.org/a");
        assert_int_equal(grant_check(&f->g, BYTES_STR("other.org"), &ok), 0);
        assert_int_equal(cred_x509(ca, &ok, &der), ERR_DENIED);
        assert_int_equal(der.len, 0);
}

/* The same certificate with other names, signed by the CA's key: what a thief of the issuing path could make. */
static int forged(const struct grantfix *f, const struct x509_ca *ca, const char *san, const char *cn)
{
        EVP_PKEY *key = grantfix_private(f, "P-256");
        X509 *x = issue(f, ca);
        int r;

        X509_EXTENSION_free(X509_delete_ext(x, X509_get_ext_by_NID(x, NID_subject_alt_name, -1)));
        if (san != NULL) {
                X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, san);

                assert_non_null(e);
                assert_int_equal(X509_add_ext(x, e, -1), 1);
                X509_EXTENSION_free(e);
        }
        if (cn != NULL)
                assert_int_equal(X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8, (const unsigned char *)cn, -1, -1, 0), 1);
        assert_true(X509_sign(x, key, EVP_sha256()) > 0);
        r = verify(ca, x, X509_PURPOSE_SSL_SERVER, NOW);
        X509_free(x);
        EVP_PKEY_free(key);
        return r;
}

static void name_constraints_hold(void **state)
{
        static const struct {
                const char *san, *cn;
                int r;
        } rows[] = {
                { "URI:spiffe://example.org/a", "x", X509_V_OK },
                { "URI:spiffe://example.org/a,DNS:a.example.org", "x", X509_V_OK },
                { "URI:spiffe://example.com/a", "x", X509_V_ERR_PERMITTED_VIOLATION },
                { "URI:spiffe://sub.example.org/a", "x", X509_V_ERR_PERMITTED_VIOLATION },
                { "URI:spiffe://example.org.evil.net/a", "x", X509_V_ERR_PERMITTED_VIOLATION },
                { "URI:spiffe://example.org/a,URI:spiffe://example.com/a", "x", X509_V_ERR_PERMITTED_VIOLATION },
                { "DNS:www.example.com", "x", X509_V_ERR_PERMITTED_VIOLATION },
                { "DNS:notexample.org", "x", X509_V_ERR_PERMITTED_VIOLATION },
                { "IP:192.0.2.1", "x", X509_V_ERR_EXCLUDED_VIOLATION },
                { "IP:2001:db8::1", "x", X509_V_ERR_EXCLUDED_VIOLATION },
                { NULL, "www.example.com", X509_V_ERR_PERMITTED_VIOLATION },
        };
        struct grantfix *f = *state;
        CLEANUP(ca_key_freep) struct ca_key *k = grantfix_ca_key(f, "P-256");
        CLEANUP(x509_ca_freep) struct x509_ca *ca = grantfix_ca(k);

        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                if (forged(f, ca, rows[i].san, rows[i].cn) != rows[i].r)
                        fail_msg("%s: %s", rows[i].san ? rows[i].san : "no name", X509_verify_cert_error_string(forged(f, ca, rows[i].san, rows[i].cn)));
}

static void a_ca_without_domains_has_no_dns_names(void **state)
{
        struct grantfix *f = *state;
        CLEANUP(ca_key_freep) struct ca_key *k = grantfix_ca_key(f, "P-256");
        const struct x509_ca_wish wish = {
                .common_name = BYTES_STR("Test CA"), .trust_domain = BYTES_STR(TRUST_DOMAIN), .not_before = NOW - HOUR, .not_after = NOW + 24 * HOUR,
        };
        CLEANUP(x509_ca_freep) struct x509_ca *ca = NULL;
        CLEANUP(buf_clear) struct buf cert = { 0 };

        assert_int_equal(x509_ca_certificate(k, &wish, &cert), 0);
        assert_int_equal(x509_ca_open(k, BYTES_OF(&cert), wish.trust_domain, NULL, &ca), 0);
        assert_int_equal(forged(f, ca, "URI:spiffe://example.org/a", "x"), X509_V_OK);
        assert_int_equal(forged(f, ca, "DNS:www.example.org", "x"), X509_V_ERR_EXCLUDED_VIOLATION);
        assert_int_equal(forged(f, ca, NULL, "www.example.org"), X509_V_ERR_EXCLUDED_VIOLATION);
}

static void a_ca_may_leave_uris_alone(void **state)
{
        static const struct bytes domains[] = { { (const uint8_t *)"example.org", 11 } };
        struct grantfix *f = *state;
        CLEANUP(ca_key_freep) struct ca_key *k = grantfix_ca_key(f, "P-256");

        for (size_t n = 0; n < 2; n++) {
                const struct x509_ca_wish wish = {
                        .common_name = BYTES_STR("Test CA"), .trust_domain = BYTES_STR(TRUST_DOMAIN), .domains = { domains, n }, .any_uri = true,
                        .not_before = NOW - HOUR, .not_after = NOW + 24 * HOUR,
                };
                CLEANUP(x509_ca_freep) struct x509_ca *ca = NULL;
                CLEANUP(buf_clear) struct buf cert = { 0 };
                NAME_CONSTRAINTS *nc;
                X509 *root;

                assert_int_equal(x509_ca_certificate(k, &wish, &cert), 0);
                assert_int_equal(x509_ca_open(k, BYTES_OF(&cert), wish.trust_domain, NULL, &ca), 0);
                root = parse(BYTES_OF(&cert));
                nc = X509_get_ext_d2i(root, NID_name_constraints, NULL, NULL);
                assert_non_null(nc);
                assert_int_equal(nc->permittedSubtrees != NULL, n > 0);
                NAME_CONSTRAINTS_free(nc);
                X509_free(root);
                assert_int_equal(forged(f, ca, "URI:spiffe://example.com/a", "x"), X509_V_OK);
                assert_int_equal(forged(f, ca, "DNS:www.example.com", "x"), n > 0 ? X509_V_ERR_PERMITTED_VIOLATION : X509_V_ERR_EXCLUDED_VIOLATION);
                assert_int_equal(forged(f, ca, "IP:192.0.2.1", "x"), X509_V_ERR_EXCLUDED_VIOLATION);
        }
}

/* pathlen:0 and cA FALSE: neither the CA nor an agent makes another CA. */
static void an_agent_is_no_ca(void **state)
{
        struct grantfix *f = *state;
        CLEANUP(ca_key_freep) struct ca_key *k = grantfix_ca_key(f, "P-256");
        CLEANUP(x509_ca_freep) struct x509_ca *ca = grantfix_ca(k);
        X509 *root = parse(x509_ca_cert(ca)), *x = issue(f, ca);

        assert_int_equal(X509_check_ca(root), 1);
        assert_int_equal(X509_get_pathlen(root), 0);
        assert_int_equal(X509_get_key_usage(root), KU_KEY_CERT_SIGN | KU_CRL_SIGN);
        assert_int_equal(X509_get_extended_key_usage(root), XKU_SSL_SERVER | XKU_SSL_CLIENT);
        assert_int_equal(X509_check_purpose(x, X509_PURPOSE_SSL_SERVER, 1), 0);
        X509_free(root);
        X509_free(x);
}

static void what_is_no_certificate_of_the_ca(void **state)
{
        struct grantfix *f = *state;
        CLEANUP(ca_key_freep) struct ca_key *k = grantfix_ca_key(f, "P-256");
        CLEANUP(ca_key_freep) struct ca_key *other = grantfix_ca_key(f, "P-384");
        CLEANUP(ca_key_freep) struct ca_key *ed = grantfix_ca_key(f, "Ed25519");
        CLEANUP(x509_ca_freep) struct x509_ca *ca = grantfix_ca(k), *none = NULL;
        CLEANUP(granted_clear) struct granted ok = { 0 };
        CLEANUP(buf_clear) struct buf leaf = { 0 }, longer = { 0 };
        const struct bytes cert = x509_ca_cert(ca), domain = BYTES_STR(TRUST_DOMAIN);

        assert_int_equal(x509_ca_open(other, cert, domain, NULL, &none), ERR_INVAL);
        assert_int_equal(x509_ca_open(ed, cert, domain, NULL, &none), ERR_NOTSUP);
        assert_int_equal(x509_ca_open(k, cert, BYTES_STR("example.com"), NULL, &none), ERR_INVAL);
        assert_int_equal(x509_ca_open(k, cert, BYTES_STR(""), NULL, &none), ERR_FORMAT);
        assert_int_equal(x509_ca_open(k, cert, domain, "ftp://crl.example.org/", &none), ERR_INVAL);
        assert_int_equal(x509_ca_open(k, cert, domain, "http://crl.example.org/a b", &none), ERR_INVAL);
        assert_int_equal(x509_ca_open(k, BYTES(cert.ptr, cert.len - 1), domain, NULL, &none), ERR_FORMAT);
        assert_int_equal(buf_set(&longer, cert), 0);
        assert_int_equal(buf_append_u8(&longer, 0), 0);
        assert_int_equal(x509_ca_open(k, BYTES_OF(&longer), domain, NULL, &none), ERR_FORMAT);
        f->g.spki = ca_key_spki(k);
        assert_int_equal(grantfix_check(f, &ok), 0);
        assert_int_equal(cred_x509(ca, &ok, &leaf), 0);
        assert_int_equal(x509_ca_open(k, BYTES_OF(&leaf), domain, NULL, &none), ERR_INVAL);
        assert_null(none);
}

/* The CA's certificate with one extension changed, signed again. */
static int reopened(const struct grantfix *f, const struct x509_ca *ca, int nid, const char *value)
{
        CLEANUP(x509_ca_freep) struct x509_ca *other = NULL;
        EVP_PKEY *key = grantfix_private(f, "P-256");
        X509 *x = parse(x509_ca_cert(ca));
        uint8_t *der = NULL;
        int n, r;

        X509_EXTENSION_free(X509_delete_ext(x, X509_get_ext_by_NID(x, nid, -1)));
        if (value != NULL) {
                X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

                assert_non_null(e);
                assert_int_equal(X509_add_ext(x, e, -1), 1);
                X509_EXTENSION_free(e);
        }
        assert_true(X509_sign(x, key, EVP_sha256()) > 0);
        n = i2d_X509(x, &der);
        assert_true(n > 0);
        r = x509_ca_open(x509_ca_key(ca), BYTES(der, (size_t)n), BYTES_STR(TRUST_DOMAIN), NULL, &other);
        assert_int_equal(other != NULL, r == 0);
        OPENSSL_free(der);
        X509_free(x);
        EVP_PKEY_free(key);
        return r;
}

/* Made by somebody else: an operator may have a CA above ours. */
static void certificates_of_other_cas(void **state)
{
        static const struct {
                int nid;
                const char *value;
                int r;
        } rows[] = {
                { NID_basic_constraints, "critical,CA:TRUE", 0 },
                { NID_basic_constraints, "critical,CA:FALSE", ERR_INVAL },
                { NID_basic_constraints, NULL, ERR_INVAL },
                { NID_key_usage, "critical,keyCertSign,cRLSign", 0 },
                { NID_key_usage, "critical,keyCertSign", ERR_INVAL },
                { NID_key_usage, "critical,cRLSign", ERR_INVAL },
                { NID_subject_key_identifier, NULL, ERR_INVAL },
                { NID_subject_key_identifier, "00:01:02", ERR_INVAL },
                { NID_subject_key_identifier, "00:01:02:03:04:05:06:07:08:09:0a:0b:0c:0d:0e:0f:10:11:12:13", 0 },
                { NID_subject_alt_name, NULL, 0 },
                { NID_subject_alt_name, "DNS:ca.example.org", 0 },
                { NID_subject_alt_name, "DER:05:00", ERR_INVAL },
                { NID_subject_alt_name, "DER:30:17:86:15:73:70:69:66:66:65:3a:2f:2f:65:78:61:6d:70:6c:65:2e:6f:72:67:00", ERR_INVAL },
                { NID_subject_alt_name, "URI:spiffe://example.org/ca", ERR_INVAL },
                { NID_subject_alt_name, "URI:https://example.org", ERR_INVAL },
                { NID_subject_alt_name, "URI:spiffe://example.org,URI:spiffe://example.org", ERR_INVAL },
                { NID_subject_alt_name, "URI:spiffe://example.com,URI:spiffe://example.org", ERR_INVAL },
        };
        CLEANUP(ca_key_freep) struct ca_key *k = grantfix_ca_key(*state, "P-256");
        CLEANUP(x509_ca_freep) struct x509_ca *ca = grantfix_ca(k);

        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                if (reopened(*state, ca, rows[i].nid, rows[i].value) != rows[i].r)
                        fail_msg("%s: %s", OBJ_nid2sn(rows[i].nid), rows[i].value != NULL ? rows[i].value : "none");
}

static void wishes_that_no_ca_gets(void **state)
{
        static const struct bytes wild[] = { { (const uint8_t *)"*.example.org", 13 } };
        struct grantfix *f = *state;
        CLEANUP(ca_key_freep) struct ca_key *k = grantfix_ca_key(f, "P-256");
        CLEANUP(buf_clear) struct buf cert = { 0 };
        const struct x509_ca_wish good = {
                .common_name = BYTES_STR("Test CA"), .trust_domain = BYTES_STR(TRUST_DOMAIN), .not_before = NOW, .not_after = NOW + HOUR,
        };
        struct x509_ca_wish w[] = { good, good, good, good, good, good, good, good };

        w[0].common_name = BYTES_STR("");
        w[1].common_name = BYTES_STR("a\nb");
        w[2].trust_domain = BYTES_STR("Example.org");
        w[3].trust_domain = BYTES_STR(".org");
        w[4].domains = (struct names){ wild, 1 };
        w[5].not_after = NOW;
        w[6].not_after = NOW + 21ULL * 366 * 24 * HOUR;
        w[7].not_before = 253402300799;
        w[7].not_after = 253402300800;
        for (size_t i = 0; i < ARRAY_LEN(w); i++)
                assert_int_not_equal(x509_ca_certificate(k, &w[i], &cert), 0);
        assert_int_equal(cert.len, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, grantfix_setup, grantfix_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(verifies_with_every_kind_of_key), TEST(is_as_spiffe_wants_it), TEST(one_uri_then_dns_names), TEST(years_of_two_and_of_four_digits), TEST(nothing_beyond_the_ca),
                TEST(name_constraints_hold), TEST(a_ca_without_domains_has_no_dns_names), TEST(a_ca_may_leave_uris_alone),
                TEST(an_agent_is_no_ca), TEST(what_is_no_certificate_of_the_ca),
                TEST(certificates_of_other_cas), TEST(wishes_that_no_ca_gets),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
