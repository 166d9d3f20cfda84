#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# SSH certificates, KRLs and the known_hosts line before OpenSSH: ssh-keygen reads them, sshd and ssh believe them, and stop when they are revoked.

. "$(dirname "$0")/issuer_lib.sh"
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ssh_lib.sh"
agent_key p256 "${p256[@]}"
agent_key p384 "${p384[@]}"
agent_key rsa "${rsa[@]}"
# Without the public half beside it, ssh does not see that a certificate is for the key.
for agent in p256 p384 rsa; do chmod 600 $agent.key && ssh-keygen -yf $agent.key >$agent.key.pub; done
all=permit-pty,permit-agent-forwarding,permit-port-forwarding,permit-user-rc,permit-X11-forwarding

with() { login -i "$1.key" -o CertificateFile=user-cert.pub -o IdentitiesOnly=yes; }

for kind in P-256 P-384 Ed25519 RSA-3072; do
        fresh_ca $kind
        sshd_setup "TrustedUserCAKeys $PWD/ca.pub"
        for agent in p256 p384 rsa; do
                mint ca=ca.key key=$agent.pub.pem users="$me"
                shows "$(ssh-keygen -lf ca.pub | cut -d ' ' -f 2)" ssh-keygen -Lf user-cert.pub
                shows "logged in as $me" with $agent
        done
        ok "sshd believes certificates of a CA of the kind $kind, for each kind of agent's key"
done

fresh_ca P-256
sshd_setup "TrustedUserCAKeys $PWD/ca.pub"
mint ca=ca.key key=p256.pub.pem users="$me,deploy" record=1234 command='echo "by force"' source=192.0.2.0/24,2001:db8::/32 extensions=$all allows=8
ssh-keygen -Lf user-cert.pub >shown
for line in "Type: ecdsa-sha2-nistp256-cert-v01@openssh.com user certificate" 'Key ID: "build-42/1234"' "Serial: $((16#$(head -c 16 serial)))" \
        "force-command echo \"by force\"" "source-address 192.0.2.0/24,2001:db8::/32" "verify-required" permit-X11-forwarding permit-agent-forwarding permit-port-forwarding permit-pty permit-user-rc; do
        grep -qF -- "$line" shown || die "ssh-keygen -L does not show \"$line\""
done
[ "$(sed -n '/Principals:/,/Critical/p' shown | sed '1d;$d' | xargs)" = "$me deploy" ] || die "other principals"
ok "ssh-keygen -L shows what was granted"

refused with p256       # from no such address
mint ca=ca.key key=p256.pub.pem users="$me" record=9 command='echo "by force"'
shows "by force" with p256
grep -q 'Accepted publickey.*-CERT .* ID build-42/9 (serial ' sshd.log
mint ca=ca.key key=p256.pub.pem users=deploy
refused with p256
mint ca=ca.key key=p384.pub.pem users="$me"
refused with p256
mint ca=ca.key key=p256.pub.pem users="$me" life=1
ended() { ! with p256; }
await ended
refused mint ca=ca.key key=p256.pub.pem users='*'
refused mint ca=ca.key key=p256.pub.pem users="$me" extensions=permit-all
refused mint ca=ca.key key=p256.pub.pem users="$me" source=anywhere
ok "options, principals, key and end of a certificate are kept to"

mint ca=ca.key key=p256.pub.pem users="$me" record=20
first=$(cat serial)
cp user-cert.pub first-cert.pub
mint ca=ca.key key=p256.pub.pem users="$me" record=21
revoked() { ssh-keygen -Q -f ca.krl "$1"; }
shows ok revoked first-cert.pub
mint ca=ca.key revoke="$first"
refused revoked first-cert.pub
grep -q REVOKED refused.out
shows ok revoked user-cert.pub
mint ca=ca.key revoke-id=build-42 record=21
shows ok revoked first-cert.pub
refused revoked user-cert.pub
shows "# CA key" ssh-keygen -Q -l -f ca.krl
sshd_setup "TrustedUserCAKeys $PWD/ca.pub" "RevokedKeys $PWD/ca.krl"
refused with p256
mint ca=ca.key
shows "logged in as $me" with p256
ok "a revoked certificate is on the KRL, by its serial number or its key id, and sshd refuses it"

# The host: sshd's key with a certificate, which ssh believes by the known_hosts line alone.
for kind in P-256 Ed25519; do
        fresh_ca $kind
        mint ca=ca.key key=p256.pub.pem hosts=host.example.org,build-42.example.org users="$me"
        shows "host certificate" ssh-keygen -Lf host-cert.pub
        sshd_setup "TrustedUserCAKeys $PWD/ca.pub"
        sed -i "s,^HostKey .*,HostKey $PWD/p256.key\nHostCertificate $PWD/host-cert.pub," sshd_config
        cp ca.known_hosts known_hosts
        alias=host.example.org
        to() { login -i p256.key -o CertificateFile=user-cert.pub -o IdentitiesOnly=yes -o HostKeyAlias="$1" "${@:2}"; }
        shows "logged in as $me" to "$alias"
        refused to other.example.org
        refused to host.example.com
        mint ca=ca.key revoke="$(cat serial)"
        refused to "$alias" -o RevokedHostKeys="$PWD/ca.krl"
done
ok "ssh believes a host certificate by the @cert-authority line, for its names only"

# A user's certificate is none for a host.
cp user-cert.pub host-cert.pub
refused to "$alias"
ok "a user certificate is no host certificate"
