/* SPDX-License-Identifier: BSD-2-Clause */
/* Did that key sign that a TPM has this one? What is signed is written as it would be accepted, and compared (TPM 2.0 Part 2, 10.12.3 and 10.12.12). */
#include <string.h>
#include "attest/certified.h"
#include "lib/crypto.h"
#include "lib/err.h"
#include "lib/tpms.h"

#define DER_SEQUENCE_TAG 0x30

/* DER begins with 0x30, and no TPMI_ALG_SIG_SCHEME does. */
static bool is_der(const struct signer_key *by, struct bytes signature)
{
        return by->scheme == SCHEME_ECDSA && signature.len > 0 && signature.ptr[0] == DER_SEQUENCE_TAG;
}

static bool is_bare(const struct signer_key *by, struct bytes signature)
{
        return by->scheme == SCHEME_RSA_PKCS1 && signature.len == by->key.n.len;
}

int certified_signature(const struct signer_key *by, struct bytes attest, struct bytes signature)
{
        CLEANUP(buf_clear) struct buf rs = { 0 };
        const struct pk_params p = { .scheme = by->scheme, .hash = by->hash };
        uint8_t digest[HASH_MAX];
        int r;

        if (!is_der(by, signature) && !is_bare(by, signature))
                return tpms_verify(signature, &by->key, by->scheme, by->hash, attest);
        r = crypto_hash(by->hash, &attest, 1, digest);
        if (r != 0)
                return r;
        if (is_der(by, signature)) {
                r = ecdsa_sig_from_der(signature, by->key.curve->size, &rs);
                signature = BYTES_OF(&rs);
        }
        if (r == 0)
                r = pk_verify(&by->key, &p, BYTES(digest, by->hash->size), signature);
        return r == 0 || r == ERR_NOMEM ? r : err(ERR_AUTH, "the signature is not by that key");
}

int certified_statement(struct bytes attest, struct bytes extra, struct bytes public, bool any_key, struct public *ret)
{
        CLEANUP(public_clear) struct public key = { 0 };
        CLEANUP(buf_clear) struct buf want = { 0 };
        struct tpms in = TPMS(attest);
        struct tpms_attest said, wanted;
        struct bytes name, qualified;
        bool policy;
        int r;

        r = public_decode(public, &key);
        if (r == 0 && !any_key)
                r = public_check_key(&key, (struct bytes){ 0 }, &policy);
        if (r != 0)
                return r;
        tpms_get_attest(&in, &said);
        name = tpms_2b(&in);
        qualified = tpms_2b(&in);
        if (in.bad || in.left.len > 0)
                return err(ERR_DENIED, "what was signed is no certification of a key");
        wanted = said;
        wanted.magic = TPM2_GENERATED_VALUE;
        wanted.type = TPM2_ST_ATTEST_CERTIFY;
        wanted.extra = extra;
        r = tpms_put_attest(&want, &wanted);
        if (r == 0)
                r = tpms_put_2b(&want, BYTES_OF(&key.name));
        if (r == 0)
                r = tpms_put_2b(&want, qualified);
        if (r != 0)
                return r;
        if (said.magic != wanted.magic || said.type != wanted.type)
                return err(ERR_DENIED, "no TPM made what was signed, or it is no certification of a key");
        if (!bytes_equal(said.extra, extra))
                return err(ERR_DENIED, "it was signed for something else than what was asked");
        /* What is signed without a TPM, as the W3C's vector is, need not be what a TPM writes: a flag in it is 0x33. */
        if (any_key ? !bytes_equal(name, BYTES_OF(&key.name)) : !bytes_equal(BYTES_OF(&want), attest))
                return err(ERR_DENIED, "another key was certified");
        *ret = key;
        key = (struct public){ 0 };
        return 0;
}
