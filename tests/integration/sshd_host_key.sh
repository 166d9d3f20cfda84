#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# sshd proves itself with a host key in the TPM, through HostKeyAgent.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ssh_lib.sh"
start_tpm
agent host
agent_start
agent_add >ssh-add.log 2>&1
holdfast key show host --ssh >tpm_host_key.pub

sshd_setup "HostKeyAgent $PWD/agent.sock" "HostKey $PWD/tpm_host_key.pub"
sed -i "\,^HostKey $PWD/host_key\$,d" sshd_config
printf 'host %s\n' "$(cut -d ' ' -f 1-2 tpm_host_key.pub)" >known_hosts
ssh-keygen -q -t ed25519 -N '' -f user
cp user.pub authorized_keys
unset SSH_AUTH_SOCK

shows "logged in as $me" login -i user
ok "ssh accepts the host key in the TPM"

ssh-keygen -q -t ed25519 -N '' -f another
printf 'host %s\n' "$(cut -d ' ' -f 1-2 another.pub)" >known_hosts
refused login -i user
ok "and would not accept another one"
