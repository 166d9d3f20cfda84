#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A host whose platform has made its attestation key (as the virtual TPMs of a cloud do) joins by that key, which the issuer knows by its digest: without a
# token, and pinned. Without the key it is nobody.

prepare() {
        cp "${HOLDFAST_ISSUER_PROGRAM:?}" "$T/bin/holdfast-issuer"
        cp "${HOLDFAST_HTTP:?}" "$T/bin/holdfast-http"
}
. "$(dirname "$0")/lib.sh"
export HOLDFAST_HTTP=$T/bin/holdfast-http HOLDFAST_ISSUER_CONF=$T/run/issuer.conf
dir=$T/run/issuer handle=0x81000003

enrolled_says() { holdfast enrolled --json >enrolled.json && grep -q "$1" enrolled.json; }

start_tpm
export TPM2TOOLS_TCTI=$HOLDFAST_TCTI
tpm2_createprimary -Q -C e -g sha256 -G ecc256:ecdsa-sha256:null -a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|sign' -c ak.ctx
tpm2_evictcontrol -Q -C o -c ak.ctx $handle
tpm2_flushcontext -Q -t
tpm2_readpublic -Q -c $handle -f der -o ak.der
echo "$(sha256sum <ak.der | cut -d' ' -f1) cloud.example.org" >aks

port=$(free_port)
url=https://localhost:$port
holdfast-issuer init --trust-domain example.org --url "$url" --directory "$dir" --listen "127.0.0.1:$port" --domain example.org >init-issuer.log
sed -i "s|^\[trust\]|&\nplatform-aks = $T/run/aks|" issuer.conf
background issuer holdfast-issuer serve
await grep -qx 'holdfast-issuer: ready' issuer.log
cp "$dir/log-keys.pem" ca.pem
common=("HOLDFAST_DEFAULT_RULE=allow user=$(id -u) human=yes" "HOLDFAST_ISSUER=$url" "HOLDFAST_ISSUER_CA=$T/run/ca.pem" HOLDFAST_ISSUER_HOST=cloud.example.org)

start_daemon "${common[@]}"
export HOLDFAST_SOCKET=$SOCKET
await enrolled_says 'first-use'
ok "with a key of its own making it is nobody that the issuer knows"
stop_daemon

start_daemon "${common[@]}" HOLDFAST_ISSUER_AK_HANDLE=$handle
await enrolled_says '"active"'
shows pinned holdfast-issuer host list
ok "with its platform's it is, and has signed to show it"

holdfast agent create build --owner dana@example.org >agents.log 2>&1
holdfast enroll build >enroll.log 2>&1
shows ": OK" openssl verify -CAfile "$T/run/daemon/credentials/build/default/bundle.pem" -purpose sslclient "$T/run/daemon/credentials/build/default/cert.pem"
ok "and its agents get credentials"
