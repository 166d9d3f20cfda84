#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# curl and nginx with the provider and reference files, nothing else configured: four workers serve TLS with a key in the TPM and are
# replaced under load, and curl proves itself with another over HTTP/1.1 and HTTP/2.

. "$(dirname "$0")/lib.sh"
start_tpm
agent web
agent client
holdfast key create client/RSA-2048 --kind RSA-2048 >>agents.log 2>&1
make_ca
use_provider
ref_cert web localhost
ref_cert client client
ref_cert client/RSA-2048 rsa

nginx_start 4 "ssl http2" "$PWD/localhost.key.pem"
nginx_pid=${pids[-1]}
await test -S web

get() { curl -sS --max-time 20 --unix-socket web --cacert ca.pem "$@"; }
client=(--cert client.pem --key client.key.pem)

shows "hello from nginx" get "${client[@]}" https://localhost/
shows "CN=client TLSv1.3 HTTP/2.0" get "${client[@]}" --http2 https://localhost/who
shows "CN=client TLSv1.3 HTTP/1.1" get "${client[@]}" --http1.1 https://localhost/who
shows "CN=client TLSv1.2 HTTP/1.1" get "${client[@]}" --http1.1 --tls-max 1.2 https://localhost/who
shows "CN=rsa TLSv1.3" get --cert rsa.pem --key rsa.key.pem https://localhost/who
shows "CN=rsa TLSv1.2" get --cert rsa.pem --key rsa.key.pem --tls-max 1.2 https://localhost/who
ok "curl and nginx, TLS 1.3 and 1.2, HTTP/1.1 and HTTP/2, P-256 and RSA"

gets=()
for i in $(seq 20); do
        get "${client[@]}" https://localhost/who >"who.$i" &
        gets+=($!)
done
wait "${gets[@]}"
[ "$(cat who.* | grep -c CN=client)" = 20 ]
ok "20 connections at once"

# load N: requests one after the other; a failed one fails it. By HTTP/1.1: a worker that leaves ends an HTTP/2 connection whose first request is
# still on its way.
load() {
        local i

        for ((i = 0; i < $1; i++)); do
                get "${client[@]}" --http1.1 https://localhost/who >>load.log || return
        done
}
loads=()
for i in 1 2 3; do
        load 12 &
        loads+=($!)
done
for i in 1 2 3; do
        kill -HUP "$nginx_pid"
        sleep 0.3
done
for i in "${loads[@]}"; do wait "$i"; done
[ "$(grep -c CN=client load.log)" = 36 ]
await grep -q 'gracefully shutting down' nginx.log
shows "CN=client" get "${client[@]}" https://localhost/who
ok "reloads under load without a failed request"

shows "400 No required SSL certificate" get https://localhost/
refused get --cert client.pem --key rsa.key.pem https://localhost/
ok "nobody gets in without a certificate, or with another key than its own"
