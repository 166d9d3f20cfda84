/* SPDX-License-Identifier: BSD-2-Clause */
/* Where does a test get evidence that a TPM made, and what does it take to accept it? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/file.h"
#include "tests/evidencefix.h"
#include "tests/tempdir.h"

#define FILE_MAX (64u << 10)

void evidencefix_text(const char *name, struct buf *ret)
{
        char path[128];
        FILE *f;

        snprintf(path, sizeof(path), "tests/vectors/evidence/%s", name);
        f = fopen(source_path(path), "rbe");
        if (!f || buf_reserve(ret, FILE_MAX) != 0)
                abort();
        ret->len = fread(ret->ptr, 1, FILE_MAX, f);
        if (ferror(f) || ret->len == FILE_MAX)
                abort();
        fclose(f);
}

void evidencefix_read(const char *name, struct buf *ret)
{
        char file[64];

        snprintf(file, sizeof(file), "%s.evidence", name);
        evidencefix_text(file, ret);
}

static void read_hex(const char *name, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf text = { 0 };

        evidencefix_text(name, &text);
        if (text.len == 0 || hex_decode((const char *)text.ptr, text.len - 1, ret) != 0)
                abort();
}

void evidencefix_start(struct evidencefix *f)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        struct hf_evidence_policy *p = &f->policy;
        size_t n = 0;
        char *line, *rest;

        *f = (struct evidencefix){ 0 };
        read_hex("challenge", &f->challenge);
        read_hex("srk-name", &f->srk_name);
        read_hex("ek-name", &f->ek_name);
        read_hex("key-policy", &f->key_policy);
        evidencefix_text("known", &text);
        if (!buf_str(&text))
                abort();
        rest = (char *)text.ptr;
        while ((line = strsep(&rest, "\n")) && *line) {
                if (n == EVIDENCEFIX_KEYS || hex_decode(line, strlen(line), &f->known[n]) != 0)
                        abort();
                f->known_keys[n] = (struct hf_known_key){ { f->known[n].ptr, f->known[n].len }, HF_ASSURANCE_SIMULATOR };
                n++;
        }
        p->challenge = (struct hf_bytes){ f->challenge.ptr, f->challenge.len };
        p->srk_name = (struct hf_bytes){ f->srk_name.ptr, f->srk_name.len };
        p->assurances = 1u << HF_ASSURANCE_SIMULATOR;
        p->known_keys = f->known_keys;
        p->n_known_keys = n;
        p->pcr_hash = 0x000b;
        p->pcrs = 0x4ff;
        p->replayed = 0xff;
        p->ima_pcr = 1u << 10;
        p->flags = HF_WANT_KEY | HF_WANT_HOST | HF_WANT_PROCESS | HF_WANT_SECURE_BOOT;
}

void evidencefix_stop(struct evidencefix *f)
{
        buf_clear(&f->challenge);
        buf_clear(&f->srk_name);
        buf_clear(&f->ek_name);
        buf_clear(&f->key_policy);
        for (size_t i = 0; i < EVIDENCEFIX_KEYS; i++)
                buf_clear(&f->known[i]);
}
