/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the PKCS#11 module and the OpenSSL provider are that go with this command. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "lib/err.h"
#include "tools/module.h"

#define MODULE_NAME "libholdfast-pkcs11.so"
#define BUILD_PLACE "/../pkcs11/.libs/" MODULE_NAME
#define DAEMON_NAME "holdfastd"
#define DAEMON_BUILD_PLACE "/../daemon/" DAEMON_NAME
#define ISSUER_NAME "holdfast-issuer"
#define ISSUER_BUILD_PLACE "/../issuer/" ISSUER_NAME
#define PROVIDER_NAME "holdfast.so"
#define PROVIDER_BUILD_PLACE "/../provider/.libs/" PROVIDER_NAME

int module_build_dir(struct buf *ret)
{
        CLEANUP(buf_clear) struct buf path = { 0 };
        char exe[PATH_MAX];
        ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
        char *slash;
        int r;

        if (n <= 0)
                return err(ERR_NOENT, "the command does not know where it is");
        exe[n] = 0;
        slash = strrchr(exe, '/');
        *(slash != NULL ? slash : exe) = 0;
        r = buf_printf(&path, "%s" BUILD_PLACE, exe);
        if (r == 0 && access(buf_str(&path), R_OK) != 0)
                r = err(ERR_NOENT, "%s is not there", buf_str(&path));
        return r == 0 ? buf_printf(ret, "%s", exe) : r;
}

/* given, or what stands at build_place from this command, or the installed one. */
static int find(const char *given, const char *build_place, const char *installed, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf dir = { 0 }, raw = { 0 };
        char path[PATH_MAX];
        int r;

        if (given != NULL && given[0] != 0)
                return buf_append_str(ret, given);
        r = module_build_dir(&dir);
        if (r == ERR_NOENT)
                return buf_append_str(ret, installed);
        if (r == 0)
                r = buf_printf(&raw, "%s%s", buf_str(&dir), build_place);
        if (r == 0 && realpath(buf_str(&raw), path) == NULL)
                r = err_errno("cannot find %s beside the build", build_place);
        return r == 0 ? buf_append_str(ret, path) : r;
}

int module_path(struct buf *ret)
{
        return find(getenv("HOLDFAST_MODULE"), BUILD_PLACE, HF_P11MODULEDIR "/" MODULE_NAME, ret);
}

int module_provider_path(struct buf *ret)
{
        return find(getenv("HOLDFAST_PROVIDER"), PROVIDER_BUILD_PLACE, HF_OSSLMODULEDIR "/" PROVIDER_NAME, ret);
}

int module_daemon_path(struct buf *ret)
{
        return find(getenv("HOLDFAST_DAEMON"), DAEMON_BUILD_PLACE, HF_SBINDIR "/" DAEMON_NAME, ret);
}

int module_issuer_path(struct buf *ret)
{
        return find(getenv("HOLDFAST_ISSUER_PROGRAM"), ISSUER_BUILD_PLACE, HF_SBINDIR "/" ISSUER_NAME, ret);
}
