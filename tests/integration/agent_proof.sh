#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# DPoP proofs (RFC 9449) and client assertions (RFC 7523) that an agent signs with its own key, before Python's jwcrypto.

. "$(dirname "$0")/issuer_lib.sh"
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/agent_lib.sh"
start_tpm
agent build-42
agent other
kinds=(default:ES256)
for kind in P-384:ES384 RSA-2048:RS256; do
        holdfast key create "build-42/${kind%:*}" --kind "${kind%:*}" >>agents.log 2>&1
        kinds+=("$kind")
done
fresh_ca P-256
credentials build-42 default

cat >check.py <<'PY'
import base64, hashlib, json, sys, time, urllib.parse
from jwcrypto import jwk, jws

def must(what):
        if not what:
                raise SystemExit("wrong: " + json.dumps([header, claims]))

def verify(token, key, alg):
        s = jws.JWS()
        s.allowed_algs = [alg]
        s.deserialize(token)
        s.verify(key)
        return s.jose_header, json.loads(s.payload)

def thumb(key):
        return key.thumbprint()

kind, alg, pem = sys.argv[1:4]
own = jwk.JWK.from_pem(open(pem, "rb").read())
text = sys.stdin.read()
must_end = text.endswith("\n")
if kind == "dpop":
        token = text.strip()
        header = json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))
        key = jwk.JWK(**header["jwk"])
        header, claims = verify(token, key, alg)
        must(must_end and header["typ"] == "dpop+jwt" and header["alg"] == alg and set(header) == {"typ", "alg", "jwk"})
        must(not key.has_private and thumb(key) == thumb(own))
        want = {"htm": sys.argv[4], "htu": sys.argv[5]}
        if len(sys.argv) > 6:
                want["nonce"] = sys.argv[6]
                want["ath"] = base64.urlsafe_b64encode(hashlib.sha256(sys.argv[7].encode()).digest()).decode().rstrip("=")
        must(set(claims) == set(want) | {"jti", "iat"} and all(claims[n] == want[n] for n in want))
        must(len(claims["jti"]) >= 22 and abs(claims["iat"] - time.time()) < 60)
        print(claims["jti"])
else:
        form = urllib.parse.parse_qs(text.strip(), strict_parsing=True)
        header = claims = form
        must(form["client_assertion_type"] == ["urn:ietf:params:oauth:client-assertion-type:jwt-bearer"])
        header, claims = verify(form["client_assertion"][0], own, alg)
        must(header["typ"] == "JWT" and header["kid"] == thumb(own))
        must(claims["iss"] == claims["sub"] == sys.argv[4] and claims["aud"] == sys.argv[5])
        must(0 < claims["exp"] - claims["iat"] <= 300 and abs(claims["iat"] - time.time()) < 60 and len(claims["jti"]) >= 22)
        print(claims["jti"])
PY
check() { /usr/bin/python3 check.py "$@"; }

(umask 077 && echo "an.access-token" >access)
for kind in "${kinds[@]}"; do
        key=${kind%:*} alg=${kind#*:}
        holdfast key show "build-42/$key" --pem >"$key.pub"
        holdfast token "build-42/$key" --dpop POST "https://as.example.com/token?x=1#y" | check dpop "$alg" "$key.pub" POST https://as.example.com/token >>jti
        holdfast token "build-42/$key" --dpop GET https://api.example.com/ --nonce 'a "nonce"' --access-token-file access |
                check dpop "$alg" "$key.pub" GET https://api.example.com/ 'a "nonce"' an.access-token >>jti
        refused check dpop "$alg" "$key.pub" PUT https://as.example.com/token < <(holdfast token "build-42/$key" --dpop POST https://as.example.com/token)
        holdfast token "build-42/$key" --client-assertion --client-id client-7 --audience https://as.example.com |
                check assertion "$alg" "$key.pub" client-7 https://as.example.com >>jti
done
holdfast token build-42/default --client-assertion --audience https://as.example.com |
        check assertion ES256 default.pub spiffe://example.org/agent/build-42 https://as.example.com >>jti
holdfast token build-42/default --dpop GET https://api.example.com/@scope/package |
        check dpop ES256 default.pub GET https://api.example.com/@scope/package >/dev/null
[ "$(sort -u jti | wc -l)" = "$(wc -l <jti)" ] && [ "$(wc -l <jti)" = 10 ]
ok "proofs and assertions hold, for P-256, P-384 and RSA, each with an id of its own"

holdfast token build-42 --dpop GET https://api.example.com/ --json | grep -q '"schema": "holdfast.dpop/1"'
refused holdfast token build-42 --dpop GET
refused holdfast token build-42 https://api.example.com/
refused holdfast token build-42 --dpop GET ftp://api.example.com/
refused holdfast token build-42 --dpop GET https://user:secret@api.example.com/
refused holdfast token build-42 --dpop GET https://api.example.com/ --format vault
refused holdfast token build-42 --client-assertion
refused holdfast token build-42
refused holdfast token build-42 --audience https://api.example.com --follow
refused holdfast token other --client-assertion --audience https://as.example.com
grep -q "other is not enrolled" refused.out
refused holdfast token nobody --dpop GET https://api.example.com/
grep -q "there is no agent nobody" refused.out
refused holdfast token build-42 --audience https://api.example.com
grep -q "no daemon answers at the token socket $PWD/token.sock" refused.out
ok "what cannot be is refused, with the reason"
