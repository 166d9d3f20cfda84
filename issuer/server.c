/* SPDX-License-Identifier: BSD-2-Clause */
/* How do configuration, keys, log, database and HTTP come together, and what is renewed while they serve?
 *
 * The configuration can be replaced while requests are answered by the one before: each request holds the one it began with. What keys, log
 * and sockets were opened by is the first one's, which stays. */
#include "issuer/server.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "config.h"
#include "issuer/cmd.h"
#include "issuer/profile.h"
#include "issuer/service.h"
#include "issuer/steady.h"
#include "issuer/tls.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/filepath.h"

#define GRACE_MS 10000
#define HEAD_MS 10000
#define LISTEN_MAX 16
#define SWEEP_EVERY 300                 /* seconds */
#define SOCKET_MODE 0600
#define SOCKET_GROUP_MODE 0660
#define DEFAULT_LISTEN "[::]:443"

/* One reading of the configuration. */
struct setup {
        struct issuer_conf conf;
        struct trusted trusted;
        struct service service;
        _Atomic unsigned holders;
};

/* What is ticked, and whether it worked the last time. */
enum work { WORK_KEYS, WORK_LOG, WORK_TLS, WORK_SWEEP, WORKS };

struct server {
        struct server_options o;
        struct setup *first;            /* what all but requests works by */
        pthread_mutex_t holding;
        struct setup *now;

        struct bytes domains[GRANT_NAMES_MAX];
        struct authority_options authority_options;
        struct authority *authority;
        const struct authority_view *signing; /* whose key the log has */
        struct db *db;
        struct ledger *ledger;
        struct metrics *metrics;
        struct tls *tls;
        struct buf tls_key, admin_socket, address;
        struct http_server *http;
        struct steady clock;
        uint64_t sweep_at;
        int last[WORKS];
};

/* --- The configuration --- */

static void setup_release(struct setup *u)
{
        if (u == NULL || atomic_fetch_sub(&u->holders, 1) != 1)
                return;
        trusted_clear(&u->trusted);
        issuer_conf_clear(&u->conf);
        free(u);
}

static struct setup *setup_hold(struct server *s)
{
        struct setup *u;

        pthread_mutex_lock(&s->holding);
        u = s->now;
        atomic_fetch_add(&u->holders, 1);
        pthread_mutex_unlock(&s->holding);
        return u;
}

static int setup_load(const char *path, struct setup **ret)
{
        struct setup *u = calloc(1, sizeof(*u));
        int r;

        if (u == NULL)
                return err(ERR_NOMEM, "out of memory");
        atomic_store(&u->holders, 1);
        r = issuer_conf_load(path, &u->conf);
        if (r == 0)
                r = trusted_load(&u->conf, &u->trusted);
        if (r != 0) {
                setup_release(u);
                return r;
        }
        *ret = u;
        return 0;
}

static void setup_use(struct server *s, struct setup *u)
{
        struct setup *old;

        u->service = (struct service){
                .conf = &u->conf, .trusted = &u->trusted, .db = s->db, .ledger = s->ledger, .authority = s->authority, .metrics = s->metrics,
        };
        pthread_mutex_lock(&s->holding);
        old = s->now;
        s->now = u;
        pthread_mutex_unlock(&s->holding);
        setup_release(old);
}

static bool same(const char *a, const char *b)
{
        return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same_words(const struct words *a, const struct words *b)
{
        bool is = a->n == b->n;

        for (size_t i = 0; is && i < a->n; i++)
                is = strcmp(a->v[i], b->v[i]) == 0;
        return is;
}

/* What has its effect at the start alone: all of [issuer]. */
static int check_unchanged(const struct issuer_conf *a, const struct issuer_conf *b)
{
        const unsigned was[] = { a->any_uri, a->ak_life, a->crl_life, a->workers, a->max_connections, a->max_per_address, a->timeout, a->rotate_mib,
                                 a->checkpoint_records, a->checkpoint_seconds };
        const unsigned is[] = { b->any_uri, b->ak_life, b->crl_life, b->workers, b->max_connections, b->max_per_address, b->timeout, b->rotate_mib,
                                b->checkpoint_records, b->checkpoint_seconds };

        if (memcmp(was, is, sizeof(was)) == 0 && same(a->trust_domain, b->trust_domain) && same(a->directory, b->directory) && same(a->url, b->url) && same(a->db, b->db) &&
            same(a->admin_socket, b->admin_socket) && same(a->admin_group, b->admin_group) && same(a->tls_key, b->tls_key) && same(a->tls_certificate, b->tls_certificate) &&
            same_words(&a->listen, &b->listen) && same_words(&a->domains, &b->domains))
                return 0;
        return err(ERR_INVAL, "what changed in [issuer] needs a restart; nothing was taken over");
}

int server_reload(struct server *s)
{
        struct setup *u = NULL;
        bool fresh;
        int r = setup_load(s->o.conf, &u);

        if (r == 0)
                r = check_unchanged(&s->first->conf, &u->conf);
        if (r != 0) {
                setup_release(u);
                return r;
        }
        setup_use(s, u);
        r = tls_tick(s->tls, true, &fresh);
        return r == 0 && fresh ? http_server_identity(s->http, tls_identity(s->tls)) : r;
}

/* --- Requests --- */

static void handle(void *ctx, const struct http_request *q, struct http_reply *reply)
{
        struct setup *u = setup_hold(ctx);

        service_handle(&u->service, q, reply);
        setup_release(u);
}

static size_t body_limit(void *ctx, const char *method, const char *path)
{
        struct setup *u = setup_hold(ctx);
        size_t n = service_body_limit(&u->service, method, path);

        setup_release(u);
        return n;
}

/* --- Opening --- */

void cmd_authority_options(const struct issuer_conf *c, struct bytes room[GRANT_NAMES_MAX], struct authority_options *ret)
{
        for (size_t i = 0; i < c->domains.n; i++)
                room[i] = word_at(&c->domains, i);
        *ret = (struct authority_options){
                .dir = c->directory, .trust_domain = c->trust_domain, .url = c->url, .domains = { room, c->domains.n }, .any_uri = c->any_uri,
                .longest_life = c->ak_life, .crl_life = c->crl_life,
        };
}

static int open_db(struct server *s)
{
        CLEANUP(buf_clear) struct buf where = { 0 };
        int r = issuer_conf_beside(&s->first->conf, s->first->conf.db, "issuer.db", &where);

        return r == 0 ? db_open(buf_str(&where), &s->db) : r;
}

static int open_ledger(struct server *s)
{
        const struct issuer_conf *c = &s->first->conf;
        CLEANUP(buf_clear) struct buf dir = { 0 };
        struct ledger_options o = {
                .name = c->trust_domain, .rotate_size = (uint64_t)c->rotate_mib << 20, .every_records = c->checkpoint_records,
                .every_seconds = c->checkpoint_seconds, .detail = "holdfast-issuer " PACKAGE_VERSION,
        };
        int r = buf_printf(&dir, "%s/log", c->directory);

        if (r != 0)
                return r;
        o.dir = buf_str(&dir);
        s->signing = authority_hold(s->authority);
        return ledger_open(&o, x509_ca_key(s->signing->x509), &s->ledger);
}

static int open_tls(struct server *s)
{
        const struct issuer_conf *c = &s->first->conf;
        struct tls_options o = { .certificate = c->tls_certificate, .url = c->url, .trust_domain = c->trust_domain };
        int r;

        if (c->tls_certificate != NULL && c->tls_key == NULL)
                return err(ERR_INVAL, "tls-certificate is configured, and no tls-key");
        r = issuer_conf_beside(c, c->tls_key, "tls.key", &s->tls_key);
        if (r != 0)
                return r;
        o.key = buf_str(&s->tls_key);
        return tls_open(&o, s->authority, s->ledger, &s->tls);
}

/* The server has made it for its own user; operators are a group. */
static int give_socket(const struct server *s, const char *path)
{
        char room[65536];
        struct group g, *found = NULL;
        const char *name = s->first->conf.admin_group;

        if (name == NULL)
                return 0;
        errno = getgrnam_r(name, &g, room, sizeof(room), &found);
        if (errno != 0)
                return err_errno("cannot look up the group %s, which admin-group names", name);
        if (found == NULL)
                return err(ERR_INVAL, "there is no group %s, which admin-group names", name);
        return chown(path, (uid_t)-1, found->gr_gid) == 0 ? 0 : err_errno("%s cannot be given to the group %s", path, name);
}

/* Where it really listens: for whoever asked for any port, and for scripts. */
static int tell_addresses(struct server *s, const struct http_listen *listen, size_t n)
{
        CLEANUP(buf_clear) struct buf path = { 0 };
        int r = 0;

        buf_reset(&s->address);
        for (size_t i = 0; r == 0 && i < n; i++) {
                const char *port = strrchr(listen[i].where, ':');

                if (listen[i].via != HTTP_TLS || port == NULL)
                        continue;
                r = buf_printf(&s->address, "%.*s:%u\n", (int)(port - listen[i].where), listen[i].where, http_server_port(s->http, i));
                if (r == 0 && !s->o.quiet)
                        cmd_say("listens at %.*s:%u", (int)(port - listen[i].where), listen[i].where, http_server_port(s->http, i));
        }
        if (r == 0)
                r = buf_printf(&path, "%s/address", s->first->conf.directory);
        return r == 0 ? filepath_write(buf_str(&path), BYTES_OF(&s->address), 0644, true) : r;
}

static size_t choose_listen(const struct server *s, struct http_listen *ret)
{
        const struct words *w = &s->first->conf.listen;
        size_t n = 0;

        for (size_t i = 0; s->o.listen != NULL && s->o.listen[i] != NULL && n < LISTEN_MAX; i++)
                ret[n++] = (struct http_listen){ .via = HTTP_TLS, .where = s->o.listen[i] };
        for (size_t i = 0; n == 0 && i < w->n && i < LISTEN_MAX; i++)
                ret[i] = (struct http_listen){ .via = HTTP_TLS, .where = w->v[i] };
        if (n == 0)
                n = w->n < LISTEN_MAX ? w->n : LISTEN_MAX;
        if (n == 0)
                ret[n++] = (struct http_listen){ .via = HTTP_TLS, .where = DEFAULT_LISTEN };
        return n;
}

static int open_http(struct server *s)
{
        const struct issuer_conf *c = &s->first->conf;
        struct http_listen listen[LISTEN_MAX + 1];
        size_t n = choose_listen(s, listen);
        /* Heads and handshakes have ten seconds at most in any case. */
        const unsigned ms = c->timeout * 1000, short_ms = ms < HEAD_MS ? ms : HEAD_MS;
        struct http_server_options o = {
                .listen = listen, .identity = tls_identity(s->tls), .libctx = tls_libctx(s->tls), .workers = c->workers,
                .limits = { .connections = c->max_connections, .connections_per_address = c->max_per_address, .body_ms = ms,
                            .head_ms = short_ms, .handshake_ms = short_ms },
                .handler = handle, .body_limit = body_limit, .ctx = s, .metrics = s->metrics,
        };
        int r = issuer_conf_beside(c, c->admin_socket, "admin.sock", &s->admin_socket);

        if (r != 0)
                return r;
        listen[n++] = (struct http_listen){ .via = HTTP_UNIX, .where = buf_str(&s->admin_socket), .mode = c->admin_group != NULL ? SOCKET_GROUP_MODE : SOCKET_MODE };
        o.listen_n = n;
        if (s->o.access_log) {
                o.access = http_access_write;
                o.access_ctx = stdout;
                setvbuf(stdout, NULL, _IOLBF, 0);
        }
        r = http_server_open(&o, &s->http);
        if (r == 0)
                r = give_socket(s, buf_str(&s->admin_socket));
        return r == 0 ? tell_addresses(s, listen, n) : r;
}

int server_open(const struct server_options *o, struct server **ret)
{
        struct server *s = calloc(1, sizeof(*s));
        int r;

        if (s == NULL)
                return err(ERR_NOMEM, "out of memory");
        s->o = *o;
        pthread_mutex_init(&s->holding, NULL);
        r = setup_load(o->conf, &s->first);
        if (r == 0)
                r = open_db(s);
        if (r == 0) {
                cmd_authority_options(&s->first->conf, s->domains, &s->authority_options);
                r = authority_open(&s->authority_options, s->db, &s->authority);
        }
        if (r == 0)
                r = open_ledger(s);
        if (r == 0)
                r = open_tls(s);
        if (r == 0 && (s->metrics = metrics_new()) == NULL)
                r = err(ERR_NOMEM, "out of memory");
        if (r == 0) {
                /* Held twice: as the first, and as the one of now. */
                atomic_fetch_add(&s->first->holders, 1);
                setup_use(s, s->first);
                r = open_http(s);
        }
        if (r == 0)
                *ret = s;
        else
                server_close(s);
        return r;
}

void server_close(struct server *s)
{
        if (s == NULL)
                return;
        http_server_close(s->http, GRACE_MS);
        tls_close(s->tls);
        ledger_close(s->ledger);
        authority_release(s->signing);
        authority_close(s->authority);
        db_close(s->db);
        metrics_free(s->metrics);
        setup_release(s->now);
        setup_release(s->first);
        buf_clear(&s->tls_key);
        buf_clear(&s->admin_socket);
        buf_clear(&s->address);
        pthread_mutex_destroy(&s->holding);
        free(s);
}

/* --- While it serves --- */

static int tick_keys(struct server *s)
{
        const struct authority_view *v;
        int r = authority_tick(s->authority);

        if (r != 0)
                return r;
        v = authority_hold(s->authority);
        if (v->x509 == s->signing->x509) {
                authority_release(v);
                return 0;
        }
        r = ledger_use(s->ledger, x509_ca_key(v->x509));
        if (r != 0) {
                authority_release(v);
                return r;
        }
        authority_release(s->signing);
        s->signing = v;
        return 0;
}

static int tick_log(struct server *s)
{
        return ledger_tick(s->ledger);
}

static int tick_tls(struct server *s)
{
        bool fresh;
        int r = tls_tick(s->tls, false, &fresh);

        return r == 0 && fresh ? http_server_identity(s->http, tls_identity(s->tls)) : r;
}

/* What any credential lives at most. */
static uint64_t longest_life(struct server *s)
{
        struct setup *u = setup_hold(s);
        uint64_t life = 0;

        for (size_t i = 0; i < u->conf.n_profiles; i++)
                if (u->conf.profiles[i].life + u->conf.profiles[i].grace > life)
                        life = u->conf.profiles[i].life + u->conf.profiles[i].grace;
        setup_release(u);
        return life;
}

/* What has ended is of no use to anybody: the log has it. When the next time is, no setting of a clock changes; and a clock that has jumped ahead is not
 * believed before all has ended in any case: else what was revoked would be missing in the lists when the clock is right again. */
static int tick_sweep(struct server *s)
{
        struct timespec t;
        uint64_t steady;
        int r;

        clock_gettime(CLOCK_BOOTTIME, &t);
        steady = steady_for(&s->clock, (uint64_t)time(NULL), (uint64_t)t.tv_sec);
        if ((uint64_t)t.tv_sec < s->sweep_at || steady < longest_life(s))
                return 0;
        r = db_sweep(s->db, (uint64_t)time(NULL), NULL);
        /* Else at the next tick again. */
        if (r == 0)
                s->sweep_at = (uint64_t)t.tv_sec + SWEEP_EVERY;
        return r;
}

void server_tick(struct server *s)
{
        static const struct {
                int (*fn)(struct server *s);
                const char *name;
        } works[WORKS] = {
                [WORK_KEYS] = { tick_keys, "keys and revocation lists" }, [WORK_LOG] = { tick_log, "the log's checkpoints" },
                [WORK_TLS] = { tick_tls, "the TLS certificate" }, [WORK_SWEEP] = { tick_sweep, "the database's upkeep" },
        };

        for (size_t i = 0; i < WORKS; i++) {
                int r = works[i].fn(s);

                if (r != 0 && r != s->last[i])
                        cmd_say("%s: %s", works[i].name, err_text());
                else if (r == 0 && s->last[i] != 0)
                        cmd_say("%s: it goes on", works[i].name);
                s->last[i] = r;
        }
}
