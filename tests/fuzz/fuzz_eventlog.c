/* SPDX-License-Identifier: BSD-2-Clause */
/* The host's logs: the first octet says which, the rest is it. Replaying ends; secure boot is on only where something said so. */
#include <stdlib.h>
#include <string.h>
#include "attest/eventlog.h"
#include "attest/ima.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int see(void *arg, const struct ima_entry *e)
{
        size_t *n = arg;

        if (e->number != *n || e->template.len == 0 || memchr(e->path.ptr, 0, e->path.len))
                abort();
        ++*n;
        return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char *const hashes[] = { "SHA256", "SHA384" };
        static struct eventlog log;
        struct ima list;
        size_t n = 0;

        if (size == 0)
                return 0;
        if ((data[0] & 1) == 0) {
                for (size_t i = 0; i < ARRAY_LEN(hashes); i++)
                        if (eventlog_replay(BYTES(data + 1, size - 1), hash_by_name(hashes[i]), &log) == 0 && log.secure_boot && !log.has_secure_boot)
                                abort();
        } else if (ima_replay(BYTES(data + 1, size - 1), 10, hash_by_name("SHA256"), see, &n, &list) == 0 && n != list.entries) {
                abort();
        }
        return 0;
}
