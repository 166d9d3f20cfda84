#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A host that never reaches its issuer joins and gets credentials by four files: what it shows, a challenge, evidence, credentials. Each is good once, for
# the host and the agent that it was made for, and from the TPM that was shown.

prepare() {
        cp "${HOLDFAST_ISSUER_PROGRAM:?}" "$T/bin/holdfast-issuer"
}
. "$(dirname "$0")/lib.sh"
# Whoever asks the network fails.
export HOLDFAST_HTTP=/bin/false HOLDFAST_ISSUER_CONF=$T/run/issuer.conf
dir=$T/run/issuer host=vault.example.org

holdfast-issuer init --trust-domain example.org --url https://issuer.example.org --directory "$dir" --listen 127.0.0.1:0 --domain example.org >init-issuer.log
cat >>issuer.conf <<'CONF'

[profile test]
host = *
agent = *
assurance = unattested
credentials = x509 ssh-user jwt
audiences = https://api.example.org
ssh-users = deploy
pcrs = 0,7
spiffe-id = spiffe://{trust-domain}/{host}/{agent}
life = 12h

[profile short]
host = *
agent = *
assurance = unattested
credentials = x509
spiffe-id = spiffe://{trust-domain}/{host}/{agent}
life = 15s
CONF
background issuer holdfast-issuer serve
await grep -qx 'holdfast-issuer: ready' issuer.log

start_tpm
start_daemon "HOLDFAST_DEFAULT_RULE=allow user=$(id -u) human=yes" HOLDFAST_ISSUER_HOST=$host
export HOLDFAST_SOCKET=$SOCKET
credentials=$T/run/daemon/credentials
holdfast agent create signer --owner dana@example.org >agents.log 2>&1
holdfast agent create other --owner dana@example.org >>agents.log 2>&1
member() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$@"; }

# --- Join and first credential: two trips each way ---

holdfast join --out request.json 2>>agents.log
[ "$(member request.json host)" = $host ]
refused holdfast-issuer challenge signer --host $host
refused holdfast-issuer challenge signer --host other.example.org --join request.json
shows "the host $host" cat refused.out
holdfast-issuer challenge signer --join request.json --life 7d >challenge.json
refused holdfast-issuer challenge signer --join request.json --life 8d
refused holdfast-issuer host show $host
holdfast evidence make --challenge challenge.json --out evidence 2>>agents.log
holdfast-issuer issue evidence --challenge challenge.json --out issued >issue.log
shows unattested holdfast-issuer host list
holdfast enroll signer --from issued >enroll.log 2>>agents.log
shows "by hand" cat enroll.log
holdfast-issuer status >/dev/null
shows ": OK" openssl verify -CAfile "$dir/log-keys.pem" -purpose sslclient "$credentials/signer/default/cert.pem"
cmp <(openssl x509 -in "$credentials/signer/default/cert.pem" -noout -pubkey) <(holdfast key show signer --pem)
shows "deploy" ssh-keygen -Lf "$credentials/signer/default/id-cert.pub"
shows '"active"' holdfast enrolled --json
shows "by hand" holdfast enrolled
ok "a host joins and has its first credential by four files"

# --- Further ones: one trip each way ---

holdfast-issuer challenge other --host $host >challenge-other.json
refused holdfast evidence make signer --challenge challenge-other.json --out /nonexistent/evidence
holdfast evidence make signer --challenge challenge-other.json --out wrong 2>>agents.log
refused holdfast-issuer issue wrong --challenge challenge-other.json
shows "another agent" cat refused.out
holdfast-issuer challenge other --host $host >challenge-other.json
holdfast evidence make --challenge challenge-other.json --out evidence-other 2>>agents.log
holdfast-issuer issue evidence-other --challenge challenge-other.json >issued-other.json
refused holdfast-issuer issue evidence-other --challenge challenge-other.json
shows "was used" cat refused.out
refused holdfast enroll signer --from issued-other.json
shows "agent other" cat refused.out
holdfast enroll other --from issued-other.json >>enroll.log 2>>agents.log
shows ": OK" openssl verify -CAfile "$dir/log-keys.pem" "$credentials/other/default/cert.pem"
holdfast-issuer challenge other --host $host >challenge-other.json
holdfast evidence make --challenge challenge-other.json --out evidence-other 2>>agents.log
holdfast-issuer issue evidence-other --challenge challenge-other.json --audience https://api.example.org --out with-token >>issue.log
[ "$(stat -c %a with-token/token.jwt with-token/credentials.json | tr '\n' ' ')" = "600 644 " ]
refused grep -F "$(cat with-token/token.jwt)" with-token/credentials.json
holdfast enroll other --from with-token/credentials.json >>enroll.log 2>>agents.log
ok "a known host needs a challenge and evidence for each further one, which are good once and for one agent"

holdfast-issuer challenge other --host $host --profile short >challenge-short.json
holdfast evidence make --challenge challenge-short.json --out evidence-short 2>>agents.log
holdfast-issuer issue evidence-short --challenge challenge-short.json --profile short >short.json
holdfast enroll other --from short.json >>enroll.log 2>>agents.log
due() { holdfast enrolled >enrolled.out 2>&1 && grep -q "time to bring" enrolled.out; }
await due
shows "not renewed: 1" holdfast status
over() { ! openssl x509 -in short.pem -noout -checkend 0 >/dev/null; }
cp "$credentials/other/default/cert.pem" short.pem
await over
refused holdfast enroll other --from short.json
shows "over already" cat refused.out
ok "nothing renews them, and it shows; what has ended is not taken"

# --- What does not count ---

sed 's/"agent": "signer"/"agent": "other"/' issued/credentials.json >mixed.json
refused holdfast enroll other --from mixed.json
shows "another key" cat refused.out
sed 's/vault.example.org/vault2.example.org/' issued-other.json >renamed.json
refused holdfast enroll other --from renamed.json
refused holdfast enroll other --from challenge.json
refused holdfast enroll other --from .
refused holdfast enroll other --from issued --profile test
refused holdfast join
refused holdfast join https://issuer.example.org --out request.json
refused holdfast token signer --audience https://api.example.org
ok "credentials of another key, for another host, or none at all are not taken"

# --- Evidence by the challenge alone, and by another TPM ---

holdfast-issuer challenge signer --join request.json >challenge.json
python3 - <<'PYTHON'
import json
d = json.load(open("challenge.json"))
del d["join"]
json.dump(d, open("bare.json", "w"))
PYTHON
holdfast evidence make --challenge bare.json --out bare 2>>agents.log
refused holdfast-issuer issue bare --challenge challenge.json
ok "whoever has not opened the two credentials has no proof"

holdfast-issuer challenge signer --join request.json >challenge.json
stop_daemon
start_daemon "HOLDFAST_DEFAULT_RULE=allow user=$(id -u) human=yes" HOLDFAST_ISSUER_HOST=$host
shows "by hand" holdfast enrolled
[ -e "$credentials/signer/default/cert.pem" ]
holdfast evidence make --challenge challenge.json --out evidence 2>>agents.log
holdfast-issuer issue evidence --challenge challenge.json --out issued >issue.log
holdfast enroll signer --from issued >enroll.log 2>>agents.log
ok "after a start everything is as it was, and the host may join again"

stop_daemon
power_off
rm -rf store daemon tpmstate
start_tpm
start_daemon "HOLDFAST_DEFAULT_RULE=allow user=$(id -u) human=yes" HOLDFAST_ISSUER_HOST=$host
holdfast agent create signer --owner dana@example.org >>agents.log 2>&1
holdfast join --out request-new.json 2>>agents.log
refused holdfast-issuer challenge signer --join request-new.json
shows "another endorsement key" cat refused.out
refused holdfast evidence make --challenge challenge.json --out evidence
ok "another TPM has neither the name nor the answer"

holdfast audit verify "$dir/log" --issuer-key "$dir/log-keys.pem" >verify.log
log_holds
ok "and both logs have all of it"
