#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# GnuTLS: p11tool lists, makes keys, writes certificates and tests signatures; certtool makes requests; a server and a
# client prove themselves to each other with keys in the TPM.

. "$(dirname "$0")/lib.sh"
start_tpm
agent server
agent client
holdfast key create client/rsa --kind RSA-2048 >>agents.log 2>&1
make_ca

p11() { p11tool --provider "$MODULE" "$@"; }

shows "pkcs11:model=" p11 --list-tokens
shows "token=client" p11 --list-token-urls
shows "Type: Private key" p11 --list-all-privkeys "pkcs11:token=client"
[ "$(grep -c 'Type: Private key' shows.out)" = 2 ]
shows "Type: Public key" p11 --list-all "pkcs11:token=client"
ok "p11tool lists tokens and objects"

export HOLDFAST_TPM_TRACE=$PWD/trace
p11 --list-all "pkcs11:token=client" >/dev/null 2>noise
[ ! -s trace ] || die "listing sent commands to the TPM: $(cat trace)"
[ ! -s noise ] || die "listing is not quiet: $(cat noise)"
p11 --test-sign "$(uri client)" >/dev/null
[ -s trace ] || ! direct
unset HOLDFAST_TPM_TRACE
ok "which takes no TPM command and prints nothing"

for key in client client/rsa; do
        shows "ok" p11 --test-sign "$(uri $key)"
done
ok "p11tool tests signatures"

p11 --batch --generate-privkey=ecdsa --curve=secp256r1 --label=made "pkcs11:token=client" >made.pem 2>p11tool.log
openssl pkey -pubin -in <(sed -n '/BEGIN PUBLIC/,/END PUBLIC/p' made.pem) -noout
shows "ok" p11 --test-sign "pkcs11:token=client;object=made;type=private"
ok "p11tool makes a key"

certtool_csr() {        # certtool_csr KEY-URI NAME
        printf 'cn = "%s"\n' "$2" >template
        GNUTLS_PIN='' certtool --provider "$MODULE" --generate-request --load-privkey "$1" \
                --load-pubkey "${1/type=private/type=public}" --template template --outfile "$2.csr" 2>certtool.log
        openssl req -in "$2.csr" -verify -noout 2>/dev/null
        sign_cert "$2.csr" "$2.pem" "$2"
}
certtool_csr "$(uri server)" localhost
certtool_csr "$(uri client)" client
certtool_csr "$(uri client/rsa)" client-rsa
ok "certtool makes requests, and OpenSSL verifies them"

p11 --write --load-certificate client.pem --label default --id "$(openssl pkey -pubin -in <(holdfast key show client --pem) -outform DER |
        openssl dgst -sha256 -r | cut -c 1-40)" "pkcs11:token=client" >/dev/null 2>p11tool.log
shows "Type: X.509 Certificate" p11 --list-all-certs "pkcs11:token=client"
cmp <(p11 --export "pkcs11:token=client;object=default;type=cert" | openssl x509) <(openssl x509 -in client.pem)
ok "p11tool writes and reads a certificate"

background gnutls-serv gnutls-serv --provider "$MODULE" --port $port --require-client-cert --x509cafile ca.pem \
        --x509keyfile "$(uri server)" --x509certfile localhost.pem --echo
await listening $port

client() {              # client KEY CERTIFICATE
        echo hello | timeout 20 gnutls-cli --provider "$MODULE" --port $port --x509cafile ca.pem \
                --x509keyfile "$1" --x509certfile "$2" localhost
}
shows "hello" client "$(uri client)" client.pem
shows "hello" client "$(uri client)" "pkcs11:token=client;object=default;type=cert"
shows "hello" client "$(uri client/rsa)" client-rsa.pem
ok "mutual TLS with P-256 and RSA keys"

refused client "$(uri client/rsa)" client.pem
ok "a key that is not the certificate's gets nowhere"
