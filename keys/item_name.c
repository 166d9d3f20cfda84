/* SPDX-License-Identifier: BSD-2-Clause */
/* Puts label and ID of an object into the name of its file, and reads them from there. */
#include <string.h>
#include "keys/item_name.h"
#include "lib/crypto.h"
#include "lib/err.h"

#define LABEL_TEXT_MAX 80       /* characters of the name for the label, escaped */
#define ID_TEXT_MAX 64          /* and for the ID, in hex */
#define GENERATION_MAX 999999999
#define PARTS 6

static const char *const types[] = {
        [ITEM_KEY] = "key",
        [ITEM_CERT] = "crt",
        [ITEM_PUBKEY] = "pub",
        [ITEM_DATA] = "dat",
};

void item_name_clear(struct item_name *n)
{
        buf_clear(&n->label.value);
        buf_clear(&n->id.value);
}

static int digest_of(struct bytes value, uint8_t ret[ITEM_NAME_DIGEST])
{
        uint8_t digest[HASH_MAX];
        int r;

        r = crypto_hash(hash_by_name("SHA256"), &value, 1, digest);
        if (r == 0)
                memcpy(ret, digest, ITEM_NAME_DIGEST);
        return r;
}

static bool is_plain(uint8_t c)
{
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/* An empty label is "%", lest the file be a hidden one. */
static int label_text(struct bytes label, struct buf *out)
{
        int r = 0;

        if (label.len == 0)
                return buf_append_str(out, "%");
        for (size_t i = 0; r == 0 && i < label.len && out->len <= LABEL_TEXT_MAX; i++)
                r = is_plain(label.ptr[i]) ? buf_append_u8(out, label.ptr[i]) : buf_printf(out, "%%%02X", label.ptr[i]);
        return r;
}

static int id_text(struct bytes id, struct buf *out)
{
        return hex_encode(BYTES(id.ptr, id.len > ID_TEXT_MAX ? ID_TEXT_MAX : id.len), out);
}

/* The text, or "%%" and a digest of the value where the text is too long. */
static int append_part(struct bytes value, int (*text_of)(struct bytes value, struct buf *out), size_t max, struct buf *out)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        uint8_t digest[ITEM_NAME_DIGEST];
        int r;

        r = text_of(value, &text);
        if (r == 0 && text.len <= max)
                return buf_append(out, text.ptr, text.len);
        if (r == 0)
                r = digest_of(value, digest);
        if (r == 0)
                r = hex_encode(BYTES(digest, sizeof(digest)), &text);
        if (r == 0)
                r = buf_append_str(out, "%%");
        return r != 0 ? r : buf_append(out, text.ptr, text.len);
}

int item_name_label(struct bytes label, struct buf *out)
{
        return append_part(label, label_text, LABEL_TEXT_MAX, out);
}

int item_name_format(enum item_type type, struct bytes label, struct bytes id, const char *uid, uint32_t generation, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf name = { 0 };
        int r;

        if (generation == 0 || generation > GENERATION_MAX)
                return err(ERR_RANGE, "an object that was changed %u times", (unsigned)generation);
        r = item_name_label(label, &name);
        if (r == 0)
                r = buf_append_u8(&name, '.');
        if (r == 0)
                r = append_part(id, id_text, ID_TEXT_MAX, &name);
        if (r == 0)
                r = buf_printf(&name, ".%s.%u.%s.pem", uid, (unsigned)generation, types[type]);
        if (r == 0)
                buf_take(&name, ret);
        return r;
}

static int lower_hex(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int parse_lower_hex(struct bytes text, struct buf *ret)
{
        for (size_t i = 0; i < text.len; i++)
                if (lower_hex((char)text.ptr[i]) < 0)
                        return ERR_FORMAT;
        return text.len % 2 != 0 ? ERR_FORMAT : hex_decode((const char *)text.ptr, text.len, ret);
}

static int parse_digest(struct bytes text, struct item_name_part *ret)
{
        CLEANUP(buf_clear) struct buf digest = { 0 };
        int r;

        r = parse_lower_hex(BYTES(text.ptr + 2, text.len - 2), &digest);
        if (r == 0 && digest.len != ITEM_NAME_DIGEST)
                r = ERR_FORMAT;
        if (r != 0)
                return r;
        memcpy(ret->digest, digest.ptr, ITEM_NAME_DIGEST);
        ret->hashed = true;
        return 0;
}

static bool is_digest(struct bytes text)
{
        return text.len > 2 && text.ptr[0] == '%' && text.ptr[1] == '%';
}

static int upper_hex(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int parse_label(struct bytes text, struct item_name_part *ret)
{
        size_t n = 0;
        int r;

        if (is_digest(text))
                return parse_digest(text, ret);
        if (text.len == 0 || text.len > LABEL_TEXT_MAX)
                return ERR_FORMAT;
        if (text.len == 1 && text.ptr[0] == '%')
                return 0;
        r = buf_reserve(&ret->value, text.len);
        if (r != 0)
                return r;
        for (size_t i = 0; i < text.len; i++) {
                int hi, lo;

                if (is_plain(text.ptr[i])) {
                        ret->value.ptr[n++] = text.ptr[i];
                        continue;
                }
                if (text.ptr[i] != '%' || text.len - i < 3)
                        return ERR_FORMAT;
                hi = upper_hex((char)text.ptr[i + 1]);
                lo = upper_hex((char)text.ptr[i + 2]);
                if (hi < 0 || lo < 0 || is_plain((uint8_t)(hi << 4 | lo)))
                        return ERR_FORMAT;
                ret->value.ptr[n++] = (uint8_t)(hi << 4 | lo);
                i += 2;
        }
        ret->value.len = n;
        return 0;
}

static int parse_id(struct bytes text, struct item_name_part *ret)
{
        if (is_digest(text))
                return parse_digest(text, ret);
        return text.len > ID_TEXT_MAX ? ERR_FORMAT : parse_lower_hex(text, &ret->value);
}

static int parse_uid(struct bytes text, char ret[17])
{
        if (text.len != 16)
                return ERR_FORMAT;
        for (size_t i = 0; i < text.len; i++)
                if (lower_hex((char)text.ptr[i]) < 0)
                        return ERR_FORMAT;
        memcpy(ret, text.ptr, 16);
        ret[16] = '\0';
        return 0;
}

static int parse_generation(struct bytes text, uint32_t *ret)
{
        uint32_t n = 0;

        if (text.len == 0 || text.len > 9 || text.ptr[0] == '0')
                return ERR_FORMAT;
        for (size_t i = 0; i < text.len; i++) {
                if (text.ptr[i] < '0' || text.ptr[i] > '9')
                        return ERR_FORMAT;
                n = n * 10 + (uint32_t)(text.ptr[i] - '0');
        }
        *ret = n;
        return 0;
}

static int parse_type(struct bytes text, enum item_type *ret)
{
        for (size_t i = 0; i < ARRAY_LEN(types); i++) {
                if (bytes_equal(text, BYTES_STR(types[i]))) {
                        *ret = (enum item_type)i;
                        return 0;
                }
        }
        return ERR_FORMAT;
}

/* None of the parts can have a '.' in it. */
static bool split(const char *name, struct bytes parts[PARTS])
{
        for (size_t i = 0; i < PARTS; i++) {
                size_t len = strcspn(name, ".");

                parts[i] = BYTES(name, len);
                name += len;
                if ((*name == '.') != (i < PARTS - 1))
                        return false;
                name++;
        }
        return true;
}

int item_name_parse(const char *name, struct item_name *ret)
{
        CLEANUP(item_name_clear) struct item_name n = { 0 };
        struct bytes parts[PARTS];
        int r;

        if (!split(name, parts) || !bytes_equal(parts[5], BYTES_STR("pem")))
                return ERR_FORMAT;
        r = parse_label(parts[0], &n.label);
        if (r == 0)
                r = parse_id(parts[1], &n.id);
        if (r == 0)
                r = parse_uid(parts[2], n.uid);
        if (r == 0)
                r = parse_generation(parts[3], &n.generation);
        if (r == 0)
                r = parse_type(parts[4], &n.type);
        if (r != 0)
                return r;
        *ret = n;
        n = (struct item_name){ 0 };
        return 0;
}

bool item_name_part_fits(const struct item_name_part *p, struct bytes value)
{
        uint8_t digest[ITEM_NAME_DIGEST];

        if (!p->hashed)
                return bytes_equal(BYTES_OF(&p->value), value);
        return digest_of(value, digest) == 0 && memcmp(digest, p->digest, sizeof(digest)) == 0;
}
