/* SPDX-License-Identifier: BSD-2-Clause */
/* Is that an order, and what are its arguments? Everything else is refused as a whole. */
#include <string.h>
#include "daemon/order.h"
#include "lib/err.h"

void order_call_clear(struct order_call *c)
{
        json_decref(c->request);
        json_decref(c->reply);
        c->request = c->reply = NULL;
}

/* Before the parser, which recurses: nothing stands in the one object but strings, numbers and words. */
static int check_flat(struct bytes text)
{
        bool in_string = false;
        unsigned open = 0;

        for (size_t i = 0; i < text.len; i++) {
                uint8_t c = text.ptr[i];

                if (in_string && c == '\\')
                        i++;
                else if (c == '"')
                        in_string = !in_string;
                else if (!in_string && (c == '[' || (c == '{' && open++ > 0)))
                        return err(ERR_FORMAT, "an order is one JSON object with nothing nested in it");
        }
        return 0;
}

static const struct order *find(const char *name)
{
        const struct order *o = NULL;

        for (size_t i = 0; name != NULL && (o = order_at(i)) != NULL; i++)
                if (strcmp(o->name, name) == 0)
                        return o;
        return NULL;
}

static const struct order_arg *find_arg(const struct order *o, const char *name)
{
        for (size_t i = 0; i < ORDER_ARGS_MAX && o->args[i].name != NULL; i++)
                if (strcmp(o->args[i].name, name) == 0)
                        return &o->args[i];
        return NULL;
}

static bool type_is(const json_t *value, enum order_type type)
{
        CLEANUP(buf_clear) struct buf b = { 0 };

        switch (type) {
        case ORDER_TEXT:
                return json_is_string(value);
        case ORDER_BYTES:
                return json_is_string(value) && base64_decode(json_string_value(value), json_string_length(value), &b) == 0;
        case ORDER_NUMBER:
                return json_is_integer(value) && json_integer_value(value) >= 0;
        case ORDER_FLAG:
                return json_is_boolean(value);
        }
        return false;
}

static int check_args(const struct order *o, json_t *request)
{
        const char *name;
        json_t *value;

        json_object_foreach(request, name, value) {
                const struct order_arg *a = find_arg(o, name);

                if (strcmp(name, "order") == 0)
                        continue;
                if (a == NULL)
                        return err(ERR_FORMAT, "the order %s has no member %.40s", o->name, name);
                if (!type_is(value, a->type))
                        return err(ERR_FORMAT, "the member %s of the order %s is of another type", a->name, o->name);
        }
        for (size_t i = 0; i < ORDER_ARGS_MAX && o->args[i].name != NULL; i++)
                if (o->args[i].needed && json_object_get(request, o->args[i].name) == NULL)
                        return err(ERR_FORMAT, "the order %s needs the member %s", o->name, o->args[i].name);
        return 0;
}

int order_read(struct bytes text, struct order_call *ret)
{
        json_error_t e;
        json_t *request;
        int r;

        if (text.len > ORDER_MAX)
                return err(ERR_FORMAT, "an order of more than %d octets", ORDER_MAX);
        r = check_flat(text);
        if (r != 0)
                return r;
        request = json_loadb((const char *)text.ptr, text.len, JSON_REJECT_DUPLICATES, &e);
        /* Its own words quote the text, which may hold a PIN. */
        if (request == NULL)
                return err(ERR_FORMAT, "this is no JSON, at octet %d", e.position);
        ret->order = find(json_string_value(json_object_get(request, "order")));
        r = ret->order != NULL ? check_args(ret->order, request) : err(ERR_FORMAT, "this is no order");
        if (r != 0) {
                json_decref(request);
                return r;
        }
        ret->request = request;
        return 0;
}

const char *order_text(const struct order_call *c, const char *name)
{
        return json_string_value(json_object_get(c->request, name));
}

struct bytes order_text_bytes(const struct order_call *c, const char *name)
{
        const json_t *value = json_object_get(c->request, name);

        return BYTES(json_string_value(value), json_string_length(value));
}

int order_bytes(const struct order_call *c, const char *name, struct buf *ret)
{
        struct bytes text = order_text_bytes(c, name);

        return text.len > 0 ? base64_decode((const char *)text.ptr, text.len, ret) : 0;
}

uint64_t order_number(const struct order_call *c, const char *name)
{
        return (uint64_t)json_integer_value(json_object_get(c->request, name));
}

bool order_flag(const struct order_call *c, const char *name)
{
        return json_is_true(json_object_get(c->request, name));
}
