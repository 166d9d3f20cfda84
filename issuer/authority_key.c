/* SPDX-License-Identifier: BSD-2-Clause */
/* How does the issuer get a key, and the certificate that says what it is for? */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "issuer/cred_ak.h"
#include "issuer/dnsname.h"
#include "issuer/keylist.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/filepath.h"
#include "lib/pem.h"

#define TEN_YEARS (UINT64_C(10) * 365 * 24 * 60 * 60)
#define LOCK_WAIT_MS 10000
/* A certificate begins before it is made: clocks differ. */
#define BEGIN_BEFORE GRANT_SKEW_MAX

/* The host in the issuer's own URL: its TLS certificate is by its own CA. Nothing for an address. */
static struct bytes host_of(const char *url)
{
        const char *at = strstr(url, "://");
        struct bytes host;

        at = at != NULL ? at + 3 : url;
        host = BYTES(at, strcspn(at, ":/"));
        return dnsname_check(host, false) == 0 ? host : BYTES("", 0);
}

/* Is name this domain, or below it? */
static bool within(struct bytes name, struct bytes domain)
{
        return name.len >= domain.len && memcmp(name.ptr + name.len - domain.len, domain.ptr, domain.len) == 0 &&
               (name.len == domain.len || name.ptr[name.len - domain.len - 1] == '.');
}

static int ca_certificate(const struct authority_options *o, const struct authority_key_wish *w, const struct ca_key *k, uint64_t now, struct buf *ret)
{
        CLEANUP(free_ptr) struct bytes *domains = calloc(o->domains.n + 1, sizeof(*domains));
        const struct bytes host = host_of(o->url);
        struct x509_ca_wish wish = {
                .common_name = BYTES_STR(o->trust_domain), .trust_domain = BYTES_STR(o->trust_domain), .any_uri = o->any_uri,
                .not_before = now - BEGIN_BEFORE, .not_after = now + (w->life > 0 ? w->life : TEN_YEARS),
        };
        char name[GRANT_COMMON_NAME_MAX + 1];
        bool known = host.len == 0;

        if (domains == NULL)
                return err(ERR_NOMEM, "out of memory");
        for (size_t i = 0; i < o->domains.n; i++) {
                domains[i] = o->domains.v[i];
                known = known || within(host, domains[i]);
        }
        if (!known)
                domains[o->domains.n] = host;
        wish.domains = (struct names){ domains, o->domains.n + !known };
        /* Two CAs of one name are told apart by their key identifiers; a person sees when each began. */
        snprintf(name, sizeof(name), "%s %.40s", w->use == AUTHORITY_AK ? "AK CA" : "CA", o->trust_domain);
        wish.common_name = BYTES_STR(name);
        return w->use == AUTHORITY_AK ? ak_ca_certificate(k, wish.common_name, wish.not_before, wish.not_after, ret) : x509_ca_certificate(k, &wish, ret);
}

static int write_pem(const char *path, struct bytes der)
{
        CLEANUP(buf_clear) struct buf pem = { 0 };
        int r = pem_encode("CERTIFICATE", BYTES("", 0), der, &pem);

        return r == 0 ? filepath_write(path, BYTES_OF(&pem), 0644, true) : r;
}

static int get_key(const struct authority_options *o, const struct authority_key_wish *w, struct keylist_entry *e, struct ca_key **ret)
{
        CLEANUP(buf_clear) struct buf path = { 0 };
        int r;

        if (w->where != NULL) {
                snprintf(e->where, sizeof(e->where), "%s", w->where);
                if (strlen(w->where) >= sizeof(e->where))
                        return err(ERR_RANGE, "where a key is takes less than %zu characters", sizeof(e->where));
                return ca_key_open(w->where, ret);
        }
        snprintf(e->where, sizeof(e->where), "%s-%u.pem", authority_use_name(w->use), e->number);
        r = keylist_path(o->dir, e, ".pem", &path);
        if (r != 0)
                return r;
        /* What is not on the list, a crash has left. */
        unlink(buf_str(&path));
        return ca_key_make(w->kind, buf_str(&path), ret);
}

/* A key that cannot do what it is for is refused here, not when it is first needed. */
static int check_use(const struct authority_key_wish *w, const struct ca_key *k)
{
        const struct ca_alg *a = ca_key_alg(k);

        if ((w->use == AUTHORITY_X509 || w->use == AUTHORITY_AK) && a->x509.len == 0)
                return err(ERR_NOTSUP, "a CA's key is not of the kind %s", a->kind);
        if (w->use == AUTHORITY_X509 && ca_key_public(k) == NULL)
                return err(ERR_NOTSUP, "a CA's key is not of the kind %s", a->kind);
        if (w->use == AUTHORITY_JWT && a->jose == NULL)
                return err(ERR_NOTSUP, "no JWT is signed by a key of the kind %s", a->kind);
        return 0;
}

static int make(const struct authority_options *o, const struct authority_key_wish *w, uint64_t now, struct keylist_entry *e)
{
        CLEANUP(ca_key_freep) struct ca_key *k = NULL;
        CLEANUP(buf_clear) struct buf cert = { 0 }, path = { 0 };
        int r = get_key(o, w, e, &k);

        if (r == 0)
                r = check_use(w, k);
        if (r != 0 || (w->use != AUTHORITY_X509 && w->use != AUTHORITY_AK))
                return r;
        r = ca_certificate(o, w, k, now, &cert);
        if (r == 0)
                r = keylist_path(o->dir, e, ".crt", &path);
        return r == 0 ? write_pem(buf_str(&path), BYTES_OF(&cert)) : r;
}

/* All certificates that have ever been a CA's here: by one of their keys each checkpoint is signed. */
static int write_log_keys(const char *dir, const struct keylist *l)
{
        CLEANUP(buf_clear) struct buf all = { 0 }, path = { 0 };
        int r = buf_printf(&path, "%s/log-keys.pem", dir);

        for (size_t i = 0; r == 0 && i < l->n; i++) {
                CLEANUP(buf_clear) struct buf der = { 0 }, pem = { 0 };

                if (l->v[i].use != AUTHORITY_X509)
                        continue;
                r = keylist_certificate(dir, &l->v[i], &der);
                if (r == 0)
                        r = pem_encode("CERTIFICATE", BYTES("", 0), BYTES_OF(&der), &pem);
                if (r == 0)
                        r = buf_append(&all, pem.ptr, pem.len);
        }
        return r == 0 ? filepath_write(buf_str(&path), BYTES_OF(&all), 0644, true) : r;
}

static int add(const struct authority_options *o, const struct authority_key_wish *w, uint64_t now)
{
        CLEANUP(keylist_clear) struct keylist l = { 0 };
        struct keylist_entry e = { .use = w->use, .number = 1, .published = now };
        int r = keylist_read(o->dir, &l);

        if (r != 0)
                return r;
        for (size_t i = 0; i < l.n; i++)
                if (l.v[i].use == w->use) {
                        e.number = l.v[i].number + 1;
                        if (l.v[i].from > now)
                                return err(ERR_EXIST, "the next key for %s is there already and waits for its time", authority_use_name(w->use));
                }
        e.from = now + (e.number > 1 ? w->overlap : 0);
        r = make(o, w, now, &e);
        if (r == 0)
                r = keylist_add(&l, &e);
        if (r == 0 && w->use == AUTHORITY_X509)
                r = write_log_keys(o->dir, &l);
        return r == 0 ? keylist_write(o->dir, &l) : r;
}

static int lock_keys(const char *dir, int *ret_lock)
{
        CLEANUP(close_fd) int fd = -1;
        CLEANUP(buf_clear) struct buf path = { 0 };
        int r = buf_printf(&path, "%s/keys", dir);

        if (r == 0)
                r = dir_make(buf_str(&path), 0700);
        if (r == 0)
                r = dir_open(AT_FDCWD, buf_str(&path), &fd);
        return r == 0 ? file_lock(fd, "lock", true, LOCK_WAIT_MS, ret_lock) : r;
}

int authority_add_key(const struct authority_options *o, const struct authority_key_wish *w, uint64_t now)
{
        CLEANUP(file_unlock) int lock = -1;
        int r = lock_keys(o->dir, &lock);

        return r == 0 ? add(o, w, now) : r;
}

int authority_log_keys(const struct authority_options *o)
{
        CLEANUP(keylist_clear) struct keylist l = { 0 };
        CLEANUP(file_unlock) int lock = -1;
        int r = lock_keys(o->dir, &lock);

        if (r == 0)
                r = keylist_read(o->dir, &l);
        return r == 0 ? write_log_keys(o->dir, &l) : r;
}

bool authority_has(const struct authority_options *o, enum authority_use use)
{
        CLEANUP(keylist_clear) struct keylist l = { 0 };

        return keylist_read(o->dir, &l) == 0 && keylist_current(&l, use, UINT64_MAX) != NULL;
}

int authority_keys(const struct authority_options *o, int (*fn)(void *ctx, const struct authority_key *k), void *ctx)
{
        CLEANUP(keylist_clear) struct keylist l = { 0 };
        uint64_t longest = o->longest_life > GRANT_LIFE_MAX ? o->longest_life : GRANT_LIFE_MAX;
        int r = keylist_read(o->dir, &l);

        for (size_t i = 0; r == 0 && i < l.n; i++) {
                const struct keylist_entry *e = &l.v[i];
                struct authority_key k = {
                        .use = e->use, .number = e->number, .where = e->where, .published = e->published, .from = e->from,
                        .until = keylist_until(&l, e),
                };

                if (k.until != 0)
                        k.ends = keylist_ends(&l, e, longest);
                r = fn(ctx, &k);
        }
        return r;
}
