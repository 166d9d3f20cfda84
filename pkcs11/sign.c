/* SPDX-License-Identifier: BSD-2-Clause */
/* C_Sign*: digest in software, then the one gate. */
#include "pkcs11/call.h"
#include "pkcs11/op.h"
#include "pkcs11/rv.h"

static CK_RV perform(struct session *s, struct op *o, struct bytes in, struct buf *ret)
{
        struct key_use use = session_use(s, object_item(o->key));

        if (o->params.scheme == SCHEME_HMAC)
                return op_hmac(s, o, in, ret);
        return rv_from_err_range(signer_sign(session_keyring(s), &use, &o->params, in, ret), CKR_DATA_LEN_RANGE);
}

/* one_shot NULL: of the parts so far. */
static CK_RV sign(struct session *s, enum op_call call, const struct bytes *one_shot, CK_BYTE *out, CK_ULONG *out_len)
{
        CLEANUP(buf_clear) struct buf sig = { 0 };
        uint8_t digest[HASH_MAX];
        struct bytes in;
        struct op *o;
        CK_RV rv;

        rv = op_get(s, OP_SIGN, call, &o);
        if (rv != CKR_OK)
                return rv;
        if (out_len == NULL)
                return CKR_ARGUMENTS_BAD;
        rv = op_room(out, out_len, op_size(o));
        if (rv != CKR_OK || out == NULL)
                return rv;
        if (o->needs_login)
                return CKR_USER_NOT_LOGGED_IN;

        rv = op_input(o, one_shot, digest, &in);
        if (rv == CKR_OK)
                rv = perform(s, o, in, &sig);
        if (rv != CKR_OK)
                return rv;
        return op_output(BYTES_OF(&sig), out, out_len);
}

CK_RV C_SignInit(CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
        struct call c;
        CK_RV rv;

        rv = call_begin_session(&c, h);
        if (rv != CKR_OK)
                return rv;
        return call_end(&c, op_init(c.session, OP_SIGN, m, key));
}

CK_RV C_Sign(CK_SESSION_HANDLE h, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *sig, CK_ULONG *sig_len)
{
        struct bytes in = BYTES(data, data_len);
        struct call c;
        CK_RV rv;

        rv = call_begin_session(&c, h);
        if (rv != CKR_OK)
                return rv;
        rv = sign(c.session, OP_ONE_SHOT, &in, sig, sig_len);
        return call_end(&c, op_end(c.session, OP_SIGN, rv, sig == NULL));
}

CK_RV C_SignUpdate(CK_SESSION_HANDLE h, CK_BYTE *part, CK_ULONG part_len)
{
        struct call c;
        struct op *o;
        CK_RV rv;

        rv = call_begin_session(&c, h);
        if (rv != CKR_OK)
                return rv;
        rv = op_get(c.session, OP_SIGN, OP_UPDATE, &o);
        if (rv == CKR_OK)
                rv = op_update(o, BYTES(part, part_len));
        return call_end(&c, op_end(c.session, OP_SIGN, rv, true));
}

CK_RV C_SignFinal(CK_SESSION_HANDLE h, CK_BYTE *sig, CK_ULONG *sig_len)
{
        struct call c;
        CK_RV rv;

        rv = call_begin_session(&c, h);
        if (rv != CKR_OK)
                return rv;
        rv = sign(c.session, OP_FINAL, NULL, sig, sig_len);
        return call_end(&c, op_end(c.session, OP_SIGN, rv, sig == NULL));
}
