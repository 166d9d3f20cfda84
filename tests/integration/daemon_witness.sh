#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A configured Ed25519 key signs every checkpoint beside the TPM, so that a witness can check it that knows nothing of TPMs: here a judge that
# was written from C2SP signed-note and tlog-checkpoint alone. `audit verify` checks that line if asked; a key that others may read is refused.

. "$(dirname "$0")/lib.sh"

# exits STATUS COMMAND...: its output is in out and err.
exits() {
        local want=$1 got=0

        shift
        "$@" >out 2>err </dev/null || got=$?
        [ $got = "$want" ] || { cat out err; die "exit status $got and not $want: $*"; }
}
says() { grep -qF -- "$1" err || { cat err; die "no \"$1\" on standard error"; }; }
prints() { grep -qF -- "$1" out || { cat out; die "no \"$1\" on standard output"; }; }

# judge VKEY NOTE...: each is a checkpoint whose origin is the key's name, and is signed by that key. Prints the sizes.
judge() {
        python3 - "$@" <<'PY'
import base64, hashlib, subprocess, sys, tempfile

def ed25519(key, signature, message):
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        try:
            Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
            return True
        except InvalidSignature:
            return False
    except ImportError:
        pass
    with tempfile.TemporaryDirectory() as d:
        files = {"key": bytes.fromhex("302a300506032b6570032100") + key, "sig": signature, "in": message}
        for name, content in files.items():
            open(f"{d}/{name}", "wb").write(content)
        return subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", f"{d}/key", "-rawin", "-in", f"{d}/in",
                               "-sigfile", f"{d}/sig"], stdout=subprocess.DEVNULL).returncode == 0

# Verifier key: name, key ID in hexadecimal, base64 of the type's octet and the key.
name, key_id, encoded = sys.argv[1].split("+", 2)
typed = base64.b64decode(encoded, validate=True)
assert name and " " not in name and typed[0] == 1 and len(typed) == 33, "no Ed25519 verifier key"
digest = hashlib.sha256(name.encode() + b"\n" + typed).digest()
assert digest[:4].hex() == key_id, "the key ID is not the key's"

for path in sys.argv[2:]:
    note = open(path, "rb").read()
    note.decode("utf-8")
    assert all(c >= 0x20 or c == 0x0a for c in note), "control characters"
    split = note.rindex(b"\n\n")
    text, lines = note[:split + 1], note[split + 2:]
    assert lines.endswith(b"\n"), "no newline at the end"
    good = 0
    for line in lines[:-1].split(b"\n"):
        dash, who, value = line.split(b" ")
        assert dash == "\u2014".encode(), "no signature line"
        value = base64.b64decode(value, validate=True)
        if who == name.encode() and value[:4] == digest[:4]:
            assert len(value) == 68 and ed25519(typed[1:], value[4:], text), "the signature is wrong"
            good += 1
    assert good == 1, f"{good} signatures by the key"
    # tlog-checkpoint: origin, size, root, and no empty line among what comes behind.
    origin, size, root, *more = text[:-1].decode().split("\n")
    assert origin == name and str(int(size)) == size and len(base64.b64decode(root, validate=True)) == 32 and all(more), "no checkpoint"
    print(size)
PY
}
# refuses STATUS WORDS: the daemon does not start with that key.
refuses() {
        exits "$1" timeout 30 env HOLDFAST_AUDIT_WITNESS_KEY="$T/run/$2" holdfastd
        says "$3"
        if [ -e store/daemon.pem ] || [ -e store/audit ]; then die "something was made"; fi
}

start_tpm
agent build-42
allow build-42 "user=$(id -u) human=yes"
(umask 077; openssl genpkey -algorithm ed25519 -out w.pem; openssl genpkey -algorithm ed25519 -out other.pem
        openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ec.pem)
openssl pkey -in w.pem -pubout -out w.pub
openssl pkey -in other.pem -pubout -out other.pub
openssl pkey -in ec.pem -pubout -out ec.pub

refuses 3 missing.pem "witness-key names"
refuses 1 ec.pem "is no Ed25519 private key"
(umask 077; cat w.pub >half.pem)
refuses 1 half.pem "is no private key in PEM"
cp w.pem open.pem
chmod 604 open.pem
refuses 4 open.pem "others may read or write"
chmod 620 open.pem
refuses 4 open.pem "others may read or write"
exits 1 timeout 30 env HOLDFAST_AUDIT_WITNESS_KEY=w.pem holdfastd
says "is no absolute path"
ok "a key that is none, or that others may read, is refused before anything is written"

start_daemon HOLDFAST_AUDIT_WITNESS_KEY="$T/run/w.pem"
export HOLDFAST_SOCKET=$SOCKET
P11_TOKEN=build-42 "${through_daemon[@]}" caller <<<"many default 3" >signed
exits 0 holdfast audit checkpoint --json
vkey=$(python3 -c 'import json; print(json.load(open("out"))["log"]["witness-key"])')
exits 0 holdfast audit checkpoint
prints "Witness   $vkey"
exits 0 holdfast status --json
prints "$vkey"
stop_daemon
[ "$daemon_status" = 0 ] || die "the daemon's end: $daemon_status"
notes=(store/audit/000001/checkpoints/*)
[ ${#notes[@]} -ge 3 ] || die "${#notes[@]} checkpoints"
judge "$vkey" "${notes[@]}" store/audit/000001/checkpoint >sizes || die "the judge does not take them"
[ "$(wc -l <sizes)" = $((${#notes[@]} + 1)) ] || die "not as many as there are"
[ "$(openssl pkey -pubin -in w.pub -outform DER | tail -c 32 | base64)" = "$(cut -d+ -f3- <<<"$vkey" | base64 -d | tail -c 32 | base64)" ] ||
        die "the verifier key is another"
ok "${#notes[@]} checkpoints hold by C2SP signed-note, for the verifier key that the daemon tells"

sed "s/^time ./time 9/" store/audit/000001/checkpoint >changed
cmp -s changed store/audit/000001/checkpoint && die "nothing was changed"
judge "$vkey" changed >/dev/null 2>&1 && die "the judge takes what was changed"
ok "one whose text was changed does not"

exits 0 holdfast audit verify --witness-key w.pub
prints "Witness   ${#notes[@]} of ${#notes[@]} checkpoints are signed by the witness key, too"
exits 0 holdfast audit verify --witness-key "$vkey"
prints "Witness   ${#notes[@]} of"
echo "$vkey" >w.vkey
exits 0 holdfast audit verify --witness-key w.vkey --json
python3 - ${#notes[@]} <<'PY'
import json, sys
d = json.load(open("out"))
assert d["ok"] and d["witnessed"] == d["checkpoints"] == int(sys.argv[1]) and not d["findings"], d
PY
exits 0 holdfast audit verify
! grep -q Witness out || die "nobody asked"
exits 8 holdfast audit verify --witness-key other.pub
prints "line by the witness key: it is signed by another Ed25519 key"
exits 8 holdfast audit verify --witness-key "$(python3 - "$vkey" <<'PY'
import base64, hashlib, sys
typed = base64.b64decode(sys.argv[1].split("+", 2)[2])
name = "holdfast/another-host/1"
key_id = hashlib.sha256(name.encode() + b"\n" + typed).hexdigest()[:8]
print(name, key_id, base64.b64encode(typed).decode(), sep="+")
PY
)"
prints "the witness key is one of holdfast/another-host/1"
exits 1 holdfast audit verify --witness-key ec.pub
says "no Ed25519 public key"
exits 1 holdfast audit verify --witness-key "${vkey%?}"
says "no verifier key"
exits 3 holdfast audit verify --witness-key missing.pub
ok "audit verify checks the line by a PEM key and by a verifier key, and names what is not signed by it"

start_daemon
exits 0 holdfast audit checkpoint
! grep -q Witness out || die "a key that is not configured"
stop_daemon
exits 8 holdfast audit verify --witness-key w.pub
prints "the newest checkpoint has no line by the witness key"
exits 0 holdfast audit verify
start_daemon HOLDFAST_AUDIT_WITNESS_KEY="$T/run/w.pem"
exits 0 holdfast audit verify --witness-key w.pub
prints "Warning "
prints "has no line by the witness key"
stop_daemon
ok "checkpoints of a time without the key are told, and the newest has to have its line"
