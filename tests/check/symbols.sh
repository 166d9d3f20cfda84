#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What a shared object exports is exactly what its version script says.

set -eu
: "${top_srcdir:?}" "${top_builddir:?}"
fail=0
n=0

for map in "$top_srcdir"/*/*.map; do
        name=${map#"$top_srcdir"/}
        so=$top_builddir/${name%/*}/.libs/$(basename "$map" .map).so
        promised=$(sed -n '/global:/,/local:/p' "$map" | tr -d ' \t' | sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\);.*/\1/p' | sort)
        exported=$(nm -D --defined-only "$so" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort)
        if [ -n "$exported" ] && [ "$promised" = "$exported" ]; then
                echo "ok - ${so##*/} exports what ${map##*/} says"
        else
                echo "not ok - ${so##*/} (<) and ${map##*/} (>) differ:"
                diff <(echo "$exported") <(echo "$promised") || true
                fail=1
        fi
        n=$((n + 1))
done
[ $n -gt 0 ] || fail=1
exit $fail
