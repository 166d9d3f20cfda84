# SPDX-License-Identifier: BSD-2-Clause
# A private sshd for the tests that log in: OpenSSH's own, started anew for each connection through ProxyCommand.
# shellcheck shell=bash

me=$(id -un)

# sshd_setup [LINE...]: lines of sshd_config beside the usual.
sshd_setup() {
        [ -e host_key ] || ssh-keygen -q -t ed25519 -N '' -f host_key
        # Only root's sshd needs it, and only outside of the private machine is a test root.
        [ "$(id -u)" != 0 ] || mkdir -p /run/sshd
        {
                printf '%s\n' "$@"
                printf '%s\n' "HostKey $PWD/host_key" "AuthorizedKeysFile $PWD/authorized_keys" "PidFile none" "StrictModes no" \
                        "UsePAM no" "PasswordAuthentication no" "KbdInteractiveAuthentication no" "LogLevel VERBOSE"
        } >sshd_config
        printf 'host %s\n' "$(cut -d ' ' -f 1-2 host_key.pub)" >known_hosts
        touch authorized_keys
        printf '%s\n' "Host host" "  User $me" "  ProxyCommand $(command -v sshd) -i -e -f $PWD/sshd_config 2>>$PWD/sshd.log" \
                "  UserKnownHostsFile $PWD/known_hosts" "  GlobalKnownHostsFile /dev/null" "  StrictHostKeyChecking yes" \
                "  BatchMode yes" "  IdentityFile none" "  PreferredAuthentications publickey" >ssh_config
}

# login [OPTION...]: prints who it is on the other side.
login() { ssh -F ssh_config "$@" host 'echo "logged in as $(id -un)"'; }

agent_start() {         # agent_start: an ssh-agent that takes our module
        background ssh-agent ssh-agent -D -a "$PWD/agent.sock" -P "$MODULE"
        export SSH_AUTH_SOCK=$PWD/agent.sock
        await test -S agent.sock
}

# The agent asks for a PIN whatever the module says; a token without one takes any answer.
agent_add() { printf '#!/bin/sh\necho\n' >askpass && chmod 700 askpass && SSH_ASKPASS=$PWD/askpass SSH_ASKPASS_REQUIRE=force ssh-add -s "$MODULE"; }
