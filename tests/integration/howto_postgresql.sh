#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# docs/howto/postgresql.md: PostgreSQL knows who logs in by the SPIFFE ID in the issuer's certificate, by a map, without passwords; its own key is in
# the TPM, and psql is run by `holdfast run`.

. "$(dirname "$0")/enrolled_lib.sh"
profile database "agent = db" "credentials = x509" "dns = {agent}.dev.localhost"
profile clients "agent = report billing" "credentials = x509" "common-name = {spiffe-id}"
reload_issuer
for name in db report billing; do enrol $name; done
from_issuer /ca.pem >ca.pem
from_issuer /ca.crl | openssl crl -inform DER -out ca.crl

PATH=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1):$PATH
export PGDATA=$PWD/data PGCONNECT_TIMEOUT=20 PGHOST=$PWD
initdb --auth=trust --encoding=UTF8 --locale=C --no-sync --username=postgres >initdb.log 2>&1
printf '%s\n' "local all postgres trust" "hostssl all all all cert map=spiffe" >data/pg_hba.conf
printf '%s\n' 'spiffe "/^spiffe://dev\.localhost/agent/(.*)$" "\1"' >data/pg_ident.conf
# PostgreSQL refuses a key that others may read; what stands for the key may be copied.
install -m 600 "$credentials/db/default/key.pem" db.key.pem
cat >>data/postgresql.conf <<CONF
listen_addresses = '127.0.0.1'
unix_socket_directories = '$PWD'
fsync = off
ssl = on
ssl_cert_file = '$credentials/db/default/cert.pem'
ssl_key_file = '$PWD/db.key.pem'
ssl_ca_file = '$PWD/ca.pem'
ssl_crl_file = '$PWD/ca.crl'
CONF
PGPORT=$(free_port)
export PGPORT
holdfast run db -- pg_ctl start --wait --silent --timeout=30 --log=postgres.log --options="-p $PGPORT"
pids+=("$(head -n 1 data/postmaster.pid)")
psql -XAtqU postgres -c "create user report" -c "create user billing" postgres

# sql AGENT USER: psql as that agent.
sql() {
        # shellcheck disable=SC2016 # for the shell inside
        holdfast run "$1" -- sh -c 'install -m 600 "$HOLDFAST_KEY" "$1.key.pem" && exec timeout 30 psql -XAtq "host=db.dev.localhost hostaddr=127.0.0.1 dbname=postgres user=$2 sslmode=verify-full sslrootcert=$HOLDFAST_CA_BUNDLE sslcert=$HOLDFAST_CERT sslkey=$1.key.pem" -c "$3"' \
                sh "$1" "$2" "select current_user || ' ' || client_dn from pg_stat_ssl where pid = pg_backend_pid()"
}
shows "report /CN=spiffe://dev.localhost/agent/report" sql report report
shows "billing /CN=spiffe://dev.localhost/agent/billing" sql billing billing
refused sql report billing
refused sql report postgres
ok "who logs in is who the certificate says, and nobody else"

holdfast-issuer agent revoke report --host host.dev.localhost --conf "$HOLDFAST_ISSUER_CONF" >revoke.log
from_issuer /ca.crl | openssl crl -inform DER -out ca.crl
psql -XAtqU postgres -c "select pg_reload_conf()" postgres >/dev/null
revoked() { ! sql report report; }
await revoked
shows "billing " sql billing billing
log_holds
ok "a revoked agent does not log in any more"
