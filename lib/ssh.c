/* SPDX-License-Identifier: BSD-2-Clause */
/* How does SSH write numbers and public keys? */
#include "lib/ssh.h"
#include <string.h>
#include "lib/cryptoki.h"
#include "lib/err.h"

#define ECDSA "ecdsa-sha2-"

int ssh_put_string(struct buf *out, struct bytes s)
{
        int r = buf_append_u32(out, (uint32_t)s.len);

        return r == 0 ? buf_append(out, s.ptr, s.len) : r;
}

int ssh_put_u64(struct buf *out, uint64_t v)
{
        int r = buf_append_u32(out, (uint32_t)(v >> 32));

        return r == 0 ? buf_append_u32(out, (uint32_t)v) : r;
}

int ssh_put_mpint(struct buf *out, struct bytes n)
{
        bool pad;
        int r;

        while (n.len > 0 && n.ptr[0] == 0)
                n = BYTES(n.ptr + 1, n.len - 1);
        pad = n.len > 0 && (n.ptr[0] & 0x80) != 0;
        r = buf_append_u32(out, (uint32_t)(n.len + pad));
        if (r == 0 && pad)
                r = buf_append_u8(out, 0);
        return r == 0 ? buf_append(out, n.ptr, n.len) : r;
}

int ssh_key_type(const struct pubkey *k, struct buf *ret)
{
        if (k->ckk == CKK_EC && strncmp(k->curve->name, "P-", 2) == 0)
                return buf_printf(ret, ECDSA "nistp%s", k->curve->name + 2);
        if (k->ckk == CKK_RSA && k->n.len > 0)
                return buf_append_str(ret, "ssh-rsa");
        return err(ERR_NOTSUP, "OpenSSH has no name for this kind of key");
}

int ssh_put_key_members(struct buf *out, const struct pubkey *k)
{
        CLEANUP(buf_clear) struct buf type = { 0 }, point = { 0 };
        int r;

        r = ssh_key_type(k, &type);
        if (r != 0)
                return r;
        if (k->ckk == CKK_RSA) {
                r = ssh_put_mpint(out, BYTES_OF(&k->e));
                return r == 0 ? ssh_put_mpint(out, BYTES_OF(&k->n)) : r;
        }
        r = ssh_put_string(out, BYTES(type.ptr + strlen(ECDSA), type.len - strlen(ECDSA)));
        if (r == 0)
                r = pubkey_point(k, &point);
        return r == 0 ? ssh_put_string(out, BYTES_OF(&point)) : r;
}

int ssh_put_key(struct buf *out, const struct pubkey *k)
{
        CLEANUP(buf_clear) struct buf type = { 0 };
        int r;

        r = ssh_key_type(k, &type);
        if (r == 0)
                r = ssh_put_string(out, BYTES_OF(&type));
        return r == 0 ? ssh_put_key_members(out, k) : r;
}
