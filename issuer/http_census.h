/* SPDX-License-Identifier: BSD-2-Clause */
/* How many connections there are, in all and from one address. Any thread. */
#ifndef HOLDFAST_ISSUER_HTTP_CENSUS_H
#define HOLDFAST_ISSUER_HTTP_CENSUS_H

#include <sys/socket.h>

struct census;
/* The connections of one address; NULL for those that are not counted by address. */
struct census_home;

enum census_answer { CENSUS_WELCOME, CENSUS_FULL, CENSUS_ADDRESS_FULL };

int census_new(unsigned max, unsigned max_per_address, struct census **ret);
void census_free(struct census *c);
/* An IPv4 address counts by itself (also when it comes mapped into IPv6), an IPv6 one by its /64, others not by address. */
enum census_answer census_enter(struct census *c, const struct sockaddr *from, struct census_home **ret);
void census_leave(struct census *c, struct census_home *h);

#endif
