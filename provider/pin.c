/* SPDX-License-Identifier: BSD-2-Clause */
/* Who tells the PIN? The URI, a file, the configuration, or the program's user; each PIN is for one token. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <stdio.h>
#include <string.h>
#include "lib/err.h"
#include "lib/file.h"
#include "provider/object.h"

#define PIN_FILE_MAX 1024
#define PIN_MAX 256

/* pin-source is a path or a file: URI (RFC 8089); a PIN ends at the line's end. */
static int read_pin(const struct provider *p, const char *source, struct buf *ret)
{
        CLEANUP(close_fd) int fd = -1;
        const char *path = source;
        size_t len = 0;

        if (strncmp(path, "file:", 5) == 0)
                path += strncmp(path + 5, "//", 2) == 0 ? 7 : 5;
        if (path[0] != '/')
                return raise_reason(p, REASON_PIN, "pin-source is neither an absolute path nor file: with one");
        /* Links are followed: that is how secrets are mounted. */
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0)
                return raise_reason(p, REASON_PIN, "cannot read the PIN from %s: %s", path, strerror(errno));
        if (file_read_fd(fd, path, PIN_FILE_MAX, ret) != 0)
                return raise_reason(p, REASON_PIN, "cannot read the PIN: %s", err_text());
        while (len < ret->len && ret->ptr[len] != '\n' && ret->ptr[len] != '\r')
                len++;
        ret->len = len;
        return len > 0 ? 1 : raise_reason(p, REASON_PIN, "there is no PIN in the first line of %s", path);
}

int pin_told(const struct provider *p, const struct uri *u, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf source = { 0 };

        if (u->pin_value.ptr) {
                if (buf_set(ret, BYTES_OF(&u->pin_value)) != 0 || buf_reserve(ret, 1) != 0)
                        return raise_reason(p, REASON_MEMORY, "out of memory");
                return 1;
        }
        if (!u->pin_source.ptr)
                return p->pin_source ? read_pin(p, p->pin_source, ret) : 1;
        if (buf_set(&source, BYTES_OF(&u->pin_source)) != 0 || !buf_str(&source))
                return raise_reason(p, REASON_MEMORY, "out of memory");
        return read_pin(p, buf_str(&source), ret);
}

struct wanting {
        unsigned tokens;
        char prompt[64];        /* for the last of them */
};

static int wants_login(const struct token *t, void *ctx)
{
        struct wanting *w = ctx;
        CK_SESSION_INFO info;
        CK_SESSION_HANDLE s;
        int len = sizeof(t->info.label);

        if (!(t->info.flags & CKF_LOGIN_REQUIRED) || token_session(t, false, &s) != CKR_OK)
                return 0;
        while (len > 0 && t->info.label[len - 1] == ' ')
                len--;
        /* The program may have logged in itself. */
        if (t->functions->C_GetSessionInfo(s, &info) == CKR_OK && (info.state == CKS_RO_PUBLIC_SESSION || info.state == CKS_RW_PUBLIC_SESSION)) {
                w->tokens++;
                snprintf(w->prompt, sizeof(w->prompt), "PIN of the token %.*s", len, (const char *)t->info.label);
        }
        session_give(t->module, t->slot, s, CKR_OK);
        return 0;
}

int pin_ask(struct provider *p, struct uri *u, const struct asking *ask)
{
        struct wanting want = { 0 };
        OSSL_PARAM params[] = { OSSL_PARAM_utf8_string(OSSL_PASSPHRASE_PARAM_INFO, want.prompt, sizeof(want.prompt)), OSSL_PARAM_END };
        char pin[PIN_MAX];
        size_t len = 0;
        bool told;
        int r;

        if (!ask->callback || u->pin_value.ptr || u->pin_source.ptr || p->pin_source)
                return 1;
        /* What is wrong here, the search will say. */
        ERR_set_mark();
        told = tokens_each(p, u, wants_login, &want) && want.tokens == 1 && ask->callback(pin, sizeof(pin), &len, params, ask->arg) && len > 0 &&
               len <= sizeof(pin);
        ERR_pop_to_mark();
        r = told ? buf_set(&u->pin_value, BYTES(pin, len)) : 0;
        wipe(pin, sizeof(pin));
        return r == 0 || raise_reason(p, REASON_MEMORY, "out of memory");
}
