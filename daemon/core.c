/* SPDX-License-Identifier: BSD-2-Clause */
/* In which order does a daemon come to life, and what hangs on what? The store, the secret that only this TPM gives out, what the TPM
 * keeps for us, the store's seals, the rules, the log. */
#include "daemon/core.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "audit/log.h"
#include "config.h"
#include "daemon/identity.h"
#include "daemon/witness.h"
#include "keys/backend_tpm.h"
#include "keys/evidence.h"
#include "keys/owner.h"
#include "lib/crypto.h"
#include "lib/err.h"
#include "lib/file.h"
#include "tpm/clock.h"

#define LOCK_FILE "daemon.lock"         /* in the store */
#define LOCK_MS 1000                    /* for one that is ending */

/* What is needed to come up, and forgotten then. */
struct rising {
        uint8_t ak[SECRET_SIZE], keys[SECRET_SIZE], mac[SECRET_SIZE];
        struct buf owner;
        bool first;                     /* the secret was made just now, or the counter of the store's seals */
        unsigned strangers;             /* counters of another daemon in this TPM */
};

static void rising_clear(struct rising *u)
{
        buf_clear(&u->owner);
        wipe(u, sizeof(*u));
}

static int derive(struct core *c, struct rising *u)
{
        static const struct {
                const char *label;
                size_t place;
        } from[] = { { SECRET_AK, offsetof(struct rising, ak) }, { SECRET_KEYS, offsetof(struct rising, keys) }, { SECRET_MAC, offsetof(struct rising, mac) } };
        CLEANUP(buf_clear) struct buf secret = { 0 };
        int r;

        r = secret_open(c->keyring, &secret, &u->first);
        for (size_t i = 0; r == 0 && i < ARRAY_LEN(from); i++)
                r = secret_derive(BYTES_OF(&secret), from[i].label, (uint8_t *)u + from[i].place);
        if (r == 0)
                r = secret_derive(BYTES_OF(&secret), SECRET_COUNTER, c->counter_auth);
        if (r != 0)
                return r;
        r = owner_unseal(c->keyring, &u->owner);
        return r == ERR_NOENT ? 0 : r;
}

static int store_counter_read(void *ctx, uint64_t *ret)
{
        struct core *c = ctx;

        return tpm_counter_read(c->tpm, c->store_counter, BYTES(c->counter_auth, SECRET_SIZE), ret);
}

static int store_counter_raise(void *ctx, uint64_t to)
{
        struct core *c = ctx;

        return tpm_counter_raise(c->tpm, c->store_counter, BYTES(c->counter_auth, SECRET_SIZE), to);
}

/* Who this host is, and whether its store is still the one that was left. */
static int open_identity(struct core *c, struct rising *u)
{
        const struct identity_auth auth = {
                .ak = BYTES(u->ak, SECRET_SIZE), .counter = BYTES(c->counter_auth, SECRET_SIZE), .owner = BYTES_OF(&u->owner),
        };
        struct identity i = { 0 };
        int r = identity_open(c->keyring, &auth, &i);

        if (r != 0)
                return r;
        c->ak = i.ak;
        c->counter = i.counter;
        c->store_counter = i.store_counter;
        u->first = u->first || i.begun;
        u->strangers = i.strangers;
        r = guard_open(keyring_store(c->keyring), BYTES(u->mac, SECRET_SIZE), u->first,
                       &(struct guard_counter){ .ctx = c, .read = store_counter_read, .raise = store_counter_raise }, &c->guard);
        return r == 0 ? 0 : identity_take_back(c->keyring, &auth, &i, r);
}

/* "holdfast/HOST": a host's name may hold nothing that a C2SP origin line cannot. */
static void origin_of(char *ret, size_t size)
{
        char host[256] = "";
        size_t n = 0;

        if (gethostname(host, sizeof(host) - 1) != 0 || host[0] == '\0')
                snprintf(host, sizeof(host), "localhost");
        for (const char *p = host; *p != '\0'; p++)
                if (*p > ' ' && *p < 0x7f && *p != '+' && *p != '/')
                        host[n++] = *p;
        host[n] = '\0';
        snprintf(ret, size, "holdfast/%.200s", n > 0 ? host : "localhost");
}

static int open_log(struct core *c, const struct rising *u)
{
        CLEANUP(buf_clear) struct buf dir = { 0 };
        char origin[256];
        int r = conf_audit_dir(&c->conf, &dir);

        if (r != 0)
                return r;
        origin_of(origin, sizeof(origin));
        return recorder_open(&(struct recorder_options){
                .dir = buf_str(&dir), .origin = origin, .program = c->version,
                .rotate_size = (uint64_t)c->conf.rotate_mib << 20,
                .checkpoint_records = c->conf.checkpoint_records, .checkpoint_seconds = c->conf.checkpoint_seconds,
                .tpm = c->tpm, .ak = c->ak, .ak_auth = BYTES(u->ak, SECRET_SIZE), .owner_auth = BYTES_OF(&u->owner),
                .counter_auth = BYTES(c->counter_auth, SECRET_SIZE), .counter = c->counter,
                .cosign = c->witness != NULL ? witness_sign : NULL, .cosign_ctx = c->witness,
        }, &c->recorder);
}

/* Who speaks for this host: its own attestation key, or the platform's, which has no authorisation value. */
static int open_attester(struct core *c, const struct rising *u)
{
        CLEANUP(tpm_ak_clear) struct tpm_ak platform = { 0 };
        struct attester_options o = { .keyring = c->keyring, .ak = c->ak, .ak_auth = BYTES(u->ak, SECRET_SIZE) };
        int r = 0;

        if (c->conf.issuer_ak_handle != 0) {
                r = tpm_ak_read(c->tpm, c->conf.issuer_ak_handle, &platform);
                o.ak = platform;
                o.ak_auth = BYTES(NULL, 0);
        }
        return r != 0 ? r : attester_new(&o, &c->attester);
}

static bool was_told(const struct core *c, const struct guard_finding *f)
{
        for (size_t i = 0; i < c->n_told; i++)
                if (strcmp(c->told[i].agent, f->agent) == 0 && strcmp(c->told[i].text, f->text) == 0)
                        return true;
        return false;
}

static int tell_found(struct core *c, const char *agent, bool refuses, const char *what)
{
        struct audit_record rec = {
                .event = AUDIT_CHANGE, .operation = BYTES_STR("found"), .decision = refuses ? AUDIT_REFUSED : AUDIT_FAILED,
                .agent = BYTES_STR(agent), .rule = BYTES_STR("seal"), .reason = BYTES_STR(what),
        };

        return recorder_append(c->recorder, &rec);
}

/* A first start takes the store as it is. If it was a daemon's before, somebody took all its seals away. */
static int tell_strangers(struct core *c, const struct rising *u)
{
        char what[160];

        if (!u->first || u->strangers == 0)
                return 0;
        snprintf(what, sizeof(what), "this first start took the store as it is, and the TPM has counters of another daemon (%u): was it that one's store?", u->strangers);
        return tell_found(c, "", false, what);
}

int core_tell_findings(struct core *c)
{
        struct guard_finding *now = NULL;
        unsigned news = guard_news(c->guard);
        size_t n = 0;
        int r;

        if (c->news_told && news == c->news)
                return 0;
        r = guard_findings(c->guard, &now, &n);
        for (size_t i = 0; r == 0 && i < n; i++)
                if (!was_told(c, &now[i]))
                        r = tell_found(c, now[i].agent, now[i].refuses, now[i].text);
        if (r != 0) {
                free(now);
                return r;
        }
        free(c->told);
        c->told = now;
        c->n_told = n;
        c->news = news;
        c->news_told = true;
        return 0;
}

/* Before anything of the store is touched: sums and counter are one daemon's. */
static int own_store(struct core *c)
{
        struct store *s = keyring_store(c->keyring);
        int r = file_lock(store_dirfd(s), LOCK_FILE, true, LOCK_MS, &c->lock);

        return r == ERR_TIMEOUT ? err(r, "another holdfastd has the store %s", store_path(s)) : r;
}

static int rise(struct core *c)
{
        CLEANUP(rising_clear) struct rising u = { 0 };
        int r = 0;

        /* A mistake in the configuration is found before anything is made. */
        if (c->conf.witness_key != NULL)
                r = witness_open(c->conf.witness_key, &c->witness);
        if (r == 0)
                r = keyring_open(&c->conf, &c->keyring);
        if (r != 0)
                return r;
        c->tpm = backend_tpm_device(keyring_backend(c->keyring));
        r = own_store(c);
        if (r == 0)
                r = derive(c, &u);
        if (r == 0)
                r = keyring_set_secret(c->keyring, BYTES(u.keys, SECRET_SIZE));
        if (r == 0)
                r = open_identity(c, &u);
        if (r == 0)
                r = policy_new(keyring_store(c->keyring), &c->policy);
        if (r == 0)
                r = policy_read_all(c->policy);
        if (r == 0)
                r = open_attester(c, &u);
        if (r == 0)
                r = open_log(c, &u);
        if (r == 0)
                r = tell_strangers(c, &u);
        return r == 0 ? core_tell_findings(c) : r;
}

int core_open(const struct conf *conf, struct core *ret)
{
        int r;

        *ret = (struct core)CORE_NONE;
        snprintf(ret->version, sizeof(ret->version), "holdfastd %s", PACKAGE_VERSION);
        ret->started_us = clock_us();
        r = conf_copy(conf, &ret->conf);
        if (r == 0)
                r = rise(ret);
        if (r != 0)
                (void)core_close(ret);
        return r;
}

int core_close(struct core *c)
{
        int r = recorder_close(c->recorder);

        attester_free(c->attester);
        witness_close(c->witness);
        policy_free(c->policy);
        guard_close(c->guard);
        keyring_close(c->keyring);
        file_unlock(&c->lock);
        tpm_ak_clear(&c->ak);
        free(c->told);
        conf_clear(&c->conf);
        wipe(c, sizeof(*c));
        *c = (struct core)CORE_NONE;
        return r;
}

int core_reload(struct core *c, const struct caller *who)
{
        struct deed d = { .event = AUDIT_RULE, .request = { .operation = "reload" } };
        int r = caller_may(who, &d);

        if (r != 0)
                return r;
        /* Files that have not changed too: a name in them may be another user by now. */
        policy_reload(c->policy);
        r = policy_read_all(c->policy);
        return caller_did(who, &d, r, BYTES(NULL, 0));
}

int core_counter(struct core *c, uint64_t *ret)
{
        return tpm_counter_read(c->tpm, c->counter, BYTES(c->counter_auth, SECRET_SIZE), ret);
}

int core_newest_note(struct core *c, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf dir = { 0 };
        struct audit_reader *rd = NULL;
        struct recorder_state s;
        int r = conf_audit_dir(&c->conf, &dir);

        recorder_state(c->recorder, &s);
        if (r == 0)
                r = audit_reader_open(buf_str(&dir), s.number, &rd);
        if (r == 0)
                r = audit_reader_newest(rd, ret);
        audit_reader_close(rd);
        return r;
}
