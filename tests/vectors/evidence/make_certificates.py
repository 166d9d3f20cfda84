#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Makes chains of certificates as TPMs' keys have them, good and bad: *.chain, a line of hex for each certificate, the leaf first.

Needs python3-cryptography. certificates: a line for each chain: its name, then "accepted" or "refused". root: what they hang on.
webauthn: an attestation object with a certificate from there. tests/unit/test_attest_*.c read what there is.
"""
import datetime
import os

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID, ObjectIdentifier

here = os.path.dirname(os.path.abspath(__file__))
BEGIN, END = datetime.datetime(2026, 1, 1), datetime.datetime(2050, 1, 1)
AK, EK = "2.23.133.8.3", "2.23.133.8.1"


def p256():
    return ec.generate_private_key(ec.SECP256R1())


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)] if text else [])


def tcg_name(*values):
    return x509.SubjectAlternativeName([x509.DirectoryName(x509.Name([
        x509.NameAttribute(ObjectIdentifier("2.23.133.2.%d" % (i + 1)), v) for i, v in enumerate(values)]))])


# What libraries do not write, and makers of TPMs do: octets.
def tlv(tag, *contents):
    content = b"".join(contents)
    size = len(content)
    head = bytes([size]) if size < 128 else b"\x81" + bytes([size]) if size < 256 else b"\x82" + size.to_bytes(2, "big")
    return bytes([tag]) + head + content


def elements(octets):
    """The whole elements in the content of one."""
    found, at = [], 0
    while at < len(octets):
        size, head = octets[at + 1], 2
        if size & 0x80:
            head = 2 + (size & 0x7f)
            size = int.from_bytes(octets[at + 2:at + head], "big")
        found.append(octets[at:at + head + size])
        at += head + size
    return found


def content(element):
    return element[2 + (element[1] & 0x7f if element[1] & 0x80 else 0):]


def signed_again(c, signer, change):
    """The certificate with another serial number, key ...: change() has the elements of its TBSCertificate."""
    tbs, algorithm, _ = elements(content(der(c)))
    inside = elements(content(tbs))
    change(inside)
    tbs = tlv(0x30, *inside)
    return tlv(0x30, tbs, algorithm, tlv(3, b"\0" + signer.sign(tbs, ec.ECDSA(hashes.SHA256()))))


def with_serial(octets):
    def change(inside):
        inside[1] = tlv(2, octets)
    return change


def with_oaep(inside):
    """Version, serial number, signature, issuer, validity, subject, key: RSAES-OAEP (1.2.840.113549.1.1.7) in place of rsaEncryption."""
    _, key = elements(content(inside[6]))
    inside[6] = tlv(0x30, tlv(0x30, tlv(6, bytes.fromhex("2a864886f70d010107")), tlv(0x30)), key)


def attribute(n, text, tag=0x0c):
    return tlv(0x30, tlv(6, bytes([0x67, 0x81, 5, 2, n])), tlv(tag, text))


def raw_names(*sets):
    """GeneralNames with one directoryName of these sets."""
    return x509.UnrecognizedExtension(ObjectIdentifier("2.5.29.17"), tlv(0x30, tlv(0xa4, tlv(0x30, *[tlv(0x31, *s) for s in sets]))))


def certificate(public, issuer, signer, subject="", ca=False, path=None, purpose=AK, san=True, critical=True, unknown=False, begin=BEGIN, end=END,
                h=hashes.SHA256, serial=None, names=None):
    b = x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer)).public_key(public)
    b = b.serial_number(serial or x509.random_serial_number()).not_valid_before(begin).not_valid_after(end)
    b = b.add_extension(x509.BasicConstraints(ca, path), True)
    if purpose and not ca:
        b = b.add_extension(x509.ExtendedKeyUsage([ObjectIdentifier(purpose)]), False)
    if names:
        b = b.add_extension(names, critical)
    elif san and not ca:
        b = b.add_extension(tcg_name("id:53544D20", "a model", "id:00010002"), critical)
    if unknown:
        b = b.add_extension(x509.UnrecognizedExtension(ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00"), True)
    return b.sign(signer, h())


def der(c):
    return c.public_bytes(serialization.Encoding.DER)


class Authority:
    def __init__(self):
        self.key = p256()
        self.root = certificate(self.key.public_key(), "root", self.key, "root", ca=True, purpose=None)

    def certify(self, public, **options):
        return certificate(public, "root", self.key, **options)


def lines(path, octets):
    with open(os.path.join(here, path), "w") as f:
        f.write("".join(o.hex() + "\n" for o in octets))


def tower(a, n, path=None):
    """Authorities below the root, the lowest first, and the key of that."""
    key, issuer, made = a.key, "root", []
    for i in range(n):
        below = p256()
        made.insert(0, certificate(below.public_key(), issuer, key, "authority %d" % i, ca=True, path=path))
        key, issuer = below, "authority %d" % i
    return key, issuer, made


def spki(public):
    return public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def peculiar(a, public, case):
    """What is not as RFC 5280 would have it, and is met all the same."""
    plain = a.certify(public)
    case("accepted", "negative-serial", [signed_again(plain, a.key, with_serial(b"\xfe\x01\x02"))])
    case("accepted", "longer-serial", [signed_again(plain, a.key, with_serial(b"\x5a" * 24))])
    case("accepted", "serial-zero", [signed_again(plain, a.key, with_serial(b"\0"))])
    maker, model, version = b"id:53544D20", b"a model", b"id:00010002"
    case("accepted", "names-in-one-set", [a.certify(public, names=raw_names([attribute(1, maker), attribute(2, model), attribute(3, version)]))])
    case("accepted", "names-in-wrong-order", [a.certify(public, names=raw_names([attribute(3, version), attribute(2, model), attribute(1, maker)]))])
    case("accepted", "other-strings", [a.certify(public, names=raw_names([attribute(1, maker, 0x13)], [attribute(2, model, 0x16)], [attribute(3, version)]))])
    case("accepted", "model-twice", [a.certify(public, names=raw_names([attribute(1, maker)], [attribute(2, model)], [attribute(2, b"another")]))])
    case("accepted", "model-unprintable", [a.certify(public, names=raw_names([attribute(1, maker)], [attribute(2, b"a\nmodel")]))])


def rsa_keys(a, case):
    """Certificates for the keys of rsa-keys: -weak-key for the second, the others for the first."""
    rsa2048, rsa1024 = rsa.generate_private_key(65537, 2048).public_key(), rsa.generate_private_key(65537, 1024).public_key()
    other = rsa.generate_private_key(65537, 2048).public_key()
    case("accepted", "rsa-key", [a.certify(rsa2048)])
    case("accepted", "oaep-key", [signed_again(a.certify(rsa2048), a.key, with_oaep)])
    case("refused", "oaep-other-key", [signed_again(a.certify(other), a.key, with_oaep)])
    case("refused", "oaep-weak-key", [signed_again(a.certify(rsa1024), a.key, with_oaep)])
    case("refused", "rsa-weak-key", [a.certify(rsa1024)])
    broken = signed_again(a.certify(rsa2048), a.key, with_oaep)
    case("refused", "oaep-broken-signature", [broken[:-1] + bytes([broken[-1] ^ 1])])
    lines("rsa-keys", [spki(rsa2048), spki(rsa1024)])


def cbor(kind, n):
    return bytes([kind << 5 | n]) if n < 24 else bytes([kind << 5 | 24, n]) if n < 256 else bytes([kind << 5 | 25]) + n.to_bytes(2, "big")


def sized(octets):
    return len(octets).to_bytes(2, "big") + octets


def webauthn(a):
    """A "tpm" attestation object for a key that could not leave its TPM, of which the attestation key signs "key authorization"."""
    def digest(octets):
        h = hashes.Hash(hashes.SHA256())
        h.update(octets)
        return h.finalize()

    def octets(b):
        return cbor(2, len(b)) + b

    def text(t):
        return cbor(3, len(t)) + t.encode()

    key, ak = p256().public_key().public_numbers(), p256()
    public = bytes.fromhex("0023000b00040472" "0000" "0010" "0010" "0003" "0010") + sized(key.x.to_bytes(32, "big")) + sized(key.y.to_bytes(32, "big"))
    name = b"\x00\x0b" + digest(public)
    signed = bytes.fromhex("ff5443478017") + sized(name) + sized(digest(b"key authorization")) + bytes(25) + sized(name) + sized(name)
    r, s = decode_dss_signature(ak.sign(signed, ec.ECDSA(hashes.SHA256())))
    signature = bytes.fromhex("0018000b") + sized(r.to_bytes(32, "big")) + sized(s.to_bytes(32, "big"))
    statement = cbor(5, 6) + text("alg") + b"\x26" + text("sig") + octets(signature) + text("ver") + text("2.0")
    statement += text("x5c") + cbor(4, 1) + octets(der(a.certify(ak.public_key()))) + text("pubArea") + octets(public) + text("certInfo") + octets(signed)
    lines("webauthn", [cbor(5, 2) + text("fmt") + text("tpm") + text("attStmt") + statement])


def main():
    a, leaf, other = Authority(), p256(), Authority()
    public, cases = leaf.public_key(), []

    def case(outcome, what, chain):
        cases.append("%s %s" % (what, outcome))
        lines(what + ".chain", [c if isinstance(c, bytes) else der(c) for c in chain])

    for f in os.listdir(here):
        if f.endswith(".chain"):
            os.unlink(os.path.join(here, f))
    case("accepted", "plain", [a.certify(public)])
    case("accepted", "subject-and-name-not-critical", [a.certify(public, subject="a TPM", critical=False)])
    case("accepted", "no-alternative-name", [a.certify(public, subject="a TPM", san=False)])
    case("accepted", "for-ever", [a.certify(public, end=datetime.datetime(9999, 12, 31, 23, 59, 59))])
    case("accepted", "long-serial", [a.certify(public, serial=(1 << 158) + 1)])
    case("refused", "expired", [a.certify(public, end=datetime.datetime(2026, 6, 1))])
    case("refused", "not-yet", [a.certify(public, begin=datetime.datetime(2027, 6, 1))])
    case("refused", "unknown-critical", [a.certify(public, unknown=True)])
    case("refused", "authority-itself", [a.certify(public, ca=True, subject="a TPM")])
    case("refused", "no-purpose", [a.certify(public, purpose=None)])
    case("refused", "other-purpose", [a.certify(public, purpose=EK)])
    case("refused", "sha1", [a.certify(public, h=hashes.SHA1)])
    case("refused", "other-key", [a.certify(p256().public_key())])
    case("refused", "other-root", [other.certify(public), other.root])
    case("refused", "wrong-issuer", [certificate(public, "nobody", a.key)])
    good = der(a.certify(public))
    case("refused", "broken-signature", [good[:-1] + bytes([good[-1] ^ 1])])
    case("refused", "something-behind", [good + b"\0"])
    case("refused", "cut", [good[:-1]])
    weak = rsa.generate_private_key(65537, 1024)
    between = certificate(weak.public_key(), "root", a.key, "weak", ca=True)
    case("refused", "weak-authority", [certificate(public, "weak", weak), between])
    strong = rsa.generate_private_key(65537, 2048)
    between = certificate(strong.public_key(), "root", a.key, "strong", ca=True)
    case("accepted", "rsa-authority", [certificate(public, "strong", strong), between])
    user = p256()
    between = certificate(user.public_key(), "root", a.key, "user")
    case("refused", "no-authority-between", [certificate(public, "user", user), between])
    key, issuer, made = tower(a, 4)
    case("accepted", "tower-of-four", [certificate(public, issuer, key)] + made)
    case("refused", "gap", [certificate(public, issuer, key)] + made[1:])
    key, issuer, made = tower(a, 2, path=0)
    case("refused", "path-length", [certificate(public, issuer, key)] + made)
    key, issuer, made = tower(a, 5)
    case("refused", "tower-of-five", [certificate(public, issuer, key)] + made)
    peculiar(a, public, case)
    rsa_keys(a, case)
    webauthn(a)
    lines("root", [der(a.root), der(other.root)])
    lines("leaf-key", [spki(public)])
    with open(os.path.join(here, "certificates"), "w") as f:
        f.write("".join(c + "\n" for c in cases))


if __name__ == "__main__":
    main()
