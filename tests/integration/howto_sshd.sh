#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# docs/howto/sshd.md: sshd trusts the issuer's SSH CA for users and shows a host certificate by it, whose key is in the TPM; ssh believes the host by
# the CA's line in known_hosts alone; the KRL ends a certificate on both sides.

. "$(dirname "$0")/enrolled_lib.sh"
profile machine "agent = sshd" "credentials = ssh-host" "ssh-hosts = {host}"
profile people "agent = deploy other" "credentials = ssh-user" "ssh-users = $me" "force-command = echo forced" "life = 5m"
reload_issuer
for name in sshd deploy other; do enrol $name; done
[ -e "$credentials/sshd/default/host-cert.pub" ] && [ ! -e "$credentials/sshd/default/id-cert.pub" ]

from_issuer /ssh/user-ca.pub >user-ca.pub
from_issuer /ssh/krl >krl
from_issuer /ssh/known_hosts >known_hosts
ssh-keygen -Q -l -f krl >/dev/null
cat >sshd_config <<CONF
HostKeyAgent SSH_AUTH_SOCK
HostKey $credentials/sshd/default/id.pub
HostCertificate $credentials/sshd/default/host-cert.pub
TrustedUserCAKeys $PWD/user-ca.pub
RevokedKeys $PWD/krl
AuthorizedKeysFile none
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
LogLevel VERBOSE
CONF
cat >ssh_config <<CONF
Host host.dev.localhost
  User $me
  ProxyCommand holdfast run sshd -- $(command -v sshd) -i -e -f $PWD/sshd_config 2>>$PWD/sshd.log
  UserKnownHostsFile /dev/null
  StrictHostKeyChecking yes
  BatchMode yes
CONF
as() { holdfast ssh "$1" -- -F ssh_config "${@:2}" host.dev.localhost true; }
shows "forced" as deploy
shows "forced" as other
grep -q 'Accepted publickey.*-CERT .* ID deploy/' sshd.log
refused ssh -F ssh_config -o "GlobalKnownHostsFile $PWD/known_hosts" host.dev.localhost true
grep -q "Permission denied" refused.out
ok "sshd and ssh believe each other by certificates, both keys in the TPM"

# Without the CA's line, or for another name, ssh does not believe it.
refused holdfast run deploy -- ssh -F ssh_config -o GlobalKnownHostsFile=/dev/null host.dev.localhost true
grep -q "Host key verification failed" refused.out
refused as deploy -o HostKeyAlias=other.dev.localhost
grep -q "Host key verification failed" refused.out
ok "a host is believed for its own name only"

holdfast-issuer agent revoke deploy --host host.dev.localhost --conf "$HOLDFAST_ISSUER_CONF" >revoke.log
from_issuer /ssh/krl >krl
refused as deploy
shows "forced" as other
holdfast-issuer agent revoke sshd --host host.dev.localhost --conf "$HOLDFAST_ISSUER_CONF" >>revoke.log
from_issuer /ssh/krl >krl
refused as other -o RevokedHostKeys="$PWD/krl"
grep -q revoked refused.out
log_holds
ok "the KRL ends a user's and a host's certificate"
