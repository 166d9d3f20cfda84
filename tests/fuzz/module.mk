# SPDX-License-Identifier: BSD-2-Clause
# Fuzz targets. Built by --enable-fuzzing they are fuzzers; otherwise `make check` replays their corpora.
#
# One group of lines for each target X:
#     FUZZ_TARGETS += tests/fuzz/fuzz_X
#     tests_fuzz_fuzz_X_SOURCES = tests/fuzz/fuzz_X.c
#     tests_fuzz_fuzz_X_LDADD = $(FUZZ_LIBS) the libraries
#     tests_fuzz_fuzz_X_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)

FUZZ_TARGETS =
check_PROGRAMS += $(FUZZ_TARGETS)
EXTRA_DIST += tests/fuzz/corpus

if FUZZING
FUZZ_LINK = -fsanitize=fuzzer
FUZZ_LIBS =
else
FUZZ_LINK =
FUZZ_LIBS = tests/fuzz/libreplay.la
check_LTLIBRARIES += tests/fuzz/libreplay.la
tests_fuzz_libreplay_la_SOURCES = tests/fuzz/replay.c
TESTS += $(FUZZ_TARGETS)
endif

# The store and what is in it.
FUZZ_TARGETS += tests/fuzz/fuzz_attrs
tests_fuzz_fuzz_attrs_SOURCES = tests/fuzz/fuzz_attrs.c
tests_fuzz_fuzz_attrs_LDADD = $(FUZZ_LIBS) $(lib_libs)
tests_fuzz_fuzz_attrs_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
FUZZ_TARGETS += tests/fuzz/fuzz_tsskey
tests_fuzz_fuzz_tsskey_SOURCES = tests/fuzz/fuzz_tsskey.c
tests_fuzz_fuzz_tsskey_LDADD = $(FUZZ_LIBS) $(lib_libs)
tests_fuzz_fuzz_tsskey_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
FUZZ_TARGETS += tests/fuzz/fuzz_conf
tests_fuzz_fuzz_conf_SOURCES = tests/fuzz/fuzz_conf.c
tests_fuzz_fuzz_conf_LDADD = $(FUZZ_LIBS) $(lib_libs)
tests_fuzz_fuzz_conf_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
FUZZ_TARGETS += tests/fuzz/fuzz_item
tests_fuzz_fuzz_item_SOURCES = tests/fuzz/fuzz_item.c
tests_fuzz_fuzz_item_LDADD = $(FUZZ_LIBS) $(keys_libs)
tests_fuzz_fuzz_item_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
FUZZ_TARGETS += tests/fuzz/fuzz_item_name
tests_fuzz_fuzz_item_name_SOURCES = tests/fuzz/fuzz_item_name.c
tests_fuzz_fuzz_item_name_LDADD = $(FUZZ_LIBS) $(keys_libs)
tests_fuzz_fuzz_item_name_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
FUZZ_TARGETS += tests/fuzz/fuzz_sums
tests_fuzz_fuzz_sums_SOURCES = tests/fuzz/fuzz_sums.c
tests_fuzz_fuzz_sums_LDADD = $(FUZZ_LIBS) $(guard_libs) $(keys_libs)
tests_fuzz_fuzz_sums_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)

# An agent's rules.
FUZZ_TARGETS += tests/fuzz/fuzz_rule
tests_fuzz_fuzz_rule_SOURCES = tests/fuzz/fuzz_rule.c
tests_fuzz_fuzz_rule_LDADD = $(FUZZ_LIBS) $(keys_libs)
tests_fuzz_fuzz_rule_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)

# Mechanisms that come to the daemon in another's parameters.
FUZZ_TARGETS += tests/fuzz/fuzz_carry
tests_fuzz_fuzz_carry_SOURCES = tests/fuzz/fuzz_carry.c
tests_fuzz_fuzz_carry_LDADD = $(FUZZ_LIBS) $(pkcs11_libs)
tests_fuzz_fuzz_carry_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)

# What operators ask of the daemon.
FUZZ_TARGETS += tests/fuzz/fuzz_order
tests_fuzz_fuzz_order_SOURCES = tests/fuzz/fuzz_order.c
tests_fuzz_fuzz_order_LDADD = $(FUZZ_LIBS) $(daemon_libs)
tests_fuzz_fuzz_order_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)

FUZZ_TARGETS += tests/fuzz/fuzz_ref_pem
tests_fuzz_fuzz_ref_pem_SOURCES = tests/fuzz/fuzz_ref_pem.c
tests_fuzz_fuzz_ref_pem_LDADD = $(FUZZ_LIBS) $(lib_libs)
tests_fuzz_fuzz_ref_pem_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)

# Public keys and signatures.
FUZZ_TARGETS += tests/fuzz/fuzz_spki
tests_fuzz_fuzz_spki_SOURCES = tests/fuzz/fuzz_spki.c
tests_fuzz_fuzz_spki_LDADD = $(FUZZ_LIBS) $(lib_libs)
tests_fuzz_fuzz_spki_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)

# What comes from a TPM, and from the file that processes share one by.
FUZZ_TARGETS += tests/fuzz/fuzz_tcti
tests_fuzz_fuzz_tcti_SOURCES = tests/fuzz/fuzz_tcti.c
tests_fuzz_fuzz_tcti_LDADD = $(FUZZ_LIBS) $(tpm_libs)
tests_fuzz_fuzz_tcti_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
FUZZ_TARGETS += tests/fuzz/fuzz_tpm_record
tests_fuzz_fuzz_tpm_record_SOURCES = tests/fuzz/fuzz_tpm_record.c
tests_fuzz_fuzz_tpm_record_LDADD = $(FUZZ_LIBS) $(tpm_libs)
tests_fuzz_fuzz_tpm_record_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)

FUZZ_TARGETS += tests/fuzz/fuzz_template
tests_fuzz_fuzz_template_SOURCES = tests/fuzz/fuzz_template.c tests/fuzz/store.c tests/fuzz/store.h
tests_fuzz_fuzz_template_LDADD = $(FUZZ_LIBS) $(pkcs11_libs)
tests_fuzz_fuzz_template_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)

FUZZ_TARGETS += tests/fuzz/fuzz_calls
tests_fuzz_fuzz_calls_SOURCES = tests/fuzz/fuzz_calls.c tests/fuzz/store.c tests/fuzz/store.h
tests_fuzz_fuzz_calls_LDADD = $(FUZZ_LIBS) $(pkcs11_libs)
tests_fuzz_fuzz_calls_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)

# What the daemon's clients send.
FUZZ_TARGETS += tests/fuzz/fuzz_serve
tests_fuzz_fuzz_serve_SOURCES = tests/fuzz/fuzz_serve.c tests/fuzz/store.c tests/fuzz/store.h
tests_fuzz_fuzz_serve_LDADD = $(FUZZ_LIBS) $(daemon_libs) $(audit_libs)
tests_fuzz_fuzz_serve_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)

# What a program or key file names a key by.
FUZZ_TARGETS += tests/fuzz/fuzz_uri
tests_fuzz_fuzz_uri_SOURCES = tests/fuzz/fuzz_uri.c
tests_fuzz_fuzz_uri_LDADD = $(FUZZ_LIBS) $(provider_libs)
tests_fuzz_fuzz_uri_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)

# The log.
FUZZ_TARGETS += tests/fuzz/fuzz_cbor
tests_fuzz_fuzz_cbor_SOURCES = tests/fuzz/fuzz_cbor.c
tests_fuzz_fuzz_cbor_LDADD = $(FUZZ_LIBS) $(cbor_libs)
tests_fuzz_fuzz_cbor_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
FUZZ_TARGETS += tests/fuzz/fuzz_audit_record
tests_fuzz_fuzz_audit_record_SOURCES = tests/fuzz/fuzz_audit_record.c
tests_fuzz_fuzz_audit_record_LDADD = $(FUZZ_LIBS) $(audit_libs)
tests_fuzz_fuzz_audit_record_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
FUZZ_TARGETS += tests/fuzz/fuzz_audit_journal
tests_fuzz_fuzz_audit_journal_SOURCES = tests/fuzz/fuzz_audit_journal.c
tests_fuzz_fuzz_audit_journal_LDADD = $(FUZZ_LIBS) $(audit_libs)
tests_fuzz_fuzz_audit_journal_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
FUZZ_TARGETS += tests/fuzz/fuzz_checkpoint
tests_fuzz_fuzz_checkpoint_SOURCES = tests/fuzz/fuzz_checkpoint.c
tests_fuzz_fuzz_checkpoint_LDADD = $(FUZZ_LIBS) $(audit_libs)
tests_fuzz_fuzz_checkpoint_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
FUZZ_TARGETS += tests/fuzz/fuzz_audit_proof
tests_fuzz_fuzz_audit_proof_SOURCES = tests/fuzz/fuzz_audit_proof.c
tests_fuzz_fuzz_audit_proof_LDADD = $(FUZZ_LIBS) $(audit_libs)
tests_fuzz_fuzz_audit_proof_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)

# The names in credentials.
FUZZ_TARGETS += tests/fuzz/fuzz_grant
tests_fuzz_fuzz_grant_SOURCES = tests/fuzz/fuzz_grant.c
tests_fuzz_fuzz_grant_LDADD = $(FUZZ_LIBS) $(cred_libs) $(JANSSON_LIBS)
tests_fuzz_fuzz_grant_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)

# Evidence, and the logs in it.
FUZZ_TARGETS += tests/fuzz/fuzz_evidence
tests_fuzz_fuzz_evidence_SOURCES = tests/fuzz/fuzz_evidence.c
tests_fuzz_fuzz_evidence_LDADD = $(FUZZ_LIBS) $(attest_libs)
tests_fuzz_fuzz_evidence_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
FUZZ_TARGETS += tests/fuzz/fuzz_attestation
tests_fuzz_fuzz_attestation_SOURCES = tests/fuzz/fuzz_attestation.c
tests_fuzz_fuzz_attestation_LDADD = $(FUZZ_LIBS) $(attest_libs)
tests_fuzz_fuzz_attestation_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
FUZZ_TARGETS += tests/fuzz/fuzz_vouch
tests_fuzz_fuzz_vouch_SOURCES = tests/fuzz/fuzz_vouch.c
tests_fuzz_fuzz_vouch_LDADD = $(FUZZ_LIBS) $(attest_libs)
tests_fuzz_fuzz_vouch_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
FUZZ_TARGETS += tests/fuzz/fuzz_eventlog
tests_fuzz_fuzz_eventlog_SOURCES = tests/fuzz/fuzz_eventlog.c
tests_fuzz_fuzz_eventlog_LDADD = $(FUZZ_LIBS) $(attest_libs)
tests_fuzz_fuzz_eventlog_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)

# What an agent's own processes say to the ssh-agent, and the daemon to them.
FUZZ_TARGETS += tests/fuzz/fuzz_sshagent
tests_fuzz_fuzz_sshagent_SOURCES = tests/fuzz/fuzz_sshagent.c $(sshagent_fixture)
tests_fuzz_fuzz_sshagent_LDADD = $(FUZZ_LIBS) $(tools_holdfast_LDADD)
tests_fuzz_fuzz_sshagent_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
FUZZ_TARGETS += tests/fuzz/fuzz_token_answer
tests_fuzz_fuzz_token_answer_SOURCES = tests/fuzz/fuzz_token_answer.c
tests_fuzz_fuzz_token_answer_LDADD = $(FUZZ_LIBS) $(tools_holdfast_LDADD)
tests_fuzz_fuzz_token_answer_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)

# What strangers send to the issuer.
FUZZ_TARGETS += tests/fuzz/fuzz_http_chunk
tests_fuzz_fuzz_http_chunk_SOURCES = tests/fuzz/fuzz_http_chunk.c
tests_fuzz_fuzz_http_chunk_LDADD = $(FUZZ_LIBS) $(http_libs)
tests_fuzz_fuzz_http_chunk_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
FUZZ_TARGETS += tests/fuzz/fuzz_http_head
tests_fuzz_fuzz_http_head_SOURCES = tests/fuzz/fuzz_http_head.c
tests_fuzz_fuzz_http_head_LDADD = $(FUZZ_LIBS) $(http_libs)
tests_fuzz_fuzz_http_head_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)

# What the issuer is configured with, and the bodies of what it is asked.
FUZZ_TARGETS += tests/fuzz/fuzz_issuer_conf
tests_fuzz_fuzz_issuer_conf_SOURCES = tests/fuzz/fuzz_issuer_conf.c
tests_fuzz_fuzz_issuer_conf_LDADD = $(FUZZ_LIBS) $(service_libs)
tests_fuzz_fuzz_issuer_conf_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
FUZZ_TARGETS += tests/fuzz/fuzz_issuer_request
tests_fuzz_fuzz_issuer_request_SOURCES = tests/fuzz/fuzz_issuer_request.c $(issuer_fixture)
tests_fuzz_fuzz_issuer_request_LDADD = $(FUZZ_LIBS) $(service_libs) $(db_libs) $(evidence_libs) $(CMOCKA_LIBS)
tests_fuzz_fuzz_issuer_request_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)

# What an issuer answers, and what programs ask on this host.
FUZZ_TARGETS += tests/fuzz/fuzz_answer
tests_fuzz_fuzz_answer_SOURCES = tests/fuzz/fuzz_answer.c
tests_fuzz_fuzz_answer_LDADD = $(FUZZ_LIBS) $(enroll_libs)
tests_fuzz_fuzz_answer_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
FUZZ_TARGETS += tests/fuzz/fuzz_token_request
tests_fuzz_fuzz_token_request_SOURCES = tests/fuzz/fuzz_token_request.c
tests_fuzz_fuzz_token_request_LDADD = $(FUZZ_LIBS) $(daemon_libs)
tests_fuzz_fuzz_token_request_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
FUZZ_TARGETS += tests/fuzz/fuzz_wire
tests_fuzz_fuzz_wire_SOURCES = tests/fuzz/fuzz_wire.c
tests_fuzz_fuzz_wire_LDADD = $(FUZZ_LIBS) $(enroll_libs)
tests_fuzz_fuzz_wire_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)

# The issuer's keys.
FUZZ_TARGETS += tests/fuzz/fuzz_keylist
tests_fuzz_fuzz_keylist_SOURCES = tests/fuzz/fuzz_keylist.c
tests_fuzz_fuzz_keylist_LDADD = $(FUZZ_LIBS) $(authority_libs) $(lib_libs)
tests_fuzz_fuzz_keylist_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
