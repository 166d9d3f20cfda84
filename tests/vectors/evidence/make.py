#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Makes this directory: evidence that a software TPM really made, good and bad, in an encoder of its own.

Needs swtpm, python3-tpm2-pytss and python3-cryptography. Every run makes other keys; tests/unit/test_attest_verify.c reads what there is.
manifest: a line for each file: its name, then "accepted" or the check that refuses it.
"""
import atexit
import hashlib
import os
import struct
import subprocess
import sys
import tempfile
import time

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from tpm2_pytss import ESAPI, TCTILdr
from tpm2_pytss.constants import ESYS_TR, TPM2_ALG, TPM2_SE, TPM2_SU, TPMA_SESSION
from tpm2_pytss.types import (TPM2B_NV_PUBLIC, TPM2B_PUBLIC, TPM2B_SENSITIVE, TPM2B_SENSITIVE_CREATE, TPML_DIGEST_VALUES, TPML_PCR_SELECTION,
                              TPMS_NV_PUBLIC, TPMT_HA, TPMT_SIG_SCHEME, TPMT_SYM_DEF)

import make_certificates

here = os.path.dirname(os.path.abspath(__file__))
CHALLENGE = hashlib.sha256(b"a challenge of the tests").digest()
SHA1, SHA256, SHA384, NULL, RSA, ECC = 0x04, 0x0b, 0x0c, 0x10, 0x01, 0x23
RSASSA, RSAPSS, ECDSA = 0x14, 0x16, 0x18
P256, P384, P521 = 3, 4, 5
FIXEDTPM, STCLEAR, FIXEDPARENT, ORIGIN, WITHAUTH, ADMIN, NODA = 1 << 1, 1 << 2, 1 << 4, 1 << 5, 1 << 6, 1 << 7, 1 << 10
RESTRICTED, DECRYPT, SIGN = 1 << 16, 1 << 17, 1 << 18
OWN = FIXEDTPM | FIXEDPARENT | ORIGIN | WITHAUTH | NODA
AK = OWN | RESTRICTED | SIGN
KEY = OWN | SIGN
PCRS = 0x4ff
HASH = {SHA1: hashlib.sha1, SHA256: hashlib.sha256, SHA384: hashlib.sha384}


# Deterministic CBOR, as much of it as evidence has.
def head(major, n):
    for size, code in ((None, None), (1, 24), (2, 25), (4, 26), (8, 27)):
        if size is None:
            if n < 24:
                return bytes([major << 5 | n])
        elif n < 1 << 8 * size:
            return bytes([major << 5 | code]) + n.to_bytes(size, "big")


def cbor(v):
    if isinstance(v, int):
        return head(0, v)
    if isinstance(v, bytes):
        return head(2, len(v)) + v
    if isinstance(v, list):
        return head(4, len(v)) + b"".join(map(cbor, v))
    return head(5, len(v)) + b"".join(cbor(k) + cbor(v[k]) for k in sorted(v))


def binding(e, challenge=CHALLENGE):
    said = {part: v if not isinstance(v, dict) else {k: x for k, x in v.items() if (part, k) not in ((2, 1), (2, 2), (3, 0), (3, 1))} for part, v in e.items()}
    return hashlib.sha256(b"holdfast evidence 1\0" + bytes([len(challenge)]) + challenge + cbor(said)).digest()


# TPM structures.
def two_b(b):
    return struct.pack(">H", len(b)) + b


def public(alg, attrs, policy=b"", name_alg=SHA256, scheme=None, h=SHA256, storage=False, rsa_bits=2048, curve=P256, x=b"", y=b""):
    sym = struct.pack(">HHH", 6, 128, 0x43) if storage else struct.pack(">H", NULL)
    scheme = struct.pack(">HH", scheme, h) if scheme else struct.pack(">H", NULL)
    t = struct.pack(">HHI", alg, name_alg, attrs) + two_b(policy) + sym + scheme
    if alg == RSA:
        return t + struct.pack(">HI", rsa_bits, 0) + two_b(x)
    return t + struct.pack(">HH", curve, NULL) + two_b(x) + two_b(y)


def sized(t):
    return TPM2B_PUBLIC.unmarshal(two_b(t))[0]


def name_of(t):
    alg = struct.unpack(">H", t[2:4])[0]
    return t[2:4] + HASH[alg](t).digest()


SCHEME = TPMT_SIG_SCHEME(scheme=TPM2_ALG.NULL)


class Tpm:
    def __init__(self):
        self.dir = tempfile.mkdtemp()
        self.swtpm = None
        self.flushed = []

    def on(self):
        sock = self.dir + "/sock"
        self.swtpm = subprocess.Popen(["swtpm", "socket", "--tpm2", "--tpmstate", "dir=" + self.dir, "--server", "type=unixio,path=" + sock,
                                       "--ctrl", "type=unixio,path=" + sock + ".ctrl", "--flags", "not-need-init,startup-clear"],
                                      stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        atexit.register(self.swtpm.kill)
        while not os.path.exists(sock):
            time.sleep(0.01)
        self.e = ESAPI(TCTILdr("swtpm", "path=" + sock))
        self.made = []

    def off(self, orderly=True):
        if orderly:
            self.e.shutdown(TPM2_SU.CLEAR)
        self.e.close()
        self.swtpm.kill()
        self.swtpm.wait()
        if os.path.exists(self.dir + "/sock"):
            os.unlink(self.dir + "/sock")

    def flush(self):
        for h in self.made:
            self.e.flush_context(h)
        self.made = []

    def primary(self, template, hierarchy=ESYS_TR.ENDORSEMENT):
        h, pub, _, _, _ = self.e.create_primary(TPM2B_SENSITIVE_CREATE(), sized(template), hierarchy)
        self.made.append(h)
        return h, pub.marshal()[2:]

    def child(self, parent, template, session=ESYS_TR.PASSWORD):
        parent = parent[0]
        s = session() if callable(session) else session
        priv, pub, data, digest, ticket = self.e.create(parent, TPM2B_SENSITIVE_CREATE(), sized(template), session1=s)
        s = session() if callable(session) else session
        h = self.e.load(parent, priv, pub, session1=s)
        self.made.append(h)
        self.ticket = (digest, ticket)
        return h, pub.marshal()[2:]

    def by_endorsement(self):
        s = self.e.start_auth_session(ESYS_TR.NONE, ESYS_TR.NONE, TPM2_SE.POLICY, TPMT_SYM_DEF(algorithm=TPM2_ALG.NULL), TPM2_ALG.SHA256)
        self.e.policy_secret(ESYS_TR.ENDORSEMENT, s, b"", b"", b"", 0)
        return s

    def values(self, mask=PCRS, bank="sha256"):
        out = b""
        for i in range(24):
            if mask >> i & 1:
                _, _, d = self.e.pcr_read("%s:%d" % (bank, i))
                out += bytes(d[0])
        return out

    def extend(self, pcr, digests):
        v = TPML_DIGEST_VALUES()
        v.count = len(digests)
        for i, (alg, d) in enumerate(digests):
            v.digests[i].hashAlg = alg
            getattr(v.digests[i].digest, {SHA1: "sha1", SHA256: "sha256"}[alg])[0:len(d)] = d
        self.e.pcr_extend(ESYS_TR.PCR0 + pcr, v)


def selection(mask, bank="sha256"):
    return "%s:%s" % (bank, ",".join(str(i) for i in range(24) if mask >> i & 1))


tpm = Tpm()
manifest = []


def statement(made):
    attest, signature = made
    return bytes(attest), signature.marshal()


def key_part(key, agent=b"build-42", owner=b"dana@example.com"):
    return {0: key[1], 3: agent, 4: owner}


PROCESS = {0: 4242, 1: 123456, 2: 1000, 3: 1000, 4: b"/usr/bin/agent", 5: hashlib.sha256(b"agent").digest(), 7: b"agent.service"}


def host_part(mask=PCRS, bank="sha256", alg=SHA256, logs=True):
    return {2: alg, 3: mask, 4: tpm.values(mask, bank), **({5: event_log, 6: ima_list} if logs else {})}


def whole(ak, key=None, host=None, process=True):
    e = {0: 1, 1: {0: ak[1]}}
    if key:
        e[2] = key_part(key)
    if host:
        e[3] = host
    if process:
        e[4] = PROCESS
    return e


def certify(e, ak, key, extra=None):
    e[2][1], e[2][2] = statement(tpm.e.certify(key[0], ak[0], binding(e) if extra is None else extra, SCHEME))


def quote(e, ak, select=None, extra=None):
    e[3][0], e[3][1] = statement(tpm.e.quote(ak[0], selection(PCRS) if select is None else select, binding(e) if extra is None else extra, SCHEME))


def write(name, outcome, e):
    with open(os.path.join(here, name + ".evidence"), "wb") as f:
        f.write(cbor(e))
    manifest.append("%s %s" % (name, outcome))


def both(name, outcome, ak, key):
    e = whole(ak, key, host_part())
    certify(e, ak, key)
    quote(e, ak)
    write(name, outcome, e)


def only_key(name, outcome, ak, key, extra=None):
    e = whole(ak, key)
    certify(e, ak, key, extra)
    write(name, outcome, e)


# The host's logs.
GLOBAL = bytes.fromhex("61dfe48bca93d211aa0d00e098032b8c")


def variable(name, value, guid=GLOBAL):
    return guid + struct.pack("<QQ", len(name), len(value)) + name.encode("utf-16-le") + value


def log_of(events):
    spec = b"Spec ID Event03\0" + struct.pack("<IBBBBI", 0, 0, 2, 0, 2, 2) + struct.pack("<HHHH", SHA1, 20, SHA256, 32) + b"\0"
    out = struct.pack("<II", 0, 3) + bytes(20) + struct.pack("<I", len(spec)) + spec
    for pcr, kind, data, *of in events:
        of = of[0] if of else data
        d1, d2 = hashlib.sha1(of).digest(), hashlib.sha256(of).digest()
        if kind == 3:
            d1, d2 = bytes(20), bytes(32)
        out += struct.pack("<III", pcr, kind, 2) + struct.pack("<H", SHA1) + d1 + struct.pack("<H", SHA256) + d2 + struct.pack("<I", len(data)) + data
        if kind != 3:
            tpm.extend(pcr, [(SHA1, d1), (SHA256, d2)])
    return out


def ima_of(files):
    out = b""
    for path, content in files:
        d = b"sha256:\0" + hashlib.sha256(content).digest()
        data = struct.pack("<I", len(d)) + d + struct.pack("<I", len(path) + 1) + path + b"\0"
        out += struct.pack("<I", 10) + hashlib.sha1(data).digest() + struct.pack("<I", 6) + b"ima-ng" + struct.pack("<I", len(data)) + data
        tpm.extend(10, [(SHA1, hashlib.sha1(data).digest()), (SHA256, hashlib.sha256(data).digest())])
    return out


FILES = [(b"boot_aggregate", b"what was before"), (b"/usr/lib/systemd/systemd", b"systemd"), (b"/usr/bin/agent", b"agent")]


def boot(secure=1, late=False):
    global event_log, ima_list
    tpm.on()
    events = [(0, 8, b"firmware 1.0"), (7, 0x80000001, variable("SecureBoot", bytes([secure]))), (7, 0x80000001, variable("PK", b"platform key"))]
    events += [(i, 4, bytes(4)) for i in range(8)]
    if late:
        events.append((7, 0x80000001, variable("SecureBoot", b"\1")))
    events += [(4, 0x80000003, b"where the loader is", b"the loader"), (5, 0x80000007, b"Exit Boot Services Invocation")]
    event_log = log_of(events)
    ima_list = ima_of(FILES)


AK_TEMPLATE = public(ECC, AK, scheme=ECDSA)
SRK_TEMPLATE = public(ECC, OWN | RESTRICTED | DECRYPT, storage=True)
KEY_TEMPLATE = public(ECC, KEY)
EK_POLICY = bytes.fromhex("837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa")
EK_TEMPLATE = public(ECC, FIXEDTPM | FIXEDPARENT | ORIGIN | ADMIN | RESTRICTED | DECRYPT, policy=EK_POLICY, storage=True, x=bytes(32), y=bytes(32))


def usual():
    tpm.flush()
    return tpm.primary(AK_TEMPLATE)


def new_key(template=KEY_TEMPLATE):
    srk = tpm.primary(SRK_TEMPLATE, ESYS_TR.OWNER)
    key = tpm.child(srk, template)
    tpm.e.flush_context(srk[0])
    tpm.made.remove(srk[0])
    return key


def keep(name, octets):
    with open(os.path.join(here, name), "w") as f:
        f.write(octets.hex() + "\n")


known = []


def attestation_keys():
    """Good and bad attestation keys; all of them are known, so that it is not for that that they are refused."""
    cases = [
        ("ak-rsassa", "accepted", public(RSA, AK, scheme=RSASSA)), ("ak-rsapss", "accepted", public(RSA, AK, scheme=RSAPSS)),
        ("ak-p384", "accepted", public(ECC, AK, name_alg=SHA384, scheme=ECDSA, h=SHA384, curve=P384)),
        ("ak-p384-sha256", "accepted", public(ECC, AK, scheme=ECDSA, curve=P384)),
        ("ak-unrestricted", "attestation-key", public(ECC, AK & ~RESTRICTED, scheme=ECDSA)),
        ("ak-decrypts", "attestation-key", public(RSA, (AK & ~RESTRICTED) | DECRYPT)),
        ("ak-no-scheme", "attestation-key", public(ECC, AK & ~RESTRICTED)),
        ("ak-not-fixedtpm", "attestation-key", public(ECC, AK & ~FIXEDTPM & ~FIXEDPARENT, scheme=ECDSA)),
        ("ak-name-sha1", "attestation-key", public(ECC, AK, name_alg=SHA1, scheme=ECDSA)),
        ("ak-signs-sha1", "attestation-key", public(ECC, AK, scheme=ECDSA, h=SHA1)),
        ("ak-p521", "attestation-key", public(ECC, AK, scheme=ECDSA, curve=P521)),
        ("ak-rsa1024", "attestation-key", public(RSA, AK, scheme=RSASSA, rsa_bits=1024)),
    ]
    for name, outcome, template in cases:
        tpm.flush()
        key = new_key()
        try:
            ak = tpm.primary(template)
            known.append(name_of(ak[1]))
            if "no-scheme" in name or "decrypts" in name:
                e = whole(ak, key)
                s = TPMT_SIG_SCHEME(scheme=TPM2_ALG.RSASSA if "decrypts" in name else TPM2_ALG.ECDSA)
                s.details.any.hashAlg = TPM2_ALG.SHA256
                e[2][1], e[2][2] = statement(tpm.e.certify(key[0], ak[0], binding(e), s))
                write(name, outcome, e)
            else:
                only_key(name, outcome, ak, key)
        except Exception as x:  # a TPM need not make all of them
            print("not made: %s: %s" % (name, x), file=sys.stderr)


def elsewhere():
    """Attestation keys below the endorsement key, and in another hierarchy."""
    tpm.flush()
    ek = tpm.primary(EK_TEMPLATE)
    keep("ek-name", name_of(ek[1]))
    ak = tpm.child(ek, AK_TEMPLATE, tpm.by_endorsement)
    known.append(name_of(ak[1]))
    tpm.e.flush_context(ek[0])
    tpm.made.remove(ek[0])
    only_key("below-ek", "key-statement", ak, new_key())
    tpm.flush()
    ak = tpm.primary(AK_TEMPLATE, ESYS_TR.OWNER)
    known.append(name_of(ak[1]))
    only_key("in-owner", "key-statement", ak, new_key())


POLICY = hashlib.sha256(b"a policy").digest()


def keys():
    cases = [
        ("key-p384", "accepted", public(ECC, KEY, curve=P384)), ("key-rsa", "accepted", public(RSA, KEY | DECRYPT)),
        ("key-scheme", "accepted", public(ECC, KEY, scheme=ECDSA)), ("key-name-sha384", "accepted", public(ECC, KEY, name_alg=SHA384)),
        ("key-not-fixedtpm", "key", public(ECC, KEY & ~FIXEDTPM & ~FIXEDPARENT)),
        ("key-da", "key", public(ECC, KEY & ~NODA)), ("key-decrypts", "key", public(ECC, KEY | DECRYPT)),
        ("key-restricted", "key", public(ECC, KEY | RESTRICTED, scheme=ECDSA)), ("key-only-decrypts", "key", public(ECC, (KEY & ~SIGN) | DECRYPT)),
        ("key-name-sha1", "key", public(ECC, KEY, name_alg=SHA1)), ("key-rsa1024", "key", public(RSA, KEY, rsa_bits=1024)),
        ("key-signs-sha1", "key", public(ECC, KEY, scheme=ECDSA, h=SHA1)),
        ("key-policy", "key-policy", public(ECC, KEY & ~WITHAUTH, policy=POLICY)),
        ("key-policy-or-auth", "key-policy", public(ECC, KEY, policy=POLICY)),
        ("key-no-way", "key-policy", public(ECC, KEY & ~WITHAUTH)),
    ]
    for name, outcome, template in cases:
        ak = usual()
        try:
            only_key(name, outcome, ak, new_key(template))
        except Exception as x:
            print("not made: %s: %s" % (name, x), file=sys.stderr)
    ak = usual()
    soft = ec.derive_private_key(12345, ec.SECP256R1()).public_key().public_numbers()
    t = public(ECC, WITHAUTH | SIGN | NODA, x=soft.x.to_bytes(32, "big"), y=soft.y.to_bytes(32, "big"))
    private = TPM2B_SENSITIVE.unmarshal(two_b(struct.pack(">H", ECC) + two_b(b"") * 2 + two_b((12345).to_bytes(32, "big"))))[0]
    h = tpm.e.load_external(sized(t), private, ESYS_TR.NULL)
    tpm.made.append(h)
    only_key("key-imported", "key-statement", ak, (h, t))
    # Another key's certificate.
    ak = usual()
    e = whole(ak, new_key())
    tpm.e.flush_context(tpm.made.pop())
    certify(e, ak, new_key())
    write("key-substituted", "key-statement", e)
    # Another parent.
    ak = usual()
    parent = tpm.primary(SRK_TEMPLATE, ESYS_TR.ENDORSEMENT)
    key = tpm.child(parent, KEY_TEMPLATE)
    tpm.e.flush_context(parent[0])
    tpm.made.remove(parent[0])
    only_key("key-elsewhere", "key-statement", ak, key)
    only_key("key-other-challenge", "key-statement", usual(), new_key(), hashlib.sha256(b"other").digest())
    only_key("key-raw-challenge", "key-statement", usual(), new_key(), CHALLENGE)


def signed_with_ticket(ak, octets):
    """What a restricted key signs without having made it: anything that does not begin as a TPM's own statement."""
    digest, ticket = tpm.e.hash(octets, TPM2_ALG.SHA256, ESYS_TR.OWNER)
    return octets, tpm.e.sign(ak[0], digest, SCHEME, ticket).marshal()


def other_statements():
    """Everything that an attestation key signs, in the place of a quote and of a certificate."""
    public_area = TPMS_NV_PUBLIC(nvIndex=0x01800001, nameAlg=TPM2_ALG.SHA256, attributes=0x00020002 | 0x00040004, dataSize=8)
    nv = tpm.e.nv_define_space(b"", TPM2B_NV_PUBLIC(nvPublic=public_area))
    tpm.e.nv_write(nv, b"8 octets")
    def session_audit(ak, key, extra):
        tpm.e.flush_context(key[0])
        tpm.made.remove(key[0])
        s = tpm.e.start_auth_session(ESYS_TR.NONE, ESYS_TR.NONE, TPM2_SE.HMAC, TPMT_SYM_DEF(algorithm=TPM2_ALG.NULL), TPM2_ALG.SHA256)
        tpm.e.trsess_set_attributes(s, TPMA_SESSION.AUDIT | TPMA_SESSION.CONTINUESESSION)
        tpm.e.get_random(8, session1=s)
        out = tpm.e.get_session_audit_digest(ak[0], s, extra, SCHEME, ESYS_TR.ENDORSEMENT)
        tpm.e.flush_context(s)
        return out

    made = {
        "session-audit": session_audit,
        "nv-digest": lambda ak, key, x: tpm.e.nv_certify(ak[0], nv, x, SCHEME, 0),
        "nv": lambda ak, key, x: tpm.e.nv_certify(ak[0], nv, x, SCHEME, 8),
        "time": lambda ak, key, x: tpm.e.get_time(ak[0], x, SCHEME),
        "creation": lambda ak, key, x: tpm.e.certify_creation(ak[0], key[0], x, tpm.ticket[0], SCHEME, tpm.ticket[1]),
        "command-audit": lambda ak, key, x: tpm.e.get_command_audit_digest(ak[0], x, SCHEME, ESYS_TR.ENDORSEMENT),
        "quote": lambda ak, key, x: tpm.e.quote(ak[0], selection(PCRS), x, SCHEME),
        "certify": lambda ak, key, x: tpm.e.certify(key[0], ak[0], x, SCHEME),
    }
    for what, make in made.items():
        if what != "certify":
            ak, key = usual(), new_key()
            e = whole(ak, key)
            e[2][1], e[2][2] = statement(make(ak, key, binding(e)))
            write("type-%s-as-certify" % what, "key-statement", e)
        if what != "quote":
            ak, key = usual(), new_key()
            e = whole(ak, None, host_part())
            e[3][0], e[3][1] = statement(make(ak, key, binding(e)))
            write("type-%s-as-quote" % what, "host-statement", e)
    tpm.e.nv_undefine_space(nv)
    ak, key = usual(), new_key()
    e = whole(ak, key, host_part())
    certify(e, ak, key)
    quote(e, ak)
    e[2][1], e[2][2] = signed_with_ticket(ak, b"\xff\x54\x43\x48" + e[2][1][4:])
    write("magic-certify", "key-statement", e)
    certify(e, ak, key)
    e[3][0], e[3][1] = signed_with_ticket(ak, b"\xff\x54\x43\x48" + e[3][0][4:])
    write("magic-quote", "host-statement", e)


def quotes():
    def one(name, outcome, select, host=None):
        ak = usual()
        e = whole(ak, None, host or host_part())
        quote(e, ak, select)
        write(name, outcome, e)

    one("quote-only", "accepted", selection(PCRS))
    one("quote-other-pcrs", "host-statement", selection(PCRS & ~1))
    one("quote-other-bank", "host-statement", selection(PCRS, "sha1"))
    one("quote-nothing", "host-statement", TPML_PCR_SELECTION())
    one("quote-in-two", "host-statement", selection(0xff) + "+" + selection(0x400))
    one("quote-twice", "host-statement", selection(PCRS) + "+" + selection(PCRS))
    one("quote-fewer", "host-statement", selection(0x7f), host_part(0x7f, logs=False))
    one("quote-sha384", "host-statement", selection(PCRS, "sha384"), host_part(PCRS, "sha384", SHA384, logs=False))
    one("quote-all", "host-statement", selection(0xffffff), host_part(0xffffff))
    # Values that the quote is not of.
    ak = usual()
    host = host_part()
    host[4] = bytes([host[4][0] ^ 1]) + host[4][1:]
    e = whole(ak, None, host)
    quote(e, ak)
    write("quote-other-values", "host-statement", e)
    # Logs that do not lead there.
    for name, part, change in (("log-shorter", 5, lambda v: log_without_last(v)), ("ima-shorter", 6, lambda v: v[:ima_two()])):
        ak = usual()
        host = host_part()
        host[part] = change(host[part])
        e = whole(ak, None, host)
        quote(e, ak)
        write(name, "event-log" if part == 5 else "ima", e)
    ak = usual()
    e = whole(ak, None, host_part(logs=False))
    quote(e, ak)
    write("no-logs", "event-log", e)


def log_without_last(log):
    data = b"Exit Boot Services Invocation"
    return log[:-(12 + 2 + 20 + 2 + 32 + 4 + len(data))]


def ima_two():
    size = 0
    for path, content in FILES[:2]:
        size += 4 + 20 + 4 + 6 + 4 + 4 + 40 + 4 + len(path) + 1
    return size


def certified():
    """An attestation key that nobody knows, with a certificate of an authority between."""
    a = make_certificates.Authority()
    with open(os.path.join(here, "ak-root"), "w") as f:
        f.write(make_certificates.der(a.root).hex() + "\n")
    tpm.flush()
    ak = tpm.primary(public(ECC, AK, scheme=ECDSA, x=b"another"))
    size = 2 + 32
    x, y = ak[1][-2 * size + 2:-size], ak[1][-size + 2:]
    key = ec.EllipticCurvePublicNumbers(int.from_bytes(x, "big"), int.from_bytes(y, "big"), ec.SECP256R1()).public_key()
    signer, issuer, made = make_certificates.tower(a, 1)
    leaf = make_certificates.certificate(key, issuer, signer)
    e = whole(ak, new_key(), None)
    e[1][1] = [make_certificates.der(c) for c in [leaf] + made]
    certify(e, ak, (tpm.made[-1], None))
    write("certified", "trust", e)


def software():
    """An attestation key that says all the right things of itself, and is in no TPM."""
    private = ec.derive_private_key(54321, ec.SECP256R1())
    n = private.public_key().public_numbers()
    t = public(ECC, AK, scheme=ECDSA, x=n.x.to_bytes(32, "big"), y=n.y.to_bytes(32, "big"))
    key = new_key()
    e = whole((None, t), key)
    own = b"\x00\x0b" + hashlib.sha256(bytes.fromhex("4000000b") + name_of(t)).digest()
    attest = (bytes.fromhex("ff5443478017") + two_b(own) + two_b(binding(e)) + struct.pack(">QIIB", 1000, 1, 0, 1) + struct.pack(">Q", 1) +
              two_b(name_of(key[1])) + two_b(b"\x00\x0b" + bytes(32)))
    r, s = decode_dss_signature(private.sign(attest, ec.ECDSA(hashes.SHA256())))
    e[2][1], e[2][2] = attest, struct.pack(">HH", ECDSA, SHA256) + two_b(r.to_bytes(32, "big")) + two_b(s.to_bytes(32, "big"))
    write("ak-software", "trust", e)


for f in os.listdir(here):
    if f.endswith(".evidence"):
        os.unlink(os.path.join(here, f))
boot()
ak = usual()
known.append(name_of(ak[1]))
keep("ak-name", name_of(ak[1]))
keep("challenge", CHALLENGE)
keep("key-policy", POLICY)
srk = tpm.primary(SRK_TEMPLATE, ESYS_TR.OWNER)
keep("srk-name", name_of(srk[1]))
tpm.flush()
ak, key = usual(), new_key()
both("good", "accepted", ak, key)
both("later", "accepted", usual(), new_key())
attestation_keys()
elsewhere()
keys()
other_statements()
quotes()
certified()
tpm.flush()
software()
# Certified before a reset, quoted after it.
tpm.flush()
ak, key = usual(), new_key()
e = whole(ak, key, host_part())
certify(e, ak, key)
tpm.off()
boot()
ak = usual()
quote(e, ak)
write("reset-between", "clock", e)
both("rebooted", "accepted", usual(), new_key())
tpm.off(orderly=False)
boot()
both("power-cut", "clock", usual(), new_key())
for name, args in (("secure-boot-off", (0,)), ("secure-boot-late", (0, True))):
    tpm.off()
    boot(*args)
    both(name, "secure-boot", usual(), new_key())
tpm.off()
with open(os.path.join(here, "known"), "w") as f:
    f.write("".join(n.hex() + "\n" for n in known))
with open(os.path.join(here, "manifest"), "w") as f:
    f.write("".join(line + "\n" for line in manifest))
subprocess.run(["rm", "-r", tpm.dir], check=True)
