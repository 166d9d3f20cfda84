# SPDX-License-Identifier: BSD-2-Clause
# The host daemon.
noinst_LTLIBRARIES += daemon/libhf_daemon.la
daemon_libhf_daemon_la_SOURCES = \
	daemon/cgroup.c daemon/cgroup.h \
	daemon/core.c daemon/core.h \
	daemon/credentials.c daemon/credentials.h \
	daemon/exe.c daemon/exe.h \
	daemon/frame.c daemon/frame.h \
	daemon/identity.c daemon/identity.h \
	daemon/join.c daemon/join.h \
	daemon/lastuse.c daemon/lastuse.h \
	daemon/listen.c daemon/listen.h \
	daemon/obtain.c daemon/obtain.h \
	daemon/operators.c daemon/operators.h \
	daemon/order.c daemon/order.h \
	daemon/order_agent.c \
	daemon/order_enroll.c \
	daemon/order_evidence.c \
	daemon/order_key.c \
	daemon/order_read.c \
	daemon/order_rule.c \
	daemon/order_state.c \
	daemon/peer.c daemon/peer.h \
	daemon/publish.c daemon/publish.h \
	daemon/renew.c daemon/renew.h daemon/renewing.h \
	daemon/renew_carried.c \
	daemon/renew_once.c \
	daemon/renew_order.c \
	daemon/request.c daemon/request.h \
	daemon/schedule.c daemon/schedule.h \
	daemon/self.c daemon/self.h \
	daemon/serve.c daemon/serve.h \
	daemon/token.c daemon/token.h \
	daemon/token_answer.c daemon/token_answer.h \
	daemon/token_request.c daemon/token_request.h \
	daemon/tokencache.c daemon/tokencache.h \
	daemon/witness.c daemon/witness.h

daemon_libs = daemon/libhf_daemon.la enroll/libhf_enroll.la $(evidence_libs) $(guard_libs) $(recorder_libs) $(pkcs11_libs) $(P11KIT_LIBS) $(JANSSON_LIBS)

sbin_PROGRAMS += daemon/holdfastd
daemon_holdfastd_SOURCES = daemon/main.c
daemon_holdfastd_LDADD = $(daemon_libs)

core_fixture = tests/corefix.c tests/corefix.h $(keys_fixture)

DAEMON_TESTS = \
	tests/unit/test_daemon_cgroup \
	tests/unit/test_daemon_core \
	tests/unit/test_daemon_credentials \
	tests/unit/test_daemon_frame \
	tests/unit/test_daemon_join \
	tests/unit/test_daemon_lastuse \
	tests/unit/test_daemon_peer \
	tests/unit/test_daemon_request \
	tests/unit/test_daemon_schedule \
	tests/unit/test_daemon_serve \
	tests/unit/test_daemon_token \
	tests/unit/test_daemon_token_request \
	tests/unit/test_daemon_tokencache \
	tests/unit/test_daemon_witness \
	tests/unit/test_operators \
	tests/unit/test_order \
	tests/unit/test_order_evidence \
	tests/unit/test_relay
check_PROGRAMS += $(DAEMON_TESTS)
TESTS += $(DAEMON_TESTS)

tests_unit_test_daemon_cgroup_SOURCES = tests/unit/test_daemon_cgroup.c
tests_unit_test_daemon_cgroup_LDADD = $(daemon_libs) $(CMOCKA_LIBS)
tests_unit_test_daemon_core_SOURCES = tests/unit/test_daemon_core.c tests/proxy.c tests/proxy.h $(keys_fixture)
tests_unit_test_daemon_core_LDADD = $(daemon_libs) $(audit_libs) $(CMOCKA_LIBS)
tests_unit_test_daemon_credentials_SOURCES = tests/unit/test_daemon_credentials.c $(core_fixture)
tests_unit_test_daemon_credentials_LDADD = $(daemon_libs) $(CMOCKA_LIBS)
tests_unit_test_daemon_join_SOURCES = tests/unit/test_daemon_join.c $(core_fixture)
tests_unit_test_daemon_join_LDADD = $(daemon_libs) $(CMOCKA_LIBS)
tests_unit_test_daemon_lastuse_SOURCES = tests/unit/test_daemon_lastuse.c $(core_fixture)
tests_unit_test_daemon_lastuse_LDADD = $(daemon_libs) $(CMOCKA_LIBS)
tests_unit_test_daemon_schedule_SOURCES = tests/unit/test_daemon_schedule.c
tests_unit_test_daemon_schedule_LDADD = $(daemon_libs) $(CMOCKA_LIBS)
tests_unit_test_daemon_token_SOURCES = tests/unit/test_daemon_token.c $(core_fixture)
tests_unit_test_daemon_token_LDADD = $(daemon_libs) $(CMOCKA_LIBS)
tests_unit_test_daemon_token_request_SOURCES = tests/unit/test_daemon_token_request.c
tests_unit_test_daemon_token_request_LDADD = $(daemon_libs) $(CMOCKA_LIBS)
tests_unit_test_daemon_tokencache_SOURCES = tests/unit/test_daemon_tokencache.c
tests_unit_test_daemon_tokencache_LDADD = $(daemon_libs) $(CMOCKA_LIBS)
tests_unit_test_daemon_frame_SOURCES = tests/unit/test_daemon_frame.c tests/served.c tests/served.h tests/fuzz/store.c tests/fuzz/store.h
tests_unit_test_daemon_frame_LDADD = $(daemon_libs) $(audit_libs) $(CMOCKA_LIBS)
tests_unit_test_daemon_peer_SOURCES = tests/unit/test_daemon_peer.c $(tempdir)
tests_unit_test_daemon_peer_LDADD = $(daemon_libs) $(CMOCKA_LIBS)
tests_unit_test_daemon_request_SOURCES = tests/unit/test_daemon_request.c
tests_unit_test_daemon_request_LDADD = $(daemon_libs) $(CMOCKA_LIBS)
tests_unit_test_daemon_serve_SOURCES = tests/unit/test_daemon_serve.c tests/served.c tests/served.h $(keys_fixture)
tests_unit_test_daemon_serve_LDADD = $(daemon_libs) $(audit_libs) $(CMOCKA_LIBS)
tests_unit_test_daemon_witness_SOURCES = tests/unit/test_daemon_witness.c $(tempdir)
tests_unit_test_daemon_witness_LDADD = $(daemon_libs) $(audit_libs) $(CMOCKA_LIBS)
tests_unit_test_operators_SOURCES = tests/unit/test_operators.c $(core_fixture)
tests_unit_test_operators_LDADD = $(daemon_libs) $(CMOCKA_LIBS)
tests_unit_test_order_SOURCES = tests/unit/test_order.c $(core_fixture)
tests_unit_test_order_LDADD = $(daemon_libs) $(CMOCKA_LIBS)
tests_unit_test_order_evidence_SOURCES = tests/unit/test_order_evidence.c tests/ekfix.c tests/ekfix.h $(core_fixture)
tests_unit_test_order_evidence_LDADD = $(daemon_libs) $(CMOCKA_LIBS)
tests_unit_test_relay_SOURCES = tests/unit/test_relay.c $(keys_fixture)
tests_unit_test_relay_LDADD = $(daemon_libs) $(audit_libs) $(CMOCKA_LIBS)

# For `make bench`.
EXTRA_PROGRAMS += tests/bench/serve_bench
tests_bench_serve_bench_SOURCES = tests/bench/serve_bench.c tests/served.c tests/served.h tests/bench/measure.h tests/fuzz/store.c tests/fuzz/store.h
tests_bench_serve_bench_LDADD = $(daemon_libs) $(audit_libs)
