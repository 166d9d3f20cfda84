/* SPDX-License-Identifier: BSD-2-Clause */
/* Hosts, agents and credentials for tests of the issuer's database. */
#ifndef HOLDFAST_TESTS_DBFIX_H
#define HOLDFAST_TESTS_DBFIX_H

#include "issuer/db.h"

#define DBFIX_NOW 1790000000u

/* Opens it, or fails the test. */
struct db *dbfix_open(const char *where);

/* Its fields are made from its name and number: another number, another TPM. Active. */
struct db_host dbfix_host(const char *name, unsigned tpm);
/* That host has joined. */
void dbfix_join(struct db *db, const char *name, unsigned tpm);
struct db_agent dbfix_agent(const char *host, const char *name);
/* Of a serial number made from n, for an hour. */
struct db_credential dbfix_credential(unsigned n);
void dbfix_serial(unsigned n, uint8_t ret[GRANT_SERIAL_SIZE]);
/* A credential of that number for that agent, whatever the TPM's clock says. */
int dbfix_add(struct db *db, const char *host, const char *agent, unsigned n);

/* Runs fn in so many threads at once, with 0, 1, ... */
void dbfix_threads(unsigned n, void (*fn)(unsigned i, void *ctx), void *ctx);

/* A process that adds credentials from four threads and says each that was answered on standard output, until it is killed: main() of a test calls
 * dbfix_writer() first, which does not return in such a process. killed: kills it at many points, and finds all that it said. */
void dbfix_writer(int argc, char **argv);
void dbfix_killed(const char *where, unsigned rounds);

#endif
