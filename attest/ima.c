/* SPDX-License-Identifier: BSD-2-Clause */
/* What PCR does this IMA list lead to, and what is on it? */
#include <string.h>
#include "attest/ima.h"
#include "lib/crypto.h"
#include "lib/err.h"
#include "lib/tpms.h"

#define SHA1_SIZE 20
#define TEMPLATE_MAX 32         /* octets of a template's name */
#define ENTRY_MAX 65536

static int bad(const char *what)
{
        return err(ERR_FORMAT, "IMA list: %s", what);
}

static bool is(struct bytes b, const char *text)
{
        return bytes_equal(b, BYTES_STR(text));
}

/* What a path, or a hash's name and digest, stands in: octets behind their length. */
static struct bytes get_part(struct tpms *r)
{
        return tpms_bytes(r, (uint32_t)tpms_little(r, 4));
}

/* "sha256:" NUL digest, then path NUL; more may follow. */
static bool read_template(struct bytes data, struct ima_entry *e)
{
        struct tpms r = TPMS(data);
        struct bytes digest = get_part(&r), path = get_part(&r);
        const uint8_t *colon = digest.len > 0 ? memchr(digest.ptr, ':', digest.len) : NULL;
        size_t name;

        if (r.bad || !colon || path.len < 1 || path.ptr[path.len - 1] != 0 || memchr(path.ptr, 0, path.len - 1))
                return false;
        name = (size_t)(colon - digest.ptr) + 1;
        if (name >= digest.len || digest.ptr[name] != 0)
                return false;
        e->digest = BYTES(digest.ptr + name + 1, digest.len - name - 1);
        e->path = BYTES(path.ptr, path.len - 1);
        return true;
}

/* The digest that was extended: of the template's data, in each bank; ones for a violation. */
static int extended(const struct hash *h, const struct ima_entry *e, struct bytes data, uint8_t *ret)
{
        if (e->violation) {
                memset(ret, 0xff, h->size);
                return 0;
        }
        return crypto_hash(h, &data, 1, ret);
}

static int replay_entry(struct tpms *r, unsigned pcr, const struct hash *h, struct ima_entry *e, uint8_t value[HASH_MAX])
{
        static const uint8_t zeros[SHA1_SIZE];
        uint8_t digest[HASH_MAX];
        struct bytes sha1, data;
        uint32_t of;
        int x;

        of = (uint32_t)tpms_little(r, 4);
        sha1 = tpms_bytes(r, SHA1_SIZE);
        e->template = get_part(r);
        data = get_part(r);
        if (r->bad)
                return bad("it ends in the middle of an entry");
        if (of != pcr)
                return bad("an entry is of another PCR");
        /* The oldest template has no length, and its digest is made in another way. */
        if (e->template.len == 0 || e->template.len > TEMPLATE_MAX || is(e->template, "ima") || data.len > ENTRY_MAX)
                return bad("an entry of a kind that is not read");
        e->violation = memcmp(sha1.ptr, zeros, sizeof(zeros)) == 0;
        if (!read_template(data, e))
                return bad("an entry without digest and path");
        x = extended(h, e, data, digest);
        return x != 0 ? x : crypto_hash(h, (const struct bytes[]){ BYTES(value, h->size), BYTES(digest, h->size) }, 2, value);
}

int ima_replay(struct bytes list, unsigned pcr, const struct hash *h, int (*see)(void *arg, const struct ima_entry *e), void *arg, struct ima *ret)
{
        struct tpms r = TPMS(list);
        struct ima out = { 0 };
        int x = 0;

        while (x == 0 && r.left.len > 0) {
                struct ima_entry e = { .number = out.entries };

                if (++out.entries > IMA_ENTRIES_MAX)
                        return bad("it has too many entries");
                x = replay_entry(&r, pcr, h, &e, out.pcr);
                if (x == 0)
                        x = see(arg, &e);
        }
        if (x == 0)
                *ret = out;
        return x;
}
