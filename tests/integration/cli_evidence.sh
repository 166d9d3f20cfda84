#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Evidence on the command line: made by the daemon for a challenge, by hand and by challenge file, shown, and verified with nothing but files; refused
# when it is for another challenge, of another key, changed, or less than what is demanded.

. "$(dirname "$0")/lib.sh"

# exits STATUS COMMAND...: its output is in out and err.
exits() {
        local want=$1 got=0

        shift
        "$@" >out 2>err </dev/null || got=$?
        [ $got = "$want" ] || { cat out err; die "exit status $got and not $want: $*"; }
}
says() { grep -qF -- "$1" err || { cat err; die "no \"$1\" on standard error"; }; }
prints() { grep -qE -- "$1" out || { cat out; die "no \"$1\" on standard output"; }; }
make() { exits 0 holdfast evidence make "$@"; }
verify() { exits "$1" holdfast evidence verify "${@:2}"; }

start_tpm
agent before
challenge=$(head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n')
exits 7 holdfast evidence make before --challenge "$challenge" --out e
says "there is none for this store"
start_daemon
export HOLDFAST_SOCKET=$SOCKET
agent build-42
exits 0 holdfast key create build-42/second

make build-42/default --challenge "$challenge" --out key.evidence
make build-42/default --challenge "$challenge" --pcrs 7,0 --log --to "a verifier" --out both.evidence
make --challenge "$challenge" --pcrs 0,7 --event-log --ima -o host.evidence
holdfast evidence make build-42/second --challenge "$challenge" >piped.evidence
holdfast evidence make build-42/default --challenge "$challenge" --json >key.json
python3 - key.json >json.evidence <<'END'
import base64, json, sys
doc = json.load(open(sys.argv[1]))
assert doc["schema"] == "holdfast.evidence/1"
octets = base64.b64decode(doc["evidence"])
assert len(octets) == doc["octets"]
sys.stdout.buffer.write(octets)
END
exits 0 holdfast audit log -n 4
prints 'attest +allowed  build-42/second .* certify'
exits 0 holdfast audit search "a verifier"
prints 'attest +allowed  build-42.* quote'
exits 0 holdfast audit verify
prints 'Complete +TPM audit counter agrees'
ok "make: a key, the host, both; into a file, a pipe, a JSON document; recorded"

exits 0 holdfast evidence show both.evidence
prints '^AK +P-256 000b[0-9a-f]{64}$'
prints '^Agent +build-42$'
prints '^Owner +tests@example.com$'
prints '^PCR 7 +[0-9a-f]{64}$'
prints '^Log +holdfast/'
says "Nothing of this was checked"
ak=$(awk '$1 == "AK" { print $3 }' out)
exits 0 holdfast evidence show both.evidence --json
prints '"verified": false'
prints '"agent": "build-42"'
exits 0 holdfast evidence show host.evidence
! grep -qE '^(Key|Agent)' out || die "evidence of the host alone has a key"
ok "show"

stop_daemon
power_off
verify 0 key.evidence --challenge "$challenge" --ak-name "$ak"
prints '^key-statement +passed '
prints '^host-statement +- +not asked$'
prints '^Accepted +pinned$'
prints '^Agent +build-42$'
verify 0 both.evidence --challenge "$challenge" --ak-name "$ak" --pcrs 0,7
prints '^host-statement +passed '
prints '^PCRs +0,7$'
verify 0 host.evidence --challenge "$challenge" --ak-name "$ak" --pcrs 0,7 --host-only
verify 0 piped.evidence --challenge "$challenge" --ak-name "${ak/0/1}" --ak-name "$ak"
verify 0 json.evidence --challenge "$challenge" --ak-name "$ak"
holdfast evidence verify - --challenge "$challenge" --ak-name "$ak" <key.evidence >out || die "not taken from standard input"
printf '%s\n' "$challenge" >challenge.hex
printf '%s' "$challenge" | sed 's/../\\x&/g' | xargs -0 printf '%b' >challenge.octets
[ "$(wc -c <challenge.octets)" = 32 ] || die "this is not the challenge in octets"
verify 0 key.evidence --challenge challenge.hex --ak-name "$ak"
verify 0 key.evidence --challenge challenge.octets --ak-name "$ak"
ok "verify: without daemon and TPM; the challenge as hex, as a file of hex, as octets"

verify 8 key.evidence --challenge "${challenge/?/$([ "${challenge:0:1}" = 0 ] && echo 1 || echo 0)}" --ak-name "$ak"
prints '^key-statement +FAILED .* another challenge'
prints '^Refused '
! grep -q '^Agent' out || die "what was refused is told as if it were true"
verify 8 key.evidence --challenge "$challenge" --ak-name "${ak%?}$([ "${ak: -1}" = 0 ] && echo 1 || echo 0)"
prints '^trust +FAILED'
prints '^key-statement +- +not asked, or not reached$'
verify 8 key.evidence --challenge "$challenge" --ak-name "$ak" --pcrs 0
prints '^shape +FAILED  *there is no quote in it'
verify 8 host.evidence --challenge "$challenge" --ak-name "$ak" --pcrs 0,7
prints '^shape +FAILED  *there is no key in it'
verify 8 both.evidence --challenge "$challenge" --ak-name "$ak" --pcrs 0,1
prints '^host-statement +FAILED'
verify 8 both.evidence --challenge "$challenge" --ak-name "$ak" --pcrs 0,7 --event-log
prints '^event-log +FAILED'
verify 8 both.evidence --challenge "$challenge" --ak-name "$ak" --pcrs 0 --json
prints '"accepted": false'
! grep -q '"agent"' out || die "what was refused is told as if it were true"
size=$(wc -c <both.evidence)
for at in 0 100 $((size / 2)) $((size - 1)); do
        cp both.evidence changed.evidence
        octet=$(od -An -tu1 -j "$at" -N 1 both.evidence)
        # shellcheck disable=SC2059 # the octet
        printf "\\x$(printf %02x $((octet ^ 1)))" | dd of=changed.evidence bs=1 seek="$at" conv=notrunc status=none
        verify 8 changed.evidence --challenge "$challenge" --ak-name "$ak" --pcrs 0,7
done
ok "verify: another challenge, key, PCRs, less than demanded, one octet changed: exit status 8"

cat >policy.json <<END
{
  "schema": "holdfast.evidence-policy/1",
  "want": ["key", "host", "log"],
  "assurances": ["pinned"],
  "known_keys": [{"name": "$ak", "assurance": "pinned"}],
  "pcr_hash": "sha256",
  "pcrs": [0, 7],
  "golden": {"7": ["$(printf '0%.0s' $(seq 64))"]},
  "denied_firmware": "denied"
}
END
echo 'INTC 0 * none of ours' >denied
verify 8 both.evidence --challenge "$challenge" --policy policy.json
prints '^firmware +FAILED'
sed -i 's/"denied_firmware"/"manufacturer": "IBM", "denied_firmware"/' policy.json
verify 0 both.evidence --challenge "$challenge" --policy policy.json --json
python3 - out policy.json >later.json <<'END'
import json, sys
result, policy = (json.load(open(f)) for f in sys.argv[1:])
assert result["accepted"] and result["schema"] == "holdfast.evidence-verify/1"
assert {c["check"]: c["outcome"] for c in result["checks"]}["golden"] == "passed"
policy["last"] = dict(result["standing"], clock_ms=result["standing"]["clock_ms"] + 3600000)
json.dump(policy, sys.stdout)
END
verify 8 both.evidence --challenge "$challenge" --policy later.json
prints '^clock +FAILED'
verify 8 key.evidence --challenge "$challenge" --policy policy.json
sed 's/"7"/"0"/; s/\["0\{64\}"\]/["'"$(printf '1%.0s' $(seq 64))"'"]/' policy.json >other.json
verify 8 both.evidence --challenge "$challenge" --policy other.json
prints '^golden +FAILED'
echo '{}' >nothing.json
exits 1 holdfast evidence verify both.evidence --challenge "$challenge" --policy nothing.json
for bad in '[]' '{"wants": []}' '{"want": ["keys"]}' '{"want": ["key"], "want": ["key"]}' '{"assurances": ["certain"]}' '{"pcrs": [24]}' '{"golden": {"7": []}}' \
        '{"known_keys": [{"name": "zz", "assurance": "pinned"}]}' '{"last": {"clock_ms": -1, "resets": 0, "restarts": 0, "firmware": "0000000000000000"}}' '{'; do
        echo "$bad" >bad.json
        exits 1 holdfast evidence verify both.evidence --challenge "$challenge" --policy bad.json
done
exits 2 holdfast evidence verify both.evidence --challenge "$challenge" --policy policy.json --pcrs 0
exits 2 holdfast evidence verify both.evidence --challenge "$challenge"
exits 2 holdfast evidence verify both.evidence --ak-name "$ak"
exits 2 holdfast evidence verify both.evidence --challenge "$challenge" --ak-name "$ak" --secure-boot
exits 2 holdfast evidence verify both.evidence --challenge "$challenge" --ak-name "$ak" --pcrs 8 --event-log
exits 3 holdfast evidence verify absent.evidence --challenge "$challenge" --ak-name "$ak"
exits 1 holdfast evidence show policy.json
verify 8 policy.json --challenge "$challenge" --ak-name "$ak"
prints '^shape +FAILED'
ok "verify: by a policy in a file, and what is no policy"

power_on
start_daemon
cat >challenge.json <<END
{"schema": "holdfast.challenge/1", "challenge": "$(base64 -w0 <challenge.octets)", "host": "here", "agent": "build-42", "key": "second",
 "pcrs": [0, 2, 7], "pcr_hash": "sha256", "event_log": true, "log": true, "until": 1795620000}
END
make --challenge challenge.json --out answer.evidence
verify 8 answer.evidence --challenge challenge.json --ak-name "$ak" --pcrs 0,2,7
prints '^clock +FAILED'
verify 0 answer.evidence --challenge challenge.json --ak-name "$ak" --pcrs 0,2,7 --clock-unsafe
prints '^Agent +build-42$'
make build-42/default --challenge challenge.json --pcrs 1 --out answer.evidence
verify 0 answer.evidence --challenge challenge.json --ak-name "$ak" --pcrs 1 --clock-unsafe
for bad in '{"schema": "holdfast.challenge/1"}' '{"schema": "holdfast.challenge/2", "challenge": "AAAAAAAAAAAAAAAAAAAAAAAA"}' '{"schema": "holdfast.challenge/1", "challenge": "AAAA"}' \
        '{"schema": "holdfast.challenge/1", "challenge": "AAAAAAAAAAAAAAAAAAAAAAAA", "pcrs": [99]}' '{"schema": "holdfast.challenge/1", "challenge": "AAAAAAAAAAAAAAAAAAAAAAAA", "more": 1}'; do
        echo "$bad" >bad.json
        exits 1 holdfast evidence make --challenge bad.json --out e
done
ok "make: what a challenge file asks for"

exits 2 holdfast evidence make --challenge "$challenge" --out e
exits 2 holdfast evidence make build-42/default --out e
exits 1 holdfast evidence make build-42/default --challenge "$challenge" --pcrs 24 --out e
exits 1 holdfast evidence make build-42/default --challenge "$challenge" --pcrs 0 --pcr-hash sha1 --out e
exits 3 holdfast evidence make nobody --challenge "$challenge" --out e
exits 3 holdfast evidence make build-42/default --challenge "$challenge" --out no/such/directory
[ ! -e e ] || die "something was written all the same"
ok "make: what is refused writes nothing"
