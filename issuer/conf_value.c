/* SPDX-License-Identifier: BSD-2-Clause */
/* What does a value in issuer.conf say? */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "issuer/conf.h"
#include "lib/err.h"
#include "lib/utf8.h"

#define WORDS_MAX 1024
#define BLANKS " \t,"
#define URL_MAX 512
#define HEX_MAX 64              /* octets */
#define PCRS 24

void words_clear(struct words *w)
{
        for (size_t i = 0; i < w->n; i++)
                free(w->v[i]);
        free(w->v);
        *w = (struct words){ 0 };
}

struct bytes word_at(const struct words *w, size_t i)
{
        return BYTES_STR(w->v[i]);
}

/* The next word at *in, which is moved behind it; empty behind the last. */
static struct bytes next_word(const char **in)
{
        const char *start = *in + strspn(*in, BLANKS);
        size_t len = strcspn(start, BLANKS);

        *in = start + len;
        return BYTES(start, len);
}

static int add_words(const char *value, struct words *w)
{
        struct bytes word;

        while ((word = next_word(&value)).len > 0) {
                char **grown;

                if (w->n == WORDS_MAX)
                        return err(ERR_FORMAT, "more than %d words", WORDS_MAX);
                grown = reallocarray(w->v, w->n + 1, sizeof(*grown));
                if (grown == NULL)
                        return err(ERR_NOMEM, "out of memory");
                w->v = grown;
                w->v[w->n] = strndup((const char *)word.ptr, word.len);
                if (w->v[w->n] == NULL)
                        return err(ERR_NOMEM, "out of memory");
                w->n++;
        }
        return 0;
}

static int set_text(const char *value, char **place)
{
        char *copy = strdup(value);

        if (copy == NULL)
                return err(ERR_NOMEM, "out of memory");
        free(*place);
        *place = copy;
        return 0;
}

static int set_url(const char *value, char **place)
{
        size_t len = strlen(value);

        if (strncmp(value, "https://", 8) != 0 || len == 8 || len > URL_MAX || value[len - 1] == '/' || strcspn(value, " \"\\<>?#") != len)
                return err(ERR_FORMAT, "\"%s\" is no https URL without a \"/\" at its end", value);
        return set_text(value, place);
}

static int set_bool(const char *value, bool *place)
{
        static const char *const words[] = { "no", "yes", "false", "true", "off", "on", "0", "1" };

        for (size_t i = 0; i < ARRAY_LEN(words); i++) {
                if (strcmp(words[i], value) == 0) {
                        *place = i % 2 == 1;
                        return 0;
                }
        }
        return err(ERR_FORMAT, "\"%s\" is neither yes nor no", value);
}

/* A number and what stands behind it. */
static bool read_number(const char *value, unsigned long *ret, const char **ret_rest)
{
        char *end;

        errno = 0;
        *ret = strtoul(value, &end, 10);
        *ret_rest = end;
        return value[0] >= '0' && value[0] <= '9' && errno == 0;
}

static int set_number(const struct issuer_key *k, const char *value, unsigned *place)
{
        const char *rest;
        unsigned long v;

        if (!read_number(value, &v, &rest) || *rest != '\0' || v < k->min || v > k->max)
                return err(ERR_FORMAT, "\"%s\" is no number from %lu to %lu", value, k->min, k->max);
        *place = (unsigned)v;
        return 0;
}

static int set_seconds(const struct issuer_key *k, const char *value, unsigned *place)
{
        static const struct {
                const char *unit;
                unsigned long seconds;
        } units[] = { { "", 1 }, { "s", 1 }, { "m", 60 }, { "h", 60 * 60 }, { "d", 24 * 60 * 60 } };
        const char *rest;
        unsigned long v;

        for (size_t i = 0; read_number(value, &v, &rest) && i < ARRAY_LEN(units); i++) {
                if (strcmp(rest, units[i].unit) != 0 || v > k->max / units[i].seconds || v * units[i].seconds < k->min)
                        continue;
                *place = (unsigned)(v * units[i].seconds);
                return 0;
        }
        return err(ERR_FORMAT, "\"%s\" is no time from %lu to %lu seconds, as 90, 15m, 8h or 2d", value, k->min, k->max);
}

/* Which of the choices is it? -1: none. */
static int find_choice(const char *choices, struct bytes word)
{
        struct bytes choice;

        for (int i = 0; (choice = next_word(&choices)).len > 0; i++)
                if (bytes_equal(choice, word))
                        return i;
        return -1;
}

static int set_choice(const struct issuer_key *k, const char *value, unsigned *place)
{
        int i = find_choice(k->choices, BYTES_STR(value));

        if (i < 0)
                return err(ERR_FORMAT, "\"%s\" is none of: %s", value, k->choices);
        *place = (unsigned)i;
        return 0;
}

static int set_choices(const struct issuer_key *k, const char *value, unsigned *place)
{
        unsigned bits = 0;
        struct bytes word;

        while ((word = next_word(&value)).len > 0) {
                int i = find_choice(k->choices, word);

                if (i < 0)
                        return err(ERR_FORMAT, "\"%.*s\" is none of: %s", (int)word.len, (const char *)word.ptr, k->choices);
                bits |= 1u << i;
        }
        *place = bits;
        return 0;
}

static int set_hex(const char *value, struct buf *place)
{
        int r = hex_decode(value, strlen(value), place);

        if (r == 0 && (place->len == 0 || place->len > HEX_MAX))
                r = err(ERR_FORMAT, "more than %d octets in hexadecimal digits, or none", HEX_MAX);
        return r;
}

static int set_pcrs(const char *value, uint32_t *place)
{
        uint32_t bits = 0;
        struct bytes word;

        while ((word = next_word(&value)).len > 0) {
                const char *rest;
                unsigned long v;

                if (!read_number((const char *)word.ptr, &v, &rest) || rest != (const char *)word.ptr + word.len || v >= PCRS)
                        return err(ERR_FORMAT, "\"%.*s\" is no PCR from 0 to %d", (int)word.len, (const char *)word.ptr, PCRS - 1);
                bits |= UINT32_C(1) << v;
        }
        *place = bits;
        return 0;
}

int issuer_key_set(const struct issuer_key *k, const char *value, void *structure)
{
        void *place = (char *)structure + k->offset;

        if (value[0] == '\0' || !utf8_printable(BYTES_STR(value)))
                return err(ERR_FORMAT, "an empty value or one with control characters");
        switch (k->type) {
        case ISSUER_PATH:
                if (value[0] != '/')
                        return err(ERR_FORMAT, "\"%s\" is no absolute path", value);
                return set_text(value, place);
        case ISSUER_TEXT:
                if (strpbrk(value, " \t") != NULL)
                        return err(ERR_FORMAT, "\"%s\" is more than one word", value);
                return set_text(value, place);
        case ISSUER_LINE:
                return set_text(value, place);
        case ISSUER_URL:
                return set_url(value, place);
        case ISSUER_WORDS:
                return add_words(value, place);
        case ISSUER_BOOL:
                return set_bool(value, place);
        case ISSUER_NUMBER:
                return set_number(k, value, place);
        case ISSUER_SECONDS:
                return set_seconds(k, value, place);
        case ISSUER_CHOICE:
                return set_choice(k, value, place);
        case ISSUER_CHOICES:
                return set_choices(k, value, place);
        case ISSUER_HEX:
                return set_hex(value, place);
        case ISSUER_PCRS:
                return set_pcrs(value, place);
        }
        return err(ERR_INVAL, "a key of no type");
}
