/* SPDX-License-Identifier: BSD-2-Clause */
/* Does a "tpm" attestation statement hold, and how is one written? (W3C Web Authentication Level 3, 8.3.) */
#include <stddef.h>
#include <string.h>
#include "attest/certified.h"
#include "attest/textmap.h"
#include "attest/trust.h"
#include "attest/webauthn.h"
#include "lib/crypto.h"
#include "lib/err.h"
#include "lib/x509.h"

/* No SHA-1. */
static const struct {
        int64_t cose;
        enum scheme scheme;
        uint16_t hash;
} algs[] = {
        { -7, SCHEME_ECDSA, TPM2_ALG_SHA256 }, { -35, SCHEME_ECDSA, TPM2_ALG_SHA384 }, { -36, SCHEME_ECDSA, TPM2_ALG_SHA512 },
        { -257, SCHEME_RSA_PKCS1, TPM2_ALG_SHA256 }, { -258, SCHEME_RSA_PKCS1, TPM2_ALG_SHA384 }, { -259, SCHEME_RSA_PKCS1, TPM2_ALG_SHA512 },
        { -37, SCHEME_RSA_PSS, TPM2_ALG_SHA256 }, { -38, SCHEME_RSA_PSS, TPM2_ALG_SHA384 }, { -39, SCHEME_RSA_PSS, TPM2_ALG_SHA512 },
};

static const char *const object_names[] = { "fmt", "attStmt", "authData" };
enum { FMT, ATT_STMT, AUTH_DATA };
static const char *const statement_names[] = { "alg", "sig", "ver", "x5c", "pubArea", "certInfo" };
enum { ALG, SIG, VER, X5C, PUB_AREA, CERT_INFO };
#define ALL_OF(names) ((1u << ARRAY_LEN(names)) - 1)

static int find_alg(int64_t cose, struct signer_key *ret)
{
        for (size_t i = 0; i < ARRAY_LEN(algs); i++)
                if (algs[i].cose == cose) {
                        ret->scheme = algs[i].scheme;
                        ret->hash = hash_by_tpm(algs[i].hash);
                        return 0;
                }
        return err(ERR_NOTSUP, "an attestation statement signed with the COSE algorithm %lld, which we do not take", (long long)cose);
}

int webauthn_alg(struct bytes ak_public, int64_t *ret)
{
        CLEANUP(public_clear) struct public ak = { 0 };
        int r = public_decode(ak_public, &ak);

        if (r == 0)
                r = public_check_ak(&ak);
        if (r != 0)
                return r;
        for (size_t i = 0; i < ARRAY_LEN(algs); i++)
                if (algs[i].scheme == ak.scheme && algs[i].hash == ak.hash->tpm) {
                        *ret = algs[i].cose;
                        return 0;
                }
        return err(ERR_NOTSUP, "an attestation key whose algorithm has no name in COSE");
}

int webauthn_extra(int64_t alg, struct bytes to_be_signed, struct buf *ret)
{
        struct signer_key by = { 0 };
        uint8_t digest[HASH_MAX];
        int r = find_alg(alg, &by);

        if (r == 0)
                r = crypto_hash(by.hash, &to_be_signed, 1, digest);
        return r != 0 ? r : buf_set(ret, BYTES(digest, by.hash->size));
}

static int put_name(struct buf *b, const char *name)
{
        return cbor_put_text(b, BYTES_STR(name));
}

static int put_member(struct buf *b, const struct webauthn_statement *s, size_t which)
{
        int r = put_name(b, statement_names[which]);

        if (r != 0)
                return r;
        switch (which) {
        case ALG:
                return cbor_put_int(b, s->alg);
        case SIG:
                return cbor_put_bytes(b, s->sig);
        case VER:
                return put_name(b, "2.0");
        case PUB_AREA:
                return cbor_put_bytes(b, s->pub_area);
        case CERT_INFO:
                return cbor_put_bytes(b, s->cert_info);
        default:
                r = cbor_put_array(b, s->n_certificates);
                for (size_t i = 0; r == 0 && i < s->n_certificates; i++)
                        r = cbor_put_bytes(b, s->certificates[i]);
                return r;
        }
}

/* The names stand in the order that CTAP2's canonical form has: shorter ones first. */
int webauthn_encode(const struct webauthn_statement *s, struct bytes auth_data, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        int r;

        if (s->n_certificates == 0 || s->n_certificates > EVIDENCE_CERTIFICATES)
                return err(ERR_INVAL, "an attestation statement with %zu certificates", s->n_certificates);
        r = cbor_put_map(&b, auth_data.len > 0 ? 3 : 2);
        if (r == 0)
                r = put_name(&b, object_names[FMT]);
        if (r == 0)
                r = put_name(&b, "tpm");
        if (r == 0)
                r = put_name(&b, object_names[ATT_STMT]);
        if (r == 0)
                r = cbor_put_map(&b, ARRAY_LEN(statement_names));
        for (size_t i = 0; r == 0 && i < ARRAY_LEN(statement_names); i++)
                r = put_member(&b, s, i);
        if (r == 0 && auth_data.len > 0)
                r = put_name(&b, object_names[AUTH_DATA]);
        if (r == 0 && auth_data.len > 0)
                r = cbor_put_bytes(&b, auth_data);
        if (r == 0)
                buf_take(&b, ret);
        return r;
}

static int get_certificates(struct cbor *c, struct webauthn_statement *s)
{
        size_t n = 0;
        int r = cbor_get_array(c, &n);

        if (r == 0 && (n == 0 || n > EVIDENCE_CERTIFICATES))
                r = err(ERR_FORMAT, "an attestation statement with %zu certificates", n);
        for (size_t i = 0; r == 0 && i < n; i++)
                r = textmap_octets(c, EVIDENCE_CERTIFICATE_MAX, &s->certificates[i]);
        if (r == 0)
                s->n_certificates = n;
        return r;
}

static int get_member(struct cbor *c, size_t which, void *ctx)
{
        struct webauthn_statement *s = ctx;

        switch (which) {
        case ALG:
                return cbor_get_int(c, &s->alg);
        case SIG:
                return textmap_octets(c, EVIDENCE_ATTEST_MAX, &s->sig);
        case VER:
                return textmap_text(c, "2.0");
        case PUB_AREA:
                return textmap_octets(c, EVIDENCE_PUBLIC_MAX, &s->pub_area);
        case CERT_INFO:
                return textmap_octets(c, EVIDENCE_ATTEST_MAX, &s->cert_info);
        default:
                return get_certificates(c, s);
        }
}

struct object {
        struct webauthn_statement statement;
        struct bytes auth_data;
};

static int get_part(struct cbor *c, size_t which, void *ctx)
{
        struct object *o = ctx;
        unsigned seen = 0;
        int r;

        if (which == FMT)
                return textmap_text(c, "tpm");
        if (which == AUTH_DATA)
                return textmap_octets(c, WEBAUTHN_MAX, &o->auth_data);
        r = textmap_read(c, statement_names, ARRAY_LEN(statement_names), get_member, &o->statement, &seen);
        if (r == 0 && seen != ALL_OF(statement_names))
                r = err(ERR_FORMAT, "an attestation statement that lacks a part");
        return r;
}

int webauthn_decode(struct bytes in, struct webauthn_statement *ret, struct bytes *ret_auth_data)
{
        struct cbor c = { in };
        struct object o = { 0 };
        unsigned seen = 0;
        int r;

        if (in.len > WEBAUTHN_MAX)
                return err(ERR_FORMAT, "an attestation object of %zu octets", in.len);
        r = textmap_read(&c, object_names, ARRAY_LEN(object_names), get_part, &o, &seen);
        if (r != 0)
                return r;
        if ((seen | 1u << AUTH_DATA) != ALL_OF(object_names) || c.rest.len > 0)
                return err(ERR_FORMAT, "an attestation object that lacks a part, or has something behind it");
        *ret = o.statement;
        *ret_auth_data = o.auth_data;
        return 0;
}

/* 8.3.1: what the attestation key's certificate must be. */
static int check_certificate(const struct webauthn_statement *s, const struct webauthn_policy *policy, struct signer_key *by, struct ek_facts *facts)
{
        static const uint8_t nobody[] = { 0x30, 0x00 };
        const struct trust t = { .roots = policy->roots, .n_roots = policy->n_roots, .time = policy->time, .purpose = TRUST_AK };
        struct x509_parts parts;
        size_t root;
        int r;

        r = x509_parts(s->certificates[0], &parts);
        if (r == 0)
                r = trust_check(&t, s->certificates, s->n_certificates, parts.spki, &root);
        if (r == 0)
                r = pubkey_from_spki(parts.spki, &by->key);
        if (r == 0)
                r = ek_facts(s->certificates[0], facts);
        if (r != 0)
                return r;
        if (!bytes_equal(parts.subject, BYTES(nobody, sizeof(nobody))))
                return err(ERR_DENIED, "the attestation key's certificate has a subject");
        if (facts->manufacturer[0] == 0 || facts->model[0] == 0 || facts->version[0] == 0)
                return err(ERR_DENIED, "the attestation key's certificate does not say which TPM it is");
        if ((by->key.curve != NULL) != (by->scheme == SCHEME_ECDSA))
                return err(ERR_DENIED, "the attestation key is not for the algorithm that is named");
        return 0;
}

static void signer_key_clear(struct signer_key *k)
{
        pubkey_clear(&k->key);
}

int webauthn_verify(const struct webauthn_statement *s, const struct webauthn_policy *policy, struct buf *ret_spki, struct ek_facts *ret_facts)
{
        CLEANUP(signer_key_clear) struct signer_key by = { 0 };
        CLEANUP(public_clear) struct public key = { 0 };
        CLEANUP(buf_clear) struct buf extra = { 0 };
        struct ek_facts facts;
        int r;

        if (s->n_certificates == 0)
                return err(ERR_FORMAT, "an attestation statement without certificate");
        r = find_alg(s->alg, &by);
        if (r == 0)
                r = check_certificate(s, policy, &by, &facts);
        if (r == 0)
                r = certified_signature(&by, s->cert_info, s->sig);
        if (r == 0)
                r = webauthn_extra(s->alg, policy->to_be_signed, &extra);
        if (r == 0)
                r = certified_statement(s->cert_info, BYTES_OF(&extra), s->pub_area, policy->any_key, &key);
        if (r == 0)
                r = pubkey_to_spki(&key.key, ret_spki);
        if (r == 0)
                *ret_facts = facts;
        return r;
}
