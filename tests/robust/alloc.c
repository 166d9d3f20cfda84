/* SPDX-License-Identifier: BSD-2-Clause */
/* F13: every allocation of every kind of call fails, once and from then on: no crash, CKR_HOST_MEMORY, no half key, and
 * the next call works.
 *
 * Started without arguments it runs itself under allocfail.so, once for each kind of call. For a debugger, with that
 * library loaded: alloc NUMBER AT makes one call fail at one allocation. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tests/robust/ossl.h"
#include "tests/robust/p11.h"
#include "tests/robust/robust.h"

static void (*arm)(long at, bool goes_on);
static long (*disarm)(bool *ret_struck);

/* A kind of call: what is there before it, the call itself. */
struct call {
        const char *name;
        void (*before)(struct p11 *p);
        CK_RV (*run)(struct p11 *p);
        void (*before_again)(struct p11 *p); /* between the call that failed and the one that must not; NULL: nothing */
};

static CK_OBJECT_HANDLE pub, priv;
static unsigned char digest[32], sig[64], point[80];
static CK_ULONG point_len;

static void must(bool ok)
{
        if (!ok)
                _exit(9);
}

static void nothing(struct p11 *p)
{
        (void)p;
}

static void initialised(struct p11 *p)
{
        must(p11_init(p) == CKR_OK);
}

static void in_session(struct p11 *p)
{
        must(p11_init(p) == CKR_OK && p11_open(p) == CKR_OK);
}

static void with_key(struct p11 *p)
{
        size_t n, m;

        in_session(p);
        must(p11_find(p, CKO_PUBLIC_KEY, "k", &pub, 1, &n) == CKR_OK && p11_find(p, CKO_PRIVATE_KEY, "k", &priv, 1, &m) == CKR_OK && n == 1 && m == 1);
}

static void with_rsa_key(struct p11 *p)
{
        size_t n, m;

        in_session(p);
        must(p11_find(p, CKO_PUBLIC_KEY, "r", &pub, 1, &n) == CKR_OK && p11_find(p, CKO_PRIVATE_KEY, "r", &priv, 1, &m) == CKR_OK && n == 1 && m == 1);
}

static void with_point(struct p11 *p)
{
        CK_ATTRIBUTE a = { CKA_EC_POINT, point, sizeof(point) };

        with_key(p);
        must(p->f->C_GetAttributeValue(p->s, pub, &a, 1) == CKR_OK);
        point_len = a.ulValueLen;
}

static void with_signature(struct p11 *p)
{
        with_key(p);
        must(p11_sign(p, priv, digest, sig) == CKR_OK);
}

static CK_RV initialize(struct p11 *p)
{
        CK_C_INITIALIZE_ARGS args = { .flags = CKF_OS_LOCKING_OK };
        CK_RV rv = p->f->C_Initialize(&args);

        return rv == CKR_CRYPTOKI_ALREADY_INITIALIZED ? CKR_OK : rv;
}

static CK_RV slots(struct p11 *p)
{
        CK_SLOT_ID list[64];
        CK_ULONG n = 64;
        CK_TOKEN_INFO info;
        CK_RV rv;

        rv = p->f->C_GetSlotList(CK_TRUE, list, &n);
        return rv != CKR_OK ? rv : n == 0 ? CKR_TOKEN_NOT_PRESENT : p->f->C_GetTokenInfo(list[0], &info);
}

static CK_RV open_session(struct p11 *p)
{
        return p11_open(p);
}

static CK_RV find(struct p11 *p)
{
        CK_OBJECT_HANDLE h[8];
        CK_RV rv;
        size_t n;

        rv = p11_find(p, CKO_PRIVATE_KEY, "k", h, 8, &n);
        return rv == CKR_OK && n != 1 ? CKR_GENERAL_ERROR : rv;
}

static CK_RV generate(struct p11 *p)
{
        CK_OBJECT_HANDLE a, b;

        return p11_generate(p, "new", &a, &b);
}

static CK_RV sign(struct p11 *p)
{
        CK_MECHANISM m = { CKM_ECDSA, NULL, 0 };
        CK_ULONG len = sizeof(sig);
        CK_RV rv;

        rv = p->f->C_SignInit(p->s, &m, priv);
        return rv != CKR_OK ? rv : p->f->C_Sign(p->s, digest, 32, sig, &len);
}

static CK_RV verify(struct p11 *p)
{
        CK_MECHANISM m = { CKM_ECDSA, NULL, 0 };
        CK_RV rv;

        rv = p->f->C_VerifyInit(p->s, &m, pub);
        return rv != CKR_OK ? rv : p->f->C_Verify(p->s, digest, 32, sig, 64);
}

static CK_RV hash(struct p11 *p)
{
        CK_MECHANISM m = { CKM_SHA256, NULL, 0 };
        unsigned char out[32];
        CK_ULONG len = sizeof(out);
        CK_RV rv;

        rv = p->f->C_DigestInit(p->s, &m);
        return rv != CKR_OK ? rv : p->f->C_Digest(p->s, digest, 32, out, &len);
}

static CK_RV attributes(struct p11 *p)
{
        unsigned char a[100], b[100], c[100], d[100];
        CK_ATTRIBUTE t[] = { { CKA_LABEL, a, 100 }, { CKA_ID, b, 100 }, { CKA_EC_POINT, c, 100 }, { CKA_KEY_TYPE, d, 100 } };

        return p->f->C_GetAttributeValue(p->s, pub, t, 4);
}

static CK_RV relabel(struct p11 *p)
{
        CK_ATTRIBUTE a = { CKA_LABEL, (char[]){ "k" }, 1 };

        return p->f->C_SetAttributeValue(p->s, priv, &a, 1);
}

static CK_RV create(struct p11 *p)
{
        CK_OBJECT_CLASS class = CKO_DATA;
        CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
        CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_TOKEN, &yes, 1 }, { CKA_PRIVATE, &no, 1 }, { CKA_LABEL, (char[]){ "new" }, 3 },
                { CKA_VALUE, digest, 32 } };
        CK_OBJECT_HANDLE h;

        return p->f->C_CreateObject(p->s, t, 5, &h);
}

static CK_RV derive(struct p11 *p)
{
        CK_ECDH1_DERIVE_PARAMS q = { CKD_NULL, 0, NULL, point_len, point };
        CK_MECHANISM m = { CKM_ECDH1_DERIVE, &q, sizeof(q) };
        CK_OBJECT_CLASS class = CKO_SECRET_KEY;
        CK_KEY_TYPE type = CKK_GENERIC_SECRET;
        CK_BBOOL no = CK_FALSE;
        CK_ULONG len = 32;
        CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_KEY_TYPE, &type, sizeof(type) }, { CKA_TOKEN, &no, 1 },
                { CKA_VALUE_LEN, &len, sizeof(len) } };
        CK_OBJECT_HANDLE h;

        return p->f->C_DeriveKey(p->s, &m, priv, t, 4, &h);
}

static CK_RV sign_pss(struct p11 *p)
{
        CK_RSA_PKCS_PSS_PARAMS q = { CKM_SHA256, CKG_MGF1_SHA256, 20 };
        CK_MECHANISM m = { CKM_SHA256_RSA_PKCS_PSS, &q, sizeof(q) };
        unsigned char out[512];
        CK_ULONG len = sizeof(out);
        CK_RV rv;

        rv = p->f->C_SignInit(p->s, &m, priv);
        return rv != CKR_OK ? rv : p->f->C_Sign(p->s, digest, 32, out, &len);
}

static CK_RV there_and_back(struct p11 *p)
{
        CK_RSA_PKCS_OAEP_PARAMS q = { CKM_SHA256, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, NULL, 0 };
        CK_MECHANISM m = { CKM_RSA_PKCS_OAEP, &q, sizeof(q) };
        unsigned char c[512], out[512];
        CK_ULONG c_len = sizeof(c), len = sizeof(out);
        CK_RV rv;

        rv = p->f->C_EncryptInit(p->s, &m, pub);
        if (rv == CKR_OK)
                rv = p->f->C_Encrypt(p->s, digest, 32, c, &c_len);
        if (rv == CKR_OK)
                rv = p->f->C_DecryptInit(p->s, &m, priv);
        if (rv == CKR_OK)
                rv = p->f->C_Decrypt(p->s, c, c_len, out, &len);
        return rv == CKR_OK && (len != 32 || memcmp(out, digest, 32) != 0) ? CKR_GENERAL_ERROR : rv;
}

static CK_RV copy(struct p11 *p)
{
        CK_BBOOL no = CK_FALSE;
        CK_ATTRIBUTE t[] = { { CKA_TOKEN, &no, 1 } };
        CK_OBJECT_HANDLE h;

        return p->f->C_CopyObject(p->s, pub, t, 1, &h);
}

static CK_RV make_and_destroy(struct p11 *p)
{
        CK_OBJECT_HANDLE h;
        CK_RV rv;
        size_t n;

        /* What an earlier try made and could not destroy is destroyed now. */
        rv = p11_find(p, CKO_DATA, "new", &h, 1, &n);
        if (rv == CKR_OK && n == 0)
                rv = create(p);
        if (rv == CKR_OK && n == 0)
                rv = p11_find(p, CKO_DATA, "new", &h, 1, &n);
        return rv != CKR_OK ? rv : n == 1 ? p->f->C_DestroyObject(p->s, h) : CKR_GENERAL_ERROR;
}

/* What was made goes again, so that every run finds the same. */
static void tidy(const struct p11 *p)
{
        static const CK_OBJECT_CLASS classes[] = { CKO_PRIVATE_KEY, CKO_PUBLIC_KEY, CKO_DATA };
        CK_OBJECT_HANDLE h[8];
        size_t n;

        for (size_t i = 0; i < 3; i++) {
                if (p11_find(p, classes[i], "new", h, 8, &n) != CKR_OK)
                        return;
                while (n-- > 0)
                        p->f->C_DestroyObject(p->s, h[n]);
        }
}

static CK_RV random_bytes(struct p11 *p)
{
        return p->f->C_GenerateRandom(p->s, digest, 32);
}

/* To OpenSSL every failure is one: what counts is that there is no crash and that the next try works. */
static CK_RV refused_or(bool ok)
{
        return ok ? CKR_OK : CKR_HOST_MEMORY;
}

/* Also between the two calls: libcrypto remembers for a library context's life that it could not put a method together, also
 * if memory was all that it lacked. The provider's own state, and the module's, are the process's. */
static void with_provider(struct p11 *p)
{
        (void)p;
        must(ossl_start());
}

static void with_provider_key(struct p11 *p)
{
        with_provider(p);
        must(ossl_load());
}

static CK_RV provider_load(struct p11 *p)
{
        (void)p;
        return refused_or(ossl_load());
}

static CK_RV provider_sign(struct p11 *p)
{
        (void)p;
        return refused_or(ossl_sign());
}

static CK_RV provider_reload(struct p11 *p)
{
        (void)p;
        return refused_or(ossl_reload());
}

static const struct call calls[] = {
        { "C_Initialize", nothing, initialize, NULL },
        { "C_GetSlotList, C_GetTokenInfo", initialised, slots, NULL },
        { "C_OpenSession", initialised, open_session, NULL },
        { "C_FindObjects", in_session, find, NULL },
        { "C_GetAttributeValue", with_key, attributes, NULL },
        { "C_GenerateKeyPair", in_session, generate, NULL },
        { "C_Sign", with_key, sign, NULL },
        { "C_Verify", with_signature, verify, NULL },
        { "C_Digest", in_session, hash, NULL },
        { "C_SetAttributeValue", with_key, relabel, NULL },
        { "C_CreateObject", in_session, create, NULL },
        { "C_DeriveKey", with_point, derive, NULL },
        { "C_GenerateRandom", in_session, random_bytes, NULL },
        { "C_Sign, RSA PSS", with_rsa_key, sign_pss, NULL },
        { "C_Encrypt, C_Decrypt, RSA OAEP", with_rsa_key, there_and_back, NULL },
        { "C_CopyObject", with_key, copy, NULL },
        { "C_CreateObject, C_DestroyObject", in_session, make_and_destroy, NULL },
        { "provider: a key by its URI", with_provider, provider_load, with_provider },
        { "provider: a signature", with_provider_key, provider_sign, with_provider_key },
        { "provider: a key as a file, written and read", with_provider_key, provider_reload, with_provider_key },
};
#define N_CALLS (sizeof(calls) / sizeof(calls[0]))

/* How a child ended, as its exit status. */
enum { UNTOUCHED, REFUSED, OTHER_ERROR, WENT_ON, STUCK, NEVER_WORKED };
/* And how the C library ends a process that has no memory for the thread-local variables of a library loaded later: nobody can help that. */
#define NO_TLS 127

/* In a process of its own: the call with a failing allocation, then again without. */
static int one(const struct call *c, long at, bool goes_on)
{
        struct p11 p;
        bool struck;
        CK_RV rv;

        p11_load(&p);
        c->before(&p);
        arm(at, goes_on);
        rv = c->run(&p);
        disarm(&struck);
        if (!struck) {
                tidy(&p);
                return rv == CKR_OK ? UNTOUCHED : NEVER_WORKED;
        }
        if (rv != CKR_OK && rv != CKR_HOST_MEMORY && getenv("ROBUST_VERBOSE"))
                fprintf(stderr, "%s, allocation %ld: 0x%lx\n", c->name, at, rv);
        if (c->before_again != NULL)
                c->before_again(&p);
        if (c->run(&p) != CKR_OK)
                return STUCK;
        if (c->run == sign && !p11_verify(&p, pub, digest, sig))
                return STUCK;
        tidy(&p);
        p.f->C_Finalize(NULL);
        return rv == CKR_OK ? WENT_ON : rv == CKR_HOST_MEMORY ? REFUSED : OTHER_ERROR;
}

static void all_of(const struct call *c, bool goes_on)
{
        unsigned how[8] = { 0 }, crashes = 0, runs = 0;
        char what[120];
        int status;
        pid_t pid;

        for (long at = 1; ; at += robust_count(5, 1)) {
                pid = fork();
                if (pid == 0) {
                        alarm(30);
                        _exit(one(c, at, goes_on));
                }
                waitpid(pid, &status, 0);
                if (WIFEXITED(status) && WEXITSTATUS(status) == UNTOUCHED)
                        break;
                if (WIFEXITED(status) && WEXITSTATUS(status) == NO_TLS)
                        continue;
                runs++;
                if (WIFEXITED(status))
                        how[WEXITSTATUS(status) < 8 ? WEXITSTATUS(status) : 7]++;
                else
                        crashes++;
                if ((!WIFEXITED(status) || WEXITSTATUS(status) >= STUCK) && getenv("ROBUST_VERBOSE"))
                        fprintf(stderr, "%s, allocation %ld: status 0x%x\n", c->name, at, (unsigned)status);
                if (how[NEVER_WORKED] > 0)
                        break;
        }
        snprintf(what, sizeof(what), "%s: %s allocation fails%s", c->name, robust_count(0, 1) ? "each" : "every fifth", goes_on ? " and all after it" : "");
        robust_row(crashes == 0 && how[OTHER_ERROR] == 0 && how[STUCK] + how[NEVER_WORKED] + how[7] == 0, "F13", what,
                   "%u runs: %u CKR_HOST_MEMORY, %u did without, %u another error, %u not usable after, %u crashes", runs, how[REFUSED], how[WENT_ON],
                   how[OTHER_ERROR], how[STUCK] + how[NEVER_WORKED] + how[7], crashes);
}

/* Under allocfail.so: one kind of call, both ways. */
static int inside(const struct call *c, long at)
{
        *(void **)&arm = dlsym(RTLD_DEFAULT, "allocfail_arm");
        *(void **)&disarm = dlsym(RTLD_DEFAULT, "allocfail_disarm");
        if (!arm || !disarm) {
                fprintf(stderr, "allocfail.so is not loaded\n");
                return 2;
        }
        if (at > 0)
                return one(c, at, false);
        all_of(c, false);
        if (robust_count(0, 1))
                all_of(c, true);
        return robust_end();
}

int main(int argc, char **argv)
{
        char preload[4200], number[20];
        const char *env[] = { preload, NULL };
        static struct child c;
        bool ok = true;

        setvbuf(stdout, NULL, _IOLBF, 0);
        if (argc > 1)
                return inside(&calls[(size_t)atoi(argv[1]) % N_CALLS], argc > 2 ? atol(argv[2]) : 0);

        robust_start();
        child_run(&c, (const char *const[]){ "worker", "generate", "k", NULL }, NULL, 60);
        child_run(&c, (const char *const[]){ "worker", "rsa", "r", NULL }, NULL, 60);
        snprintf(preload, sizeof(preload), "LD_PRELOAD=%s", robust_path(".libs/allocfail.so"));
        for (size_t i = 0; i < N_CALLS; i++) {
                snprintf(number, sizeof(number), "%zu", i);
                child_run(&c, (const char *const[]){ "alloc", number, NULL }, env, 1200);
                fputs(c.text, stdout);
                ok &= child_ok(&c);
        }
        child_run(&c, (const char *const[]){ "worker", "check", NULL }, NULL, 600);
        robust_row(child_ok(&c) && !strstr(c.text, "half ") && !strstr(c.text, " bad\n"), "F13", "after all that", "%s",
                   strstr(c.text, "half ") ? "half key pairs" : "no half key pair, all sign");
        return ok ? robust_end() : 1;
}
