#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The CA's key in the TPM, by a pkcs11: URI and our provider: certificates, tokens and SSH certificates are the same as from a key in a file.

. "$(dirname "$0")/issuer_lib.sh"
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ssh_lib.sh"
start_tpm
agent issuer
holdfast key create issuer/ca-384 --kind P-384 >>agents.log 2>&1
holdfast key create issuer/ca-rsa --kind RSA-2048 >>agents.log 2>&1
use_provider
OPENSSL_MODULES=$(dirname "$PROVIDER")
export OPENSSL_MODULES
agent_key p256 "${p256[@]}"
chmod 600 p256.key && ssh-keygen -yf p256.key >p256.key.pub

for key in default ca-384 ca-rsa; do
        rm -f ca.pem leaf.pem user-cert.pub token.jwt
        mint ca="$(uri issuer/$key)" key=p256.pub.pem aud=https://api.example.org users="$me" hosts=host.example.org
        shows "leaf.pem: OK" openssl verify -x509_strict -purpose sslclient -CAfile ca.pem leaf.pem
        shows "verify OK" openssl crl -in ca.crl -CAfile ca.pem -noout
        cmp <(openssl x509 -in ca.pem -noout -pubkey) <(holdfast key show issuer/$key --pem)
        [ "$(tr -cd . <token.jwt)" = .. ]
        sshd_setup "TrustedUserCAKeys $PWD/ca.pub"
        shows "logged in as $me" login -i p256.key -o CertificateFile=user-cert.pub -o IdentitiesOnly=yes
        ok "a CA whose key is $key in the TPM"
done
refused mint ca="pkcs11:token=issuer;object=none"
ok "and none where there is no such key"
