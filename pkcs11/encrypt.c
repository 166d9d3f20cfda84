/* SPDX-License-Identifier: BSD-2-Clause */
/* C_Encrypt*: RSA with a public key, in software. RSA's mechanisms are single-part ones. */
#include "pkcs11/call.h"
#include "pkcs11/op.h"
#include "pkcs11/rv.h"

static CK_RV encrypt(struct session *s, struct bytes in, CK_BYTE *out, CK_ULONG *out_len)
{
        CLEANUP(buf_clear) struct buf block = { 0 };
        struct op *o;
        CK_RV rv;

        rv = op_get(s, OP_ENCRYPT, OP_ONE_SHOT, &o);
        if (rv != CKR_OK)
                return rv;
        if (out_len == NULL)
                return CKR_ARGUMENTS_BAD;
        rv = op_room(out, out_len, op_size(o));
        if (rv != CKR_OK || out == NULL)
                return rv;

        if (op_missing(in))
                return CKR_ARGUMENTS_BAD;
        rv = rv_from_err_range(pk_encrypt(object_pubkey(o->key), &o->params, in, &block), CKR_DATA_LEN_RANGE);
        if (rv != CKR_OK)
                return rv;
        return op_output(BYTES_OF(&block), out, out_len);
}

CK_RV C_EncryptInit(CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
        struct call c;
        CK_RV rv;

        rv = call_begin_session(&c, h);
        if (rv != CKR_OK)
                return rv;
        return call_end(&c, op_init(c.session, OP_ENCRYPT, m, key));
}

CK_RV C_Encrypt(CK_SESSION_HANDLE h, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *out, CK_ULONG *out_len)
{
        struct call c;
        CK_RV rv;

        rv = call_begin_session(&c, h);
        if (rv != CKR_OK)
                return rv;
        rv = encrypt(c.session, BYTES(data, data_len), out, out_len);
        return call_end(&c, op_end(c.session, OP_ENCRYPT, rv, out == NULL));
}

static CK_RV refuse_parts(CK_SESSION_HANDLE h)
{
        struct call c;
        CK_RV rv;

        rv = call_begin_session(&c, h);
        if (rv != CKR_OK)
                return rv;
        return call_end(&c, op_refuse_parts(c.session, OP_ENCRYPT));
}

CK_RV C_EncryptUpdate(CK_SESSION_HANDLE h, CK_BYTE *part, CK_ULONG part_len, CK_BYTE *out, CK_ULONG *out_len)
{
        (void)part;
        (void)part_len;
        (void)out;
        (void)out_len;
        return refuse_parts(h);
}

CK_RV C_EncryptFinal(CK_SESSION_HANDLE h, CK_BYTE *out, CK_ULONG *out_len)
{
        (void)out;
        (void)out_len;
        return refuse_parts(h);
}
