# SPDX-License-Identifier: BSD-2-Clause
# Documents. Man pages are written in scdoc and made where it is installed.
MAN_PAGES = \
	docs/man/holdfast.1 \
	docs/man/holdfast-agent.1 \
	docs/man/holdfast-audit.1 \
	docs/man/holdfast-completion.1 \
	docs/man/holdfast-config.1 \
	docs/man/holdfast-dev.1 \
	docs/man/holdfast-doctor.1 \
	docs/man/holdfast-help.1 \
	docs/man/holdfast-init.1 \
	docs/man/holdfast-inspect.1 \
	docs/man/holdfast-key.1 \
	docs/man/holdfast-lock.1 \
	docs/man/holdfast-policy.1 \
	docs/man/holdfast-reload.1 \
	docs/man/holdfast-status.1 \
	docs/man/holdfast-unlock.1 \
	docs/man/holdfast-version.1 \
	docs/man/holdfast-evidence.3 \
	docs/man/holdfast.conf.5 \
	docs/man/holdfast-policy.5 \
	docs/man/holdfastd.8 \
	docs/man/holdfast-audit.7 \
	docs/man/holdfast-pkcs11.7 \
	docs/man/holdfast-provider.7

EXTRA_DIST += $(MAN_PAGES:=.scd) docs/architecture.md docs/formats.md docs/threat-model.md

if HAVE_SCDOC
man_MANS = $(MAN_PAGES)
CLEANFILES += $(MAN_PAGES)

# docs/man/X.1 from docs/man/X.1.scd
SUFFIXES = .scd
.scd:
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(SCDOC) <$< >$@.tmp && mv $@.tmp $@
endif
