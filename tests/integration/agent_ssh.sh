#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# An agent's SSH certificate before OpenSSH: sshd trusts a CA and no key, ssh and git are run by `holdfast ssh`, `holdfast run`, or what
# `holdfast ssh-config` prints, and an ssh-agent that signs for one agent alone.

. "$(dirname "$0")/issuer_lib.sh"
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ssh_lib.sh"
. "$(dirname "$0")/agent_lib.sh"
start_tpm
# ssh takes a percent sign in a path for a token of its own; the directory of this agent has one.
agent "build.42"
agent other
holdfast key create "build.42/RSA" --kind RSA-2048 >>agents.log 2>&1
fresh_ca P-256
mkdir -p "credentials/build%2E42"
ln -s "build%2E42" "credentials/build.42"
for label in default RSA; do credentials "build.42" $label users="$me"; done
sshd_setup "TrustedUserCAKeys $PWD/ca.pub"

# What holdfast adds must do, without a word about keys in the configuration.
sed -i '/IdentityFile/d' ssh_config
# shellcheck disable=SC2016 # for the shell on the other side
says() { shows "logged in as $me" "$@" host 'echo "logged in as $(id -un)"'; }
says holdfast ssh "build.42" -- -F ssh_config
says holdfast ssh "build.42/RSA" -- -F ssh_config
says holdfast ssh "build.42/RSA" -- -F ssh_config -o PubkeyAcceptedAlgorithms=rsa-sha2-256-cert-v01@openssh.com,rsa-sha2-256
grep -q 'Accepted publickey.*ECDSA-CERT.* ID build.42/1' sshd.log
grep -q 'Accepted publickey.*RSA-CERT.* ID build.42/1' sshd.log
says holdfast run "build.42" -- ssh -F ssh_config
refused ssh -F ssh_config host true
refused holdfast ssh other -- -F ssh_config host true
grep -q "other is not enrolled" refused.out
ok "sshd lets in who has a certificate: P-256 and RSA, by holdfast ssh and holdfast run"

holdfast ssh-config "build.42" host other.example.org >stanza
cat ssh_config >>stanza
says ssh -F stanza
shows "pkcs11provider $MODULE" ssh -F stanza -G other.example.org
shows "credentials/build%%2E42/default/id-cert.pub" ssh -F stanza -G host
holdfast ssh-config "build.42/RSA" | grep -q '^Host \*$'
refused holdfast ssh-config "build.42" 'host
ProxyCommand evil'
refused holdfast ssh-config other
ok "and by ssh's own configuration"

r=0
holdfast ssh "build.42" -- -F ssh_config host 'exit 7' || r=$?
[ $r = 7 ]
await nothing_left
ok "ssh's exit status is passed on"

# A host's certificate: the name is believed by the CA's line alone.
agent_key p256 "${p256[@]}"
chmod 600 p256.key
mint ca=ca.key key=p256.pub.pem hosts=host.example.org
printf '%s\n' "HostKey $PWD/p256.key" "HostCertificate $PWD/host-cert.pub" >sshd_config.new
grep -v ^HostKey sshd_config >>sshd_config.new
mv sshd_config.new sshd_config
: >known_hosts
mkdir -p "$HOME/.ssh"
sed -i '/GlobalKnownHostsFile/d' ssh_config
says holdfast ssh "build.42" -- -F ssh_config -o HostKeyAlias=host.example.org
refused holdfast ssh "build.42" -- -F ssh_config -o HostKeyAlias=host.example.com host true
ok "a host is known by its certificate"

# git signs with the ssh-agent, without anything of PKCS#11 in it.
git init -q repository
cd repository
git config gpg.format ssh
git config user.email build@example.com
git config user.name build
git config user.signingkey "key::$(cut -d ' ' -f 1-2 "$HOLDFAST_CREDENTIALS/build%2E42/default/id.pub")"
holdfast run "build.42" -- git commit -q -S --allow-empty -m signed
echo "build@example.com $(cut -d ' ' -f 1-2 "$HOLDFAST_CREDENTIALS/build%2E42/default/id.pub")" >../allowed
git -c gpg.ssh.allowedSignersFile="$PWD/../allowed" verify-commit HEAD
cd ..
for key in default RSA; do
        echo "a letter" >letter
        rm -f letter.sig
        holdfast run "build.42/$key" -- ssh-keygen -q -Y sign -n file -f "credentials/build.42/$key/id.pub" letter
        echo "you@example.com $(cat "credentials/build.42/$key/id.pub")" >allowed
        ssh-keygen -Y verify -f allowed -I you@example.com -n file -s letter.sig <letter >/dev/null
        echo "another" >letter
        refused ssh-keygen -Y verify -f allowed -I you@example.com -n file -s letter.sig <letter
done
ok "git and ssh-keygen sign by the ssh-agent"

# A certificate for another key, and one that is none, are left out; the key stays.
mint ca=ca.key key=p256.pub.pem users="$me"
for wrong in "$(cat user-cert.pub)" "ecdsa-sha2-nistp256-cert-v01@openssh.com AAAA" "nothing"; do
        echo "$wrong" >"credentials/build.42/default/id-cert.pub"
        [ "$(holdfast run "build.42" -- ssh-add -L | wc -l)" = 2 ]
done
await nothing_left
ok "a certificate that is not the key's is not shown"
