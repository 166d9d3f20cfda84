#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The log's disk fills: no signature leaves the daemon, the client is told, and when there is room again all goes on and nothing is missing.

# shellcheck disable=SC2034 # lib.sh reads it: only root mounts
stay_root=yes
. "$(dirname "$0")/lib.sh"
need_users
mkdir disk
mount -t tmpfs -o size=256k,mode=0700 tmpfs disk
export HOLDFAST_AUDIT=$T/run/disk/audit
start_tpm
agent build-42
allow build-42 "user=0 human=yes"
start_daemon HOLDFAST_CHECKPOINT_SECONDS=1
export P11_TOKEN=build-42
device_memory=0x31

begin_client client "${through_daemon[@]}" caller
[ "$answer" = ready ] || die "the client says $answer"
ask() {
        tell client sign default
        [[ $answer != signed* ]] || echo "${answer##* }" >>signatures
}
ask
[[ $answer = signed* ]] || die "it does not sign: $answer"

refused dd if=/dev/zero of=disk/filler bs=1k
full() {
        ask
        [[ $answer = fail* ]]
}
# What was begun of a page may still be filled.
await full
[ "$answer" = "fail $device_memory" ] || die "a full disk is $answer"
for i in 1 2 3 4 5; do
        full || die "a signature left, and the disk is full"
done
await daemon_says "Free space"
kill -0 "$daemon_pid" || die "the daemon has ended"
seen=$(wc -l <signatures)
ok "on a full disk no signature leaves the daemon, and the client is told so"

rm disk/filler
signs() {
        ask
        [[ $answer = signed* ]]
}
await signs
await daemon_says "the log goes on"
for i in 1 2 3; do
        signs || die "it does not sign: $answer"
done
stop_daemon
[ $daemon_status = 0 ] || die "the daemon's end: $daemon_status"
mapfile -t signatures <signatures
[ ${#signatures[@]} -gt "$seen" ] || die "nothing was seen after that"
logged "${signatures[@]}"
log_holds
ok "with room again it goes on: ${#signatures[@]} signatures seen, all in the log, and the log holds"

refused dd if=/dev/zero of=disk/filler bs=1k
status=0
env "HOLDFAST_SOCKET=$SOCKET" timeout 30 holdfastd >start.log 2>&1 || status=$?
[ $status = 1 ] || { cat start.log; die "started on a full disk: status $status"; }
[ "$(wc -l <start.log)" = 1 ] || { cat start.log; die "not one line"; }
grep -q "Free space" start.log || { cat start.log; die "it does not say what is wrong"; }
[ ! -e "$SOCKET" ] || die "a socket, and nobody behind it"
rm disk/filler
start_daemon
await signs
stop_daemon
log_holds
ok "on a full disk it does not start: $(cat start.log)"
