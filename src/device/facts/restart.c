/* SPDX-License-Identifier: Apache-2.0 */
#include "device/facts/restart.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/text.h"
#include "device/facts/place.h"
#include "wire/json/document.h"

#define REQUIRED_PATH "run/reboot-required"
#define NAMES_PATH    "run/reboot-required.pkgs"
#define NEEDED_PATH   "run/reboot-needed"
#define REQUIRED_TEXT                                                                              \
	"*** System restart required ***\n" /* as others write it, and people know it */

/* From what takes least; empty: not known to us. */
static const char *const ways[] = {"soft-reboot", "kexec", "reboot", NULL};

const char *restart_wanted(const json_t *status)
{
	const char *way = document_text(status, "restart_needed");

	return text_index(ways, way) >= 0 ? way : NULL;
}

/* Whether ours is among the names, and whether any other is. The text is cut up. */
static void look_for_names(Buffer *names, bool *ret_ours, bool *ret_others)
{
	char *cursor = (char *)names->data, *line;

	*ret_ours = *ret_others = false;
	while (cursor && (line = text_next_line(&cursor))) {
		bool is_ours = strcmp(line, RESTART_FLAG_NAME) == 0;

		*ret_ours = *ret_ours || is_ours;
		*ret_others = *ret_others || (!is_ours && line[0]);
	}
}

/* A missing file has no names. */
static int read_names(int root, Buffer *ret_names)
{
	int r = place_read(root, NAMES_PATH, ret_names);

	return r == -ENOENT ? 0 : r;
}

/* Appended, as all others do: nobody's line is lost that way. */
static int add_name(int root)
{
	_cleanup_buffer_ Buffer names = {};
	_cleanup_fd_ int fd = -1;
	bool ours, others, is_torn;
	int r = read_names(root, &names);

	if (r < 0)
		return r;
	is_torn = names.size > 0 && names.data[names.size - 1] != '\n';
	look_for_names(&names, &ours, &others);
	if (ours)
		return 0;
	fd = openat(root, NAMES_PATH,
		O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
	if (fd < 0)
		return -errno;
	return is_torn
		? fd_write_full(fd, "\n" RESTART_FLAG_NAME "\n", sizeof(RESTART_FLAG_NAME) + 1)
		: fd_write_full(fd, RESTART_FLAG_NAME "\n", sizeof(RESTART_FLAG_NAME));
}

/* All lines but ours, as they are. */
static int names_of_others(const Buffer *names, Buffer *ret_rest)
{
	const char *at = (const char *)names->data, *end = at + names->size;
	int r = 0;

	while (r == 0 && at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t length = newline ? (size_t)(newline - at) + 1 : (size_t)(end - at);
		size_t word = newline ? length - 1 : length;

		if (word != strlen(RESTART_FLAG_NAME) || memcmp(at, RESTART_FLAG_NAME, word) != 0)
			r = buffer_append(ret_rest, at, length);
		at += length;
	}
	return r;
}

/* 1: no other name is left. */
static int remove_name(int root)
{
	_cleanup_buffer_ Buffer names = {}, rest = {};
	bool ours, others;
	int r = read_names(root, &names);

	if (r == 0)
		r = names_of_others(&names, &rest);
	if (r < 0)
		return r;
	look_for_names(&names, &ours, &others);
	if (ours)
		r = others ? place_put(root, NAMES_PATH, &rest, false)
			   : place_remove(root, NAMES_PATH);
	return r < 0 ? r : !others;
}

static int put_word(int root, const char *path, const char *word)
{
	_cleanup_buffer_ Buffer text = {};
	int r = buffer_text(&text, word);

	return r < 0 ? r : place_put(root, path, &text, true);
}

static int require(int root)
{
	int r = file_exists(root, REQUIRED_PATH) ? 0 : put_word(root, REQUIRED_PATH, REQUIRED_TEXT);

	return r < 0 ? r : add_name(root);
}

static int require_no_more(int root)
{
	int r = remove_name(root);

	if (r <= 0)
		return r;
	return place_is_marked(root, REQUIRED_PATH) ? place_remove(root, REQUIRED_PATH) : 0;
}

/* What takes more than ours does is somebody else's word, and stays; what takes less is not enough.
 */
static int need(int root, const char *way)
{
	_cleanup_buffer_ Buffer present = {};
	_cleanup_free_ char *line = memory_printf("%s\n", way);
	bool is_ours = place_is_marked(root, NEEDED_PATH);
	int r = place_read(root, NEEDED_PATH, &present);

	if (!line)
		return -ENOMEM;
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == 0 && !is_ours) {
		char *word = text_trim((char *)present.data);

		word[strcspn(word, "\n")] = '\0';
		/* theirs and not to be taken back: no mark */
		return text_index(ways, word) < text_index(ways, way)
			? file_write_atomic(root, NEEDED_PATH, line, strlen(line), 0644)
			: 0;
	}
	return put_word(root, NEEDED_PATH, line);
}

static int need_no_more(int root)
{
	return place_is_marked(root, NEEDED_PATH) ? place_remove(root, NEEDED_PATH) : 0;
}

int restart_flags_write(int root, const char *way, Reason *reterr_reason)
{
	int required = way ? require(root) : require_no_more(root);
	int needed = way ? need(root, way) : need_no_more(root);

	if (required < 0)
		return reason_errno(reterr_reason, required, REQUIRED_PATH);
	return needed < 0 ? reason_errno(reterr_reason, needed, NEEDED_PATH) : 0;
}
