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
        clean=(env -i --default-signal "PATH=$T/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin" "HOME=$T/home" LANG=C.UTF-8 HF_INSIDE=alone "T=$T")
        if "${namespaces[@]}" true 2>/dev/null; then
                "${clean[@]}" "MODULE=$MODULE_DIR/libholdfast-pkcs11.so" "PROVIDER=$PROVIDER_DIR/holdfast.so" HF_INSIDE=machine \
                        "TEST=$TEST" "real_root=$real_root" "uid=$uid" "gid=$gid" "MODULE_DIR=$MODULE_DIR" "CONFIG_DIR=$CONFIG_DIR" \
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
                for log in "$T"/run/*.log; do
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
export HOLDFAST_MODULE=$MODULE PKCS11_MODULE_PATH=$MODULE HOLDFAST_PROVIDER=$PROVIDER
ENGINE=$(openssl version -e | sed 's/^[^"]*"\(.*\)"$/\1/')/pkcs11.so

power_on() {
        mkdir -p tpmstate
        background swtpm swtpm socket --tpm2 --tpmstate "dir=$T/run/tpmstate" --server "type=unixio,path=$T/run/tpm" \
                --ctrl "type=unixio,path=$T/run/tpm.ctrl" --flags not-need-init,startup-clear
        await test -S tpm
        await test -S tpm.ctrl
        tpm_pid=${pids[-1]}
}

power_off() {
        kill "$tpm_pid"
        wait "$tpm_pid" || true
        rm -f tpm tpm.ctrl
}

start_tpm() {
        power_on
        holdfast init >init.log 2>&1
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
