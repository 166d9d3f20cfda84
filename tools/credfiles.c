/* SPDX-License-Identifier: BSD-2-Clause */
/* Where are an agent's credentials, and do they still hold? */
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "keys/item_name.h"
#include "lib/err.h"
#include "lib/file.h"
#include "tools/cli.h"
#include "tools/credfiles.h"

#define STATUS "status.json"
#define STATUS_MAX 65536

void credfiles_clear(struct credfiles *f)
{
        buf_clear(&f->label);
        buf_clear(&f->dir);
        buf_clear(&f->spiffe_id);
        buf_clear(&f->last_error);
}

int credfiles_when(int64_t t, struct buf *ret)
{
        time_t time = (time_t)t;
        char text[32];
        struct tm tm;

        if (gmtime_r(&time, &tm) == NULL || strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
                return err(ERR_RANGE, "%lld is no time", (long long)t);
        return buf_append_str(ret, text);
}

static int ended(int r, struct buf *ret)
{
        return r == 0 && buf_str(ret) == NULL ? err(ERR_NOMEM, "out of memory") : r;
}

/* configured, or what has that name beside the daemon's socket. */
static int place(const struct conf *c, const char *configured, const char *name, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf socket = { 0 };
        int r = 0;

        if (configured == NULL)
                r = conf_socket_client(c, &socket);
        if (r == ERR_NOENT)
                return err(ERR_NOCRED, "there are no credentials here: %s", err_text());
        return r == 0 ? conf_beside(configured, configured == NULL ? buf_str(&socket) : "", name, ret) : r;
}

int credfiles_token_socket(const struct conf *c, struct buf *ret)
{
        return place(c, c->token_socket, CONF_TOKEN_SOCKET, ret);
}

/* Those under which an agent has credentials: the only one, or whether there is the default one among them. */
struct labels {
        size_t n;
        bool has_default;
        struct buf only;
};

static int see_label(const struct dirent *e, void *ctx)
{
        struct labels *l = ctx;

        if (e->d_name[0] == '.')
                return 0;
        ++l->n;
        l->has_default |= strcmp(e->d_name, "default") == 0;
        buf_reset(&l->only);
        return buf_append_str(&l->only, e->d_name);
}

/* The name of the key's directory in the agent's. */
static int choose(const char *dir, struct bytes label, const char *agent, struct buf *ret)
{
        CLEANUP(close_fd) int fd = -1;
        struct labels l = { 0 };
        int r;

        if (label.len > 0)
                return item_name_label(label, ret);
        r = dir_open(AT_FDCWD, dir, &fd);
        if (r == 0)
                r = dir_list(fd, see_label, &l);
        if (r == ERR_NOENT || (r == 0 && l.n == 0))
                r = err(ERR_NOCRED, "the agent %s is not enrolled", agent);
        else if (r == 0 && l.n > 1 && !l.has_default)
                r = err(ERR_NOCRED, "the agent %s is enrolled with several keys and none of them is labelled default: name one as %s/LABEL", agent, agent);
        if (r == 0)
                r = l.n == 1 ? buf_append(ret, l.only.ptr, l.only.len) : buf_append_str(ret, "default");
        buf_clear(&l.only);
        return r;
}

static int text_of(const json_t *o, const char *name, struct buf *ret)
{
        const char *s = json_string_value(json_object_get(o, name));

        return s != NULL ? ended(buf_append_str(ret, s), ret) : 0;
}

static int read_status(struct credfiles *f)
{
        CLEANUP(buf_clear) struct buf path = { 0 }, text = { 0 };
        json_error_t e;
        json_t *o;
        int r;

        r = credfiles_path(f, STATUS, &path);
        if (r == 0)
                r = file_read(AT_FDCWD, buf_str(&path), STATUS_MAX, &text);
        if (r != 0)
                return r;
        o = json_loadb((const char *)text.ptr, text.len, JSON_REJECT_DUPLICATES, &e);
        if (!json_is_object(o))
                r = err(ERR_FORMAT, "%s is no JSON object", buf_str(&path));
        if (r == 0)
                r = text_of(o, "key", &f->label);
        if (r == 0)
                r = text_of(o, "spiffe_id", &f->spiffe_id);
        if (r == 0)
                r = text_of(o, "last_error", &f->last_error);
        f->not_after = json_integer_value(json_object_get(o, "not_after"));
        f->renew_after = json_integer_value(json_object_get(o, "renew_after"));
        json_decref(o);
        return r;
}

static int find(const struct conf *c, const struct key_name *n, struct credfiles *f)
{
        CLEANUP(buf_clear) struct buf base = { 0 }, agent = { 0 }, label = { 0 };
        int r;

        strcpy(f->agent, n->agent);
        r = place(c, c->credentials, CONF_CREDENTIALS, &base);
        if (r == 0 && access(buf_str(&base), X_OK) != 0)
                r = err(ERR_NOCRED, "no daemon keeps credentials in %s: does holdfastd run, and has this host joined an issuer?", buf_str(&base));
        if (r == 0)
                r = item_name_label(BYTES_STR(n->agent), &agent);
        if (r == 0)
                r = ended(buf_printf(&f->dir, "%s/%s", buf_str(&base), buf_str(&agent)), &f->dir);
        if (r == 0)
                r = choose(buf_str(&f->dir), BYTES_OF(&n->label), n->agent, &label);
        if (r == 0)
                r = ended(buf_printf(&f->dir, "/%s", buf_str(&label)), &f->dir);
        if (r == 0 && access(buf_str(&f->dir), X_OK) != 0)
                r = err(ERR_NOCRED, "%s/%.*s is not enrolled", n->agent, (int)n->label.len, (const char *)n->label.ptr);
        return r == 0 ? read_status(f) : r;
}

int credfiles_find(const struct conf *c, const struct key_name *n, struct credfiles *ret)
{
        struct credfiles f = { 0 };
        int r;

        r = find(c, n, &f);
        if (r != 0) {
                credfiles_clear(&f);
                return r;
        }
        *ret = f;
        return 0;
}

int credfiles_path(const struct credfiles *f, const char *name, struct buf *ret)
{
        return ended(buf_printf(ret, "%.*s/%s", (int)f->dir.len, (const char *)f->dir.ptr, name), ret);
}

bool credfiles_has(const struct credfiles *f, const char *name)
{
        CLEANUP(buf_clear) struct buf path = { 0 };

        return credfiles_path(f, name, &path) == 0 && access(buf_str(&path), R_OK) == 0;
}

int credfiles_need(const struct credfiles *f, const char *name, const char *what, struct buf *ret)
{
        if (!credfiles_has(f, name))
                return err(ERR_NOCRED, "the issuer gave %s no %s: its profile does not ask for one", f->agent, what);
        return credfiles_path(f, name, ret);
}

int credfiles_live(const struct credfiles *f)
{
        CLEANUP(buf_clear) struct buf end = { 0 };
        int r;

        if (f->not_after == 0 || time(NULL) < (time_t)f->not_after)
                return 0;
        r = ended(credfiles_when(f->not_after, &end), &end);
        if (r != 0)
                return r;
        return err(ERR_NOCRED, "the credentials of %s have ended at %s%s%.*s", f->agent, buf_str(&end), f->last_error.len > 0 ? ", and could not be renewed: " : "",
                   (int)f->last_error.len, (const char *)f->last_error.ptr);
}
