#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# wpa_supplicant's EAP-TLS client with its key in the TPM, against hostapd's RADIUS server. eapol_test is wpa_supplicant's
# own code without the radio. It takes a module from /usr/lib only.

. "$(dirname "$0")/lib.sh"
need_machine
start_tpm
agent laptop
holdfast key create laptop/rsa --kind RSA-2048 >>agents.log 2>&1
make_ca
file_cert radius
tpm_cert laptop laptop
tpm_cert laptop/rsa laptop-rsa

echo '127.0.0.1 secret' >clients
echo '* TLS' >users
cat >hostapd.conf <<END
driver=none
radius_server_clients=$PWD/clients
radius_server_auth_port=$port
eap_server=1
eap_user_file=$PWD/users
ca_cert=$PWD/ca.pem
server_cert=$PWD/radius.pem
private_key=$PWD/radius.key
END
background hostapd hostapd -dd hostapd.conf
await grep -q 'AP-ENABLED\|RADIUS server\|Setup of interface done' hostapd.log

supplicant() {          # supplicant KEY CERTIFICATE
        cat >eapol.conf <<END
pkcs11_engine_path=$ENGINE
pkcs11_module_path=$MODULE
network={
        key_mgmt=IEEE8021X
        eap=TLS
        identity="$2"
        ca_cert="$PWD/ca.pem"
        client_cert="$PWD/$2.pem"
        engine=1
        engine_id="pkcs11"
        key_id="$(uri "$1")"
        private_key="$(uri "$1")"
}
END
        eapol_test -c eapol.conf -a 127.0.0.1 -p $port -s secret -t 4
}
shows "SUCCESS" supplicant laptop laptop
shows "SUCCESS" supplicant laptop/rsa laptop-rsa
ok "EAP-TLS with P-256 and RSA keys"

refused supplicant laptop laptop-rsa
ok "a key that is not the certificate's gets nowhere"
