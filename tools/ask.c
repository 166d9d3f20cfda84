/* SPDX-License-Identifier: BSD-2-Clause */
/* Asks a person: yes or no, and secrets, which come from a file or the terminal and never from the command line. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>
#include "lib/file.h"
#include "tools/text.h"

#define SECRET_MAX 4096

int ask_yes(const struct cli *c, const char *fmt, ...)
{
        CLEANUP(close_fd) int fd = -1;
        CLEANUP(free_ptr) char *raw = NULL;
        CLEANUP(buf_clear) struct buf question = { 0 };
        char answer[8] = { 0 };
        va_list ap;
        ssize_t n;
        int len;

        if (cli_flag(c, "yes") || cli_flag(c, "dry-run"))
                return 0;
        if (!cli_flag(c, "no-input"))
                fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
        if (fd < 0)
                return err(ERR_USAGE, "this needs --yes where nobody can be asked");
        va_start(ap, fmt);
        len = vasprintf(&raw, fmt, ap);
        va_end(ap);
        if (len < 0)
                return err(ERR_NOMEM, "out of memory");
        dprintf(fd, "%s [y/N] ", text_str(BYTES_STR(raw), &question));
        do
                n = read(fd, answer, sizeof answer - 1);
        while (n < 0 && errno == EINTR);
        if (n > 0 && (answer[0] == 'y' || answer[0] == 'Y'))
                return 0;
        return err(ERR_DENIED, "nothing is changed, because the answer was not yes");
}

/* Up to the end of the line or of the file. */
static int read_line(int fd, const char *what, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf line = { 0 };
        uint8_t byte = 0;
        int r = 0;

        while (r == 0) {
                ssize_t n = read(fd, &byte, 1);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return err_errno("cannot read the %s", what);
                if (n == 0 || byte == '\n')
                        break;
                r = line.len < SECRET_MAX ? buf_append(&line, &byte, 1) : err(ERR_RANGE, "the %s is longer than %d octets", what, SECRET_MAX);
        }
        wipe(&byte, sizeof byte);
        if (r == 0 && line.len > 0 && line.ptr[line.len - 1] == '\r')
                --line.len;
        if (r == 0)
                buf_take(&line, ret);
        return r;
}

static int secret_from_file(const struct cli *c, const char *what, const char *file, struct buf *ret)
{
        CLEANUP(close_fd) int fd = -1;
        struct stat st;
        int r;

        if (strcmp(file, "-") == 0)
                return read_line(STDIN_FILENO, what, ret);
        fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0) {
                r = err_errno("cannot open %s", file);
                return r == ERR_NOENT ? ERR_NOFILE : r;
        }
        if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 077) != 0)
                say(c, "Warning   others may read the %s in %s: chmod 600 it", what, file);
        return read_line(fd, what, ret);
}

/* One line without echo. */
static int secret_from_terminal(int fd, const char *prompt, const char *what, struct buf *ret)
{
        struct termios old, quiet;
        int r;

        if (tcgetattr(fd, &old) != 0)
                return err_errno("cannot switch off the terminal's echo");
        quiet = old;
        /* Without ISIG too: an interrupt would leave the terminal without its echo. */
        quiet.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
        dprintf(fd, "%s: ", prompt);
        if (tcsetattr(fd, TCSAFLUSH, &quiet) != 0)
                return err_errno("cannot switch off the terminal's echo");
        r = read_line(fd, what, ret);
        tcsetattr(fd, TCSAFLUSH, &old);
        dprintf(fd, "\n");
        return r;
}

int ask_secret(const struct cli *c, const char *what, const char *file, bool twice, struct buf *ret)
{
        CLEANUP(close_fd) int fd = -1;
        CLEANUP(buf_clear) struct buf first = { 0 }, again = { 0 }, prompt = { 0 };
        int r;

        if (file != NULL)
                return secret_from_file(c, what, file, ret);
        if (!cli_flag(c, "no-input"))
                fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
        if (fd < 0)
                return err(ERR_USAGE, "the %s must come from a file where nobody can be asked", what);
        r = secret_from_terminal(fd, what, what, &first);
        if (r == 0 && twice)
                r = buf_printf(&prompt, "%s, once more", what);
        if (r == 0 && twice)
                r = secret_from_terminal(fd, buf_str(&prompt), what, &again);
        if (r == 0 && twice && !bytes_equal_secret(BYTES_OF(&first), BYTES_OF(&again)))
                r = err(ERR_INVAL, "the two are not the same");
        if (r == 0)
                buf_take(&first, ret);
        return r;
}
