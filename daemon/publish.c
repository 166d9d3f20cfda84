/* SPDX-License-Identifier: BSD-2-Clause */
/* How do files appear that everybody may read, whatever our umask is? */
#include "daemon/publish.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "keys/item_name.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/keytext.h"
#include "lib/pem.h"
#include "lib/ref.h"

#define DIR_MODE 0755
#define FILE_MODE 0644
#define FILE_MAX 65536

static int make_public(int fd, const char *name)
{
        struct stat st;

        if (fstat(fd, &st) != 0)
                return err_errno("%s", name);
        /* What others read here they believe. Root's is as root wants it. */
        if (st.st_uid != geteuid() && st.st_uid != 0)
                return err(ERR_PERM, "%s belongs neither to root nor to this user", name);
        if (st.st_uid != geteuid() || (st.st_mode & 07777) == DIR_MODE || fchmod(fd, DIR_MODE) == 0)
                return 0;
        return err_errno("cannot let others read %s", name);
}

int publish_open(const char *path, int *ret_fd)
{
        CLEANUP(close_fd) int fd = -1;
        int r;

        r = dir_make(path, DIR_MODE);
        if (r == 0)
                r = dir_open(AT_FDCWD, path, &fd);
        if (r == 0)
                r = make_public(fd, path);
        if (r != 0)
                return r;
        *ret_fd = fd;
        fd = -1;
        return 0;
}

static int enter(int fd, struct bytes name, int *ret_fd)
{
        CLEANUP(buf_clear) struct buf escaped = { 0 };
        CLEANUP(close_fd) int dir = -1;
        int r = item_name_label(name, &escaped);

        if (r == 0 && buf_str(&escaped) == NULL)
                r = err(ERR_NOMEM, "out of memory");
        if (r == 0 && mkdirat(fd, buf_str(&escaped), DIR_MODE) != 0 && errno != EEXIST)
                r = err_errno("cannot make the directory %s", buf_str(&escaped));
        if (r == 0)
                r = dir_open(fd, buf_str(&escaped), &dir);
        if (r == 0)
                r = make_public(dir, buf_str(&escaped));
        if (r != 0)
                return r;
        *ret_fd = dir;
        dir = -1;
        return 0;
}

int publish_directory(int fd, const char *agent, struct bytes label, int *ret_fd)
{
        CLEANUP(close_fd) int of_agent = -1;
        int r = enter(fd, BYTES_STR(agent), &of_agent);

        return r == 0 ? enter(of_agent, label, ret_fd) : r;
}

static int write_temp(int dir, const char *temp, struct bytes content)
{
        CLEANUP(close_fd) int fd = openat(dir, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

        if (fd < 0 || fchmod(fd, FILE_MODE) != 0)
                return err_errno("cannot make a file");
        while (content.len > 0) {
                ssize_t n = write(fd, content.ptr, content.len);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return err_errno("cannot write a file");
                content = BYTES(content.ptr + n, content.len - (size_t)n);
        }
        return 0;
}

int publish_file(int dir, const char *name, struct bytes content)
{
        char temp[FILE_TEMP_NAME_SIZE];
        int r = file_temp_name(temp);

        if (r == 0)
                r = write_temp(dir, temp, content);
        if (r == 0 && renameat(dir, temp, dir, name) != 0)
                r = err_errno("cannot exchange a file");
        if (r != 0)
                unlinkat(dir, temp, 0);
        return r == 0 ? 0 : err(r, "%s: %s", name, err_text());
}

static bool is_there(int dir, const char *name, struct bytes content)
{
        CLEANUP(buf_clear) struct buf old = { 0 };

        return file_read(dir, name, FILE_MAX, &old) == 0 && bytes_equal(BYTES_OF(&old), content);
}

static int put(int dir, const char *name, struct bytes content)
{
        return is_there(dir, name, content) ? 0 : publish_file(dir, name, content);
}

static int put_reference(int dir, const char *agent, struct bytes label, struct bytes id)
{
        CLEANUP(buf_clear) struct buf uri = { 0 }, der = { 0 }, pem = { 0 };
        int r = keytext_uri(agent, label, id, "private", &uri);

        if (r == 0)
                r = ref_encode(BYTES_OF(&uri), &der);
        if (r == 0)
                r = pem_encode(REF_PEM, BYTES(NULL, 0), BYTES_OF(&der), &pem);
        return r == 0 ? put(dir, "key.pem", BYTES_OF(&pem)) : r;
}

static int put_ssh(int dir, const char *agent, const struct pubkey *k)
{
        CLEANUP(buf_clear) struct buf line = { 0 };
        int r = keytext_ssh(k, &line);

        if (r == ERR_NOTSUP)
                return 0;
        if (r == 0)
                r = buf_printf(&line, " %s\n", agent);
        return r == 0 ? put(dir, "id.pub", BYTES_OF(&line)) : r;
}

int publish_key(int dir, const char *agent, struct item *key)
{
        const struct item_body *b;
        struct bytes label, id;
        int r;

        r = item_load(key, &b);
        if (r == 0)
                r = item_label(key, &label);
        if (r == 0)
                r = item_id(key, &id);
        if (r == 0)
                r = put_reference(dir, agent, label, id);
        return r == 0 ? put_ssh(dir, agent, &b->pub) : r;
}

int publish_remove(int fd, const char *agent, struct bytes label)
{
        CLEANUP(buf_clear) struct buf above = { 0 }, name = { 0 };
        CLEANUP(close_fd) int dir = -1;
        int r = item_name_label(BYTES_STR(agent), &above);

        if (r == 0)
                r = item_name_label(label, &name);
        if (r == 0 && (buf_str(&above) == NULL || buf_str(&name) == NULL))
                r = err(ERR_NOMEM, "out of memory");
        if (r == 0)
                r = dir_open(fd, buf_str(&above), &dir);
        if (r == 0)
                r = dir_remove(dir, buf_str(&name));
        if (r == 0)
                unlinkat(fd, buf_str(&above), AT_REMOVEDIR);
        return r == ERR_NOENT ? 0 : r;
}
