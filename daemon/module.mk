# SPDX-License-Identifier: BSD-2-Clause
# The host daemon.
noinst_LTLIBRARIES += daemon/libhf_daemon.la
daemon_libhf_daemon_la_SOURCES = \
	daemon/exe.c daemon/exe.h \
	daemon/peer.c daemon/peer.h \
	daemon/serve.c daemon/serve.h

daemon_libs = daemon/libhf_daemon.la $(pkcs11_libs) $(P11KIT_LIBS)

DAEMON_TESTS = \
	tests/unit/test_daemon_peer \
	tests/unit/test_daemon_serve
check_PROGRAMS += $(DAEMON_TESTS)
TESTS += $(DAEMON_TESTS)

tests_unit_test_daemon_peer_SOURCES = tests/unit/test_daemon_peer.c $(tempdir)
tests_unit_test_daemon_peer_LDADD = $(daemon_libs) $(CMOCKA_LIBS)
tests_unit_test_daemon_serve_SOURCES = tests/unit/test_daemon_serve.c $(keys_fixture)
tests_unit_test_daemon_serve_CPPFLAGS = $(AM_CPPFLAGS) -DHF_P11KIT_MODULES='"$(p11kitmodules)"'
tests_unit_test_daemon_serve_LDADD = $(daemon_libs) $(audit_libs) $(CMOCKA_LIBS)
