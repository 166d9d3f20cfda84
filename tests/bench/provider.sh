# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: BSD-2-Clause
# What the OpenSSL provider costs, beside Debian's tpm2-openssl where that runs. Sourced by run.sh, which has the rest.

provider_so=$top_builddir/provider/.libs/holdfast.so
n_signatures=${BENCH_SIGNATURES:-100000}
key='pkcs11:token=bench;object=k0000;type=private'
slow_us=20000   # published medians of an ECC signature on chips: 6 to 198 ms, half of them above 70

tls() { # ARGUMENT...
        HOLDFAST_MODULE=$ours_so HOLDFAST_STORE=$store HOLDFAST_TCTI=$tcti BENCH_LOG=$work/log "$work/tls_bench" "${provider_so%/*}" "$key" "$@"
}

# counted, with_ours or with_peer, COMMAND...: a whole process, its TPM commands counted; the answer is the count, or "fails".
counted() { # WHO COMMAND...
        local who=$1

        shift
        proxy_on
        if tcti=swtpm:path=$work/proxy "$who" "$@" >>"$work/provider.log" 2>&1; then wc -l <"$work/log"; else echo fails; fi
        proxy_off
        tpm_tidy
}
with_ours() { HOLDFAST_MODULE=$ours_so HOLDFAST_STORE=$store HOLDFAST_TCTI=$tcti OPENSSL_CONF=$work/ours.cnf "$@"; }
with_peer() { TPM2OPENSSL_TCTI=$tcti OPENSSL_CONF=$work/peer.cnf "$@"; }

configure() {
        cat >"$work/plain.cnf" <<CONF
openssl_conf = init
[init]
providers = providers
[providers]
default = on
[on]
activate = 1
CONF
        sed "s,^default = on,&\nholdfast = holdfast," "$work/plain.cnf" >"$work/ours.cnf"
        printf '[holdfast]\nmodule = %s\nactivate = 1\n' "$provider_so" >>"$work/ours.cnf"
        sed "s,^default = on,tpm2 = on\n&," "$work/plain.cnf" >"$work/peer.cnf"
        HOLDFAST_STORE=$store HOLDFAST_TCTI=$tcti "$holdfast" key export-ref bench/k0000 >"$work/ours.pem"
        openssl rand 32 >"$work/digest"
        have_tpm2=''
        if with_peer openssl genpkey -algorithm EC -pkeyopt group:P-256 -propquery provider=tpm2 -out "$work/peer.pem" >>"$work/provider.log" 2>&1; then
                have_tpm2=yes
        fi
        tpm_tidy
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/server.key" -out "$work/server.pem" -days 2 \
                -subj /CN=localhost -addext subjectAltName=DNS:localhost 2>/dev/null
}

processes() {
        local ours peer=- sign
        sign=(openssl pkeyutl -sign -in "$work/digest" -out "$work/sig" -pkeyopt digest:sha256)
        ours=$(counted with_ours "${sign[@]}" -inkey "$work/ours.pem")
        [ -n "$have_tpm2" ] && peer=$(counted with_peer "${sign[@]}" -inkey "$work/peer.pem")
        row "TPM commands of a whole openssl pkeyutl -sign, flushes included" "at most 5" "$ours" "$peer (tpm2-openssl)"

        proxy_on
        tcti=swtpm:path=$work/proxy tls sign 10 >"$work/out"
        ours=$(value commands <"$work/out")
        row "TPM commands of each EVP_DigestSign" 1 "$ours" "2 (tpm2-openssl, published)"
        tcti=swtpm:path=$work/proxy tls handshakes 1 10 >"$work/out"
        row "TPM commands of each TLS 1.3 handshake, client's key warm" 1 "$(value commands <"$work/out")" "92 to 1069 (likewise)"
        proxy_off
        tpm_tidy
}

# On a TPM as slow as a chip the bare command is all that should count; on this one, whose time is the processor's too, what a handshake costs
# with the key in software comes on top of it, at each end.
handshakes() { # THREADS
        local e
        : >"$work/tls"
        proxy_on $slow_us
        for _ in $(seq "$runs"); do
                e=$("$work/esys_sign" "swtpm:path=$work/proxy" sign 10 | value sign_us)
                tcti=swtpm:path=$work/proxy tls handshakes "$1" 40 >"$work/out" || echo "handshakes_failed crash" >>"$work/out"
                echo "$(ratio "$e" "$(value handshake_us <"$work/out")") $(value handshakes_failed <"$work/out")" >>"$work/tls"
        done
        proxy_off
        row "TLS 1.3 handshakes/s of what a $((slow_us / 1000)) ms TPM allows, $1 threads" "at least 0.9, 0 errors" \
                "$(cut -d' ' -f1 "$work/tls" | median), errors in $(grep -vc ' 0$' "$work/tls") of $runs" "no run without (likewise)"
        : >"$work/tls"
        for _ in $(seq "$rounds"); do
                e=$("$work/esys_sign" "$tcti" sign 100 | value sign_us)
                tls handshakes "$1" 200 >"$work/out"
                ratio "$(allowed_us "$1" "$e" "$(value soft_us <"$work/out")")" "$(value handshake_us <"$work/out")" >>"$work/tls"
        done
        row "the same on this TPM, of software key + command, $1 threads" - "$(median <"$work/tls")" -
        tpm_tidy
}
# Alone, one after the other; with threads all processors share all of it.
allowed_us() { # THREADS ESYS SOFT
        awk -v t="$1" -v e="$2" -v s="$3" -v n="$(nproc)" 'BEGIN { printf "%.1f\n", s + e / (t < n ? t : n) }'
}

now_ns() { date +%s%N; }
# Milliseconds that the second of two ways takes longer, by the medians of many runs in turn.
costs() { # WAY WAY COMMAND...
        local a=$1 b=$2 way t
        shift 2
        rm -f "$work/t.$a" "$work/t.$b"
        for _ in $(seq 60); do
                for way in "$a" "$b"; do
                        t=$(now_ns)
                        HOLDFAST_MODULE=$ours_so HOLDFAST_STORE=$store HOLDFAST_TCTI=swtpm:path=$work/proxy OPENSSL_CONF=$work/$way.cnf "$@" >/dev/null 2>&1
                        echo $(($(now_ns) - t)) >>"$work/t.$way"
                done
        done
        awk -v a="$(median <"$work/t.$a")" -v b="$(median <"$work/t.$b")" 'BEGIN { printf "%.2f ms", (b - a) / 1e6 }'
}
unused() {
        local port server ours peer
        proxy_on
        ours=$(costs plain ours openssl version)
        [ -n "$have_tpm2" ] && peer=$(costs plain peer openssl version)
        row "loaded and not used: openssl version" "at most 1 ms" "$ours" "${peer:--}"
        port=$((20000 + RANDOM % 12000))
        openssl s_server -accept "127.0.0.1:$port" -cert "$work/server.pem" -key "$work/server.key" -www -quiet >/dev/null 2>&1 &
        server=$!
        sleep 0.3
        ours=$(costs plain ours curl -sS --cacert "$work/server.pem" --resolve "localhost:$port:127.0.0.1" "https://localhost:$port/")
        stop $server
        row "loaded and not used: curl of an https page" "at most 1 ms, 0 cmds" "$ours, $(wc -l <"$work/log") commands" -
        proxy_off
}

lasting() {
        echo "bench: $n_signatures signatures, which takes a minute or two ..." >&2
        tls sign "$n_signatures" >"$work/out"
        row "$n_signatures EVP_DigestSign: memory grown after the first tenth" "flat" "$(value grown_kb <"$work/out") kB" -
        tls load 10000 >"$work/out"
        row "10000 keys loaded by URI: memory grown after the first tenth" "flat" "$(value grown_kb <"$work/out") kB" -
        row "left in the TPM after that: objects, sessions" "0, 0" "$("$work/esys_sign" "$tcti" left)" -
}

provider() {
        local t
        build tls_bench libssl libcrypto
        configure
        processes
        for t in 1 4 8; do handshakes $t; done
        unused
        lasting
}
