# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: BSD-2-Clause
# What it costs to sign through the daemon, with every signature in a log that the TPM vouches for. Sourced by run.sh, which has the rest.

holdfastd=$top_builddir/daemon/holdfastd
client_so=$(pkg-config --variable=p11_module_path p11-kit-1)/p11-kit-client.so
n_clients=8

# served: a client of the daemon, in bench's words.
served() { P11_KIT_SERVER_ADDRESS=unix:path=$work/served.sock "$work/bench" "$client_so" - "$@"; }

# daemon_on DIRECTORY [VAR=VALUE...]: with its log there.
daemon_on() {
        local audit=$1/hf-bench-$$

        shift
        mkdir -p "$audit"
        logs+=("$audit")
        rm -rf "$work/served"
        store=$work/served cli init
        store=$work/served cli agent create served --owner bench@example.com
        echo "allow-1: allow user=$(id -u) human=yes" >>"$work/served/agents/served/agent"
        rm -rf "$audit"
        env HOLDFAST_STORE="$work/served" HOLDFAST_TCTI="$tcti" HOLDFAST_AUDIT="$audit" HOLDFAST_SOCKET="$work/served.sock" \
                HOLDFAST_CHECKPOINT_RECORDS=100000 HOLDFAST_CHECKPOINT_SECONDS=3600 "$@" "$holdfastd" 2>>"$work/daemon.log" &
        daemon_pid=$!
        wait_for "$work/served.sock"
}
daemon_off() {
        stop "$daemon_pid"
        daemon_pid=''
        rm -rf "${logs[@]}"
        logs=()
}

# Clients at once against one after the other of the bare command, in turn. The daemon keeps keys loaded, as it may, and gets over their loss.
tidy_beside() { "$work/esys_sign" "$tcti" flush 2>>"$work/tidy.log"; }
daemon_rate() { # ROUNDS OF-THE-BARE EACH
        local e
        : >"$work/rate"
        for _ in $(seq "$1"); do
                tidy_beside
                e=$("$work/esys_sign" "$tcti" sign "$2" | value sign_us)
                tidy_beside
                served processes $n_clients "$3" >"$work/out" || echo "processes_failed crash" >>"$work/out"
                echo "$(ratio "$e" "$(value processes_us <"$work/out")") $(value processes_failed <"$work/out") $e" >>"$work/rate"
        done
}
rate_result() {
        echo "$(cut -d' ' -f1 "$work/rate" | median) of $(ms "$(cut -d' ' -f3 "$work/rate" | best)"), errors in $(grep -vc ' 0 ' "$work/rate")"
}

rates() {
        local where
        for where in "$work" /dev/shm; do
                daemon_on "$where"
                daemon_rate "$rounds" 200 50
                daemon_off
                row "signatures/s through the daemon, $n_clients clients, of the bare command's; log on $(stat -f -c %T "$where")" "at least 0.9, 0 errors" "$(rate_result)" -
        done
        proxy_on "$slow_us"
        tcti=swtpm:path=$work/proxy
        for where in "$work" /dev/shm; do
                daemon_on "$where"
                daemon_rate 5 20 10
                daemon_off
                row "the same on a $((slow_us / 1000)) ms TPM; log on $(stat -f -c %T "$where")" "at least 0.9, 0 errors" "$(rate_result)" -
        done
        tcti=swtpm:path=$work/sock
        proxy_off
}

daemon_commands() {
        local before after notes
        proxy_on
        tcti=swtpm:path=$work/proxy daemon_on "$work"
        served sign 1 >/dev/null
        before=$(wc -l <"$work/log")
        served sign 99 >/dev/null
        after=$(wc -l <"$work/log")
        row "TPM commands of each hot signature through the daemon" 1 "$(ratio $((after - before)) 100)" -
        daemon_off
        tcti=swtpm:path=$work/proxy daemon_on "$work" HOLDFAST_CHECKPOINT_RECORDS=10
        served sign 1 >/dev/null
        sleep 1
        before=$(wc -l <"$work/log")
        notes=$(notes)
        # A client makes one more to warm up.
        for _ in 1 2 3; do
                served sign 19 >/dev/null
                sleep 1
        done
        after=$(wc -l <"$work/log")
        notes=$(($(notes) - notes))
        row "TPM commands of each checkpoint, of $notes" 2 "$(ratio $((after - before - 60)) "$notes")" -
        daemon_off
        proxy_off
}
notes() { find "$work/hf-bench-$$" -path '*checkpoints/*' -type f | wc -l; }

# One client, whose latency is the RPC, the daemon, the TPM and the disk: less what our own trace says of the TPM, on a disk that costs nothing.
daemon_cost() {
        local all tpm
        daemon_on /dev/shm "HOLDFAST_TPM_TRACE=$work/trace"
        for _ in $(seq "$rounds"); do
                : >"$work/trace"
                all=$(served sign 300 | value sign_us)
                tpm=$(awk '$1 == "Sign" || $1 == "TPM2_Sign" { print $NF }' "$work/trace" | median)
                echo "$all $tpm" | awk '{ printf "%.1f\n", $1 - $2 }'
        done >"$work/cost"
        row "a signature through the daemon, besides TPM and fdatasync, p50" "at most 150 us" "$(best <"$work/cost") us, median $(median <"$work/cost") us" -
        daemon_off
}

memory() { awk -v n="$1:" '$1 == n { print $2 }' "/proc/$daemon_pid/status"; }
memory_result() { echo "$(memory VmRSS) kB: own $(memory RssAnon), of files $(memory RssFile)"; }
daemon_weight() {
        daemon_on "$work"
        row "resident memory of the daemon after its start" "8192 kB" "$(memory_result)" -
        served sign 1000 >/dev/null
        row "after 1000 signatures" "8192 kB" "$(memory_result)" -
        daemon_off
}

daemon() {
        [ -x "$holdfastd" ] || die "build first: make"
        rates
        daemon_commands
        daemon_cost
        daemon_weight
}
