/* SPDX-License-Identifier: Apache-2.0 */
/* Replays a folder of inputs through a fuzz target, so that every compiler can test the finds:
 * fuzz-NAME FOLDER. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/fd.h"
#include "base/file.h"

#define INPUT_MAX ((size_t)1 << 20) /* what is worth keeping is small */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(int folder, const char *name)
{
	_cleanup_free_ uint8_t *data = NULL;
	size_t size;
	int r = file_read(folder, name, INPUT_MAX, &data, &size);

	return r < 0 ? r : LLVMFuzzerTestOneInput(data, size);
}

int main(int argc, char **argv)
{
	DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
	struct dirent *entry;
	int number = 0, failed = 0;

	if (!folder) {
		fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
		return 64;
	}
	while ((entry = readdir(folder))) {
		int r;

		if (entry->d_name[0] == '.')
			continue;
		r = replay(dirfd(folder), entry->d_name);
		failed += r < 0;
		printf("%s %d - %s\n", r < 0 ? "not ok" : "ok", ++number, entry->d_name);
		fflush(stdout);
	}
	closedir(folder);
	printf("1..%d\n", number);
	return failed > 0 || number == 0;
}
