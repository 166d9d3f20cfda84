# SPDX-License-Identifier: BSD-2-Clause
# Documents. Man pages are written in scdoc and made where it is installed.
MAN_PAGES = \
	docs/man/holdfast.1 \
	docs/man/holdfast-agent.1 \
	docs/man/holdfast-audit.1 \
	docs/man/holdfast-cert.1 \
	docs/man/holdfast-completion.1 \
	docs/man/holdfast-config.1 \
	docs/man/holdfast-curl.1 \
	docs/man/holdfast-dev.1 \
	docs/man/holdfast-doctor.1 \
	docs/man/holdfast-enroll.1 \
	docs/man/holdfast-enrolled.1 \
	docs/man/holdfast-evidence.1 \
	docs/man/holdfast-help.1 \
	docs/man/holdfast-init.1 \
	docs/man/holdfast-inspect.1 \
	docs/man/holdfast-join.1 \
	docs/man/holdfast-key.1 \
	docs/man/holdfast-lock.1 \
	docs/man/holdfast-policy.1 \
	docs/man/holdfast-reload.1 \
	docs/man/holdfast-revoke.1 \
	docs/man/holdfast-run.1 \
	docs/man/holdfast-ssh.1 \
	docs/man/holdfast-ssh-config.1 \
	docs/man/holdfast-status.1 \
	docs/man/holdfast-token.1 \
	docs/man/holdfast-unenroll.1 \
	docs/man/holdfast-unlock.1 \
	docs/man/holdfast-version.1 \
	docs/man/holdfast-evidence.3 \
	docs/man/holdfast-issuer.conf.5 \
	docs/man/holdfast.conf.5 \
	docs/man/holdfast-policy.5 \
	docs/man/holdfast-issuer.8 \
	docs/man/holdfast-vendor-roots.8 \
	docs/man/holdfastd.8 \
	docs/man/holdfast-audit.7 \
	docs/man/holdfast-evidence.7 \
	docs/man/holdfast-pkcs11.7 \
	docs/man/holdfast-provider.7

EXTRA_DIST += $(MAN_PAGES:=.scd) docs/architecture.md docs/formats.md docs/sizing.md docs/threat-model.md \
	docs/howto/air-gapped.md docs/howto/ci.md docs/howto/curl.md docs/howto/nginx.md docs/howto/oidc.md docs/howto/postgresql.md docs/howto/sshd.md docs/howto/vendor-roots.md

if HAVE_SCDOC
man_MANS = $(MAN_PAGES)
CLEANFILES += $(MAN_PAGES)

# docs/man/X.1 from docs/man/X.1.scd
SUFFIXES = .scd
.scd:
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(SCDOC) <$< >$@.tmp && mv $@.tmp $@
endif
