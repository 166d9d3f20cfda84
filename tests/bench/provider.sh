# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: BSD-2-Clause
# What the OpenSSL provider costs, beside Debian's tpm2-openssl where that runs. Sourced by run.sh, which has the rest.

provider_so=$top_builddir/provider/.libs/holdfast.so
n_signatures=${BENCH_SIGNATURES:-100000}
key='pkcs11:token=bench;object=k0000;type=private'
slow_us=20000   # published medians of an ECC signature on chips: 6 to 198 ms, half of them above 70

tls() { # ARGUMENT...
        HOLDFAST_MODULE=$ours_so HOLDFAST_STORE=$store HOLDFAST_TCTI=$tcti BENCH_LOG=$work/log "$work/tls_bench" "$provider_so" "$key" "$@"
}
peer_tls() { # ARGUMENT...
        TPM2OPENSSL_TCTI=$tcti TSS2_LOG=all+none BENCH_LOG=$work/log BENCH_PROPERTIES='?provider=tpm2' \
                "$work/tls_bench" "$(pkg-config --variable=modulesdir libcrypto)/tpm2.so" "file:$work/peer.pem" "$@" 2>>"$work/provider.log"
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
        sign=(openssl pkeyutl -sign -rawin -digest sha256 -in "$work/digest" -out "$work/sig")
        ours=$(counted with_ours "${sign[@]}" -inkey "$work/ours.pem")
        [ -n "$have_tpm2" ] && peer=$(counted with_peer "${sign[@]}" -inkey "$work/peer.pem")
        row "TPM commands of a whole openssl pkeyutl -sign, flushes included" "at most 5" "$ours" "$peer (tpm2-openssl)"
        peer=-

        proxy_on
        tcti=swtpm:path=$work/proxy tls sign 10 >"$work/out"
        ours=$(value commands <"$work/out")
        tcti=swtpm:path=$work/proxy tls handshakes 1 10 >"$work/out"
        proxy_off
        tpm_tidy
        proxy_on
        [ -n "$have_tpm2" ] && peer=$(tcti=swtpm:path=$work/proxy peer_tls sign 10 | value commands)
        row "TPM commands of each EVP_DigestSign" 1 "$ours" "$peer (likewise)"
        row "TPM commands of each TLS 1.3 handshake, client's key warm" 1 "$(value commands <"$work/out")" "fails (92 to 1069 behind a resource manager, published)"
        proxy_off
        tpm_tidy
}

# On a TPM as slow as a chip the bare command is all that should count. This one's time is the processor's too, of which a handshake takes more
# than the command, so there the yardstick is a handshake with the key in software and the command: one after the other by one thread, on all
# processors at once by several, but never faster than the TPM alone.
handshakes() { # THREADS
        local e h
        : >"$work/tls"
        proxy_on $slow_us
        for _ in $(seq "$runs"); do
                e=$("$work/esys_sign" "swtpm:path=$work/proxy" sign 10 | value sign_us)
                tcti=swtpm:path=$work/proxy tls handshakes "$1" 40 >"$work/out" || echo "handshakes_failed crash" >>"$work/out"
                echo "$(ratio "$e" "$(value handshake_us <"$work/out")") $(value handshakes_failed <"$work/out")" >>"$work/tls"
        done
        proxy_off
        row "TLS 1.3 handshakes/s of what a $((slow_us / 1000)) ms TPM allows, $1 threads" "at least 0.9, 0 errors" \
                "$(cut -d' ' -f1 "$work/tls" | median), errors in $(grep -vc ' 0$' "$work/tls") of $runs" "0 of 30 runs clean, published"
        : >"$work/tls"
        : >"$work/bare"
        for _ in $(seq "$rounds"); do
                e=$("$work/esys_sign" "$tcti" sign 100 | value sign_us)
                tls handshakes "$1" 200 >"$work/out"
                h=$(value handshake_us <"$work/out")
                ratio "$e" "$h" >>"$work/bare"
                ratio "$(allowed_us "$1" "$e" "$(value soft_us <"$work/out")")" "$h" >>"$work/tls"
        done
        row "this TPM, $1 threads: of its command alone; of that and a handshake" - "$(median <"$work/bare"); $(median <"$work/tls")" -
        tpm_tidy
}
allowed_us() { # THREADS ESYS SOFT
        awk -v t="$1" -v e="$2" -v s="$3" -v n="$(nproc)" 'BEGIN { a = s + e / (t < n ? t : n); printf "%.1f\n", (a > e ? a : e) }'
}

now_ns() { date +%s%N; }
# Milliseconds that the second of two ways takes longer, by the medians of many runs in turn; "fails" if one of them does.
costs() { # WAY WAY COMMAND...
        local a=$1 b=$2 way t
        shift 2
        rm -f "$work/t.$a" "$work/t.$b"
        for _ in $(seq 60); do
                for way in "$a" "$b"; do
                        t=$(now_ns)
                        HOLDFAST_MODULE=$ours_so HOLDFAST_STORE=$store HOLDFAST_TCTI=swtpm:path=$work/proxy TPM2OPENSSL_TCTI=swtpm:path=$work/proxy \
                                OPENSSL_CONF=$work/$way.cnf "$@" >/dev/null 2>>"$work/provider.log" || { echo fails; return; }
                        echo $(($(now_ns) - t)) >>"$work/t.$way"
                done
        done
        awk -v a="$(median <"$work/t.$a")" -v b="$(median <"$work/t.$b")" 'BEGIN { printf "%.2f ms", (b - a) / 1e6 }'
}
# The same with ours and the peer, and the TPM commands of each run with the provider.
costs_row() { # WHAT COMMAND...
        local what=$1 who n
        local answer=(- -)
        shift
        for who in ours ${have_tpm2:+peer}; do
                proxy_on
                n=$(costs plain "$who" "$@")
                n="$n, $(($(wc -l <"$work/log") / 60)) commands"
                proxy_off
                tpm_tidy
                if [ "$who" = ours ]; then answer[0]=$n; else answer[1]=$n; fi
        done
        row "loaded and not used: $what" "at most 1 ms, 0 cmds" "${answer[@]}"
}
# A server that says which port it got.
serve() {
        openssl s_server -accept 127.0.0.1:0 -cert "$work/server.pem" -key "$work/server.key" -www </dev/null >"$work/server.log" 2>&1 &
        server=$!
        for _ in $(seq 100); do
                port=$(sed -n 's/^ACCEPT .*://p' "$work/server.log")
                [ -n "$port" ] && return
                sleep 0.05
        done
        die "no server: $(tail -1 "$work/server.log")"
}
# OpenSSL 3.0 puts together decoders for each certificate in the file of those it trusts, which more providers make slower.
unused() {
        local port server all fetch
        costs_row "openssl version" openssl version
        serve
        fetch=(curl -sS --resolve "localhost:$port:127.0.0.1" "https://localhost:$port/")
        costs_row "curl, trusts 1 certificate" "${fetch[@]}" --cacert "$work/server.pem"
        all=/etc/ssl/certs/ca-certificates.crt
        if [ -s $all ]; then
                cat $all "$work/server.pem" >"$work/all.pem"
                costs_row "curl, trusts $(grep -c BEGIN "$work/all.pem") certificates" "${fetch[@]}" --cacert "$work/all.pem"
        fi
        stop "$server"
}

lasting() {
        local left
        echo "bench: $n_signatures signatures, which takes a minute or two ..." >&2
        tls sign "$n_signatures" >"$work/out"
        left=$(value sessions <"$work/out")
        row "$n_signatures EVP_DigestSign: memory grown after the first tenth" "flat" "$(value grown_kb <"$work/out") kB" -
        tls load 10000 >"$work/out"
        row "10000 keys loaded by URI: memory grown after the first tenth" "flat" "$(value grown_kb <"$work/out") kB" -
        row "left after each: sessions in the module" 0 "$left and $(value sessions <"$work/out")" -
        row "left in the TPM after that: objects, sessions" "0, 0" "$("$work/esys_sign" "$tcti" left)" -
}

provider() {
        local t
        build tls_bench libssl libcrypto p11-kit-1
        configure
        processes
        for t in 1 4 8; do handshakes $t; done
        unused
        lasting
}
