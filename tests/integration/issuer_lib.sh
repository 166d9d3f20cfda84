# SPDX-License-Identifier: BSD-2-Clause
# For the tests that have other programs judge the issuer's credentials. Sourced before lib.sh, which calls prepare.
# shellcheck shell=bash disable=SC2034

prepare() { cp "${top_builddir:?}/tests/integration/mint" "$T/bin/mint"; }

# agent_key NAME KIND...: NAME.key, and NAME.pub.pem, as for openssl genpkey -algorithm.
agent_key() {
        openssl genpkey -algorithm "${@:2}" -out "$1.key" 2>/dev/null
        openssl pkey -in "$1.key" -pubout -out "$1.pub.pem"
}
p256=(EC -pkeyopt ec_paramgen_curve:P-256)
p384=(EC -pkeyopt ec_paramgen_curve:P-384)
rsa=(RSA -pkeyopt rsa_keygen_bits:2048)

# fresh_ca KIND: every file of another CA is gone.
fresh_ca() {
        rm -f ca.* leaf.pem token.jwt ./*-cert.pub jwks.json bundle.json serial
        mint make="$1"
}
