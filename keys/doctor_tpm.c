/* SPDX-License-Identifier: BSD-2-Clause */
/* Says what is wrong with the TPM: is it there, may we use it, is it well. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "keys/findings.h"
#include "lib/err.h"

static const char no_device[] =
        "Switch the TPM on in the firmware setup and see `dmesg | grep -i tpm`; "
        "without a TPM, `holdfast dev` gives you a software one.";
static const char no_swtpm[] = "Start swtpm, or let `holdfast dev` do it.";

/* Who owns a file, in words, for the sentence about rights. */
static void owner_of(const struct stat *st, char *out, size_t size)
{
        const struct passwd *pw = getpwuid(st->st_uid);
        const struct group *gr = getgrgid(st->st_gid);

        snprintf(out, size, "owner %s, group %s, mode %04o", pw ? pw->pw_name : "unknown", gr ? gr->gr_name : "unknown",
                 (unsigned)(st->st_mode & 07777));
}

/* Into a group that is there for the TPM, as udev's rule has it; never into root's. */
static int no_rights(struct findings *f, const char *path, const struct stat *st)
{
        const struct passwd *pw;
        const struct group *gr;
        const char *user;
        char owner[160], mend[256];

        owner_of(st, owner, sizeof(owner));
        /* These stand where the owner's stood, so not before. */
        pw = getpwuid(geteuid());
        gr = getgrgid(st->st_gid);
        user = pw ? pw->pw_name : "USER";
        if (gr && st->st_gid != 0 && (st->st_mode & S_IRGRP) && (st->st_mode & S_IWGRP))
                snprintf(mend, sizeof(mend), "Run `sudo adduser %s %s`, then log in again.", user, gr->gr_name);
        else if (S_ISCHR(st->st_mode))
                snprintf(mend, sizeof(mend), "Install tpm-udev, which gives the device to group tss; run `sudo adduser %s tss`, then log in again.", user);
        else
                snprintf(mend, sizeof(mend), "Use a TPM of your own: `holdfast dev` starts one in software.");
        return finding_add(f, FINDING_FAIL, "Rights", mend, "%s may not be opened by you (%s).", path, owner);
}

/* The file behind the TCTI string, if it is of a kind that has one: "" else. */
static const char *tcti_path(const char *tcti, const char **ret_mend)
{
        static const struct { const char *prefix, *mend; } kinds[] = {
                { "device:", no_device },
                { "swtpm:path=", no_swtpm },
        };

        for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
                if (strncmp(tcti, kinds[i].prefix, strlen(kinds[i].prefix)) == 0) {
                        *ret_mend = kinds[i].mend;
                        return tcti + strlen(kinds[i].prefix);
                }
        }
        return "";
}

/* What can be seen without talking to it. ret_fine: nothing is wrong so far. */
static int look_at_path(const char *tcti, struct findings *f, bool *ret_fine)
{
        const char *mend = NULL, *path = tcti_path(tcti, &mend);
        struct stat st;

        *ret_fine = true;
        if (path[0] == '\0')
                return 0;
        if (stat(path, &st) != 0) {
                *ret_fine = false;
                if (errno == EACCES)
                        return finding_add(f, FINDING_FAIL, "Rights", "Ask for the right to enter its directory, or name another TPM by HOLDFAST_TCTI.",
                                           "%s: %s.", path, strerror(errno));
                return finding_add(f, FINDING_FAIL, "TPM", mend, "%s: %s.", path, strerror(errno));
        }
        if (access(path, R_OK | W_OK) != 0) {
                *ret_fine = false;
                return no_rights(f, path, &st);
        }
        return finding_add(f, FINDING_OK, "Rights", NULL, "%s may be read and written.", path);
}

int doctor_device(const struct conf *c, struct findings *f, bool *ret_reachable)
{
        struct tpm_options o = { .tcti = c->tcti, .trace = c->trace, .deadline_ms = c->deadline_ms, .state_dirfd = -1 };
        struct tpm *t;
        uint8_t byte;
        bool fine;
        int r;

        *ret_reachable = false;
        r = look_at_path(c->tcti, f, &fine);
        if (r != 0 || !fine)
                return r;
        r = tpm_open(&o, &t);
        if (r == 0) {
                r = tpm_random(t, &byte, 1);
                tpm_close(t);
        }
        if (r != 0)
                return finding_add_error(f, FINDING_FAIL, "TPM", r, NULL);
        *ret_reachable = true;
        return finding_add(f, FINDING_OK, "TPM", NULL, "%s answers.", c->tcti);
}

static int lockout(const struct tpm_health *h, struct findings *f)
{
        char mend[256];

        snprintf(mend, sizeof(mend), "Wait (a try comes back every %u s), or run `tpm2_dictionarylockout -c` with the lockout authorisation. "
                 "Only agents made with --pin-lockout tpm feel it.", h->lockout_interval);
        if (h->in_lockout)
                return finding_add(f, FINDING_WARN, "Lockout", mend, "The TPM is locked after %u wrong authorisations.", h->lockout_counter);
        if (h->lockout_max > 0 && h->lockout_counter * 2 > h->lockout_max)
                return finding_add(f, FINDING_WARN, "Lockout", mend, "%u of %u wrong authorisations are used up.", h->lockout_counter, h->lockout_max);
        return finding_add(f, FINDING_OK, "Lockout", NULL, "%u of %u wrong authorisations are used up.", h->lockout_counter, h->lockout_max);
}

int doctor_health(struct tpm *t, struct findings *f)
{
        struct tpm_health h;
        int r;

        r = tpm_health_read(t, &h);
        if (r != 0)
                return finding_add_error(f, FINDING_FAIL, "TPM", r, NULL);
        r = lockout(&h, f);
        if (r == 0)
                r = finding_add(f, FINDING_OK, "Owner", NULL, "The TPM's owner authorisation is %s.",
                                h.owner_auth_set ? "set" : "empty: `holdfast init --seal-owner` can set it");
        if (r != 0)
                return r;
        if (h.persistent_free == 0)
                return finding_add(f, FINDING_WARN, "Handles", "Remove one that nobody uses: `tpm2_getcap handles-persistent`, `tpm2_evictcontrol`.",
                                   "The TPM has no free persistent handle; taken: %u.", h.persistent);
        return finding_add(f, FINDING_OK, "Handles", NULL, "Persistent handles taken: %u, free: %u; objects loaded: %u, sessions: %u.",
                           h.persistent, h.persistent_free, h.transient_loaded, h.sessions_loaded);
}

/* The file that the loader took: another one than we were built with may behave differently. */
static void loaded_tss(char *out, size_t size)
{
        FILE *maps = fopen("/proc/self/maps", "re");
        char line[512];
        char *path;

        snprintf(out, size, "not known");
        while (maps && fgets(line, sizeof(line), maps)) {
                path = strstr(line, "libtss2-sys.so") ? strchr(line, '/') : NULL;
                if (!path)
                        continue;
                path[strcspn(path, "\n")] = '\0';
                snprintf(out, size, "%s", path);
                break;
        }
        if (maps)
                fclose(maps);
}

int doctor_tss(struct findings *f)
{
        char path[512];

        loaded_tss(path, sizeof(path));
        return finding_add(f, FINDING_OK, "TSS", NULL, "Built with tpm2-tss %s, running with %s.", HF_TSS_VERSION, path);
}
