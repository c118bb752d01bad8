/* SPDX-License-Identifier: Apache-2.0 */
/* Doctor: programs that watch over files, and take a graft for an attack or do not see it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/path.h"
#include "base/text.h"
#include "device/doctor/doctor.h"

#define TEXT_MAX ((size_t)4 * 1024 * 1024) /* longer rules are nobody's work of hand */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* A setting "name = value" of a simple file, whatever stands around it. */
static bool has_setting(const char *text, const char *name, const char *value)
{
	for (const char *at = text; (at = strstr(at, name)); at++) {
		const char *rest = at + strlen(name);

		while (is_blank(*rest) || *rest == '=')
			rest++;
		if ((at == text || at[-1] == '\n') && strncmp(rest, value, strlen(value)) == 0)
			return true;
	}
	return false;
}

/* NULL: it is not there, or cannot be read. */
static char *read_text(const Doctor *doctor, const char *path)
{
	uint8_t *text = NULL;
	size_t size;

	return file_read(doctor->store->root, path, TEXT_MAX, &text, &size) < 0 ? NULL
										: (char *)text;
}

static int check_fapolicyd(Doctor *doctor)
{
	_cleanup_free_ char *text = read_text(doctor, "etc/fapolicyd/fapolicyd.conf");

	if (!text || has_setting(text, "permissive", "1"))
		return 0;
	return doctor_find(doctor, FINDING_PROBLEM, "fapolicyd",
		memory_string("fapolicyd decides which files may run, and does not know grafted "
			      "ones."),
		memory_string("Allow them: after each installation run 'suture files | xargs -n 1 "
			      "fapolicyd-cli --file add', then 'fapolicyd-cli --update'."));
}

static int check_ima(Doctor *doctor)
{
	_cleanup_free_ char *policy = read_text(doctor, "etc/ima/ima-policy");
	_cleanup_free_ char *active = read_text(doctor, "sys/kernel/security/ima/policy");
	_cleanup_free_ char *options = read_text(doctor, "proc/cmdline");
	bool appraises = (policy && has_setting(policy, "appraise", "")) ||
		(active && has_setting(active, "appraise", "")) ||
		(options &&
			(strstr(options, "ima_appraise=enforce") ||
				strstr(options, "appraise_tcb") ||
				strstr(options, "ima_policy=secure_boot")));

	if (!appraises)
		return 0;
	return doctor_find(doctor, FINDING_PROBLEM, "ima",
		memory_string("IMA appraisal runs only files with a signature or hash in "
			      "security.ima, which images have only if the vendor's build had it."),
		memory_string("Ask the vendor for files with security.ima, or exempt EROFS and "
			      "overlay (dont_appraise fsmagic=0xe0f5e1e2 and 0x794c7630)."));
}

static int check_aide(Doctor *doctor)
{
	int root = doctor->store->root;

	if (!file_exists(root, "etc/aide/aide.conf") && !file_exists(root, "etc/aide.conf"))
		return 0;
	return doctor_find(doctor, FINDING_NOTE, "aide",
		memory_string("AIDE will report every grafted file as changed."),
		memory_string(
			"Compare with 'suture files --digests', or check the base itself with "
			"'suture base-run aide --check'."));
}

/* Ends the path at the first of these characters, without slashes before it. */
static void cut_path(char *path, const char *characters)
{
	size_t length = strcspn(path, characters);

	while (length > 1 && path[length - 1] == '/')
		length--;
	path[length] = '\0';
}

/* The path that an audit rule watches, cut out in place; NULL: none. */
static char *watched_path(char *line)
{
	static const char *const keys[] = {"-w ", "path=", "dir="};
	char *path = NULL;

	if (line[0] == '#')
		return NULL;
	for (size_t i = 0; !path && i < ARRAY_SIZE(keys); i++) {
		path = strstr(line, keys[i]);
		if (path)
			path += strlen(keys[i]);
	}
	if (path)
		cut_path(path, " \t");
	return path;
}

static int check_audit_file(Doctor *doctor, const char *name, char *text)
{
	char *cursor = text, *line;

	while ((line = text_next_line(&cursor))) {
		char *path = watched_path(line);

		if (path && doctor_concerns(doctor, path))
			return doctor_find(doctor, FINDING_NOTE, "audit",
				memory_printf(
					"The audit rules in /%s watch %s: a watch that was set "
					"before a graft looks at the base's file.",
					name, path),
				memory_string("Run 'augenrules --load' after each installation and "
					      "removal, or ask the vendor for 'after: "
					      "audit-reload'."));
	}
	return 0;
}

/* A rule that names a path, with the profile's own indentation and its modes behind. */
static int check_apparmor_file(Doctor *doctor, const char *name, char *text)
{
	char *cursor = text, *line;

	while ((line = text_next_line(&cursor))) {
		line += strspn(line, " \t");
		if (text_starts_with(line, "profile "))
			line = strchr(line, '/') ? strchr(line, '/') : line;
		cut_path(line, " \t,{*@");
		if (line[0] == '/' && line[1] && doctor_concerns(doctor, line))
			return doctor_find(doctor, FINDING_NOTE, "apparmor",
				memory_printf("The AppArmor profile /%s names %s: it holds for the "
					      "grafted files too, by their path.",
					name, line),
				memory_string("Nothing, unless a fixed program needs more than the "
					      "profile allows: see the kernel's log for "
					      "apparmor=\"DENIED\"."));
	}
	return 0;
}

/* Calls check for each file of a folder, until it has found something. */
static int check_folder(Doctor *doctor, const char *folder,
	int (*check)(Doctor *doctor, const char *name, char *text))
{
	int fd = openat(doctor->store->root, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	size_t before = doctor->finding_count;
	struct dirent *entry;
	int r = 0;

	if (!dir) {
		fd_close(fd);
		return 0;
	}
	while (r == 0 && doctor->finding_count == before && (entry = readdir(dir))) {
		_cleanup_free_ char *name =
			entry->d_name[0] == '.' ? NULL : path_join(folder, entry->d_name);
		_cleanup_free_ char *text = name ? read_text(doctor, name) : NULL;

		if (text)
			r = check(doctor, name, text);
	}
	closedir(dir);
	return r;
}

int doctor_guards(Doctor *doctor)
{
	int r = check_fapolicyd(doctor);

	if (r == 0)
		r = check_ima(doctor);
	if (r == 0)
		r = check_aide(doctor);
	if (r == 0)
		r = check_folder(doctor, "etc/audit/rules.d", check_audit_file);
	return r < 0 ? r : check_folder(doctor, "etc/apparmor.d", check_apparmor_file);
}
