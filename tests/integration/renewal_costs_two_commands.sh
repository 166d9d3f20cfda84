#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What new credentials cost the TPM: TPM2_Quote and TPM2_Certify, and nothing besides once key and sessions are loaded. PCRs that changed meanwhile cost
# a quote more, and their reading. All of it is in the log, and the TPM agrees.

# Of the daemon that `holdfast dev` starts.
[ -z "${T:-}" ] || export HOLDFAST_TPM_TRACE=$T/run/tpm.trace
. "$(dirname "$0")/enrolled_lib.sh"

profile quoted 'agent = build-42' 'credentials = x509' 'pcrs = 0,7,23'
reload_issuer
enrol build-42
holdfast enroll build-42 >enrolled
for check in host-signature host-statement key-signature key-statement; do
        grep -qE "^$check +passed" enrolled || { cat enrolled; die "no check $check"; }
done

# commands NUMBER: what is in the trace behind that line, but for the log's own checkpoints, which come when they are due.
commands() { tail -n "+$(($1 + 1))" "$HOLDFAST_TPM_TRACE" | awk '{ print $1 }' | grep -vx -e GetCommandAuditDigest -e NV_Increment | paste -sd' '; }
costs() {
        local before got

        before=$(wc -l <"$HOLDFAST_TPM_TRACE")
        holdfast enroll build-42 >>enrolled
        got=$(commands "$before")
        [ "$got" = "$1" ] || die "new credentials cost \"$got\" and not \"$1\""
}
for _ in 1 2 3; do costs "Quote Certify"; done
ok "new credentials cost two commands"

HOLDFAST_TPM_TRACE='' TPM2TOOLS_TCTI=$HOLDFAST_TCTI tpm2_pcrextend "23:sha256=$(printf '%064d' 1)"
costs "Quote PCR_Read Quote Certify"
costs "Quote Certify"
ok "PCRs are read again where they have changed"

holdfast audit log -n 100 --event attest >records
[ "$(grep -c 'attest .*allowed .*build-42.* certify' records)" -ge 6 ] || { cat records; die "statements without a record"; }
grep -q 'attest .*failed .* quote' records
holdfast audit verify >verified
ok "and the log tells of each"
