/* SPDX-License-Identifier: BSD-2-Clause */
/* On whose behalf does a daemon act when nobody asks? */
#include "daemon/self.h"

static int decide(struct policy *p, const struct peer *who, const char *agent, const struct request *q, struct decision *ret)
{
        (void)p, (void)who, (void)agent, (void)q;
        *ret = (struct decision){ .allowed = true, .rule = "daemon" };
        return 0;
}

static bool sees(struct policy *p, const struct peer *who, const char *agent)
{
        (void)p, (void)who, (void)agent;
        return true;
}

static const struct judge judge = { decide, sees, policy_owner };

void self_caller(const struct core *core, const struct peer *peer, struct caller *ret)
{
        *ret = (struct caller){ .judge = &judge, .policy = core->policy, .record = recorder_append, .log = core->recorder, .peer = peer };
}
