# SPDX-License-Identifier: BSD-2-Clause
# The command line. All of it but main() is a library, for its unit tests.
noinst_LTLIBRARIES += tools/libhf_tools.la
tools_libhf_tools_la_SOURCES = \
	tools/ask.c \
	tools/cert.c tools/cert.h \
	tools/cli.c tools/cli.h \
	tools/cmd_agent.c \
	tools/cmd_config.c \
	tools/cmd_create.c \
	tools/cmd_dev.c \
	tools/cmd_init.c \
	tools/cmd_inspect.c \
	tools/cmd_key.c \
	tools/cmd_misc.c \
	tools/cmd_status.c \
	tools/completion.c \
	tools/dev.h \
	tools/dev_dir.c \
	tools/dev_ek.c \
	tools/dev_supervise.c \
	tools/dev_tpm.c \
	tools/help.c \
	tools/keycmd.c tools/keycmd.h \
	tools/keyname.c tools/keyname.h \
	tools/keytext.c tools/keytext.h \
	tools/module.c tools/module.h \
	tools/opensslconf.c tools/opensslconf.h \
	tools/plan.c \
	tools/program.c tools/program.h \
	tools/readfile.c tools/readfile.h \
	tools/text.c tools/text.h \
	tools/verbs.c

bin_PROGRAMS += tools/holdfast
tools_holdfast_SOURCES = tools/holdfast.c
tools_holdfast_LDADD = tools/libhf_tools.la keys/libhf_keys.la tpm/libhf_tpm.la lib/libhf_lib.la \
	$(TSS2_LIBS) $(CRYPTO_LIBS) $(INIH_LIBS) $(JANSSON_LIBS)

# Asks the command for the script when bash first completes it.
dist_bashcompletion_DATA = tools/bash-completion/holdfast

TOOLS_TEST_LIBS = $(tools_holdfast_LDADD) $(CMOCKA_LIBS)
TOOLS_TESTS = \
	tests/unit/test_tools_cli \
	tests/unit/test_tools_keytext \
	tests/unit/test_tools_plan \
	tests/unit/test_tools_text
check_PROGRAMS += $(TOOLS_TESTS)
TESTS += $(TOOLS_TESTS)
tests_unit_test_tools_cli_SOURCES = tests/unit/test_tools_cli.c
tests_unit_test_tools_cli_LDADD = $(TOOLS_TEST_LIBS)
tests_unit_test_tools_keytext_SOURCES = tests/unit/test_tools_keytext.c
tests_unit_test_tools_keytext_LDADD = $(TOOLS_TEST_LIBS)
tests_unit_test_tools_plan_SOURCES = tests/unit/test_tools_plan.c
tests_unit_test_tools_plan_LDADD = $(TOOLS_TEST_LIBS)
tests_unit_test_tools_text_SOURCES = tests/unit/test_tools_text.c
tests_unit_test_tools_text_LDADD = $(TOOLS_TEST_LIBS)

TOOLS_CLI_CHECKS = \
	tests/integration/cli_agents.sh \
	tests/integration/cli_config.sh \
	tests/integration/cli_dev.sh \
	tests/integration/cli_errors.sh \
	tests/integration/cli_inspect.sh \
	tests/integration/cli_keys.sh
TESTS += $(TOOLS_CLI_CHECKS)
EXTRA_DIST += $(TOOLS_CLI_CHECKS)
