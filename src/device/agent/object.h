/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Object: /org/suture/Manager1 on the bus. api/org.suture.Manager1.xml is its manual. */
#include "base/reason.h"

typedef struct Agent Agent;

int object_add(Agent *agent, Reason *reterr_reason);
