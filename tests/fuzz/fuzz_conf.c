/* SPDX-License-Identifier: BSD-2-Clause */
/* Configuration files: whatever one says, what is configured is within bounds. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "lib/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char path[] = "/tmp/hf-fuzz-conf-XXXXXX";
static int fd = -1;

static void forget(void)
{
        unlink(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct conf c = { 0 };

        if (fd < 0) {
                fd = mkstemp(path);
                if (fd < 0)
                        abort();
                atexit(forget);
        }
        if (ftruncate(fd, 0) != 0 || (size > 0 && pwrite(fd, data, size, 0) != (ssize_t)size))
                abort();
        if (conf_load_file(path, &c) != 0)
                return 0;
        if (c.tcti[0] == '\0' || c.store[0] != '/' || c.deadline_ms < 100 || c.deadline_ms > 600000 ||
            c.parent_handle >> 24 != 0x81 || c.pin_tries < 1 || c.pin_tries > 100)
                abort();
        conf_clear(&c);
        return 0;
}
