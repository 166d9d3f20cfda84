# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: BSD-2-Clause
# What it costs the issuer to be asked. Sourced by run.sh, which has the rest.

# asked NAME: what the server has taken up to now, into NAME_requests, NAME_us, NAME_kib.
asked() {
        local words

        echo >&7
        read -ra words <&6
        printf -v "$1_requests" %s "${words[1]}"
        printf -v "$1_us" %s "${words[3]}"
        printf -v "$1_kib" %s "${words[5]}"
}

# http_load MODE: requests by 8 clients for 2 s; http_per is the server's processor time for one, http_rate how many a second.
http_load() {
        local out

        asked before
        out=$("$top_builddir/tests/bench/http_load" "$http_port" "$1" 8 2)
        asked after
        http_per=$(((after_us - before_us) / (after_requests - before_requests)))
        http_rate=$(awk '{ print $4 }' <<<"$out")
}

# http_hold MODE: what each of 2000 connections that do nothing costs, into http_each.
http_hold() {
        local opened

        asked before
        mkfifo "$work/held"
        "$top_builddir/tests/bench/http_load" "$http_port" "$1" 2000 <"$work/held" >"$work/opened" &
        exec 5>"$work/held"
        for _ in $(seq 600); do
                opened=$(cat "$work/opened")
                [ "$opened" != open ] || break
                sleep 0.05
        done
        asked after
        http_each=$(((after_kib - before_kib) * 10 / 2000))
        http_each=${http_each%?}.${http_each: -1}
        [ "$1" != stall ] || http_worst=$("$top_builddir/tests/bench/http_load" "$http_port" full 1 1 | awk '{ print $6 }')
        exec 5>&-
        wait $!
        rm "$work/held"
}

http_serving() {
        local http_pid

        mkfifo "$work/http.in" "$work/http.out"
        "$top_builddir/tests/bench/http_server" "$work" <"$work/http.in" >"$work/http.out" &
        http_pid=$!
        exec 7>"$work/http.in" 6<"$work/http.out"
        read -r http_port _ <&6
        http_load post
        row "a small POST over TLS that is kept, 8 clients: the server's processor" "at most 60 us" "$http_per us; $http_rate a second" -
        http_load open
        row "the same, a resumed TLS 1.3 session for each" "" "$http_per us; $http_rate a second" -
        http_load full
        row "the same, a new TLS 1.3 session for each" "" "$http_per us; $http_rate a second" -
        http_hold idle
        row "an idle TLS connection's memory" "at most 32 KiB" "$http_each KiB" -
        http_hold stall
        row "2000 connections stopped within their first message: memory of each, and another one's slowest request" "64 KiB, 100 ms" "$http_each KiB, $http_worst ms" -
        exec 7>&- 6<&-
        wait "$http_pid"
}
