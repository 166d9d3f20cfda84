#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Sixteen clients sign while others send garbage, stop in the middle of a message, go away or are killed: the sixteen notice nothing.

. "$(dirname "$0")/lib.sh"
start_tpm
agent build-42
allow build-42 "user=$(id -u) human=yes"
start_daemon
export P11_TOKEN=build-42
clients=16 each=25

cat >rude.py <<'PY'
import os, random, socket, struct, sys

path, numbers = sys.argv[1], random.Random(4)
hello = b"\0"

def message(call, options, length, what=b""):
    return struct.pack(">III", call, options, length) + what

def anything():
    return numbers.randbytes(numbers.randrange(1, 300))

rude = [
    lambda: b"",
    anything,
    lambda: hello + anything(),
    lambda: hello + message(1, 0, 0xffffffff),
    lambda: hello + message(1, 0xffffffff, 0xffffffff, anything()),
    lambda: hello + message(1, 0, 40, anything()[:20]),
    lambda: hello + message(1, 0, 8, struct.pack(">II", numbers.randrange(80), 0)),
    lambda: hello + message(1, 6, 4 + 4 + 60, b"client" + struct.pack(">II", numbers.randrange(1, 70), 60) + b"a" * 60),
    lambda: hello + b"".join(message(i, 0, 12, struct.pack(">II", numbers.randrange(1, 70), 4) + anything()[:4].ljust(4)) for i in range(20)),
]
kept, done = [], 0
while not os.path.exists("enough"):
    s = socket.socket(socket.AF_UNIX)
    try:
        s.connect(path)
        s.sendall(rude[done % len(rude)]())
    except OSError:
        pass
    done += 1
    # Some hang on.
    if numbers.random() < 0.3:
        kept.append(s)
        if len(kept) > 100:
            kept.pop(0).close()
    else:
        s.close()
open("rude", "w").write(f"{done} rude connections")
PY
background rudeness python3 rude.py "$SOCKET"
rude_pid=${pids[-1]}

# Killed in the middle of what they do.
die_often() {
        local victim

        until [ -e enough ]; do
                "${through_daemon[@]}" caller >/dev/null 2>&1 <<<"many default 1000" &
                victim=$!
                sleep 0.0$((RANDOM % 9))
                kill -KILL $victim
                wait $victim 2>/dev/null || echo killed >>killed
        done
}
die_often 2>/dev/null &
die_pid=$!
pids+=("$die_pid")
await test -s killed

for ((i = 0; i < clients; i++)); do
        "${through_daemon[@]}" caller >"client.$i" 2>&1 <<<"many default $each" &
        many[i]=$!
        pids+=($!)
done
wait "${many[@]}"
touch enough
wait "$rude_pid" || { cat rudeness.log; die "the rude one failed"; }
wait "$die_pid" || true
for ((i = 0; i < clients; i++)); do
        [ "$(grep -c ^signed "client.$i")" = $each ] || { cat "client.$i"; die "client $i was held up by others"; }
done
kill -0 "$daemon_pid" || { cat daemon.log; die "the daemon has ended"; }
ok "$clients clients made $each signatures each beside $(cat rude) and $(wc -l <killed) clients that were killed"

"${through_daemon[@]}" caller <<<"sign default" | grep -q ^signed
cut -s -d ' ' -f 3 client.* >signatures
mapfile -t signatures <signatures
stop_daemon
[ $daemon_status = 0 ] || { cat daemon.log; die "the daemon's end: $daemon_status"; }
[ "$(wc -l <daemon.log)" -le 5 ] || { cat daemon.log; die "strangers fill the daemon's log"; }
logged "${signatures[@]}"
log_holds
ok "it ends well, all of their signatures are in the log, and the log holds"
