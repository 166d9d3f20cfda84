#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# An SSH certificate authority with its key in the TPM: ssh-keygen -s signs users' certificates, directly and through
# ssh-agent, and sshd trusts it. A certificate for a key in the TPM logs in with that key.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ssh_lib.sh"
start_tpm
agent authority
agent build-42
holdfast key show authority --ssh >ca.pub
sshd_setup "TrustedUserCAKeys $PWD/ca.pub"
ssh-keygen -q -t ed25519 -N '' -f user

ssh-keygen -q -s ca.pub -D "$MODULE" -I user-1 -n "$me" -V -1m:+1h user.pub 2>keygen.log
shows "$(ssh-keygen -lf ca.pub | cut -d ' ' -f 2)" ssh-keygen -Lf user-cert.pub
refused login
shows "logged in as $me" login -i user
ok "ssh-keygen -s signs with the key in the TPM, and sshd believes it"

rm user-cert.pub
agent_start
agent_add >ssh-add.log 2>&1
ssh-keygen -q -U -s ca.pub -I user-2 -n "$me" -V -1m:+1h user.pub
SSH_AUTH_SOCK='' shows "logged in as $me" login -i user
ok "ssh-keygen -U -s signs through ssh-agent"

# The agent holds build-42's private half; the certificate says who it is.
holdfast key show build-42 --ssh >build-42.pub
ssh-keygen -q -U -s ca.pub -I build-42 -n "$me" -V -1m:+1h build-42.pub
refused login -i build-42.pub -o IdentitiesOnly=yes
shows "logged in as $me" login -i build-42.pub -o CertificateFile=build-42-cert.pub -o IdentitiesOnly=yes
grep -q 'Accepted publickey.*-CERT .* ID build-42' sshd.log
ok "a certificate for a key in the TPM logs in"
