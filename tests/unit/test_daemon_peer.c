/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kernel says of a process, and when it is another one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "daemon/exe.h"
#include "daemon/peer.h"
#include "lib/crypto.h"
#include "lib/err.h"
#include "lib/file.h"
#include "tests/tempdir.h"

/* A child that has connected and waits: for a byte on the pipe it runs what it was told, for the pipe's end it ends. */
struct child {
        pid_t pid;
        int accepted, go;
};

static int listener = -1;
static struct sockaddr_un address;
static struct tempdir *dir;

static int start(void **state)
{
        if (tempdir_setup(state) != 0)
                return -1;
        dir = *state;
        address.sun_family = AF_UNIX;
        snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", dir->path);
        listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0 || chmod(address.sun_path, 0666) != 0 ||
            chmod(dir->path, 0755) != 0)
                return -1;
        return listen(listener, 8);
}

static int stop(void **state)
{
        close(listener);
        *state = dir;
        return tempdir_teardown(state);
}

static void child_start(struct child *c, uid_t uid, const char *program)
{
        int go[2];

        assert_int_equal(pipe(go), 0);
        c->pid = fork();
        if (c->pid == 0) {
                int s = socket(AF_UNIX, SOCK_STREAM, 0);        /* stays open over exec */
                char byte;

                close(go[1]);
                if ((uid != getuid() && (setgid((gid_t)uid) != 0 || setuid(uid) != 0)) || connect(s, (struct sockaddr *)&address, sizeof(address)) != 0)
                        _exit(1);
                if (read(go[0], &byte, 1) == 1)
                        execl(program, program, "60", (char *)NULL);
                _exit(0);
        }
        close(go[0]);
        c->go = go[1];
        c->accepted = accept(listener, NULL, NULL);
        assert_true(c->accepted >= 0);
}

static void child_end(struct child *c)
{
        int status;

        kill(c->pid, SIGKILL);
        waitpid(c->pid, &status, 0);
        close(c->accepted);
        close(c->go);
}

static void knows_this_process(void **state)
{
        CLEANUP(peer_clear) struct peer p = { .pidfd = -1 };
        CLEANUP(buf_clear) struct buf all = { 0 };
        uint8_t digest[HASH_MAX];
        char exe[PATH_MAX] = "";
        struct bytes b;

        (void)state;
        assert_int_equal(peer_of_pid(getpid(), &p), 0);
        assert_int_equal(p.uid, geteuid());
        assert_int_equal(p.gid, getegid());
        assert_int_equal(p.ppid, getppid());
        assert_true(p.start_time > 0);
        assert_true(readlink("/proc/self/exe", exe, sizeof(exe) - 1) > 0);
        assert_true(bytes_equal(BYTES_OF(&p.exe), BYTES_STR(exe)));
        assert_int_equal(file_read(AT_FDCWD, exe, 64 << 20, &all), 0);
        b = BYTES_OF(&all);
        assert_int_equal(crypto_hash(hash_by_name("SHA256"), &b, 1, digest), 0);
        assert_true(bytes_equal(BYTES_OF(&p.exe_sha256), BYTES(digest, 32)));
        assert_int_equal(peer_check(&p), 0);
}

static void knows_who_connected(void **state)
{
        CLEANUP(peer_clear) struct peer p = { .pidfd = -1 };
        struct child c;

        (void)state;
        child_start(&c, getuid(), NULL);
        assert_int_equal(peer_of_socket(c.accepted, &p), 0);
        assert_int_equal(p.pid, c.pid);
        assert_int_equal(p.uid, getuid());
        assert_int_equal(peer_check(&p), 0);
        child_end(&c);
        assert_int_equal(peer_check(&p), ERR_DENIED);
}

static void another_user_is_another_user(void **state)
{
        CLEANUP(peer_clear) struct peer p = { .pidfd = -1 };
        struct child c;

        (void)state;
        if (getuid() != 0)
                skip();
        child_start(&c, 65534, NULL);
        assert_int_equal(peer_of_socket(c.accepted, &p), 0);
        assert_int_equal(p.uid, 65534);
        assert_int_equal(peer_check(&p), 0);
        child_end(&c);
}

static void who_has_ended_before_we_looked_is_refused(void **state)
{
        struct peer p;
        struct child c;
        int status;

        (void)state;
        child_start(&c, getuid(), NULL);
        kill(c.pid, SIGKILL);
        waitpid(c.pid, &status, 0);
        assert_int_equal(peer_of_socket(c.accepted, &p), ERR_DENIED);
        close(c.accepted);
        close(c.go);
}

/* The copy keeps the socket over exec: the same process, pid and start time, and not who it was. */
static void another_executable_is_another_peer(void **state)
{
        CLEANUP(peer_clear) struct peer p = { .pidfd = -1 };
        struct child c;
        int r = 0;

        (void)state;
        child_start(&c, getuid(), "/bin/sleep");
        assert_int_equal(peer_of_socket(c.accepted, &p), 0);
        assert_int_equal(write(c.go, "x", 1), 1);
        for (int i = 0; i < 200 && r == 0; i++) {
                usleep(10000);
                r = peer_check(&p);
        }
        assert_int_equal(r, ERR_DENIED);
        child_end(&c);
}

/* The file at the path is replaced while it runs: the digest is of what runs. */
static void a_replaced_executable_is_told_apart(void **state)
{
        struct peer before = { .pidfd = -1 }, after = { .pidfd = -1 };
        char path[200], command[1000];
        pid_t a, b;

        (void)state;
        snprintf(path, sizeof(path), "%s/program", dir->path);
        snprintf(command, sizeof(command), "cp /bin/sleep %s", path);
        assert_int_equal(system(command), 0);
        a = fork();
        if (a == 0) {
                execl(path, path, "60", (char *)NULL);
                _exit(1);
        }
        for (int i = 0; i < 200 && !bytes_equal(BYTES_OF(&before.exe), BYTES_STR(path)); i++) {
                peer_clear(&before);
                usleep(10000);
                assert_int_equal(peer_of_pid(a, &before), 0);
        }
        snprintf(command, sizeof(command), "cp /bin/sleep %s.new && printf x >>%s.new && mv %s.new %s", path, path, path, path);
        assert_int_equal(system(command), 0);
        b = fork();
        if (b == 0) {
                execl(path, path, "60", (char *)NULL);
                _exit(1);
        }
        for (int i = 0; i < 200 && !bytes_equal(BYTES_OF(&after.exe), BYTES_STR(path)); i++) {
                peer_clear(&after);
                usleep(10000);
                assert_int_equal(peer_of_pid(b, &after), 0);
        }
        assert_false(bytes_equal(BYTES_OF(&before.exe_sha256), BYTES_OF(&after.exe_sha256)));
        peer_clear(&after);
        assert_int_equal(peer_of_pid(a, &after), 0);
        assert_true(bytes_equal(BYTES_OF(&before.exe_sha256), BYTES_OF(&after.exe_sha256)));
        assert_false(bytes_equal(BYTES_OF(&after.exe), BYTES_STR(path)));      /* "(deleted)" */
        kill(a, SIGKILL);
        kill(b, SIGKILL);
        waitpid(a, NULL, 0);
        waitpid(b, NULL, 0);
        peer_clear(&before);
        peer_clear(&after);
}

/* Written to again before the clock has gone on, as far as a file system tells: the digest is of what is there now. */
static void a_digest_of_what_was_there_is_not_kept(void **state)
{
        CLEANUP(buf_clear) struct buf before = { 0 }, after = { 0 };
        uint64_t dev, ino;
        char path[200];
        int dirfd = open(dir->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd;

        (void)state;
        snprintf(path, sizeof(path), "%s/exe", dir->path);
        for (int i = 0; i < 50; i++) {
                fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
                assert_int_equal(pwrite(fd, "this one", 8, 0), 8);
                assert_int_equal(exe_digest(dirfd, &dev, &ino, &before), 0);
                assert_int_equal(pwrite(fd, "that one", 8, 0), 8);
                assert_int_equal(exe_digest(dirfd, &dev, &ino, &after), 0);
                assert_false(bytes_equal(BYTES_OF(&before), BYTES_OF(&after)));
                close(fd);
        }
        close(dirfd);
}

static void there_is_no_such_process(void **state)
{
        struct peer p;

        (void)state;
        assert_int_equal(peer_of_pid(0x3fffffff, &p), ERR_NOENT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(knows_this_process), cmocka_unit_test(knows_who_connected), cmocka_unit_test(another_user_is_another_user),
                cmocka_unit_test(who_has_ended_before_we_looked_is_refused), cmocka_unit_test(another_executable_is_another_peer),
                cmocka_unit_test(a_replaced_executable_is_told_apart),
                cmocka_unit_test(a_digest_of_what_was_there_is_not_kept), cmocka_unit_test(there_is_no_such_process),
        };

        return cmocka_run_group_tests(tests, start, stop);
}
