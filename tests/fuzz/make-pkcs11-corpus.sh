#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Writes the corpora of fuzz_template and fuzz_calls: what real programs send, and some of it spoiled. The octets are
# explained in the targets. Run in the top directory of the source.
set -eu
cd tests/fuzz/corpus
mkdir -p template calls

# The octets are the format.
# shellcheck disable=SC2059
t() { printf "$2" >template/"$1"; }
P256='\053\012\006\010\052\206\110\316\075\003\001\007'         # CKA_EC_PARAMS
YES='\001\001' NO='\001\000'
# 1024 bits of no meaning.
MODULUS=$(for _ in $(seq 128); do printf '%s' '\305'; done)
POINT='\054\101\004\170\055\335\025\124\141\323\153\370\060\321\002\313\003\054\004\260\044\266\272\142\030\204\241\363\317\152\243\061\047\147\016\104\101\325\072\072\276\215\372\163\376\315\236\335\356\332\213\016\143\300\064\363\001\125\075\101\275\070\255\126\336\356\045'

t ec_opensc  "e\\000\\372\\002\\001$YES\\030$YES\\032$YES$P256\\016\\372\\003\\003\\001a\\020\\001\\001\\002$NO\\377\\000\\372\\003\\001$YES\\002$YES\\021$YES\\026$YES\\032$YES\\003\\001a\\020\\001\\001"
t ec_nss     "e$P256\\001$YES\\032$YES\\024$NO\\030$YES\\031$NO\\022$NO\\377\\001$YES\\002$YES\\021$YES\\032$YES\\025$NO\\026$YES\\023$NO"
t ec_session "e$P256\\377\\026$YES"
t ec_export  "e$P256\\377\\043$YES\\001$YES"
t ec_lies    "e$P256\\002$YES\\377\\021$NO"
t rsa        "r\\001$YES\\036\\010\\000\\010\\000\\000\\000\\000\\000\\000\\037\\003\\001\\000\\001\\377\\001$YES\\026$YES\\023$YES"
t rsa_odd    "r\\036\\372\\007\\377"
t hmac       "h\\001$YES\\026$YES\\042\\372\\040"
t hmac_any   "h\\001$YES\\022$YES"
t data       "c\\000\\372\\000\\003\\003abc\\005\\003x\\012y\\006\\004data"
t data_token "c\\000\\372\\000\\001$YES\\003\\003abc\\006\\000"
t cert       "c\\000\\372\\001\\006\\026\\060\\024\\060\\015\\002\\001\\001\\060\\000\\060\\000\\060\\000\\060\\000\\060\\000\\060\\000\\003\\001\\000"
t public     "c\\000\\372\\002\\016\\372\\003$P256$POINT\\030$YES"
t rsa_public "c\\000\\372\\002\\016\\372\\000\\035\\200$MODULUS\\037\\003\\001\\000\\001"
t secret     "c\\000\\372\\004\\016\\372\\020\\006\\020sixteen octets!!\\026$YES\\021$YES"
t aes        "c\\000\\372\\004\\016\\372\\037\\006\\020sixteen octets!!\\043$NO"
t private    "c\\000\\372\\003\\016\\372\\003$P256\\006\\001d"
t find_label "f\\003\\003key"
t find_id    "f\\020\\0011\\000\\372\\003"
t find_all   "f"
t copy_set   "s\\003\\004copy\\021$YES\\377\\026$NO\\033\\01020261125"
t copy_weak  "s\\021$NO\\377"
t set_weak   "s\\003\\001c\\377\\043$YES"
t null_value "c\\000\\370"
t huge_value "c\\000\\372\\000\\003\\371"
t nested     "e$P256\\057\\001x\\377"

# shellcheck disable=SC2059
c() { printf "$2" >calls/"$1"; }
# open_session 0, close 1, login 2, logout 3, cancel 4, destroy 5, secret 6, data 7, copy 8, set 9, find_init 10, find 11,
# find_final 12, digest_init 13 update 14 key 15 final 16 one-shot 17, sign_init 18 update 19 one-shot 20 final 21,
# verify_init 22 verify 23 final 24, encrypt_init 25, decrypt_init 26, get_state 27, set_state 28, size 29, wrap 30, derive 31
c sign_key    '\012\000\001\013\000\003\014\000\000\022\000\000\024\000\100'
c sign_parts  '\012\000\001\013\000\003\014\000\000\022\000\001\023\000\020\025\000\100'
c digest      '\015\000\002\016\000\020\016\000\000\020\000\040'
c digest_copy '\015\000\002\016\000\020\033\000\377\015\001\002\034\001\100\020\001\040'
c hmac        '\006\000\022\022\000\003\023\000\010\025\000\040\026\000\003\027\000\010'
c weaken      '\006\000\021\011\000\000\011\000\011\010\000\000\010\000\001'
c logins      '\002\000\001\002\001\001\003\001\000\003\000\000\002\000\002'
c close_busy  '\015\000\002\012\000\000\001\000\000\016\000\010\000\000\001'
c cancel      '\015\000\002\022\000\000\004\000\004\016\000\010'
c find_twice  '\012\000\000\012\000\000\013\000\001\013\000\003\014\000\000\014\000\000'
c destroyed   '\006\000\020\022\000\003\005\000\000\025\000\040\035\000\000'
c wrap_derive '\006\000\020\036\000\004\037\000\005\031\000\006\032\000\006'
