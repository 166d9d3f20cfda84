#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Every script passes shellcheck.

set -eu
cd "${top_srcdir:?}"
mapfile -t scripts < <({ echo check; echo quickstart; echo packages.sh; find tests .ci -name '*.sh' -o -path .ci/run; } 2>/dev/null | sort -u)
existing=()
for s in "${scripts[@]}"; do [ ! -e "$s" ] || existing+=("$s"); done
shellcheck -x -P SCRIPTDIR "${existing[@]}"
echo "ok - ${#existing[@]} scripts"
