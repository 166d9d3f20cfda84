/* SPDX-License-Identifier: BSD-2-Clause */
/* How a message is padded to the length of an RSA modulus, and read out of it again (RFC 8017). */
#include <string.h>
#include "lib/crypto.h"
#include "lib/err.h"
#include "lib/pad.h"

#define MODULUS_MAX 1024 /* octets */

/* Masks instead of branches: all ones or none. */
static size_t ct_nonzero(size_t v)
{
        return 0 - ((v | (0 - v)) >> (8 * sizeof(v) - 1));
}

static size_t ct_equal(size_t a, size_t b)
{
        return ~ct_nonzero(a ^ b);
}

/* For a and b below half of SIZE_MAX. */
static size_t ct_less(size_t a, size_t b)
{
        return 0 - ((a - b) >> (8 * sizeof(a) - 1));
}

static size_t ct_select(size_t mask, size_t a, size_t b)
{
        return (mask & a) | (~mask & b);
}

/* The compiler must not find out that the mask is one bit and branch on it. */
static size_t ct_opaque(size_t v)
{
        __asm__("" : "+r"(v));
        return v;
}

/* B.2.1, exclusive-ored over out. */
static int mgf1_xor(const struct hash *h, struct bytes seed, uint8_t *out, size_t len)
{
        uint8_t block[HASH_MAX];
        int r = 0;

        for (uint32_t i = 0; r == 0 && len > 0; i++) {
                const uint8_t counter[4] = { 0, 0, (uint8_t)(i >> 8), (uint8_t)i };
                const struct bytes parts[] = { seed, BYTES(counter, sizeof(counter)) };
                size_t take = len < h->size ? len : h->size;

                r = crypto_hash(h, parts, ARRAY_LEN(parts), block);
                for (size_t j = 0; r == 0 && j < take; j++)
                        out[j] ^= block[j];
                out += take;
                len -= take;
        }
        wipe(block, sizeof(block));
        return r;
}

/* A block of zeros, k octets. */
static int block_new(size_t k, struct buf *ret)
{
        int r;

        if (k > MODULUS_MAX)
                return err(ERR_RANGE, "an RSA modulus of %zu octets", k);
        r = buf_reserve(ret, k);
        if (r != 0)
                return r;
        memset(ret->ptr, 0, k);
        ret->len = k;
        return 0;
}

/* 9.2 */
int pk_pkcs1_sign_encode(const struct pk_params *p, struct bytes digest, size_t k, struct buf *ret)
{
        struct bytes info = p->hash ? p->hash->digest_info : (struct bytes){ 0 };
        CLEANUP(buf_clear) struct buf em = { 0 };
        size_t t = info.len + digest.len;
        int r;

        if (p->hash && digest.len != p->hash->size)
                return err(ERR_RANGE, "a digest of %zu octets for %s", digest.len, p->hash->name);
        if (digest.len > MODULUS_MAX || k < t + 11)
                return err(ERR_RANGE, "%zu octets to sign with an RSA key of %zu", t, k);
        r = block_new(k, &em);
        if (r != 0)
                return r;
        em.ptr[1] = 1;
        memset(em.ptr + 2, 0xff, k - t - 3);
        if (info.len > 0)
                memcpy(em.ptr + k - t, info.ptr, info.len);
        if (digest.len > 0)
                memcpy(em.ptr + k - digest.len, digest.ptr, digest.len);
        buf_take(&em, ret);
        return 0;
}

/* 9.1: emBits = mod_bits - 1; where that needs an octet less than the modulus, a zero octet comes first. */
struct pss {
        size_t k;       /* octets of the modulus */
        size_t skip;    /* 0, or 1 zero octet */
        size_t db;      /* octets of the masked data block */
        uint8_t top;    /* bits of its first octet that are in use */
};

static int pss_layout(const struct pk_params *p, struct bytes digest, size_t mod_bits, struct pss *ret)
{
        size_t bits = mod_bits - 1;
        size_t em = (bits + 7) / 8;
        size_t k = (mod_bits + 7) / 8;

        if (!p->hash || !p->mgf_hash)
                return err(ERR_INVAL, "PSS without a hash");
        if (digest.len != p->hash->size)
                return err(ERR_RANGE, "a digest of %zu octets for %s", digest.len, p->hash->name);
        if (mod_bits < 16 || k > MODULUS_MAX || p->salt_len > MODULUS_MAX || em < p->hash->size + p->salt_len + 2)
                return err(ERR_RANGE, "PSS with %s and a salt of %zu octets for an RSA key of %zu bits", p->hash->name, p->salt_len, mod_bits);
        *ret = (struct pss){ k, k - em, em - p->hash->size - 1, (uint8_t)(0xff >> (8 * em - bits)) };
        return 0;
}

/* H = Hash(eight zero octets || digest || salt) */
static int pss_hash(const struct pk_params *p, struct bytes digest, struct bytes salt, uint8_t *out)
{
        static const uint8_t zeros[8];
        const struct bytes parts[] = { BYTES(zeros, sizeof(zeros)), digest, salt };

        return crypto_hash(p->hash, parts, ARRAY_LEN(parts), out);
}

int pk_pss_encode(const struct pk_params *p, struct bytes digest, size_t mod_bits, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf em = { 0 };
        uint8_t *db, *salt, *hash;
        struct pss l;
        int r;

        r = pss_layout(p, digest, mod_bits, &l);
        if (r == 0)
                r = block_new(l.k, &em);
        if (r != 0)
                return r;

        db = em.ptr + l.skip;
        hash = db + l.db;
        salt = hash - p->salt_len;
        salt[-1] = 1;
        r = crypto_random(salt, p->salt_len);
        if (r == 0)
                r = pss_hash(p, digest, BYTES(salt, p->salt_len), hash);
        if (r == 0)
                r = mgf1_xor(p->mgf_hash, BYTES(hash, p->hash->size), db, l.db);
        if (r != 0)
                return r;
        db[0] &= l.top;
        em.ptr[l.k - 1] = 0xbc;
        buf_take(&em, ret);
        return 0;
}

int pad_pss_check(const struct pk_params *p, struct bytes digest, struct bytes em, size_t mod_bits)
{
        CLEANUP(buf_clear) struct buf db = { 0 };
        uint8_t want[HASH_MAX];
        const uint8_t *hash;
        unsigned wrong;
        struct pss l;
        size_t i;
        int r;

        r = pss_layout(p, digest, mod_bits, &l);
        if (r != 0)
                return r;
        if (em.len != l.k)
                return err(ERR_RANGE, "a PSS block of %zu octets for an RSA key of %zu", em.len, l.k);
        hash = em.ptr + l.skip + l.db;
        r = buf_set(&db, BYTES(em.ptr + l.skip, l.db));
        if (r == 0)
                r = mgf1_xor(p->mgf_hash, BYTES(hash, p->hash->size), db.ptr, l.db);
        if (r == 0)
                r = pss_hash(p, digest, BYTES(db.ptr + l.db - p->salt_len, p->salt_len), want);
        if (r != 0)
                return r;

        wrong = em.ptr[l.k - 1] ^ 0xbcu;
        wrong |= l.skip ? em.ptr[0] : 0u;
        wrong |= em.ptr[l.skip] & ~(unsigned)l.top;
        wrong |= (unsigned)memcmp(want, hash, p->hash->size);
        db.ptr[0] &= l.top;
        for (i = 0; i < l.db - p->salt_len - 1; i++)
                wrong |= db.ptr[i];
        wrong |= db.ptr[i] ^ 1u;
        return wrong ? err(ERR_AUTH, "the signature is wrong") : 0;
}

int pad_oaep_encode(const struct pk_params *p, struct bytes in, size_t k, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf em = { 0 };
        uint8_t *seed, *db;
        size_t h;
        int r;

        if (!p->hash || !p->mgf_hash)
                return err(ERR_INVAL, "OAEP without a hash");
        h = p->hash->size;
        if (in.len > MODULUS_MAX || k < in.len + 2 * h + 2)
                return err(ERR_RANGE, "%zu octets to encrypt with %s for an RSA key of %zu", in.len, p->hash->name, k);
        r = block_new(k, &em);
        if (r != 0)
                return r;

        seed = em.ptr + 1;
        db = seed + h;
        em.ptr[k - in.len - 1] = 1;
        if (in.len > 0)
                memcpy(em.ptr + k - in.len, in.ptr, in.len);
        r = crypto_hash(p->hash, &p->label, 1, db);
        if (r == 0)
                r = crypto_random(seed, h);
        if (r == 0)
                r = mgf1_xor(p->mgf_hash, BYTES(seed, h), db, k - h - 1);
        if (r == 0)
                r = mgf1_xor(p->mgf_hash, BYTES(db, k - h - 1), seed, h);
        if (r != 0)
                return r;
        buf_take(&em, ret);
        return 0;
}

/* Random octets, none of them zero. */
static int random_nonzero(uint8_t *out, size_t len)
{
        int r;

        r = crypto_random(out, len);
        for (size_t i = 0; r == 0 && i < len; i++)
                while (r == 0 && out[i] == 0)
                        r = crypto_random(out + i, 1);
        return r;
}

int pad_pkcs1_encode(struct bytes in, size_t k, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf em = { 0 };
        int r;

        if (in.len > MODULUS_MAX || k < in.len + 11)
                return err(ERR_RANGE, "%zu octets to encrypt for an RSA key of %zu", in.len, k);
        r = block_new(k, &em);
        if (r == 0)
                r = random_nonzero(em.ptr + 2, k - in.len - 3);
        if (r != 0)
                return r;
        em.ptr[1] = 2;
        if (in.len > 0)
                memcpy(em.ptr + k - in.len, in.ptr, in.len);
        buf_take(&em, ret);
        return 0;
}

/* Hands out the message that begins at `from` (at least `min`, anything if !good) of em. Where it lies and whether
 * it is good stay secret until the last line: it is moved to the front in steps of powers of two, all taken. */
static int give_out(struct buf *em, size_t min, size_t from, size_t good, struct buf *ret)
{
        size_t len, shift;

        good = ct_opaque(good);
        from = ct_select(good, from, min);
        shift = from - min;
        for (size_t step = 1; step < em->len; step <<= 1) {
                size_t take = ct_opaque(ct_nonzero(shift & step));

                for (size_t i = min; i < em->len - step; i++)
                        em->ptr[i] = (uint8_t)ct_select(take, em->ptr[i + step], em->ptr[i]);
        }
        len = em->len - from;
        memmove(em->ptr, em->ptr + min, em->len - min);
        if (!good)
                return err(ERR_FORMAT, "the ciphertext does not decrypt to a padded message");
        em->len = len;
        buf_take(em, ret);
        return 0;
}

/* 7.1.2 step 3: every fault looks and takes the same (Manger's attack). */
int pk_oaep_decode(const struct pk_params *p, struct bytes em, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        uint8_t want[HASH_MAX];
        size_t h, good, found = 0, from = 0;
        uint8_t *db;
        int r;

        if (!p->hash || !p->mgf_hash)
                return err(ERR_INVAL, "OAEP without a hash");
        h = p->hash->size;
        if (em.len > MODULUS_MAX || em.len < 2 * h + 2)
                return err(ERR_RANGE, "OAEP with %s in %zu octets", p->hash->name, em.len);
        r = buf_set(&b, em);
        if (r != 0)
                return r;
        db = b.ptr + 1 + h;
        r = mgf1_xor(p->mgf_hash, BYTES(db, em.len - h - 1), b.ptr + 1, h);
        if (r == 0)
                r = mgf1_xor(p->mgf_hash, BYTES(b.ptr + 1, h), db, em.len - h - 1);
        if (r == 0)
                r = crypto_hash(p->hash, &p->label, 1, want);
        if (r != 0)
                return r;

        good = ct_equal(b.ptr[0], 0);
        for (size_t i = 0; i < h; i++)
                good &= ct_equal(db[i], want[i]);
        for (size_t i = 2 * h + 1; i < b.len; i++) {
                size_t one = ct_equal(b.ptr[i], 1);

                from = ct_select(~found & one, i + 1, from);
                good &= found | one | ct_equal(b.ptr[i], 0);
                found |= one;
        }
        return give_out(&b, 2 * h + 2, from, good & found, ret);
}

/* 7.2.2 step 3: every fault looks and takes the same (Bleichenbacher's attack). */
int pk_pkcs1_decode(struct bytes em, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        size_t good, found = 0, from = 0;
        int r;

        if (em.len > MODULUS_MAX || em.len < 11)
                return err(ERR_RANGE, "PKCS#1 padding in %zu octets", em.len);
        r = buf_set(&b, em);
        if (r != 0)
                return r;

        good = ct_equal(b.ptr[0], 0) & ct_equal(b.ptr[1], 2);
        for (size_t i = 2; i < b.len; i++) {
                size_t zero = ct_equal(b.ptr[i], 0);

                from = ct_select(~found & zero, i + 1, from);
                found |= zero;
        }
        /* at least eight octets of padding */
        good &= found & ~ct_less(from, 11);
        return give_out(&b, 11, from, good, ret);
}
