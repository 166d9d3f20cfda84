/* SPDX-License-Identifier: BSD-2-Clause */
/* How public keys and ECDSA signatures are written down. */
#include <string.h>
#include "lib/cryptoki.h"
#include "lib/der.h"
#include "lib/ec.h"
#include "lib/err.h"
#include "lib/pk.h"

#define RSA_BITS_MIN 1024
#define RSA_BITS_MAX 4096
#define RSA_E_MAX 8             /* octets: more only makes verifying slow */
#define POINT_UNCOMPRESSED 0x04
#define COORDINATE_MAX 66

/* 1.2.840.113549.1.1.1 rsaEncryption, with the NULL that RFC 3279 2.3.1 wants behind it; 1.2.840.10045.2.1 ecPublicKey */
static const uint8_t oid_rsa[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01 };
static const uint8_t der_null[] = { DER_NULL, 0 };
static const uint8_t oid_ec[] = { 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01 };

void pubkey_clear(struct pubkey *k)
{
        buf_clear(&k->n);
        buf_clear(&k->e);
        buf_clear(&k->x);
        buf_clear(&k->y);
        *k = (struct pubkey){ 0 };
}

size_t pubkey_sig_size(const struct pubkey *k)
{
        return k->curve ? 2 * k->curve->size : k->n.len;
}

int pubkey_point(const struct pubkey *k, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        int r;

        if (!k->curve)
                return err(ERR_NOTSUP, "a key that is on no curve has no point");
        r = buf_append_u8(&b, POINT_UNCOMPRESSED);
        if (r == 0)
                r = buf_append(&b, k->x.ptr, k->x.len);
        if (r == 0)
                r = buf_append(&b, k->y.ptr, k->y.len);
        if (r != 0)
                return r;
        buf_take(&b, ret);
        return 0;
}

int pubkey_from_point(const struct curve *c, struct bytes point, struct pubkey *ret)
{
        CLEANUP(pubkey_clear) struct pubkey k = { .ckk = CKK_EC, .curve = c };
        const size_t size = 1 + 2 * c->size;
        struct bytes x, y;
        int r;

        if (point.len > size) {
                r = der_get(&point, DER_OCTET_STRING, &x);
                if (r == 0)
                        r = der_get_end(point);
                if (r != 0)
                        return r;
                point = x;
        }
        if (point.len != size || point.ptr[0] != POINT_UNCOMPRESSED)
                return err(ERR_FORMAT, "%zu octets are no uncompressed point on %s", point.len, c->name);
        x = BYTES(point.ptr + 1, c->size);
        y = BYTES(point.ptr + 1 + c->size, c->size);
        r = ec_check(c, x, y);
        if (r == 0)
                r = buf_set(&k.x, x);
        if (r == 0)
                r = buf_set(&k.y, y);
        if (r != 0)
                return r;
        pubkey_clear(ret);
        *ret = k;
        k = (struct pubkey){ 0 };
        return 0;
}

/* What is in the BIT STRING, and what in the AlgorithmIdentifier. */
static int put_rsa(const struct pubkey *k, struct buf *id, struct buf *bits)
{
        CLEANUP(buf_clear) struct buf numbers = { 0 };
        int r;

        r = der_put(id, DER_OID, BYTES(oid_rsa, sizeof(oid_rsa)));
        if (r == 0)
                r = buf_append(id, der_null, sizeof(der_null));
        if (r == 0)
                r = der_put_uint(&numbers, BYTES_OF(&k->n));
        if (r == 0)
                r = der_put_uint(&numbers, BYTES_OF(&k->e));
        return r != 0 ? r : der_put(bits, DER_SEQUENCE, BYTES_OF(&numbers));
}

static int put_ec(const struct pubkey *k, struct buf *id, struct buf *bits)
{
        int r;

        r = der_put(id, DER_OID, BYTES(oid_ec, sizeof(oid_ec)));
        if (r == 0)
                r = buf_append(id, k->curve->oid.ptr, k->curve->oid.len);
        return r != 0 ? r : pubkey_point(k, bits);
}

int pubkey_to_spki(const struct pubkey *k, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf id = { 0 };
        CLEANUP(buf_clear) struct buf bits = { 0 };
        CLEANUP(buf_clear) struct buf inner = { 0 };
        CLEANUP(buf_clear) struct buf der = { 0 };
        int r;

        r = k->curve ? put_ec(k, &id, &bits) : put_rsa(k, &id, &bits);
        if (r == 0)
                r = der_put(&inner, DER_SEQUENCE, BYTES_OF(&id));
        if (r == 0)
                r = der_put_bits(&inner, BYTES_OF(&bits));
        if (r == 0)
                r = der_put(&der, DER_SEQUENCE, BYTES_OF(&inner));
        if (r != 0)
                return r;
        buf_take(&der, ret);
        return 0;
}

size_t pk_bits(struct bytes v)
{
        size_t bits;

        while (v.len > 0 && v.ptr[0] == 0)
                v = BYTES(v.ptr + 1, v.len - 1);
        bits = 8 * v.len;
        for (unsigned top = v.len ? v.ptr[0] : 0x80; !(top & 0x80); top <<= 1)
                bits--;
        return bits;
}

static bool odd(struct bytes v)
{
        return v.len > 0 && (v.ptr[v.len - 1] & 1);
}

static int get_rsa(struct bytes id, struct bytes bits, struct pubkey *ret)
{
        CLEANUP(pubkey_clear) struct pubkey k = { .ckk = CKK_RSA };
        struct bytes numbers, n, e;
        int r;

        if (!bytes_equal(id, BYTES(der_null, sizeof(der_null))))
                return err(ERR_FORMAT, "an RSA key with parameters");
        r = der_get(&bits, DER_SEQUENCE, &numbers);
        if (r == 0)
                r = der_get_end(bits);
        if (r == 0)
                r = der_get_uint(&numbers, &n);
        if (r == 0)
                r = der_get_uint(&numbers, &e);
        if (r == 0)
                r = der_get_end(numbers);
        if (r != 0)
                return r;
        if (pk_bits(n) < RSA_BITS_MIN || pk_bits(n) > RSA_BITS_MAX)
                return err(ERR_NOTSUP, "an RSA key of %zu bits", pk_bits(n));
        if (!odd(n) || !odd(e) || e.len > RSA_E_MAX || pk_bits(e) < 2)
                return err(ERR_FORMAT, "an RSA key whose modulus or exponent cannot be");
        r = buf_set(&k.n, n);
        if (r == 0)
                r = buf_set(&k.e, e);
        if (r != 0)
                return r;
        pubkey_clear(ret);
        *ret = k;
        k = (struct pubkey){ 0 };
        return 0;
}

static int get_ec(struct bytes id, struct bytes bits, struct pubkey *ret)
{
        const struct curve *c = curve_by_oid(id);

        if (!c)
                return err(ERR_NOTSUP, "a key on a curve that is not ours");
        if (bits.len != 1 + 2 * c->size)
                return err(ERR_FORMAT, "%zu octets are no uncompressed point on %s", bits.len, c->name);
        return pubkey_from_point(c, bits, ret);
}

int pubkey_from_spki(struct bytes der, struct pubkey *ret)
{
        struct bytes inner, id, oid, bits;
        int r;

        r = der_get(&der, DER_SEQUENCE, &inner);
        if (r == 0)
                r = der_get_end(der);
        if (r == 0)
                r = der_get(&inner, DER_SEQUENCE, &id);
        if (r == 0)
                r = der_get_bits(&inner, &bits);
        if (r == 0)
                r = der_get_end(inner);
        if (r == 0)
                r = der_get(&id, DER_OID, &oid);
        if (r != 0)
                return r;
        if (bytes_equal(oid, BYTES(oid_rsa, sizeof(oid_rsa))))
                return get_rsa(id, bits, ret);
        if (bytes_equal(oid, BYTES(oid_ec, sizeof(oid_ec))))
                return get_ec(id, bits, ret);
        return err(ERR_NOTSUP, "a public key of an algorithm that is not ours");
}

int ecdsa_sig_to_der(struct bytes rs, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf numbers = { 0 };
        CLEANUP(buf_clear) struct buf der = { 0 };
        const size_t size = rs.len / 2;
        int r;

        if (rs.len == 0 || rs.len % 2 != 0 || size > COORDINATE_MAX)
                return err(ERR_RANGE, "%zu octets are no ECDSA signature", rs.len);
        r = der_put_uint(&numbers, BYTES(rs.ptr, size));
        if (r == 0)
                r = der_put_uint(&numbers, BYTES(rs.ptr + size, size));
        if (r == 0)
                r = der_put(&der, DER_SEQUENCE, BYTES_OF(&numbers));
        if (r != 0)
                return r;
        buf_take(&der, ret);
        return 0;
}

int ecdsa_sig_from_der(struct bytes der, size_t size, struct buf *ret)
{
        uint8_t rs[2 * COORDINATE_MAX] = { 0 };
        struct bytes numbers, r, s;
        int rc;

        if (size == 0 || size > COORDINATE_MAX)
                return err(ERR_RANGE, "an ECDSA signature of %zu octets per number", size);
        rc = der_get(&der, DER_SEQUENCE, &numbers);
        if (rc == 0)
                rc = der_get_end(der);
        if (rc == 0)
                rc = der_get_uint(&numbers, &r);
        if (rc == 0)
                rc = der_get_uint(&numbers, &s);
        if (rc == 0)
                rc = der_get_end(numbers);
        if (rc != 0)
                return rc;
        if (r.len > size || s.len > size)
                return err(ERR_FORMAT, "an ECDSA signature with a number longer than %zu octets", size);
        if (r.len > 0)
                memcpy(rs + size - r.len, r.ptr, r.len);
        if (s.len > 0)
                memcpy(rs + 2 * size - s.len, s.ptr, s.len);
        return buf_set(ret, BYTES(rs, 2 * size));
}
