/* SPDX-License-Identifier: BSD-2-Clause */
/* How keys are derived: KDFa and KDFe of the TPM, scrypt of a PIN. */
#include <stdlib.h>
#include <string.h>
#include "lib/crypto.h"
#include "lib/err.h"

#define KDF_OUT_MAX 8192                /* octets; KDFa says the length in bits */
#define SCRYPT_MEMORY_MAX (256u << 20)  /* octets: parameters may come out of a file */

/* What both KDFs share: one block after the other, each beginning with its number. */
static int kdf_blocks(const struct hash *h, const struct bytes *key, struct bytes *parts, size_t n, uint8_t *out, size_t out_len)
{
        uint8_t block[HASH_MAX];
        int r = 0;

        if (out_len > KDF_OUT_MAX)
                return err(ERR_RANGE, "%zu octets asked of a KDF", out_len);
        for (uint32_t i = 1; r == 0 && out_len > 0; i++) {
                const uint8_t counter[4] = { 0, 0, (uint8_t)(i >> 8), (uint8_t)i };
                size_t take = out_len < h->size ? out_len : h->size;

                parts[0] = BYTES(counter, sizeof(counter));
                r = key ? crypto_hmac(h, *key, parts, n, block) : crypto_hash(h, parts, n, block);
                if (r == 0)
                        memcpy(out, block, take);
                out += take;
                out_len -= take;
        }
        wipe(block, sizeof(block));
        return r;
}

int crypto_kdfa(const struct hash *h, struct bytes key, const char *label, struct bytes u, struct bytes v, uint8_t *out, size_t out_len)
{
        const size_t bits = 8 * out_len;
        const uint8_t be[4] = { 0, (uint8_t)(bits >> 16), (uint8_t)(bits >> 8), (uint8_t)bits };
        struct bytes parts[] = { { 0 }, BYTES(label, strlen(label) + 1), u, v, BYTES(be, sizeof(be)) };

        return kdf_blocks(h, &key, parts, ARRAY_LEN(parts), out, out_len);
}

int crypto_kdfe(const struct hash *h, struct bytes z, const char *label, struct bytes u, struct bytes v, uint8_t *out, size_t out_len)
{
        struct bytes parts[] = { { 0 }, z, BYTES(label, strlen(label) + 1), u, v };

        return kdf_blocks(h, NULL, parts, ARRAY_LEN(parts), out, out_len);
}

/* PBKDF2-HMAC-SHA-256 with one iteration, RFC 8018 5.2. */
static int pbkdf2_once(struct bytes pin, struct bytes salt, uint8_t *out, size_t len)
{
        const struct hash *h = hash_by_name("SHA256");
        uint8_t block[HASH_MAX];
        int r = 0;

        for (uint32_t i = 1; r == 0 && len > 0; i++) {
                const uint8_t counter[4] = { (uint8_t)(i >> 24), (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i };
                const struct bytes parts[] = { salt, BYTES(counter, sizeof(counter)) };
                size_t take = len < h->size ? len : h->size;

                r = crypto_hmac(h, pin, parts, ARRAY_LEN(parts), block);
                if (r == 0)
                        memcpy(out, block, take);
                out += take;
                len -= take;
        }
        wipe(block, sizeof(block));
        return r;
}

static uint32_t rotl(uint32_t v, int n)
{
        return v << n | v >> (32 - n);
}

static void quarter(uint32_t x[16], int a, int b, int c, int d)
{
        x[b] ^= rotl(x[a] + x[d], 7);
        x[c] ^= rotl(x[b] + x[a], 9);
        x[d] ^= rotl(x[c] + x[b], 13);
        x[a] ^= rotl(x[d] + x[c], 18);
}

/* Salsa20/8, RFC 7914 3: b ^= in, then mixed. */
static void salsa20_8(uint32_t b[16], const uint32_t in[16])
{
        uint32_t x[16];

        for (int i = 0; i < 16; i++)
                x[i] = b[i] ^= in[i];
        for (int round = 0; round < 8; round += 2) {
                quarter(x, 0, 4, 8, 12);
                quarter(x, 5, 9, 13, 1);
                quarter(x, 10, 14, 2, 6);
                quarter(x, 15, 3, 7, 11);
                quarter(x, 0, 1, 2, 3);
                quarter(x, 5, 6, 7, 4);
                quarter(x, 10, 11, 8, 9);
                quarter(x, 15, 12, 13, 14);
        }
        for (int i = 0; i < 16; i++)
                b[i] += x[i];
}

/* scryptBlockMix, RFC 7914 4, of 2 r blocks of 16 words: even ones go to the first half, odd to the second. */
static void block_mix(const uint32_t *in, uint32_t *out, size_t r)
{
        uint32_t x[16];

        memcpy(x, in + (2 * r - 1) * 16, sizeof(x));
        for (size_t i = 0; i < 2 * r; i++) {
                salsa20_8(x, in + i * 16);
                memcpy(out + (i / 2 + (i % 2) * r) * 16, x, sizeof(x));
        }
        wipe(x, sizeof(x));
}

/* scryptROMix, RFC 7914 5, of x in place; t: as many words as x, v: n times as many. */
static void rom_mix(uint32_t *x, uint32_t *t, uint32_t *v, uint64_t n, size_t r)
{
        const size_t words = 32 * r;

        for (uint64_t i = 0; i < n; i++) {
                memcpy(v + i * words, x, words * sizeof(*x));
                block_mix(v + i * words, x, r);
        }
        for (uint64_t i = 0; i < n; i++) {
                const uint32_t *w = v + (x[(2 * r - 1) * 16] & (n - 1)) * words;

                for (size_t k = 0; k < words; k++)
                        t[k] = x[k] ^ w[k];
                block_mix(t, x, r);
        }
}

static void words_from_le(const uint8_t *in, uint32_t *out, size_t words)
{
        for (size_t i = 0; i < words; i++, in += 4)
                out[i] = (uint32_t)in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
}

static void words_to_le(const uint32_t *in, uint8_t *out, size_t words)
{
        for (size_t i = 0; i < words; i++, out += 4)
                for (int k = 0; k < 4; k++)
                        out[k] = (uint8_t)(in[i] >> (8 * k));
}

/* RFC 7914 2, and small enough. */
static bool scrypt_allowed(uint64_t n, uint32_t r, uint32_t p)
{
        return n > 1 && (n & (n - 1)) == 0 && r > 0 && r <= 64 && p > 0 && p <= 16 && n <= SCRYPT_MEMORY_MAX / (128u * r);
}

int crypto_scrypt(struct bytes pin, struct bytes salt, uint64_t n, uint32_t r, uint32_t p, uint8_t *out, size_t out_len)
{
        CLEANUP(buf_clear) struct buf b = { 0 };        /* p blocks of 128 r octets */
        CLEANUP(buf_clear) struct buf work = { 0 };     /* a block, another, n more */
        size_t block = (size_t)128 * r;
        uint32_t *x;
        int rc;

        if (!scrypt_allowed(n, r, p) || out_len > KDF_OUT_MAX)
                return err(ERR_RANGE, "scrypt with n=%llu r=%u p=%u for %zu octets", (unsigned long long)n, r, p, out_len);
        rc = buf_reserve(&b, p * block);
        if (rc == 0)
                rc = buf_reserve(&work, (n + 2) * block);
        if (rc == 0)
                rc = pbkdf2_once(pin, salt, b.ptr, p * block);
        if (rc != 0)
                return rc;
        x = (uint32_t *)(void *)work.ptr;
        for (uint32_t i = 0; i < p; i++) {
                words_from_le(b.ptr + i * block, x, block / 4);
                rom_mix(x, x + block / 4, x + block / 2, n, r);
                words_to_le(x, b.ptr + i * block, block / 4);
        }
        return pbkdf2_once(pin, BYTES(b.ptr, p * block), out, out_len);
}
