/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads what the daemon says of agents and keys. */
#include <string.h>
#include "lib/err.h"
#include "tools/keepjson.h"

static int wrong(const char *name)
{
        return err(ERR_FORMAT, "the daemon's answer has no good member %s", name);
}

int keepjson_text(const json_t *o, const char *name, struct buf *ret)
{
        const json_t *v = json_object_get(o, name);
        int r;

        if (!json_is_string(v))
                return wrong(name);
        r = buf_set(ret, BYTES(json_string_value(v), json_string_length(v)));
        return r == 0 && buf_str(ret) == NULL ? err(ERR_NOMEM, "out of memory") : r;
}

int keepjson_bytes(const json_t *o, const char *name, struct buf *ret)
{
        const json_t *v = json_object_get(o, name);

        if (v == NULL || json_string_length(v) == 0)
                return 0;
        return base64_decode(json_string_value(v), json_string_length(v), ret) == 0 ? 0 : wrong(name);
}

static unsigned number(const json_t *o, const char *name)
{
        json_int_t n = json_integer_value(json_object_get(o, name));

        return n > 0 ? (unsigned)n : 0;
}

int keepjson_agent(const json_t *o, const char **ret_name, struct agent_facts *ret)
{
        int r;

        *ret_name = json_string_value(json_object_get(o, "name"));
        if (*ret_name == NULL)
                return wrong("name");
        r = keepjson_text(o, "owner", &ret->owner);
        if (r == 0)
                r = keepjson_text(o, "created", &ret->created);
        if (r == 0)
                r = keepjson_text(o, "serial", &ret->serial);
        ret->pins = (struct pin_state){
                .used = json_is_true(json_object_get(o, "pin")), .user_set = json_is_true(json_object_get(o, "pin-set")),
                .lockout_tpm = json_is_true(json_object_get(o, "lockout-tpm")),
                .tries_left = { [PIN_SO] = number(o, "so-tries"), [PIN_USER] = number(o, "user-tries") }, .tries_max = number(o, "tries-max"),
        };
        ret->keys = number(o, "keys");
        return r;
}

int keepjson_key(const json_t *o, struct key_facts *ret)
{
        int r;

        r = keepjson_bytes(o, "label", &ret->label);
        if (r == 0)
                r = keepjson_bytes(o, "id", &ret->id);
        if (r == 0)
                r = keepjson_text(o, "kind", &ret->kind);
        if (r == 0)
                r = keepjson_text(o, "use", &ret->usage);
        if (r == 0)
                r = keepjson_text(o, "created", &ret->created);
        if (r == 0)
                r = keepjson_text(o, "file", &ret->file);
        if (r == 0)
                r = keepjson_bytes(o, "public", &ret->spki);
        ret->damaged = json_is_true(json_object_get(o, "damaged"));
        ret->label_unique = json_is_true(json_object_get(o, "label-unique"));
        ret->certificate = json_is_true(json_object_get(o, "certificate"));
        return r;
}

json_int_t keepjson_next(const json_t *reply, json_int_t from)
{
        json_int_t next = json_integer_value(json_object_get(reply, "next"));

        return next > from ? next : 0;
}
