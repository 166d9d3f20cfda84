/* SPDX-License-Identifier: BSD-2-Clause */
/* What `holdfast help` and the manual's check print: the table as text. */
#include <string.h>
#include "audit/check.h"
#include "lib/buf.h"
#include "tools/cli.h"

static void print_option(FILE *f, const struct cli_option *o)
{
        char name[48];

        snprintf(name, sizeof name, "--%s%s%s", o->name, o->arg != NULL ? " " : "", o->arg != NULL ? o->arg : "");
        if (o->letter != 0)
                fprintf(f, "  -%c, %-20s %s\n", o->letter, name, o->help);
        else
                fprintf(f, "      %-20s %s\n", name, o->help);
}

static void print_globals(FILE *f)
{
        const struct cli_option *o;

        fprintf(f, "\nOptions of every verb:\n");
        for (size_t i = 0; (o = cli_global_at(i)) != NULL; ++i)
                print_option(f, o);
}

static bool in_family(const struct cli_verb *v, const char *family)
{
        size_t len = family != NULL ? strlen(family) : 0;

        return family == NULL || (strncmp(v->name, family, len) == 0 && v->name[len] == ' ');
}

static void help_all(FILE *f, const char *family)
{
        const struct cli_verb *v;

        fprintf(f, "Usage: holdfast [OPTIONS] VERB [ARGUMENTS]\n\n");
        if (family == NULL)
                fprintf(f, "Keys for software agents that live in a TPM and never leave it.\n\n");
        for (size_t i = 0; (v = cli_verb_at(i)) != NULL; ++i) {
                if (in_family(v, family))
                        fprintf(f, "  %-16s %s\n", v->name, v->help);
        }
        print_globals(f);
        fprintf(f, "\n`holdfast help VERB` says more about one; so does `man holdfast-VERB`.\n");
}

void cli_help(FILE *f, const struct cli_verb *v, const char *family)
{
        if (v == NULL) {
                help_all(f, family);
                return;
        }
        fprintf(f, "Usage: holdfast %s%s%s%s\n\nTo %s.\n", v->name, v->options != NULL ? " [OPTIONS]" : "",
                v->args[0] != 0 ? " " : "", v->args, v->help);
        if (v->options != NULL)
                fprintf(f, "\nOptions:\n");
        for (const struct cli_option *o = v->options; o != NULL && o->name != NULL; ++o)
                print_option(f, o);
        print_globals(f);
}

/* Options by a verb's first word, because `agent` and `key` have one page each. */
void cli_dump(FILE *f)
{
        const struct cli_option *o;
        const struct cli_verb *v;
        const struct conf_key *k;
        const struct cli_exit *e;

        for (size_t i = 0; (o = cli_global_at(i)) != NULL; ++i)
                fprintf(f, "option holdfast --%s\n", o->name);
        for (size_t i = 0; (v = cli_verb_at(i)) != NULL; ++i) {
                fprintf(f, "verb %s\n", v->name);
                for (o = v->options; o != NULL && o->name != NULL; ++o)
                        fprintf(f, "option %.*s --%s\n", (int)strcspn(v->name, " "), v->name, o->name);
        }
        for (size_t i = 0; (k = conf_key_at(i)) != NULL; ++i)
                fprintf(f, "config %s.%s\n", k->section, k->name);
        for (size_t i = 0; (e = cli_exit_at(i)) != NULL; ++i)
                fprintf(f, "exit %d\n", e->status);
        for (int fault = FAULT_RECORD; audit_fault_name((enum audit_fault)fault) != NULL; ++fault)
                fprintf(f, "fault %s\n", audit_fault_name((enum audit_fault)fault));
}
