# SPDX-License-Identifier: BSD-2-Clause
# The OpenSSL provider. All of it but the shared object's wrapping is a library, for its unit tests and fuzz targets.
noinst_LTLIBRARIES += provider/libhf_provider.la
provider_libhf_provider_la_SOURCES = \
	provider/asymcipher.c \
	provider/attr.c provider/attr.h \
	provider/decoder.c provider/decoder.h \
	provider/decoder_tss2.c \
	provider/decoder_uri.c \
	provider/encoder.c \
	provider/error.c \
	provider/exchange.c \
	provider/find.c \
	provider/keymgmt.c provider/keymgmt.h \
	provider/keymgmt_ec.c \
	provider/keymgmt_rsa.c \
	provider/make.c \
	provider/module.c \
	provider/object.c provider/object.h \
	provider/pin.c \
	provider/provider.c provider/provider.h \
	provider/signature.c provider/signature.h \
	provider/signature_ecdsa.c \
	provider/signature_rsa.c \
	provider/store.c \
	provider/uri.c \
	provider/use.c

# Convenience libraries, the callers before the called.
provider_libs = provider/libhf_provider.la lib/libhf_lib.la $(TSS2_LIBS) $(CRYPTO_LIBS) $(INIH_LIBS)

# -z nodelete: the table of PKCS#11 modules lives as long as the process, as the modules do.
osslmodule_LTLIBRARIES += provider/holdfast.la
EXTRA_DIST += provider/holdfast.map
provider_holdfast_la_SOURCES =
provider_holdfast_la_LIBADD = $(provider_libs)
provider_holdfast_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -Wl,-Bsymbolic -Wl,-z,nodelete -Wl,--gc-sections \
	-Wl,--version-script=$(srcdir)/provider/holdfast.map
EXTRA_provider_holdfast_la_DEPENDENCIES = $(srcdir)/provider/holdfast.map

PROVIDER_TESTS = \
	tests/unit/test_provider \
	tests/unit/test_provider_fails \
	tests/unit/test_provider_key \
	tests/unit/test_provider_pin \
	tests/unit/test_uri
check_PROGRAMS += $(PROVIDER_TESTS)
TESTS += $(PROVIDER_TESTS)
osslkey = tests/osslkey.c tests/osslkey.h
tests_unit_test_uri_SOURCES = tests/unit/test_uri.c
tests_unit_test_uri_LDADD = $(provider_libs) $(CMOCKA_LIBS)

# It loads the provider and the module as a program would: they need to be there, and are not linked.
tests_unit_test_provider_key_SOURCES = tests/unit/test_provider_key.c $(pkcs11_fixture)
tests_unit_test_provider_key_LDADD = $(pkcs11_test_libs)
EXTRA_tests_unit_test_provider_key_DEPENDENCIES = provider/holdfast.la pkcs11/libholdfast-pkcs11.la
tests_unit_test_provider_fails_SOURCES = tests/unit/test_provider_fails.c $(osslkey) $(pkcs11_fixture)
tests_unit_test_provider_fails_LDADD = $(pkcs11_test_libs)
EXTRA_tests_unit_test_provider_fails_DEPENDENCIES = provider/holdfast.la pkcs11/libholdfast-pkcs11.la
tests_unit_test_provider_pin_SOURCES = tests/unit/test_provider_pin.c $(osslkey) $(pkcs11_fixture)
tests_unit_test_provider_pin_LDADD = $(pkcs11_test_libs)
EXTRA_tests_unit_test_provider_pin_DEPENDENCIES = provider/holdfast.la pkcs11/libholdfast-pkcs11.la
tests_unit_test_provider_SOURCES = tests/unit/test_provider.c $(osslkey) tests/swtpm.c tests/swtpm.h
tests_unit_test_provider_LDADD = provider/libhf_provider.la $(keys_libs) $(CMOCKA_LIBS)
