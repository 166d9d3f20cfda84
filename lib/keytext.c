/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes keys as people pass them around. */
#include <string.h>
#include "lib/cryptoki.h"
#include "lib/crypto.h"
#include "lib/ssh.h"
#include "lib/tsskey.h"
#include "lib/keytext.h"

/* Not by the key type: CKK_RSA is 0. */
bool keytext_is_public(const struct pubkey *k)
{
        return k->n.len > 0 || k->x.len > 0;
}

static int append_escaped(struct buf *b, struct bytes in, bool all)
{
        static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
        int r = 0;

        for (size_t i = 0; r == 0 && i < in.len; ++i) {
                if (!all && in.ptr[i] != 0 && strchr(plain, in.ptr[i]) != NULL)
                        r = buf_append_u8(b, in.ptr[i]);
                else
                        r = buf_printf(b, "%%%02X", in.ptr[i]);
        }
        return r;
}

int keytext_uri(const char *token, struct bytes object, struct bytes id, const char *type, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        int r;

        r = buf_append_str(&b, "pkcs11:token=");
        if (r == 0)
                r = append_escaped(&b, BYTES_STR(token), false);
        if (r == 0 && object.len > 0)
                r = buf_append_str(&b, ";object=");
        if (r == 0)
                r = append_escaped(&b, object, false);
        if (r == 0 && id.len > 0)
                r = buf_append_str(&b, ";id=");
        if (r == 0)
                r = append_escaped(&b, id, true);
        if (r == 0 && type != NULL)
                r = buf_printf(&b, ";type=%s", type);
        if (r == 0)
                buf_take(&b, ret);
        return r;
}

/* The key blob, and the name of its type. */
static int ssh_blob(const struct pubkey *k, struct buf *ret_type, struct buf *ret)
{
        int r = ssh_key_type(k, ret_type);

        return r == 0 ? ssh_put_key(ret, k) : r;
}

int keytext_ssh(const struct pubkey *k, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf type = { 0 }, blob = { 0 }, text = { 0 };
        int r;

        r = ssh_blob(k, &type, &blob);
        if (r == 0)
                r = base64_encode(BYTES_OF(&blob), &text);
        if (r == 0)
                r = buf_append_u8(&type, ' ');
        if (r == 0)
                r = buf_append(&type, text.ptr, text.len);
        if (r == 0)
                buf_take(&type, ret);
        return r;
}

int keytext_fingerprint(const struct pubkey *k, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf type = { 0 }, blob = { 0 }, text = { 0 }, all = { 0 };
        const struct hash *h = hash_by_name("SHA256");
        struct bytes part;
        uint8_t digest[HASH_MAX];
        int r;

        r = ssh_blob(k, &type, &blob);
        part = BYTES_OF(&blob);
        if (r == 0)
                r = crypto_hash(h, &part, 1, digest);
        if (r == 0)
                r = base64_encode(BYTES(digest, h->size), &text);
        while (r == 0 && text.len > 0 && text.ptr[text.len - 1] == '=')
                --text.len;
        if (r == 0)
                r = buf_append_str(&all, "SHA256:");
        if (r == 0)
                r = buf_append(&all, text.ptr, text.len);
        if (r == 0)
                buf_take(&all, ret);
        return r;
}

int keytext_pem(const struct pubkey *k, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf spki = { 0 };
        int r;

        r = pubkey_to_spki(k, &spki);
        return r == 0 ? pem_encode("PUBLIC KEY", BYTES(NULL, 0), BYTES_OF(&spki), ret) : r;
}
