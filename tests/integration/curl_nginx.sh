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

mkdir -p nginx/logs nginx/html
echo "hello from nginx" >nginx/html/index.html
# Root's workers would give up what the key's file asks for.
{ [ "$(id -u)" != 0 ] || echo "user root;"; } >nginx/nginx.conf
cat >>nginx/nginx.conf <<END
daemon off;
worker_processes 2;
pid nginx.pid;
error_log $PWD/nginx.log info;
ssl_engine pkcs11;
env PKCS11_MODULE_PATH;
env HOLDFAST_STORE;
env HOLDFAST_TCTI;
events { worker_connections 64; }
http {
        access_log off;
        client_body_temp_path tmp; proxy_temp_path tmp; fastcgi_temp_path tmp; uwsgi_temp_path tmp; scgi_temp_path tmp;
        server {
                listen unix:$PWD/web ssl;
                server_name localhost;
                root html;
                ssl_certificate $PWD/localhost.pem;
                ssl_certificate_key "engine:pkcs11:$(uri web)";
                ssl_client_certificate $PWD/ca.pem;
                ssl_verify_client on;
                ssl_protocols TLSv1.2 TLSv1.3;
                ssl_session_cache off;
                ssl_session_tickets off;
                location = /who { add_header Content-Type text/plain; return 200 "\$ssl_client_s_dn \$ssl_protocol \$pid\n"; }
        }
}
END
background nginx nginx -p "$PWD/nginx" -e "$PWD/nginx.log" -c nginx.conf
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
