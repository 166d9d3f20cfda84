# SPDX-License-Identifier: BSD-2-Clause
# The append-only log.

noinst_LTLIBRARIES += audit/libhf_audit.la
audit_libhf_audit_la_SOURCES = \
	audit/bundle.c audit/bundle.h \
	audit/journal.c audit/journal.h \
	audit/log.c audit/log.h \
	audit/reader.c \
	audit/record.c audit/record.h \
	audit/state.c audit/state.h \
	audit/tree.c audit/tree.h

audit_libs = audit/libhf_audit.la $(cbor_libs)
AUDIT_TESTS = \
	tests/unit/test_audit_log \
	tests/unit/test_audit_record \
	tests/unit/test_audit_tree
check_PROGRAMS += $(AUDIT_TESTS)
TESTS += $(AUDIT_TESTS)

audit_fixture = tests/auditfix.c tests/auditfix.h $(tempdir)
tests_unit_test_audit_log_SOURCES = tests/unit/test_audit_log.c $(audit_fixture)
tests_unit_test_audit_log_LDADD = $(audit_libs) $(CMOCKA_LIBS)
tests_unit_test_audit_record_SOURCES = tests/unit/test_audit_record.c $(tempdir)
tests_unit_test_audit_record_LDADD = $(audit_libs) $(CMOCKA_LIBS)
tests_unit_test_audit_tree_SOURCES = tests/unit/test_audit_tree.c
tests_unit_test_audit_tree_LDADD = $(audit_libs) $(CMOCKA_LIBS)
