#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# docs/howto/vendor-roots.md: certificates of makers are looked at, taken by their fingerprints and by nothing else, and believed by the issuer, whose host
# then has the assurance "hardware". Fetched only when that is asked for.

prepare() {
        cp "${HOLDFAST_ISSUER_PROGRAM:?}" "$T/bin/holdfast-issuer"
        cp "${HOLDFAST_HTTP:?}" "$T/bin/holdfast-http"
        cp "${top_srcdir:?}/issuer/holdfast-vendor-roots" "$T/bin"
}
. "$(dirname "$0")/lib.sh"

# certificate NAME OPTION...: NAME.pem and NAME.key, by itself unless told otherwise.
certificate() { openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.pem" -subj "/O=Maker/CN=$1" "${@:2}" 2>/dev/null; }
sum() { openssl x509 -in "$1" -noout -fingerprint -sha256 | cut -d= -f2; }
plain() { sum "$1" | tr -d : | tr A-F a-f; }

mkdir given trusted
certificate root -days 3650
certificate other -days 3650
certificate leaf -days 10 -addext basicConstraints=critical,CA:FALSE
certificate encrypts -days 10 -addext keyUsage=critical,keyEncipherment
openssl req -x509 -newkey rsa:1024 -nodes -keyout short.key -out short.pem -days 10 -subj /CN=short 2>/dev/null
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout below.key -out below.csr -subj "/O=Maker/CN=below" 2>/dev/null
printf 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n' >ca.ext
openssl x509 -req -in below.csr -CA root.pem -CAkey root.key -days 10 -extfile ca.ext -out below.pem 2>/dev/null
# One that ended in 2015, and one that claims the root's name with a signature by somebody else.
mkdir db && : >db/index && echo 01 >db/serial
printf '[ca]\ndefault_ca=it\n[it]\ndatabase=db/index\nserial=db/serial\nnew_certs_dir=db\ndefault_md=sha256\npolicy=any\nunique_subject=no\n[any]\norganizationName=optional\ncommonName=optional\n' >ca.conf
openssl req -new -key root.key -out ended.csr -subj "/O=Maker/CN=ended" 2>/dev/null
openssl ca -batch -config ca.conf -selfsign -keyfile root.key -in ended.csr -extfile ca.ext -startdate 20100101000000Z -enddate 20150101000000Z -notext -out ended.pem 2>/dev/null
openssl req -new -key other.key -out forged.csr -subj "/O=Maker/CN=root" 2>/dev/null
openssl x509 -req -in forged.csr -CA root.pem -CAkey root.key -days 10 -extfile ca.ext -out forged.pem 2>/dev/null

openssl x509 -in root.pem -outform DER -out given/root.crt
cat other.pem below.pem >given/several.pem
echo readme >given/README
holdfast-vendor-roots check given >shown
for words in "CN=root,O=Maker" "CN=other,O=Maker" "Kind      intermediate, by CN=root,O=Maker" "SHA-256   $(plain root.pem)"; do
        grep -qF "$words" shown || { cat shown; die "not shown: $words"; }
done
[ "$(grep -c 'Good ' shown)" = 3 ]
refuses() {
        refused holdfast-vendor-roots check "$1"
        grep -q "REFUSED .*$2" refused.out || { cat refused.out; die "$1: not because of $2"; }
        refused holdfast-vendor-roots add --to trusted --fingerprint "$(sum "$1")" "$1"
}
refuses leaf.pem "no CA's"
refuses encrypts.pem "key usage"
refuses short.pem "1024 bits"
refuses ended.pem "has ended"
refuses forged.pem "not signed itself"
head -c 300 given/root.crt >cut.crt
{ cat root.pem && echo '-----BEGIN CERTIFICATE-----'; } >cut.pem
for file in cut.crt cut.pem given/README; do
        refused holdfast-vendor-roots check "$file"
        grep -q "REFUSED .*neither" refused.out
done
[ -z "$(ls -A trusted)" ]
ok "what is no certificate of a CA, good today, is refused"

refused holdfast-vendor-roots add --to trusted given
grep -q "nothing is trusted without its fingerprint" refused.out
refused holdfast-vendor-roots add --to trusted --fingerprint "$(openssl x509 -in root.pem -noout -fingerprint -sha1 | cut -d= -f2)" given
refused holdfast-vendor-roots add --to nowhere --fingerprint "$(sum root.pem)" given
refused holdfast-vendor-roots add --to trusted --fingerprint "$(sum leaf.pem)" given
grep -q "no certificate has the fingerprint" refused.out
[ -z "$(ls -A trusted)" ]
{ echo "# from the maker's page" && echo "$(sum root.pem)   # its root"; } >accepted
holdfast-vendor-roots add --to trusted --fingerprints accepted given >added
[ "$(ls -A trusted)" = "$(plain root.pem).pem" ]
[ "$(grep -c 'Left out' added)" = 2 ]
cmp <(openssl x509 -in root.pem) <(openssl x509 -in "trusted/$(plain root.pem).pem")
shows "There " holdfast-vendor-roots add --to trusted --fingerprints accepted given
# At a terminal each is asked for.
printf '\n%s\n\n' "$(sum below.pem)" >answers
python3 - <<'PY'
import os, pty, re
answers = {"CN=root,": b"\n", "CN=other,": b"\n", "CN=below,": open("answers", "rb").read().split(b"\n")[1] + b"\n"}
pid, fd = pty.fork()
if pid == 0:
    os.execvp("holdfast-vendor-roots", ["holdfast-vendor-roots", "add", "--to", "trusted", "given"])
seen = ""
while True:
    try:
        part = os.read(fd, 4096).decode()
    except OSError:
        break
    if not part:
        break
    seen += part
    if "leave it out: " in seen:
        os.write(fd, answers[re.findall(r"CN=\w+,(?=O=Maker\r\n    File)", seen)[-1]])
        seen = ""
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
PY
[ -e "trusted/$(plain below.pem).pem" ] && [ "$(find trusted -type f | wc -l)" = 2 ]
ok "a certificate is taken by its SHA-256, and none without"

shows "https://pki.infineon.com/" holdfast-vendor-roots makers infineon
for maker in infineon st nuvoton amd intel microsoft google azure; do holdfast-vendor-roots makers | grep -qx $maker; done
refused holdfast-vendor-roots makers nobody
refused holdfast-vendor-roots fetch microsoft --into got
certificate localhost -days 2 -addext subjectAltName=DNS:localhost
cat >server.py <<'PY'
import http.server, os, ssl, threading
serve = lambda: http.server.HTTPServer(("127.0.0.1", 0), lambda *a: http.server.SimpleHTTPRequestHandler(*a, directory="given"))
s, plain = serve(), serve()
threading.Thread(target=plain.serve_forever, daemon=True).start()
c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
c.load_cert_chain("localhost.pem", "localhost.key")
s.socket = c.wrap_socket(s.socket, server_side=True)
open("ports.new", "w").write(f"{s.server_port} {plain.server_port}\n")
os.rename("ports.new", "ports")
s.serve_forever()
PY
background mirror python3 server.py
await test -s ports
read -r tls plain <ports
printf '%s\n' "# ours" "mine https://localhost:$tls/root.crt" "mine https://localhost:$tls/gone.crt" "plain http://localhost:$plain/root.crt" >mirror
curl -sSf "http://localhost:$plain/root.crt" | cmp - given/root.crt
refused holdfast-vendor-roots fetch mine --into got --sources mirror # nobody knows the server
CURL_CA_BUNDLE=localhost.pem holdfast-vendor-roots fetch mine --into got --sources mirror >fetched
grep -q MISSING fetched && cmp got/mine-root.crt given/root.crt && [ "$(find got -type f | wc -l)" = 1 ]
CURL_CA_BUNDLE=localhost.pem refused holdfast-vendor-roots fetch plain --into got --sources mirror
ok "what is asked for is fetched, by HTTPS, and not trusted thereby"

# The issuer believes what was added: a TPM that "root" has certified is real, as far as it can tell. Without it, that was nobody's word.
mkdir made && cp root.key made/signkey.pem && cp root.pem made/issuercert.pem
printf '%s\n' "statedir = $PWD/made" "signingkey = $PWD/made/signkey.pem" "issuercert = $PWD/made/issuercert.pem" "certserial = $PWD/made/certserial" >localca.conf
: >localca.options
printf 'create_certs_tool = %s\ncreate_certs_tool_config = %s\ncreate_certs_tool_options = %s\n' "$(command -v swtpm_localca)" "$PWD/localca.conf" "$PWD/localca.options" >setup.conf
mkdir tpmstate
swtpm_setup --tpm2 --tpmstate tpmstate --config setup.conf --create-ek-cert --ecc --lock-nvram >setup.log 2>&1
start_tpm
export HOLDFAST_HTTP=$T/bin/holdfast-http HOLDFAST_ISSUER_CONF=$T/run/issuer.conf
port=$(free_port)
mkdir believed
holdfast-issuer init --trust-domain example.org --url "https://localhost:$port" --directory "$T/run/issuer" --listen "127.0.0.1:$port" --domain example.org --ek-roots "$T/run/believed" >init-issuer.log
background issuer holdfast-issuer serve
issuer_pid=${pids[-1]}
await grep -qx 'holdfast-issuer: ready' issuer.log
start_daemon "HOLDFAST_DEFAULT_RULE=allow user=$(id -u)"
export HOLDFAST_SOCKET=$SOCKET
join() { holdfast join "https://localhost:$port" --ca issuer/log-keys.pem --host web.example.org "$@"; }
holdfast-issuer token create --host web.example.org | tail -n 1 >join.token
join --token-file join.token >join.log 2>&1
shows unattested holdfast-issuer host list
holdfast-vendor-roots add --to believed --fingerprints accepted given >added
kill -HUP "$issuer_pid"
await grep -q 'read anew' issuer.log
join >join.log 2>&1
shows hardware holdfast-issuer host list
ok "the issuer believes an endorsement certificate by what was added, after a reload, and none before"
