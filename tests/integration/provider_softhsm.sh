#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The provider with a PKCS#11 module that is not ours, and that has no public half in its EC private keys: SoftHSM. PINs in every way.

. "$(dirname "$0")/lib.sh"
softhsm=/usr/lib/softhsm/libsofthsm2.so
mkdir tokens
echo "directories.tokendir = $PWD/tokens" >softhsm.conf
export SOFTHSM2_CONF=$PWD/softhsm.conf
softhsm2-util --init-token --free --label soft --pin 1234 --so-pin 5678 >softhsm.log
for key in 01:ec:EC:prime256v1 02:rsa:rsa:2048; do
        IFS=: read -r id name kind <<<"$key"
        pkcs11-tool --module $softhsm --login --pin 1234 --keypairgen --key-type "$kind" --label "$name" --id "$id" >>softhsm.log 2>&1
done
echo 1234 >pin

# conf [LINE]: the provider with that module, and nothing of the machine's.
conf() {
        printf '%s\n' 'openssl_conf = init' '[init]' 'providers = providers' '[providers]' 'default = software' 'holdfast = hardware' \
                '[software]' 'activate = 1' '[hardware]' "module = $PROVIDER" "pkcs11-module-path = $softhsm" "$@" 'activate = 1' \
                '[req]' 'distinguished_name = name' '[name]' >openssl.cnf
        export OPENSSL_CONF=$PWD/openssl.cnf
}

conf
date >data
for name in ec rsa; do
        key="pkcs11:token=soft;object=$name?pin-source=file:$PWD/pin"
        openssl pkey -in "$key" -pubout -out $name.pub
        openssl dgst -sha256 -sign "$key" -out sig data
        openssl dgst -sha256 -verify $name.pub -signature sig data >/dev/null
        openssl req -new -x509 -key "$key" -subj "/CN=$name" -days 1 -out $name.pem
        openssl verify -CAfile $name.pem $name.pem >/dev/null
        ok "$name: signs"
done
openssl dgst -sha256 -sign "$key" -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32 -out sig data
openssl dgst -sha256 -verify rsa.pub -sigopt rsa_padding_mode:pss -signature sig data >/dev/null
ok "RSA-PSS"
openssl pkeyutl -encrypt -pubin -inkey rsa.pub -pkeyopt rsa_padding_mode:oaep -in data -out data.enc
openssl pkeyutl -decrypt -inkey "$key" -pkeyopt rsa_padding_mode:oaep -in data.enc | cmp - data
ok "RSA-OAEP"

shows "Total found: 4" openssl storeutl -noout "pkcs11:token=soft?pin-value=1234"
shows "Total found: 2" openssl storeutl -noout "pkcs11:token=soft;type=public"
ok "a URI may name many"

openssl pkey -in "pkcs11:token=soft;object=ec;type=private" -passin pass:1234 -noout
refused openssl pkey -in "pkcs11:token=soft;object=ec;type=private?pin-value=9999" -noout
grep -q "CKR_PIN_INCORRECT" refused.out
refused openssl pkey -in "pkcs11:token=soft;object=ec;type=private?pin-source=$PWD/nothing" -noout
grep -q "cannot read the PIN" refused.out
ok "the PIN by URI, by file and by password prompt; a wrong one is told"

# Written down without its PIN, and asked for it: once, and not again when it was wrong.
openssl pkey -in "pkcs11:token=soft;object=ec;type=private?pin-value=1234" -out ec.key.pem
openssl pkey -in "pkcs11:token=soft;object=ec;type=private?pin-source=$PWD/pin" -out source.key.pem
openssl dgst -sha256 -sign ec.key.pem -passin pass:1234 -out sig data
openssl dgst -sha256 -verify ec.pub -signature sig data >/dev/null
refused openssl dgst -sha256 -sign ec.key.pem -passin pass:9999 data
grep -q "CKR_PIN_INCORRECT" refused.out
openssl dgst -sha256 -sign source.key.pem -out sig data
openssl dgst -sha256 -verify ec.pub -signature sig data >/dev/null
printf '1234\nof the token soft\n' >pin.commented
openssl pkey -in "pkcs11:token=soft;object=ec;type=private?pin-source=$PWD/pin.commented" -noout
: >pin.empty
refused openssl pkey -in "pkcs11:token=soft;object=ec;type=private?pin-source=$PWD/pin.empty" -noout
grep -q "no PIN in the first line" refused.out
cat >ask.py <<'PY'
import ssl, sys

asked = []
def ask():
    asked.append(1)
    return sys.argv[1]

ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain("ec.pem", "ec.key.pem", ask)
assert asked == [1], asked
PY
python3 ask.py 1234
refused python3 ask.py 9999
ok "a reference asks the program for its PIN, or has pin-source"

pkcs11-tool --module $softhsm --login --pin 1234 --keypairgen --key-type EC:prime256v1 --label always --id 03 --always-auth >>softhsm.log 2>&1
openssl pkey -in "pkcs11:token=soft;object=always" -pubin -out always.pub
for _ in 1 2; do
        openssl dgst -sha256 -sign "pkcs11:token=soft;object=always;type=private?pin-source=$PWD/pin" -out sig data
        openssl dgst -sha256 -verify always.pub -signature sig data >/dev/null
done
cat >always.py <<'PY'
import socket, ssl, threading

def context(side, *names):
    c = ssl.SSLContext(side)
    c.load_cert_chain(*names)
    c.check_hostname = False
    c.verify_mode = ssl.CERT_NONE
    return c

server = context(ssl.PROTOCOL_TLS_SERVER, "always.pem", "always.key.pem")
for _ in range(5):
    a, b = socket.socketpair()
    t = threading.Thread(target=lambda: server.wrap_socket(b, server_side=True).sendall(b"x"))
    t.start()
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.load_verify_locations("always.pem")
    c.check_hostname = False
    with c.wrap_socket(a) as s:
        assert s.recv(1) == b"x"
    t.join()
PY
openssl pkey -in "pkcs11:token=soft;object=always;type=private?pin-source=$PWD/pin" -out always.key.pem
openssl req -new -x509 -key always.key.pem -subj /CN=always -days 1 -out always.pem
python3 always.py
ok "a key that wants the PIN for each signature gets it"

# A certificate of another key below the same ID tells no public half.
pkcs11-tool --module $softhsm --login --pin 1234 --delete-object --type pubkey --id 03 >>softhsm.log 2>&1
openssl x509 -in rsa.pem -outform DER -out rsa.der
pkcs11-tool --module $softhsm --login --pin 1234 --write-object rsa.der --type cert --label other --id 03 >>softhsm.log 2>&1
refused openssl pkey -in "pkcs11:token=soft;object=always;type=private?pin-value=1234" -noout
grep -q "public half" refused.out
ok "a public half is taken from what belongs to the key"

# A PIN is one token's: with two that want one it is tried on neither.
softhsm2-util --init-token --free --label other --pin 8888 --so-pin 5678 >>softhsm.log
shows "Total found" openssl storeutl -noout "pkcs11:?pin-value=8888"
refused openssl pkey -in "pkcs11:object=ec;type=private?pin-value=1234" -noout
grep -q "token=NAME" refused.out
pkcs11-tool --module $softhsm --list-token-slots >slots.out 2>&1
refused grep -q "count low" slots.out
refused openssl pkey -in "pkcs11:token=other;type=private?pin-value=1234" -noout
pkcs11-tool --module $softhsm --list-token-slots >slots.out 2>&1
grep -q "count low" slots.out
ok "a PIN is tried on the one token that the URI names"

conf "pin-source = $PWD/pin"
openssl dgst -sha256 -sign "pkcs11:token=soft;object=ec" -out sig data
openssl dgst -sha256 -verify ec.pub -signature sig data >/dev/null
ok "the PIN by configuration"

refused openssl pkey -in "pkcs11:token=soft;object=nothing;type=private" -noout
grep -q "no object that the URI names" refused.out
refused openssl pkey -in "pkcs11:token=nobody" -noout
grep -q "no token" refused.out
refused openssl pkey -in "pkcs11:token=soft;colour=red" -noout
grep -q "not known" refused.out
refused openssl pkey -in "pkcs11:token=soft;object=ec?module-path=/elsewhere.so" -noout
ok "what is not there is told"

openssl genpkey -propquery provider=holdfast -algorithm EC -pkeyopt group:P-384 -pkeyopt "pkcs11_uri:pkcs11:token=soft;object=made" -out made.pem
openssl dgst -sha384 -sign made.pem -out sig data
openssl dgst -sha384 -verify <(openssl pkey -in made.pem -pubout) -signature sig data >/dev/null
openssl genpkey -algorithm EC -pkeyopt group:P-256 -out plain.pem
shows "BEGIN PRIVATE KEY" cat plain.pem
ok "new keys in the token when it is named, in a file as ever when not"
