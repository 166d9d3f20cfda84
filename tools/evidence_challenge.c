/* SPDX-License-Identifier: BSD-2-Clause */
/* What is the challenge, and what else does it ask for? */
#include <ctype.h>
#include <string.h>
#include "attest/evidence.h"
#include "lib/alg.h"
#include "tools/carryfile.h"
#include "tools/evidence.h"
#include "tools/readfile.h"
#include "tools/text.h"

#define SCHEMA "holdfast.challenge/1"

void challenge_clear(struct challenge *ch)
{
        buf_clear(&ch->octets);
        buf_clear(&ch->agent);
        buf_clear(&ch->label);
        buf_clear(&ch->join);
        *ch = (struct challenge){ 0 };
}

static int check_size(const char *given, const struct buf *octets)
{
        if (octets->len < EVIDENCE_CHALLENGE_MIN || octets->len > EVIDENCE_CHALLENGE_MAX)
                return err(ERR_INVAL, "a challenge has %d to %d octets, and %s has %zu", EVIDENCE_CHALLENGE_MIN, EVIDENCE_CHALLENGE_MAX, given, octets->len);
        return 0;
}

/* Enough of it that no file is meant. */
static bool is_hex(struct bytes b)
{
        if (b.len < 2 * EVIDENCE_CHALLENGE_MIN || b.len % 2 != 0)
                return false;
        for (size_t i = 0; i < b.len; i++)
                if (!isxdigit(b.ptr[i]))
                        return false;
        return true;
}

int pcr_hash_parse(const char *text, uint16_t *ret)
{
        static const struct {
                const char *name;
                uint16_t tpm;
        } banks[] = { { "sha256", 0x000b }, { "sha384", 0x000c }, { "sha512", 0x000d } };

        for (size_t i = 0; i < ARRAY_LEN(banks); i++)
                if (text == NULL || strcmp(text, banks[i].name) == 0) {
                        *ret = banks[i].tpm;
                        return 0;
                }
        return err(ERR_INVAL, "PCRs are of sha256, sha384 or sha512, and not of %s", text);
}

static int read_pcr_array(const json_t *list, uint32_t *ret)
{
        const json_t *one;
        size_t i;

        json_array_foreach(list, i, one) {
                const json_int_t n = json_is_integer(one) ? json_integer_value(one) : -1;

                if (n < 0 || n >= EVIDENCE_PCRS || (*ret >> n & 1) != 0)
                        return err(ERR_FORMAT, "the challenge file has PCRs that there are not, or one twice");
                *ret |= 1u << n;
        }
        return 0;
}

static int set_text(const char *text, struct buf *ret)
{
        return text == NULL ? 0 : buf_set(ret, BYTES_STR(text));
}

static int set_object(const json_t *o, struct buf *ret)
{
        if (o == NULL)
                return 0;
        return json_is_object(o) ? carryfile_text(o, JSON_COMPACT, ret) : err(ERR_FORMAT, "this is no challenge file that we know");
}

static int read_document(json_t *doc, struct challenge *ret)
{
        const char *schema = NULL, *octets = NULL, *host = NULL, *agent = NULL, *key = NULL, *hash = NULL;
        int event_log = 0, ima = 0, log = 0, process = 0;
        json_int_t until = 0;
        json_t *pcrs = NULL, *join = NULL;
        json_error_t e;
        uint16_t bank;
        int r;

        if (json_unpack_ex(doc, &e, JSON_STRICT, "{s:s, s:s, s?:s, s?:s, s?:s, s?:s, s?:o, s?:b, s?:b, s?:b, s?:b, s?:I, s?:o}", "schema", &schema, "challenge", &octets,
                           "host", &host, "agent", &agent, "key", &key, "pcr_hash", &hash, "pcrs", &pcrs, "event_log", &event_log, "ima", &ima, "log", &log,
                           "process", &process, "until", &until, "join", &join) != 0 || strcmp(schema, SCHEMA) != 0 || (pcrs != NULL && !json_is_array(pcrs)))
                return err(ERR_FORMAT, "this is no challenge file that we know");
        r = base64_decode(octets, strlen(octets), &ret->octets);
        if (r == 0)
                r = set_text(agent, &ret->agent);
        if (r == 0)
                r = set_text(key, &ret->label);
        if (r == 0)
                r = set_object(join, &ret->join);
        if (r == 0)
                r = read_pcr_array(pcrs, &ret->pcrs);
        if (r == 0)
                r = pcr_hash_parse(hash, &bank);
        if (r != 0)
                return r;
        snprintf(ret->pcr_hash, sizeof(ret->pcr_hash), "%s", hash != NULL ? hash : "sha256");
        ret->event_log = event_log != 0;
        ret->ima = ima != 0;
        ret->log = log != 0;
        ret->tells = true;
        return 0;
}

static int read_content(struct bytes text, struct challenge *ret)
{
        struct bytes line = text;
        json_error_t e;
        json_t *doc;
        int r;

        if (text.len > 0 && text.ptr[0] == '{') {
                doc = json_loadb((const char *)text.ptr, text.len, JSON_REJECT_DUPLICATES, &e);
                r = doc != NULL ? read_document(doc, ret) : err(ERR_FORMAT, "this is no challenge file: line %d is no JSON", e.line);
                json_decref(doc);
                return r;
        }
        while (line.len > 0 && isspace(line.ptr[line.len - 1]))
                line.len--;
        return is_hex(line) ? hex_decode((const char *)line.ptr, line.len, &ret->octets) : buf_set(&ret->octets, text);
}

int challenge_read(const char *given, struct challenge *ret)
{
        CLEANUP(challenge_clear) struct challenge ch = { 0 };
        CLEANUP(buf_clear) struct buf text = { 0 };
        int r;

        if (given == NULL)
                return err(ERR_USAGE, "evidence is for a challenge: give --challenge");
        if (is_hex(BYTES_STR(given))) {
                r = hex_decode(given, strlen(given), &ch.octets);
        } else {
                r = readfile(given, &text);
                if (r == 0)
                        r = read_content(BYTES_OF(&text), &ch);
        }
        if (r == 0)
                r = check_size(given, &ch.octets);
        if (r != 0)
                return r;
        *ret = ch;
        ch = (struct challenge){ 0 };
        return 0;
}
