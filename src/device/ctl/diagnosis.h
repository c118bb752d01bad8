/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Diagnosis: what the doctor finds, as `suture doctor` shows it. */
#include <jansson.h>

#include "device/doctor/doctor.h"
#include "device/manager/manager.h"

/* The graft directories of what is selected, and of what is offered. */
int diagnosis_make(const Manager *manager, Doctor *ret_doctor);

json_t *diagnosis_describe(const Doctor *doctor);
void diagnosis_print(const json_t *diagnosis);
