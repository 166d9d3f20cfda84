/* SPDX-License-Identifier: BSD-2-Clause */
/* Which verb is meant, and with what? */
#include "issuer/args.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "config.h"
#include "lib/buf.h"
#include "lib/err.h"

#define CONF_FILE "/etc/holdfast/issuer.conf"

const char *args_nth(const struct args *a, const char *name, size_t i)
{
        for (size_t j = 0; j < a->n_options; j++)
                if (strcmp(a->option[j].name, name) == 0 && i-- == 0)
                        return a->option[j].value;
        return NULL;
}

const char *args_value(const struct args *a, const char *name)
{
        return args_nth(a, name, 0);
}

bool args_flag(const struct args *a, const char *name)
{
        return args_value(a, name) != NULL;
}

const char *args_conf(const struct args *a)
{
        const char *path = args_value(a, "conf");

        if (path == NULL)
                path = getenv("HOLDFAST_ISSUER_CONF");
        return path != NULL ? path : CONF_FILE;
}

int args_seconds(const char *text, unsigned long *ret)
{
        static const struct {
                char unit;
                unsigned long seconds;
        } units[] = { { '\0', 1 }, { 's', 1 }, { 'm', 60 }, { 'h', 60 * 60 }, { 'd', 24 * 60 * 60 } };
        char *end;
        unsigned long n = strtoul(text, &end, 10);

        if (text[0] < '0' || text[0] > '9' || n > 1000000000 || (end[0] != '\0' && end[1] != '\0'))
                return err(ERR_INVAL, "%s: no time such as 90, 15m, 8h or 2d", text);
        for (size_t i = 0; i < ARRAY_LEN(units); i++)
                if (units[i].unit == end[0]) {
                        *ret = n * units[i].seconds;
                        return 0;
                }
        return err(ERR_INVAL, "%s: no time such as 90, 15m, 8h or 2d", text);
}

/* --- Help --- */

static void print_options(const struct arg_option *o)
{
        char left[64];

        for (; o != NULL && o->name != NULL; o++) {
                snprintf(left, sizeof(left), "--%s%s%s", o->name, o->value != NULL ? " " : "", o->value != NULL ? o->value : "");
                printf("  %-28s %s\n", left, o->help);
        }
}

static void print_help(void)
{
        printf("Usage: holdfast-issuer VERB [OPTIONS] [ARGUMENTS]\n\nGives agents whose keys are in hardware their short-lived credentials.\n\n");
        for (const struct verb *v = args_verbs; v->name != NULL; v++) {
                char left[64];

                snprintf(left, sizeof(left), "%s%s%s", v->name, v->args[0] != '\0' ? " " : "", v->args);
                printf("  %-28s %s\n", left, v->help);
        }
        printf("\n");
        print_options(args_everywhere);
        printf("\nholdfast-issuer VERB --help tells of its options, holdfast-issuer(8) of all.\n");
}

static void print_verb_help(const struct verb *v)
{
        printf("Usage: holdfast-issuer %s [OPTIONS]%s%s\n\n%s.\n\n", v->name, v->args[0] != '\0' ? " " : "", v->args, v->help);
        print_options(v->options);
        print_options(args_everywhere);
}

/* --- Parsing --- */

static const struct arg_option *find(const struct arg_option *o, const char *name, size_t len)
{
        for (; o != NULL && o->name != NULL; o++)
                if (strlen(o->name) == len && memcmp(o->name, name, len) == 0)
                        return o;
        return NULL;
}

/* How many words of argv are this verb's name. */
static int words_of(const struct verb *v, int argc, char **argv)
{
        const char *space = strchr(v->name, ' ');
        size_t first = space != NULL ? (size_t)(space - v->name) : strlen(v->name);

        if (argc < 1 || strlen(argv[0]) != first || memcmp(argv[0], v->name, first) != 0)
                return 0;
        if (space == NULL)
                return 1;
        return argc > 1 && strcmp(argv[1], space + 1) == 0 ? 2 : 0;
}

static int find_verb(int argc, char **argv, const struct verb **ret)
{
        for (const struct verb *v = args_verbs; v->name != NULL; v++) {
                int n = words_of(v, argc, argv);

                if (n > 0) {
                        *ret = v;
                        return n;
                }
        }
        return 0;
}

/* Whatever begins with two hyphens. Takes the next word for its value if it has none behind "=". */
static int take_option(struct args *a, const char *word, const char *next, bool *ret_took)
{
        const char *name = word + 2, *equals = strchr(name, '=');
        size_t len = equals != NULL ? (size_t)(equals - name) : strlen(name);
        const struct arg_option *o = find(a->verb->options, name, len);

        if (o == NULL)
                o = find(args_everywhere, name, len);
        if (o == NULL)
                return err(ERR_INVAL, "%s: there is no such option", word);
        if (o->value == NULL && equals != NULL)
                return err(ERR_INVAL, "%s: --%s takes no value", word, o->name);
        if (o->value != NULL && equals == NULL && next == NULL)
                return err(ERR_INVAL, "--%s: %s is missing", o->name, o->value);
        if (a->n_options == ARGS_OPTIONS_MAX)
                return err(ERR_INVAL, "more than %d options", ARGS_OPTIONS_MAX);
        *ret_took = o->value != NULL && equals == NULL;
        a->option[a->n_options].name = o->name;
        a->option[a->n_options++].value = o->value == NULL ? "" : equals != NULL ? equals + 1 : next;
        return 0;
}

static int take_word(struct args *a, const char *word)
{
        if (a->n_args == ARGS_MAX || a->n_args == a->verb->max)
                return err(ERR_INVAL, "%s: that is one argument too many", word);
        a->arg[a->n_args++] = word;
        return 0;
}

static bool is_any(const char *word, const char *a, const char *b)
{
        return strcmp(word, a) == 0 || strcmp(word, b) == 0;
}

int args_parse(int argc, char **argv, struct args *ret)
{
        bool took = false;
        int i, r = 0;

        *ret = (struct args){ 0 };
        if (argc > 1 && is_any(argv[1], "--version", "-V")) {
                printf("holdfast-issuer %s\n", PACKAGE_VERSION);
                return 1;
        }
        if (argc > 1 && (is_any(argv[1], "--help", "-h") || strcmp(argv[1], "help") == 0)) {
                print_help();
                return 1;
        }
        i = argc > 1 ? find_verb(argc - 1, argv + 1, &ret->verb) : 0;
        if (i == 0)
                return err(ERR_INVAL, "%s%sholdfast-issuer --help tells what there is", argc > 1 ? argv[1] : "", argc > 1 ? ": there is no such verb; " : "");
        for (i++; r == 0 && i < argc; i += 1 + took) {
                took = false;
                if (is_any(argv[i], "--help", "-h")) {
                        print_verb_help(ret->verb);
                        return 1;
                }
                r = argv[i][0] == '-' && argv[i][1] == '-' ? take_option(ret, argv[i], i + 1 < argc ? argv[i + 1] : NULL, &took) : take_word(ret, argv[i]);
        }
        if (r == 0 && ret->n_args < ret->verb->min)
                r = err(ERR_INVAL, "%s: %s is missing", ret->verb->name, ret->verb->args);
        return r;
}
