# SPDX-License-Identifier: BSD-2-Clause
# Agents' keys: where they live, who may use them.

noinst_LTLIBRARIES += keys/libhf_keys.la
keys_libhf_keys_la_CPPFLAGS = $(AM_CPPFLAGS) -DHF_TSS_VERSION='"$(TSS2_VERSION)"'
keys_libhf_keys_la_SOURCES = \
	keys/admin.h \
	keys/backend.h \
	keys/backend_tpm.c keys/backend_tpm.h \
	keys/caller.c keys/caller.h \
	keys/deed.c keys/deed.h \
	keys/deed_operator.c \
	keys/direct.c keys/direct.h \
	keys/doctor.c \
	keys/doctor_tpm.c \
	keys/facts.c keys/facts.h \
	keys/find.c keys/find.h \
	keys/findings.c keys/findings.h \
	keys/init.c \
	keys/item.c keys/item.h \
	keys/item_name.c keys/item_name.h \
	keys/item_text.c \
	keys/keyauth.c keys/keyauth.h \
	keys/keyring.c keys/keyring.h \
	keys/manage.c keys/manage.h \
	keys/owner.c keys/owner.h \
	keys/parent.c keys/parent.h \
	keys/peer.c keys/peer.h \
	keys/pin.c \
	keys/policy.c keys/policy.h \
	keys/policy_file.c keys/policy_file.h \
	keys/rsa.c keys/rsa.h \
	keys/rule.c keys/rule.h \
	keys/secret.c keys/secret.h \
	keys/signer.c keys/signer.h \
	keys/status.c \
	keys/store.c keys/store.h keys/store_dir.h \
	keys/store_agents.c \
	keys/store_items.c \
	keys/store_watch.c \
	keys/store_write.c \
	keys/tpm_caps.c \
	keys/usage.c keys/usage.h

# Convenience libraries, the callers before the called.
keys_libs = keys/libhf_keys.la tpm/libhf_tpm.la lib/libhf_lib.la $(TSS2_LIBS) $(CRYPTO_LIBS) $(INIH_LIBS)
# The log: for who writes one.
noinst_LTLIBRARIES += keys/libhf_recorder.la
keys_libhf_recorder_la_SOURCES = \
	keys/recorder.c keys/recorder.h keys/recording.h \
	keys/recorder_open.c \
	keys/resume.c keys/resume.h \
	keys/tally.c keys/tally.h \
	keys/vow.c
recorder_libs = keys/libhf_recorder.la $(audit_libs)
# Evidence: for who answers for a host.
noinst_LTLIBRARIES += keys/libhf_evidence.la
keys_libhf_evidence_la_SOURCES = \
	keys/attesting.h \
	keys/evidence.c keys/evidence.h \
	keys/evidence_host.c \
	keys/evidence_join.c
evidence_libs = keys/libhf_evidence.la $(keys_libs) $(attest_libs)
# The store's seals: for who owns a store.
noinst_LTLIBRARIES += keys/libhf_guard.la
keys_libhf_guard_la_SOURCES = \
	keys/guard.c keys/guard.h keys/guarding.h \
	keys/guard_change.c \
	keys/guard_check.c \
	keys/guard_files.c \
	keys/guard_write.c \
	keys/sums.c keys/sums.h
guard_libs = keys/libhf_guard.la
record_fixture = tests/recordfix.c tests/recordfix.h tests/proxy.c tests/proxy.h $(keys_fixture)
keys_fixture = tests/fixture.c tests/fixture.h tests/swtpm.c tests/swtpm.h

KEYS_TESTS = \
	tests/unit/test_admin \
	tests/unit/test_backend_tpm \
	tests/unit/test_evidence \
	tests/unit/test_guard \
	tests/unit/test_guard_counter \
	tests/unit/test_keyauth \
	tests/unit/test_keyring \
	tests/unit/test_pin \
	tests/unit/test_recorder \
	tests/unit/test_recorder_cosign \
	tests/unit/test_recorder_session \
	tests/unit/test_rsa \
	tests/unit/test_rule \
	tests/unit/test_secret \
	tests/unit/test_signer \
	tests/unit/test_sums \
	tests/unit/test_tally \
	tests/unit/test_tpm_caps \
	tests/unit/test_usage
check_PROGRAMS += $(KEYS_TESTS)
TESTS += $(KEYS_TESTS)

tests_unit_test_admin_SOURCES = tests/unit/test_admin.c $(keys_fixture)
tests_unit_test_admin_LDADD = $(keys_libs) $(CMOCKA_LIBS)
tests_unit_test_backend_tpm_SOURCES = tests/unit/test_backend_tpm.c $(keys_fixture)
tests_unit_test_backend_tpm_LDADD = $(keys_libs) $(CMOCKA_LIBS)
tests_unit_test_evidence_SOURCES = tests/unit/test_evidence.c tests/ekfix.c tests/ekfix.h $(record_fixture)
tests_unit_test_evidence_LDADD = $(evidence_libs) $(recorder_libs) $(keys_libs) $(CMOCKA_LIBS)
tests_unit_test_guard_SOURCES = tests/unit/test_guard.c tests/guardfix.c tests/guardfix.h $(keys_fixture) $(tempdir)
tests_unit_test_guard_LDADD = $(guard_libs) $(audit_libs) $(keys_libs) $(CMOCKA_LIBS)
tests_unit_test_guard_counter_SOURCES = tests/unit/test_guard_counter.c tests/guardfix.c tests/guardfix.h $(keys_fixture)
tests_unit_test_guard_counter_LDADD = $(guard_libs) $(audit_libs) $(keys_libs) $(CMOCKA_LIBS)
tests_unit_test_keyauth_SOURCES = tests/unit/test_keyauth.c
tests_unit_test_keyauth_LDADD = $(keys_libs) $(CMOCKA_LIBS)
tests_unit_test_keyring_SOURCES = tests/unit/test_keyring.c $(keys_fixture)
tests_unit_test_keyring_LDADD = $(keys_libs) $(CMOCKA_LIBS)
tests_unit_test_pin_SOURCES = tests/unit/test_pin.c $(keys_fixture)
tests_unit_test_pin_LDADD = $(keys_libs) $(CMOCKA_LIBS)
tests_unit_test_recorder_SOURCES = tests/unit/test_recorder.c $(record_fixture)
tests_unit_test_recorder_LDADD = $(recorder_libs) $(keys_libs) $(CMOCKA_LIBS)
tests_unit_test_recorder_cosign_SOURCES = tests/unit/test_recorder_cosign.c tests/evp.c tests/evp.h $(record_fixture)
tests_unit_test_recorder_cosign_LDADD = $(recorder_libs) $(keys_libs) $(CMOCKA_LIBS)
tests_unit_test_recorder_session_SOURCES = tests/unit/test_recorder_session.c tests/tpmdev.c tests/tpmdev.h $(record_fixture)
tests_unit_test_recorder_session_LDADD = $(recorder_libs) $(keys_libs) $(CMOCKA_LIBS)
tests_unit_test_rsa_SOURCES = tests/unit/test_rsa.c $(keys_fixture)
tests_unit_test_rsa_LDADD = $(keys_libs) $(CMOCKA_LIBS)
tests_unit_test_rule_SOURCES = tests/unit/test_rule.c
tests_unit_test_rule_LDADD = $(keys_libs) $(CMOCKA_LIBS)
tests_unit_test_secret_SOURCES = tests/unit/test_secret.c $(keys_fixture)
tests_unit_test_secret_LDADD = $(keys_libs) $(CMOCKA_LIBS)
tests_unit_test_signer_SOURCES = tests/unit/test_signer.c $(keys_fixture)
tests_unit_test_signer_LDADD = $(audit_libs) $(keys_libs) $(CMOCKA_LIBS)
tests_unit_test_sums_SOURCES = tests/unit/test_sums.c tests/tempdir.c tests/tempdir.h
tests_unit_test_sums_LDADD = $(guard_libs) $(keys_libs) $(CMOCKA_LIBS)
tests_unit_test_tally_SOURCES = tests/unit/test_tally.c
tests_unit_test_tally_LDADD = $(recorder_libs) $(keys_libs) $(CMOCKA_LIBS)
tests_unit_test_tpm_caps_SOURCES = tests/unit/test_tpm_caps.c
tests_unit_test_tpm_caps_LDADD = $(keys_libs) $(CMOCKA_LIBS)
tests_unit_test_usage_SOURCES = tests/unit/test_usage.c
tests_unit_test_usage_LDADD = $(keys_libs) $(CMOCKA_LIBS)

# The store, which needs no TPM.
STORE_TESTS = \
	tests/unit/test_find \
	tests/unit/test_item \
	tests/unit/test_item_name \
	tests/unit/test_item_text \
	tests/unit/test_policy \
	tests/unit/test_store \
	tests/unit/test_store_agents \
	tests/unit/test_store_items \
	tests/unit/test_store_write
check_PROGRAMS += $(STORE_TESTS)
TESTS += $(STORE_TESTS)
store_fixture = tests/storefixture.c tests/storefixture.h tests/tempdir.c tests/tempdir.h

tests_unit_test_find_SOURCES = tests/unit/test_find.c $(store_fixture)
tests_unit_test_find_LDADD = $(keys_libs) $(CMOCKA_LIBS)
tests_unit_test_item_SOURCES = tests/unit/test_item.c $(store_fixture)
tests_unit_test_item_LDADD = $(keys_libs) $(CMOCKA_LIBS)
tests_unit_test_item_name_SOURCES = tests/unit/test_item_name.c
tests_unit_test_item_name_LDADD = $(keys_libs) $(CMOCKA_LIBS)
tests_unit_test_item_text_SOURCES = tests/unit/test_item_text.c $(store_fixture)
tests_unit_test_item_text_LDADD = $(keys_libs) $(CMOCKA_LIBS)
tests_unit_test_policy_SOURCES = tests/unit/test_policy.c $(store_fixture)
tests_unit_test_policy_LDADD = $(keys_libs) $(CMOCKA_LIBS)
tests_unit_test_store_SOURCES = tests/unit/test_store.c $(store_fixture)
tests_unit_test_store_LDADD = $(keys_libs) $(CMOCKA_LIBS)
tests_unit_test_store_agents_SOURCES = tests/unit/test_store_agents.c $(store_fixture)
tests_unit_test_store_agents_LDADD = $(keys_libs) $(CMOCKA_LIBS)
tests_unit_test_store_items_SOURCES = tests/unit/test_store_items.c $(store_fixture)
tests_unit_test_store_items_LDADD = $(keys_libs) $(CMOCKA_LIBS)
tests_unit_test_store_write_SOURCES = tests/unit/test_store_write.c $(store_fixture)
tests_unit_test_store_write_LDADD = $(keys_libs) $(CMOCKA_LIBS)

$(keys_libhf_keys_la_OBJECTS): CFLAGS += $(HF_COLD_CFLAGS)
