#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The man pages list exactly the verbs, options, exit statuses and configuration keys that the tables in the program contain.

set -eu
: "${top_srcdir:?}" "${top_builddir:?}" "${HOLDFAST:?}"
man=$top_srcdir/docs/man
tables=$("$HOLDFAST" completion --dump)
fail=0

same() {        # same WHAT DOCUMENTED CODED
        if [ "$2" = "$3" ]; then
                echo "ok - $1"
        else
                echo "not ok - $1: in the man page (<), in the program (>)"
                diff <(echo "$2") <(echo "$3") || true
                fail=1
        fi
}

# section PAGE TITLE: its lines.
section() { sed -n "/^# $2\$/,/^# /p" "$man/$1.scd"; }
# Terms stand alone at the start of a line, in bold.
terms() { sed -nE 's/^\*([^*]+)\*.*/\1/p'; }
options() { grep '^\*-' | grep -oE '\*--[a-z0-9-]+' | tr -d '*' | sort -u; }
coded() { awk -v kind="$1" -v of="${2:-}" '$1 == kind && (of == "" || $2 == of) { print of == "" ? substr($0, length(kind) + 2) : $3 }' <<<"$tables" | sort -u; }

verbs=$(coded verb)
families=$(awk '{ print $1 }' <<<"$verbs" | sort -u)
[ -n "$verbs" ]

same "holdfast(1) lists the verbs" "$(section holdfast.1 VERBS | terms | sort -u)" "$families"
same "each verb has its page" "$(find "$man" -name 'holdfast-*.1.scd' -printf '%f\n' | sed 's/^holdfast-//; s/\.1\.scd$//' | sort -u)" "$families"
same "holdfast(1) lists the options of every verb" "$(section holdfast.1 OPTIONS | options)" "$(coded option holdfast)"
same "holdfast(1) lists the exit statuses" "$(section holdfast.1 'EXIT STATUS' | terms | grep -E '^[0-9]+$' | sort -u)" "$(coded exit)"
for f in $families; do
        same "holdfast-$f(1) shows its verbs" \
                "$(section "holdfast-$f.1" SYNOPSIS | grep -oE '^\*holdfast [a-z -]+\*' | sed 's/^\*holdfast //; s/\*$//' | sort -u)" \
                "$(awk -v f="$f" '$1 == f' <<<"$verbs")"
        same "holdfast-$f(1) lists its options" "$(section "holdfast-$f.1" OPTIONS | options)" "$(coded option "$f")"
done
same "holdfastd(8) lists its options" "$(section holdfastd.8 OPTIONS | options)" \
        "$("$top_builddir/daemon/holdfastd" --help | grep -oE -- '--[a-z0-9-]+' | sort -u)"
same "holdfastd(8) lists the exit statuses" "$(section holdfastd.8 'EXIT STATUS' | terms | grep -E '^[0-9]+$' | sort -u)" "$(coded exit)"
issuer=$top_builddir/issuer/holdfast-issuer
issuer_verbs=$("$issuer" --help | sed -nE 's/^  ([a-z]+( (list|show|approve|revoke|create))?) .*/\1/p')
same "holdfast-issuer(8) lists its verbs" "$(section holdfast-issuer.8 VERBS | grep '^\*' | tr -d '*' | tr , '\n' | sed 's/^ *//' | sort -u)" \
        "$(sort -u <<<"$issuer_verbs")"
issuer_options() {
        local verb

        while read -r verb; do
                # shellcheck disable=SC2086 # a verb may be two words
                "$issuer" $verb --help | grep -oE '^  --[a-z0-9-]+' | tr -d ' '
        done <<<"$issuer_verbs"
}
same "and their options" "$(section holdfast-issuer.8 OPTIONS | options)" "$(issuer_options | sort -u)"
same "holdfast-vendor-roots(8) lists its options" "$(section holdfast-vendor-roots.8 OPTIONS | options)" \
        "$("$top_srcdir/issuer/holdfast-vendor-roots" --help | grep -oE -- '--[a-z-]+' | sort -u)"
same "holdfast-audit(7) has a paragraph for each finding" "$(section holdfast-audit.7 FINDINGS | terms | sort -u)" "$(coded fault)"
same "holdfast.conf(5) lists the keys" \
        "$(awk '/^# / { s = "" } /^## \[/ { gsub(/[][#* ]/, ""); s = $0 } /^\*[a-z_0-9-]+\*/ && s != "" { split($0, w, "*"); print s "." w[2] }' "$man/holdfast.conf.5.scd" | sort -u)" \
        "$(coded config)"
exit $fail
