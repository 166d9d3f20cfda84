/* SPDX-License-Identifier: BSD-2-Clause */
/* What stands in an object's file: lines, then one PEM block. */
#include <string.h>
#include "keys/item.h"
#include "lib/der.h"
#include "lib/err.h"
#include "lib/tpmt.h"
#include "lib/x509.h"

#define CONTENT_MAX (128 * 1024) /* octets of a certificate or of data */

/* The lines that the store writes itself. */
static const char *const own_lines[] = { "label", "id", "uid", "created" };

static int read_key(struct item_body *b);
static int read_cert(struct item_body *b);
static int read_pubkey(struct item_body *b);
static int read_data(struct item_body *b);

static const struct {
        const char *pem;
        int (*read)(struct item_body *b);
} kinds[] = {
        [ITEM_KEY] = { TSSKEY_PEM, read_key },
        [ITEM_CERT] = { "CERTIFICATE", read_cert },
        [ITEM_PUBKEY] = { "PUBLIC KEY", read_pubkey },
        [ITEM_DATA] = { "HOLDFAST DATA", read_data },
};

void item_body_clear(struct item_body *b)
{
        attrs_clear(&b->attrs);
        buf_clear(&b->id);
        buf_clear(&b->der);
        tsskey_clear(&b->key);
        buf_clear(&b->name);
        pubkey_clear(&b->pub);
        b->kind = NULL;
}

/* A key pair's DER is not kept: everything in it is in b->key. */
static int read_key(struct item_body *b)
{
        TPM2B_PRIVATE priv;
        TPM2B_PUBLIC pub;
        int r;

        r = tsskey_decode(BYTES_OF(&b->der), &b->key);
        if (r == 0)
                r = tpmt_private_decode(BYTES_OF(&b->key.priv), &priv);
        if (r == 0)
                r = tpmt_public_decode(BYTES_OF(&b->key.pub), &pub);
        if (r == 0)
                r = tpmt_name(&pub, &b->name);
        if (r != 0)
                return r;
        buf_clear(&b->der);
        b->kind = tpmt_kind(&pub);
        r = tpmt_pubkey(&pub, &b->pub);
        return r == ERR_NOTSUP ? 0 : r;
}

static const struct key_kind *kind_of(const struct pubkey *p)
{
        const struct key_kind *k;

        for (size_t i = 0; (k = key_kind_at(i)); i++) {
                if (k->ckk != p->ckk)
                        continue;
                if (p->curve ? k->curve == p->curve : k->bits != 0 && k->bits == p->n.len * 8)
                        return k;
        }
        return NULL;
}

/* Keys of algorithms that are not ours may be stored, too. */
static int read_spki(struct bytes spki, struct item_body *b)
{
        int r = pubkey_from_spki(spki, &b->pub);

        return r == ERR_NOMEM ? r : 0;
}

static int read_cert(struct item_body *b)
{
        struct x509_parts parts;
        int r;

        r = x509_parts(BYTES_OF(&b->der), &parts);
        return r != 0 ? r : read_spki(parts.spki, b);
}

static int read_pubkey(struct item_body *b)
{
        struct bytes rest = BYTES_OF(&b->der);
        struct bytes spki;
        int r;

        r = der_get(&rest, DER_SEQUENCE, &spki);
        if (r == 0)
                r = der_get_end(rest);
        if (r == 0)
                r = read_spki(BYTES_OF(&b->der), b);
        if (r == 0)
                b->kind = kind_of(&b->pub);
        return r;
}

static int read_data(struct item_body *b)
{
        (void)b;
        return 0;
}

/* The first kind of block that is there; another one before or behind it is refused as a wrong line or as rest. */
static int parse(struct bytes text, enum item_type *ret_type, struct item_body *b)
{
        CLEANUP(buf_clear) struct buf head = { 0 };
        size_t i;
        int r = ERR_NOENT;

        if (text.len > ITEM_FILE_MAX)
                return err(ERR_FORMAT, "an object of more than %d octets", ITEM_FILE_MAX);
        for (i = 0; i < ARRAY_LEN(kinds); i++) {
                r = pem_decode(kinds[i].pem, text, &head, &b->der);
                if (r != ERR_NOENT)
                        break;
        }
        if (r == ERR_NOENT)
                return err(ERR_FORMAT, "no key, certificate or data in it");
        if (r == 0)
                r = attrs_parse(BYTES_OF(&head), &b->attrs);
        if (r == 0 && attrs_get(&b->attrs, "id"))
                r = attrs_hex(&b->attrs, "id", &b->id);
        if (r == 0)
                r = kinds[i].read(b);
        if (r == 0)
                *ret_type = (enum item_type)i;
        return r;
}

int item_parse(struct bytes text, enum item_type *ret_type, struct item_body *ret)
{
        struct item_body b = { 0 };
        int r;

        r = parse(text, ret_type, &b);
        if (r != 0) {
                item_body_clear(&b);
                return r;
        }
        *ret = b;
        return 0;
}

static bool is_own(const char *name)
{
        for (size_t i = 0; i < ARRAY_LEN(own_lines); i++)
                if (strcmp(own_lines[i], name) == 0)
                        return true;
        return false;
}

static int head_of(const struct item_spec *spec, const char *uid, const char *created, struct attrs *a)
{
        int r;

        r = attrs_set(a, "label", spec->label);
        if (r == 0)
                r = attrs_set_hex(a, "id", spec->id);
        if (r == 0)
                r = attrs_set_str(a, "uid", uid);
        if (r == 0)
                r = created ? attrs_set_str(a, "created", created) : attrs_set_now(a, "created");
        for (size_t i = 0; r == 0 && spec->attrs && i < spec->attrs->n; i++)
                if (!is_own(spec->attrs->list[i].name))
                        r = attrs_set(a, spec->attrs->list[i].name, BYTES_OF(&spec->attrs->list[i].value));
        return r;
}

int item_format(const struct item_spec *spec, const char *uid, const char *created, struct buf *ret)
{
        CLEANUP(attrs_clear) struct attrs lines = { 0 };
        CLEANUP(buf_clear) struct buf head = { 0 };
        CLEANUP(buf_clear) struct buf key = { 0 };
        CLEANUP(buf_clear) struct buf text = { 0 };
        struct bytes der = spec->der;
        int r;

        r = head_of(spec, uid, created, &lines);
        if (r == 0)
                r = attrs_format(&lines, &head);
        if (r == 0 && spec->type == ITEM_KEY) {
                r = tsskey_encode(spec->key, &key);
                der = BYTES_OF(&key);
        }
        if (r == 0 && der.len > CONTENT_MAX)
                r = err(ERR_RANGE, "an object of %zu octets, at most %d", der.len, CONTENT_MAX);
        if (r == 0)
                r = pem_encode(kinds[spec->type].pem, BYTES_OF(&head), der, &text);
        if (r == 0 && text.len > ITEM_FILE_MAX)
                r = err(ERR_RANGE, "an object and its attributes of %zu octets, at most %d", text.len, ITEM_FILE_MAX);
        if (r == 0)
                buf_take(&text, ret);
        return r;
}
