# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: BSD-2-Clause
# What a renewal costs the issuer, from evidence to certificate, beside two verifications and one signature, and whether a fleet that renews is ever
# without. Sourced by run.sh, which has the rest.

# renewing DATABASE NAME
renewing() {
        local out=$work/renew.$1

        "$top_builddir/tests/bench/renew_bench" "$top_builddir/issuer/holdfast-issuer" /tmp "$1" "${BENCH_RENEWALS:-10000}" >"$out" || die "renew_bench: $(cat "$out")"
        row "renewals a second of the issuer's processor, $2; to bare ECDSA" "ratio 0.6" \
                "$(value per_processor_second <"$out"), $(value ratio <"$out")" -
        row "their latency with 8 hosts at once: median, 99th percentile" "- , 50 ms" "$(value p50_ms <"$out"), $(value p99_ms <"$out") ms" -
        row "the issuer's memory after 1000 of them, and at the end" "the same" \
                "$(value rss_kib_before <"$out") KiB, $(value rss_kib_after <"$out") KiB" -
}

renewals() {
        renewing sqlite SQLite
        ! compgen -G "/usr/lib/postgresql/*/bin/postgres" >"$work/postgres" || renewing postgresql PostgreSQL
}

soaking() {
        local out=$work/soak r=0

        top_srcdir=$top_srcdir top_builddir=$top_builddir bash "$src/soak.sh" life=60 "seconds=${BENCH_SOAK:-90}" >"$out" 2>&1 || r=$?
        if [ $r = 77 ]; then
                cat "$out"
                return
        fi
        grep -q '^gaps: ' "$out" || die "soak: $(cat "$out")"
        row "a fleet of $(value agents <"$out"), lives of a minute: times without a good certificate" 0 "$(value gaps: <"$out") in $(value renewals <"$out") renewals" -
        row "and requests by curl with one that failed" 0 "$(value requests_failed <"$out") of $(value requests_by_curl <"$out")" -
}
