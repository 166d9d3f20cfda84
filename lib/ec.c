/* SPDX-License-Identifier: BSD-2-Clause */
/* Elliptic-curve arithmetic on EC_GROUP and EC_POINT. */
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <stdatomic.h>
#include <string.h>
#include "lib/crypto.h"
#include "lib/ec.h"
#include "lib/err.h"
#include "lib/inverse.h"

#define CURVES_MAX 8
#define COORDINATE_MAX 66

/* Made at the first use of a curve, never changed, shared by all threads. */
static _Atomic(EC_GROUP *) groups[CURVES_MAX];

/* NULL if memory ran out. */
static const EC_GROUP *group_of(const struct curve *c)
{
        OSSL_LIB_CTX *lib = crypto_libctx();
        _Atomic(EC_GROUP *) *slot = &groups[c - curve_at(0)];
        EC_GROUP *g = atomic_load_explicit(slot, memory_order_acquire);
        EC_GROUP *other = NULL;

        if (g || !lib)
                return g;
        g = EC_GROUP_new_by_curve_name_ex(lib, NULL, c->nid);
        if (!g || atomic_compare_exchange_strong(slot, &other, g))
                return g;
        EC_GROUP_free(g);
        return other;
}

/* What every operation works with. */
struct work {
        bool begun;
        const EC_GROUP *group;
        BN_CTX *bn;
        EC_POINT *peer, *point;
};

static void work_end(struct work *w)
{
        if (!w->begun)
                return;
        EC_POINT_clear_free(w->point);
        EC_POINT_free(w->peer);
        if (w->bn)
                BN_CTX_end(w->bn);
        BN_CTX_free(w->bn);
        ERR_pop_to_mark();
}

static int out_of_memory(void)
{
        return err(ERR_NOMEM, "out of memory");
}

/* OpenSSL's error queue is the host program's: work_end() leaves it as it was. */
static int work_begin(const struct curve *c, struct work *w)
{
        ERR_set_mark();
        w->begun = true;
        w->group = group_of(c);
        if (w->group) {
                w->bn = BN_CTX_new_ex(crypto_libctx());
                w->peer = EC_POINT_new(w->group);
                w->point = EC_POINT_new(w->group);
        }
        if (w->bn)
                BN_CTX_start(w->bn);
        return w->bn && w->peer && w->point ? 0 : out_of_memory();
}

/* ret_left = y^2, ret_right = (x^2 + a) x + b, modulo p. */
static bool curve_equation(struct work *w, const BIGNUM *x, const BIGNUM *y, BIGNUM *ret_left, BIGNUM *ret_right)
{
        BIGNUM *p = BN_CTX_get(w->bn);
        BIGNUM *a = BN_CTX_get(w->bn);
        BIGNUM *b = BN_CTX_get(w->bn);

        return b && EC_GROUP_get_curve(w->group, p, a, b, w->bn)
                && BN_mod_sqr(ret_left, y, p, w->bn)
                && BN_mod_sqr(ret_right, x, p, w->bn) && BN_mod_add(ret_right, ret_right, a, p, w->bn)
                && BN_mod_mul(ret_right, ret_right, x, p, w->bn) && BN_mod_add(ret_right, ret_right, b, p, w->bn);
}

/* OpenSSL would take a coordinate modulo p, and has one answer for a bad point and for no memory: both are told apart here. */
static int set_peer(struct work *w, struct bytes x, struct bytes y)
{
        BIGNUM *bx = BN_CTX_get(w->bn);
        BIGNUM *by = BN_CTX_get(w->bn);
        BIGNUM *left = BN_CTX_get(w->bn);
        BIGNUM *right = BN_CTX_get(w->bn);
        const BIGNUM *p = EC_GROUP_get0_field(w->group);

        if (!right || !BN_bin2bn(x.ptr, (int)x.len, bx) || !BN_bin2bn(y.ptr, (int)y.len, by))
                return out_of_memory();
        if (BN_cmp(bx, p) >= 0 || BN_cmp(by, p) >= 0)
                return err(ERR_FORMAT, "a coordinate outside its field");
        if (EC_POINT_set_affine_coordinates(w->group, w->peer, bx, by, w->bn) == 1)
                return 0;
        if (!curve_equation(w, bx, by, left, right) || BN_cmp(left, right) == 0)
                return out_of_memory();
        return err(ERR_FORMAT, "a point that is not on its curve");
}

int ec_check(const struct curve *c, struct bytes x, struct bytes y)
{
        CLEANUP(work_end) struct work w = { 0 };
        int r;

        if (x.len != c->size || y.len != c->size)
                return err(ERR_FORMAT, "coordinates of %zu and %zu octets on %s", x.len, y.len, c->name);
        r = work_begin(c, &w);
        return r != 0 ? r : set_peer(&w, x, y);
}

/* The leftmost bits of the digest, as many as the order has. */
static bool digest_number(struct bytes digest, const BIGNUM *order, BIGNUM *ret)
{
        int bits = BN_num_bits(order);
        size_t octets = (size_t)(bits + 7) / 8;

        if (digest.len < octets)
                octets = digest.len;
        if (!BN_bin2bn(digest.ptr, (int)octets, ret))
                return false;
        return 8 * (int)octets <= bits || BN_rshift(ret, ret, 8 * (int)octets - bits);
}

static bool below(const BIGNUM *v, const BIGNUM *order)
{
        return !BN_is_zero(v) && BN_cmp(v, order) < 0;
}

static int wrong(void)
{
        return err(ERR_AUTH, "the signature is wrong");
}

/* OpenSSL has constant-time code for P-256. On other curves EC_POINT_mul() blinds with random numbers from the
 * process's generator, which may be an engine's and is gone behind OpenSSL's exit handler. */
static bool openssl_multiplies(const EC_GROUP *g)
{
        return EC_GROUP_get_curve_name(g) == NID_X9_62_prime256v1;
}

/* w->point = a times the generator + b times w->peer, in a time that depends on a and b: they are public. */
static bool multiply_public(struct work *w, const BIGNUM *a, const BIGNUM *b)
{
        const EC_POINT *g = EC_GROUP_get0_generator(w->group);
        const EC_POINT *add[4] = { NULL, g, w->peer, NULL };
        EC_POINT *both;
        bool ok;

        if (openssl_multiplies(w->group))
                return EC_POINT_mul(w->group, w->point, a, w->peer, b, w->bn);
        both = EC_POINT_new(w->group);
        ok = both && EC_POINT_add(w->group, both, g, w->peer, w->bn) && EC_POINT_set_to_infinity(w->group, w->point);
        add[3] = both;
        for (int i = BN_num_bits(EC_GROUP_get0_order(w->group)) - 1; ok && i >= 0; i--) {
                const EC_POINT *p = add[BN_is_bit_set(a, i) + 2 * BN_is_bit_set(b, i)];

                ok = EC_POINT_dbl(w->group, w->point, w->point, w->bn) && (!p || EC_POINT_add(w->group, w->point, w->point, p, w->bn));
        }
        EC_POINT_free(both);
        return ok;
}

/* ret = s^-1 modulo the order: s is public. */
static bool inverse(struct bytes s, const BIGNUM *order, BIGNUM *ret)
{
        uint8_t modulus[COORDINATE_MAX], out[COORDINATE_MAX];

        if (BN_bn2binpad(order, modulus, (int)s.len) < 0)
                return false;
        inverse_public(s.ptr, modulus, s.len, out);
        return BN_bin2bn(out, (int)s.len, ret) != NULL;
}

int ec_verify(const struct pubkey *k, struct bytes digest, struct bytes sig)
{
        CLEANUP(work_end) struct work w = { 0 };
        const struct bytes s_octets = BYTES(sig.ptr + sig.len / 2, sig.len / 2);
        BIGNUM *r, *s, *u1, *u2, *x;
        const BIGNUM *order;
        int rc;

        rc = work_begin(k->curve, &w);
        if (rc == 0)
                rc = set_peer(&w, BYTES_OF(&k->x), BYTES_OF(&k->y));
        if (rc != 0)
                return rc;
        order = EC_GROUP_get0_order(w.group);
        r = BN_CTX_get(w.bn);
        s = BN_CTX_get(w.bn);
        u1 = BN_CTX_get(w.bn);
        u2 = BN_CTX_get(w.bn);
        x = BN_CTX_get(w.bn);
        if (!x || !BN_bin2bn(sig.ptr, (int)(sig.len / 2), r) || !BN_bin2bn(s_octets.ptr, (int)s_octets.len, s))
                return out_of_memory();
        if (!below(r, order) || !below(s, order))
                return wrong();

        if (!digest_number(digest, order, u1) || !inverse(s_octets, order, s)
            || !BN_mod_mul(u1, u1, s, order, w.bn) || !BN_mod_mul(u2, r, s, order, w.bn)
            || !multiply_public(&w, u1, u2))
                return out_of_memory();
        if (EC_POINT_is_at_infinity(w.group, w.point))
                return wrong();
        if (!EC_POINT_get_affine_coordinates(w.group, w.point, x, NULL, w.bn) || !BN_nnmod(x, x, order, w.bn))
                return out_of_memory();
        return BN_cmp(x, r) == 0 ? 0 : wrong();
}

/* Uniform in 1 .. order - 1, straight from the kernel: no generator of OpenSSL's is woken for it. */
static int random_scalar(const struct curve *c, const BIGNUM *order, BIGNUM *ret)
{
        uint8_t b[COORDINATE_MAX];
        int excess = (int)(8 * c->size) - BN_num_bits(order);
        int r;

        do {
                r = crypto_random(b, c->size);
                b[0] = (uint8_t)(b[0] & 0xff >> excess);
                if (r == 0 && !BN_bin2bn(b, (int)c->size, ret))
                        r = out_of_memory();
        } while (r == 0 && !below(ret, order));
        wipe(b, sizeof(b));
        BN_set_flags(ret, BN_FLG_CONSTTIME);
        return r;
}

/* Montgomery's ladder: the same doublings and additions whatever the bits of d. p: any point but infinity. */
static bool ladder(struct work *w, const BIGNUM *d, const EC_POINT *p)
{
        const BIGNUM *order = EC_GROUP_get0_order(w->group);
        const int bits = BN_num_bits(order);
        BIGNUM *k = BN_CTX_get(w->bn);
        EC_POINT *r[2] = { w->point, EC_POINT_new(w->group) };
        bool ok;

        /* d plus once or twice the order: the same point, and always as many bits. */
        ok = k && r[1] && BN_add(k, d, order) && (BN_is_bit_set(k, bits) || BN_add(k, k, order))
                && EC_POINT_copy(r[0], p) && EC_POINT_dbl(w->group, r[1], p, w->bn);
        for (int i = bits - 1; ok && i >= 0; i--) {
                int b = BN_is_bit_set(k, i);

                ok = EC_POINT_add(w->group, r[!b], r[0], r[1], w->bn) && EC_POINT_dbl(w->group, r[b], r[b], w->bn);
        }
        EC_POINT_clear_free(r[1]);
        return ok;
}

/* w->point = d times p, which is secret; d serves for two products only, so it need not be blinded. */
static bool multiply_secret(struct work *w, const BIGNUM *d, const EC_POINT *p)
{
        if (!openssl_multiplies(w->group))
                return ladder(w, d, p);
        return EC_POINT_mul(w->group, w->point, NULL, p, d, w->bn);
}

static int put_coordinate(const BIGNUM *v, size_t size, struct buf *ret)
{
        int r;

        r = buf_reserve(ret, size);
        if (r != 0)
                return r;
        if (BN_bn2binpad(v, ret->ptr, (int)size) != (int)size)
                return out_of_memory();
        ret->len = size;
        return 0;
}

/* w->point as its coordinates; y may be NULL. */
static int put_point(struct work *w, size_t size, struct buf *ret_x, struct buf *ret_y)
{
        BIGNUM *x = BN_CTX_get(w->bn);
        BIGNUM *y = BN_CTX_get(w->bn);
        int r;

        if (!y || !EC_POINT_get_affine_coordinates(w->group, w->point, x, y, w->bn))
                return out_of_memory();
        r = put_coordinate(x, size, ret_x);
        if (r == 0 && ret_y)
                r = put_coordinate(y, size, ret_y);
        return r;
}

int pk_ecdh_ephemeral(const struct pubkey *peer, struct buf *ret_x, struct buf *ret_y, struct buf *ret_z)
{
        CLEANUP(buf_clear) struct buf x = { 0 };
        CLEANUP(buf_clear) struct buf y = { 0 };
        CLEANUP(buf_clear) struct buf z = { 0 };
        CLEANUP(work_end) struct work w = { 0 };
        const struct curve *c = peer->curve;
        BIGNUM *d;
        int r;

        if (!c)
                return err(ERR_NOTSUP, "ECDH with a key that is on no curve");
        r = work_begin(c, &w);
        if (r == 0)
                r = set_peer(&w, BYTES_OF(&peer->x), BYTES_OF(&peer->y));
        if (r != 0)
                return r;
        d = BN_CTX_get(w.bn);
        r = d ? random_scalar(c, EC_GROUP_get0_order(w.group), d) : out_of_memory();
        if (r == 0 && !multiply_secret(&w, d, EC_GROUP_get0_generator(w.group)))
                r = out_of_memory();
        if (r == 0)
                r = put_point(&w, c->size, &x, &y);
        if (r == 0 && !multiply_secret(&w, d, w.peer))
                r = out_of_memory();
        if (r == 0)
                r = put_point(&w, c->size, &z, NULL);
        if (r != 0)
                return r;
        buf_take(&x, ret_x);
        buf_take(&y, ret_y);
        buf_take(&z, ret_z);
        return 0;
}
