/* SPDX-License-Identifier: BSD-2-Clause */
/* C_Digest*: in software, in any session. */
#include <stdlib.h>
#include "pkcs11/call.h"
#include "pkcs11/carry.h"
#include "pkcs11/objects.h"
#include "pkcs11/op.h"
#include "pkcs11/rv.h"

static CK_RV init(struct session *s, const CK_MECHANISM *m)
{
        struct carried carried = { 0 };
        const struct hash *h;
        struct op *o;
        CK_RV rv;

        rv = s->app->host != NULL ? carry_unpack(m, &carried, &m) : CKR_OK;
        if (rv != CKR_OK)
                return rv;
        if (m == NULL)
                return op_cancel(s, OP_DIGEST);
        if (s->op[OP_DIGEST] != NULL)
                return CKR_OPERATION_ACTIVE;
        h = hash_by_ckm(m->mechanism);
        if (h == NULL)
                return CKR_MECHANISM_INVALID;
        if (m->ulParameterLen != 0)
                return CKR_MECHANISM_PARAM_INVALID;
        o = calloc(1, sizeof(*o));
        if (o == NULL)
                return CKR_HOST_MEMORY;
        o->hash = h;
        s->op[OP_DIGEST] = o;
        return CKR_OK;
}

/* one_shot NULL: of the parts so far. */
static CK_RV digest(struct session *s, enum op_call call, const struct bytes *one_shot, CK_BYTE *out, CK_ULONG *out_len)
{
        uint8_t md[HASH_MAX];
        struct bytes ready;
        struct op *o;
        CK_RV rv;

        rv = op_get(s, OP_DIGEST, call, &o);
        if (rv != CKR_OK)
                return rv;
        if (out_len == NULL)
                return CKR_ARGUMENTS_BAD;
        rv = op_room(out, out_len, o->hash->size);
        if (rv != CKR_OK || out == NULL)
                return rv;
        rv = op_input(o, one_shot, md, &ready);
        if (rv != CKR_OK)
                return rv;
        return op_output(ready, out, out_len);
}

/* A key in hardware has no value to digest; a derived one in this session has. */
static CK_RV digest_key(struct session *s, CK_OBJECT_HANDLE key)
{
        CLEANUP(object_unrefp) struct object *k = NULL;
        struct op *o;
        CK_RV rv;

        rv = op_get(s, OP_DIGEST, OP_UPDATE, &o);
        if (rv != CKR_OK)
                return rv;
        rv = object_get(s, key, &k);
        if (rv == CKR_OBJECT_HANDLE_INVALID)
                return CKR_KEY_HANDLE_INVALID;
        if (rv != CKR_OK)
                return rv;
        if (object_secret_value(k).len == 0)
                return CKR_KEY_INDIGESTIBLE;
        return op_update(o, object_secret_value(k));
}

CK_RV C_DigestInit(CK_SESSION_HANDLE h, CK_MECHANISM *m)
{
        struct call c;
        CK_RV rv;

        rv = call_begin_session(&c, h);
        if (rv != CKR_OK)
                return rv;
        return call_end(&c, init(c.session, m));
}

CK_RV C_Digest(CK_SESSION_HANDLE h, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *md, CK_ULONG *md_len)
{
        struct bytes in = BYTES(data, data_len);
        struct call c;
        CK_RV rv;

        rv = call_begin_session(&c, h);
        if (rv != CKR_OK)
                return rv;
        rv = digest(c.session, OP_ONE_SHOT, &in, md, md_len);
        return call_end(&c, op_end(c.session, OP_DIGEST, rv, md == NULL));
}

CK_RV C_DigestUpdate(CK_SESSION_HANDLE h, CK_BYTE *part, CK_ULONG part_len)
{
        struct call c;
        struct op *o;
        CK_RV rv;

        rv = call_begin_session(&c, h);
        if (rv != CKR_OK)
                return rv;
        rv = op_get(c.session, OP_DIGEST, OP_UPDATE, &o);
        if (rv == CKR_OK)
                rv = op_update(o, BYTES(part, part_len));
        return call_end(&c, op_end(c.session, OP_DIGEST, rv, true));
}

CK_RV C_DigestKey(CK_SESSION_HANDLE h, CK_OBJECT_HANDLE key)
{
        struct call c;
        CK_RV rv;

        rv = call_begin_session(&c, h);
        if (rv != CKR_OK)
                return rv;
        rv = digest_key(c.session, key);
        return call_end(&c, op_end(c.session, OP_DIGEST, rv, true));
}

CK_RV C_DigestFinal(CK_SESSION_HANDLE h, CK_BYTE *md, CK_ULONG *md_len)
{
        struct call c;
        CK_RV rv;

        rv = call_begin_session(&c, h);
        if (rv != CKR_OK)
                return rv;
        rv = digest(c.session, OP_FINAL, NULL, md, md_len);
        return call_end(&c, op_end(c.session, OP_DIGEST, rv, md == NULL));
}
