#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Makes chains of certificates as TPMs' keys have them, good and bad: *.chain, a line of hex for each certificate, the leaf first.

Needs python3-cryptography. certificates: a line for each chain: its name, then "accepted" or "refused". root: what they hang on.
tests/unit/test_attest_trust.c reads what there is.
"""
import datetime
import os

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
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


def certificate(public, issuer, signer, subject="", ca=False, path=None, purpose=AK, san=True, critical=True, unknown=False, begin=BEGIN, end=END,
                h=hashes.SHA256, serial=None):
    b = x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer)).public_key(public)
    b = b.serial_number(serial or x509.random_serial_number()).not_valid_before(begin).not_valid_after(end)
    b = b.add_extension(x509.BasicConstraints(ca, path), True)
    if purpose and not ca:
        b = b.add_extension(x509.ExtendedKeyUsage([ObjectIdentifier(purpose)]), False)
    if san and not ca:
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
    lines("root", [der(a.root), der(other.root)])
    lines("leaf-key", [public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)])
    with open(os.path.join(here, "certificates"), "w") as f:
        f.write("".join(c + "\n" for c in cases))


if __name__ == "__main__":
    main()
