#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# strongSwan's pki: public keys, requests and certificates for keys in the TPM, and a certificate authority there.

. "$(dirname "$0")/lib.sh"
start_tpm
agent gateway
holdfast key create gateway/rsa --kind RSA-2048 --id 0a0b >>agents.log 2>&1
holdfast key create gateway/ca --id 0c0d >>agents.log 2>&1

cat >strongswan.conf <<END
pki {
        load = random pem pkcs1 pkcs8 pubkey x509 pkcs11 openssl
        plugins { pkcs11 { modules { holdfast { path = $MODULE } } } }
}
END
export STRONGSWAN_CONF=$PWD/strongswan.conf
# It asks for a PIN whatever the token says, and a token without one takes any. Without a terminal it reads standard input.
in_token() { echo none | setsid pki "$@" 2>>pki.log; }

for key in gateway/rsa:0a0b:rsa gateway/ca:0c0d:ecdsa; do
        IFS=: read -r name id type <<<"$key"
        in_token --pub --type "$type" --keyid "$id" --outform pem >"$id.pub"
        cmp <(openssl pkey -pubin -in "$id.pub") <(holdfast key show "$name" --pem)
        in_token --req --type "$type" --keyid "$id" --dn "CN=$type" --outform pem >"$id.csr"
        openssl req -in "$id.csr" -verify -noout 2>/dev/null
        ok "$type: public key and request"
done

in_token --self --ca --type ecdsa --keyid 0c0d --dn "CN=TPM CA" --lifetime 2 --outform pem >ca.pem
openssl verify -CAfile ca.pem ca.pem >/dev/null
in_token --issue --type pkcs10 --in 0a0b.csr --cacert ca.pem --cakeyid 0c0d --lifetime 1 --outform pem >rsa.pem
openssl verify -CAfile ca.pem rsa.pem >/dev/null
ok "an authority in the TPM issues certificates"
