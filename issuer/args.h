/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line of holdfast-issuer: a verb of one or two words, options, arguments. A verb is a row of a table. */
#ifndef HOLDFAST_ISSUER_ARGS_H
#define HOLDFAST_ISSUER_ARGS_H

#include <stdbool.h>
#include <stddef.h>

enum { ARGS_OPTIONS_MAX = 64, ARGS_MAX = 8 };

struct arg_option {
        const char *name;               /* without "--"; NULL ends the table */
        const char *value;              /* what stands behind it; NULL: nothing does */
        const char *help;
};

struct args;
struct verb {
        const char *name;               /* "host list" */
        const char *args;               /* "HOST" */
        size_t min, max;                /* how many */
        const char *help;
        const struct arg_option *options; /* NULL: none but those of all verbs */
        int (*run)(struct args *a);     /* ERR_*, or an exit status */
};

struct args {
        const struct verb *verb;
        struct {
                const char *name, *value;
        } option[ARGS_OPTIONS_MAX];
        size_t n_options;
        const char *arg[ARGS_MAX];
        size_t n_args;
};

extern const struct verb args_verbs[];  /* ends with a name of NULL */
extern const struct arg_option args_everywhere[];

/* 0; 1: help or version was printed; ERR_INVAL says what is written wrongly. */
int args_parse(int argc, char **argv, struct args *ret);

/* NULL: it is not there. */
const char *args_value(const struct args *a, const char *name);
bool args_flag(const struct args *a, const char *name);
/* The i-th value of an option that may be there several times; NULL behind the last. */
const char *args_nth(const struct args *a, const char *name, size_t i);
/* The file of the configuration. */
const char *args_conf(const struct args *a);
/* "90", "15m", "8h", "2d" in seconds. ERR_INVAL. */
int args_seconds(const char *text, unsigned long *ret);

#endif
