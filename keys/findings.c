/* SPDX-License-Identifier: BSD-2-Clause */
/* Keeps the lines of `doctor`. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "keys/findings.h"
#include "lib/err.h"

static int nomem(void)
{
        return err(ERR_NOMEM, "out of memory");
}

static void finding_clear(struct finding *f)
{
        free(f->subject);
        free(f->text);
        free(f->mend);
}

void findings_clear(struct findings *f)
{
        for (size_t i = 0; i < f->n; i++)
                finding_clear(&f->list[i]);
        free(f->list);
        *f = (struct findings){ 0 };
}

/* Names out of the store may hold anything; a terminal gets what is printable. */
static void make_printable(char *s)
{
        for (; *s; s++)
                if ((unsigned char)*s < 0x20 || *s == 0x7f)
                        *s = '?';
}

int finding_add(struct findings *f, int level, const char *subject, const char *mend, const char *fmt, ...)
{
        struct finding line = { .level = (__typeof__(line.level))level }, *list;
        va_list ap;
        int n;

        va_start(ap, fmt);
        n = vasprintf(&line.text, fmt, ap);
        va_end(ap);
        if (n < 0)
                return nomem();
        line.subject = strdup(subject);
        line.mend = mend ? strdup(mend) : NULL;
        list = realloc(f->list, (f->n + 1) * sizeof(*list));
        if (list)
                f->list = list;
        if (!list || !line.subject || (mend && !line.mend)) {
                finding_clear(&line);
                return nomem();
        }
        make_printable(line.subject);
        make_printable(line.text);
        f->list[f->n++] = line;
        return 0;
}

/* err_hint(), but where that would send the reader here. */
static const char *hint(int code)
{
        static const struct { int code; const char *mend; } rows[] = {
                { ERR_PERM, "Work as the user whom it belongs to, or name a store of your own by HOLDFAST_STORE or --store." },
                { ERR_TIMEOUT, "Try again; if it stays like this, look what else keeps the TPM busy." },
                { ERR_TPM, "HOLDFAST_TPM_TRACE=FILE writes down what the TPM was asked." },
                { ERR_NODEV, "Name the TPM by HOLDFAST_TCTI or in holdfast.conf; `holdfast dev` starts one in software." },
                { ERR_FULL, "Another program keeps the TPM full: end it, or reach the TPM through /dev/tpmrm0." },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                if (rows[i].code == code)
                        return rows[i].mend;
        return err_hint(code);
}

int finding_add_error(struct findings *f, int level, const char *subject, int code, const char *mend)
{
        return finding_add(f, level, subject, mend ? mend : hint(code), "%s", err_text()[0] ? err_text() : err_name(code));
}
