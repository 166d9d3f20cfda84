#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What `holdfast config --install` writes, the programs read; what it wrote, `--remove` takes away.

. "$(dirname "$0")/lib.sh"
start_tpm
agent build-42

# config PROGRAM [OPTION...]: for an agent, where the program needs one.
config() {
        case $1 in
        git | curl | nginx) holdfast config "$1" build-42 "${@:2}" ;;
        *) holdfast config "$@" ;;
        esac
}
tree() { (cd "$HOME" && find . -type f -exec sha256sum {} + | sort); }

for program in ssh openssl git p11-kit curl nginx; do
        config $program --quiet >out
        grep -qE 'libholdfast-pkcs11.so|PKCS#11 PROVIDER URI|key::ecdsa' out || { cat out; die "$program: nothing to use"; }
        config $program --print --json --quiet >out
        grep -qF '"schema": "holdfast.config/1"' out
done
refused holdfast config curl
refused holdfast config emacs
refused holdfast config ssh build-42
ok "prints for each program"

mkdir "$HOME/.ssh"
printf 'Host db1\n\tUser deploy\n' >"$HOME/.ssh/config"
git config --global user.email dana@example.com
tree >before
for program in ssh openssl git p11-kit curl; do
        config $program --install --dry-run --quiet >/dev/null
        tree | cmp - before || die "$program: --dry-run writes"
        config $program --install --quiet >/dev/null
        tree >installed
        cmp -s before installed && die "$program: nothing is installed"
        config $program --install --quiet >/dev/null
        tree | cmp - installed || die "$program: twice is not once"
        holdfast config $program --remove >/dev/null
        tree | cmp - before || die "$program: something is left"
        holdfast config $program --remove >/dev/null
done
ok "installs once, removes exactly that"

for program in ssh openssl git p11-kit curl; do
        config $program --install --quiet >/dev/null
done
shows "pkcs11provider $MODULE" ssh -F "$HOME/.ssh/config" -G db1
shows "user deploy" ssh -F "$HOME/.ssh/config" -G db1
ok "ssh reads it"

[ "$(git config gpg.format)" = ssh ]
[ "$(git config user.signingkey)" = "key::$(holdfast key show build-42 --ssh | cut -d ' ' -f 1-2)" ]
[ "$(git config user.email)" = dana@example.com ]
ok "git reads it"

unset PKCS11_MODULE_PATH
ref build-42 build-42
shows "$(uri build-42)" holdfast inspect build-42.key.pem
cp "$(openssl version -d | cut -d '"' -f 2)/openssl.cnf" ours.cnf
printf '\n.include %s\n' "$HOME/.config/holdfast/provider.cnf" >>ours.cnf
holdfast config openssl --print --quiet >printed.cnf
for cnf in "$HOME/.config/holdfast/openssl.cnf" ours.cnf printed.cnf; do
        OPENSSL_CONF=$cnf openssl req -new -key build-42.key.pem -subj /CN=build-42 -out csr 2>req.log
        openssl req -in csr -verify -noout 2>/dev/null
        cmp <(openssl req -in csr -pubkey -noout) <(holdfast key show build-42 --pem)
done
ok "openssl signs with it"

make_ca
sign_cert csr build-42.pem build-42
holdfast key import-cert build-42 build-42.pem >/dev/null
holdfast config curl build-42 --install --quiet >/dev/null
shows 'curl.pem"' cat "$HOME/.config/holdfast/curl.conf"
cmp <(openssl x509 -in "$HOME/.config/holdfast/curl.pem") <(openssl x509 -in build-42.pem)
cmp <(tail -n +2 "$HOME/.config/holdfast/curl.key.pem") build-42.key.pem
holdfast config curl --remove >/dev/null
[ ! -e "$HOME/.config/holdfast/curl.pem" ]
ok "curl gets a reference and the certificate"

shows "module: $MODULE" cat "$HOME/.config/pkcs11/modules/holdfast.module"
echo "mine" >"$HOME/.config/holdfast/curl.conf"
refused holdfast config curl build-42 --install
refused holdfast config curl --remove
[ "$(cat "$HOME/.config/holdfast/curl.conf")" = mine ]
ok "files of somebody else are not touched"
