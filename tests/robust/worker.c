/* SPDX-License-Identifier: BSD-2-Clause */
/* Does things to a token that are worth interrupting, and says what is on it afterwards.
 *
 *   worker generate LABEL...    "ack LABEL" when C_GenerateKeyPair has said so, "fail RV LABEL" else
 *   worker rsa LABEL            an RSA pair; "ack LABEL"
 *   worker destroy LABEL        both halves of a pair; "ack"
 *   worker relabel OLD NEW      "ack"
 *   worker data LABEL           a data object; "ack LABEL"
 *   worker rewrite LABEL        changes a data object's value; "ack"
 *   worker check                "pair LABEL ok|bad", "half LABEL", "data LABEL ok|new|bad", then "usable yes|no"
 *   worker sign LABEL N         N signatures; "signed N", wrong and failed ones not counted
 *   worker each                 one signature with each private key, "signed N"
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tests/robust/p11.h"

#define MAX_OBJECTS 4096
#define DATA_LEN 1000

static CK_OBJECT_HANDLE pubs[MAX_OBJECTS], privs[MAX_OBJECTS], datas[MAX_OBJECTS];
static size_t n_pubs, n_privs, n_datas;

/* Straight out, so that a kill does not take it along. */
static void say(const char *word, const char *label)
{
        char line[300];
        int n = snprintf(line, sizeof(line), "%s %s\n", word, label);

        if (write(1, line, (size_t)n) != n)
                exit(3);
}

static void say_result(CK_RV rv, const char *label)
{
        char word[40];

        snprintf(word, sizeof(word), "fail 0x%lx", rv);
        say(rv == CKR_OK ? "ack" : word, label);
}

static CK_RV only(const struct p11 *p, CK_OBJECT_CLASS class, const char *label, CK_OBJECT_HANDLE *ret)
{
        size_t n;
        CK_RV rv;

        rv = p11_find(p, class, label, ret, 1, &n);
        return rv != CKR_OK ? rv : n == 1 ? CKR_OK : CKR_OBJECT_HANDLE_INVALID;
}

static void generate(const struct p11 *p, char **labels)
{
        CK_OBJECT_HANDLE pub, priv;

        for (; *labels; labels++)
                say_result(p11_generate(p, *labels, &pub, &priv), *labels);
}

static void rsa(const struct p11 *p, const char *label)
{
        CK_MECHANISM m = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 };
        CK_BBOOL yes = CK_TRUE;
        CK_ULONG bits = 2048;
        CK_ATTRIBUTE pub[] = {
                { CKA_TOKEN, &yes, 1 },
                { CKA_VERIFY, &yes, 1 },
                { CKA_ENCRYPT, &yes, 1 },
                { CKA_MODULUS_BITS, &bits, sizeof(bits) },
                { CKA_LABEL, (void *)label, strlen(label) },
        };
        CK_ATTRIBUTE priv[] = {
                { CKA_TOKEN, &yes, 1 },
                { CKA_SIGN, &yes, 1 },
                { CKA_DECRYPT, &yes, 1 },
                { CKA_LABEL, (void *)label, strlen(label) },
        };
        CK_OBJECT_HANDLE a, b;

        say_result(p->f->C_GenerateKeyPair(p->s, &m, pub, 5, priv, 4, &a, &b), label);
}

static void destroy(const struct p11 *p, const char *label)
{
        CK_OBJECT_HANDLE h;
        CK_RV rv;

        rv = only(p, CKO_PRIVATE_KEY, label, &h);
        if (rv == CKR_OK)
                rv = p->f->C_DestroyObject(p->s, h);
        /* Where the halves are two things, the other one goes by a call of its own. */
        if (rv == CKR_OK && only(p, CKO_PUBLIC_KEY, label, &h) == CKR_OK)
                rv = p->f->C_DestroyObject(p->s, h);
        say_result(rv, label);
}

static void relabel(const struct p11 *p, const char *from, const char *to)
{
        CK_ATTRIBUTE a = { CKA_LABEL, (void *)to, strlen(to) };
        CK_OBJECT_HANDLE h;
        CK_RV rv;

        rv = only(p, CKO_PRIVATE_KEY, from, &h);
        if (rv == CKR_OK)
                rv = p->f->C_SetAttributeValue(p->s, h, &a, 1);
        if (rv == CKR_OK && only(p, CKO_PUBLIC_KEY, from, &h) == CKR_OK)
                rv = p->f->C_SetAttributeValue(p->s, h, &a, 1);
        say_result(rv, to);
}

static void fill(unsigned char v[DATA_LEN], unsigned char seed)
{
        for (size_t i = 0; i < DATA_LEN; i++)
                v[i] = (unsigned char)(i * 7 + seed);
}

static void data(const struct p11 *p, const char *label)
{
        CK_OBJECT_CLASS class = CKO_DATA;
        CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
        unsigned char v[DATA_LEN];
        CK_ATTRIBUTE t[] = {
                { CKA_CLASS, &class, sizeof(class) },
                { CKA_TOKEN, &yes, sizeof(yes) },
                { CKA_PRIVATE, &no, sizeof(no) },
                { CKA_LABEL, (void *)label, strlen(label) },
                { CKA_VALUE, v, sizeof(v) },
        };
        CK_OBJECT_HANDLE h;

        fill(v, 1);
        say_result(p->f->C_CreateObject(p->s, t, 5, &h), label);
}

static void rewrite(const struct p11 *p, const char *label)
{
        unsigned char v[DATA_LEN];
        CK_ATTRIBUTE a = { CKA_VALUE, v, sizeof(v) };
        CK_OBJECT_HANDLE h;
        CK_RV rv;

        fill(v, 2);
        rv = only(p, CKO_DATA, label, &h);
        if (rv == CKR_OK)
                rv = p->f->C_SetAttributeValue(p->s, h, &a, 1);
        say_result(rv, label);
}

static size_t get_id(const struct p11 *p, CK_OBJECT_HANDLE h, unsigned char id[64])
{
        CK_ATTRIBUTE a = { CKA_ID, id, 64 };

        return p->f->C_GetAttributeValue(p->s, h, &a, 1) == CKR_OK ? a.ulValueLen : 0;
}

/* The other half, by ID: the index in list, or n. */
static size_t other_half(const struct p11 *p, CK_OBJECT_HANDLE h, const CK_OBJECT_HANDLE *list, size_t n)
{
        unsigned char id[64], other[64];
        size_t len = get_id(p, h, id);

        for (size_t i = 0; i < n; i++)
                if (len > 0 && get_id(p, list[i], other) == len && memcmp(id, other, len) == 0)
                        return i;
        return n;
}

static void check_pairs(const struct p11 *p)
{
        char label[300];
        size_t i, j;

        for (i = 0; i < n_privs; i++) {
                p11_label(p, privs[i], label, sizeof(label));
                j = other_half(p, privs[i], pubs, n_pubs);
                if (j == n_pubs) {
                        say("half", label);
                        continue;
                }
                strcat(label, p11_works(p, pubs[j], privs[i]) ? " ok" : " bad");
                say("pair", label);
        }
        for (i = 0; i < n_pubs; i++) {
                if (other_half(p, pubs[i], privs, n_privs) < n_privs)
                        continue;
                p11_label(p, pubs[i], label, sizeof(label));
                say("half", label);
        }
}

static void check_data(const struct p11 *p)
{
        unsigned char v[DATA_LEN], old[DATA_LEN], new[DATA_LEN];
        CK_ATTRIBUTE a;
        char label[300];

        fill(old, 1);
        fill(new, 2);
        for (size_t i = 0; i < n_datas; i++) {
                p11_label(p, datas[i], label, sizeof(label));
                a = (CK_ATTRIBUTE){ CKA_VALUE, v, sizeof(v) };
                if (p->f->C_GetAttributeValue(p->s, datas[i], &a, 1) != CKR_OK || a.ulValueLen != DATA_LEN)
                        strcat(label, " bad");
                else
                        strcat(label, memcmp(v, old, DATA_LEN) == 0 ? " ok" : memcmp(v, new, DATA_LEN) == 0 ? " new" : " bad");
                say("data", label);
        }
}

/* Whatever happened before, a new key can be made, used and taken away again. */
static bool usable(const struct p11 *p)
{
        CK_OBJECT_HANDLE pub, priv;
        size_t n;

        if (p11_generate(p, "usable", &pub, &priv) != CKR_OK || !p11_works(p, pub, priv))
                return false;
        if (p->f->C_DestroyObject(p->s, priv) != CKR_OK)
                return false;
        if (p11_find(p, CKO_PUBLIC_KEY, "usable", &pub, 1, &n) == CKR_OK && n == 1)
                return p->f->C_DestroyObject(p->s, pub) == CKR_OK;
        return n == 0;
}

/* RSA pairs are there to be used, not to be judged. */
static size_t only_ec(const struct p11 *p, CK_OBJECT_HANDLE *list, size_t n)
{
        size_t kept = 0;

        for (size_t i = 0; i < n; i++) {
                CK_KEY_TYPE type = CKK_EC;
                CK_ATTRIBUTE a = { CKA_KEY_TYPE, &type, sizeof(type) };

                p->f->C_GetAttributeValue(p->s, list[i], &a, 1);
                if (type == CKK_EC)
                        list[kept++] = list[i];
        }
        return kept;
}

static void find_all(const struct p11 *p)
{
        if (p11_find(p, CKO_PUBLIC_KEY, NULL, pubs, MAX_OBJECTS, &n_pubs) != CKR_OK ||
            p11_find(p, CKO_PRIVATE_KEY, NULL, privs, MAX_OBJECTS, &n_privs) != CKR_OK ||
            p11_find(p, CKO_DATA, NULL, datas, MAX_OBJECTS, &n_datas) != CKR_OK) {
                say("usable", "no");
                exit(1);
        }
        n_pubs = only_ec(p, pubs, n_pubs);
        n_privs = only_ec(p, privs, n_privs);
}

static void sign(const struct p11 *p, const char *label, int n)
{
        CK_OBJECT_HANDLE pub, priv;
        char text[20];
        int good = 0;

        if (only(p, CKO_PUBLIC_KEY, label, &pub) == CKR_OK && only(p, CKO_PRIVATE_KEY, label, &priv) == CKR_OK)
                while (n-- > 0)
                        good += p11_works(p, pub, priv);
        snprintf(text, sizeof(text), "%d", good);
        say("signed", text);
}

static void each(const struct p11 *p)
{
        char text[20];
        size_t j;
        int good = 0;

        find_all(p);
        for (size_t i = 0; i < n_privs; i++) {
                j = other_half(p, privs[i], pubs, n_pubs);
                good += j < n_pubs && p11_works(p, pubs[j], privs[i]);
        }
        snprintf(text, sizeof(text), "%d", good);
        say("signed", text);
}

int main(int argc, char **argv)
{
        const char *verb = argc > 1 ? argv[1] : "";
        struct p11 p;

        p11_start(&p);
        if (strcmp(verb, "generate") == 0) {
                generate(&p, argv + 2);
        } else if (strcmp(verb, "rsa") == 0 && argc == 3) {
                rsa(&p, argv[2]);
        } else if (strcmp(verb, "destroy") == 0 && argc == 3) {
                destroy(&p, argv[2]);
        } else if (strcmp(verb, "relabel") == 0 && argc == 4) {
                relabel(&p, argv[2], argv[3]);
        } else if (strcmp(verb, "data") == 0 && argc == 3) {
                data(&p, argv[2]);
        } else if (strcmp(verb, "rewrite") == 0 && argc == 3) {
                rewrite(&p, argv[2]);
        } else if (strcmp(verb, "sign") == 0 && argc == 4) {
                sign(&p, argv[2], atoi(argv[3]));
        } else if (strcmp(verb, "each") == 0) {
                each(&p);
        } else if (strcmp(verb, "check") == 0) {
                find_all(&p);
                check_pairs(&p);
                check_data(&p);
                say("usable", usable(&p) ? "yes" : "no");
        } else {
                fprintf(stderr, "worker: no such verb: %s\n", verb);
                return 2;
        }
        p.f->C_Finalize(NULL);
        return 0;
}
