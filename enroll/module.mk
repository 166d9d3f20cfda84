# SPDX-License-Identifier: BSD-2-Clause
# The client side of getting a credential, and the program that has the network.
noinst_LTLIBRARIES += enroll/libhf_enroll.la
enroll_libhf_enroll_la_SOURCES = \
	enroll/answer.c enroll/answer.h \
	enroll/check.c enroll/check.h \
	enroll/client.c enroll/client.h \
	enroll/follow.c enroll/follow.h \
	enroll/link.c enroll/link.h \
	enroll/wire.c enroll/wire.h

enroll_libs = enroll/libhf_enroll.la $(attest_libs) $(lib_libs) $(JANSSON_LIBS)

pkglibexec_PROGRAMS += enroll/holdfast-http
enroll_holdfast_http_SOURCES = enroll/http.c
enroll_holdfast_http_LDADD = enroll/libhf_enroll.la $(lib_libs) $(CURL_LIBS)

ENROLL_TESTS = \
	tests/unit/test_enroll_answer \
	tests/unit/test_enroll_check \
	tests/unit/test_enroll_follow \
	tests/unit/test_enroll_wire
check_PROGRAMS += $(ENROLL_TESTS)
TESTS += $(ENROLL_TESTS)

tests_unit_test_enroll_answer_SOURCES = tests/unit/test_enroll_answer.c
tests_unit_test_enroll_answer_LDADD = $(enroll_libs) $(CMOCKA_LIBS)
tests_unit_test_enroll_check_SOURCES = tests/unit/test_enroll_check.c $(grant_fixture)
tests_unit_test_enroll_check_LDADD = $(enroll_libs) $(cred_libs) $(CMOCKA_LIBS)
tests_unit_test_enroll_follow_SOURCES = tests/unit/test_enroll_follow.c $(grant_fixture)
tests_unit_test_enroll_follow_LDADD = $(enroll_libs) $(cred_libs) $(CMOCKA_LIBS)
tests_unit_test_enroll_wire_SOURCES = tests/unit/test_enroll_wire.c
tests_unit_test_enroll_wire_LDADD = $(enroll_libs) $(CMOCKA_LIBS)
