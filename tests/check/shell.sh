#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Every script passes shellcheck.

set -eu
cd "${top_srcdir:?}"
mapfile -t scripts < <({ echo check; echo quickstart; echo packages.sh; echo issuer/holdfast-vendor-roots; find tests .ci -name '*.sh' -o -path .ci/run; } 2>/dev/null | sort -u)
existing=()
for s in "${scripts[@]}"; do [ ! -e "$s" ] || existing+=("$s"); done
# Helpers with arguments that may be left out are called without.
shellcheck -e SC2119,SC2120 -x -P SCRIPTDIR "${existing[@]}"
echo "ok - ${#existing[@]} scripts"
