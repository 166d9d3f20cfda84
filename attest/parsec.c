/* SPDX-License-Identifier: BSD-2-Clause */
/* Does Parsec's attestation of a key and its host hold? */
#include <stddef.h>
#include "attest/certified.h"
#include "attest/evidence.h"
#include "attest/parsec.h"
#include "attest/textmap.h"
#include "lib/err.h"
#include "lib/tpms.h"

#define SELECT_SIZE 3           /* octets of a selection: 24 PCRs */

static const char *const object_names[] = { "kat", "pat" };
static const char *const key_names[] = { "tpmVer", "kid", "sig", "certInfo", "pubArea" };
static const char *const platform_names[] = { "tpmVer", "kid", "sig", "attestInfo" };
enum { VER, KID, SIG, INFO, PUB_AREA };
#define ALL_OF(names) ((1u << ARRAY_LEN(names)) - 1)

static int get_key_member(struct cbor *c, size_t which, void *ctx)
{
        struct parsec_evidence *e = ctx;

        switch (which) {
        case VER:
                return textmap_text(c, "2.0");
        case KID:
                return textmap_octets(c, PARSEC_KEY_ID_MAX, &e->key.key_id);
        case SIG:
                return textmap_octets(c, EVIDENCE_ATTEST_MAX, &e->key.sig);
        case INFO:
                return textmap_octets(c, EVIDENCE_ATTEST_MAX, &e->key.cert_info);
        default:
                return textmap_octets(c, EVIDENCE_PUBLIC_MAX, &e->key.pub_area);
        }
}

static int get_platform_member(struct cbor *c, size_t which, void *ctx)
{
        struct parsec_evidence *e = ctx;

        switch (which) {
        case VER:
                return textmap_text(c, "2.0");
        case KID:
                return textmap_octets(c, PARSEC_KEY_ID_MAX, &e->platform.key_id);
        case SIG:
                return textmap_octets(c, EVIDENCE_ATTEST_MAX, &e->platform.sig);
        default:
                return textmap_octets(c, EVIDENCE_ATTEST_MAX, &e->platform.attest_info);
        }
}

static int get_part(struct cbor *c, size_t which, void *ctx)
{
        unsigned seen = 0, all = which == 0 ? ALL_OF(key_names) : ALL_OF(platform_names);
        int r;

        if (which == 0)
                r = textmap_read(c, key_names, ARRAY_LEN(key_names), get_key_member, ctx, &seen);
        else
                r = textmap_read(c, platform_names, ARRAY_LEN(platform_names), get_platform_member, ctx, &seen);
        return r != 0 || seen == all ? r : err(ERR_FORMAT, "Parsec's attestation lacks a part");
}

int parsec_decode(struct bytes in, struct parsec_evidence *ret)
{
        struct cbor c = { in };
        struct parsec_evidence e = { 0 };
        unsigned seen = 0;
        int r;

        if (in.len > PARSEC_MAX)
                return err(ERR_FORMAT, "Parsec's attestation has %zu octets", in.len);
        r = textmap_read(&c, object_names, ARRAY_LEN(object_names), get_part, &e, &seen);
        if (r != 0)
                return r;
        if (seen != ALL_OF(object_names) || c.rest.len > 0)
                return err(ERR_FORMAT, "Parsec's attestation lacks a part, or has something behind it");
        *ret = e;
        return 0;
}

void parsec_result_clear(struct parsec_result *r)
{
        buf_clear(&r->spki);
        *r = (struct parsec_result){ 0 };
}

static void signer_key_clear(struct signer_key *k)
{
        pubkey_clear(&k->key);
}

/* Scheme and hash are not agreed upon: the signature names them, and only what is good enough is taken. */
static int check_signature(struct signer_key *by, struct bytes attest, struct bytes signature)
{
        struct tpms in = TPMS(signature);
        const uint16_t scheme = (uint16_t)tpms_number(&in, 2);

        by->hash = hash_by_tpm((uint16_t)tpms_number(&in, 2));
        by->scheme = scheme == TPM2_ALG_ECDSA ? SCHEME_ECDSA : scheme == TPM2_ALG_RSASSA ? SCHEME_RSA_PKCS1 : scheme == TPM2_ALG_RSAPSS ? SCHEME_RSA_PSS : SCHEME_NONE;
        if (in.bad || !by->hash || by->hash->tpm == TPM2_ALG_SHA1 || by->scheme == SCHEME_NONE)
                return err(ERR_NOTSUP, "a signature with an algorithm that we do not take");
        return certified_signature(by, attest, signature);
}

/* TPMS_QUOTE_INFO (TPM 2.0 Part 2, 10.12.4) of one bank, which is written again and compared. */
static int check_quote(struct bytes attest, struct bytes nonce, struct parsec_result *ret, struct tpms_attest *ret_said)
{
        CLEANUP(buf_clear) struct buf want = { 0 };
        struct tpms in = TPMS(attest);
        struct tpms_attest said;
        uint64_t banks, octets;
        int r;

        tpms_get_attest(&in, &said);
        banks = tpms_number(&in, 4);
        ret->pcr_hash = (uint16_t)tpms_number(&in, 2);
        octets = tpms_number(&in, 1);
        ret->pcrs = (uint32_t)tpms_little(&in, SELECT_SIZE);
        ret->pcr_digest = tpms_2b(&in);
        if (in.bad || in.left.len > 0 || banks != 1 || octets != SELECT_SIZE || said.magic != TPM2_GENERATED_VALUE || said.type != TPM2_ST_ATTEST_QUOTE)
                return err(ERR_DENIED, "what was signed of the host is no quote of PCRs of one bank");
        if (!bytes_equal(said.extra, nonce))
                return err(ERR_DENIED, "it was signed for something else than what was asked");
        r = tpms_put_attest(&want, &said);
        if (r != 0)
                return r;
        /* A flag that is neither 0 nor 1 is no TPM's. */
        if (want.len > attest.len || !bytes_equal(BYTES_OF(&want), BYTES(attest.ptr, want.len)))
                return err(ERR_DENIED, "what was signed of the host is not what a TPM writes");
        *ret_said = said;
        return 0;
}

int parsec_verify(const struct parsec_evidence *e, struct bytes ak_spki, struct bytes nonce, bool any_key, struct parsec_result *ret)
{
        CLEANUP(signer_key_clear) struct signer_key by = { 0 };
        CLEANUP(public_clear) struct public key = { 0 };
        CLEANUP(parsec_result_clear) struct parsec_result result = { 0 };
        struct tpms in = TPMS(e->key.cert_info);
        struct tpms_attest key_said, host_said;
        int r;

        if (!bytes_equal(e->key.key_id, e->platform.key_id))
                return err(ERR_DENIED, "key and host are attested by different keys");
        r = pubkey_from_spki(ak_spki, &by.key);
        if (r == 0)
                r = check_signature(&by, e->key.cert_info, e->key.sig);
        if (r == 0)
                r = check_signature(&by, e->platform.attest_info, e->platform.sig);
        if (r == 0)
                r = certified_statement(e->key.cert_info, nonce, e->key.pub_area, any_key, &key);
        if (r == 0)
                r = check_quote(e->platform.attest_info, nonce, &result, &host_said);
        if (r == 0)
                r = pubkey_to_spki(&key.key, &result.spki);
        if (r != 0)
                return r;
        tpms_get_attest(&in, &key_said);
        if (key_said.resets != host_said.resets || key_said.restarts != host_said.restarts || !bytes_equal(key_said.signer, host_said.signer))
                return err(ERR_DENIED, "the TPM was reset between the two");
        *ret = result;
        result = (struct parsec_result){ 0 };
        return 0;
}
