# SPDX-License-Identifier: BSD-2-Clause
# For the tests of what an issuer really gives: the test runs once more within `holdfast dev --issuer`, in the private machine. Sourced in place of
# lib.sh.
# shellcheck shell=bash disable=SC2034,SC2154

# What holdfast dev says of itself, before lib.sh has a TPM of its own.
[ -z "${HOLDFAST_DEV:-}" ] || declare -p HOLDFAST_STORE HOLDFAST_TCTI >dev.env
prepare() {
        cp "${HOLDFAST_ISSUER_PROGRAM:?}" "$T/bin/holdfast-issuer"
        cp "${HOLDFAST_HTTP:?}" "$T/bin/holdfast-http"
}
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need_machine

if [ -z "${HOLDFAST_DEV:-}" ]; then
        mkdir -m 700 runtime
        export HOLDFAST_ISSUER_PROGRAM=$T/bin/holdfast-issuer HOLDFAST_HTTP=$T/bin/holdfast-http
        XDG_RUNTIME_DIR=$PWD/runtime holdfast dev --issuer -- bash "$0"
        [ -z "$(ls -A runtime)" ] || die "holdfast dev has left something behind"
        exit
fi
# shellcheck source=/dev/null
. ./dev.env
. "$(dirname "${BASH_SOURCE[0]}")/ssh_lib.sh"
credentials=$(dirname "$HOLDFAST_SOCKET")/credentials

# from_issuer PATH: what it publishes there.
from_issuer() { curl -sSf --cacert "$HOLDFAST_ISSUER_CA" "$HOLDFAST_ISSUER$1"; }

# profile NAME LINE...: one more, which counts before the others.
profile() {
        printf '[profile %s]\nhost = *\nassurance = simulator\nspiffe-id = spiffe://{trust-domain}/agent/{agent}\n' "$1" >profile.new
        printf '%s\n' "${@:2}" >>profile.new
        sed -i -e '/^\[profile default\]/{' -e 'r profile.new' -e 'N' -e '}' "$HOLDFAST_ISSUER_CONF"
}

reload_issuer() {
        local before

        before=$(reloads)
        pkill -HUP -x holdfast-issuer
        await reloaded
}
reloads() { grep -c 'read anew' "$HOLDFAST_DEV/issuer.log" || true; }
reloaded() { [ "$(reloads)" -gt "$before" ]; }

# enrol AGENT [OPTION...]: made, and given credentials.
enrol() {
        holdfast agent create "$1" --owner dana@example.com "${@:2}" >>agents.log 2>&1
        holdfast enroll "$1" >>agents.log 2>&1
}
