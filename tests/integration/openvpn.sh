#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# OpenVPN: lists the IDs of certificates in tokens, and brings up a tunnel with both keys in the TPM.

. "$(dirname "$0")/lib.sh"
start_tpm
agent server
agent client
holdfast key create client/rsa --kind RSA-2048 >>agents.log 2>&1
make_ca
tpm_cert server localhost
tpm_cert client client
tpm_cert client/rsa client-rsa

openvpn --show-pkcs11-ids "$MODULE" >ids 2>&1
id_of() { grep -A 2 "DN: *CN=$1\$" ids | sed -n 's/.*Serialized id: *//p'; }
for name in localhost client client-rsa; do
        [ -n "$(id_of $name)" ] || { cat ids; die "no ID for $name"; }
done
[ "$(sed -n 's/.*Serialized id: *//p' ids | sort -u | wc -l)" = 3 ]
ok "lists an ID of its own for each certificate"

end() {                 # end NAME CERTIFICATE OPTION...
        background "$1" openvpn --dev null --ifconfig-noexec --ca ca.pem --remote-cert-tls "$3" --pkcs11-providers "$MODULE" \
                --pkcs11-id "$(id_of "$2")" --verb 3 --data-ciphers AES-256-GCM --cipher AES-256-GCM "${@:4}"
}
up() { grep -q 'Initialization Sequence Completed' "$1.log"; }

for name in client client-rsa; do
        end server localhost client --tls-server --dh none --proto tcp-server --lport $port --local 127.0.0.1
        await grep -q 'Listening for incoming TCP' server.log
        end "$name" $name server --tls-client --proto tcp-client --nobind --remote 127.0.0.1 $port
        await up $name
        await up server
        grep -q "VERIFY OK: depth=0, CN=$name" server.log
        grep -q "VERIFY OK: depth=0, CN=localhost" $name.log
        ok "$name: a tunnel comes up"
        kill "${pids[-1]}" "${pids[-2]}"
        wait "${pids[-1]}" "${pids[-2]}" || true
done
