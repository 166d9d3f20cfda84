# SPDX-License-Identifier: BSD-2-Clause
noinst_LTLIBRARIES += lib/libhf_lib.la
lib_libhf_lib_la_SOURCES = \
	lib/alg.c lib/alg.h \
	lib/attrs.c lib/attrs.h \
	lib/buf.c lib/buf.h \
	lib/conf.c lib/conf.h lib/conf_path.c \
	lib/crypto.c lib/crypto.h \
	lib/cryptoki.h \
	lib/der.c lib/der.h \
	lib/ec.c lib/ec.h \
	lib/err.c lib/err.h \
	lib/file.c lib/file.h \
	lib/filepath.c lib/filepath.h \
	lib/ini.c lib/ini.h \
	lib/inverse.c lib/inverse.h \
	lib/jose.c lib/jose.h \
	lib/kdf.c \
	lib/keytext.c lib/keytext.h \
	lib/notify.c lib/notify.h \
	lib/pad.c lib/pad.h \
	lib/pem.c lib/pem.h \
	lib/pk.c lib/pk.h \
	lib/pubkey.c \
	lib/ref.c lib/ref.h \
	lib/ssh.c lib/ssh.h \
	lib/tpms.c lib/tpms.h \
	lib/tpmt.c lib/tpmt.h \
	lib/tsskey.c lib/tsskey.h \
	lib/utf8.c lib/utf8.h \
	lib/x509.c lib/x509.h

lib_libs = lib/libhf_lib.la $(TSS2_LIBS) $(CRYPTO_LIBS) $(INIH_LIBS)

# Apart, so that what neither writes nor reads CBOR does not link with libcbor.
noinst_LTLIBRARIES += lib/libhf_cbor.la
lib_libhf_cbor_la_SOURCES = lib/cbor.c lib/cbor.h
cbor_libs = lib/libhf_cbor.la $(lib_libs) $(CBOR_LIBS)

# Files, and what is in them.
FILE_TESTS = \
	tests/unit/test_attrs \
	tests/unit/test_cbor \
	tests/unit/test_conf \
	tests/unit/test_file \
	tests/unit/test_filepath \
	tests/unit/test_jose \
	tests/unit/test_keytext \
	tests/unit/test_pem \
	tests/unit/test_ref \
	tests/unit/test_ssh \
	tests/unit/test_tpms \
	tests/unit/test_tpmt \
	tests/unit/test_tsskey \
	tests/unit/test_utf8 \
	tests/unit/test_x509
check_PROGRAMS += $(FILE_TESTS)
TESTS += $(FILE_TESTS)
tempdir = tests/tempdir.c tests/tempdir.h
EXTRA_DIST += tests/vectors

tests_unit_test_attrs_SOURCES = tests/unit/test_attrs.c
tests_unit_test_attrs_LDADD = $(lib_libs) $(CMOCKA_LIBS)
tests_unit_test_cbor_SOURCES = tests/unit/test_cbor.c
tests_unit_test_cbor_LDADD = $(cbor_libs) $(CMOCKA_LIBS)
tests_unit_test_conf_SOURCES = tests/unit/test_conf.c $(tempdir)
tests_unit_test_conf_LDADD = $(lib_libs) $(CMOCKA_LIBS)
tests_unit_test_file_SOURCES = tests/unit/test_file.c $(tempdir)
tests_unit_test_file_LDADD = $(lib_libs) $(CMOCKA_LIBS)
tests_unit_test_filepath_SOURCES = tests/unit/test_filepath.c $(tempdir)
tests_unit_test_filepath_LDADD = $(lib_libs) $(CMOCKA_LIBS)
tests_unit_test_keytext_SOURCES = tests/unit/test_keytext.c
tests_unit_test_keytext_LDADD = $(lib_libs) $(CMOCKA_LIBS)
tests_unit_test_jose_SOURCES = tests/unit/test_jose.c
tests_unit_test_jose_LDADD = $(lib_libs) $(CMOCKA_LIBS)
tests_unit_test_pem_SOURCES = tests/unit/test_pem.c
tests_unit_test_pem_LDADD = $(lib_libs) $(CMOCKA_LIBS)
tests_unit_test_ref_SOURCES = tests/unit/test_ref.c
tests_unit_test_ref_LDADD = $(lib_libs) $(CMOCKA_LIBS)
tests_unit_test_ssh_SOURCES = tests/unit/test_ssh.c
tests_unit_test_ssh_LDADD = $(lib_libs) $(CMOCKA_LIBS)
tests_unit_test_tpms_SOURCES = tests/unit/test_tpms.c tests/evp.c tests/evp.h
tests_unit_test_tpms_LDADD = $(lib_libs) $(CMOCKA_LIBS)
tests_unit_test_tpmt_SOURCES = tests/unit/test_tpmt.c $(tempdir) tests/swtpm.c tests/swtpm.h
tests_unit_test_tpmt_LDADD = $(lib_libs) $(CMOCKA_LIBS)
tests_unit_test_tsskey_SOURCES = tests/unit/test_tsskey.c $(tempdir)
tests_unit_test_tsskey_LDADD = $(lib_libs) $(CMOCKA_LIBS)
tests_unit_test_utf8_SOURCES = tests/unit/test_utf8.c
tests_unit_test_utf8_LDADD = $(lib_libs) $(CMOCKA_LIBS)
tests_unit_test_x509_SOURCES = tests/unit/test_x509.c
tests_unit_test_x509_LDADD = $(lib_libs) $(CMOCKA_LIBS)

# Bytes, errors, algorithms, cryptography.
LIB_CRYPTO_TESTS = \
	tests/unit/test_alg \
	tests/unit/test_buf \
	tests/unit/test_crypto \
	tests/unit/test_der \
	tests/unit/test_ec \
	tests/unit/test_err \
	tests/unit/test_inverse \
	tests/unit/test_kdf \
	tests/unit/test_pad \
	tests/unit/test_pk \
	tests/unit/test_pubkey
check_PROGRAMS += $(LIB_CRYPTO_TESTS)
TESTS += $(LIB_CRYPTO_TESTS)

tests_unit_test_alg_SOURCES = tests/unit/test_alg.c
tests_unit_test_alg_LDADD = $(lib_libs) $(CMOCKA_LIBS)
tests_unit_test_buf_SOURCES = tests/unit/test_buf.c
tests_unit_test_buf_LDADD = $(lib_libs) $(CMOCKA_LIBS)
tests_unit_test_crypto_SOURCES = tests/unit/test_crypto.c
tests_unit_test_crypto_LDADD = $(lib_libs) $(CMOCKA_LIBS)
tests_unit_test_der_SOURCES = tests/unit/test_der.c
tests_unit_test_der_LDADD = $(lib_libs) $(CMOCKA_LIBS)
tests_unit_test_ec_SOURCES = tests/unit/test_ec.c tests/evp.c tests/evp.h
tests_unit_test_ec_LDADD = $(lib_libs) $(CMOCKA_LIBS)
tests_unit_test_err_SOURCES = tests/unit/test_err.c
tests_unit_test_err_LDADD = $(lib_libs) $(CMOCKA_LIBS)
tests_unit_test_inverse_SOURCES = tests/unit/test_inverse.c
tests_unit_test_inverse_LDADD = $(lib_libs) $(CMOCKA_LIBS)
tests_unit_test_kdf_SOURCES = tests/unit/test_kdf.c
tests_unit_test_kdf_LDADD = $(lib_libs) $(CMOCKA_LIBS)
tests_unit_test_pad_SOURCES = tests/unit/test_pad.c
tests_unit_test_pad_LDADD = $(lib_libs) $(CMOCKA_LIBS)
tests_unit_test_pk_SOURCES = tests/unit/test_pk.c tests/evp.c tests/evp.h
tests_unit_test_pk_LDADD = $(lib_libs) $(CMOCKA_LIBS)
tests_unit_test_pubkey_SOURCES = tests/unit/test_pubkey.c tests/evp.c tests/evp.h
tests_unit_test_pubkey_LDADD = $(lib_libs) $(CMOCKA_LIBS)

# Not what touches every octet.
$(filter-out %/buf.lo %/cbor.lo %/crypto.lo %/ec.lo %/inverse.lo %/kdf.lo,$(lib_libhf_lib_la_OBJECTS)): CFLAGS += $(HF_COLD_CFLAGS)
