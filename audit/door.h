/* SPDX-License-Identifier: BSD-2-Clause */
/* The log for a program that loads it only when it is wanted: libholdfast-log.so's one door. Behind it everything is the object's
 * own, the thread's sentence of an error too. */
#ifndef HOLDFAST_AUDIT_DOOR_H
#define HOLDFAST_AUDIT_DOOR_H

#include "audit/log.h"

/* For several processes that write one log in turn. */
struct door {
        int (*open)(const char *dir, uint64_t rotate_size, struct audit_log **ret);
        /* Durable when it returns 0. Starts the next log where one is full. */
        int (*append)(struct audit_log *l, struct audit_record *r);
        void (*close)(struct audit_log *l);
        /* In a forked child: closes the descriptors, and touches nothing that another thread of the parent may have been at. */
        void (*abandon)(struct audit_log *l);
        const char *(*why)(void);       /* err_text() */
};

/* NULL unless both sides were built from one source: the version and the record's size are compared. */
#define DOOR_NAME "hf_log_door"
typedef const struct door *door_function(const char *version, size_t record_size);
door_function hf_log_door;

#endif
