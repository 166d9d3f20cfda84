/* SPDX-License-Identifier: BSD-2-Clause */
/* What holds private halves: a TPM now, an HSM later. No sessions, no attributes,
 * no PINs below this line. A NULL operation is one the hardware cannot do. */
#ifndef HOLDFAST_KEYS_BACKEND_H
#define HOLDFAST_KEYS_BACKEND_H

#include <stdbool.h>
#include "lib/alg.h"
#include "lib/buf.h"
#include "lib/pk.h"
#include "lib/tsskey.h"

struct backend {
        const struct backend_ops *ops;
};

/* A key to use. Borrowed for the call. */
struct keyref {
        const struct tsskey *key;
        struct bytes name;        /* TPM name */
        struct bytes auth;
        const struct key_kind *kind;
};

struct backend_ops {
        const char *name;
        /* usage: ALG_SIGN | ALG_DECRYPT | ALG_DERIVE. */
        int (*generate)(struct backend *b, const struct key_kind *kind, unsigned usage, struct bytes auth, struct tsskey *ret);
        /* ECDSA takes a digest of any length. p carries scheme, hash and, for PSS, salt length and MGF hash. */
        int (*sign)(struct backend *b, const struct keyref *k, const struct pk_params *p, struct bytes digest, struct buf *ret_sig);
        int (*decrypt)(struct backend *b, const struct keyref *k, const struct pk_params *p, struct bytes in, struct buf *ret_out);
        int (*derive)(struct backend *b, const struct keyref *k, struct bytes point, struct buf *ret_z);
        int (*hmac)(struct backend *b, const struct keyref *k, struct bytes data, struct buf *ret_mac);
        /* lockout: wrong tries count in the hardware too. */
        int (*seal)(struct backend *b, struct bytes secret, struct bytes auth, bool lockout, struct tsskey *ret);
        int (*unseal)(struct backend *b, const struct keyref *k, struct buf *ret_secret);
        int (*random)(struct backend *b, uint8_t *out, size_t len);
        /* True if a sign, decrypt or generate of that kind is in its power, by what it reported at init. No command. */
        bool (*can)(struct backend *b, const struct alg *a);
        bool (*can_make)(struct backend *b, const struct key_kind *kind);
        void (*forget)(struct backend *b, struct bytes name);
        void (*close)(struct backend *b);
        void (*abandon)(struct backend *b); /* in a forked child */
};

#endif
