/* SPDX-License-Identifier: BSD-2-Clause */
/* The tables, as the statements that lead from each version of the schema to the next. */
#ifndef HOLDFAST_ISSUER_SCHEMA_H
#define HOLDFAST_ISSUER_SCHEMA_H

/* Of this program. */
#define SCHEMA_VERSION 1

/* What leads to version from the one before it (from nothing: 1), for the dialect; ends with NULL. */
enum schema_dialect { SCHEMA_SQLITE, SCHEMA_PG };
const char *const *schema_steps(unsigned version, enum schema_dialect d);

#endif
