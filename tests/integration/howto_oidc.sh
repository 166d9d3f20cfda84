#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# docs/howto/oidc.md: who takes OpenID Connect's tokens finds the issuer's keys by discovery and verifies an agent's token: Node's WebCrypto and
# Python's jwcrypto. The SPIFFE bundle is read by another program, too, and verifies an agent's certificate.

. "$(dirname "$0")/enrolled_lib.sh"
audience=https://api.dev.localhost
profile bots "agent = bot" "credentials = x509 jwt" "audiences = $audience" "audiences = sts.amazonaws.com" "audiences = https://rs256.example.com" "cnf = yes"
reload_issuer
enrol bot
holdfast token bot --audience $audience >jwt

cat >verify.mjs <<'JS'
import { readFileSync } from "node:fs";
import https from "node:https";
const ca = readFileSync(process.env.HOLDFAST_ISSUER_CA);
const get = url => new Promise((done, fail) => https.get(url, { ca }, r => {
        let body = "";
        r.on("data", d => body += d).on("end", () => r.statusCode === 200 ? done(JSON.parse(body)) : fail(new Error(url + ": " + r.statusCode)));
}).on("error", fail));
const must = (what, text) => { if (!what) throw new Error(text); };
const [issuer, audience] = process.argv.slice(2);
const found = await get(issuer + "/.well-known/openid-configuration");
must(found.issuer === issuer && found.jwks_uri.startsWith(issuer + "/"), "discovery");
const { keys } = await get(found.jwks_uri);
const [h, p, s] = readFileSync("jwt", "utf8").trim().split(".");
const part = t => JSON.parse(Buffer.from(t, "base64url"));
const key = keys.find(k => k.kid === part(h).kid);
must(key && part(h).alg === "ES256", "no such key");
const pub = await crypto.subtle.importKey("jwk", { kty: key.kty, crv: key.crv, x: key.x, y: key.y }, { name: "ECDSA", namedCurve: "P-256" }, false, ["verify"]);
const good = (h, p, s) => crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, pub, Buffer.from(s, "base64url"), Buffer.from(h + "." + p));
must(await good(h, p, s), "the signature is wrong");
must(!await good(h, p.slice(0, -1) + (p.endsWith("A") ? "B" : "A"), s), "a changed token is taken");
const claims = part(p), aud = [].concat(claims.aud);
must(claims.iss === issuer && aud.includes(audience) && claims.exp > Date.now() / 1000 && claims.exp - claims.iat <= 3660, "claims");
console.log(claims.sub, claims.cnf.jkt);
JS
{ echo 'import { webcrypto as crypto } from "node:crypto";' && cat verify.mjs; } >check.mjs
node check.mjs "$HOLDFAST_ISSUER" "$audience" >said
grep -q "^spiffe://dev.localhost/agent/bot " said
refused node check.mjs "$HOLDFAST_ISSUER" https://elsewhere.example.com
holdfast token bot --audience sts.amazonaws.com >jwt
node check.mjs "$HOLDFAST_ISSUER" sts.amazonaws.com >/dev/null
ok "Node verifies a token with the keys that it discovers"

# The token says whose key it belongs to: that of the DPoP proof beside it.
holdfast token bot --dpop GET $audience/ >proof
/usr/bin/python3 - "$(cut -d ' ' -f 2 said)" <<'PY'
import base64, json, sys
from jwcrypto import jwk, jws
proof = open("proof").read().strip()
key = jwk.JWK(**json.loads(base64.urlsafe_b64decode(proof.split(".")[0] + "=="))["jwk"])
s = jws.JWS()
s.deserialize(proof, key)
assert key.thumbprint() == sys.argv[1], (key.thumbprint(), sys.argv[1])
PY
ok "and the key in it is the one of the agent's proof"

from_issuer /spiffe-bundle.json >bundle.json
/usr/bin/python3 - "$credentials/bot/default/cert.pem" <<'PY'
import base64, json, sys
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
bundle = json.load(open("bundle.json"))
assert bundle["spiffe_sequence"] >= 1 and bundle["spiffe_refresh_hint"] > 0, bundle
roots = [x509.load_der_x509_certificate(base64.b64decode(k["x5c"][0])) for k in bundle["keys"] if k["use"] == "x509-svid"]
assert roots and all(len(k["x5c"]) == 1 and "kid" not in k for k in bundle["keys"] if k["use"] == "x509-svid")
assert [k for k in bundle["keys"] if k["use"] == "jwt-svid" and k["kid"]]
leaf = x509.load_pem_x509_certificate(open(sys.argv[1], "rb").read())
root = next(r for r in roots if r.subject == leaf.issuer)
root.public_key().verify(leaf.signature, leaf.tbs_certificate_bytes, ec.ECDSA(leaf.signature_hash_algorithm))
names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.UniformResourceIdentifier)
assert names == ["spiffe://dev.localhost/agent/bot"], names
PY
ok "the SPIFFE bundle verifies an agent's certificate"

holdfast-issuer rotate --conf "$HOLDFAST_ISSUER_CONF" --use jwt --kind RSA-3072 --overlap 0 >rotate.log
reload_issuer
signs_rs256() { from_issuer /.well-known/openid-configuration | grep -q RS256; }
await signs_rs256
holdfast token bot --audience https://rs256.example.com >jwt
from_issuer /jwks.json >jwks.json
/usr/bin/python3 - https://rs256.example.com <<'PY'
import json, sys
from jwcrypto import jwk, jws
keys = jwk.JWKSet.from_json(open("jwks.json").read())
s = jws.JWS()
s.deserialize(open("jwt").read().strip())
assert s.jose_header["alg"] == "RS256", s.jose_header
s.verify(keys.get_key(s.jose_header["kid"]), alg="RS256")
assert json.loads(s.payload)["aud"] in (sys.argv[1], [sys.argv[1]])
PY
ok "who takes RS256 alone is served by a key of RSA"
