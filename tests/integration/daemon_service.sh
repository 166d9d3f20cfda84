#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What a service manager does with the daemon: its sockets are handed over and stay, it hears when the daemon is ready, reloads, lives and
# stops.

. "$(dirname "$0")/lib.sh"
start_tpm
agent build-42
allow build-42 "user=$(id -u) human=yes"
export P11_TOKEN=build-42

# A manager: sockets of its own, which the daemon gets, and one that it is told on. Writes down what it hears.
cat >manager.py <<'PY'
import os, socket, sys, threading

heard = open("heard", "a", buffering=1)
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.bind(sys.argv[1])

def listen():
    while True:
        heard.write(notify.recv(4096).decode() + "\n")

def bound(path):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.bind(path)
    s.listen(64)
    return s

operator, pkcs11 = bound("daemon/operator.sock"), bound("daemon/pkcs11.sock")
child = os.fork()
if child == 0:
    # Out of the way of 3 and 4 before they are taken.
    fds = [os.dup2(s.fileno(), 100 + i) for i, s in enumerate((operator, pkcs11))]
    for i, fd in enumerate(fds):
        os.dup2(fd, 3 + i, inheritable=True)
    os.closerange(5, 200)
    os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="2", LISTEN_FDNAMES="operator:pkcs11", NOTIFY_SOCKET=os.path.abspath(sys.argv[1]),
                      WATCHDOG_USEC="600000", WATCHDOG_PID=str(os.getpid()))
    os.execvp("holdfastd", ["holdfastd"])
open("child", "w").write(str(child))
threading.Thread(target=listen, daemon=True).start()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
PY
mkdir daemon
background manager python3 manager.py notify.sock
manager_pid=${pids[-1]}
heard() { grep -qx "$1" heard; }
await heard READY=1
await heard WATCHDOG=1
child=$(<child)
pids+=("$child")
ok "READY=1 when it serves, then WATCHDOG=1"

given=$(ls -i daemon)
client() { "${through_daemon[@]}" caller <<<"$1"; }
shows signed client "sign default"
[ "$(ls -i daemon)" = "$given" ] || { ls -l daemon; die "it made sockets of its own"; }
ok "it serves on the socket that it was given, by its name"

: >heard
watchdogs() { [ "$(grep -c WATCHDOG heard)" -ge 3 ]; }
await watchdogs
ok "WATCHDOG=1 again and again"

: >heard
kill -HUP "$child"
await heard RELOADING=1
await heard READY=1
[ "$(grep -E 'RELOADING|READY' heard | head -n 1)" = RELOADING=1 ] || { cat heard; die "not in this order"; }
ok "RELOADING=1 and READY=1 around a reload"

: >heard
kill "$child"
status=0
wait "$manager_pid" || status=$?
[ $status = 0 ] || die "the daemon's end: $status"
heard STOPPING=1
[ "$(ls -i daemon)" = "$given" ] || die "it took the manager's sockets away"
log_holds
ok "STOPPING=1, exit status 0, and the manager's sockets stay"

if command -v systemd-socket-activate >/dev/null; then
        rm -r daemon
        mkdir daemon
        background activate systemd-socket-activate -E HOLDFAST_STORE -E HOLDFAST_TCTI -E HOME -l "$PWD/daemon/pkcs11.sock" \
                -l "$PWD/daemon/operator.sock" --fdname=pkcs11:operator "$T/bin/holdfastd"
        await test -S daemon/operator.sock
        shows signed client "sign default"
        kill "${pids[-1]}"
        status=0
        wait "${pids[-1]}" || status=$?
        [ $status = 0 ] || die "the end of the activated daemon: $status"
        log_holds
        ok "systemd-socket-activate starts it by the first connection"
fi
