#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Python's ssl with the provider and reference files: TLS 1.2 and 1.3 with a client key in the TPM at one TPM command for each handshake,
# in threads and in a forked child.

. "$(dirname "$0")/lib.sh"
start_tpm
agent server
agent client
holdfast key create client/RSA-2048 --kind RSA-2048 >>agents.log 2>&1
make_ca
use_provider
ref_cert server hard localhost
ref_cert client client
ref_cert client/RSA-2048 rsa
file_cert localhost

# Stands between the programs and the TPM, and counts commands: their length is at octet 2, TPM 2.0 Part 1, 18.
cat >count.py <<'PY'
import os, socket, sys, threading

def whole(s):
    head = s.recv(10, socket.MSG_WAITALL)
    if len(head) < 10:
        return None
    rest = int.from_bytes(head[2:6], "big") - 10
    return head + (s.recv(rest, socket.MSG_WAITALL) if rest > 0 else b"")

def serve(program, tpm, lock):
    while (command := whole(program)) is not None:
        with lock:
            with open("commands", "a") as log:
                log.write(f"{int.from_bytes(command[6:10], 'big'):#x}\n")
            tpm.sendall(command)
            answer = whole(tpm)
        program.sendall(answer)

lock = threading.Lock()
listener = socket.socket(socket.AF_UNIX)
listener.bind("counted")
listener.listen(16)
tpm = socket.socket(socket.AF_UNIX)
tpm.connect("tpm")
while True:
    threading.Thread(target=serve, args=(listener.accept()[0], tpm, lock), daemon=True).start()
PY
: >commands
if direct; then
        background count python3 count.py
        await test -S counted
        export HOLDFAST_TCTI=swtpm:path=$PWD/counted
fi

cat >handshake.py <<'PY'
import os, socket, ssl, sys, threading

def server_context(name):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    c.load_cert_chain(name + ".pem", name + (".key.pem" if os.path.exists(name + ".key.pem") else ".key"))
    c.load_verify_locations("ca.pem")
    c.verify_mode = ssl.CERT_REQUIRED
    c.num_tickets = 0
    return c

def client_context(name, version):
    c = ssl.create_default_context(cafile="ca.pem")
    c.load_cert_chain(name + ".pem", name + ".key.pem")
    c.minimum_version = c.maximum_version = version
    return c

def handshake(client, server):
    a, b = socket.socketpair()
    a.settimeout(20)
    b.settimeout(20)
    seen = []

    def serve():
        try:
            with server.wrap_socket(b, server_side=True) as s:
                seen.append(dict(x[0] for x in s.getpeercert()["subject"])["commonName"])
                s.sendall(b"x")
        except Exception as e:
            seen.append(repr(e))
    t = threading.Thread(target=serve)
    t.start()
    with client.wrap_socket(a, server_hostname="localhost") as s:
        s.recv(1)
    t.join()
    return seen[0]

def commands():
    return sum(1 for _ in open("commands"))

soft, hard = server_context("localhost"), server_context("hard")
for name in "client", "rsa":
    for version in ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
        c = client_context(name, version)
        assert handshake(c, soft) == name
        before = commands()
        for _ in range(10):
            assert handshake(c, soft) == name
        spent = commands() - before
        assert spent == 10 or "HOLDFAST_TCTI" not in os.environ, f"{name} {version.name}: {spent} commands for 10 handshakes"
        assert handshake(c, hard) == name
        print("ok -", name, version.name, "one TPM command for a handshake")

c = client_context("client", ssl.TLSVersion.TLSv1_3)
done = []
threads = [threading.Thread(target=lambda: done.extend(handshake(c, hard) for _ in range(10))) for _ in range(8)]
for t in threads:
    t.start()
for t in threads:
    t.join()
assert done == ["client"] * 80, done
print("ok - 8 threads")

for _ in range(2):
    pid = os.fork()
    if pid == 0:
        os._exit(0 if handshake(c, hard) == "client" else 1)
    assert os.waitpid(pid, 0)[1] == 0
assert handshake(c, hard) == "client"
print("ok - forked children, and the parent after them")
PY
python3 handshake.py 2>python.log

refused python3 -c 'import ssl; ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain("client.pem", "rsa.key.pem")'
ok "a key that is not the certificate's is refused"
