/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Replays a corpus through a fuzz target where there is no libFuzzer: every file and directory given, or,
 * with no argument, the corpus that bears the target's name. Finding nothing to replay is a failure.
 */

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 1 << 20 };

static unsigned replayed;

static int replay_file(const char *path)
{
        uint8_t *data;
        size_t n;
        FILE *f;

        f = fopen(path, "rbe");
        if (f == NULL) {
                fprintf(stderr, "%s: %s\n", path, strerror(errno));
                return -1;
        }
        data = malloc(INPUT_MAX);
        if (data == NULL) {
                fclose(f);
                return -1;
        }
        n = fread(data, 1, INPUT_MAX, f);
        fclose(f);

        /* A block of exactly the input's size, so that a sanitizer sees the first byte read beyond it. */
        if (n > 0) {
                uint8_t *exact = realloc(data, n);

                if (exact != NULL)
                        data = exact;
        }
        LLVMFuzzerTestOneInput(data, n);
        free(data);
        replayed++;
        return 0;
}

static int replay(const char *path)
{
        struct dirent *e;
        struct stat st;
        DIR *d;
        int r = 0;

        if (stat(path, &st) != 0) {
                fprintf(stderr, "%s: %s\n", path, strerror(errno));
                return -1;
        }
        if (!S_ISDIR(st.st_mode))
                return replay_file(path);

        d = opendir(path);
        if (d == NULL) {
                fprintf(stderr, "%s: %s\n", path, strerror(errno));
                return -1;
        }
        while (r == 0 && (e = readdir(d)) != NULL) {
                char *sub;

                if (e->d_name[0] == '.')
                        continue;
                if (asprintf(&sub, "%s/%s", path, e->d_name) < 0) {
                        r = -1;
                        break;
                }
                r = replay(sub);
                free(sub);
        }
        closedir(d);
        return r;
}

/* tests/fuzz/fuzz_X finds tests/fuzz/corpus/X in the source directory, which `make check` exports. */
static int replay_own_corpus(void)
{
        const char *name = program_invocation_short_name, *srcdir = getenv("top_srcdir");
        const char *x = strstr(name, "fuzz_");
        char *path;
        int r;

        if (x == NULL)
                return -1;
        if (asprintf(&path, "%s/tests/fuzz/corpus/%s", srcdir != NULL ? srcdir : ".", x + strlen("fuzz_")) < 0)
                return -1;
        r = replay(path);
        free(path);
        return r;
}

int main(int argc, char **argv)
{
        if (argc == 1 && replay_own_corpus() != 0)
                return EXIT_FAILURE;
        for (int i = 1; i < argc; i++)
                if (replay(argv[i]) != 0)
                        return EXIT_FAILURE;

        printf("%u inputs replayed\n", replayed);
        return replayed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
