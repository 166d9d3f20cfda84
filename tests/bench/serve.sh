# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: BSD-2-Clause
# What it costs to be served, and what thousands of connections and of agents cost. Sourced by run.sh, which has the rest.

serve_bench=$top_builddir/tests/bench/serve_bench

serving() {
        for _ in $(seq "$rounds"); do
                "$serve_bench" rpc 5000 | value rpc_us
        done | best >"$work/rpc"
        row "a call through the daemon's socket, best p50 of $rounds" "at most 150 us" "$(cat "$work/rpc") us" -

        "$serve_bench" crowd 4000 >"$work/crowd"
        row "4000 connections stopped after three octets: another one's session" "100 ms" \
                "$(ms "$(value crowd_most_us <"$work/crowd")"), at once $(ms "$(value crowd_first_us <"$work/crowd")")" -
        row "the server's memory then" "65536 kB" "$(value crowd_rss_kb <"$work/crowd") kB, $(value crowd_threads <"$work/crowd") threads" -

        "$serve_bench" agents 10000 3 >"$work/agents"
        row "10000 agents: store, seals and rules read" "2000 ms" "$(ms "$(value agents_open_us <"$work/agents")")" -
        row "10000 agents: C_GetSlotList for who may see $(value agents_seen <"$work/agents") of them" "20 ms" \
                "$(ms "$(value agents_list_us <"$work/agents")")" -
}
