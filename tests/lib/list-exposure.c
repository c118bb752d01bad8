/* SPDX-License-Identifier: Apache-2.0 */
/* list-exposure: prints what exposure_scan() finds for generation N of a store, and the time.
 *
 *     list-exposure ROOT N
 *     pid=… comm=… unit=… component=… cve=… path=…
 *     processes=… microseconds=… */
#include <stdio.h>
#include <stdlib.h>

#include "base/exit.h"
#include "base/log.h"
#include "base/time.h"
#include "device/exposure/exposure.h"

int main(int argc, char **argv)
{
	_cleanup_(store_freep) Store *store = NULL;
	_cleanup_(generation_freep) Generation *generation = NULL;
	_cleanup_(exposure_files_done) ExposureFiles files = {};
	_cleanup_(exposure_list_done) ExposureList list = {};
	uint64_t start;
	Reason reason = {};
	int r;

	log_open("list-exposure");
	if (argc != 3)
		return EXIT_USAGE;
	r = store_open(argv[1], &store, &reason);
	if (r == 0)
		r = store_read_generation(
			store, (uint32_t)strtoul(argv[2], NULL, 10), &generation, &reason);
	if (r == 0)
		r = exposure_want_generation(&files, generation, &reason);
	start = time_monotonic_us();
	if (r == 0)
		r = exposure_scan(store, &files, &list, &reason);
	if (r < 0)
		return exit_code_of(log_reason(r, &reason));
	for (size_t i = 0; i < list.count; i++)
		printf("pid=%d comm=%s unit=%s component=%s cve=%s path=%s\n", list.items[i].pid,
			list.items[i].comm, list.items[i].unit ? list.items[i].unit : "-",
			list.items[i].file->component, list.items[i].file->ids,
			list.items[i].file->path);
	printf("processes=%zu microseconds=%llu\n", list.processes,
		(unsigned long long)(time_monotonic_us() - start));
	return EXIT_OK;
}
