/* SPDX-License-Identifier: BSD-2-Clause */
/* What does a P-256 signature cost at the TPM layer, beside Esys_Sign with a password session on the same TPM?
 *
 *   sign_bench               rounds of both, interleaved: p50 and their ratio; one thread against eight
 *   sign_bench count N       N signatures and nothing else, for callgrind: the cost of one is (2N - N) / N */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tss2/tss2_esys.h>
#include <tss2/tss2_tctildr.h>
#include <unistd.h>
#include <fcntl.h>
#include "lib/err.h"
#include "lib/tpmt.h"
#include "tests/swtpm.h"
#include "tpm/clock.h"
#include "tpm/tpm.h"

#define ROUNDS 9
#define PER_ROUND 100
#define THREADS 8
#define PER_THREAD 40

struct bench {
        struct swtpm sw;
        int dirfd;
        struct tpm *tpm;
        struct tpm_parent parent;
        struct buf pub, priv, name;
        struct tpm_key key;
        uint8_t digest[32];
};

static void must(int r, const char *what)
{
        if (r == 0)
                return;
        fprintf(stderr, "sign_bench: %s: %s\n", what, err_text());
        exit(1);
}

static void set_up(struct bench *b)
{
        struct tpm_options o = { .deadline_ms = 10000 };
        TPM2B_PUBLIC pub;

        memset(b, 0, sizeof(*b));
        if (swtpm_start(&b->sw) != 0)
                exit(1);
        b->dirfd = open(b->sw.dir, O_RDONLY | O_DIRECTORY);
        o.tcti = b->sw.tcti;
        o.state_dirfd = b->dirfd;
        must(tpm_open(&o, &b->tpm), "open");
        must(tpm_parent_make(b->tpm, 0x81010a01, BYTES(NULL, 0), &b->parent), "parent");
        must(tpm_set_parent(b->tpm, &b->parent), "parent");
        must(tpm_key_create(b->tpm, key_kind_by_name("P-256"), ALG_SIGN, BYTES(NULL, 0), false, &b->pub, &b->priv), "create");
        must(tpmt_public_decode(BYTES_OF(&b->pub), &pub), "public");
        must(tpmt_name(&pub, &b->name), "name");
        b->key = (struct tpm_key){ .name = BYTES_OF(&b->name), .pub = BYTES_OF(&b->pub), .priv = BYTES_OF(&b->priv) };
}

static void tear_down(struct bench *b)
{
        tpm_close(b->tpm);
        tpm_parent_clear(&b->parent);
        buf_clear(&b->pub);
        buf_clear(&b->priv);
        buf_clear(&b->name);
        close(b->dirfd);
        swtpm_stop(&b->sw);
}

static void sign_ours(struct bench *b)
{
        struct buf sig = { 0 };

        must(tpm_sign(b->tpm, &b->key, SCHEME_ECDSA, hash_by_name("SHA256"), BYTES(b->digest, 32), &sig), "sign");
        buf_clear(&sig);
}

/* The peer: its own TCTI to the same swtpm, the same key loaded once. */
struct peer {
        TSS2_TCTI_CONTEXT *tcti;
        ESYS_CONTEXT *esys;
        ESYS_TR key;
};

static void must_tss(TSS2_RC rc, const char *what)
{
        if (rc == TSS2_RC_SUCCESS)
                return;
        fprintf(stderr, "sign_bench: %s: 0x%x\n", what, rc);
        exit(1);
}

static void peer_open(const struct bench *b, struct peer *p)
{
        TPM2B_PUBLIC pub;
        TPM2B_PRIVATE priv;
        ESYS_TR parent;

        must_tss(Tss2_TctiLdr_Initialize(b->sw.tcti, &p->tcti), "tcti");
        must_tss(Esys_Initialize(&p->esys, p->tcti, NULL), "esys");
        must_tss(Esys_TR_FromTPMPublic(p->esys, b->parent.handle, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &parent), "parent");
        must(tpmt_public_decode(BYTES_OF(&b->pub), &pub), "public");
        must(tpmt_private_decode(BYTES_OF(&b->priv), &priv), "private");
        must_tss(Esys_Load(p->esys, parent, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &priv, &pub, &p->key), "load");
}

static void peer_close(struct peer *p)
{
        Esys_FlushContext(p->esys, p->key);
        Esys_Finalize(&p->esys);
        Tss2_TctiLdr_Finalize(&p->tcti);
}

static void sign_peer(const struct bench *b, struct peer *p)
{
        const TPMT_SIG_SCHEME scheme = { .scheme = TPM2_ALG_ECDSA, .details.ecdsa.hashAlg = TPM2_ALG_SHA256 };
        const TPMT_TK_HASHCHECK ticket = { .tag = TPM2_ST_HASHCHECK, .hierarchy = TPM2_RH_NULL };
        TPM2B_DIGEST digest = { .size = 32 };
        TPMT_SIGNATURE *sig;

        memcpy(digest.buffer, b->digest, 32);
        must_tss(Esys_Sign(p->esys, p->key, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &digest, &scheme, &ticket, &sig), "Esys_Sign");
        Esys_Free(sig);
}

static int by_size(const void *a, const void *b)
{
        uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

        return (x > y) - (x < y);
}

static uint64_t median(uint64_t *v, size_t n)
{
        qsort(v, n, sizeof(v[0]), by_size);
        return v[n / 2];
}

static void compare(struct bench *b)
{
        static uint64_t ours[ROUNDS * PER_ROUND], theirs[ROUNDS * PER_ROUND];
        uint64_t o, t;
        struct peer p;

        peer_open(b, &p);
        sign_ours(b);
        for (size_t r = 0; r < ROUNDS; r++) {
                for (size_t i = 0; i < PER_ROUND; i++) {
                        uint64_t at = clock_us();

                        sign_ours(b);
                        ours[r * PER_ROUND + i] = clock_us() - at;
                }
                for (size_t i = 0; i < PER_ROUND; i++) {
                        uint64_t at = clock_us();

                        sign_peer(b, &p);
                        theirs[r * PER_ROUND + i] = clock_us() - at;
                }
        }
        peer_close(&p);
        o = median(ours, ROUNDS * PER_ROUND);
        t = median(theirs, ROUNDS * PER_ROUND);
        printf("P-256 signature, p50: ours %lu us, Esys_Sign with a password %lu us, ratio %.2f\n", (unsigned long)o, (unsigned long)t, (double)o / (double)t);
}

static void *worker(void *arg)
{
        for (int i = 0; i < PER_THREAD; i++)
                sign_ours(arg);
        return NULL;
}

static void threads(struct bench *b)
{
        uint64_t percent[ROUNDS];

        for (int r = 0; r < ROUNDS; r++) {
                pthread_t id[THREADS];
                uint64_t at = clock_us(), one;

                for (int i = 0; i < THREADS; i++)
                        worker(b);
                one = clock_us() - at;
                at = clock_us();
                for (int i = 0; i < THREADS; i++)
                        pthread_create(&id[i], NULL, worker, b);
                for (int i = 0; i < THREADS; i++)
                        pthread_join(id[i], NULL);
                percent[r] = one * 100 / (clock_us() - at);
        }
        printf("rate of %d threads against one, median of %d rounds: %.2f\n", THREADS, ROUNDS, (double)median(percent, ROUNDS) / 100);
}

int main(int argc, char **argv)
{
        struct bench b;

        set_up(&b);
        if (argc == 3 && strcmp(argv[1], "count") == 0) {
                for (int i = atoi(argv[2]); i > 0; i--)
                        sign_ours(&b);
        } else {
                compare(&b);
                threads(&b);
        }
        tear_down(&b);
        return 0;
}
