# SPDX-License-Identifier: BSD-2-Clause
# Evidence: written, read, verified. No device, network, clock, file or state.

noinst_LTLIBRARIES += attest/libhf_attest.la
attest_libhf_attest_la_SOURCES = \
	attest/checking.h \
	attest/eventlog.c attest/eventlog.h \
	attest/evidence.c attest/evidence.h \
	attest/ima.c attest/ima.h \
	attest/measured.c attest/measured.h \
	attest/nvcert.c \
	attest/public.c attest/public.h \
	attest/standing.c \
	attest/statement.c \
	attest/trust.c attest/trust.h \
	attest/verify.c

# The verifier for everybody.
lib_LTLIBRARIES += attest/libholdfast-evidence.la
pkginclude_HEADERS += include/holdfast/evidence.h
EXTRA_DIST += attest/libholdfast-evidence.map
attest_libholdfast_evidence_la_SOURCES =
attest_libholdfast_evidence_la_LIBADD = attest/libhf_attest.la $(cbor_libs)
attest_libholdfast_evidence_la_LDFLAGS = $(AM_LDFLAGS) -version-info 0:0:0 -Wl,-Bsymbolic \
	-Wl,--version-script=$(srcdir)/attest/libholdfast-evidence.map
EXTRA_attest_libholdfast_evidence_la_DEPENDENCIES = $(srcdir)/attest/libholdfast-evidence.map

attest_libs = attest/libhf_attest.la $(cbor_libs)
ATTEST_TESTS = \
	tests/unit/test_attest_eventlog \
	tests/unit/test_attest_evidence \
	tests/unit/test_attest_trust \
	tests/unit/test_attest_verify
check_PROGRAMS += $(ATTEST_TESTS)
TESTS += $(ATTEST_TESTS)

evidence_fixture = tests/evidencefix.c tests/evidencefix.h $(tempdir)
tests_unit_test_attest_eventlog_SOURCES = tests/unit/test_attest_eventlog.c
tests_unit_test_attest_eventlog_LDADD = $(attest_libs) $(CMOCKA_LIBS)
tests_unit_test_attest_evidence_SOURCES = tests/unit/test_attest_evidence.c $(evidence_fixture)
tests_unit_test_attest_evidence_LDADD = $(attest_libs) $(CMOCKA_LIBS)
tests_unit_test_attest_trust_SOURCES = tests/unit/test_attest_trust.c $(evidence_fixture)
tests_unit_test_attest_trust_LDADD = $(attest_libs) $(CMOCKA_LIBS)
tests_unit_test_attest_verify_SOURCES = tests/unit/test_attest_verify.c $(evidence_fixture)
tests_unit_test_attest_verify_LDADD = $(attest_libs) $(CMOCKA_LIBS)
