# SPDX-License-Identifier: BSD-2-Clause
# The append-only log.

noinst_LTLIBRARIES += audit/libhf_audit.la
audit_libhf_audit_la_SOURCES = \
	audit/attest.c \
	audit/bundle.c audit/bundle.h \
	audit/check.c audit/check.h audit/checking.h \
	audit/check_batch.c \
	audit/check_note.c \
	audit/check_report.c \
	audit/check_signature.c \
	audit/check_tile.c \
	audit/check_witness.c \
	audit/checkpoint.c audit/checkpoint.h \
	audit/command.c \
	audit/export.c audit/export.h audit/exporting.h \
	audit/export_json.c \
	audit/export_line.c \
	audit/export_ocsf.c \
	audit/journal.c audit/journal.h \
	audit/json.c audit/json.h \
	audit/log.c audit/log.h \
	audit/note.c audit/note.h \
	audit/notekey.c audit/notekey.h \
	audit/prove.c \
	audit/reader.c \
	audit/record.c audit/record.h \
	audit/state.c audit/state.h \
	audit/tree.c audit/tree.h \
	audit/vkey.c audit/vkey.h

# For who writes a log without a daemon: keys/direct.c loads it.
pkglib_LTLIBRARIES += audit/libholdfast-log.la
EXTRA_DIST += audit/libholdfast-log.map
audit_libholdfast_log_la_SOURCES = audit/door.c audit/door.h
audit_libholdfast_log_la_LIBADD = audit/libhf_audit.la $(cbor_libs)
audit_libholdfast_log_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -Wl,-Bsymbolic -Wl,-z,nodelete -Wl,--gc-sections \
	-Wl,--version-script=$(srcdir)/audit/libholdfast-log.map
EXTRA_audit_libholdfast_log_la_DEPENDENCIES = $(srcdir)/audit/libholdfast-log.map

audit_libs = audit/libhf_audit.la $(cbor_libs)
AUDIT_TESTS = \
	tests/unit/test_audit_check \
	tests/unit/test_audit_check_batch \
	tests/unit/test_audit_check_note \
	tests/unit/test_audit_check_report \
	tests/unit/test_audit_check_signature \
	tests/unit/test_audit_check_tile \
	tests/unit/test_audit_check_tpm \
	tests/unit/test_audit_check_witness \
	tests/unit/test_audit_checkpoint \
	tests/unit/test_audit_command \
	tests/unit/test_audit_export \
	tests/unit/test_audit_log \
	tests/unit/test_audit_prove \
	tests/unit/test_audit_record \
	tests/unit/test_audit_tree \
	tests/unit/test_audit_vkey
check_PROGRAMS += $(AUDIT_TESTS)
TESTS += $(AUDIT_TESTS)

audit_fixture = tests/auditfix.c tests/auditfix.h $(tempdir)
tests_unit_test_audit_log_SOURCES = tests/unit/test_audit_log.c $(audit_fixture)
tests_unit_test_audit_log_LDADD = $(audit_libs) $(CMOCKA_LIBS)
tests_unit_test_audit_record_SOURCES = tests/unit/test_audit_record.c $(tempdir)
tests_unit_test_audit_record_LDADD = $(audit_libs) $(CMOCKA_LIBS)
tests_unit_test_audit_tree_SOURCES = tests/unit/test_audit_tree.c
tests_unit_test_audit_tree_LDADD = $(audit_libs) $(CMOCKA_LIBS)
tests_unit_test_audit_vkey_SOURCES = tests/unit/test_audit_vkey.c
tests_unit_test_audit_vkey_LDADD = $(audit_libs) $(CMOCKA_LIBS)

# Logs with a software AK, as a TPM would vouch for them.
vouched_fixture = tests/vouched.c tests/vouched.h tests/evp.c tests/evp.h $(tempdir)
checked_fixture = tests/checked.c tests/checked.h $(vouched_fixture)
tests_unit_test_audit_check_SOURCES = tests/unit/test_audit_check.c $(checked_fixture)
tests_unit_test_audit_check_LDADD = $(audit_libs) $(CMOCKA_LIBS)
tests_unit_test_audit_check_note_SOURCES = tests/unit/test_audit_check_note.c $(checked_fixture)
tests_unit_test_audit_check_note_LDADD = $(audit_libs) $(CMOCKA_LIBS)
tests_unit_test_audit_check_batch_SOURCES = tests/unit/test_audit_check_batch.c $(checked_fixture)
tests_unit_test_audit_check_batch_LDADD = $(audit_libs) $(CMOCKA_LIBS)
tests_unit_test_audit_check_signature_SOURCES = tests/unit/test_audit_check_signature.c $(checked_fixture)
tests_unit_test_audit_check_signature_LDADD = $(audit_libs) $(CMOCKA_LIBS)
tests_unit_test_audit_check_tile_SOURCES = tests/unit/test_audit_check_tile.c $(checked_fixture)
tests_unit_test_audit_check_tile_LDADD = $(audit_libs) $(CMOCKA_LIBS)
tests_unit_test_audit_check_witness_SOURCES = tests/unit/test_audit_check_witness.c $(checked_fixture)
tests_unit_test_audit_check_witness_LDADD = $(audit_libs) $(CMOCKA_LIBS)
tests_unit_test_audit_check_report_SOURCES = tests/unit/test_audit_check_report.c $(checked_fixture)
tests_unit_test_audit_check_report_LDADD = $(audit_libs) $(CMOCKA_LIBS)
tests_unit_test_audit_checkpoint_SOURCES = tests/unit/test_audit_checkpoint.c $(vouched_fixture)
tests_unit_test_audit_checkpoint_LDADD = $(audit_libs) $(CMOCKA_LIBS)
tests_unit_test_audit_command_SOURCES = tests/unit/test_audit_command.c
tests_unit_test_audit_command_LDADD = $(audit_libs) $(CMOCKA_LIBS)
tests_unit_test_audit_export_SOURCES = tests/unit/test_audit_export.c
tests_unit_test_audit_export_LDADD = $(audit_libs) $(JANSSON_LIBS) $(CMOCKA_LIBS)
tests_unit_test_audit_prove_SOURCES = tests/unit/test_audit_prove.c $(vouched_fixture)
tests_unit_test_audit_prove_LDADD = $(audit_libs) $(CMOCKA_LIBS)
tests_unit_test_audit_check_tpm_SOURCES = tests/unit/test_audit_check_tpm.c $(tpm_fixture)
tests_unit_test_audit_check_tpm_LDADD = audit/libhf_audit.la $(cbor_libs) $(tpm_libs) $(CMOCKA_LIBS)
