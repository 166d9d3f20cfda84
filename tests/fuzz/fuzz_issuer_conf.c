/* SPDX-License-Identifier: BSD-2-Clause */
/* The issuer's configuration: whatever one says, no profile gives anything to everybody, for longer than a day, or outside the trust domain. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "issuer/conf.h"
#include "issuer/profile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char path[] = "/tmp/hf-fuzz-issuer-conf-XXXXXX";
static int fd = -1;

static void forget(void)
{
        unlink(path);
}

static void check_profile(const struct profile *p, const struct issuer_conf *c)
{
        struct profile_grant g = { 0 };
        const struct profile_who who = { .host = "a.example.org", .agent = "../x", .owner = { (const uint8_t *)"o", 1 }, .now = 1u << 30 };

        if (p->hosts.n == 0 || p->agents.n == 0 || p->assurances == 0 || p->credentials == 0 || p->life < 60 || p->life > GRANT_LIFE_MAX)
                abort();
        if (profile_grant(p, &who, c, &g) == 0 && memmem(g.g.spiffe_id.ptr, g.g.spiffe_id.len, "..", 2) != NULL && strstr(p->spiffe_id, "..") == NULL)
                abort();
        profile_grant_clear(&g);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct issuer_conf c = { 0 };

        if (fd < 0) {
                fd = mkstemp(path);
                if (fd < 0)
                        abort();
                atexit(forget);
        }
        if (ftruncate(fd, 0) != 0 || (size > 0 && pwrite(fd, data, size, 0) != (ssize_t)size))
                abort();
        if (issuer_conf_load(path, &c) != 0)
                return 0;
        if (c.directory[0] != '/' || strncmp(c.url, "https://", 8) != 0 || c.workers < 1 || c.ak_life > 7 * 24 * 60 * 60)
                abort();
        for (size_t i = 0; i < c.n_profiles; i++)
                check_profile(&c.profiles[i], &c);
        issuer_conf_clear(&c);
        return 0;
}
