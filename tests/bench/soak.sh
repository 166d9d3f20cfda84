#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Is there a time at which an agent of a large fleet has no good certificate? A real issuer; real hosts, each with a software TPM, holdfastd and agents,
# whose certificates are used by curl all the while at an nginx that believes the issuer alone; and soak_load, which is the rest of the fleet.
#
#       top_srcdir=SOURCE top_builddir=BUILD bash soak.sh [NAME=VALUE...]
#
#       life=600                seconds that a certificate lives; 60 for a short run
#       seconds=1500            how long, from when everybody has the first one
#       hosts=100 agents=100    of soak_load: hosts, and agents of each
#       real=4 real_agents=5    the same of the real ones, of which a host takes some 30 MB
#       pause=0.2               seconds between two questions to nginx, of each real host
#       db=sqlite               or postgresql
#
# Says what it saw, as `name value`, and "gaps: 0"; ends with another status than 0 if there was a gap. Build first, with tests/bench/soak_load.

if [ -z "${HF_INSIDE:-}" ]; then
        : "${top_builddir:?}"
        export HF_MODULE=$top_builddir/pkcs11/.libs/libholdfast-pkcs11.so HF_PROVIDER=$top_builddir/provider/.libs/holdfast.so
        export HOLDFAST=$top_builddir/tools/holdfast HOLDFAST_DAEMON=$top_builddir/daemon/holdfastd
        settings=("$@")
        lib=$(dirname "$0")/../integration/lib.sh
else
        lib=$(dirname "$0")/lib.sh
fi
# The private machine begins without an environment: what it needs is beside the test.
prepare() {
        local s

        for s in "${settings[@]:+${settings[@]}}"; do
                if [[ ! $s =~ ^(life|seconds|hosts|agents|real|real_agents|pause|db)=[a-z0-9.]+$ ]]; then
                        echo "soak: what is $s?" >&2
                        exit 2
                fi
                echo "$s"
        done >"$T/src/settings"
        cp "$0" "$T/src"
        cp "$top_builddir/issuer/holdfast-issuer" "$top_builddir/enroll/holdfast-http" "$top_builddir/tests/bench/soak_load" "$T/bin"
}
# shellcheck source=../integration/lib.sh
. "$lib"
need_machine

life=600 seconds=1500 hosts=100 agents=100 real=4 real_agents=5 pause=0.2 db=sqlite
# shellcheck source=/dev/null
. "$T/src/settings"
export HOLDFAST_HTTP=$T/bin/holdfast-http HOLDFAST_ISSUER_CONF=$T/run/issuer.conf
port=$(free_port)
url=https://localhost:$port

# --- The issuer, which knows the load's hosts ---

postgresql() {
        local programs=(/usr/lib/postgresql/*/bin)

        "${programs[-1]}/initdb" -D pg -A trust -U issuer >initdb.log 2>&1
        background postgres "${programs[-1]}/postgres" -D pg -k "$PWD" -c listen_addresses=
        await psql -h "$PWD" -U issuer postgres -c 'SELECT 1'
        database="postgresql:///postgres?host=$PWD&user=issuer"
}

database=$T/run/issuer/issuer.db
[ "$db" != postgresql ] || postgresql
cat >issuer.conf <<CONF
[issuer]
trust-domain = example.org
url = $url
directory = $T/run/issuer
listen = 127.0.0.1:$port
domains = example.org
db = $database
max-per-address = 4096

[profile soak]
host = *
agent = *
assurance = pinned simulator unattested
spiffe-id = spiffe://{trust-domain}/host/{host}/agent/{agent}
credentials = x509
dns = {host}
pcrs = 0,2,4,7
life = ${life}s
CONF
holdfast-issuer init >init-issuer.log
background load soak_load "$database" "$port" "$url" "$hosts" "$agents" "$seconds"
load_pid=${pids[-1]}
for ((i = 0; i < 20; i++)); do ! grep -qs joined load.log || break; sleep 1; done
grep -q joined load.log
background issuer holdfast-issuer serve
issuer_pid=${pids[-1]}
await grep -qx 'holdfast-issuer: ready' issuer.log

# --- The real hosts ---

# on HOST COMMAND...: there.
on() { HOLDFAST_STORE=$T/run/h$1/store HOLDFAST_TCTI=swtpm:path=$T/run/h$1/tpm HOLDFAST_SOCKET=$T/run/h$1/run/pkcs11.sock "${@:2}"; }

# real_host HOST: with its agents.
real_host() {
        local h=h$1 i

        mkdir -p "$h/state"
        background "swtpm$1" swtpm socket --tpm2 --tpmstate "dir=$PWD/$h/state" --server "type=unixio,path=$PWD/$h/tpm" \
                --ctrl "type=unixio,path=$PWD/$h/tpm.ctrl" --flags not-need-init,startup-clear
        await test -S "$h/tpm"
        await test -S "$h/tpm.ctrl"
        on "$1" holdfast init >>agents.log 2>&1
        holdfast-issuer token create --host "real-$1.example.org" --life 15m | grep -v ' ' >"$h/token"
        on "$1" background "daemon$1" env "HOLDFAST_DEFAULT_RULE=allow user=$(id -u) human=yes" "HOLDFAST_ISSUER=$url" \
                "HOLDFAST_ISSUER_CA=$T/run/issuer/log-keys.pem" "HOLDFAST_ISSUER_HOST=real-$1.example.org" "HOLDFAST_ISSUER_TOKEN_FILE=$T/run/$h/token" holdfastd
        await joined "$1"
        for ((i = 1; i <= real_agents; i++)); do
                on "$1" holdfast agent create "a$i" --owner soak@example.org >>agents.log 2>&1
                on "$1" holdfast enroll "a$i" >>agents.log 2>&1
        done
}
joined() { on "$1" holdfast enrolled --json 2>/dev/null | grep '"active"'; }

for ((host = 1; host <= real; host++)); do real_host "$host"; done

# --- nginx, and who asks it ---

make_ca
file_cert localhost
mv ca.pem nginx-ca.pem
curl -sSf --cacert issuer/log-keys.pem "$url/ca.pem" >ca.pem
nginx_start 1 ssl "$PWD/localhost.key"
await test -S web

# ask HOST: its agents in turn, until the end. A certificate that is newer than when it was last looked at has been renewed.
ask() {
        local h=h$1 a now

        while :; do
                for ((a = 1; a <= real_agents; a++)); do
                        [ ! -e enough ] || return 0
                        if [ "$h/run/credentials/a$a/default/cert.pem" -nt "$h/seen.$a" ]; then
                                touch "$h/seen.$a"
                                echo "a$a" >>"$h/certificates"
                        fi
                        if on "$1" holdfast curl "a$a" -- -sSf --max-time 30 --cacert nginx-ca.pem --unix-socket web https://localhost/who >"$h/out" 2>&1; then
                                echo "a$a" >>"$h/asked"
                        else
                                printf -v now '%(%T)T' -1
                                echo "$now real-$1 a$a: $(tr '\n' ' ' <"$h/out")" >>gaps
                        fi
                        sleep "$pause"
                done
        done
}

rss_kib() { awk '$1 == "VmRSS:" { print $2 }' "/proc/$1/status"; }
# lines FILE...: all together, of files that may be missing.
lines() { { cat "$@" 2>/dev/null || true; } | wc -l; }
of_load() { awk -v name="$1" '$1 == name { print $2 }' load.log; }

: >gaps
askers=()
for ((host = 1; host <= real; host++)); do
        ask "$host" &
        askers+=($!)
        pids+=($!)
done
until grep -q '^issued_s' load.log; do
        kill -0 "$load_pid"
        sleep 0.5
done
kib=$(rss_kib "$issuer_pid")
wait "$load_pid"
touch enough
for asker in "${askers[@]:+${askers[@]}}"; do wait "$asker"; done

# --- What came of it ---

first=$((real * real_agents))
certificates=$(lines h*/certificates)
late=$(of_load late)
failed=$(lines gaps)
gaps=$((late + failed))
cat <<END
agents $((hosts * agents + first))
first_certificates_s $(of_load issued_s)
renewals $(($(of_load renewals) + certificates - first))
renewals_by_swtpm $((certificates - first))
renewals_per_second $(of_load per_second)
refused $(of_load refused)
unreached $(of_load unreached)
p50_ms $(of_load p50_ms)
p99_ms $(of_load p99_ms)
worst_ms $(of_load worst_ms)
connections $(of_load connections)
issuer_kib_start $kib
issuer_kib_end $(rss_kib "$issuer_pid")
issuer_cpu_s $(($(ps -o cputimes= -p "$issuer_pid")))
requests_by_curl $(lines h*/asked)
requests_failed $failed
certificates_expired $(grep -c 'certificate has expired' nginx.log || true)
renewed_after_the_end $late
gaps: $gaps
END
head -n 20 gaps >&2
grep '^soak_load:' load.log >&2 || true
# Who was never renewed has shown nothing.
[ "$seconds" -lt "$life" ] || [ "$certificates" -ge $((2 * first)) ] || die "the real hosts have not renewed"
kill "$issuer_pid"
wait "$issuer_pid"
holdfast audit verify issuer/log --issuer-key issuer/log-keys.pem >verify.out 2>&1 || { cat verify.out; die "the issuer's log does not hold"; }
[ "$gaps" = 0 ]
