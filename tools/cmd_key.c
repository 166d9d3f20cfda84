/* SPDX-License-Identifier: BSD-2-Clause */
/* holdfast key show, export-ref, import-cert, delete: one key that is there. */
#include <string.h>
#include "lib/tsskey.h"
#include "tools/cert.h"
#include "tools/keycmd.h"
#include "tools/keyname.h"
#include "tools/keytext.h"
#include "tools/readfile.h"
#include "tools/text.h"

/* The key that the first argument names, and the keyring to close afterwards. */
static int open_key(const struct cli *c, struct keyring **ret_keyring, struct named_key *ret)
{
        int r;

        r = keycmd_open(c, ret_keyring);
        return r == 0 ? keyname_find(*ret_keyring, cli_arg(c, 0), cli_value(c, "id"), ret) : r;
}

static int need_pubkey(const struct item_body *b)
{
        return keytext_is_public(&b->pub) ? 0 : err(ERR_INVAL, "this key has no public half");
}

static int print_pem(const struct item_body *b)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        int r;

        r = need_pubkey(b);
        if (r == 0)
                r = keytext_pem(&b->pub, &text);
        if (r == 0)
                fwrite(text.ptr, 1, text.len, stdout);
        return r;
}

static int print_ssh(const struct item_body *b, const struct named_key *key)
{
        CLEANUP(buf_clear) struct buf line = { 0 }, comment = { 0 };
        int r;

        r = need_pubkey(b);
        if (r == 0)
                r = keytext_ssh(&b->pub, &line);
        if (r == 0)
                printf("%s %s\n", buf_str(&line), text_str(BYTES_STR(key->agent), &comment));
        return r;
}

static int print_uri(struct keyring *k, const struct item_body *b, const struct named_key *key)
{
        CLEANUP(buf_clear) struct buf uri = { 0 };
        int r;

        r = keyname_uri(k, key->agent, key->item, keytext_is_public(&b->pub) ? "private" : "secret-key", &uri);
        if (r == 0)
                printf("%s\n", buf_str(&uri));
        return r;
}

static int print_path(struct keyring *k, const struct named_key *key)
{
        CLEANUP(buf_clear) struct buf path = { 0 };
        int r;

        r = store_item_path(keyring_store(k), key->agent, key->item, &path);
        if (r == 0)
                printf("%s\n", buf_str(&path));
        return r;
}

static int print_cert(struct keyring *k, const struct named_key *key)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        const struct item_body *b;
        struct item_list *l = NULL;
        struct item *cert;
        size_t i = 0;
        int r;

        r = store_items(keyring_store(k), key->agent, &l);
        if (r != 0)
                return r;
        cert = keyname_beside(l, key->item, ITEM_CERT, &i);
        r = cert != NULL ? item_load(cert, &b) : err(ERR_NOENT, "the key has no certificate: holdfast key import-cert puts one beside it");
        if (r == 0)
                r = pem_encode("CERTIFICATE", BYTES(NULL, 0), BYTES_OF(&b->der), &text);
        if (r == 0)
                fwrite(text.ptr, 1, text.len, stdout);
        item_list_unref(l);
        return r;
}

static int print_all(struct keyring *k, const struct item_body *b, const struct named_key *key)
{
        CLEANUP(buf_clear) struct buf uri = { 0 }, path = { 0 }, ssh = { 0 }, print = { 0 }, hex = { 0 };
        struct bytes label, id;
        bool pair = keytext_is_public(&b->pub);
        int r;

        r = item_label(key->item, &label);
        if (r == 0)
                r = item_id(key->item, &id);
        if (r == 0)
                r = hex_encode(id, &hex);
        if (r == 0)
                r = keyname_uri(k, key->agent, key->item, pair ? "private" : "secret-key", &uri);
        if (r == 0)
                r = store_item_path(keyring_store(k), key->agent, key->item, &path);
        if (r == 0 && pair)
                r = keytext_ssh(&b->pub, &ssh);
        if (r == 0 && pair)
                r = keytext_fingerprint(&b->pub, &print);
        if (r != 0)
                return r;
        print_field("Agent", "%s", key->agent);
        print_field("Label", "%.*s", (int)label.len, (const char *)label.ptr);
        print_field("Kind", "%s", b->kind != NULL ? b->kind->name : "unknown");
        print_field("Use", "%s", attrs_str(&b->attrs, "usage", "-"));
        print_field("ID", "%s", buf_str(&hex));
        print_field("Created", "%s", attrs_str(&b->attrs, "created", "-"));
        print_field("Key", "%s", buf_str(&uri));
        print_field("File", "%s", buf_str(&path));
        if (pair) {
                print_field("SSH", "%s %s", buf_str(&ssh), key->agent);
                print_field("Print", "%s", buf_str(&print));
        }
        return 0;
}

int cmd_key_show(struct cli *c)
{
        static const char *const forms[] = { "pem", "ssh", "uri", "cert", "file" };
        CLEANUP(keyname_clear) struct named_key key = { 0 };
        const struct item_body *b = NULL;
        struct keyring *k = NULL;
        unsigned n = cli_flag(c, "json");
        int r;

        for (size_t i = 0; i < ARRAY_LEN(forms); ++i)
                n += cli_flag(c, forms[i]);
        if (n > 1)
                return err(ERR_USAGE, "choose one of --pem, --ssh, --uri, --cert, --file and --json");
        r = open_key(c, &k, &key);
        if (r == 0)
                r = item_load(key.item, &b);
        if (r != 0)
                ;
        else if (cli_flag(c, "json"))
                r = print_json("key", json_pack("{s:o}", "key", keycmd_json(k, key.agent, key.item)));
        else if (cli_flag(c, "pem"))
                r = print_pem(b);
        else if (cli_flag(c, "ssh"))
                r = print_ssh(b, &key);
        else if (cli_flag(c, "uri"))
                r = print_uri(k, b, &key);
        else if (cli_flag(c, "cert"))
                r = print_cert(k, &key);
        else if (cli_flag(c, "file"))
                r = print_path(k, &key);
        else
                r = print_all(k, b, &key);
        keyname_clear(&key);
        keyring_close(k);
        return r;
}

static int print_ref(struct keyring *k, const struct named_key *key)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        const struct item_body *b;
        int r;

        r = item_load(key->item, &b);
        if (r == 0)
                r = need_pubkey(b);
        if (r == 0)
                r = keyname_ref(k, key->agent, key->item, &text);
        if (r == 0)
                fwrite(text.ptr, 1, text.len, stdout);
        return r;
}

int cmd_key_export_ref(struct cli *c)
{
        CLEANUP(keyname_clear) struct named_key key = { 0 };
        struct keyring *k = NULL;
        int r;

        r = open_key(c, &k, &key);
        if (r == 0)
                r = print_ref(k, &key);
        keyname_clear(&key);
        keyring_close(k);
        return r;
}

/* Nobody can use a certificate with another key's private half. */
static int check_belongs(struct bytes cert_der, const struct named_key *key)
{
        CLEANUP(buf_clear) struct buf theirs = { 0 }, ours = { 0 };
        const struct item_body *b;
        int r;

        r = item_load(key->item, &b);
        if (r == 0)
                r = need_pubkey(b);
        if (r == 0)
                r = cert_spki(cert_der, &theirs);
        if (r == 0)
                r = pubkey_to_spki(&b->pub, &ours);
        if (r == 0 && !bytes_equal(BYTES_OF(&theirs), BYTES_OF(&ours)))
                r = err(ERR_MISMATCH, "the certificate is for another public key than %s has", key->agent);
        return r;
}

/* The new one takes the first old one's place; further old ones go. */
static int replace_cert(struct keyring *k, const struct named_key *key, struct bytes der, bool *ret_replaced)
{
        struct item_spec spec = { .type = ITEM_CERT, .der = der };
        struct item_list *l = NULL;
        struct item *made = NULL, *old;
        size_t i = 0;
        int r;

        *ret_replaced = false;
        r = store_items(keyring_store(k), key->agent, &l);
        if (r == 0)
                r = item_label(key->item, &spec.label);
        if (r == 0)
                r = item_id(key->item, &spec.id);
        while (r == 0 && (old = keyname_beside(l, key->item, ITEM_CERT, &i)) != NULL) {
                if (*ret_replaced)
                        r = store_item_remove(keyring_store(k), key->agent, old);
                else
                        r = store_item_change(keyring_store(k), key->agent, old, &spec, &made);
                *ret_replaced = true;
        }
        if (r == 0 && !*ret_replaced)
                r = store_item_add(keyring_store(k), key->agent, &spec, &made);
        if (made != NULL)
                item_unref(made);
        if (l != NULL)
                item_list_unref(l);
        return r;
}

static int import(const struct cli *c, struct keyring *k, const struct named_key *key)
{
        CLEANUP(buf_clear) struct buf text = { 0 }, der = { 0 }, subject = { 0 }, issuer = { 0 }, end = { 0 }, uri = { 0 };
        bool replaced = false;
        int r;

        r = readfile(cli_arg(c, 1), &text);
        if (r == 0)
                r = cert_decode(BYTES_OF(&text), &der);
        if (r == 0)
                r = check_belongs(BYTES_OF(&der), key);
        if (r == 0)
                r = cert_summary(BYTES_OF(&der), &subject, &issuer, &end);
        if (r == 0)
                r = keyname_uri(k, key->agent, key->item, "cert", &uri);
        if (r == 0 && !cli_flag(c, "dry-run"))
                r = replace_cert(k, key, BYTES_OF(&der), &replaced);
        if (r != 0)
                return r;
        if (cli_flag(c, "json"))
                return print_json("certificate", json_pack("{s:b, s:b, s:s, s:s, s:s, s:s}", "written", !cli_flag(c, "dry-run"), "replaced", replaced,
                                                           "uri", buf_str(&uri), "subject", buf_str(&subject), "issuer", buf_str(&issuer),
                                                           "not_after", buf_str(&end)));
        print_field(cli_flag(c, "dry-run") ? "Would add" : replaced ? "Replaced" : "Added", "%s", buf_str(&uri));
        print_field("Subject", "%s", buf_str(&subject));
        print_field("Issuer", "%s", buf_str(&issuer));
        print_field("Until", "%s", buf_str(&end));
        return 0;
}

int cmd_key_import_cert(struct cli *c)
{
        CLEANUP(keyname_clear) struct named_key key = { 0 };
        struct keyring *k = NULL;
        int r;

        r = open_key(c, &k, &key);
        if (r == 0)
                r = import(c, k, &key);
        keyname_clear(&key);
        keyring_close(k);
        return r;
}

/* Certificates and public keys first: interrupted, the key is still there and the command can be given again. */
static int delete_all(struct keyring *k, const struct named_key *key)
{
        static const enum item_type types[] = { ITEM_CERT, ITEM_PUBKEY };
        struct item_list *l = NULL;
        int r;

        r = store_items(keyring_store(k), key->agent, &l);
        for (size_t t = 0; r == 0 && t < ARRAY_LEN(types); ++t) {
                struct item *beside;
                size_t i = 0;

                while (r == 0 && (beside = keyname_beside(l, key->item, types[t], &i)) != NULL)
                        r = store_item_remove(keyring_store(k), key->agent, beside);
        }
        if (r == 0)
                r = store_item_remove(keyring_store(k), key->agent, key->item);
        if (l != NULL)
                item_list_unref(l);
        return r;
}

int cmd_key_delete(struct cli *c)
{
        CLEANUP(keyname_clear) struct named_key key = { 0 };
        CLEANUP(buf_clear) struct buf uri = { 0 };
        struct keyring *k = NULL;
        int r;

        if (strchr(cli_arg(c, 0), '/') == NULL && !cli_flag(c, "id"))
                return err(ERR_USAGE, "name the key as AGENT/LABEL, or give its --id");
        r = open_key(c, &k, &key);
        if (r == 0)
                r = keyname_uri(k, key.agent, key.item, NULL, &uri);
        if (r == 0)
                r = ask_yes(c, "Delete key %s and its certificates for ever?", buf_str(&uri));
        if (r == 0 && !cli_flag(c, "dry-run"))
                r = delete_all(k, &key);
        if (r == 0 && cli_flag(c, "json"))
                r = print_json("deleted", json_pack("{s:b, s:s}", "deleted", !cli_flag(c, "dry-run"), "key", buf_str(&uri)));
        else if (r == 0)
                print_field(cli_flag(c, "dry-run") ? "Would" : "Deleted", "%s%s", cli_flag(c, "dry-run") ? "delete " : "", buf_str(&uri));
        keyname_clear(&key);
        keyring_close(k);
        return r;
}
