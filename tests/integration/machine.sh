# SPDX-License-Identifier: BSD-2-Clause
# A private machine for one test: namespaces of its own, in which the module is installed where it belongs, the network is a
# loopback, and the test runs as an ordinary user named agent, or as root where it wants to be several users. Nothing of it is
# seen outside; all of it goes with its first process. Run by lib.sh as root of these namespaces, with what it needs in the
# environment.
# shellcheck shell=bash

set -eu
: "${T:?}" "${TEST:?}" "${MODULE_DIR:?}" "${CONFIG_DIR:?}" "${PROVIDER_DIR:?}" "${HF_MODULE:?}" "${HF_PROVIDER:?}" "${top_srcdir:?}" "${uid:?}" "${gid:?}" "${real_root:?}"

# What `make install` changes. Only ours and p11-kit's own module are configured: others have no part in the test.
mkdir "$T/module_dir" "$T/config_dir" "$T/provider_dir" "$T/etc"
cp -r "$MODULE_DIR"/. "$T/module_dir"
cp "$HF_MODULE" "$T/module_dir/libholdfast-pkcs11.so"
cp -r "$PROVIDER_DIR"/. "$T/provider_dir"
cp "$HF_PROVIDER" "$T/provider_dir/holdfast.so"
cp "$CONFIG_DIR"/p11-kit-trust.module "$T/config_dir"
sed -e '/^##/d' -e "s,@p11moduledir@,$MODULE_DIR," "$top_srcdir/holdfast.module.in" >"$T/config_dir/holdfast.module"
mount --bind "$T/module_dir" "$MODULE_DIR"
mount --bind "$T/config_dir" "$CONFIG_DIR"
mount --bind "$T/provider_dir" "$PROVIDER_DIR"

# The others are there for tests that stay root, to be several users.
grep -vE '^(agent|holdfast|alice|bob):' /etc/passwd >"$T/etc/passwd"
grep -vE '^(agent|holdfast|alice|bob):' /etc/group >"$T/etc/group"
for user in "agent:$uid:$gid" holdfast:4243:4243 alice:4244:4244 bob:4245:4245; do
        IFS=: read -r name number group <<<"$user"
        echo "$name:x:$number:$group::$T/home:/bin/bash" >>"$T/etc/passwd"
        echo "$name:x:$group:" >>"$T/etc/group"
done
mount --bind "$T/etc/passwd" /etc/passwd
mount --bind "$T/etc/group" /etc/group
ip link set lo up

if [ "${STAY_ROOT:-}" = yes ] && [ "$real_root" = yes ]; then
        exec bash "$TEST"
fi

if [ "${HF_THROUGH:-}" = daemon ]; then
        mkdir "$T/daemon"
        chown holdfast:holdfast "$T/daemon"
        setpriv --reuid=holdfast --regid=holdfast "--groups=holdfast,$gid" -- bash "$T/src/owner.sh" &
fi

# Real root gives itself up; root of a user namespace goes back to who it was.
if [ "$real_root" = yes ]; then
        chown -R "$uid:$gid" "$T/home" "$T/run"
        exec setpriv --reuid="$uid" --regid="$gid" --clear-groups -- bash "$TEST"
fi
exec unshare --user --map-user="$uid" --map-group="$gid" -- bash "$TEST"
