# SPDX-License-Identifier: BSD-2-Clause
# The other user of a test that runs through the daemon (HF_THROUGH=daemon): has the TPM and the store, and runs the daemon. The
# test's user is an operator, and may do everything with the agents that it makes. Run by machine.sh in a directory of its own.
# shellcheck shell=bash

set -eu
: "${T:?}" "${uid:?}" "${gid:?}"
umask 022
cd "$T/daemon"
export HOME=$T/daemon HOLDFAST_STORE=$T/daemon/store HOLDFAST_TCTI=swtpm:path=$T/daemon/tpm HOLDFAST_SOCKET=$T/daemon/pkcs11.sock
export "HOLDFAST_DEFAULT_RULE=allow user=$uid human=yes ops=any"
export HOLDFAST_OPERATOR_GROUP
HOLDFAST_OPERATOR_GROUP=$(getent group "$gid" | cut -d : -f 1)

mkdir tpmstate
swtpm socket --tpm2 --tpmstate "dir=$PWD/tpmstate" --server "type=unixio,path=$PWD/tpm" --ctrl "type=unixio,path=$PWD/tpm.ctrl" \
        --flags not-need-init,startup-clear >swtpm.log 2>&1 &
for ((i = 0; i < 300; i++)); do
        [ ! -S tpm ] || [ ! -S tpm.ctrl ] || break
        sleep 0.05
done
holdfast init >init.log 2>&1
# Where the test says so it dies in the middle of whatever it does, and comes back.
while :; do
        while [ -e "$T/run/off" ]; do sleep 0.02; done
        holdfastd >>daemon.log 2>&1 &
        while [ ! -e "$T/run/off" ] && kill -0 $!; do sleep 0.02; done
        kill -KILL $! || true
        wait $! 2>/dev/null || true
        : >daemon.log
done
