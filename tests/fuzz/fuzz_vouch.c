/* SPDX-License-Identifier: BSD-2-Clause */
/* Lists of firmware and of endorsement keys: what was read keeps what the reader promises. */
#include <stdlib.h>
#include <string.h>
#include "attest/firmware.h"
#include "attest/pins.h"
#include "lib/err.h"
#include "lib/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void firmware(struct bytes in)
{
        CLEANUP(firmware_list_clear) struct firmware_list l = { 0 };

        if (firmware_list_parse(in, &l) != 0)
                return;
        for (size_t i = 0; i < l.n; i++) {
                const struct hf_firmware *f = &l.denied[i];

                if (f->first > f->last || !utf8_printable(BYTES_STR(l.comments[i])))
                        abort();
                /* Nothing before it may hide it. */
                if (!firmware_find(l.denied, l.n, f->manufacturer, f->first) || !firmware_find(l.denied, l.n, f->manufacturer, f->last))
                        abort();
        }
}

static void pins(struct bytes in)
{
        CLEANUP(pins_clear) struct pins p = { 0 };

        if (pins_parse(in, &p) != 0)
                return;
        for (size_t i = 0; i < p.n; i++) {
                const struct pin *pin = &p.pins[i];

                if (i > 0 && (p.pins[i - 1].len > pin->len || (p.pins[i - 1].len == pin->len && memcmp(p.pins[i - 1].value, pin->value, pin->len) >= 0)))
                        abort();
                if (pin->len > 32 && pins_check(&p, BYTES(pin->value, pin->len), BYTES("x", 1), pin->host ? pin->host : "any") == ERR_NOENT)
                        abort();
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        firmware(BYTES(data, size));
        pins(BYTES(data, size));
        return 0;
}
