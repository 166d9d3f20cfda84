# SPDX-License-Identifier: BSD-2-Clause
# How tests run, and those that belong to no one directory. Unit tests are listed by the directory they test.

TEST_EXTENSIONS = .sh .through
# Whoever hangs has failed.
LOG_COMPILER = timeout -k 10 600
SH_LOG_COMPILER = timeout -k 10 600 bash
THROUGH_LOG_COMPILER = timeout -k 10 600 bash $(srcdir)/tests/integration/through.bash
AM_TESTS_ENVIRONMENT = \
	top_srcdir='$(abs_top_srcdir)'; export top_srcdir; \
	top_builddir='$(abs_top_builddir)'; export top_builddir; \
	CC='$(CC)'; export CC; \
	HF_MODULE='$(abs_top_builddir)/pkcs11/.libs/libholdfast-pkcs11.so'; export HF_MODULE; \
	HF_PROVIDER='$(abs_top_builddir)/provider/.libs/holdfast.so'; export HF_PROVIDER; \
	HOLDFAST='$(abs_top_builddir)/tools/holdfast'; export HOLDFAST; \
	HOLDFAST_DAEMON='$(abs_top_builddir)/daemon/holdfastd'; export HOLDFAST_DAEMON; \
	HOLDFAST_HTTP='$(abs_top_builddir)/enroll/holdfast-http'; export HOLDFAST_HTTP; \
	HOLDFAST_ISSUER_PROGRAM='$(abs_top_builddir)/issuer/holdfast-issuer'; export HOLDFAST_ISSUER_PROGRAM; \
	HF_CALLER='$(abs_top_builddir)/tests/robust/caller'; export HF_CALLER;

# The part of the tests that also runs under the sanitizers and from the release archive.
UNIT_TESTS = $(filter tests/unit/test_% tests/fuzz/fuzz_%,$(check_PROGRAMS))

# Those that also run under ThreadSanitizer; not test_provider, where each of many processes stretches a PIN, which takes seconds then.
THREAD_TESTS = \
	tests/unit/test_audit_log \
	tests/unit/test_crypto \
	tests/unit/test_daemon_frame \
	tests/unit/test_daemon_serve \
	tests/unit/test_daemon_token \
	tests/unit/test_err \
	tests/unit/test_guard_counter \
	tests/unit/test_issuer_ca \
	tests/unit/test_issuer_db \
	tests/unit/test_issuer_db_pg \
	tests/unit/test_issuer_db_sqlite \
	tests/unit/test_issuer_http \
	tests/unit/test_issuer_http_limits \
	tests/unit/test_issuer_http_tls \
	tests/unit/test_issuer_ledger \
	tests/unit/test_item \
	tests/unit/test_operators \
	tests/unit/test_pkcs11_general \
	tests/unit/test_pkcs11_op \
	tests/unit/test_pkcs11_session \
	tests/unit/test_policy \
	tests/unit/test_provider_fails \
	tests/unit/test_provider_key \
	tests/unit/test_store_items \
	tests/unit/test_tpm_operate \
	tests/unit/test_tpm_turn

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

bench: all tests/bench/serve_bench tests/bench/make_log tests/bench/strategy tests/bench/evidence_bench tests/bench/http_server tests/bench/http_load tests/bench/renew_bench tests/bench/soak_load
	top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' bash $(srcdir)/tests/bench/run.sh

# A log of any size, for the benchmark and for tests.
check_PROGRAMS += tests/bench/make_log
tests_bench_make_log_SOURCES = tests/bench/make_log.c $(vouched_fixture)
tests_bench_make_log_LDADD = $(audit_libs) $(CMOCKA_LIBS)

# Compiled and read by run.sh.
BENCH_FILES = \
	tests/bench/run.sh tests/bench/bench.c tests/bench/count_proxy.c tests/bench/esys_sign.c tests/bench/measure.h tests/bench/model.awk \
	tests/bench/provider.sh tests/bench/serve.sh tests/bench/tls_bench.c \
	tests/bench/audit.sh tests/bench/daemon.sh tests/bench/http.sh tests/bench/renew.sh tests/bench/soak.sh \
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
	tests/check/units.sh \
	tests/check/text.sh \
	tests/check/shell.sh

# Real programs that use the module.
INTEGRATION_TESTS = \
	tests/integration/curl_nginx.sh \
	tests/integration/daemon_clients.sh \
	tests/integration/daemon_disk_full.sh \
	tests/integration/daemon_ends.sh \
	tests/integration/daemon_first.sh \
	tests/integration/daemon_moved.sh \
	tests/integration/daemon_service.sh \
	tests/integration/daemon_store.sh \
	tests/integration/daemon_who.sh \
	tests/integration/daemon_witness.sh \
	tests/integration/git_commit.sh \
	tests/integration/gnutls.sh \
	tests/integration/issuer_ca_in_tpm.sh \
	tests/integration/issuer_disk_full.sh \
	tests/integration/issuer_hostile.sh \
	tests/integration/issuer_http.sh \
	tests/integration/issuer_jwt.sh \
	tests/integration/enroll_renewal.sh \
	tests/integration/air_gapped.sh \
	tests/integration/join_platform_ak.sh \
	tests/integration/issuer_program.sh \
	tests/integration/issuer_ssh.sh \
	tests/integration/issuer_x509.sh \
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
	tests/integration/relay.sh \
	tests/integration/ssh_ca.sh \
	tests/integration/ssh_login.sh \
	tests/integration/sshd_host_key.sh \
	tests/integration/strongswan_pki.sh \
	tests/integration/stunnel.sh \
	tests/integration/tpm2_openssl.sh \
	tests/integration/wpa_supplicant.sh

# The clients of these once more, where TPM and store are a daemon's under another user. Not those that count TPM commands or take minutes.
THROUGH_TESTS = \
	tests/integration/through_curl_nginx.through \
	tests/integration/through_git_commit.through \
	tests/integration/through_gnutls.through \
	tests/integration/through_nss.through \
	tests/integration/through_openssl_engine.through \
	tests/integration/through_openvpn.through \
	tests/integration/through_p11_kit.through \
	tests/integration/through_pin.through \
	tests/integration/through_pkcs11_tool.through \
	tests/integration/through_provider_apache.through \
	tests/integration/through_provider_curl_nginx.through \
	tests/integration/through_provider_openssl.through \
	tests/integration/through_provider_postgresql.through \
	tests/integration/through_provider_python.through \
	tests/integration/through_ssh_ca.through \
	tests/integration/through_ssh_login.through \
	tests/integration/through_sshd_host_key.through \
	tests/integration/through_strongswan_pki.through \
	tests/integration/through_stunnel.through \
	tests/integration/through_wpa_supplicant.through
CLEANFILES += $(THROUGH_TESTS)
$(THROUGH_TESTS):
	$(AM_V_at)$(MKDIR_P) tests/integration && : >$@

TESTS += $(TREE_CHECKS) $(INTEGRATION_TESTS) $(THROUGH_TESTS)
EXTRA_DIST += $(TREE_CHECKS) $(INTEGRATION_TESTS) \
	tests/integration/issuer_lib.sh tests/integration/lib.sh tests/integration/machine.sh tests/integration/owner.sh tests/integration/through.bash tests/integration/ssh_lib.sh

.PHONY: check-programs check-robust check-threads bench
