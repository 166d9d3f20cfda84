/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads and writes TSS2 PRIVATE KEY files.
 *
 *   TPMKey ::= SEQUENCE {
 *           type        OBJECT IDENTIFIER,
 *           emptyAuth   [0] EXPLICIT BOOLEAN OPTIONAL,
 *           policy      [1] EXPLICIT SEQUENCE OF TPMPolicy OPTIONAL,
 *           secret      [2] EXPLICIT OCTET STRING OPTIONAL,
 *           authPolicy  [3] EXPLICIT SEQUENCE OF TPMAuthPolicy OPTIONAL,
 *           description [4] EXPLICIT UTF8String OPTIONAL,
 *           rsaParent   [5] EXPLICIT BOOLEAN OPTIONAL,
 *           parent      INTEGER,
 *           pubkey      OCTET STRING,
 *           privkey     OCTET STRING }
 */
#include "lib/der.h"
#include "lib/err.h"
#include "lib/tsskey.h"
#include "lib/utf8.h"

#define BLOB_MAX 4096           /* no TPM takes or gives a longer command */
#define DESCRIPTION_MAX 1024

enum {
        DER_BOOLEAN = 0x01,
        DER_UTF8 = 0x0c,
        DER_EXPLICIT = 0xa0,    /* and the number of the tag */
};

enum {
        TAG_EMPTY_AUTH = 0,
        TAG_SECRET = 2,
        TAG_DESCRIPTION = 4,
        TAG_RSA_PARENT = 5,
};

/* 2.23.133.10.1.3 and .5, the contents of the OBJECT IDENTIFIER, by enum tsskey_type. */
static const uint8_t oids[][6] = {
        [TSSKEY_LOADABLE] = { 0x67, 0x81, 0x05, 0x0a, 0x01, 0x03 },
        [TSSKEY_SEALED] = { 0x67, 0x81, 0x05, 0x0a, 0x01, 0x05 },
};
static const uint8_t oid_importable[] = { 0x67, 0x81, 0x05, 0x0a, 0x01, 0x04 };

void tsskey_clear(struct tsskey *k)
{
        buf_clear(&k->description);
        buf_clear(&k->pub);
        buf_clear(&k->priv);
        *k = (struct tsskey){ 0 };
}

static int put_explicit(struct buf *out, unsigned number, uint8_t tag, struct bytes content)
{
        CLEANUP(buf_clear) struct buf inner = { 0 };
        int r;

        r = der_put(&inner, tag, content);
        return r != 0 ? r : der_put(out, (uint8_t)(DER_EXPLICIT + number), BYTES_OF(&inner));
}

static int put_parent(struct buf *out, uint32_t handle)
{
        CLEANUP(buf_clear) struct buf be = { 0 };
        int r;

        r = buf_append_u32(&be, handle);
        return r != 0 ? r : der_put_uint(out, BYTES_OF(&be));
}

static bool fits(const struct tsskey *k)
{
        return k->pub.len > 0 && k->pub.len <= BLOB_MAX && k->priv.len > 0 && k->priv.len <= BLOB_MAX && k->description.len <= DESCRIPTION_MAX &&
               utf8_valid(BYTES_OF(&k->description));
}

int tsskey_encode(const struct tsskey *k, struct buf *ret_der)
{
        static const uint8_t yes = 0xff;
        CLEANUP(buf_clear) struct buf body = { 0 };
        CLEANUP(buf_clear) struct buf der = { 0 };
        int r;

        if (!fits(k))
                return err(ERR_RANGE, "a key with %zu octets of public and %zu of private area does not fit a key file", k->pub.len, k->priv.len);
        r = der_put(&body, DER_OID, BYTES(oids[k->type], sizeof(oids[0])));
        if (r == 0 && k->empty_auth)
                r = put_explicit(&body, TAG_EMPTY_AUTH, DER_BOOLEAN, BYTES(&yes, 1));
        if (r == 0 && k->description.len > 0)
                r = put_explicit(&body, TAG_DESCRIPTION, DER_UTF8, BYTES_OF(&k->description));
        if (r == 0)
                r = put_parent(&body, k->parent);
        if (r == 0)
                r = der_put(&body, DER_OCTET_STRING, BYTES_OF(&k->pub));
        if (r == 0)
                r = der_put(&body, DER_OCTET_STRING, BYTES_OF(&k->priv));
        if (r == 0)
                r = der_put(&der, DER_SEQUENCE, BYTES_OF(&body));
        if (r == 0)
                buf_take(&der, ret_der);
        return r;
}

/* The one element inside an explicit tag. */
static int get_explicit(struct bytes *in, unsigned number, uint8_t tag, struct bytes *ret)
{
        struct bytes inner;
        int r;

        r = der_get(in, (uint8_t)(DER_EXPLICIT + number), &inner);
        if (r == 0)
                r = der_get(&inner, tag, ret);
        return r != 0 ? r : der_get_end(inner);
}

static int get_parent(struct bytes *in, uint32_t *ret)
{
        struct bytes v;
        uint32_t handle = 0;

        if (der_get_uint(in, &v) != 0 || v.len > sizeof(handle))
                return err(ERR_FORMAT, "a key file whose parent is no handle");
        for (size_t i = 0; i < v.len; i++)
                handle = handle << 8 | v.ptr[i];
        *ret = handle;
        return 0;
}

static bool tag_is(struct bytes in, unsigned number)
{
        return in.len > 0 && in.ptr[0] == DER_EXPLICIT + number;
}

static int decode_type(struct bytes *in, enum tsskey_type *ret)
{
        struct bytes oid;

        if (der_get(in, DER_OID, &oid) != 0)
                return err(ERR_FORMAT, "a key file that does not begin with its type");
        for (size_t i = 0; i < ARRAY_LEN(oids); i++) {
                if (bytes_equal(oid, BYTES(oids[i], sizeof(oids[i])))) {
                        *ret = (enum tsskey_type)i;
                        return 0;
                }
        }
        if (bytes_equal(oid, BYTES(oid_importable, sizeof(oid_importable))))
                return err(ERR_NOTSUP, "an importable key: import it into the TPM first");
        return err(ERR_NOTSUP, "a key file of an unknown type");
}

static int decode_options(struct bytes *in, struct tsskey *k)
{
        struct bytes v;

        if (tag_is(*in, TAG_EMPTY_AUTH)) {
                /* DER has 0xff for true; tpm2-openssl writes 1. */
                if (get_explicit(in, TAG_EMPTY_AUTH, DER_BOOLEAN, &v) != 0 || v.len != 1 ||
                    (v.ptr[0] != 0 && v.ptr[0] != 1 && v.ptr[0] != 0xff))
                        return err(ERR_FORMAT, "a key file whose emptyAuth is no BOOLEAN");
                k->empty_auth = v.ptr[0] != 0;
        }
        for (unsigned number = TAG_EMPTY_AUTH + 1; number < TAG_DESCRIPTION; number++)
                if (tag_is(*in, number))
                        return err(ERR_NOTSUP, "a key file with a %s", number == TAG_SECRET ? "secret to import it with" : "policy");
        if (tag_is(*in, TAG_DESCRIPTION)) {
                if (get_explicit(in, TAG_DESCRIPTION, DER_UTF8, &v) != 0 || v.len == 0 || v.len > DESCRIPTION_MAX || !utf8_valid(v))
                        return err(ERR_FORMAT, "a key file whose description is no text");
                return buf_set(&k->description, v);
        }
        return 0;
}

static int decode_area(struct bytes *in, const char *what, struct buf *ret)
{
        struct bytes v;

        if (der_get(in, DER_OCTET_STRING, &v) != 0 || v.len == 0 || v.len > BLOB_MAX)
                return err(ERR_FORMAT, "a key file whose %s area is missing, empty or too long", what);
        return buf_set(ret, v);
}

static int decode(struct bytes der, struct tsskey *k)
{
        struct bytes body;
        int r;

        if (der_get(&der, DER_SEQUENCE, &body) != 0 || der.len != 0)
                return err(ERR_FORMAT, "a key file that is not one SEQUENCE");
        r = decode_type(&body, &k->type);
        if (r == 0)
                r = decode_options(&body, k);
        if (r == 0 && tag_is(body, TAG_RSA_PARENT))
                r = err(ERR_NOTSUP, "a key file that names an RSA parent");
        if (r == 0)
                r = get_parent(&body, &k->parent);
        if (r == 0)
                r = decode_area(&body, "public", &k->pub);
        if (r == 0)
                r = decode_area(&body, "private", &k->priv);
        if (r == 0 && body.len != 0)
                r = err(ERR_FORMAT, "a key file with something behind the private area");
        return r;
}

int tsskey_decode(struct bytes der, struct tsskey *ret)
{
        struct tsskey k = { 0 };
        int r;

        r = decode(der, &k);
        if (r != 0) {
                tsskey_clear(&k);
                return r;
        }
        tsskey_clear(ret);
        *ret = k;
        return 0;
}
