#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The whole way in `holdfast dev --issuer`: two agents are enrolled, each check of their evidence is shown, and what they then do is done by real
# programs: mutual TLS, an SSH login, a JWT, a file of one that stays fresh. In the end the log holds.

. "$(dirname "$0")/enrolled_lib.sh"

refused holdfast enroll nobody
refused holdfast run web -- true
for name in build-42 web; do holdfast agent create $name --owner dana@example.com >>agents.log 2>&1; done
holdfast enroll build-42 >enrolled
for check in shape attestation-key trust key-signature key-statement key key-policy clock; do
        grep -qE "^$check .*passed" enrolled || { cat enrolled; die "no check $check"; }
done
grep -q "^SPIFFE ID spiffe://dev.localhost/" enrolled
grep -q "^Issued .*X.509" enrolled
holdfast enroll web --json >web.json
/usr/bin/python3 - web.json <<'PY'
import json, sys
d = json.load(open(sys.argv[1]))
assert d["schema"] == "holdfast.enroll/1" and d["checks"] and d["not_after"].endswith("Z"), d
assert all(c["outcome"] != "failed" for c in d["checks"]), d
PY
holdfast enrolled >list
grep -q "build-42/default .*spiffe://" list && grep -q "web/default .*spiffe://" list
shows "enrolled: 2, not renewed: 0" holdfast status
holdfast enrolled --json | grep -q '"schema": "holdfast.enrolled/1"'
ok "two agents are enrolled, with the checks of their evidence"

cat >nginx.conf <<CONF
daemon off; pid nginx.pid; error_log $PWD/nginx.log;
env HOLDFAST_SOCKET;
events { }
http {
        access_log off;
        client_body_temp_path tmp; proxy_temp_path tmp; fastcgi_temp_path tmp; uwsgi_temp_path tmp; scgi_temp_path tmp;
        server {
                listen unix:$PWD/web.sock ssl;
                ssl_certificate $credentials/web/default/cert.pem;
                ssl_certificate_key $credentials/web/default/key.pem;
                ssl_client_certificate $credentials/web/default/bundle.pem;
                ssl_verify_client on;
                location / { return 200 "hello \$ssl_client_verify\n"; }
        }
}
CONF
mkdir -p nginx/logs
background nginx holdfast run web -- nginx -p "$PWD/nginx" -e "$PWD/nginx.log" -c "$PWD/nginx.conf"
nginx_pid=${pids[-1]}
await test -S web.sock
shows "hello SUCCESS" holdfast curl build-42 -- -sS --unix-socket web.sock https://web.dev.localhost/
refused holdfast curl build-42 -- -sS --unix-socket web.sock https://other.dev.localhost/
shows "400 No required SSL certificate" curl -sS --cacert "$credentials/web/default/bundle.pem" --unix-socket web.sock https://web.dev.localhost/
kill "$nginx_pid"
wait "$nginx_pid" || true
ok "curl and nginx, both with the issuer's certificates and keys in the TPM, believe nobody else"

from_issuer /ssh/user-ca.pub >user-ca.pub
sshd_setup "TrustedUserCAKeys $PWD/user-ca.pub"
sed -i -e '/IdentityFile/d' -e '/GlobalKnownHostsFile/d' ssh_config
# shellcheck disable=SC2016 # for the shell on the other side
shows "logged in as $me" holdfast ssh build-42 -- -F ssh_config host 'echo "logged in as $(id -un)"'
refused ssh -F ssh_config host true
ok "sshd lets in who has the issuer's certificate"

audience=https://api.dev.localhost
cat >verify.py <<'PY'
import json, sys
from jwcrypto import jwk, jwt
t = jwt.JWT(check_claims={"aud": sys.argv[1], "exp": None, "sub": sys.argv[2]})
t.deserialize(open(sys.argv[3]).read().strip(), jwk.JWKSet.from_json(open("jwks.json").read()))
PY
from_issuer /jwks.json >jwks.json
id=$(sed -n 's/^SPIFFE ID //p' enrolled)
holdfast token build-42 --audience $audience >jwt
/usr/bin/python3 verify.py $audience "$id" jwt
holdfast token build-42 --audience $audience --file token.file
[ "$(stat -c %a token.file)" = 600 ]
/usr/bin/python3 verify.py $audience "$id" token.file
holdfast token build-42 --audience $audience --format vault --role build | /usr/bin/python3 -c 'import json, sys; d = json.load(sys.stdin); assert d["role"] == "build" and d["jwt"].count(".") == 2'
holdfast token build-42 --audience $audience --format kubernetes |
        /usr/bin/python3 -c 'import json, sys; d = json.load(sys.stdin); assert d["kind"] == "ExecCredential" and d["status"]["token"].count(".") == 2 and d["status"]["expirationTimestamp"].endswith("Z")'
shows "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-spiffe&client_assertion=ey" holdfast token build-42 --audience $audience --format oauth-spiffe
holdfast token build-42 --audience $audience --json | grep -q '"schema": "holdfast.token/1"'
refused holdfast token build-42 --audience https://elsewhere.example.com
refused holdfast token nobody --audience $audience
refused holdfast token build-42 --audience $audience --format vault
background follow holdfast token build-42 --audience $audience --file kept --follow
await test -s kept
kill "${pids[-1]}"
r=0
wait "${pids[-1]}" || r=$?
[ $r = 143 ]
/usr/bin/python3 verify.py $audience "$id" kept

# One that lives for ten seconds is another before it ends, in the file too.
profile fast "agent = fast" "credentials = x509 jwt" "audiences = $audience" "life = 10s"
reload_issuer
enrol fast
background follow holdfast token fast --audience $audience --file fast.token --follow
await test -s fast.token
cp fast.token first.token
cp "$credentials/fast/default/cert.pem" first.pem
renewed() { ! cmp -s fast.token first.token && ! cmp -s "$credentials/fast/default/cert.pem" first.pem; }
await renewed
/usr/bin/python3 verify.py $audience spiffe://dev.localhost/agent/fast fast.token
openssl verify -CAfile "$credentials/fast/default/bundle.pem" "$credentials/fast/default/cert.pem" >/dev/null
shows "not renewed: 0" holdfast status
ok "a JWT verifies with what the issuer publishes, in every form, and is renewed in time like a certificate"

# What the issuer gave one program is not given to another, however fresh it is.
profile narrow "agent = narrow" "credentials = jwt" "audiences = $audience" "path = $(command -v holdfast)"
reload_issuer
holdfast agent create narrow --owner dana@example.com >>agents.log 2>&1
by_curl() { curl -sS --unix-socket "$(dirname "$HOLDFAST_SOCKET")/token.sock" "http://localhost/v1/token?agent=narrow&audience=$audience"; }
shows "urn:holdfast:problem:denied" by_curl
holdfast token narrow --audience $audience >narrow.jwt
/usr/bin/python3 verify.py $audience spiffe://dev.localhost/agent/narrow narrow.jwt
holdfast token narrow --audience $audience | cmp - narrow.jwt
shows "urn:holdfast:problem:denied" by_curl
ok "a token is the program's for which the issuer gave it"

# Rules are asked for tokens as for signatures.
holdfast agent create secret --owner dana@example.com --allow 'allow user=nobody' >>agents.log 2>&1
holdfast enroll secret >>agents.log 2>&1
refused holdfast token secret --audience $audience
grep -q "no agent secret" refused.out
holdfast lock build-42 >>agents.log 2>&1
refused holdfast token build-42 --audience $audience
refused holdfast curl build-42 -- -sS --unix-socket web.sock https://web.dev.localhost/
holdfast unlock build-42 >>agents.log 2>&1
holdfast token build-42 --audience $audience >/dev/null
ok "whom no rule allows has no token"

holdfast unenroll web >>agents.log 2>&1
[ ! -e "$credentials/web/default" ]
refused holdfast run web -- true
grep -q "web is not enrolled" refused.out
refused holdfast unenroll web
shows "enrolled: 3, not renewed: 0" holdfast status
log_holds
ok "an end is an end, and the log holds"
