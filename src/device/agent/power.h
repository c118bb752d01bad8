/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Power: what the kernel says of batteries, where no UPower runs (sysfs-class-power, Linux 2.6.24).
 */
#include "device/policy/wait.h"

#define POWER_SUPPLIES "sys/class/power_supply" /* below the root */

/* On battery: there is one that supplies the system and is being used up. A machine without is not,
 * and its battery is not known. Several count as their mean. */
void power_read(const char *root, Conditions *conditions);
