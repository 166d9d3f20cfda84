#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Key files are the format's and nobody's own: tpm2-openssl uses ours, and we use its.

. "$(dirname "$0")/lib.sh"
start_tpm
agent build-42
holdfast key create build-42/rsa --kind RSA-2048 --use sign,decrypt >>agents.log 2>&1
export TPM2OPENSSL_TCTI=$HOLDFAST_TCTI
tpm2=(-provider tpm2 -provider default)
head -c 3000 /dev/urandom >data
openssl dgst -sha256 -binary data >digest

for key in default rsa; do
        file=$(holdfast key show build-42/$key --file)
        holdfast key show build-42/$key --pem >$key.pub
        openssl pkey "${tpm2[@]}" -in "$file" -pubout 2>/dev/null | cmp - $key.pub
        openssl pkeyutl "${tpm2[@]}" -sign -inkey "$file" -rawin -digest sha256 -in data -out sig
        openssl dgst -sha256 -verify $key.pub -signature sig data >/dev/null
        openssl req "${tpm2[@]}" -new -key "$file" -subj "/CN=$key" -out $key.csr
        openssl req -in $key.csr -verify -noout 2>/dev/null
        ok "tpm2-openssl reads our $key, signs with it and makes a request"
done

# signed_by ID PUBLIC-KEY: our module signs with a key that was put into the store.
signed_by() {
        pkcs11-tool --module "$MODULE" --token-label build-42 --sign --mechanism ECDSA --signature-format openssl --id "$1" \
                --input-file digest --output-file sig 2>/dev/null
        openssl dgst -sha256 -verify "$2" -signature sig data >/dev/null
}
n=0
for parent in 0x81010a01 0x40000001; do
        n=$((n + 1))
        openssl genpkey "${tpm2[@]}" -algorithm EC -pkeyopt group:P-256 -pkeyopt parent:$parent -out theirs.pem 2>/dev/null
        openssl pkey "${tpm2[@]}" -in theirs.pem -pubout -out theirs.pub 2>/dev/null
        install -m 600 theirs.pem "store/agents/build-42/theirs$n.f$n.00112233445566f$n.1.key.pem"
        signed_by f$n theirs.pub
        holdfast key show build-42/theirs$n --pem | cmp - theirs.pub
        ok "we sign with a key of tpm2-openssl below $parent"
done
holdfast doctor --deep >/dev/null
