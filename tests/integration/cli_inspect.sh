#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# `holdfast inspect` says what a file is, ours or another tool's, and prints no secret and no stranger's escape.

. "$(dirname "$0")/lib.sh"
start_tpm
agent build-42
(umask 077; echo 123456 >pin; echo 87654321 >so)
agent guarded --pin-file pin --so-pin-file so

key=$(holdfast key show build-42 --file)
shows "P-256" holdfast inspect "$key"
shows "fixedTPM fixedParent sensitiveDataOrigin userWithAuth noDA sign" holdfast inspect "$key"
shows "$(holdfast key show build-42 --ssh | cut -d ' ' -f 1-2)" holdfast inspect "$key"
shows "authorisation    needed" holdfast inspect "$(holdfast key show guarded --file)"
holdfast inspect "$key" --json >out
grep -qF '"schema": "holdfast.inspect/1"' out
ok "a key file"

shows "type             agent" holdfast inspect store/agents/guarded/agent
shows "octets, not shown" holdfast inspect store/agents/guarded/agent
shows "type             store" holdfast inspect store/store
ok "an agent's file and the store's"

tpm2_createprimary -T "$HOLDFAST_TCTI" -Q -C o -g sha256 -G ecc -c primary.ctx
openssl genpkey -provider tpm2 -provider default -algorithm EC -pkeyopt group:P-256 -out theirs.pem 2>/dev/null ||
        TPM2OPENSSL_TCTI=$HOLDFAST_TCTI openssl genpkey -provider tpm2 -provider default -algorithm EC -pkeyopt group:P-256 -out theirs.pem
shows "type             TSS2 key file" holdfast inspect theirs.pem
shows "P-256" holdfast inspect theirs.pem
ok "a key file of tpm2-openssl"

make_ca
file_cert web
shows "type             certificate" holdfast inspect web.pem
shows "subject          CN=web" holdfast inspect web.pem
openssl x509 -in web.pem -outform DER | holdfast inspect - >out
grep -qF "DNS:web" out
holdfast key show build-42 --pem >pub.pem
shows "type             public key" holdfast inspect pub.pem
ok "certificates and public keys"

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout evil.key -out evil.pem -days 1 -subj $'/CN=a\033[2Jb' \
        -addext $'subjectAltName=URI:x\033[2Jy' 2>/dev/null
holdfast inspect evil.pem >out
! grep -q $'\033' out || die "a stranger's escape reached the terminal"
refused holdfast inspect web.key
! grep -q "$(sed -n 2p web.key)" refused.out || die "a private key is printed"
head -c 2000 /dev/urandom >noise
refused holdfast inspect noise
refused holdfast inspect /dev/null
head -c 2000000 /dev/zero >big
refused holdfast inspect big
sed 's/^[A-Za-z0-9+\/]\{64\}$/AAAA/' "$key" >broken
refused holdfast inspect broken
ok "what it cannot read it refuses"
