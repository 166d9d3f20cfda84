/* SPDX-License-Identifier: BSD-2-Clause */
/* What does the issuer tell the world, under which path, and how long may it be kept? */
#include "issuer/publish.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "issuer/bundle.h"
#include "issuer/krl.h"
#include "lib/crypto.h"
#include "lib/err.h"
#include "lib/pem.h"

/* How long others may keep keys, and lists of what is taken back: such a list is to be known everywhere within ten seconds. */
#define KEYS_MAX_AGE 300
#define LIST_MAX_AGE 5
/* A list that begins in the future is none: a verifier whose clock is late would refuse everybody. */
#define LIST_BEGINS_BEFORE 60
#define ETAG_OCTETS 16

/* --- Which keys --- */

static size_t of_use(const struct publish *p, enum authority_use use, const struct opened *ret[KEYLIST_MAX])
{
        size_t n = 0;

        for (size_t i = 0; i < p->n_keys; i++)
                if (p->keys[i]->e.use == use)
                        ret[n++] = p->keys[i];
        return n;
}

int publish_chain(const struct x509_ca *ca, struct buf *ret)
{
        return pem_encode("CERTIFICATE", BYTES("", 0), x509_ca_cert(ca), ret);
}

static int write_certificates(const struct publish *p, enum authority_use use, struct buf *ret)
{
        const struct opened *k[KEYLIST_MAX];
        size_t n = of_use(p, use, k);
        int r = 0;

        for (size_t i = 0; r == 0 && i < n; i++) {
                CLEANUP(buf_clear) struct buf pem = { 0 };

                r = publish_chain(k[i]->ca, &pem);
                if (r == 0)
                        r = buf_append(ret, pem.ptr, pem.len);
        }
        return r;
}

static int write_ca(const struct publish *p, struct buf *ret)
{
        return write_certificates(p, AUTHORITY_X509, ret);
}

static int write_ak_ca(const struct publish *p, struct buf *ret)
{
        return write_certificates(p, AUTHORITY_AK, ret);
}

static int bundle_of(const struct publish *p, int (*write)(const struct bundle *, struct buf *), struct buf *ret)
{
        const struct opened *k[KEYLIST_MAX];
        const struct x509_ca *x509[KEYLIST_MAX];
        const struct ca_key *jwt[KEYLIST_MAX];
        struct bundle b = { .x509 = x509, .jwt = jwt, .sequence = p->sequence, .refresh_hint = KEYS_MAX_AGE };

        b.n_x509 = of_use(p, AUTHORITY_X509, k);
        for (size_t i = 0; i < b.n_x509; i++)
                x509[i] = k[i]->ca;
        b.n_jwt = of_use(p, AUTHORITY_JWT, k);
        for (size_t i = 0; i < b.n_jwt; i++)
                jwt[i] = k[i]->key;
        return write(&b, ret);
}

static int write_jwks(const struct publish *p, struct buf *ret)
{
        return bundle_of(p, jwks_write, ret);
}

static int write_bundle(const struct publish *p, struct buf *ret)
{
        return bundle_of(p, spiffe_bundle_write, ret);
}

/* OpenID Connect Discovery 1.0, 3, as far as it speaks of who only verifies. Each algorithm once. */
static int write_discovery(const struct publish *p, struct buf *ret)
{
        const struct opened *k[KEYLIST_MAX];
        size_t n = of_use(p, AUTHORITY_JWT, k), told = 0;
        int r;

        r = buf_printf(ret, "{\"issuer\":\"%s\",\"jwks_uri\":\"%s/jwks.json\",\"response_types_supported\":[\"id_token\"],"
                            "\"subject_types_supported\":[\"public\"],\"id_token_signing_alg_values_supported\":[", p->o->url, p->o->url);
        for (size_t i = 0; r == 0 && i < n; i++) {
                const char *alg = ca_key_alg(k[i]->key)->jose;
                bool before = false;

                for (size_t j = 0; j < i; j++)
                        before = before || strcmp(alg, ca_key_alg(k[j]->key)->jose) == 0;
                if (!before)
                        r = buf_printf(ret, "%s\"%s\"", told++ > 0 ? "," : "", alg);
        }
        return r == 0 ? buf_append_str(ret, "]}") : r;
}

/* --- SSH --- */

static int write_user_cas(const struct publish *p, struct buf *ret)
{
        const struct opened *k[KEYLIST_MAX];
        size_t n = of_use(p, AUTHORITY_SSH, k);
        int r = 0;

        for (size_t i = 0; r == 0 && i < n; i++) {
                CLEANUP(buf_clear) struct buf line = { 0 };

                r = ca_key_ssh_line(k[i]->key, p->o->trust_domain, &line);
                if (r == 0)
                        r = buf_append(ret, line.ptr, line.len);
        }
        return r;
}

static int write_known_hosts(const struct publish *p, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf hosts = { 0 };
        const struct opened *k[KEYLIST_MAX];
        size_t n = p->o->domains.n > 0 ? of_use(p, AUTHORITY_SSH, k) : 0;
        int r = 0;

        for (size_t i = 0; r == 0 && i < p->o->domains.n; i++) {
                struct bytes d = p->o->domains.v[i];

                r = buf_printf(&hosts, "%s*.%.*s,%.*s", i > 0 ? "," : "", (int)d.len, (const char *)d.ptr, (int)d.len, (const char *)d.ptr);
        }
        for (size_t i = 0; r == 0 && i < n; i++) {
                CLEANUP(buf_clear) struct buf line = { 0 };

                r = ca_key_known_hosts(k[i]->key, buf_str(&hosts), p->o->trust_domain, &line);
                if (r == 0)
                        r = buf_append(ret, line.ptr, line.len);
        }
        return r;
}

static int write_krl(const struct publish *p, struct buf *ret)
{
        const struct opened *k[KEYLIST_MAX];
        const struct ca_key *cas[KEYLIST_MAX];
        struct krl list = { .serials = p->revoked.ssh, .n_serials = p->revoked.n_ssh, .version = p->number, .now = p->now };
        size_t n = of_use(p, AUTHORITY_SSH, k);

        for (size_t i = 0; i < n; i++)
                cas[i] = k[i]->key;
        return krl_write(cas, n, &list, ret);
}

/* --- Certificates that are taken back --- */

static int crl_of(const struct publish *p, const struct opened *k, struct buf *ret)
{
        const struct crl list = {
                .entries = p->revoked.x509, .n = p->revoked.n_x509, .number = p->number,
                .this_update = p->now - (p->now < LIST_BEGINS_BEFORE ? p->now : LIST_BEGINS_BEFORE), .next_update = p->now + p->o->crl_life,
        };

        return crl_write(k->ca, &list, ret);
}

/* Of the CA that signs now. */
static int write_crl(const struct publish *p, struct buf *ret)
{
        const struct opened *k[KEYLIST_MAX];

        return of_use(p, AUTHORITY_X509, k) > 0 ? crl_of(p, k[0], ret) : err(ERR_NOENT, "no CA's key signs now");
}

static const struct {
        const char *path, *type;
        unsigned max_age;
        int (*write)(const struct publish *p, struct buf *ret);
} table[] = {
        { "/ca.pem", "application/pem-certificate-chain", KEYS_MAX_AGE, write_ca },
        { "/ak-ca.pem", "application/pem-certificate-chain", KEYS_MAX_AGE, write_ak_ca },
        { "/ca.crl", "application/pkix-crl", LIST_MAX_AGE, write_crl },
        { "/ssh/user-ca.pub", "text/plain; charset=utf-8", KEYS_MAX_AGE, write_user_cas },
        { "/ssh/known_hosts", "text/plain; charset=utf-8", KEYS_MAX_AGE, write_known_hosts },
        { "/ssh/krl", "application/octet-stream", LIST_MAX_AGE, write_krl },
        { "/jwks.json", "application/jwk-set+json", KEYS_MAX_AGE, write_jwks },
        { "/spiffe-bundle.json", "application/json", KEYS_MAX_AGE, write_bundle },
        { "/.well-known/openid-configuration", "application/json", KEYS_MAX_AGE, write_discovery },
};

static int seal(struct authority_resource *r)
{
        CLEANUP(buf_clear) struct buf hex = { 0 };
        uint8_t digest[32];
        int e = crypto_hash(hash_by_name("SHA256"), &BYTES_OF(&r->body), 1, digest);

        if (e == 0)
                e = hex_encode(BYTES(digest, ETAG_OCTETS), &hex);
        if (e == 0)
                snprintf(r->etag, sizeof(r->etag), "%.*s", (int)hex.len, (const char *)hex.ptr);
        return e;
}

static int put_crl(const struct publish *p, const struct opened *k, struct authority_resource *r)
{
        snprintf(r->path, sizeof(r->path), "/crl/%s.crl", k->id);
        r->route = "/crl/*";
        r->type = "application/pkix-crl";
        r->max_age = LIST_MAX_AGE;
        return crl_of(p, k, &r->body);
}

void publish_free(struct authority_resource *r, size_t n)
{
        for (size_t i = 0; r != NULL && i < n; i++)
                buf_clear(&r[i].body);
        free(r);
}

int publish_all(const struct publish *p, struct authority_resource **ret, size_t *ret_n)
{
        const struct opened *ca[KEYLIST_MAX];
        size_t n_ca = of_use(p, AUTHORITY_X509, ca), n = ARRAY_LEN(table) + n_ca;
        struct authority_resource *list = calloc(n, sizeof(*list));
        int r = 0;

        if (list == NULL)
                return err(ERR_NOMEM, "out of memory");
        for (size_t i = 0; r == 0 && i < n; i++) {
                if (i < ARRAY_LEN(table)) {
                        snprintf(list[i].path, sizeof(list[i].path), "%s", table[i].path);
                        list[i].route = table[i].path;
                        list[i].type = table[i].type;
                        list[i].max_age = table[i].max_age;
                        r = table[i].write(p, &list[i].body);
                } else {
                        r = put_crl(p, ca[i - ARRAY_LEN(table)], &list[i]);
                }
                if (r == 0)
                        r = seal(&list[i]);
        }
        if (r != 0) {
                publish_free(list, n);
                return r;
        }
        *ret = list;
        *ret_n = n;
        return 0;
}
