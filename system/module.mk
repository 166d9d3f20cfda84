# SPDX-License-Identifier: BSD-2-Clause
# What systemd is told of the daemon, and bash.
systemdsystemunit_DATA = system/holdfastd.service system/holdfast-http@.service system/holdfast-issuer.service
dist_systemdsystemunit_DATA = system/holdfastd.socket system/holdfastd-operator.socket system/holdfast-http.socket
systemduserunit_DATA = system/user/holdfastd.service
dist_systemduserunit_DATA = system/user/holdfastd.socket system/user/holdfastd-operator.socket
sysusers_DATA = system/sysusers.d/holdfast.conf system/sysusers.d/holdfast-issuer.conf
tmpfiles_DATA = system/tmpfiles.d/holdfast.conf system/tmpfiles.d/holdfast-issuer.conf
dist_bashcompletion_DATA += system/bash-completion/holdfastd system/bash-completion/holdfast-issuer

EXTRA_DIST += system/holdfastd.service.in system/holdfast-http@.service.in system/holdfast-issuer.service.in system/user/holdfastd.service.in $(sysusers_DATA) $(tmpfiles_DATA)
CLEANFILES += system/holdfastd.service system/holdfast-http@.service system/holdfast-issuer.service system/user/holdfastd.service

SYSTEM_TESTS = tests/integration/daemon_systemd.sh
TESTS += $(SYSTEM_TESTS)
EXTRA_DIST += $(SYSTEM_TESTS)

make_unit = $(AM_V_GEN)$(MKDIR_P) $(@D) && sed -e '/^\#\#/d' -e 's,[@]sbindir[@],$(sbindir),' -e 's,[@]pkglibexecdir[@],$(pkglibexecdir),' $< >$@.tmp && mv $@.tmp $@
system/holdfastd.service: system/holdfastd.service.in Makefile
	$(make_unit)
system/holdfast-issuer.service: system/holdfast-issuer.service.in Makefile
	$(make_unit)
system/holdfast-http@.service: system/holdfast-http@.service.in Makefile
	$(make_unit)
system/user/holdfastd.service: system/user/holdfastd.service.in Makefile
	$(make_unit)
