/* SPDX-License-Identifier: BSD-2-Clause */
/* What do tests of the TPM layer start from? */
#include "tests/tpmfix.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tss2/tss2_tpm2_types.h>
#include <unistd.h>
#include "lib/crypto.h"
#include "lib/err.h"
#include "lib/tpmt.h"

#define PARENT 0x81010a01u

static void must(int r, const char *what)
{
        if (r == 0)
                return;
        fprintf(stderr, "%s: %s: %s\n", what, err_name(r), err_text());
        abort();
}

struct tpm *tpmfix_open(const struct tpmfix *f)
{
        struct tpm *t;

        must(tpm_open(&f->options, &t), "tpm_open");
        must(tpm_set_parent(t, &f->parent), "tpm_set_parent");
        return t;
}

void tpmfix_reopen(struct tpmfix *f)
{
        tpm_close(f->t);
        f->t = tpmfix_open(f);
}

void tpmfix_start(struct tpmfix *f)
{
        memset(f, 0, sizeof(*f));
        if (swtpm_start(&f->sw) != 0 || proxy_start(&f->proxy, &f->sw) != 0)
                abort();
        f->dirfd = open(f->sw.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        f->options = (struct tpm_options){ .tcti = f->proxy.tcti, .deadline_ms = 5000, .state_dirfd = f->dirfd };
        must(tpm_open(&f->options, &f->t), "tpm_open");
        must(tpm_parent_make(f->t, PARENT, BYTES(NULL, 0), &f->parent), "tpm_parent_make");
        tpm_close(f->t);
        f->t = tpmfix_open(f);
}

void tpmfix_stop(struct tpmfix *f)
{
        tpm_close(f->t);
        tpm_parent_clear(&f->parent);
        proxy_stop(&f->proxy);
        close(f->dirfd);
        swtpm_stop(&f->sw);
}

static void finish_key(struct tpmkey *k, const char *auth)
{
        TPM2B_PUBLIC pub;

        must(tpmt_public_decode(BYTES_OF(&k->pub), &pub), "public area");
        must(tpmt_name(&pub, &k->name), "name");
        if (pub.publicArea.type != TPM2_ALG_KEYEDHASH)
                must(tpmt_pubkey(&pub, &k->pk), "public key");
        k->key = (struct tpm_key){ .name = BYTES_OF(&k->name), .pub = BYTES_OF(&k->pub), .priv = BYTES_OF(&k->priv), .auth = BYTES_STR(auth) };
}

void tpmkey_make(struct tpm *t, const char *kind, unsigned ops, const char *auth, bool da, struct tpmkey *ret)
{
        memset(ret, 0, sizeof(*ret));
        ret->kind = key_kind_by_name(kind);
        must(tpm_key_create(t, ret->kind, ops, BYTES_STR(auth), da, &ret->pub, &ret->priv), "tpm_key_create");
        finish_key(ret, auth);
}

void tpmkey_seal(struct tpm *t, const char *secret, const char *auth, bool da, struct tpmkey *ret)
{
        memset(ret, 0, sizeof(*ret));
        must(tpm_seal(t, BYTES_STR(secret), BYTES_STR(auth), da, &ret->pub, &ret->priv), "tpm_seal");
        finish_key(ret, auth);
}

void tpmkey_clear(struct tpmkey *k)
{
        buf_clear(&k->pub);
        buf_clear(&k->priv);
        buf_clear(&k->name);
        pubkey_clear(&k->pk);
}

int tpmkey_sign(struct tpm *t, const struct tpmkey *k)
{
        struct pk_params p = { .scheme = k->kind->curve != NULL ? SCHEME_ECDSA : SCHEME_RSA_PKCS1 };
        CLEANUP(buf_clear) struct buf sig = { 0 };
        uint8_t digest[HASH_MAX];
        int r;

        p.hash = k->kind->curve != NULL ? k->kind->curve->hash : hash_by_name("SHA256");
        must(crypto_random(digest, sizeof(digest)), "random digest");
        r = tpm_sign(t, &k->key, p.scheme, p.hash, BYTES(digest, p.hash->size), &sig);
        if (r == 0)
                must(pk_verify(&k->pk, &p, BYTES(digest, p.hash->size), BYTES_OF(&sig)), "WRONG SIGNATURE");
        return r;
}

static unsigned handles(const struct tpmfix *f, uint8_t type)
{
        unsigned n;

        if (swtpm_handles(&f->sw, (uint32_t)type << 24, &n) != 0)
                abort();
        return n;
}

unsigned tpmfix_objects(const struct tpmfix *f)
{
        return handles(f, TPM2_HT_TRANSIENT);
}

unsigned tpmfix_sessions(const struct tpmfix *f)
{
        return handles(f, TPM2_HT_LOADED_SESSION);
}

unsigned tpmfix_wrong_tries(const struct tpmfix *f)
{
        uint32_t n;

        if (swtpm_property(&f->sw, TPM2_PT_LOCKOUT_COUNTER, &n) != 0)
                abort();
        return n;
}
