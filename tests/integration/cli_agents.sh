#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The command line makes, lists, shows, changes and deletes agents, and says by its exit status what was wrong.

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

exits 7 holdfast status
exits 3 holdfast agent list
says "holdfast init"
ok "without a store, says what to do"

start_tpm
exits 0 holdfast init
says "nothing is changed"
exits 0 holdfast init --json
prints '"schema": "holdfast.init/1"'
exits 0 holdfast status
prints "answers"
prints "P-256"
exits 0 holdfast status --json
prints '"schema": "holdfast.status/1"'
prints '"reachable": true'
ok "init twice is once, status tells"

exits 2 holdfast agent create build-42
says "--owner"
exits 2 holdfast agent create a/b --owner dana@example.com
exits 2 holdfast agent create .hidden --owner dana@example.com
exits 2 holdfast agent create 123456789012345678901234567890123 --owner dana@example.com
exits 2 holdfast agent create build-42 --owner dana@example.com --key P-255
says "P-256"
exits 0 holdfast agent list --names
[ ! -s out ] || die "an agent was made of a wrong command"
ok "an agent needs an owner, a good name and a kind of key that there is"

exits 0 holdfast agent create build-42 --owner dana@example.com --dry-run
prints "Would     create build-42"
exits 0 holdfast agent create build-42 --owner dana@example.com --dry-run --json
prints '"made": false'
exits 3 holdfast agent show build-42
exits 0 holdfast agent create build-42 --owner dana@example.com
prints "Created   build-42, owner dana@example.com"
prints "Key       pkcs11:token=build-42;object=default;type=private"
prints "SSH       ecdsa-sha2-nistp256 "
says "Next "
[ -f "$(sed -n 's/^File *//p' out)" ] || die "the key's file is not where create says"
exits 1 holdfast agent create build-42 --owner dana@example.com
says "already"
ok "create makes the agent and its key, once"

exits 0 holdfast agent create second --owner sam@example.com --no-key --quiet
[ ! -s err ] || die "--quiet talks"
exits 0 holdfast agent create "Zoë 7;x" --owner sam@example.com --label tls --json
prints '"schema": "holdfast.created/1"'
prints '"uri": "pkcs11:token=Zo%C3%AB%207%3Bx;object=tls;type=private"'
exits 0 holdfast agent list
prints "AGENT"
[ "$(wc -l <out)" = 4 ]
exits 0 holdfast agent list --names
[ "$(cat out)" = $'Zoë 7;x\nbuild-42\nsecond' ] || { cat out; die "names"; }
exits 2 holdfast agent list --names --json
exits 0 holdfast agent list --json
prints '"schema": "holdfast.agents/1"'
exits 0 holdfast agent show build-42
prints "dana@example.com"
prints "P-256"
exits 0 holdfast agent show build-42 --json
prints '"schema": "holdfast.agent/1"'
ok "list and show"

exits 2 holdfast agent set build-42
exits 2 holdfast agent set build-42 --owner ""
exits 1 holdfast agent set build-42 --owner $'a\nb'
exits 0 holdfast agent set build-42 --owner "Sam & Co"
exits 0 holdfast agent show build-42
prints "Owner     Sam & Co"
exits 3 holdfast agent set nobody --owner dana@example.com
ok "set changes the owner"

exits 2 holdfast agent delete second
says "--yes"
exits 0 holdfast agent delete second --dry-run
exits 0 holdfast agent show second
exits 0 holdfast agent delete second --yes
exits 3 holdfast agent show second
exits 3 holdfast agent delete second --yes
ok "delete needs a yes"

(umask 077; echo 123456 >pin; echo 87654321 >so; echo 654321 >new; echo wrong >bad; echo 1 >short)
exits 1 holdfast agent create guarded --owner dana@example.com --pin-file short --so-pin-file so
exits 3 holdfast agent show guarded
exits 2 holdfast agent create guarded --owner dana@example.com --pin-file pin --no-input
exits 2 holdfast agent create guarded --owner dana@example.com --pin-lockout tpm
exits 0 holdfast agent create guarded --owner dana@example.com --pin-file pin --so-pin-file so
exits 0 holdfast agent show guarded
prints "PIN       set; tries left: user"
exits 2 holdfast key create guarded/more --no-input
exits 4 holdfast key create guarded/more --pin-file bad
exits 0 holdfast key create guarded/more --pin-file pin
exits 0 holdfast agent set guarded --pin-file new --so-pin-file so
exits 4 holdfast key create guarded/third --pin-file pin
exits 0 holdfast key create guarded/third --pin-file new
chmod 644 new
exits 0 holdfast key create guarded/fourth --pin-file new
says "others may read"
refused grep -rE '123456|87654321|654321' store
ok "PINs come from files, are checked, and stand nowhere"
