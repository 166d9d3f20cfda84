/* SPDX-License-Identifier: BSD-2-Clause */
/* The issuer's decision, and the only input of a credential: who, with which key, for how long, under which names.
 *
 * Nothing here comes from what was asked for: the key is the attested one, the names are the profile's. A credential is
 * written from a `struct granted` alone, and only grant_check() makes one, so that no name reaches a certificate that nobody has looked at. */
#ifndef HOLDFAST_ISSUER_GRANT_H
#define HOLDFAST_ISSUER_GRANT_H

#include "issuer/spiffe.h"
#include "lib/pk.h"

enum {
        GRANT_SERIAL_SIZE = 16,
        GRANT_LIFE_MAX = 24 * 60 * 60,  /* seconds: no profile gets beyond it */
        GRANT_SKEW_MAX = 5 * 60,        /* how long before its issue a credential may begin */
        GRANT_NAMES_MAX = 64,           /* in each list */
        GRANT_AUDIENCE_MAX = 512,       /* octets */
        GRANT_COMMAND_MAX = 4096,       /* octets of a forced command */
        GRANT_COMMON_NAME_MAX = 64,     /* characters of ASCII: RFC 5280, appendix A.1, ub-common-name */
};

struct names {
        const struct bytes *v;
        size_t n;
};

/* What the profile allows beside the usual. */
enum {
        GRANT_DNS_WILDCARD = 1,         /* "*.example.org" as a DNS name */
        GRANT_HOST_WILDCARD = 2,        /* and as a principal of a host certificate */
        GRANT_CONFIRMATION = 4,         /* cnf.jkt in the JWT-SVID: whoever shows it must have the key */
        GRANT_VERIFY_REQUIRED = 8,      /* SSH: critical option verify-required */
};

struct grant {
        struct bytes spiffe_id;         /* with a path */
        struct bytes agent, owner;      /* UTF-8 */
        struct bytes spki;              /* the attested key: SubjectPublicKeyInfo */
        uint8_t serial[GRANT_SERIAL_SIZE]; /* grant_serial(); the same in all credentials of the grant */
        uint64_t record;                /* of the issuer's log, where the decision is */
        uint64_t issued, not_before, not_after; /* Unix time, seconds */
        unsigned allows;                /* GRANT_* */

        struct names dns;               /* X.509: DNS names beside the SPIFFE ID */
        struct bytes common_name;       /* X.509: the SPIFFE ID, one of the DNS names, or the agent; none: an empty subject */
        struct bytes audience;          /* JWT: exactly one; none: no JWT-SVID */
        struct names users;             /* SSH: principals of a user certificate; none: no such certificate */
        struct names hosts;             /* SSH: principals of a host certificate; none: no such certificate */
        struct bytes force_command;     /* SSH: critical options of a user certificate, where there are any */
        struct bytes source_address;    /* address blocks, separated by "," */
        struct names extensions;        /* SSH: "permit-pty", ...: of a user certificate */
};

/* A grant that holds, its key decoded. It borrows the grant. */
struct granted {
        const struct grant *g;
        struct spiffe_id id;
        struct pubkey key;
};

/* Random, positive, and always as long in DER. */
int grant_serial(uint8_t ret[GRANT_SERIAL_SIZE]);
/* The number by which SSH knows the grant: 63 bits of the serial number, never 0. */
uint64_t grant_ssh_serial(const uint8_t serial[GRANT_SERIAL_SIZE]);
/* For the SSH certificate's key id and its revocation: AGENT/RECORD. */
int grant_key_id(struct bytes agent, uint64_t record, struct buf *ret);

/* ERR_FORMAT: a name, key or serial number is not what it should be; ERR_RANGE: the times; ERR_DENIED: not in this trust domain, or not allowed. */
int grant_check(const struct grant *g, struct bytes trust_domain, struct granted *ret);
void granted_clear(struct granted *g);

#endif
