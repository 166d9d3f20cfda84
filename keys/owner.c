/* SPDX-License-Identifier: BSD-2-Clause */
/* Where is the owner authorisation that nobody knows? */
#include "keys/owner.h"
#include <string.h>
#include "keys/parent.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/pem.h"

#define OWNER_FILE "owner.pem"  /* TSS2 PRIVATE KEY: sealed data, the owner authorisation */
#define OWNER_AUTH_LEN 32
#define OWNER_FILE_MAX 8192

int owner_unseal(struct keyring *k, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        CLEANUP(buf_clear) struct buf head = { 0 };
        CLEANUP(buf_clear) struct buf der = { 0 };
        CLEANUP(buf_clear) struct buf name = { 0 };
        CLEANUP(tsskey_clear) struct tsskey key = { 0 };
        struct backend *b = keyring_backend(k);
        int r;

        r = file_read(store_dirfd(keyring_store(k)), OWNER_FILE, OWNER_FILE_MAX, &text);
        if (r == 0)
                r = pem_decode(TSSKEY_PEM, BYTES_OF(&text), &head, &der);
        if (r == 0)
                r = tsskey_decode(BYTES_OF(&der), &key);
        if (r == 0)
                r = tpm_name_of(BYTES_OF(&key.pub), &name);
        return r != 0 ? r : b->ops->unseal(b, &(struct keyref){ .key = &key, .name = BYTES_OF(&name) }, ret);
}

int owner_seal(struct keyring *k, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf value = { 0 };
        CLEANUP(buf_clear) struct buf der = { 0 };
        CLEANUP(buf_clear) struct buf text = { 0 };
        CLEANUP(tsskey_clear) struct tsskey key = { 0 };
        struct backend *b = keyring_backend(k);
        int r;

        r = buf_reserve(&value, OWNER_AUTH_LEN);
        if (r == 0)
                r = keyring_random(k, value.ptr, OWNER_AUTH_LEN);
        if (r != 0)
                return r;
        value.len = OWNER_AUTH_LEN;
        /* A TPM drops trailing zeros of authorisation values: let there be none. */
        value.ptr[OWNER_AUTH_LEN - 1] |= 1;

        r = b->ops->seal(b, BYTES_OF(&value), (struct bytes){ 0 }, false, &key);
        if (r == 0)
                r = tsskey_encode(&key, &der);
        if (r == 0)
                r = pem_encode(TSSKEY_PEM, BYTES_STR("# The owner authorisation of the TPM, sealed to it.\n"), BYTES_OF(&der), &text);
        if (r == 0)
                r = file_write(store_dirfd(keyring_store(k)), OWNER_FILE, BYTES_OF(&text), 0600, false);
        if (r == 0)
                buf_take(&value, ret);
        return r;
}
