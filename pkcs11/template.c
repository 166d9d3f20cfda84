/* SPDX-License-Identifier: BSD-2-Clause */
/* What does a template say? Read with suspicion, then written into the lines of a file. */
#include "pkcs11/template.h"
#include <stdio.h>
#include <string.h>
#include "keys/usage.h"
#include "pkcs11/rv.h"

static size_t max_len(CK_ATTRIBUTE_TYPE type)
{
        return type == CKA_VALUE ? TEMPLATE_VALUE_MAX : TEMPLATE_TEXT_MAX;
}

CK_RV template_check(struct template t)
{
        if ((t.list == NULL && t.n != 0) || t.n > TEMPLATE_MAX)
                return CKR_ARGUMENTS_BAD;
        for (CK_ULONG i = 0; i < t.n; i++) {
                if (t.list[i].ulValueLen > max_len(t.list[i].type) || (t.list[i].pValue == NULL && t.list[i].ulValueLen != 0))
                        return CKR_ATTRIBUTE_VALUE_INVALID;
                for (CK_ULONG j = 0; j < i; j++)
                        if (t.list[j].type == t.list[i].type)
                                return CKR_TEMPLATE_INCONSISTENT;
        }
        return CKR_OK;
}

const CK_ATTRIBUTE *template_get(struct template t, CK_ATTRIBUTE_TYPE type)
{
        for (CK_ULONG i = 0; i < t.n; i++)
                if (t.list[i].type == type)
                        return &t.list[i];
        return NULL;
}

static bool is_bool(const CK_ATTRIBUTE *a)
{
        return a->ulValueLen == sizeof(CK_BBOOL) && *(const CK_BBOOL *)a->pValue <= CK_TRUE;
}

CK_RV template_bool(struct template t, CK_ATTRIBUTE_TYPE type, bool otherwise, bool *ret)
{
        const CK_ATTRIBUTE *a = template_get(t, type);

        if (a != NULL && !is_bool(a))
                return CKR_ATTRIBUTE_VALUE_INVALID;
        *ret = a != NULL ? *(const CK_BBOOL *)a->pValue == CK_TRUE : otherwise;
        return CKR_OK;
}

CK_RV template_ulong(struct template t, CK_ATTRIBUTE_TYPE type, CK_ULONG otherwise, CK_ULONG *ret)
{
        const CK_ATTRIBUTE *a = template_get(t, type);

        if (a != NULL && a->ulValueLen != sizeof(CK_ULONG))
                return CKR_ATTRIBUTE_VALUE_INVALID;
        *ret = otherwise;
        if (a != NULL)
                memcpy(ret, a->pValue, sizeof(*ret));
        return CKR_OK;
}

struct bytes template_bytes(struct template t, CK_ATTRIBUTE_TYPE type)
{
        const CK_ATTRIBUTE *a = template_get(t, type);

        return a != NULL ? BYTES(a->pValue, a->ulValueLen) : (struct bytes){ 0 };
}

/* YYYYMMDD, or nothing. */
static bool is_date(const CK_ATTRIBUTE *a)
{
        const char *text = a->pValue;

        if (a->ulValueLen != 0 && a->ulValueLen != sizeof(CK_DATE))
                return false;
        for (CK_ULONG i = 0; i < a->ulValueLen; i++)
                if (text[i] < '0' || text[i] > '9')
                        return false;
        return true;
}

static bool has_form(const struct attribute *row, const CK_ATTRIBUTE *a)
{
        switch (row->form) {
        case FORM_BOOL:
                return is_bool(a);
        case FORM_ULONG:
                return a->ulValueLen == sizeof(CK_ULONG);
        case FORM_DATE:
                return is_date(a);
        case FORM_MECHANISMS:
                return a->ulValueLen % sizeof(CK_MECHANISM_TYPE) == 0;
        case FORM_BYTES:
                break;
        }
        return true;
}

static CK_RV write_mechanisms(const char *line, const CK_ATTRIBUTE *a, struct attrs *lines)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        CK_MECHANISM_TYPE m;
        int r = 0;

        for (size_t at = 0; r == 0 && at < a->ulValueLen; at += sizeof(m)) {
                memcpy(&m, (const CK_BYTE *)a->pValue + at, sizeof(m));
                r = buf_printf(&text, "%s0x%lx", at > 0 ? "," : "", m);
        }
        return rv_from_err(r == 0 ? attrs_set(lines, line, BYTES_OF(&text)) : r);
}

static CK_RV write_bool(const struct attribute *row, bool value, struct attrs *lines, unsigned *usage)
{
        if (row->line != NULL)
                return rv_from_err(attrs_set_bool(lines, row->line, value));
        if ((row->rules & IN_USAGE) == 0 || value)
                return CKR_OK;
        *usage &= ~(unsigned)row->value;
        return rv_from_err(usage_to_attrs(*usage, lines));
}

static CK_RV write_value(const struct attribute *row, const CK_ATTRIBUTE *a, struct attrs *lines, unsigned *usage)
{
        CK_ULONG n;

        if (row->form == FORM_BOOL)
                return write_bool(row, *(const CK_BBOOL *)a->pValue == CK_TRUE, lines, usage);
        if (row->line == NULL)
                return CKR_OK;
        if (row->form == FORM_MECHANISMS)
                return write_mechanisms(row->line, a, lines);
        if (row->form == FORM_ULONG) {
                memcpy(&n, a->pValue, sizeof(n));
                return rv_from_err(attrs_set_uint(lines, row->line, n));
        }
        if (a->ulValueLen == 0) {
                attrs_remove(lines, row->line);
                return CKR_OK;
        }
        return rv_from_err(attrs_set(lines, row->line, BYTES(a->pValue, a->ulValueLen)));
}

/* What some programs send for uses that this class cannot have: not to be used so is what it is. */
static bool denies_a_use(const CK_ATTRIBUTE *a)
{
        static const CK_ATTRIBUTE_TYPE uses[] = {
                CKA_ENCRYPT, CKA_DECRYPT, CKA_SIGN, CKA_SIGN_RECOVER, CKA_VERIFY, CKA_VERIFY_RECOVER, CKA_WRAP, CKA_UNWRAP, CKA_DERIVE,
        };

        for (size_t i = 0; i < ARRAY_LEN(uses); i++)
                if (uses[i] == a->type)
                        return is_bool(a) && *(const CK_BBOOL *)a->pValue == CK_FALSE;
        return false;
}

CK_RV template_apply(struct template t, CK_OBJECT_CLASS class, unsigned rule, struct attrs *lines, unsigned *usage)
{
        CK_RV rv = CKR_OK;

        for (CK_ULONG i = 0; rv == CKR_OK && i < t.n; i++) {
                const struct attribute *row = attr_row(t.list[i].type, class);

                if (row == NULL && denies_a_use(&t.list[i]))
                        continue;
                if (row == NULL)
                        return attr_known(t.list[i].type) ? CKR_TEMPLATE_INCONSISTENT : CKR_ATTRIBUTE_TYPE_INVALID;
                if (!has_form(row, &t.list[i]))
                        return CKR_ATTRIBUTE_VALUE_INVALID;
                if ((row->rules & rule) != 0)
                        rv = write_value(row, &t.list[i], lines, usage);
        }
        return rv;
}

static bool among(CK_ATTRIBUTE_TYPE type, const CK_ATTRIBUTE_TYPE *list)
{
        /* CKA_CLASS is 0 too, and never in such a list. */
        for (; list != NULL && *list != 0; list++)
                if (*list == type)
                        return true;
        return false;
}

CK_RV template_holds(struct template t, const struct object *o, const CK_ATTRIBUTE_TYPE *done)
{
        bool same;
        CK_RV rv;

        for (CK_ULONG i = 0; i < t.n; i++) {
                if (among(t.list[i].type, done) || denies_a_use(&t.list[i]))
                        continue;
                rv = attr_equal(o, &t.list[i], &same);
                if (rv != CKR_OK || !same)
                        return rv != CKR_OK ? rv : CKR_TEMPLATE_INCONSISTENT;
        }
        return CKR_OK;
}

/* One way only: TRUE to what is FALSE, or FALSE to what is TRUE. */
static bool latch_allows(const struct attribute *row, const struct object *o, const CK_ATTRIBUTE *a)
{
        bool now = attr_is_true(o, a->type), then = *(const CK_BBOOL *)a->pValue == CK_TRUE;

        if (now == then || (row->rules & (ONLY_ON | ONLY_OFF)) == 0)
                return true;
        return then == ((row->rules & ONLY_ON) != 0);
}

CK_RV template_may_change(struct template t, const struct object *o, unsigned rule)
{
        for (CK_ULONG i = 0; i < t.n; i++) {
                const struct attribute *row = attr_row(t.list[i].type, o->class);

                if (row == NULL)
                        return CKR_ATTRIBUTE_TYPE_INVALID;
                if ((row->rules & rule) == 0)
                        return CKR_ATTRIBUTE_READ_ONLY;
                if (!has_form(row, &t.list[i]))
                        return CKR_ATTRIBUTE_VALUE_INVALID;
                if (row->form == FORM_BOOL && !latch_allows(row, o, &t.list[i]))
                        return CKR_ATTRIBUTE_READ_ONLY;
        }
        return CKR_OK;
}
