#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Runs the robustness tests with full counts and prints one table. `make check-robust` calls it; arguments choose tests by name.
#
# A test is a program (or NAME.sh here) that prints rows "ROW ID|what was done|what came of it|ok" and exits 0 if
# all are ok, 77 if it cannot run here. With P11_TOKEN, HF_MODULE and the environment of another module the ones
# that only use PKCS#11 run against that one: many alloc args races weaken.

set -u
: "${top_srcdir:?}" "${top_builddir:?}"
export HF_MODULE=${HF_MODULE:-$top_builddir/pkcs11/.libs/libholdfast-pkcs11.so}
export HF_PROVIDER=${HF_PROVIDER:-$top_builddir/provider/.libs/holdfast.so}
export HOLDFAST=${HOLDFAST:-$top_builddir/tools/holdfast}
export HOLDFAST_DAEMON=${HOLDFAST_DAEMON:-$top_builddir/daemon/holdfastd}
export HOLDFAST_ISSUER_PROGRAM=${HOLDFAST_ISSUER_PROGRAM:-$top_builddir/issuer/holdfast-issuer}
export ROBUST_FULL=1
tests=("$@")
if [ ${#tests[@]} = 0 ]; then
        tests=(crash_calls audit_crash guard_crash daemon_kill issuer_crash issuer_pg power_loss many tpm_many tpm_faults alloc args races weaken)
fi
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
fail=0

for test in "${tests[@]}"; do
        program=$top_builddir/tests/robust/$test
        start=$SECONDS
        "$program" >"$out/log" 2>"$out/err"
        status=$?
        grep '^ROW ' "$out/log" >>"$out/rows"
        case $status in
        0) ;;
        77) echo "ROW -|$test|cannot run here|skipped" >>"$out/rows" ;;
        *)
                fail=1
                tail -n 20 "$out/err" | sed "s/^/$test: /" >&2
                grep -q FAILED "$out/log" || echo "ROW -|$test|ended with status $status|FAILED" >>"$out/rows"
                ;;
        esac
        echo "$test: $((SECONDS - start)) s" >&2
done

sed 's/^ROW //' "$out/rows" | sort -V -s -t '|' -k 1,1 | awk -F '|' '
        { printf "%-4s %-7s %-74s %s\n", $1, $4, $2, $3 }
        $4 == "FAILED" { failed++ }
        END { printf "\n%d rows, %d failed\n", NR, failed }'
exit $fail
