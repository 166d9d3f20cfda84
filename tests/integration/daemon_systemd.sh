#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What the units promise, under a systemd of the test's own, with all of the sandbox: both sockets wake the daemon, it knows which file and
# which unit its callers are, a service without a TPM has the network for it, one that cannot start keeps nobody waiting, reload and the watchdog work, it ends with its log whole.

stay_root=yes
prepare() { cp "${HOLDFAST_HTTP:?}" "$T/bin/holdfast-http"; }
. "$(dirname "$0")/lib.sh"
need_users
systemd=/lib/systemd/systemd
[ -x $systemd ] || {
        echo "SKIP: no systemd here"
        exit 77
}

# Where the daemon belongs; nothing of it under /tmp, which its unit hides.
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/lib
mkdir -m 755 /run/sbin /run/units /run/lock /run/said
cp "$T/bin/holdfastd" "$T/bin/holdfast" "$T/bin/holdfast-http" /run/sbin
chmod 1777 /run/said
printf '%s\n' tss:x:4246:holdfast holdfast-operators:x:4247:bob >>/etc/group
install -d -o holdfast -g holdfast -m 700 /var/lib/holdfast
install -d -o holdfast -g holdfast -m 755 /run/holdfast

# A group of control groups for what follows, seen as all that there is.
mkdir cgroup
if ! mount -t cgroup2 cgroup cgroup || ! mkdir "cgroup/holdfast-test.$$"; then
        echo "SKIP: this system gives no control groups"
        exit 77
fi
cgroup=$PWD/cgroup/holdfast-test.$$
remove_cgroup() {
        local r=$?

        [ -z "${systemd_pid:-}" ] || { kill -9 "$systemd_pid" && wait "$systemd_pid"; } 2>/dev/null || true
        for i in 1 2 3 4 5 6 7 8 9 10; do
                find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null && break
                sleep 0.1
        done
        (exit $r)
        finish
}
trap remove_cgroup EXIT

# --- The store, as holdfastd(8) has it ---

export HOLDFAST_STORE=/var/lib/holdfast HOLDFAST_TCTI=swtpm:path=/run/tpm
background swtpm swtpm socket --tpm2 --tpmstate "dir=$PWD" --server type=unixio,path=/run/tpm,mode=0660,uid=0,gid=4246 \
        --ctrl type=unixio,path=/run/tpm.ctrl --flags not-need-init,startup-clear
await test -S /run/tpm
as_holdfast() { setpriv --reuid=4243 --regid=4243 --groups=4246 -- "$@"; }
as_holdfast holdfast init >init.log 2>&1
for name in by-file by-unit by-other; do
        as_holdfast holdfast agent create $name --owner tests@example.com >>agents.log 2>&1
done
rule() { echo "allow-1: allow ${*:2}" >>"/var/lib/holdfast/agents/$1/agent"; }
tool=$(command -v pkcs11-tool)
rule by-file user=alice "path=$tool" "sha256=$(sha256sum "$tool" | cut -d ' ' -f 1)" human=yes
rule by-unit unit=caller.service human=yes
rule by-other user=alice path=/usr/bin/true human=yes

# --- Units ---

for name in holdfastd.service holdfastd.socket holdfastd-operator.socket holdfast-http@.service holdfast-http.socket; do
        from=$top_srcdir/system/$name
        [ -e "$from" ] || from=$from.in
        sed -e '/^##/d' -e 's,@sbindir@,/run/sbin,' -e 's,@pkglibexecdir@,/run/sbin,' "$from" >/run/units/$name
done
mkdir /run/units/holdfastd.service.d
cat >/run/units/holdfastd.service.d/test.conf <<'END'
[Service]
Environment=HOLDFAST_TCTI=swtpm:path=/run/tpm
StandardError=append:/run/said/daemon
END
for name in basic sysinit sockets shutdown; do
        printf '[Unit]\nDescription=%s\nDefaultDependencies=no\n' $name >/run/units/$name.target
done
# caller UNIT USER AGENT [WORD...]: a unit that signs; the words go before its command.
caller() {
        cat >"/run/units/$1" <<END
[Unit]
Description=a caller
[Service]
Type=oneshot
User=$2
Environment=PKCS11_MODULE_PATH=$MODULE
ExecStart=${*:4} $tool --module $MODULE --token-label $3 --sign --mechanism ECDSA --input-file /run/said/digest --output-file /run/said/$1.$3.sig
StandardOutput=append:/run/said/caller
StandardError=append:/run/said/caller
END
}
head -c 32 /dev/zero >/run/said/digest

cat >boot.sh <<END
echo \$\$ >$cgroup/cgroup.procs
exec unshare --mount --pid --fork --kill-child --cgroup --uts --ipc --mount-proc bash -c '
        mount --make-rprivate /
        umount -l /sys/fs/cgroup
        mount -t cgroup2 cgroup /sys/fs/cgroup
        exec env -i PATH=/usr/bin:/usr/sbin container=test SYSTEMD_UNIT_PATH=/run/units SYSTEMD_LOG_TARGET=null $systemd --system --unit=basic.target --show-status=0'
END
background systemd bash boot.sh
systemd_pid=${pids[-1]}
first() { cut -d ' ' -f 1 "/proc/$systemd_pid/task/$systemd_pid/children"; }
inside() { nsenter --target "$(first)" --mount --pid --cgroup -- "$@"; }
await inside systemctl is-active basic.target
ctl() { inside systemctl "$@"; }

# --- Tests ---

ctl start holdfastd.socket holdfastd-operator.socket
[ "$(inside stat -c '%a %U %G' /run/holdfast/pkcs11.sock /run/holdfast/operator.sock | tr '\n' ' ')" = "666 root root 660 root holdfast-operators " ] ||
        die "the sockets are for others than they should be"
[ "$(ctl is-active holdfastd.service || true)" = inactive ]
caller wakes.service alice by-file
ctl start wakes.service || { cat /run/said/*; die "a caller that its file's rule allows"; }
ctl is-active holdfastd.service >/dev/null
ok "the first call wakes it, and it knows which file the caller of another user runs"

# shellcheck disable=SC2016 # the inner shell expands it
capabilities() { inside sh -c 'grep ^CapEff "/proc/$(systemctl show --value -p MainPID holdfastd)/status"' | awk '{ print $2 }'; }
[ "$(capabilities)" = 0000000000080000 ] || die "its capabilities are $(capabilities)"
for ns in mnt net; do
        [ "$(inside sh -c "readlink /proc/\$(systemctl show --value -p MainPID holdfastd)/ns/$ns")" != "$(inside readlink /proc/1/ns/$ns)" ] || die "no $ns namespace of its own"
done
ok "one capability, and namespaces of its own"

caller refused.service alice by-other
refused ctl start refused.service
caller other.service bob by-file
refused ctl start other.service
caller caller.service bob by-unit
ctl start caller.service || { cat /run/said/*; die "a unit that a rule names"; }
caller another.service bob by-unit
refused ctl start another.service
# What a user's own service manager, or whoever else was given a part of the tree, may name there.
cat >/run/sbin/below <<'END'
#!/bin/sh
group=/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)
mkdir -p "$group/caller.service" && echo $$ >"$group/caller.service/cgroup.procs" && cat /proc/self/cgroup >>/run/said/below && exec "$@"
END
chmod 755 /run/sbin/below
caller pretends.service bob by-unit /run/sbin/below
echo Delegate=yes >>/run/units/pretends.service
refused ctl start pretends.service
grep -q '/pretends.service/caller.service$' /run/said/below
ok "a unit is who the system's service manager says"

# order UID GROUP WORD...: an order of somebody who knows of no store.
order() { inside env -u HOLDFAST_STORE -u HOLDFAST_TCTI setpriv --reuid="$1" --regid="$1" --groups="$2" -- /run/sbin/holdfast "${@:3}"; }
refused order 4244 4244 lock by-file
order 4245 4247 lock by-file >order.out
refused ctl start wakes.service
order 4245 4247 unlock by-file >order.out
ctl start wakes.service
ok "members of holdfast-operators give orders, and nobody else"

# Nobody listens there; to find that out takes a network, which the daemon has not.
[ "$(inside stat -c '%a %U' /run/holdfast/http.sock)" = "600 holdfast" ]
refused order 4245 4247 join https://127.0.0.1:1 --host web.example.org
grep -q "cannot be asked: .*127.0.0.1" refused.out || { cat refused.out; die "not because nobody listens"; }
refused order 4245 4247 join http://127.0.0.1:1 --host web.example.org
[ "$(ctl show --value -p NAccepted holdfast-http.socket)" -ge 1 ]
ok "who speaks to an issuer is another service"

ctl reload holdfastd
await grep -q "rules are read anew" /run/said/daemon
ctl is-active holdfastd.service >/dev/null
ok "systemctl reload"

# A stopped process says nothing to the watchdog.
pid() { ctl show --value -p MainPID holdfastd; }
printf '[Service]\nWatchdogSec=2\nRestartSec=100ms\n' >/run/units/holdfastd.service.d/watchdog.conf
ctl daemon-reload
ctl restart holdfastd
before=$(pid)
inside kill -STOP "$before"
another() { [ "$(pid)" != "$before" ] && [ "$(pid)" != 0 ] && ctl is-active holdfastd.service; }
await another
ctl start caller.service
ok "the watchdog starts one anew that hangs"

stop() { ctl stop holdfastd 2>/dev/null; }
stop
[ "$(ctl show --value -p Result holdfastd)" = success ]
inside holdfast audit verify --nv ask >verify.out 2>&1 || { cat verify.out; die "the log does not hold"; }
ctl is-active holdfastd.service >/dev/null
ok "it ends well, and the log holds, as the one says that was woken for its counter"

stop
mv /var/lib/holdfast/store /var/lib/holdfast/store.away
since=$SECONDS
refused ctl start wakes.service
[ $((SECONDS - since)) -le 10 ] || die "$((SECONDS - since)) s"
[ "$(ctl show --value -p ExecMainStatus holdfastd)" = 3 ] || { cat /run/said/daemon; die "status $(ctl show --value -p ExecMainStatus holdfastd)"; }
mv /var/lib/holdfast/store.away /var/lib/holdfast/store
ctl start wakes.service || { cat /run/said/*; die "it does not come back"; }
ok "one that cannot start keeps nobody waiting, and is started by the next who asks"
