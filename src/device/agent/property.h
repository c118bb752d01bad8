/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Property: each property of org.suture.Manager1 as a value made from the view and the rounds, and
 * as what is sent on the bus. Pure.
 */
#include <jansson.h>
#include <stddef.h>
#include <systemd/sd-bus.h>

#define PROPERTY_COUNT_MAX 32

typedef struct Agent Agent;

/* {name: value}; NULL when memory is short. The caller's reference. */
json_t *property_all(const Agent *agent);

/* Names whose values differ, with a NULL behind them; the count. */
size_t property_differences(const json_t *before, const json_t *now,
	const char *ret_names[static PROPERTY_COUNT_MAX + 1]);

/* Appends one in its type. -EINVAL for a name that there is not. */
int property_append(const char *name, const json_t *value, sd_bus_message *message);
