/* SPDX-License-Identifier: BSD-2-Clause */
/* What does an agent sign to show that a key is its own? */
#include <jansson.h>
#include <string.h>
#include "lib/crypto.h"
#include "lib/cryptoki.h"
#include "lib/err.h"
#include "lib/jose.h"
#include "tools/ownjwt.h"

#define JTI_SIZE 16
#define ASSERTION_LIFE 300

/* RFC 7518 3.1. The curve's hash stands in its algorithm's name. */
static const struct hash *alg_of(const struct pubkey *k, const char **ret_family)
{
        *ret_family = k->ckk == CKK_EC ? "ES" : "RS";
        return k->ckk == CKK_EC ? k->curve->hash : hash_by_name("SHA256");
}

static int append(const char *text, size_t len, void *buf)
{
        return buf_append(buf, text, len);
}

/* Takes the claims, which may be NULL for want of memory. */
static int sign(struct p11agent *a, const struct p11key *k, struct bytes header, json_t *claims, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf text = { 0 }, jwt = { 0 }, sig = { 0 };
        const char *family;
        int r = 0;

        if (claims == NULL || json_dump_callback(claims, append, &text, JSON_COMPACT) != 0)
                r = err(ERR_INVAL, "the claims cannot be written: text that is no UTF-8?");
        json_decref(claims);
        if (r == 0)
                r = base64url_append(&jwt, header);
        if (r == 0)
                r = buf_append_u8(&jwt, '.');
        if (r == 0)
                r = base64url_append(&jwt, BYTES_OF(&text));
        if (r == 0)
                r = p11agent_sign(a, k, alg_of(&k->pub, &family), BYTES_OF(&jwt), &sig);
        if (r == 0)
                r = buf_append_u8(&jwt, '.');
        if (r == 0)
                r = base64url_append(&jwt, BYTES_OF(&sig));
        if (r == 0)
                buf_take(&jwt, ret);
        return r;
}

/* Appends what nobody has seen before, ended. */
static int put_jti(struct buf *ret)
{
        uint8_t random[JTI_SIZE];
        int r;

        r = crypto_random(random, sizeof random);
        if (r == 0)
                r = base64url_append(ret, BYTES(random, sizeof random));
        return r == 0 && buf_str(ret) == NULL ? err(ERR_NOMEM, "out of memory") : r;
}

static int dpop_header(const struct pubkey *k, struct buf *ret)
{
        const char *family;
        const struct hash *h = alg_of(k, &family);
        int r;

        r = buf_printf(ret, "{\"typ\":\"dpop+jwt\",\"alg\":\"%s%s\",\"jwk\":{", family, h->name + strlen("SHA"));
        if (r == 0)
                r = jwk_append(ret, k);
        return r == 0 ? buf_append_str(ret, "}}") : r;
}

/* RFC 9449 4.2: ath. */
static int put_ath(struct bytes token, struct buf *ret)
{
        const struct hash *h = hash_by_name("SHA256");
        uint8_t digest[HASH_MAX];
        int r;

        r = crypto_hash(h, &token, 1, digest);
        if (r == 0)
                r = base64url_append(ret, BYTES(digest, h->size));
        return r == 0 && buf_str(ret) == NULL ? err(ERR_NOMEM, "out of memory") : r;
}

static int check_url(const char *url)
{
        const char *authority = strncmp(url, "https://", 8) == 0 ? url + 8 : strncmp(url, "http://", 7) == 0 ? url + 7 : NULL;

        if (authority == NULL || memchr(authority, '@', strcspn(authority, "/?#")) != NULL)
                return err(ERR_INVAL, "%s is no HTTP or HTTPS URL without a user in it", url);
        return 0;
}

int ownjwt_dpop(struct p11agent *a, const struct p11key *k, const struct dpop_wish *w, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf header = { 0 }, jti = { 0 }, ath = { 0 }, htu = { 0 };
        json_t *claims;
        int r;

        r = check_url(w->url);
        if (r == 0)
                r = buf_append(&htu, w->url, strcspn(w->url, "?#"));
        if (r == 0)
                r = buf_str(&htu) != NULL ? dpop_header(&k->pub, &header) : err(ERR_NOMEM, "out of memory");
        if (r == 0)
                r = put_jti(&jti);
        if (r == 0 && w->access_token.len > 0)
                r = put_ath(w->access_token, &ath);
        if (r != 0)
                return r;
        claims = json_pack("{s:s, s:s, s:s, s:I, s:s*, s:s*}", "jti", buf_str(&jti), "htm", w->method, "htu", buf_str(&htu), "iat", (json_int_t)w->now,
                           "ath", ath.len > 0 ? buf_str(&ath) : NULL, "nonce", w->nonce);
        return sign(a, k, BYTES_OF(&header), claims, ret);
}

static int assertion_header(const struct pubkey *k, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf id = { 0 };
        const char *family;
        const struct hash *h = alg_of(k, &family);
        int r;

        r = jwk_thumbprint(k, &id);
        if (r == 0 && buf_str(&id) == NULL)
                r = err(ERR_NOMEM, "out of memory");
        return r == 0 ? buf_printf(ret, "{\"alg\":\"%s%s\",\"kid\":\"%s\",\"typ\":\"JWT\"}", family, h->name + strlen("SHA"), buf_str(&id)) : r;
}

int ownjwt_assertion(struct p11agent *a, const struct p11key *k, const struct assertion_wish *w, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf header = { 0 }, jti = { 0 };
        json_t *claims;
        int r;

        r = assertion_header(&k->pub, &header);
        if (r == 0)
                r = put_jti(&jti);
        if (r != 0)
                return r;
        claims = json_pack("{s:s, s:s, s:s, s:s, s:I, s:I}", "iss", w->client, "sub", w->client, "aud", w->audience, "jti", buf_str(&jti),
                           "iat", (json_int_t)w->now, "exp", (json_int_t)w->now + ASSERTION_LIFE);
        return sign(a, k, BYTES_OF(&header), claims, ret);
}
