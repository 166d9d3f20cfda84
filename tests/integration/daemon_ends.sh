#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What ends and what does not: SIGTERM lets a running signature finish and signs a checkpoint, SIGHUP cuts nobody off, there is one daemon
# on a store, and a TPM that goes away comes back.

. "$(dirname "$0")/lib.sh"
start_tpm
agent build-42
allow build-42 "user=$(id -u) human=yes"
start_daemon HOLDFAST_DEADLINE_MS=3000 HOLDFAST_CHECKPOINT_SECONDS=1
export P11_TOKEN=build-42

begin_client client "${through_daemon[@]}" caller
[ "$answer" = ready ] || die "the client says $answer"
signs() {
        tell client sign default
        [[ $answer = signed* ]] || die "it does not sign: $answer"
}
signs

# The socket that the client has, by its inode.
its_socket() { readlink /proc/"$client_pid"/fd/* | grep ^socket: ; }
before=$(its_socket)
for i in 1 2 3; do
        kill -HUP "$daemon_pid"
        signs
done
await daemon_says "rules are read anew"
[ "$(its_socket)" = "$before" ] || die "it had to connect anew"
ok "SIGHUP drops no connection"

status=0
env "HOLDFAST_SOCKET=$T/run/second/pkcs11.sock" timeout 20 holdfastd >second.log 2>&1 || status=$?
[ $status = 7 ] || { cat second.log; die "a second daemon on the store: status $status"; }
[ "$(wc -l <second.log)" = 1 ] || { cat second.log; die "not one line"; }
[ ! -e second/pkcs11.sock ] || die "the second one has left a socket"
signs
ok "a second daemon on the same store is refused: $(cat second.log)"

# The TPM is away: within the deadline it is an error, and when the TPM is back (and has lost what was loaded) all goes on. That it goes just
# after a checkpoint is what the log's completeness needs: what no checkpoint has closed is lost with it.
checkpoint=store/audit/000001/checkpoint
cp $checkpoint before
checkpointed() { ! cmp -s $checkpoint before; }
signs
await checkpointed
power_off
since=$SECONDS
tell client sign default
[[ $answer = fail* ]] || die "a signature without a TPM: $answer"
[ $((SECONDS - since)) -le 5 ] || die "it took $((SECONDS - since)) s to say that the TPM is away"
power_on
back_again() {
        tell client sign default
        [[ $answer = signed* ]]
}
await back_again
kill -0 "$daemon_pid"
ok "a TPM that was away is used again"

# Three that sign without pause when the end comes. What is recorded then has been seen: nobody is cut off in the middle.
uses() { holdfast audit log -n all --event use --decision allowed | wc -l; }
before=$(uses)
for i in 1 2 3; do
        "${through_daemon[@]}" caller >"many.$i" 2>&1 <<<"many default 100000" &
        many[i]=$!
        pids+=($!)
done
for i in 1 2 3; do
        await grep -q signed "many.$i"
done
stop_daemon
[ $daemon_status = 0 ] || die "SIGTERM: status $daemon_status"
wait "${many[@]}"
grep -h '^signed' many.? | cut -d ' ' -f 3 >signatures
mapfile -t signatures <signatures
logged "${signatures[@]}"
[ $(($(uses) - before)) = ${#signatures[@]} ] || die "$(($(uses) - before)) signatures were made, ${#signatures[@]} seen"
log_holds
if grep -q '^Newest' verify.out; then
        cat verify.out
        die "the last checkpoint does not cover all"
fi
[ ! -e "$SOCKET" ] || die "the socket is still there"
ok "SIGTERM: ${#signatures[@]} signatures were seen, all are in the log, and a checkpoint covers it"

start_daemon HOLDFAST_CHECKPOINT_SECONDS=3600
await back_again
stop_daemon
log_holds
ok "the log goes on over a TPM reset and a restart, and holds"

start_daemon HOLDFAST_CHECKPOINT_SECONDS=3600
await back_again
power_off
power_on
await back_again
stop_daemon
status=0
holdfast audit verify >verify.out 2>&1 || status=$?
[ $status = 8 ] || { cat verify.out; die "a batch lost to a reset: status $status"; }
grep -q '^BROKEN.*lost-batch' verify.out
ok "what a TPM reset took before a checkpoint could close it is told: lost-batch"

power_off
status=0
env "HOLDFAST_SOCKET=$SOCKET" timeout 20 holdfastd >away.log 2>&1 || status=$?
[ $status = 7 ] || { cat away.log; die "started without a TPM: status $status"; }
[ "$(wc -l <away.log)" = 1 ] || { cat away.log; die "not one line"; }
[ ! -e "$SOCKET" ] || die "a socket, and nobody behind it"
ok "started without a TPM: $(cat away.log)"
