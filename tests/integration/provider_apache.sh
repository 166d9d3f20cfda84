#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Apache httpd with the provider and reference files, nothing else configured: processes and threads serve TLS with a key in the TPM, are
# replaced under load, and a start that cannot have its key says so.

. "$(dirname "$0")/lib.sh"
need_ordinary_user
start_tpm
agent web
agent client
agent stranger
holdfast key create web/rsa --kind RSA-2048 >>agents.log 2>&1
make_ca
use_provider
ref_cert web web localhost
ref_cert web/rsa web-rsa localhost
ref_cert client client
ref_cert stranger stranger localhost

modules=/usr/lib/apache2/modules
mkdir -p html
echo "hello from Apache" >html/index.html

# configure MPM CERTIFICATE [KEY]
configure() {
        cat >apache.conf <<CONF
ServerRoot $PWD
ServerName localhost
Listen 127.0.0.1:$port https
PidFile apache.pid
DefaultRuntimeDir $PWD
ErrorLog $PWD/apache.log
LogLevel info
LoadModule mpm_$1_module $modules/mod_mpm_$1.so
LoadModule authz_core_module $modules/mod_authz_core.so
LoadModule headers_module $modules/mod_headers.so
LoadModule ssl_module $modules/mod_ssl.so
StartServers 4
# So that children also come and go by themselves.
MaxConnectionsPerChild 20
DocumentRoot $PWD/html
LogFormat %P served
CustomLog $PWD/served.log served
SSLEngine on
SSLCertificateFile $PWD/$2.pem
SSLCertificateKeyFile $PWD/${3:-$2}.key.pem
SSLCACertificateFile $PWD/ca.pem
SSLVerifyClient require
SSLSessionCache none
SSLSessionTickets off
Header always set X-Seen "%{SSL_CLIENT_S_DN_CN}s %{SSL_PROTOCOL}s %{SSL_CIPHER}s"
CONF
}

# It ends everybody in its process group.
httpd() { exec setsid apache2 -f "$PWD/apache.conf" -D FOREGROUND; }
# start_server MPM CERTIFICATE: somebody else may take the port between the question and its use.
start_server() {
        local try

        for ((try = 0; try < 5; try++)); do
                port=$(free_port)
                rm -f apache.pid apache.log
                configure "$1" "$2"
                background start httpd
                server_pid=${pids[-1]}
                await eval "listening $port || ! kill -0 $server_pid"
                ! kill -0 "$server_pid" 2>/dev/null || return 0
                grep -q 'Address already in use' start.log || return 1
        done
        return 1
}

get() { curl -sS -i --max-time 20 --cacert ca.pem "$@" "https://localhost:$port/index.html"; }
client=(--cert client.pem --key client.key.pem)

request() {
        local shown

        shown=$(get --tls-max 1.2 "${client[@]}" 2>&1) || { echo "$shown" >>load.log; return 1; }
        grep X-Seen <<<"$shown" >>load.log
}
loaded() { tail -n 1 load.log | grep -q "$1"; }

several_children() { [ "$(sort -u served.log | wc -l)" -gt 1 ]; }

for mpm in prefork event; do
        start_server $mpm web
        shows "hello from Apache" get "${client[@]}"
        shows "X-Seen: client TLSv1.3" get "${client[@]}"
        shows "X-Seen: client TLSv1.2 ECDHE-ECDSA" get --tls-max 1.2 "${client[@]}"
        ok "$mpm: TLS 1.3 and 1.2"

        gets=()
        for i in $(seq 24); do
                get "${client[@]}" >"seen.$i" 2>&1 &
                gets+=($!)
        done
        wait "${gets[@]}"
        [ "$(cat seen.* | grep -c 'X-Seen: client')" = 24 ]
        await several_children
        ok "$mpm: 24 requests at once, of several children"

        rm -f load.log
        begin_load request
        await loaded ECDHE-ECDSA
        configure $mpm web-rsa
        kill -USR1 "$(cat apache.pid)"
        await loaded ECDHE-RSA
        configure $mpm web
        kill -USR1 "$(cat apache.pid)"
        await loaded ECDHE-ECDSA
        end_load
        refused grep -v '^X-Seen: client ' load.log
        ok "$mpm: graceful restarts under load change the key without a failed request"

        refused get
        refused get --cert client.pem --key web.key.pem
        ok "$mpm: nobody gets in without a certificate, or with another key than its own"

        power_off
        refused get "${client[@]}"
        # Without the daemon the client is without its key too.
        ! direct || grep -q 'alert internal error' refused.out
        kill -0 "$server_pid"
        power_on
        shows "X-Seen: client" get "${client[@]}"
        ok "$mpm: a handshake without the TPM fails, and the next one with it does not"

        kill "$server_pid"
        wait "$server_pid" || true
        rm -f served.log seen.*
done

# start_fails WORDS: the server gives up at once, its log says why.
start_fails() {
        rm -f apache.log
        refused timeout 20 setsid --wait apache2 -f "$PWD/apache.conf" -D FOREGROUND </dev/null
        grep -qF "$1" apache.log
}
configure prefork stranger web
start_fails "stranger.pem and $PWD/web.key.pem do not match"
ref stranger gone
holdfast --yes agent delete stranger >>agents.log 2>&1
configure prefork stranger gone
# mod_ssl does not log the reason, but it is to be had.
start_fails "check $PWD/gone.key.pem"
refused openssl pkey -in gone.key.pem -noout
grep -q 'no such token' refused.out
ok "a server that cannot have its key does not start, and says which"
