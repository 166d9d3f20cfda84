#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# OpenSSH logs in to a real sshd as an ordinary user, with P-256 and RSA keys in the TPM: by ssh -I, by PKCS11Provider and
# through ssh-agent.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ssh_lib.sh"
start_tpm
agent build-42
holdfast key create build-42/rsa --kind RSA-2048 >>agents.log 2>&1
agent stranger
sshd_setup 'MaxAuthTries 20'

ssh-keygen -D "$MODULE" >keys 2>keygen.log
for key in build-42 build-42/rsa stranger; do
        holdfast key show $key --ssh | cut -d ' ' -f 1-2 >one
        grep -qFf one keys
done
[ "$(wc -l <keys)" = 3 ]
ok "ssh-keygen -D lists the keys"

only() { holdfast key show "$1" --ssh >authorized_keys; }

for key in build-42 build-42/rsa; do
        only $key
        shows "logged in as $me" login -I "$MODULE"
        shows "logged in as $me" login -o "PKCS11Provider=$MODULE"
        ok "ssh logs in with $key"
done

ssh-keygen -q -t ed25519 -N '' -f file_key
cp file_key.pub authorized_keys
refused login -I "$MODULE"
ok "a key that is not authorized gets nowhere"

agent_start
agent_add >ssh-add.log 2>&1
[ "$(ssh-add -L | wc -l)" = 3 ]
only build-42
shows "logged in as $me" login
only build-42/rsa
shows "logged in as $me" login
shows "logged in as $me" login
ok "ssh-agent logs in"

ssh-add -T <(holdfast key show build-42 --ssh)
ssh-add -e "$MODULE" 2>>ssh-add.log
refused ssh-add -L
refused login
ok "ssh-add -e takes the keys away"
