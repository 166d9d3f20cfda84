#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# `holdfast curl`: mutual TLS with a server that trusts the issuer alone, and that the agent trusts by the issuer alone. The same by other
# programs that `holdfast run` starts, and the certificates that `holdfast cert` prints.

. "$(dirname "$0")/issuer_lib.sh"
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/agent_lib.sh"
start_tpm
agent build-42
agent other
holdfast key create build-42/RSA --kind RSA-2048 >>agents.log 2>&1
mint make=P-256 domains=localhost,example.org
agent_key localhost "${p256[@]}"
mint ca=ca.key key=localhost.pub.pem id=spiffe://example.org/service/web agent=web dns=localhost,web.example.org
mv leaf.pem localhost.pem
credentials build-42 default
credentials build-42 RSA
nginx_start 1 ssl "$PWD/localhost.key"
await test -S web

shows "hello from nginx" holdfast curl build-42 -- -sS --unix-socket web https://localhost/
shows "hello from nginx" holdfast curl build-42/RSA -- -sS --unix-socket web https://localhost/
shows "TLSv1.2" holdfast curl build-42 -- -sS --tls-max 1.2 --unix-socket web https://localhost/who
shows "400 No required SSL certificate" curl -sS --cacert ca.pem --unix-socket web https://localhost/
refused holdfast curl build-42 -- -sS --unix-socket web https://other.example.org/
r=0
holdfast curl build-42 -- -sS --unix-socket nowhere https://localhost/ 2>/dev/null || r=$?
[ $r = 7 ]
ok "curl proves itself, and believes a server by the issuer's certificate"

# shellcheck disable=SC2016 # for the shell inside
shows "hello from nginx" holdfast run build-42 -- sh -c \
        'printf "GET / HTTP/1.0\r\nHost: localhost\r\n\r\n" | openssl s_client -quiet -unix web -servername localhost -cert "$HOLDFAST_CERT" -key "$HOLDFAST_KEY" -CAfile "$HOLDFAST_CA_BUNDLE" -verify_return_error 2>/dev/null'
cat >client.py <<'PY'
import os, socket, ssl
c = ssl.create_default_context(cafile=os.environ["HOLDFAST_CA_BUNDLE"])
c.load_cert_chain(os.environ["HOLDFAST_CERT"], os.environ["HOLDFAST_KEY"])
s = socket.socket(socket.AF_UNIX)
s.connect("web")
s = c.wrap_socket(s, server_hostname="localhost")
s.sendall(b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n")
print(s.makefile("rb").read().decode())
PY
shows "hello from nginx" holdfast run build-42 -- /usr/bin/python3 client.py
await nothing_left
ok "so do others, from what is in their environment"

holdfast cert build-42 | openssl verify -CAfile ca.pem /dev/stdin >/dev/null
holdfast cert build-42/RSA | openssl x509 -noout -ext subjectAltName | grep -q "URI:spiffe://example.org/agent/build-42"
cmp <(holdfast cert build-42 --bundle) ca.pem
refused holdfast cert build-42 --ssh
grep -q "the issuer gave build-42 no SSH certificate" refused.out
refused holdfast cert other
refused holdfast cert build-42 --ssh --bundle
rm credentials/build-42/default/cert.pem
refused holdfast curl build-42 -- https://localhost/
grep -q "the issuer gave build-42 no X.509 certificate" refused.out
await nothing_left
ok "certificates are printed, and what is not there is said"
