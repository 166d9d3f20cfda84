/* SPDX-License-Identifier: BSD-2-Clause */
/* holdfast completion, version and help. */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include "tools/module.h"
#include "tools/text.h"

int cmd_completion(struct cli *c)
{
        const char *shell = cli_arg(c, 0);

        if (cli_flag(c, "dump") == (shell != NULL))
                return err(ERR_USAGE, "give a shell's name, or --dump");
        if (shell == NULL)
                cli_dump(stdout);
        else if (strcmp(shell, "bash") == 0)
                cli_completion_bash(stdout);
        else
                return err(ERR_USAGE, "there is a completion script for bash only");
        return 0;
}

int cmd_version(struct cli *c)
{
        CLEANUP(buf_clear) struct buf module = { 0 };
        int r;

        r = module_path(&module);
        if (r != 0)
                return r;
        if (cli_flag(c, "json"))
                return print_json("version", json_pack("{s:s, s:s}", "version", PACKAGE_VERSION, "module", buf_str(&module)));
        printf("holdfast %s\n", PACKAGE_VERSION);
        if (cli_flag(c, "verbose"))
                print_field("Module", "%s", buf_str(&module));
        return 0;
}

int cmd_help(struct cli *c)
{
        const struct cli_verb *v;
        char name[64];

        if (c->n_args == 0) {
                cli_help(stdout, NULL, NULL);
                return 0;
        }
        snprintf(name, sizeof name, "%s%s%s", cli_arg(c, 0), c->n_args > 1 ? " " : "", c->n_args > 1 ? cli_arg(c, 1) : "");
        for (size_t i = 0; (v = cli_verb_at(i)) != NULL; ++i) {
                size_t len = strlen(name);

                if (strcmp(v->name, name) == 0) {
                        cli_help(stdout, v, NULL);
                        return 0;
                }
                if (strncmp(v->name, name, len) == 0 && v->name[len] == ' ') {
                        cli_help(stdout, NULL, name);
                        return 0;
                }
        }
        return err(ERR_USAGE, "there is no verb %s", name);
}
