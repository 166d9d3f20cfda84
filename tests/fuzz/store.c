/* SPDX-License-Identifier: BSD-2-Clause */
/* Makes the store that PKCS#11 fuzz targets work on. */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "keys/backend_tpm.h"
#include "keys/keyring.h"
#include "keys/parent.h"
#include "lib/err.h"
#include "lib/tpmt.h"
#include "tests/fuzz/store.h"

static char dir[64];

/* A P-256 key for signing; no TPM will ever load it. */
static const char key_pem[] =
        "-----BEGIN TSS2 PRIVATE KEY-----\n"
        "MIHwBgZngQUKAQOgAwEBAQIEQAAAAQRYAFYAIwALAAYAcgAAABAAEAADABAAIHgt\n"
        "3RVUYdNr+DDRAssDLASwJLa6YhiEofPPaqMxJ2cOACBEQdU6Or6N+nP+zZ7d7lqL\n"
        "DmPANPMBVT1BvTitVt7uJQSBgAB+ACAETXz0007k65HLnfIhIELoooxv3jjUGYwn\n"
        "1zili5M5wwAQbeGUE2E/P5WPhtX5ZtJNnYDdi7bMNtdq9trrtvl9/7HSTyHTO0Af\n"
        "a+yKAu1oPjhXrZ03Q3xYL/A8BdwkDg/qvYIS+BeVkS90E8l3Kpya8hJ9KUdi/0jX\n"
        "gfiB\n"
        "-----END TSS2 PRIVATE KEY-----\n";

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
        (void)st;
        (void)type;
        (void)ftw;
        return remove(path);
}

static void remove_dir(void)
{
        nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void must(int r, const char *what)
{
        if (r == 0)
                return;
        fprintf(stderr, "fuzz store: %s: %s\n", what, err_text());
        abort();
}

static void make_info(struct attrs *info)
{
        CLEANUP(tpm_parent_clear) struct tpm_parent parent = { .handle = 0x81010a01 };
        struct tpm_caps caps = {
                .manufacturer = "FUZZ", .vendor = "no TPM", .revision = "1.59", .slots = 3, .sessions = 3,
                .kinds = ~0u, .raw_rsa = true, .sha1 = true, .hashes = ~0u,
        };
        TPM2B_PUBLIC srk;

        tpmt_template_srk(&srk);
        must(tpmt_public_encode(&srk, &parent.pub), "parent");
        must(tpmt_name(&srk, &parent.name), "parent's name");
        must(attrs_set_uint(info, "version", 1), "version");
        must(parent_to_attrs(&parent, info), "parent's lines");
        must(tpm_caps_to_attrs(&caps, info), "capabilities");
}

static void add_key(struct keyring *k)
{
        CLEANUP(tsskey_clear) struct tsskey key = { 0 };
        CLEANUP(buf_clear) struct buf head = { 0 };
        CLEANUP(buf_clear) struct buf der = { 0 };
        struct item_spec spec = { .type = ITEM_KEY, .label = BYTES_STR("key"), .id = BYTES_STR("1"), .key = &key };
        struct item *i;

        must(pem_decode(TSSKEY_PEM, BYTES_STR(key_pem), &head, &der), "PEM");
        must(tsskey_decode(BYTES_OF(&der), &key), "key");
        must(store_item_add(keyring_store(k), "fuzz", &spec, &i), "key file");
        item_unref(i);
}

void fuzz_store(void)
{
        CLEANUP(attrs_clear) struct attrs info = { 0 };
        struct conf c = { 0 };
        struct keyring *k;
        char path[80];

        if (dir[0] != '\0')
                return;
        /* In memory where that can be: a fuzzer waits for no disk. */
        snprintf(dir, sizeof(dir), "%s/hf-fuzz-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
        if (mkdtemp(dir) == NULL)
                abort();
        atexit(remove_dir);
        snprintf(path, sizeof(path), "%s/store", dir);
        setenv("HOLDFAST_STORE", path, 1);
        setenv("HOLDFAST_TCTI", "device:/nonexistent/tpm", 1);
        setenv("XDG_CONFIG_HOME", dir, 1);
        make_info(&info);
        must(store_create(path, &info), "store");
        must(conf_load(&c), "configuration");
        must(keyring_open(&c, &k), "keyring");
        must(keyring_agent_create(k, "fuzz", "dana@example.com", NULL), "agent");
        add_key(k);
        keyring_close(k);
        conf_clear(&c);
}
