/* SPDX-License-Identifier: BSD-2-Clause */
/* Every use of a private key: what its file allows, then the backend. */
#include <string.h>
#include "keys/keyauth.h"
#include "keys/signer.h"
#include "keys/usage.h"
#include "lib/err.h"

/* What an operation needs of a key, and the authorisation value that has to be wiped after it. */
struct grip {
        const struct item_body *body;
        struct keyauth auth;
        struct keyref ref;
};

static void grip_clear(struct grip *g)
{
        keyauth_clear(&g->auth);
}

/* A file that another tool made has no usage line; its public area decides in the TPM. */
static int authorise(const struct item_body *body, unsigned op)
{
        unsigned usage;

        if (usage_from_attrs(&body->attrs, &usage) == 0 && !(usage & op))
                return err(ERR_DENIED, "the key's file does not allow that use of it");
        return 0;
}

static int take(const struct key_use *u, unsigned op, struct grip *ret)
{
        int r;

        if (u->item->type != ITEM_KEY)
                return err(ERR_INVAL, "the object has no private half");
        r = item_load(u->item, &ret->body);
        if (r != 0)
                return r;
        if (!ret->body->kind)
                return err(ERR_NOTSUP, "a kind of key that this version does not know");
        r = authorise(ret->body, op);
        if (r == 0)
                r = keyauth_derive(u->secret, &ret->body->attrs, &ret->auth);
        if (r != 0)
                return r;
        ret->ref = (struct keyref){
                .key = &ret->body->key,
                .name = BYTES_OF(&ret->body->name),
                .auth = BYTES(ret->auth.value, ret->auth.len),
                .kind = ret->body->kind,
        };
        return 0;
}

static int cannot(void)
{
        return err(ERR_NOTSUP, "the hardware that holds the key cannot do that");
}

int signer_sign(struct keyring *k, const struct key_use *u, const struct pk_params *p, struct bytes digest, struct buf *ret_sig)
{
        struct backend *b = keyring_backend(k);
        CLEANUP(grip_clear) struct grip g = { 0 };
        int r;

        if (!b->ops->sign)
                return cannot();
        r = take(u, ALG_SIGN, &g);
        return r != 0 ? r : b->ops->sign(b, &g.ref, p, digest, ret_sig);
}

int signer_decrypt(struct keyring *k, const struct key_use *u, const struct pk_params *p, struct bytes in, struct buf *ret_out)
{
        struct backend *b = keyring_backend(k);
        CLEANUP(grip_clear) struct grip g = { 0 };
        int r;

        if (!b->ops->decrypt)
                return cannot();
        r = take(u, ALG_DECRYPT, &g);
        return r != 0 ? r : b->ops->decrypt(b, &g.ref, p, in, ret_out);
}

int signer_derive(struct keyring *k, const struct key_use *u, struct bytes point, struct buf *ret_z)
{
        struct backend *b = keyring_backend(k);
        CLEANUP(grip_clear) struct grip g = { 0 };
        int r;

        if (!b->ops->derive)
                return cannot();
        r = take(u, ALG_DERIVE, &g);
        return r != 0 ? r : b->ops->derive(b, &g.ref, point, ret_z);
}

int signer_hmac(struct keyring *k, const struct key_use *u, struct bytes data, struct buf *ret_mac)
{
        struct backend *b = keyring_backend(k);
        CLEANUP(grip_clear) struct grip g = { 0 };
        int r;

        if (!b->ops->hmac)
                return cannot();
        r = take(u, ALG_SIGN, &g);
        return r != 0 ? r : b->ops->hmac(b, &g.ref, data, ret_mac);
}
