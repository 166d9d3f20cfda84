/* SPDX-License-Identifier: BSD-2-Clause */
/* How is it written down what a store should hold? */
#include "keys/sums.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "lib/crypto.h"
#include "lib/err.h"

#define HEAD "holdfast sums 1\n"
#define FILE_NAME_MAX 255
#define HEX_SIZE (2 * SUM_SIZE)

void sum_list_clear(struct sum_list *l)
{
        for (size_t i = 0; i < l->n; i++)
                free(l->list[i].file);
        free(l->list);
        *l = (struct sum_list){ 0 };
}

/* Where it is, or should be. */
static size_t place_of(const struct sum_list *l, const char *file)
{
        size_t from = 0, to = l->n;

        /* They come in order where many come. */
        if (l->n > 0 && strcmp(l->list[l->n - 1].file, file) < 0)
                return l->n;
        while (from < to) {
                size_t middle = from + (to - from) / 2;

                if (strcmp(l->list[middle].file, file) < 0)
                        from = middle + 1;
                else
                        to = middle;
        }
        return from;
}

const struct sum *sum_list_find(const struct sum_list *l, const char *file)
{
        size_t i = place_of(l, file);

        return i < l->n && strcmp(l->list[i].file, file) == 0 ? &l->list[i] : NULL;
}

int sum_list_put(struct sum_list *l, const char *file, bool gone, const uint8_t hash[SUM_SIZE])
{
        size_t i = place_of(l, file);
        struct sum *list;
        char *copy;

        if (i == l->n || strcmp(l->list[i].file, file) != 0) {
                copy = strdup(file);
                /* Room grows in powers of two. */
                list = copy != NULL && (l->n & (l->n - 1)) == 0 ? realloc(l->list, (l->n > 0 ? l->n * 2 : 1) * sizeof(*list)) : l->list;
                if (copy == NULL || list == NULL) {
                        free(copy);
                        return err(ERR_NOMEM, "out of memory");
                }
                l->list = list;
                memmove(&list[i + 1], &list[i], (l->n - i) * sizeof(*list));
                list[i] = (struct sum){ .file = copy };
                l->n++;
        }
        l->list[i].gone = gone;
        memset(l->list[i].hash, 0, SUM_SIZE);
        if (!gone)
                memcpy(l->list[i].hash, hash, SUM_SIZE);
        return 0;
}

int sum_list_edited(const struct sum_list *from, const struct sum_list *edits, struct sum_list *ret)
{
        CLEANUP(sum_list_clear) struct sum_list made = { 0 };
        int r = 0;

        for (size_t i = 0; r == 0 && i < from->n; i++)
                if (sum_list_find(edits, from->list[i].file) == NULL)
                        r = sum_list_put(&made, from->list[i].file, false, from->list[i].hash);
        for (size_t i = 0; r == 0 && i < edits->n; i++)
                if (!edits->list[i].gone)
                        r = sum_list_put(&made, edits->list[i].file, false, edits->list[i].hash);
        if (r == 0) {
                sum_list_clear(ret);
                *ret = made;
                made = (struct sum_list){ 0 };
        }
        return r;
}

void change_free(struct change *c)
{
        sum_list_clear(&c->edits);
        free(c);
}

static void subject_free(struct subject *s)
{
        sum_list_clear(&s->files);
        free(s->wrong);
        free(s);
}

void sums_clear(struct sums *s)
{
        while (s->changes != NULL) {
                struct change *c = s->changes;

                s->changes = c->next;
                change_free(c);
        }
        for (size_t b = 0; b < SUMS_BUCKETS; b++)
                while (s->buckets[b] != NULL) {
                        struct subject *subject = s->buckets[b];

                        s->buckets[b] = subject->next;
                        subject_free(subject);
                }
        memset(s, 0, sizeof(*s));
}

/* FNV-1a. */
static size_t bucket_of(const char *name)
{
        uint32_t h = 2166136261u;

        for (; *name != '\0'; name++)
                h = (h ^ (uint8_t)*name) * 16777619u;
        return h % SUMS_BUCKETS;
}

int sums_subject(struct sums *s, const char *name, struct subject **ret)
{
        struct subject **bucket = &s->buckets[bucket_of(name)], *subject;

        for (subject = *bucket; subject != NULL; subject = subject->next)
                if (strcmp(subject->name, name) == 0) {
                        *ret = subject;
                        return 0;
                }
        subject = strlen(name) <= AGENT_NAME_MAX ? calloc(1, sizeof(*subject)) : NULL;
        if (subject == NULL)
                return err(ERR_NOMEM, "out of memory");
        strcpy(subject->name, name);
        subject->next = *bucket;
        *bucket = subject;
        *ret = subject;
        return 0;
}

void sums_add(struct sums *s, struct change *c)
{
        struct change **p = &s->changes;

        while (*p != NULL)
                p = &(*p)->next;
        c->next = NULL;
        *p = c;
}

void sums_remove(struct sums *s, struct change *c)
{
        struct change **p = &s->changes;

        while (*p != c)
                p = &(*p)->next;
        *p = c->next;
}

/* Reading */

/* Takes the text up to the next LF. */
static bool next_line(struct bytes *text, struct bytes *ret)
{
        const uint8_t *lf = text->len > 0 ? memchr(text->ptr, '\n', text->len) : NULL;

        if (lf == NULL)
                return false;
        *ret = BYTES(text->ptr, (size_t)(lf - text->ptr));
        *text = BYTES(lf + 1, text->len - ret->len - 1);
        return true;
}

/* Takes a word that the rest begins with. */
static bool skip(struct bytes *rest, const char *word)
{
        size_t len = strlen(word);

        if (rest->len < len || memcmp(rest->ptr, word, len) != 0)
                return false;
        *rest = BYTES(rest->ptr + len, rest->len - len);
        return true;
}

/* Decimal, below 2^64, no zeros in front. */
static bool take_number(struct bytes *rest, uint64_t *ret)
{
        uint64_t n = 0;
        size_t i = 0;

        for (; i < rest->len && rest->ptr[i] >= '0' && rest->ptr[i] <= '9'; i++) {
                uint64_t digit = (uint64_t)(rest->ptr[i] - '0');

                if (n > (UINT64_MAX - digit) / 10 || (i == 1 && n == 0))
                        return false;
                n = n * 10 + digit;
        }
        *rest = BYTES(rest->ptr + i, rest->len - i);
        *ret = n;
        return i > 0;
}

static bool take_hash(struct bytes *rest, uint8_t ret[SUM_SIZE])
{
        CLEANUP(buf_clear) struct buf hash = { 0 };

        if (rest->len < HEX_SIZE || hex_decode((const char *)rest->ptr, HEX_SIZE, &hash) != 0)
                return false;
        for (size_t i = 0; i < HEX_SIZE; i++)
                if (rest->ptr[i] >= 'A' && rest->ptr[i] <= 'F')
                        return false;
        memcpy(ret, hash.ptr, SUM_SIZE);
        *rest = BYTES(rest->ptr + HEX_SIZE, rest->len - HEX_SIZE);
        return true;
}

/* "AGENT/FILE", or "FILE" of the store's own, to the end. */
static bool take_path(struct bytes rest, char ret_subject[AGENT_NAME_MAX + 1], char ret_file[FILE_NAME_MAX + 1])
{
        const uint8_t *slash = rest.len > 0 ? memchr(rest.ptr, '/', rest.len) : NULL;
        size_t agent = slash != NULL ? (size_t)(slash - rest.ptr) : 0;

        if (agent > AGENT_NAME_MAX || memchr(rest.ptr, '\0', agent) != NULL)
                return false;
        memcpy(ret_subject, rest.ptr, agent);
        ret_subject[agent] = '\0';
        if (slash != NULL) {
                if (!agent_name_valid(ret_subject))
                        return false;
                rest = BYTES(slash + 1, rest.len - agent - 1);
        }
        if (rest.len == 0 || rest.len > FILE_NAME_MAX)
                return false;
        for (size_t i = 0; i < rest.len; i++)
                if (rest.ptr[i] <= ' ' || rest.ptr[i] > '~' || rest.ptr[i] == '/')
                        return false;
        memcpy(ret_file, rest.ptr, rest.len);
        ret_file[rest.len] = '\0';
        return true;
}

static int bad_line(struct bytes line)
{
        return err(ERR_FORMAT, "the store's sums have a line that this version does not know: %.*s", (int)(line.len < 60 ? line.len : 60), (const char *)line.ptr);
}

static struct change *change_of(const struct sums *s, uint64_t number)
{
        struct change *c = s->changes;

        while (c != NULL && c->number != number)
                c = c->next;
        return c;
}

/* "= HASH PATH", "- PATH": of the change that is being told, or in a first block what is there. */
static int apply_file(struct sums *s, struct change *open, bool first, struct bytes line)
{
        char name[AGENT_NAME_MAX + 1], file[FILE_NAME_MAX + 1];
        struct bytes rest = line;
        struct subject *subject;
        uint8_t hash[SUM_SIZE];
        bool gone = skip(&rest, "- ");
        struct sum_list *list;
        int r;

        if (!gone && !(skip(&rest, "= ") && take_hash(&rest, hash) && skip(&rest, " ")))
                return bad_line(line);
        if (!take_path(rest, name, file) || (open == NULL && (gone || !first)))
                return bad_line(line);
        r = sums_subject(s, name, &subject);
        if (r != 0)
                return r;
        if (open != NULL && open->subject == NULL)
                open->subject = subject;
        list = open != NULL ? &open->edits : &subject->files;
        if ((open != NULL && open->subject != subject) || sum_list_find(list, file) != NULL)
                return bad_line(line);
        return sum_list_put(list, file, gone, hash);
}

static int apply_begin(struct sums *s, uint64_t number, struct change **ret)
{
        struct change *c = number > s->number ? calloc(1, sizeof(*c)) : NULL;

        if (c == NULL)
                return err(number > s->number ? ERR_NOMEM : ERR_FORMAT, "a change of number %" PRIu64, number);
        *c = (struct change){ .number = number, .state = CHANGE_TOLD };
        s->number = number;
        sums_add(s, c);
        *ret = c;
        return 0;
}

static int apply_end(struct sums *s, uint64_t number, bool done)
{
        struct change *c = change_of(s, number);
        int r = 0;

        if (c == NULL || c->subject == NULL)
                return err(ERR_FORMAT, "the store's sums tell of no change %" PRIu64, number);
        if (done)
                r = sum_list_edited(&c->subject->files, &c->edits, &c->subject->files);
        if (r == 0) {
                sums_remove(s, c);
                change_free(c);
        }
        return r;
}

int sums_apply(struct sums *s, struct bytes lines, bool first)
{
        struct change *open = NULL;
        struct bytes line, rest;
        uint64_t number;
        int r = 0;

        while (r == 0 && next_line(&lines, &line)) {
                bool file = line.len > 2 && (line.ptr[0] == '=' || line.ptr[0] == '-') && line.ptr[1] == ' ';
                bool begin, done;

                if (file) {
                        r = apply_file(s, open, first, line);
                        continue;
                }
                if (open != NULL && open->subject == NULL)
                        return bad_line(line);
                rest = line;
                begin = skip(&rest, "begin ");
                done = !begin && skip(&rest, "done ");
                if ((!begin && !done && !skip(&rest, "undone ")) || !take_number(&rest, &number) || rest.len > 0)
                        return bad_line(line);
                open = NULL;
                r = begin ? apply_begin(s, number, &open) : apply_end(s, number, done);
        }
        if (r == 0 && (lines.len > 0 || (open != NULL && open->subject == NULL)))
                r = bad_line(lines);
        return r;
}

/* One block of a text. */
struct block {
        struct bytes lines;     /* without the last */
        struct bytes sealed;    /* what the MAC is over, but for the chain */
        uint64_t counter;
        uint8_t mac[SUM_SIZE];
        bool well_formed;       /* its last line */
};

/* Takes a block with its last line. */
static bool next_block(struct bytes *text, struct block *ret)
{
        struct bytes rest = *text, line, end;

        while (next_line(&rest, &line)) {
                end = line;
                if (!skip(&end, "mac "))
                        continue;
                ret->lines = BYTES(text->ptr, (size_t)(line.ptr - text->ptr));
                ret->well_formed = take_number(&end, &ret->counter) && skip(&end, " ");
                ret->sealed = BYTES(text->ptr, (size_t)(end.ptr - text->ptr));
                ret->well_formed = ret->well_formed && take_hash(&end, ret->mac) && end.len == 0;
                *text = rest;
                return true;
        }
        return false;
}

static int mac_of(struct bytes key, const uint8_t chain[SUM_SIZE], struct bytes sealed, uint8_t ret[SUM_SIZE])
{
        return crypto_hmac(hash_by_name("SHA256"), key, (struct bytes[]){ BYTES(chain, SUM_SIZE), sealed }, 2, ret);
}

static int is_genuine(const struct block *b, struct bytes key, const uint8_t chain[SUM_SIZE], bool *ret)
{
        uint8_t mac[SUM_SIZE];
        int r = mac_of(key, chain, b->sealed, mac);

        if (r == 0)
                *ret = b->well_formed && bytes_equal_secret(BYTES(mac, SUM_SIZE), BYTES(b->mac, SUM_SIZE));
        return r;
}

int sums_load(struct bytes text, struct bytes key, struct sums *s, enum sums_end *ret)
{
        bool first = true, genuine;
        struct block b = { 0 };
        int r;

        while (next_block(&text, &b)) {
                r = is_genuine(&b, key, s->chain, &genuine);
                if (r != 0)
                        return r;
                if (!genuine) {
                        *ret = first || text.len > 0 ? SUMS_EDITED : SUMS_BAD_END;
                        return 0;
                }
                if (first && !skip(&b.lines, HEAD))
                        return bad_line(b.lines);
                r = sums_apply(s, b.lines, first);
                if (r != 0)
                        return r;
                s->counter = b.counter;
                memcpy(s->chain, b.mac, SUM_SIZE);
                if (first)
                        s->first_size = b.lines.len;
                first = false;
        }
        *ret = first ? SUMS_EDITED : text.len > 0 ? SUMS_TORN : SUMS_WHOLE;
        return 0;
}

/* Writing */

static int put_files(const struct subject *subject, const struct sum_list *l, struct buf *text)
{
        const char *slash = subject->name[0] != '\0' ? "/" : "";
        int r = 0;

        for (size_t i = 0; r == 0 && i < l->n; i++) {
                CLEANUP(buf_clear) struct buf hex = { 0 };

                if (l->list[i].gone) {
                        r = buf_printf(text, "- %s%s%s\n", subject->name, slash, l->list[i].file);
                        continue;
                }
                r = hex_encode(BYTES(l->list[i].hash, SUM_SIZE), &hex);
                if (r == 0)
                        r = buf_append_str(text, "= ");
                if (r == 0)
                        r = buf_append(text, hex.ptr, hex.len);
                if (r == 0)
                        r = buf_printf(text, " %s%s%s\n", subject->name, slash, l->list[i].file);
        }
        return r;
}

static int put_begin(const struct change *c, struct buf *text)
{
        int r = buf_printf(text, "begin %" PRIu64 "\n", c->number);

        return r != 0 ? r : put_files(c->subject, &c->edits, text);
}

int sums_image(const struct sums *s, struct buf *ret)
{
        int r = buf_append_str(ret, HEAD);

        for (size_t b = 0; b < SUMS_BUCKETS; b++)
                for (const struct subject *subject = s->buckets[b]; r == 0 && subject != NULL; subject = subject->next)
                        r = put_files(subject, &subject->files, ret);
        for (const struct change *c = s->changes; r == 0 && c != NULL; c = c->next)
                if (c->state == CHANGE_NEW || c->state == CHANGE_TOLD)
                        r = put_begin(c, ret);
        return r;
}

int sums_news(const struct sums *s, struct buf *ret)
{
        int r = 0;

        for (const struct change *c = s->changes; r == 0 && c != NULL; c = c->next)
                if (c->state == CHANGE_NEW)
                        r = put_begin(c, ret);
                else if (c->state == CHANGE_DONE || c->state == CHANGE_UNDONE)
                        r = buf_printf(ret, "%s %" PRIu64 "\n", c->state == CHANGE_DONE ? "done" : "undone", c->number);
        return r;
}

int sums_seal(struct bytes key, const uint8_t chain[SUM_SIZE], uint64_t counter, struct buf *block, uint8_t ret_chain[SUM_SIZE])
{
        CLEANUP(buf_clear) struct buf hex = { 0 };
        int r;

        r = buf_printf(block, "mac %" PRIu64 " ", counter);
        if (r == 0)
                r = mac_of(key, chain, BYTES_OF(block), ret_chain);
        if (r == 0)
                r = hex_encode(BYTES(ret_chain, SUM_SIZE), &hex);
        if (r == 0)
                r = buf_append(block, hex.ptr, hex.len);
        return r != 0 ? r : buf_append_str(block, "\n");
}
