/* SPDX-License-Identifier: BSD-2-Clause */
/* Orders about the issuer: join it, have a key enrolled there, see how that stands, end it, have it revoked. */
#include <string.h>
#include "daemon/order.h"
#include "daemon/peer.h"
#include "daemon/renew.h"
#include "keys/find.h"
#include "lib/err.h"

#define ENTRY 400               /* octets of an entry but for what is counted */
#define HEADING 2048            /* of what stands before them */

/* A daemon has one; a test of other orders has not. */
static int must_renew(const struct order_call *c)
{
        return c->core->renewer != NULL ? 0 : err(ERR_NOTSUP, "there is nobody here who speaks to an issuer");
}

static int add_text(struct order_call *c, const char *name, struct bytes text)
{
        return order_add(c, name, text.len > 0 ? order_string(text) : json_null());
}

static int add_time(struct order_call *c, const char *name, uint64_t t)
{
        return order_add(c, name, t > 0 ? json_integer((json_int_t)t) : json_null());
}

static int add_joined(struct order_call *c, const struct joined *j)
{
        int r;

        r = add_text(c, "issuer", BYTES_OF(&j->url));
        if (r == 0)
                r = add_text(c, "host", BYTES_OF(&j->host));
        if (r == 0)
                r = add_text(c, "state", BYTES_OF(&j->state));
        if (r == 0)
                r = add_text(c, "assurance", BYTES_OF(&j->assurance));
        return r == 0 ? add_time(c, "ak_not_after", j->ak_not_after) : r;
}

/* What is carried to an issuer that this host does not reach. */
static int show(struct order_call *c)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        int r = join_shows(c->core, c->caller, order_text(c, "host"), &text);

        return r == 0 ? order_add(c, "shown", order_string(BYTES_OF(&text))) : r;
}

int order_join(struct order_call *c)
{
        const struct join_wish w = {
                .url = order_text(c, "url"), .ca = order_text_bytes(c, "ca"), .host = order_text(c, "host"), .token = order_text(c, "token"),
        };
        CLEANUP(joined_clear) struct joined j = { 0 };
        int r;

        if (order_flag(c, "show"))
                return show(c);
        r = must_renew(c);
        if (r == 0)
                r = renewer_join(c->core->renewer, c->caller, &w, &j);
        if (r == 0)
                r = add_joined(c, &j);
        return r == 0 ? add_time(c, "not_after", j.ak_not_after) : r;
}

static int find(struct order_call *c, struct item **ret)
{
        return find_key(keyring_store(c->core->keyring), order_text(c, "agent"), order_text_bytes(c, "key"), BYTES(NULL, 0), ret);
}

static json_t *check_json(const struct answer_check *k)
{
        return json_pack("{s:o, s:o, s:o}", "check", order_string(BYTES_STR(k->check)), "outcome", order_string(BYTES_STR(k->outcome)),
                         "text", k->text != NULL ? order_string(BYTES_STR(k->text)) : json_string(""));
}

static int add_checks(struct order_call *c, const struct answer_credential *a)
{
        json_t *list = json_array();

        for (unsigned i = 0; i < a->n_checks; i++)
                if (json_array_append_new(list, check_json(&a->checks[i])) != 0) {
                        json_decref(list);
                        return err(ERR_NOMEM, "cannot make the answer");
                }
        return order_add(c, "checks", list);
}

static int add_credential(struct order_call *c, const struct answer_credential *a)
{
        json_t *o = json_pack("{s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:I}", "profile", order_string(BYTES_STR(a->profile)),
                              "spiffe_id", order_string(BYTES_STR(a->spiffe_id)), "serial", order_string(BYTES_STR(a->serial)),
                              "assurance", order_string(BYTES_STR(a->assurance)), "record", (json_int_t)a->record,
                              "not_before", (json_int_t)a->not_before, "not_after", (json_int_t)a->not_after,
                              "renew_after", (json_int_t)a->renew_after, "grace", (json_int_t)a->grace);
        int r = o != NULL && json_object_update(c->reply, o) == 0 ? 0 : err(ERR_NOMEM, "cannot make the answer");

        json_decref(o);
        if (r == 0 && a->x509 != NULL)
                r = order_add(c, "x509", order_string(BYTES_STR(a->x509)));
        return r == 0 ? add_checks(c, a) : r;
}

int order_enroll(struct order_call *c)
{
        CLEANUP(answer_credential_clear) struct answer_credential a = { 0 };
        CLEANUP(peer_clear) struct peer process = { .pidfd = -1 };
        uint64_t pid = order_number(c, "process");
        const struct carried_wish carried = {
                .url = order_text(c, "url"), .host = order_text(c, "host"), .credential = order_text_bytes(c, "credential"), .joined = order_text_bytes(c, "joined"),
        };
        struct item *key = NULL;
        int r = must_renew(c);

        if (r == 0 && carried.credential.len > 0 && (carried.url == NULL || carried.host == NULL))
                r = err(ERR_INVAL, "credentials that were carried here are of an issuer, for a host");
        if (r == 0 && pid > INT32_MAX)
                r = err(ERR_INVAL, "there is no process of that number");
        else if (r == 0 && pid > 0)
                r = peer_of_pid((pid_t)pid, &process);
        if (r == 0)
                r = find(c, &key);
        if (r == 0 && carried.credential.len > 0)
                r = renewer_carried(c->core->renewer, c->caller, order_text(c, "agent"), key, &carried, &a);
        else if (r == 0)
                r = renewer_enroll(c->core->renewer, c->caller, order_text(c, "agent"), key, order_text(c, "profile"), pid > 0 ? &process : NULL, &a);
        item_unref(key);
        return r == 0 ? add_credential(c, &a) : r;
}

struct listing {
        struct order_call *call;
        json_t *list;
        uint64_t at, skip, next;        /* next: the first that there is no room for; 0: there is */
};

static int list_one(void *ctx, const struct enrolment *e)
{
        struct listing *l = ctx;
        uint64_t at = l->at++;
        json_t *o;

        if (at < l->skip || l->next > 0)
                return 0;
        if (!order_room(l->call, ENTRY + e->label.len + e->spiffe_id.len + strlen(e->last_error))) {
                l->next = at;
                return 0;
        }
        o = json_pack("{s:o, s:o, s:o, s:I, s:I, s:b, s:o}", "agent", order_string(BYTES_STR(e->agent)), "key", order_string(BYTES_OF(&e->label)),
                      "spiffe_id", order_string(BYTES_OF(&e->spiffe_id)), "not_after", (json_int_t)e->not_after,
                      "renew_after", (json_int_t)e->renew_after, "carried", e->carried,
                      "last_error", e->last_error[0] != '\0' ? order_string(BYTES_STR(e->last_error)) : json_null());
        return json_array_append_new(l->list, o) == 0 ? 0 : err(ERR_NOMEM, "cannot make the answer");
}

int order_enrolled(struct order_call *c)
{
        CLEANUP(joined_clear) struct joined j = { 0 };
        struct listing l = { .call = c, .list = json_array(), .skip = order_number(c, "skip") };
        char error[256];
        int r;

        r = must_renew(c);
        if (r == 0)
                r = renewer_joined(c->core->renewer, &j, error, sizeof(error));
        if (r == 0)
                r = add_joined(c, &j);
        if (r == ERR_NOENT)
                r = add_text(c, "issuer", BYTES(NULL, 0));
        if (r == 0)
                r = add_text(c, "last_error", BYTES_STR(error));
        (void)order_room(c, HEADING);
        if (r == 0)
                r = renewer_each(c->core->renewer, list_one, &l);
        if (r == 0)
                r = order_add(c, "next", json_integer((json_int_t)l.next));
        if (r == 0)
                return order_add(c, "agents", l.list);
        json_decref(l.list);
        return r;
}

/* Also where the key is gone: by its name then. */
int order_unenroll(struct order_call *c)
{
        struct bytes label = order_text_bytes(c, "key");
        struct item *key = NULL;
        int r;

        r = must_renew(c);
        if (r != 0)
                return r;
        r = find(c, &key);
        if (r == 0)
                r = item_label(key, &label);
        if (r == 0 || (r == ERR_NOENT && label.len > 0))
                r = renewer_unenroll(c->core->renewer, c->caller, order_text(c, "agent"), label);
        item_unref(key);
        return r;
}

/* Also of an agent that is not there any more. */
int order_revoke(struct order_call *c)
{
        const struct revoke_wish w = { .agent = order_text(c, "agent"), .reason = order_text(c, "reason"), .stays = order_flag(c, "stays") };
        uint64_t n = 0;
        int r = must_renew(c);

        if (r == 0)
                r = renewer_revoke(c->core->renewer, c->caller, &w, &n);
        return r == 0 ? order_add(c, "revoked", json_integer((json_int_t)n)) : r;
}
