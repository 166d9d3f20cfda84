# SPDX-License-Identifier: BSD-2-Clause
# The robustness tests: quick counts in `make check`, full ones in `make check-robust`.

ROBUST_TESTS = \
	tests/robust/alloc \
	tests/robust/args \
	tests/robust/audit_crash \
	tests/robust/crash_calls \
	tests/robust/daemon_kill \
	tests/robust/guard_crash \
	tests/robust/issuer_crash \
	tests/robust/issuer_pg \
	tests/robust/many \
	tests/robust/power_loss \
	tests/robust/races \
	tests/robust/weaken
check_PROGRAMS += $(ROBUST_TESTS) tests/robust/worker tests/robust/caller
TESTS += $(ROBUST_TESTS)
EXTRA_DIST += tests/robust/run.sh

# For LD_PRELOAD. Whatever is fortified or sanitized would call the functions that they replace.
check_LTLIBRARIES += tests/robust/inject.la tests/robust/allocfail.la
robust_preload_flags = -module -avoid-version -shared -rpath /nowhere
tests_robust_inject_la_SOURCES = tests/robust/inject.c
tests_robust_inject_la_CPPFLAGS = $(AM_CPPFLAGS) -U_FORTIFY_SOURCE
tests_robust_inject_la_LDFLAGS = $(AM_LDFLAGS) $(robust_preload_flags)
tests_robust_allocfail_la_SOURCES = tests/robust/allocfail.c
tests_robust_allocfail_la_LDFLAGS = $(AM_LDFLAGS) $(robust_preload_flags)

robust_common = tests/robust/robust.c tests/robust/robust.h $(keys_fixture)
robust_p11 = tests/robust/p11.c tests/robust/p11.h
robust_libs = $(keys_libs) $(CMOCKA_LIBS)

tests_robust_worker_SOURCES = tests/robust/worker.c $(robust_p11)
tests_robust_worker_LDADD = $(CRYPTO_LIBS)
tests_robust_caller_SOURCES = tests/robust/caller.c $(robust_p11)
tests_robust_caller_LDADD = $(CRYPTO_LIBS)
tests_robust_daemon_kill_SOURCES = tests/robust/daemon_kill.c tests/robust/tracer.c tests/robust/tracer.h $(robust_common)
tests_robust_daemon_kill_LDADD = $(audit_libs) $(robust_libs)
tests_robust_crash_calls_SOURCES = tests/robust/crash_calls.c tests/robust/ops.c tests/robust/ops.h $(robust_common)
tests_robust_crash_calls_LDADD = $(robust_libs)
tests_robust_power_loss_SOURCES = tests/robust/power_loss.c tests/robust/ops.c tests/robust/ops.h $(robust_common)
tests_robust_power_loss_LDADD = $(robust_libs)
tests_robust_many_SOURCES = tests/robust/many.c $(robust_p11) $(robust_common)
tests_robust_many_LDADD = $(robust_libs)
tests_robust_alloc_SOURCES = tests/robust/alloc.c tests/robust/ossl.c tests/robust/ossl.h $(osslkey) $(robust_p11) $(robust_common)
tests_robust_alloc_LDADD = $(robust_libs)
tests_robust_args_SOURCES = tests/robust/args.c $(robust_p11) $(robust_common)
tests_robust_args_LDADD = $(robust_libs)
tests_robust_races_SOURCES = tests/robust/races.c $(robust_p11) $(robust_common)
tests_robust_races_LDADD = $(robust_libs)
tests_robust_weaken_SOURCES = tests/robust/weaken.c $(robust_p11) $(robust_common)
tests_robust_weaken_LDADD = $(robust_libs)
tests_robust_audit_crash_SOURCES = tests/robust/audit_crash.c tests/auditfix.c tests/auditfix.h $(robust_common)
tests_robust_audit_crash_LDADD = $(audit_libs) $(robust_libs)
tests_robust_guard_crash_SOURCES = tests/robust/guard_crash.c $(robust_common)
tests_robust_guard_crash_LDADD = $(guard_libs) $(audit_libs) $(robust_libs)

# The issuer as a program.
robust_issued = tests/robust/issued.c tests/robust/issued.h tests/robust/tracer.c tests/robust/tracer.h $(robust_common) tests/issuerfix.c tests/issuerfix.h $(tempdir)
robust_issued_libs = $(service_libs) $(db_libs) $(evidence_libs) $(robust_libs)
tests_robust_issuer_crash_SOURCES = tests/robust/issuer_crash.c $(robust_issued)
tests_robust_issuer_crash_LDADD = $(robust_issued_libs)
tests_robust_issuer_pg_SOURCES = tests/robust/issuer_pg.c tests/pgfix.c tests/pgfix.h $(robust_issued)
tests_robust_issuer_pg_LDADD = $(robust_issued_libs)
