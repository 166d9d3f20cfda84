# SPDX-License-Identifier: BSD-2-Clause
# The issuer. What decides nothing and keeps nothing: a grant becomes credentials.

noinst_LTLIBRARIES += issuer/libhf_cred.la
issuer_libhf_cred_la_SOURCES = \
	issuer/asn1.c issuer/asn1.h \
	issuer/bundle.c issuer/bundle.h \
	issuer/ca.c issuer/ca.h \
	issuer/ca_cert.c \
	issuer/cred_jwt.c issuer/cred_jwt.h \
	issuer/cred_ssh.c issuer/cred_ssh.h \
	issuer/cred_x509.c issuer/cred_x509.h \
	issuer/crl.c issuer/crl.h \
	issuer/dnsname.c issuer/dnsname.h \
	issuer/grant.c issuer/grant.h \
	issuer/krl.c issuer/krl.h \
	issuer/spiffe.c issuer/spiffe.h

cred_libs = issuer/libhf_cred.la $(lib_libs)
CRED_TESTS = \
	tests/unit/test_issuer_bundle \
	tests/unit/test_issuer_ca \
	tests/unit/test_issuer_crl \
	tests/unit/test_issuer_dnsname \
	tests/unit/test_issuer_grant \
	tests/unit/test_issuer_jwt \
	tests/unit/test_issuer_krl \
	tests/unit/test_issuer_spiffe \
	tests/unit/test_issuer_ssh \
	tests/unit/test_issuer_x509
check_PROGRAMS += $(CRED_TESTS)
TESTS += $(CRED_TESTS)

grant_fixture = tests/grantfix.c tests/grantfix.h tests/evp.c tests/evp.h $(tempdir)
tests_unit_test_issuer_bundle_SOURCES = tests/unit/test_issuer_bundle.c $(grant_fixture)
tests_unit_test_issuer_bundle_LDADD = $(cred_libs) $(JANSSON_LIBS) $(CMOCKA_LIBS)
tests_unit_test_issuer_ca_SOURCES = tests/unit/test_issuer_ca.c $(grant_fixture)
tests_unit_test_issuer_ca_LDADD = $(cred_libs) $(CMOCKA_LIBS)
tests_unit_test_issuer_crl_SOURCES = tests/unit/test_issuer_crl.c $(grant_fixture)
tests_unit_test_issuer_crl_LDADD = $(cred_libs) $(CMOCKA_LIBS)
tests_unit_test_issuer_dnsname_SOURCES = tests/unit/test_issuer_dnsname.c
tests_unit_test_issuer_dnsname_LDADD = $(cred_libs) $(CMOCKA_LIBS)
tests_unit_test_issuer_grant_SOURCES = tests/unit/test_issuer_grant.c $(grant_fixture)
tests_unit_test_issuer_grant_LDADD = $(cred_libs) $(CMOCKA_LIBS)
tests_unit_test_issuer_jwt_SOURCES = tests/unit/test_issuer_jwt.c $(grant_fixture)
tests_unit_test_issuer_jwt_LDADD = $(cred_libs) $(JANSSON_LIBS) $(CMOCKA_LIBS)
tests_unit_test_issuer_krl_SOURCES = tests/unit/test_issuer_krl.c $(grant_fixture)
tests_unit_test_issuer_krl_LDADD = $(cred_libs) $(CMOCKA_LIBS)
tests_unit_test_issuer_spiffe_SOURCES = tests/unit/test_issuer_spiffe.c
tests_unit_test_issuer_spiffe_LDADD = $(cred_libs) $(CMOCKA_LIBS)
tests_unit_test_issuer_ssh_SOURCES = tests/unit/test_issuer_ssh.c $(grant_fixture)
tests_unit_test_issuer_ssh_LDADD = $(cred_libs) $(CMOCKA_LIBS)
tests_unit_test_issuer_x509_SOURCES = tests/unit/test_issuer_x509.c $(grant_fixture)
tests_unit_test_issuer_x509_LDADD = $(cred_libs) $(CMOCKA_LIBS)

# Writes credentials for the tests that have them judged by other programs.
check_PROGRAMS += tests/integration/mint
tests_integration_mint_SOURCES = tests/integration/mint.c
tests_integration_mint_LDADD = $(cred_libs)

# All but what writes certificates.
$(filter-out %/asn1.lo %/cred_x509.lo,$(issuer_libhf_cred_la_OBJECTS)): CFLAGS += $(HF_COLD_CFLAGS)
