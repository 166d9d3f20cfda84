/* SPDX-License-Identifier: BSD-2-Clause */
/* Which key speaks for this TPM? */
#include <string.h>
#include "lib/crypto.h"
#include "lib/err.h"
#include "tpm/ctx.h"

void tpm_ak_clear(struct tpm_ak *a)
{
        buf_clear(&a->pub);
        buf_clear(&a->name);
        a->handle = 0;
}

/* A template's unique part goes into the key that the TPM derives from it, and is replaced by the key's own (Part 1, 27.2): what
 * stands there decides which key it is and is then seen nowhere. The caller wipes it. */
static int template_ak(struct bytes auth, TPM2B_PUBLIC *ret)
{
        const struct bytes parts[] = { BYTES_STR("holdfast attestation key"), auth };
        TPMT_PUBLIC *a = &ret->publicArea;
        int r = 0;

        *ret = (TPM2B_PUBLIC){ 0 };
        a->type = TPM2_ALG_ECC;
        a->nameAlg = TPM2_ALG_SHA256;
        a->objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH |
                              TPMA_OBJECT_NODA | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_SIGN_ENCRYPT;
        a->parameters.eccDetail.symmetric.algorithm = TPM2_ALG_NULL;
        a->parameters.eccDetail.scheme.scheme = TPM2_ALG_ECDSA;
        a->parameters.eccDetail.scheme.details.ecdsa.hashAlg = TPM2_ALG_SHA256;
        a->parameters.eccDetail.curveID = TPM2_ECC_NIST_P256;
        a->parameters.eccDetail.kdf.scheme = TPM2_ALG_NULL;
        if (auth.len > 0) {
                r = crypto_hash(hash_by_tpm(TPM2_ALG_SHA256), parts, ARRAY_LEN(parts), a->unique.ecc.x.buffer);
                a->unique.ecc.x.size = TPM_AUDIT_HASH;
        }
        return r;
}

struct make_ak {
        uint32_t want;
        struct bytes owner_auth, auth;
        TPM2B_PUBLIC template;
        struct tpm_ak made;
};

static int make_ak(struct tpm *t, void *arg)
{
        struct make_ak *m = arg;
        const struct primary primary = { .hierarchy = TPM2_RH_ENDORSEMENT, .template = &m->template, .by_session = true, .key_auth = m->auth };
        uint32_t object;
        bool there = false;
        int r;

        t->why = (struct rc_meaning){ .remedy = REMEDY_NONE };
        if (!t->have_parent)
                return err(ERR_NOTINIT, "no parent key has been set for this TPM");
        while (cache_count(&t->cache, LOADED_OBJECT) >= t->keys_max && evict(t, LOADED_OBJECT) == 0)
                ;
        r = primary_make(t, &primary, &object, &m->made.pub, &m->made.name);
        if (r == ERR_AUTH)
                return err(r, "the endorsement hierarchy of this TPM wants an authorisation");
        if (r == 0)
                r = find_place(t, m->want, BYTES_OF(&m->made.name), &m->made.handle, &there);
        if (r == 0 && !there)
                r = make_persistent(t, object, BYTES_OF(&m->made.name), m->made.handle, m->owner_auth);
        return r == ERR_AUTH ? err(r, "the TPM does not accept this owner authorisation") : r;
}

int tpm_ak_make(struct tpm *t, uint32_t want, struct bytes owner_auth, struct bytes auth, struct tpm_ak *ret)
{
        struct make_ak m = { .want = want, .owner_auth = owner_auth, .auth = auth };
        int r;

        if (!is_owner_persistent(want))
                return err(ERR_INVAL, "0x%08x is no persistent handle of the owner's: they are 0x81000000 to 0x817fffff", want);
        if (auth.len > SESSION_HASH_SIZE)
                return err(ERR_RANGE, "an authorisation value is at most %d octets long", SESSION_HASH_SIZE);
        r = template_ak(auth, &m.template);
        if (r == 0)
                r = tpm_operate(t, PATIENCE, make_ak, &m);
        wipe(&m.template, sizeof(m.template));
        if (r == 0) {
                tpm_ak_clear(ret);
                *ret = m.made;
        } else {
                tpm_ak_clear(&m.made);
        }
        return r;
}

static int read_ak(struct tpm *t, void *arg)
{
        struct tpm_ak *a = arg;
        int r = public_read(t, a->handle, &a->pub, &a->name);

        if (r != ERR_NOENT && r != ERR_INVAL)
                return r;
        t->why.remedy = REMEDY_NONE;
        return err(ERR_NOENT, "this TPM has no key at 0x%08x", a->handle);
}

int tpm_ak_read(struct tpm *t, uint32_t handle, struct tpm_ak *ret)
{
        CLEANUP(tpm_ak_clear) struct tpm_ak a = { .handle = handle };
        int r = tpm_operate(t, PATIENCE, read_ak, &a);

        if (r != 0)
                return r;
        tpm_ak_clear(ret);
        *ret = a;
        a = (struct tpm_ak){ 0 };
        return 0;
}

static int check_ak(struct tpm *t, void *arg)
{
        const struct tpm_ak *a = arg;
        CLEANUP(buf_clear) struct buf pub = { 0 };
        CLEANUP(buf_clear) struct buf name = { 0 };
        int r = public_read(t, a->handle, &pub, &name);

        if (r == ERR_NOENT || r == ERR_INVAL) {
                t->why.remedy = REMEDY_NONE;
                return err(ERR_FOREIGN, "this TPM has no attestation key at 0x%08x: it was cleared, or it is another TPM", a->handle);
        }
        if (r == 0 && !bytes_equal(BYTES_OF(&name), BYTES_OF(&a->name)))
                return err(ERR_FOREIGN, "the TPM's key at 0x%08x is not our attestation key", a->handle);
        return r;
}

int tpm_ak_check(struct tpm *t, const struct tpm_ak *a)
{
        struct tpm_ak copy = *a;

        return tpm_operate(t, PATIENCE, check_ak, &copy);
}

struct remove_ak {
        const struct tpm_ak *ak;
        struct bytes owner_auth;
};

static int remove_ak(struct tpm *t, void *arg)
{
        const struct remove_ak *in = arg;
        int r = make_persistent(t, in->ak->handle, BYTES_OF(&in->ak->name), in->ak->handle, in->owner_auth);

        return r == ERR_AUTH ? err(r, "the TPM does not accept this owner authorisation") : r;
}

int tpm_ak_remove(struct tpm *t, const struct tpm_ak *a, struct bytes owner_auth)
{
        struct remove_ak in = { a, owner_auth };
        int r = tpm_ak_check(t, a);

        return r != 0 ? r : tpm_operate(t, PATIENCE, remove_ak, &in);
}
