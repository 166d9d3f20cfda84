/* SPDX-License-Identifier: BSD-2-Clause */
/* holdfast inspect: says what a file is, and never prints a secret. */
#include <string.h>
#include "keys/store.h"
#include "lib/ref.h"
#include "lib/tpmt.h"
#include "lib/tsskey.h"
#include "tools/cert.h"
#include "lib/keytext.h"
#include "tools/readfile.h"
#include "tools/text.h"

/* What was found, as a document; printing for people walks the same document. */
static int put(json_t *doc, const char *name, json_t *value)
{
        return json_object_set_new(doc, name, value) == 0 ? 0 : err(ERR_NOMEM, "out of memory");
}

static int put_hex(json_t *doc, const char *name, struct bytes in)
{
        CLEANUP(buf_clear) struct buf hex = { 0 };
        int r;

        r = hex_encode(in, &hex);
        return r == 0 ? put(doc, name, json_string(buf_str(&hex))) : r;
}

/* Sealed PINs are no secrets for those without this TPM, but nobody has a use for reading them either. */
static bool sealed_line(const char *name)
{
        return strstr(name, "sealed") != NULL || strstr(name, "salt") != NULL;
}

static int put_lines(json_t *doc, const struct attrs *a)
{
        json_t *lines = json_object();
        int r = 0;

        for (size_t i = 0; r == 0 && i < a->n; ++i) {
                if (sealed_line(a->list[i].name))
                        r = put(lines, a->list[i].name, json_sprintf("(%zu octets, not shown)", a->list[i].value.len));
                else
                        r = put(lines, a->list[i].name, text_json(BYTES_OF(&a->list[i].value)));
        }
        if (r == 0 && a->n > 0)
                r = put(doc, "lines", json_incref(lines));
        json_decref(lines);
        return r;
}

static int put_pubkey(json_t *doc, const struct pubkey *k)
{
        CLEANUP(buf_clear) struct buf ssh = { 0 }, print = { 0 };
        int r;

        r = keytext_ssh(k, &ssh);
        if (r == 0)
                r = keytext_fingerprint(k, &print);
        if (r == 0)
                r = put(doc, "ssh", json_string(buf_str(&ssh)));
        return r == 0 ? put(doc, "fingerprint", json_string(buf_str(&print))) : r;
}

/* TPM 2.0 Part 2, 8.3 TPMA_OBJECT. */
static json_t *object_attributes(TPMA_OBJECT a)
{
        static const struct {
                TPMA_OBJECT bit;
                const char *name;
        } bits[] = {
                { TPMA_OBJECT_FIXEDTPM, "fixedTPM" },
                { TPMA_OBJECT_STCLEAR, "stClear" },
                { TPMA_OBJECT_FIXEDPARENT, "fixedParent" },
                { TPMA_OBJECT_SENSITIVEDATAORIGIN, "sensitiveDataOrigin" },
                { TPMA_OBJECT_USERWITHAUTH, "userWithAuth" },
                { TPMA_OBJECT_ADMINWITHPOLICY, "adminWithPolicy" },
                { TPMA_OBJECT_NODA, "noDA" },
                { TPMA_OBJECT_ENCRYPTEDDUPLICATION, "encryptedDuplication" },
                { TPMA_OBJECT_RESTRICTED, "restricted" },
                { TPMA_OBJECT_DECRYPT, "decrypt" },
                { TPMA_OBJECT_SIGN_ENCRYPT, "sign" },
        };
        json_t *list = json_array();

        for (size_t i = 0; i < ARRAY_LEN(bits); ++i) {
                if (a & bits[i].bit)
                        json_array_append_new(list, json_string(bits[i].name));
        }
        return list;
}

static int put_tsskey(json_t *doc, const struct tsskey *k)
{
        CLEANUP(pubkey_clear) struct pubkey pub = { 0 };
        CLEANUP(buf_clear) struct buf name = { 0 };
        const struct key_kind *kind;
        TPM2B_PUBLIC area;
        int r;

        r = tpmt_public_decode(BYTES_OF(&k->pub), &area);
        if (r == 0)
                r = tpmt_name(&area, &name);
        if (r != 0)
                return r;
        kind = tpmt_kind(&area);
        r = put(doc, "form", json_string(k->type == TSSKEY_SEALED ? "sealed data" : "loadable key"));
        if (r == 0 && k->type == TSSKEY_LOADABLE)
                r = put(doc, "kind", json_string(kind != NULL ? kind->name : "of no kind that Holdfast makes"));
        if (r == 0)
                r = put(doc, "parent", json_sprintf("0x%08x", k->parent));
        if (r == 0)
                r = put(doc, "authorisation", json_string(k->empty_auth ? "empty" : "needed"));
        if (r == 0 && k->description.len > 0)
                r = put(doc, "description", text_json(BYTES_OF(&k->description)));
        if (r == 0)
                r = put_hex(doc, "tpm_name", BYTES_OF(&name));
        if (r == 0)
                r = put(doc, "attributes", object_attributes(area.publicArea.objectAttributes));
        if (r == 0 && area.publicArea.authPolicy.size > 0)
                r = put_hex(doc, "policy", BYTES(area.publicArea.authPolicy.buffer, area.publicArea.authPolicy.size));
        if (r == 0 && tpmt_pubkey(&area, &pub) == 0)
                r = put_pubkey(doc, &pub);
        return r;
}

/* Lines of OpenSSL's: not everything of a stranger's is escaped in them. */
static int put_text(json_t *doc, struct bytes in)
{
        CLEANUP(buf_clear) struct buf safe = { 0 };
        int r = 0;

        while (r == 0 && in.len > 0) {
                const uint8_t *end = memchr(in.ptr, '\n', in.len);
                size_t len = end != NULL ? (size_t)(end - in.ptr) : in.len;

                r = text_safe(BYTES(in.ptr, len), &safe);
                if (r == 0)
                        r = buf_append_u8(&safe, '\n');
                len += end != NULL;
                in = BYTES(in.ptr + len, in.len - len);
        }
        return r == 0 ? put(doc, "text", json_stringn((const char *)safe.ptr, safe.len)) : r;
}

static int put_cert(json_t *doc, struct bytes der)
{
        CLEANUP(buf_clear) struct buf subject = { 0 }, issuer = { 0 }, end = { 0 }, text = { 0 };
        int r;

        r = cert_summary(der, &subject, &issuer, &end);
        if (r == 0)
                r = cert_describe(der, &text);
        if (r == 0)
                r = put(doc, "subject", text_json(BYTES_OF(&subject)));
        if (r == 0)
                r = put(doc, "issuer", text_json(BYTES_OF(&issuer)));
        if (r == 0)
                r = put(doc, "not_after", text_json(BYTES_OF(&end)));
        return r == 0 ? put_text(doc, BYTES_OF(&text)) : r;
}

/* A file of the store. */
static int inspect_item(struct bytes text, json_t *doc)
{
        static const char *const types[] = { [ITEM_KEY] = "key", [ITEM_CERT] = "certificate", [ITEM_PUBKEY] = "public key", [ITEM_DATA] = "data" };
        CLEANUP(item_body_clear) struct item_body b = { 0 };
        enum item_type type;
        int r;

        r = item_parse(text, &type, &b);
        /* Without lines of ours it is another tool's, which we can use all the same. */
        if (r == 0)
                r = put(doc, "type", json_string(type == ITEM_KEY && b.attrs.n == 0 ? "TSS2 key file" : types[type]));
        if (r == 0)
                r = put_lines(doc, &b.attrs);
        if (r == 0 && type == ITEM_KEY)
                r = put_tsskey(doc, &b.key);
        if (r == 0 && type == ITEM_CERT)
                r = put_cert(doc, BYTES_OF(&b.der));
        if (r == 0 && type == ITEM_PUBKEY)
                r = put_pubkey(doc, &b.pub);
        if (r == 0 && type == ITEM_DATA)
                r = put(doc, "octets", json_integer((json_int_t)b.der.len));
        return r;
}

/* A key file of another tool that is none of our kinds: sealed data. */
static int inspect_tsskey(struct bytes text, json_t *doc)
{
        CLEANUP(buf_clear) struct buf head = { 0 }, der = { 0 };
        CLEANUP(tsskey_clear) struct tsskey k = { 0 };
        int r;

        r = pem_decode(TSSKEY_PEM, text, &head, &der);
        if (r == 0)
                r = tsskey_decode(BYTES_OF(&der), &k);
        if (r == 0)
                r = put(doc, "type", json_string("TSS2 key file"));
        return r == 0 ? put_tsskey(doc, &k) : r;
}

static int inspect_ref(struct bytes text, json_t *doc)
{
        CLEANUP(buf_clear) struct buf head = { 0 }, der = { 0 };
        struct bytes uri = { 0 };
        int r;

        r = pem_decode(REF_PEM, text, &head, &der);
        if (r == 0)
                r = ref_decode(BYTES_OF(&der), &uri);
        if (r == 0)
                r = put(doc, "type", json_string("reference to a key"));
        return r == 0 ? put(doc, "uri", text_json(uri)) : r;
}

static int inspect_pubkey(struct bytes text, json_t *doc)
{
        CLEANUP(buf_clear) struct buf head = { 0 }, der = { 0 };
        CLEANUP(pubkey_clear) struct pubkey k = { 0 };
        int r;

        r = pem_decode("PUBLIC KEY", text, &head, &der);
        if (r == 0)
                r = pubkey_from_spki(BYTES_OF(&der), &k);
        if (r == 0)
                r = put(doc, "type", json_string("public key"));
        return r == 0 ? put_pubkey(doc, &k) : r;
}

static int inspect_cert(struct bytes text, json_t *doc)
{
        CLEANUP(buf_clear) struct buf der = { 0 };
        int r;

        r = cert_decode(text, &der);
        if (r == 0)
                r = put(doc, "type", json_string("certificate"));
        return r == 0 ? put_cert(doc, BYTES_OF(&der)) : r;
}

/* The agent file and the store file. */
static int inspect_lines(struct bytes text, json_t *doc)
{
        CLEANUP(attrs_clear) struct attrs a = { 0 };
        const char *type;
        int r;

        r = attrs_parse(text, &a);
        if (r != 0)
                return r;
        type = attrs_get(&a, "owner") != NULL ? "agent" : attrs_get(&a, "parent-handle") != NULL ? "store" : NULL;
        if (type == NULL)
                return err(ERR_FORMAT, "these are not the lines of an agent or a store");
        r = put(doc, "type", json_string(type));
        return r == 0 ? put_lines(doc, &a) : r;
}

static void print_value(const char *name, json_t *v)
{
        CLEANUP(buf_clear) struct buf list = { 0 };
        const char *key;
        size_t i;
        json_t *e;

        if (json_is_object(v)) {
                json_object_foreach(v, key, e)
                        printf("  %-14s %s\n", key, json_string_value(e));
        } else if (json_is_array(v)) {
                json_array_foreach(v, i, e)
                        buf_printf(&list, "%s%s", i > 0 ? " " : "", json_string_value(e));
                printf("%-16s %s\n", name, list.len > 0 ? buf_str(&list) : "");
        } else if (json_is_integer(v)) {
                printf("%-16s %lld\n", name, (long long)json_integer_value(v));
        } else if (strcmp(name, "text") == 0) {
                printf("%s", json_string_value(v));
        } else {
                printf("%-16s %s\n", name, json_string_value(v));
        }
}

/* By what the file says it is; the rows without a mark are for files that say nothing. */
static const struct {
        const char *mark;
        int (*inspect)(struct bytes text, json_t *doc);
} kinds[] = {
        { "-----BEGIN " TSSKEY_PEM "-----", inspect_item },
        { "-----BEGIN " TSSKEY_PEM "-----", inspect_tsskey },
        { "-----BEGIN CERTIFICATE-----", inspect_item },
        { "-----BEGIN CERTIFICATE-----", inspect_cert },
        { "-----BEGIN PUBLIC KEY-----", inspect_item },
        { "-----BEGIN PUBLIC KEY-----", inspect_pubkey },
        { "-----BEGIN " REF_PEM "-----", inspect_ref },
        { "-----BEGIN HOLDFAST DATA-----", inspect_item },
        { NULL, inspect_cert },
        { NULL, inspect_lines },
};

/* ERR_FORMAT names what is wrong in a file that says what it is. */
static int inspect(const char *path, struct bytes text, json_t **ret)
{
        bool marked = false;
        int r = 0;

        for (size_t i = 0; i < ARRAY_LEN(kinds); ++i) {
                const char *mark = kinds[i].mark;
                json_t *doc;

                if (mark != NULL ? memmem(text.ptr, text.len, mark, strlen(mark)) == NULL : marked)
                        continue;
                marked |= mark != NULL;
                doc = json_object();
                r = kinds[i].inspect(text, doc);
                if (r == 0) {
                        *ret = doc;
                        return 0;
                }
                json_decref(doc);
        }
        return marked ? r : err(ERR_INVAL, "%s is no key file, certificate, public key or file of a store", path);
}

int cmd_inspect(struct cli *c)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        json_t *doc = NULL, *v;
        const char *name;
        int r;

        r = readfile(cli_arg(c, 0), &text);
        if (r == 0)
                r = inspect(cli_arg(c, 0), BYTES_OF(&text), &doc);
        if (r != 0)
                return r;
        if (cli_flag(c, "json"))
                return print_json("inspect", doc);
        json_object_foreach(doc, name, v)
                print_value(name, v);
        json_decref(doc);
        return 0;
}
