/* SPDX-License-Identifier: BSD-2-Clause */
/* holdfast run and curl: commands that act for an agent. */
#include "tools/agentrun.h"

int cmd_run(struct cli *c)
{
        return agentrun(c, NULL);
}

/* curl takes what stands behind a colon for a password. */
static int add_curl_path(struct words *w, const char *option, const char *path)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        int r = 0;

        for (; r == 0 && *path != 0; ++path)
                r = buf_printf(&text, "%s%c", *path == ':' || *path == '\\' ? "\\" : "", *path);
        if (r == 0 && buf_str(&text) == NULL)
                r = err(ERR_NOMEM, "out of memory");
        if (r == 0)
                r = words_add(w, "%s", option);
        return r == 0 ? words_add(w, "%s", buf_str(&text)) : r;
}

static int add_file(const struct agentrun *a, const char *option, const char *name, const char *what, bool escape, struct words *w)
{
        CLEANUP(buf_clear) struct buf path = { 0 };
        int r;

        r = credfiles_need(&a->files, name, what, &path);
        if (r != 0)
                return r;
        if (escape)
                return add_curl_path(w, option, buf_str(&path));
        r = words_add(w, "%s", option);
        return r == 0 ? words_add(w, "%s", buf_str(&path)) : r;
}

static int begin_curl(const struct agentrun *a, struct words *w)
{
        int r;

        r = words_add(w, "curl");
        if (r == 0)
                r = add_file(a, "--cert", CRED_CERT, "X.509 certificate", true, w);
        if (r == 0)
                r = add_file(a, "--key", CRED_KEY, "key file", false, w);
        return r == 0 ? add_file(a, "--cacert", CRED_BUNDLE, "CA certificates", false, w) : r;
}

int cmd_curl(struct cli *c)
{
        return agentrun(c, begin_curl);
}
