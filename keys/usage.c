/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes and reads the "usage" line of key files. */
#include <string.h>
#include "keys/usage.h"
#include "lib/cryptoki.h"
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

int usage_parse(const char *text, const struct key_kind *kind, unsigned *ret)
{
        unsigned can = kind->ckk == CKK_EC ? ALG_SIGN | ALG_DERIVE : kind->ckk == CKK_RSA ? ALG_SIGN | ALG_DECRYPT : ALG_SIGN;
        unsigned all = 0;
        size_t len;

        for (const char *word = text; *word; word += len + (word[len] == ',')) {
                len = strcspn(word, ",");
                if (!(op_of(word, len) & can))
                        return err(ERR_INVAL, "a %s key cannot be made to %.*s", kind->name, (int)len, word);
                all |= op_of(word, len);
        }
        if (all == 0)
                return err(ERR_INVAL, "no use of the key is named");
        *ret = all;
        return 0;
}
