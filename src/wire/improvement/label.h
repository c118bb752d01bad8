/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "wire/terms/label.h" /* for includers that have not moved yet */
