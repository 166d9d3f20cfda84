/* SPDX-License-Identifier: BSD-2-Clause */
/* How is an issuer's key of a checkpoint, and what it signs, written down? C2SP signed-note. */
#include "audit/notekey.h"
#include <string.h>
#include "audit/vkey.h"
#include "lib/crypto.h"
#include "lib/err.h"
#include "lib/pk.h"

/* A type without a number in signed-note has 0xff and a name. */
#define RSA_TYPE "\xffholdfast-rsa"

/* RFC 8410, 4: SEQUENCE { SEQUENCE { 1.3.101.112 }, BIT STRING }. The key comes behind. */
static const uint8_t ed25519_head[] = { 0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00 };

static int digest_id(const struct bytes *parts, size_t n, uint8_t ret[NOTEKEY_ID_SIZE])
{
        const struct hash *sha256 = hash_by_name("SHA256");
        uint8_t digest[32];
        int r = crypto_hash(sha256, parts, n, digest);

        if (r == 0)
                memcpy(ret, digest, NOTEKEY_ID_SIZE);
        return r;
}

int notekey_id(struct bytes name, struct bytes spki, uint8_t ret[NOTEKEY_ID_SIZE])
{
        CLEANUP(pubkey_clear) struct pubkey k = { 0 };
        int r;

        if (spki.len == sizeof(ed25519_head) + VKEY_SIZE && memcmp(spki.ptr, ed25519_head, sizeof(ed25519_head)) == 0)
                return vkey_id(name, spki.ptr + sizeof(ed25519_head), ret);
        r = pubkey_from_spki(spki, &k);
        if (r != 0)
                return r;
        /* ECDSA's are older than the rule that the name goes into the ID. */
        if (k.curve != NULL)
                return digest_id(&spki, 1, ret);
        return digest_id((const struct bytes[]){ name, BYTES("\n", 1), BYTES_STR(RSA_TYPE), spki }, 4, ret);
}

int notekey_line(struct bytes name, struct bytes spki, struct bytes signature, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf line = { 0 };
        uint8_t id[NOTEKEY_ID_SIZE];
        int r;

        r = notekey_id(name, spki, id);
        if (r == 0)
                r = buf_append(&line, id, sizeof(id));
        if (r == 0)
                r = buf_append(&line, signature.ptr, signature.len);
        if (r == 0)
                buf_take(&line, ret);
        return r;
}

int notekey_line_signature(struct bytes line, struct bytes name, struct bytes spki, struct bytes *ret_signature)
{
        uint8_t id[NOTEKEY_ID_SIZE];
        int r = notekey_id(name, spki, id);

        if (r != 0)
                return r;
        if (line.len <= sizeof(id) || memcmp(line.ptr, id, sizeof(id)) != 0)
                return err(ERR_AUTH, "it is signed by another key");
        *ret_signature = BYTES(line.ptr + sizeof(id), line.len - sizeof(id));
        return 0;
}
