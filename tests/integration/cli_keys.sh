#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The command line makes keys, shows them as OpenSSL and OpenSSH know them, puts certificates beside them and deletes them.

. "$(dirname "$0")/lib.sh"
start_tpm
agent build-42
agent other

exits() {
        local want=$1 got=0

        shift
        "$@" >out 2>err </dev/null || got=$?
        [ $got = "$want" ] || { cat out err; die "exit status $got and not $want: $*"; }
}

exits 2 holdfast key create build-42
exits 2 holdfast key create build-42/x --kind RSA-1024
exits 2 holdfast key create build-42/x --use decrypt
exits 2 holdfast key create build-42/x --id xyz
exits 3 holdfast key create nobody/x
exits 0 holdfast key create build-42/x --dry-run
exits 3 holdfast key show build-42/x
exits 0 holdfast key create build-42/rsa --kind RSA-2048 --use sign,decrypt
exits 0 holdfast key create build-42/dh --use sign,derive --id 0a0B
exits 0 holdfast key create build-42/mac --kind HMAC-SHA256
exits 1 holdfast key create build-42/rsa
ok "create checks what it is asked for"

exits 0 holdfast key list build-42
[ "$(wc -l <out)" = 5 ]
grep -qE '^build-42 +dh +P-256 +sign,derive +no +0a0b$' out || { cat out; die "the row of dh"; }
exits 0 holdfast key list --names
[ "$(sort out)" = $'build-42/default\nbuild-42/dh\nbuild-42/mac\nbuild-42/rsa\nother/default' ] || { cat out; die "names"; }
exits 0 holdfast key list --ssh
[ "$(wc -l <out)" = 4 ]
ssh-keygen -l -f out >/dev/null
exits 0 holdfast key list --json
grep -qF '"schema": "holdfast.keys/1"' out
exits 3 holdfast key list nobody
exits 2 holdfast key list --names --ssh
ok "list"

echo rubbish >store/agents/other/torn.0c.00112233445566aa.1.key.pem
exits 0 holdfast key list
[ "$(wc -l <out)" = 7 ]
grep -qE '^other +torn +damaged +- +no +0c$' out || { cat out; die "the row of the damaged one"; }
exits 0 holdfast key list other --json
[ "$(grep -c '"agent": "other"' out)" = 2 ]
exits 0 holdfast key list --ssh
[ "$(wc -l <out)" = 4 ]
grep -q '^Warning .*torn' err
exits 1 holdfast doctor
exits 0 holdfast key delete other/torn --yes
exits 0 holdfast doctor
ok "a damaged file hides no other, and can be deleted"

for key in default rsa dh; do
        holdfast key show build-42/$key --pem >pem
        [ "$(openssl pkey -pubin -in pem -outform DER | sha256sum | cut -c 1-40)" = "$(holdfast key show build-42/$key --json | sed -n 's/.*"id": "\(.*\)".*/\1/p')" ] ||
                [ $key = dh ] || die "the ID of $key is no digest of its public key"
        holdfast key show build-42/$key --ssh >ssh.pub
        [ "$(ssh-keygen -e -m PKCS8 -f ssh.pub)" = "$(cat pem)" ] || die "OpenSSH and OpenSSL see two keys"
        holdfast key show build-42/$key >shown
        grep -qF "$(ssh-keygen -lf ssh.pub | awk '{ print $2 }')" shown || die "the fingerprint"
        [ -f "$(holdfast key show build-42/$key --file)" ]
done
exits 0 holdfast key show other --uri
[ "$(cat out)" = "pkcs11:token=other;object=default;type=private" ]
exits 0 holdfast key show build-42 --uri
[ "$(cat out)" = "pkcs11:token=build-42;object=default;type=private" ]
exits 0 holdfast key show build-42 --id 0a0b --uri
[ "$(cat out)" = "pkcs11:token=build-42;object=dh;type=private" ]
exits 2 holdfast key show build-42 --pem --ssh
exits 1 holdfast key show build-42/mac --pem
ok "show: PEM, OpenSSH, URI, file"

# Two keys of one label, as PKCS#11 allows: their URIs name them by ID.
pkcs11-tool --module "$MODULE" --token-label other --keypairgen --key-type EC:prime256v1 --label default --id 77 >/dev/null 2>&1
exits 1 holdfast key show other/default
exits 0 holdfast key show other --id 77 --uri
[ "$(cat out)" = "pkcs11:token=other;id=%77;type=private" ]
ok "keys of one label are told apart"

make_ca
holdfast key show build-42 --pem >pub.pem
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null -subj $'/CN=a\033[2Jb' -out any.csr 2>/dev/null
openssl x509 -req -in any.csr -CA ca.pem -CAkey ca.key -days 1 -out wrong.pem 2>/dev/null
openssl x509 -req -in any.csr -CA ca.pem -CAkey ca.key -days 1 -force_pubkey pub.pem -out right.pem 2>/dev/null
openssl x509 -in right.pem -outform DER -out right.der
openssl x509 -req -in any.csr -CA ca.pem -CAkey ca.key -days 1 -force_pubkey pub.pem -out newer.pem 2>/dev/null
exits 8 holdfast key import-cert build-42 wrong.pem
exits 1 holdfast key import-cert build-42 ca.key
exits 3 holdfast key import-cert build-42 nowhere.pem
exits 3 holdfast key show build-42 --cert
exits 0 holdfast key import-cert build-42 right.pem --dry-run
exits 3 holdfast key show build-42 --cert
exits 0 holdfast key import-cert build-42 right.der
! grep -q $'\033' out || die "a stranger's escape reached the terminal"
holdfast key show build-42 --cert | cmp - right.pem
exits 0 holdfast key import-cert build-42/default newer.pem --json
grep -qF '"replaced": true' out
holdfast key show build-42 --cert | cmp - newer.pem
[ "$(pkcs11-tool --module "$MODULE" --token-label build-42 --list-objects --type cert 2>/dev/null | grep -c '^Certificate Object')" = 1 ]
ok "a certificate stands beside its key, and beside no other"

exits 2 holdfast key delete build-42 --yes
exits 2 holdfast key delete build-42/default
exits 0 holdfast key delete build-42/default --dry-run
exits 0 holdfast key delete build-42/default --yes
exits 3 holdfast key show build-42/default
pkcs11-tool --module "$MODULE" --token-label build-42 --list-objects >objects 2>/dev/null
refused grep -q '^Certificate Object' objects
exits 0 holdfast key delete other/default --id 77 --yes
exits 0 holdfast key show other/default
ok "delete takes the certificate too, and needs a yes"
