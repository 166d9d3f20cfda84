/* SPDX-License-Identifier: BSD-2-Clause */
/* Which certificates come, which stay, and which go? */
#include "enroll/follow.h"
#include "enroll/check.h"
#include "lib/err.h"
#include "lib/pem.h"
#include "lib/x509.h"

#define CERTIFICATES 16

struct certificates {
        struct buf der[CERTIFICATES];
        size_t n;
};

/* For CLEANUP(). */
static void certificates_clear(struct certificates *c)
{
        for (size_t i = 0; i < CERTIFICATES; i++)
                buf_clear(&c->der[i]);
}

static bool has(const struct certificates *c, const struct buf *der)
{
        for (size_t i = 0; i < c->n; i++)
                if (bytes_equal(BYTES_OF(&c->der[i]), BYTES_OF(der)))
                        return true;
        return false;
}

/* An earlier certificate of a CA that is still there under another key. */
static bool left_behind(const struct certificates *bundle, const struct buf *der)
{
        struct x509_parts old, now;

        if (has(bundle, der) || x509_parts(BYTES_OF(der), &old) != 0)
                return false;
        for (size_t i = 0; i < bundle->n; i++)
                if (x509_parts(BYTES_OF(&bundle->der[i]), &now) == 0 && bytes_equal(now.subject, old.subject))
                        return true;
        return false;
}

static int put(const struct buf *der, struct buf *pem)
{
        CLEANUP(buf_clear) struct buf one = { 0 };
        int r = pem_encode("CERTIFICATE", BYTES("", 0), BYTES_OF(der), &one);

        return r == 0 ? buf_append(pem, one.ptr, one.len) : r;
}

static int merge(const struct certificates *trusted, const struct certificates *bundle, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf pem = { 0 };
        bool ours = false, other = false;
        int r = 0;

        for (size_t i = 0; r == 0 && i < trusted->n; i++) {
                ours = ours || has(bundle, &trusted->der[i]);
                if (left_behind(bundle, &trusted->der[i]))
                        other = true;
                else
                        r = put(&trusted->der[i], &pem);
        }
        for (size_t i = 0; r == 0 && i < bundle->n; i++) {
                if (has(trusted, &bundle->der[i]))
                        continue;
                other = true;
                r = put(&bundle->der[i], &pem);
        }
        if (r == 0 && ours && other)
                buf_take(&pem, ret);
        return r;
}

int follow_ca(struct bytes trusted, const char *bundle, struct buf *ret)
{
        CLEANUP(certificates_clear) struct certificates old = { 0 }, new = { 0 };
        CLEANUP(buf_clear) struct buf text = { 0 };
        int r;

        buf_reset(ret);
        if (trusted.len == 0 || bundle == NULL)
                return 0;
        r = buf_set(&text, trusted);
        if (r != 0 || buf_str(&text) == NULL)
                return err(ERR_NOMEM, "out of memory");
        r = check_certificates(buf_str(&text), old.der, CERTIFICATES, &old.n);
        if (r == 0)
                r = check_certificates(bundle, new.der, CERTIFICATES, &new.n);
        /* A file of many, or with other text in it, is the operator's own to keep. */
        if (r != 0)
                return r == ERR_NOMEM ? r : 0;
        return merge(&old, &new, ret);
}
