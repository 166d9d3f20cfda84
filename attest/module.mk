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
	attest/pcrs.c attest/pcrs.h \
	attest/pubarea.c \
	attest/public.c attest/public.h \
	attest/standing.c \
	attest/statement.c \
	attest/trust.c attest/trust.h \
	attest/verify.c

# Who may join, and evidence in others' formats: what the installed verifier does without.
noinst_LTLIBRARIES += attest/libhf_vouch.la
attest_libhf_vouch_la_SOURCES = \
	attest/certified.c attest/certified.h \
	attest/ek.c attest/ek.h \
	attest/ekfacts.c \
	attest/firmware.c attest/firmware.h \
	attest/lines.c attest/lines.h \
	attest/joinproof.c attest/joinproof.h \
	attest/makecred.c attest/makecred.h \
	attest/nonce.c attest/nonce.h \
	attest/parsec.c attest/parsec.h \
	attest/pins.c attest/pins.h \
	attest/textmap.c attest/textmap.h \
	attest/webauthn.c attest/webauthn.h

# The verifier for everybody.
lib_LTLIBRARIES += attest/libholdfast-evidence.la
pkginclude_HEADERS += include/holdfast/evidence.h
EXTRA_DIST += attest/libholdfast-evidence.map
attest_libholdfast_evidence_la_SOURCES =
attest_libholdfast_evidence_la_LIBADD = attest/libhf_attest.la $(cbor_libs)
attest_libholdfast_evidence_la_LDFLAGS = $(AM_LDFLAGS) -version-info 0:0:0 -Wl,-Bsymbolic \
	-Wl,--version-script=$(srcdir)/attest/libholdfast-evidence.map
EXTRA_attest_libholdfast_evidence_la_DEPENDENCIES = $(srcdir)/attest/libholdfast-evidence.map

attest_libs = attest/libhf_vouch.la attest/libhf_attest.la $(cbor_libs)
ATTEST_TESTS = \
	tests/unit/test_attest_ek \
	tests/unit/test_attest_eventlog \
	tests/unit/test_attest_evidence \
	tests/unit/test_attest_firmware \
	tests/unit/test_attest_joinproof \
	tests/unit/test_attest_nonce \
	tests/unit/test_attest_makecred \
	tests/unit/test_attest_parsec \
	tests/unit/test_attest_pins \
	tests/unit/test_attest_pubarea \
	tests/unit/test_attest_trust \
	tests/unit/test_attest_verify \
	tests/unit/test_attest_webauthn
check_PROGRAMS += $(ATTEST_TESTS)
TESTS += $(ATTEST_TESTS)

# What verification costs beside its signatures: tests/bench/run.sh.
check_PROGRAMS += tests/bench/evidence_bench
tests_bench_evidence_bench_SOURCES = tests/bench/evidence_bench.c $(evidence_fixture)
tests_bench_evidence_bench_LDADD = $(attest_libs) $(CMOCKA_LIBS)

evidence_fixture = tests/evidencefix.c tests/evidencefix.h $(tempdir)
ek_fixture = tests/ekfix.c tests/ekfix.h tests/swtpm.c tests/swtpm.h
tests_unit_test_attest_ek_SOURCES = tests/unit/test_attest_ek.c $(ek_fixture) $(evidence_fixture)
tests_unit_test_attest_ek_LDADD = $(attest_libs) $(CMOCKA_LIBS)
tests_unit_test_attest_firmware_SOURCES = tests/unit/test_attest_firmware.c
tests_unit_test_attest_firmware_LDADD = $(attest_libs) $(CMOCKA_LIBS)
tests_unit_test_attest_nonce_SOURCES = tests/unit/test_attest_nonce.c
tests_unit_test_attest_nonce_LDADD = $(attest_libs) $(CMOCKA_LIBS)
tests_unit_test_attest_joinproof_SOURCES = tests/unit/test_attest_joinproof.c
tests_unit_test_attest_joinproof_LDADD = $(attest_libs) $(CMOCKA_LIBS)
tests_unit_test_attest_makecred_SOURCES = tests/unit/test_attest_makecred.c $(ek_fixture)
tests_unit_test_attest_makecred_LDADD = $(attest_libs) $(CMOCKA_LIBS)
tests_unit_test_attest_parsec_SOURCES = tests/unit/test_attest_parsec.c $(tempdir)
tests_unit_test_attest_parsec_LDADD = $(attest_libs) $(CMOCKA_LIBS)
tests_unit_test_attest_webauthn_SOURCES = tests/unit/test_attest_webauthn.c $(evidence_fixture)
tests_unit_test_attest_webauthn_LDADD = $(attest_libs) $(CMOCKA_LIBS)
tests_unit_test_attest_pubarea_SOURCES = tests/unit/test_attest_pubarea.c $(evidence_fixture)
tests_unit_test_attest_pubarea_LDADD = $(attest_libs) $(CMOCKA_LIBS)
tests_unit_test_attest_pins_SOURCES = tests/unit/test_attest_pins.c
tests_unit_test_attest_pins_LDADD = $(attest_libs) $(CMOCKA_LIBS)
tests_unit_test_attest_eventlog_SOURCES = tests/unit/test_attest_eventlog.c
tests_unit_test_attest_eventlog_LDADD = $(attest_libs) $(CMOCKA_LIBS)
tests_unit_test_attest_evidence_SOURCES = tests/unit/test_attest_evidence.c $(evidence_fixture)
tests_unit_test_attest_evidence_LDADD = $(attest_libs) $(CMOCKA_LIBS)
tests_unit_test_attest_trust_SOURCES = tests/unit/test_attest_trust.c $(evidence_fixture)
tests_unit_test_attest_trust_LDADD = $(attest_libs) $(CMOCKA_LIBS)
tests_unit_test_attest_verify_SOURCES = tests/unit/test_attest_verify.c $(evidence_fixture)
tests_unit_test_attest_verify_LDADD = $(attest_libs) $(CMOCKA_LIBS)
