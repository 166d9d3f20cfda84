/* SPDX-License-Identifier: BSD-2-Clause */
/* holdfast lock and unlock: no more use of an agent's keys, or of anybody's, until it is taken back. */
#include <string.h>
#include "tools/keeper.h"
#include "tools/text.h"

/* NULL: all. */
static int whose(const struct cli *c, const char **ret_agent)
{
        *ret_agent = cli_arg(c, 0);
        return (*ret_agent != NULL) == cli_flag(c, "all") ? err(ERR_USAGE, "name an agent, or give --all") : 0;
}

static int print_lock(const struct cli *c, const char *agent, bool locked, bool daemon)
{
        bool dry = cli_flag(c, "dry-run");

        if (cli_flag(c, "json"))
                return print_json("lock", json_pack("{s:b, s:b, s:o}", "done", !dry, "locked", locked,
                                                    "agent", agent != NULL ? text_json(BYTES_STR(agent)) : json_null()));
        print_field(dry ? "Would" : locked ? "Locked" : "Unlocked", "%s%s", dry ? locked ? "lock " : "unlock " : "",
                    agent != NULL ? agent : "all agents");
        if (!daemon && locked)
                say(c, "Warning   there is no daemon: the lock is kept, and not asked. Whoever may open the store may use its keys.");
        return 0;
}

int cmd_lock(struct cli *c)
{
        const char *why = cli_value(c, "why"), *agent;
        struct keeper k = { 0 };
        bool daemon;
        int r;

        r = whose(c, &agent);
        if (r == 0)
                r = keeper_open(c, true, &k);
        if (r == 0)
                r = keeper_lock(&k, agent, why != NULL ? why : "", cli_flag(c, "dry-run"));
        daemon = k.daemon != NULL;
        keeper_close(&k);
        return r == 0 ? print_lock(c, agent, true, daemon) : r;
}

int cmd_unlock(struct cli *c)
{
        const char *agent;
        struct keeper k = { 0 };
        bool daemon;
        int r;

        r = whose(c, &agent);
        if (r == 0)
                r = keeper_open(c, true, &k);
        if (r == 0)
                r = keeper_unlock(&k, agent, cli_flag(c, "dry-run"));
        daemon = k.daemon != NULL;
        keeper_close(&k);
        return r == 0 ? print_lock(c, agent, false, daemon) : r;
}
