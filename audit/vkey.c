/* SPDX-License-Identifier: BSD-2-Clause */
/* How is an Ed25519 key of a checkpoint, and what it signs, written down? C2SP signed-note. */
#include <string.h>
#include "audit/note.h"
#include "audit/vkey.h"
#include "lib/crypto.h"
#include "lib/err.h"

#define TYPE_ED25519 0x01

int vkey_id(struct bytes name, const uint8_t key[VKEY_SIZE], uint8_t ret[VKEY_ID_SIZE])
{
        static const uint8_t between[] = { '\n', TYPE_ED25519 };
        uint8_t digest[TREE_HASH];
        int r;

        r = crypto_hash(hash_by_name("SHA256"), (const struct bytes[]){ name, BYTES(between, sizeof(between)), BYTES(key, VKEY_SIZE) }, 3, digest);
        if (r == 0)
                memcpy(ret, digest, VKEY_ID_SIZE);
        return r;
}

int vkey_line(struct bytes name, const uint8_t key[VKEY_SIZE], const uint8_t signature[VKEY_SIGNATURE_SIZE], struct buf *ret)
{
        uint8_t line[VKEY_ID_SIZE + VKEY_SIGNATURE_SIZE];
        int r = vkey_id(name, key, line);

        if (r != 0)
                return r;
        memcpy(line + VKEY_ID_SIZE, signature, VKEY_SIGNATURE_SIZE);
        return buf_set(ret, BYTES(line, sizeof(line)));
}

int vkey_line_signature(struct bytes line, struct bytes name, const uint8_t key[VKEY_SIZE], struct bytes *ret_signature)
{
        uint8_t id[VKEY_ID_SIZE];
        int r = vkey_id(name, key, id);

        if (r != 0)
                return r;
        if (line.len != VKEY_ID_SIZE + VKEY_SIGNATURE_SIZE || memcmp(line.ptr, id, sizeof(id)) != 0)
                return err(ERR_AUTH, "it is signed by another Ed25519 key");
        *ret_signature = BYTES(line.ptr + VKEY_ID_SIZE, VKEY_SIGNATURE_SIZE);
        return 0;
}

int vkey_format(struct bytes name, const uint8_t key[VKEY_SIZE], struct buf *ret)
{
        CLEANUP(buf_clear) struct buf b = { 0 }, hex = { 0 }, base64 = { 0 };
        uint8_t id[VKEY_ID_SIZE], typed[1 + VKEY_SIZE] = { TYPE_ED25519 };
        int r;

        memcpy(typed + 1, key, VKEY_SIZE);
        r = vkey_id(name, key, id);
        if (r == 0)
                r = hex_encode(BYTES(id, sizeof(id)), &hex);
        if (r == 0)
                r = base64_encode(BYTES(typed, sizeof(typed)), &base64);
        if (r == 0)
                r = buf_append(&b, name.ptr, name.len);
        if (r == 0)
                r = buf_printf(&b, "+%.*s+%.*s", (int)hex.len, (const char *)hex.ptr, (int)base64.len, (const char *)base64.ptr);
        if (r == 0)
                buf_take(&b, ret);
        return r;
}

static int malformed(void)
{
        return err(ERR_FORMAT, "this is no verifier key: NAME+ID+KEY");
}

/* A name has no plus; base64 may. What is read is what would be written, or it is not taken. */
int vkey_parse(struct bytes text, struct bytes *ret_name, uint8_t ret_key[VKEY_SIZE])
{
        CLEANUP(buf_clear) struct buf typed = { 0 }, again = { 0 };
        const uint8_t *plus = text.len > 0 ? memchr(text.ptr, '+', text.len) : NULL;
        const size_t behind = plus != NULL ? text.len - (size_t)(plus - text.ptr) : 0, head = 1 + 2 * VKEY_ID_SIZE + 1;
        struct bytes name;
        int r;

        if (behind <= head || plus == text.ptr || !note_base64(BYTES(plus + head, behind - head), &typed) || typed.len != 1 + VKEY_SIZE)
                return malformed();
        name = BYTES(text.ptr, (size_t)(plus - text.ptr));
        r = vkey_format(name, typed.ptr + 1, &again);
        if (r != 0)
                return r;
        if (!bytes_equal(BYTES_OF(&again), text))
                return err(ERR_FORMAT, "a verifier key whose parts do not fit together");
        *ret_name = name;
        memcpy(ret_key, typed.ptr + 1, VKEY_SIZE);
        return 0;
}
