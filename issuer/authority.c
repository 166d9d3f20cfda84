/* SPDX-License-Identifier: BSD-2-Clause */
/* What stands now: which keys sign, and what is published? Made anew when a key's time comes, when the list of keys or the database changed, and
 * before the revocation lists grow old. */
#include "issuer/authority.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include "issuer/db.h"
#include "issuer/publish.h"
#include "lib/crypto.h"
#include "lib/err.h"

#define CRL_LIFE 3600
/* RFC 5280 3.3: what was revoked stays until it has been on a list made behind its end. The next one is made within half a list's life; and clocks that are
 * late have not seen that end yet. */
#define KEPT_LATE GRANT_SKEW_MAX

struct view {
        struct authority_view v;
        _Atomic unsigned holders;
        struct authority_resource *list;
        size_t n;
        struct buf chain, ak_chain;
};

struct authority {
        struct authority_options o;
        struct db *db;

        pthread_mutex_t building;       /* what follows, up to now */
        struct opened **keys;           /* never closed before the end: views point to them */
        size_t n_keys;
        struct keylist list;
        struct stat list_was;
        uint64_t built, next;           /* when the view was made; and when a key's time comes or the lists grow old */
        uint64_t number;                /* of the newest revocation lists */

        pthread_mutex_t holding;
        struct view *now;
};

static uint64_t clock_of(const struct authority *a)
{
        return a->o.now != NULL ? a->o.now() : (uint64_t)time(NULL);
}

/* --- Keys --- */

static void opened_free(struct opened *k)
{
        if (k == NULL)
                return;
        x509_ca_free(k->ca);
        jwt_issuer_free(k->jwt);
        ca_key_free(k->key);
        free(k);
}

static int name_key(struct opened *k)
{
        CLEANUP(buf_clear) struct buf hex = { 0 };
        const struct bytes spki = ca_key_spki(k->key);
        uint8_t digest[32];
        int r = crypto_hash(hash_by_name("SHA256"), &spki, 1, digest);

        if (r == 0)
                r = hex_encode(BYTES(digest, sizeof(digest) / 2), &hex);
        if (r == 0)
                memcpy(k->id, hex.ptr, hex.len);
        return r;
}

static int open_ca(const struct authority *a, struct opened *k)
{
        CLEANUP(buf_clear) struct buf cert = { 0 }, url = { 0 };
        int r = keylist_certificate(a->o.dir, &k->e, &cert);

        /* Certificates of attestation keys end before a list of them would be asked for. */
        if (r == 0 && k->e.use == AUTHORITY_X509)
                r = buf_printf(&url, "%s/crl/%s.crl", a->o.url, k->id);
        return r == 0 ? x509_ca_open(k->key, BYTES_OF(&cert), BYTES_STR(a->o.trust_domain), url.len > 0 ? buf_str(&url) : NULL, &k->ca) : r;
}

static int open_key(const struct authority *a, const struct keylist_entry *e, struct opened **ret)
{
        CLEANUP(buf_clear) struct buf where = { 0 };
        struct opened *k = calloc(1, sizeof(*k));
        int r;

        if (k == NULL)
                return err(ERR_NOMEM, "out of memory");
        k->e = *e;
        r = keylist_where(a->o.dir, e, &where);
        if (r == 0)
                r = ca_key_open(buf_str(&where), &k->key);
        if (r == 0)
                r = name_key(k);
        if (r == 0 && (e->use == AUTHORITY_X509 || e->use == AUTHORITY_AK))
                r = open_ca(a, k);
        if (r == 0 && e->use == AUTHORITY_JWT)
                r = jwt_issuer_open(k->key, a->o.url, &k->jwt);
        if (r != 0) {
                opened_free(k);
                return r;
        }
        *ret = k;
        return 0;
}

/* Lines are only ever added. What is not published any more need not be there any more. */
static int open_more(struct authority *a, const struct keylist *l, uint64_t now)
{
        struct opened **more = reallocarray(a->keys, l->n > 0 ? l->n : 1, sizeof(struct opened *));
        int r = 0;

        if (more == NULL)
                return err(ERR_NOMEM, "out of memory");
        a->keys = more;
        for (size_t i = a->n_keys; r == 0 && i < l->n; i++) {
                a->keys[i] = NULL;
                if (!keylist_ended(l, &l->v[i], a->o.longest_life, now))
                        r = open_key(a, &l->v[i], &a->keys[i]);
                if (r == 0)
                        a->n_keys++;
        }
        return r;
}

static bool list_same(const struct authority *a, const struct stat *st)
{
        const struct stat *was = &a->list_was;

        return st->st_ino == was->st_ino && st->st_size == was->st_size && st->st_mtim.tv_sec == was->st_mtim.tv_sec &&
               st->st_mtim.tv_nsec == was->st_mtim.tv_nsec;
}

static int read_list(struct authority *a, uint64_t now, bool *ret_changed)
{
        CLEANUP(keylist_clear) struct keylist l = { 0 };
        CLEANUP(buf_clear) struct buf path = { 0 };
        struct stat st;
        int r = buf_printf(&path, "%s/keys/list", a->o.dir);

        if (r != 0)
                return r;
        if (stat(buf_str(&path), &st) != 0)
                return err_errno("%s", buf_str(&path));
        *ret_changed = !list_same(a, &st);
        if (!*ret_changed)
                return 0;
        r = keylist_read(a->o.dir, &l);
        if (r == 0 && l.n < a->n_keys)
                r = err(ERR_FORMAT, "%s: keys were taken off the list", buf_str(&path));
        if (r == 0)
                r = open_more(a, &l, now);
        if (r != 0)
                return r;
        keylist_clear(&a->list);
        a->list = l;
        l = (struct keylist){ 0 };
        a->list_was = st;
        return 0;
}

/* --- A view --- */

static void view_free(struct view *v)
{
        if (v == NULL)
                return;
        publish_free(v->list, v->n);
        buf_clear(&v->chain);
        buf_clear(&v->ak_chain);
        free(v);
}

static const struct opened *current(const struct authority *a, enum authority_use use, uint64_t now)
{
        const struct keylist_entry *e = keylist_current(&a->list, use, now);

        return e != NULL ? a->keys[e - a->list.v] : NULL;
}

/* The one that signs is the first of its use. */
static size_t published(const struct authority *a, uint64_t now, const struct opened **ret)
{
        size_t n = 0;

        for (unsigned use = 0; use < AUTHORITY_USES; use++) {
                const struct opened *first = current(a, (enum authority_use)use, now);

                if (first != NULL)
                        ret[n++] = first;
                for (size_t i = 0; i < a->n_keys; i++)
                        if (a->keys[i] != NULL && a->keys[i] != first && a->list.v[i].use == use &&
                            !keylist_ended(&a->list, &a->list.v[i], a->o.longest_life, now))
                                ret[n++] = a->keys[i];
        }
        return n;
}

static struct bytes body_of(const struct view *v, const char *path)
{
        const struct authority_resource *r = authority_resource(&v->v, path);

        return r != NULL ? BYTES_OF(&r->body) : BYTES("", 0);
}

static int fill_view(const struct authority *a, uint64_t now, struct view *v)
{
        const struct opened *x509 = current(a, AUTHORITY_X509, now), *ak = current(a, AUTHORITY_AK, now), *jwt = current(a, AUTHORITY_JWT, now),
                            *ssh = current(a, AUTHORITY_SSH, now);
        int r;

        if (x509 == NULL || ak == NULL || jwt == NULL || ssh == NULL)
                return err(ERR_NOENT, "the issuer has not a key of each use: run holdfast-issuer init");
        r = publish_chain(x509->ca, &v->chain);
        if (r == 0)
                r = publish_chain(ak->ca, &v->ak_chain);
        v->v.x509 = x509->ca;
        v->v.ak = ak->ca;
        v->v.jwt = jwt->jwt;
        v->v.ssh = ssh->key;
        v->v.chain = BYTES_OF(&v->chain);
        v->v.ak_chain = BYTES_OF(&v->ak_chain);
        v->v.bundle = body_of(v, "/ca.pem");
        v->v.user_cas = body_of(v, "/ssh/user-ca.pub");
        v->v.known_hosts = body_of(v, "/ssh/known_hosts");
        return r;
}

static void swap(struct authority *a, struct view *v)
{
        struct view *old;

        pthread_mutex_lock(&a->holding);
        old = a->now;
        a->now = v;
        pthread_mutex_unlock(&a->holding);
        if (old != NULL)
                authority_release(&old->v);
}

/* change: the database's counter, read before its revocations are. */
static int build(struct authority *a, uint64_t now, uint64_t change)
{
        CLEANUP(free_ptr) const struct opened **keys = calloc(a->n_keys + 1, sizeof(struct opened *));
        struct publish p = { .o = &a->o, .keys = keys, .now = now, .sequence = keylist_changed(&a->list, a->o.longest_life, now) };
        const uint64_t late = a->o.crl_life / 2 + KEPT_LATE;
        struct view *v = calloc(1, sizeof(*v));
        struct timespec t;
        int r;

        if (keys == NULL || v == NULL) {
                free(v);
                return err(ERR_NOMEM, "out of memory");
        }
        /* By the clock, so that it rises through a database restored from a copy; by the database, so that it does when a clock was set back, too. */
        clock_gettime(CLOCK_REALTIME, &t);
        p.number = (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
        if (p.number <= a->number)
                p.number = a->number + 1;
        p.n_keys = published(a, now, keys);
        r = a->db != NULL ? db_number_next(a->db, "lists", p.number, &p.number) : 0;
        if (r == 0)
                r = revoked_read(a->db, now > late ? now - late : 0, &p.revoked);
        if (r == 0)
                r = publish_all(&p, &v->list, &v->n);
        revoked_clear(&p.revoked);
        if (r == 0)
                r = fill_view(a, now, v);
        if (r != 0) {
                view_free(v);
                return r;
        }
        v->v.change = change;
        atomic_store(&v->holders, 1);
        a->number = p.number;
        a->built = now;
        a->next = keylist_next(&a->list, a->o.longest_life, now);
        if (a->next > now + a->o.crl_life / 2)
                a->next = now + a->o.crl_life / 2;
        swap(a, v);
        return 0;
}

/* With building. A next key that cannot be opened keeps nobody from learning what was revoked: that is told by ret_listed alone. */
static int renew(struct authority *a, int *ret_listed)
{
        uint64_t now = clock_of(a), change = 0;
        bool changed = false;
        int r;

        *ret_listed = 0;
        r = a->db != NULL ? db_change_counter(a->db, &change) : 0;
        if (r != 0)
                return r;
        *ret_listed = read_list(a, now, &changed);
        if (*ret_listed != 0)
                changed = false;
        /* A clock that was ahead and was set right leaves lists that begin in times to come. */
        if (a->now == NULL ? *ret_listed != 0 : !changed && change == a->now->v.change && now < a->next && now >= a->built)
                return 0;
        r = build(a, now, change);
        /* A list that was read and from which no view came is read again. */
        if (r != 0)
                a->list_was = (struct stat){ 0 };
        return r;
}

int authority_tick(struct authority *a)
{
        int r, listed;

        pthread_mutex_lock(&a->building);
        r = renew(a, &listed);
        pthread_mutex_unlock(&a->building);
        return r != 0 ? r : listed;
}

int authority_refresh(struct authority *a)
{
        int r, listed;

        pthread_mutex_lock(&a->building);
        r = renew(a, &listed);
        pthread_mutex_unlock(&a->building);
        return r;
}

/* --- Who looks --- */

const struct authority_view *authority_hold(struct authority *a)
{
        struct view *v;

        pthread_mutex_lock(&a->holding);
        v = a->now;
        atomic_fetch_add(&v->holders, 1);
        pthread_mutex_unlock(&a->holding);
        return &v->v;
}

void authority_release(const struct authority_view *v)
{
        /* The view is the first member of what is counted, and nobody changes it through this pointer. */
        struct view *whole = (struct view *)(uintptr_t)v;

        if (whole != NULL && atomic_fetch_sub(&whole->holders, 1) == 1)
                view_free(whole);
}

void authority_releasep(const struct authority_view **v)
{
        authority_release(*v);
}

const struct authority_resource *authority_resource(const struct authority_view *v, const char *path)
{
        const struct view *whole = (const struct view *)v;

        for (size_t i = 0; i < whole->n; i++)
                if (strcmp(whole->list[i].path, path) == 0)
                        return &whole->list[i];
        return NULL;
}

/* --- Beginning and end --- */

void authority_close(struct authority *a)
{
        if (a == NULL)
                return;
        authority_release(a->now != NULL ? &a->now->v : NULL);
        for (size_t i = 0; i < a->n_keys; i++)
                opened_free(a->keys[i]);
        free(a->keys);
        keylist_clear(&a->list);
        pthread_mutex_destroy(&a->building);
        pthread_mutex_destroy(&a->holding);
        free(a);
}

int authority_open(const struct authority_options *o, struct db *db, struct authority **ret)
{
        struct authority *a = calloc(1, sizeof(*a));
        int r;

        if (a == NULL)
                return err(ERR_NOMEM, "out of memory");
        pthread_mutex_init(&a->building, NULL);
        pthread_mutex_init(&a->holding, NULL);
        a->db = db;
        a->o = *o;
        a->o.longest_life = o->longest_life > GRANT_LIFE_MAX ? o->longest_life : GRANT_LIFE_MAX;
        a->o.crl_life = o->crl_life > 0 ? o->crl_life : CRL_LIFE;
        r = authority_tick(a);
        if (r == 0)
                *ret = a;
        else
                authority_close(a);
        return r;
}
