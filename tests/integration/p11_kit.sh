#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# p11-kit finds the module by its installed .module file: its own program, GnuTLS without being told, and any program
# through p11-kit-proxy; and it serves one token over a socket to who must not reach the TPM.

. "$(dirname "$0")/lib.sh"
need_machine
start_tpm
agent build-42
agent stranger

shows "holdfast: " p11-kit list-modules
grep -q "token: build-42" shows.out
ok "p11-kit lists module and tokens"

shows "token=build-42" p11tool --list-token-urls
shows "ok" p11tool --test-sign "$(uri build-42)"
ok "GnuTLS uses the token without a word of configuration"

power_off
# The store is there without its TPM. Without the daemon, nothing is.
! direct || shows "token=build-42" p11tool --list-token-urls
p11-kit list-modules >/dev/null 2>noise
[ ! -s noise ] || die "a missing TPM makes noise: $(cat noise)"
power_on
ok "a missing TPM makes no noise"

proxy=$(dirname "$MODULE")/../p11-kit-proxy.so
[ -e "$proxy" ] || proxy=$(dirname "$MODULE")/../libp11-kit.so.0
echo data >data
openssl dgst -sha256 -binary data >digest
proxied() { pkcs11-tool --module "$1" --token-label build-42 "${@:2}"; }
signs_by() {            # signs_by MODULE
        proxied "$1" --list-objects --type privkey >objects 2>/dev/null
        proxied "$1" --sign --mechanism ECDSA --signature-format openssl \
                --id "$(sed -n 's/^ *ID: *//p' objects | head -n 1)" --input-file digest --output-file sig 2>/dev/null
        openssl dgst -sha256 -verify <(holdfast key show build-42 --pem) -signature sig data >/dev/null
}
signs_by "$proxy"
ok "p11-kit-proxy signs"

# What is served is one token, and the client needs neither store nor TPM.
mkdir -m 700 runtime
p11-kit server --name "$PWD/served" --provider "$MODULE" "pkcs11:token=build-42" >server.env 2>server.log
pids+=("$(sed -n 's/^P11_KIT_SERVER_PID=\([0-9]*\).*/\1/p' server.env)")
address=$(sed -n 's/^P11_KIT_SERVER_ADDRESS=\([^;]*\).*/\1/p' server.env)
remote() { env -u HOLDFAST_STORE -u HOLDFAST_TCTI -u HOLDFAST_SOCKET "P11_KIT_SERVER_ADDRESS=$address" "$@"; }
remote pkcs11-tool --module "$(dirname "$MODULE")/p11-kit-client.so" --list-slots >slots 2>&1
grep -q build-42 slots
if grep -q stranger slots; then
        cat slots
        die "the server shows a token that it was not asked to"
fi
export P11_KIT_SERVER_ADDRESS=$address
signs_by "$(dirname "$MODULE")/p11-kit-client.so"
ok "p11-kit server serves one token"
