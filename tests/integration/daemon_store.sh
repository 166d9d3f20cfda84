#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A daemon's store while the daemon is away: its keys are of no use without it, an edited rule is found and refused while the rest is served, and an
# older copy of all is found by the TPM's counter.
. "$(dirname "$0")/lib.sh"
start_tpm
mine=$(id -u)

# signs AGENT N, refused AGENT
signs() { "${through_daemon[@]}" "P11_TOKEN=$1" caller <<<"many default $2" >signed 2>&1 && [ "$(grep -c ^signed signed)" = "$2" ]; }
refused() { ! signs "$1" 1; }

start_daemon
export HOLDFAST_SOCKET=$SOCKET
for a in build-42 deploy-7; do
        agent $a
        holdfast agent allow $a "user=$mine human=yes" >>agents.log
done
signs build-42 2 || { cat signed; die "it does not sign"; }
signs deploy-7 2 || { cat signed; die "it does not sign"; }
stop_daemon
[ "$daemon_status" = 0 ] || die "the daemon's end: $daemon_status"
grep -q '^auth-by: daemon' store/agents/build-42/default.*.key.pem || die "the key hangs on no secret"

head -c 32 /dev/zero >digest
direct_sign() { HOLDFAST_SOCKET=none pkcs11-tool --module "$MODULE" --token-label build-42 --sign -m ECDSA --label default -i digest -o sig; }
if direct_sign >direct.log 2>&1; then die "the key signs without the daemon"; fi
ok "a key that the daemon made is of no use to whoever has store and TPM and not the daemon's secret"

cp -a store store.old
sed -i 's/human=yes/human=yes ops=sign/' store/agents/build-42/agent
start_daemon
refused build-42 || die "an edited rule was obeyed"
signs deploy-7 3 || { cat signed; die "the other one does not sign"; }
holdfast status >status.out 2>&1 || true
grep -q "agent build-42: its file agent was changed, and not by holdfastd" status.out || { cat status.out; die "the file is not named"; }
log_holds
holdfast audit log --lines all --json --decision refused --agent build-42 >refusals.json
grep -q "its file agent was changed" refusals.json || { cat refusals.json; die "the log does not tell of the refusal"; }
ok "an edited rule is named and refused, and the rest is served"

holdfast agent accept build-42 --yes >>agents.log
signs build-42 1 || { cat signed; die "it does not sign"; }
holdfast agent set deploy-7 --owner dana@example.com >>agents.log
stop_daemon
start_daemon
signs build-42 1 || { cat signed; die "it does not sign"; }
stop_daemon
ok "accepted, it signs"

# The log is of today.
mv store store.new
cp -a store.old store
rm -r store/audit
cp -a store.new/audit store/audit
start_daemon
refused build-42 || die "an older copy was obeyed"
refused deploy-7 || die "an older copy was obeyed"
holdfast status >status.out 2>&1 || true
grep -q "is an older copy" status.out || { cat status.out; die "it is not named"; }
stop_daemon
ok "an older copy of the store is named, and all of it refused"
