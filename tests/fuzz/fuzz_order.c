/* SPDX-License-Identifier: BSD-2-Clause */
/* Operators' orders: whatever is read is an order that there is, with everything that it needs and nothing that it has not. */
#include <stdlib.h>
#include <string.h>
#include "daemon/order.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_arg(const struct order_call *c, const struct order_arg *a)
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        bool there = json_object_get(c->request, a->name) != NULL;

        if (a->needed && !there)
                abort();
        switch (a->type) {
        case ORDER_TEXT:
                if (there && (order_text(c, a->name) == NULL || strlen(order_text(c, a->name)) != order_text_bytes(c, a->name).len))
                        abort();
                break;
        case ORDER_BYTES:
                if (order_bytes(c, a->name, &b) != 0)
                        abort();
                break;
        case ORDER_NUMBER:
                if (order_number(c, a->name) > INT64_MAX)
                        abort();
                break;
        case ORDER_FLAG:
                (void)order_flag(c, a->name);
                break;
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(order_call_clear) struct order_call c = { 0 };
        size_t known = 1;

        if (order_read(BYTES(data, size), &c) != 0)
                return 0;
        for (size_t i = 0; i < ORDER_ARGS_MAX && c.order->args[i].name != NULL; i++) {
                check_arg(&c, &c.order->args[i]);
                known += json_object_get(c.request, c.order->args[i].name) != NULL;
        }
        if (json_object_size(c.request) != known)
                abort();
        return 0;
}
