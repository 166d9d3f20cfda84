# SPDX-License-Identifier: BSD-2-Clause
# The PKCS#11 module. All of it but the shared object's wrapping is a library, for its unit tests.
noinst_LTLIBRARIES += pkcs11/libhf_pkcs11.la
pkcs11_libhf_pkcs11_la_SOURCES = \
	pkcs11/app.c pkcs11/app.h \
	pkcs11/attr.c pkcs11/attr.h \
	pkcs11/call.c pkcs11/call.h \
	pkcs11/carry.c pkcs11/carry.h \
	pkcs11/change.c pkcs11/change.h \
	pkcs11/copy.c \
	pkcs11/create.c \
	pkcs11/decrypt.c \
	pkcs11/derive.c \
	pkcs11/digest.c \
	pkcs11/encrypt.c \
	pkcs11/find.c pkcs11/find.h \
	pkcs11/functions.h \
	pkcs11/getset.c \
	pkcs11/keygen.c \
	pkcs11/keypair.c \
	pkcs11/mech.c pkcs11/mech.h \
	pkcs11/message.c \
	pkcs11/module.c \
	pkcs11/object.c pkcs11/object.h pkcs11/objects.h \
	pkcs11/op.c pkcs11/op.h \
	pkcs11/random.c \
	pkcs11/relay.c pkcs11/relay.h \
	pkcs11/relay_calls.c pkcs11/relayed.h \
	pkcs11/relay_crypt.c \
	pkcs11/relay_session.c \
	pkcs11/rv.c pkcs11/rv.h \
	pkcs11/session.c pkcs11/session.h \
	pkcs11/sign.c \
	pkcs11/slot.c pkcs11/slot.h \
	pkcs11/state.c pkcs11/state.h \
	pkcs11/table.c pkcs11/table.h \
	pkcs11/template.c pkcs11/template.h \
	pkcs11/thing.c pkcs11/thing.h \
	pkcs11/token.c \
	pkcs11/unsupported.c \
	pkcs11/verify.c

# Convenience libraries, the callers before the called.
pkcs11_libs = pkcs11/libhf_pkcs11.la keys/libhf_keys.la tpm/libhf_tpm.la lib/libhf_lib.la $(TSS2_LIBS) $(CRYPTO_LIBS) $(INIH_LIBS)

# -Bsymbolic: libp11-kit exports a C_GetFunctionList too, and the one in our lists must be ours. -z nodelete: OpenSSL's private
# context lives as long as the process, so loading and unloading again and again would leak one each time.
p11module_LTLIBRARIES += pkcs11/libholdfast-pkcs11.la
EXTRA_DIST += pkcs11/libholdfast-pkcs11.map
pkcs11_libholdfast_pkcs11_la_SOURCES =
pkcs11_libholdfast_pkcs11_la_LIBADD = $(pkcs11_libs)
pkcs11_libholdfast_pkcs11_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -Wl,-Bsymbolic -Wl,-z,nodelete -Wl,--gc-sections \
	-Wl,--version-script=$(srcdir)/pkcs11/libholdfast-pkcs11.map
EXTRA_pkcs11_libholdfast_pkcs11_la_DEPENDENCIES = $(srcdir)/pkcs11/libholdfast-pkcs11.map

PKCS11_TESTS = \
	tests/unit/test_carry \
	tests/unit/test_mech \
	tests/unit/test_pkcs11_crypt \
	tests/unit/test_pkcs11_derive \
	tests/unit/test_pkcs11_digest \
	tests/unit/test_pkcs11_direct \
	tests/unit/test_pkcs11_find \
	tests/unit/test_pkcs11_general \
	tests/unit/test_pkcs11_keygen \
	tests/unit/test_pkcs11_object \
	tests/unit/test_pkcs11_op \
	tests/unit/test_pkcs11_session \
	tests/unit/test_pkcs11_sign \
	tests/unit/test_pkcs11_token \
	tests/unit/test_pkcs11_verify \
	tests/unit/test_rv \
	tests/unit/test_table
check_PROGRAMS += $(PKCS11_TESTS)
TESTS += $(PKCS11_TESTS)

pkcs11_fixture = tests/token.c tests/token.h tests/swtpm.c tests/swtpm.h
pkcs11_test_libs = $(pkcs11_libs) $(CMOCKA_LIBS)
tests_unit_test_carry_SOURCES = tests/unit/test_carry.c
tests_unit_test_carry_LDADD = $(pkcs11_test_libs)
tests_unit_test_mech_SOURCES = tests/unit/test_mech.c $(pkcs11_fixture)
tests_unit_test_mech_LDADD = $(pkcs11_test_libs)
tests_unit_test_pkcs11_crypt_SOURCES = tests/unit/test_pkcs11_crypt.c $(pkcs11_fixture)
tests_unit_test_pkcs11_crypt_LDADD = $(pkcs11_test_libs)
tests_unit_test_pkcs11_derive_SOURCES = tests/unit/test_pkcs11_derive.c $(pkcs11_fixture)
tests_unit_test_pkcs11_derive_LDADD = $(pkcs11_test_libs)
tests_unit_test_pkcs11_digest_SOURCES = tests/unit/test_pkcs11_digest.c $(pkcs11_fixture)
tests_unit_test_pkcs11_digest_LDADD = $(pkcs11_test_libs)
tests_unit_test_pkcs11_direct_SOURCES = tests/unit/test_pkcs11_direct.c $(pkcs11_fixture)
tests_unit_test_pkcs11_direct_LDADD = pkcs11/libhf_pkcs11.la keys/libhf_keys.la tpm/libhf_tpm.la $(audit_libs) $(TSS2_LIBS) $(CRYPTO_LIBS) $(INIH_LIBS) $(CMOCKA_LIBS)
tests_unit_test_pkcs11_general_SOURCES = tests/unit/test_pkcs11_general.c $(pkcs11_fixture)
tests_unit_test_pkcs11_general_LDADD = $(pkcs11_test_libs)
tests_unit_test_pkcs11_keygen_SOURCES = tests/unit/test_pkcs11_keygen.c $(pkcs11_fixture)
tests_unit_test_pkcs11_keygen_LDADD = $(pkcs11_test_libs)
tests_unit_test_pkcs11_op_SOURCES = tests/unit/test_pkcs11_op.c $(pkcs11_fixture)
tests_unit_test_pkcs11_op_LDADD = $(pkcs11_test_libs)
tests_unit_test_pkcs11_sign_SOURCES = tests/unit/test_pkcs11_sign.c $(pkcs11_fixture)
tests_unit_test_pkcs11_sign_LDADD = $(pkcs11_test_libs)
tests_unit_test_pkcs11_verify_SOURCES = tests/unit/test_pkcs11_verify.c $(pkcs11_fixture)
tests_unit_test_pkcs11_verify_LDADD = $(pkcs11_test_libs)
tests_unit_test_rv_SOURCES = tests/unit/test_rv.c
tests_unit_test_rv_LDADD = $(pkcs11_test_libs)
tests_unit_test_table_SOURCES = tests/unit/test_table.c
tests_unit_test_table_LDADD = $(pkcs11_test_libs)
tests_unit_test_pkcs11_session_SOURCES = tests/unit/test_pkcs11_session.c $(pkcs11_fixture)
tests_unit_test_pkcs11_session_LDADD = $(pkcs11_test_libs)
tests_unit_test_pkcs11_token_SOURCES = tests/unit/test_pkcs11_token.c $(pkcs11_fixture)
tests_unit_test_pkcs11_token_LDADD = $(pkcs11_test_libs)
tests_unit_test_pkcs11_object_SOURCES = tests/unit/test_pkcs11_object.c $(pkcs11_fixture)
tests_unit_test_pkcs11_object_LDADD = $(pkcs11_test_libs)
tests_unit_test_pkcs11_find_SOURCES = tests/unit/test_pkcs11_find.c $(pkcs11_fixture)
tests_unit_test_pkcs11_find_LDADD = $(pkcs11_test_libs)

$(pkcs11_libhf_pkcs11_la_OBJECTS): CFLAGS += $(HF_COLD_CFLAGS)
