/* SPDX-License-Identifier: BSD-2-Clause */
/* Endorsement keys in a software TPM, as the TCG EK Credential Profile's templates make them, by raw commands of the tests' own. What goes wrong here ends the program. */
#ifndef HOLDFAST_TESTS_EKFIX_H
#define HOLDFAST_TESTS_EKFIX_H

#include <stdbool.h>
#include "lib/buf.h"
#include "tests/swtpm.h"

struct ekfix {
        const char *name;               /* "RSA-2048 low" */
        const char *hex;                /* the template's TPMT_PUBLIC up to the authPolicy, without it */
        const char *policy;
        const char *behind;             /* and behind it, without the unique field */
        bool ecc, low;
};
extern const struct ekfix ekfix_templates[6];

/* A primary key of the endorsement hierarchy: its handle, and its TPMT_PUBLIC. */
uint32_t ekfix_primary(const struct swtpm *s, struct bytes template, struct buf *ret_public);
/* TPM2_LoadExternal of the public half alone, in the endorsement hierarchy: its handle. */
uint32_t ekfix_load_external(const struct swtpm *s, struct bytes public);
/* The template as TPMT_PUBLIC. */
void ekfix_template(const struct ekfix *t, struct buf *ret);
/* A restricted P-256 key that signs. */
void ekfix_ak_template(struct buf *ret);
/* TPM2_ActivateCredential: the TPM's response code, and the secret. */
uint32_t ekfix_activate(const struct swtpm *s, const struct ekfix *t, uint32_t ek, uint32_t ak, struct bytes id_object, struct bytes secret, struct buf *ret);
/* TPM2_EvictControl by the owner: keeps it there, and flushes it. */
void ekfix_keep(const struct swtpm *s, uint32_t handle, uint32_t at);
/* An RSA key as platforms make them, RSASSA with SHA-384, without an authorisation value. */
void ekfix_platform_ak(const struct swtpm *s, uint32_t at);
void ekfix_flush(const struct swtpm *s, uint32_t handle);

#endif
