/* SPDX-License-Identifier: BSD-2-Clause */
/* What a reference file means: the key that its pkcs11: URI names. */
#include "lib/err.h"
#include "lib/ref.h"
#include "provider/decoder.h"

static int ref_check(struct bytes der)
{
        struct bytes uri;

        return ref_decode(der, &uri);
}

static int keep_first(struct object *o, void *ctx)
{
        struct object **first = ctx;

        *first = object_ref(o);
        return 1;
}

static struct object *find_key(struct provider *p, struct uri *u, const struct asking *ask)
{
        struct object *o = NULL;

        if (u->type != CKO_PRIVATE_KEY && u->type != CKO_PUBLIC_KEY) {
                raise_reason(p, REASON_FORMAT, "the reference names no key: write type=private into its URI");
                return NULL;
        }
        if (u->type == CKO_PRIVATE_KEY && !pin_ask(p, u, ask))
                return NULL;
        return object_find(p, u, keep_first, &o) ? o : NULL;
}

/* A reference without a type means the private key. */
static struct object *ref_load(struct provider *p, struct bytes der, const struct asking *ask)
{
        CLEANUP(uri_clear) struct uri u = { 0 };
        struct bytes text;

        if (ref_decode(der, &text) != 0 || uri_parse(text, &u) != 0) {
                raise_reason(p, REASON_URI, "the reference's URI: %s", err_text());
                return NULL;
        }
        if (!u.has_type) {
                u.has_type = true;
                u.type = CKO_PRIVATE_KEY;
        }
        return find_key(p, &u, ask);
}

const struct decoder_form decoder_uri = { REF_PEM, "pk11-uri", ref_is, ref_check, ref_load };
