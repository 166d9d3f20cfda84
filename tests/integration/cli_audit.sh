#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The log on the command line: read, searched, followed, verified from a copy, proved, and handed to others without a loss.

prepare() { cp "${top_builddir:?}/tests/bench/make_log" "$T/bin"; }
. "$(dirname "$0")/lib.sh"

# exits STATUS COMMAND...: its output is in out and err.
exits() {
        local want=$1 got=0

        shift
        "$@" >out 2>err </dev/null || got=$?
        [ $got = "$want" ] || { cat out err; die "exit status $got and not $want: $*"; }
}
says() { grep -qF -- "$1" err || { cat err; die "no \"$1\" on standard error"; }; }
prints() { grep -qF -- "$1" out || { cat out; die "no \"$1\" on standard output"; }; }
lines() { [ "$(wc -l <"$2")" = "$1" ] || { tail -n 3 "$2"; die "$2 has $(wc -l <"$2") lines and not $1"; }; }

# 1206 records: start, list, a creation, a refusal, 1200 signatures in two logs, of which the second begins with a rotation, and a stop.
make_log log ak.pem 1200 100 400000
[ "$(ls -d log/0*)" = $'log/000001\nlog/000002' ] || die "this is not two logs"
in_first=$(holdfast audit export --log log 2>>export.log | grep -c '"log":1,')
audit() { holdfast audit "$1" --log log "${@:2}"; }

exits 0 audit log
lines 50 out
[ "$(tail -n 1 out | awk '{ print $3 }')" = stop ] || die "the newest record is not the last line"
exits 0 audit log -n 1200
lines 1200 out
grep -q ' 1/100 ' out || die "1200 lines do not reach back into the first log"
exits 0 audit log -nall
lines 1206 out
exits 0 audit log --lines 0
lines 0 out
exits 2 audit log -n many
ok "log: the newest last, as many as wanted, across logs"

exits 0 audit log --decision refused
lines 1 out
prints "by uid 1234 pid 77 /tmp/a\\x0a2026-11-25T00:00:00.000Z  forged\\x1b[2J\\xe2\\x80\\xae"
prints "because no rule allows it"
exits 0 audit log --event create
lines 1 out
exits 0 audit log --uid 1234 --agent other --key tls --event use
lines 1 out
exits 0 audit log --uid 1235
lines 0 out
exits 0 audit log --agent agent --event use -n 3
lines 3 out
exits 0 audit log -n all --since 2026-11-25T12:00:01 --until 2026-11-25T12:00:02Z
lines 100 out
exits 0 audit log --since 1s --until 2099-01-01
exits 2 audit log --since soon
exits 2 audit log --event nap
exits 2 audit log --decision perhaps
exits 2 audit log --uid nobody-of-that-name
exits 3 holdfast audit log --log nowhere
ok "log: filters"

exits 0 audit search forged
lines 2 out
exits 0 audit search forged --event use
lines 1 out
digest=$(audit export 2>>export.log | python3 -c 'import json, sys; print([json.loads(l) for l in sys.stdin][700]["digest"])')
exits 0 audit search "${digest:8:24}"
lines 1 out
exits 0 audit search "${digest:8:24}" --json
python3 - "$digest" <<'PY'
import json, sys
d = json.load(open("out"))
assert d["schema"] == "holdfast.audit-log/1" and len(d["records"]) == 1 and d["records"][0]["digest"] == sys.argv[1]
PY
exits 0 audit log --json --lines 0
python3 -c 'import json; assert json.load(open("out"))["records"] == []'
exits 0 audit log --json --decision refused
! LC_ALL=C grep -q $'[\033\342]' out || die "JSON shows what a stranger wanted to show"
ok "search: text and octets, over all logs; JSON"

# --- Verify ---

verify() { holdfast audit verify "$@" --ak ak.pem; }

exits 3 holdfast audit verify log
says "--ak"
exits 0 verify log
prints "1 206 records in 2 logs  chain ok  checkpoints"
prints "signatures 1 200 ok"
prints "no unlogged signature"
prints "not compared"
exits 0 verify log --no-signatures
prints "signatures not checked"
nv=$(sed -n 's/^nv [0-9a-f]* //p' log/000002/checkpoint)
exits 0 verify log --nv "$nv"
prints "$nv, as the newest checkpoint says"
exits 8 verify log --nv $((nv + 1))
prints "nv: the NV counter is $((nv + 1))"
exits 8 verify log --nv $((nv - 2))
exits 2 verify log --nv high
exits 0 verify log --json
python3 - <<'PY'
import json
d = json.load(open("out"))
assert d["ok"] and d["records"] == 1206 and d["logs"] == 2 and d["signatures_checked"] == 1200 and d["audit"] == "command" and d["findings"] == [], d
PY
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 2 -subj "/CN=CA" 2>/dev/null
openssl x509 -new -subj /CN=ak -force_pubkey ak.pem -CA ca.pem -CAkey ca.key -days 1 -out ak.crt 2>/dev/null
exits 0 holdfast audit verify log --ak ak.crt
exits 8 holdfast audit verify log --ak ca.pem
prints "checkpoint: "
exits 1 holdfast audit verify log --ak ca.key
ok "verify: a whole log, from a copy, by the AK's public key or certificate alone"

# broken NAME FAULT WHERE: verify finds it in the copy "bad".
broken() {
        exits 8 verify bad
        prints "BROKEN    $3, $2: "
        grep -q '^First ' out || die "the first bad record is not named"
        exits 8 verify bad --json
        python3 -c 'import json, sys; d = json.load(open("out")); assert not d["ok"] and [f for f in d["findings"] if f["fault"] == sys.argv[1] and not f["warning"]]' "$2"
        ok "verify: $1"
        rm -rf bad
}
flip() { # FILE OFFSET
        python3 -c 'import sys; f = open(sys.argv[1], "r+b"); f.seek(int(sys.argv[2])); b = f.read(1); f.seek(-1, 1); f.write(bytes([b[0] ^ 1]))' "$1" "$2"
}

cp -r log bad
flip bad/000001/tile/entries/001 $(($(stat -c %s bad/000001/tile/entries/001) / 2))
exits 8 verify bad
prints "BROKEN    log 1 record "
ok "verify: an octet that was changed"
rm -rf bad

# The tenth record of a bundle goes: two octets of length, and as many.
cp -r log bad
python3 - <<'PY'
p = "bad/000001/tile/entries/001"
b = open(p, "rb").read()
at = 0
for i in range(10):
    at += 2 + int.from_bytes(b[at:at + 2], "big")
end = at + 2 + int.from_bytes(b[at:at + 2], "big")
open(p, "wb").write(b[:at] + b[end:])
PY
broken "a record that was removed" chain "log 1 record 256"

cp -r log bad
: >bad/000002/journal
broken "a tail that was cut" tail "log 2 record $(((1206 - in_first) / 256 * 256))"

cp -r log bad
notes=(bad/000002/checkpoints/*)
flip "${notes[-1]}" $(($(stat -c %s "${notes[-1]}") - 30))
exits 8 verify bad
prints "checkpoint"
ok "verify: a forged checkpoint"
rm -rf bad

# --- Prove ---

exits 0 audit prove 3 --log-number 1
cp out proof
exits 0 holdfast audit check-proof proof --ak ak.pem
prints " 1/3 "
prints "forged\\x1b[2J"
exits 0 holdfast audit check-proof proof --ak ak.crt --json
python3 -c 'import json; d = json.load(open("out")); assert d["ok"] and d["record"]["seq"] == 3 and d["record"]["decision"] == "refused"'
exits 0 audit prove 7
cp out other
holdfast audit check-proof - --ak ak.pem <other >out 2>err
exits 0 holdfast audit check-proof other --ak ak.pem
prints " 2/7 "
exits 3 audit prove 5000
exits 2 audit prove seven
exits 3 audit prove 3 --log-number 9
exits 8 holdfast audit check-proof proof --ak ca.pem
flip proof 60
exits 8 holdfast audit check-proof proof --ak ak.pem
exits 8 holdfast audit check-proof ca.pem --ak ak.pem
exits 3 holdfast audit check-proof nowhere --ak ak.pem
ok "a proof carries one record away, and no changed one"

# --- Export ---

# delivered FILE: each record of the log once, in order, one a line.
delivered() {
        python3 - "$1" <<'PY'
import json, sys
at = [(r["log"], r["seq"]) for r in map(json.loads, open(sys.argv[1]))]
assert len(at) == 1206 and at == sorted(set(at)), (len(at), len(set(at)))
PY
}

for format in json cef syslog ocsf; do
        exits 0 audit export --format $format
        lines 1206 out
        says "Delivered 1206, dropped 0."
        ! LC_ALL=C grep -q $'[\033\342]' out || die "$format shows what a stranger wanted to show"
done
exits 2 audit export --format xml
exits 2 audit export --json
exits 2 audit export --to tcp:
audit export --to lines.json --json >out
delivered lines.json
python3 -c 'import json; d = json.load(open("out")); assert d["schema"] == "holdfast.audit-export/1" and (d["delivered"], d["dropped"], d["logs_missing"]) == (1206, 0, 0)'
[ "$(stat -c %a lines.json)" = 600 ] || die "others may read what was exported"
ok "export: in each format, to standard output and to a file"

exits 0 audit export --to first --state state
exits 0 audit export --to second --state state --json
prints '"delivered": 0'
[ ! -e second ] || lines 0 second
# Killed in the middle, with half a line in the file: the rest follows, and what was not confirmed comes again.
grep -q '^delivered: 1206' state
rm state
head -c 1000 first >torn
exits 0 audit export --to torn --state state
lines $((1207 + $(head -c 1000 first | wc -l))) torn
sed -i 's/^leaf: ../leaf: 00/; s/^record: .*/record: 100/; s/^log: .*/log: 1/' state
exits 8 audit export --to second --state state
says "another log"
echo "who: knows" >state
exits 1 audit export --to second --state state
ok "export: goes on where it was, and not with another log"

# Logs that are gone are told, and so is what cannot be read; nothing behind is held up.
cp -r log less
rm -rf less/000001
exits 0 holdfast audit export --log less --to rest --json
prints '"logs_missing": 0'
exits 0 audit export --to all --state state2
sed -i 's/^log: .*/log: 1/; s/^record: .*/record: 9/; /^leaf/d' state2
exits 0 holdfast audit export --log less --state state2 --to rest2
says "1 logs were gone"
cp -r log less2
truncate -s -10 less2/000001/tile/entries/001
exits 0 holdfast audit export --log less2 --to rest3 --json
python3 -c 'import json; d = json.load(open("out")); assert d["dropped"] > 0 and d["delivered"] + d["dropped"] == 1206, d'
ok "export: what it could not deliver is counted"

# A server that is not there yet, then takes some, then goes away, then takes the rest.
cat >server.py <<'PY'
import os, socket, sys
kind, where, out, limit = sys.argv[1], sys.argv[2], open(sys.argv[3], "ab"), int(sys.argv[4])
if kind == "tcp":
    s = socket.create_server(("127.0.0.1", int(where)))
elif kind == "udp":
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    s.bind(("127.0.0.1", int(where)))
else:
    if os.path.exists(where):
        os.unlink(where)
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM if kind == "stream" else socket.SOCK_DGRAM)
    s.bind(where)
    if kind == "stream":
        s.listen()
n = 0
if kind in ("tcp", "stream"):
    c, _ = s.accept()
    while n < limit:
        b = c.recv(min(65536, limit - n))
        if not b:
            break
        n += len(b)
        out.write(b)
    if n >= limit:
        # With what has not been read still there, so that it is a reset.
        c.close()
else:
    while n < limit:
        out.write(s.recv(1 << 20) + b"\n")
        n += 1
PY
for kind in stream tcp; do
        port=$(free_port)
        to=tcp:127.0.0.1:$port where=$port
        [ $kind = tcp ] || to=unix:$T/run/sink where=$T/run/sink
        background export-$kind holdfast audit export --log log --to "$to" --state state-$kind --json
        exporter=${pids[-1]}
        await grep -q "trying again" export-$kind.log
        [ ! -e state-$kind ] || die "something was delivered to nobody"
        python3 server.py $kind "$where" part.$kind 300000
        background server-$kind python3 server.py $kind "$where" rest.$kind 1000000000
        wait "$exporter"
        grep -q '"dropped": 0' export-$kind.log || die "the summary does not say that nothing was dropped"
        wait "${pids[-1]}"
        head -c 300000 part.$kind | sed '$d' | cat - rest.$kind | sort -u | python3 -c '
import json, sys
at = set((r["log"], r["seq"]) for r in map(json.loads, sys.stdin))
assert len(at) == 1206, len(at)'
        ok "export: $kind socket: waits for it, and each record at least once when it breaks"
done

background server-datagram python3 server.py datagram "$T/run/log.sock" datagrams 1206
await test -S log.sock
exits 0 audit export --to unix:"$T/run/log.sock" --format json
wait "${pids[-1]}"
delivered datagrams
port=$(free_port)
background server-udp python3 server.py udp "$port" udp 4
await grep -q ":$(printf %04X "$port") " /proc/net/udp
sed 's/^record: .*/record: 58/; s/^log: .*/log: 2/; /^leaf/d' state2 >state3
exits 0 audit export --to udp:127.0.0.1:"$port" --format syslog --state state3
wait "${pids[-1]}" || true
grep -q '^<110>1 2026-11-25T' udp || die "no syslog datagram arrived"
ok "export: one datagram a line to /dev/log and the like, and by UDP"

port=$(free_port)
background server-syslog python3 server.py tcp "$port" counted 1000000000
await grep -q ":$(printf %04X "$port") .* 0A " /proc/net/tcp
exits 0 audit export --to tcp:127.0.0.1:"$port" --format syslog
wait "${pids[-1]}"
python3 - <<'PY'
b, n = open("counted", "rb").read(), 0
while b:
    length, b = b.split(b" ", 1)
    assert b.startswith(b"<") and len(b) >= int(length)
    b, n = b[int(length):], n + 1
assert n == 1206
PY
ok "export: syslog over TCP counts its octets (RFC 6587)"

exits 0 audit export --to "command:cat >by-command"
delivered by-command
# One that fails twice; what it took then comes again.
cat >flaky.sh <<'SH'
n=$(($(cat tries 2>/dev/null || echo 0) + 1))
echo $n >tries
if [ $n -lt 3 ]; then head -c 5000 >/dev/null; exit 1; fi
cat >by-flaky
SH
exits 0 audit export --to "command:sh flaky.sh" --state state-command
delivered by-flaky
[ "$(cat tries)" = 3 ] || die "it was tried $(cat tries) times"
says "trying again"
background export-fails holdfast audit export --log log --to "command:exit 3"
await grep -q "trying again" export-fails.log
kill "${pids[-1]}"
got=0
wait "${pids[-1]}" || got=$?
[ $got = 1 ] || die "an export that delivered nothing exits with $got"
grep -q "Delivered 0" export-fails.log
ok "export: to a command, again where it fails"
