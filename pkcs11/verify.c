/* SPDX-License-Identifier: BSD-2-Clause */
/* C_Verify*: in software with the public half; HMAC by making it again. */
#include "lib/err.h"
#include "pkcs11/call.h"
#include "pkcs11/op.h"
#include "pkcs11/rv.h"

static CK_RV check_mac(struct session *s, struct op *o, struct bytes in, struct bytes sig)
{
        CLEANUP(buf_clear) struct buf mac = { 0 };
        CK_RV rv;

        if (o->needs_login)
                return CKR_USER_NOT_LOGGED_IN;
        rv = op_hmac(s, o, in, &mac);
        if (rv != CKR_OK)
                return rv;
        return bytes_equal_secret(BYTES_OF(&mac), sig) ? CKR_OK : CKR_SIGNATURE_INVALID;
}

static CK_RV check(struct op *o, struct bytes in, struct bytes sig)
{
        int r = pk_verify(object_pubkey(o->key), &o->params, in, sig);

        /* Lengths are right by now: what is out of range is the number, above its modulus. */
        return r == ERR_AUTH ? CKR_SIGNATURE_INVALID : rv_from_err_range(r, CKR_SIGNATURE_INVALID);
}

/* one_shot NULL: of the parts so far. */
static CK_RV verify(struct session *s, enum op_call call, const struct bytes *one_shot, struct bytes sig)
{
        uint8_t digest[HASH_MAX];
        struct bytes in;
        struct op *o;
        CK_RV rv;

        rv = op_get(s, OP_VERIFY, call, &o);
        if (rv != CKR_OK)
                return rv;
        if (sig.ptr == NULL)
                return CKR_ARGUMENTS_BAD;
        if (sig.len != op_size(o))
                return CKR_SIGNATURE_LEN_RANGE;
        rv = op_input(o, one_shot, digest, &in);
        if (rv != CKR_OK)
                return rv;
        return o->params.scheme == SCHEME_HMAC ? check_mac(s, o, in, sig) : check(o, in, sig);
}

CK_RV C_VerifyInit(CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
        struct call c;
        CK_RV rv;

        rv = call_begin_session(&c, h);
        if (rv != CKR_OK)
                return rv;
        return call_end(&c, op_init(c.session, OP_VERIFY, m, key));
}

CK_RV C_Verify(CK_SESSION_HANDLE h, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *sig, CK_ULONG sig_len)
{
        struct bytes in = BYTES(data, data_len);
        struct call c;
        CK_RV rv;

        rv = call_begin_session(&c, h);
        if (rv != CKR_OK)
                return rv;
        rv = verify(c.session, OP_ONE_SHOT, &in, BYTES(sig, sig_len));
        return call_end(&c, op_end(c.session, OP_VERIFY, rv, false));
}

CK_RV C_VerifyUpdate(CK_SESSION_HANDLE h, CK_BYTE *part, CK_ULONG part_len)
{
        struct call c;
        struct op *o;
        CK_RV rv;

        rv = call_begin_session(&c, h);
        if (rv != CKR_OK)
                return rv;
        rv = op_get(c.session, OP_VERIFY, OP_UPDATE, &o);
        if (rv == CKR_OK)
                rv = op_update(o, BYTES(part, part_len));
        return call_end(&c, op_end(c.session, OP_VERIFY, rv, true));
}

CK_RV C_VerifyFinal(CK_SESSION_HANDLE h, CK_BYTE *sig, CK_ULONG sig_len)
{
        struct call c;
        CK_RV rv;

        rv = call_begin_session(&c, h);
        if (rv != CKR_OK)
                return rv;
        rv = verify(c.session, OP_FINAL, NULL, BYTES(sig, sig_len));
        return call_end(&c, op_end(c.session, OP_VERIFY, rv, false));
}
