/* SPDX-License-Identifier: BSD-2-Clause */
/* Finds the verb, its options and arguments in argv, and what to exit with in the end. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "lib/buf.h"
#include "tools/cli.h"

static const struct cli_verb *verb_find(const char *first, const char *second)
{
        const struct cli_verb *v;
        size_t len = strlen(first);

        for (size_t i = 0; (v = cli_verb_at(i)) != NULL; ++i) {
                if (strncmp(v->name, first, len) != 0)
                        continue;
                if (v->name[len] == 0 && second == NULL)
                        return v;
                if (v->name[len] == ' ' && second != NULL && strcmp(v->name + len + 1, second) == 0)
                        return v;
        }
        return NULL;
}

static bool family_is(const char *first)
{
        const struct cli_verb *v;
        size_t len = strlen(first);

        for (size_t i = 0; (v = cli_verb_at(i)) != NULL; ++i) {
                if (strncmp(v->name, first, len) == 0 && v->name[len] == ' ')
                        return true;
        }
        return false;
}

static const struct cli_option *option_find(const struct cli_option *o, const char *name, size_t len, char letter)
{
        for (; o != NULL && o->name != NULL; ++o) {
                if (letter != 0 ? o->letter == letter : strncmp(o->name, name, len) == 0 && o->name[len] == 0)
                        return o;
        }
        return NULL;
}

static const struct cli_option *global_find(const char *name, size_t len, char letter)
{
        const struct cli_option *o;

        for (size_t i = 0; (o = cli_global_at(i)) != NULL; ++i) {
                if (letter != 0 ? o->letter == letter : strncmp(o->name, name, len) == 0 && o->name[len] == 0)
                        return o;
        }
        return NULL;
}

static int give(struct cli *c, const struct cli_option *o, const char *value)
{
        if (c->n_given == CLI_GIVEN_MAX)
                return err(ERR_USAGE, "more than %d options", CLI_GIVEN_MAX);
        if (value != NULL && value[0] == 0)
                return err(ERR_USAGE, "--%s has an empty value", o->name);
        c->given[c->n_given].option = o;
        c->given[c->n_given].value = value;
        ++c->n_given;
        return 0;
}

/* "-qv"; what takes a value is the last letter: "-n 5", "-n5". The value takes *i one further. */
static int parse_letters(struct cli *c, int argc, char **argv, int *i)
{
        int r = 0;

        for (const char *p = argv[*i] + 1; r == 0 && *p != 0; ++p) {
                const struct cli_option *o = NULL;

                if (c->verb != NULL)
                        o = option_find(c->verb->options, "", 0, *p);
                if (o == NULL)
                        o = global_find("", 0, *p);
                if (o == NULL)
                        return err(ERR_USAGE, "there is no option -%c", *p);
                if (o->arg != NULL && p[1] != 0)
                        return give(c, o, p + 1);
                if (o->arg != NULL && *i + 1 >= argc)
                        return err(ERR_USAGE, "-%c needs %s behind it", *p, o->arg);
                r = give(c, o, o->arg != NULL ? argv[++*i] : NULL);
                if (o->arg != NULL)
                        break;
        }
        return r;
}

/* "--name", "--name=value", "--name value": the last takes *i one further. */
static int parse_long(struct cli *c, int argc, char **argv, int *i)
{
        const char *name = argv[*i] + 2, *value = strchr(name, '=');
        size_t len = value != NULL ? (size_t)(value - name) : strlen(name);
        const struct cli_option *o = NULL;

        if (c->verb != NULL)
                o = option_find(c->verb->options, name, len, 0);
        if (o == NULL)
                o = global_find(name, len, 0);
        if (o == NULL)
                return err(ERR_USAGE, "%s%s has no option --%.*s", c->verb != NULL ? "holdfast " : "holdfast",
                           c->verb != NULL ? c->verb->name : "", (int)len, name);
        if (o->arg == NULL)
                return value != NULL ? err(ERR_USAGE, "--%s takes no value", o->name) : give(c, o, NULL);
        if (value != NULL)
                return give(c, o, value + 1);
        if (*i + 1 >= argc)
                return err(ERR_USAGE, "--%s needs %s behind it", o->name, o->arg);
        return give(c, o, argv[++*i]);
}

/* A word that is no option: the verb, its second word, or an argument. */
static int parse_word(struct cli *c, char *word)
{
        if (c->verb != NULL) {
                c->args[c->n_args++] = word;
                return 0;
        }
        if (c->family == NULL) {
                c->verb = verb_find(word, NULL);
                if (c->verb == NULL && family_is(word))
                        c->family = word;
                if (c->verb == NULL && c->family == NULL)
                        return err(ERR_USAGE, "there is no verb %s", word);
                return 0;
        }
        c->verb = verb_find(c->family, word);
        return c->verb != NULL ? 0 : err(ERR_USAGE, "there is no verb %s %s", c->family, word);
}

static int check(const struct cli *c)
{
        const struct cli_verb *v = c->verb;

        if (v == NULL && c->family != NULL)
                return err(ERR_USAGE, "holdfast %s needs a verb behind it", c->family);
        if (v == NULL)
                return err(ERR_USAGE, "no verb is given");
        if (c->n_args < v->min)
                return err(ERR_USAGE, "holdfast %s needs %s", v->name, v->args);
        if (c->n_args > v->max)
                return err(ERR_USAGE, "holdfast %s does not know what to do with %s", v->name, c->args[v->max]);
        if (cli_flag(c, "dry-run") && !(v->flags & VERB_WRITES))
                return err(ERR_USAGE, "holdfast %s has no --dry-run, because it changes nothing of yours", v->name);
        if (cli_flag(c, "json") && (v->flags & VERB_NO_JSON))
                return err(ERR_USAGE, "holdfast %s has no --json", v->name);
        return 0;
}

int cli_parse(int argc, char **argv, struct cli *ret)
{
        int r = 0;
        bool rest = false;

        /* Arguments move to the front of argv: never past the place that is being read. */
        ret->args = argv;
        for (int i = 1; r == 0 && i < argc; ++i) {
                char *word = argv[i];

                if (rest || word[0] != '-' || word[1] == 0)
                        r = parse_word(ret, word);
                else if (strcmp(word, "--") == 0)
                        rest = true;
                else if (word[1] == '-')
                        r = parse_long(ret, argc, argv, &i);
                else
                        r = parse_letters(ret, argc, argv, &i);
                if (ret->n_args > 0 && ret->verb->flags & VERB_COMMAND)
                        rest = true;
        }
        /* The verb was a word too, so there is room. */
        if (ret->n_args > 0)
                ret->args[ret->n_args] = NULL;
        if (r != 0 || cli_flag(ret, "help"))
                return r;
        return check(ret);
}

unsigned cli_count(const struct cli *c, const char *option)
{
        unsigned n = 0;

        for (size_t i = 0; i < c->n_given; ++i)
                n += strcmp(c->given[i].option->name, option) == 0;
        return n;
}

bool cli_flag(const struct cli *c, const char *option)
{
        return cli_count(c, option) > 0;
}

const char *cli_value_at(const struct cli *c, const char *option, unsigned i)
{
        for (size_t k = 0; k < c->n_given; ++k) {
                if (strcmp(c->given[k].option->name, option) == 0 && i-- == 0)
                        return c->given[k].value;
        }
        return NULL;
}

const char *cli_value(const struct cli *c, const char *option)
{
        unsigned n = cli_count(c, option);

        return n > 0 ? cli_value_at(c, option, n - 1) : NULL;
}

const char *cli_arg(const struct cli *c, size_t i)
{
        return i < c->n_args ? c->args[i] : NULL;
}

/* Our own codes, with what err_name() and err_hint() have for the others. */
static const struct {
        int err;
        const char *name, *hint;
} own_errors[] = {
        { ERR_USAGE, "ERR_USAGE", "`holdfast help` lists verbs and options." },
        { ERR_MISMATCH, "ERR_MISMATCH", NULL },
        { ERR_NOFILE, "ERR_NOFILE", NULL },
        { ERR_SWTPM, "ERR_SWTPM", "Install it; on Debian: apt install swtpm." },
        { ERR_DAEMON, "ERR_DAEMON", "Start it: systemctl start holdfastd, or holdfastd as the user whose store it is." },
        { ERR_NOCRED, "ERR_NOCRED", "`holdfast enroll AGENT` gets credentials, `holdfast enrolled` says which there are and why one was not renewed." },
        { ERR_CONF, "ERR_CONF", "See `man holdfast.conf`." },
};

const char *cli_err_name(int r)
{
        for (size_t i = 0; i < ARRAY_LEN(own_errors); ++i) {
                if (own_errors[i].err == r)
                        return own_errors[i].name;
        }
        return err_name(r);
}

const char *cli_err_hint(int r)
{
        for (size_t i = 0; i < ARRAY_LEN(own_errors); ++i) {
                if (own_errors[i].err == r)
                        return own_errors[i].hint;
        }
        return err_hint(r);
}

int cli_exit_status(int r)
{
        switch (r) {
        case ERR_USAGE:
                return EXIT_USAGE;
        case ERR_NOFILE:
        case ERR_NOCRED:
                return EXIT_NOT_FOUND;
        case ERR_SWTPM:
        case ERR_DAEMON:
                return EXIT_HARDWARE;
        case ERR_MISMATCH:
                return EXIT_VERIFY;
        default:
                return r >= 0 ? r : err_exit_status(r);
        }
}

const struct cli_exit *cli_exit_at(size_t i)
{
        static const struct cli_exit rows[] = {
                { EXIT_SUCCESS, "done" },
                { EXIT_FAILURE, "something else went wrong" },
                { EXIT_USAGE, "the command is written wrongly" },
                { EXIT_NOT_FOUND, "there is no such agent, key, credential, file or store" },
                { EXIT_DENIED, "denied, by the system's rights or by a wrong PIN or authorisation" },
                { EXIT_HARDWARE, "the TPM is absent, does not answer, is locked or full" },
                { EXIT_VERIFY, "verification failed: not this TPM's store, key, certificate or log" },
        };

        return i < ARRAY_LEN(rows) ? &rows[i] : NULL;
}

/* The environment is how the configuration is overruled, also in programs that we start. */
int cli_conf(const struct cli *c, struct conf *ret)
{
        const char *store = cli_value(c, "store"), *tcti = cli_value(c, "tcti");
        CLEANUP(buf_clear) struct buf path = { 0 };
        int r = 0;

        if (store != NULL && store[0] != '/') {
                CLEANUP(free_ptr) char *cwd = getcwd(NULL, 0);

                r = cwd == NULL ? err_errno("cannot find the current directory") : buf_printf(&path, "%s/", cwd);
        }
        if (r == 0 && store != NULL)
                r = buf_append_str(&path, store);
        if (r != 0)
                return r;
        if ((store != NULL && setenv("HOLDFAST_STORE", buf_str(&path), 1) != 0) ||
            (tcti != NULL && setenv("HOLDFAST_TCTI", tcti, 1) != 0))
                return err(ERR_NOMEM, "out of memory");
        r = conf_load(ret);
        return r == ERR_FORMAT || r == ERR_PERM || r == ERR_NOENT ? ERR_CONF : r;
}
