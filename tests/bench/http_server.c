/* SPDX-License-Identifier: BSD-2-Clause */
/* The issuer's HTTP server with tests/httpfix.h's routes, for clients that are programs.
 *
 *   http_server DIR        writes DIR/cert.pem and the line "TLS-PORT PLAIN-PORT UNIX-PATH", serves until its standard input ends,
 *                          and answers each line on it with what it took so far */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include "tests/httpfix.h"

static void everybody(struct http_server_options *o)
{
        o->limits.connections_per_address = 8192;
        o->limits.connections = 8192;
        o->access = getenv("HTTP_ACCESS_LOG") != NULL ? http_access_write : NULL;
        o->access_ctx = stderr;
}

static void write_certificate(const char *dir, X509 *x)
{
        char path[256];
        FILE *f;

        snprintf(path, sizeof(path), "%s/cert.pem", dir);
        f = fopen(path, "we");
        if (f == NULL || PEM_write_X509(f, x) != 1 || fclose(f) != 0) {
                fprintf(stderr, "cannot write %s\n", path);
                exit(1);
        }
}

/* Resident memory in KiB. */
static long resident(void)
{
        char line[128];
        long kib = 0;
        FILE *f = fopen("/proc/self/status", "re");

        while (f != NULL && fgets(line, sizeof(line), f) != NULL)
                if (strncmp(line, "VmRSS:", 6) == 0)
                        kib = strtol(line + 6, NULL, 10);
        if (f != NULL)
                fclose(f);
        return kib;
}

int main(int argc, char **argv)
{
        struct rusage u;
        struct httpfix *f;
        char line[32];

        if (argc < 2)
                return 2;
        f = httpfix_open(NULL, everybody);
        write_certificate(argv[1], sk_X509_value(f->identity.chain, 0));
        printf("%u %u %s\n", http_server_port(f->server, 0), http_server_port(f->server, 2), f->unix_path);
        fflush(stdout);
        /* A line asks for the numbers so far. */
        while (fgets(line, sizeof(line), stdin) != NULL) {
                getrusage(RUSAGE_SELF, &u);
                printf("requests %u processor_us %ld rss_kib %ld\n", f->handled, (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 + u.ru_utime.tv_usec + u.ru_stime.tv_usec, resident());
                fflush(stdout);
        }
        httpfix_stop(f, 10000);
        httpfix_close(f);
        return 0;
}
