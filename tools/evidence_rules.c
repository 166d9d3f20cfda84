/* SPDX-License-Identifier: BSD-2-Clause */
/* What must evidence show to be accepted: a policy with all that it points to, from options or files. */
#include <stdlib.h>
#include <string.h>
#include "lib/file.h"
#include "tools/cert.h"
#include "tools/evidence.h"
#include "tools/readfile.h"
#include "tools/text.h"

#define DIGEST_MAX 64
#define IMA_PCR 10
#define FIRMWARE_PCRS 0xffu    /* 0 to 7 */

static int out_of_memory(void)
{
        return err(ERR_NOMEM, "out of memory");
}

void evidence_rules_clear(struct evidence_rules *r)
{
        for (size_t i = 0; i < r->n_kept; i++)
                buf_clear(&r->kept[i]);
        free(r->kept);
        free(r->files);
        firmware_list_clear(&r->denied);
        *r = (struct evidence_rules){ 0 };
}

int evidence_rules_keep(struct evidence_rules *r, struct buf *from, struct hf_bytes *ret)
{
        struct buf *kept = r->kept;

        /* By powers of two. */
        if ((r->n_kept & (r->n_kept - 1)) == 0) {
                kept = realloc(kept, (r->n_kept == 0 ? 1 : 2 * r->n_kept) * sizeof(*kept));
                if (!kept)
                        return out_of_memory();
                r->kept = kept;
        }
        kept[r->n_kept] = (struct buf){ 0 };
        buf_take(from, &kept[r->n_kept]);
        *ret = (struct hf_bytes){ kept[r->n_kept].ptr, kept[r->n_kept].len };
        r->n_kept++;
        return 0;
}

static int keep_hex(struct evidence_rules *r, const char *what, const char *hex, struct hf_bytes *ret)
{
        CLEANUP(buf_clear) struct buf octets = { 0 };

        /* An empty one would demand nothing. */
        if (hex_decode(hex, strlen(hex), &octets) != 0 || octets.len == 0)
                return err(ERR_INVAL, "%s is hexadecimal, and not \"%s\"", what, hex);
        return evidence_rules_keep(r, &octets, ret);
}

int evidence_rules_key(struct evidence_rules *r, const char *name_hex, enum hf_assurance a)
{
        struct hf_known_key *k = &r->keys[r->policy.n_known_keys];
        int e;

        if (r->policy.n_known_keys == RULES_KEYS_MAX)
                return err(ERR_RANGE, "more than %d known keys", RULES_KEYS_MAX);
        e = keep_hex(r, "the Name of an attestation key", name_hex, &k->name);
        if (e != 0)
                return e;
        k->assurance = a;
        r->policy.known_keys = r->keys;
        r->policy.n_known_keys++;
        return 0;
}

int evidence_rules_root(struct evidence_rules *r, const char *path, enum hf_assurance a)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        CLEANUP(buf_clear) struct buf der = { 0 };
        struct hf_root *root = &r->roots[r->policy.n_roots];
        int e;

        if (r->policy.n_roots == RULES_ROOTS_MAX)
                return err(ERR_RANGE, "more than %d roots", RULES_ROOTS_MAX);
        e = readfile(path, &text);
        if (e == 0)
                e = cert_decode(BYTES_OF(&text), &der);
        if (e == 0)
                e = evidence_rules_keep(r, &der, &root->certificate);
        if (e != 0)
                return e;
        root->assurance = a;
        r->policy.roots = r->roots;
        r->policy.n_roots++;
        return 0;
}

static int compare_digests(const void *a, const void *b)
{
        const struct hf_bytes *p = a, *q = b;

        if (p->len != q->len)
                return p->len < q->len ? -1 : 1;
        return memcmp(p->ptr, q->ptr, p->len);
}

/* The first word of a line. */
static int read_digest(const char *path, char *line, uint8_t *to, struct hf_bytes *ret)
{
        CLEANUP(buf_clear) struct buf digest = { 0 };
        const size_t len = strcspn(line, " \t\r");

        if (hex_decode(line, len, &digest) != 0 || digest.len == 0 || digest.len > DIGEST_MAX)
                return err(ERR_FORMAT, "%s has a line that begins with no digest: %.40s", path, line);
        memcpy(to, digest.ptr, digest.len);
        *ret = (struct hf_bytes){ to, digest.len };
        return 0;
}

/* The digests take the place of the text that they are read from, since none is longer than its digits. */
int evidence_rules_files(struct evidence_rules *r, const char *path)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        struct hf_bytes whole;
        size_t n = 0, lines = 1, to = 0;
        char *rest, *line;
        int e;

        e = readfile(path, &text);
        if (e == 0 && !buf_str(&text))
                e = out_of_memory();
        if (e == 0)
                e = evidence_rules_keep(r, &text, &whole);
        if (e != 0)
                return e;
        rest = (char *)r->kept[r->n_kept - 1].ptr;
        for (size_t i = 0; i < whole.len; i++)
                lines += rest[i] == '\n';
        free(r->files);
        r->files = calloc(lines, sizeof(*r->files));
        if (!r->files)
                return out_of_memory();
        while ((line = strsep(&rest, "\n")) != NULL) {
                if (line[0] == 0 || line[0] == '#')
                        continue;
                e = read_digest(path, line, r->kept[r->n_kept - 1].ptr + to, &r->files[n]);
                if (e != 0)
                        return e;
                to += r->files[n++].len;
        }
        qsort(r->files, n, sizeof(*r->files), compare_digests);
        /* Each once. */
        r->policy.n_ima_files = 0;
        for (size_t i = 0; i < n; i++)
                if (i == 0 || compare_digests(&r->files[i - 1], &r->files[i]) != 0)
                        r->files[r->policy.n_ima_files++] = r->files[i];
        r->policy.ima_files = r->files;
        return 0;
}

static int from_names(const struct cli *c, struct evidence_rules *r)
{
        const char *ek = cli_value(c, "ek-name"), *srk = cli_value(c, "srk-name"), *value;
        int e = 0;

        for (unsigned i = 0; e == 0 && (value = cli_value_at(c, "ak-name", i)) != NULL; i++)
                e = evidence_rules_key(r, value, HF_ASSURANCE_PINNED);
        for (unsigned i = 0; e == 0 && (value = cli_value_at(c, "root", i)) != NULL; i++)
                e = evidence_rules_root(r, value, HF_ASSURANCE_HARDWARE);
        if (e == 0 && ek != NULL)
                e = keep_hex(r, "the Name of an endorsement key", ek, &r->policy.ek_name);
        if (e == 0 && srk != NULL)
                e = keep_hex(r, "the Name of a parent", srk, &r->policy.srk_name);
        return e;
}

int evidence_rules_options(const struct cli *c, struct evidence_rules *ret)
{
        const char *pcrs = cli_value(c, "pcrs");
        struct hf_evidence_policy *p = &ret->policy;
        int e = from_names(c, ret);

        if (e == 0 && p->n_known_keys + p->n_roots == 0)
                e = err(ERR_USAGE, "say whom to believe: give --policy, --ak-name or --root");
        if (e == 0)
                e = pcr_hash_parse(cli_value(c, "pcr-hash"), &p->pcr_hash);
        if (e == 0 && pcrs != NULL)
                e = pcrs_parse(pcrs, &p->pcrs);
        if (e == 0 && p->pcrs == 0 && (cli_flag(c, "event-log") || cli_flag(c, "secure-boot") || cli_flag(c, "ima") || cli_flag(c, "host-only")))
                e = err(ERR_USAGE, "what is demanded of PCRs needs --pcrs");
        if (e != 0)
                return e;
        p->assurances = 1u << HF_ASSURANCE_PINNED | 1u << HF_ASSURANCE_HARDWARE;
        p->flags = (cli_flag(c, "host-only") ? 0 : HF_WANT_KEY) | (p->pcrs != 0 ? HF_WANT_HOST : 0) | (cli_flag(c, "secure-boot") ? HF_WANT_SECURE_BOOT : 0) |
                   (cli_flag(c, "clock-unsafe") ? HF_ALLOW_CLOCK_UNSAFE : 0);
        if (cli_flag(c, "event-log") || cli_flag(c, "secure-boot")) {
                p->replayed = p->pcrs & FIRMWARE_PCRS;
                if (p->replayed == 0)
                        return err(ERR_USAGE, "the event log explains PCRs 0 to 7, and none of them is in --pcrs");
        }
        if (cli_flag(c, "ima"))
                p->ima_pcr = 1u << IMA_PCR;
        return 0;
}

int evidence_file(const char *path, struct buf *ret)
{
        return readfile_most(path, HF_EVIDENCE_MAX, ret);
}
