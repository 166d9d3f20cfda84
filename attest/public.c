/* SPDX-License-Identifier: BSD-2-Clause */
/* Is this the public area of an attestation key, or of a key worth a credential? The one that would be accepted is built and compared
 * (TPM 2.0 Part 2, 12.2.4; Part 1, 25). */
#include <string.h>
#include "attest/public.h"
#include "lib/ec.h"
#include "lib/crypto.h"
#include "lib/err.h"
#include "lib/tpms.h"

#define RSA_EXPONENT 65537
#define RSA_BITS_MIN 2048

/* What no key of a TPM's own making lacks. */
#define OWN (TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN)

void public_clear(struct public *p)
{
        pubkey_clear(&p->key);
        buf_clear(&p->octets);
        buf_clear(&p->name);
        *p = (struct public){ 0 };
}

/* Of the octets as they are, which are those that it would be encoded to: Part 1, 16. */
static int name_of(struct bytes tpmt, uint16_t alg, struct buf *ret)
{
        const struct hash *h = hash_by_tpm(alg);
        uint8_t name[2 + HASH_MAX] = { (uint8_t)(alg >> 8), (uint8_t)alg };
        int r;

        if (!h)
                return err(ERR_NOTSUP, "a TPM key with the name algorithm 0x%04x", alg);
        r = crypto_hash(h, &tpmt, 1, name + 2);
        return r != 0 ? r : buf_set(ret, BYTES(name, 2 + h->size));
}

int public_decode(struct bytes tpmt, struct public *ret)
{
        CLEANUP(public_clear) struct public p = { 0 };
        CLEANUP(buf_clear) struct buf again = { 0 };
        int r;

        if (tpmt.len > UINT16_MAX)
                return err(ERR_FORMAT, "a public area of %zu octets", tpmt.len);
        r = buf_reserve(&p.octets, 2 + tpmt.len);
        if (r == 0)
                r = tpms_put_2b(&p.octets, tpmt);
        if (r == 0)
                r = tpmt_public_decode(BYTES_OF(&p.octets), &p.area);
        if (r == 0)
                r = public_encode(&p.area, &again);
        if (r == 0 && !bytes_equal(BYTES_OF(&p.octets), BYTES_OF(&again)))
                r = err(ERR_FORMAT, "a public area that no TPM writes");
        if (r == 0)
                r = name_of(tpmt, p.area.publicArea.nameAlg, &p.name);
        if (r == 0)
                r = tpmt_pubkey(&p.area, &p.key);
        if (r != 0)
                return r;
        public_clear(ret);
        *ret = p;
        p = (struct public){ 0 };
        return 0;
}

static bool is_good_hash(uint16_t h)
{
        return h == TPM2_ALG_SHA256 || h == TPM2_ALG_SHA384 || h == TPM2_ALG_SHA512;
}

/* Copies a scheme if it is one that signs; *ret_hash: what with. */
static enum scheme signing_scheme(const TPMT_PUBLIC *p, TPMT_PUBLIC *want, const struct hash **ret_hash)
{
        const bool ecc = p->type == TPM2_ALG_ECC;
        const uint16_t scheme = ecc ? p->parameters.eccDetail.scheme.scheme : p->parameters.rsaDetail.scheme.scheme;
        /* All three schemes have nothing but a hash. */
        const uint16_t h = ecc ? p->parameters.eccDetail.scheme.details.ecdsa.hashAlg : p->parameters.rsaDetail.scheme.details.rsassa.hashAlg;

        if (scheme == TPM2_ALG_NULL || !is_good_hash(h) || (ecc ? scheme != TPM2_ALG_ECDSA : scheme != TPM2_ALG_RSASSA && scheme != TPM2_ALG_RSAPSS))
                return SCHEME_NONE;
        if (ecc) {
                want->parameters.eccDetail.scheme.scheme = scheme;
                want->parameters.eccDetail.scheme.details.ecdsa.hashAlg = h;
        } else {
                want->parameters.rsaDetail.scheme.scheme = scheme;
                want->parameters.rsaDetail.scheme.details.rsassa.hashAlg = h;
        }
        *ret_hash = hash_by_tpm(h);
        return ecc ? SCHEME_ECDSA : scheme == TPM2_ALG_RSASSA ? SCHEME_RSA_PKCS1 : SCHEME_RSA_PSS;
}

/* The parameters of a key that signs, without a scheme of its own; the rest of want stays. */
static int want_algorithm(const struct public *p, TPMT_PUBLIC *want)
{
        const TPMT_PUBLIC *a = &p->area.publicArea;

        want->type = a->type;
        want->nameAlg = a->nameAlg;
        want->unique = a->unique;
        if (!is_good_hash(a->nameAlg))
                return err(ERR_DENIED, "its Name is made with the hash 0x%04x, which is not good enough", a->nameAlg);
        if (a->type == TPM2_ALG_ECC) {
                want->parameters.eccDetail = (TPMS_ECC_PARMS){
                        .symmetric.algorithm = TPM2_ALG_NULL,
                        .scheme.scheme = TPM2_ALG_NULL,
                        .curveID = p->key.curve->tpm,
                        .kdf.scheme = TPM2_ALG_NULL,
                };
                return 0;
        }
        if (pk_bits(BYTES_OF(&p->key.n)) < RSA_BITS_MIN || pk_bits(BYTES_OF(&p->key.n)) != a->parameters.rsaDetail.keyBits ||
            (p->key.n.ptr[p->key.n.len - 1] & 1) == 0)
                return err(ERR_DENIED, "an RSA key of %zu bits", pk_bits(BYTES_OF(&p->key.n)));
        want->parameters.rsaDetail = (TPMS_RSA_PARMS){
                .symmetric.algorithm = TPM2_ALG_NULL,
                .scheme.scheme = TPM2_ALG_NULL,
                .keyBits = a->parameters.rsaDetail.keyBits,
                /* Both ways to say the same: TPM 2.0 Part 2, 12.2.3.5. */
                .exponent = a->parameters.rsaDetail.exponent == 0 ? 0 : RSA_EXPONENT,
        };
        return 0;
}

static const struct {
        TPMA_OBJECT bit;
        const char *lacks, *has;
} words[] = {
        { TPMA_OBJECT_FIXEDTPM, "it may leave its TPM (fixedTPM is clear)", NULL },
        { TPMA_OBJECT_FIXEDPARENT, "it may be duplicated (fixedParent is clear)", NULL },
        { TPMA_OBJECT_SENSITIVEDATAORIGIN, "it was not made by a TPM (sensitiveDataOrigin is clear)", NULL },
        { TPMA_OBJECT_RESTRICTED, "it signs whatever it is given (restricted is clear)", "it is restricted" },
        { TPMA_OBJECT_SIGN_ENCRYPT, "it does not sign (sign is clear)", "it signs" },
        { TPMA_OBJECT_DECRYPT, "it does not decrypt", "it decrypts, too (decrypt is set)" },
        { TPMA_OBJECT_NODA, "wrong tries of its authorisation lock the TPM (noDA is clear)", "noDA is set" },
        { TPMA_OBJECT_USERWITHAUTH, "it cannot be used by its authorisation value", "its authorisation value is enough to use it (userWithAuth is set)" },
};

/* Says what in `is` is not as in `want`. */
static int not_wanted(TPMA_OBJECT is, TPMA_OBJECT want)
{
        for (size_t i = 0; i < ARRAY_LEN(words); i++) {
                if ((want & ~is & words[i].bit) != 0)
                        return err(ERR_DENIED, "%s", words[i].lacks);
                if ((is & ~want & words[i].bit) != 0 && words[i].has)
                        return err(ERR_DENIED, "%s", words[i].has);
        }
        if (is != want)
                return err(ERR_DENIED, "it has the attributes 0x%08x, not 0x%08x", is, want);
        return err(ERR_DENIED, "it has a scheme or parameters that are not accepted");
}

static int compare(const struct public *p, const TPM2B_PUBLIC *want)
{
        CLEANUP(buf_clear) struct buf octets = { 0 };
        int r = public_encode(want, &octets);

        if (r != 0 || bytes_equal(BYTES_OF(&p->octets), BYTES_OF(&octets)))
                return r;
        return not_wanted(p->area.publicArea.objectAttributes, want->publicArea.objectAttributes);
}

int public_check_ak(struct public *p)
{
        const TPMA_OBJECT may = TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_ADMINWITHPOLICY | TPMA_OBJECT_NODA | TPMA_OBJECT_STCLEAR;
        const TPMT_PUBLIC *a = &p->area.publicArea;
        TPM2B_PUBLIC want = { 0 };
        int r;

        if (p->key.curve && p->key.curve->tpm != TPM2_ECC_NIST_P256 && p->key.curve->tpm != TPM2_ECC_NIST_P384)
                return err(ERR_DENIED, "it is on the curve %s", p->key.curve->name);
        r = want_algorithm(p, &want.publicArea);
        if (r != 0)
                return r;
        want.publicArea.objectAttributes = OWN | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_SIGN_ENCRYPT | (a->objectAttributes & may);
        want.publicArea.authPolicy = a->authPolicy; /* who may have it sign does not change what it signs */
        p->scheme = signing_scheme(a, &want.publicArea, &p->hash);
        r = compare(p, &want);
        if (r == 0 && p->scheme == SCHEME_NONE)
                r = err(ERR_DENIED, "it has no signing scheme of its own");
        return r;
}

int public_check_key(const struct public *p, struct bytes policy, bool *ret_policy)
{
        /* An RSA key of ours decrypts as far as the TPM is concerned: lib/tpmt.c. */
        const TPMA_OBJECT may = TPMA_OBJECT_ADMINWITHPOLICY | TPMA_OBJECT_STCLEAR | (p->key.curve ? 0 : TPMA_OBJECT_DECRYPT);
        const TPMT_PUBLIC *a = &p->area.publicArea;
        TPM2B_PUBLIC want = { 0 };
        const struct hash *h;
        int r;

        *ret_policy = false;
        /* An attestation key has signed; of this one nothing has shown yet that it is a key. */
        r = p->key.curve ? ec_check(p->key.curve, BYTES_OF(&p->key.x), BYTES_OF(&p->key.y)) : 0;
        if (r != 0)
                return r == ERR_NOMEM ? r : err(ERR_DENIED, "its point is not on its curve");
        r = want_algorithm(p, &want.publicArea);
        if (r != 0)
                return r;
        want.publicArea.objectAttributes = OWN | TPMA_OBJECT_NODA | TPMA_OBJECT_SIGN_ENCRYPT | (a->objectAttributes & (may | TPMA_OBJECT_USERWITHAUTH));
        want.publicArea.authPolicy = a->authPolicy;
        signing_scheme(a, &want.publicArea, &h);
        r = compare(p, &want);
        if (r != 0)
                return r;
        *ret_policy = true;
        if (!bytes_equal(policy, BYTES(a->authPolicy.buffer, a->authPolicy.size)))
                return err(ERR_DENIED, policy.len > 0 ? "its authPolicy is another than the one that is demanded" : "it has an authPolicy that nobody demanded");
        if (((a->objectAttributes & TPMA_OBJECT_USERWITHAUTH) == 0) != (policy.len > 0))
                return not_wanted(a->objectAttributes, a->objectAttributes ^ TPMA_OBJECT_USERWITHAUTH);
        return 0;
}

bool is_name(struct bytes name)
{
        const struct hash *h = name.len > 2 ? hash_by_tpm((uint16_t)(name.ptr[0] << 8 | name.ptr[1])) : NULL;

        return h && name.len == 2 + h->size;
}

int qualified_name(struct bytes parent, struct bytes name, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        uint8_t digest[HASH_MAX];
        const struct hash *h;
        int r;

        if (!is_name(name))
                return err(ERR_FORMAT, "%zu octets that are no Name", name.len);
        h = hash_by_tpm((uint16_t)(name.ptr[0] << 8 | name.ptr[1]));
        r = crypto_hash(h, (const struct bytes[]){ parent, name }, 2, digest);
        if (r == 0)
                r = buf_append(&b, name.ptr, 2);
        if (r == 0)
                r = buf_append(&b, digest, h->size);
        if (r == 0)
                buf_take(&b, ret);
        return r;
}

int qualified_primary(uint32_t hierarchy, struct bytes name, struct buf *ret)
{
        const uint8_t handle[] = { (uint8_t)(hierarchy >> 24), (uint8_t)(hierarchy >> 16), (uint8_t)(hierarchy >> 8), (uint8_t)hierarchy };

        return qualified_name(BYTES(handle, sizeof(handle)), name, ret);
}
