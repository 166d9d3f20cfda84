/* SPDX-License-Identifier: BSD-2-Clause */
/* Does a record of a signature hold: by the key it names, over the digest it names, by the command that it says the TPM did? */
#include <stdlib.h>
#include <string.h>
#include "audit/checking.h"
#include "audit/note.h"
#include "lib/crypto.h"
#include "lib/err.h"
#include "lib/tpmt.h"

/* RFC 8017, 9.2: 00 01 FF..FF 00, with eight at least. */
#define PKCS1_HEAD_MIN 11

/* The key of the record before is likely the key of this one. */
static int read_key(struct check *k, struct bytes public)
{
        CLEANUP(buf_clear) struct buf sized = { 0 };
        TPM2B_PUBLIC p;
        int r;

        if (bytes_equal(public, BYTES_OF(&k->key_public)))
                return 0;
        buf_reset(&k->key_public);
        if (public.len == 0 || public.len > UINT16_MAX)
                return err(ERR_FORMAT, "the record does not name its key");
        r = buf_append_u16(&sized, (uint16_t)public.len);
        if (r == 0)
                r = buf_append(&sized, public.ptr, public.len);
        if (r == 0)
                r = tpmt_public_decode(BYTES_OF(&sized), &p);
        if (r == 0)
                r = tpmt_pubkey(&p, &k->key);
        return r != 0 ? r : buf_set(&k->key_public, public);
}

static const struct hash *hash_of(struct bytes name)
{
        char text[16] = "";

        if (name.len == 0 || name.len >= sizeof(text))
                return NULL;
        memcpy(text, name.ptr, name.len);
        return hash_by_name(text);
}

/* A word up to "-MGF1-" or the end. */
static struct bytes before(struct bytes *text, const char *mark)
{
        const uint8_t *at = memmem(text->ptr, text->len, mark, strlen(mark));
        struct bytes word = *text;

        if (at == NULL)
                return (struct bytes){ 0 };
        word.len = (size_t)(at - text->ptr);
        *text = BYTES(at + strlen(mark), text->len - word.len - strlen(mark));
        return word;
}

/* "ECDSA", "RSA-PKCS1[-HASH]", "RSA-PSS-HASH-MGF1-HASH-SALT", "RSA-RAW" */
static int parse_mechanism(struct bytes m, struct pk_params *ret)
{
        uint64_t salt;

        if (bytes_equal(m, BYTES_STR("ECDSA"))) {
                ret->scheme = SCHEME_ECDSA;
                return 0;
        }
        if (bytes_equal(m, BYTES_STR("RSA-RAW"))) {
                ret->scheme = SCHEME_RSA_RAW;
                return 0;
        }
        if (note_skip(&m, "RSA-PKCS1")) {
                ret->scheme = SCHEME_RSA_PKCS1;
                if (m.len == 0)
                        return 0;
                if (note_skip(&m, "-") && (ret->hash = hash_of(m)) != NULL)
                        return 0;
        } else if (note_skip(&m, "RSA-PSS-")) {
                ret->scheme = SCHEME_RSA_PSS;
                ret->hash = hash_of(before(&m, "-MGF1-"));
                ret->mgf_hash = hash_of(before(&m, "-"));
                if (ret->hash != NULL && ret->mgf_hash != NULL && note_number(m, &salt) && salt <= UINT16_MAX) {
                        ret->salt_len = (size_t)salt;
                        return 0;
                }
        }
        return err(ERR_FORMAT, "the record names no mechanism that makes signatures");
}

static struct bytes without_padding(struct bytes em)
{
        size_t i = 2;

        if (em.len < PKCS1_HEAD_MIN || em.ptr[0] != 0 || em.ptr[1] != 1)
                return (struct bytes){ 0 };
        while (i < em.len && em.ptr[i] == 0xff)
                i++;
        if (i < PKCS1_HEAD_MIN - 1 || i == em.len || em.ptr[i] != 0)
                return (struct bytes){ 0 };
        return BYTES(em.ptr + i + 1, em.len - i - 1);
}

static bool is_hash_of(struct bytes digest, struct bytes in)
{
        uint8_t hash[AUDIT_HASH_SIZE];

        return crypto_hash(hash_by_name("SHA256"), &in, 1, hash) == 0 && bytes_equal(digest, BYTES(hash, sizeof(hash)));
}

/* What a caller had signed without a hash may be longer than a record keeps: then its SHA-256 stands there, and the signature is opened. */
static int verify_opened(const struct pubkey *key, const struct pk_params *p, struct bytes digest, struct bytes sig)
{
        static const struct pk_params raw = { .scheme = SCHEME_RSA_RAW };
        CLEANUP(buf_clear) struct buf em = { 0 };
        struct bytes in;
        int r;

        r = pk_encrypt(key, &raw, sig, &em);
        if (r != 0)
                return r == ERR_NOMEM ? r : err(ERR_AUTH, "the signature is wrong");
        in = p->scheme == SCHEME_RSA_PKCS1 ? without_padding(BYTES_OF(&em)) : BYTES_OF(&em);
        /* What is no padding may have had fewer zeros in front. */
        for (; in.len > 0; in = BYTES(in.ptr + 1, in.len - 1)) {
                if (is_hash_of(digest, in))
                        return 0;
                if (in.ptr[0] != 0 || p->scheme != SCHEME_RSA_RAW)
                        break;
        }
        return err(ERR_AUTH, "the signature is wrong");
}

static int verify(struct check *k, const struct audit_record *r)
{
        struct pk_params p = { 0 };
        int e;

        if (r->result.len == 0 || r->digest.len == 0)
                return err(ERR_FORMAT, "the record has no signature or no digest");
        e = parse_mechanism(r->mechanism, &p);
        if (e == 0)
                e = read_key(k, r->key_public);
        if (e != 0)
                return e;
        k->rep->signatures_checked++;
        e = pk_verify(&k->key, &p, r->digest, r->result);
        if (e != 0 && e != ERR_NOMEM && k->key.curve == NULL && p.hash == NULL && r->digest.len == AUDIT_HASH_SIZE)
                e = verify_opened(&k->key, &p, r->digest, r->result);
        return e;
}

static int check_hashes(struct check *k, const struct audit_record *r)
{
        uint8_t cp[AUDIT_HASH_SIZE], rp[AUDIT_HASH_SIZE];
        struct place here = { k->number, k->size };
        int e;

        if (!r->tpm.present || r->tpm.cc != TPM2_CC_Sign)
                return 0;
        e = audit_sign_hashes(r, cp, rp);
        if (e == ERR_NOTSUP)
                return 0;
        if (e == ERR_FORMAT)
                check_found(k, FAULT_HASHES, false, here, "%s", err_text());
        else if (e == 0 && !bytes_equal(r->tpm.cp_hash, BYTES(cp, sizeof(cp))))
                check_found(k, FAULT_HASHES, false, here, "the TPM was asked for another signature than the record tells");
        else if (e == 0 && !bytes_equal(r->tpm.rp_hash, BYTES(rp, sizeof(rp))))
                check_found(k, FAULT_HASHES, false, here, "the TPM made another signature than the record tells");
        return e == ERR_FORMAT ? 0 : e;
}

int check_signature(struct check *k, const struct audit_record *r)
{
        int e;

        if (r->event != AUDIT_USE || r->decision != AUDIT_ALLOWED || !bytes_equal(r->operation, BYTES_STR("sign")))
                return 0;
        e = check_hashes(k, r);
        if (e != 0 || !k->o->signatures)
                return e;
        e = verify(k, r);
        if (e == ERR_NOMEM)
                return e;
        if (e != 0)
                check_found(k, FAULT_SIGNATURE, false, (struct place){ k->number, k->size }, "%s", err_text());
        return 0;
}
