/* SPDX-License-Identifier: Apache-2.0 */
#include "device/agent/power.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/text.h"

#define WORD_SIZE_MAX 64

/* One word of a supply, without its line end; false where there is none. */
static bool read_word(int supplies, const char *supply, const char *name, char **ret_word)
{
	_cleanup_free_ char *path = path_join(supply, name);
	uint8_t *data;
	size_t size;

	if (!path || file_read(supplies, path, WORD_SIZE_MAX, &data, &size) < 0)
		return false;
	data[strcspn((char *)data, "\n")] = '\0';
	*ret_word = (char *)data;
	return true;
}

static bool is_word(int supplies, const char *supply, const char *name, const char *expected)
{
	_cleanup_free_ char *word = NULL;

	return read_word(supplies, supply, name, &word) && strcmp(word, expected) == 0;
}

/* Batteries of mice and the like have the scope "Device". */
static bool is_battery(int supplies, const char *supply)
{
	return is_word(supplies, supply, "type", "Battery") &&
		!is_word(supplies, supply, "scope", "Device");
}

static bool read_capacity(int supplies, const char *supply, uint64_t *ret_percent)
{
	_cleanup_free_ char *word = NULL;

	return read_word(supplies, supply, "capacity", &word) &&
		text_to_u64(word, 100, ret_percent) == 0;
}

static void read_supplies(DIR *folder, Conditions *conditions)
{
	uint64_t sum = 0, percent, count = 0;
	const struct dirent *entry;

	while ((entry = readdir(folder))) {
		if (entry->d_name[0] == '.' || !is_battery(dirfd(folder), entry->d_name))
			continue;
		if (is_word(dirfd(folder), entry->d_name, "status", "Discharging"))
			conditions->on_battery = true;
		if (read_capacity(dirfd(folder), entry->d_name, &percent)) {
			sum += percent;
			count++;
		}
	}
	conditions->has_battery = count > 0;
	conditions->battery = count > 0 ? (int)(sum / count) : 0;
}

void power_read(const char *root, Conditions *conditions)
{
	_cleanup_free_ char *path = path_join(root, POWER_SUPPLIES);
	DIR *folder = path ? opendir(path) : NULL;

	if (!folder)
		return;
	read_supplies(folder, conditions);
	closedir(folder);
}
