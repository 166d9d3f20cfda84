/* SPDX-License-Identifier: BSD-2-Clause */
/* A source for the ssh-agent that has no TPM. */
#include "tests/sshagentfix.h"
#include <string.h>
#include "lib/crypto.h"
#include "lib/cryptoki.h"
#include "lib/ssh.h"

/* SEC 2, 2.4.2: the generator, uncompressed. */
static const char point[] = "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
                            "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";

static int list(void *ctx, struct sshagent_list *ret)
{
        struct sshagentfix *x = ctx;
        int r;

        r = sshagent_list_add(ret, &x->ec, BYTES_OF(&x->certificate), BYTES_STR("certified"), 0);
        if (r == 0)
                r = sshagent_list_add(ret, &x->ec, BYTES(NULL, 0), BYTES_STR("ec"), 0);
        return r == 0 ? sshagent_list_add(ret, &x->rsa, BYTES(NULL, 0), BYTES_STR("rsa"), 1) : r;
}

/* The digest as often as it takes. */
static int sign(void *ctx, size_t key, const struct hash *h, struct bytes data, struct buf *ret)
{
        struct sshagentfix *x = ctx;
        size_t len = key == 0 ? 64 : 256;
        uint8_t digest[HASH_MAX];
        int r;

        ++x->signatures;
        r = crypto_hash(h, &data, 1, digest);
        while (r == 0 && ret->len < len)
                r = buf_append(ret, digest, len - ret->len < h->size ? len - ret->len : h->size);
        return r;
}

static int make_certificate(struct sshagentfix *x)
{
        int r;

        r = ssh_put_string(&x->certificate, BYTES_STR("ecdsa-sha2-nistp256-cert-v01@openssh.com"));
        if (r == 0)
                r = ssh_put_string(&x->certificate, BYTES_STR("nonce"));
        if (r == 0)
                r = ssh_put_key_members(&x->certificate, &x->ec);
        return r == 0 ? buf_append_str(&x->certificate, "and what the CA says") : r;
}

int sshagentfix_make(struct sshagentfix *ret)
{
        CLEANUP(buf_clear) struct buf raw = { 0 };
        uint8_t n[256];
        int r;

        *ret = (struct sshagentfix){ .source = { list, sign, ret }, .rsa = { .ckk = CKK_RSA } };
        memset(n, 0xa5, sizeof(n));
        r = hex_decode(point, strlen(point), &raw);
        if (r == 0)
                r = pubkey_from_point(curve_by_name("P-256"), BYTES_OF(&raw), &ret->ec);
        if (r == 0)
                r = buf_set(&ret->rsa.n, BYTES(n, sizeof(n)));
        if (r == 0)
                r = buf_set(&ret->rsa.e, BYTES("\1\0\1", 3));
        return r == 0 ? make_certificate(ret) : r;
}

void sshagentfix_clear(struct sshagentfix *x)
{
        pubkey_clear(&x->ec);
        pubkey_clear(&x->rsa);
        buf_clear(&x->certificate);
}
