/* SPDX-License-Identifier: BSD-2-Clause */
/* Is this a TPM's endorsement key, and what does its maker's certificate say of that TPM? (TCG EK Credential Profile.) */
#ifndef HOLDFAST_ATTEST_EK_H
#define HOLDFAST_ATTEST_EK_H

#include <stddef.h>
#include <stdint.h>
#include "lib/buf.h"

/* The low range's RSA-2048 and P-256, the high range's RSA-2048, RSA-3072, P-256 and P-384. NULL behind the last. */
const char *ek_template_name(size_t i);

/* Is it, a TPMT_PUBLIC, an EK as one of the profile's templates makes it: exactly its attributes, policy, algorithms, and nothing else?
 * It can then neither sign nor leave its TPM. ret_name, ret_spki: its TPM Name and SubjectPublicKeyInfo; either may be NULL.
 * ERR_FORMAT, ERR_NOTSUP, ERR_DENIED say which of it is not so. That there is such a TPM at all is for its certificate or a pin to say. */
int ek_check(struct bytes tpmt, struct buf *ret_name, struct buf *ret_spki);

/* What a maker says of a TPM (2.23.133.2.1 to 3). Empty strings: not said. */
struct ek_facts {
        char manufacturer[64];          /* "id:49465800" */
        char model[64];
        char version[64];               /* "id:00070055" */
        uint32_t manufacturer_id;       /* as TPM2_PT_MANUFACTURER; 0: not said in that form */
};

/* From the certificate (DER) itself, which trust_check() has accepted. ERR_FORMAT. */
int ek_facts(struct bytes certificate, struct ek_facts *ret);

#endif
