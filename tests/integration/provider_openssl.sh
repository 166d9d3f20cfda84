#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The openssl command with the provider and nothing else said: a reference file, a key file of the store or a pkcs11: URI stands where a
# key file would. Requests, certificates, signatures of every kind, CMS, authorities, key agreement, and mutual TLS.

. "$(dirname "$0")/lib.sh"
start_tpm
agent server
agent client
for kind in RSA-2048 P-384; do
        holdfast key create "client/$kind" --kind $kind >>agents.log 2>&1
done
holdfast key create client/derive --use derive >>agents.log 2>&1
holdfast key create client/decrypt --kind RSA-2048 --use decrypt >>agents.log 2>&1
make_ca
use_provider
head -c 3000 /dev/urandom >data
openssl dgst -sha256 -binary data >digest

shows "name: Holdfast" openssl list -providers
HOLDFAST_MODULE=/nowhere openssl version >/dev/null
ok "loads, and reads no module before there is a key to use"

for key in client client/RSA-2048 client/P-384; do
        name=${key//\//-}
        ref "$key" "$name"
        holdfast key show "$key" --pem >"$name.pub"
        forms=("$name.key.pem" "$(uri "$key")")
        # A daemon's files are nobody else's.
        ! direct || forms+=("$(holdfast key show "$key" --file)")
        for form in "${forms[@]}"; do
                openssl pkey -in "$form" -pubout 2>>pkey.log | cmp - "$name.pub"
                openssl req -new -key "$form" -subj "/CN=$name" -out "$name.csr" 2>>req.log
                openssl req -in "$name.csr" -verify -noout 2>/dev/null
                openssl dgst -sha256 -sign "$form" -out sig data
                openssl dgst -sha256 -verify "$name.pub" -signature sig data >/dev/null
        done
        ok "$key: by reference, by the store's file and by URI"

        openssl req -new -x509 -key "$name.key.pem" -subj "/CN=$name" -days 1 -out "$name.self.pem" 2>>req.log
        openssl verify -CAfile "$name.self.pem" "$name.self.pem" >/dev/null
        for hash in sha256 sha384 sha512; do
                openssl dgst -$hash -sign "$name.key.pem" -out sig data
                openssl dgst -$hash -verify "$name.pub" -signature sig data >/dev/null
                openssl dgst -$hash -verify <(openssl pkey -in "$name.key.pem" -pubout) -signature sig data >/dev/null
        done
        refused openssl dgst -sha512 -verify "$name.pub" -signature sig digest
        openssl pkeyutl -sign -inkey "$name.key.pem" -in digest -out sig -pkeyopt digest:sha256
        openssl pkeyutl -verify -inkey "$name.key.pem" -in digest -sigfile sig -pkeyopt digest:sha256 >/dev/null
        openssl pkeyutl -verify -pubin -inkey "$name.pub" -in digest -sigfile sig -pkeyopt digest:sha256 >/dev/null
        ok "$key: signs and verifies"

        sign_cert "$name.csr" "$name.pem" "$name"
        openssl cms -sign -in data -binary -signer "$name.pem" -inkey "$name.key.pem" -out data.cms
        openssl cms -verify -in data.cms -CAfile ca.pem -purpose any -binary -out data.out 2>/dev/null
        cmp data data.out
        ok "$key: signs CMS"

        shows "$(openssl pkey -in "$name.key.pem" -noout -text | grep -c 'Private-Key: in hardware, pkcs11:')" echo 1
        openssl pkey -in "$name.key.pem" -out again.pem
        cmp again.pem <(openssl pkey -in again.pem)
        openssl dgst -sha256 -sign again.pem -out sig data
        openssl dgst -sha256 -verify "$name.pub" -signature sig data >/dev/null
        app=$([ "$key" = client/RSA-2048 ] && echo rsa || echo ec)
        openssl "$app" -in "$name.key.pem" 2>>pkey.log | cmp - again.pem
        openssl "$app" -in "$name.key.pem" -pubout 2>>pkey.log | cmp - "$name.pub"
        for clear in "pkey -outform DER" "pkcs8 -topk8 -nocrypt" "$app -outform DER"; do
                # shellcheck disable=SC2086
                refused openssl $clear -in "$name.key.pem" -out clear
                grep -q 'private key is in hardware and cannot be read' refused.out
        done
        cat "$name.pem" "$name.key.pem" | openssl pkey -in /dev/stdin -pubout | cmp - "$name.pub"
        ok "$key: says where it is, and is written as a reference only"
done

for salt in digest max 20; do
        pss=(-pkeyopt digest:sha256 -pkeyopt rsa_padding_mode:pss -pkeyopt "rsa_pss_saltlen:$salt")
        openssl pkeyutl -sign -in digest -inkey client-RSA-2048.key.pem "${pss[@]}" -out sig
        openssl pkeyutl -verify -in digest -pubin -inkey client-RSA-2048.pub "${pss[@]}" -sigfile sig >/dev/null
        ok "client/RSA-2048: signs PSS, salt $salt"
done
openssl req -new -x509 -key client-RSA-2048.key.pem -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest -subj /CN=pss -out pss.pem
openssl verify -CAfile pss.pem pss.pem >/dev/null
ok "client/RSA-2048: a certificate signed by PSS"

ref client/decrypt decrypt
openssl pkey -in decrypt.key.pem -pubout -out decrypt.pub
openssl pkeyutl -encrypt -pubin -inkey decrypt.pub -pkeyopt rsa_padding_mode:oaep -in digest -out sealed
openssl pkeyutl -decrypt -inkey decrypt.key.pem -pkeyopt rsa_padding_mode:oaep -in sealed | cmp - digest
ok "client/decrypt: OAEP"

ref client/derive derive
openssl pkey -in derive.key.pem -pubout -out derive.pub
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out peer.key 2>/dev/null
openssl pkey -in peer.key -pubout -out peer.pub
openssl pkeyutl -derive -inkey derive.key.pem -peerkey peer.pub -out z.ours
openssl pkeyutl -derive -inkey peer.key -peerkey derive.pub -out z.theirs
cmp z.ours z.theirs
openssl req -new -x509 -key peer.key -subj /CN=peer -days 1 -out peer.pem
openssl x509 -new -force_pubkey derive.pub -subj /CN=derive -CA peer.pem -CAkey peer.key -days 1 -out derive.pem
openssl cms -encrypt -binary -in data -aes-256-cbc -out derive.cms derive.pem
openssl cms -decrypt -in derive.cms -recip derive.pem -inkey derive.key.pem -binary | cmp - data
ok "client/derive: ECDH, and CMS by it"

for spec in "EC ec_paramgen_curve:P-256" "RSA rsa_keygen_bits:2048"; do
        openssl genpkey -propquery provider=holdfast -algorithm "${spec% *}" -pkeyopt "${spec#* }" \
                -pkeyopt "pkcs11_uri:pkcs11:token=client;object=made-${spec% *}" -out made.key.pem 2>>genpkey.log
        holdfast key show "client/made-${spec% *}" --pem | cmp - <(openssl pkey -in made.key.pem -pubout)
        openssl dgst -sha256 -sign made.key.pem -out sig data
done
ok "genpkey makes keys in a token"

holdfast key import-cert client client.pem >>agents.log 2>&1
openssl storeutl -noout -keys "pkcs11:token=client" >store.out
grep -q 'Total found: 7' store.out
openssl storeutl -certs "$(uri client | sed 's/type=private/type=cert/')" | openssl x509 | cmp - <(openssl x509 -in client.pem)
ok "storeutl lists a token, and its certificates"

if direct; then
        agent locked --pin-file <(echo 1234-5678) --so-pin-file <(echo so-pin-for-tests)
        openssl dgst -sha256 -sign "$(holdfast key show locked --file)" -passin pass:1234-5678 -out sig data
        openssl dgst -sha256 -verify <(holdfast key show locked --pem) -signature sig data >/dev/null
        refused openssl dgst -sha256 -sign "$(holdfast key show locked --file)" -passin pass:0000-0000 data
        grep -q CKR_PIN_INCORRECT refused.out
        ok "a file of a store whose token has a PIN asks for it"
fi

# An authority in hardware.
openssl req -x509 -new -key client-P-384.key.pem -subj "/CN=Hard CA" -addext keyUsage=keyCertSign -days 2 -out hardca.pem
openssl x509 -req -in client.csr -CA hardca.pem -CAkey client-P-384.key.pem -days 1 -out issued.pem 2>>req.log
openssl verify -CAfile hardca.pem issued.pem >/dev/null
cat >ca.cnf <<CNF
.include $OPENSSL_CONF
[our_ca]
database = $PWD/index.txt
serial = $PWD/serial
new_certs_dir = $PWD
certificate = $PWD/hardca.pem
private_key = $PWD/client-P-384.key.pem
default_md = sha384
default_days = 1
policy = our_policy
[our_policy]
commonName = supplied
CNF
: >index.txt
echo 01 >serial
OPENSSL_CONF=$PWD/ca.cnf openssl ca -batch -config ca.cnf -name our_ca -in client.csr -out issued2.pem -notext 2>>req.log
openssl verify -CAfile hardca.pem issued2.pem >/dev/null
ok "openssl x509 and openssl ca, with the authority's key in hardware"

# What must fail, with a reason.
sed 's/^M/N/' client.key.pem >spoiled.pem
refused openssl dgst -sha256 -sign spoiled.pem data
holdfast key create client/gone >>agents.log 2>&1
ref client/gone gone
holdfast key delete client/gone --yes >>agents.log 2>&1
refused openssl dgst -sha256 -sign gone.key.pem data
grep -q 'holdfast key list' refused.out
if direct; then
        cp "$(holdfast key show client --file)" torn.pem
else
        cp client.key.pem torn.pem
fi
sed -i '/^-----BEGIN/ { n; d }' torn.pem
refused openssl dgst -sha256 -sign torn.pem data
refused env HOLDFAST_MODULE=/nowhere OPENSSL_CONF=/dev/null openssl dgst -provider holdfast -provider default -sha256 -sign client.key.pem data
ok "spoiled files, a deleted key and a missing module are refused"

if direct; then
        holdfast key create client/exported >>agents.log 2>&1
        cp "$(holdfast key show client/exported --file)" exported.pem
        holdfast key show client/exported --pem >exported.pub
        holdfast key delete client/exported --yes >>agents.log 2>&1
        openssl dgst -sha256 -sign exported.pem -out sig data
        openssl dgst -sha256 -verify exported.pub -signature sig data >/dev/null
        ok "a TSS2 file that no store has any more still signs on its TPM"
fi

if direct; then
        left=$(TPM2TOOLS_TCTI=$HOLDFAST_TCTI tpm2_getcap handles-transient; TPM2TOOLS_TCTI=$HOLDFAST_TCTI tpm2_getcap handles-loaded-session)
        [ -z "$left" ] || die "left in the TPM: $left"
        ok "nothing is left in the TPM when a program ends"
fi

ref_cert server localhost
background s_server openssl s_server -unix "$PWD/tls" -cert localhost.pem -key localhost.key.pem \
        -CAfile ca.pem -Verify 1 -verify_return_error -www
await test -S tls
# mutual NAME [OPTION...]: s_client against a server whose key is in the TPM too.
mutual() {
        printf 'GET / HTTP/1.0\r\n\r\n' | timeout 20 openssl s_client -unix "$PWD/tls" -cert "$1.pem" -key "$1.key.pem" \
                -CAfile ca.pem -verify_return_error -verify_hostname localhost -ign_eof "${@:2}"
}
for version in -tls1_3 -tls1_2; do
        for key in client client-RSA-2048 client-P-384; do
                shows "Verify return code: 0 (ok)" mutual $key $version
        done
        ok "mutual TLS ${version#-}"
done
shows "Verify return code: 0 (ok)" mutual client-RSA-2048 -tls1_2 -sigalgs RSA+SHA256:ECDSA+SHA256
ok "mutual TLS 1.2 with RSA PKCS#1"
shows "Reused" timeout 60 openssl s_client -unix "$PWD/tls" -cert client.pem -key client.key.pem -CAfile ca.pem -tls1_2 -reconnect </dev/null
ok "connects again and again"
