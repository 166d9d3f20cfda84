/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes what certificates and revocation lists are made of. Inside issuer/ only. */
#ifndef HOLDFAST_ISSUER_ASN1_H
#define HOLDFAST_ISSUER_ASN1_H

#include "lib/der.h"

enum {
        TAG_BOOLEAN = 0x01,
        TAG_ENUMERATED = 0x0a,
        TAG_UTF8 = 0x0c,
        TAG_UTC_TIME = 0x17,
        TAG_TIME = 0x18,                /* GeneralizedTime */
        TAG_SET = 0x31,
        TAG_URI = 0x86,                /* of a GeneralName */
        TAG_DNS = 0x82,
        TAG_IP = 0x87,
};

#define TAG_CONTEXT(n) (0xa0 | (n)) /* constructed */

struct asn1 {
        struct buf *b;
        int r;                          /* the first error; nothing is written behind it */
};

/* What is written between the two becomes the contents of one element, of any length. */
size_t asn1_open(const struct asn1 *a);
void asn1_close(struct asn1 *a, size_t at, uint8_t tag);

void asn1_put(struct asn1 *a, uint8_t tag, struct bytes content);
void asn1_raw(struct asn1 *a, struct bytes der);
void asn1_bits(struct asn1 *a, struct bytes content);
void asn1_uint(struct asn1 *a, struct bytes big_endian);
/* RFC 5280 4.1.2.5: UTCTime until 2049, GeneralizedTime from then on. */
void asn1_time(struct asn1 *a, uint64_t t);
/* oid: with its tag. */
void asn1_extension(struct asn1 *a, struct bytes oid, bool critical, struct bytes value);

/* The arc 2.5.29 of RFC 5280 4.2.1, with the tag. */
#define OID_CE(n) BYTES(((const uint8_t[]){ DER_OID, 3, 0x55, 0x1d, (n) }), 5)
enum {
        CE_SUBJECT_KEY_ID = 14,
        CE_KEY_USAGE = 15,
        CE_SUBJECT_ALT_NAME = 17,
        CE_BASIC_CONSTRAINTS = 19,
        CE_CRL_NUMBER = 20,
        CE_REASON = 21,
        CE_NAME_CONSTRAINTS = 30,
        CE_CRL_POINTS = 31,
        CE_AUTHORITY_KEY_ID = 35,
        CE_EXTENDED_KEY_USAGE = 37,
};

/* serverAuth and clientAuth: SPIFFE X509-SVID 4.4 wants both where there is one. */
void asn1_ext_key_usage(struct asn1 *a);
/* Name with one commonName; an empty one for nothing. */
void asn1_name(struct asn1 *a, struct bytes common_name);

#endif
