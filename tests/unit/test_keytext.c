/* SPDX-License-Identifier: BSD-2-Clause */
/* Keys as text: against what OpenSSH 9.2 and OpenSSL 3 print for the same keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "lib/keytext.h"

/* ssh-keygen -t ecdsa -b 256 | ecdsa -b 521 | rsa -b 1024, its .pub, ssh-keygen -l, and ssh-keygen -e -m PKCS8. */
static const struct {
        const char *spki, *ssh, *fingerprint;
} vectors[] = {
        { "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE72UiaV8eba0ZQHHynhnvcshVYmvrXCv8n3HXW/ObeDKbf9cFxFTYHyPktqQNMXvxviYfR8/CGsd97B3aDmzUtQ==",
          "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBO9lImlfHm2tGUBx8p4Z73LIVWJr61wr/J9x11vzm3gym3/XBcRU2B8j5LakDTF78b4mH0fPwhrHfewd2g5s1LU=",
          "SHA256:vWm0U7szKo8W8jALRyxrgxsZCTZguNfFGfi+mh6I5Sw" },
        { "MIGbMBAGByqGSM49AgEGBSuBBAAjA4GGAAQBtzzy83bBTbsm4OF52fBVzqoVUqWLMjm4jBuioS5f0GJ94OVLd5kh1qXQcJXfUbUPwrFYBxX1DpHa9tcDukbZfM4B9GW+ybkag2NoCu4wyJJ9e6ua4whUhuXos+2S"
          "4ce0F0Tr3WtgFC6EBvLce3kzrjX9Ae7daSLnscqywGvvAAd2vco=",
          "ecdsa-sha2-nistp521 AAAAE2VjZHNhLXNoYTItbmlzdHA1MjEAAAAIbmlzdHA1MjEAAACFBAG3PPLzdsFNuybg4XnZ8FXOqhVSpYsyObiMG6KhLl/QYn3g5Ut3mSHWpdBwld9RtQ/CsVgHFfUOkdr21wO6Rtl8zgH0"
          "Zb7JuRqDY2gK7jDIkn17q5rjCFSG5eiz7ZLhx7QXROvda2AULoQG8tx7eTOuNf0B7t1pIuexyrLAa+8AB3a9yg==",
          "SHA256:kzwEzMs6XEibc3B0A4KHGk90VK6T7BVOB1/LbIlnXLU" },
        { "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDJSGYtLt6nFtKjUABLDtu05pk0OPceJEeB4T3A3pmOwtULn9GNsOzslQY6xhMVsT6V9MEl7W1YpoCyQtDPInigAzJW2/2jkn7w6yFk0QR6xqRWFfRBkzLLXlRVAWwD"
          "Jbv9j8LeNYy0rnVe2q9Q+gCH1CoOXsfWRYSjr5+rMpU8cQIDAQAB",
          "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQDJSGYtLt6nFtKjUABLDtu05pk0OPceJEeB4T3A3pmOwtULn9GNsOzslQY6xhMVsT6V9MEl7W1YpoCyQtDPInigAzJW2/2jkn7w6yFk0QR6xqRWFfRBkzLLXlRVAWwD"
          "Jbv9j8LeNYy0rnVe2q9Q+gCH1CoOXsfWRYSjr5+rMpU8cQ==",
          "SHA256:5rNsEndW8yXG80EBG3eeuQQeF9myZgiqMe44JO+0mFM" },
};

static void key_of(size_t i, struct pubkey *ret)
{
        CLEANUP(buf_clear) struct buf der = { 0 };

        assert_int_equal(base64_decode(vectors[i].spki, strlen(vectors[i].spki), &der), 0);
        assert_int_equal(pubkey_from_spki(BYTES_OF(&der), ret), 0);
}

static void ssh_line_is_openssh_s(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(vectors); ++i) {
                CLEANUP(pubkey_clear) struct pubkey k = { 0 };
                CLEANUP(buf_clear) struct buf line = { 0 };

                key_of(i, &k);
                assert_int_equal(keytext_ssh(&k, &line), 0);
                assert_string_equal(buf_str(&line), vectors[i].ssh);
        }
}

static void fingerprint_is_openssh_s(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(vectors); ++i) {
                CLEANUP(pubkey_clear) struct pubkey k = { 0 };
                CLEANUP(buf_clear) struct buf print = { 0 };

                key_of(i, &k);
                assert_int_equal(keytext_fingerprint(&k, &print), 0);
                assert_string_equal(buf_str(&print), vectors[i].fingerprint);
        }
}

static void pem_is_openssl_s(void **state)
{
        static const char pem[] = "-----BEGIN PUBLIC KEY-----\n"
                                  "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDJSGYtLt6nFtKjUABLDtu05pk0\n"
                                  "OPceJEeB4T3A3pmOwtULn9GNsOzslQY6xhMVsT6V9MEl7W1YpoCyQtDPInigAzJW\n"
                                  "2/2jkn7w6yFk0QR6xqRWFfRBkzLLXlRVAWwDJbv9j8LeNYy0rnVe2q9Q+gCH1CoO\n"
                                  "XsfWRYSjr5+rMpU8cQIDAQAB\n"
                                  "-----END PUBLIC KEY-----\n";
        CLEANUP(pubkey_clear) struct pubkey k = { 0 };
        CLEANUP(buf_clear) struct buf text = { 0 };

        (void)state;
        key_of(2, &k);
        assert_int_equal(keytext_pem(&k, &text), 0);
        assert_string_equal(buf_str(&text), pem);
}

static void uri_escapes_all_but_unreserved(void **state)
{
        static const uint8_t id[] = { 0x00, 0x41, 0xff };
        CLEANUP(buf_clear) struct buf uri = { 0 };

        (void)state;
        assert_int_equal(keytext_uri("a b;c=d?e&f%g\xc3\xa4", BYTES_STR("key.1~_-"), BYTES(id, sizeof id), "private", &uri), 0);
        assert_string_equal(buf_str(&uri), "pkcs11:token=a%20b%3Bc%3Dd%3Fe%26f%25g%C3%A4;object=key.1~_-;id=%00%41%FF;type=private");
}

static void uri_leaves_out_what_is_empty(void **state)
{
        CLEANUP(buf_clear) struct buf uri = { 0 };

        (void)state;
        assert_int_equal(keytext_uri("build-42", BYTES(NULL, 0), BYTES(NULL, 0), NULL, &uri), 0);
        assert_string_equal(buf_str(&uri), "pkcs11:token=build-42");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(ssh_line_is_openssh_s),
                cmocka_unit_test(fingerprint_is_openssh_s),
                cmocka_unit_test(pem_is_openssl_s),
                cmocka_unit_test(uri_escapes_all_but_unreserved),
                cmocka_unit_test(uri_leaves_out_what_is_empty),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
