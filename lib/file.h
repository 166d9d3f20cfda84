/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads and writes small files so that no crash, full disk or power cut leaves half of one. */
#ifndef HOLDFAST_LIB_FILE_H
#define HOLDFAST_LIB_FILE_H

#include <dirent.h>
#include <stdbool.h>
#include <sys/types.h>
#include "lib/buf.h"

/* All take a directory's descriptor (AT_FDCWD allowed) and a name in it. EINTR and short
 * reads and writes are the callee's business. Descriptors are close-on-exec. */

/* A regular file, symbolic links refused. ERR_NOENT; ERR_FORMAT if it is no regular file or longer than max. */
int file_read(int dirfd, const char *name, size_t max, struct buf *ret);
/* The same in two steps, for who wants to look at its owner and mode in between. */
int file_open(int dirfd, const char *name, int *ret_fd);
int file_read_fd(int fd, const char *name, size_t max, struct buf *ret);

/* Temporary name, fsync, rename, fsync of the directory: durable when it returns 0, unchanged otherwise;
 * only if the very last step fails while replacing, the new file shows and a power cut decides. Without
 * replace: ERR_EXIST if there is one. */
int file_write(int dirfd, const char *name, struct bytes content, mode_t mode, bool replace);
/* Durable. ERR_EXIST if `to` is there. For directories too. */
int file_rename(int dirfd, const char *from, const char *to);
/* Durable. Two that are there take each other's names in one step, or keep their own. For directories too.
 * ERR_NOTSUP if the file system cannot do that. */
int file_exchange(int dirfd, const char *a, const char *b);
/* Durable. If only the very last step fails it is gone, and a power cut decides. */
int file_remove(int dirfd, const char *name);
/* A name for a file or directory that is being made or removed: ".tmp-", something unique, "-" and the
 * process id, so that file_sweep() can tell the dead. */
#define FILE_TEMP_NAME_SIZE 40
int file_temp_name(char ret[FILE_TEMP_NAME_SIZE]);
/* Removes what dead writers left under such names. */
void file_sweep(int dirfd);

/* A directory and its missing parents, durable, mode for what it makes. 0 also if it is there. */
int dir_make(const char *path, mode_t mode);
/* ERR_NOENT if it is not there, ERR_FORMAT if it is no directory (a symbolic link is none). */
int dir_open(int dirfd, const char *name, int *ret_fd);
/* Makes durable what was made, renamed or removed in it; name is for the sentence of the error. */
int dir_sync(int dirfd, const char *name);
/* Calls fn for each entry but "." and "..", until one returns what is not 0, which it returns. */
int dir_list(int dirfd, int (*fn)(const struct dirent *e, void *ctx), void *ctx);
/* A directory and the files in it. Not durable, not all or nothing: rename it to a temporary name first. */
int dir_remove(int dirfd, const char *name);

/* flock() on a file made if need be, in turn. ERR_TIMEOUT after timeout_ms. */
int file_lock(int dirfd, const char *name, bool exclusive, unsigned timeout_ms, int *ret_fd);
/* For CLEANUP(): lets go and closes *fd unless negative. To close it is not enough: a fork() may have left a copy
 * of it in another process, which would hold the lock. */
void file_unlock(int *fd);

/* For CLEANUP(): closes *fd unless negative. */
void close_fd(int *fd);

#endif
