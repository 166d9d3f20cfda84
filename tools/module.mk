# SPDX-License-Identifier: BSD-2-Clause
# The command line. All of it but main() is a library, for its unit tests.
noinst_LTLIBRARIES += tools/libhf_tools.la
tools_libhf_tools_la_SOURCES = \
	tools/agenthelper.c tools/agenthelper.h \
	tools/agentrun.c tools/agentrun.h \
	tools/ask.c \
	tools/audit.h \
	tools/audit_counter.c tools/audit_counter.h \
	tools/audit_filter.c \
	tools/audit_sink.c tools/audit_sink.h tools/audit_sinking.h \
	tools/audit_sink_file.c \
	tools/audit_sink_socket.c \
	tools/audit_spool.c tools/audit_spool.h \
	tools/audit_text.c \
	tools/audit_walk.c \
	tools/audit_where.c \
	tools/audit_issuer.c tools/audit_issuer.h \
	tools/audit_witness.c tools/audit_witness.h \
	tools/cert.c tools/cert.h \
	tools/cli.c tools/cli.h \
	tools/cmd_agent.c \
	tools/cmd_audit_export.c \
	tools/cmd_audit_log.c \
	tools/cmd_audit_prove.c \
	tools/cmd_audit_verify.c \
	tools/cmd_cert.c \
	tools/cmd_config.c \
	tools/cmd_create.c \
	tools/cmd_dev.c \
	tools/cmd_enroll.c \
	tools/cmd_evidence.c \
	tools/cmd_evidence_show.c \
	tools/cmd_evidence_verify.c \
	tools/cmd_init.c \
	tools/cmd_inspect.c \
	tools/cmd_key.c \
	tools/cmd_lock.c \
	tools/cmd_misc.c \
	tools/cmd_policy.c \
	tools/cmd_run.c \
	tools/cmd_ssh.c \
	tools/cmd_status.c \
	tools/cmd_token.c \
	tools/completion.c \
	tools/carryfile.c tools/carryfile.h \
	tools/credfiles.c tools/credfiles.h \
	tools/daemon.c tools/daemon.h \
	tools/daemon_status.c tools/daemon_status.h \
	tools/dev.h \
	tools/dev_child.c \
	tools/dev_daemon.c \
	tools/dev_dir.c \
	tools/dev_ek.c \
	tools/dev_issuer.c \
	tools/dev_server.c \
	tools/dev_supervise.c \
	tools/dev_tpm.c \
	tools/evidence.h \
	tools/evidence_challenge.c \
	tools/evidence_policy.c \
	tools/evidence_rules.c \
	tools/help.c \
	tools/keepjson.c tools/keepjson.h \
	tools/keeper.c tools/keeper.h \
	tools/keeper_key.c \
	tools/keeper_rule.c \
	tools/keycmd.c tools/keycmd.h \
	tools/keyname.c tools/keyname.h \
	tools/module.c tools/module.h \
	tools/opensslconf.c tools/opensslconf.h \
	tools/ownjwt.c tools/ownjwt.h \
	tools/p11keys.c tools/p11keys.h \
	tools/places.c tools/places.h \
	tools/plan.c \
	tools/program.c tools/program.h \
	tools/readfile.c tools/readfile.h \
	tools/rules.c tools/rules.h \
	tools/sshagent.c tools/sshagent.h \
	tools/sshagent_serve.c \
	tools/text.c tools/text.h \
	tools/token_form.c tools/token_form.h \
	tools/tokensock.c tools/tokensock.h \
	tools/verbs.c

bin_PROGRAMS += tools/holdfast
tools_holdfast_SOURCES = tools/holdfast.c
tools_holdfast_LDADD = tools/libhf_tools.la keys/libhf_keys.la audit/libhf_audit.la tpm/libhf_tpm.la attest/libhf_vouch.la attest/libhf_attest.la lib/libhf_cbor.la lib/libhf_lib.la \
	$(TSS2_LIBS) $(CRYPTO_LIBS) $(INIH_LIBS) $(CBOR_LIBS) $(JANSSON_LIBS)

# Asks the command for the script when bash first completes it.
dist_bashcompletion_DATA = tools/bash-completion/holdfast

TOOLS_TEST_LIBS = $(tools_holdfast_LDADD) $(CMOCKA_LIBS)
TOOLS_TESTS = \
	tests/unit/test_tools_cli \
	tests/unit/test_tools_evidence \
	tests/unit/test_tools_plan \
	tests/unit/test_tools_sshagent \
	tests/unit/test_tools_text \
	tests/unit/test_tools_token
check_PROGRAMS += $(TOOLS_TESTS)
TESTS += $(TOOLS_TESTS)
tests_unit_test_tools_cli_SOURCES = tests/unit/test_tools_cli.c
tests_unit_test_tools_cli_LDADD = $(TOOLS_TEST_LIBS)
tests_unit_test_tools_evidence_SOURCES = tests/unit/test_tools_evidence.c $(evidence_fixture)
tests_unit_test_tools_evidence_LDADD = $(TOOLS_TEST_LIBS)
tests_unit_test_tools_plan_SOURCES = tests/unit/test_tools_plan.c
tests_unit_test_tools_plan_LDADD = $(TOOLS_TEST_LIBS)
sshagent_fixture = tests/sshagentfix.c tests/sshagentfix.h
tests_unit_test_tools_sshagent_SOURCES = tests/unit/test_tools_sshagent.c $(sshagent_fixture) $(tempdir)
tests_unit_test_tools_sshagent_LDADD = $(TOOLS_TEST_LIBS)
tests_unit_test_tools_token_SOURCES = tests/unit/test_tools_token.c
tests_unit_test_tools_token_LDADD = $(TOOLS_TEST_LIBS)
tests_unit_test_tools_text_SOURCES = tests/unit/test_tools_text.c
tests_unit_test_tools_text_LDADD = $(TOOLS_TEST_LIBS)

TOOLS_CLI_CHECKS = \
	tests/integration/agent_curl.sh \
	tests/integration/agent_enrolled.sh \
	tests/integration/renewal_costs_two_commands.sh \
	tests/integration/agent_proof.sh \
	tests/integration/agent_run.sh \
	tests/integration/agent_ssh.sh \
	tests/integration/audit_behind_its_back.sh \
	tests/integration/cli_agents.sh \
	tests/integration/cli_audit.sh \
	tests/integration/direct_log.sh \
	tests/integration/howto_nginx.sh \
	tests/integration/howto_oidc.sh \
	tests/integration/howto_postgresql.sh \
	tests/integration/howto_sshd.sh \
	tests/integration/svid_consumers.sh \
	tests/integration/vendor_roots.sh \
	tests/integration/cli_config.sh \
	tests/integration/cli_daemon.sh \
	tests/integration/cli_dev.sh \
	tests/integration/cli_errors.sh \
	tests/integration/cli_evidence.sh \
	tests/integration/cli_inspect.sh \
	tests/integration/cli_keys.sh
TESTS += $(TOOLS_CLI_CHECKS)
EXTRA_DIST += $(TOOLS_CLI_CHECKS) tests/integration/agent_lib.sh tests/integration/enrolled_lib.sh
