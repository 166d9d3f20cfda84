/* SPDX-License-Identifier: BSD-2-Clause */
/* Orders about the daemon itself: how it is, that it read its rules anew, that it let the TPM vouch for the log now. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "daemon/order.h"
#include "daemon/serve.h"
#include "daemon/witness.h"
#include "lib/err.h"
#include "lib/tpmt.h"
#include "tpm/clock.h"

static int add_number(struct order_call *c, const char *name, uint64_t n)
{
        return order_add(c, name, json_integer((json_int_t)n));
}

static int add_store(struct order_call *c)
{
        struct store *s = keyring_store(c->core->keyring);
        struct agent_names names = { 0 };
        int r;

        r = store_agents(s, &names);
        if (r == 0)
                r = add_number(c, "agents", names.n);
        agent_names_clear(&names);
        if (r == 0)
                r = order_add(c, "store", order_string(BYTES_STR(store_path(s))));
        return r;
}

/* What witnesses need to know of the log's key; empty without one. */
static int witness_text(struct order_call *c, const struct recorder_state *s, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf name = { 0 };
        int r;

        if (c->core->witness == NULL)
                return 0;
        r = buf_printf(&name, "%s/%" PRIu64, s->origin, s->number);
        return r == 0 ? witness_vkey(c->core->witness, BYTES_OF(&name), ret) : r;
}

static int add_log(struct order_call *c)
{
        struct recorder_state s;
        CLEANUP(buf_clear) struct buf dir = { 0 }, vkey = { 0 };
        int r;

        recorder_state(c->core->recorder, &s);
        r = conf_audit_dir(&c->core->conf, &dir);
        if (r == 0)
                r = witness_text(c, &s, &vkey);
        return r != 0 ? r : order_add(c, "log", json_pack("{s:o, s:s, s:I, s:I, s:I, s:I, s:o*}", "directory", order_string(BYTES_OF(&dir)),
                                                          "completeness", audit_mode_name(recorder_mode(c->core->recorder)),
                                                          "number", (json_int_t)s.number, "records", (json_int_t)s.size,
                                                          "since-checkpoint", (json_int_t)s.since,
                                                          "checkpoint-age", (json_int_t)(s.checkpoint_age_ms / 1000),
                                                          "witness-key", vkey.len > 0 ? order_string(BYTES_OF(&vkey)) : NULL));
}

static int add_connections(struct order_call *c)
{
        struct serve_counts n = { 0 };

        if (c->core->server != NULL)
                serve_counts(c->core->server, &n);
        return order_add(c, "connections", json_pack("{s:i, s:i, s:I, s:I}", "silent", (int)n.silent, "served", (int)n.served,
                                                     "accepted", (json_int_t)n.accepted, "refused", (json_int_t)n.refused));
}

/* As many as there is room for; the number is of all. */
static int add_findings(struct order_call *c)
{
        struct guard_finding *found = NULL;
        json_t *list = json_array();
        size_t n = 0;
        int r;

        r = guard_findings(c->core->guard, &found, &n);
        for (size_t i = 0; r == 0 && i < n && order_room(c, sizeof(*found)); i++)
                if (json_array_append_new(list, json_pack("{s:o, s:b, s:o}", "agent", order_string(BYTES_STR(found[i].agent)),
                                                          "refuses", found[i].refuses, "text", order_string(BYTES_STR(found[i].text)))) != 0)
                        r = err(ERR_NOMEM, "cannot make the answer");
        free(found);
        if (r == 0)
                r = add_number(c, "finding-count", n);
        if (r == 0)
                return order_add(c, "findings", list);
        json_decref(list);
        return r;
}

int order_status(struct order_call *c)
{
        int r;

        r = order_add(c, "version", order_string(BYTES_STR(c->core->version)));
        if (r == 0)
                r = add_number(c, "uptime", (clock_us() - c->core->started_us) / 1000000);
        if (r == 0)
                r = add_store(c);
        if (r == 0)
                r = add_connections(c);
        if (r == 0)
                r = add_findings(c);
        return r == 0 ? add_log(c) : r;
}

int order_reload(struct order_call *c)
{
        return core_reload(c->core, c->caller);
}

int order_checkpoint(struct order_call *c)
{
        int r;

        r = recorder_checkpoint(c->core->recorder);
        return r == 0 ? add_log(c) : r;
}

int order_accept(struct order_call *c)
{
        const char *agent = order_text(c, "agent");
        struct deed d = { .event = AUDIT_CHANGE, .agent = agent, .request = { .operation = agent != NULL ? "accept" : "accept-all" } };
        int r;

        if ((agent != NULL) == order_flag(c, "all"))
                return err(ERR_INVAL, "this is for one agent, or for all of them");
        r = caller_may(c->caller, &d);
        if (r == 0)
                r = caller_did(c->caller, &d, 0, BYTES(NULL, 0));
        if (r != 0)
                return r;
        r = guard_accept(c->core->guard, agent);
        return r == 0 ? 0 : caller_did(c->caller, &d, r, BYTES(NULL, 0));
}

int order_counter(struct order_call *c)
{
        CLEANUP(buf_clear) struct buf spki = { 0 };
        uint64_t value = 0;
        int r;

        r = core_counter(c->core, &value);
        if (r == 0)
                r = tpmt_spki(BYTES_OF(&c->core->ak.pub), &spki);
        if (r == 0)
                r = add_number(c, "index", c->core->counter);
        if (r == 0)
                r = add_number(c, "value", value);
        return r == 0 ? order_add(c, "ak", order_base64(BYTES_OF(&spki))) : r;
}
