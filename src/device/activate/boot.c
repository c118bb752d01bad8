/* SPDX-License-Identifier: Apache-2.0 */
#include "device/activate/boot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"

#define COMMAND_LINE_MAX 65536 /* COMMAND_LINE_SIZE is 2048 to 4096; bootconfig may be longer */
#define BOOT_COUNT_PATH                                                                            \
	"/sys/firmware/efi/efivars/LoaderBootCountPath-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"

/* systemd takes the short words too, as init always did. */
static const char *const base_words[] = {"suture.base", "suture.base=1", "suture.base=yes",
	"rescue", "emergency", "single", "s", "S", "1", "-b", "systemd.unit=rescue.target",
	"systemd.unit=emergency.target", NULL};

bool boot_wants_base(const char *command_line, char *ret_word, size_t size)
{
	while (*command_line) {
		size_t length;
		char word[64];

		command_line += strspn(command_line, " \n");
		length = strcspn(command_line, " \n");
		snprintf(word, sizeof(word), "%.*s", (int)length, command_line);
		if (length > 0 && length < sizeof(word) && text_index(base_words, word) >= 0) {
			snprintf(ret_word, size, "%s", word);
			return true;
		}
		command_line += length;
	}
	return false;
}

int boot_command_line(const Runtime *runtime, char **ret_text, Reason *reterr_reason)
{
	uint8_t *text;
	size_t size;
	int r = file_read(runtime->store->root, "proc/cmdline", COMMAND_LINE_MAX, &text, &size);

	if (r == -ENOENT)
		r = file_read(AT_FDCWD, "/proc/cmdline", COMMAND_LINE_MAX, &text, &size);
	if (r < 0)
		return reason_errno(reterr_reason, r, "/proc/cmdline");
	*ret_text = (char *)text;
	return 0;
}

static bool has_mark(const Runtime *runtime, const char *name)
{
	_cleanup_free_ char *path = memory_printf("%s/%s", runtime->run, name);

	return path && file_exists(AT_FDCWD, path);
}

bool boot_is_blessed(const Runtime *runtime)
{
	return has_mark(runtime, BOOT_BLESSED);
}

int boot_bless(const Runtime *runtime, Reason *reterr_reason)
{
	_cleanup_free_ char *path = memory_printf("%s/" BOOT_BLESSED, runtime->run);
	int r = path ? file_write_atomic(AT_FDCWD, path, "", 0, 0644) : -ENOMEM;

	return r < 0 ? reason_errno(reterr_reason, r, "%s/" BOOT_BLESSED, runtime->run) : 0;
}

void boot_unbless(const Runtime *runtime)
{
	_cleanup_free_ char *path = memory_printf("%s/" BOOT_BLESSED, runtime->run);

	if (path)
		(void)file_remove(AT_FDCWD, path);
}

bool boot_tries_base(const Runtime *runtime)
{
	return has_mark(runtime, BOOT_UNBLESSED) || file_exists(AT_FDCWD, BOOT_COUNT_PATH);
}
