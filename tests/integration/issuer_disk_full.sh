#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A disk of the issuer fills, that of its log and then that of its database: no credential leaves it, the host is told, and when there is room again all
# goes on by itself and nothing that was given out is missing.

# shellcheck disable=SC2034 # lib.sh reads it: only root mounts
stay_root=yes
prepare() {
        cp "${HOLDFAST_ISSUER_PROGRAM:?}" "$T/bin/holdfast-issuer"
        cp "${HOLDFAST_HTTP:?}" "$T/bin/holdfast-http"
}
. "$(dirname "$0")/lib.sh"
need_users
export HOLDFAST_HTTP=$T/bin/holdfast-http HOLDFAST_ISSUER_CONF=$T/run/issuer.conf
dir=$T/run/issuer

launch_issuer() {
        background issuer holdfast-issuer serve
        issuer_pid=${pids[-1]}
}
start_issuer() {
        launch_issuer
        await grep -qx 'holdfast-issuer: ready' issuer.log
}
end_issuer() {
        issuer_status=0
        kill "$issuer_pid"
        wait "$issuer_pid" || issuer_status=$?
        [ $issuer_status = 0 ]
}
asks() {
        holdfast enroll build --json >enroll.json 2>enroll.err || return 1
        python3 -c 'import json; o = json.load(open("enroll.json")); print(o["serial"])' >>serials
}
# It is ready, or has ended.
decided() { grep -qx 'holdfast-issuer: ready' issuer.log || ! kill -0 "$issuer_pid" 2>/dev/null; }
readiness() { curl -sS -o /dev/null -w '%{http_code}' --cacert "$dir/log-keys.pem" "$url/readyz"; }
is_ready() { [ "$(readiness)" = 200 ]; }
fill() { refused dd if=/dev/zero "of=$1/filler" bs=1k; }

# All that was given out is in the database, and in the log as allowed, by its number.
nothing_is_missing() {
        holdfast-issuer credential list --json >credentials.json
        holdfast audit log --log "$dir/log" --lines all --event issue --json >issued.json
        python3 - <<'PYTHON'
import json
text = open("issued.json").read()
decoder, at, records = json.JSONDecoder(), 0, []
while at < len(text.rstrip()):
    document, at = decoder.raw_decode(text, at)
    records += document.get("records", [document])
    while at < len(text) and text[at].isspace(): at += 1
allowed = {r["seq"]: json.dumps(r) for r in records if r.get("decision") == "allowed"}
known = {c["serial"]: c["record"] for c in json.load(open("credentials.json"))}
serials = open("serials").read().split()
assert len(serials) > 5
for s in serials:
    assert s in known, f"{s} is not in the database"
    assert s in allowed[known[s]], f"{s} is not in the log"
PYTHON
        holdfast audit verify "$dir/log" --issuer-key "$dir/log-keys.pem" >verify.log || { cat verify.log; die "the log does not hold"; }
}

# full_disk DIRECTORY WHAT
full_disk() {
        local i seen

        asks
        seen=$(wc -l <serials)
        fill "$1"
        # There may be room left in what was begun.
        for ((i = 0; i < 40; i++)); do
                asks || break
        done
        for i in 1 2 3; do
                ! asks || die "a credential left, and the disk of $2 is full"
                grep -q 'busy): The issuer cannot do this now' enroll.err || { cat enroll.err; die "the host is not told"; }
        done
        kill -0 "$issuer_pid" || die "the issuer has ended"
        [ "$(curl -sS --cacert "$dir/log-keys.pem" "$url/healthz")" = '{"status":"ok"}' ]
        [ "$2" != "the log" ] || [ "$(readiness)" = 503 ]
        rm "$1/filler"
        await is_ready
        await asks
        asks
        asks
        [ "$(wc -l <serials)" -gt "$seen" ]
        nothing_is_missing
        ok "with the disk of $2 full nothing is issued, and with room again it goes on"
}

port=$(free_port)
url=https://localhost:$port
mkdir -p "$dir/log" database
chmod 700 "$dir"
mount -t tmpfs -o size=192k,mode=0700 tmpfs "$dir/log"
mount -t tmpfs -o size=2m,mode=0700 tmpfs database
holdfast-issuer init --trust-domain example.org --url "$url" --directory "$dir" --listen "127.0.0.1:$port" --domain example.org --db "$T/run/database/issuer.db" >init-issuer.log
cat >>issuer.conf <<'CONF'

[profile test]
host = *
agent = *
assurance = unattested simulator
spiffe-id = spiffe://{trust-domain}/{agent}
credentials = x509
life = 10m
CONF
start_issuer
start_tpm
token=$(holdfast-issuer token create --host web.example.org --life 15m | grep -v ' ')
start_daemon "HOLDFAST_DEFAULT_RULE=allow user=0 human=yes" "HOLDFAST_ISSUER=$url" "HOLDFAST_ISSUER_CA=$dir/log-keys.pem" HOLDFAST_ISSUER_HOST=web.example.org
export HOLDFAST_SOCKET=$SOCKET
holdfast join "$url" --ca "$dir/log-keys.pem" --host web.example.org --token "$token" >join.log 2>&1
holdfast agent create build --owner dana@example.org >>join.log 2>&1

full_disk "$dir/log" "the log"
full_disk database "the database"

# Started with a full disk, it says so and ends; afterwards it is as it was.
end_issuer
for disk in "$dir/log" database; do
        fill "$disk"
        launch_issuer
        await decided
        if kill -0 "$issuer_pid" 2>/dev/null; then
                end_issuer
        else
                refused wait "$issuer_pid"
                grep -qiE 'disk' issuer.log || { cat issuer.log; die "it does not say why it ends"; }
        fi
        rm "$disk/filler"
done
start_issuer
await asks
nothing_is_missing
end_issuer
stop_daemon
ok "started on a full disk it says so, and nothing is lost"
