/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads and writes what people and programs call a key. */
#include <string.h>
#include "lib/err.h"
#include "lib/pem.h"
#include "lib/ref.h"
#include "tools/keyname.h"
#include "lib/keytext.h"

void key_name_clear(struct key_name *n)
{
        buf_clear(&n->label);
        buf_clear(&n->id);
}

int key_name_parse(const char *name, const char *id, struct key_name *ret)
{
        size_t len = strcspn(name, "/");

        if (len < sizeof ret->agent)
                memcpy(ret->agent, name, len);
        ret->agent[len < sizeof ret->agent ? len : 0] = 0;
        if (!agent_name_valid(ret->agent))
                return err(ERR_INVAL, "\"%.*s\" is no agent's name", (int)(len < 80 ? len : 80), name);
        if (id != NULL && hex_decode(id, strlen(id), &ret->id) != 0)
                return err(ERR_INVAL, "--id takes hex digits");
        return name[len] == '/' ? buf_append_str(&ret->label, name + len + 1) : 0;
}

int key_name_uri(const char *agent, const struct key_facts *f, const char *type, struct buf *ret)
{
        return keytext_uri(agent, f->label_unique ? BYTES_OF(&f->label) : BYTES(NULL, 0), f->label_unique ? BYTES(NULL, 0) : BYTES_OF(&f->id),
                           type, ret);
}

const char *key_name_type(const struct key_facts *f)
{
        return f->spki.len > 0 ? "private" : "secret-key";
}

int key_name_ref(const char *agent, const struct key_facts *f, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf uri = { 0 }, der = { 0 };
        int r;

        r = key_name_uri(agent, f, "private", &uri);
        if (r == 0)
                r = ref_encode(BYTES_OF(&uri), &der);
        return r == 0 ? pem_encode(REF_PEM, BYTES(NULL, 0), BYTES_OF(&der), ret) : r;
}
