#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# OpenSSL with the PKCS#11 engine as its default for everything: requests, certificates, signatures of every kind, CMS, and
# mutual TLS with both keys in the TPM. This is where a module that uses OpenSSL's own keys meets itself.

. "$(dirname "$0")/lib.sh"
start_tpm
agent server
agent client
for kind in RSA-2048 P-384; do
        holdfast key create "client/$kind" --kind $kind >>agents.log 2>&1
done
make_ca
engine=(-engine pkcs11 -keyform engine)

for key in client client/RSA-2048 client/P-384; do
        name=${key//\//-}
        openssl req -new "${engine[@]}" -key "$(uri "$key")" -subj "/CN=$name" -out "$name.csr" 2>>engine.log
        openssl req -in "$name.csr" -verify -noout 2>/dev/null
        openssl req -new -x509 "${engine[@]}" -key "$(uri "$key")" -subj "/CN=$name" -days 1 -out "$name.self.pem" 2>>engine.log
        openssl verify -CAfile "$name.self.pem" "$name.self.pem" >/dev/null
        ok "$key: makes a request and a certificate of its own"

        head -c 3000 /dev/urandom >data
        holdfast key show "$key" --pem >"$name.pub"
        for hash in sha256 sha384 sha512; do
                openssl dgst -$hash "${engine[@]}" -sign "$(uri "$key")" -out sig data 2>>engine.log
                openssl dgst -$hash -verify "$name.pub" -signature sig data >/dev/null
        done
        echo x >>data
        refused openssl dgst -sha512 -verify "$name.pub" -signature sig data
        ok "$key: signs SHA-256, SHA-384 and SHA-512"

        sign_cert "$name.csr" "$name.pem" "$name"
        openssl cms -sign -in data -binary -signer "$name.pem" "${engine[@]}" -inkey "$(uri "$key")" -out data.cms 2>>engine.log
        openssl cms -verify -in data.cms -CAfile ca.pem -purpose any -binary -out data.out 2>/dev/null
        cmp data data.out
        ok "$key: signs CMS"
done

openssl dgst -sha256 -binary data >digest
for salt in digest max 20; do
        pss=(-pkeyopt digest:sha256 -pkeyopt rsa_padding_mode:pss -pkeyopt "rsa_pss_saltlen:$salt")
        openssl pkeyutl -sign -in digest "${engine[@]}" -inkey "$(uri client/RSA-2048)" "${pss[@]}" -out sig 2>>engine.log
        openssl pkeyutl -verify -in digest -pubin -inkey client-RSA-2048.pub "${pss[@]}" -sigfile sig >/dev/null
        ok "client/RSA-2048: signs PSS, salt $salt"
done

# The engine ends without C_Finalize.
if direct; then
        left=$(TPM2TOOLS_TCTI=$HOLDFAST_TCTI tpm2_getcap handles-transient; TPM2TOOLS_TCTI=$HOLDFAST_TCTI tpm2_getcap handles-loaded-session)
        [ -z "$left" ] || die "left in the TPM: $left"
        ok "nothing is left in the TPM when a program ends"
fi

tpm_cert server localhost
openssl req -new "${engine[@]}" -key "$(uri client)" -subj /CN=client -out client.csr 2>>engine.log
background s_server openssl s_server -unix "$PWD/tls" -cert localhost.pem "${engine[@]}" -key "$(uri server)" \
        -CAfile ca.pem -Verify 1 -verify_return_error -www
await test -S tls
# mutual KEY NAME [OPTION...]: s_client against a server whose key is in the TPM too.
mutual() {
        printf 'GET / HTTP/1.0\r\n\r\n' | timeout 20 openssl s_client -unix "$PWD/tls" -cert "$2.pem" "${engine[@]}" -key "$(uri "$1")" \
                -CAfile ca.pem -verify_return_error -verify_hostname localhost -ign_eof "${@:3}"
}
rounds=0
seen() { [ "$(grep -c "^depth=0 CN = $1\$" s_server.log)" = "$2" ]; }
for version in -tls1_3 -tls1_2; do
        rounds=$((rounds + 1))
        for key in client client/RSA-2048 client/P-384; do
                shows "Verify return code: 0 (ok)" mutual $key ${key//\//-} $version
                await seen "${key//\//-}" $rounds
        done
        ok "mutual TLS ${version#-}"
done
refused mutual client/P-384 client
ok "a key that is not the certificate's gets nowhere"
