/* SPDX-License-Identifier: BSD-2-Clause */
/* Vendor-defined numbers of Holdfast's PKCS#11 module. */
#ifndef HOLDFAST_PKCS11_H
#define HOLDFAST_PKCS11_H

/* Base of all our numbers: CKx_VENDOR_DEFINED | "HF". */
#define CKX_HOLDFAST 0x80484600UL

/* CK_UTF8CHAR string, read-only, on any key object: the person answerable for the agent. */
#define CKA_HF_OWNER (CKX_HOLDFAST + 1)

/* CK_BYTE string, DER of a TSS2 PRIVATE KEY whose key has no authorisation value. In a template for C_CreateObject with
 * CKO_PRIVATE_KEY and CKA_TOKEN FALSE: a session's key that is in no store. Never read. */
#define CKA_HF_TSS_KEY (CKX_HOLDFAST + 2)

#endif
