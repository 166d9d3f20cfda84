/* SPDX-License-Identifier: BSD-2-Clause */
/* Where is the witness key kept, and what does it sign? */
#include "daemon/witness.h"
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "audit/vkey.h"
#include "lib/crypto.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/pem.h"

#define KEY_FILE_MAX 4096

struct witness {
        EVP_PKEY *key;
        uint8_t public[VKEY_SIZE];
};

/* A group may read it that is only ours, or root's: a service manager hands credentials out like that. */
static int check_owner(int fd, const char *path)
{
        struct stat st;
        bool group_ours;

        if (fstat(fd, &st) != 0)
                return err_errno("%s", path);
        if (st.st_uid != 0 && st.st_uid != geteuid())
                return err(ERR_PERM, "%s belongs neither to root nor to this user", path);
        group_ours = st.st_gid == 0 || st.st_gid == getegid();
        if ((st.st_mode & (S_IRWXO | S_IWGRP)) != 0 || ((st.st_mode & S_IRGRP) != 0 && !group_ours))
                return err(ERR_PERM, "others may read or write %s, which is a private key", path);
        return 0;
}

static int read_der(const char *path, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf text = { 0 }, head = { 0 };
        CLEANUP(close_fd) int fd = -1;
        int r;

        r = file_open(AT_FDCWD, path, &fd);
        if (r == ERR_NOENT)
                return err(r, "there is no file %s, which [audit] witness-key names", path);
        if (r == 0)
                r = check_owner(fd, path);
        if (r == 0)
                r = file_read_fd(fd, path, KEY_FILE_MAX, &text);
        if (r == 0)
                r = pem_decode("PRIVATE KEY", BYTES_OF(&text), &head, ret);
        return r == ERR_NOENT || r == ERR_FORMAT ? err(ERR_FORMAT, "%s is no private key in PEM, PKCS#8 and unencrypted", path) : r;
}

static int load(struct bytes der, const char *path, struct witness *w)
{
        const uint8_t *p = der.ptr;
        size_t n = sizeof(w->public);

        if (crypto_libctx() == NULL)
                return err(ERR_NOMEM, "out of memory");
        w->key = d2i_AutoPrivateKey_ex(NULL, &p, (long)der.len, crypto_libctx(), NULL);
        ERR_clear_error();
        if (w->key == NULL || p != der.ptr + der.len || EVP_PKEY_get_id(w->key) != EVP_PKEY_ED25519 ||
            EVP_PKEY_get_raw_public_key(w->key, w->public, &n) != 1 || n != sizeof(w->public))
                return err(ERR_FORMAT, "%s is no Ed25519 private key", path);
        return 0;
}

int witness_open(const char *path, struct witness **ret)
{
        CLEANUP(buf_clear) struct buf der = { 0 };
        struct witness *w;
        int r;

        r = read_der(path, &der);
        if (r != 0)
                return r;
        w = calloc(1, sizeof(*w));
        r = w != NULL ? load(BYTES_OF(&der), path, w) : err(ERR_NOMEM, "out of memory");
        if (r == 0)
                *ret = w;
        else
                witness_close(w);
        return r;
}

void witness_close(struct witness *w)
{
        if (w == NULL)
                return;
        EVP_PKEY_free(w->key);
        free(w);
}

int witness_sign(void *witness, struct bytes name, struct bytes text, struct buf *ret_line)
{
        const struct witness *w = witness;
        uint8_t signature[VKEY_SIGNATURE_SIZE];
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        size_t n = sizeof(signature);
        bool done;

        done = ctx != NULL && EVP_DigestSignInit_ex(ctx, NULL, NULL, crypto_libctx(), NULL, w->key, NULL) == 1 &&
               EVP_DigestSign(ctx, signature, &n, text.ptr, text.len) == 1 && n == sizeof(signature);
        EVP_MD_CTX_free(ctx);
        ERR_clear_error();
        return done ? vkey_line(name, w->public, signature, ret_line) : err(ERR_NOMEM, "out of memory");
}

int witness_vkey(const struct witness *w, struct bytes name, struct buf *ret)
{
        return vkey_format(name, w->public, ret);
}
