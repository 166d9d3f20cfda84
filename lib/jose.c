/* SPDX-License-Identifier: BSD-2-Clause */
/* How does JSON write bytes and public keys? */
#include "lib/jose.h"
#include "lib/crypto.h"
#include "lib/cryptoki.h"
#include "lib/err.h"

int base64url_append(struct buf *out, struct bytes in)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        int r;

        r = base64_encode(in, &text);
        if (r != 0)
                return r;
        for (size_t i = 0; i < text.len; i++) {
                if (text.ptr[i] == '=') {
                        text.len = i;
                        break;
                }
                if (text.ptr[i] == '+')
                        text.ptr[i] = '-';
                else if (text.ptr[i] == '/')
                        text.ptr[i] = '_';
        }
        return buf_append(out, text.ptr, text.len);
}

static int member(struct buf *out, const char *name, struct bytes v)
{
        int r = buf_append_str(out, name);

        if (r == 0)
                r = base64url_append(out, v);
        return r == 0 ? buf_append_u8(out, '"') : r;
}

int jwk_append(struct buf *out, const struct pubkey *k)
{
        int r;

        if (k->ckk == CKK_EC) {
                r = buf_printf(out, "\"crv\":\"%s\",\"kty\":\"EC\"", k->curve->name);
                if (r == 0)
                        r = member(out, ",\"x\":\"", BYTES_OF(&k->x));
                return r == 0 ? member(out, ",\"y\":\"", BYTES_OF(&k->y)) : r;
        }
        if (k->ckk != CKK_RSA || k->n.len == 0)
                return err(ERR_NOTSUP, "JSON Web Keys have no name for this kind of key");
        r = member(out, "\"e\":\"", BYTES_OF(&k->e));
        if (r == 0)
                r = buf_append_str(out, ",\"kty\":\"RSA\"");
        return r == 0 ? member(out, ",\"n\":\"", BYTES_OF(&k->n)) : r;
}

int jwk_thumbprint(const struct pubkey *k, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf json = { 0 }, text = { 0 };
        const struct hash *h = hash_by_name("SHA256");
        uint8_t digest[HASH_MAX];
        struct bytes part;
        int r;

        r = buf_append_u8(&json, '{');
        if (r == 0)
                r = jwk_append(&json, k);
        if (r == 0)
                r = buf_append_u8(&json, '}');
        part = BYTES_OF(&json);
        if (r == 0)
                r = crypto_hash(h, &part, 1, digest);
        if (r == 0)
                r = base64url_append(&text, BYTES(digest, h->size));
        if (r == 0)
                buf_take(&text, ret);
        return r;
}
