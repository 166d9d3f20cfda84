#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What every file of ours keeps to: a licence line, no blanks at line ends, no tabs in C, no path of somebody's machine, nothing left for later.

set -eu
cd "${top_srcdir:?}"
fail=0
# From the release archive as from a clone: by directory, not by version control.
mapfile -t files < <(find configure.ac Makefile.am check quickstart packages.sh holdfast.*.in .ci lib tpm audit attest keys pkcs11 enroll daemon issuer provider tools include system tests docs README.md \
        -type f ! -path '*/corpus/*' ! -path '*/vectors/*' ! -name '*.[1-8]' ! -name '.*' 2>/dev/null | sort)

complain() {    # complain WHAT, with the offending lines on standard input
        local lines

        lines=$(cat)
        [ -n "$lines" ] || return 0
        echo "not ok - $1:"
        echo "$lines"
        fail=1
}

spdx_missing() {
        for f in "${files[@]}"; do
                case $f in
                *.[ch] | *.sh | *.mk | *.ac | *.am | system/* | check | quickstart)
                        head -n 4 "$f" | grep -q 'SPDX-License-Identifier: BSD-2-Clause' || echo "$f"
                        ;;
                esac
        done
}
mapfile -t c_files < <(printf '%s\n' "${files[@]}" | grep '\.[ch]$')
others() { grep -v '^tests/check/text.sh:'; }

complain "files without their licence line" < <(spdx_missing)
complain "blanks at the end of a line" < <(grep -nE '[[:blank:]]+$' "${files[@]}" | grep -v '\.md:')
complain "tabs in C" < <(grep -nP '\t' "${c_files[@]}")
complain "paths of one machine" < <(grep -nE '/home/[a-z]|/root/|/Users/' "${files[@]}" | others)
# shellcheck disable=SC2016 # the quotes are Markdown's
tests_missing() {
        grep -ohE 'tests/[a-z_]+/[a-z0-9_]+\.(c|sh)' docs/*.md README.md SECURITY.md | sort -u | while IFS= read -r f; do [ -e "$f" ] || echo "$f"; done
        # `test.c` (`its_case`, `another`)
        sed -e ':a' -e 'N' -e '$!ba' -e 's/\n/ /g' docs/threat-model.md | grep -oE '`tests/[a-z0-9_/]+\.c` ?\([^)]*\)' | while IFS= read -r words; do
                f=$(cut -d'`' -f2 <<<"$words")
                grep -oE '`[a-z0-9_]+`' <<<"${words#*"$f"}" | tr -d '`' | while IFS= read -r case; do grep -qs "(${case}[,)]" "$f" || echo "$f: $case"; done
        done
}
complain "tests that documents name and that are not there" < <(tests_missing)
complain "work left for later" < <(grep -nwE 'TODO|FIXME|XXX' "${files[@]}" | others)
[ $fail = 0 ] && echo "ok - ${#files[@]} files keep to the rules of text"
exit $fail
