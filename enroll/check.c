/* SPDX-License-Identifier: BSD-2-Clause */
/* Is that for our key, and can it be right? */
#include "enroll/check.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "attest/trust.h"
#include "lib/der.h"
#include "lib/err.h"
#include "lib/pem.h"
#include "lib/pk.h"
#include "lib/ssh.h"
#include "lib/tpms.h"
#include "lib/tpmt.h"
#include "lib/x509.h"

#define SKEW 300                /* seconds that clocks may be apart */
#define CERTIFICATES 16
#define SAN_URI 0x86            /* RFC 5280 4.2.1.6 */
#define END_LINE "-----END CERTIFICATE-----"
#define SSH_CERT "-cert-v01@openssh.com"
#define SSH_USER 1
#define SSH_HOST 2
#define SSH_BEHIND 5            /* critical options, extensions, reserved, the CA's key, its signature */

int check_certificates(const char *pem, struct buf *list, size_t max, size_t *n)
{
        CLEANUP(buf_clear) struct buf head = { 0 };

        *n = 0;
        while (pem[strspn(pem, "\r\n")] != '\0') {
                const char *end = strstr(pem, END_LINE);
                size_t len = end != NULL ? (size_t)(end - pem) + strlen(END_LINE) : strlen(pem);
                int r;

                if (*n == max)
                        return err(ERR_FORMAT, "more than %zu certificates", max);
                r = pem_decode("CERTIFICATE", BYTES(pem, len), &head, &list[*n]);
                if (r != 0)
                        return r == ERR_NOMEM ? r : err(ERR_FORMAT, "what should be certificates is none: %s", err_text());
                (*n)++;
                pem += len;
        }
        return *n > 0 ? 0 : err(ERR_FORMAT, "there is no certificate where there should be one");
}

/* For CLEANUP(). */
struct certificates {
        struct buf list[CERTIFICATES];
        size_t n;
};

static void certificates_clear(struct certificates *c)
{
        for (size_t i = 0; i < CERTIFICATES; i++)
                buf_clear(&c->list[i]);
}

static int read_certificates(const char *pem, struct certificates *ret)
{
        return check_certificates(pem, ret->list, CERTIFICATES, &ret->n);
}

int check_certificate(const char *pem, struct buf *ret_der)
{
        CLEANUP(certificates_clear) struct certificates c = { 0 };
        int r = read_certificates(pem, &c);

        if (r == 0)
                buf_take(&c.list[0], ret_der);
        return r;
}

static int check_times(uint64_t not_before, uint64_t renew_after, uint64_t not_after, uint64_t now)
{
        if (not_before >= not_after || renew_after > not_after)
                return err(ERR_FORMAT, "its times contradict each other");
        if (not_before > now + SKEW)
                return err(ERR_FORMAT, "it begins in the future by this host's clock");
        if (not_after <= now)
                return err(ERR_FORMAT, "it is over already by this host's clock");
        return 0;
}

int check_joined(const struct answer_joined *a, const char *host, struct bytes ak_public, uint64_t now)
{
        CLEANUP(certificates_clear) struct certificates c = { 0 };
        CLEANUP(buf_clear) struct buf pub = { 0 }, spki = { 0 };
        struct x509_parts parts;
        int r;

        if (strcmp(a->host, host) != 0)
                return err(ERR_FORMAT, "the issuer let in the host %s, which this is not", a->host);
        if (a->ak_certificate == NULL)
                return 0;
        /* More than evidence has room for would keep it from being made. */
        r = check_certificates(a->ak_certificate, c.list, CHECK_AK_CERTIFICATES, &c.n);
        if (r == 0)
                r = x509_parts(BYTES_OF(&c.list[0]), &parts);
        if (r == 0)
                r = buf_append_u16(&pub, (uint16_t)ak_public.len);
        if (r == 0)
                r = buf_append(&pub, ak_public.ptr, ak_public.len);
        if (r == 0)
                r = tpmt_spki(BYTES_OF(&pub), &spki);
        if (r == 0 && !bytes_equal(parts.spki, BYTES_OF(&spki)))
                r = err(ERR_FORMAT, "the issuer's certificate is for another attestation key");
        if (r != 0)
                return r;
        r = check_times(0, a->renew_after, a->not_after, now);
        return r == 0 || r == ERR_NOMEM ? r : err(r, "the attestation key's certificate will not do: %s", err_text());
}

static bool names(struct bytes der, const char *spiffe_id)
{
        CLEANUP(buf_clear) struct buf name = { 0 };

        return der_put(&name, SAN_URI, BYTES_STR(spiffe_id)) == 0 && memmem(der.ptr, der.len, name.ptr, name.len) != NULL;
}

/* Its beginning may be a little ahead of our clock. */
static int64_t judged_at(const struct answer_credential *a, uint64_t now)
{
        return (int64_t)(a->not_before > now && a->not_before <= now + SKEW ? a->not_before : now);
}

int check_x509(const struct answer_credential *a, struct bytes spki, uint64_t now)
{
        CLEANUP(certificates_clear) struct certificates chain = { 0 }, roots = { 0 };
        struct bytes c[CERTIFICATES], t[CERTIFICATES];
        struct trust by = { .roots = t, .time = judged_at(a, now) };
        size_t root;
        int r;

        if (a->x509 == NULL || a->bundle == NULL)
                return err(ERR_FORMAT, "there is no certificate, or none that it hangs on");
        r = read_certificates(a->x509, &chain);
        if (r == 0)
                r = read_certificates(a->bundle, &roots);
        if (r != 0)
                return r;
        for (size_t i = 0; i < chain.n; i++)
                c[i] = BYTES_OF(&chain.list[i]);
        for (size_t i = 0; i < roots.n; i++)
                t[i] = BYTES_OF(&roots.list[i]);
        by.n_roots = roots.n;
        r = trust_check(&by, c, chain.n, spki, &root);
        if (r == 0 && !names(c[0], a->spiffe_id))
                r = err(ERR_FORMAT, "its certificate does not say %s", a->spiffe_id);
        return r == ERR_DENIED ? err(ERR_FORMAT, "%s", err_text()) : r;
}

/* The octets of a line's second word. */
static int ssh_blob(const char *line, struct buf *ret)
{
        const char *word = strchr(line, ' ');
        size_t end = strcspn(line, "\r\n");
        int r;

        if (word == NULL || line[end + strspn(line + end, "\r\n")] != '\0')
                return err(ERR_FORMAT, "this is no line of SSH");
        word++;
        r = base64_decode(word, strcspn(word, " "), ret);
        return r == 0 || r == ERR_NOMEM ? r : err(ERR_FORMAT, "this is no line of SSH");
}

static struct bytes ssh_string(struct tpms *r)
{
        return tpms_bytes(r, (size_t)tpms_number(r, 4));
}

int check_ssh(const char *line, bool host, struct bytes spki, uint64_t now)
{
        CLEANUP(buf_clear) struct buf blob = { 0 }, type = { 0 }, members = { 0 };
        CLEANUP(pubkey_clear) struct pubkey key = { 0 };
        struct bytes said, ours, principals;
        uint64_t kind, after, before;
        struct tpms in;
        int r;

        r = pubkey_from_spki(spki, &key);
        if (r == 0)
                r = ssh_key_type(&key, &type);
        if (r == 0)
                r = buf_append_str(&type, SSH_CERT);
        if (r == 0)
                r = ssh_put_key_members(&members, &key);
        if (r == 0)
                r = ssh_blob(line, &blob);
        if (r != 0)
                return r;
        in = TPMS(BYTES_OF(&blob));
        said = ssh_string(&in);
        ssh_string(&in);                        /* nonce */
        ours = tpms_bytes(&in, members.len);
        tpms_number(&in, 8);                    /* serial number */
        kind = tpms_number(&in, 4);
        ssh_string(&in);                        /* key id */
        principals = ssh_string(&in);
        after = tpms_number(&in, 8);
        before = tpms_number(&in, 8);
        for (unsigned i = 0; i < SSH_BEHIND; i++)
                ssh_string(&in);
        if (in.bad || in.left.len > 0 || !bytes_equal(said, BYTES_OF(&type)))
                return err(ERR_FORMAT, "this is no SSH certificate of this kind of key");
        if (!bytes_equal(ours, BYTES_OF(&members)))
                return err(ERR_FORMAT, "the SSH certificate is for another key");
        if (kind != (host ? SSH_HOST : SSH_USER) || principals.len == 0)
                return err(ERR_FORMAT, "the SSH certificate is of the other kind, or for everybody");
        return check_times(after, after, before, now);
}

static int base64url_decode(const char *text, size_t len, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf standard = { 0 };
        int r = buf_append(&standard, text, len);

        for (size_t i = 0; r == 0 && i < len; i++) {
                if (text[i] == '-')
                        standard.ptr[i] = '+';
                else if (text[i] == '_')
                        standard.ptr[i] = '/';
                else if (strchr("+/= \t\r\n", text[i]) != NULL)
                        r = err(ERR_FORMAT, "this is no base64url");
        }
        while (r == 0 && standard.len % 4 != 0)
                r = buf_append_u8(&standard, '=');
        return r == 0 ? base64_decode((const char *)standard.ptr, standard.len, ret) : r;
}

static bool is(const json_t *o, const char *member, const char *value)
{
        const char *s = json_string_value(json_object_get(o, member));

        return s != NULL && strcmp(s, value) == 0;
}

static int check_claims(struct bytes claims, const char *spiffe_id, const char *audience, uint64_t now)
{
        json_t *o = json_loadb((const char *)claims.ptr, claims.len, JSON_REJECT_DUPLICATES, NULL);
        const json_t *exp = json_object_get(o, "exp");
        int r = 0;

        if (!json_is_object(o))
                r = err(ERR_FORMAT, "the token's claims are no JSON object");
        else if (!is(o, "sub", spiffe_id) || !is(o, "aud", audience))
                r = err(ERR_FORMAT, "the token is for another subject or audience");
        else if (!json_is_integer(exp) || json_integer_value(exp) < 0 || (uint64_t)json_integer_value(exp) <= now)
                r = err(ERR_FORMAT, "the token is over already by this host's clock");
        json_decref(o);
        return r;
}

int check_jwt(const char *jwt, const char *spiffe_id, const char *audience, uint64_t now)
{
        CLEANUP(buf_clear) struct buf claims = { 0 };
        const char *first = strchr(jwt, '.');
        const char *second = first != NULL ? strchr(first + 1, '.') : NULL;
        int r;

        if (second == NULL || strchr(second + 1, '.') != NULL || first == jwt || second[1] == '\0')
                return err(ERR_FORMAT, "this is no JWT");
        r = base64url_decode(first + 1, (size_t)(second - first) - 1, &claims);
        if (r == 0)
                return check_claims(BYTES_OF(&claims), spiffe_id, audience, now);
        return r == ERR_NOMEM ? r : err(ERR_FORMAT, "this is no JWT");
}

static int check_parts(const struct answer_credential *a, const struct client_wish *w, unsigned want, uint64_t now)
{
        unsigned got = (a->x509 != NULL ? CREDENTIAL_X509 : 0u) | (a->jwt != NULL ? CREDENTIAL_JWT : 0u) |
                       (a->ssh_user != NULL ? CREDENTIAL_SSH_USER : 0u) | (a->ssh_host != NULL ? CREDENTIAL_SSH_HOST : 0u);
        int r = 0;

        if (got != want)
                return err(ERR_FORMAT, "the issuer gave other credentials than it was asked for");
        if (strncmp(a->spiffe_id, "spiffe://", 9) != 0)
                return err(ERR_FORMAT, "%s is no SPIFFE ID", a->spiffe_id);
        if ((got & CREDENTIAL_X509) != 0)
                r = check_x509(a, w->spki, now);
        if (r == 0 && (got & CREDENTIAL_SSH_USER) != 0)
                r = check_ssh(a->ssh_user, false, w->spki, now);
        if (r == 0 && (got & CREDENTIAL_SSH_HOST) != 0)
                r = check_ssh(a->ssh_host, true, w->spki, now);
        return r == 0 && (got & CREDENTIAL_JWT) != 0 ? check_jwt(a->jwt, a->spiffe_id, w->audience, now) : r;
}

int check_credential(const struct answer_credential *a, const struct client_wish *w, unsigned want, uint64_t now)
{
        int r = check_times(a->not_before, a->renew_after, a->not_after, now);

        if (r == 0)
                r = check_parts(a, w, want, now);
        return r == ERR_FORMAT ? err(r, "what the issuer gave for agent %s will not do: %s", w->agent, err_text()) : r;
}
