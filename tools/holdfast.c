/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line: finds the verb, runs it, says what went wrong and exits with what that means. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tools/text.h"

/* Written output that did not arrive is a failure, but a reader that had enough is none. */
static int flush_output(int r)
{
        if (fflush(stdout) == 0 && !ferror(stdout))
                return r;
        return errno == EPIPE || r != 0 ? r : err_errno("cannot write to standard output");
}

int main(int argc, char **argv)
{
        struct cli c = { 0 };
        int r;

        /* Orders to the daemon bring PINs. */
        json_set_alloc_funcs(wiping_alloc, wiping_free);
        r = cli_parse(argc, argv, &c);
        /* Before the first call of a TSS library, which reads it once. */
        if (cli_count(&c, "verbose") < 2)
                setenv("TSS2_LOG", "all+none", 0);
        if (r == 0 && cli_flag(&c, "help"))
                cli_help(stdout, c.verb, c.family);
        else if (r == 0)
                r = c.verb->run(&c);
        r = flush_output(r);
        if (r < 0)
                say_failure(&c, r);
        return cli_exit_status(r);
}
