/* SPDX-License-Identifier: BSD-2-Clause */
/* A program that uses an agent's key, told line by line what to do: so that a test can have others come and go meanwhile.
 *
 *   sign LABEL       "signed DIGEST SIGNATURE" in hex, or "fail 0xRV"
 *   many LABEL N     one such line for each of N signatures, until one fails
 *   count            "tokens N": how many it sees, whatever their names
 *
 * Says "ready" when it has the token that P11_TOKEN names. A call that fails ends its connection; the next line begins another one. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tests/robust/p11.h"

#define LINE 400

static struct p11 p;
static bool started;

/* In one piece and at once: whoever kills us afterwards has seen it. */
static void say(const char *line)
{
        size_t len = strlen(line);

        if (write(1, line, len) != (ssize_t)len)
                exit(3);
}

static void end(void)
{
        if (started)
                p.f->C_Finalize(NULL);
        started = false;
}

static void fail(CK_RV rv)
{
        char line[LINE];

        snprintf(line, sizeof(line), "fail 0x%lx\n", rv);
        say(line);
        end();
}

static CK_RV begin(void)
{
        CK_RV rv;

        if (started)
                return CKR_OK;
        rv = p11_init(&p);
        started = rv != CKR_CRYPTOKI_ALREADY_INITIALIZED;
        return rv == CKR_OK ? p11_open(&p) : rv;
}

static void hex(char *to, const unsigned char *from, size_t n)
{
        for (size_t i = 0; i < n; i++)
                snprintf(to + 2 * i, 3, "%02x", from[i]);
}

static CK_RV sign(const char *label)
{
        unsigned char digest[32], sig[64];
        char line[LINE], d[65], s[129];
        CK_OBJECT_HANDLE key;
        size_t n = 0;
        CK_RV rv;

        rv = begin();
        if (rv == CKR_OK)
                rv = p11_find(&p, CKO_PRIVATE_KEY, label, &key, 1, &n);
        if (rv == CKR_OK && n == 0)
                rv = CKR_OBJECT_HANDLE_INVALID;
        if (rv == CKR_OK)
                rv = p11_sign(&p, key, digest, sig);
        if (rv != CKR_OK) {
                fail(rv);
                return rv;
        }
        hex(d, digest, sizeof(digest));
        hex(s, sig, sizeof(sig));
        snprintf(line, sizeof(line), "signed %s %s\n", d, s);
        say(line);
        return CKR_OK;
}

static void count(void)
{
        char line[LINE];
        CK_ULONG n = 0;
        CK_RV rv;

        rv = begin();
        /* Its own token may be none that it sees. */
        if (rv == CKR_TOKEN_NOT_PRESENT)
                rv = CKR_OK;
        if (rv == CKR_OK)
                rv = p.f->C_GetSlotList(CK_TRUE, NULL, &n);
        if (rv != CKR_OK) {
                fail(rv);
                return;
        }
        snprintf(line, sizeof(line), "tokens %lu\n", n);
        say(line);
}

int main(void)
{
        char line[LINE], label[LINE];
        unsigned n;
        CK_RV rv;

        /* p11-kit's client writes to a daemon that is gone. */
        signal(SIGPIPE, SIG_IGN);
        p11_load(&p);
        rv = begin();
        if (rv == CKR_OK)
                say("ready\n");
        else
                fail(rv);
        while (fgets(line, sizeof(line), stdin) != NULL) {
                if (sscanf(line, "sign %s", label) == 1)
                        sign(label);
                else if (sscanf(line, "many %s %u", label, &n) == 2)
                        while (n-- > 0 && sign(label) == CKR_OK)
                                ;
                else if (strcmp(line, "count\n") == 0)
                        count();
                else
                        return 2;
        }
        end();
        return 0;
}
