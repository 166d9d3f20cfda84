# SPDX-License-Identifier: BSD-2-Clause
# How tests run, and those that belong to no one directory. Unit tests are listed by the directory they test.

TEST_EXTENSIONS = .sh
# Whoever hangs has failed.
LOG_COMPILER = timeout -k 10 600
SH_LOG_COMPILER = timeout -k 10 600 bash
AM_TESTS_ENVIRONMENT = \
	top_srcdir='$(abs_top_srcdir)'; export top_srcdir; \
	top_builddir='$(abs_top_builddir)'; export top_builddir; \
	CC='$(CC)'; export CC; \
	HF_MODULE='$(abs_top_builddir)/pkcs11/.libs/libholdfast-pkcs11.so'; export HF_MODULE; \
	HF_PROVIDER='$(abs_top_builddir)/provider/.libs/holdfast.so'; export HF_PROVIDER; \
	HOLDFAST='$(abs_top_builddir)/tools/holdfast'; export HOLDFAST;

# The part of the tests that also runs under the sanitizers and from the release archive.
UNIT_TESTS = $(filter tests/unit/test_% tests/fuzz/fuzz_%,$(check_PROGRAMS))

# Those that also run under ThreadSanitizer; not test_provider, where each of many processes stretches a PIN, which takes seconds then.
THREAD_TESTS = \
	tests/unit/test_audit_log \
	tests/unit/test_crypto \
	tests/unit/test_daemon_serve \
	tests/unit/test_err \
	tests/unit/test_item \
	tests/unit/test_pkcs11_general \
	tests/unit/test_pkcs11_op \
	tests/unit/test_pkcs11_session \
	tests/unit/test_policy \
	tests/unit/test_provider_fails \
	tests/unit/test_provider_key \
	tests/unit/test_store_items \
	tests/unit/test_tpm_operate

check-threads: all
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(THREAD_TESTS)' check_PROGRAMS='$(THREAD_TESTS)' check_LTLIBRARIES=

check-programs: all
	$(MAKE) $(AM_MAKEFLAGS) $(check_LTLIBRARIES) $(check_PROGRAMS)

if !HAVE_CMOCKA
$(check_PROGRAMS): need-cmocka
need-cmocka:
	@echo "make check needs cmocka (on Debian: apt-get install libcmocka-dev), then run configure again" >&2; exit 1
endif

check-robust: check-programs
	top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' bash $(srcdir)/tests/robust/run.sh

bench: all
	top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' bash $(srcdir)/tests/bench/run.sh

# Compiled and read by run.sh.
BENCH_FILES = \
	tests/bench/run.sh tests/bench/bench.c tests/bench/count_proxy.c tests/bench/esys_sign.c tests/bench/measure.h tests/bench/model.awk \
	tests/bench/provider.sh tests/bench/tls_bench.c \
	tests/bench/chip-latency/README.md \
	tests/bench/chip-latency/model_AMD3.csv \
	tests/bench/chip-latency/model_IFX7.63.csv \
	tests/bench/chip-latency/model_IFX7.85.csv \
	tests/bench/chip-latency/model_INTC303.csv \
	tests/bench/chip-latency/model_INTC402.csv \
	tests/bench/chip-latency/model_INTC600.csv \
	tests/bench/chip-latency/model_MSFT.csv \
	tests/bench/chip-latency/model_NTC1.3.csv \
	tests/bench/chip-latency/model_NTC7.2.csv \
	tests/bench/chip-latency/model_STM1.csv \
	tests/bench/chip-latency/model_STM73.csv
EXTRA_DIST += $(BENCH_FILES)

# What the tree promises about itself.
TREE_CHECKS = \
	tests/check/includes.sh \
	tests/check/headers.sh \
	tests/check/symbols.sh \
	tests/check/man.sh \
	tests/check/text.sh \
	tests/check/shell.sh

# Real programs that use the module.
INTEGRATION_TESTS = \
	tests/integration/curl_nginx.sh \
	tests/integration/git_commit.sh \
	tests/integration/gnutls.sh \
	tests/integration/nss.sh \
	tests/integration/openssl_engine.sh \
	tests/integration/openvpn.sh \
	tests/integration/p11_kit.sh \
	tests/integration/pin.sh \
	tests/integration/pkcs11_tool.sh \
	tests/integration/provider_apache.sh \
	tests/integration/provider_curl_nginx.sh \
	tests/integration/provider_newer_openssl.sh \
	tests/integration/provider_openssl.sh \
	tests/integration/provider_openvpn.sh \
	tests/integration/provider_postgresql.sh \
	tests/integration/provider_python.sh \
	tests/integration/provider_renegotiate.sh \
	tests/integration/provider_softhsm.sh \
	tests/integration/ssh_ca.sh \
	tests/integration/ssh_login.sh \
	tests/integration/sshd_host_key.sh \
	tests/integration/strongswan_pki.sh \
	tests/integration/stunnel.sh \
	tests/integration/tpm2_openssl.sh \
	tests/integration/wpa_supplicant.sh

TESTS += $(TREE_CHECKS) $(INTEGRATION_TESTS)
EXTRA_DIST += $(TREE_CHECKS) $(INTEGRATION_TESTS) \
	tests/integration/lib.sh tests/integration/machine.sh tests/integration/ssh_lib.sh

.PHONY: check-programs check-robust check-threads bench
