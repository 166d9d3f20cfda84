/* SPDX-License-Identifier: BSD-2-Clause */
/* What every measuring program needs: the time, the middle of many, the TPM commands so far. */
#ifndef HOLDFAST_TESTS_BENCH_MEASURE_H
#define HOLDFAST_TESTS_BENCH_MEASURE_H

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline double now_us(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static inline int by_value(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}

/* Sorts v. */
static inline double median(double *v, size_t n)
{
        qsort(v, n, sizeof(*v), by_value);
        return n != 0 ? v[n / 2] : 0;
}

/* So many lines has count_proxy written to BENCH_LOG. */
static inline long commands(void)
{
        const char *path = getenv("BENCH_LOG");
        FILE *log = path != NULL ? fopen(path, "r") : NULL;
        long n = 0;
        int c;

        if (log == NULL)
                return 0;
        while ((c = getc(log)) != EOF)
                n += c == '\n';
        fclose(log);
        return n;
}

#endif
