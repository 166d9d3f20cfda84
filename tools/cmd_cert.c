/* SPDX-License-Identifier: BSD-2-Clause */
/* holdfast cert: an agent's certificates, from the files that the daemon keeps. */
#include <fcntl.h>
#include "lib/file.h"
#include "tools/credfiles.h"
#include "tools/text.h"

#define FILE_MAX (1u << 20)

static int print_file(const struct credfiles *f, const char *name, const char *what)
{
        CLEANUP(buf_clear) struct buf path = { 0 }, text = { 0 };
        int r;

        r = credfiles_need(f, name, what, &path);
        if (r == 0)
                r = file_read(AT_FDCWD, buf_str(&path), FILE_MAX, &text);
        if (r == 0)
                fwrite(text.ptr, 1, text.len, stdout);
        return r;
}

int cmd_cert(struct cli *c)
{
        static const struct {
                const char *option, *name, *what;
        } forms[] = {
                { "bundle", CRED_BUNDLE, "CA certificates" },
                { "ssh", CRED_SSH_CERT, "SSH certificate" },
                { "known-hosts", CRED_KNOWN_HOSTS, "SSH CA for hosts" },
        };
        CLEANUP(key_name_clear) struct key_name name = { 0 };
        CLEANUP(credfiles_clear) struct credfiles f = { 0 };
        CLEANUP(conf_clear) struct conf conf = { 0 };
        const char *file = CRED_CERT, *what = "X.509 certificate";
        unsigned n = 0;
        int r;

        for (size_t i = 0; i < ARRAY_LEN(forms); ++i) {
                if (cli_flag(c, forms[i].option)) {
                        file = forms[i].name;
                        what = forms[i].what;
                        ++n;
                }
        }
        if (n > 1)
                return err(ERR_USAGE, "choose one of --bundle, --ssh and --known-hosts");
        r = key_name_parse(cli_arg(c, 0), NULL, &name);
        if (r == 0)
                r = cli_conf(c, &conf);
        if (r == 0)
                r = credfiles_find(&conf, &name, &f);
        if (r == 0)
                r = credfiles_live(&f);
        return r == 0 ? print_file(&f, file, what) : r;
}
