#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# stunnel at both ends of a tunnel, each with its key in the TPM through the PKCS#11 engine.

. "$(dirname "$0")/lib.sh"
start_tpm
agent server
agent client
make_ca
tpm_cert server localhost
tpm_cert client client

half() {                # half NAME: what the configurations share
        cat <<END
foreground = yes
pid =
debug = info
sessionResume = no
engine = pkcs11
engineCtrl = MODULE_PATH:$MODULE
[$1]
engineId = pkcs11
key = $(uri "$1")
CAfile = $PWD/ca.pem
verifyChain = yes
END
}
{ half server; printf '%s\n' "cert = $PWD/localhost.pem" "accept = 127.0.0.1:$port" "connect = $PWD/echo"; } >server.conf
{ half client; printf '%s\n' "client = yes" "cert = $PWD/client.pem" "accept = 127.0.0.1:$((port + 1))" "connect = 127.0.0.1:$port" \
        "checkHost = localhost"; } >client.conf

# What lies behind the tunnel: answers each line with "you said LINE".
cat >echo.sh <<'END'
while read -r line; do echo "you said $line"; done
END
sed -i "s,^connect = $PWD/echo\$,exec = /bin/bash\nexecArgs = bash $PWD/echo.sh," server.conf

background server stunnel server.conf
background client stunnel client.conf
await listening $port
await listening $((port + 1))

ask() {                 # ask PORT WORD
        exec 3<>"/dev/tcp/127.0.0.1/$1"
        echo "$2" >&3
        timeout 15 head -n 1 <&3
        exec 3>&-
}
for i in 1 2 3; do
        shows "you said hello $i" ask $((port + 1)) "hello $i"
done
[ "$(grep -c 'TLS accepted: new session negotiated' server.log)" -ge 3 ]
grep -q 'CERT: Subject checks passed\|Certificate accepted.*CN=client' server.log
ok "both ends prove themselves with keys in the TPM"
