/* SPDX-License-Identifier: BSD-2-Clause */
/* The issuer's configuration, issuer.conf(5): where it works, whom it trusts, and its profiles. */
#ifndef HOLDFAST_ISSUER_CONF_H
#define HOLDFAST_ISSUER_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/buf.h"

/* What becomes of a host that is new, has no join token, and whose keys nobody has vouched for. */
enum first_use { FIRST_USE_NO, FIRST_USE_APPROVE, FIRST_USE_YES };

struct words {
        char **v;
        size_t n;
};

struct profile;                         /* issuer/profile.h */

/* Everything is owned by the structure. */
struct issuer_conf {
        char *trust_domain;
        char *directory;                /* keys, log and database, unless they are elsewhere */
        char *url;                      /* https, without a "/" at its end */
        struct words listen;            /* "[::]:8443" */
        char *admin_socket;             /* NULL: admin.sock in the directory */
        char *admin_group;              /* who may use it; NULL: root and the issuer's user */
        char *db;                       /* a file, or "postgresql://..."; NULL: issuer.db in the directory */
        char *tls_key, *tls_certificate; /* NULL: the issuer's own */
        struct words domains;           /* DNS names in and below these may be certified */
        bool any_uri;                   /* struct x509_ca_wish */
        unsigned ak_life, crl_life;     /* seconds */
        unsigned workers, max_connections, max_per_address, timeout, rotate_mib, checkpoint_records, checkpoint_seconds;

        char *ek_roots, *simulator_roots, *ak_roots; /* directories of certificates */
        char *ek_pins, *platform_aks, *firmware_denied; /* files */
        enum first_use first_use;

        struct profile *profiles;       /* in the file's order: the first that fits counts */
        size_t n_profiles;
};

/* How a value is written. */
enum issuer_type {
        ISSUER_TEXT, ISSUER_PATH, ISSUER_URL,
        ISSUER_WORDS,                   /* separated by blanks or commas; the key may be there more than once */
        ISSUER_BOOL, ISSUER_NUMBER,
        ISSUER_SECONDS,                 /* "90", "15m", "8h", "2d" */
        ISSUER_CHOICE,                  /* one of `choices`; its place in them is the value */
        ISSUER_CHOICES,                 /* several of them, as bits */
        ISSUER_HEX,
        ISSUER_PCRS,                    /* "0,2,7" */
        ISSUER_LINE,                    /* text with blanks, not split */
};

/* One key of the file: the table that the parser and the man page's check read. */
struct issuer_key {
        const char *section, *name;     /* "issuer", "trust", "profile" */
        enum issuer_type type;
        size_t offset;                  /* in struct issuer_conf, or in struct profile */
        unsigned long min, max;         /* ISSUER_NUMBER, ISSUER_SECONDS */
        const char *choices;            /* separated by blanks */
        const char *help;
};
const struct issuer_key *issuer_key_at(size_t i); /* NULL behind the last */

/* An unknown section, key or value is ERR_FORMAT naming file and line, as is a profile that could give nothing. A file that others may write to is
 * ERR_PERM. The files that profiles name are read too. */
int issuer_conf_load(const char *path, struct issuer_conf *ret);
void issuer_conf_clear(struct issuer_conf *c);

/* Where something is that is not configured: the file of that name in the directory. configured: the value, or NULL. */
int issuer_conf_beside(const struct issuer_conf *c, const char *configured, const char *name, struct buf *ret);

/* One value into its place in a structure, for issuer/conf.c and issuer/profile.c. ERR_FORMAT. */
int issuer_key_set(const struct issuer_key *k, const char *value, void *structure);
void words_clear(struct words *w);
struct bytes word_at(const struct words *w, size_t i);

#endif
