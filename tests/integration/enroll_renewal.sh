#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A host joins at its daemon's start, an agent is enrolled, and its credentials are renewed before they end, without a gap and without anybody being
# restarted; the issuer goes away and comes back, the daemon starts without it, the agent is revoked, and another TPM claims the host's name.

prepare() {
        cp "${HOLDFAST_ISSUER_PROGRAM:?}" "$T/bin/holdfast-issuer"
        cp "${HOLDFAST_HTTP:?}" "$T/bin/holdfast-http"
}
. "$(dirname "$0")/lib.sh"
export HOLDFAST_HTTP=$T/bin/holdfast-http HOLDFAST_ISSUER_CONF=$T/run/issuer.conf
dir=$T/run/issuer audience=https://api.example.org

start_issuer() {
        background issuer holdfast-issuer serve
        issuer_pid=${pids[-1]}
        await grep -qx 'holdfast-issuer: ready' issuer.log
}
end_issuer() {
        kill "$issuer_pid"
        wait "$issuer_pid" || true
}
serial() { openssl x509 -in "$files/cert.pem" -noout -serial; }
is_not() { [ -s "$files/cert.pem" ] && [ "$(serial)" != "$1" ]; }
# It may take most of a life, and longer than await has patience for.
await_other() {
        local i

        for ((i = 0; i < 1200; i++)); do
                ! is_not "$1" || return 0
                sleep 0.05
        done
        die "not renewed: $(cat "$files/status.json")"
}
status_is() { grep -q "$1" "$files/status.json"; }
enrolled_says() { holdfast enrolled --json >enrolled.json && grep -q "$1" enrolled.json; }
ask_token() { curl -sS --unix-socket "$T/run/daemon/token.sock" "http://localhost/v1/token?agent=$1&audience=$2"; }

port=$(free_port)
url=https://localhost:$port
holdfast-issuer init --trust-domain example.org --url "$url" --directory "$dir" --listen "127.0.0.1:$port" --domain example.org >init-issuer.log
cat >>issuer.conf <<'CONF'

[profile short]
host = *
agent = *
assurance = unattested simulator
credentials = x509 jwt ssh-user ssh-host
ssh-users = deploy
ssh-hosts = {host}
audiences = https://api.example.org
spiffe-id = spiffe://{trust-domain}/{agent}
life = 20s
CONF
start_issuer

# --- Joined at the start, as configured ---

start_tpm
holdfast-issuer token create --host web.example.org --life 15m | grep -v ' ' >join.token
cp "$dir/log-keys.pem" ca.pem
as_configured=("HOLDFAST_DEFAULT_RULE=allow user=$(id -u) human=yes" "HOLDFAST_ISSUER=$url" "HOLDFAST_ISSUER_CA=$T/run/ca.pem" HOLDFAST_ISSUER_HOST=web.example.org
        "HOLDFAST_ISSUER_TOKEN_FILE=$T/run/join.token")
start_daemon "${as_configured[@]}"
export HOLDFAST_SOCKET=$SOCKET
await enrolled_says '"active"'
rm join.token
shows "web.example.org" holdfast-issuer host list
ok "the daemon joins the issuer that is configured, when it starts"

# --- Enrolled: files for everybody, and what they hold is right ---

holdfast agent create build --owner dana@example.org >agents.log 2>&1
holdfast enroll build >enroll.log 2>&1
files=$T/run/daemon/credentials/build/default
for name in key.pem cert.pem bundle.pem id.pub id-cert.pub host-cert.pub known_hosts status.json; do
        [ "$(stat -c %a "$files/$name")" = 644 ] || die "$name"
done
shows ": OK" openssl verify -CAfile "$files/bundle.pem" -purpose sslclient "$files/cert.pem"
cmp <(openssl x509 -in "$files/cert.pem" -noout -pubkey) <(holdfast key show build --pem)
shows "web.example.org" ssh-keygen -Lf "$files/host-cert.pub"
shows "deploy" ssh-keygen -Lf "$files/id-cert.pub"
if grep -r 'PRIVATE KEY' "$T/run/daemon/credentials"; then die "a private key among the files for everybody"; fi
cert_object() { holdfast key show build --cert | openssl x509 -noout -serial; }
[ "$(cert_object)" = "$(serial)" ]
ok "who is enrolled has certificates as files and beside the key, and no private key"

# What comes of it shows at the end.
holdfast agent create gone --owner dana@example.org >>agents.log 2>&1
holdfast enroll gone >>agents.log 2>&1
[ -s "$T/run/daemon/credentials/gone/default/cert.pem" ]
holdfast agent delete gone --yes >>agents.log 2>&1

# --- Renewed, without a gap ---

first=$(serial)
: >gaps
watch_credentials() {
        until [ -e enough ]; do
                openssl verify -CAfile "$files/bundle.pem" "$files/cert.pem" >verify.out 2>&1 || cat verify.out >>gaps
                ssh-keygen -Lf "$files/id-cert.pub" >/dev/null 2>>gaps || echo "no SSH certificate" >>gaps
        done
}
watch_credentials &
watcher=$!
pids+=("$watcher")
await_other "$first"
second=$(serial)
[ "$(cert_object)" = "$second" ]
await_other "$second"
touch enough
wait "$watcher"
[ ! -s gaps ] || { cat gaps; die "there was a time without a good certificate"; }
ok "they are renewed before they end, and at no time is there none"

# --- Tokens ---

ask_token build $audience >token.json
python3 - token.json $audience <<'PYTHON'
import base64, json, sys
answer = json.load(open(sys.argv[1]))
claims = json.loads(base64.urlsafe_b64decode(answer["token"].split(".")[1] + "=="))
assert claims["sub"] == "spiffe://example.org/build" and claims["aud"] == sys.argv[2] and claims["exp"] == answer["expires_at"], claims
PYTHON
ask_token build $audience | cmp - token.json
ask_token build https://elsewhere.example.org | grep -q 'urn:holdfast:problem:denied'
ask_token nobody $audience | grep -q 'urn:holdfast:problem:agent-unknown'
holdfast key create build/second >>agents.log 2>&1
ask_token build "$audience&key=second" >before.json
ask_token build "$audience&key=second" | cmp - before.json
holdfast key delete build/second --yes >>agents.log 2>&1
holdfast key create build/second >>agents.log 2>&1
ask_token build "$audience&key=second" >after.json
grep -q '"token"' before.json
grep -q '"token"' after.json
if cmp -s before.json after.json; then die "a token of the key that was there before"; fi
holdfast key delete build/second --yes >>agents.log 2>&1
ok "an agent's process gets a token, the same one while it is fresh, and no other's"

holdfast lock build >>agents.log 2>&1
ask_token build $audience | grep -q 'urn:holdfast:problem:denied'
refused holdfast enroll build
holdfast unlock build >>agents.log 2>&1
ok "a locked agent gets neither token nor certificate"

! enrolled_says '"gone"' || die "a deleted agent is enrolled still"
[ ! -e "$T/run/daemon/credentials/gone" ]
ok "who was deleted is enrolled no more"

# --- The issuer away, and back ---

ask_token build $audience >token.json
end_issuer
ask_token build $audience | cmp - token.json
stays=$(serial)
await status_is 'cannot be asked'
[ "$(serial)" = "$stays" ]
refused holdfast enroll build
start_issuer
await_other "$stays"
await status_is '"last_error": null'
ok "an issuer that was away is asked again, and until then there is what there was"

# --- A start without the issuer ---

end_issuer
stop_daemon
[ "$daemon_status" = 0 ]
stays=$(serial)
rm -r "$T/run/daemon/credentials"
start_daemon "${as_configured[@]}"
[ "$(serial)" = "$stays" ]
holdfast key show build >/dev/null
start_issuer
await_other "$stays"
ok "a daemon that starts without its issuer puts back what it had"

# --- Another TPM under that name ---

mkdir -p tpmstate2
background swtpm2 swtpm socket --tpm2 --tpmstate "dir=$T/run/tpmstate2" --server "type=unixio,path=$T/run/tpm2" --ctrl "type=unixio,path=$T/run/tpm2.ctrl" \
        --flags not-need-init,startup-clear
await test -S tpm2
await test -S tpm2.ctrl
other=("HOLDFAST_STORE=$T/run/store2" "HOLDFAST_TCTI=swtpm:path=$T/run/tpm2" "HOLDFAST_SOCKET=$T/run/daemon2/pkcs11.sock")
env "${other[@]}" holdfast init >>init.log 2>&1
background daemon2 env "${other[@]}" holdfastd
other_pid=${pids[-1]}
await grep -q ready daemon2.log
another=$(holdfast-issuer token create --host web.example.org --life 15m | grep -v ' ')
refused env "${other[@]}" holdfast join "$url" --ca ca.pem --host web.example.org --token "$another"
grep -qE 'host-mismatch|another' refused.out || { cat refused.out; die "not because it is another TPM"; }
kill "$other_pid"
wait "$other_pid" || true
await_other "$(serial)"
ok "another TPM does not get the host's name, and the host keeps it"

# --- Revoked ---

holdfast-issuer agent revoke build --host web.example.org >/dev/null
await status_is 'revoked'
[ -s "$files/cert.pem" ]
enrolled_says 'revoked'
ask_token build $audience | grep -qE 'urn:holdfast:problem:denied|"token"'
holdfast unenroll build >>agents.log 2>&1
[ ! -e "$files" ]
refused holdfast unenroll build
ok "a revoked agent gets nothing new, is told why, and its files go with the enrolment"

# --- Revoked by the host ---

holdfast-issuer agent approve build --host web.example.org >/dev/null
holdfast enroll build >>agents.log
ask_token build $audience | grep -q '"token"'
openssl x509 -in "$files/cert.pem" -out mine.pem
number=$(openssl x509 -in mine.pem -noout -serial)
refused holdfast revoke build/default
refused holdfast revoke build --reason because
grep -q key-compromise refused.out || { cat refused.out; die "not because of the reason"; }
refused holdfast revoke nobody-at-all
holdfast revoke gone >>agents.log
[ -s "$files/cert.pem" ]
holdfast revoke build --reason key-compromise --json >revoked.json
grep -q '"revoked": *[1-9]' revoked.json || { cat revoked.json; die "nothing was revoked"; }
[ ! -e "$files" ]
curl -sS --cacert ca.pem "$url/ca.crl" | openssl crl -inform DER -noout -text >crl.txt
grep -A4 "${number#serial=}" crl.txt | grep -q 'Key Compromise' || { cat crl.txt; die "the list has it not"; }
ask_token build $audience | grep -q 'urn:holdfast:problem:'
refused holdfast enroll build
grep -q revoked refused.out
holdfast-issuer agent approve build --host web.example.org >/dev/null
holdfast enroll build >>agents.log
holdfast revoke build --keep | grep -q 'Revoked'
[ -s "$files/cert.pem" ]
holdfast audit log -n 100 | grep -q revoke
ok "a host has what it was given revoked, which is in the list at once, and nothing else it names"

stop_daemon
[ "$daemon_status" = 0 ]
log_holds
end_issuer
ok "the log holds"
