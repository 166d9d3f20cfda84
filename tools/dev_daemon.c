/* SPDX-License-Identifier: BSD-2-Clause */
/* Starts and stops the daemon of `holdfast dev`. */
#include "lib/err.h"
#include "tools/dev.h"
#include "tools/module.h"

#define STOP_MS 8000

int dev_daemon_start(const struct dev_dir *d, struct dev_daemon *ret)
{
        CLEANUP(buf_clear) struct buf program = { 0 };
        int r = module_daemon_path(&program);

        ret->pid = -1;
        if (r == 0 && buf_str(&program) == NULL)
                r = err(ERR_NOMEM, "out of memory");
        return r == 0 ? dev_server_start(d, "daemon", (const char *[]){ (const char *)program.ptr, NULL }, &ret->pid) : r;
}

void dev_daemon_stop(struct dev_daemon *s)
{
        dev_stop(&s->pid, STOP_MS);
}
