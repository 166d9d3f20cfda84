/* SPDX-License-Identifier: BSD-2-Clause */
/* The keys that the issuer signs with, and all that it publishes: certificates, revocation lists, key sets.
 *
 * Keys are in DIR/keys, listed in DIR/keys/list: a key is published first, signs after an overlap, and stays published until
 * what it signed has ended. What stands at one moment is a view: it never changes, and lives as long as somebody holds it. */
#ifndef HOLDFAST_ISSUER_AUTHORITY_H
#define HOLDFAST_ISSUER_AUTHORITY_H

#include "issuer/cred_jwt.h"
#include "issuer/cred_x509.h"

struct authority;
struct db;                              /* issuer/db.h */

enum authority_use { AUTHORITY_X509, AUTHORITY_AK, AUTHORITY_JWT, AUTHORITY_SSH, AUTHORITY_USES };
/* "x509", "ak" (for certificates of attestation keys), "jwt", "ssh"; NULL if there is none. */
const char *authority_use_name(enum authority_use u);

struct authority_options {
        const char *dir;                /* DIR */
        const char *trust_domain;
        const char *url;                /* without a "/" at its end: iss, and where the lists are */
        struct names domains;           /* DNS names in and below these may be certified; known_hosts tells of their hosts */
        bool any_uri;                   /* x509_ca_wish */
        uint64_t longest_life;          /* seconds: nothing that a key signs lives longer; at least GRANT_LIFE_MAX */
        uint64_t crl_life;              /* seconds that a revocation list is good for; 0: an hour */
        uint64_t (*now)(void);          /* Unix time, seconds; NULL: the system's */
};

/* What is to be made of a key: a new one of this kind in a file, or one that is elsewhere. */
struct authority_key_wish {
        enum authority_use use;
        const char *kind;               /* "P-256", "P-384", "RSA-3072", "Ed25519" (SSH alone) */
        const char *where;              /* a pkcs11: URI or a file; NULL: make one of that kind */
        uint64_t overlap;               /* seconds until it signs; the first of its use signs at once */
        uint64_t life;                  /* of its certificate, seconds; 0: ten years */
};
/* The next key of its use. Its certificate is made, too, and DIR/log-keys.pem for `holdfast audit verify --issuer-key`. Needs nothing running: who runs sees it within seconds. */
int authority_add_key(const struct authority_options *o, const struct authority_key_wish *w, uint64_t now);
/* Makes DIR/log-keys.pem alone: DIR/keys was copied from another issuer of the same fleet. */
int authority_log_keys(const struct authority_options *o);
/* Is there a key of this use, now or from some time on? */
bool authority_has(const struct authority_options *o, enum authority_use use);

/* db: for revocations and their counter; NULL: there are none. What o points to must stay until the end. */
int authority_open(const struct authority_options *o, struct db *db, struct authority **ret);
void authority_close(struct authority *a);

/* Once a second, by one thread: what changed in DIR/keys or in the database, also through another issuer, shows from then on. An error leaves what was. */
int authority_tick(struct authority *a);
/* The same at once: what was revoked before shows when it returns 0. Any thread. */
int authority_refresh(struct authority *a);

/* What stands now. */
struct authority_view {
        const struct x509_ca *x509;     /* these sign now */
        const struct x509_ca *ak;       /* certificates of attestation keys */
        const struct jwt_issuer *jwt;
        const struct ca_key *ssh;
        struct bytes bundle;            /* PEM of all CA certificates that are published */
        struct bytes chain;             /* PEM of the one that signs now */
        struct bytes ak_chain;          /* and of that of attestation keys */
        struct bytes user_cas;          /* lines for TrustedUserCAKeys */
        struct bytes known_hosts;       /* lines; empty without domains */
        uint64_t change;                /* the database's counter of revocations that the lists are of */
};
/* Any thread; given back by authority_release(). */
const struct authority_view *authority_hold(struct authority *a);
void authority_release(const struct authority_view *v);
/* For CLEANUP(). */
void authority_releasep(const struct authority_view **v);

/* What is published at a path: /ca.pem, /ca.crl, /crl/..., /ssh/user-ca.pub, /ssh/known_hosts, /ssh/krl, /jwks.json, /spiffe-bundle.json,
 * /.well-known/openid-configuration. As long as the view is held. NULL: nothing is. */
struct authority_resource {
        char path[64];
        const char *route;              /* static: what it counts as */
        const char *type;               /* Content-Type */
        char etag[33];                  /* without quotes */
        unsigned max_age;               /* seconds, for Cache-Control */
        struct buf body;
};
const struct authority_resource *authority_resource(const struct authority_view *v, const char *path);

/* The keys there are, for `status`. */
struct authority_key {
        enum authority_use use;
        unsigned number;
        const char *where;
        uint64_t published, from;
        uint64_t until, ends;           /* another signs from then on; not published any more: 0: not yet known */
};
int authority_keys(const struct authority_options *o, int (*fn)(void *ctx, const struct authority_key *k), void *ctx);

#endif
