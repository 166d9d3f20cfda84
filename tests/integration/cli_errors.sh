#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Whatever is wrong is said in one short line with what to do next; help, completion and their table agree.

. "$(dirname "$0")/lib.sh"
start_tpm
agent build-42

# one_line STATUS COMMAND...: fails with that status and says one line of at most 200 characters.
one_line() {
        local want=$1 got=0

        shift
        "$@" >out 2>err </dev/null || got=$?
        [ $got = "$want" ] || { cat out err; die "exit status $got and not $want: $*"; }
        [ "$(wc -l <err)" = 1 ] || { cat err; die "not one line: $*"; }
        [ "$(wc -m <err)" -le 200 ] || { cat err; die "too long: $*"; }
        grep -q '^holdfast: ' err
}

one_line 2 holdfast
one_line 2 holdfast frobnicate
one_line 2 holdfast agent
one_line 2 holdfast status --frobnicate
one_line 3 holdfast agent show nobody
one_line 3 holdfast key show build-42/nothing
one_line 3 holdfast agent list --store "$T/run/nowhere"
one_line 7 holdfast init --tcti "swtpm:path=$T/run/nowhere" --store "$T/run/new"
one_line 7 holdfast key create build-42/x --tcti "swtpm:path=$T/run/nowhere"
one_line 7 holdfast key create build-42/x --tcti device:/dev/nowhere
[ ! -e new/store ] || die "a store without a TPM"
ok "one line, at most 200 characters, the right exit status"

one_line 3 holdfast agent show nobody --json
grep -qF '"schema": "holdfast.error/1"' out
grep -qF '"exit": 3' out
ok "with --json a failure is a document too"

mkdir -p "$HOME/.config/holdfast"
printf '[tpm]\nfrobnicate = yes\n' >"$HOME/.config/holdfast/holdfast.conf"
one_line 1 holdfast status
grep -q 'holdfast.conf line 2: .*man holdfast.conf' err
refused holdfast doctor
grep -q '^fail  Configuration .*holdfast.conf line 2' refused.out
rm "$HOME/.config/holdfast/holdfast.conf"
HOLDFAST_CONF=$T/run/nowhere.conf one_line 1 holdfast status
HOLDFAST_STORE=relative one_line 1 holdfast status
grep -q 'HOLDFAST_STORE' err
ok "a wrong configuration is named"

# Another TPM under the same store.
mkdir other
background other_tpm swtpm socket --tpm2 --tpmstate "dir=$T/run/other" --server "type=unixio,path=$T/run/other/tpm" \
        --ctrl "type=unixio,path=$T/run/other/tpm.ctrl" --flags not-need-init,startup-clear
await test -S other/tpm.ctrl
one_line 8 holdfast init --tcti "swtpm:path=$T/run/other/tpm"
shows "fail" bash -c "! holdfast doctor --deep --tcti 'swtpm:path=$T/run/other/tpm'"
refused grep -q delete shows.out
got=0
holdfast status --tcti "swtpm:path=$T/run/other/tpm" >out 2>err || got=$?
[ $got = 8 ] || die "status of another TPM's store: $got"
ok "a store of another TPM is refused"

shows "ok" holdfast doctor
shows "ok" holdfast doctor --deep
holdfast doctor --json --quiet >out
grep -qF '"schema": "holdfast.doctor/1"' out
grep -qF '"healthy": true' out
ok "doctor finds a healthy store healthy"

holdfast init --seal-owner --quiet >out
grep -q '^Wrote' out
holdfast init --seal-owner >out 2>err
grep -q 'nothing is changed' err
one_line 4 holdfast init --store "$T/run/second"
grep -q -- '--owner-auth FILE' err
ok "the owner authorisation is sealed once, and asked for"

holdfast --help >out
for verb in $(holdfast completion --dump | awk '$1 == "verb" { print $2 }' | sort -u); do
        grep -qE "^  $verb( |$)" out || die "help does not list $verb"
        holdfast help "$verb" >/dev/null
        holdfast "$verb" --help >/dev/null
done
holdfast agent create --help >out
grep -q -- '--owner WHO' out
refused holdfast help frobnicate
ok "every verb has help"

holdfast completion bash >completion.bash
# shellcheck disable=SC2016 # so it is meant
holdfast agent create '$(touch injected)' --owner dana@example.com --no-key --quiet >/dev/null
# complete WORD...: what is offered for the last one.
complete_line() {
        bash --norc -c '. ./completion.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _holdfast; printf "%s\n" "${COMPREPLY[@]}"' bash "$@" | sort
}
offers() {
        local want=$1

        shift
        complete_line "$@" >offered
        grep -qxF -- "$want" offered || { cat offered; die "does not offer $want for: $*"; }
}
offers agent holdfast a
offers create holdfast agent c
offers --owner holdfast agent create x --o
offers --json holdfast status --j
offers build-42 holdfast agent show b
offers build-42/default holdfast key show build
offers P-384 holdfast agent create x --key P-3
offers curl holdfast config c
offers '\$\(touch\ injected\)' holdfast agent delete ''
[ ! -e injected ] || die "a name was run"
ok "completion offers what there is, and runs no name"
