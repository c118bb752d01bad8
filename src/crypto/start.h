/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Start: for programs that must work whatever state the system is in. Keeps libcrypto from reading
 * its configuration file and from loading modules that it names. Call it first. */
void crypto_start_alone(void);
