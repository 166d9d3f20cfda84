/* SPDX-License-Identifier: BSD-2-Clause */
/* Makes a genuine log without a TPM, of any size: make_log DIR AK.pem SIGNATURES CHECKPOINT-EVERY ROTATE-OCTETS
 *
 * With a creation and a refusal in it whose names want to steer the terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "lib/err.h"
#include "lib/pem.h"
#include "tests/vouched.h"

#define HOSTILE "a\n2026-11-25T00:00:00.000Z  forged\x1b[2J\xe2\x80\xae"

/* What takes its time is not what is measured. */
int fdatasync(int fd)
{
        (void)fd;
        return 0;
}

int fsync(int fd)
{
        (void)fd;
        return 0;
}

static void write_ak(const struct pubkey *ak, const char *path)
{
        CLEANUP(buf_clear) struct buf spki = { 0 }, pem = { 0 };
        FILE *f;

        if (pubkey_to_spki(ak, &spki) != 0 || pem_encode("PUBLIC KEY", BYTES("", 0), BYTES_OF(&spki), &pem) != 0)
                fail_msg("%s", err_text());
        f = fopen(path, "w");
        if (f == NULL || fwrite(pem.ptr, 1, pem.len, f) != pem.len || fclose(f) != 0)
                fail_msg("cannot write %s", path);
}

static void put_others(struct vouched_log *v)
{
        struct audit_record create = { .event = AUDIT_CREATE, .agent = BYTES_STR("agent"), .owner = BYTES_STR(HOSTILE), .key_label = BYTES_STR("default") };
        struct audit_record refused = { .event = AUDIT_USE, .agent = BYTES_STR("other"), .operation = BYTES_STR("sign"), .mechanism = BYTES_STR("ECDSA"),
                                        .key_label = BYTES_STR("tls"), .decision = AUDIT_REFUSED, .reason = BYTES_STR("no rule allows it") };

        refused.peer = (struct audit_peer){ .present = true, .pid = 77, .start_time = 88, .uid = 1234, .gid = 1234, .exe = BYTES_STR("/tmp/" HOSTILE) };
        create.time_ms = refused.time_ms = v->time_ms;
        if (audit_append(v->log, &create) != 0 || audit_append(v->log, &refused) != 0)
                fail_msg("%s", err_text());
}

int main(int argc, char **argv)
{
        struct vouched_log v;
        unsigned long n, every;

        if (argc != 6) {
                fprintf(stderr, "make_log DIR AK.pem SIGNATURES CHECKPOINT-EVERY ROTATE-OCTETS\n");
                return 2;
        }
        n = strtoul(argv[3], NULL, 10);
        every = strtoul(argv[4], NULL, 10);
        vouched_start(&v, argv[1], strtoul(argv[5], NULL, 10));
        write_ak(&v.tpm.ak_pub, argv[2]);
        vouched_begin(&v);
        put_others(&v);
        for (unsigned long i = 1; i <= n; i++) {
                vouched_sign(&v);
                if (i % every == 0)
                        vouched_checkpoint(&v);
                if (audit_log_full(v.log))
                        vouched_rotate(&v);
        }
        vouched_record(&v, AUDIT_STOP, "");
        vouched_checkpoint(&v);
        vouched_stop(&v);
        return 0;
}
