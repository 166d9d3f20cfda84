/* SPDX-License-Identifier: BSD-2-Clause */
/* GET of what is for everybody: certificates, lists and keys; whether the issuer works; and its numbers. */
#include <stdio.h>
#include <string.h>
#include "issuer/route.h"
#include "lib/err.h"

int route_public(struct call *c)
{
        CLEANUP(authority_releasep) const struct authority_view *v = authority_hold(c->s->authority);
        const struct authority_resource *resource = authority_resource(v, c->q->path);

        if (resource == NULL)
                return refused(c, "not-found", err(ERR_NOENT, "there is nothing at this path"));
        snprintf(c->reply->etag, sizeof(c->reply->etag), "%s", resource->etag);
        c->reply->route = resource->route;
        c->reply->type = resource->type;
        c->reply->max_age = resource->max_age;
        return buf_set(&c->reply->body, BYTES_OF(&resource->body));
}

int route_health(struct call *c)
{
        return reply_json(c, json_pack("{s:s}", "status", "ok"));
}

int route_ready(struct call *c)
{
        int r = service_ready(c->s);

        return r == 0 ? reply_json(c, json_pack("{s:s}", "status", "ready")) : r;
}

int route_metrics(struct call *c)
{
        /* It is how it is now that is told, not when somebody asked for the last time. */
        if (service_ready(c->s) != 0)
                err_reset();
        c->reply->type = METRICS_TYPE;
        return metrics_text(c->s->metrics, &c->reply->body);
}
