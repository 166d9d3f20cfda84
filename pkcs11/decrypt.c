/* SPDX-License-Identifier: BSD-2-Clause */
/* C_Decrypt*: RSA in the TPM. RSA's mechanisms are single-part ones. */
#include "lib/err.h"
#include "pkcs11/call.h"
#include "pkcs11/op.h"
#include "pkcs11/rv.h"

/* What a PKCS#1 v1.5 block with bad padding decrypts to, so that nobody learns that it was bad: as
 * random to others as the key, and the same for the same block in every process that has the key.
 * In the manner of draft-irtf-cfrg-rsa-guidance, section 7; the secret is the key file's, as d is the TPM's own. */
static int synthetic(const struct op *o, struct bytes block, struct buf *ret)
{
        const struct hash *h = hash_by_name("SHA256");
        const struct item_body *body;
        uint8_t key[HASH_MAX], seed[4];
        size_t max = block.len - 11;
        int r;

        r = item_load(object_item(o->key), &body);
        if (r != 0)
                return r;
        r = crypto_hash(h, (struct bytes[]){ BYTES_OF(&body->key.priv) }, 1, key);
        if (r == 0)
                r = crypto_kdfa(h, BYTES(key, h->size), "LENGTH", block, BYTES(NULL, 0), seed, sizeof(seed));
        if (r == 0)
                r = buf_reserve(ret, max);
        if (r == 0)
                r = crypto_kdfa(h, BYTES(key, h->size), "MESSAGE", block, BYTES(NULL, 0), ret->ptr, max);
        if (r == 0)
                ret->len = ((size_t)seed[0] << 24 | (size_t)seed[1] << 16 | (size_t)seed[2] << 8 | seed[3]) % (max + 1);
        wipe(key, sizeof(key));
        return r;
}

/* The length is right by now: what is out of range is the number, above its modulus. */
static CK_RV rv_of(int r)
{
        return r == ERR_FORMAT ? CKR_ENCRYPTED_DATA_INVALID : rv_from_err_range(r, CKR_ENCRYPTED_DATA_INVALID);
}

static CK_RV perform(struct session *s, struct op *o, struct bytes in, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf instead = { 0 };
        struct key_use use = session_use(s, object_item(o->key));
        int r;

        if (o->params.scheme != SCHEME_RSA_PKCS1)
                return rv_of(signer_decrypt(session_keyring(s), &use, &o->params, in, ret));

        /* Made in any case: the time must not tell whether it was wanted. */
        r = synthetic(o, in, &instead);
        if (r != 0)
                return rv_from_err(r);
        r = signer_decrypt(session_keyring(s), &use, &o->params, in, ret);
        if (r == ERR_FORMAT) {
                buf_take(&instead, ret);
                r = 0;
        }
        return rv_of(r);
}

static CK_RV decrypt(struct session *s, struct bytes in, CK_BYTE *out, CK_ULONG *out_len)
{
        struct op *o;
        CK_RV rv;

        rv = op_get(s, OP_DECRYPT, OP_ONE_SHOT, &o);
        if (rv != CKR_OK)
                return rv;
        if (out_len == NULL)
                return CKR_ARGUMENTS_BAD;
        /* How long the plaintext is nobody knows yet; longer than the block it is not. */
        if (out == NULL)
                return op_room(NULL, out_len, op_size(o));
        if (op_missing(in))
                return CKR_ARGUMENTS_BAD;
        if (in.len != op_size(o))
                return CKR_ENCRYPTED_DATA_LEN_RANGE;
        if (o->needs_login)
                return CKR_USER_NOT_LOGGED_IN;

        /* A caller that comes back with more room costs no second decryption. */
        if (!o->done || !bytes_equal(BYTES_OF(&o->data), in)) {
                o->done = false;
                buf_reset(&o->result);
                if (buf_set(&o->data, in) != 0)
                        return CKR_HOST_MEMORY;
                rv = perform(s, o, in, &o->result);
                if (rv != CKR_OK)
                        return rv;
                o->done = true;
        }
        return op_output(BYTES_OF(&o->result), out, out_len);
}

CK_RV C_DecryptInit(CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
        struct call c;
        CK_RV rv;

        rv = call_begin_session(&c, h);
        if (rv != CKR_OK)
                return rv;
        return call_end(&c, op_init(c.session, OP_DECRYPT, m, key));
}

CK_RV C_Decrypt(CK_SESSION_HANDLE h, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len)
{
        struct call c;
        CK_RV rv;

        rv = call_begin_session(&c, h);
        if (rv != CKR_OK)
                return rv;
        rv = decrypt(c.session, BYTES(in, in_len), out, out_len);
        return call_end(&c, op_end(c.session, OP_DECRYPT, rv, out == NULL));
}

static CK_RV refuse_parts(CK_SESSION_HANDLE h)
{
        struct call c;
        CK_RV rv;

        rv = call_begin_session(&c, h);
        if (rv != CKR_OK)
                return rv;
        return call_end(&c, op_refuse_parts(c.session, OP_DECRYPT));
}

CK_RV C_DecryptUpdate(CK_SESSION_HANDLE h, CK_BYTE *part, CK_ULONG part_len, CK_BYTE *out, CK_ULONG *out_len)
{
        (void)part;
        (void)part_len;
        (void)out;
        (void)out_len;
        return refuse_parts(h);
}

CK_RV C_DecryptFinal(CK_SESSION_HANDLE h, CK_BYTE *out, CK_ULONG *out_len)
{
        (void)out;
        (void)out_len;
        return refuse_parts(h);
}
