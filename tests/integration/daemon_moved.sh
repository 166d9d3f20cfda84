#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Store, log and TPM belong together: an older copy of the one, a copy beside another TPM, an older state of the TPM: the daemon refuses to
# start and says what it found. And what of that can be made to a log is found by who verifies it.

# A clock that somebody has set: CLOCK_REALTIME is SET_BACK seconds behind.
prepare() {
        cat >"$T/clock.c" <<'C'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

int clock_gettime(clockid_t id, struct timespec *t)
{
        int (*real)(clockid_t, struct timespec *) = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
        int r = real(id, t);

        if (r == 0 && id == CLOCK_REALTIME)
                t->tv_sec -= atol(getenv("SET_BACK"));
        return r;
}
C
        ${CC:-cc} -shared -fPIC -o "$T/bin/clock.so" "$T/clock.c" -ldl || rm -f "$T/bin/clock.so"
}
. "$(dirname "$0")/lib.sh"
start_tpm
agent build-42
allow build-42 "user=$(id -u) human=yes"
export HOLDFAST_SOCKET=$SOCKET P11_TOKEN=build-42

# sign N: by a program of its own.
sign() {
        "${through_daemon[@]}" caller <<<"many default $1" >signed
        [ "$(grep -c ^signed signed)" = "$1" ] || { cat signed; die "it does not sign"; }
}
# serve N: a daemon that starts, makes N signatures and ends.
serve() {
        start_daemon "${@:2}"
        sign "$1"
        stop_daemon
        [ $daemon_status = 0 ] || die "the daemon's end: $daemon_status"
}
# refuses WORDS: it does not start, says so in one line, and nothing is written.
refuses() {
        local status=0

        find store -type f -exec sha256sum {} + | sort >files.before
        timeout 30 holdfastd >refuses.log 2>&1 || status=$?
        [ $status = 8 ] || { cat refuses.log; die "exit status $status"; }
        [ "$(wc -l <refuses.log)" = 1 ] || { cat refuses.log; die "not one line"; }
        grep -q -- "$1" refuses.log || { cat refuses.log; die "it does not say \"$1\""; }
        find store -type f -exec sha256sum {} + | sort >files.after
        cmp -s files.before files.after || { diff files.before files.after; die "it has written"; }
        [ ! -e "$SOCKET" ] || die "a socket, and nobody behind it"
}
# finds FAULT [DIR...]
finds() {
        local status=0

        holdfast audit verify "${@:2}" >verify.out 2>&1 || status=$?
        [ $status = 8 ] || { cat verify.out; die "$1: exit status $status"; }
        grep -q "^BROKEN.*[ ,]$1: " verify.out || { cat verify.out; die "no $1 was found"; }
}

serve 3
cp -a store/audit audit.old
cp -a store store.old
power_off
cp -a tpmstate tpmstate.old
power_on
serve 3
serve 3
log_holds

mv store/audit audit.new
cp -a audit.old store/audit
refuses "the log is an old copy"
rm -r store/audit
mv audit.new store/audit
serve 1
ok "an old copy of the log put back: $(cat refuses.log)"

mv store store.new
cp -a store.old store
refuses .
rm -r store
mv store.new store
serve 1
ok "an old copy of the whole store put back: $(cat refuses.log)"

# The older state of the TPM under the newer log.
power_off
mv tpmstate tpmstate.new
cp -a tpmstate.old tpmstate
power_on
refuses .
ok "an older state of the TPM: $(cat refuses.log)"

# Both of the same age are what a snapshot is: two logs that go on from one.
power_off
rm -r tpmstate
mv tpmstate.new tpmstate
power_on
cp -a store store.snapshot
power_off
cp -a tpmstate tpmstate.snapshot
power_on
serve 2
size=$(sed -n 2p store/audit/000001/checkpoint)
power_off
rm -r tpmstate
mv tpmstate.snapshot tpmstate
power_on
mv store store.first
mv store.snapshot store
serve 2
[ "$(sed -n 2p store/audit/000001/checkpoint)" = "$size" ] || die "the two logs are not of one size"
log_holds
# As the newest, and as one more.
cp -a store/audit split
cp store.first/audit/000001/checkpoint split/000001/checkpoint
finds checkpoint split
cp -a store/audit again
cp store.first/audit/000001/checkpoint "again/000001/checkpoints/$(printf '%020d.%010d' "$size" 9999)"
finds split again
ok "two checkpoints of one size, both signed by the TPM: split"

# The clock set back by a day while the daemon was off: told, for whoever sets clocks right does it too.
if [ -e "$T/bin/clock.so" ]; then
        serve 2 "LD_PRELOAD=$T/bin/clock.so" SET_BACK=86400
        log_holds
        grep -q '^Warning.*clock: the wall clock went back by 8[0-9]* s' verify.out || { cat verify.out; die "the clock went back and nobody says so"; }
        ok "the clock set back: $(grep -m 1 -o 'the wall clock went back.*' verify.out)"
fi

# Two records in the other's place. A frame is four octets of length, the record, and eight of a hash.
cp -a store/audit swapped
python3 - <<'PY'
p = "swapped/000001/journal"
b = open(p, "rb").read()
at, ends = 0, [0]
while at < len(b):
    at += 4 + (int.from_bytes(b[at:at + 4], "big") & 0x7fffffff) + 8
    ends.append(at)
frames = [b[x:y] for x, y in zip(ends, ends[1:])]
frames[3], frames[4] = frames[4], frames[3]
open(p, "wb").write(b"".join(frames))
PY
finds chain swapped
ok "two records swapped: $(grep '^First' verify.out)"

# While the daemon runs a command is taken off the TPM's audit list.
if command -v tpm2_setcommandauditstatus >/dev/null; then
        start_daemon
        sign 1
        TPM2TOOLS_TCTI=$HOLDFAST_TCTI tpm2_setcommandauditstatus -C o --clear-list 0x15d >tools.log 2>&1
        sign 1
        stop_daemon
        finds list
        ok "a command taken off the audit list: list"
fi

# Everything but the TPM.
power_off
mv tpmstate tpmstate.own
power_on
refuses "another TPM"
ok "a store cloned to another TPM: $(cat refuses.log)"
