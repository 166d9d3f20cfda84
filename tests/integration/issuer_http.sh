#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The issuer's HTTP server before curl, openssl s_client and ab.

prepare() { cp "${top_builddir:?}/tests/bench/http_server" "$T/bin/http_server"; }
. "$(dirname "$0")/lib.sh"

serve() { # a new one; hold is what it lives from
        rm -f hold http.log
        mkfifo hold
        http_server . <hold >http.log 2>access.log &
        pids+=($!)
        exec 8>hold
        await grep -q sock http.log
        read -r tls plain unix <http.log
}
export HTTP_ACCESS_LOG=yes
serve
url=https://127.0.0.1:$tls
get() { curl -sS --max-time 20 --cacert cert.pem "$@"; }

shows hello get "$url/hello"
shows hello get --tls-max 1.2 "$url/hello"
shows hello get --http2 "$url/hello"
shows hello get -0 "$url/hello"
shows hello get "http://127.0.0.1:$plain/hello"
shows "unix:$(id -u)" curl -sS --max-time 20 --unix-socket "$unix" http://localhost/who
ok "curl: TLS 1.3, 1.2, a client that would rather have HTTP/2, HTTP/1.0, plain, the Unix socket"

[ "$(get -o /dev/null -w '%{num_connects} ' "$url/hello" -o /dev/null "$url/hello" -o /dev/null "$url/count")" = "1 0 0 " ]
shows "Content-Length: 5" get -I "$url/hello"
ok "a connection is kept, HEAD has a length"

get -o list --etag-save etag "$url/list"
[ "$(get -o again -w '%{http_code}' --etag-compare etag "$url/list")" = 304 ]
ok "what has not changed is not sent again"

head -c 6291456 /dev/urandom >body
get --data-binary @body -o echo "$url/echo"
cmp body echo
get -X POST -T - -o echo "$url/echo" <body
cmp body echo
get -H 'Expect: 100-continue' --expect100-timeout 15 --data-binary @body -o echo -w '%{time_total}' "$url/echo" >took
cmp body echo
awk '{ exit !($1 < 14) }' took
[ "$(head -c 6291457 /dev/zero | get --data-binary @- -o /dev/null -w '%{http_code}' "$url/echo")" = 413 ]
ok "6 MiB go in and out, by length, in chunks and after 100 Continue; an octet more does not"

refused get --tls-max 1.1 "$url/hello"
refused curl -sS --max-time 20 "http://127.0.0.1:$tls/hello"
refused curl -sS --max-time 20 "https://127.0.0.1:$plain/hello"
refused openssl s_client -connect "127.0.0.1:$tls" -alpn h2 </dev/null
ok "old TLS and what is no TLS get nowhere"

for version in 1_2 1_3; do
        printf 'GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' |
                openssl s_client -connect "127.0.0.1:$tls" -CAfile cert.pem "-tls$version" -sess_out session -ign_eof >first 2>&1
        printf 'GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' |
                openssl s_client -connect "127.0.0.1:$tls" -CAfile cert.pem "-tls$version" -sess_in session -ign_eof >second 2>&1
        grep -q '^New, ' first
        grep -q '^Reused, ' second
        grep -q hello second
        grep -q 'Verify return code: 0 (ok)' second
done
ok "openssl s_client takes up its session again, in TLS 1.2 and 1.3"

if type ab >/dev/null 2>&1; then
        printf '{"purpose":"credential","host":"x"}' >nonce.json
        ab -q -n 2000 -c 8 -k -p nonce.json -T application/json "$url/echo" >ab.log 2>&1
        grep -q '^Complete requests: *2000$' ab.log
        grep -q '^Failed requests: *0$' ab.log
        grep -q '^Keep-Alive requests: *2000$' ab.log
        ok "ab: 2000 POSTs by 8 clients who keep their connections"
fi

refused grep -vE '^20[0-9-]{8}T[0-9:.]{12}Z (127\.0\.0\.1|unix:[0-9]+) [A-Z-]+ [!-~]+ [0-9]{3} [0-9]+ [0-9]+us (TLSv1\.[23]|-)$' access.log
grep -q 'HEAD /hello 200 0 ' access.log
ok "every line of the access log is one"

get --limit-rate 3M "$url/big?5000000" >big &
loading=$!
await test -s big
exec 8>&-
wait "$loading"
[ "$(stat -c %s big)" = 5000000 ]
refused get "$url/hello"
ok "what is being sent at the end is sent"
