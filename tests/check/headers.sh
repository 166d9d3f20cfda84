#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Every header compiles alone, in C11: nobody has to know what to include before it. The installed ones without our macros too.

set -eu
cd "${top_srcdir:?}"
fail=0
flags="-std=c11 -Wall -Wextra -Werror -fsyntax-only -I. -Iinclude"
foreign=$(pkg-config --cflags p11-kit-1 tss2-sys libcrypto jansson)
# Twice, so that a missing guard shows.
alone() { printf '#include "%s"\n#include "%s"\ntypedef int hf_not_empty;\n' "$1" "$1"; }

for h in lib/*.h tpm/*.h audit/*.h attest/*.h keys/*.h pkcs11/*.h enroll/*.h daemon/*.h issuer/*.h provider/*.h tools/*.h include/holdfast/*.h; do
        [ -e "$h" ] || continue
        define=-D_GNU_SOURCE
        case $h in include/*) define= ;; esac
        # shellcheck disable=SC2086 # lists of flags
        if alone "$h" | ${CC:-cc} $flags $define $foreign -x c -; then
                echo "ok - $h"
        else
                echo "not ok - $h"
                fail=1
        fi
done
exit $fail
