#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# OpenVPN with the provider and a reference file as its key, at both ends of a tunnel: comes up, renegotiates again and again, starts anew.

. "$(dirname "$0")/lib.sh"
start_tpm
agent server
agent client
holdfast key create client/rsa --kind RSA-2048 >>agents.log 2>&1
make_ca
holdfast config openssl --print --quiet >openssl.cnf
export OPENSSL_CONF=$PWD/openssl.cnf
ref_cert server localhost
ref_cert client client
ref_cert client/rsa client-rsa

end() {                 # end NAME PEER OPTION...
        background "$1" openvpn --dev null --ifconfig-noexec --ca ca.pem --remote-cert-tls "$2" --cert "$1.pem" --key "$1.key.pem" --verb 3 \
                --data-ciphers AES-256-GCM --cipher AES-256-GCM "${@:3}"
}
up() { grep -q 'Initialization Sequence Completed' "$1.log"; }
# handshakes NAME PEER N: so often at least has it seen the other's certificate.
handshakes() { [ "$(grep -c "VERIFY OK: depth=0, CN=$2\$" "$1.log")" -ge "$3" ]; }

for run in client:1.2 client:1.3 client-rsa:1.2 client-rsa:1.3; do
        name=${run%:*} version=${run#*:}
        port=$((port + 1))
        end localhost client --tls-server --dh none --proto tcp-server --lport $port --local 127.0.0.1
        server_pid=${pids[-1]}
        await grep -q 'Listening for incoming TCP' localhost.log
        end "$name" server --tls-client --proto tcp-client --nobind --remote 127.0.0.1 $port --tls-version-max "$version" --reneg-sec 3
        client_pid=${pids[-1]}
        await up "$name"
        await up localhost
        ok "$name: a tunnel comes up with TLS $version"

        # Not sooner than every 3 s: OpenVPN refuses the next while it has not put the keys of the last to use, which it looks after once a second.
        for n in 2 3 4 5; do
                await handshakes localhost "$name" $n
                await handshakes "$name" localhost $n
        done
        [ "$(grep -c "Control Channel: TLSv$version" "$name.log")" -ge 4 ]
        ok "$name: renegotiates"

        # SIGUSR1: a new connection, and the key read anew.
        restarted() { sed '1,/SIGUSR1\[hard,\] received/d' "$name.log" | grep -q 'Initialization Sequence Completed'; }
        kill -USR1 "$client_pid"
        await restarted
        ok "$name: starts anew"

        kill "$client_pid" "$server_pid"
        wait "$client_pid" "$server_pid" || true
done

end client server --tls-client --proto tcp-client --nobind --remote 127.0.0.1 $port --key client-rsa.key.pem
wait "${pids[-1]}" && die "OpenVPN took a key that is not the certificate's"
grep -qi 'private key' client.log
ok "another key than the certificate's is refused"
