#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# git signs commits and tags with a key in the TPM, through ssh-agent, and verifies them.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ssh_lib.sh"
start_tpm
agent build-42
agent_start
agent_add >ssh-add.log 2>&1

git init -q -b main repo
cd repo
git config user.name "Build 42"
git config user.email build-42@example.com
git config gpg.format ssh
git config user.signingkey "key::$(holdfast key show build-42 --ssh)"
git config gpg.ssh.allowedSignersFile ../allowed
echo "build-42@example.com $(holdfast key show build-42 --ssh)" >../allowed

echo 1 >file
git add file
git commit -q -S -m "First"
shows 'Good "git" signature for build-42@example.com' git verify-commit -v HEAD
git tag -s -m "One" v1
shows 'Good "git" signature for build-42@example.com' git verify-tag -v v1
ok "signs a commit and a tag, and verifies them"

git cat-file commit HEAD | sed 's/^First$/Frist/' >../spoiled
refused git verify-commit "$(git hash-object -t commit -w ../spoiled)"
git commit -q --allow-empty -m "Not signed"
refused git verify-commit HEAD
ok "refuses a spoiled commit and an unsigned one"
