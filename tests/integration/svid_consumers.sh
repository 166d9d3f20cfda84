#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Who is given nothing but what the issuer publishes, and an agent's real credentials: openssl verify with purposes, names and the CA's name constraints; curl
# and nginx under the same constraints; Node's jose and its TLS; a reader of the SPIFFE bundle, written from the standard. What the issuer's own keys sign
# for another trust domain or domain, as after a theft of them, is believed by none of them.

. "$(dirname "$0")/enrolled_lib.sh"
export NODE_PATH=/usr/share/nodejs
node -e 'require("jose")' 2>/dev/null || {
        echo "SKIP: no jose for Node (on Debian: apt-get install node-jose)"
        exit 77
}
audience=https://api.dev.localhost
profile services "agent = svc" "credentials = x509 jwt" "dns = {agent}.dev.localhost" "audiences = $audience"
reload_issuer
enrol svc
leaf=$credentials/svc/default/cert.pem
from_issuer /ca.pem >ca.pem
from_issuer /spiffe-bundle.json >bundle.json
from_issuer /jwks.json >jwks.json
holdfast token svc --audience $audience >jwt
ca_key=$(find "$HOLDFAST_DEV" -path '*keys/x509-*.pem')
jwt_key=$(find "$HOLDFAST_DEV" -path '*keys/jwt-*.pem')

# stolen NAME SAN [LINE...]: NAME.pem and NAME.key, by the issuer's own key. LINE: extensions in place of a leaf's.
stolen() {
        local usual=("basicConstraints=critical,CA:FALSE" "keyUsage=critical,digitalSignature")

        [ $# -lt 3 ] || usual=("${@:3}")
        printf '%s\n' "subjectAltName=$2" extendedKeyUsage=clientAuth,serverAuth authorityKeyIdentifier=keyid subjectKeyIdentifier=hash "${usual[@]}" >"$1.ext"
        openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -subj "/CN=$1" -out "$1.csr" 2>/dev/null
        openssl x509 -req -in "$1.csr" -CA "${by:-ca.pem}" -CAkey "${by_key:-$ca_key}" -days 1 -extfile "$1.ext" -out "$1.pem" 2>/dev/null
}
ours=URI:spiffe://dev.localhost/agent/svc
stolen good "$ours,DNS:good.dev.localhost"
stolen realm URI:spiffe://example.com/agent/svc
stolen domain "$ours,DNS:www.example.com"
stolen suffix "$ours,DNS:www.notlocalhost"
stolen below "$ours" "basicConstraints=critical,CA:TRUE" "keyUsage=critical,keyCertSign,digitalSignature"
by=below.pem by_key=below.key stolen under "$ours"

# --- openssl verify ---

verify() { openssl verify -x509_strict -check_ss_sig -no-CApath -no-CAstore -CAfile ca.pem "$@"; }
shows "ca.pem: OK" verify ca.pem
for purpose in sslclient sslserver; do shows "$leaf: OK" verify -purpose $purpose "$leaf"; done
for purpose in smimesign smimeencrypt crlsign timestampsign; do refused verify -purpose $purpose "$leaf"; done
shows OK verify -purpose sslserver -verify_hostname svc.dev.localhost "$leaf"
refused verify -purpose sslserver -verify_hostname dev.localhost "$leaf"
refused openssl verify -no-CApath -no-CAstore "$leaf"
shows OK verify -purpose sslserver -verify_hostname good.dev.localhost good.pem
for name in realm domain suffix; do
        refused verify $name.pem
        grep -q "permitted subtree violation" refused.out || { cat refused.out; die "$name is refused for something else"; }
done
refused verify -untrusted below.pem under.pem
grep -q "path length constraint exceeded" refused.out
ok "openssl verify: for clients and servers, within the trust domain and the domains, and no CA below"

# --- curl and nginx ---

mkdir -p nginx
cat >nginx.conf <<CONF
daemon off; pid nginx.pid; error_log $PWD/nginx.log;
events { }
http {
        access_log off;
        client_body_temp_path tmp; proxy_temp_path tmp; fastcgi_temp_path tmp; uwsgi_temp_path tmp; scgi_temp_path tmp;
        server {
                listen unix:$PWD/good.sock ssl;
                ssl_certificate $PWD/good.pem;
                ssl_certificate_key $PWD/good.key;
                ssl_client_certificate $PWD/ca.pem;
                ssl_verify_client on;
                location / { return 200 "hello \$ssl_client_verify\n"; }
        }
        server {
                listen unix:$PWD/domain.sock ssl;
                ssl_certificate $PWD/domain.pem;
                ssl_certificate_key $PWD/domain.key;
                location / { return 200 "hello\n"; }
        }
}
CONF
background nginx nginx -p "$PWD/nginx" -e "$PWD/nginx.log" -c "$PWD/nginx.conf"
await test -S domain.sock
as() { curl -sS --cacert ca.pem --unix-socket good.sock --cert "$1.pem" --key "$1.key" "https://${2:-good.dev.localhost}/"; }
shows "hello SUCCESS" holdfast curl svc -- -sS --unix-socket good.sock https://good.dev.localhost/
shows "hello SUCCESS" as good
for name in realm domain suffix; do shows "400 The SSL certificate error" as $name; done
refused as good other.dev.localhost
shows hello curl -sSk --unix-socket domain.sock https://www.example.com/
refused curl -sS --cacert ca.pem --unix-socket domain.sock https://www.example.com/
grep -q "permitted subtree violation" refused.out
ok "curl and nginx keep to the CA's name constraints"

# --- Node ---

cat >consumer.js <<'JS'
const jose = require("jose"), tls = require("node:tls"), { X509Certificate } = require("node:crypto"), { readFileSync } = require("node:fs");
const [audience, issuer, leafFile] = process.argv.slice(2);
const must = (what, text) => { if (!what) throw new Error(text); };
const refuses = async (what, code, f) => {
        try { await f(); } catch (e) { must(e.code === code, `${what}: ${e.code}: ${e.message}`); return; }
        throw new Error("accepted: " + what);
};

async function tokens() {
        const token = readFileSync("jwt", "utf8").trim(), sets = ["jwks.json", "bundle.json"].map(f => JSON.parse(readFileSync(f)));
        const must_be = { issuer, audience, subject: "spiffe://dev.localhost/agent/svc", algorithms: ["ES256"], maxTokenAge: "2h", typ: "JWT" };
        const keys = jose.createLocalJWKSet(sets[0]), verify = (t, o = {}) => jose.jwtVerify(t, keys, { ...must_be, ...o });
        const { payload, protectedHeader } = await verify(token);
        must(payload.jti && payload.exp > payload.iat && protectedHeader.kid, "claims");
        const key = sets[0].keys.find(k => k.kid === protectedHeader.kid);
        must(await jose.calculateJwkThumbprint(key) === key.kid, "kid is not the key's thumbprint");
        /* In a bundle the keys' use is SPIFFE's, not JOSE's. */
        const bundled = sets[1].keys.find(k => k.use === "jwt-svid" && k.kid === protectedHeader.kid);
        await jose.jwtVerify(token, await jose.importJWK({ ...bundled, use: undefined }, "ES256"), must_be);

        const [h, p, s] = token.split("."), of = o => Buffer.from(JSON.stringify(o)).toString("base64url");
        const claim = "ERR_JWT_CLAIM_VALIDATION_FAILED", wrong = "ERR_JWS_SIGNATURE_VERIFICATION_FAILED";
        await refuses("another audience", claim, () => verify(token, { audience: "https://elsewhere.example.com" }));
        await refuses("another issuer", claim, () => verify(token, { issuer: "https://elsewhere.example.com" }));
        await refuses("another subject", claim, () => verify(token, { subject: must_be.subject + "2" }));
        await refuses("after its end", "ERR_JWT_EXPIRED", () => verify(token, { currentDate: new Date((payload.exp + 1) * 1000) }));
        await refuses("another algorithm", "ERR_JOSE_ALG_NOT_ALLOWED", () => verify(token, { algorithms: ["RS256"] }));
        await refuses("other claims", wrong, () => verify([h, of({ ...payload, sub: "spiffe://dev.localhost/admin" }), s].join("."), { subject: undefined }));
        await refuses("no signature", "ERR_JOSE_ALG_NOT_ALLOWED", () => verify([of({ alg: "none" }), p, ""].join(".")));
        await refuses("the public key as a secret", "ERR_JOSE_ALG_NOT_ALLOWED", () => verify([of({ ...protectedHeader, alg: "HS256" }), p, s].join(".")));
        await refuses("a key of nobody", "ERR_JWKS_NO_MATCHING_KEY", () => verify([of({ ...protectedHeader, kid: "x" }), p, s].join(".")));
}

async function certificates() {
        const ca = new X509Certificate(readFileSync("ca.pem")), leaf = new X509Certificate(readFileSync(leafFile));
        must(leaf.checkIssued(ca) && leaf.verify(ca.publicKey) && !leaf.ca && ca.ca, "the certificate is not the CA's");
        must(leaf.subjectAltName.includes("URI:spiffe://dev.localhost/agent/svc") && leaf.checkHost("svc.dev.localhost") && !leaf.checkHost("dev.localhost"), "names");
        const file = f => readFileSync(f), pair = n => ({ ca: file("ca.pem"), cert: file(n + ".pem"), key: file(n + ".key") });
        const server = tls.createServer({ ...pair("good"), requestCert: true, rejectUnauthorized: true }, c => c.end(c.getPeerCertificate().subject.CN));
        await new Promise(done => server.listen(0, "127.0.0.1", done));
        const as = (name, servername = "good.dev.localhost") => new Promise((done, fail) => {
                let said = "";
                const c = tls.connect({ ...pair(name), host: "127.0.0.1", port: server.address().port, servername });
                c.on("data", d => said += d).on("end", () => said ? done(said) : fail(Object.assign(new Error("ended"), { code: "ENDED" }))).on("error", fail);
        });
        must(await as("good") === "good", "TLS");
        for (const name of ["realm", "domain", "suffix"]) {
                let refused = false;
                try { await as(name); } catch { refused = true; }
                must(refused, "accepted at TLS: " + name);
        }
        await refuses("another host", "ERR_TLS_CERT_ALTNAME_INVALID", () => as("good", "other.dev.localhost"));
        server.close();
}

tokens().then(certificates).catch(e => { console.error(e); process.exit(1); });
JS
node consumer.js $audience "$HOLDFAST_ISSUER" "$leaf"
ok "Node: jose believes the token by the JWK set and by the bundle, and nothing made of it; its TLS believes the certificates"

# --- A SPIFFE bundle consumer ---

# Another trust domain's names by this one's keys, and this one's names by other keys.
/usr/bin/python3 - "$jwt_key" <<'PY'
import json, sys, time
from jwcrypto import jwk, jwt
def token(name, key, kid, header={}, **claims):
    t = jwt.JWT(header=dict({"alg": "ES256", "typ": "JWT", "kid": kid}, **header), claims=dict({"sub": "spiffe://dev.localhost/agent/svc", "aud": "https://api.dev.localhost", "exp": int(time.time()) + 60}, **claims))
    t.make_signed_token(key)
    open(name + ".jwt", "w").write(t.serialize())
key = jwk.JWK.from_pem(open(sys.argv[1], "rb").read())
other = jwk.JWK.generate(kty="EC", crv="P-256")
kid = key.thumbprint()
token("good", key, kid)
token("realm", key, kid, sub="spiffe://example.com/agent/svc")
token("nobody", key, kid, sub="agent/svc")
token("ended", key, kid, exp=int(time.time()) - 120)
token("elsewhere", key, kid, aud="https://elsewhere.example.com")
token("other", other, kid)
token("stranger", other, other.thumbprint())
token("typ", key, kid, header={"typ": "at+jwt"})
PY
cat >spiffe.py <<'PY'
# Believes what SPIFFE's documents say of bundles, X.509-SVIDs and JWT-SVIDs, and has no other trust than the bundle.
import base64, datetime, json, re
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding
from jwcrypto import jwk, jws

class Refused(Exception): pass
def need(what, why):
    if not what: raise Refused(why)

class Bundle:
    def __init__(self, domain, text):
        d = json.loads(text)
        need(isinstance(d.get("keys"), list), "a bundle has keys")
        self.domain, self.authorities, self.keys = domain, [], {}
        self.sequence, self.hint = d.get("spiffe_sequence"), d.get("spiffe_refresh_hint")
        need(self.sequence is None or type(self.sequence) is int and self.sequence >= 0, "the sequence is a number")
        need(self.hint is None or type(self.hint) is int and self.hint > 0, "the hint is a number")
        for k in d["keys"]:
            need("kty" in k and not set(k) & {"d", "p", "q", "k"}, "a key, and a public one")
            if k.get("use") == "x509-svid":
                need(len(k.get("x5c", [])) == 1, "an X.509 authority is one certificate")
                c = x509.load_der_x509_certificate(base64.b64decode(k["x5c"][0], validate=True))
                need(jwk.JWK.from_pyca(c.public_key()).thumbprint() == jwk.JWK(**{p: k[p] for p in k if p not in ("use", "x5c", "kid")}).thumbprint(), "the parameters are the certificate's")
                need(c.extensions.get_extension_for_class(x509.BasicConstraints).value.ca, "an authority is a CA")
                usage = c.extensions.get_extension_for_class(x509.KeyUsage)
                need(usage.critical and usage.value.key_cert_sign, "and signs certificates")
                need(uris(c) == ["spiffe://" + domain], "its ID is the trust domain's")
                self.authorities.append(c)
            elif k.get("use") == "jwt-svid":
                need(k.get("kid") and k["kid"] not in self.keys, "a JWT authority has a key ID")
                self.keys[k["kid"]] = jwk.JWK(**{p: k[p] for p in k if p != "use"})
            # Others are ignored.

    def id(self, text):
        need(re.fullmatch(r"spiffe://[a-z0-9._-]{1,255}(/[A-Za-z0-9._-]+)+", text) and len(text) <= 2048, "not a SPIFFE ID: " + text)
        domain, *path = text[len("spiffe://"):].split("/")
        need(not {".", ".."} & set(path), "a path goes on only")
        need(domain == self.domain, "another trust domain: " + text)
        return text

    def certificate(self, pem, now=None):
        now = now or datetime.datetime.utcnow()
        c = x509.load_pem_x509_certificate(pem)
        need(any(signed(c, a, now) for a in self.authorities), "not by an authority of the trust domain")
        need(c.not_valid_before <= now <= c.not_valid_after, "not now")
        need(not c.extensions.get_extension_for_class(x509.BasicConstraints).value.ca, "a leaf is no CA")
        usage = c.extensions.get_extension_for_class(x509.KeyUsage)
        need(usage.critical and usage.value.digital_signature and not usage.value.key_cert_sign and not usage.value.crl_sign, "a leaf's key usage")
        need(len(uris(c)) == 1, "one URI")
        return self.id(uris(c)[0])

    def token(self, text, audience, now=None):
        now = (now or datetime.datetime.utcnow()).replace(tzinfo=datetime.timezone.utc).timestamp()
        need(text.count(".") == 2, "compact")
        header = json.loads(jws.base64url_decode(text.split(".")[0]))
        need(header.get("alg") in ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512"), "an algorithm of the standard")
        need(header.get("typ", "JWT") in ("JWT", "JOSE"), "typ")
        need(header.get("kid") in self.keys, "no such key")
        t = jws.JWS()
        t.allowed_algs = [header["alg"]]
        try:
            t.deserialize(text, self.keys[header["kid"]])
        except jws.InvalidJWSSignature:
            raise Refused("the signature")
        claims = json.loads(t.payload)
        need(audience in ([claims["aud"]] if isinstance(claims["aud"], str) else claims["aud"]), "another audience")
        need(claims["exp"] > now, "it has ended")
        return self.id(claims["sub"])

def uris(c):
    try:
        return c.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.UniformResourceIdentifier)
    except x509.ExtensionNotFound:
        return []

def signed(c, a, now):
    if c.issuer != a.subject or not a.not_valid_before <= now <= a.not_valid_after: return False
    kind = (ec.ECDSA(c.signature_hash_algorithm),) if isinstance(a.public_key(), ec.EllipticCurvePublicKey) else (padding.PKCS1v15(), c.signature_hash_algorithm)
    try:
        a.public_key().verify(c.signature, c.tbs_certificate_bytes, *kind)
        return True
    except Exception:
        return False

def refuses(what, f):
    try:
        f()
    except Refused:
        return
    raise SystemExit("accepted: " + what)
PY
cat >consumer.py <<'PY'
import datetime, sys
from spiffe import *
leaf, audience, bundle_file = sys.argv[1:4]
read = lambda f: open(f, "rb").read()
b = Bundle("dev.localhost", read(bundle_file))
assert b.authorities and b.keys and b.sequence >= 1 and b.hint > 0
svid, token = read(leaf), read("jwt").decode().strip()
assert b.certificate(svid) == b.token(token, audience) == "spiffe://dev.localhost/agent/svc"
assert b.certificate(read("good.pem")) == b.token(read("good.jwt").decode(), audience)
later = datetime.datetime.utcnow() + datetime.timedelta(days=2)
refuses("a certificate that has ended", lambda: b.certificate(svid, later))
refuses("a token that has ended", lambda: b.token(token, audience, later))
for name in "realm", "below", "under": refuses(name + ".pem", lambda: b.certificate(read(name + ".pem")))
for name in "realm", "nobody", "ended", "elsewhere", "other", "stranger", "typ": refuses(name + ".jwt", lambda: b.token(read(name + ".jwt").decode(), audience))
refuses("an authority itself", lambda: b.certificate(read("ca.pem")))
refuses("another trust domain's bundle", lambda: Bundle("example.com", read(bundle_file)))
nothing = Bundle("dev.localhost", '{"keys": []}')
refuses("a certificate without an authority", lambda: nothing.certificate(svid))
refuses("a token without a key", lambda: nothing.token(token, audience))
print(b.sequence, len(b.authorities), len(b.keys))
PY
read -r sequence authorities keys < <(/usr/bin/python3 consumer.py "$leaf" $audience bundle.json)
[ "$authorities" = 1 ] && [ "$keys" = 1 ]
ok "a SPIFFE bundle's reader believes the agent's certificate and token by the bundle alone, and nobody else's"

# A new CA and a new token key are in the bundle beside the old ones, under a higher number; what either signed is believed.
for use in x509 jwt; do holdfast-issuer rotate --use $use --overlap 1h --conf "$HOLDFAST_ISSUER_CONF" >>rotate.log; done
cp "$leaf" old.pem
grown() { from_issuer /spiffe-bundle.json >next.json && grep -q "x509-svid.*x509-svid" <(tr -d '\n' <next.json) && grep -q "jwt-svid.*jwt-svid" <(tr -d '\n' <next.json); }
await grown
read -r next authorities keys < <(/usr/bin/python3 consumer.py old.pem $audience next.json)
[ "$next" -gt "$sequence" ] && [ "$authorities" = 2 ] && [ "$keys" = 2 ]
holdfast enroll svc >>agents.log 2>&1
/usr/bin/python3 consumer.py "$leaf" $audience next.json >/dev/null
log_holds
ok "and goes on with the next bundle when the issuer's keys follow each other"
