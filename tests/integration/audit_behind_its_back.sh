#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A real log of a real daemon on a software TPM: it verifies; what is changed, taken out, put back, or done with tpm2-tools behind the
# daemon's back is found and named.

. "$(dirname "$0")/lib.sh"
for tool in tpm2_createprimary tpm2_create tpm2_sign; do command -v $tool >/dev/null || { echo "SKIP: no $tool"; exit 77; }; done

start_tpm
agent build-42
allow build-42 "user=$(id -u) human=yes"
export HOLDFAST_SOCKET=$SOCKET
start_daemon HOLDFAST_CHECKPOINT_SECONDS=60
export P11_TOKEN=build-42
begin_client client "${through_daemon[@]}" caller
signs() {
        tell client sign default
        [[ $answer = signed* ]] || die "it does not sign: $answer"
}

# broken FAULT [DIR] [OPTION...]: verify names it, and exits with 8.
broken() {
        local fault=$1 status=0

        shift
        holdfast audit verify "$@" >verify.out 2>&1 || status=$?
        [ $status = 8 ] || { cat verify.out; die "$fault: exit status $status"; }
        grep -q "^BROKEN.*[ ,]$fault: " verify.out || { cat verify.out; die "no $fault was found"; }
        grep -q '^First ' verify.out || { cat verify.out; die "$fault: the first bad record is not named"; }
}
flip() { # FILE OFFSET
        python3 -c 'import sys; f = open(sys.argv[1], "r+b"); f.seek(int(sys.argv[2])); b = f.read(1); f.seek(-1, 1); f.write(bytes([b[0] ^ 1]))' "$1" "$2"
}

# --- While it runs ---

background follow holdfast audit log --follow -n 0 --event use
follower=${pids[-1]}
background export holdfast audit export --follow --to exported.json --state export.state
exporter=${pids[-1]}
await grep -q . exported.json
for i in 1 2 3 4 5; do signs; done
shown() { [ "$(wc -l <"$1")" -ge "$2" ]; }
await shown follow.log 5
kill -INT "$follower"
wait "$follower" || die "interrupted, --follow exits with $?"
grep -q "build-42/default  sign ECDSA  by uid $(id -u) pid [0-9]* .*caller" follow.log || die "--follow does not say who signed"
digest=$(cut -d ' ' -f 2 <<<"$answer")
shows "build-42/default" holdfast audit search "$digest"
ok "log --follow shows a signature as it is made, and who made it; search finds it by its digest"

log_holds
grep -q "signatures 5 ok" verify.out
grep -q "^Newest .*not yet vouched for" verify.out || { cat verify.out; die "nothing is said of what no checkpoint covers"; }
grep -q "no unlogged signature" verify.out
grep -q "^Counter .*as the newest checkpoint says" verify.out || { cat verify.out; die "the counter was not asked for"; }
ok "the log holds while it is written, and the daemon tells the counter"

cp -r store/audit old
refused holdfast audit prove 9999
stop_daemon
log_holds
if grep -q '^Newest' verify.out; then die "the last checkpoint does not cover all"; fi
grep -q "not compared" verify.out
last=$(sed -n 2p store/audit/000001/checkpoint)
nv=$(sed -n 's/^nv [0-9a-f]* //p' store/audit/000001/checkpoint)
holdfast audit prove $((last - 1)) >proof
shows " stop " holdfast audit check-proof proof
cp store/ak.pem ak.pem
(cd "$T" && env -u HOLDFAST_STORE -u HOLDFAST_TCTI -u HOLDFAST_SOCKET holdfast audit verify run/store/audit --ak run/ak.pem --nv "$nv") >verify.out || die "it does not hold elsewhere"
ok "a stopped daemon's log is covered to its end, and verifies anywhere with the AK's public key alone"

exported() { [ "$(wc -l <exported.json)" = "$last" ]; }
await exported
kill "$exporter"
wait "$exporter" || die "interrupted, the export exits with $?"
grep -q "Delivered $last, dropped 0" export.log
ok "an export that follows has delivered every record of it, once"

# Checkpoints come and the counter rises while it is read.
start_daemon HOLDFAST_CHECKPOINT_RECORDS=10
"${through_daemon[@]}" caller >many.log 2>&1 <<<"many default 1500" &
many=$!
pids+=("$many")
await grep -q signed many.log
rounds=0
while kill -0 "$many" 2>/dev/null; do
        log_holds
        grep -qE "^Counter .*(as the newest checkpoint says|made checkpoints all the while)" verify.out || { cat verify.out; die "the counter was not compared"; }
        rounds=$((rounds + 1))
done
wait "$many"
[ "$(grep -c ^signed many.log)" = 1500 ] || die "the client did not sign"
[ "$rounds" -ge 2 ] || die "it was read $rounds times only"
# A few in the journal, behind the last full bundle.
while [ $(($(holdfast audit log -n 1 --json | sed -n 's/.*"seq":\([0-9]*\).*/\1/p') % 256)) -lt 4 ]; do
        "${through_daemon[@]}" caller >>many.log 2>&1 <<<"many default 5"
done
stop_daemon
log_holds
grep -qE "signatures 1 5[0-9]{2} ok" verify.out
last=$(sed -n 2p store/audit/000001/checkpoint)
nv=$(sed -n 's/^nv [0-9a-f]* //p' store/audit/000001/checkpoint)
ok "a log that grows meanwhile holds, $rounds times"

# --- What is done to a copy ---

bad() { rm -rf bad && cp -r store/audit bad; }
bad
flip bad/000001/journal $(($(stat -c %s bad/000001/journal) / 2))
broken record bad
ok "an octet changed"

# The journal's first record goes, with its frame: four octets of length, and eight of a hash behind it.
bad
python3 - <<'PY'
p = "bad/000001/journal"
b = open(p, "rb").read()
at, ends = 0, [0]
while at < len(b):
    at += 4 + (int.from_bytes(b[at:at + 4], "big") & 0x7fffffff) + 8
    ends.append(at)
assert len(ends) > 2
open(p, "wb").write(b[ends[1]:])
PY
broken chain bad
ok "a record removed"

bad
truncate -s $(($(stat -c %s bad/000001/journal) / 2)) bad/000001/journal
broken tail bad
ok "the tail cut"

log_holds old
broken nv old --nv "$nv"
ok "an old copy: whole by itself, and not with the counter"

# --- What is done to the TPM ---

# Without a resource manager each leaves what it loaded in one of three slots.
tool() { "$@" >>tools.log 2>&1 && tpm2_flushcontext -t >>tools.log 2>&1; }
export TPM2TOOLS_TCTI=swtpm:path=$T/run/tpm TSS2_LOG=all+none
tool tpm2_createprimary -C o -c primary.ctx
tool tpm2_create -C primary.ctx -G ecc -u own.pub -r own.priv -c own.ctx
echo data >data
tool tpm2_sign -c own.ctx -g sha256 -o own.sig data
start_daemon HOLDFAST_CHECKPOINT_SECONDS=60
signs_again() {
        tell client sign default
        [[ $answer = signed* ]]
}
await signs_again
stop_daemon
broken off-log
first=$(sed -n 's/^First *//p' verify.out)
grep -q "^BROKEN    $first, off-log" verify.out || { cat verify.out; die "not the first finding"; }
ok "a signature by tpm2-tools behind the daemon's back: off-log, $first"

if command -v tpm2_setcommandauditstatus >/dev/null; then
        tool tpm2_setcommandauditstatus -C o --clear-list 0x15d
        tool tpm2_sign -c own.ctx -g sha256 -o own.sig data
        tool tpm2_setcommandauditstatus -C o 0x15d
        start_daemon
        stop_daemon
        broken off-log
        [ "$(grep -c '^BROKEN.*off-log' verify.out)" = 2 ] || { cat verify.out; die "the audit list was changed and nothing says so"; }
        ok "a command taken off the audit list, used, and put back: off-log"
fi
