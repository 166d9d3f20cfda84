/* SPDX-License-Identifier: BSD-2-Clause */
/* What is x^-1 modulo m, fast? Bernstein and Yang, "Fast constant-time gcd computation and modular inversion" (2019), without the constant time:
 * steps look at the lowest bits alone, so 30 of them are done on words, and then once on the whole numbers. A verification of ECDSA that
 * leaves this to BN_mod_inverse() spends a sixth of its time there. */
#include <assert.h>
#include <stdbool.h>
#include <string.h>
#include "lib/inverse.h"

#define STEP 30                                         /* bits of a limb, and steps at a time */
#define MASK ((1 << STEP) - 1)
#define LIMBS_MAX ((8 * INVERSE_MAX + 2) / STEP + 1)    /* two bits more: for a sign and twice the modulus */

/* Limbs below 2^30, the lowest first; the highest has the sign. */
struct number {
        int32_t limb[LIMBS_MAX];
};

/* 2^30 (f, g) after = (fs, gs in each row) (f, g) before. The sum of a row's sizes is at most 2^30. */
struct steps {
        int64_t ff, fg, gf, gg;
};

static void from_octets(const uint8_t *p, size_t len, struct number *ret)
{
        memset(ret, 0, sizeof(*ret));
        for (size_t bit = 0; bit < 8 * len; bit++)
                ret->limb[bit / STEP] |= (p[len - 1 - bit / 8] >> bit % 8 & 1) << bit % STEP;
}

static void to_octets(const struct number *n, uint8_t *p, size_t len)
{
        memset(p, 0, len);
        for (size_t bit = 0; bit < 8 * len; bit++)
                p[len - 1 - bit / 8] |= (uint8_t)((n->limb[bit / STEP] >> bit % STEP & 1) << bit % 8);
}

static bool is_zero(const struct number *n, size_t limbs)
{
        int32_t any = 0;

        for (size_t i = 0; i < limbs; i++)
                any |= n->limb[i];
        return any == 0;
}

/* 30 steps on the lowest bits. Each is: where delta > 0 and g is odd, (delta, f, g) = (1 - delta, g, (g - f) / 2), else
 * (1 + delta, f, (g + f) / 2) or, for an even g, (1 + delta, f, g / 2). */
static int32_t walk(int32_t delta, const struct number *f_all, const struct number *g_all, struct steps *ret)
{
        struct steps s = { .ff = 1, .gg = 1 };
        uint32_t f = (uint32_t)f_all->limb[0], g = (uint32_t)g_all->limb[0];
        int left = STEP;

        for (;;) {
                int even = __builtin_ctz(g | 1u << left);

                g >>= even;
                s.ff *= (int64_t)1 << even;
                s.fg *= (int64_t)1 << even;
                delta += even;
                left -= even;
                if (left == 0)
                        break;
                if (delta > 0) {
                        const struct steps was = s;
                        uint32_t f_was = f;

                        delta = -delta;
                        f = g;
                        g = -f_was;
                        s = (struct steps){ was.gf, was.gg, -was.ff, -was.fg };
                }
                g += f;
                s.gf += s.ff;
                s.gg += s.fg;
        }
        *ret = s;
        return delta;
}

/* (f, g) = what the steps make of them; what is shifted out is zero. */
static void apply(const struct steps *s, size_t limbs, struct number *f, struct number *g)
{
        int64_t a = 0, b = 0;

        for (size_t i = 0; i < limbs; i++) {
                int64_t fi = f->limb[i], gi = g->limb[i];

                a += s->ff * fi + s->fg * gi;
                b += s->gf * fi + s->gg * gi;
                if (i > 0) {
                        f->limb[i - 1] = (int32_t)(a & MASK);
                        g->limb[i - 1] = (int32_t)(b & MASK);
                }
                a >>= STEP;
                b >>= STEP;
        }
        f->limb[limbs - 1] = (int32_t)a;
        g->limb[limbs - 1] = (int32_t)b;
}

/* n = n + times * m */
static void add(struct number *n, int32_t times, const struct number *m, size_t limbs)
{
        int64_t a = 0;

        for (size_t i = 0; i < limbs - 1; i++) {
                a += n->limb[i] + (int64_t)times * m->limb[i];
                n->limb[i] = (int32_t)(a & MASK);
                a >>= STEP;
        }
        n->limb[limbs - 1] = (int32_t)(n->limb[limbs - 1] + (int64_t)times * m->limb[limbs - 1] + a);
}

static bool below(const struct number *a, const struct number *b, size_t limbs)
{
        for (size_t i = limbs; i-- > 0;)
                if (a->limb[i] != b->limb[i])
                        return a->limb[i] < b->limb[i];
        return false;
}

/* ret = (u d + v e) / 2^30 modulo m. The numerator is above -2^30 m and below 2^30 m; so many m as make its lowest limb zero bring it to less
 * than 2^31 m, and one m more or less puts the quotient in its place. */
static void combine(int64_t u, const struct number *d, int64_t v, const struct number *e, const struct number *m, uint32_t m_inverse, size_t limbs,
                    struct number *ret)
{
        int64_t a = u * d->limb[0] + v * e->limb[0];
        const int64_t times = (int64_t)(-(uint32_t)a * m_inverse & MASK);

        a = (a + times * m->limb[0]) >> STEP;
        for (size_t i = 1; i < limbs; i++) {
                a += u * d->limb[i] + v * e->limb[i] + times * m->limb[i];
                ret->limb[i - 1] = (int32_t)(a & MASK);
                a >>= STEP;
        }
        ret->limb[limbs - 1] = (int32_t)a;
        if (a < 0)
                add(ret, 1, m, limbs);
        else if (!below(ret, m, limbs))
                add(ret, -1, m, limbs);
}

/* Of an odd number, modulo 2^32: each round doubles the bits that are right, of which there are three. */
static uint32_t word_inverse(uint32_t m)
{
        uint32_t v = m;

        for (int bits = 3; bits < 32; bits *= 2)
                v *= 2 - m * v;
        return v;
}

void inverse_public(const uint8_t *x, const uint8_t *m, size_t len, uint8_t *ret)
{
        const size_t limbs = (8 * len + 2) / STEP + 1;
        struct number f, g, modulus, d = { 0 }, e = { .limb = { 1 } };
        uint32_t m_inverse;
        int32_t delta = 1;

        assert(len > 0 && len <= INVERSE_MAX);
        from_octets(m, len, &modulus);
        from_octets(x, len, &g);
        f = modulus;
        m_inverse = word_inverse((uint32_t)modulus.limb[0]);
        /* f = d x and g = e x, modulo m, until g is zero and f 1 or -1. */
        while (!is_zero(&g, limbs)) {
                struct number d_next, e_next;
                struct steps s;

                delta = walk(delta, &f, &g, &s);
                apply(&s, limbs, &f, &g);
                combine(s.ff, &d, s.fg, &e, &modulus, m_inverse, limbs, &d_next);
                combine(s.gf, &d, s.gg, &e, &modulus, m_inverse, limbs, &e_next);
                d = d_next;
                e = e_next;
        }
        if (f.limb[limbs - 1] < 0) {
                e = modulus;
                add(&e, -1, &d, limbs);
                d = e;
        }
        to_octets(&d, ret, len);
}
