#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# docs/howto/nginx.md: nginx lets in whom the issuer certified, by its CA certificate and its revocation list alone, and stops when a certificate is
# revoked; its own key is in the TPM too.

. "$(dirname "$0")/enrolled_lib.sh"
profile services "agent = web client other" "credentials = x509" "dns = {agent}.dev.localhost" "common-name = {agent}"
reload_issuer
for name in web client other; do enrol $name; done

# nginx reads lists as PEM.
fetch_crl() { from_issuer /ca.crl | openssl crl -inform DER -out ca.crl; }
from_issuer /ca.pem >ca.pem
fetch_crl
openssl crl -in ca.crl -CAfile ca.pem -noout 2>crl.out
grep -q "verify OK" crl.out
mkdir -p nginx
cat >nginx.conf <<CONF
daemon off; pid nginx.pid; error_log $PWD/nginx.log notice;
env HOLDFAST_SOCKET;
events { }
http {
        access_log off;
        client_body_temp_path tmp; proxy_temp_path tmp; fastcgi_temp_path tmp; uwsgi_temp_path tmp; scgi_temp_path tmp;
        server {
                listen unix:$PWD/web.sock ssl;
                ssl_certificate $credentials/web/default/cert.pem;
                ssl_certificate_key $credentials/web/default/key.pem;
                ssl_client_certificate $PWD/ca.pem;
                ssl_crl $PWD/ca.crl;
                ssl_verify_client on;
                location / { return 200 "hello \$ssl_client_s_dn \$ssl_client_verify\n"; }
        }
}
CONF
background nginx holdfast run web -- nginx -p "$PWD/nginx" -e "$PWD/nginx.log" -c "$PWD/nginx.conf"
nginx_pid=${pids[-1]}
await test -S web.sock
as() { holdfast curl "$1" -- -sS --unix-socket web.sock https://web.dev.localhost/; }
shows "hello CN=client SUCCESS" as client
shows "hello CN=other SUCCESS" as other
shows "400 No required SSL certificate" curl -sS --cacert ca.pem --unix-socket web.sock https://web.dev.localhost/
# Somebody else's certificate by the same name.
make_ca_as() { openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.pem" -days 1 -subj "/CN=client" 2>/dev/null; }
make_ca_as stranger
shows "400 The SSL certificate error" curl -sS --cacert ca.pem --cert stranger.pem --key stranger.key --unix-socket web.sock https://web.dev.localhost/
ok "nginx lets in whom the issuer certified"

holdfast-issuer agent revoke client --host host.dev.localhost --conf "$HOLDFAST_ISSUER_CONF" >revoke.log
fetch_crl
shows "Serial Number" openssl crl -in ca.crl -noout -text
kill -HUP "$nginx_pid"
revoked() { as client | grep -q "400 The SSL certificate error"; }
await revoked
shows "hello CN=other SUCCESS" as other
refused holdfast enroll client
grep -q revoked refused.out
ok "whoever is revoked is out when nginx has read the list, and gets nothing new"

# A renewed certificate of its own is taken up by a reload.
cp "$credentials/web/default/cert.pem" old.pem
holdfast enroll web >>agents.log 2>&1
cmp -s old.pem "$credentials/web/default/cert.pem" && die "no new certificate"
kill -HUP "$nginx_pid"
serial() { openssl x509 -noout -serial; }
serves_new() { [ "$(openssl s_client -unix web.sock -servername web.dev.localhost </dev/null 2>/dev/null | serial)" = "$(serial <"$credentials/web/default/cert.pem")" ]; }
await serves_new
shows "hello CN=other SUCCESS" as other
log_holds
ok "nginx takes up its own new certificate by a reload"
