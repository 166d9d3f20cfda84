/* SPDX-License-Identifier: BSD-2-Clause */
/* Which Ed25519 key is meant, and has it signed? */
#include "tools/audit_witness.h"
#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>
#include <unistd.h>
#include "lib/crypto.h"
#include "lib/err.h"
#include "lib/pem.h"
#include "tools/readfile.h"

/* RFC 8410, 4: SEQUENCE { SEQUENCE { 1.3.101.112 }, BIT STRING }. The key comes behind. */
static const uint8_t spki_head[] = { 0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00 };

void audit_witness_key_clear(struct audit_witness_key *k)
{
        buf_clear(&k->text);
        *k = (struct audit_witness_key){ 0 };
}

static int wrong(void)
{
        return err(ERR_AUTH, "the signature is wrong");
}

static int verify(const uint8_t key[VKEY_SIZE], struct bytes text, struct bytes signature)
{
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        EVP_PKEY *k = NULL;
        int r = ERR_NOMEM;

        if (ctx != NULL && crypto_libctx() != NULL)
                k = EVP_PKEY_new_raw_public_key_ex(crypto_libctx(), "ED25519", NULL, key, VKEY_SIZE);
        if (k != NULL && EVP_DigestVerifyInit_ex(ctx, NULL, NULL, crypto_libctx(), NULL, k, NULL) == 1)
                r = EVP_DigestVerify(ctx, signature.ptr, signature.len, text.ptr, text.len) == 1 ? 0 : wrong();
        EVP_PKEY_free(k);
        EVP_MD_CTX_free(ctx);
        ERR_clear_error();
        return r == ERR_NOMEM ? err(r, "out of memory") : r;
}

static int from_pem(struct bytes text, uint8_t ret[VKEY_SIZE])
{
        CLEANUP(buf_clear) struct buf head = { 0 }, der = { 0 };
        int r = pem_decode("PUBLIC KEY", text, &head, &der);

        if (r != 0)
                return r;
        if (der.len != sizeof spki_head + VKEY_SIZE || memcmp(der.ptr, spki_head, sizeof spki_head) != 0)
                return err(ERR_FORMAT, "this is no Ed25519 public key");
        memcpy(ret, der.ptr + sizeof spki_head, VKEY_SIZE);
        return 0;
}

static struct bytes without_newline(struct bytes text)
{
        while (text.len > 0 && text.ptr[text.len - 1] == '\n')
                text.len--;
        return text;
}

int audit_witness_key(const char *given, struct audit_witness_key *ret)
{
        bool is_file = access(given, F_OK) == 0 || strchr(given, '+') == NULL;
        int r;

        ret->check.verify = verify;
        r = is_file ? readfile(given, &ret->text) : buf_append_str(&ret->text, given);
        if (r != 0)
                return r;
        r = from_pem(BYTES_OF(&ret->text), ret->check.key);
        if (r == ERR_NOENT)
                r = vkey_parse(without_newline(BYTES_OF(&ret->text)), &ret->check.name, ret->check.key);
        return r == ERR_FORMAT ? err(r, "%s: %s", given, err_text()) : r;
}
