/* SPDX-License-Identifier: BSD-2-Clause */
/* What does a checkpoint look like as text? C2SP tlog-checkpoint and signed-note. */
#include <inttypes.h>
#include <string.h>
#include "audit/checkpoint.h"
#include "audit/note.h"
#include "lib/crypto.h"
#include "lib/err.h"
#include "lib/tpms.h"

#define NOTE_MAX 65536
#define ORIGIN_MAX 256
#define SIGNATURES_MAX 64
#define EM_DASH "\xe2\x80\x94 "
/* A type without a number in signed-note has 0xff and a name. */
#define TPM_TYPE "\xffholdfast-tpm"
#define ED25519_SIZE 64
#define KEY_ID_SIZE 4

static const char *const modes[] = { [AUDIT_MODE_NONE] = "none", [AUDIT_MODE_SESSION] = "session", [AUDIT_MODE_COMMAND] = "command",
                                     [AUDIT_MODE_SOFTWARE] = "software" };

const char *audit_mode_name(enum audit_mode m)
{
        return (unsigned)m < ARRAY_LEN(modes) ? modes[m] : NULL;
}

void checkpoint_clear(struct checkpoint *c)
{
        buf_clear(&c->origin);
        buf_clear(&c->attest);
        buf_clear(&c->signature);
        buf_clear(&c->ed25519);
        buf_clear(&c->software);
        *c = (struct checkpoint){ 0 };
}

/* It is the name of the key that signs, too: no blank, no plus. */
static bool origin_good(struct bytes origin)
{
        if (origin.len == 0 || origin.len > ORIGIN_MAX)
                return false;
        for (size_t i = 0; i < origin.len; i++)
                if (origin.ptr[i] <= 0x20 || origin.ptr[i] >= 0x7f || origin.ptr[i] == '+')
                        return false;
        return true;
}

static int append_bytes(struct buf *b, struct bytes v)
{
        return buf_append(b, v.ptr, v.len);
}

static int append_base64(struct buf *b, struct bytes v)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        int r = base64_encode(v, &text);

        return r != 0 ? r : append_bytes(b, BYTES_OF(&text));
}

int checkpoint_text(const struct checkpoint *c, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        int r;

        if (!origin_good(BYTES_OF(&c->origin)) || audit_mode_name(c->mode) == NULL || (c->has_nv && c->nv_index > UINT32_MAX))
                return err(ERR_INVAL, "a checkpoint that cannot be written");
        r = append_bytes(&b, BYTES_OF(&c->origin));
        if (r == 0)
                r = buf_printf(&b, "\n%" PRIu64 "\n", c->head.size);
        if (r == 0)
                r = append_base64(&b, BYTES(c->head.root, AUDIT_HASH_SIZE));
        if (r == 0)
                r = buf_printf(&b, "\nbatch %" PRIu64 " %" PRIu64 "\n", c->batch, c->count);
        if (r == 0 && c->has_nv)
                r = buf_printf(&b, "nv %08" PRIx64 " %" PRIu64 "\n", c->nv_index, c->nv_value);
        if (r == 0)
                r = buf_printf(&b, "audit %s\ntime %" PRIu64 "\n", audit_mode_name(c->mode), c->time_ms);
        if (r == 0)
                buf_take(&b, ret);
        return r;
}

int checkpoint_digest(const struct checkpoint *c, uint8_t ret[AUDIT_HASH_SIZE])
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        int r = checkpoint_text(c, &text);

        return r != 0 ? r : crypto_hash(hash_by_name("SHA256"), &BYTES_OF(&text), 1, ret);
}

/* signed-note: SHA-256(name || 0x0a || type || key), its first four octets. The key is a SubjectPublicKeyInfo. */
int checkpoint_key_id(struct bytes name, const struct pubkey *ak, uint8_t ret[KEY_ID_SIZE])
{
        CLEANUP(buf_clear) struct buf spki = { 0 };
        uint8_t digest[AUDIT_HASH_SIZE];
        int r;

        r = pubkey_to_spki(ak, &spki);
        if (r == 0)
                r = crypto_hash(hash_by_name("SHA256"), (const struct bytes[]){ name, BYTES("\n", 1), BYTES_STR(TPM_TYPE), BYTES_OF(&spki) }, 4,
                                digest);
        if (r == 0)
                memcpy(ret, digest, KEY_ID_SIZE);
        return r;
}

static int append_signature(const struct checkpoint *c, struct bytes value, struct buf *b)
{
        int r = buf_append_str(b, EM_DASH);

        if (r == 0)
                r = append_bytes(b, BYTES_OF(&c->origin));
        if (r == 0)
                r = buf_append_str(b, " ");
        if (r == 0)
                r = append_base64(b, value);
        return r != 0 ? r : buf_append_str(b, "\n");
}

static int tpm_value(const struct checkpoint *c, const struct pubkey *ak, struct buf *ret)
{
        uint8_t id[KEY_ID_SIZE];
        int r;

        if (c->attest.len > UINT16_MAX)
                return err(ERR_RANGE, "an attestation of %zu octets", c->attest.len);
        r = checkpoint_key_id(BYTES_OF(&c->origin), ak, id);
        if (r == 0)
                r = buf_append(ret, id, sizeof(id));
        if (r == 0)
                r = buf_append_str(ret, TPM_TYPE);
        if (r == 0)
                r = buf_append_u16(ret, (uint16_t)c->attest.len);
        if (r == 0)
                r = append_bytes(ret, BYTES_OF(&c->attest));
        return r != 0 ? r : append_bytes(ret, BYTES_OF(&c->signature));
}

/* What the first signature line has: nobody but the TPM signs beside what signs alone. */
static int first_value(const struct checkpoint *c, const struct pubkey *ak, struct buf *ret)
{
        bool software = c->mode == AUDIT_MODE_SOFTWARE;

        if (software ? c->software.len <= KEY_ID_SIZE || c->attest.len + c->signature.len + c->ed25519.len != 0
                     : c->attest.len == 0 || c->signature.len == 0 || c->software.len != 0 ||
                               (c->ed25519.len != 0 && c->ed25519.len != KEY_ID_SIZE + ED25519_SIZE))
                return err(ERR_INVAL, "a checkpoint without its signature");
        return software ? buf_set(ret, BYTES_OF(&c->software)) : tpm_value(c, ak, ret);
}

int checkpoint_format(const struct checkpoint *c, const struct pubkey *ak, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        CLEANUP(buf_clear) struct buf value = { 0 };
        int r;

        r = first_value(c, ak, &value);
        if (r == 0)
                r = checkpoint_text(c, &b);
        if (r == 0)
                r = buf_append_str(&b, "\n");
        if (r == 0)
                r = append_signature(c, BYTES_OF(&value), &b);
        if (r == 0 && c->ed25519.len > 0)
                r = append_signature(c, BYTES_OF(&c->ed25519), &b);
        if (r == 0 && b.len > NOTE_MAX)
                r = err(ERR_RANGE, "a checkpoint of %zu octets", b.len);
        if (r == 0)
                buf_take(&b, ret);
        return r;
}

static int malformed(const char *what)
{
        return err(ERR_FORMAT, "a checkpoint whose %s is not what it should be", what);
}

static bool parse_two(struct bytes line, const char *name, uint64_t *a, uint64_t *b)
{
        struct bytes first;

        return note_skip(&line, name) && note_word(&line, &first) && note_number(first, a) && note_number(line, b);
}

static bool parse_nv(struct bytes line, struct checkpoint *c)
{
        struct bytes index;

        if (!note_skip(&line, "nv ") || !note_word(&line, &index) || index.len != 8)
                return false;
        for (size_t i = 0; i < index.len; i++) {
                const char *digits = "0123456789abcdef", *at = strchr(digits, index.ptr[i]);

                if (at == NULL || index.ptr[i] == '\0')
                        return false;
                c->nv_index = c->nv_index << 4 | (uint64_t)(at - digits);
        }
        c->has_nv = true;
        return note_number(line, &c->nv_value);
}

static bool parse_mode(struct bytes line, enum audit_mode *ret)
{
        if (!note_skip(&line, "audit "))
                return false;
        for (size_t i = 0; i < ARRAY_LEN(modes); i++)
                if (bytes_equal(line, BYTES_STR(modes[i]))) {
                        *ret = (enum audit_mode)i;
                        return true;
                }
        return false;
}

/* Up to and with the empty line. */
static int parse_text(struct bytes *note, struct checkpoint *c)
{
        struct bytes line;

        if (!note_line(note, &line) || !origin_good(line))
                return malformed("origin");
        if (buf_set(&c->origin, line) != 0)
                return ERR_NOMEM;
        if (!note_line(note, &line) || !note_number(line, &c->head.size))
                return malformed("size");
        if (!note_line(note, &line) || !note_hash(line, c->head.root))
                return malformed("root");
        if (!note_line(note, &line) || !parse_two(line, "batch ", &c->batch, &c->count))
                return malformed("batch");
        if (!note_line(note, &line))
                return malformed("end");
        if (line.len > 1 && line.ptr[0] == 'n' && (!parse_nv(line, c) || !note_line(note, &line)))
                return malformed("NV counter");
        if (!parse_mode(line, &c->mode))
                return malformed("kind of audit");
        if (!note_line(note, &line) || !note_skip(&line, "time ") || !note_number(line, &c->time_ms))
                return malformed("time");
        if (!note_line(note, &line) || line.len != 0)
                return malformed("end of the text");
        return 0;
}

/* KEY-ID type TPM2B_ATTEST TPMT_SIGNATURE */
static int parse_tpm(struct bytes value, struct checkpoint *c)
{
        struct tpms r = TPMS(value);
        struct bytes id = tpms_bytes(&r, KEY_ID_SIZE), attest, signature;
        int e;

        tpms_bytes(&r, strlen(TPM_TYPE));
        attest = tpms_2b(&r);
        signature = tpms_bytes(&r, r.left.len);
        if (r.bad || attest.len == 0 || signature.len == 0 || c->attest.len > 0)
                return malformed("attestation");
        memcpy(c->key_id, id.ptr, KEY_ID_SIZE);
        e = buf_set(&c->attest, attest);
        return e != 0 ? e : buf_set(&c->signature, signature);
}

/* One under our name is the TPM's or, behind that, an Ed25519 one; or it is that of a key in software, alone. Others' are not ours to judge. */
static int parse_signature(struct bytes line, struct checkpoint *c)
{
        CLEANUP(buf_clear) struct buf value = { 0 };
        struct bytes name, type;

        if (!note_skip(&line, EM_DASH) || !note_word(&line, &name) || !origin_good(name) || !note_base64(line, &value) ||
            value.len <= KEY_ID_SIZE)
                return malformed("signature line");
        if (!bytes_equal(name, BYTES_OF(&c->origin)))
                return 0;
        if (c->mode == AUDIT_MODE_SOFTWARE) {
                if (c->software.len > 0)
                        return malformed("signature");
                buf_take(&value, &c->software);
                return 0;
        }
        type = BYTES(value.ptr + KEY_ID_SIZE, value.len - KEY_ID_SIZE);
        if (note_skip(&type, TPM_TYPE))
                return parse_tpm(BYTES_OF(&value), c);
        if (value.len != KEY_ID_SIZE + ED25519_SIZE || c->ed25519.len > 0 || c->attest.len == 0)
                return malformed("signature");
        buf_take(&value, &c->ed25519);
        return 0;
}

static int parse_signatures(struct bytes note, struct checkpoint *c)
{
        struct bytes line;
        unsigned n = 0;
        int r = 0;

        while (r == 0 && note.len > 0) {
                if (++n > SIGNATURES_MAX || !note_line(&note, &line))
                        return malformed("end");
                r = parse_signature(line, c);
        }
        if (r == 0 && c->attest.len + c->software.len == 0)
                return malformed("signature");
        return r;
}

int checkpoint_parse(struct bytes note, struct checkpoint *ret)
{
        CLEANUP(checkpoint_clear) struct checkpoint c = { 0 };
        int r;

        if (note.len > NOTE_MAX)
                return err(ERR_FORMAT, "a checkpoint of %zu octets", note.len);
        r = parse_text(&note, &c);
        if (r == 0)
                r = parse_signatures(note, &c);
        if (r != 0)
                return r;
        checkpoint_clear(ret);
        *ret = c;
        c = (struct checkpoint){ 0 };
        return 0;
}
