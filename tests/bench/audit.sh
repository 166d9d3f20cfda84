# SPDX-License-Identifier: BSD-2-Clause
# Part of run.sh: what it costs to check a log, all of it and one record. BENCH_RECORDS (1000000) makes it smaller.
# shellcheck shell=bash disable=SC2154

records=${BENCH_RECORDS:-1000000}
# Checked with every signature, so fewer.
signed_records=$((records / 20))

make_log() { # NAME SIGNATURES
        "$top_builddir/tests/bench/make_log" "$work/$1" "$work/$1.pem" "$2" 1000 0 || die "cannot make a log"
}
verify() { # NAME OPTIONS...
        "$holdfast" audit verify "$work/$1" --ak "$work/$1.pem" --quiet "${@:2}" >"$work/verify.out" || die "the log does not hold: $(cat "$work/verify.out")"
}
# Seconds of one core, or with %e on the clock: the best of three.
took() { # FORMAT COMMAND...
        local format=$1

        shift
        for _ in 1 2 3; do
                TIMEFORMAT=$format
                { time "$@" >/dev/null 2>&1 9>&-; } 2>&1 | awk '{ print $1 + $2 }'
        done | best
}
per() { # COUNT SECONDS
        awk -v n="$1" -v s="$2" 'BEGIN { if (s == "" || s <= 0) print "-"; else printf "%.0f\n", n / s }'
}

audit() {
        local seconds rate openssl

        make_log many "$records"
        make_log signed "$signed_records"
        seconds=$(took '%U %S' verify many --no-signatures)
        row "audit verify without signatures, records a minute and core" "at least 1 000 000" "$(per $((records * 60)) "$seconds")" -
        seconds=$(took '%U %S' verify signed)
        rate=$(per "$signed_records" "$seconds")
        openssl=$(openssl speed -seconds 1 ecdsap256 2>/dev/null | awk '/nistp256/ { print $NF }')
        row "audit verify with signatures a second, against openssl speed ($openssl)" "near 1" "$(ratio "$rate" "$openssl")" -
        seconds=$(took '%R 0' "$holdfast" audit prove $((records / 3)) --log "$work/many")
        row "audit prove, one record among $records" "50 ms" "$(ms "$(awk -v s="$seconds" 'BEGIN { print s * 1e6 }')")" -
        rm -rf "$work/many" "$work/signed"
}
