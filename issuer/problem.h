/* SPDX-License-Identifier: BSD-2-Clause */
/* The issuer's errors as others see them: application/problem+json (RFC 9457). */
#ifndef HOLDFAST_ISSUER_PROBLEM_H
#define HOLDFAST_ISSUER_PROBLEM_H

#include <jansson.h>
#include "issuer/http.h"

/* "nonce": the type is urn:holdfast:problem:nonce. NULL behind the last. */
const char *problem_word(size_t i);

/* The word for an error that got none where it happened. */
const char *problem_by_code(int code);

/* word: one of the table. detail: in words; of what went wrong inside the issuer nothing is told. checks: an array, or NULL. */
void problem_write(struct http_reply *reply, const char *word, const char *detail, json_t *checks);

#endif
