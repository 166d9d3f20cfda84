#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Who is served: the user, the cgroup and the very file that the rule names; not who comes after it under its number, not what it turns
# itself into. And nobody looks into the daemon.

# shellcheck disable=SC2034 # lib.sh reads it
stay_root=yes
. "$(dirname "$0")/lib.sh"
need_users
holdfast_uid=4243 alice=4244 bob=4245
as_alice=(setpriv "--reuid=$alice" "--regid=$alice" --clear-groups)

start_tpm
mkdir daemon programs
chmod 755 programs
cp "$T/bin/caller" programs/signer
sum=$(sha256sum programs/signer)
for name in mine boxed file; do agent $name; done
cgroups=$(findmnt -n -o TARGET -t cgroup2 | head -n 1)
box=hf-$$
allow mine "user=$alice human=yes"
allow boxed "user=$alice cgroup=/$box/one human=yes"
allow file "user=$alice path=$PWD/programs/signer sha256=${sum%% *} human=yes"
chown -R $holdfast_uid store tpm tpm.ctrl daemon

# As its unit has it: a user of its own, and the one capability that lets it see which file a caller of another user runs.
as_daemon=(setpriv "--reuid=$holdfast_uid" "--regid=$holdfast_uid" --clear-groups)
daemon_as=("${as_daemon[@]}" "--inh-caps=-all,+sys_ptrace" "--ambient-caps=-all,+sys_ptrace" "--bounding-set=-all,+sys_ptrace")
start_daemon

# ask UID AGENT WORD...: what one program says that does one thing.
ask() { as_user "$1" "${through_daemon[@]}" "P11_TOKEN=$2" caller <<<"${*:3}" | tail -n 1; }

[[ $(ask $alice mine sign default) = signed* ]]
[ "$(ask $bob mine count)" = "tokens 0" ] || die "bob sees $(ask $bob mine count)"
[[ $(ask $bob mine sign default) = fail* ]]
[[ $(ask 0 mine sign default) = fail* ]]
ok "another user sees no token and gets no signature, and root is another user"

if [ -n "$cgroups" ] && mkdir -p "$cgroups/$box/one" "$cgroups/$box/two" 2>/dev/null; then
        leave() { rmdir "$cgroups/$box/one" "$cgroups/$box/two" "$cgroups/$box" 2>/dev/null || true; }
        trap 'leave; finish' EXIT
        # in_box ONE|TWO ...: asks in that cgroup.
        in_box() { ( echo 0 >"$cgroups/$box/$1/cgroup.procs"; ask $alice boxed sign default ); }
        [[ $(in_box one) = signed* ]] || die "in its cgroup: $(in_box one)"
        [[ $(in_box two) = fail* ]] || die "a sibling in another cgroup was served"
        [[ $(ask $alice boxed sign default) = fail* ]]
        begin_client moved "${as_alice[@]}" "${through_daemon[@]}" P11_TOKEN=mine caller
        echo "$client_pid" >"$cgroups/$box/two/cgroup.procs"
        tell moved sign default
        [[ $answer = fail* ]] || die "moved to another cgroup, and served on: $answer"
        kill "$client_pid"
        wait "$client_pid" || true
        ok "a process of the same user in another cgroup is refused, and one that is moved there has to connect anew"
else
        echo "# no cgroup can be made here: tests/unit/test_daemon_peer.c and test_policy.c have it"
fi

# The same number of octets, another program.
signer() { as_user $alice "${through_daemon[@]}" P11_TOKEN=file "$PWD/programs/signer" <<<"sign default" | tail -n 1; }
[[ $(signer) = signed* ]] || die "the program that the rule names: $(signer)"
[[ $(ask $alice file sign default) = fail* ]] || die "the same program at another path was served"
begin_client runs "${as_alice[@]}" "${through_daemon[@]}" P11_TOKEN=file "$PWD/programs/signer"
[ "$answer" = ready ] || die "it says $answer"
cp programs/signer programs/new
printf x >>programs/new
mv programs/new programs/signer
tell runs sign default
[[ $answer = signed* ]] || die "what runs is still what the rule names: $answer"
[[ $(signer) = fail* ]] || die "a replaced executable was served"
ok "a replaced executable is refused; the one that runs is what it was"

# Between a client and the daemon, with the daemon's idea of who it is: whatever it becomes, its connections stay.
cat >between.py <<'PY'
import os, select, signal, socket, sys

said = open("said", "ab", buffering=0)

def pump(a, b):
    pair = {a: b, b: a}
    while True:
        for s in select.select(list(pair), [], [])[0]:
            data = s.recv(65536)
            if not data:
                return
            if s is a:
                said.write(data)
            pair[s].sendall(data)

def become_another(*_):
    for s in (client, daemon):
        s.set_inheritable(True)
    os.execv(sys.argv[3], [sys.argv[3], __file__, "on", str(client.fileno()), str(daemon.fileno())])

if sys.argv[1] == "on":
    client, daemon = socket.socket(fileno=int(sys.argv[2])), socket.socket(fileno=int(sys.argv[3]))
    open("became", "w")
else:
    door = socket.socket(socket.AF_UNIX)
    door.bind(sys.argv[2])
    door.listen(1)
    client = door.accept()[0]
    daemon = socket.socket(socket.AF_UNIX)
    daemon.connect(sys.argv[1])
    signal.signal(signal.SIGUSR1, become_another)
try:
    pump(client, daemon)
except ConnectionError:
    pass
PY
mkdir between
chown $alice between
cp "$(readlink -f /usr/bin/python3)" programs/another
# shellcheck disable=SC2016 # so it is meant
background between "${as_alice[@]}" bash -c 'cd between && exec python3 ../between.py "$1" door "$2"' - "$SOCKET" "$PWD/programs/another"
between_pid=${pids[-1]}
await test -S between/door
begin_client through "${as_alice[@]}" "${through_daemon[@]}" "P11_KIT_SERVER_ADDRESS=unix:path=$PWD/between/door" P11_TOKEN=mine caller
tell through sign default
[[ $answer = signed* ]] || die "before exec: $answer"
kill -USR1 "$between_pid"
await test -e between/became
tell through sign default
[[ $answer = fail* ]] || die "it was served after exec: $answer"
ok "a process that runs another program is not served on the connection that it brought along"

# Connections that a process made and left behind, in the hands of the next one that has its number. What the client above said is said
# again: all but the signature by the first process and that by the second, or all of it by the second.
cat >recycle.py <<'PY'
import os, socket, struct, sys

path, user, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
SIGN = 43       # P11_RPC_CALL_C_Sign

# A version, then messages: call number, length of options, of the rest, both of them; the rest begins with the number of the function.
def messages(said):
    yield said[:1]
    said = said[1:]
    while said:
        length = 12 + sum(struct.unpack(">II", said[4:12]))
        yield said[:length]
        if function(said[:length]) == SIGN:
            return
        said = said[length:]

def function(message):
    return struct.unpack(">I", message[12 + struct.unpack(">I", message[4:8])[0]:][:4])[0]

def exactly(s, n):
    got = b""
    while len(got) < n:
        more = s.recv(n - len(got))
        if not more:
            raise ConnectionError
        got += more
    return got

# Whether the last answer is one to what was asked.
def asks(s, list):
    try:
        for m in list:
            s.sendall(m)
            if len(m) == 1:
                exactly(s, 1)
                continue
            head = exactly(s, 12)
            answer = head + exactly(s, sum(struct.unpack(">II", head[4:])))
        return function(answer) == function(m)
    except ConnectionError:
        return False

def as_process(pid, work):
    if pid is not None:
        with open("/proc/sys/kernel/ns_last_pid", "w") as f:
            f.write(str(pid - 1))
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)
        os._exit(0 if work() else 1)
    return child, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

said = list(messages(open("between/said", "rb").read()))

def connect(s, list):
    s.connect(path)
    return not list or asks(s, list)

served = missed = wrong = 0
for i in range(count):
    first = said[:-1] if i % 2 == 0 else []
    s = socket.socket(socket.AF_UNIX)
    pid, good = as_process(None, lambda: connect(s, first))
    wrong += not good
    again, good = as_process(pid, lambda: asks(s, said[len(first):]))
    missed += again != pid
    served += good
    s.close()
# It is not for another reason that they are not.
alive = as_process(None, lambda: connect(socket.socket(socket.AF_UNIX), said))[1]
print(f"{count} process numbers taken again: {served} served on the connection left behind"
      + f", {missed} not taken, {wrong} not served at first" * (missed + wrong > 0) + "" if alive else "nobody is served")
sys.exit(served + missed + wrong + (not alive) > 0)
PY
if [ -w /proc/sys/kernel/ns_last_pid ]; then
        python3 recycle.py "$SOCKET" $alice 1000 >recycled || { cat recycled; die "a recycled process number"; }
        ok "$(cat recycled)"
else
        echo "# process numbers cannot be chosen here"
fi

# A process of the daemon's own user, without the capability.
stop_daemon
daemon_as=("${as_daemon[@]}")
start_daemon
cat >look.py <<'PY'
import ctypes, os, sys

pid, libc = int(sys.argv[1]), ctypes.CDLL(None, use_errno=True)
attached = [libc.ptrace(request, pid, 0, 0) for request in (16, 0x4206)]     # PTRACE_ATTACH, PTRACE_SEIZE
opened = []
for name in ("mem", "environ", "maps", "fd", "exe"):
    try:
        open(f"/proc/{pid}/{name}", "rb").read(1) if name in ("mem", "environ", "maps") else os.listdir(f"/proc/{pid}/fd") if name == "fd" else os.readlink(f"/proc/{pid}/exe")
        opened.append(name)
    except OSError:
        pass
print(attached, opened)
sys.exit(attached != [-1, -1] or opened != [])
PY
"${as_daemon[@]}" python3 look.py "$daemon_pid" >looked || { cat looked; die "a process of its user looks into the daemon"; }
"${as_daemon[@]}" sleep 60 &
pids+=($!)
await refused "${as_daemon[@]}" python3 look.py $!
ok "a process of the daemon's own user cannot trace it nor read its memory, as it can with another"
