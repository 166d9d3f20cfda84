#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Operators change a store through the daemon that owns it: rules and locks hold at once and over a restart, everything is recorded, who is no
# operator is refused, and without the daemon nothing is changed.

# shellcheck disable=SC2034 # lib.sh reads it
stay_root=yes
. "$(dirname "$0")/lib.sh"
need_users
holdfast_uid=4243 alice=4244 bob=4245

# exits STATUS COMMAND...: its output is in out and err.
exits() {
        local want=$1 got=0

        shift
        "$@" >out 2>err </dev/null || got=$?
        [ $got = "$want" ] || { cat out err; die "exit status $got and not $want: $*"; }
}
says() { grep -qF -- "$1" err || { cat err; die "no \"$1\" on standard error"; }; }
prints() { grep -qF -- "$1" out || { cat out; die "no \"$1\" on standard output"; }; }
# records NUMBER OPTION...: so many records has the log.
records() {
        holdfast audit log --lines all --json "${@:2}" >records.json
        [ "$(grep -c '"seq"' records.json)" = "$1" ] || { cat records.json; die "not $1 records: ${*:2}"; }
}

start_tpm
agent early
exits 0 holdfast agent allow early user=alice
says "no daemon"
exits 0 holdfast lock early --why testing
says "no daemon"
exits 0 holdfast agent show early --effective
prints "allow-1   allow user=alice"
prints "Locked    this agent: testing"
exits 0 holdfast unlock early
exits 3 holdfast unlock early
exits 7 holdfast policy check early
exits 7 holdfast reload
exits 0 holdfast agent deny early 1
exits 3 holdfast agent deny early 1
ok "without a daemon rules and locks are kept, and said not to be asked"

mkdir daemon
chown -R $holdfast_uid:$holdfast_uid store tpm tpm.ctrl daemon
# A member of the operators' group, to give it the socket; and with the capability that its unit has.
daemon_as=(setpriv "--reuid=$holdfast_uid" "--regid=$holdfast_uid" "--groups=$alice" "--inh-caps=-all,+sys_ptrace" "--ambient-caps=-all,+sys_ptrace" "--bounding-set=-all,+sys_ptrace")
start_daemon HOLDFAST_OPERATOR_GROUP=alice
export HOLDFAST_SOCKET=$SOCKET
# An operator names no store: the daemon's is not hers to read.
as_alice() { as_user $alice env -u HOLDFAST_STORE -u HOLDFAST_TCTI "$@"; }
as_bob() { as_user $bob env -u HOLDFAST_STORE -u HOLDFAST_TCTI "$@"; }
ask() { as_user "$1" "${through_daemon[@]}" "P11_TOKEN=$2" caller <<<"${*:3}" | tail -n 1; }

exits 0 as_alice holdfast agent create ci --owner dana@example.com
prints "Created   ci, owner dana@example.com"
prints "Key       pkcs11:token=ci;object=default;type=private"
prints "SSH       ecdsa-sha2-nistp256 "
says "holdfast agent allow ci user=NAME"
[ -f "$(sed -n 's/^File *//p' out)" ] || die "the key's file is not where create says"
exits 1 as_alice holdfast agent create ci --owner dana@example.com
says "already"
exits 0 as_alice holdfast key create ci/second --kind P-384
exits 0 as_alice holdfast key list ci
[ "$(wc -l <out)" = 3 ]
exits 0 as_alice holdfast agent list --names
[ "$(cat out)" = $'ci\nearly' ] || { cat out; die "names"; }
exits 0 as_alice holdfast agent show ci --json
prints '"schema": "holdfast.agent/1"'
prints '"key_count": 2'
as_alice holdfast key show ci/default --pem >default.pem
openssl pkey -pubin -in default.pem -noout
exits 0 as_alice holdfast key create ci/third --dry-run
exits 2 as_alice holdfast key create ci/third --use juggle
exits 0 as_alice holdfast key delete ci/second --yes
exits 3 as_alice holdfast key show ci/second
exits 0 as_alice holdfast agent set ci --owner sam@example.com
prints "Owner     sam@example.com"
records 1 --agent ci --event create --key default
exits 0 as_alice holdfast status
prints "completeness: command"
prints "agents: 2"
exits 0 as_alice holdfast status --json
prints '"schema": "holdfast.status/1"'
ok "an operator makes, shows and changes agents and keys in a store that is not the operator's to read"

make_ca
file_cert other
openssl x509 -new -subj /CN=ci -force_pubkey default.pem -CA ca.pem -CAkey ca.key -days 1 -out ci.pem 2>/dev/null
exits 8 as_alice holdfast key import-cert ci other.pem
exits 0 as_alice holdfast key import-cert ci ci.pem --dry-run
exits 3 as_alice holdfast key show ci --cert
exits 0 as_alice holdfast key import-cert ci ci.pem
prints "Added"
exits 0 as_alice holdfast key import-cert ci ci.pem
prints "Replaced"
as_alice holdfast key show ci --cert | cmp - <(openssl x509 -in ci.pem)
ok "and puts a certificate beside its key"

(umask 077; echo 123456 >pin; echo 87654321 >so; echo wrong >bad; chown $alice pin so bad)
exits 0 as_alice holdfast agent create guarded --owner dana@example.com --pin-file pin --so-pin-file so --allow user=bob --allow "user=alice human=yes"
exits 4 as_alice holdfast key create guarded/more --pin-file bad
exits 0 as_alice holdfast key create guarded/more --pin-file pin
exits 0 as_alice holdfast agent show guarded --effective
prints "allow-1   allow user=bob"
prints "allow-2   allow user=alice human=yes"
refused grep -rE '123456|87654321' store
ok "PINs and rules go with a new agent"

[[ $(ask $bob ci sign default) = fail* ]] || die "bob may sign without a rule"
exits 2 as_alice holdfast agent allow ci usr=bob
exits 0 as_alice holdfast agent allow ci user=bob --dry-run
[[ $(ask $bob ci sign default) = fail* ]] || die "a dry run made a rule"
exits 0 as_alice holdfast agent allow ci user=bob human=yes ops=sign
prints "Added     ci, allow-1"
begin_client bob setpriv --reuid=$bob --regid=$bob --clear-groups "${through_daemon[@]}" P11_TOKEN=ci caller
tell bob sign default
[[ $answer = signed* ]] || die "bob may sign, and: $answer"
exits 0 as_alice holdfast agent deny ci 1
tell bob sign default
[[ $answer = fail* ]] || die "the rule is gone, and: $answer"
exits 0 as_alice holdfast agent allow ci user=bob human=yes ops=sign
tell bob sign default
[[ $answer = signed* ]] || die "the rule is back, and: $answer"
ok "a rule holds from the next operation of a connection that is there already"

setpriv --reuid=$bob --regid=$bob --clear-groups -- sleep 60 9>&- &
pids+=($!)
sleeping=${pids[-1]}
is_bobs() { [ "$(stat -c %u "/proc/$sleeping"):$(cat "/proc/$sleeping/comm")" = $bob:sleep ]; }
await is_bobs
exits 0 as_alice holdfast policy check ci --pid "$sleeping"
prints "allow-1: matches: allow user=bob ops=sign human=yes"
prints "Allowed   by allow-1"
exits 4 as_alice holdfast policy check ci --pid "$sleeping" --operation generate
prints "another operation"
exits 4 as_alice holdfast policy check ci --pid $$ --json
prints '"allowed": false'
prints "another user"
exits 4 as_alice bash -c 'holdfast policy check ci; exit $?'
prints "user $alice: $(readlink -f "$(command -v bash)")"
exits 3 as_alice holdfast policy check ci --pid 2147483646
kill "$sleeping"
ok "policy check says what a process may do, and why not"

[ "$(ask $bob ci count)" = "tokens 2" ] || die "bob sees $(ask $bob ci count)"
began=$(date +%s%N)
exits 0 as_alice holdfast lock ci --why "ticket 1182"
tell bob sign default
[[ $answer = fail* ]] || die "the agent is locked, and: $answer"
[ $(($(date +%s%N) - began)) -lt 1000000000 ] || die "the lock took longer than a second"
exits 4 as_alice holdfast policy check ci
prints "ticket 1182"
kill "$client_pid"
wait "$client_pid" || true
stop_daemon
[ "$daemon_status" = 0 ]
start_daemon HOLDFAST_OPERATOR_GROUP=alice
[[ $(ask $bob ci sign default) = fail* ]] || die "the restart took the lock away"
exits 0 as_alice holdfast unlock ci
[[ $(ask $bob ci sign default) = signed* ]] || die "unlocked, and $(ask $bob ci sign default)"
exits 0 as_alice holdfast lock --all
[[ $(ask $bob ci sign default) = fail* ]] || die "all are locked, and bob signs"
exits 0 as_alice holdfast unlock --all --json
prints '"locked": false'
[[ $(ask $bob ci sign default) = signed* ]]
exits 0 as_alice holdfast reload
[[ $(ask $bob ci sign default) = signed* ]]
ok "a lock holds within a second and over a restart, until it is taken back"

exits 4 as_bob holdfast agent allow early user=bob
says "operators"
exits 4 as_bob holdfast lock --all
exits 4 as_bob holdfast unlock ci
exits 4 as_bob holdfast reload
exits 4 as_bob holdfast status
exits 4 as_bob holdfast agent list
says "operators"
exits 0 as_alice holdfast agent show early --effective
says "Nobody may use it"
ok "who is no operator is refused"

records 1 --agent ci --event lock
records 1 --agent ci --event unlock
records 3 --agent ci --event rule
prints_records() { grep -qF -- "$1" records.json || { cat records.json; die "no \"$1\" among the records"; }; }
prints_records '"rule":"operator"'
prints_records "\"uid\":$alice"
prints_records '"owner":"sam@example.com"'
[ "$(grep -c '"owner":"dana' records.json)" = 0 ] || die "the owner was changed, and the log has the old one"
holdfast audit log --lines all --json --agent ci --decision refused >records.json
prints_records "ticket 1182"
prints_records "\"uid\":$bob"
records 1 --agent guarded --event create --key default
holdfast audit verify >verify.out 2>&1 || { cat verify.out; die "the log does not hold"; }
ok "the log has the orders with who gave them, and the refusals"

exits 0 as_alice holdfast agent delete guarded --yes
exits 3 as_alice holdfast agent show guarded

sed -i 's/user=bob/user=agent/' store/agents/ci/agent
[[ $(ask $bob ci sign default) = fail* ]] || die "a rule was changed behind the daemon's back, and $(ask $bob ci sign default)"
exits 8 as_alice holdfast status
prints "Refused "
says "holdfast agent accept"
exits 0 as_alice holdfast agent accept ci --yes
exits 0 as_alice holdfast status
exits 0 as_alice holdfast agent show ci --effective
prints "user=agent"
records 1 --agent ci --event change --lines 1
prints_records '"operation":"accept"'
ok "what somebody else changed is refused, named, and accepted by an operator"
stop_daemon
cp -a store before
for verb in "agent create late --owner x" "agent set ci --owner x" "agent delete ci --yes" "agent allow ci user=bob" "agent deny ci 1" "agent accept ci --yes" \
        "key create ci/late" "key delete ci/default --yes" "key import-cert ci ci.pem" "lock ci" "unlock ci" "lock --all" reload "policy check ci"; do
        # shellcheck disable=SC2086 # words
        exits 7 holdfast $verb
        says "does not answer"
        says "Start it"
done
diff -r before store
exits 0 holdfast agent list
prints ci
exits 7 as_alice holdfast agent list
says "does not answer"
exits 7 as_alice holdfast agent create late --owner x
ok "without its daemon a store is read and not changed"
