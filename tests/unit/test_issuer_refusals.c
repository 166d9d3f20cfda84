/* SPDX-License-Identifier: BSD-2-Clause */
/* What does an issuer not take: of evidence, of keys, of requests? And what does it make of hosts whose keys are known in one way or another? */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include "attest/ek.h"
#include "lib/crypto.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/tpmt.h"
#include "tests/issuerfix.h"

#define OPEN_TRUST "[trust]\nfirst-use = yes\n"

static void joined(struct issuerfix *x, struct wire *w, const struct hostfix *h, const char *settings)
{
        json_t *answer = NULL;

        issuerfix_open(x, h, settings);
        wire_open(w, x);
        if (wire_join(w, ISSUERFIX_HOST, NULL, &answer) != 200)
                fail_msg("join: %s", json_string_value(json_object_get(answer, "detail")));
        json_decref(answer);
}

static void done(struct issuerfix *x, struct wire *w)
{
        wire_close(w);
        issuerfix_close(x);
}

static int ask_with(struct wire *w, const struct hostfix_wish *wish, json_t **ret)
{
        CLEANUP(buf_clear) struct buf nonce = { 0 }, evidence = { 0 };

        wire_nonce(w, &nonce);
        hostfix_evidence(w->x->host, BYTES_OF(&nonce), wish, &evidence);
        return wire_post(w, "/v1/credential", wire_credential_body(wish->agent != NULL ? wish->agent : "a", &evidence, "x509"), ret);
}

/* The check that failed, as the problem tells it. */
static const char *failed_check(const json_t *problem)
{
        const json_t *checks = json_object_get(problem, "checks"), *c;
        size_t i;

        json_array_foreach(checks, i, c)
                if (strcmp(json_string_value(json_object_get(c, "outcome")), "failed") == 0)
                        return json_string_value(json_object_get(c, "check"));
        return "none";
}

static void require_failed(struct wire *w, const struct hostfix_wish *wish, const char *check)
{
        json_t *answer = NULL;

        wire_require_problem(ask_with(w, wish, &answer), &answer, "evidence");
        assert_string_equal(failed_check(answer), check);
        json_decref(answer);
}

/* --- Evidence --- */

static void evidence_must_have_what_the_profile_wants(void **state)
{
        struct issuerfix x = { 0 };
        struct wire w;

        joined(&x, &w, *state, OPEN_TRUST ISSUERFIX_PROFILE "pcrs = 0,7\n");
        require_failed(&w, &(struct hostfix_wish){ 0 }, "shape");
        require_failed(&w, &(struct hostfix_wish){ .pcrs = 0x81, .host_only = true }, "shape");
        require_failed(&w, &(struct hostfix_wish){ .pcrs = 0x01 }, "host-statement");
        assert_int_equal(ask_with(&w, &(struct hostfix_wish){ .pcrs = 0x81 }, NULL), 200);
        assert_int_equal(issuerfix_records(&x, AUDIT_ISSUE, AUDIT_REFUSED, NULL), 3);
        done(&x, &w);
        joined(&x, &w, *state, OPEN_TRUST ISSUERFIX_PROFILE "pcrs = 7\nevent-log = yes\n");
        require_failed(&w, &(struct hostfix_wish){ .pcrs = 0x80 }, "event-log");
        done(&x, &w);
        joined(&x, &w, *state, OPEN_TRUST ISSUERFIX_PROFILE "key-policy = 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n");
        require_failed(&w, &(struct hostfix_wish){ 0 }, "key-policy");
        done(&x, &w);
}

static void pcrs_must_be_golden(void **state)
{
        struct issuerfix x = { 0 };
        struct wire w;
        char settings[1024];
        void *dir = NULL;

        /* A software TPM that nobody has booted with: PCR 0 is zero. */
        for (int good = 0; good < 2; good++) {
                assert_int_equal(tempdir_setup(&dir), 0);
                x.dir = dir;
                snprintf(settings, sizeof(settings), "0 %064d\n", !good);
                assert_int_equal(file_write(x.dir->fd, "golden", BYTES_STR(settings), 0600, true), 0);
                snprintf(settings, sizeof(settings), OPEN_TRUST ISSUERFIX_PROFILE "pcrs = 0\ngolden = %s/golden\n", x.dir->path);
                joined(&x, &w, *state, settings);
                if (good)
                        assert_int_equal(ask_with(&w, &(struct hostfix_wish){ .pcrs = 1 }, NULL), 200);
                else
                        require_failed(&w, &(struct hostfix_wish){ .pcrs = 1 }, "golden");
                done(&x, &w);
        }
}

static void the_process_must_be_of_the_profile(void **state)
{
        struct issuerfix x = { 0 };
        struct wire w;
        json_t *answer = NULL;
        struct peer peer = { .pid = 42, .start_time = 4711, .pidfd = -1, .uid = 1000, .gid = 100 };

        joined(&x, &w, *state, OPEN_TRUST ISSUERFIX_PROFILE "uid = 1000\n");
        require_failed(&w, &(struct hostfix_wish){ 0 }, "shape");
        assert_int_equal(ask_with(&w, &(struct hostfix_wish){ .process = &peer }, NULL), 200);
        peer.uid = 1001;
        wire_require_problem(ask_with(&w, &(struct hostfix_wish){ .process = &peer }, &answer), &answer, "profile");
        json_decref(answer);
        done(&x, &w);
}

static void every_octet_of_evidence_counts(void **state)
{
        const struct hostfix *h = *state;
        struct issuerfix x = { 0 };
        struct wire w;
        json_t *answer = NULL;

        joined(&x, &w, h, OPEN_TRUST ISSUERFIX_PROFILE);
        for (size_t at = 0; at < 2000; at += 37) {
                CLEANUP(buf_clear) struct buf nonce = { 0 }, evidence = { 0 };

                wire_nonce(&w, &nonce);
                hostfix_evidence(h, BYTES_OF(&nonce), &(struct hostfix_wish){ 0 }, &evidence);
                if (at >= evidence.len)
                        break;
                evidence.ptr[at] ^= 1;
                wire_require_problem(wire_post(&w, "/v1/credential", wire_credential_body("a", &evidence, "x509"), &answer), &answer, "evidence");
        }
        assert_int_equal(issuerfix_records(&x, AUDIT_ISSUE, AUDIT_ALLOWED, NULL), 0);
        json_decref(answer);
        done(&x, &w);
}

static void another_hosts_evidence_is_none(void **state)
{
        struct hostfix *second = NULL;
        struct issuerfix x = { 0 };
        struct wire w;

        joined(&x, &w, *state, OPEN_TRUST ISSUERFIX_PROFILE);
        hostfix_start((void **)&second);
        x.host = second;
        require_failed(&w, &(struct hostfix_wish){ 0 }, "trust");
        hostfix_stop((void **)&second);
        done(&x, &w);
}

static void firmware_may_be_denied(void **state)
{
        struct issuerfix x = { 0 };
        struct wire w;
        char settings[1024];
        void *dir = NULL;

        assert_int_equal(tempdir_setup(&dir), 0);
        x.dir = dir;
        assert_int_equal(file_write(x.dir->fd, "firmware", BYTES_STR("* * *  all of it\n"), 0600, true), 0);
        snprintf(settings, sizeof(settings), "[trust]\nfirst-use = yes\nfirmware-denied = %s/firmware\n" ISSUERFIX_PROFILE, x.dir->path);
        joined(&x, &w, *state, settings);
        require_failed(&w, &(struct hostfix_wish){ 0 }, "firmware");
        done(&x, &w);
}

static void a_clock_does_not_go_back(void **state)
{
        const struct hf_standing later = { .clock_ms = UINT64_C(1) << 50, .resets = 1000 };
        struct issuerfix x = { 0 };
        struct db_credential c = { .serial = { 0x41 }, .issued = 1, .not_after = 2 };
        struct db_agent a = { .name = "b", .owner = "dana" };
        struct wire w;

        joined(&x, &w, *state, OPEN_TRUST ISSUERFIX_PROFILE);
        assert_int_equal(db_text(a.host, sizeof(a.host), BYTES_STR(ISSUERFIX_HOST)), 0);
        assert_int_equal(db_credential_add(x.s.db, &c, &a, NULL, &later), 0);
        require_failed(&w, &(struct hostfix_wish){ 0 }, "clock");
        done(&x, &w);
}

static void no_profile_no_credential(void **state)
{
        struct issuerfix x = { 0 };
        struct wire w;
        json_t *answer = NULL;

        joined(&x, &w, *state, OPEN_TRUST "[profile hard]\nhost = *\nagent = a\nspiffe-id = spiffe://example.org/x\n");
        wire_require_problem(ask_with(&w, &(struct hostfix_wish){ 0 }, &answer), &answer, "profile");
        wire_require_problem(ask_with(&w, &(struct hostfix_wish){ .agent = "a" }, &answer), &answer, "profile");
        assert_int_equal(issuerfix_records(&x, AUDIT_ISSUE, AUDIT_REFUSED, "unattested"), 2);
        done(&x, &w);
        joined(&x, &w, *state, OPEN_TRUST ISSUERFIX_PROFILE "credentials = jwt\naudiences = https://a\n");
        wire_require_problem(ask_with(&w, &(struct hostfix_wish){ 0 }, &answer), &answer, "profile");
        json_decref(answer);
        done(&x, &w);
}

/* --- Keys at a join --- */

static int join_with(struct wire *w, const char *member, const TPM2B_PUBLIC *area, json_t **ret)
{
        CLEANUP(buf_clear) struct buf sized = { 0 };
        json_t *body = hostfix_join_body(w->x->host, ISSUERFIX_HOST);

        assert_int_equal(tpmt_public_encode(area, &sized), 0);
        json_object_set_new(body, member, wire_base64(BYTES(sized.ptr + 2, sized.len - 2)));
        return wire_post(w, "/v1/join", body, ret);
}

static void area_of(struct bytes tpmt, TPM2B_PUBLIC *ret)
{
        CLEANUP(buf_clear) struct buf sized = { 0 };

        assert_int_equal(buf_append_u16(&sized, (uint16_t)tpmt.len), 0);
        assert_int_equal(buf_append(&sized, tpmt.ptr, tpmt.len), 0);
        assert_int_equal(tpmt_public_decode(BYTES_OF(&sized), ret), 0);
}

static void each_key_is_what_it_should_be(void **state)
{
        const struct hostfix *h = *state;
        struct issuerfix x = { 0 };
        TPM2B_PUBLIC ak, srk, ek, p;
        struct wire w;
        json_t *answer = NULL;

        issuerfix_open(&x, h, OPEN_TRUST ISSUERFIX_PROFILE);
        wire_open(&w, &x);
        area_of(h->id.ak_public, &ak);
        area_of(h->id.srk_public, &srk);
        area_of(h->id.ek_public, &ek);
        assert_int_equal(join_with(&w, "ak_public", &ak, &answer), 200);
        /* With a policy of a stranger's choice, TPM2_ActivateCredential would answer for a public area that somebody loaded into any TPM. */
        p = ak;
        p.publicArea.authPolicy.size = 32;
        wire_require_problem(join_with(&w, "ak_public", &p, &answer), &answer, "ak");
        p = ak;
        p.publicArea.objectAttributes |= TPMA_OBJECT_ADMINWITHPOLICY;
        wire_require_problem(join_with(&w, "ak_public", &p, &answer), &answer, "ak");
        p = ak;
        p.publicArea.objectAttributes &= ~(TPMA_OBJECT)TPMA_OBJECT_USERWITHAUTH;
        wire_require_problem(join_with(&w, "ak_public", &p, &answer), &answer, "ak");
        p = ak;
        p.publicArea.objectAttributes &= ~(TPMA_OBJECT)TPMA_OBJECT_RESTRICTED;
        wire_require_problem(join_with(&w, "ak_public", &p, &answer), &answer, "ak");
        p = ak;
        p.publicArea.objectAttributes &= ~(TPMA_OBJECT)TPMA_OBJECT_FIXEDTPM;
        wire_require_problem(join_with(&w, "ak_public", &p, &answer), &answer, "ak");
        wire_require_problem(join_with(&w, "ak_public", &srk, &answer), &answer, "ak");
        p = srk;
        p.publicArea.objectAttributes &= ~(TPMA_OBJECT)TPMA_OBJECT_FIXEDTPM;
        wire_require_problem(join_with(&w, "srk_public", &p, &answer), &answer, "srk");
        p = srk;
        p.publicArea.authPolicy.size = 32;
        wire_require_problem(join_with(&w, "srk_public", &p, &answer), &answer, "srk");
        wire_require_problem(join_with(&w, "srk_public", &ak, &answer), &answer, "srk");
        p = ek;
        p.publicArea.objectAttributes |= TPMA_OBJECT_SIGN_ENCRYPT;
        wire_require_problem(join_with(&w, "ek_public", &p, &answer), &answer, "ek");
        wire_require_problem(join_with(&w, "ek_public", &srk, &answer), &answer, "ek");
        wire_require_problem(join_with(&w, "ek_public", &ak, &answer), &answer, "ek");
        json_decref(answer);
        done(&x, &w);
}

/* --- Whose TPM is it? --- */

static void add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
        X509V3_CTX ctx;
        X509_EXTENSION *e;

        X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
        e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
        assert_non_null(e);
        assert_int_equal(X509_add_ext(x, e, -1), 1);
        X509_EXTENSION_free(e);
}

/* GeneralNames: a directoryName with tpmManufacturer (2.23.133.2.1) "id:49424D00". */
static void add_manufacturer(X509 *x)
{
        static const uint8_t der[] = {
                0x30, 0x1c, 0xa4, 0x1a, 0x30, 0x18, 0x31, 0x16, 0x30, 0x14, 0x06, 0x05, 0x67, 0x81, 0x05, 0x02, 0x01,
                0x0c, 0x0b, 'i', 'd', ':', '4', '9', '4', '2', '4', 'D', '0', '0',
        };
        ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
        X509_EXTENSION *e;

        assert_int_equal(ASN1_OCTET_STRING_set(value, der, sizeof(der)), 1);
        e = X509_EXTENSION_create_by_NID(NULL, NID_subject_alt_name, 1, value);
        assert_int_equal(X509_add_ext(x, e, -1), 1);
        X509_EXTENSION_free(e);
        ASN1_OCTET_STRING_free(value);
}

/* A TPM maker, and what it signs: itself, or an EK. */
struct maker {
        EVP_PKEY *key;
        X509 *root;
};

static X509 *certificate(const struct maker *m, EVP_PKEY *key)
{
        X509 *x = X509_new();
        ASN1_TIME *t = ASN1_TIME_set(NULL, (time_t)issuerfix_now);

        assert_non_null(x);
        X509_set_version(x, X509_VERSION_3);
        ASN1_INTEGER_set(X509_get_serialNumber(x), m->root != NULL ? 2 : 1);
        X509_set1_notBefore(x, t);
        ASN1_TIME_adj(t, (time_t)issuerfix_now, 365, 0);
        X509_set1_notAfter(x, t);
        ASN1_TIME_free(t);
        X509_set_pubkey(x, key);
        X509_NAME_add_entry_by_txt(X509_get_issuer_name(x), "CN", MBSTRING_ASC, (const unsigned char *)"Maker", -1, -1, 0);
        if (m->root == NULL) {
                X509_set_subject_name(x, X509_get_issuer_name(x));
                add_extension(x, x, NID_basic_constraints, "critical,CA:TRUE");
                add_extension(x, x, NID_key_usage, "critical,keyCertSign");
        } else {
                add_extension(x, m->root, NID_basic_constraints, "critical,CA:FALSE");
                add_extension(x, m->root, NID_ext_key_usage, "2.23.133.8.1");
                add_manufacturer(x);
        }
        assert_true(X509_sign(x, m->key, EVP_sha256()) > 0);
        return x;
}

static void maker_start(struct maker *m)
{
        *m = (struct maker){ .key = EVP_EC_gen("P-256") };
        m->root = certificate(m, m->key);
}

static void maker_stop(struct maker *m)
{
        EVP_PKEY_free(m->key);
        X509_free(m->root);
}

static void der_of(X509 *x, struct buf *ret)
{
        unsigned char *der = NULL;
        int len = i2d_X509(x, &der);

        assert_true(len > 0);
        assert_int_equal(buf_set(ret, BYTES(der, (size_t)len)), 0);
        OPENSSL_free(der);
}

/* SHA-256 of a public half, as lists of pins have it. */
static void pin_of(struct bytes spki, char ret[65])
{
        CLEANUP(buf_clear) struct buf hex = { 0 };
        uint8_t digest[HASH_MAX];

        assert_int_equal(crypto_hash(hash_by_name("SHA256"), &spki, 1, digest), 0);
        assert_int_equal(hex_encode(BYTES(digest, 32), &hex), 0);
        snprintf(ret, 65, "%.64s", (const char *)hex.ptr);
}

/* An issuer that has these files in its directory: NULL: not that one. */
static void open_with(struct issuerfix *x, struct wire *w, const struct hostfix *h, const char *key, const char *name, struct bytes content)
{
        char settings[1024];
        void *dir = NULL;

        assert_int_equal(tempdir_setup(&dir), 0);
        x->dir = dir;
        assert_int_equal(mkdirat(x->dir->fd, "roots", 0700), 0);
        assert_int_equal(file_write(x->dir->fd, name, content, 0600, true), 0);
        snprintf(settings, sizeof(settings), "[trust]\n%s = %s/%s\n" ISSUERFIX_PROFILE, key, x->dir->path, strchr(name, '/') != NULL ? "roots" : name);
        issuerfix_open(x, h, settings);
        wire_open(w, x);
}

static int join_certified(struct wire *w, const struct buf *cert, const char *token, json_t **ret)
{
        json_t *body = hostfix_join_body(w->x->host, ISSUERFIX_HOST), *asked = NULL;
        int status;

        json_object_set_new(body, "ek_certificates", json_pack("[o]", wire_base64(BYTES_OF(cert))));
        json_object_set_new(body, "token", json_string(token));
        status = wire_post(w, "/v1/join", body, &asked);
        if (status == 200)
                status = wire_post(w, "/v1/join/answer", hostfix_answer(w->x->host, asked), ret);
        json_decref(asked);
        return status;
}

static void a_makers_certificate_says_what_it_is(void **state)
{
        static const char *const keys[] = { "ek-roots", "simulator-roots" }, *const words[] = { "hardware", "simulator" };
        const struct hostfix *h = *state;
        CLEANUP(buf_clear) struct buf spki = { 0 }, root = { 0 }, cert = { 0 };
        const unsigned char *at;
        struct maker m;
        EVP_PKEY *ek;
        X509 *x509;

        maker_start(&m);
        der_of(m.root, &root);
        assert_int_equal(ek_check(h->id.ek_public, NULL, &spki), 0);
        at = spki.ptr;
        ek = d2i_PUBKEY(NULL, &at, (long)spki.len);
        x509 = certificate(&m, ek);
        der_of(x509, &cert);
        for (unsigned i = 0; i < 2; i++) {
                struct issuerfix x = { 0 };
                struct db_host known;
                struct wire w;
                json_t *answer = NULL, *token = NULL;

                open_with(&x, &w, h, keys[i], "roots/maker.der", BYTES_OF(&root));
                /* It says whose TPM it is, not what the host may be called. */
                wire_require_problem(wire_join(&w, ISSUERFIX_HOST, NULL, &answer), &answer, "first-use");
                assert_int_equal(wire_admin(&x, "/v1/admin/token", json_pack("{s:s}", "host", ISSUERFIX_HOST), &token), 200);
                assert_int_equal(join_certified(&w, &cert, json_string_value(json_object_get(token, "token")), &answer), 200);
                assert_string_equal(json_string_value(json_object_get(answer, "assurance")), words[i]);
                assert_int_equal(db_host_get(x.s.db, ISSUERFIX_HOST, &known), 0);
                assert_string_equal(known.manufacturer, "IBM");
                assert_int_equal(ask_with(&w, &(struct hostfix_wish){ 0 }, NULL), 200);
                json_decref(answer);
                json_decref(token);
                done(&x, &w);
        }
        X509_free(x509);
        EVP_PKEY_free(ek);
        maker_stop(&m);
}

static void a_certificate_of_another_key_is_worth_nothing(void **state)
{
        CLEANUP(buf_clear) struct buf root = { 0 }, cert = { 0 };
        struct issuerfix x = { 0 };
        struct maker m;
        struct wire w;
        json_t *answer = NULL, *token = NULL;
        EVP_PKEY *other = EVP_EC_gen("P-256");
        X509 *x509;

        maker_start(&m);
        der_of(m.root, &root);
        x509 = certificate(&m, other);
        der_of(x509, &cert);
        open_with(&x, &w, *state, "ek-roots", "roots/maker.der", BYTES_OF(&root));
        assert_int_equal(wire_admin(&x, "/v1/admin/token", json_pack("{s:s}", "host", ISSUERFIX_HOST), &token), 200);
        assert_int_equal(join_certified(&w, &cert, json_string_value(json_object_get(token, "token")), &answer), 200);
        assert_string_equal(json_string_value(json_object_get(answer, "assurance")), "unattested");
        X509_free(x509);
        EVP_PKEY_free(other);
        maker_stop(&m);
        json_decref(answer);
        json_decref(token);
        done(&x, &w);
}

static void a_pinned_key_needs_no_token(void **state)
{
        const struct hostfix *h = *state;
        CLEANUP(buf_clear) struct buf spki = { 0 };
        struct issuerfix x = { 0 };
        struct wire w;
        json_t *answer = NULL;
        char pin[65], line[160];

        assert_int_equal(ek_check(h->id.ek_public, NULL, &spki), 0);
        pin_of(BYTES_OF(&spki), pin);
        snprintf(line, sizeof(line), "%s " ISSUERFIX_HOST "\n", pin);
        open_with(&x, &w, h, "ek-pins", "pins", BYTES_STR(line));
        assert_int_equal(wire_join(&w, ISSUERFIX_HOST, NULL, &answer), 200);
        assert_string_equal(json_string_value(json_object_get(answer, "assurance")), "pinned");
        wire_require_problem(wire_join(&w, "other.example.org", NULL, &answer), &answer, "ek");
        json_decref(answer);
        done(&x, &w);
}

static void a_known_attestation_key_must_sign(void **state)
{
        const struct hostfix *h = *state;
        CLEANUP(buf_clear) struct buf spki = { 0 }, secret = { 0 }, evidence = { 0 };
        struct issuerfix x = { 0 };
        struct wire w;
        json_t *asked = NULL, *answer = NULL, *body;
        TPM2B_PUBLIC ak;
        CLEANUP(pubkey_clear) struct pubkey key = { 0 };
        char pin[65], line[160];

        area_of(h->id.ak_public, &ak);
        assert_int_equal(tpmt_pubkey(&ak, &key), 0);
        assert_int_equal(pubkey_to_spki(&key, &spki), 0);
        pin_of(BYTES_OF(&spki), pin);
        snprintf(line, sizeof(line), "%s " ISSUERFIX_HOST "\n", pin);
        open_with(&x, &w, h, "platform-aks", "aks", BYTES_STR(line));
        /* Anybody with a software EK could answer for its public half. */
        wire_require_problem(wire_join(&w, ISSUERFIX_HOST, NULL, &answer), &answer, "answer");
        for (int good = 0; good < 2; good++) {
                assert_int_equal(wire_post(&w, "/v1/join", hostfix_join_body(h, ISSUERFIX_HOST), &asked), 200);
                body = hostfix_answer(h, asked);
                wire_octets(body, good ? "ak_secret" : "srk_secret", &secret);
                hostfix_evidence(h, BYTES_OF(&secret), &(struct hostfix_wish){ .host_only = true, .pcrs = 1 }, &evidence);
                json_object_set_new(body, "evidence", wire_base64(BYTES_OF(&evidence)));
                if (!good)
                        wire_require_problem(wire_post(&w, "/v1/join/answer", body, &answer), &answer, "answer");
                else
                        assert_int_equal(wire_post(&w, "/v1/join/answer", body, &answer), 200);
        }
        assert_string_equal(json_string_value(json_object_get(answer, "assurance")), "pinned");
        assert_int_equal(ask_with(&w, &(struct hostfix_wish){ 0 }, NULL), 200);
        json_decref(asked);
        json_decref(answer);
        done(&x, &w);
}

/* --- Requests --- */

/* One octet of a good body after the other: whatever it becomes, the issuer answers, and gives nothing. */
static void mutations_of_json_give_nothing(void **state)
{
        const struct hostfix *h = *state;
        struct issuerfix x = { 0 };
        struct wire w;
        json_t *body = hostfix_join_body(h, ISSUERFIX_HOST);
        char *text = json_dumps(body, JSON_COMPACT);
        size_t len;

        json_decref(body);
        issuerfix_open(&x, h, ISSUERFIX_PROFILE);
        wire_open(&w, &x);
        len = strlen(text);
        for (size_t i = 0; i < len; i += 3) {
                const char old = text[i];
                int status;

                text[i] = (char)(old ^ 0x04);
                status = wire_post_text(&w, "/v1/join", text, NULL);
                if (status != 400 && status != 403)
                        fail_msg("octet %zu: %d", i, status);
                text[i] = old;
        }
        free(text);
        done(&x, &w);
}

static void names_are_names(void **state)
{
        static const char *const hosts[] = { "Web.example.org", "web_1", "web..example.org", "-web", "web.", "*.example.org", "192.0.2.1", "a/b", "web example" };
        struct issuerfix x = { 0 };
        struct wire w;
        json_t *answer = NULL;

        issuerfix_open(&x, *state, OPEN_TRUST ISSUERFIX_PROFILE);
        wire_open(&w, &x);
        for (size_t i = 0; i < ARRAY_LEN(hosts); i++)
                wire_require_problem(wire_join(&w, hosts[i], NULL, &answer), &answer, "shape");
        wire_require_problem(wire_post_text(&w, "/v1/nonce", "{\"purpose\":\"credential\",\"host\":\"A\"}", &answer), &answer, "shape");
        wire_require_problem(wire_post_text(&w, "/v1/credential", "{\"host\":\"a\",\"agent\":\"a/b\",\"evidence\":\"AA==\",\"want\":[\"x509\"]}", &answer), &answer, "shape");
        wire_require_problem(wire_post_text(&w, "/v1/credential", "{\"host\":\"a\",\"agent\":\"a\",\"evidence\":\"AA==\",\"want\":[]}", &answer), &answer, "shape");
        wire_require_problem(wire_post_text(&w, "/v1/credential", "{\"host\":\"a\",\"agent\":\"a\",\"evidence\":\"AA==\",\"want\":[\"tls\"]}", &answer), &answer, "shape");
        json_decref(answer);
        done(&x, &w);
}

static char *request_of(EVP_PKEY *key, EVP_PKEY *signer)
{
        X509_REQ *r = X509_REQ_new();
        BIO *bio = BIO_new(BIO_s_mem());
        char *text, *copy;
        long len;

        X509_REQ_set_pubkey(r, key);
        assert_true(X509_REQ_sign(r, signer, EVP_sha256()) > 0);
        assert_int_equal(PEM_write_bio_X509_REQ(bio, r), 1);
        len = BIO_get_mem_data(bio, &text);
        copy = strndup(text, (size_t)len);
        X509_REQ_free(r);
        BIO_free(bio);
        return copy;
}

static void a_signing_request_shows_possession_alone(void **state)
{
        const struct hostfix *h = *state;
        EVP_PKEY *other = EVP_EC_gen("P-256"), *ours = fixture_evp(&fixture_body(h->key)->pub);
        char *requests[] = { request_of(other, other), request_of(ours, other), strdup("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n") };
        struct issuerfix x = { 0 };
        struct wire w;
        json_t *answer = NULL;

        joined(&x, &w, h, OPEN_TRUST ISSUERFIX_PROFILE);
        for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
                CLEANUP(buf_clear) struct buf nonce = { 0 }, evidence = { 0 };
                json_t *body;

                wire_nonce(&w, &nonce);
                hostfix_evidence(h, BYTES_OF(&nonce), &(struct hostfix_wish){ 0 }, &evidence);
                body = wire_credential_body("a", &evidence, "x509");
                json_object_set_new(body, "csr", json_string(requests[i]));
                wire_require_problem(wire_post(&w, "/v1/credential", body, &answer), &answer, "evidence");
                free(requests[i]);
        }
        EVP_PKEY_free(other);
        EVP_PKEY_free(ours);
        json_decref(answer);
        done(&x, &w);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(evidence_must_have_what_the_profile_wants),
                cmocka_unit_test(pcrs_must_be_golden),
                cmocka_unit_test(the_process_must_be_of_the_profile),
                cmocka_unit_test(every_octet_of_evidence_counts),
                cmocka_unit_test(another_hosts_evidence_is_none),
                cmocka_unit_test(firmware_may_be_denied),
                cmocka_unit_test(a_clock_does_not_go_back),
                cmocka_unit_test(no_profile_no_credential),
                cmocka_unit_test(each_key_is_what_it_should_be),
                cmocka_unit_test(a_makers_certificate_says_what_it_is),
                cmocka_unit_test(a_certificate_of_another_key_is_worth_nothing),
                cmocka_unit_test(a_pinned_key_needs_no_token),
                cmocka_unit_test(a_known_attestation_key_must_sign),
                cmocka_unit_test(mutations_of_json_give_nothing),
                cmocka_unit_test(names_are_names),
                cmocka_unit_test(a_signing_request_shows_possession_alone),
        };

        return cmocka_run_group_tests(tests, hostfix_start, hostfix_stop);
}
