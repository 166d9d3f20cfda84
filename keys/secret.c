/* SPDX-License-Identifier: BSD-2-Clause */
/* What does a daemon know that its disk does not? */
#include "keys/secret.h"
#include <string.h>
#include "keys/parent.h"
#include "keys/store_dir.h"
#include "lib/crypto.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/pem.h"

static int unseal(struct keyring *k, struct bytes text, struct buf *ret_secret)
{
        struct backend *b = keyring_backend(k);
        CLEANUP(tsskey_clear) struct tsskey key = { 0 };
        CLEANUP(buf_clear) struct buf head = { 0 };
        CLEANUP(buf_clear) struct buf der = { 0 };
        CLEANUP(buf_clear) struct buf name = { 0 };
        CLEANUP(buf_clear) struct buf secret = { 0 };
        int r;

        r = pem_decode(TSSKEY_PEM, text, &head, &der);
        if (r == 0)
                r = tsskey_decode(BYTES_OF(&der), &key);
        if (r == 0 && key.type != TSSKEY_SEALED)
                r = ERR_FORMAT;
        if (r == ERR_FORMAT || r == ERR_NOENT || r == ERR_NOTSUP)
                return err(ERR_FORMAT, "%s/" SECRET_FILE " holds no sealed secret", store_path(keyring_store(k)));
        if (r == 0)
                r = tpm_name_of(BYTES_OF(&key.pub), &name);
        if (r == 0)
                r = b->ops->unseal(b, &(struct keyref){ .key = &key, .name = BYTES_OF(&name) }, &secret);
        if (r != 0)
                return r;
        if (secret.len != SECRET_SIZE)
                return err(ERR_FORMAT, "%s/" SECRET_FILE " holds a secret of %zu octets", store_path(keyring_store(k)), secret.len);
        buf_take(&secret, ret_secret);
        return 0;
}

/* Durable before anything hangs on it. ERR_EXIST: somebody was quicker. */
static int make(struct keyring *k)
{
        static const char head[] = "This file is useless without the TPM that it was made by, and the keys of this store without it.\n";
        struct backend *b = keyring_backend(k);
        CLEANUP(tsskey_clear) struct tsskey key = { 0 };
        CLEANUP(buf_clear) struct buf der = { 0 };
        CLEANUP(buf_clear) struct buf text = { 0 };
        uint8_t secret[SECRET_SIZE];
        int r;

        r = keyring_random(k, secret, sizeof(secret));
        if (r == 0)
                r = b->ops->seal(b, BYTES(secret, sizeof(secret)), BYTES(NULL, 0), false, &key);
        wipe(secret, sizeof(secret));
        if (r == 0)
                r = tsskey_encode(&key, &der);
        if (r == 0)
                r = pem_encode(TSSKEY_PEM, BYTES_STR(head), BYTES_OF(&der), &text);
        return r != 0 ? r : file_write(store_dirfd(keyring_store(k)), SECRET_FILE, BYTES_OF(&text), STORE_FILE_MODE, false);
}

int secret_open(struct keyring *k, struct buf *ret_secret, bool *ret_made)
{
        int dir = store_dirfd(keyring_store(k));
        CLEANUP(buf_clear) struct buf text = { 0 };
        bool made = false;
        int r;

        r = file_read(dir, SECRET_FILE, STORE_TEXT_MAX, &text);
        if (r == ERR_NOENT) {
                r = make(k);
                made = r == 0;
                if (r == 0 || r == ERR_EXIST)
                        r = file_read(dir, SECRET_FILE, STORE_TEXT_MAX, &text);
        }
        if (r == 0)
                r = unseal(k, BYTES_OF(&text), ret_secret);
        if (r == 0)
                *ret_made = made;
        return r;
}

int secret_derive(struct bytes secret, const char *label, uint8_t ret[SECRET_SIZE])
{
        if (secret.len != SECRET_SIZE)
                return err(ERR_INVAL, "the secret has %zu octets", secret.len);
        return crypto_hmac(hash_by_name("SHA256"), secret, &BYTES_STR(label), 1, ret);
}
