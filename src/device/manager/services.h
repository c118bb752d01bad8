/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Services: what an installation means for the programs that run. Who uses the files of a
 * generation is found by exposure; whose these processes are, and restarting them, is
 * suture-restart's.
 *
 *     services_find_users(manager, &result, &probation)                       before the switch
 *     manager_look_after_services(manager, &result)                          after it
 *     services_preview(manager, number, &impact, &reason)                   instead of both
 *
 * All of it is of the machine that runs: below another root there is nothing to restart and nothing
 * to watch, unless a service manager for it was named.
 */
#include "device/manager/manager.h"

bool services_are_ours(const Manager *manager);

/* What has to be restarted for all images of a generation. */
RestartScope services_scope(const Generation *generation);

/* The trial of the generation that the result names: how long, and the system's services that use
 * its files, the old ones or the new, and are well. 0 or -ENOMEM: where they cannot be found the
 * fix is not held back, health checks have to do, and the result's problem tells. */
int services_find_users(const Manager *manager, InstallResult *result, Probation *ret_probation);

/* Only looks: who runs code that the generation would replace, and what would be restarted. */
int services_preview(
	const Manager *manager, uint32_t number, Impact *ret_impact, Reason *reterr_reason);
