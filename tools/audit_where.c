/* SPDX-License-Identifier: BSD-2-Clause */
/* Which log and which attestation key does an audit verb mean? And when is it told to stop? */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "audit/checkpoint.h"
#include "lib/file.h"
#include "lib/pem.h"
#include "tools/audit.h"
#include "tools/cert.h"
#include "tools/readfile.h"

#define HOST_SIZE 256

int audit_dir(const struct cli *c, const char *dir, struct buf *ret)
{
        CLEANUP(conf_clear) struct conf conf = { 0 };
        int r;

        if (dir != NULL)
                r = buf_append_str(ret, dir);
        else if ((r = cli_conf(c, &conf)) == 0)
                r = conf_audit_dir(&conf, ret);
        if (r == 0 && buf_str(ret) == NULL)
                r = err(ERR_NOMEM, "out of memory");
        return r;
}

static int decode_ak(const char *path, struct bytes text, struct pubkey *ret)
{
        CLEANUP(buf_clear) struct buf head = { 0 }, der = { 0 }, spki = { 0 };
        int r;

        r = pem_decode("PUBLIC KEY", text, &head, &der);
        if (r == 0)
                return pubkey_from_spki(BYTES_OF(&der), ret);
        r = cert_decode(text, &der);
        if (r == ERR_INVAL)
                return err(ERR_INVAL, "%s is neither a public key nor a certificate", path);
        if (r == 0)
                r = cert_spki(BYTES_OF(&der), &spki);
        return r == 0 ? pubkey_from_spki(BYTES_OF(&spki), ret) : r;
}

int audit_ak(const struct cli *c, struct pubkey *ret)
{
        CLEANUP(buf_clear) struct buf path = { 0 }, text = { 0 };
        CLEANUP(conf_clear) struct conf conf = { 0 };
        const char *file = cli_value(c, "ak");
        int r = 0;

        if (file == NULL) {
                r = cli_conf(c, &conf);
                if (r == 0)
                        r = buf_printf(&path, "%s/ak.pem", conf.store);
                if (r == 0 && access(buf_str(&path), F_OK) != 0)
                        r = err(ERR_NOENT, "there is no %s: name the attestation key's public half by --ak", buf_str(&path));
                file = buf_str(&path);
        }
        if (r == 0)
                r = readfile(file, &text);
        return r == 0 ? decode_ak(file, BYTES_OF(&text), ret) : r;
}

/* "holdfast/HOST/NUMBER" */
static int host_of(const struct buf *origin, struct buf *ret)
{
        const uint8_t *first = memchr(origin->ptr, '/', origin->len), *last = memrchr(origin->ptr, '/', origin->len);

        if (first == NULL || first == last)
                return ERR_NOENT;
        return buf_append(ret, first + 1, (size_t)(last - first - 1));
}

static int host_of_log(const char *dir, uint64_t log, struct buf *ret)
{
        CLEANUP(checkpoint_clear) struct checkpoint p = { 0 };
        CLEANUP(buf_clear) struct buf note = { 0 };
        struct audit_reader *rd;
        int r;

        r = audit_reader_open(dir, log, &rd);
        if (r != 0)
                return r;
        r = audit_reader_newest(rd, &note);
        audit_reader_close(rd);
        if (r == 0)
                r = checkpoint_parse(BYTES_OF(&note), &p);
        return r == 0 ? host_of(&p.origin, ret) : r;
}

int audit_host(const char *dir, struct buf *ret_host, uint64_t *ret_log)
{
        CLEANUP(free_ptr) uint64_t *logs = NULL;
        char name[HOST_SIZE] = "";
        size_t n = 0;
        int r;

        r = audit_logs(dir, &logs, &n);
        if (r != 0)
                return r;
        if (n == 0)
                return err(ERR_NOENT, "there is no log in %s", dir);
        *ret_log = logs[n - 1];
        r = ERR_NOENT;
        while (n > 0 && r != 0)
                r = host_of_log(dir, logs[--n], ret_host);
        if (r != 0) {
                buf_reset(ret_host);
                if (gethostname(name, sizeof name - 1) != 0)
                        return err_errno("cannot find this host's name");
                r = buf_append_str(ret_host, name);
        }
        if (r == 0 && buf_str(ret_host) == NULL)
                r = err(ERR_NOMEM, "out of memory");
        return r;
}

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
        (void)signal;
        stopped = 1;
}

void audit_catch_signals(void)
{
        struct sigaction a = { .sa_handler = stop };

        sigaction(SIGINT, &a, NULL);
        sigaction(SIGTERM, &a, NULL);
}

bool audit_stopped(void)
{
        return stopped != 0;
}

void audit_sleep(unsigned ms)
{
        struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };

        if (stopped == 0)
                nanosleep(&t, NULL);
}
