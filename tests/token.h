/* SPDX-License-Identifier: BSD-2-Clause */
/* A token of a test's own: a blank software TPM, a store, one agent, the module initialised. */
#ifndef HOLDFAST_TESTS_TOKEN_H
#define HOLDFAST_TESTS_TOKEN_H

#include <openssl/evp.h>
#include "lib/cryptoki.h"
#include "tests/swtpm.h"

#define TOKEN_LABEL "tester"
#define TOKEN_SO_PIN "00000000"
#define TOKEN_PIN "123456"

struct token {
        struct swtpm tpm;
        CK_FUNCTION_LIST_3_0 *f;
        CK_SLOT_ID slot;
        CK_SESSION_HANDLE s;      /* read-write, of the test that runs */
};

/* For cmocka: a group's token in *state, and a session for each test. conf: text of the configuration file, or NULL. */
int token_start(struct token *t, const char *conf, int with_pin);
int token_stop(struct token *t);
int token_session(void **state);
int token_session_end(void **state);

/* Key pairs with the attributes that a program would give; curve is lib/alg.h's name. */
void token_ec_pair(struct token *t, const char *curve, CK_OBJECT_HANDLE *ret_pub, CK_OBJECT_HANDLE *ret_priv);
void token_rsa_pair(struct token *t, CK_ULONG bits, CK_OBJECT_HANDLE *ret_pub, CK_OBJECT_HANDLE *ret_priv);

/* The public half as OpenSSL's, to check us by somebody else's code. Free it. */
EVP_PKEY *token_public(struct token *t, CK_OBJECT_HANDLE pub);
/* 1 if OpenSSL takes the signature. ECDSA: r || s. pad, salt, mgf: RSA. */
struct token_check {
        const char *md;           /* of the digest; NULL: none, data as they are */
        int pad;                  /* RSA_PKCS1_PADDING ..., 0 for ECDSA */
        int salt;
        const char *mgf;          /* NULL: as md */
};
int token_verifies(EVP_PKEY *key, const struct token_check *how, const void *digest, size_t len, const CK_BYTE *sig, CK_ULONG sig_len);

#endif
