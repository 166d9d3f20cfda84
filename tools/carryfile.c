/* SPDX-License-Identifier: BSD-2-Clause */
/* What is carried between a host and its issuer, as a file? */
#include "tools/carryfile.h"
#include <string.h>
#include <sys/stat.h>
#include "lib/err.h"
#include "lib/filepath.h"
#include "tools/readfile.h"

#define MODE 0644

static int append(const char *text, size_t len, void *buf)
{
        return buf_append(buf, text, len) == 0 ? 0 : -1;
}

int carryfile_text(const json_t *doc, size_t flags, struct buf *ret)
{
        int r = json_dump_callback(doc, append, ret, flags) == 0 ? 0 : err(ERR_NOMEM, "out of memory");

        return r == 0 && buf_str(ret) == NULL ? err(ERR_NOMEM, "out of memory") : r;
}

int carryfile_write(const char *path, const json_t *doc)
{
        CLEANUP(buf_clear) struct buf content = { 0 };
        int r = carryfile_text(doc, JSON_INDENT(2), &content);

        if (r == 0)
                r = buf_append_str(&content, "\n");
        return r == 0 ? filepath_write(path, BYTES_OF(&content), MODE, true) : r;
}

static int path_of(const char *path, struct buf *ret)
{
        struct stat st;
        int r = buf_append_str(ret, path);

        if (r == 0 && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
                r = buf_append_str(ret, "/" CREDENTIALS_FILE);
        return r == 0 && buf_str(ret) == NULL ? err(ERR_NOMEM, "out of memory") : r;
}

int carryfile_read(const char *path, json_t **ret)
{
        CLEANUP(buf_clear) struct buf name = { 0 }, text = { 0 };
        const char *schema;
        json_t *doc;
        int r;

        r = path_of(path, &name);
        if (r == 0)
                r = readfile(buf_str(&name), &text);
        if (r != 0)
                return r;
        doc = json_loadb(text.len > 0 ? (const char *)text.ptr : "", text.len, JSON_REJECT_DUPLICATES, NULL);
        schema = json_string_value(json_object_get(doc, "schema"));
        if (schema != NULL && strcmp(schema, CREDENTIALS_SCHEMA) == 0 && json_is_string(json_object_get(doc, "issuer")) &&
            json_is_string(json_object_get(doc, "host")) && json_is_string(json_object_get(doc, "agent")) && json_is_object(json_object_get(doc, "credential"))) {
                *ret = doc;
                return 0;
        }
        json_decref(doc);
        return err(ERR_FORMAT, "%s has no credentials as an issuer writes them", buf_str(&name));
}

static int add_object(const json_t *o, json_t *request, const char *name)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        int r = carryfile_text(o, JSON_COMPACT, &text);

        return r == 0 && json_object_set_new(request, name, json_string(buf_str(&text))) != 0 ? err(ERR_NOMEM, "out of memory") : r;
}

int carryfile_add(const json_t *doc, json_t *request)
{
        const json_t *joined = json_object_get(doc, "joined");
        int r;

        r = add_object(json_object_get(doc, "credential"), request, "credential");
        if (r == 0 && joined != NULL)
                r = add_object(joined, request, "joined");
        if (r == 0 && (json_object_set(request, "url", json_object_get(doc, "issuer")) != 0 || json_object_set(request, "host", json_object_get(doc, "host")) != 0))
                r = err(ERR_NOMEM, "out of memory");
        return r;
}
