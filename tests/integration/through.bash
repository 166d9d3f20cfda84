# SPDX-License-Identifier: BSD-2-Clause
# through.bash DIRECTORY/through_NAME.through: runs NAME.sh with the TPM and the store of another user, who runs the daemon.
# shellcheck shell=bash

name=${1##*/through_}
export HF_THROUGH=daemon
exec bash "${0%/*}/${name%.through}.sh"
