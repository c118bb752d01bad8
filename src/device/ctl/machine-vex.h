/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * MachineVex: OpenVEX 0.2.0 statements on this machine, for scanners that know it by its packages
 * alone, whose versions an improvement does not change. `fixed` is what the improvement that is
 * really mounted fixes; `affected`, with what to do, is what only others do. The products are the
 * base, under the address that the vendor's advisories name it by, and the packages of dpkg whose
 * files an improvement replaces.
 */
#include "device/ctl/advisories-screen.h"

/* The caller's reference. -ENODATA with a reason where there is nothing to state. */
int machine_vex(const AdvisoriesShown *shown, json_t **ret_document, Reason *reterr_reason);
