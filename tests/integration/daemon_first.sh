#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A daemon's first start, where it does not go as it should: the TPM's owner authorisation is not known, what it wants in the TPM is taken, another
# daemon is there already. The next start finds nothing wrong, and who was there first is not disturbed.
. "$(dirname "$0")/lib.sh"
start_tpm
agent build-42
export HOLDFAST_SOCKET=$SOCKET
if ! command -v tpm2_changeauth >/dev/null; then
        echo "SKIP: no tpm2-tools"
        exit 77
fi
export TPM2TOOLS_TCTI=$HOLDFAST_TCTI

# no_findings: the store is taken for what it is, and an order goes through.
no_findings() {
        holdfast status >status.out 2>&1 || true
        if grep -q "^Refused" status.out; then
                cat status.out
                die "the store is refused"
        fi
        holdfast agent allow build-42 "user=$1" >allow.log 2>&1 || { cat allow.log; die "no order goes through"; }
}

tpm2_changeauth -Q -c owner not-known
if holdfastd >first.log 2>&1; then die "it started without the owner's authorisation"; fi
grep -q "owner authorisation" first.log || { cat first.log; die "it does not say why"; }
tpm2_changeauth -Q -c owner -p not-known ""
tpm2_nvdefine -Q -C o -s 8 0x1800b00
start_daemon
no_findings 1
stop_daemon
start_daemon
no_findings 2
[ "$(grep -c counter: store/daemon)" = 2 ] || die "no counters"
[ "$(sed -n 's/.*counter: //p' store/daemon | sort -u | wc -l)" = 2 ] || die "one counter for two things"
ok "a first start that failed, and an index that is taken, are no harm"

if holdfastd >second.log 2>&1; then die "two daemons have one store"; fi
grep -q "another holdfastd has the store" second.log || { cat second.log; die "it does not say why"; }
no_findings 3
mkdir other
HOLDFAST_STORE=$PWD/other/store HOLDFAST_SOCKET=none holdfast init >other.log 2>&1
if HOLDFAST_STORE=$PWD/other/store holdfastd >second.log 2>&1; then die "it took another one's sockets"; fi
grep -q "another process listens at" second.log || { cat second.log; die "it does not say why"; }
no_findings 4
stop_daemon
[ "$daemon_status" = 0 ] || die "the daemon's end: $daemon_status"
ok "a second daemon gets neither the store nor the sockets of the first"

# The store may not pass for a new one because a file is missing.
cp -a store store.old
rm store/sums store/daemon
start_daemon
holdfast status >status.out 2>&1 || true
grep -q "^Refused .*sums were removed" status.out || { cat status.out; die "a store without sums was taken as it is"; }
stop_daemon
ok "a store whose sums and identity were taken away is no new one"

# With its secret gone too nothing in the store says that there was a daemon, but the TPM does.
rm -rf store && cp -a store.old store
rm -rf store/sums store/daemon store/daemon.pem store/ak.pem store/audit
start_daemon
shows "counters of another daemon" holdfast audit log --event change
stop_daemon
ok "of a store that lost all its seals the log tells that the TPM knows another daemon"
