#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Who may include whom, and which foreign API has its one home where. docs/architecture.md explains the layers.

set -eu
cd "${top_srcdir:?}"
fail=0

# May a file in directory $1 include one in directory $2?
allowed() {
        case $1:$2 in
        "$2:$2") ;;
        *:include) ;;
        tpm:lib | audit:lib | attest:lib | keys:lib | pkcs11:lib | provider:lib | tools:lib | tests:*) ;;
        keys:tpm | keys:audit | keys:attest | pkcs11:keys | tools:audit | tools:attest | tools:keys) ;;
        daemon:lib | daemon:tpm | daemon:audit | daemon:keys | daemon:pkcs11) ;;
        issuer:lib | issuer:attest | issuer:audit) ;;
        enroll:lib | enroll:attest | daemon:enroll | daemon:attest | tools:enroll) ;;
        tools:tpm) case $3 in tools/*dev*) ;; *) return 1 ;; esac ;;
        *) return 1 ;;
        esac
}

for file in lib/*.[ch] tpm/*.[ch] audit/*.[ch] attest/*.[ch] keys/*.[ch] pkcs11/*.[ch] enroll/*.[ch] daemon/*.[ch] issuer/*.[ch] provider/*.[ch] tools/*.[ch] include/holdfast/*.h; do
        from=${file%%/*}
        while IFS= read -r path; do
                case $path in
                holdfast/*) to=include ;;
                config.h) continue ;;
                */*) to=${path%%/*} ;;
                *)
                        echo "$file: \"$path\" does not show its layer: write the path from the root"
                        fail=1
                        continue
                        ;;
                esac
                if ! allowed "$from" "$to" "$file"; then
                        echo "$file: $from may not include \"$path\""
                        fail=1
                fi
        done < <(sed -n 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*"\([^"]*\)".*/\1/p' "$file")
done

# home PATTERN FILE...: a system header that only these files may include.
home() {
        local pattern=$1 file home ok

        shift
        while IFS= read -r file; do
                ok=no
                for home; do
                        # shellcheck disable=SC2254 # the home is a pattern
                        case $file in $home) ok=yes ;; esac
                done
                if [ $ok = no ]; then
                        echo "$file: <$pattern...> has its home in $*"
                        fail=1
                fi
        done < <(grep -lE "^[[:space:]]*#[[:space:]]*include[[:space:]]*<$pattern" lib/*.[ch] tpm/*.[ch] audit/*.[ch] attest/*.[ch] keys/*.[ch] pkcs11/*.[ch] enroll/*.[ch] daemon/*.[ch] issuer/*.[ch] provider/*.[ch] tools/*.[ch] || true)
}
home 'p11-kit/' lib/cryptoki.h daemon/frame.c
home 'tss2/tss2_(sys|tcti|tctildr)' 'tpm/*'
home 'tss2/' 'tpm/*' 'lib/*'
home 'tss2/tss2_(esys|fapi)' none
home 'cbor' lib/cbor.c
home 'curl/' enroll/http.c issuer/client.c
home 'ini\.h' lib/ini.c
home 'event2/' 'issuer/http*'
home 'sqlite3\.h' issuer/db_sqlite.c
home 'libpq-fe\.h' issuer/db_pg.c
home 'openssl/' 'lib/*' 'tpm/*' attest/trust.c 'issuer/*' 'tools/*' 'provider/*' daemon/witness.c

[ $fail = 0 ] && echo "ok - every include obeys the layers"
exit $fail
