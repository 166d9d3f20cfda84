/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes a grant as a JWT-SVID. All text in it is known to need no escapes in JSON. */
#include "issuer/cred_jwt.h"
#include <stdlib.h>
#include <string.h>
#include "lib/err.h"
#include "lib/jose.h"

#define URL_MAX 512

struct jwt_issuer {
        const struct ca_key *key;
        struct buf url;
        struct buf head;                /* the header in base64url, and the dot */
};

static bool is_url(const char *url)
{
        if (strlen(url) > URL_MAX || strncmp(url, "https://", 8) != 0 || url[8] == '\0' || url[8] == '/')
                return false;
        for (; *url != '\0'; url++)
                if (*url <= ' ' || *url > '~' || strchr("\"\\?#@", *url) != NULL)
                        return false;
        return true;
}

int jwt_issuer_open(const struct ca_key *k, const char *url, struct jwt_issuer **ret)
{
        CLEANUP(jwt_issuer_freep) struct jwt_issuer *i = NULL;
        CLEANUP(buf_clear) struct buf header = { 0 };
        int r;

        if (ca_key_alg(k)->jose == NULL)
                return err(ERR_NOTSUP, "no JWT-SVID is signed with a key of the kind %s", ca_key_alg(k)->kind);
        if (!is_url(url))
                return err(ERR_INVAL, "the issuer of a JWT is an https URL without query and fragment");
        i = calloc(1, sizeof(*i));
        if (i == NULL)
                return err(ERR_NOMEM, "out of memory");
        i->key = k;
        r = buf_set(&i->url, BYTES_STR(url));
        if (r == 0)
                r = buf_printf(&header, "{\"alg\":\"%s\",\"kid\":\"%s\",\"typ\":\"JWT\"}", ca_key_alg(k)->jose, ca_key_id(k));
        if (r == 0)
                r = base64url_append(&i->head, BYTES_OF(&header));
        if (r == 0)
                r = buf_append_u8(&i->head, '.');
        if (r != 0)
                return r;
        *ret = i;
        i = NULL;
        return 0;
}

void jwt_issuer_free(struct jwt_issuer *i)
{
        if (i == NULL)
                return;
        buf_clear(&i->url);
        buf_clear(&i->head);
        free(i);
}

void jwt_issuer_freep(struct jwt_issuer **i)
{
        jwt_issuer_free(*i);
}

static int put_text(struct buf *b, const char *name, struct bytes v)
{
        int r = buf_printf(b, "\"%s\":\"", name);

        if (r == 0)
                r = buf_append(b, v.ptr, v.len);
        return r == 0 ? buf_append_str(b, "\",") : r;
}

/* RFC 9449 6.1: the thumbprint of the key that the token is bound to. */
static int put_confirmation(struct buf *b, const struct granted *granted)
{
        CLEANUP(buf_clear) struct buf thumbprint = { 0 };
        int r;

        if (!(granted->g->allows & GRANT_CONFIRMATION))
                return 0;
        r = jwk_thumbprint(&granted->key, &thumbprint);
        if (r == 0)
                r = buf_append_str(b, "\"cnf\":{\"jkt\":\"");
        if (r == 0)
                r = buf_append(b, thumbprint.ptr, thumbprint.len);
        return r == 0 ? buf_append_str(b, "\"},") : r;
}

static int put_claims(struct buf *b, const struct jwt_issuer *i, const struct granted *granted)
{
        CLEANUP(buf_clear) struct buf id = { 0 };
        const struct grant *g = granted->g;
        int r;

        r = buf_append_u8(b, '{');
        if (r == 0)
                r = put_text(b, "iss", BYTES_OF(&i->url));
        if (r == 0)
                r = put_text(b, "sub", g->spiffe_id);
        if (r == 0)
                r = put_text(b, "aud", g->audience);
        if (r == 0)
                r = hex_encode(BYTES(g->serial, GRANT_SERIAL_SIZE), &id);
        if (r == 0)
                r = put_text(b, "jti", BYTES_OF(&id));
        if (r == 0)
                r = put_confirmation(b, granted);
        return r == 0 ? buf_printf(b, "\"iat\":%llu,\"exp\":%llu}", (unsigned long long)g->issued, (unsigned long long)g->not_after) : r;
}

int cred_jwt(const struct jwt_issuer *i, const struct granted *g, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf claims = { 0 }, sig = { 0 }, token = { 0 };
        int r;

        if (g->g->audience.len == 0)
                return err(ERR_DENIED, "a JWT-SVID without an audience would be good everywhere");
        r = put_claims(&claims, i, g);
        if (r == 0)
                r = buf_append(&token, i->head.ptr, i->head.len);
        if (r == 0)
                r = base64url_append(&token, BYTES_OF(&claims));
        if (r == 0)
                r = ca_key_sign_raw(i->key, BYTES_OF(&token), &sig);
        if (r == 0)
                r = buf_append_u8(&token, '.');
        if (r == 0)
                r = base64url_append(&token, BYTES_OF(&sig));
        if (r == 0)
                buf_take(&token, ret);
        return r;
}
