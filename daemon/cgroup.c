/* SPDX-License-Identifier: BSD-2-Clause */
/* Which unit of the system, which container is this control group of? */
#include "daemon/cgroup.h"
#include <ctype.h>
#include <string.h>

#define CONTAINER_DIGITS 64

static bool ends_with(struct bytes part, const char *end)
{
        size_t len = strlen(end);

        return part.len > len && memcmp(part.ptr + part.len - len, end, len) == 0;
}

/* systemd names groups after its services and scopes. */
static bool is_unit(struct bytes part)
{
        return ends_with(part, ".service") || ends_with(part, ".scope");
}

/* Managers of containers write the ID into a name, with or without something around it. */
static struct bytes container_in(struct bytes part)
{
        size_t hex = 0;

        for (size_t i = 0; i <= part.len; i++) {
                if (i < part.len && isxdigit(part.ptr[i])) {
                        hex++;
                        continue;
                }
                if (hex == CONTAINER_DIGITS)
                        return BYTES(part.ptr + i - hex, hex);
                hex = 0;
        }
        return BYTES(NULL, 0);
}

int cgroup_names(struct bytes path, struct buf *ret_unit, struct buf *ret_container)
{
        struct bytes part = { 0 }, unit = { 0 }, container = { 0 };
        int r;

        for (size_t at = 0; at < path.len && unit.len == 0 && container.len == 0; at += part.len + 1) {
                const uint8_t *slash = memchr(path.ptr + at, '/', path.len - at);

                part = BYTES(path.ptr + at, slash != NULL ? (size_t)(slash - path.ptr) - at : path.len - at);
                if (is_unit(part))
                        unit = part;
                container = container_in(part);
        }
        r = buf_set(ret_unit, unit);
        return r != 0 ? r : buf_set(ret_container, container);
}
