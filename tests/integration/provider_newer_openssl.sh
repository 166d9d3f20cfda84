#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The OpenSSL of the next Debian, 3.5, with the provider as it was built here: its openssl command does all that provider_openssl.sh asks of
# the installed one, and TLS 1.3 as it is spoken there by default, with a hybrid key agreement. The packages are unpacked beside the system.

next=trixie

# From the machine's own mirror, with its own way to get there; nothing of the machine's lists and packages is touched.
prepare() {
        local mirror apt_get d

        mirror=$(apt-get update --print-uris 2>/dev/null | sed -n "s,^'\(.*\)/dists/bookworm/InRelease' .*,\1,p" | head -n 1)
        [ -n "$mirror" ] || out_of_reach "this system's apt has no mirror of Debian 12"
        mkdir -p "$T/next/apt/lists/partial" "$T/next/apt/archives/partial" "$T/next/debs"
        : >"$T/next/apt/status"
        echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $next main" >"$T/next/apt/sources.list"
        apt_get=(timeout 100 apt-get -qq -o "Dir::State=$T/next/apt" -o "Dir::State::status=$T/next/apt/status" -o "Dir::Cache=$T/next/apt"
                -o "Dir::Etc::SourceList=$T/next/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null -o Acquire::Languages=none
                -o "APT::Sandbox::User=$(id -un)" -o APT::Update::Error-Mode=any -o Acquire::Retries=1)
        (cd "$T/next/debs" && "${apt_get[@]}" update && "${apt_get[@]}" download openssl libssl3t64 libc6 libzstd1 zlib1g) >"$T/next/log" 2>&1 ||
                out_of_reach "$mirror does not give the packages of $next: $(tail -n 1 "$T/next/log")"
        for d in "$T"/next/debs/*.deb; do
                dpkg-deb -x "$d" "$T/next/tree"
        done
        newer_openssl "$T/next/tree/usr" >"$T/bin/openssl"
        chmod 755 "$T/bin/openssl"
}

# A network that is not there is no fault of ours; check knows these words.
out_of_reach() {
        echo "SKIP: out of reach: $*"
        exit 77
}

# newer_openssl USR: a command that runs it with its own C library. What the provider and the module need besides is the system's.
newer_openssl() {
        local ld libs

        ld=$(echo "$1"/lib*/ld-linux*.so.?)
        libs=$(pkg-config --variable=libdir libcrypto)
        printf '#!/bin/sh\nexec "%s" --library-path "%s:%s" "%s" "$@"\n' "$ld" "$1/lib/$(basename "$libs")" "$libs" "$1/bin/openssl"
}

. "$(dirname "$0")/provider_openssl.sh"

shows "OpenSSL 3.5" openssl version
for key in client client-RSA-2048; do
        shows "X25519MLKEM768" mutual $key -tls1_3
        shows "Peer Temp Key: X25519" mutual $key -tls1_3 -groups X25519
        for opt in "" "-digest sha384"; do
                # shellcheck disable=SC2086 # an option and its value
                openssl pkeyutl -sign -rawin $opt -inkey $key.key.pem -in data -out sig
                # shellcheck disable=SC2086
                openssl pkeyutl -verify -rawin $opt -pubin -inkey $key.pub -in data -sigfile sig >/dev/null
        done
        ok "$key: OpenSSL 3.5 signs a file, and TLS 1.3 agrees on a hybrid key"
done
openssl genpkey -algorithm ML-DSA-65 -out ml.key 2>/dev/null
openssl req -new -x509 -key ml.key -subj /CN=ml -out ml.pem
openssl verify -CAfile ml.pem ml.pem >/dev/null
ok "what the provider does not have is the default provider's as before"
