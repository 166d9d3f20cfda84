#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# JWT-SVIDs, the JWK set and the SPIFFE bundle before Python's jwcrypto and cryptography.

. "$(dirname "$0")/issuer_lib.sh"
. "$(dirname "$0")/lib.sh"
python3 -c 'import jwcrypto, cryptography' 2>/dev/null || {
        echo "SKIP: no jwcrypto (on Debian: apt-get install python3-jwcrypto)"
        exit 77
}
agent_key p256 "${p256[@]}"
agent_key rsa "${rsa[@]}"

cat >judge.py <<'PY'
import base64, json, sys, time
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from jwcrypto import jwk, jwt, jws

alg, agent, spiffe_id, audience = sys.argv[1:5]
confirmed = sys.argv[5:] == ["confirmed"]
token = open("token.jwt").read()
keys = jwk.JWKSet.from_json(open("jwks.json").read())
must = {"iss": "https://issuer.example.org", "sub": spiffe_id, "aud": audience, "exp": None}

def judge(text, algs=(alg,), claims=must, keys=keys):
    t = jwt.JWT(algs=list(algs), check_claims=claims)
    t.leeway = 0
    t.deserialize(text, keys)
    return json.loads(t.header), json.loads(t.claims)

def refuses(what, *args, **kw):
    try:
        judge(*args, **kw)
    except Exception:
        return
    sys.exit("accepted: " + what)

header, claims = judge(token)
assert header == {"alg": alg, "typ": "JWT", "kid": header["kid"]}, header
key = keys.get_key(header["kid"])
assert key.thumbprint() == header["kid"] and key.export_public(as_dict=True)["alg"] == alg
assert set(claims) == {"iss", "sub", "aud", "exp", "iat", "jti"} | ({"cnf"} if confirmed else set()), claims
assert isinstance(claims["aud"], str) and isinstance(claims["exp"], int) and claims["exp"] - claims["iat"] == 3600
assert abs(claims["iat"] - time.time()) < 60 and claims["jti"] == open("serial").read()
if confirmed:
    assert claims["cnf"] == {"jkt": jwk.JWK.from_pem(open(agent, "rb").read()).thumbprint()}

h, c, s = token.split(".")
def b64(o): return base64.urlsafe_b64encode(json.dumps(o).encode()).rstrip(b"=").decode()
other = "RS256" if alg != "RS256" else "ES256"
refuses("another audience", token, claims=dict(must, aud="https://evil.example.org"))
refuses("another subject", token, claims=dict(must, sub=spiffe_id + "x"))
refuses("an algorithm that is not the key's", token, algs=[other])
refuses("other claims", ".".join([h, b64(dict(claims, sub="spiffe://example.org/admin")), s]))
refuses("no algorithm", ".".join([b64({"alg": "none"}), c, ""]), algs=["none", alg])
refuses("the public key as a secret", ".".join([b64({"alg": "HS256", "typ": "JWT"}), c, s]), algs=["HS256", alg])
for i in range(0, len(s), 7):
    refuses("another signature", ".".join([h, c, s[:i] + ("A" if s[i] != "A" else "B") + s[i + 1:]]))
raw = jws.base64url_decode(s)
assert len(raw) == {"ES256": 64, "ES384": 96, "RS256": 256}[alg]
refuses("zeros for a signature", ".".join([h, c, base64.urlsafe_b64encode(bytes(len(raw))).rstrip(b"=").decode()]))

bundle = json.load(open("bundle.json"))
certs = [k for k in bundle["keys"] if k["use"] == "x509-svid"]
tokens = [k for k in bundle["keys"] if k["use"] == "jwt-svid"]
assert len(certs) == 1 and len(tokens) == 1 and bundle["spiffe_sequence"] == 1 and bundle["spiffe_refresh_hint"] == 300
ca = x509.load_der_x509_certificate(base64.b64decode(certs[0]["x5c"][0]))
public = {k: v for k, v in certs[0].items() if k in ("kty", "crv", "x", "y", "n", "e")}
assert jwk.JWK(**public).export_to_pem() == ca.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
assert ca.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.UniformResourceIdentifier) == ["spiffe://example.org"]
judge(token, keys=jwk.JWKSet.from_json(json.dumps({"keys": [{k: v for k, v in t.items() if k != "use"} for t in tokens]})))
leaf = x509.load_pem_x509_certificate(open("leaf.pem", "rb").read())
assert leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.UniformResourceIdentifier) == [spiffe_id]
assert leaf.serial_number == int(claims["jti"], 16)
PY

id=spiffe://example.org/agent/build-42 aud=https://api.example.org/v1
for row in "P-256 ES256" "P-384 ES384" "RSA-2048 RS256"; do
        read -r kind alg <<<"$row"
        fresh_ca "$kind"
        for agent in p256 rsa; do
                mint ca=ca.key key=$agent.pub.pem aud=$aud
                python3 judge.py "$alg" $agent.pub.pem $id $aud
                mint ca=ca.key key=$agent.pub.pem aud=$aud allows=4
                python3 judge.py "$alg" $agent.pub.pem $id $aud confirmed
        done
        ok "$alg: jwcrypto verifies the token by the JWK set and by the bundle, and nothing that was made of it"
done

mint ca=ca.key key=p256.pub.pem aud=$aud life=1
expired() { ! python3 judge.py RS256 p256.pub.pem $id $aud 2>expired.out && grep -qi 'expired' expired.out; }
await expired
ok "and one that has ended no more"

refused mint ca=ca.key key=p256.pub.pem aud='https://a"b'
ok "an audience that would be other JSON is refused"
