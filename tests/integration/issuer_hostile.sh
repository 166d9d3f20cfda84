#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# holdfast-issuer before strangers: a thousand connections that say nothing, requests that never end, bodies and heads without measure, JSON that two
# readers would read differently. Whoever behaves is served meanwhile, without a certificate and with any.

prepare() { cp "${HOLDFAST_ISSUER_PROGRAM:?}" "$T/bin/holdfast-issuer"; }
. "$(dirname "$0")/lib.sh"
export HOLDFAST_ISSUER_CONF=$T/run/issuer.conf
dir=$T/run/issuer

port=$(free_port)
url=https://localhost:$port
holdfast-issuer init --trust-domain example.org --url "$url" --directory "$dir" --listen "127.0.0.1:$port" --domain example.org >init-issuer.log
sed -i '/^url = /a max-per-address = 1100\nmax-connections = 1200\ntimeout = 2s' issuer.conf
background issuer holdfast-issuer serve
issuer_pid=${pids[-1]}
await grep -qx 'holdfast-issuer: ready' issuer.log
cp "$dir/log-keys.pem" issuer.pem
get() { curl -sSf --max-time 10 --cacert issuer.pem "$@"; }

# --- Who has a certificate, and who has none ---

get "$url/readyz" >/dev/null
make_ca
file_cert stranger
[ "$(get --cert stranger.pem --key stranger.key "$url/healthz")" = '{"status":"ok"}' ]
[ "$(curl -sS -o answer -w '%{http_code}' --cacert issuer.pem --cert stranger.pem --key stranger.key "$url/v1/admin/hosts")" = 404 ]
ok "clients are served without a certificate, and no certificate makes an operator of anybody"

# --- Bodies ---

# answers STATUS PATH CURL-OPTION...
answers() {
        local status

        status=$(curl -sS --max-time 20 -o answer -w '%{http_code} %{content_type}' --cacert issuer.pem -H 'Content-Type: application/json' "$url$2" "${@:3}")
        [ "$status" = "$1 application/problem+json" ] || { cat answer; die "$2 ${*:3}: $status"; }
}
nested=$(printf '[%.0s' {1..2000})
for path in /v1/nonce /v1/join /v1/credential; do
        for body in '' '{' 'null' '[]' '"x"' '{}' '{}{}' '{"host":"a.example.org","host":"b.example.org"}' '{"purpose":"credential","host":"a.example.org","more":1}' \
                '{"purpose":1,"host":2}' '{"purpose":"credential","host":"A B"}' "$nested" '{"host":"a\u0000b","purpose":"join"}'; do
                answers 400 $path --data-binary "$body"
                grep -q 'problem:shape' answer
        done
        printf '{"host":"\377\376"}' >octets
        answers 400 $path --data-binary @octets
        grep -q 'problem:shape' answer
done
head -c 8192 /dev/zero | tr '\0' ' ' >large
answers 413 /v1/nonce --data-binary @large
head -c 200000 /dev/zero >large
answers 413 /v1/join --data-binary @large
answers 413 /v1/join -H 'Transfer-Encoding: chunked' --data-binary @large
head -c 6400000 /dev/zero >large
answers 413 /v1/credential --data-binary @large
answers 413 /v1/credential -H 'Transfer-Encoding: chunked' --data-binary @large
answers 431 /healthz -H "X-Large: $(head -c 9000 /dev/zero | tr '\0' x)"
ok "bodies are JSON, once, flat and bounded, or they are refused with a sentence"

# --- A thousand who stall ---

rss() { awk '/^VmRSS/ { print $2 }' "/proc/$issuer_pid/status"; }
before=$(rss)
cat >stall.py <<'PYTHON'
# A thousand connections in four kinds: silent, half of a handshake, half of a head, half of a body. Says "stalled", waits until all are cut off.
import resource, select, socket, ssl, sys, time
port, patience = int(sys.argv[1]), 60
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
context = ssl.create_default_context(cafile="issuer.pem")
said = [None, b"\x16\x03\x01\x02\x00\x01", b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-", b'POST /v1/nonce HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"purpose"']
held = []
for i in range(1000):
    s = socket.create_connection(("127.0.0.1", port))
    kind = i % 4
    if kind == 1:
        s.sendall(said[kind])
    if kind >= 2 and i < 400:
        s = context.wrap_socket(s, server_hostname="localhost")
        s.sendall(said[kind])
    held.append(s)
print("stalled", flush=True)
end = time.monotonic() + patience
left = {s.fileno(): s for s in held}
poll = select.poll()
for fd in left:
    poll.register(fd, select.POLLIN)
while left:
    assert time.monotonic() < end, f"{len(left)} are still held"
    for fd, _ in poll.poll(1000):
        try:
            gone = left[fd].recv(65536) == b""
        except ssl.SSLWantReadError:
            gone = False
        except OSError:
            gone = True
        if gone:
            poll.unregister(fd)
            left.pop(fd).close()
print("all are gone", flush=True)
PYTHON
background stall python3 stall.py "$port"
await grep -q stalled stall.log
for i in 1 2 3 4 5; do
        get -o /dev/null -w '%{time_total}\n' "$url/readyz"
        curl -sS --max-time 10 --unix-socket "$dir/admin.sock" http://localhost/v1/admin/status >status.json
done >times.list
awk '$1 > 5 { slow = 1 } END { exit slow }' times.list || { cat times.list; die "others wait for them"; }
grown=$(($(rss) - before))
[ "$grown" -lt 65536 ] || die "a thousand stalled connections take $grown KiB"
ok "a thousand stalled connections take nobody's time ($(sort -n times.list | tail -n 1) s at most) and $grown KiB"

# --- And are not held for ever ---

gone() { grep -q 'all are gone' stall.log || { kill -0 "${pids[-1]}" && return 1; }; }
for ((i = 0; i < 4; i++)); do
        ! gone || break
        await gone
done
grep -q 'all are gone' stall.log || { cat stall.log; die "they are held"; }
get "$url/readyz" >/dev/null
kill "$issuer_pid"
wait "$issuer_pid"
holdfast audit verify "$dir/log" --issuer-key issuer.pem >verify.log
ok "they are cut off, and the issuer ends in order"
