/* SPDX-License-Identifier: BSD-2-Clause */
/* Vendor-defined numbers of Holdfast's PKCS#11 module. */
#ifndef HOLDFAST_PKCS11_H
#define HOLDFAST_PKCS11_H

/* Base of all our numbers: CKx_VENDOR_DEFINED | "HF". */
#define CKX_HOLDFAST 0x80484600UL

/* CK_UTF8CHAR string, read-only, on any key object: the person answerable for the agent. */
#define CKA_HF_OWNER (CKX_HOLDFAST + 1)

#endif
