#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# `make bench`: what Holdfast costs, beside Debian's tpm2-pkcs11 on the same software TPM in the same run.
#
# BENCH_KEYS (1000), BENCH_ROUNDS (7), BENCH_RUNS (30), BENCH_SIGNATURES (100000), BENCH_RENEWALS (10000) and BENCH_SOAK (90 s) make it smaller; BENCH_PEER names the peer's module.
set -u
export LC_ALL=C

top_srcdir=${top_srcdir:?}
top_builddir=${top_builddir:?}
src=$top_srcdir/tests/bench
ours_so=$top_builddir/pkcs11/.libs/libholdfast-pkcs11.so
holdfast=$top_builddir/tools/holdfast
libdir=$(pkg-config --variable=libdir p11-kit-1)
peer_so=${BENCH_PEER:-$libdir/pkcs11/libtpm2_pkcs11.so}
n_keys=${BENCH_KEYS:-1000}
rounds=${BENCH_ROUNDS:-7}
runs=${BENCH_RUNS:-30}

work=$(mktemp -d /tmp/hf-bench-XXXXXX)
tpm_pid=''
proxy_pid=''
daemon_pid=''
logs=()         # of the daemon, outside of $work
stop() { # PID
        [ -n "$1" ] && kill "$1" 2>/dev/null && wait "$1" 2>/dev/null
}
cleanup() {
        stop "$daemon_pid"
        stop "$proxy_pid"
        stop "$tpm_pid"
        rm -rf "$work" "${logs[@]}"
}
trap cleanup EXIT
trap 'exit 1' INT TERM
die() {
        echo "bench: $*" >&2
        exit 1
}

build() { # NAME, PACKAGES...
        local name=$1
        shift
        local flags
        read -ra flags <<<"$(pkg-config --cflags --libs "$@")"
        ${CC:-cc} -O2 -std=c11 -D_GNU_SOURCE -I"$top_srcdir" "$src/$name.c" -o "$work/$name" "${flags[@]}" -lpthread -ldl || die "cannot build $name"
}

wait_for() { # SOCKET
        local i
        for i in $(seq 100); do
                [ -S "$1" ] && return
                sleep 0.05
        done
        die "nothing listens at $1"
}

tpm_on() {
        rm -f "$work/sock" "$work/sock.ctrl"
        mkdir -p "$work/tpm"
        swtpm socket --tpm2 --tpmstate dir="$work/tpm" --server type=unixio,path="$work/sock" \
                --ctrl type=unixio,path="$work/sock.ctrl" --flags startup-clear,not-need-init >"$work/swtpm.log" 2>&1 &
        tpm_pid=$!
        wait_for "$work/sock"
}
# What a program left loaded would count against the next one. (A power cycle would do, but costs the peer a
# dictionary-attack try each time, and at the third its token is locked.)
tpm_tidy() {
        "$work/esys_sign" "swtpm:path=$work/sock" flush 2>>"$work/tidy.log"
}
proxy_on() { # [MICROSECONDS]
        "$work/count_proxy" "$work/proxy" "$work/sock" "$work/log" "$@" 2>>"$work/proxy.log" &
        proxy_pid=$!
        wait_for "$work/proxy"
}
proxy_off() {
        stop "$proxy_pid"
        proxy_pid=''
        rm -f "$work/proxy"
}

store=$work/store
peer_store=$work/peer
tcti=swtpm:path=$work/sock
ours() {
        HOLDFAST_STORE=$store HOLDFAST_TCTI=$tcti BENCH_LOG=$work/log "${under[@]}" "$work/bench" "$ours_so" - "$@"
}
peer() {
        TPM2_PKCS11_STORE=$peer_store TPM2_PKCS11_TCTI=$tcti TSS2_LOG=all+none BENCH_LOG=$work/log \
                "${under[@]}" "$work/bench" "$peer_so" 1234 "$@" 2>>"$work/peer.log"
}
under=()
cli() {
        HOLDFAST_STORE=$store HOLDFAST_TCTI=$tcti "$holdfast" "$@" >>"$work/cli.log" 2>&1 || die "holdfast $*: $(tail -3 "$work/cli.log")"
}
value() { # NAME: of the lines on standard input; "-" if there is none
        awk -v name="$1" '$1 == name { v = $2 } END { print v == "" ? "-" : v }'
}
lines() { # NAME: the range in the log
        awk -v name="$1" '$1 == name { print $2, $3 }'
}
median() {
        sort -n | awk '{ v[NR] = $1 } END { print NR ? v[int((NR + 1) / 2)] : "-" }'
}
# Of rounds taken in turn: what else the machine did at the moment counts least in the best one.
best() {
        grep -v '^-' | sort -n | head -1
}
ratio() { # A B
        awk -v a="$1" -v b="$2" 'BEGIN { if (a == "" || a == "-" || b == "" || b == "-" || b == 0) print "-"; else printf "%.2f\n", a / b }'
}
ms() { # MICROSECONDS
        awk -v v="$1" 'BEGIN { if (v == "-") print "-"; else printf v < 100 ? "%.4f ms\n" : "%.2f ms\n", v / 1000 }'
}
row() { # WHAT TARGET OURS PEER
        printf '%-66s %-22s %-24s %s\n' "$@"
}

prepare() {
        if [ ! -e "$ours_so" ] || [ ! -x "$holdfast" ]; then
                die "build first: make"
        fi
        build count_proxy tss2-mu
        build esys_sign tss2-esys tss2-mu tss2-tctildr
        build bench p11-kit-1
        tpm_on
        export XDG_CONFIG_HOME=$work/config
        cli init
        cli agent create bench --owner bench@example.com
        ours make 0 9 >/dev/null || die "cannot make keys"
        have_peer=''
        if [ -e "$peer_so" ]; then
                mkdir -p "$peer_store"
                peer token && tpm_tidy && peer make 0 1 >/dev/null && have_peer=yes
                tpm_tidy
        fi
        [ -n "$have_peer" ] || echo "(no peer: $peer_so is not there or does not work)"
}

# Runs a verb of both through the counting proxy; answers in ours.out and peer.out, logs in ours.log.VERB and peer.log.VERB.
# Our own trace must have counted the same.
count() { # VERB...
        local who
        for who in ours ${have_peer:+peer}; do
                proxy_on
                rm -f "$work/trace"
                HOLDFAST_TPM_TRACE=$work/trace tcti=swtpm:path=$work/proxy $who "$@" >"$work/$who.out"
                if [ "$who" = ours ] && [ "$(wc -l <"$work/trace")" != "$(wc -l <"$work/log")" ]; then
                        die "$1: our trace has $(wc -l <"$work/trace") commands, the proxy saw $(wc -l <"$work/log")"
                fi
                cp "$work/log" "$work/$who.log.$1"
                proxy_off
                tpm_tidy
        done
        touch "$work/peer.out" "$work/peer.log.$1"
        cp "$work/ours.out" "$work/ours.out.$1"
        cp "$work/peer.out" "$work/peer.out.$1"
}

commands() {
        count phases
        row "TPM commands from C_Initialize through C_FindObjects" 0 "$(value to_find <"$work/ours.out")" "$(value to_find <"$work/peer.out")"
        row "TPM commands up to and with the first signature of a process" 3 \
                "$(value to_first_sign <"$work/ours.out")" "$(value to_first_sign <"$work/peer.out")"
        row "TPM commands of each further signature, same key" 1 "$(value per_sign <"$work/ours.out")" "$(value per_sign <"$work/peer.out")"
        for i in 1 2 3 4; do
                [ -n "$have_peer" ] && peer make "$i" 1 >/dev/null
                tpm_tidy
        done
        count switch 5
        row "TPM commands of a signature after switching keys (5 keys), most" "at most 3" \
                "$(value switch_most <"$work/ours.out"), $(failures switch ours)" "$(failures switch peer)"
        count make 900 1
}
failures() { # NAME WHO
        awk -v n="$1" '$1 == n "_failed" { f = $2 } $1 == n "_tried" { t = $2 } END { print t == "" ? "-" : f " of " t " failed" }' "$work/$2.out"
}

speed() {
        local i e o p
        for i in $(seq "$rounds"); do
                e=$("$work/esys_sign" "$tcti" sign 300 | value sign_us)
                o=$(ours sign 300 | value sign_us)
                p=-
                [ -n "$have_peer" ] && p=$(peer sign 40 | value sign_us)
                tpm_tidy
                echo "$e" >>"$work/e.us"
                echo "$o" >>"$work/o.us"
                echo "$p" >>"$work/p.us"
        done
        e=$(best <"$work/e.us")
        row "P-256 signature, p50, against Esys_Sign with a password ($(ms "$e"))" "at most 1.15" \
                "$(ratio "$(best <"$work/o.us")" "$e")" "$(ratio "$(best <"$work/p.us")" "$e")"
}

# Between two process runs that differ by a number of signatures; result in $instructions.
instructions() { # WHO FEW MANY
        local a b
        collected "$1" "$2"
        a=$instructions
        collected "$1" "$3"
        b=$instructions
        instructions=$(awk -v a="$a" -v b="$b" -v n=$(($3 - $2)) 'BEGIN { if (a == "" || b == "") print "-"; else printf "%.0f\n", (b - a) / n }')
}
collected() { # WHO COUNT
        under=(valgrind --tool=callgrind --callgrind-out-file=/dev/null --log-file="$work/callgrind")
        "$1" sign "$2" >/dev/null
        under=()
        instructions=$(sed -n 's/.*Collected : *//p' "$work/callgrind")
        tpm_tidy
}
weigh_signature() {
        local mine theirs=-
        command -v valgrind >/dev/null || { row "client instructions per signature (callgrind)" "at most 100 000" "no valgrind" -; return; }
        instructions ours 20 120
        mine=$instructions
        if [ -n "$have_peer" ]; then
                instructions peer 2 12
                theirs=$instructions
        fi
        row "client instructions per signature (callgrind)" "at most 100 000" "$mine" "$theirs"
}

threads() {
        local i who
        for who in ours ${have_peer:+peer}; do
                for i in $(seq "$runs"); do
                        if [ "$who" = ours ]; then ours threads 8 160; else peer threads 8 32; fi >"$work/out" || echo "threads_failed crash" >>"$work/out"
                        value threads_ratio <"$work/out" >>"$work/$who.tratio"
                        value threads_failed <"$work/out" >>"$work/$who.tfailed"
                        [ "$who" = peer ] && tpm_tidy
                done
        done
        touch "$work/peer.tratio" "$work/peer.tfailed"
        row "8 threads on one hot key, against 1 thread, $runs runs" "at least 0.95, 0 errors" "$(thread_result ours)" "$(thread_result peer)"
}
thread_result() { # WHO
        [ -s "$work/$1.tratio" ] || { echo -; return; }
        echo "$(grep -v '^-' "$work/$1.tratio" | median), errors in $(grep -vc '^0$' "$work/$1.tfailed")"
}

# The peer makes one key per process, so its other keys are the first one's rows under other names.
peer_many() {
        command -v sqlite3 >/dev/null && [ -n "$have_peer" ] || return
        sqlite3 "$peer_store/tpm2_pkcs11.sqlite3" "
                WITH RECURSIVE n(i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 999 + $n_keys)
                INSERT INTO tobjects(tokid, attrs)
                SELECT tokid, replace(attrs, lower(hex('k0000')), lower(hex('k' || i))) FROM tobjects, n WHERE attrs LIKE '%' || lower(hex('k0000')) || '%';"
}

many() {
        local who i
        store=$work/store-many
        cli init
        cli agent create many --owner bench@example.com
        ours make 1000 $((n_keys - 1)) >/dev/null
        peer_many
        ours robin 0 1 >"$work/ours.out"
        : >"$work/peer.out"
        if [ -n "$have_peer" ]; then
                peer robin 0 1 >"$work/peer.out"
                tpm_tidy
        fi
        row "$n_keys keys round robin on 3 slots, one process" "0 failures" "$(failures robin ours)" "$(failures robin peer)"
        for who in ours ${have_peer:+peer}; do
                pids=()
                for i in 0 1 2 3 4 5 6 7; do
                        $who robin "$i" 8 >"$work/$who.out.$i" &
                        pids+=($!)
                done
                wait "${pids[@]}"
                cat "$work/$who.out".[0-7] | awk -v all="$n_keys" '/tried/ { t += $2 } /failed/ { f += $2 } END { print "robin_failed", f + all - t; print "robin_tried", all }' >"$work/$who.out"
                tpm_tidy
        done
        row "$n_keys keys, 8 processes at once" "0 failures" "$(failures robin ours)" "$(failures robin peer)"
        search
        store=$work/store
}
search() {
        local who kind
        for who in ours ${have_peer:+peer}; do
                for kind in label id; do
                        for i in $(seq "$rounds"); do
                                $who find "$kind" k$((1000 + n_keys / 2)) >>"$work/$who.find.$kind"
                                [ "$who" = peer ] && tpm_tidy
                        done
                done
        done
        touch "$work/peer.find.label" "$work/peer.find.id"
        row "$n_keys keys, best of $rounds: start" "5 ms" "$(found ours label start_us)" "$(found peer label start_us)"
        row "$n_keys keys, best of $rounds: find by label, cold" "5 ms" "$(found ours label find_cold_us)" "$(found peer label find_cold_us)"
        row "$n_keys keys, best of $rounds: find by ID, cold" "5 ms" "$(found ours id find_cold_us)" "$(found peer id find_cold_us)"
        row "$n_keys keys, best of $rounds: find, warm" "0.05 ms" "$(found ours label find_warm_us)" "$(found peer label find_warm_us)"
}
found() { # WHO KIND NAME
        [ -s "$work/$1.find.$2" ] || { echo -; return; }
        ms "$(awk -v n="$3" '$1 == n { print $2 }' "$work/$1.find.$2" | best)"
}

keygen() {
        local i e o p
        for i in $(seq "$rounds"); do
                e=$("$work/esys_sign" "$tcti" create 30 "$work" | value create_us)
                o=$(ours make $((100 + i * 30)) 30 | value make_us)
                p=-
                [ -n "$have_peer" ] && p=$(peer make $((10 + i)) 1 | value make_us)
                tpm_tidy
                echo "$e" >>"$work/e.make"
                echo "$o" >>"$work/o.make"
                echo "$p" >>"$work/p.make"
        done
        e=$(best <"$work/e.make")
        row "C_GenerateKeyPair P-256, durable, against TPM2_Create + fsync ($(ms "$e"))" "at most 1.5" \
                "$(ratio "$(best <"$work/o.make")" "$e")" "$(ratio "$(best <"$work/p.make")" "$e"), one per process"
}

size() {
        local esys ours peer=-
        strip -o "$work/ours.so" "$ours_so"
        ours=$(($(stat -c %s "$work/ours.so") / 1000))
        esys=$(readlink -f "$libdir"/libtss2-esys.so.0)
        [ -e "$peer_so" ] && peer="$(($(stat -L -c %s "$peer_so") / 1000)) kB + $(($(stat -c %s "$esys") / 1000)) kB ESYS"
        row "module, stripped" "250 kB" "$ours kB" "$peer"
        weight openssl "added to the RSS of a client that has OpenSSL loaded"
        weight bare "added to the RSS of a client that has nothing loaded"
        row "threads started" 0 "$(value threads_started <"$work/w.ours")" "$(value threads_started <"$work/w.peer")"
}
weight() { # KIND WHAT
        local target=-
        [ "$1" = openssl ] && target="2 MB"
        ours weight "$1" >"$work/w.ours"
        : >"$work/w.peer"
        [ -n "$have_peer" ] && peer weight "$1" >"$work/w.peer"
        tpm_tidy
        row "$2" "$target" "$(value rss_kb <"$work/w.ours") kB" "$(value rss_kb <"$work/w.peer") kB"
}

chip() { # CSV OUT LOG RANGE PER
        local range
        range=$(lines "$4" <"$2")
        if [ -z "$range" ] || [ ! -s "$3" ]; then
                echo -
                return
        fi
        awk -v first="${range% *}" -v last="${range#* }" -v per="$5" -f "$src/model.awk" "$1" "$3" | awk '{ print $1 " / " $2 }'
}
chips() {
        local csv o=$work/ours.out p=$work/peer.out n_switch
        n_switch=$(value switch_count <"$o.switch")
        echo "make_range 0 $(wc -l <"$work/ours.log.make")" >"$o.make"
        echo "make_range 0 $(wc -l <"$work/peer.log.make")" >"$p.make"
        echo
        echo "The same commands on real chips, from published medians: milliseconds on the bare chip / behind /dev/tpmrm0"
        printf '%-46s %18s %18s %18s %18s %18s\n' "" "to first signature" "peer" "further signature" "peer" "after a switch"
        for csv in "$src"/chip-latency/*.csv; do
                printf '%-46s %18s %18s %18s %18s %18s\n' "$(sed -n '1s/^# \([^,]*\),.*/\1/p' "$csv")" \
                        "$(chip "$csv" "$o.phases" "$work/ours.log.phases" log_first 1)" "$(chip "$csv" "$p.phases" "$work/peer.log.phases" log_first 1)" \
                        "$(chip "$csv" "$o.phases" "$work/ours.log.phases" log_more 10)" "$(chip "$csv" "$p.phases" "$work/peer.log.phases" log_more 10)" \
                        "$(chip "$csv" "$o.switch" "$work/ours.log.switch" log_switch "$n_switch")"
        done
        echo
        printf '%-46s %18s %18s\n' "One process that makes one key pair" ours peer
        for csv in "$src"/chip-latency/*.csv; do
                printf '%-46s %18s %18s\n' "$(sed -n '1s/^# \([^,]*\),.*/\1/p' "$csv")" \
                        "$(chip "$csv" "$o.make" "$work/ours.log.make" make_range 1)" "$(chip "$csv" "$p.make" "$work/peer.log.make" make_range 1)"
        done
}

# What stays loaded in the TPM, beside what else could.
strategies() {
        "$top_builddir/tests/bench/strategy" "$src/chip-latency" >"$work/strategy" || true
        cat "$work/strategy"
}

machine() {
        echo "$(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1), $(nproc) CPUs; $(swtpm --version | head -1); tss2 $(pkg-config --modversion tss2-sys)"
        echo
}

# shellcheck source=tests/bench/provider.sh
. "$src/provider.sh"
# shellcheck source=tests/bench/serve.sh
. "$src/serve.sh"
# shellcheck source=tests/bench/daemon.sh
. "$src/daemon.sh"
# shellcheck source=tests/bench/audit.sh
. "$src/audit.sh"

# shellcheck source=tests/bench/http.sh
. "$src/http.sh"
# shellcheck source=tests/bench/renew.sh
. "$src/renew.sh"

# Its last line is what an issuer does all day.
evidence() {
        local what times

        while IFS=$'\t' read -r what times; do
                row "evidence, in times of its bare signatures: $what" "at most 1.15" "$times" -
        done < <(top_srcdir=$top_srcdir "$top_builddir/tests/bench/evidence_bench")
}

prepare
machine
row "what" "target" "ours" "tpm2-pkcs11"
row "----" "------" "----" "-----------"
commands
speed
weigh_signature
threads
keygen
size
many
provider
serving
daemon
audit
evidence
http_serving
renewals
soaking
chips
strategies
