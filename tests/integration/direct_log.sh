#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Without a daemon the module and the command keep the log themselves: all is in it, it can be verified, and without it nothing is done.

prepare() { cp "${top_builddir:?}/audit/.libs/libholdfast-log.so" "$T/bin"; }
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

start_tpm
head -c 32 /dev/urandom >digest
sign() { pkcs11-tool --module "$MODULE" --token-label bot --sign -m ECDSA --input-file digest --output-file "${1:-signature}"; }
records() { holdfast audit log --lines all "$@" | wc -l; }

agent bot
sign
[ ! -e store/audit ] || die "a log that nobody wanted"
ok "no log unless it is wanted"

export HOLDFAST_AUDIT_DIRECT=yes HOLDFAST_LOG_OBJECT=$T/bin/libholdfast-log.so
writers=()
for i in 1 2 3 4; do
        { for j in 1 2 3; do sign "signature.$i.$j" >"sign.$i.log" 2>&1 || exit 1; done; } &
        writers+=($!)
done
for i in "${writers[@]}"; do wait "$i"; done
[ "$(records --event use)" = 12 ] || die "$(records --event use) records of 12 signatures"
holdfast audit log --lines all --json >log.json
for i in signature.?.?; do
        grep -qF "$(od -An -v -tx1 "$i" | tr -d ' \n')" log.json || die "a signature is not in the log"
done
ok "signatures of four programs at once are in one log"

holdfast key create bot/second >key.log
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null -out other.pem -subj /CN=other 2>/dev/null
holdfast agent set bot --owner sam@example.com >set.log
holdfast key delete bot/second --yes >delete.log
for event in create change delete; do
        shows '"direct":true' holdfast audit log --event $event --json
done
shows "bot/second" holdfast audit log --event delete
ok "so is what the command changes"

shows "chain ok" holdfast audit verify
cp -r store/audit copy
printf 'x' | dd of=copy/000001/journal bs=1 seek=700 conv=notrunc 2>/dev/null
refused holdfast audit verify copy
ok "it can be verified, and a changed octet shows"

before=$(records)
chmod 500 store/audit/000001
chmod 400 store/audit/000001/journal
rm -f signature
refused sign
[ ! -s signature ] || die "a signature that is in no log"
refused holdfast key create bot/third
refused holdfast key show bot/third
chmod 700 store/audit/000001
chmod 600 store/audit/000001/journal
sign
[ "$(records)" = $((before + 1)) ] || die "one record was expected"
ok "where it cannot be written nothing is done, until it can"
