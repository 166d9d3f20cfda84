# SPDX-License-Identifier: BSD-2-Clause
# A TPM 2.0, made safe to share.

noinst_LTLIBRARIES += tpm/libhf_tpm.la
tpm_libhf_tpm_la_SOURCES = \
	tpm/activate.c \
	tpm/ak.c \
	tpm/audit.c tpm/audit.h \
	tpm/cache.c tpm/cache.h \
	tpm/call.c \
	tpm/caps.c \
	tpm/certify.c tpm/certify.h \
	tpm/clock.c tpm/clock.h \
	tpm/context.c \
	tpm/counter.c \
	tpm/ctx.h \
	tpm/ek.c tpm/ek.h \
	tpm/ek_policy.c \
	tpm/key.c \
	tpm/link.c tpm/link.h \
	tpm/link_device.c \
	tpm/link_loader.c \
	tpm/link_socket.c \
	tpm/loaded.c \
	tpm/nv.c \
	tpm/observe.c \
	tpm/operate.c \
	tpm/parent.c \
	tpm/rc.c tpm/rc.h \
	tpm/response.c tpm/response.h \
	tpm/session.c tpm/session.h \
	tpm/share.c tpm/share.h \
	tpm/strategy.c \
	tpm/tcti.c tpm/tcti.h \
	tpm/tpm.c tpm/tpm.h \
	tpm/turn.c tpm/turn.h \
	tpm/use.c \
	tpm/wire.c tpm/wire.h

tpm_libs = tpm/libhf_tpm.la lib/libhf_lib.la $(TSS2_LIBS) $(CRYPTO_LIBS) $(INIH_LIBS)
tpm_fixture = tests/tpmfix.c tests/tpmfix.h tests/proxy.c tests/proxy.h tests/swtpm.c tests/swtpm.h
tpm_device = tests/tpmdev.c tests/tpmdev.h

TPM_TESTS = \
	tests/unit/test_tpm_activate \
	tests/unit/test_tpm_ak \
	tests/unit/test_tpm_audit \
	tests/unit/test_tpm_cache \
	tests/unit/test_tpm_caps_read \
	tests/unit/test_tpm_certify \
	tests/unit/test_tpm_clock \
	tests/unit/test_tpm_counter \
	tests/unit/test_tpm_ek \
	tests/unit/test_tpm_key \
	tests/unit/test_tpm_link \
	tests/unit/test_tpm_loaded \
	tests/unit/test_tpm_nv \
	tests/unit/test_tpm_operate \
	tests/unit/test_tpm_parent \
	tests/unit/test_tpm_rc \
	tests/unit/test_tpm_response \
	tests/unit/test_tpm_session \
	tests/unit/test_tpm_share \
	tests/unit/test_tpm_tcti \
	tests/unit/test_tpm_turn \
	tests/unit/test_tpm_use \
	tests/unit/test_tpm_wire \
	tests/robust/tpm_faults \
	tests/robust/tpm_many
check_PROGRAMS += $(TPM_TESTS)
TESTS += $(TPM_TESTS)

# What stays loaded is the cheapest that there is: `make bench` shows the table.
check_PROGRAMS += tests/bench/strategy
TESTS += tests/bench/strategy
tests_bench_strategy_SOURCES = tests/bench/strategy.c $(tpm_fixture) $(tpm_device)
tests_bench_strategy_LDADD = $(tpm_libs) -lm

tests_unit_test_tpm_activate_SOURCES = tests/unit/test_tpm_activate.c tests/ekfix.c tests/ekfix.h $(tpm_fixture)
tests_unit_test_tpm_activate_LDADD = $(attest_libs) $(tpm_libs) $(CMOCKA_LIBS)
tests_unit_test_tpm_ak_SOURCES = tests/unit/test_tpm_ak.c $(tpm_fixture)
tests_unit_test_tpm_ak_LDADD = $(tpm_libs) $(CMOCKA_LIBS)
tests_unit_test_tpm_audit_SOURCES = tests/unit/test_tpm_audit.c $(tpm_device) $(tpm_fixture)
tests_unit_test_tpm_audit_LDADD = $(tpm_libs) $(CMOCKA_LIBS)
tests_unit_test_tpm_cache_SOURCES = tests/unit/test_tpm_cache.c
tests_unit_test_tpm_cache_LDADD = $(tpm_libs) $(CMOCKA_LIBS)
tests_unit_test_tpm_caps_read_SOURCES = tests/unit/test_tpm_caps_read.c $(tpm_fixture)
tests_unit_test_tpm_caps_read_LDADD = $(tpm_libs) $(CMOCKA_LIBS)
tests_unit_test_tpm_certify_SOURCES = tests/unit/test_tpm_certify.c $(tpm_device) $(tpm_fixture)
tests_unit_test_tpm_certify_LDADD = $(tpm_libs) $(CMOCKA_LIBS)
tests_unit_test_tpm_clock_SOURCES = tests/unit/test_tpm_clock.c
tests_unit_test_tpm_clock_LDADD = $(tpm_libs) $(CMOCKA_LIBS)
tests_unit_test_tpm_counter_SOURCES = tests/unit/test_tpm_counter.c $(tpm_fixture)
tests_unit_test_tpm_counter_LDADD = $(tpm_libs) $(CMOCKA_LIBS)
tests_unit_test_tpm_ek_SOURCES = tests/unit/test_tpm_ek.c $(tpm_fixture)
tests_unit_test_tpm_ek_LDADD = $(tpm_libs) $(CMOCKA_LIBS)
tests_unit_test_tpm_key_SOURCES = tests/unit/test_tpm_key.c $(tpm_fixture)
tests_unit_test_tpm_key_LDADD = $(tpm_libs) $(CMOCKA_LIBS)
tests_unit_test_tpm_link_SOURCES = tests/unit/test_tpm_link.c $(tpm_device) tests/swtpm.c tests/swtpm.h
tests_unit_test_tpm_link_LDADD = $(tpm_libs) $(CMOCKA_LIBS)
tests_unit_test_tpm_loaded_SOURCES = tests/unit/test_tpm_loaded.c $(tpm_device) $(tpm_fixture)
tests_unit_test_tpm_loaded_LDADD = $(tpm_libs) $(CMOCKA_LIBS)
tests_unit_test_tpm_nv_SOURCES = tests/unit/test_tpm_nv.c $(tpm_fixture)
tests_unit_test_tpm_nv_LDADD = $(tpm_libs) $(CMOCKA_LIBS)
tests_unit_test_tpm_operate_SOURCES = tests/unit/test_tpm_operate.c $(tpm_fixture)
tests_unit_test_tpm_operate_LDADD = $(tpm_libs) $(CMOCKA_LIBS)
tests_unit_test_tpm_parent_SOURCES = tests/unit/test_tpm_parent.c $(tpm_fixture)
tests_unit_test_tpm_parent_LDADD = $(tpm_libs) $(CMOCKA_LIBS)
tests_unit_test_tpm_rc_SOURCES = tests/unit/test_tpm_rc.c
tests_unit_test_tpm_rc_LDADD = $(tpm_libs) $(CMOCKA_LIBS)
tests_unit_test_tpm_response_SOURCES = tests/unit/test_tpm_response.c
tests_unit_test_tpm_response_LDADD = $(tpm_libs) $(CMOCKA_LIBS)
tests_unit_test_tpm_session_SOURCES = tests/unit/test_tpm_session.c
tests_unit_test_tpm_session_LDADD = $(tpm_libs) $(CMOCKA_LIBS)
tests_unit_test_tpm_share_SOURCES = tests/unit/test_tpm_share.c $(tempdir)
tests_unit_test_tpm_share_LDADD = $(tpm_libs) $(CMOCKA_LIBS)
tests_unit_test_tpm_tcti_SOURCES = tests/unit/test_tpm_tcti.c $(tempdir)
tests_unit_test_tpm_tcti_LDADD = $(tpm_libs) $(CMOCKA_LIBS)
tests_unit_test_tpm_turn_SOURCES = tests/unit/test_tpm_turn.c $(tpm_fixture)
tests_unit_test_tpm_turn_LDADD = $(tpm_libs) $(CMOCKA_LIBS)
tests_unit_test_tpm_use_SOURCES = tests/unit/test_tpm_use.c $(tpm_fixture)
tests_unit_test_tpm_use_LDADD = $(tpm_libs) $(CMOCKA_LIBS)
tests_unit_test_tpm_wire_SOURCES = tests/unit/test_tpm_wire.c
tests_unit_test_tpm_wire_LDADD = $(tpm_libs) $(CMOCKA_LIBS)
tests_robust_tpm_faults_SOURCES = tests/robust/tpm_faults.c $(tpm_fixture)
tests_robust_tpm_faults_LDADD = $(tpm_libs)
tests_robust_tpm_many_SOURCES = tests/robust/tpm_many.c $(tpm_fixture)
tests_robust_tpm_many_LDADD = $(tpm_libs)

# By hand and by `make bench`: it needs ESYS to compare with, which nothing else does.
EXTRA_PROGRAMS = tests/bench/sign_bench
tests_bench_sign_bench_SOURCES = tests/bench/sign_bench.c tests/swtpm.c tests/swtpm.h
tests_bench_sign_bench_LDADD = $(tpm_libs) -ltss2-esys -ltss2-tctildr
