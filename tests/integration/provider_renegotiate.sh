#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# One TLS connection that takes a signature again and again, keys at both ends in the TPM: the server's by renegotiation in TLS 1.2 (OpenSSL's
# server asks the client only once there; stunnel asks each time, so both sign), the client's by authentication after the handshake in TLS 1.3.
# Each costs one TPM command.

. "$(dirname "$0")/lib.sh"
start_tpm
agent server
agent client
holdfast key create server/rsa --kind RSA-2048 >>agents.log 2>&1
holdfast key create client/rsa --kind RSA-2048 >>agents.log 2>&1
make_ca
use_provider
ref_cert server server localhost
ref_cert server/rsa server-rsa localhost
ref_cert client client
ref_cert client/rsa client-rsa client
times=50

# begin SUFFIX VERSION: a server and a client with their standard inputs at descriptors 7 and 8.
begin() {
        rm -f to-server to-client server.trace client.trace tls
        mkfifo to-server to-client
        HOLDFAST_TPM_TRACE=$PWD/server.trace openssl s_server -unix tls -cert "server$1.pem" -key "server$1.key.pem" -CAfile ca.pem \
                -Verify 1 -verify_return_error -client_renegotiation "$2" <to-server >server.log 2>&1 &
        pids+=($!)
        exec 7>to-server
        await test -S tls
        HOLDFAST_TPM_TRACE=$PWD/client.trace openssl s_client -unix tls -cert "client$1.pem" -key "client$1.key.pem" -CAfile ca.pem \
                -verify_return_error -enable_pha "$2" <to-client >client.log 2>&1 &
        pids+=($!)
        exec 8>to-client
        await verified server client 1
}
end() {
        exec 7>&- 8>&-
        kill "${pids[-2]}"
        wait "${pids[-2]}" "${pids[-1]}" || true
}
# verified WHO WHOM N: so often has one side verified the other.
verified() { [ "$(grep -c "^depth=0 CN = $2" "$1.log")" = "$3" ]; }

# again SUFFIX VERSION WHO BY WHOM DESCRIPTOR LETTER: WHO signs and BY, who sees WHOM, verifies, when that letter comes to the descriptor.
again() {
        local before i

        begin "$1" "$2"
        # The first one has found the key and loaded it.
        echo "$7" >&"$6"
        await verified "$4" "$5" 2
        before=$(wc -l <"$3.trace")
        for ((i = 3; i < 3 + times; i++)); do
                echo "$7" >&"$6"
                await verified "$4" "$5" $i
        done
        i=$(($(wc -l <"$3.trace") - before))
        [ $i = $times ] || die "$times signatures cost $i TPM commands"
        end
        ok "$3$1: $times times in one connection ($2), $times TPM commands"
}

for suffix in "" -rsa; do
        again "$suffix" -tls1_2 server client localhost 8 R
        again "$suffix" -tls1_3 client server client 7 c
done

# stunnel takes many renegotiations without data between them for a loop, so each is followed by a line, which comes back.
cat >stunnel.conf <<CONF
foreground = yes
pid =
debug = info
[tls]
accept = $PWD/tls
exec = /bin/cat
execArgs = cat
cert = server.pem
key = server.key.pem
CAfile = ca.pem
verifyChain = yes
options = ALLOW_CLIENT_RENEGOTIATION
sslVersionMax = TLSv1.2
CONF
# both N: so often has each side verified the other.
both() { verified client localhost "$1" && [ "$(grep -c 'accepted at depth=0: CN=client$' server.log)" = "$1" ]; }
echoed() { [ "$(grep -c '^hello' client.log)" = "$1" ]; }

for suffix in "" -rsa; do
        rm -f to-client server.trace client.trace tls
        mkfifo to-client
        HOLDFAST_TPM_TRACE=$PWD/server.trace background server stunnel stunnel.conf
        await test -S tls
        HOLDFAST_TPM_TRACE=$PWD/client.trace openssl s_client -unix tls -cert "client$suffix.pem" -key "client$suffix.key.pem" -CAfile ca.pem \
                -verify_return_error -tls1_2 <to-client >client.log 2>&1 &
        pids+=($!)
        exec 8>to-client
        await both 1
        await grep -q 'Verify return code: 0' client.log
        cp server.trace server.before
        cp client.trace client.before
        for ((i = 1; i <= times; i++)); do
                echo R >&8
                await both $((i + 1))
                echo hello >&8
                await echoed $i
        done
        for who in server client; do
                commands=$(($(wc -l <$who.trace) - $(wc -l <$who.before)))
                [ $commands = $times ] || die "$times signatures of the $who cost $commands TPM commands"
        done
        exec 8>&-
        kill "${pids[-2]}"
        wait "${pids[-2]}" "${pids[-1]}" || true
        ok "server and client$suffix: $times times in one connection (stunnel, TLS 1.2), $times TPM commands each"
done
