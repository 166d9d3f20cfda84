/* SPDX-License-Identifier: BSD-2-Clause */
/* What would the TPM of such a host say, and what does the issuer know of it? */
#include "tests/bench/renew_host.h"
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "attest/evidence.h"
#include "attest/public.h"
#include "lib/crypto.h"
#include "lib/err.h"
#include "lib/tpms.h"

#define COORDINATE 32
#define POINT (1 + 2 * COORDINATE)

static void must(int r)
{
        if (r == 0)
                return;
        fprintf(stderr, "renew_host: %s\n", err_text());
        exit(1);
}

EVP_PKEY *renew_key(void)
{
        EVP_PKEY *k = EVP_EC_gen("P-256");

        if (k == NULL)
                abort();
        return k;
}

static const struct hash *sha256(void)
{
        return hash_by_name("SHA256");
}

/* Some object's. */
static struct db_name name_of(const char *what, const char *host)
{
        struct db_name n = { .v = { 0x00, 0x0b }, .len = 2 + COORDINATE };

        must(crypto_hash(sha256(), (const struct bytes[]){ BYTES_STR(what), BYTES_STR(host) }, 2, n.v + 2));
        return n;
}

/* A template with the point of a key. */
static void put_public(TPM2B_PUBLIC *t, EVP_PKEY *key, struct buf *ret_public, struct buf *ret_name)
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        TPMS_ECC_POINT *at = &t->publicArea.unique.ecc;
        uint8_t point[POINT];
        size_t n = 0;

        if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point, sizeof(point), &n) != 1 || n != POINT)
                abort();
        at->x.size = at->y.size = COORDINATE;
        memcpy(at->x.buffer, point + 1, COORDINATE);
        memcpy(at->y.buffer, point + 1 + COORDINATE, COORDINATE);
        must(tpmt_public_encode(t, &b));
        must(buf_set(ret_public, BYTES(b.ptr + 2, b.len - 2)));
        must(tpmt_name(t, ret_name));
}

static void make_ak(struct renew_host *h)
{
        TPM2B_PUBLIC t;
        TPMS_ECC_PARMS *e = &t.publicArea.parameters.eccDetail;

        must(tpmt_template_key(key_kind_by_name("P-256"), ALG_SIGN, false, &t));
        t.publicArea.objectAttributes |= TPMA_OBJECT_RESTRICTED;
        e->scheme.scheme = TPM2_ALG_ECDSA;
        e->scheme.details.ecdsa.hashAlg = TPM2_ALG_SHA256;
        h->ak = renew_key();
        put_public(&t, h->ak, &h->ak_public, &h->ak_name);
        must(qualified_primary(TPM2_RH_ENDORSEMENT, BYTES_OF(&h->ak_name), &h->signer));
}

static void make_agent(struct renew_host *h, size_t n)
{
        const struct db_name srk = name_of("srk", h->name);
        CLEANUP(buf_clear) struct buf name = { 0 }, parent = { 0 }, qualified = { 0 };
        EVP_PKEY *key = renew_key();
        TPM2B_PUBLIC t;

        snprintf(h->agents[n].name, sizeof(h->agents[n].name), "agent-%zu", n);
        must(tpmt_template_key(key_kind_by_name("P-256"), ALG_SIGN, false, &t));
        put_public(&t, key, &h->agents[n].public, &name);
        must(qualified_primary(TPM2_RH_OWNER, BYTES(srk.v, srk.len), &parent));
        must(qualified_name(BYTES_OF(&parent), BYTES_OF(&name), &qualified));
        must(tpms_put_2b(&h->agents[n].certified, BYTES_OF(&name)));
        must(tpms_put_2b(&h->agents[n].certified, BYTES_OF(&qualified)));
        EVP_PKEY_free(key);
}

static void make_quoted(struct renew_host *h)
{
        const uint8_t select[] = { RENEW_PCRS, 0, 0 };
        const struct bytes values = BYTES(h->values, sizeof(h->values));
        uint8_t digest[COORDINATE];

        must(crypto_hash(sha256(), &values, 1, digest));
        must(tpms_put_number(&h->quoted, 1, 4));
        must(tpms_put_number(&h->quoted, TPM2_ALG_SHA256, 2));
        must(tpms_put_number(&h->quoted, sizeof(select), 1));
        must(buf_append(&h->quoted, select, sizeof(select)));
        must(tpms_put_2b(&h->quoted, BYTES(digest, sizeof(digest))));
}

void renew_host_make(struct renew_host *h, unsigned n, size_t agents)
{
        *h = (struct renew_host){ .agents = calloc(agents, sizeof(*h->agents)), .n_agents = agents };
        if (h->agents == NULL)
                abort();
        snprintf(h->name, sizeof(h->name), "host-%u.example.org", n);
        memset(h->values, (int)n, sizeof(h->values));
        make_ak(h);
        for (size_t i = 0; i < h->n_agents; i++)
                make_agent(h, i);
        make_quoted(h);
}

void renew_host_clear(struct renew_host *h)
{
        EVP_PKEY_free(h->ak);
        buf_clear(&h->ak_public);
        buf_clear(&h->ak_name);
        buf_clear(&h->signer);
        buf_clear(&h->quoted);
        for (size_t i = 0; i < h->n_agents; i++) {
                buf_clear(&h->agents[i].public);
                buf_clear(&h->agents[i].certified);
        }
        free(h->agents);
}

void renew_host_join(const struct renew_host *h, struct db *db)
{
        const uint64_t now = (uint64_t)time(NULL);
        struct db_host row = {
                .state = DB_ACTIVE, .assurance = HF_ASSURANCE_PINNED, .ek_name = name_of("ek", h->name), .srk_name = name_of("srk", h->name),
                .ak_name.len = h->ak_name.len, .manufacturer = "IBM", .vendor = "SW", .revision = "1.59", .audit = "command", .joined = now,
                .ak_until = now + 86400,
        };

        memcpy(row.ek_hash, row.ek_name.v + 2, sizeof(row.ek_hash));
        memcpy(row.ak_name.v, h->ak_name.ptr, h->ak_name.len);
        must(DB_TEXT(row.name, BYTES_STR(h->name)));
        must(db_host_join(db, &row, NULL, NULL));
}

/* TPMS_ATTEST and TPMT_SIGNATURE. */
struct said {
        struct buf attest, signature;
};

static void said_clear(struct said *s)
{
        buf_clear(&s->attest);
        buf_clear(&s->signature);
}

static void say(const struct renew_host *h, uint16_t type, const struct buf *attested, const uint8_t *binding, struct said *ret)
{
        struct timespec t;
        struct tpms_attest a = {
                .magic = TPM2_GENERATED_VALUE, .type = type, .signer = BYTES_OF(&h->signer), .extra = BYTES(binding, EVIDENCE_BINDING),
                .resets = 1, .safe = true, .firmware = 0x20240101,
        };
        CLEANUP(buf_clear) struct buf rs = { 0 };
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        uint8_t der[128];
        size_t n = sizeof(der);

        clock_gettime(CLOCK_MONOTONIC, &t);
        a.clock_ms = (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
        must(tpms_put_attest(&ret->attest, &a));
        must(buf_append(&ret->attest, attested->ptr, attested->len));
        if (EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, h->ak) != 1 || EVP_DigestSign(ctx, der, &n, ret->attest.ptr, ret->attest.len) != 1)
                abort();
        EVP_MD_CTX_free(ctx);
        must(ecdsa_sig_from_der(BYTES(der, n), COORDINATE, &rs));
        must(tpms_put_number(&ret->signature, TPM2_ALG_ECDSA, 2));
        must(tpms_put_number(&ret->signature, TPM2_ALG_SHA256, 2));
        must(tpms_put_2b(&ret->signature, BYTES(rs.ptr, COORDINATE)));
        must(tpms_put_2b(&ret->signature, BYTES(rs.ptr + COORDINATE, COORDINATE)));
}

void renew_host_evidence(const struct renew_host *h, size_t agent, struct bytes challenge, struct buf *ret)
{
        struct evidence e = {
                .ak_public = BYTES_OF(&h->ak_public),
                .key = { .present = true, .public = BYTES_OF(&h->agents[agent].public), .agent = BYTES_STR(h->agents[agent].name),
                         .owner = BYTES_STR("dana@example.org") },
                .host = { .present = true, .pcr_hash = TPM2_ALG_SHA256, .pcrs = RENEW_PCRS, .values = BYTES(h->values, sizeof(h->values)) },
        };
        CLEANUP(said_clear) struct said certify = { 0 }, quote = { 0 };
        uint8_t binding[EVIDENCE_BINDING];

        must(evidence_binding(&e, challenge, binding));
        say(h, TPM2_ST_ATTEST_CERTIFY, &h->agents[agent].certified, binding, &certify);
        say(h, TPM2_ST_ATTEST_QUOTE, &h->quoted, binding, &quote);
        e.key.certify = (struct evidence_statement){ BYTES_OF(&certify.attest), BYTES_OF(&certify.signature) };
        e.host.quote = (struct evidence_statement){ BYTES_OF(&quote.attest), BYTES_OF(&quote.signature) };
        must(evidence_encode(&e, ret));
}
