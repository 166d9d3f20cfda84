/* SPDX-License-Identifier: BSD-2-Clause */
/* What does the TPM's command audit make of our commands? TPM 2.0 Part 1, 16.7, 16.8 and 31. */
#include <inttypes.h>
#include <string.h>
#include "audit/checkpoint.h"
#include "audit/note.h"
#include "lib/crypto.h"
#include "lib/err.h"
#include "lib/tpms.h"
#include "lib/tpmt.h"

#define LIST_MAX 512            /* commands */
#define CODE_TEXT 9             /* 8 digits and a blank */

static int sha256(const struct bytes *parts, size_t n, uint8_t ret[AUDIT_HASH_SIZE])
{
        return crypto_hash(hash_by_name("SHA256"), parts, n, ret);
}

void audit_digest_extend(uint8_t digest[AUDIT_HASH_SIZE], struct bytes cp_hash, struct bytes rp_hash)
{
        /* It fails only without memory. Zeros then equal nothing. */
        if (sha256((const struct bytes[]){ BYTES(digest, AUDIT_HASH_SIZE), cp_hash, rp_hash }, 3, digest) != 0)
                memset(digest, 0, AUDIT_HASH_SIZE);
}

int audit_list_format(const uint32_t *list, size_t n, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        int r = 0;

        if (n > LIST_MAX)
                return err(ERR_RANGE, "an audit list of %zu commands", n);
        for (size_t i = 0; r == 0 && i < n; i++) {
                if (i > 0 && list[i] <= list[i - 1])
                        return err(ERR_INVAL, "an audit list that does not rise");
                r = buf_printf(&b, "%s%08" PRIx32, i > 0 ? " " : "", list[i]);
        }
        if (r == 0)
                buf_take(&b, ret);
        return r;
}

/* Exactly what audit_list_format() writes. */
static int parse_list(struct bytes detail, uint32_t ret[LIST_MAX], size_t *ret_n)
{
        CLEANUP(buf_clear) struct buf again = { 0 };
        size_t n = (detail.len + 1) / CODE_TEXT;

        if (detail.len == 0 || n > LIST_MAX || n * CODE_TEXT != detail.len + 1)
                return err(ERR_FORMAT, "an audit list of %zu octets", detail.len);
        for (size_t i = 0; i < n; i++) {
                ret[i] = 0;
                for (size_t j = 0; j < 8; j++) {
                        uint8_t c = detail.ptr[i * CODE_TEXT + j];

                        ret[i] = ret[i] << 4 | ((c >= 'a' ? c - 'a' + 10u : c - (unsigned)'0') & 15);
                }
        }
        if (audit_list_format(ret, n, &again) != 0 || !bytes_equal(detail, BYTES_OF(&again)))
                return err(ERR_FORMAT, "an audit list that is none");
        *ret_n = n;
        return 0;
}

bool audit_list_has(struct bytes detail, uint32_t cc)
{
        uint32_t list[LIST_MAX];
        size_t n;

        if (parse_list(detail, list, &n) != 0)
                return false;
        for (size_t i = 0; i < n; i++)
                if (list[i] == cc)
                        return true;
        return false;
}

int audit_list_digest(struct bytes detail, uint8_t ret[AUDIT_HASH_SIZE])
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        uint32_t list[LIST_MAX];
        bool told = audit_list_has(detail, TPM2_CC_SetCommandCodeAuditStatus);
        size_t n;
        int r;

        r = parse_list(detail, list, &n);
        for (size_t i = 0; r == 0 && i < n; i++) {
                if (!told && list[i] > TPM2_CC_SetCommandCodeAuditStatus) {
                        told = true;
                        r = buf_append_u32(&b, TPM2_CC_SetCommandCodeAuditStatus);
                }
                if (r == 0)
                        r = buf_append_u32(&b, list[i]);
        }
        if (r == 0 && !told)
                r = buf_append_u32(&b, TPM2_CC_SetCommandCodeAuditStatus);
        return r != 0 ? r : sha256(&BYTES_OF(&b), 1, ret);
}

/* TPM2_Sign as tpm/use.c sends it. */
struct sign {
        const struct curve *curve;      /* NULL: RSA */
        const struct hash *hash;
        uint16_t scheme;
        uint8_t digest[HASH_MAX];
        struct bytes signature;
};

/* keys/ fits a digest to the curve: leftmost octets, zeros in front. */
static int fit(struct bytes in, struct sign *s)
{
        size_t want = s->hash->size;

        memset(s->digest, 0, sizeof(s->digest));
        if (in.len == 0)
                return err(ERR_FORMAT, "a record of a signature without a digest");
        if (in.len > want && s->curve != NULL && want != s->curve->size)
                return err(ERR_NOTSUP, "a digest of %zu octets on %s", in.len, s->curve->name);
        if (s->curve == NULL && in.len != want)
                return err(ERR_FORMAT, "a digest of %zu octets for %s", in.len, s->hash->name);
        if (in.len > want)
                in.len = want;
        memcpy(s->digest + want - in.len, in.ptr, in.len);
        return 0;
}

/* TPMT_PUBLIC, Part 2, 12.2: up to the curve. */
static const struct curve *curve_of(struct bytes public)
{
        struct tpms r = TPMS(public);

        tpms_bytes(&r, 8);              /* type, nameAlg, attributes */
        tpms_2b(&r);
        if (tpms_number(&r, 2) != TPM2_ALG_NULL)
                return NULL;
        if (tpms_number(&r, 2) != TPM2_ALG_NULL)
                tpms_number(&r, 2);
        return curve_by_tpm((uint16_t)tpms_number(&r, 2));
}

static int understand(const struct audit_record *rec, struct sign *s)
{
        struct tpms r = TPMS(rec->key_public);
        struct bytes mechanism = rec->mechanism, digest = rec->digest;
        char name[16] = "";

        tpms_number(&r, 2);
        s->signature = rec->result;
        if (bytes_equal(mechanism, BYTES_STR("ECDSA"))) {
                s->curve = curve_of(rec->key_public);
                if (s->curve == NULL || rec->result.len != 2 * s->curve->size)
                        return err(ERR_FORMAT, "a record of a signature that its key cannot make");
                s->hash = s->curve->hash;
                s->scheme = TPM2_ALG_ECDSA;
                return fit(digest, s);
        }
        /* Only this padding is the TPM's own; the caller may have written the DigestInfo. */
        if (!note_skip(&mechanism, "RSA-PKCS1"))
                return err(ERR_NOTSUP, "not by TPM2_Sign");
        s->scheme = TPM2_ALG_RSASSA;
        if (mechanism.len == 0) {
                s->hash = hash_by_digest_info(rec->digest, &digest);
        } else if (mechanism.ptr[0] == '-' && mechanism.len <= sizeof(name)) {
                memcpy(name, mechanism.ptr + 1, mechanism.len - 1);
                s->hash = hash_by_name(name);
        }
        if (s->hash == NULL)
                return err(ERR_NOTSUP, "not by TPM2_Sign");
        return fit(digest, s);
}

static struct bytes without_zeros(struct bytes n)
{
        while (n.len > 1 && n.ptr[0] == 0)
                n = BYTES(n.ptr + 1, n.len - 1);
        return n;
}

static int append_2b(struct buf *b, struct bytes v)
{
        int r = buf_append_u16(b, (uint16_t)v.len);

        return r != 0 ? r : buf_append(b, v.ptr, v.len);
}

/* CC || Name || TPM2B_DIGEST || TPMT_SIG_SCHEME || TPMT_TK_HASHCHECK of the NULL hierarchy. */
static int cp_hash(const struct sign *s, struct bytes public, uint8_t ret[AUDIT_HASH_SIZE])
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        struct tpms p = TPMS(public);
        const struct hash *h;
        uint8_t name[HASH_MAX];
        int r;

        tpms_number(&p, 2);
        h = hash_by_tpm((uint16_t)tpms_number(&p, 2));
        if (h == NULL)
                return err(ERR_FORMAT, "a record of a key without a Name");
        r = crypto_hash(h, &public, 1, name);
        if (r == 0)
                r = buf_append_u32(&b, TPM2_CC_Sign);
        if (r == 0)
                r = buf_append_u16(&b, h->tpm);
        if (r == 0)
                r = buf_append(&b, name, h->size);
        if (r == 0)
                r = append_2b(&b, BYTES(s->digest, s->hash->size));
        if (r == 0)
                r = buf_append_u16(&b, s->scheme);
        if (r == 0)
                r = buf_append_u16(&b, s->hash->tpm);
        if (r == 0)
                r = buf_append_u16(&b, TPM2_ST_HASHCHECK);
        if (r == 0)
                r = buf_append_u32(&b, TPM2_RH_NULL);
        if (r == 0)
                r = buf_append_u16(&b, 0);
        return r != 0 ? r : sha256(&BYTES_OF(&b), 1, ret);
}

/* TPM_RC_SUCCESS || CC || TPMT_SIGNATURE */
static int rp_hash(const struct sign *s, bool zeros, uint8_t ret[AUDIT_HASH_SIZE])
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        size_t half = s->signature.len / 2;
        struct bytes first = BYTES(s->signature.ptr, half), second = BYTES(s->signature.ptr + half, half);
        int r;

        r = buf_append_u32(&b, 0);
        if (r == 0)
                r = buf_append_u32(&b, TPM2_CC_Sign);
        if (r == 0)
                r = buf_append_u16(&b, s->scheme);
        if (r == 0)
                r = buf_append_u16(&b, s->hash->tpm);
        if (r == 0 && s->curve == NULL)
                r = append_2b(&b, s->signature);
        if (r == 0 && s->curve != NULL)
                r = append_2b(&b, zeros ? first : without_zeros(first));
        if (r == 0 && s->curve != NULL)
                r = append_2b(&b, zeros ? second : without_zeros(second));
        return r != 0 ? r : sha256(&BYTES_OF(&b), 1, ret);
}

int audit_sign_hashes(const struct audit_record *rec, uint8_t ret_cp[AUDIT_HASH_SIZE], uint8_t ret_rp[AUDIT_HASH_SIZE])
{
        uint8_t cp[AUDIT_HASH_SIZE], with[AUDIT_HASH_SIZE], without[AUDIT_HASH_SIZE];
        struct sign s = { 0 };
        int r;

        if (!bytes_equal(rec->operation, BYTES_STR("sign")) || rec->result.len == 0 || (rec->tpm.present && rec->tpm.cc != TPM2_CC_Sign))
                return err(ERR_NOTSUP, "not by TPM2_Sign");
        r = understand(rec, &s);
        if (r == 0)
                r = cp_hash(&s, rec->key_public, cp);
        if (r == 0)
                r = rp_hash(&s, true, with);
        if (r == 0)
                r = rp_hash(&s, false, without);
        if (r != 0)
                return r;
        memcpy(ret_cp, cp, sizeof(cp));
        memcpy(ret_rp, bytes_equal(rec->tpm.rp_hash, BYTES(without, sizeof(without))) ? without : with, sizeof(with));
        return 0;
}
