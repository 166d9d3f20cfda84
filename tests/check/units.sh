#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The units say what systemd understands, shut the daemon in as far as its work allows and no further, and agree with the program.

# shellcheck disable=SC2317 # check calls functions
set -eu
: "${top_srcdir:?}" "${top_builddir:?}"
fail=0
most=1.5        # exposure
issuer_most=1.6

command -v systemd-analyze >/dev/null || {
        echo "SKIP: no systemd-analyze (on Debian: apt-get install systemd)"
        exit 77
}
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT
export XDG_RUNTIME_DIR=$T

check() {       # check WHAT COMMAND...
        local what=$1

        shift
        if "$@" >"$T/out" 2>&1; then
                echo "ok - $what"
        else
                echo "not ok - $what"
                cat "$T/out"
                fail=1
        fi
}

# The units as they are installed, but for the program: verify wants it to be there.
mkdir "$T/system" "$T/user"
for of in system user; do
        from=$top_builddir/system dir=$top_srcdir/system
        [ $of = system ] || { from=$from/user && dir=$dir/user; }
        sed "s,^ExecStart=.*/holdfastd,ExecStart=$top_builddir/daemon/holdfastd," "$from/holdfastd.service" >"$T/$of/holdfastd.service"
        cp "$dir"/*.socket "$T/$of"
done

# A directive that it does not know is a line of output and no failure.
silent() {
        "$@" >"$T/said" 2>&1 && ! [ -s "$T/said" ] && return 0
        cat "$T/said"
        return 1
}
verify() { silent systemd-analyze "$1" verify --man=no "$2"/holdfastd*; }
finds() { ! verify "$@"; }
check "systemd knows all that is in the system's units" verify --system "$T/system"
check "and in the user's" verify --user "$T/user"
cp -r "$T/system" "$T/wrong"
sed -i 's/^ProtectClock=/ProtectTheClock=/' "$T/wrong/holdfastd.service"
check "and would have said of a word that it does not know" finds --system "$T/wrong"

security() { systemd-analyze security --offline=true --no-pager "$@" "$T/system/holdfastd.service"; }
check "the service's exposure is at most $most" security --threshold="${most/./}"
set_of() { security --json=short | tr '}' '\n' | grep -F "\"json_field\":\"$1\"" | grep -oE '"set":(true|false)'; }
# Each of them alone would blind the daemon: see holdfastd(8).
sees() { [ "$(set_of PrivateUsers)$(set_of ProtectProc)$(set_of CapabilityBoundingSet_CAP_SYS_PTRACE)" = '"set":false"set":false"set":false' ]; }
check "the daemon can see its callers" sees
one() { [ "$(security --json=short | tr '}' '\n' | grep -F CapabilityBoundingSet_ | grep -c '"set":false')" = 1 ]; }
check "and has no other capability" one
# Where a user's service manager makes a namespace for a directive, it makes one of users too.
alone() { ! grep -E '^(Private|Protect|ProcSubset|Inaccessible|ReadOnlyPaths|ReadWritePaths|ExecPaths|NoExecPaths|BindPaths|TemporaryFileSystem|RootDirectory)' "$T/user/holdfastd.service"; }
check "a user's daemon stays in the user's namespaces" alone

# The issuer has the network, and neither a TPM nor anybody's files.
sed "s,^ExecStart=.*/holdfast-issuer,ExecStart=$top_builddir/issuer/holdfast-issuer," "$top_builddir/system/holdfast-issuer.service" >"$T/issuer.service"
mkdir "$T/issuer" && mv "$T/issuer.service" "$T/issuer/holdfast-issuer.service"
check "systemd knows all that is in the issuer's unit" silent systemd-analyze --system verify --man=no "$T/issuer/holdfast-issuer.service"
check "whose exposure is at most $issuer_most" systemd-analyze security --offline=true --no-pager --threshold="${issuer_most/./}" "$T/issuer/holdfast-issuer.service"

same() {        # same WHAT IN-THE-UNITS IN-THE-PROGRAM
        if [ -n "$2" ] && [ "$2" = "$3" ]; then
                echo "ok - $1"
        else
                echo "not ok - $1: \"$2\" in the units, \"$3\" in the program"
                fail=1
        fi
}
# The one for tokens is there only on a host that has an issuer: the daemon makes it, and takes one from whoever writes a unit for it.
asked=$(grep -ohE 'notify_socket\("[a-z0-9]+"' "$top_srcdir"/daemon/*.c | cut -d'"' -f2 | grep -vx token | sort)
for of in system user; do
        same "sockets have the names that the daemon asks for ($of)" "$(sed -n 's/^FileDescriptorName=//p' "$T/$of"/*.socket | sort)" "$asked"
done
path() { sed -n 's/^ListenStream=//p' "$T/$1"; }
conf() { sed -n "s/^#define $1 *\"\(.*\)\"/\1/p" "$top_srcdir/lib/conf_path.c"; }
same "PKCS#11 is where the module looks" "$(path system/holdfastd.socket)" "$(conf SYSTEM_SOCKET)"
same "operators are beside it" "$(path system/holdfastd-operator.socket)" "$(dirname "$(conf SYSTEM_SOCKET)")/$(conf OPERATOR_NAME)"

# Users and groups appear as the file says, and the directories are theirs.
made() {
        systemd-sysusers --root="$T/host" "$top_srcdir/system/sysusers.d/holdfast.conf"
        grep -q '^holdfast:x:.*:/var/lib/holdfast:' "$T/host/etc/passwd"
        for group in holdfast-operators tss; do grep -q "^$group:.*holdfast" "$T/host/etc/group"; done
}
mkdir -p "$T/host/etc"
check "systemd makes user and groups" made
theirs() {
        local uid

        uid=$(awk -F: '$1 == "holdfast" { print $3 }' "$T/host/etc/passwd")
        systemd-tmpfiles --root="$T/host" --create "$top_srcdir/system/tmpfiles.d/holdfast.conf"
        [ "$(stat -c '%a %u' "$T/host/run/holdfast")" = "755 $uid" ] && [ "$(stat -c '%a %u' "$T/host/var/lib/holdfast")" = "700 $uid" ]
}
# Giving away takes root.
[ "$(id -u)" != 0 ] || check "and their directories" theirs
exit $fail
