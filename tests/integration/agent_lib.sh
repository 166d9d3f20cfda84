# SPDX-License-Identifier: BSD-2-Clause
# For the tests of what an agent does with its credentials: written by mint in place of an issuer, where a daemon would put them. Sourced between
# issuer_lib.sh and the test, behind lib.sh.
# shellcheck shell=bash disable=SC2154

export HOLDFAST_CREDENTIALS=$PWD/credentials HOLDFAST_TOKEN_SOCKET=$PWD/token.sock

# credentials AGENT LABEL [WORD=VALUE...]: of the CA in this directory, for an hour unless life= says otherwise.
credentials() {
        local dir=credentials/$1/$2 life=3600 word

        for word in "${@:3}"; do [ "${word%%=*}" != life ] || life=${word#*=}; done
        mkdir -p "$dir"
        holdfast key show "$1/$2" --pem >"$1.$2.pub.pem"
        mint ca=ca.key key="$1.$2.pub.pem" id="spiffe://example.org/agent/$1" agent="$1" "${@:3}"
        holdfast key export-ref "$1/$2" >"$dir/key.pem"
        holdfast key show "$1/$2" --ssh >"$dir/id.pub"
        cat leaf.pem >"$dir/cert.pem"
        cp ca.pem "$dir/bundle.pem"
        cp ca.known_hosts "$dir/known_hosts"
        for word in user:id-cert.pub host:host-cert.pub; do
                [ ! -e "${word%%:*}-cert.pub" ] || mv "${word%%:*}-cert.pub" "$dir/${word#*:}"
        done
        printf '{"agent":"%s","key":"%s","spiffe_id":"spiffe://example.org/agent/%s","not_after":%d,"renew_after":%d,"last_error":null}\n' \
                "$1" "$2" "$1" $(($(date +%s) + life)) $(($(date +%s) + life * 2 / 3)) >"$dir/status.json"
}

# What `holdfast run` has made and not taken away.
mkdir -m 700 runtime
export XDG_RUNTIME_DIR=$PWD/runtime
nothing_left() { [ -z "$(ls -A runtime)" ]; }
