#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# X.509-SVIDs and revocation lists before openssl: verify with purposes, what -text shows, crl, mutual TLS.

. "$(dirname "$0")/issuer_lib.sh"
. "$(dirname "$0")/lib.sh"
agent_key p256 "${p256[@]}"
agent_key p384 "${p384[@]}"
agent_key rsa "${rsa[@]}"

verify() { openssl verify -x509_strict -check_ss_sig -CAfile ca.pem "$@" leaf.pem; }
text() { openssl x509 -in leaf.pem -noout "$@"; }

for kind in P-256 P-384 RSA-3072; do
        fresh_ca $kind
        shows "OK" openssl verify -x509_strict -check_ss_sig -CAfile ca.pem ca.pem
        for agent in p256 p384 rsa; do
                mint ca=ca.key key=$agent.pub.pem
                for purpose in sslclient sslserver; do shows "leaf.pem: OK" verify -purpose $purpose; done
                refused verify -purpose smimesign
                refused verify -purpose crlsign
                cmp $agent.pub.pem <(text -pubkey)
        done
done
ok "openssl verifies certificates of each kind of CA for each kind of agent's key, for clients and servers only"

fresh_ca P-256
shows "CA:TRUE, pathlen:0" openssl x509 -in ca.pem -noout -text
shows "URI:example.org" openssl x509 -in ca.pem -noout -ext nameConstraints
mint ca=ca.key key=p256.pub.pem
shows "X509v3 Subject Alternative Name: critical" text -text
[ "$(text -ext subjectAltName | sed -n 2p | tr -d ' ')" = "URI:spiffe://example.org/agent/build-42" ] || die "other names than the SPIFFE ID"
[ "$(text -ext keyUsage | sed -n 2p | tr -d ' ')" = DigitalSignature ] || die "another key usage"
shows "X509v3 Key Usage: critical" text -ext keyUsage
shows "TLS Web Server Authentication, TLS Web Client Authentication" text -ext extendedKeyUsage
shows "CA:FALSE" text -ext basicConstraints
shows "URI:http://crl.example.org/ca.crl" text -ext crlDistributionPoints
[ "$(text -serial)" = "serial=$(tr a-f A-F <serial)" ] || die "another serial number"
[ "$(text -subject)" = "subject=" ] || die "a subject that was not granted"
[ "$(text -ext authorityKeyIdentifier | sed -n 2p | tr -d ' ')" = "$(openssl x509 -in ca.pem -noout -ext subjectKeyIdentifier | sed -n 2p | tr -d ' ')" ] || die "not the CA's key identifier"
ok "a certificate holds what a SPIFFE X509-SVID holds"

refused mint ca=ca.key key=p256.pub.pem id=spiffe://example.com/agent/build-42
refused mint ca=ca.key key=p256.pub.pem dns='*.example.org'
refused mint ca=ca.key key=p256.pub.pem life=86401
refused mint ca=ca.key key=p256.pub.pem cn=www.example.org
mint ca=ca.key key=p256.pub.pem dns=www.example.org
refused verify -purpose sslserver       # the CA may certify no DNS name
rm ca.pem
mint ca=ca.key domains=example.org
mint ca=ca.key key=p256.pub.pem dns=www.example.org,api.example.org cn=spiffe://example.org/agent/build-42
shows OK verify -purpose sslserver -verify_hostname www.example.org
refused verify -purpose sslserver -verify_hostname evil.example.org
[ "$(text -subject -nameopt RFC2253)" = "subject=CN=spiffe://example.org/agent/build-42" ] || die "another subject"
if command -v certtool >/dev/null; then
        shows "The certificate is trusted" certtool --verify --load-ca-certificate ca.pem --infile leaf.pem --verify-hostname api.example.org
        refused certtool --verify --load-ca-certificate ca.pem --infile leaf.pem --verify-hostname evil.example.org
fi
if command -v certutil >/dev/null; then
        mkdir nss
        certutil -N -d nss --empty-password
        certutil -A -d nss -n ca -t CT,, -a -i ca.pem
        certutil -A -d nss -n leaf -t ,, -a -i leaf.pem
        for usage in C V; do shows "certificate is valid" certutil -V -d nss -n leaf -u $usage; done
        refused certutil -V -d nss -n leaf -u S
fi
ok "GnuTLS and NSS verify it too, where they are installed"
mint ca=ca.key key=p256.pub.pem dns=www.example.com
refused verify -purpose sslserver
ok "DNS names where they are granted, and only within the CA's domains"

mint ca=ca.key key=p256.pub.pem dns=localhost.example.org
cp leaf.pem first.pem
revoked=$(cat serial)
mint ca=ca.key key=p256.pub.pem dns=localhost.example.org
shows "verify OK" openssl crl -in ca.crl -CAfile ca.pem -noout
shows "No Revoked Certificates" openssl crl -in ca.crl -noout -text
crl_check() { openssl verify -x509_strict -crl_check -CRLfile ca.crl -CAfile ca.pem "$1"; }
shows OK crl_check first.pem
mint ca=ca.key revoke="$revoked"
shows "verify OK" openssl crl -in ca.crl -CAfile ca.pem -noout
shows "Privilege Withdrawn" openssl crl -in ca.crl -noout -text
[ "$(openssl crl -in ca.crl -noout -crlnumber)" = crlNumber=0x07 ] || die "another CRL number"
openssl crl -in ca.crl -noout -nextupdate | grep -q nextUpdate=
refused crl_check first.pem
grep -q revoked refused.out
shows OK crl_check leaf.pem
ok "a revoked certificate is on the CRL, and no other"

background server openssl s_server -accept 4433 -cert leaf.pem -key p256.key -CAfile ca.pem -Verify 1 -verify_return_error -www
await listening 4433
connect() { openssl s_client -connect 127.0.0.1:4433 -CAfile ca.pem -verify_hostname localhost.example.org -verify_return_error "$@" <<<"GET / HTTP/1.0"$'\n'; }
shows "Verify return code: 0 (ok)" connect -cert first.pem -key p256.key
shows "HTTP/1.0 200" connect -cert first.pem -key p256.key -ign_eof
connect -ign_eof >anonymous.out 2>&1 || true
refused grep -q "HTTP/1.0 200" anonymous.out
ok "mutual TLS with them"
