/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Permission: whether the owner may install, and remove, by hand. What the machine does by itself,
 * what the vendor withdraws, and what is enforced ask for none. -EPERM: the policy says no. */
#include "device/manager/manager.h"

int permission_to_install(const Manager *manager, Reason *reterr_reason);
int permission_to_remove(const Manager *manager, Reason *reterr_reason);
