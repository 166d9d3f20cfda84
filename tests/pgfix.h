/* SPDX-License-Identifier: BSD-2-Clause */
/* A PostgreSQL server of a test's own, in a directory of its own, on a Unix socket. */
#ifndef HOLDFAST_TESTS_PGFIX_H
#define HOLDFAST_TESTS_PGFIX_H

#include <stdbool.h>
#include <sys/types.h>

struct pgfix {
        char dir[80];           /* the socket's and the data's */
        char url[256];          /* of its database, for its superuser */
        pid_t pid;              /* of the server; 0: it is not running */
};

/* Is PostgreSQL installed? */
bool pgfix_there(void);
/* Makes one below dir and starts it; as root it runs as nobody, as PostgreSQL wants. durable: with the syncs of a real one. Fails the test. */
void pgfix_make(struct pgfix *p, const char *dir, bool durable);
/* May be stopped with its connections cut, and started again. */
void pgfix_start(struct pgfix *p);
void pgfix_stop(struct pgfix *p);
/* Does that in its database: "DROP TABLE ...". Fails the test. */
void pgfix_sql(const struct pgfix *p, const char *sql);
/* The first field of the first row, in a static buffer. */
const char *pgfix_ask(const struct pgfix *p, const char *sql);
/* An empty database again. */
void pgfix_empty(const struct pgfix *p);

#endif
