/* SPDX-License-Identifier: BSD-2-Clause */
/* What the decoders share: a decoder is a PEM label, the name of the structure in it, and what makes an object of that. */
#ifndef HOLDFAST_PROVIDER_DECODER_H
#define HOLDFAST_PROVIDER_DECODER_H

#include <openssl/core_dispatch.h>
#include "provider/provider.h"

struct decoder_form {
        const char *label;              /* in the PEM */
        const char *structure;          /* what OpenSSL knows the DER by */
        bool (*is)(struct bytes der);   /* at a glance */
        int (*check)(struct bytes der); /* 0 or ERR_* */
        /* The key that it means, a new reference; NULL after raising. */
        struct object *(*load)(struct provider *p, struct bytes der, const struct asking *ask);
};
extern const struct decoder_form decoder_tss2, decoder_uri;

#endif
