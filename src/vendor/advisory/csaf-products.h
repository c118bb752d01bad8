/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* CsafProducts: the products of an advisory's CSAF document, by ids that stand for bases
 * ("exampleos:26.3.1_x86_64") and improvements ("exampleos:26.3.1_x86_64:26.3.1-a"). */
#include "vendor/advisory/advisory.h"

/* New references; NULL: no memory. */
json_t *csaf_product_tree(const Advisory *advisory, const Vendor *vendor);
json_t *csaf_base_id(const AdvisoryRelease *release);
json_t *csaf_release_id(const AdvisoryRelease *release);
json_t *csaf_inclusion_id(const AdvisoryInclusion *inclusion);

/* Whether an inclusion says anything of the advisory that no release does. */
bool csaf_inclusion_counts(const Advisory *advisory, const AdvisoryInclusion *inclusion);
