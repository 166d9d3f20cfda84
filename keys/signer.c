/* SPDX-License-Identifier: BSD-2-Clause */
/* Every use of a private key: what its file allows, then the backend. */
#include <string.h>
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

static int take(struct keyring *k, const struct key_use *u, struct grip *ret)
{
        int r;

        if (u->item->type != ITEM_KEY)
                return err(ERR_INVAL, "the object has no private half");
        r = item_load(u->item, &ret->body);
        if (r != 0)
                return r;
        if (!ret->body->kind)
                return err(ERR_NOTSUP, "a kind of key that this version does not know");
        r = keyring_key_auth(k, u->secret, &ret->body->attrs, &ret->auth);
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

/* One use of a key, from the question whether it may be to the release of what comes out. */
struct use {
        unsigned op;                    /* ALG_* */
        const char *operation;          /* as rules and records call it */
        const struct pk_params *params;
        struct bytes in;
        bool secret_out;                /* what comes out is not for the log */
        int (*perform)(struct backend *b, const struct keyref *k, const struct use *u, struct buf *ret);
};

static int decide(const struct key_use *u, const struct use *use, const struct item_body *body, struct deed *d,
                  char mechanism[MECHANISM_NAME_MAX])
{
        struct bytes label, id;
        int r;

        if (u->caller == NULL)
                return authorise(body, use->op);
        r = item_label(u->item, &label);
        if (r == 0)
                r = item_id(u->item, &id);
        if (r != 0)
                return r;
        mechanism_name(use->params, mechanism);
        *d = (struct deed){
                .event = AUDIT_USE,
                .agent = u->agent,
                .request = { .key_label = label, .key_id = id, .operation = use->operation, .mechanism = mechanism },
                .key_public = BYTES_OF(&body->key.pub),
                .digest = use->in,
        };
        r = authorise(body, use->op);
        return r != 0 ? caller_refuse(u->caller, d, r) : caller_may(u->caller, d);
}

static int run(struct keyring *k, const struct key_use *u, const struct use *use, struct buf *ret)
{
        CLEANUP(grip_clear) struct grip g = { 0 };
        CLEANUP(buf_clear) struct buf out = { 0 };
        char mechanism[MECHANISM_NAME_MAX];
        struct deed deed;
        int r;

        r = take(k, u, &g);
        if (r == 0)
                r = decide(u, use, g.body, &deed, mechanism);
        if (r != 0)
                return r;
        r = use->perform(keyring_backend(k), &g.ref, use, &out);
        /* An unrecorded result is never released. */
        if (u->caller != NULL)
                r = caller_did(u->caller, &deed, r, use->secret_out ? (struct bytes){ 0 } : BYTES_OF(&out));
        if (r == 0)
                buf_take(&out, ret);
        return r;
}

static int perform_sign(struct backend *b, const struct keyref *k, const struct use *u, struct buf *ret)
{
        return b->ops->sign != NULL ? b->ops->sign(b, k, u->params, u->in, ret) : cannot();
}

static int perform_decrypt(struct backend *b, const struct keyref *k, const struct use *u, struct buf *ret)
{
        return b->ops->decrypt != NULL ? b->ops->decrypt(b, k, u->params, u->in, ret) : cannot();
}

static int perform_derive(struct backend *b, const struct keyref *k, const struct use *u, struct buf *ret)
{
        return b->ops->derive != NULL ? b->ops->derive(b, k, u->in, ret) : cannot();
}

static int perform_hmac(struct backend *b, const struct keyref *k, const struct use *u, struct buf *ret)
{
        return b->ops->hmac != NULL ? b->ops->hmac(b, k, u->in, ret) : cannot();
}

int signer_sign(struct keyring *k, const struct key_use *u, const struct pk_params *p, struct bytes digest, struct buf *ret_sig)
{
        return run(k, u, &(struct use){ ALG_SIGN, "sign", p, digest, false, perform_sign }, ret_sig);
}

int signer_decrypt(struct keyring *k, const struct key_use *u, const struct pk_params *p, struct bytes in, struct buf *ret_out)
{
        return run(k, u, &(struct use){ ALG_DECRYPT, "decrypt", p, in, true, perform_decrypt }, ret_out);
}

int signer_derive(struct keyring *k, const struct key_use *u, struct bytes point, struct buf *ret_z)
{
        static const struct pk_params ecdh = { .scheme = SCHEME_ECDH };

        return run(k, u, &(struct use){ ALG_DERIVE, "derive", &ecdh, point, true, perform_derive }, ret_z);
}

int signer_hmac(struct keyring *k, const struct key_use *u, struct bytes data, struct buf *ret_mac)
{
        static const struct pk_params hmac = { .scheme = SCHEME_HMAC };

        /* What the value authenticates is the caller's; whoever knows it could pass it off. */
        return run(k, u, &(struct use){ ALG_SIGN, "mac", &hmac, data, true, perform_hmac }, ret_mac);
}
