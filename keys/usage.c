/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes and reads the "usage" line of key files. */
#include <string.h>
#include "keys/usage.h"
#include "lib/alg.h"
#include "lib/err.h"

static const struct { unsigned op; const char *word; } words[] = {
        { ALG_SIGN, "sign" },
        { ALG_DECRYPT, "decrypt" },
        { ALG_DERIVE, "derive" },
};

int usage_to_attrs(unsigned usage, struct attrs *a)
{
        char text[32] = "";

        for (size_t i = 0; i < ARRAY_LEN(words); i++) {
                if (!(usage & words[i].op))
                        continue;
                if (text[0])
                        strcat(text, ",");
                strcat(text, words[i].word);
        }
        return attrs_set_str(a, "usage", text);
}

static unsigned op_of(const char *word, size_t len)
{
        for (size_t i = 0; i < ARRAY_LEN(words); i++)
                if (strlen(words[i].word) == len && memcmp(words[i].word, word, len) == 0)
                        return words[i].op;
        return 0;
}

int usage_from_attrs(const struct attrs *a, unsigned *ret)
{
        const char *word = attrs_str(a, "usage", "");
        size_t len;

        if (!attrs_get(a, "usage"))
                return ERR_NOENT;
        for (*ret = 0; *word; word += len + (word[len] == ',')) {
                len = strcspn(word, ",");
                *ret |= op_of(word, len);
        }
        return 0;
}
