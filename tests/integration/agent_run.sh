#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# `holdfast run`: the command finds the agent's credentials, its exit status, signals and terminal are its own, and when it has ended, whatever
# way, nothing is left.

. "$(dirname "$0")/issuer_lib.sh"
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/agent_lib.sh"
start_tpm
agent build-42
agent other
fresh_ca P-256
credentials build-42 default users=agent
dir=$PWD/credentials/build-42/default
run() { holdfast run build-42 -- "$@"; }

run printenv >environment
for line in "HOLDFAST_AGENT=build-42" "HOLDFAST_KEY=$dir/key.pem" "HOLDFAST_CERT=$dir/cert.pem" "HOLDFAST_CA_BUNDLE=$dir/bundle.pem" \
        "HOLDFAST_SPIFFE_ID=spiffe://example.org/agent/build-42" "HOLDFAST_TOKEN_SOCKET=$PWD/token.sock"; do
        grep -qxF -- "$line" environment || die "no $line"
done
grep -q PRIVATE environment && die "a private key in the environment"
# shellcheck disable=SC2016 # for the shell inside
run sh -c 'openssl pkey -in "$HOLDFAST_KEY" -pubout' >pub.pem
cmp pub.pem build-42.default.pub.pem
# shellcheck disable=SC2016
run sh -c 'cd "$HOLDFAST_SVID_DIR" && cat svid.pem svid_key.pem svid_bundle.pem' >svid
cat "$dir/cert.pem" "$dir/key.pem" "$dir/bundle.pem" | cmp svid -
ok "the command finds key, certificates and provider"

r=0
run sh -c 'exit 42' || r=$?
[ $r = 42 ]
r=0
run no-such-command 2>err.out || r=$?
[ $r = 127 ]
r=0
run "$PWD" 2>err.out || r=$?
[ $r = 126 ]
r=0
# shellcheck disable=SC2016
run sh -c 'kill -TERM $$' || r=$?
[ $r = 143 ]
ok "its exit status is passed on"

# It is this very process, so signals need nobody to forward them; it has no child that it did not start; no pipe is held open.
holdfast run build-42 -- bash -c 'trap "echo got it; exit 7" USR1; echo $$; while :; do sleep 0.05; done' >said 2>&1 &
pid=$!
pids+=("$pid")
await grep -qx $pid said
kill -USR1 $pid
r=0
wait $pid || r=$?
[ $r = 7 ] && grep -q "got it" said
# shellcheck disable=SC2016
[ -z "$(run bash -c 'pgrep -P $$ | grep -v "$BASHPID" | while read -r p; do [ ! -e /proc/$p/exe ] || readlink /proc/$p/exe; done | grep holdfast || true')" ]
[ "$(run echo one | cat)" = one ]
ok "signals are its own, and no process or pipe of ours stands in its way"

await nothing_left
for signal in TERM KILL; do
        rm -f socket
        # shellcheck disable=SC2016
        holdfast run build-42 -- bash -c 'echo "$SSH_AUTH_SOCK"; exec sleep 100' >socket 2>&1 &
        pid=$!
        pids+=("$pid")
        await test -s socket
        [ -S "$(cat socket)" ]
        kill -$signal $pid
        wait $pid || true
        await nothing_left
        [ ! -e "$(cat socket)" ]
done
unused() { ! pgrep -u "$(id -u)" -x holdfast; }
await unused
ok "nothing is left behind, however it ends"

# With a terminal: the command has it and its job control, the helper has none.
cat >terminal.py <<'PY'
import os, pty, sys
pid, fd = pty.fork()
if pid == 0:
        os.execvp(sys.argv[1], sys.argv[1:])
out = b""
while True:
        try:
                part = os.read(fd, 4096)
        except OSError:
                break
        if not part:
                break
        out += part
sys.stdout.buffer.write(out)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PY
# shellcheck disable=SC2016
shows "tty ok foreground" python3 terminal.py holdfast run build-42 -- bash -c 'test -t 0 && read -r _ _ _ _ pgrp _ _ fg _ </proc/$$/stat && test $pgrp = $fg && p=$(pgrep -x holdfast) && for i in $p; do read -r _ _ _ _ _ sid tty _ </proc/$i/stat; [ $tty = 0 ] || exit 1; done; echo tty ok foreground'
await nothing_left
ok "the terminal is the command's alone"

# One key of the agent, and one agent.
run ssh-add -L >keys
[ "$(wc -l <keys)" = 2 ] || { cat keys; die "the ssh-agent has other keys"; }
grep -q "^$(cut -d ' ' -f 1-2 "$dir/id-cert.pub") build-42/default$" keys
grep -q "^$(cut -d ' ' -f 1-2 "$dir/id.pub") build-42/default$" keys
holdfast key create build-42/second >>agents.log 2>&1
run ssh-add -L >keys
[ "$(wc -l <keys)" = 3 ]
ssh-keygen -q -t ed25519 -N '' -f foreign
refused run ssh-add foreign
refused run ssh-add -D
refused run ssh-add -d foreign.pub
refused run ssh-add -x </dev/null
ok "the ssh-agent has this agent's keys, and takes no others"

refused holdfast run nobody -- true
grep -q "nobody is not enrolled" refused.out
refused holdfast run other -- true
grep -q "other is not enrolled. .holdfast enroll AGENT" refused.out
refused holdfast run build-42/second -- true
grep -q "build-42/second is not enrolled" refused.out
refused holdfast run build-42 --
refused env HOLDFAST_CREDENTIALS=/nowhere holdfast run build-42 -- true
grep -q "no daemon keeps credentials in /nowhere" refused.out
credentials build-42 default users=agent life=1
expired() { ! run true 2>expired.out; }
await expired
grep -q "the credentials of build-42 have ended at" expired.out
r=0
run true 2>/dev/null || r=$?
[ $r = 3 ]
credentials build-42 second users=agent
refused holdfast run build-42 -- true
holdfast run build-42/second -- true
await nothing_left
ok "who is not enrolled, or no longer, is told so"

# The helper outlives a daemon: what it is asked next goes to the new one. Rules and locks stop it as they stop anybody.
allow build-42 "user=$(id -u)" human=yes
start_daemon
clients=(env -u HOLDFAST_STORE -u HOLDFAST_TCTI "HOLDFAST_SOCKET=$SOCKET")
rm -f socket
# shellcheck disable=SC2016
"${clients[@]}" holdfast run build-42/second -- bash -c 'echo "$SSH_AUTH_SOCK"; exec sleep 100' >socket 2>&1 &
pid=$!
pids+=("$pid")
await test -s socket
SSH_AUTH_SOCK=$(cat socket)
export SSH_AUTH_SOCK
sign() {
        rm -f letter.sig
        ssh-keygen -q -Y sign -n file -f "credentials/build-42/$1/id.pub" letter
}
echo "a letter" >letter
sign second
stop_daemon
refused ssh-add -L
refused sign second
start_daemon
[ "$(ssh-add -L | wc -l)" = 3 ]
sign second
sign default
"${clients[@]}" holdfast lock build-42 >>agents.log 2>&1
refused sign second
"${clients[@]}" holdfast unlock build-42 >>agents.log 2>&1
sign second
kill $pid
wait $pid || true
await nothing_left
stop_daemon
ok "the helper outlives a daemon, and a lock stops it"
