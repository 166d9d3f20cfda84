# SPDX-License-Identifier: BSD-2-Clause
# The issuer. What decides nothing and keeps nothing: a grant becomes credentials.

noinst_LTLIBRARIES += issuer/libhf_cred.la
issuer_libhf_cred_la_SOURCES = \
	issuer/asn1.c issuer/asn1.h \
	issuer/bundle.c issuer/bundle.h \
	issuer/ca.c issuer/ca.h \
	issuer/ca_cert.c \
	issuer/cred_ak.c issuer/cred_ak.h \
	issuer/cred_jwt.c issuer/cred_jwt.h \
	issuer/cred_ssh.c issuer/cred_ssh.h \
	issuer/cred_x509.c issuer/cred_x509.h \
	issuer/crl.c issuer/crl.h \
	issuer/dnsname.c issuer/dnsname.h \
	issuer/grant.c issuer/grant.h \
	issuer/krl.c issuer/krl.h \
	issuer/spiffe.c issuer/spiffe.h

cred_libs = issuer/libhf_cred.la $(lib_libs)
CRED_TESTS = \
	tests/unit/test_issuer_bundle \
	tests/unit/test_issuer_ca \
	tests/unit/test_issuer_crl \
	tests/unit/test_issuer_dnsname \
	tests/unit/test_issuer_grant \
	tests/unit/test_issuer_jwt \
	tests/unit/test_issuer_krl \
	tests/unit/test_issuer_spiffe \
	tests/unit/test_issuer_ssh \
	tests/unit/test_issuer_x509
check_PROGRAMS += $(CRED_TESTS)
TESTS += $(CRED_TESTS)

grant_fixture = tests/grantfix.c tests/grantfix.h tests/evp.c tests/evp.h $(tempdir)
tests_unit_test_issuer_bundle_SOURCES = tests/unit/test_issuer_bundle.c $(grant_fixture)
tests_unit_test_issuer_bundle_LDADD = $(cred_libs) $(JANSSON_LIBS) $(CMOCKA_LIBS)
tests_unit_test_issuer_ca_SOURCES = tests/unit/test_issuer_ca.c $(grant_fixture)
tests_unit_test_issuer_ca_LDADD = $(cred_libs) $(CMOCKA_LIBS)
tests_unit_test_issuer_crl_SOURCES = tests/unit/test_issuer_crl.c $(grant_fixture)
tests_unit_test_issuer_crl_LDADD = $(cred_libs) $(CMOCKA_LIBS)
tests_unit_test_issuer_dnsname_SOURCES = tests/unit/test_issuer_dnsname.c
tests_unit_test_issuer_dnsname_LDADD = $(cred_libs) $(CMOCKA_LIBS)
tests_unit_test_issuer_grant_SOURCES = tests/unit/test_issuer_grant.c $(grant_fixture)
tests_unit_test_issuer_grant_LDADD = $(cred_libs) $(CMOCKA_LIBS)
tests_unit_test_issuer_jwt_SOURCES = tests/unit/test_issuer_jwt.c $(grant_fixture)
tests_unit_test_issuer_jwt_LDADD = $(cred_libs) $(JANSSON_LIBS) $(CMOCKA_LIBS)
tests_unit_test_issuer_krl_SOURCES = tests/unit/test_issuer_krl.c $(grant_fixture)
tests_unit_test_issuer_krl_LDADD = $(cred_libs) $(CMOCKA_LIBS)
tests_unit_test_issuer_spiffe_SOURCES = tests/unit/test_issuer_spiffe.c
tests_unit_test_issuer_spiffe_LDADD = $(cred_libs) $(CMOCKA_LIBS)
tests_unit_test_issuer_ssh_SOURCES = tests/unit/test_issuer_ssh.c $(grant_fixture)
tests_unit_test_issuer_ssh_LDADD = $(cred_libs) $(CMOCKA_LIBS)
tests_unit_test_issuer_x509_SOURCES = tests/unit/test_issuer_x509.c $(grant_fixture)
tests_unit_test_issuer_x509_LDADD = $(cred_libs) $(CMOCKA_LIBS)

# Writes credentials for the tests that have them judged by other programs.
check_PROGRAMS += tests/integration/mint
tests_integration_mint_SOURCES = tests/integration/mint.c
tests_integration_mint_LDADD = $(cred_libs)

# All but what writes certificates.
$(filter-out %/asn1.lo %/cred_x509.lo,$(issuer_libhf_cred_la_OBJECTS)): CFLAGS += $(HF_COLD_CFLAGS)

# What the issuer keeps besides its database: its log and its keys.
noinst_LTLIBRARIES += issuer/libhf_authority.la
issuer_libhf_authority_la_SOURCES = \
	issuer/authority.c issuer/authority.h \
	issuer/authority_key.c \
	issuer/keylist.c issuer/keylist.h \
	issuer/ledger.c issuer/ledger.h \
	issuer/publish.c issuer/publish.h \
	issuer/revoked.c \
	issuer/tls.c issuer/tls.h

authority_libs = issuer/libhf_authority.la
check_PROGRAMS += tests/unit/test_issuer_ledger
TESTS += tests/unit/test_issuer_ledger
tests_unit_test_issuer_ledger_SOURCES = tests/unit/test_issuer_ledger.c $(tempdir)
tests_unit_test_issuer_ledger_LDADD = $(authority_libs) $(cred_libs) $(audit_libs) $(CMOCKA_LIBS)

# HTTP for strangers, and numbers for operators.
noinst_LTLIBRARIES += issuer/libhf_http.la
issuer_libhf_http_la_SOURCES = \
	issuer/http.c issuer/http.h \
	issuer/http_census.c issuer/http_census.h \
	issuer/http_chunk.c issuer/http_chunk.h \
	issuer/http_conn.c issuer/http_conn.h \
	issuer/http_head.c issuer/http_head.h \
	issuer/http_listen.c issuer/http_listen.h \
	issuer/http_loop.c \
	issuer/http_pool.c issuer/http_pool.h \
	issuer/http_reply.c issuer/http_reply.h \
	issuer/http_target.c issuer/http_target.h \
	issuer/http_tls.c issuer/http_tls.h \
	issuer/http_work.c \
	issuer/metrics.c issuer/metrics.h

http_libs = issuer/libhf_http.la $(lib_libs) $(LIBEVENT_LIBS) $(SSL_LIBS)
HTTP_TESTS = \
	tests/unit/test_issuer_http \
	tests/unit/test_issuer_http_census \
	tests/unit/test_issuer_http_chunk \
	tests/unit/test_issuer_http_head \
	tests/unit/test_issuer_http_limits \
	tests/unit/test_issuer_http_listen \
	tests/unit/test_issuer_http_target \
	tests/unit/test_issuer_http_tls \
	tests/unit/test_issuer_metrics
check_PROGRAMS += $(HTTP_TESTS)
TESTS += $(HTTP_TESTS)
http_fixture = tests/httpfix.c tests/httpfix.h $(tempdir)
tests_unit_test_issuer_http_SOURCES = tests/unit/test_issuer_http.c $(http_fixture)
tests_unit_test_issuer_http_LDADD = $(http_libs) $(CMOCKA_LIBS)
tests_unit_test_issuer_http_census_SOURCES = tests/unit/test_issuer_http_census.c
tests_unit_test_issuer_http_census_LDADD = $(http_libs) $(CMOCKA_LIBS)
tests_unit_test_issuer_http_chunk_SOURCES = tests/unit/test_issuer_http_chunk.c
tests_unit_test_issuer_http_chunk_LDADD = $(http_libs) $(CMOCKA_LIBS)
tests_unit_test_issuer_http_head_SOURCES = tests/unit/test_issuer_http_head.c
tests_unit_test_issuer_http_head_LDADD = $(http_libs) $(CMOCKA_LIBS)
tests_unit_test_issuer_http_limits_SOURCES = tests/unit/test_issuer_http_limits.c $(http_fixture)
tests_unit_test_issuer_http_limits_LDADD = $(http_libs) $(CMOCKA_LIBS)
tests_unit_test_issuer_http_listen_SOURCES = tests/unit/test_issuer_http_listen.c $(tempdir)
tests_unit_test_issuer_http_listen_LDADD = $(http_libs) $(CMOCKA_LIBS)
tests_unit_test_issuer_http_target_SOURCES = tests/unit/test_issuer_http_target.c
tests_unit_test_issuer_http_target_LDADD = $(http_libs) $(CMOCKA_LIBS)
tests_unit_test_issuer_http_tls_SOURCES = tests/unit/test_issuer_http_tls.c $(http_fixture)
tests_unit_test_issuer_http_tls_LDADD = $(http_libs) $(CMOCKA_LIBS)
tests_unit_test_issuer_metrics_SOURCES = tests/unit/test_issuer_metrics.c
tests_unit_test_issuer_metrics_LDADD = $(http_libs) $(CMOCKA_LIBS)

# A server by itself and its clients, for clients that are programs and for the benchmark.
check_PROGRAMS += tests/bench/http_server tests/bench/http_load
tests_bench_http_load_SOURCES = tests/bench/http_load.c
tests_bench_http_load_LDADD = $(SSL_LIBS) $(CRYPTO_LIBS)
tests_bench_http_server_SOURCES = tests/bench/http_server.c $(http_fixture)
tests_bench_http_server_LDADD = $(http_libs) $(CMOCKA_LIBS)

# What it decides: configuration, profiles, and the handlers of all routes. No socket is opened here.
noinst_LTLIBRARIES += issuer/libhf_service.la
issuer_libhf_service_la_SOURCES = \
	issuer/body.c issuer/body.h \
	issuer/joining.h \
	issuer/conf.c issuer/conf.h \
	issuer/conf_value.c \
	issuer/csr.c issuer/csr.h \
	issuer/decision.c \
	issuer/issue.c issuer/issue.h \
	issuer/problem.c issuer/problem.h \
	issuer/profile.c issuer/profile.h \
	issuer/profile_files.c \
	issuer/profile_grant.c \
	issuer/route.h \
	issuer/route_admin.c \
	issuer/route_challenge.c \
	issuer/route_credential.c \
	issuer/route_join.c \
	issuer/route_list.c \
	issuer/route_nonce.c \
	issuer/route_policy.c \
	issuer/route_public.c \
	issuer/route_revoke.c \
	issuer/route_status.c \
	issuer/service.c issuer/service.h \
	issuer/steady.c issuer/steady.h \
	issuer/talk.c issuer/talk.h \
	issuer/trusted.c issuer/trusted.h

service_libs = issuer/libhf_service.la $(authority_libs) $(cred_libs) $(audit_libs) $(attest_libs) $(http_libs) $(JANSSON_LIBS)
SERVICE_TESTS = \
	tests/unit/test_issuer_body \
	tests/unit/test_issuer_clock \
	tests/unit/test_issuer_conf \
	tests/unit/test_issuer_cred_ak \
	tests/unit/test_issuer_profile \
	tests/unit/test_issuer_refusals \
	tests/unit/test_issuer_service \
	tests/unit/test_issuer_trusted
check_PROGRAMS += $(SERVICE_TESTS)
TESTS += $(SERVICE_TESTS)
tests_unit_test_issuer_body_SOURCES = tests/unit/test_issuer_body.c
tests_unit_test_issuer_body_LDADD = $(service_libs) $(CMOCKA_LIBS)
tests_unit_test_issuer_clock_SOURCES = tests/unit/test_issuer_clock.c $(issuer_fixture)
tests_unit_test_issuer_clock_LDADD = $(service_libs) $(db_libs) $(evidence_libs) $(CMOCKA_LIBS)
tests_unit_test_issuer_conf_SOURCES = tests/unit/test_issuer_conf.c $(tempdir)
tests_unit_test_issuer_conf_LDADD = $(service_libs) $(CMOCKA_LIBS)
tests_unit_test_issuer_cred_ak_SOURCES = tests/unit/test_issuer_cred_ak.c $(grant_fixture)
tests_unit_test_issuer_cred_ak_LDADD = $(service_libs) $(CMOCKA_LIBS)
issuer_fixture = tests/issuerfix.c tests/issuerfix.h $(keys_fixture) $(tempdir)
tests_unit_test_issuer_profile_SOURCES = tests/unit/test_issuer_profile.c $(grant_fixture)
tests_unit_test_issuer_profile_LDADD = $(service_libs) $(CMOCKA_LIBS)
tests_unit_test_issuer_refusals_SOURCES = tests/unit/test_issuer_refusals.c $(issuer_fixture)
tests_unit_test_issuer_refusals_LDADD = $(service_libs) $(db_libs) $(evidence_libs) $(CMOCKA_LIBS)
tests_unit_test_issuer_service_SOURCES = tests/unit/test_issuer_service.c $(issuer_fixture)
tests_unit_test_issuer_service_LDADD = $(service_libs) $(db_libs) $(evidence_libs) $(CMOCKA_LIBS)
tests_unit_test_issuer_trusted_SOURCES = tests/unit/test_issuer_trusted.c tests/ekfix.c tests/ekfix.h tests/swtpm.c tests/swtpm.h tests/evp.c tests/evp.h $(tempdir)
tests_unit_test_issuer_trusted_LDADD = $(service_libs) $(db_libs) $(CMOCKA_LIBS)

# What it knows of hosts, agents and credentials.
noinst_LTLIBRARIES += issuer/libhf_db.la
issuer_libhf_db_la_SOURCES = \
	issuer/db.c issuer/db.h issuer/db_ops.h \
	issuer/db_agent.c \
	issuer/db_challenge.c \
	issuer/db_host.c \
	issuer/db_list.c \
	issuer/db_pg.c \
	issuer/db_revoke.c \
	issuer/db_row.c \
	issuer/db_sql.c issuer/db_sql.h \
	issuer/db_sqlite.c \
	issuer/schema.c issuer/schema.h

db_libs = issuer/libhf_db.la $(SQLITE_LIBS) $(PQ_LIBS) $(lib_libs)
DB_TESTS = \
	tests/unit/test_issuer_db \
	tests/unit/test_issuer_db_pg \
	tests/unit/test_issuer_db_sqlite
check_PROGRAMS += $(DB_TESTS)
TESTS += $(DB_TESTS)
db_fixture = tests/dbfix.c tests/dbfix.h tests/pgfix.c tests/pgfix.h $(tempdir)
tests_unit_test_issuer_db_SOURCES = tests/unit/test_issuer_db.c $(db_fixture)
tests_unit_test_issuer_db_LDADD = $(db_libs) $(CMOCKA_LIBS)
tests_unit_test_issuer_db_pg_SOURCES = tests/unit/test_issuer_db_pg.c $(db_fixture)
tests_unit_test_issuer_db_pg_LDADD = $(db_libs) $(CMOCKA_LIBS)
tests_unit_test_issuer_db_sqlite_SOURCES = tests/unit/test_issuer_db_sqlite.c $(db_fixture)
tests_unit_test_issuer_db_sqlite_LDADD = $(db_libs) $(CMOCKA_LIBS)

# What a credential costs the database.
check_PROGRAMS += tests/bench/issuer_db_bench
tests_bench_issuer_db_bench_SOURCES = tests/bench/issuer_db_bench.c $(db_fixture)
tests_bench_issuer_db_bench_LDADD = $(db_libs) $(CMOCKA_LIBS)

# What a renewal costs, from evidence to certificate.
check_PROGRAMS += tests/bench/renew_bench
renew_load = tests/bench/renew_client.c tests/bench/renew_client.h tests/bench/renew_host.c tests/bench/renew_host.h tests/bench/measure.h
tests_bench_renew_bench_SOURCES = tests/bench/renew_bench.c $(renew_load) tests/pgfix.c tests/pgfix.h
tests_bench_renew_bench_LDADD = $(db_libs) $(attest_libs) $(SSL_LIBS) $(CRYPTO_LIBS) $(CMOCKA_LIBS)

# And whether there is always one, of a whole fleet.
check_PROGRAMS += tests/bench/soak_load
tests_bench_soak_load_SOURCES = tests/bench/soak_load.c $(renew_load)
tests_bench_soak_load_LDADD = $(daemon_libs) $(db_libs) $(attest_libs) $(SSL_LIBS) $(CRYPTO_LIBS)

# Helps an operator with the certificates of TPM makers.
dist_sbin_SCRIPTS = issuer/holdfast-vendor-roots

# The program.
sbin_PROGRAMS += issuer/holdfast-issuer
issuer_holdfast_issuer_SOURCES = \
	issuer/args.c issuer/args.h \
	issuer/client.c issuer/client.h \
	issuer/cmd.h \
	issuer/cmd_admin.c \
	issuer/cmd_init.c \
	issuer/cmd_offline.c \
	issuer/cmd_serve.c \
	issuer/cmd_status.c \
	issuer/listing.c issuer/listing.h \
	issuer/main.c \
	issuer/server.c issuer/server.h
issuer_holdfast_issuer_LDADD = $(service_libs) $(db_libs) $(CURL_LIBS)

PROGRAM_TESTS = tests/unit/test_issuer_authority
check_PROGRAMS += $(PROGRAM_TESTS)
TESTS += $(PROGRAM_TESTS)
tests_unit_test_issuer_authority_SOURCES = tests/unit/test_issuer_authority.c $(tempdir)
tests_unit_test_issuer_authority_LDADD = $(service_libs) $(db_libs) $(CMOCKA_LIBS)
