# SPDX-License-Identifier: BSD-2-Clause
# The Debian 12 packages that ./quickstart and ./check need, and how they get there. Sourced by both.
# shellcheck shell=bash disable=SC2034

packages_build="gcc make autoconf automake libtool pkg-config scdoc
        libtss2-dev libssl-dev libp11-kit-dev libinih-dev libcbor-dev libjansson-dev
        libevent-dev libsqlite3-dev libpq-dev libcurl4-openssl-dev"

packages_show="swtpm swtpm-tools openssh-client openssh-server openssl p11-kit-modules tpm2-tools curl nginx python3-jwcrypto"

packages_check="libcmocka-dev clang libclang-rt-dev llvm git iproute2 shellcheck valgrind strace xxd xz-utils util-linux procps systemd
        tpm2-openssl libengine-pkcs11-openssl opensc p11-kit gnutls-bin libnss3-tools apache2-bin stunnel4
        postgresql-15 postgresql-client-15 sqlite3 nodejs node-jose
        softhsm2 openvpn libpkcs11-helper1 python3 python3-cryptography strongswan-pki libstrongswan-standard-plugins libstrongswan-extra-plugins wpasupplicant eapoltest hostapd"

# packages_install PACKAGE...: only what is missing. Servers among them are not started: neither script wants them running.
packages_install() {
        local missing=() p sudo='' policy=/usr/sbin/policy-rc.d policy_is_ours=''

        for p; do
                case $(dpkg-query -W -f='${db:Status-Abbrev}' "$p" 2>/dev/null) in
                ii*) ;;
                *) missing+=("$p") ;;
                esac
        done
        [ ${#missing[@]} -gt 0 ] || return 0

        if [ "$(id -u)" != 0 ]; then
                sudo=sudo
                command -v sudo >/dev/null || {
                        echo "These packages are missing, and installing them takes root or sudo: ${missing[*]}" >&2
                        return 1
                }
        fi
        if ! [ -e $policy ]; then
                policy_is_ours=yes
                printf '#!/bin/sh\nexit 101\n' | $sudo tee $policy >/dev/null && $sudo chmod 755 $policy
        fi
        echo "+ apt-get install ${missing[*]}"
        local r=0
        $sudo apt-get -qq update && $sudo env DEBIAN_FRONTEND=noninteractive \
                apt-get -qq -y --no-install-recommends install "${missing[@]}" </dev/null >/dev/null || r=$?
        [ -z "$policy_is_ours" ] || $sudo rm -f $policy
        return $r
}
