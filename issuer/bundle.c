/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes the issuer's public keys as JSON. */
#include "issuer/bundle.h"
#include "lib/err.h"
#include "lib/jose.h"

/* A member begins with what is between it and the one before. */
static int put_key(struct buf *b, const struct ca_key *k, bool first, const char *use)
{
        const struct pubkey *pub = ca_key_public(k);
        int r;

        if (pub == NULL || ca_key_alg(k)->jose == NULL)
                return err(ERR_NOTSUP, "no JSON Web Key of the kind %s", ca_key_alg(k)->kind);
        r = buf_printf(b, "%s{\"use\":\"%s\",", first ? "" : ",", use);
        return r == 0 ? jwk_append(b, pub) : r;
}

/* kid stands in no X.509 key: SPIFFE X509-SVID 6.1 */
static int put_jwt(struct buf *b, const struct bundle *w, const char *use)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < w->n_jwt; i++) {
                r = put_key(b, w->jwt[i], i == 0, use);
                if (r == 0)
                        r = buf_printf(b, ",\"alg\":\"%s\",\"kid\":\"%s\"}", ca_key_alg(w->jwt[i])->jose, ca_key_id(w->jwt[i]));
        }
        return r;
}

static int put_x509(struct buf *b, const struct bundle *w)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < w->n_x509; i++) {
                CLEANUP(buf_clear) struct buf cert = { 0 };

                r = put_key(b, x509_ca_key(w->x509[i]), i == 0, "x509-svid");
                if (r == 0)
                        r = base64_encode(x509_ca_cert(w->x509[i]), &cert);
                if (r == 0)
                        r = buf_append_str(b, ",\"x5c\":[\"");
                if (r == 0)
                        r = buf_append(b, cert.ptr, cert.len);
                if (r == 0)
                        r = buf_append_str(b, "\"]}");
        }
        return r;
}

int jwks_write(const struct bundle *w, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        int r = buf_append_str(&b, "{\"keys\":[");

        if (r == 0)
                r = put_jwt(&b, w, "sig");
        if (r == 0)
                r = buf_append_str(&b, "]}");
        if (r == 0)
                buf_take(&b, ret);
        return r;
}

int spiffe_bundle_write(const struct bundle *w, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        int r;

        r = buf_printf(&b, "{\"spiffe_sequence\":%llu,\"spiffe_refresh_hint\":%lu,\"keys\":[", (unsigned long long)w->sequence, (unsigned long)w->refresh_hint);
        if (r == 0)
                r = put_x509(&b, w);
        if (r == 0 && w->n_x509 > 0 && w->n_jwt > 0)
                r = buf_append_u8(&b, ',');
        if (r == 0)
                r = put_jwt(&b, w, "jwt-svid");
        if (r == 0)
                r = buf_append_str(&b, "]}");
        if (r == 0)
                buf_take(&b, ret);
        return r;
}
