#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# holdfast-issuer by itself: it is made, serves, is asked and ordered; what is revoked shows; it survives reloads, restarts and a kill; keys follow each
# other; its CA's key may be in a TPM. A host with a TPM joins and enrols an agent through holdfastd.

prepare() {
        cp "${HOLDFAST_ISSUER_PROGRAM:?}" "$T/bin/holdfast-issuer"
        cp "${HOLDFAST_HTTP:?}" "$T/bin/holdfast-http"
}
. "$(dirname "$0")/lib.sh"
export HOLDFAST_HTTP=$T/bin/holdfast-http HOLDFAST_ISSUER_CONF=$T/run/issuer.conf
dir=$T/run/issuer

# make_issuer OPTION...: at a port that is free.
make_issuer() {
        port=$(free_port)
        url=https://localhost:$port
        holdfast-issuer init --trust-domain example.org --url "$url" --directory "$dir" --listen "127.0.0.1:$port" --domain example.org "$@" >init-issuer.log
        ca=$dir/log-keys.pem
}
start_issuer() {
        background issuer holdfast-issuer serve --access-log
        issuer_pid=${pids[-1]}
        await grep -qx 'holdfast-issuer: ready' issuer.log
}
end_issuer() {  # end_issuer SIGNAL
        issuer_status=0
        kill "-$1" "$issuer_pid"
        wait "$issuer_pid" || issuer_status=$?
}
get() { curl -sSf --cacert "$ca" "$url$1"; }
verify_log() { holdfast audit verify "$dir/log" --issuer-key "$dir/log-keys.pem"; }

# --- Made, and made again ---

make_issuer
cp -r "$dir" first && cp issuer.conf first.conf
make_issuer >/dev/null
diff -r "$dir/keys" first/keys && cmp issuer.conf first.conf
[ "$(stat -c %a "$dir")$(stat -c %a "$dir/keys/x509-1.pem")" = 700600 ]
refused holdfast-issuer init --trust-domain other.org --url https://localhost
refused env HOLDFAST_ISSUER_CONF="$T/run/x.conf" holdfast-issuer init --trust-domain example.org --url http://localhost
refused holdfast-issuer frobnicate
refused holdfast-issuer init --conf "$T/other.conf" --directory "$T/other" --trust-domain example.org --url https://localhost --db postgresql://me:secret@db/holdfast
[ ! -e "$T/other.conf" ]
refused holdfast-issuer status
[ ! -e x.conf ]
port=$(sed -n 's/^listen = .*://p' issuer.conf) url=https://localhost:$port
ok "an issuer is made once, however often it is said"

# --- What it publishes ---

start_issuer
[ "$(cat "$dir/address")" = "127.0.0.1:$port" ]
[ "$(get /healthz)" = '{"status":"ok"}' ]
get /metrics >metrics.txt
grep -qx 'holdfast_ready 1' metrics.txt
[ "$(sed -n 's/^holdfast_ca_ends{use="x509"} //p' metrics.txt)" -gt "$(date -d '+9 years' +%s)" ]
get /readyz >/dev/null
get /ca.pem >ca.pem
cmp ca.pem "$dir/log-keys.pem"
shows "verify OK" openssl crl -inform DER -in <(get /ca.crl) -CAfile ca.pem -noout
get /ssh/user-ca.pub | ssh-keygen -lf - >/dev/null
get /ssh/known_hosts | grep -q '^@cert-authority \*.example.org,example.org ecdsa-sha2-nistp256 '
get /ssh/krl >krl && ssh-keygen -Qf krl <(get /ssh/user-ca.pub) >/dev/null
python3 - "$url" <(get /.well-known/openid-configuration) <(get /jwks.json) <(get /spiffe-bundle.json) <<'PYTHON'
import json, sys
url, oidc, jwks, bundle = sys.argv[1], *(json.load(open(f)) for f in sys.argv[2:])
assert oidc["issuer"] == url and oidc["jwks_uri"] == url + "/jwks.json" and oidc["id_token_signing_alg_values_supported"] == ["ES256"]
assert [k["use"] for k in jwks["keys"]] == ["sig"]
assert sorted(k["use"] for k in bundle["keys"]) == ["jwt-svid", "x509-svid"] and bundle["spiffe_sequence"] > 0
PYTHON
etag=$(curl -sSfD - -o /dev/null --cacert "$ca" "$url/ca.crl" | tr -d '\r' | sed -n 's/^[Ee][Tt]ag: //p')
[ "$(curl -sS -o /dev/null -w '%{http_code}' --cacert "$ca" -H "If-None-Match: $etag" "$url/ca.crl")" = 304 ]
[ "$(curl -sS -o /dev/null -w '%{http_code}' --cacert "$ca" "$url/v1/admin/hosts")" = 404 ]
ok "it publishes what others read, and says how long it is good"

# --- A host and an agent, known by a token ---

cat >>issuer.conf <<'CONF'

[profile test]
host = *
agent = *
assurance = unattested
credentials = x509 ssh-user
ssh-users = deploy
spiffe-id = spiffe://{trust-domain}/{agent}
life = 10m
CONF
kill -HUP "$issuer_pid"
await grep -q 'the configuration is read anew' issuer.log
start_tpm
start_daemon "HOLDFAST_DEFAULT_RULE=allow user=$(id -u) human=yes" "HOLDFAST_ISSUER=$url" "HOLDFAST_ISSUER_CA=$ca" HOLDFAST_ISSUER_HOST=web.example.org
export HOLDFAST_SOCKET=$SOCKET
refused holdfast join "$url" --ca "$ca"
token=$(holdfast-issuer token create --host web.example.org --life 15m)
refused holdfast join "$url" --ca "$ca" --host other.example.org --token "$token"
holdfast join "$url" --ca "$ca" --host web.example.org --token "$token" >join.log 2>&1
holdfast agent create build-42 --owner dana@example.org >>join.log 2>&1
holdfast enroll build-42 --json >enroll.json 2>>join.log
serial=$(python3 -c 'import json; print(json.load(open("enroll.json"))["serial"])')
files=$T/run/daemon/credentials/build-42/default
shows "web.example.org" holdfast-issuer host list
shows "unattested" holdfast-issuer host show web.example.org
shows "dana@example.org" holdfast-issuer agent list --csv
shows "spiffe://example.org/build-42" holdfast-issuer agent show build-42 --host web.example.org
shows "$serial" holdfast-issuer credential list --host web.example.org --agent build-42
shows '"assurance": "unattested"' holdfast-issuer host list --json
shows "Hosts        1," holdfast-issuer status
shows ": OK" openssl verify -CAfile ca.pem -purpose sslclient "$files/cert.pem"
ok "a host joins with its token, and operators see host, agent and credential"

# --- A host without a network ---

holdfast-issuer challenge build-42 --host web.example.org --life 2d >challenge.json
holdfast-issuer challenge build-42 --host web.example.org >another.json
holdfast evidence make --challenge challenge.json --out evidence >>join.log 2>&1
refused holdfast-issuer issue evidence --challenge another.json
shows "offline/cert.pem" holdfast-issuer issue evidence --challenge challenge.json --out offline
shows ": OK" openssl verify -CAfile ca.pem -purpose sslclient offline/cert.pem
cmp <(openssl x509 -in offline/cert.pem -noout -pubkey) <(openssl x509 -in "$files/cert.pem" -noout -pubkey)
refused holdfast-issuer issue evidence --challenge challenge.json
shows "was used" cat refused.out
shows "for operators to name" curl -sS --cacert "$ca" -H 'Content-Type: application/json' "$url/v1/credential" \
        -d "{\"host\":\"web.example.org\",\"agent\":\"build-42\",\"evidence\":\"AAAA\",\"want\":[\"x509\"],\"challenge\":$(python3 -c 'import json; print(json.dumps(json.load(open("another.json"))["challenge"]))')}"
refused holdfast-issuer challenge build-42 --host nobody.example.org
ok "evidence that is carried by hand is worth the same, once"

# --- Revoked ---

crl_has() { openssl crl -inform DER -in <(get /ca.crl) -noout -text | grep -qi "Serial Number: $1"; }
krl_has() { get /ssh/krl >krl && ! ssh-keygen -Qf krl "$1" >/dev/null; }
cp "$files/cert.pem" old.pem
cp "$files/id-cert.pub" old-cert.pub
if crl_has "$serial"; then die "revoked before its time"; fi
if krl_has old-cert.pub; then die "revoked before its time"; fi
point=$(openssl x509 -in old.pem -noout -text | sed -n 's/.*URI:\(.*\.crl\)$/\1/p')
[ -n "$point" ]
begin=$SECONDS
shows "1 credential is revoked" holdfast-issuer revoke --serial "$serial" --reason superseded
await crl_has "$serial"
await krl_has old-cert.pub
[ $((SECONDS - begin)) -le 10 ]
shows "Superseded" openssl crl -inform DER -in <(get "${point#"$url"}") -noout -text
refused openssl verify -CAfile ca.pem -crl_check -CRLfile <(get /ca.crl | openssl crl -inform DER) old.pem
refused holdfast-issuer revoke --serial 40000000000000000000000000000000
refused holdfast-issuer revoke --serial "$serial" --reason because
ok "what is revoked is in the lists that its own certificate names, and in SSH's"
holdfast-issuer agent revoke build-42 --host web.example.org --reason key-compromise >/dev/null
refused holdfast enroll build-42
ok "and a revoked agent gets nothing any more"

# --- Restarted, killed ---

end_issuer TERM
[ $issuer_status = 0 ]
shows "Complete" verify_log
grep -q 'GET /ca.crl' issuer.log
holdfast audit prove 1 --log "$dir/log" >proof
shows "this issuer" holdfast audit check-proof proof --issuer-key "$dir/log-keys.pem"
refused holdfast audit check-proof proof --issuer-key "$dir/keys/ak-1.crt"
refused holdfast audit verify "$dir/log" --issuer-key "$dir/keys/ak-1.crt"
refused holdfast audit verify "$dir/log" --ak "$dir/log-keys.pem"
start_issuer
shows "Ready        yes" holdfast-issuer status
crl_has "$serial"
holdfast agent create build-43 --owner dana@example.org >>join.log 2>&1
holdfast enroll build-43 --json >enroll.json 2>>join.log
end_issuer KILL
start_issuer
shows "build-43" holdfast-issuer agent list
holdfast-issuer credential list --json >credentials.json
holdfast audit log --log "$dir/log" --lines all --event issue --json >issued.json
# Each credential that was given out is a record of the log, allowed, of that agent.
python3 - <<'PYTHON'
import json
text = open("issued.json").read()
decoder, at, records = json.JSONDecoder(), 0, []
while at < len(text.rstrip()):
    document, at = decoder.raw_decode(text, at)
    records += document.get("records", [document])
    while at < len(text) and text[at].isspace(): at += 1
issued = {r["seq"]: r for r in records if r.get("decision") == "allowed"}
credentials = json.load(open("credentials.json"))
assert len(credentials) >= 2
for c in credentials:
    assert issued[c["record"]]["agent"] == c["agent"], c
PYTHON
end_issuer TERM
verify_log >verify.log
grep -q 'Warning.*killed' verify.log
ok "after a restart and a kill the log is whole, and has all that the database has"

# --- A configuration that is wrong ---

start_issuer
cp issuer.conf good.conf
echo "frob = 1" >>issuer.conf
kill -HUP "$issuer_pid"
await grep -q 'there is no key frob' issuer.log
get /readyz >/dev/null
sed 's/^domains = .*/domains = example.com/' good.conf >issuer.conf
kill -HUP "$issuer_pid"
await grep -q 'needs a restart' issuer.log
cp good.conf issuer.conf
ok "what is wrong with the configuration leaves what was"

# --- Keys follow each other ---

holdfast-issuer rotate --use jwt --overlap 1h >rotate.log
refused holdfast-issuer rotate --use jwt
for use in x509 ssh; do holdfast-issuer rotate --use $use --overlap 2s >>rotate.log; done
cas() { get /ca.pem | grep -c BEGIN; }
has_cas() { [ "$(cas)" = "$1" ]; }
await has_cas 2
await bash -c "holdfast-issuer status --json | grep -q '\"number\": 2'"
first_ca() { get /ca.pem | openssl x509 -noout -serial; }
was=$(openssl x509 -in ca.pem -noout -serial)
changed() { [ "$(first_ca)" != "$was" ]; }
await changed
has_cas 2
get /ca.pem >both.pem
holdfast enroll build-43 >/dev/null 2>&1
refused openssl verify -CAfile ca.pem "$files/../../build-43/default/cert.pem"
shows ": OK" openssl verify -CAfile both.pem "$files/../../build-43/default/cert.pem"
shows ": OK" openssl verify -CAfile both.pem old.pem
[ "$(get /ssh/user-ca.pub | wc -l)" = 2 ]
end_issuer TERM
verify_log >verify.log
# Its own TLS certificate is by the new CA now. The host was given that with the credential, and believes it, also after a start.
start_issuer
refused curl -sSf --cacert ca.pem "$url/healthz"
holdfast enroll build-43 >enroll.log 2>&1
holdfast join "$url" --ca ca.pem >>enroll.log 2>&1
end_issuer TERM
ok "the next keys are published, sign after the overlap, and the old ones stay while what they signed lives"

# --- The CA's key in a TPM ---

use_provider
OPENSSL_MODULES=$(dirname "$PROVIDER")
export OPENSSL_MODULES
rm -rf "$dir" issuer.conf
agent ca
make_issuer --ca-key "$(uri ca)"
start_issuer
get /ca.pem >ca.pem
cmp <(openssl x509 -in ca.pem -noout -pubkey) <(holdfast key show ca --pem)
shows "verify OK" openssl crl -inform DER -in <(get /ca.crl) -CAfile ca.pem -noout
end_issuer TERM
verify_log >/dev/null
rm -rf "$dir" issuer.conf
ref ca reference
chmod 600 reference.key.pem
make_issuer --ca-key reference.key.pem
start_issuer
get /ca.pem >ca.pem
cmp <(openssl x509 -in ca.pem -noout -pubkey) <(holdfast key show ca --pem)
end_issuer TERM
ok "a CA whose key is in a TPM certifies the issuer's TLS and signs its lists and its log"

# --- In an HSM ---

softhsm=/usr/lib/softhsm/libsofthsm2.so
mkdir tokens
echo "directories.tokendir = $PWD/tokens" >softhsm.conf
export SOFTHSM2_CONF=$PWD/softhsm.conf HOLDFAST_MODULE=$softhsm
softhsm2-util --init-token --free --label soft --pin 1234 --so-pin 5678 >softhsm.log
pkcs11-tool --module $softhsm --login --pin 1234 --keypairgen --key-type EC:secp384r1 --label ca --id 01 >>softhsm.log 2>&1
(umask 077 && printf 1234 >pin)
rm -rf "$dir" issuer.conf
make_issuer --ca-key "pkcs11:token=soft;object=ca;type=private?pin-source=file:$PWD/pin"
refused grep -r 1234 "$dir/keys/list"
start_issuer
get /ca.pem >ca.pem
shows "ecdsa-with-SHA384" openssl x509 -in ca.pem -noout -text
shows "verify OK" openssl crl -inform DER -in <(get /ca.crl) -CAfile ca.pem -noout
end_issuer TERM
verify_log >/dev/null
ok "or in an HSM, whose PIN is in a file"
