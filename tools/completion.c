/* SPDX-License-Identifier: BSD-2-Clause */
/* The completion script for bash, made from the table of verbs. */
#include <string.h>
#include "lib/alg.h"
#include "lib/err.h"
#include "tools/cli.h"
#include "tools/program.h"

/* One line of the script's `case` on the verb: what may follow it. */
static void bash_verb(FILE *f, const struct cli_verb *v)
{
        fprintf(f, "        '%s') options='", v->name);
        for (const struct cli_option *o = v->options; o != NULL && o->name != NULL; ++o)
                fprintf(f, "--%s ", o->name);
        fprintf(f, "'; arguments='%s'", v->args);
        if (strncmp(v->args, "PROGRAM", 7) == 0) {
                fprintf(f, "; [ $n != 0 ] || words='");
                for (size_t i = 0; program_at(i) != NULL; ++i)
                        fprintf(f, "%s ", program_at(i)->name);
                fprintf(f, "'");
        }
        if (strcmp(v->args, "[SHELL]") == 0)
                fprintf(f, "; words=bash");
        fprintf(f, " ;;\n");
}

/* The options whose value is of one kind, as a pattern for `case`. */
static void bash_pattern(FILE *f, const char *arg)
{
        const struct cli_option *o;
        const struct cli_verb *v;

        for (size_t i = 0; (o = cli_global_at(i)) != NULL; ++i) {
                if (o->arg != NULL && strcmp(o->arg, arg) == 0)
                        fprintf(f, "--%s|", o->name);
        }
        for (size_t i = 0; (v = cli_verb_at(i)) != NULL; ++i) {
                for (o = v->options; o != NULL && o->name != NULL; ++o) {
                        if (o->arg != NULL && strcmp(o->arg, arg) == 0)
                                fprintf(f, "--%s|", o->name);
                }
        }
        fprintf(f, "%s", "=");
}

/* First words of verbs, each once, and the words behind `agent` and `key`. */
static void bash_words(FILE *f)
{
        const struct cli_verb *v;
        const char *last = "";

        fprintf(f, "        '') words='");
        for (size_t i = 0; (v = cli_verb_at(i)) != NULL; ++i) {
                size_t len = strcspn(v->name, " ");

                if (strncmp(last, v->name, len) != 0 || last[len] != ' ')
                        fprintf(f, "%.*s ", (int)len, v->name);
                last = v->name;
        }
        fprintf(f, "' ;;\n");
        for (size_t i = 0; (v = cli_verb_at(i)) != NULL; ++i) {
                size_t len = strcspn(v->name, " ");

                if (v->name[len] == 0 || (i > 0 && strncmp(cli_verb_at(i - 1)->name, v->name, len + 1) == 0))
                        continue;
                fprintf(f, "        %.*s) words='", (int)len, v->name);
                for (size_t k = i; cli_verb_at(k) != NULL && strncmp(cli_verb_at(k)->name, v->name, len + 1) == 0; ++k)
                        fprintf(f, "%s ", cli_verb_at(k)->name + len + 1);
                fprintf(f, "' ;;\n");
        }
}

static const char bash_head[] =
        "# bash completion for holdfast; made by `holdfast completion bash`\n"
        "\n"
        "# Names are strangers' text: compgen -W would expand what looks like a command in them.\n"
        "_holdfast_names()\n"
        "{\n"
        "    local name\n"
        "    while IFS= read -r name; do\n"
        "        case $name in \"$cur\"*) COMPREPLY+=(\"$(printf %q \"$name\")\") ;; esac\n"
        "    done < <(holdfast \"$@\" --names 2>/dev/null)\n"
        "}\n"
        "\n"
        "_holdfast()\n"
        "{\n"
        "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
        "    local verb='' words='' options='' arguments='' i n=0\n"
        "    COMPREPLY=()\n";

static const char bash_verb_of_line[] =
        "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
        "        case ${COMP_WORDS[i]} in -*) continue ;; esac\n"
        "        case $verb in\n"
        "            '') verb=${COMP_WORDS[i]} ;;\n"
        "            agent|key|audit) verb=\"$verb ${COMP_WORDS[i]}\" ;;\n"
        "            *) n=$((n + 1)) ;;\n"
        "        esac\n"
        "    done\n"
        "    case $verb in\n";

static const char bash_tail[] =
        "    case $cur in -*) COMPREPLY=($(compgen -W \"$options\" -- \"$cur\")); return ;; esac\n"
        "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
        "    case $arguments:$n in\n"
        "        AGENT:0|'[AGENT]':0) _holdfast_names agent list ;;\n"
        "        AGENT*:0|PROGRAM*:1) _holdfast_names key list ;;\n"
        "        FILE:0|*' FILE':1) COMPREPLY=($(compgen -f -- \"$cur\")) ;;\n"
        "    esac\n"
        "}\n"
        "complete -F _holdfast holdfast\n";

void cli_completion_bash(FILE *f)
{
        const struct cli_option *o;
        const struct cli_verb *v;
        const struct key_kind *k;

        fprintf(f, "%s    case $prev in\n        ", bash_head);
        bash_pattern(f, "FILE");
        fprintf(f, ") COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n        ");
        bash_pattern(f, "DIR");
        fprintf(f, ") COMPREPLY=($(compgen -d -- \"$cur\")); return ;;\n        ");
        bash_pattern(f, "KIND");
        fprintf(f, ") COMPREPLY=($(compgen -W '");
        for (size_t i = 0; (k = key_kind_at(i)) != NULL; ++i)
                fprintf(f, "%s ", k->name);
        fprintf(f, "' -- \"$cur\")); return ;;\n    esac\n%s", bash_verb_of_line);
        bash_words(f);
        for (size_t i = 0; (v = cli_verb_at(i)) != NULL; ++i)
                bash_verb(f, v);
        fprintf(f, "    esac\n    options=\"$options");
        for (size_t i = 0; (o = cli_global_at(i)) != NULL; ++i)
                fprintf(f, " --%s", o->name);
        fprintf(f, "\"\n%s", bash_tail);
}
