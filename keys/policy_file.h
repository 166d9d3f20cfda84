/* SPDX-License-Identifier: BSD-2-Clause */
/* What policy.c and policy_file.c know of the lines that rules and locks are. */
#ifndef HOLDFAST_KEYS_POLICY_FILE_H
#define HOLDFAST_KEYS_POLICY_FILE_H

#define POLICY_LOCK_LINE "locked"
#define POLICY_LOCK_FILE "locked"       /* in the store: all agents */
#define POLICY_LOCK_TEXT_MAX 1024

/* "allow-2": 2; 0 for another line. */
unsigned policy_rule_number(const char *line);

#endif
