#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# OpenSC's pkcs11-tool lists, makes keys, signs, verifies, decrypts, derives, and passes its own --test.

. "$(dirname "$0")/lib.sh"
start_tpm
agent build-42 --no-key
agent other

tool() { pkcs11-tool --module "$MODULE" "$@"; }
mine() { tool --token-label build-42 "$@"; }

shows "build-42" tool --list-slots
shows "ECDSA-SHA256" mine --list-mechanisms
ok "lists slots and mechanisms"

mine --keypairgen --key-type EC:prime256v1 --label ec --id 01 >/dev/null
mine --keypairgen --key-type EC:secp384r1 --label ec384 --id 02 >/dev/null
mine --keypairgen --key-type RSA:2048 --label rsa --id 03 >/dev/null
mine --list-objects >objects
[ "$(grep -c '^Private Key Object' objects)" = 3 ]
[ "$(grep -c '^Public Key Object' objects)" = 3 ]
ok "makes key pairs and lists them"

for id in 01 03; do
        mine --read-object --type pubkey --id $id --output-file $id.der >/dev/null 2>&1
        openssl pkey -pubin -inform DER -in $id.der -out $id.pem
done
# OpenSC 0.23 with OpenSSL 3 reads P-256 only, from any module.
holdfast key show build-42/ec384 --pem >02.pem
ok "reads the public keys"

head -c 5000 /dev/urandom >data
verify() { openssl dgst "$@" data >/dev/null || die "openssl refuses the signature: $*"; }
for hash in SHA256 SHA384 SHA512; do
        for id in 01 02; do
                mine --sign --mechanism ECDSA-$hash --signature-format openssl --id $id --input-file data --output-file sig 2>/dev/null
                verify -$hash -verify $id.pem -signature sig
        done
        mine --sign --mechanism $hash-RSA-PKCS --id 03 --input-file data --output-file sig 2>/dev/null
        verify -$hash -verify 03.pem -signature sig
        mine --sign --mechanism $hash-RSA-PKCS-PSS --id 03 --input-file data --output-file sig 2>/dev/null
        verify -$hash -verify 03.pem -signature sig -sigopt rsa_padding_mode:pss
        ok "signs with $hash, and OpenSSL verifies"
done
openssl dgst -sha256 -binary data >digest
mine --sign --mechanism ECDSA --signature-format openssl --id 01 --input-file digest --output-file sig 2>/dev/null
verify -sha256 -verify 01.pem -signature sig
ok "signs a digest made elsewhere"

mine --sign --mechanism ECDSA-SHA256 --id 01 --input-file data --output-file sig 2>/dev/null
shows "Signature is valid" mine --verify --mechanism ECDSA-SHA256 --id 01 --input-file data --signature-file sig
echo x >>data
refused_or_invalid() { ! "$@" >out 2>&1 || grep -q "Invalid signature" out; }
refused_or_invalid mine --verify --mechanism ECDSA-SHA256 --id 01 --input-file data --signature-file sig
ok "verifies, and refuses a spoiled message"

echo "a secret" >plain
openssl pkeyutl -encrypt -pubin -inkey 03.pem -in plain -out secret -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256
mine --decrypt --mechanism RSA-PKCS-OAEP --hash-algorithm SHA256 --id 03 --input-file secret --output-file out 2>/dev/null
cmp plain out
ok "decrypts what OpenSSL encrypted (OAEP)"

openssl ecparam -name prime256v1 -genkey -noout -out peer.pem
openssl pkey -in peer.pem -pubout -outform DER -out peer.der
mine --derive --mechanism ECDH1-DERIVE --id 01 --input-file peer.der --output-file z1 2>/dev/null
openssl pkeyutl -derive -inkey peer.pem -peerkey 01.pem -out z2
cmp z1 z2
ok "derives what OpenSSL derives (ECDH)"

mine --test >test.log 2>&1 || die "--test fails"
grep -q "^No errors" test.log
refused grep -E 'ERR:|^error' test.log
ok "--test"
