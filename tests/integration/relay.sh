#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The daemon dies and comes back under programs that stay: nginx with OpenSSL's engine, ssh-agent, a program that was idle. They notice no
# more than calls that fail while it is away. An agent whose rules name others is not there, and a user's processes ask with their own names.

HF_THROUGH=daemon
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ssh_lib.sh"
start_tpm
agent web
agent client
agent build-42
make_ca
tpm_cert web localhost
file_cert client

come_back() { power_off; power_on; }

nginx_start 2 "ssl" "engine:pkcs11:$(uri web)" "ssl_engine pkcs11;" "env PKCS11_MODULE_PATH;"
await test -S web
get() { curl -sS --max-time 20 --unix-socket web --cacert ca.pem --cert client.pem --key client.key https://localhost/who; }
shows "CN=client" get
for _ in 1 2 3; do
        come_back
        shows "CN=client" get
done
ok "nginx goes on when the daemon has come back"

power_off
refused get
power_on
shows "CN=client" get
shows "CN=client" get
ok "without the daemon a handshake fails, and with it the next does not"

gets=()
for i in $(seq 30); do
        for _ in 1 2 3 4 5 6 7 8; do get >"who.$i" 2>/dev/null || true; done &
        gets+=($!)
done
come_back
wait "${gets[@]}"
shows "CN=client" get
ok "nor is anything left of a daemon that dies in the middle of 240 handshakes"

sshd_setup
holdfast key show build-42 --ssh >authorized_keys
agent_start
agent_add >ssh-add.log 2>&1
shows "logged in as $me" login
come_back
shows "logged in as $me" login
power_off
refused login
power_on
shows "logged in as $me" login
ok "ssh-agent goes on too"

agent stranger --allow "allow user=holdfast human=yes"
pkcs11-tool --module "$MODULE" --list-slots >slots 2>&1
grep -q build-42 slots
if grep -q stranger slots; then
        cat slots
        die "a token shows that no rule gives to this user"
fi
refused pkcs11-tool --module "$MODULE" --token-label stranger --list-objects
ok "what no rule names is not there"

power_off
refused pkcs11-tool --module "$MODULE" --list-slots
grep -q "No slots" refused.out
refused pkcs11-tool --module "$MODULE" --token-label build-42 --list-objects
p11-kit list-modules >list 2>noise
[ ! -s noise ] || die "a missing daemon makes noise: $(cat noise)"
grep -q "^holdfast:" list
power_on
shows "build-42" p11-kit list-modules
ok "without the daemon there are no tokens, no noise, and nobody opens the TPM instead"
