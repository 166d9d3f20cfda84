/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes the list of SSH certificates that are no longer good. */
#include "issuer/krl.h"
#include <stdlib.h>
#include <string.h>
#include "lib/err.h"
#include "lib/ssh.h"

#define MAGIC 0x5353484b524c0a00        /* "SSHKRL\n\0" */
enum {
        FORMAT = 1,
        SECTION_CERTIFICATES = 1,
        SERIAL_LIST = 0x20,
        KEY_IDS = 0x23,
};

static int by_number(const void *a, const void *b)
{
        const uint64_t *x = a, *y = b;

        return (*x > *y) - (*x < *y);
}

static int put_section(struct buf *out, uint8_t type, struct bytes content)
{
        int r = buf_append_u8(out, type);

        return r == 0 ? ssh_put_string(out, content) : r;
}

/* Sorted, as PROTOCOL.krl wants them. */
static int put_serials(struct buf *out, const struct krl *k)
{
        CLEANUP(buf_clear) struct buf list = { 0 };
        CLEANUP(free_ptr) uint64_t *sorted = NULL;
        int r = 0;

        if (k->n_serials == 0)
                return 0;
        sorted = calloc(k->n_serials, sizeof(*sorted));
        if (sorted == NULL)
                return err(ERR_NOMEM, "out of memory");
        memcpy(sorted, k->serials, k->n_serials * sizeof(*sorted));
        qsort(sorted, k->n_serials, sizeof(*sorted), by_number);
        for (size_t i = 0; r == 0 && i < k->n_serials; i++) {
                if (sorted[i] == 0)
                        r = err(ERR_INVAL, "no SSH certificate has the serial number 0");
                else if (i == 0 || sorted[i] != sorted[i - 1])
                        r = ssh_put_u64(&list, sorted[i]);
        }
        return r == 0 ? put_section(out, SERIAL_LIST, BYTES_OF(&list)) : r;
}

static int put_key_ids(struct buf *out, const struct krl *k)
{
        CLEANUP(buf_clear) struct buf list = { 0 };
        int r = 0;

        for (size_t i = 0; r == 0 && i < k->key_ids.n; i++)
                r = k->key_ids.v[i].len > 0 ? ssh_put_string(&list, k->key_ids.v[i]) : err(ERR_INVAL, "an empty key id to be revoked");
        return r == 0 && list.len > 0 ? put_section(out, KEY_IDS, BYTES_OF(&list)) : r;
}

static int put_head(struct buf *out, const struct krl *k)
{
        int r = ssh_put_u64(out, MAGIC);

        if (r == 0)
                r = buf_append_u32(out, FORMAT);
        if (r == 0)
                r = ssh_put_u64(out, k->version);
        if (r == 0)
                r = ssh_put_u64(out, k->now);
        if (r == 0)
                r = ssh_put_u64(out, 0);                        /* flags */
        if (r == 0)
                r = ssh_put_string(out, BYTES(NULL, 0));        /* reserved */
        return r == 0 ? ssh_put_string(out, BYTES_STR("holdfast")) : r;
}

static int put_ca(struct buf *out, const struct ca_key *ca, const struct krl *k)
{
        CLEANUP(buf_clear) struct buf certs = { 0 };
        size_t empty;
        int r;

        r = ssh_put_string(&certs, ca_key_ssh(ca));
        if (r == 0)
                r = ssh_put_string(&certs, BYTES(NULL, 0));     /* reserved */
        empty = certs.len;
        if (r == 0)
                r = put_serials(&certs, k);
        if (r == 0)
                r = put_key_ids(&certs, k);
        return r == 0 && certs.len > empty ? put_section(out, SECTION_CERTIFICATES, BYTES_OF(&certs)) : r;
}

int krl_write(const struct ca_key *const *cas, size_t n, const struct krl *k, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf all = { 0 };
        int r = put_head(&all, k);

        for (size_t i = 0; r == 0 && i < n; i++)
                r = put_ca(&all, cas[i], k);
        if (r == 0)
                buf_take(&all, ret);
        return r;
}
