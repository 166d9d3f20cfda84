#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# PostgreSQL with the provider and reference files, nothing else configured: the server proves itself with a key in the TPM, libpq logs in
# with another, at once and across a reload; a wrong key, a missing one and a TPM that is gone are told and hang nobody.

. "$(dirname "$0")/lib.sh"
need_ordinary_user
start_tpm
agent server
agent client
agent stranger
holdfast key create server/rsa --kind RSA-2048 >>agents.log 2>&1
holdfast key create client/rsa --kind RSA-2048 >>agents.log 2>&1
make_ca

holdfast config openssl --print >openssl.cnf 2>/dev/null
export OPENSSL_CONF=$PWD/openssl.cnf
ref_cert server server localhost
ref_cert server/rsa server-rsa localhost
ref_cert client client
ref_cert client/rsa client-rsa client
ref_cert stranger stranger
# Server and libpq refuse a key that others may read.
chmod 600 ./*.key.pem

PATH=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1):$PATH
export PGDATA=$PWD/data PGCONNECT_TIMEOUT=20
initdb --auth=reject --encoding=UTF8 --locale=C --no-sync --username=client >initdb.log 2>&1
echo "hostssl all all all cert" >data/pg_hba.conf
cat >>data/postgresql.conf <<CONF
listen_addresses = '127.0.0.1'
unix_socket_directories = '$PWD'
fsync = off
ssl = on
ssl_ca_file = '$PWD/ca.pem'
include = 'key.conf'
CONF
# server_key CERTIFICATE [KEY]
server_key() { printf "ssl_cert_file = '%s'\nssl_key_file = '%s'\n" "$PWD/$1.pem" "$PWD/${2:-$1}.key.pem" >data/key.conf; }

# start_server: somebody else may take the port between the question and its use.
start_server() {
        local try

        for try in 1 2 3 4 5; do
                PGPORT=$(free_port)
                export PGPORT
                if pg_ctl start --wait --silent --timeout=30 --log=postgres.log --options="-p $PGPORT"; then
                        pids+=("$(head -n 1 data/postmaster.pid)")
                        return 0
                fi
                grep -q 'Address already in use' postgres.log || return 1
                mv postgres.log "postgres.$try"
        done
        return 1
}

# sql CERTIFICATE KEY QUESTION [OPTION]: as user client.
sql() {
        timeout 30 psql -XAtq "host=localhost hostaddr=127.0.0.1 dbname=postgres user=client sslmode=verify-full sslrootcert=ca.pem sslcert=$1.pem sslkey=$2.key.pem ${4:-}" -c "$3"
}
who="select version || ' ' || cipher || ' ' || client_dn from pg_stat_ssl where pid = pg_backend_pid()"

server_key server
start_server
shows "TLSv1.3 TLS_AES_256_GCM_SHA384 /CN=client" sql client client "$who"
shows "TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384 /CN=client" sql client client "$who" ssl_max_protocol_version=TLSv1.2
shows "TLSv1.3 TLS_AES_256_GCM_SHA384 /CN=client" sql client-rsa client-rsa "$who"
shows "TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384 /CN=client" sql client-rsa client-rsa "$who" ssl_max_protocol_version=TLSv1.2
ok "server and client with keys in the TPM, TLS 1.3 and 1.2, P-256 and RSA"

sqls=()
for i in $(seq 16); do
        sql client client "$who" >"who.$i" 2>&1 &
        sqls+=($!)
done
wait "${sqls[@]}"
[ "$(cat who.* | grep -c '/CN=client$')" = 16 ]
ok "16 connections at once"

login() { sql client client "$who" ssl_max_protocol_version=TLSv1.2 >>load.log 2>&1; }
loaded() { tail -n 1 load.log | grep -q "$1"; }
begin_load login
await loaded ECDHE-ECDSA
server_key server-rsa
pg_ctl reload --silent
await loaded ECDHE-RSA
server_key server
pg_ctl reload --silent
await loaded ECDHE-ECDSA
end_load
refused grep -v '/CN=client$' load.log
ok "reloads under load change the key without a failed connection"

# fails WORDS COMMAND...: it must fail and say so.
fails() {
        refused "${@:2}"
        if grep -qF "$1" refused.out; then
                return 0
        fi
        cat refused.out
        die "no \"$1\" from: ${*:2}"
}

fails "key values mismatch" sql client stranger "$who"
fails "certificate authentication failed" sql stranger stranger "$who"
ref stranger gone
chmod 600 gone.key.pem
holdfast --yes agent delete stranger >>agents.log 2>&1
fails 'gone.key.pem": no such token' sql client gone "$who"
ok "the client is told of a key that is another certificate's, one that is another user's and one that is gone"

server_key server client
pg_ctl reload --silent
await grep -q 'SSL configuration was not reloaded' postgres.log
grep -q 'client.key.pem": key values mismatch' postgres.log
shows "/CN=client" sql client client "$who"
ok "a reload with another key than the certificate's is refused and the server goes on"

power_off
if direct; then
        fails "alert internal error" sql client client "$who"
        grep -q "could not accept SSL connection: token failed" postgres.log
else
        # The client is without its key too.
        refused sql client client "$who"
fi
power_on
shows "/CN=client" sql client client "$who"
ok "a handshake without the TPM fails, and the next one with it does not"

pg_ctl stop --silent --mode=fast
# start_fails WORDS: the server gives up at once, its log says why.
start_fails() {
        : >postgres.log
        fails "could not start server" pg_ctl start --wait --timeout=25 --log=postgres.log --options="-p $(free_port)"
        grep -qF "$1" postgres.log || die "the server's log does not say: $1"
}
server_key server client
start_fails 'client.key.pem": key values mismatch'
server_key server gone
start_fails 'gone.key.pem": no such token'
chmod 644 server.key.pem
server_key server
start_fails "has group or world access"
chmod 600 server.key.pem
if direct; then
        mv store elsewhere
        start_fails 'server.key.pem": no such token'
        mv elsewhere store
else
        power_off
        start_fails 'server.key.pem": no such token'
        power_on
fi
start_server
shows "/CN=client" sql client client "$who"
ok "a server that cannot have its key does not start, and says why"
