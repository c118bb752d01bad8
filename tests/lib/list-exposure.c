/* SPDX-License-Identifier: Apache-2.0 */
/* list-exposure: prints what exposure_scan() finds for generation N of a store, and the time.
 *
 *     list-exposure ROOT N
 *     pid=… kind=… comm=… unit=… component=… cve=… path=…
 *     module component=… cve=… path=…
 *     processes=… denied=… cpu_microseconds=… microseconds=… */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/exit.h"
#include "base/log.h"
#include "base/time.h"
#include "device/exposure/exposure.h"

static uint64_t cpu_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void print_item(const char *kind, const Exposed *item)
{
	printf("pid=%d kind=%s comm=%s unit=%s component=%s cve=%s path=%s\n", item->pid, kind,
		item->comm, item->unit ? item->unit : "-", item->file->component, item->file->ids,
		item->file->path);
}

int main(int argc, char **argv)
{
	_cleanup_(store_freep) Store *store = NULL;
	_cleanup_(generation_freep) Generation *generation = NULL;
	_cleanup_(exposure_files_done) ExposureFiles files = {};
	_cleanup_(exposure_list_done) ExposureList list = {};
	uint64_t start, cpu;
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
	cpu = cpu_us();
	if (r == 0)
		r = exposure_scan(store, &files, &list, &reason);
	if (r < 0)
		return exit_code_of(log_reason(r, &reason));
	for (size_t i = 0; i < list.count; i++)
		print_item(exposure_kind_names[list.items[i].kind], &list.items[i]);
	for (size_t i = 0; i < list.copy_count; i++)
		print_item("copy", &list.copies[i]);
	for (size_t i = 0; i < list.module_count; i++)
		printf("module component=%s cve=%s path=%s\n", list.modules[i]->component,
			list.modules[i]->ids, list.modules[i]->path);
	printf("processes=%zu denied=%zu cpu_microseconds=%llu microseconds=%llu\n", list.processes,
		list.denied, (unsigned long long)(cpu_us() - cpu),
		(unsigned long long)(time_monotonic_us() - start));
	return EXIT_OK;
}
