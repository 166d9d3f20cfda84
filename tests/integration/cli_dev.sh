#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# `holdfast dev`: a TPM, a store and an environment for a command; its exit status; and nothing left, whoever is killed.

prepare() {
        cp "${HOLDFAST_ISSUER_PROGRAM:?}" "$T/bin/holdfast-issuer"
        cp "${HOLDFAST_HTTP:?}" "$T/bin/holdfast-http"
}
. "$(dirname "$0")/lib.sh"
export HOLDFAST_ISSUER_PROGRAM=$T/bin/holdfast-issuer HOLDFAST_HTTP=$T/bin/holdfast-http
unset HOLDFAST_STORE HOLDFAST_TCTI PKCS11_MODULE_PATH
export XDG_RUNTIME_DIR=$T/run/rt
mkdir -m 700 rt

# A signal that is not passed on would have us wait for ever.
mkfifo never
background watchdog bash -c "read -t 120 <>never; kill $$"

nothing_left() {
        await bash -c "! ls '$XDG_RUNTIME_DIR' | grep -q ."
        await bash -c "! grep -qa '[d]ir=$XDG_RUNTIME_DIR' /proc/[0-9]*/cmdline"
        await bash -c "! pgrep -x holdfastd"
        await bash -c "! pgrep -x holdfast-issuer"
}

# exits STATUS COMMAND...
exits() {
        local want=$1 got=0

        shift
        "$@" >out 2>err </dev/null || got=$?
        [ $got = "$want" ] || { cat out err; die "exit status $got and not $want: $*"; }
}

# shellcheck disable=SC2016 # it is for the inner shell
holdfast dev -- bash -euc '
        holdfast agent create demo --owner me@example.com >/dev/null
        [ "$TPM2TOOLS_TCTI" = "$HOLDFAST_TCTI" ] && [ "$TPM2OPENSSL_TCTI" = "$HOLDFAST_TCTI" ] && [ "$TPM2_PKCS11_TCTI" = "$HOLDFAST_TCTI" ]
        [ "$PKCS11_MODULE" = "$PKCS11_MODULE_PATH" ] && [ -z "${TSS2_LOG:-}" ]
        [ "$(stat -c %a "$HOLDFAST_DEV")" = 700 ]
        [ -S "$HOLDFAST_SOCKET" ]
        openssl req -new -engine pkcs11 -keyform engine -key "$(holdfast key show demo --uri)" -subj /CN=demo -out csr 2>/dev/null
        holdfast audit log --agent demo --event use --json | grep -q "\"decision\":\"allowed\""
        holdfast audit verify >/dev/null
'
openssl req -in csr -verify -noout 2>/dev/null
ok "a command makes a key and uses it through the daemon, which writes a log"

# shellcheck disable=SC2016
holdfast dev --direct -- bash -euc '
        [ "$HOLDFAST_SOCKET" = none ]
        holdfast agent create demo --owner me@example.com >/dev/null
        cp "$HOLDFAST_DEV/ek-ca.pem" .
        export TSS2_LOG=all+none
        tpm2_nvread -s "$(tpm2_nvreadpublic 0x1c0000a | sed -n "s/.*size: //p")" 0x1c0000a -o ek.der
        tpm2_createek -Q -c ek.ctx -G ecc -u ek.pub -f pem
        openssl req -new -engine pkcs11 -keyform engine -key "$(holdfast key show demo --uri)" -subj /CN=demo -out csr 2>/dev/null
'
openssl req -in csr -verify -noout 2>/dev/null
ok "with --direct it uses the TPM itself"

openssl x509 -inform DER -in ek.der -out ek.pem
openssl verify -CAfile ek-ca.pem -ignore_critical ek.pem >/dev/null
cmp <(openssl x509 -in ek.pem -pubkey -noout) ek.pub
openssl x509 -in ek.pem -noout -text >ek.txt
grep -q '2.23.133.8.1' ek.txt
grep -q 'DirName:.*2.23.133.2.1' ek.txt
ok "the endorsement certificate is for this TPM, by the throw-away CA"
nothing_left

exits 0 holdfast dev -- true
exits 7 holdfast dev -- sh -c 'exit 7'
exits 127 holdfast dev -- no-such-command
exits 126 holdfast dev -- /
exits 139 holdfast dev -- bash -c 'kill -SEGV $$'
exits 2 holdfast dev --json
exits 2 holdfast dev --store x
exits 7 env PATH="$T/bin" "$T/bin/holdfast" dev -- true
grep -q 'swtpm' err
exits 7 env HOLDFAST_DAEMON=/no/holdfastd holdfast dev -- true
grep -q '/no/holdfastd: No such file' err
nothing_left
ok "the command's exit status, and swtpm or the daemon missing"

[ "$(echo in | holdfast dev -- cat 2>err)" = in ]
[ ! -s err ] || { cat err; die "it talks in front of a command"; }
ok "standard input and output are the command's"

# Not INT: bash starts background commands with that ignored.
for sig in TERM HUP USR1; do
        holdfast dev -- bash -c "trap 'echo got >$sig; exit 9' $sig; echo \$\$ >pid; while :; do sleep 0.05; done" &
        dev=$!
        await test -s pid
        kill -s $sig $dev
        got=0
        wait $dev || got=$?
        [ "$got $(cat $sig)" = "9 got" ] || die "SIG$sig is not passed on: $got"
        rm pid
done
nothing_left
ok "signals are passed on"

# Both shells and a daemon of theirs are gone when holdfast dev is killed; so is the directory.
holdfast dev -- bash -c 'setsid sleep 1000 & echo $! >stray; sleep 1000 & echo $! >pid; wait' &
dev=$!
await test -s pid
disown $dev
kill -KILL $dev
await bash -c "! kill -0 $(cat pid) 2>/dev/null"
await bash -c "! kill -0 $(cat stray) 2>/dev/null"
nothing_left
ok "nothing is left after SIGKILL"

holdfast dev -- bash -c 'setsid sleep 1000 >/dev/null 2>&1 & echo $! >stray'
refused kill -0 "$(cat stray)"
nothing_left
ok "what the command left behind is ended"

rm -f pid
holdfast dev -- bash -c 'echo $$ >pid; exec sleep 1000' &
dev=$!
await test -s pid
kill -KILL "$(cut -d " " -f 1 </proc/$dev/task/$dev/children)"
wait $dev || true
await bash -c "! kill -0 $(cat pid) 2>/dev/null"
nothing_left
ok "nor when the supervisor is killed"

kept=$(holdfast dev --keep -- true 2>&1 | sed -n 's/^Kept *//p')
[ -f "$kept/store/store" ] && [ -f "$kept/tpm.log" ]
rm -rf "$kept"
nothing_left
ok "--keep leaves the directory"

# shellcheck disable=SC2016
holdfast dev --issuer -- bash -euc '
        [ "$(curl -sSf --cacert "$HOLDFAST_ISSUER_CA" "$HOLDFAST_ISSUER/healthz")" = "{\"status\":\"ok\"}" ]
        holdfast agent create demo --owner me@example.com >/dev/null
        holdfast enroll demo >enroll.out
        grep -q "^Assurance simulator" enroll.out
        holdfast-issuer agent list | grep -q "^host.dev.localhost .* demo .* active .* me@example.com "
        holdfast-issuer status >/dev/null
' 2>/dev/null
nothing_left
exits 2 holdfast dev --issuer --direct -- true
ok "with --issuer an agent is enrolled, and nothing is left of the issuer either"

holdfast dev --issuer -- bash -c 'echo here >where; exec sleep 1000' 2>/dev/null &
dev=$!
await test -s where
disown $dev
kill -KILL $dev
nothing_left
ok "nor when it is killed"

many=()
for i in $(seq 20); do
        holdfast dev -- bash -c 'holdfast status --json | sed -n "s/.*\"ek_name\": //p"' >"ek.$i" &
        many+=($!)
done
for pid in "${many[@]}"; do wait "$pid"; done
[ "$(cat ek.[0-9]* | sort -u | wc -l)" = 20 ] || die "two TPMs are alike"
nothing_left
ok "20 at once, no two alike"
