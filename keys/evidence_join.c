/* SPDX-License-Identifier: BSD-2-Clause */
/* What does a host show to join an issuer, and how does it answer? */
#include <string.h>
#include "attest/trust.h"
#include "keys/attesting.h"
#include "keys/parent.h"
#include "lib/der.h"
#include "lib/err.h"

void evidence_identity_clear(struct evidence_identity *i)
{
        tpm_ek_clear(&i->ek);
        tpm_parent_clear(&i->srk);
        buf_clear(&i->ak);
        buf_clear(&i->chain);
        *i = (struct evidence_identity){ 0 };
}

/* One certificate after the other, up to what fills up the last index. What is none, and what there is no room for, is left out: they help
 * where they are known, and prove nothing. */
static void add_chain(struct bytes chain, struct evidence_identity *i)
{
        while (chain.len > 0 && i->n_certificates < EVIDENCE_EK_CERTIFICATES) {
                const uint8_t *start = chain.ptr;
                struct bytes inside;

                if (der_get(&chain, DER_SEQUENCE, &inside) != 0)
                        return;
                i->certificates[i->n_certificates++] = BYTES(start, (size_t)(chain.ptr - start));
        }
}

static int certificates(struct evidence_identity *i)
{
        int r;

        if (i->ek.index == 0)
                return 0;
        r = trust_from_nv(BYTES_OF(&i->ek.certificate), &i->certificates[0]);
        if (r != 0)
                return r;
        i->n_certificates = 1;
        add_chain(BYTES_OF(&i->chain), i);
        return 0;
}

int evidence_identity(struct attester *a, struct evidence_identity *ret)
{
        CLEANUP(evidence_identity_clear) struct evidence_identity i = { 0 };
        int r;

        r = parent_from_attrs(store_info(keyring_store(a->keyring)), &i.srk);
        if (r == 0)
                r = buf_set(&i.ak, BYTES_OF(&a->ak.pub));
        if (r == 0)
                r = tpm_ek_find(a->tpm, 0, &i.ek, &i.chain);
        if (r == 0)
                r = certificates(&i);
        if (r != 0)
                return r;
        i.ek_public = attesting_area(&i.ek.pub);
        i.ak_public = attesting_area(&i.ak);
        i.srk_public = attesting_area(&i.srk.pub);
        evidence_identity_clear(ret);
        *ret = i;
        i = (struct evidence_identity){ 0 };
        return 0;
}

int evidence_activate(struct attester *a, const struct caller *c, const struct evidence_identity *i, enum evidence_object of, struct bytes id_object,
                      struct bytes secret, const char *to, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf out = { 0 };
        const bool ak = of == EVIDENCE_AK;
        struct deed d = attesting_deed("activate", id_object, to);
        int r;

        d.key_public = ak ? BYTES_OF(&a->ak.pub) : BYTES_OF(&i->srk.pub);
        r = caller_may(c, &d);
        if (r != 0)
                return r;
        if (ak)
                r = tpm_activate(a->tpm, &i->ek, a->ak.handle, BYTES_OF(&a->ak.name), BYTES_OF(&a->ak_auth), id_object, secret, &out);
        else
                r = tpm_activate(a->tpm, &i->ek, i->srk.handle, BYTES_OF(&i->srk.name), BYTES(NULL, 0), id_object, secret, &out);
        /* The answer lets a host in: not without a record. */
        r = caller_did(c, &d, r, BYTES(NULL, 0));
        if (r == 0)
                buf_take(&out, ret);
        return r;
}
