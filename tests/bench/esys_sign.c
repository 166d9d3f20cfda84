/* SPDX-License-Identifier: BSD-2-Clause */
/* The yardstick: what the TSS's own ESYS costs with a plain password session, for one P-256 key under an ECC parent.
 *
 * usage: esys_sign TCTI sign COUNT       median time of a signature
 *        esys_sign TCTI create COUNT DIR median time of TPM2_Create, then write, fsync, rename, fsync of the directory
 *        esys_sign TCTI flush            throws out what others have left loaded
 *        esys_sign TCTI left             how many objects and sessions they have left loaded */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tss2/tss2_esys.h>
#include <tss2/tss2_mu.h>
#include <tss2/tss2_tctildr.h>
#include <unistd.h>
#include "tests/bench/measure.h"

static ESYS_CONTEXT *esys;

static void check(const char *what, TSS2_RC rc)
{
        if (rc != TSS2_RC_SUCCESS) {
                fprintf(stderr, "esys_sign: %s: 0x%x\n", what, rc);
                exit(1);
        }
}

static TPM2B_PUBLIC template(TPMA_OBJECT usage)
{
        TPM2B_PUBLIC p = { 0 };
        TPMT_PUBLIC *a = &p.publicArea;

        a->type = TPM2_ALG_ECC;
        a->nameAlg = TPM2_ALG_SHA256;
        a->objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH |
                              TPMA_OBJECT_NODA | usage;
        a->parameters.eccDetail.symmetric.algorithm = TPM2_ALG_NULL;
        if (usage & TPMA_OBJECT_RESTRICTED) {
                a->parameters.eccDetail.symmetric.algorithm = TPM2_ALG_AES;
                a->parameters.eccDetail.symmetric.keyBits.aes = 128;
                a->parameters.eccDetail.symmetric.mode.aes = TPM2_ALG_CFB;
        }
        a->parameters.eccDetail.scheme.scheme = TPM2_ALG_NULL;
        a->parameters.eccDetail.curveID = TPM2_ECC_NIST_P256;
        a->parameters.eccDetail.kdf.scheme = TPM2_ALG_NULL;
        return p;
}

static ESYS_TR make_parent(void)
{
        TPM2B_PUBLIC p = template(TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT);
        TPM2B_SENSITIVE_CREATE sens = { 0 };
        TPML_PCR_SELECTION pcr = { 0 };
        TPM2B_DATA info = { 0 };
        ESYS_TR parent;

        check("CreatePrimary", Esys_CreatePrimary(esys, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &sens, &p, &info, &pcr,
                                                  &parent, NULL, NULL, NULL, NULL));
        return parent;
}

static void create(ESYS_TR parent, TPM2B_PRIVATE **priv, TPM2B_PUBLIC **pub)
{
        TPM2B_PUBLIC p = template(TPMA_OBJECT_SIGN_ENCRYPT);
        TPM2B_SENSITIVE_CREATE sens = { 0 };
        TPML_PCR_SELECTION pcr = { 0 };
        TPM2B_DATA info = { 0 };

        check("Create", Esys_Create(esys, parent, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &sens, &p, &info, &pcr, priv, pub, NULL, NULL, NULL));
}

static void sign(ESYS_TR key)
{
        TPM2B_DIGEST digest = { .size = 32 };
        TPMT_SIG_SCHEME scheme = { .scheme = TPM2_ALG_ECDSA, .details.ecdsa.hashAlg = TPM2_ALG_SHA256 };
        TPMT_TK_HASHCHECK ticket = { .tag = TPM2_ST_HASHCHECK, .hierarchy = TPM2_RH_NULL };
        TPMT_SIGNATURE *sig;

        check("Sign", Esys_Sign(esys, key, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &digest, &scheme, &ticket, &sig));
        Esys_Free(sig);
}

static void store(int dir, const TPM2B_PRIVATE *priv, const TPM2B_PUBLIC *pub)
{
        uint8_t bytes[2048];
        size_t n = 0;
        int fd;

        check("Marshal", Tss2_MU_TPM2B_PUBLIC_Marshal(pub, bytes, sizeof(bytes), &n));
        check("Marshal", Tss2_MU_TPM2B_PRIVATE_Marshal(priv, bytes, sizeof(bytes), &n));
        fd = openat(dir, "key.tmp", O_CREAT | O_WRONLY | O_TRUNC, 0600);
        if (fd < 0 || write(fd, bytes, n) != (ssize_t)n || fsync(fd) != 0 || close(fd) != 0 || renameat(dir, "key.tmp", dir, "key") != 0 || fsync(dir) != 0) {
                perror("esys_sign: store");
                exit(1);
        }
}

static void run_sign(ESYS_TR parent, double *t, int count)
{
        TPM2B_PRIVATE *priv;
        TPM2B_PUBLIC *pub;
        ESYS_TR key;
        double t0;
        int i;

        create(parent, &priv, &pub);
        check("Load", Esys_Load(esys, parent, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, priv, pub, &key));
        sign(key);
        for (i = 0; i < count; i++) {
                t0 = now_us();
                sign(key);
                t[i] = now_us() - t0;
        }
        Esys_FlushContext(esys, key);
        Esys_Free(priv);
        Esys_Free(pub);
}

static void run_create(ESYS_TR parent, double *t, int count, const char *path)
{
        int dir = open(path, O_RDONLY | O_DIRECTORY), i;
        TPM2B_PRIVATE *priv;
        TPM2B_PUBLIC *pub;
        double t0;

        for (i = 0; i < count; i++) {
                t0 = now_us();
                create(parent, &priv, &pub);
                store(dir, priv, pub);
                t[i] = now_us() - t0;
                Esys_Free(priv);
                Esys_Free(pub);
        }
        close(dir);
}

/* The handles of that kind that are loaded; flushed where wanted. */
static unsigned loaded(UINT32 first, int flush)
{
        TPMS_CAPABILITY_DATA *data;
        TPMI_YES_NO more;
        unsigned count;
        ESYS_TR h;

        check("GetCapability", Esys_GetCapability(esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, TPM2_CAP_HANDLES, first, 64, &more, &data));
        count = data->data.handles.count;
        for (UINT32 i = 0; flush && i < count; i++)
                if (Esys_TR_FromTPMPublic(esys, data->data.handles.handle[i], ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &h) == TSS2_RC_SUCCESS)
                        check("FlushContext", Esys_FlushContext(esys, h));
        Esys_Free(data);
        return count;
}

static void run_timed(int argc, char **argv)
{
        int count = atoi(argv[3]);
        double *t = calloc((size_t)count + 1, sizeof(*t));
        ESYS_TR parent = make_parent();

        if (argc == 5)
                run_create(parent, t, count, argv[4]);
        else
                run_sign(parent, t, count);
        Esys_FlushContext(esys, parent);
        printf("%s_us %.1f\n", argv[2], median(t, (size_t)count));
        free(t);
}

int main(int argc, char **argv)
{
        TSS2_TCTI_CONTEXT *tcti;

        if (!(argc == 3 && (strcmp(argv[2], "flush") == 0 || strcmp(argv[2], "left") == 0)) && !(argc == 4 && strcmp(argv[2], "sign") == 0) &&
            !(argc == 5 && strcmp(argv[2], "create") == 0)) {
                fprintf(stderr, "usage: esys_sign TCTI sign COUNT | esys_sign TCTI create COUNT DIR | esys_sign TCTI flush | left\n");
                return 2;
        }
        check("TCTI", Tss2_TctiLdr_Initialize(argv[1], &tcti));
        check("Initialize", Esys_Initialize(&esys, tcti, NULL));
        if (argc > 3) {
                run_timed(argc, argv);
        } else {
                int flush = strcmp(argv[2], "flush") == 0;
                unsigned objects = loaded(TPM2_TRANSIENT_FIRST, flush), sessions = loaded(TPM2_LOADED_SESSION_FIRST, flush);

                if (!flush)
                        printf("%u, %u\n", objects, sessions);
        }
        Esys_Finalize(&esys);
        Tss2_TctiLdr_Finalize(&tcti);
        return 0;
}
