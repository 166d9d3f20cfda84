#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# curl and nginx, both through the PKCS#11 engine: nginx's forked workers serve TLS with a key in the TPM, and curl proves
# itself with another, its certificate from a file or from the token.

. "$(dirname "$0")/lib.sh"
start_tpm
agent web
agent client
make_ca
tpm_cert web localhost
tpm_cert client client

nginx_start 2 "ssl" "engine:pkcs11:$(uri web)" "ssl_engine pkcs11;" "env PKCS11_MODULE_PATH;"
await test -S web

get() { curl -sS --max-time 20 --unix-socket web --cacert ca.pem "$@"; }
engine=(--engine pkcs11 --key-type ENG --key "$(uri client)")

shows "hello from nginx" get "${engine[@]}" --cert client.pem https://localhost/
ok "curl and nginx, certificate from a file"

shows "CN=client TLSv1.3" get "${engine[@]}" --cert-type ENG --cert "$(uri client | sed 's/type=private/type=cert/')" https://localhost/who
shows "CN=client TLSv1.2" get "${engine[@]}" --tls-max 1.2 --cert client.pem https://localhost/who
ok "certificate from the token, TLS 1.3 and 1.2"

gets=()
for i in $(seq 20); do
        get "${engine[@]}" --cert client.pem https://localhost/who >"who.$i" &
        gets+=($!)
done
wait "${gets[@]}"
[ "$(cat who.* | grep -c CN=client)" = 20 ]
ok "20 connections at once"

kill -HUP "${pids[-1]}"
await grep -q 'gracefully shutting down' nginx.log
shows "CN=client" get "${engine[@]}" --cert client.pem https://localhost/who
ok "nginx reloads"

shows "400 No required SSL certificate" get https://localhost/
ok "nobody gets in without a certificate"
