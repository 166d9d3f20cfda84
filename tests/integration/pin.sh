#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A token with a PIN: every client's own way to give it works, a wrong one is refused, and too many lock the token until
# its security officer sets a new one.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ssh_lib.sh"
start_tpm
echo 1234-5678 >pin
echo so-pin-for-tests >so-pin
agent locked --pin-file pin --so-pin-file so-pin
key=$(uri locked)

echo data >data
signed() {              # signed COMMAND...: it writes a DER signature of data to sig
        rm -f sig
        "$@" && openssl dgst -sha256 -verify <(holdfast key show locked --pem) -signature sig data >/dev/null
}
tool() {
        pkcs11-tool --module "$MODULE" --token-label locked --login --pin "$1" --sign --mechanism ECDSA-SHA256 \
                --signature-format openssl --label default --input-file data --output-file sig >tool.log 2>&1
}
engine() {
        openssl dgst -sha256 -engine pkcs11 -keyform engine -sign "$key?pin-value=$1" -out sig data >engine.log 2>&1 </dev/null
}
signed tool 1234-5678
signed engine 1234-5678
ok "pkcs11-tool and OpenSSL sign with the PIN"

shows "Type: Public key" p11tool --provider "$MODULE" --list-all "pkcs11:token=locked"
GNUTLS_PIN=1234-5678 shows "ok" p11tool --batch --provider "$MODULE" --login --test-sign "$key"
GNUTLS_PIN=9999-9999 refused p11tool --batch --provider "$MODULE" --login --test-sign "$key"
ok "GnuTLS sees public keys without it, and signs with it"

sshd_setup 'MaxAuthTries 20'
holdfast key show locked --ssh >authorized_keys
sed -i '/BatchMode/d' ssh_config
printf '#!/bin/sh\necho 1234-5678\n' >askpass
chmod 700 askpass
export SSH_ASKPASS=$PWD/askpass SSH_ASKPASS_REQUIRE=force
shows "logged in as $me" login -I "$MODULE"
agent_start
ssh-add -s "$MODULE" 2>ssh-add.log
shows "logged in as $me" login
ok "ssh and ssh-agent log in with it"

refused signed tool 0000-0000
grep -q CKR_PIN_INCORRECT tool.log
signed tool 1234-5678
ok "a wrong PIN is refused, and the right one counts anew"

for _ in $(seq 40); do
        refused tool 0000-0000
        ! grep -q CKR_PIN_LOCKED tool.log || break
done
grep -q CKR_PIN_LOCKED tool.log
refused tool 1234-5678
refused engine 1234-5678
ok "too many wrong PINs lock the token"

echo new-pin-1 >pin
holdfast agent set locked --pin-file pin --so-pin-file so-pin >>agents.log 2>&1
signed tool new-pin-1
refused tool 1234-5678
ok "the security officer sets a new one"
