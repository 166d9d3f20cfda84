/* SPDX-License-Identifier: BSD-2-Clause */
/* F17: attributes of a private key tell the truth and only get stricter, by C_SetAttributeValue, C_CopyObject or at creation. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/robust/p11.h"
#include "tests/robust/robust.h"

static struct p11 p;
static CK_OBJECT_HANDLE pub, priv;
static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
static CK_OBJECT_CLASS class_data = CKO_DATA;
static CK_KEY_TYPE rsa = CKK_RSA;
static CK_MECHANISM_TYPE other_mechanism = CKM_RSA_PKCS_KEY_PAIR_GEN;
static unsigned char bytes[] = { 0x04, 0x01, 0x02 };

/* What must not be had. */
static const struct { const char *name; CK_ATTRIBUTE a; } weaker[] = {
        { "SENSITIVE=0", { CKA_SENSITIVE, &no, 1 } },
        { "EXTRACTABLE=1", { CKA_EXTRACTABLE, &yes, 1 } },
        { "ALWAYS_SENSITIVE=0", { CKA_ALWAYS_SENSITIVE, &no, 1 } },
        { "NEVER_EXTRACTABLE=0", { CKA_NEVER_EXTRACTABLE, &no, 1 } },
        { "LOCAL=0", { CKA_LOCAL, &no, 1 } },
        { "WRAP=1", { CKA_WRAP, &yes, 1 } },
        { "UNWRAP=1", { CKA_UNWRAP, &yes, 1 } },
        { "DECRYPT=1", { CKA_DECRYPT, &yes, 1 } },
        { "SIGN_RECOVER=1", { CKA_SIGN_RECOVER, &yes, 1 } },
        { "TRUSTED=1", { CKA_TRUSTED, &yes, 1 } },
        { "CLASS", { CKA_CLASS, &class_data, sizeof(class_data) } },
        { "KEY_TYPE", { CKA_KEY_TYPE, &rsa, sizeof(rsa) } },
        { "KEY_GEN_MECHANISM", { CKA_KEY_GEN_MECHANISM, &other_mechanism, sizeof(other_mechanism) } },
        { "EC_PARAMS", { CKA_EC_PARAMS, bytes, sizeof(bytes) } },
        { "EC_POINT", { CKA_EC_POINT, bytes, sizeof(bytes) } },
        { "VALUE", { CKA_VALUE, bytes, sizeof(bytes) } },
        { "UNIQUE_ID", { CKA_UNIQUE_ID, bytes, sizeof(bytes) } },
        { "a vendor's", { CKA_VENDOR_DEFINED | 0x1234, bytes, sizeof(bytes) } },
};
#define N_WEAKER (sizeof(weaker) / sizeof(weaker[0]))

/* As they must be, in whatever process looks. */
static const struct { const char *name; CK_ATTRIBUTE_TYPE type; CK_BBOOL value; } truth[] = {
        { "TOKEN", CKA_TOKEN, CK_TRUE },
        { "SENSITIVE", CKA_SENSITIVE, CK_TRUE },
        { "EXTRACTABLE", CKA_EXTRACTABLE, CK_FALSE },
        { "ALWAYS_SENSITIVE", CKA_ALWAYS_SENSITIVE, CK_TRUE },
        { "NEVER_EXTRACTABLE", CKA_NEVER_EXTRACTABLE, CK_TRUE },
        { "LOCAL", CKA_LOCAL, CK_TRUE },
        { "SIGN", CKA_SIGN, CK_TRUE },
        { "DECRYPT", CKA_DECRYPT, CK_FALSE },
        { "UNWRAP", CKA_UNWRAP, CK_FALSE },
};

static unsigned lies(CK_OBJECT_HANDLE h)
{
        unsigned n = 0;

        for (size_t i = 0; i < sizeof(truth) / sizeof(truth[0]); i++) {
                CK_BBOOL v = 77;
                CK_ATTRIBUTE a = { truth[i].type, &v, 1 };
                CK_RV rv = p.f->C_GetAttributeValue(p.s, h, &a, 1);

                if (rv == CKR_OK && v == truth[i].value)
                        continue;
                fprintf(stderr, "%s is %u (0x%lx)\n", truth[i].name, v, rv);
                n++;
        }
        return n;
}

static void open_and_find(void)
{
        size_t n;

        p11_start(&p);
        if (p11_find(&p, CKO_PUBLIC_KEY, "k", &pub, 1, &n) != CKR_OK || p11_find(&p, CKO_PRIVATE_KEY, "k", &priv, 1, &n) != CKR_OK || n != 1)
                exit(2);
}

static void by_set(void)
{
        unsigned kept = 0;
        CK_ATTRIBUTE a;

        for (size_t i = 0; i < N_WEAKER; i++) {
                a = weaker[i].a;
                if (p.f->C_SetAttributeValue(p.s, priv, &a, 1) != CKR_OK)
                        continue;
                fprintf(stderr, "C_SetAttributeValue %s: CKR_OK\n", weaker[i].name);
                kept++;
        }
        robust_row(kept == 0, "F17", "weakened by C_SetAttributeValue", "%zu attributes: %u accepted", N_WEAKER, kept);
}

static void by_copy(void)
{
        CK_OBJECT_HANDLE h;
        unsigned kept = 0;
        CK_ATTRIBUTE a;

        for (size_t i = 0; i < N_WEAKER; i++) {
                a = weaker[i].a;
                if (p.f->C_CopyObject(p.s, priv, &a, 1, &h) != CKR_OK)
                        continue;
                fprintf(stderr, "C_CopyObject %s: CKR_OK\n", weaker[i].name);
                kept++;
        }
        robust_row(kept == 0, "F17", "weakened by C_CopyObject", "%zu attributes: %u accepted", N_WEAKER, kept);
}

/* At creation DECRYPT and the usages a chip has are fair wishes; the rest is refused, or the key is not what was asked and says so. */
static void at_creation(void)
{
        static const unsigned char p256[] = { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };
        CK_MECHANISM m = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
        unsigned kept = 0, tried = 0;
        CK_OBJECT_HANDLE a, b;

        for (size_t i = 0; i < N_WEAKER; i++) {
                CK_ATTRIBUTE t_pub[] = { { CKA_TOKEN, &yes, 1 }, { CKA_EC_PARAMS, (void *)p256, sizeof(p256) } };
                CK_ATTRIBUTE t_priv[] = { { CKA_TOKEN, &yes, 1 }, { CKA_SIGN, &yes, 1 }, weaker[i].a };

                tried++;
                if (p.f->C_GenerateKeyPair(p.s, &m, t_pub, 2, t_priv, 3, &a, &b) != CKR_OK)
                        continue;
                if (lies(b) > 0) {
                        fprintf(stderr, "C_GenerateKeyPair with %s\n", weaker[i].name);
                        kept++;
                }
                p.f->C_DestroyObject(p.s, b);
                p.f->C_DestroyObject(p.s, a);
        }
        robust_row(kept == 0, "F17", "asked for at creation", "%u attributes: %u made a weaker key", tried, kept);
}

/* SIGN may go, and must not come back. */
static void sticky(void)
{
        CK_ATTRIBUTE off = { CKA_SIGN, &no, 1 }, on = { CKA_SIGN, &yes, 1 };
        CK_MECHANISM m = { CKM_ECDSA, NULL, 0 };
        CK_OBJECT_HANDLE a, b;
        unsigned bad = 0;

        if (p11_generate(&p, "sticky", &a, &b) != CKR_OK || p.f->C_SetAttributeValue(p.s, b, &off, 1) != CKR_OK) {
                bad++;
        } else {
                bad += p.f->C_SetAttributeValue(p.s, b, &on, 1) == CKR_OK;
                bad += p.f->C_SignInit(p.s, &m, b) != CKR_KEY_FUNCTION_NOT_PERMITTED;
        }
        robust_row(bad == 0, "F17", "SIGN taken away stays away", "%u of 3 wrong", bad);
}

int main(void)
{
        static struct child c;
        unsigned before, after;

        robust_start();
        child_run(&c, (const char *const[]){ "worker", "generate", "k", NULL }, NULL, 60);
        open_and_find();
        before = lies(priv);
        by_set();
        by_copy();
        at_creation();
        sticky();
        p.f->C_Finalize(NULL);
        open_and_find();
        after = lies(priv);
        robust_row(before + after == 0 && p11_works(&p, pub, priv), "F17", "attributes of the key, before and after all that",
                   "%u and %u untrue", before, after);
        p.f->C_Finalize(NULL);
        return robust_end();
}
