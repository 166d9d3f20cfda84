#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# NSS: modutil adds the module, certutil lists keys, makes requests, keys and certificates, cmsutil signs.

. "$(dirname "$0")/lib.sh"
start_tpm
agent client
agent nss --no-key
make_ca
tpm_cert client client

mkdir db
certutil -N -d sql:db --empty-password
modutil -dbdir sql:db -add holdfast -libfile "$MODULE" -force >modutil.log 2>&1
shows "Token Name: client" modutil -dbdir sql:db -list holdfast
ok "modutil adds the module and shows its tokens"

# What asks for a PIN all the same is answered with an empty one.
printf 'client:\nnss:\n' >pins
nss() { "$1" -d sql:db "${@:2}"; }

shows "client:default" nss certutil -L -h client -f pins
shows "default" nss certutil -K -h client -f pins
key_id=$(grep -oE "[0-9a-f]{40}" shows.out | head -n 1)
ok "certutil lists certificate and key"

nss certutil -R -k "$key_id" -h client -f pins -s "CN=again" -a -o again.csr >certutil.log 2>&1
openssl req -in again.csr -verify -noout 2>/dev/null
cmp <(openssl req -in again.csr -pubkey -noout) <(holdfast key show client --pem)
ok "certutil makes a request for a key that is there"

head -c 100 /dev/urandom >noise
nss certutil -G -h nss -f pins -k ec -q nistp256 -z noise >certutil.log 2>&1
nss certutil -G -h nss -f pins -k rsa -g 2048 -z noise >certutil.log 2>&1
[ "$(nss certutil -K -h nss -f pins | grep -cE '^< *[0-9]+> ')" = 2 ]
ok "certutil makes P-256 and RSA keys"

nss certutil -S -h nss -f pins -k ec -q nistp256 -z noise -n made -s CN=made -x -t ,, -m 1 >certutil.log 2>&1
nss certutil -L -h nss -f pins -n nss:made -a >made.pem
openssl verify -CAfile made.pem made.pem >/dev/null
ok "certutil makes a key and its certificate in one go"

nss certutil -A -n "Test CA" -t C,C,C -i ca.pem
echo "read me" >letter
nss cmsutil -S -f pins -N client:default -i letter -o letter.cms
openssl cms -verify -inform DER -in letter.cms -CAfile ca.pem -purpose any -binary -out letter.out 2>/dev/null
cmp letter letter.out
ok "cmsutil signs, and OpenSSL verifies"

holdfast key list nss >keys
nss certutil -F -h nss -f pins -n nss:made >certutil.log 2>&1
[ "$(holdfast key list nss | wc -l)" -lt "$(wc -l <keys)" ]
ok "certutil deletes key and certificate"
