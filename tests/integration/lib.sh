# SPDX-License-Identifier: BSD-2-Clause
# What the integration tests share: a private machine and a private TPM for each, and helpers that wait, try and say.
# Every test sources this first. The test goes on in $T/run, as an ordinary user, with nothing in its environment.
# shellcheck shell=bash disable=SC2034

set -euo pipefail
umask 022

# --- A private machine, or as much of it as the system allows ---

if [ -z "${HF_INSIDE:-}" ]; then
        : "${top_srcdir:?run the tests by make check}" "${HF_MODULE:?}" "${HF_PROVIDER:?}" "${HOLDFAST:?}"
        T=$(mktemp -d /tmp/hf-it.XXXXXX)
        trap 'rm -rf "$T"' EXIT
        chmod 755 "$T"
        mkdir "$T/src" "$T/home" "$T/run" "$T/bin"
        cp "$top_srcdir"/tests/integration/*.sh "$T/src"
        cp "$HOLDFAST" "$T/bin/holdfast"
        [ ! -x "${HOLDFAST_DAEMON:-}" ] || cp "$HOLDFAST_DAEMON" "$T/bin/holdfastd"
        [ ! -x "${HF_CALLER:-}" ] || cp "$HF_CALLER" "$T/bin/caller"
        # For a test that needs more of the system than the private machine has, such as its network.
        if declare -F prepare >/dev/null; then
                prepare
        fi
        TEST=$T/src/$(basename "$0")
        MODULE_DIR=$(pkg-config --variable=p11_module_path p11-kit-1)
        CONFIG_DIR=$(pkg-config --variable=p11_module_configs p11-kit-1)
        PROVIDER_DIR=$(pkg-config --variable=modulesdir libcrypto)

        namespaces=(unshare --mount --net --pid --fork --kill-child --mount-proc)
        if [ "$(id -u)" = 0 ]; then
                real_root=yes uid=4242 gid=4242
        else
                real_root=no uid=$(id -u) gid=$(id -g)
                namespaces+=(--map-root-user)
        fi
        if [ "${HF_THROUGH:-}" = daemon ] && { [ $real_root = no ] || ! "${namespaces[@]}" true 2>/dev/null; }; then
                echo "SKIP: only root has a private machine with several users"
                exit 77
        fi
        clean=(env -i --default-signal "PATH=$T/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin" "HOME=$T/home" LANG=C.UTF-8 HF_INSIDE=alone "T=$T")
        if "${namespaces[@]}" true 2>/dev/null; then
                "${clean[@]}" "MODULE=$MODULE_DIR/libholdfast-pkcs11.so" "PROVIDER=$PROVIDER_DIR/holdfast.so" HF_INSIDE=machine \
                        "TEST=$TEST" "real_root=$real_root" "STAY_ROOT=${stay_root:-}" "HF_THROUGH=${HF_THROUGH:-}" "uid=$uid" "gid=$gid" "MODULE_DIR=$MODULE_DIR" "CONFIG_DIR=$CONFIG_DIR" \
                        "PROVIDER_DIR=$PROVIDER_DIR" "HF_MODULE=$HF_MODULE" "HF_PROVIDER=$HF_PROVIDER" "top_srcdir=$top_srcdir" \
                        "${namespaces[@]}" bash "$T/src/machine.sh"
        else
                "${clean[@]}" "MODULE=$HF_MODULE" "PROVIDER=$HF_PROVIDER" bash "$TEST"
        fi
        exit
fi

# For a test that cannot do without the private machine.
need_machine() {
        if [ "$HF_INSIDE" != machine ]; then
                echo "SKIP: this system gives no namespaces, and outside of them the module would have to be installed"
                exit 77
        fi
}

# For a test of several users, which sets stay_root=yes before it sources this: as_user is what runs a command as another one.
need_users() {
        need_machine
        if [ "$(id -u)" != 0 ]; then
                echo "SKIP: only root has a private machine with several users"
                exit 77
        fi
}
as_user() { setpriv "--reuid=$1" "--regid=$1" --clear-groups -- "${@:2}"; }

# For a test of a server that does not run as root. Only where there is no private machine is the test still root.
need_ordinary_user() {
        [ "$(id -u)" = 0 ] || return 0
        cp "$MODULE" "$PROVIDER" "$T/bin"
        chown -R nobody "$T/home" "$T/run"
        exec env "MODULE=$T/bin/${MODULE##*/}" "PROVIDER=$T/bin/${PROVIDER##*/}" \
                setpriv --reuid=nobody --regid=nogroup --clear-groups -- bash "$0"
}

# --- Saying, waiting, cleaning up ---

pids=()

finish() {
        local r=$? log

        for pid in "${pids[@]:+${pids[@]}}"; do
                kill "$pid" 2>/dev/null || true
        done
        if [ $r != 0 ] && [ $r != 77 ]; then
                for log in "$T"/run/*.log "$T"/daemon/*.log; do
                        [ ! -s "$log" ] || { echo "--- ${log##*/}"; grep -v 'swtpm: Data client disconnected' "$log" | tail -n 40; }
                done
        fi
        exit $r
}
trap finish EXIT
exec 9>&1 # where a redirected command cannot swallow it
trap 'echo "not ok - line $LINENO: $BASH_COMMAND" >&9' ERR
set -o errtrace

ok() { echo "ok - $*"; }

die() {
        echo "not ok - $*"
        exit 1
}

# background NAME COMMAND...: runs until the end of the test, or until `kill ${pids[-1]}`. Its output goes to NAME.log.
background() {
        local name=$1

        shift
        : >"$name.log" # what one of the same name said before is not waited for
        "$@" >"$name.log" 2>&1 </dev/null &
        pids+=($!)
}

# await COMMAND...: until it succeeds, for at most 15 s.
await() {
        local i

        for ((i = 0; i < 300; i++)); do
                if "$@" >await.out 2>&1; then
                        return 0
                fi
                sleep 0.05
        done
        cat await.out
        die "waited in vain for: $*"
}

listening() { (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Somebody else may take it before it is used.
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# begin_load COMMAND...: three at a time, each again and again until end_load, where one that has failed fails the test.
begin_load() {
        local i

        rm -f enough
        loads=()
        for i in 1 2 3; do
                { until [ -e enough ]; do "$@" || exit 1; done; } &
                loads+=($!)
                pids+=($!)
        done
}
end_load() {
        local i

        touch enough
        for i in "${loads[@]}"; do wait "$i"; done
}

# refused COMMAND...: it must fail.
refused() {
        if "$@" >refused.out 2>&1; then
                cat refused.out
                die "this should have failed: $*"
        fi
}

# shows WORDS COMMAND...: it must succeed and print the words.
shows() {
        local words=$1

        shift
        if ! "$@" >shows.out 2>&1; then
                cat shows.out
                die "failed: $*"
        fi
        if ! grep -qF -- "$words" shows.out; then
                cat shows.out
                die "no \"$words\" from: $*"
        fi
}

# --- A TPM, a store, agents ---

cd "$T/run"
# Ports outside of a private network are shared with whatever runs there.
port=$((20000 + RANDOM % 12000))
export HOLDFAST_STORE=$T/run/store HOLDFAST_TCTI=swtpm:path=$T/run/tpm
# Through the daemon, TPM and store are another user's: owner.sh.
if [ "${HF_THROUGH:-}" = daemon ]; then
        unset HOLDFAST_STORE HOLDFAST_TCTI
        export HOLDFAST_SOCKET=$T/daemon/pkcs11.sock
fi
export HOLDFAST_MODULE=$MODULE PKCS11_MODULE_PATH=$MODULE HOLDFAST_PROVIDER=$PROVIDER HOLDFAST_DAEMON=$T/bin/holdfastd
ENGINE=$(openssl version -e | sed 's/^[^"]*"\(.*\)"$/\1/')/pkcs11.so

# Is the TPM the test's own, or a daemon's?
direct() { [ "${HF_THROUGH:-}" != daemon ]; }

power_on() {
        if ! direct; then
                rm -f "$T/run/off"
                await grep -q ready "$T/daemon/daemon.log"
                return
        fi
        mkdir -p tpmstate
        background swtpm swtpm socket --tpm2 --tpmstate "dir=$T/run/tpmstate" --server "type=unixio,path=$T/run/tpm" \
                --ctrl "type=unixio,path=$T/run/tpm.ctrl" --flags not-need-init,startup-clear
        await test -S tpm
        await test -S tpm.ctrl
        tpm_pid=${pids[-1]}
}

# Through the daemon: that dies.
power_off() {
        if ! direct; then
                touch "$T/run/off"
                await test ! -s "$T/daemon/daemon.log"
                return
        fi
        kill "$tpm_pid"
        wait "$tpm_pid" || true
        rm -f tpm tpm.ctrl
}

start_tpm() {
        power_on
        direct || return 0
        holdfast init >init.log 2>&1
}

# --- The daemon ---

SOCKET=$T/run/daemon/pkcs11.sock
P11_CLIENT=$(pkg-config --variable=p11_module_path p11-kit-1)/p11-kit-client.so
daemon_as=()

# start_daemon [VAR=VALUE...]: on this test's store and TPM; its words are in daemon.log. daemon_as: what it is run by, such as setpriv.
start_daemon() {
        launch_daemon "$@"
        await daemon_says ready
}
launch_daemon() {
        background daemon "${daemon_as[@]}" env "HOLDFAST_SOCKET=$SOCKET" "$@" holdfastd
        daemon_pid=${pids[-1]}
}
daemon_says() { grep -qF -- "$1" daemon.log; }

# Its exit status is in daemon_status.
stop_daemon() {
        kill "$daemon_pid"
        daemon_ended
}
daemon_ended() {
        daemon_status=0
        wait "$daemon_pid" || daemon_status=$?
}

# allow AGENT WORD...: a rule.
allow() { echo "allow-1: allow ${*:2}" >>"store/agents/$1/agent"; }

# logged HEX...: each of these octet strings stands in the log.
logged() {
        python3 - "${HOLDFAST_AUDIT:-store/audit}" "$@" <<'PY' || die "not in the log"
import pathlib, sys

log = b"".join(p.read_bytes() for p in pathlib.Path(sys.argv[1]).rglob("*") if p.is_file())
missing = [h for h in sys.argv[2:] if bytes.fromhex(h) not in log]
print(*missing, sep="\n", end="")
sys.exit(len(missing) > 0)
PY
}

# log_holds [OPTION...]: `audit verify` finds nothing; its words are in verify.out.
log_holds() {
        holdfast audit verify "$@" >verify.out 2>&1 || { cat verify.out; die "the log does not hold"; }
}

# Before a program that asks the daemon through p11-kit's own client.
through_daemon=(env -u HOLDFAST_STORE -u HOLDFAST_TCTI "P11_KIT_SERVER_ADDRESS=unix:path=$SOCKET" "HF_MODULE=$P11_CLIENT")

# begin_client NAME COMMAND...: tests/robust/caller, whose connection lasts; $client_pid. What it says first is in $answer.
declare -A to_client from_client
begin_client() {
        local to from

        mkfifo "$1.in" "$1.out"
        "${@:2}" <"$1.in" >"$1.out" 2>&1 &
        client_pid=$!
        pids+=("$client_pid")
        exec {to}>"$1.in" {from}<"$1.out"
        to_client[$1]=$to from_client[$1]=$from
        read -r -t 30 -u "$from" answer || die "$1 says nothing"
}
# tell NAME WORD...: the line that comes back is in $answer.
tell() {
        echo "${*:2}" >&"${to_client[$1]}"
        read -r -t 30 -u "${from_client[$1]}" answer || die "$1 does not answer: ${*:2}"
}

# agent NAME [OPTION...]: with a P-256 key "default" unless told otherwise.
agent() { holdfast agent create "$1" --owner tests@example.com "${@:2}" >>agents.log 2>&1; }

uri() { holdfast key show "$1" --uri; }

# From here on every program that uses OpenSSL has the provider.
use_provider() {
        holdfast config openssl --install --quiet >/dev/null
        export OPENSSL_CONF=$HOME/.config/holdfast/openssl.cnf
}

# ref AGENT[/LABEL] NAME: NAME.key.pem, which stands for the key.
ref() { holdfast key export-ref "$1" >"$2.key.pem"; }

# ref_cert AGENT[/LABEL] NAME [SUBJECT]: NAME.key.pem and NAME.pem, by the provider.
ref_cert() {
        ref "$1" "$2"
        openssl req -new -key "$2.key.pem" -subj "/CN=${3:-$2}" -out "$2.csr" 2>>req.log
        sign_cert "$2.csr" "$2.pem" "${3:-$2}"
}

# --- Certificates from a throw-away authority, for keys in the TPM and in files ---

make_ca() {
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 2 \
                -subj "/CN=Test CA" -addext keyUsage=keyCertSign 2>/dev/null
}

# sign_cert REQUEST CERTIFICATE NAME: good for client, server and letters.
sign_cert() {
        printf 'subjectKeyIdentifier=hash\nsubjectAltName=DNS:%s,IP:127.0.0.1\nkeyUsage=digitalSignature\nextendedKeyUsage=clientAuth,serverAuth,emailProtection\n' "$3" >"$2.ext"
        openssl x509 -req -in "$1" -CA ca.pem -CAkey ca.key -days 1 -out "$2" -extfile "$2.ext" 2>/dev/null
}

# file_cert NAME: NAME.key and NAME.pem, without a TPM: the other end of a connection.
file_cert() {
        openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -subj "/CN=$1" -out "$1.csr" 2>/dev/null
        sign_cert "$1.csr" "$1.pem" "$1"
}

# tpm_cert AGENT[/LABEL] NAME: NAME.pem for the key in the TPM, and as a certificate object beside it.
tpm_cert() {
        openssl req -new -engine pkcs11 -keyform engine -key "$(uri "$1")" -subj "/CN=$2" -out "$2.csr" 2>>engine.log
        sign_cert "$2.csr" "$2.pem" "$2"
        holdfast key import-cert "$1" "$2.pem" >>agents.log 2>&1
}

# nginx_start WORKERS LISTEN KEY [LINE...]: nginx serves localhost.pem on the socket "web"; the lines go before its own.
nginx_start() {
        local workers=$1 listen=$2 key=$3

        shift 3
        mkdir -p nginx/logs nginx/html
        echo "hello from nginx" >nginx/html/index.html
        # Root's workers would give up what the key's file asks for.
        { [ "$(id -u)" != 0 ] || echo "user root;"; } >nginx/nginx.conf
        printf '%s\n' "$@" >>nginx/nginx.conf
        cat >>nginx/nginx.conf <<CONF
daemon off;
worker_processes $workers;
pid nginx.pid;
error_log $PWD/nginx.log info;
env HOLDFAST_STORE;
env HOLDFAST_TCTI;
env HOLDFAST_SOCKET;
events { worker_connections 64; }
http {
        access_log off;
        client_body_temp_path tmp; proxy_temp_path tmp; fastcgi_temp_path tmp; uwsgi_temp_path tmp; scgi_temp_path tmp;
        server {
                listen unix:$PWD/web $listen;
                server_name localhost;
                root html;
                ssl_certificate $PWD/localhost.pem;
                ssl_certificate_key "$key";
                ssl_client_certificate $PWD/ca.pem;
                ssl_verify_client on;
                ssl_protocols TLSv1.2 TLSv1.3;
                ssl_session_cache off;
                ssl_session_tickets off;
                location = /who { add_header Content-Type text/plain; return 200 "\$ssl_client_s_dn \$ssl_protocol \$server_protocol \$pid\n"; }
        }
}
CONF
        background nginx nginx -p "$PWD/nginx" -e "$PWD/nginx.log" -c nginx.conf
}
