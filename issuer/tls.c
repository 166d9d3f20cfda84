/* SPDX-License-Identifier: BSD-2-Clause */
/* With which key and certificate does the issuer answer, and when is another due? */
#include "issuer/tls.h"
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "issuer/dnsname.h"
#include "lib/err.h"
#include "lib/file.h"

#define CHAIN_MAX 65536
#define CERTIFICATES_MAX 16
#define LIFE GRANT_LIFE_MAX
#define NAME "holdfast-issuer"

struct tls {
        struct tls_options o;
        struct authority *authority;
        struct ledger *ledger;
        struct bytes host;
        struct ca_key *key;
        struct ca_key **before;         /* the server may still be in their library contexts */
        size_t n_before;
        struct http_identity identity;
        struct stat was;                /* the certificate's file */
        uint64_t issued, renew_at, not_after; /* of the certificate by the own CA */
};

static void chain_free(STACK_OF(X509) *chain)
{
        sk_X509_pop_free(chain, X509_free);
}

/* --- The operator's --- */

static int read_chain(const struct tls *t, STACK_OF(X509) **ret)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        STACK_OF(X509) *chain = sk_X509_new_null();
        int r = file_read(AT_FDCWD, t->o.certificate, CHAIN_MAX, &text);
        BIO *bio = r == 0 ? BIO_new_mem_buf(text.ptr, (int)text.len) : NULL;
        X509 *cert;

        while (bio != NULL && chain != NULL && sk_X509_num(chain) < CERTIFICATES_MAX && (cert = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL)
                sk_X509_push(chain, cert);
        BIO_free(bio);
        ERR_clear_error();
        if (r == 0 && (chain == NULL || sk_X509_num(chain) == 0))
                r = err(ERR_FORMAT, "%s: there is no PEM certificate", t->o.certificate);
        if (r == 0 && X509_check_private_key(sk_X509_value(chain, 0), ca_key_pkey(t->key)) != 1)
                r = err(ERR_FORMAT, "%s: the first certificate is not of the key %s", t->o.certificate, t->o.key);
        ERR_clear_error();
        if (r == 0)
                *ret = chain;
        else
                chain_free(chain);
        return r;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
        return a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static int retire(struct tls *t, struct ca_key *k)
{
        struct ca_key **more;

        if (k == NULL)
                return 0;
        more = reallocarray(t->before, t->n_before + 1, sizeof(struct ca_key *));
        if (more == NULL)
                return err(ERR_NOMEM, "out of memory");
        t->before = more;
        t->before[t->n_before++] = k;
        return 0;
}

/* Both files are replaced one behind the other: until they fit together, what was goes on. */
static int read_theirs(struct tls *t, bool now, STACK_OF(X509) **ret)
{
        struct ca_key *key = NULL, *old = t->key;
        struct stat st;
        int r;

        if (stat(t->o.certificate, &st) != 0)
                return err_errno("%s", t->o.certificate);
        if (!now && t->key != NULL && same_file(&st, &t->was))
                return 0;
        r = ca_key_open(t->o.key, &key);
        if (r != 0)
                return r;
        t->key = key;
        r = read_chain(t, ret);
        if (r == 0)
                r = retire(t, old);
        if (r != 0) {
                chain_free(*ret);
                *ret = NULL;
                t->key = old;
                ca_key_free(key);
                return r;
        }
        t->was = st;
        return 0;
}

/* --- By the own CA --- */

static int tell_issue(const struct tls *t, uint64_t *ret_record)
{
        struct audit_record rec = {
                .event = AUDIT_ISSUE, .agent = BYTES_STR(NAME), .owner = BYTES_STR(t->o.trust_domain), .operation = BYTES_STR("x509"),
                .reason = BYTES_STR("the issuer's own TLS certificate"),
        };

        return ledger_append(t->ledger, &rec, ret_record);
}

static int issue(struct tls *t, uint64_t now, struct buf *ret)
{
        CLEANUP(authority_releasep) const struct authority_view *v = authority_hold(t->authority);
        CLEANUP(granted_clear) struct granted granted = { 0 };
        CLEANUP(buf_clear) struct buf id = { 0 };
        struct grant g = {
                .agent = BYTES_STR(NAME), .owner = BYTES_STR(t->o.trust_domain), .spki = ca_key_spki(t->key), .issued = now,
                .not_before = now - GRANT_SKEW_MAX, .not_after = now + LIFE - GRANT_SKEW_MAX, .dns = { &t->host, 1 },
        };
        int r;

        if (g.not_after > x509_ca_not_after(v->x509))
                g.not_after = x509_ca_not_after(v->x509);
        r = buf_printf(&id, "spiffe://%s/" NAME, t->o.trust_domain);
        g.spiffe_id = BYTES_OF(&id);
        if (r == 0)
                r = grant_serial(g.serial);
        if (r == 0)
                r = tell_issue(t, &g.record);
        if (r == 0)
                r = grant_check(&g, BYTES_STR(t->o.trust_domain), &granted);
        if (r == 0)
                r = cred_x509(v->x509, &granted, ret);
        if (r != 0)
                return r;
        t->issued = now;
        t->not_after = g.not_after;
        t->renew_at = now + (g.not_after - now) / 2;
        return 0;
}

static int make_key(struct tls *t)
{
        if (strncmp(t->o.key, "pkcs11:", 7) != 0 && access(t->o.key, F_OK) != 0 && errno == ENOENT)
                return ca_key_make("P-256", t->o.key, &t->key);
        return ca_key_open(t->o.key, &t->key);
}

static int make_ours(struct tls *t, bool now, STACK_OF(X509) **ret)
{
        CLEANUP(buf_clear) struct buf der = { 0 };
        uint64_t time_now = t->o.now != NULL ? t->o.now() : (uint64_t)time(NULL);
        const uint8_t *p;
        X509 *cert;
        int r;

        /* One that was made while the clock was ahead begins in times to come. */
        if (!now && time_now < t->renew_at && time_now + GRANT_SKEW_MAX >= t->issued)
                return 0;
        r = t->key == NULL ? make_key(t) : 0;
        if (r == 0)
                r = issue(t, time_now, &der);
        if (r != 0)
                return r;
        p = der.ptr;
        cert = d2i_X509(NULL, &p, (long)der.len);
        *ret = sk_X509_new_null();
        if (cert == NULL || *ret == NULL || sk_X509_push(*ret, cert) <= 0) {
                X509_free(cert);
                chain_free(*ret);
                *ret = NULL;
                return err(ERR_NOMEM, "out of memory");
        }
        return 0;
}

/* --- What is shown --- */

const struct http_identity *tls_identity(const struct tls *t)
{
        return &t->identity;
}

OSSL_LIB_CTX *tls_libctx(const struct tls *t)
{
        return ca_key_libctx(t->key);
}

uint64_t tls_not_after(const struct tls *t)
{
        return t->not_after;
}

int tls_tick(struct tls *t, bool now, bool *ret_new)
{
        STACK_OF(X509) *chain = NULL;
        int r = t->o.certificate != NULL ? read_theirs(t, now, &chain) : make_ours(t, now, &chain);

        *ret_new = r == 0 && chain != NULL;
        if (!*ret_new)
                return r;
        chain_free(t->identity.chain);
        t->identity = (struct http_identity){ .key = ca_key_pkey(t->key), .chain = chain };
        return 0;
}

int tls_open(const struct tls_options *o, struct authority *a, struct ledger *l, struct tls **ret)
{
        const char *at = strstr(o->url, "://");
        struct tls *t = calloc(1, sizeof(*t));
        bool fresh;
        int r = 0;

        if (t == NULL)
                return err(ERR_NOMEM, "out of memory");
        t->o = *o;
        t->authority = a;
        t->ledger = l;
        at = at != NULL ? at + 3 : o->url;
        t->host = BYTES(at, strcspn(at, ":/"));
        if (o->certificate == NULL && dnsname_check(t->host, false) != 0)
                r = err(ERR_INVAL, "the own CA certifies names, not the address in %s: a name there, or tls-certificate and tls-key", o->url);
        if (r == 0)
                r = tls_tick(t, true, &fresh);
        if (r == 0)
                *ret = t;
        else
                tls_close(t);
        return r;
}

void tls_close(struct tls *t)
{
        if (t == NULL)
                return;
        chain_free(t->identity.chain);
        ca_key_free(t->key);
        for (size_t i = 0; i < t->n_before; i++)
                ca_key_free(t->before[i]);
        free(t->before);
        free(t);
}
