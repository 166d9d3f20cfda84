/* SPDX-License-Identifier: BSD-2-Clause */
/* Who wants a token in which form? */
#include <jansson.h>
#include <string.h>
#include "lib/err.h"
#include "tools/cli.h"
#include "tools/credfiles.h"
#include "tools/token_form.h"

static int append(const char *text, size_t len, void *buf)
{
        return buf_append(buf, text, len);
}

/* Takes o, which may be NULL for want of memory. */
static int put_json(json_t *o, struct buf *out)
{
        int r = 0;

        if (o == NULL || json_dump_callback(o, append, out, JSON_COMPACT) != 0)
                r = err(ERR_INVAL, "the token cannot be written: text that is no UTF-8?");
        json_decref(o);
        return r == 0 ? buf_append_u8(out, '\n') : r;
}

static json_t *jwt_json(const struct token *t)
{
        return json_stringn((const char *)t->jwt.ptr, t->jwt.len);
}

static int write_jwt(const struct token *t, const char *role, struct buf *out)
{
        int r = buf_append(out, t->jwt.ptr, t->jwt.len);

        (void)role;
        return r == 0 ? buf_append_u8(out, '\n') : r;
}

/* The body of a login by Vault's JWT method. */
static int write_vault(const struct token *t, const char *role, struct buf *out)
{
        if (role == NULL)
                return err(ERR_USAGE, "--format vault needs --role");
        return put_json(json_pack("{s:s, s:o}", "role", role, "jwt", jwt_json(t)), out);
}

/* client.authentication.k8s.io/v1, as an exec plugin of a kubeconfig prints it. */
static int write_kubernetes(const struct token *t, const char *role, struct buf *out)
{
        CLEANUP(buf_clear) struct buf end = { 0 };
        int r;

        (void)role;
        r = credfiles_when(t->expires_at, &end);
        if (r != 0)
                return r;
        return put_json(json_pack("{s:s, s:s, s:{s:s%, s:o}}", "apiVersion", "client.authentication.k8s.io/v1", "kind", "ExecCredential", "status",
                                  "expirationTimestamp", (const char *)end.ptr, end.len, "token", jwt_json(t)),
                        out);
}

int token_form_assertion(const char *type, struct bytes jwt, struct buf *out)
{
        int r;

        r = buf_append_str(out, "client_assertion_type=");
        if (r == 0)
                r = url_escape(BYTES_STR("urn:ietf:params:oauth:client-assertion-type:"), out);
        if (r == 0)
                r = url_escape(BYTES_STR(type), out);
        if (r == 0)
                r = buf_append_str(out, "&client_assertion=");
        if (r == 0)
                r = url_escape(jwt, out);
        return r == 0 ? buf_append_u8(out, '\n') : r;
}

/* A client that is known by its SPIFFE ID. */
static int write_spiffe(const struct token *t, const char *role, struct buf *out)
{
        (void)role;
        return token_form_assertion("jwt-spiffe", BYTES_OF(&t->jwt), out);
}

static const struct token_form forms[] = {
        { "jwt", write_jwt },
        { "vault", write_vault },
        { "kubernetes", write_kubernetes },
        { "oauth-spiffe", write_spiffe },
};

int token_form_find(const char *name, const struct token_form **ret)
{
        for (size_t i = 0; i < ARRAY_LEN(forms); ++i) {
                if (strcmp(forms[i].name, name) == 0) {
                        *ret = &forms[i];
                        return 0;
                }
        }
        return err(ERR_USAGE, "--format takes jwt, vault, kubernetes or oauth-spiffe, not %s", name);
}
